"""The ledger as text for other programs, a line at a time: hledger and beancount, which are also
independent referees of its sums.

Money is written in the currency's major unit by shifting the point: no rounding, no float.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from cloud_bridge.chart import Account, Chart, nature
from cloud_bridge.ledger.port import Posted
from cloud_bridge.mapping import Books
from cloud_bridge.templates import Template
from cloud_bridge.voucher import EntryLine, Voucher

#: ISO 4217 currencies whose minor unit is not a hundredth.
_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0),
    **dict.fromkeys(("RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
#: https://beancount.github.io/docs/beancount_language_syntax.html#accounts
_ROOTS = {"asset": "Assets", "liability": "Liabilities", "income": "Income", "expense": "Expenses"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
_NO_ACCOUNT = re.compile(r"[^A-Za-z0-9-]+")


def hledger(posted: Iterable[Posted], books: Books) -> Iterator[str]:
    """https://hledger.org/1.25/hledger.html#journal-format"""
    names = _Names(books)
    for one in posted:
        voucher, says = one.voucher, one.voucher.content
        words = f"{names.title(voucher)} {says.transaction_id} {says.note}"
        code = _plain(says.receipt_number).translate(str.maketrans("()", "[]"))
        yield f"{says.booked_on} * ({code}) {_plain(words).replace(';', ',').strip()}"
        yield f"    ; voucher:{voucher.voucher_id}"
        for line in says.lines:
            account = f"{_ROOTS[names.nature(line)].lower()}:{names.account(line)}"
            yield f"    {account}  {says.currency} {major(line.amount_minor, says.currency)}"
        yield ""


def beancount(posted: Iterable[Posted], books: Books) -> Iterator[str]:
    """https://beancount.github.io/docs/beancount_language_syntax.html"""
    names = _Names(books)
    opened: set[str] = set()
    yield f'option "operating_currency" "{books.currency}"'
    for one in posted:
        voucher, says = one.voucher, one.voucher.content
        accounts = [_beancount_account(names, line) for line in says.lines]
        for account in dict.fromkeys(accounts):
            if account not in opened:
                opened.add(account)
                yield f"1970-01-01 open {account}"
        words = _quoted(f"{says.transaction_id} {says.receipt_number} {says.note}")
        yield f"{says.booked_on} * {_quoted(names.title(voucher))} {words}"
        yield f'  voucher: "{voucher.voucher_id}"'
        for account, line in zip(accounts, says.lines, strict=True):
            yield f"  {account}  {major(line.amount_minor, says.currency)} {says.currency}"
        yield ""


#: Name of the format -> what writes it.
FORMATS: dict[str, Callable[[Iterable[Posted], Books], Iterator[str]]] = {
    "hledger": hledger,
    "beancount": beancount,
}


class _Names:
    """What accounts and vouchers are called in the books."""

    def __init__(self, books: Books) -> None:
        self._natures = _natures(books.chart)
        self._accounts = {account.number: account for account in books.chart.accounts.values()}
        templates: Iterable[Template] = chain.from_iterable(books.templates.values())
        self._titles = {template.kind: template.en for template in templates}

    def nature(self, line: EntryLine) -> str:
        """One for each account, although roles of several natures may share it."""
        return self._natures.get(line.account) or nature(line.role)

    def account(self, line: EntryLine) -> str:
        """Number and name; the number alone if the account has left the chart."""
        account = self._accounts.get(line.account, Account(line.account, "", ""))
        return _plain(f"{account.number} {account.en}".strip()).replace(":", "")

    def title(self, voucher: Voucher) -> str:
        kind = voucher.content.kind
        return self._titles.get(kind, kind)


def _natures(chart: Chart) -> dict[str, str]:
    found: dict[str, str] = {}
    for role, account in chart.accounts.items():
        found.setdefault(account.number, nature(role))
    return found


def _beancount_account(names: _Names, line: EntryLine) -> str:
    words = _NO_ACCOUNT.sub("-", names.account(line)).strip("-")
    return f"{_ROOTS[names.nature(line)]}:{words}"


def major(amount_minor: int, currency: str) -> str:
    """12345 -> "123.45"."""
    digits = _DIGITS.get(currency, 2)
    sign = "-" if amount_minor < 0 else ""
    figures = str(abs(amount_minor)).zfill(digits + 1)
    return f"{sign}{figures[:-digits]}.{figures[-digits:]}" if digits else f"{sign}{figures}"


def _plain(text: str) -> str:
    """One line, single spaces: two of them end an hledger account."""
    return " ".join(_CONTROL.sub(" ", text).split())


def _quoted(text: str) -> str:
    escaped = _plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
