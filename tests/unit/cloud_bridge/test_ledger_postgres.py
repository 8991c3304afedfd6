"""What PostgreSQL itself guards, tried with raw SQL; and several bridges at one ledger."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from agent.domain.totals import Tender
from cloud_bridge.costs import CostRow, UnitCost
from cloud_bridge.ledger.port import Arrivals, LedgerUnavailable, LedgerUnsafe
from cloud_bridge.ledger.postgres import PostgresLedger
from cloud_bridge.ledger.postgres_schema import APPEND_ONLY, MIGRATIONS
from cloud_bridge.ledger.postgres_server import connect, migrate
from cloud_bridge.ledger.sqlite import SqliteLedger

NOW_MS = 1_800_000_000_000
KEY = "'acme', 'harbour', 'lane-1', 'e', 1"
TEA = "04710199010372"


@pytest.fixture
def store(postgres_store):
    return postgres_store


@pytest.fixture
def dsn(postgres, database):
    return postgres.dsn(database, "bridge")


def apply(ledger, *deliveries, now_ms=NOW_MS):
    return ledger.apply(Arrivals(deliveries), now_ms)


# --- balance -------------------------------------------------------------------------------------


def statement(*amounts, first=1, count=None):
    """A voucher and its lines as they must come: in one statement."""
    lines = ", ".join(
        f"({KEY}, 'sale', {number}, 'r', '1001', {amount})"
        for number, amount in enumerate(amounts, first)
    )
    return (
        f"WITH v AS (INSERT INTO voucher VALUES ({KEY}, 'sale', 1, 'id', 'd', '2000-11-01', 'CNY',"
        f" 't', 'R', '', '', '', '', '', 0, {count or len(amounts)}))"
        f" INSERT INTO entry_line VALUES {lines}"
    )


LINES = f"INSERT INTO entry_line VALUES ({KEY}, 'sale', 3, 'r', '1001', 5)"


def test_a_balanced_voucher_is_taken(ledger, sql):
    sql.execute(statement(500, -300, -200))
    assert ledger.status().vouchers == 1


@pytest.mark.parametrize(
    "wrong",
    [
        statement(500, -499),
        statement(500, -500, count=3),
        statement(500, -500, first=2),
        statement(500, -500).replace("CNY', 't', 'R', '', '', '', '', '', 0, 2", "CNY', 't', 'R', "
                                     "'', '', '', '', '', 0, 1"),
        statement(0, 0),
        statement(5, -5).partition(" INSERT INTO entry_line")[0].removeprefix("WITH v AS (")[:-1],
        LINES,
    ],
)  # fmt: skip
def test_anything_else_is_refused_and_leaves_nothing(ledger, sql, wrong):
    with pytest.raises(psycopg.IntegrityError):
        sql.execute(wrong)
    assert (ledger.status().vouchers, ledger.trial_balance()) == (0, [])


@pytest.mark.parametrize(
    "more",
    [
        LINES,
        f"{LINES}, ({KEY}, 'sale', 4, 'r', '1001', -5)",
        f"{LINES}, ({KEY}, 'sale', 4, 'r', '1', -5)".replace("3,", "1,").replace("4,", "2,"),
    ],
)
def test_no_line_is_added_to_what_is_posted(ledger, sql, more):
    sql.execute(statement(500, -500))
    with pytest.raises(psycopg.IntegrityError):
        sql.execute(more)


# --- who may do what -----------------------------------------------------------------------------


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("verb", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_what_is_posted_stays(dsn, sql, table, verb):
    (column,) = sql.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1", (table,)
    ).fetchone()
    change = verb.format(table, column, column)
    with pytest.raises(psycopg.Error, match="append-only"):
        sql.execute(change)
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with psycopg.connect(dsn, autocommit=True) as worker, refused:
        worker.execute(change)


def test_a_login_that_could_change_what_is_posted_is_refused(postgres, database, books):
    with pytest.raises(LedgerUnsafe, match=r"owner may change inbox: let the bridge log in as"):
        PostgresLedger(postgres.dsn(database), books)


def test_a_login_without_the_grant_is_refused(postgres, database, books):
    postgres.run("CREATE ROLE stranger LOGIN")
    with pytest.raises(LedgerUnsafe, match="permission denied"):
        PostgresLedger(postgres.dsn(database, "stranger"), books)


def test_a_server_that_confirms_too_early_is_refused(dsn, books):
    with pytest.raises(LedgerUnsafe, match="synchronous_commit must be on or remote_apply, but is"):
        PostgresLedger(f"{dsn} options='-c synchronous_commit=off'", books)


# --- making and renewing the tables --------------------------------------------------------------


def test_a_database_without_the_tables_is_refused_until_they_are_made(postgres, books):
    postgres.run("CREATE DATABASE fresh")
    owner, worker = postgres.dsn("fresh"), postgres.dsn("fresh", "bridge")
    with pytest.raises(LedgerUnsafe, match="run lanetally-bridge migrate"):
        PostgresLedger(worker, books)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(migrate, [owner, owner])) == [len(MIGRATIONS)] * 2
    PostgresLedger(worker, books).close()
    postgres.run("UPDATE schema_version SET version = 99", "fresh")
    for open_ in (connect, migrate):
        with pytest.raises(LedgerUnsafe, match="later release, as version 99"):
            open_(owner)


def test_a_server_that_is_not_there_is_waited_for(books):
    with pytest.raises(LedgerUnavailable, match="onnection"):
        PostgresLedger("host=127.0.0.1 port=1 dbname=x", books)


# --- when things go wrong ------------------------------------------------------------------------


def test_a_connection_that_is_cut_is_made_again(ledger, sql, new_lane, sale):
    lane = new_lane().append(sale(1), sale(2))
    apply(ledger, lane.delivery(1, 1))
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bridge'"
    sql.execute(cut)
    with pytest.raises(LedgerUnavailable):
        apply(ledger, lane.delivery())
    assert apply(ledger, lane.delivery()).stored == 1
    assert ledger.status().vouchers == 2


def test_while_another_works_on_the_lane_nothing_happens_and_a_retry_succeeds(
    dsn, books, new_lane, sale
):
    lane = new_lane().append(sale(1))
    hasty = PostgresLedger(f"{dsn} options='-c lock_timeout=20'", books)
    other = PostgresLedger(dsn, books)
    with other._db.transaction():
        other._db.hold([lane.stream])
        with pytest.raises(LedgerUnavailable, match="lock timeout"):
            apply(hasty, lane.delivery())
        assert apply(hasty, new_lane("lane-2", "f" * 32).append(sale(2)).delivery()).stored == 1
    assert apply(hasty, lane.delivery()).stored == 1
    hasty.close()
    other.close()


def test_a_commit_that_nobody_else_confirmed_is_taken_once_more(ledger, new_lane, sale):
    """As when somebody cancels the wait for the standby: the server only warns."""
    lane = new_lane().append(sale(1))
    warn = "DO $$ BEGIN RAISE WARNING 'canceling wait for synchronous replication'; END $$"
    honest = ledger._db.many

    def cancelled(sql, rows):
        honest(sql, rows)
        ledger._db._db.execute(warn)

    ledger._db.many = cancelled
    with pytest.raises(LedgerUnavailable, match="canceling wait"):
        apply(ledger, lane.delivery())
    ledger._db.many = honest
    assert apply(ledger, lane.delivery()).repeated == 1


def test_words_that_no_text_column_can_hold_are_quarantined(ledger, new_lane, sale):
    lane = new_lane().append(sale(1), sale(2, receipt_number="R\0"), sale(3))
    applied = apply(ledger, lane.delivery())
    assert (applied.vouchers, applied.cursors[lane.stream].hw) == (2, 3)
    assert [(case.seq, case.reason) for case in ledger.cases()] == [(2, "refused")]


def test_a_mistake_of_ours_is_not_taken_for_bad_weather(ledger, sql, new_lane, sale):
    sql.execute("ALTER TABLE quarantine RENAME TO gone")
    try:
        with pytest.raises(psycopg.errors.UndefinedTable):
            apply(ledger, new_lane().append(sale()).delivery())
        assert sql.execute("SELECT COUNT(*) FROM inbox").fetchone() == (0,)
    finally:
        sql.execute("ALTER TABLE gone RENAME TO quarantine")


# --- several bridges -----------------------------------------------------------------------------

TABLES = {
    "inbox": "tenant, store, lane, epoch, seq, hash, body",
    "voucher": "tenant, store, lane, epoch, seq, kind, voucher_id, digest",
    "entry_line": "*",
    "stock_movement": "*",
    "cost_gap": "*",
    "lane_cursor": "tenant, store, lane, epoch, hw, last_seq",
    "epoch_home": "*",
    "outbox": "follower, tenant, store, lane, epoch, seq, kind",
}


def dump(ledger):
    return {
        table: sorted(map(tuple, ledger._db.rows(f"SELECT {columns} FROM {table}")), key=repr)
        for table, columns in TABLES.items()
    }


@pytest.mark.parametrize("seed", range(4))
def test_bridges_that_share_lanes_give_what_one_would_have_given(
    store, books, tmp_path, new_lane, sale, seed
):
    """Every fact comes two or three times, in pieces, in any order, to any of four bridges."""
    chance = random.Random(seed)
    lanes = [new_lane(f"lane-{n}", f"{n}" * 32) for n in range(3)]
    for n, lane in enumerate(lanes):
        for number in range(1, 41):
            tender = Tender("bitcoin" if number % 13 == 0 else "cash", 12000)
            lane.append(sale(100 * n + number, tenders=(tender,)))
    pieces = []
    for lane in lanes:
        for _ in range(chance.choice([2, 3])):
            at = 1
            while at <= 40:
                last = min(40, at + chance.randrange(1, 9))
                pieces.append(lane.delivery(at, last))
                at = last + 1
    chance.shuffle(pieces)

    def bridge(mine):
        ledger = store.open(books, "", ("erp",))
        while mine:
            batch, mine = mine[:3], mine[3:]
            while True:
                try:
                    apply(ledger, *batch)
                    break
                except LedgerUnavailable:
                    threading.Event().wait(0.01)
        ledger.close()

    setting = store.open(books)
    setting.add_costs([CostRow(TEA, UnitCost(6000, "each"))], 1)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(bridge, [pieces[n::4] for n in range(4)]))
    alone = SqliteLedger(tmp_path / "alone.sqlite3", books, "", ("erp",))
    alone.add_costs([CostRow(TEA, UnitCost(6000, "each"))], 1)
    for lane in lanes:
        apply(alone, lane.delivery())
    assert dump(setting) == dump(alone)
    assert [case.seq for case in setting.cases()].count(13) == 3
    assert setting.findings() == []
    setting.close()
    alone.close()
