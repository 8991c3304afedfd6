"""The database's own defences, tried with raw SQL: no trust in the code above it."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from cloud_bridge.ledger.port import Arrivals, LedgerUnavailable, LedgerUnsafe
from cloud_bridge.ledger.sqlite import SqliteLedger
from cloud_bridge.ledger.sqlite_file import PAGE_BYTES
from cloud_bridge.ledger.sqlite_schema import MIGRATIONS

KEY = "'acme', 'harbour', 'lane-1', 'e', 1"
NOW_MS = 1_800_000_000_000


def line(line_no, amount, kind="sale"):
    return f"INSERT INTO entry_line VALUES ({KEY}, '{kind}', {line_no}, 'r', '1001', {amount})"


def voucher(kind="sale"):
    return (
        "INSERT INTO voucher (tenant, store, lane, epoch, seq, kind, version, voucher_id, digest,"
        " business_date, currency, transaction_id, receipt_number)"
        f" VALUES ({KEY}, '{kind}', 1, 'id', 'digest', '2000-11-01', 'CNY', 't1', 'R1')"
    )


def run(sql, *statements):
    sql.execute("BEGIN")
    try:
        for statement in statements:
            sql.execute(statement)
        sql.execute("COMMIT")
    finally:
        if sql.in_transaction:
            sql.execute("ROLLBACK")


def test_a_balanced_voucher_is_taken(ledger, sql):
    run(sql, line(1, 500), line(2, -300), line(3, -200), voucher())
    assert ledger.status().vouchers == 1


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        ([line(1, 500), line(2, -499), voucher()], "voucher does not balance"),
        ([line(1, 500), voucher()], "fewer than two lines"),
        ([voucher()], "fewer than two lines"),
        ([line(1, 500), line(2, -500)], "FOREIGN KEY constraint failed"),
        ([line(1, 500), line(2, -500), voucher("cost")], "fewer than two lines"),
        ([line(1, 0), line(2, 0), voucher()], "CHECK constraint failed"),
        ([line(1, "'5'"), line(2, -5), voucher(), line(3, 1)], "voucher is sealed"),
        ([line(1, 0.5), line(2, -0.5), voucher()], "cannot store REAL value in INTEGER column"),
        ([line(1, 5), line(2, -5), voucher(), voucher()], "voucher is posted already"),
        ([line(1, 5), line(1, -5), voucher()], "UNIQUE constraint failed"),
    ],
)
def test_anything_else_is_refused_and_leaves_nothing(ledger, sql, statements, message):
    with pytest.raises(sqlite3.IntegrityError, match=message):
        run(sql, *statements)
    assert ledger.status().vouchers == 0
    assert ledger.trial_balance() == []


@pytest.mark.parametrize(
    "table", ["inbox", "voucher", "entry_line", "stock_movement", "cost_gap", "item_cost"]
)
@pytest.mark.parametrize("verb", ["UPDATE {} SET tenant = 'x'", "DELETE FROM {}"])
def test_what_is_posted_stays(ledger, sql, new_lane, sale, table, verb):
    ledger.apply(Arrivals((new_lane().append(sale()).delivery(),)), NOW_MS)
    sql.execute("INSERT INTO item_cost VALUES ('', '1', 1, 1, 'each')")
    with pytest.raises(sqlite3.IntegrityError, match=f"{table} is append-only"):
        sql.execute(verb.format(table))


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (voucher(), "voucher is posted already"),
        (line(1, 7), "voucher is sealed"),
        (
            f"INSERT INTO inbox VALUES ({KEY}, 't', 1, 1, 1, 'h2', x'00', 1)",
            "inbox is append-only",
        ),
    ],
)
def test_replacing_is_no_way_round(ledger, sql, statement, message):
    run(sql, line(1, 500), line(2, -500), voucher())
    sql.execute(f"INSERT INTO inbox VALUES ({KEY}, 't', 1, 1, 1, 'h1', x'00', 1)")
    sql.execute("PRAGMA recursive_triggers = 1")
    with pytest.raises(sqlite3.IntegrityError, match=message):
        sql.execute(statement.replace("INSERT", "INSERT OR REPLACE"))


def test_the_file_keeps_what_it_confirms(ledger):
    pragma = {
        name: ledger._db.connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "page_size")
    }
    assert pragma == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "page_size": PAGE_BYTES,
    }


def test_a_ledger_opens_again_with_all_it_had(ledger, ledger_path, books, new_lane, sale):
    ledger.apply(Arrivals((new_lane().append(sale()).delivery(),)), NOW_MS)
    before = ledger.status()
    ledger.close()
    again = SqliteLedger(ledger_path, books)
    assert again.status() == before
    again.close()


def test_storage_without_a_write_ahead_log_is_refused(books, tmp_path, monkeypatch):
    """As on some network file systems; here a database in memory, which has no log either."""
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda _, **options: connect(":memory:", **options))
    with pytest.raises(LedgerUnsafe, match="journal_mode must be wal, but is memory"):
        SqliteLedger(tmp_path / "ledger.sqlite3", books)


def test_a_file_that_is_no_ledger_is_refused(books, tmp_path):
    file = tmp_path / "ledger.sqlite3"
    file.write_bytes(b"not a database, but more than a hundred bytes long" * 10)
    with pytest.raises(LedgerUnsafe, match=r"ledger\.sqlite3: file is not a database"):
        SqliteLedger(file, books)


def test_a_ledger_of_a_later_release_is_left_alone(ledger_path, books):
    with closing(sqlite3.connect(ledger_path)) as later:
        later.execute("PRAGMA user_version = 99")
    with pytest.raises(LedgerUnsafe, match="written by a later release, as version 99"):
        SqliteLedger(ledger_path, books)


def test_a_ledger_from_before_knows_where_its_epochs_live(ledger_path, books, new_lane, sale):
    first, second = new_lane().append(sale(1)), new_lane("lane-2").append(sale(2))
    with closing(sqlite3.connect(ledger_path, isolation_level=None)) as before:
        before.executescript(MIGRATIONS[0])
        before.execute("PRAGMA user_version = 1")
        before.execute("PRAGMA journal_mode = wal")
        for lane, received_ms in ((second, NOW_MS), (first, NOW_MS - 1)):
            row = (*lane.stream, 0, 0, received_ms)
            before.execute("INSERT INTO lane_cursor VALUES (?,?,?,?,?,?,?)", row)
    with closing(SqliteLedger(ledger_path, books)) as ledger:
        applied = ledger.apply(Arrivals((second.delivery(), first.delivery())), NOW_MS)
        assert applied.vouchers == 1
        assert [case.stream for case in ledger.cases()] == [second.stream]


def test_two_processes_may_make_the_tables_at_once(ledger_path, books):
    with closing(sqlite3.connect(ledger_path)) as empty:
        empty.execute("PRAGMA journal_mode = WAL")
    barrier = threading.Barrier(2)

    def opened():
        barrier.wait()
        SqliteLedger(ledger_path, books).close()

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(opened), pool.submit(opened)]:
            future.result()


def test_a_folder_that_is_not_there_is_named(books, tmp_path):
    with pytest.raises(LedgerUnavailable, match=r"none/ledger\.sqlite3: unable to open"):
        SqliteLedger(tmp_path / "none" / "ledger.sqlite3", books)


def test_while_another_hand_writes_nothing_happens_and_a_retry_succeeds(
    ledger, sql, new_lane, sale
):
    arrivals = Arrivals((new_lane().append(sale()).delivery(),))
    ledger._db.connection.execute("PRAGMA busy_timeout = 0")
    sql.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailable, match="locked"):
        ledger.apply(arrivals, NOW_MS)
    sql.execute("COMMIT")
    assert ledger.status().facts == 0
    assert ledger.apply(arrivals, NOW_MS).stored == 1


def test_on_a_full_disk_nothing_happens_and_a_retry_succeeds(ledger, new_lane, sale):
    arrivals = Arrivals((new_lane().append(*(sale(n) for n in range(1, 60))).delivery(),))
    (pages,) = ledger._db.connection.execute("PRAGMA page_count").fetchone()
    ledger._db.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(LedgerUnavailable, match="full"):
        ledger.apply(arrivals, NOW_MS)
    assert ledger.status().facts == 0
    ledger._db.connection.execute("PRAGMA max_page_count = 1000000")
    assert ledger.apply(arrivals, NOW_MS).stored == 59


def test_a_mistake_of_ours_is_not_taken_for_bad_weather(ledger, sql, new_lane, sale):
    sql.execute("DROP TABLE quarantine")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        ledger.apply(Arrivals((new_lane().append(sale()).delivery(),)), NOW_MS)
    assert sql.execute("SELECT COUNT(*) FROM inbox").fetchone() == (0,)
