"""What every store of the sub-ledger promises (cloud_bridge/ledger/port.py), tried on each."""

from dataclasses import replace

import msgspec
import pytest
from msgspec import structs

from agent.domain.facts import LaneStarted
from agent.domain.totals import Tender
from agent.wire import GENESIS, WireFact, encode_body
from cloud_bridge.chart import load_chart
from cloud_bridge.costs import CostRow, UnitCost
from cloud_bridge.ledger.port import Arrivals, Cursor, Delivery, Replayed, Unreadable
from cloud_bridge.ledger.sqlite import SqliteLedger
from cloud_bridge.mapping import Books

STARTED = LaneStarted("boot", "0.1")
TEA, APPLES = "04710199010372", "00000020000015"
NOW_MS = 1_800_000_000_000


@pytest.fixture(params=["sqlite_store", "postgres_store"])
def store(request):
    return request.getfixturevalue(request.param)


def apply(ledger, *deliveries, now_ms=NOW_MS, **others):
    return ledger.apply(Arrivals(deliveries, **others), now_ms)


def test_facts_are_kept_and_sales_posted(ledger, new_lane, sale):
    lane = new_lane().append(STARTED, sale(1), sale(2))
    applied = apply(ledger, lane.delivery())
    assert applied.cursors == {lane.stream: Cursor(3, 3)}
    assert (applied.stored, applied.repeated, applied.vouchers) == (3, 0, 2)
    status = ledger.status()
    assert (status.facts, status.vouchers, status.ledger_sum_minor) == (3, 2, 0)
    assert status.duplicates == 0
    assert status.cost_gaps == 4


def test_repetition_changes_nothing(ledger, new_lane, sale):
    lane = new_lane().append(STARTED, sale(1), sale(2))
    apply(ledger, lane.delivery())
    before = ledger.status()
    applied = apply(ledger, lane.delivery(1, 2), lane.delivery(2, 3), lane.delivery())
    assert (applied.stored, applied.repeated, applied.vouchers) == (0, 7, 0)
    assert applied.cursors == {lane.stream: Cursor(3, 3)}
    assert ledger.status() == before


def test_a_repetition_within_one_transaction_counts_once(ledger, new_lane, sale):
    lane = new_lane().append(sale(1), sale(2))
    applied = apply(ledger, lane.delivery(), lane.delivery(), lane.delivery(2))
    assert (applied.stored, applied.repeated, applied.vouchers) == (2, 3, 2)


def test_later_facts_are_posted_but_wait_for_the_gap(ledger, new_lane, sale):
    lane = new_lane().append(*(sale(n) for n in range(1, 7)))
    assert apply(ledger, lane.delivery(5, 6)).cursors[lane.stream] == Cursor(0, 6)
    assert ledger.status().vouchers == 2
    assert apply(ledger, lane.delivery(2, 3)).cursors[lane.stream] == Cursor(0, 6)
    assert apply(ledger, lane.delivery(1, 1)).cursors[lane.stream] == Cursor(3, 6)
    assert ledger.status().lanes[0].cursor.gap
    assert apply(ledger, lane.delivery(3, 5)).cursors[lane.stream] == Cursor(6, 6)
    assert not ledger.status().lanes[0].cursor.gap
    assert ledger.status().vouchers == 6


def test_a_reimaged_lane_collides_with_nothing(ledger, new_lane, sale):
    first, second = new_lane(epoch="a" * 32), new_lane(epoch="b" * 32)
    first.append(sale(1), sale(2))
    second.append(sale(3))
    apply(ledger, first.delivery())
    applied = apply(ledger, second.delivery())
    assert applied.cursors == {second.stream: Cursor(1, 1)}
    assert ledger.status().vouchers == 3
    assert ledger.status().quarantined == 0


def test_a_birth_asks_where_its_stream_stands(ledger, new_lane, sale):
    lane, other = new_lane(), new_lane(epoch="b" * 32)
    lane.append(sale())
    apply(ledger, lane.delivery())
    births = (lane.stream, other.stream)
    assert ledger.apply(Arrivals(births=births), NOW_MS).cursors == {
        lane.stream: Cursor(1, 1),
        other.stream: Cursor(),
    }


def test_the_last_word_goes_to_the_epoch_that_was_born(ledger, new_lane, sale):
    old, new = new_lane(epoch="a" * 32), new_lane(epoch="b" * 32)
    old.append(sale(1))
    new.append(sale(2))
    applied = apply(ledger, new.delivery(), old.delivery(), births=(new.stream,))
    assert list(applied.cursors) == [old.stream, new.stream]


def test_another_fact_under_the_same_seq_goes_to_quarantine(ledger, sql, new_lane, sale):
    lane, forged = new_lane(), new_lane()
    lane.append(sale(1), sale(2))
    forged.append(sale(1), sale(3))
    apply(ledger, lane.delivery())
    before = sql.execute("SELECT * FROM entry_line").fetchall()
    applied = apply(ledger, forged.delivery())
    assert applied.cursors == {lane.stream: Cursor(2, 2)}
    assert applied.quarantined == 1
    (case,) = ledger.cases()
    assert (case.seq, case.reason) == (2, "conflict")
    assert sql.execute("SELECT * FROM entry_line").fetchall() == before
    (raw,) = sql.execute("SELECT raw FROM quarantine").fetchone()
    assert msgspec.json.decode(raw, type=WireFact) == forged.facts()[1]
    apply(ledger, forged.delivery())
    assert [case.tries for case in ledger.cases()] == [2]


@pytest.mark.parametrize(
    ("type_", "body", "reason"),
    [
        ("TransactionSettled", b'{"amount_minor":"much"}', "body"),
        ("LaneStarted", b"[]", "body"),
        ("LaneStarted", b'{"boot_id":"\xff","agent_version":""}', "body"),
    ],
)
def test_a_poisonous_fact_stops_nothing(ledger, new_lane, sale, type_, body, reason):
    lane = new_lane().append(sale(1)).raw(type_, 1, body).append(sale(2))
    applied = apply(ledger, lane.delivery())
    assert applied.cursors == {lane.stream: Cursor(3, 3)}
    assert applied.vouchers == 2
    assert [(case.seq, case.reason) for case in ledger.cases()] == [(2, reason)]


def test_a_sale_that_cannot_be_mapped_is_a_case_with_its_money(ledger, new_lane, sale):
    lane = new_lane().append(sale(1), sale(2, tenders=(Tender("bitcoin", 12000),)))
    apply(ledger, lane.delivery())
    (case,) = ledger.cases()
    assert case.reason == "account"
    assert "clearing.bitcoin" in case.detail
    assert ledger.status().quarantined_minor == 11300


def test_facts_of_a_later_release_are_kept_and_not_posted(ledger, sql, new_lane):
    lane = new_lane().raw("Novelty", 1, b'{"a":1}').raw("LaneStarted", 9, b"[]")
    assert apply(ledger, lane.delivery()).cursors[lane.stream] == Cursor(2, 2)
    assert ledger.cases() == []
    assert sql.execute("SELECT type, version, body FROM inbox ORDER BY seq").fetchall() == [
        ("Novelty", 1, b'{"a":1}'),
        ("LaneStarted", 9, b"[]"),
    ]


def test_an_unreadable_message_is_kept_whole_and_counted(ledger, sql):
    message = Unreadable(("acme", "harbour", "lane-1"), "message", "no JSON", b"\xff\x00")
    for _ in range(3):
        ledger.apply(Arrivals(unreadable=(message,)), NOW_MS)
    (case,) = ledger.cases()
    assert (case.seq, case.reason, case.detail, case.tries) == (0, "message", "no JSON", 3)
    assert sql.execute("SELECT raw FROM quarantine").fetchone() == (b"\xff\x00",)


def test_what_the_database_refuses_is_isolated(ledger, monkeypatch, new_lane, sale):
    """Whatever a mistake of ours might let through: the others of the batch are posted."""
    import cloud_bridge.ledger.store as store

    honest = store.derive

    def careless(key, type_, version, body, books, terms):
        posting = honest(key, type_, version, body, books, terms)
        voucher = posting.vouchers[0]
        lines = (replace(voucher.content.lines[0], amount_minor=1), *voucher.content.lines[1:])
        unbalanced = replace(voucher, content=structs.replace(voucher.content, lines=lines))
        return posting if key.seq != 2 else replace(posting, vouchers=(unbalanced,))

    monkeypatch.setattr(store, "derive", careless)
    lane = new_lane().append(sale(1), sale(2), sale(3))
    applied = apply(ledger, lane.delivery())
    assert applied.vouchers == 2
    assert applied.cursors[lane.stream] == Cursor(3, 3)
    (case,) = ledger.cases()
    assert (case.seq, case.reason, case.detail) == (2, "refused", "voucher does not balance")
    assert ledger.status().vouchers == 2
    assert ledger.replay(NOW_MS) == Replayed(0, 1)
    monkeypatch.undo()
    assert ledger.replay(NOW_MS) == Replayed(1, 0)
    assert ledger.status().vouchers == 3
    assert ledger.status().quarantined == 0


def test_a_voucher_whose_fact_was_archived_is_not_posted_again(store, ledger, sql, new_lane, sale):
    lane = new_lane().append(sale(1), sale(2))
    apply(ledger, lane.delivery())
    for statement in store.unprotect("inbox"):
        sql.execute(statement)
    sql.execute("DELETE FROM inbox")
    sql.execute("DELETE FROM lane_cursor")
    applied = apply(ledger, lane.delivery())
    assert applied.cursors[lane.stream] == Cursor(2, 2)
    assert applied.quarantined == 0
    assert ledger.status().vouchers == 2


def test_an_archived_fact_that_comes_back_different_is_a_conflict(
    store, ledger, sql, new_lane, sale
):
    lane, forged = new_lane(), new_lane()
    apply(ledger, lane.append(sale(1)).delivery())
    for statement in store.unprotect("inbox"):
        sql.execute(statement)
    sql.execute("DELETE FROM inbox")
    sql.execute("DELETE FROM lane_cursor")
    apply(ledger, forged.append(sale(2)).delivery())
    assert [case.reason for case in ledger.cases()] == ["refused"]
    assert ledger.status().vouchers == 1


def test_a_changed_chart_lets_quarantined_sales_through(store, ledger, new_lane, sale):
    lane = new_lane().append(
        sale(1, tenders=(Tender("bitcoin", 12000),)), sale(2, currency="USD"), sale(3)
    )
    apply(ledger, lane.delivery())
    assert ledger.replay(NOW_MS) == Replayed(0, 2)
    ledger.close()
    chart = load_chart("cn_small")
    other = dict(chart.accounts) | {"clearing.other": chart.accounts["clearing.card"]}
    wider = store.open(Books(replace(chart, accounts=other), "CNY"))
    assert wider.replay(NOW_MS) == Replayed(1, 1)
    assert wider.status().vouchers == 2
    assert [(case.seq, case.tries) for case in wider.cases()] == [(2, 3)]
    wider.close()


def test_replay_posts_what_a_clean_start_would_have_posted(ledger, tmp_path, books, new_lane, sale):
    """The inbox alone gives the same vouchers again, at the costs of that time."""
    lane = new_lane().append(*(sale(n) for n in range(1, 4)))
    ledger.add_costs([CostRow(TEA, UnitCost(6000, "each"))], 1000)
    apply(ledger, lane.delivery(1, 2), now_ms=2000)
    ledger.add_costs([CostRow(TEA, UnitCost(7000, "each"))], 1500)  # the clock was set back
    apply(ledger, lane.delivery(3, 3), now_ms=3000)
    dump = "SELECT voucher_id, digest FROM voucher ORDER BY 1"
    posted = list(ledger._db.rows(dump))
    costs = "SELECT amount_minor FROM entry_line WHERE role = 'cogs' ORDER BY seq"
    assert list(ledger._db.rows(costs)) == [(6000,), (6000,), (7000,)]

    again = SqliteLedger(tmp_path / "again.sqlite3", books)
    again._db.insert("item_cost", list(ledger._db.rows("SELECT * FROM item_cost")))
    apply(again, lane.delivery(1, 2), now_ms=2000)
    apply(again, lane.delivery(3, 3), now_ms=3000)
    assert list(again._db.rows(dump)) == posted
    again.close()


def test_costs_are_added_only_where_they_changed(ledger):
    rows = [CostRow(TEA, UnitCost(6000, "each")), CostRow(APPLES, UnitCost(1500, "kg"))]
    assert ledger.add_costs(rows, NOW_MS) == 2
    assert ledger.add_costs(rows, NOW_MS) == 0
    assert ledger.add_costs([CostRow(TEA, UnitCost(6100, "each"))], NOW_MS) == 1


def test_costs_imported_by_another_process_count_at_once(store, ledger, books, new_lane, sale):
    lane = new_lane().append(sale(1), sale(2))
    apply(ledger, lane.delivery(1, 1))
    other = store.open(books)
    other.add_costs([CostRow(TEA, UnitCost(6000, "each"))], NOW_MS)
    other.close()
    assert apply(ledger, lane.delivery(2, 2), now_ms=NOW_MS + 1000).vouchers == 2


def test_the_newest_time_is_that_of_a_fact_or_of_a_cost(store, ledger, books, new_lane, sale):
    assert ledger.newest_ms() == 0
    ledger.add_costs([CostRow(TEA, UnitCost(6000, "each"))], NOW_MS)
    assert ledger.newest_ms() == NOW_MS
    apply(ledger, new_lane().append(sale()).delivery(), now_ms=NOW_MS + 5)
    assert ledger.newest_ms() == NOW_MS + 5
    other = store.open(books)
    other.add_costs([CostRow(TEA, UnitCost(7000, "each"))], NOW_MS + 9)
    other.close()
    assert ledger.newest_ms() == NOW_MS + 9


def test_each_bridge_keeps_its_own_list_of_costs(store, books):
    for tenant in ("acme", "zenith"):
        ledger = store.open(books, tenant)
        assert ledger.add_costs([CostRow(TEA, UnitCost(6000, "each"))], NOW_MS) == 1
        ledger.close()


def test_balances_by_account(ledger, new_lane, sale):
    apply(ledger, new_lane().append(sale(1), sale(2)).delivery())
    assert [(b.account, b.debit_minor, b.credit_minor) for b in ledger.trial_balance()] == [
        ("1001", 22600, 0),
        ("222102", 0, 2600),
        ("5001", 0, 20000),
    ]
    assert sum(b.balance_minor for b in ledger.trial_balance()) == 0


def test_a_transaction_settled_twice_shows_as_a_duplicate(ledger, new_lane, sale):
    """Two facts are two sales to the ledger; a lane that settles one transaction twice is seen."""
    apply(ledger, new_lane().append(sale(1), sale(1)).delivery())
    assert ledger.status().duplicates == 1


def test_a_journal_under_a_second_address_is_received_and_not_posted(ledger, new_lane, sale):
    """A lane that was renamed with its journal would sell everything twice."""
    home, renamed = new_lane().append(sale(1)), new_lane("renamed").append(sale(1), sale(2))
    apply(ledger, home.delivery())
    applied = apply(ledger, renamed.delivery())
    assert applied.cursors == {renamed.stream: Cursor(2, 2)}
    assert (applied.stored, applied.vouchers, applied.quarantined) == (2, 0, 2)
    assert [(case.stream.lane, case.seq, case.reason, case.detail) for case in ledger.cases()] == [
        ("renamed", seq, "address", "this journal is known as that of harbour/lane-1")
        for seq in (1, 2)
    ]
    assert ledger.replay(NOW_MS) == Replayed(0, 0)
    status = ledger.status()
    assert (status.vouchers, status.duplicates, status.quarantined) == (1, 0, 2)
    assert apply(ledger, home.append(sale(2)).delivery(2)).vouchers == 1


def test_another_organisation_may_have_the_same_epoch(ledger, new_lane, sale):
    lane = new_lane().append(sale(1))
    elsewhere = Delivery(lane.stream._replace(tenant="zenith"), GENESIS, lane.facts())
    assert apply(ledger, lane.delivery(), elsewhere).quarantined == 0


def test_a_body_is_kept_to_the_byte(ledger, sql, new_lane, sale):
    apply(ledger, new_lane().append(sale()).delivery())
    assert sql.execute("SELECT body FROM inbox").fetchone() == (encode_body(sale()),)
