"""The ledger as text for hledger and beancount. Both are real here, and both add up for themselves:
what they find must be what SQL finds.
"""

import pytest

from agent.domain.totals import TaxAmount, Tender
from cloud_bridge.cli import main
from cloud_bridge.config import load
from cloud_bridge.costs import CostRow, UnitCost
from cloud_bridge.exports import FORMATS
from cloud_bridge.ledger.port import Arrivals, Posted
from cloud_bridge.ledger.sqlite import SqliteLedger
from cloud_bridge.voucher import Content, EntryLine, FactKey, reversal, seal
from tests.referee_kit import by_beancount, by_hledger, hledger_transactions

NOW_MS = 1_800_000_000_000
TEA = "04710199010372"


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "bridge.toml"
    file.write_text('[ledger]\npath = "ledger.sqlite3"\n')
    return file


@pytest.fixture
def kept(config, new_lane, sale):
    """Sales of several tenders and rates, some of a locked period; odd receipt numbers."""
    loaded = load(config)
    ledger = SqliteLedger(loaded.ledger_path, loaded.books)
    ledger.add_costs([CostRow(TEA, UnitCost(6000, "each"))], 1)
    ledger.lock_period("2000-10-31", 1)
    lane = new_lane()
    for number in range(1, 40):
        lane.append(
            sale(
                number,
                business_date=f"2000-{10 + number % 2}-{1 + number % 28:02}",
                receipt_number=('R"1"', "R;2 (a)  b", "R\\3\n4", "小票5")[number % 4],
                tenders=(Tender(("cash", "wechat", "card")[number % 3], 12000 + number % 2),),
                rounding_minor=number % 2,
                taxes=(TaxAmount(1300, 5000, 650), TaxAmount(0, 5650, 0)),
            )
        )
    ledger.apply(Arrivals((lane.delivery(),)), NOW_MS)
    yield ledger
    ledger.close()


def exported(capsys, config, name):
    assert main(["export", "--format", name, "--config", str(config)]) == 0
    return capsys.readouterr().out


def in_sql(ledger):
    return {b.account: b.balance_minor for b in ledger.trial_balance() if b.balance_minor}


def test_hledger_finds_the_same_balances(capsys, config, kept, tmp_path):
    journal = tmp_path / "books.journal"
    journal.write_text(exported(capsys, config, "hledger"), encoding="utf-8")
    found = by_hledger(journal)
    assert {account.partition(":")[2]: minor for account, minor in found.items()} == in_sql(kept)
    assert {account.partition(":")[0] for account in found} == {"assets", "liabilities", "income",
                                                                "expenses"}  # fmt: skip
    assert hledger_transactions(journal) == kept.status().vouchers


def test_beancount_finds_the_same_balances(capsys, config, kept, tmp_path):
    books = tmp_path / "books.beancount"
    books.write_text(exported(capsys, config, "beancount"), encoding="utf-8")
    assert by_beancount(books) == (in_sql(kept), kept.status().vouchers)


def test_what_was_locked_stands_on_its_posting_date(capsys, config, kept):
    text = exported(capsys, config, "hledger")
    assert "2000-10" not in text.replace("至 2000-10-31", "")
    assert text.count("2000-11-01 * (") >= 20


# --- the words themselves ------------------------------------------------------------------------


def one(lines, **more):
    content = Content("sale", 1, "2000-11-01", "CNY", "t1", "R1", lines, **more)
    key = FactKey("acme", "harbour", "lane-1", "e" * 32, 1)
    return Posted(key, seal(key, content))


LINES = (EntryLine("clearing.cash", "1001", 5), EntryLine("revenue.900", "9999", -5))


def test_hledger_text(books):
    posted = one(LINES, note="a; b")
    assert list(FORMATS["hledger"]([posted], books)) == [
        "2000-11-01 * (R1) Sale t1 a, b",
        f"    ; voucher:{posted.voucher.voucher_id}",
        "    assets:1001 Cash on hand  CNY 0.05",
        "    income:9999  CNY -0.05",
        "",
    ]


def test_beancount_text(books):
    posted = one(LINES, note='say "hi"\\')
    assert list(FORMATS["beancount"]([posted, posted], books))[:8] == [
        'option "operating_currency" "CNY"',
        "1970-01-01 open Assets:1001-Cash-on-hand",
        "1970-01-01 open Income:9999",
        '2000-11-01 * "Sale" "t1 R1 say \\"hi\\"\\\\"',
        f'  voucher: "{posted.voucher.voucher_id}"',
        "  Assets:1001-Cash-on-hand  0.05 CNY",
        "  Income:9999  -0.05 CNY",
        "",
    ]


@pytest.mark.parametrize(
    ("currency", "words"),
    [("JPY", "CNY 12345"), ("KWD", "CNY 12.345"), ("EUR", "CNY 123.45")],
)
def test_money_has_the_digits_of_its_currency(books, currency, words):
    content = one((EntryLine("bank", "1", 12345), EntryLine("bank", "2", -12345))).voucher.content
    from msgspec import structs

    key = FactKey("a", "s", "l", "e", 1)
    posted = Posted(key, seal(key, structs.replace(content, currency=currency)))
    text = "\n".join(FORMATS["hledger"]([posted], books))
    assert words.replace("CNY", currency) in text


def test_a_kind_that_no_template_has_keeps_its_own_name(books):
    posted = one(LINES)
    back = Posted(posted.key, reversal(posted.voucher, posted.key, "", "", red=True))
    assert " sale-reversal t1" in next(FORMATS["hledger"]([back], books))


def test_a_red_voucher_takes_its_turnover_back(ledger, sale, new_lane):
    """红字冲销: negative on the same sides, so that neither side's turnover grows."""
    from cloud_bridge.ledger import postings
    from cloud_bridge.mapping import Posting

    lane = new_lane().append(sale(1), sale(2), sale(3))
    ledger.apply(Arrivals((lane.delivery(),)), NOW_MS)
    posted = list(ledger.vouchers())
    for seq, red in ((8, True), (9, False)):
        key = posted[0].key._replace(seq=seq)
        back = reversal(posted[seq - 8].voucher, key, "", "", red=red)
        due = postings.Due(key, lane.facts()[0], Posting((back,), (), ()))
        with ledger._db.transaction():
            assert postings.post(ledger._db, [due], ()) == []
    cash = ledger.trial_balance()[0]
    assert (cash.debit_minor, cash.credit_minor) == (22600, 11300)
