"""Whatever a document's figures are, its vouchers balance in every chart, or none is made."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from cloud_bridge.chart import BUILT_IN, load_chart
from cloud_bridge.documents import DOCUMENTS, Document, figures, imbalance, total
from cloud_bridge.mapping import Books, MappingProblem, Posting, Terms, post
from cloud_bridge.templates import Stock, load_templates
from cloud_bridge.voucher import FactKey, reversal

KEY = FactKey("acme", "harbour", "lane-1", "e" * 32, 1)
BOOKS = [
    Books(load_chart(chart), "CNY", load_templates(stock))
    for chart in BUILT_IN
    for stock in get_args(Stock)
]
LABELS = {
    "tender": ("cash", "card", "wechat", "alipay", "voucher", "giftcard"),
    "rate": ("0", "300", "900", "1300"),
    "platform": ("card", "wechat", "alipay"),
}
minor = st.integers(-(10**9), 10**9)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Any figures; the whole is then made to agree with its parts."""
    cls = draw(st.sampled_from(sorted(DOCUMENTS.values(), key=lambda c: c.kind)))
    values = {
        name: draw(st.dictionaries(st.sampled_from(LABELS[label]), minor) if label else minor)
        for name, label in figures(cls).items()
    }
    document = cls(business_date="2000-11-01", currency="CNY", reference="t1", **values)
    if not cls.whole:
        return document
    label = figures(cls)[cls.whole]
    off = imbalance(document)
    if not label:
        return replace(document, **{cls.whole: total(document, cls.whole) - off})
    family = dict(getattr(document, cls.whole))
    first = LABELS[label][0]
    family[first] = family.get(first, 0) - off
    return replace(document, **{cls.whole: family})


@given(documents(), st.sampled_from(BOOKS))
def test_every_voucher_of_every_document_balances_in_every_chart(document, books):
    posting = post(document, KEY, books, Terms({}.get))
    assert isinstance(posting, Posting), posting
    for voucher in posting.vouchers:
        lines = voucher.content.lines
        assert len(lines) >= 2
        assert sum(line.amount_minor for line in lines) == 0
        assert all(line.amount_minor for line in lines)
        assert len({line.role for line in lines}) == len(lines)
        back = reversal(voucher, KEY._replace(seq=2), "", "", red=True)
        assert sum(line.amount_minor for line in back.content.lines) == 0


@given(documents().filter(lambda d: bool(d.whole)), st.integers(1, 10**6))
def test_a_document_that_contradicts_itself_makes_no_voucher(document, error):
    label = figures(type(document))[document.whole]
    value = getattr(document, document.whole)
    wrong = dict(value) | {"card": value.get("card", 0) + error} if label else value + error
    problem = post(replace(document, **{document.whole: wrong}), KEY, BOOKS[0], Terms({}.get))
    assert isinstance(problem, MappingProblem)
    assert problem.code == "sums"
