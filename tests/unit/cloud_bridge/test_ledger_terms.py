"""Period locks, what waits for a sale, the outbox, and the books held against themselves."""

from dataclasses import replace

import pytest

import cloud_bridge.ledger.store as steps
from cloud_bridge.costs import CostRow, UnitCost
from cloud_bridge.ledger.port import Arrivals, Replayed
from cloud_bridge.mapping import Posting

NOW_MS = 1_800_000_000_000
TEA = "04710199010372"


@pytest.fixture(params=["sqlite_store", "postgres_store"])
def store(request):
    return request.getfixturevalue(request.param)


def apply(ledger, *deliveries, now_ms=NOW_MS, **others):
    return ledger.apply(Arrivals(deliveries, **others), now_ms)


# --- period locks --------------------------------------------------------------------------------


def test_what_is_dated_in_a_locked_period_is_posted_after_it_and_says_so(ledger, new_lane, sale):
    lane = new_lane().append(
        sale(1), sale(2, business_date="2000-11-30"), sale(3, business_date="2000-12-01")
    )
    ledger.lock_period("2000-11-30", NOW_MS)
    apply(ledger, lane.delivery(), now_ms=NOW_MS)
    says = [posted.voucher.content for posted in ledger.vouchers()]
    assert [(c.business_date, c.posting_date, c.note) for c in says] == [
        ("2000-11-01", "2000-12-01", "locked until / 锁账至 2000-11-30"),
        ("2000-11-30", "2000-12-01", "locked until / 锁账至 2000-11-30"),
        ("2000-12-01", "", ""),
    ]


def test_a_lock_holds_from_when_it_is_set_and_can_be_set_back(ledger, new_lane, sale):
    lane = new_lane().append(*(sale(n) for n in (1, 2, 3)))
    apply(ledger, lane.delivery(1, 1))
    ledger.lock_period("2000-11-30", NOW_MS)
    apply(ledger, lane.delivery(2, 2), now_ms=ledger.newest_ms())
    ledger.lock_period("2000-10-31", NOW_MS - 5)  # the clock was set back
    apply(ledger, lane.delivery(3, 3), now_ms=ledger.newest_ms())
    dates = {p.key.seq: p.voucher.content.posting_date for p in ledger.vouchers()}
    assert dates == {1: "", 2: "2000-12-01", 3: ""}
    assert ledger.findings() == []


def test_another_hand_on_the_ledger_keeps_to_the_lock_at_once(store, ledger, books, new_lane, sale):
    apply(ledger, new_lane("lane-2", "f" * 32).append(sale(9)).delivery())
    other = store.open(books)
    other.lock_period("2000-11-30", NOW_MS)
    other.close()
    apply(ledger, new_lane().append(sale(1)).delivery(), now_ms=ledger.newest_ms())
    assert [p.voucher.content.booked_on for p in ledger.vouchers()] == ["2000-11-01", "2000-12-01"]


# --- what waits for a sale -----------------------------------------------------------------------


@pytest.fixture
def needing(monkeypatch):
    """Facts whose receipt number names a transaction need its sale, as a refund does."""
    honest = steps.derive

    def derive(*args):
        posting = honest(*args)
        if not isinstance(posting, Posting):
            return posting
        (voucher, *_) = posting.vouchers
        needs = voucher.content.receipt_number.partition("of ")[2]
        if not needs:
            return posting
        says = steps_replace(voucher.content, kind="refund")
        return replace(posting, vouchers=(replace(voucher, content=says),), needs=needs)

    monkeypatch.setattr(steps, "derive", derive)


def steps_replace(content, **changes):
    from msgspec import structs

    return structs.replace(content, **changes)


def refund(sale, number, of):
    return sale(number, receipt_number=f"of {of}")


def test_a_refund_that_comes_before_its_sale_is_posted_with_it(ledger, needing, new_lane, sale):
    shop = new_lane("lane-1", "a" * 32).append(sale(1))
    desk = new_lane("lane-2", "b" * 32).append(refund(sale, 2, of="t1"), sale(3))
    applied = apply(ledger, desk.delivery())
    assert (applied.vouchers, applied.quarantined) == (1, 1)
    assert applied.cursors[desk.stream].hw == 2
    (case,) = ledger.cases()
    assert (case.reason, case.amount_minor) == ("waits", 11300)
    assert ledger.replay(NOW_MS) == Replayed(0, 1)
    assert apply(ledger, shop.delivery()).vouchers == 2
    assert (ledger.cases(), ledger.status().vouchers) == ([], 3)


def test_a_refund_beside_its_sale_does_not_wait(ledger, needing, new_lane, sale):
    lane = new_lane().append(refund(sale, 2, of="t1"), sale(1))
    assert apply(ledger, lane.delivery()).vouchers == 2
    later = new_lane("lane-2", "b" * 32).append(refund(sale, 3, of="t1"))
    assert apply(ledger, later.delivery()).vouchers == 1
    assert ledger.cases() == []


def test_a_sale_of_another_organisation_is_not_the_one(ledger, needing, new_lane, sale):
    desk, elsewhere = new_lane().append(refund(sale, 2, of="t1")), new_lane().append(sale(1))
    foreign = replace(elsewhere.delivery(), stream=elsewhere.stream._replace(tenant="zenith"))
    apply(ledger, desk.delivery(), foreign)
    assert [case.reason for case in ledger.cases()] == ["waits"]


# --- the outbox ----------------------------------------------------------------------------------


def test_each_follower_gets_each_voucher_once(store, books, new_lane, sale):
    ledger = store.open(books, "", ("erp", "lake"))
    ledger.add_costs([CostRow(TEA, UnitCost(6000, "each"))], 1)
    lane = new_lane().append(sale(1), sale(2))
    apply(ledger, lane.delivery())
    apply(ledger, lane.delivery())
    first = ledger.outgoing("erp", 3)
    assert [(p.key.seq, p.voucher.content.kind) for p in first] == [
        (1, "cost"),
        (1, "sale"),
        (2, "cost"),
    ]
    ledger.delivered("erp", first, NOW_MS)
    assert [(p.key.seq, p.voucher.content.kind) for p in ledger.outgoing("erp", 3)] == [(2, "sale")]
    assert len(ledger.outgoing("lake", 9)) == 4
    assert ledger.outgoing("nobody", 9) == []
    assert sorted(ledger.outgoing("lake", 9), key=str) == sorted(ledger.vouchers(), key=str)
    ledger.close()


# --- the books against themselves ----------------------------------------------------------------


@pytest.fixture
def kept(ledger, new_lane, sale):
    """Costs, two lanes, one of them with a gap, a conflict, a damaged fact and a foreign tender."""
    from agent.domain.totals import Tender

    ledger.add_costs([CostRow(TEA, UnitCost(6000, "each"))], 1)
    first = new_lane().append(sale(1), sale(2, tenders=(Tender("bitcoin", 12000),)), sale(3))
    second = new_lane("lane-2", "f" * 32).append(*(sale(n) for n in range(4, 9)))
    apply(ledger, first.delivery(), second.delivery(1, 2), second.delivery(4, 5))
    forged = new_lane().append(sale(9))
    apply(ledger, forged.delivery())
    return ledger


def test_true_books_have_no_findings(kept):
    assert kept.findings() == []


@pytest.mark.parametrize(
    ("table", "statement", "codes"),
    [
        ("entry_line", "UPDATE entry_line SET amount_minor = 1 WHERE seq = 3 AND line_no = 1",
         ["sum", "balance", "digest", "balance", "digest", "voucher"]),
        ("voucher", "UPDATE voucher SET receipt_number = 'R9' WHERE seq = 3 AND kind = 'sale'",
         ["digest"]),
        ("voucher", "UPDATE voucher SET voucher_id = 'x' WHERE seq = 3 AND kind = 'sale'",
         ["digest"]),
        ("stock_movement", "UPDATE stock_movement SET quantity_milli = 1 WHERE seq = 3", ["stock"]),
        ("stock_movement", "DELETE FROM stock_movement WHERE seq = 3", ["stock"]),
        ("inbox", "UPDATE inbox SET hash = 'x' WHERE seq = 3", ["chain"]),
        ("inbox", "DELETE FROM inbox WHERE seq = 3", ["cursor", "orphan", "orphan"]),
        ("lane_cursor", "UPDATE lane_cursor SET hw = 1 WHERE lane = 'lane-1'", ["cursor"]),
    ],
)  # fmt: skip
def test_whatever_was_changed_behind_it_is_found(store, kept, sql, table, statement, codes):
    if table != "lane_cursor":
        for lift in store.unprotect(table):
            sql.execute(lift)
    sql.execute(statement)
    assert [finding.code for finding in kept.findings()] == codes


def test_another_chart_is_no_finding_and_other_figures_are(store, kept, books):
    from cloud_bridge.chart import load_chart
    from cloud_bridge.templates import load_templates

    foreign = store.open(replace(books, chart=load_chart("ifrs")))
    assert foreign.findings() == []
    foreign.close()
    periodic = store.open(replace(books, templates=load_templates("periodic")))
    assert {finding.code for finding in periodic.findings()} == {"voucher"}
    periodic.close()
