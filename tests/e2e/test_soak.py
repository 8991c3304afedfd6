"""Lane, broker, two bridges and PostgreSQL, all real processes, are killed at random moments while
real baskets are sold. Once healed, journal, paper and ledger say the same.

LANETALLY_SOAK_S: for how many seconds. LANETALLY_SOAK_SEED: at which moments; these can be
repeated, what each process was doing just then cannot.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from itertools import cycle
from pathlib import Path

import psycopg
import pytest

from agent.domain.facts import TransactionSettled
from agent.domain.text import Text
from agent.i18n import translator
from agent.journal import JournalReader
from agent.wire import decode_body
from cloud_bridge.config import load
from cloud_bridge.ledger.postgres import PostgresLedger
from tests.bench.rig import baskets
from tests.bridge_kit import MOSQUITTO
from tests.referee_kit import by_beancount, by_hledger, hledger_transactions
from tests.soak_kit import BRIDGES, VICTIMS, Shop, Sold, deaths, opened, sell

SOAK = os.environ.get("LANETALLY_SOAK_S", "")
SECONDS = float(SOAK or 8)
#: In a long run, a new one each time.
SEED = int(os.environ.get("LANETALLY_SOAK_SEED") or (time.time_ns() % 1_000_000 if SOAK else 1))
#: Between two deaths, on average; a lane that is always killed while it starts sells nothing.
EVERY_S = 3.0 if SECONDS > 30 else 1.0
LOOK_S = 0.02
BASKETS = 5_000
ROOT = Path(__file__).parents[2]
COMMAND = "import sys; from {} import main; sys.exit(main(sys.argv[1:]))"

pytestmark = [
    pytest.mark.skipif(
        not MOSQUITTO.exists() and not os.environ.get("CI"), reason="mosquitto is not installed"
    ),
    pytest.mark.timeout(SECONDS + 400),
]


@contextmanager
def repeatable() -> Iterator[None]:
    """A failure says how to have the same deaths again."""
    try:
        yield
    except Exception as error:
        which = f"LANETALLY_SOAK_SEED={SEED} LANETALLY_SOAK_S={SECONDS:g}"
        error.add_note(f"to repeat: {which} python -m pytest tests/e2e/test_soak.py")
        raise


def test_journal_paper_and_ledger_agree_whoever_was_killed(tmp_path):
    chosen = baskets(BASKETS)
    random.Random(SEED).shuffle(chosen)
    with repeatable(), opened(tmp_path, chosen) as shop:
        sold = soak(shop, chosen)
        shop.heal()
        shop.stop()
        assert set(shop.killed) == set(VICTIMS), "each was killed"
        told(shop, sold)
        the_sales_are_those_the_pos_was_told_of(shop, sold)
        the_ledger_has_what_the_journal_has(shop)
        the_paper_has_each_receipt_once(shop, sold)
        the_commands_find_all_in_order(shop)
        the_referees_agree(shop)
        the_checks_see_what_is_wrong(shop, sold)


def soak(shop: Shop, chosen: list) -> Sold:
    """Sell while `deaths` come to pass."""
    enough = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        cashier = pool.submit(sell, shop, cycle(chosen), enough)
        try:
            kill(shop, cashier)
        finally:
            enough.set()
        while not cashier.done():  # the last basket needs a lane
            shop.revive()
            wait([cashier], LOOK_S)
        return cashier.result()


def kill(shop: Shop, cashier: Future) -> None:
    began = time.monotonic()
    for death in deaths(SEED, SECONDS, EVERY_S):
        while time.monotonic() < began + death.at_s:
            shop.revive()
            wait([cashier], LOOK_S)
            if cashier.done():  # only by an error
                return
        shop.kill(death)


def told(shop: Shop, sold: Sold) -> None:
    deaths_ = ", ".join(f"{name} {count}" for name, count in sorted(shop.killed.items()))
    print(f"{len(sold.receipts)} sales, {sold.asked_again} asked again; killed: {deaths_}")
    assert len(sold.receipts) > SECONDS / 2


# --- what must hold ------------------------------------------------------------------------------


def the_sales_are_those_the_pos_was_told_of(shop: Shop, sold: Sold) -> None:
    settled = journaled(shop)
    assert {s.total_id: s.receipt_number for s in settled} == sold.receipts
    assert {s.total_id: s.amount_minor for s in settled} == sold.amounts
    assert len(settled) == len(sold.receipts) == len(set(sold.receipts.values()))


def the_ledger_has_what_the_journal_has(shop: Shop) -> None:
    """Every fact with its hash; a sale voucher for each sale, and its money; nothing twice."""
    with closing(JournalReader(shop.journal)) as journal:
        chain = [(row.seq, row.hash) for row in journal.rows()]
        assert chain[-1][0] == len(chain) > 0
    assert rows(shop, "SELECT seq, hash FROM inbox ORDER BY epoch, seq") == chain
    settled = journaled(shop)
    posted = rows(
        shop,
        "SELECT receipt_number, -sum(amount_minor)::bigint FROM voucher"
        " JOIN entry_line USING (tenant, store, lane, epoch, seq, kind) WHERE kind = 'sale'"
        " AND (role LIKE 'revenue%' OR role LIKE 'output-tax%')"
        " GROUP BY voucher_id, receipt_number",
    )
    assert sorted(posted) == sorted((s.receipt_number, s.amount_minor) for s in settled)
    with ledger(shop) as books:
        status, findings = books.status(), books.findings()
    assert findings == []
    assert (status.facts, status.vouchers) == (len(chain), 2 * len(settled))
    assert (status.duplicates, status.quarantined, status.ledger_sum_minor) == (0, 0, 0)


def the_paper_has_each_receipt_once(shop: Shop, sold: Sold) -> None:
    """What was cut off while the printer's line broke ends on the paper of the next: a copy that
    says so."""
    reprint = translator("en")(Text("REPRINT"))
    originals: Counter[str] = Counter()
    on_paper: set[str] = set()
    for receipt in shop.printer.receipts:
        on_paper.update(receipt.qr_codes)
        if not any(reprint in line for line in receipt.lines):
            originals.update(receipt.qr_codes)
    assert on_paper == set(sold.receipts.values())
    assert max(originals.values()) == 1


def the_commands_find_all_in_order(shop: Shop) -> None:
    command("agent.cli", "journal", "verify", "--config", shop.folder / "lane.toml")
    command("cloud_bridge.cli", "verify", "--config", shop.folder / f"{BRIDGES[0]}.toml")


def the_referees_agree(shop: Shop) -> None:
    with ledger(shop) as books:
        balances = {b.account: b.balance_minor for b in books.trial_balance() if b.balance_minor}
        vouchers = books.status().vouchers
    files = {}
    for name in ("hledger", "beancount"):
        config = shop.folder / f"{BRIDGES[1]}.toml"
        text = command("cloud_bridge.cli", "export", "--format", name, "--config", config)
        files[name] = shop.folder / f"books.{name}"
        files[name].write_text(text, "utf-8")
    found = by_hledger(files["hledger"])
    assert {account.partition(":")[2]: minor for account, minor in found.items()} == balances
    assert hledger_transactions(files["hledger"]) == vouchers
    assert by_beancount(files["beancount"]) == (balances, vouchers)


def the_checks_see_what_is_wrong(shop: Shop, sold: Sold) -> None:
    """Controls: a sale that is not there, a receipt that came twice, a fact that is gone."""
    more = Sold(sold.receipts | {"never": "R1"}, sold.amounts | {"never": 1})
    with pytest.raises(AssertionError):
        the_sales_are_those_the_pos_was_told_of(shop, more)
    paper = shop.printer.receipts
    paper.extend(paper)
    with pytest.raises(AssertionError):
        the_paper_has_each_receipt_once(shop, sold)
    shop.change_ledger("DELETE FROM inbox WHERE type = 'TransactionSettled'")
    with pytest.raises(AssertionError):
        the_ledger_has_what_the_journal_has(shop)
    with pytest.raises(AssertionError):
        the_commands_find_all_in_order(shop)


# --- reading -------------------------------------------------------------------------------------


def journaled(shop: Shop) -> list[TransactionSettled]:
    with closing(JournalReader(shop.journal)) as journal:
        settled = [row for row in journal.rows() if row.type == TransactionSettled.type]
    return [decode_body(row.type, row.version, row.body) for row in settled]


def rows(shop: Shop, sql: str) -> list[tuple]:
    with psycopg.connect(shop.dsn) as db:
        return db.execute(sql).fetchall()


@contextmanager
def ledger(shop: Shop) -> Iterator[PostgresLedger]:
    books = load(shop.folder / f"{BRIDGES[0]}.toml").books
    with closing(PostgresLedger(shop.dsn, books)) as opened_:
        yield opened_


def command(module: str, *arguments: object) -> str:
    line = [sys.executable, "-c", COMMAND.format(module), *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
