"""T1 to T15 in each chart, with either way to keep stock, read by hledger and beancount."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import cloud_bridge
from cloud_bridge.chart import BUILT_IN, load_chart
from cloud_bridge.documents import DOCUMENTS, PeriodEnd
from cloud_bridge.exports import FORMATS
from cloud_bridge.ledger.port import Posted
from cloud_bridge.mapping import Books, Posting, Terms, post
from cloud_bridge.templates import load_templates
from cloud_bridge.voucher import FactKey, reversal
from tests.referee_kit import by_beancount, by_hledger, hledger_transactions
from tests.voucher_kit import CASES, HEAD

END = PeriodEnd(**HEAD, opening=1000, purchases=8000, closing=1500)
DOCUMENTED = [*(document for document, _ in CASES.values()), END]


def key(seq: int) -> FactKey:
    return FactKey("acme", "harbour", "lane-1", "e" * 32, seq)


@pytest.fixture(params=["perpetual", "periodic"])
def stock(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=BUILT_IN)
def books(request: pytest.FixtureRequest, stock: str) -> Books:
    return Books(load_chart(request.param), "CNY", load_templates(stock))


@pytest.fixture
def posted(books: Books) -> list[Posted]:
    """Each document's vouchers, and every second one's taken back (T15)."""
    kept: list[Posted] = []
    for number, document in enumerate(DOCUMENTED, 1):
        posting = post(document, key(number), books, Terms({}.get))
        assert isinstance(posting, Posting), posting
        kept += [Posted(key(number), voucher) for voucher in posting.vouchers]
        if number % 2:
            later = key(number + 1000)
            backs = [reversal(one, later, "wrong", "li", red=books.red) for one in posting.vouchers]
            kept += [Posted(later, voucher) for voucher in backs]
    return kept


def sums(posted: list[Posted]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for one in posted:
        for line in one.voucher.content.lines:
            found[line.account] += line.amount_minor
    return {account: minor for account, minor in found.items() if minor}


def test_every_voucher_balances_and_the_referees_find_what_was_posted(
    books: Books, posted: list[Posted], tmp_path: Path
) -> None:
    assert all(sum(x.amount_minor for x in p.voucher.content.lines) == 0 for p in posted)
    files = {name: tmp_path / name for name in FORMATS}
    for name, file in files.items():
        file.write_text("".join(f"{line}\n" for line in FORMATS[name](posted, books)), "utf-8")
    found = by_hledger(files["hledger"])
    assert {a.partition(":")[2]: minor for a, minor in found.items() if minor} == sums(posted)
    assert hledger_transactions(files["hledger"]) == len(posted)
    balances, transactions = by_beancount(files["beancount"])
    assert {a: minor for a, minor in balances.items() if minor} == sums(posted)
    assert transactions == len(posted)


def test_every_document_is_among_them(posted: list[Posted], stock: str) -> None:
    assert {document.kind for document in DOCUMENTED} == set(DOCUMENTS)
    templates = load_templates(stock)
    kinds = {t.kind for of_one in templates.values() for t in of_one}
    there = {p.voucher.content.kind for p in posted}
    assert kinds <= there
    assert any(kind.endswith("-reversal") for kind in there)


def test_the_readme_says_of_every_document_what_leads_to_it() -> None:
    told = (Path(cloud_bridge.__file__).parent / "README.md").read_text("utf-8")
    assert [kind for kind in DOCUMENTS if f"`{kind}`" not in told] == []
