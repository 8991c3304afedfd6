"""Any sale whose own figures agree gives vouchers that balance, to the cent and by role."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.domain.facts import SoldLine, TransactionSettled
from agent.domain.totals import TaxAmount, Tender
from cloud_bridge.chart import BUILT_IN, load_chart
from cloud_bridge.costs import UnitCost, line_cost_minor
from cloud_bridge.mapping import Books, MappingProblem, Posting, Terms, map_fact
from cloud_bridge.voucher import FactKey

KEY = FactKey("acme", "harbour", "lane-1", "e" * 32, 1)
CHARTS = [load_chart(name) for name in BUILT_IN]
TENDERS = ("cash", "card", "wechat", "alipay", "voucher")

minor = st.integers(-10_000_00, 10_000_000_00)
gtins = st.sampled_from([f"{n:014d}" for n in range(6)])
costs = st.dictionaries(
    gtins, st.builds(UnitCost, st.integers(0, 10**6), st.sampled_from(["each", "kg"]))
)
lines = st.lists(
    st.builds(
        SoldLine,
        line_no=st.integers(0, 9),
        gtin=gtins,
        quantity_milli=st.integers(-5000, 50000),
        weight_g=st.none() | st.integers(0, 30000),
        amount_minor=st.none() | minor,
        description=st.text(max_size=5),
        category=st.just(""),
        tax_rate_bp=st.just(1300),
    ),
    max_size=8,
).map(tuple)


@st.composite
def sales(draw: st.DrawFn) -> TransactionSettled:
    """Net and tax as the till split them; tenders that pay them, less change and rounding."""
    rates = st.sampled_from([0, 300, 600, 900, 1300])
    taxes = draw(st.lists(st.builds(TaxAmount, rates, minor, minor), max_size=4))
    amount = sum(tax.net_minor + tax.tax_minor for tax in taxes)
    rounding, change = draw(st.integers(-9, 9)), draw(st.integers(0, 100_00))
    tenders = draw(st.lists(st.builds(Tender, st.sampled_from(TENDERS), minor), max_size=3))
    rest = amount + rounding + change - sum(tender.amount_minor for tender in tenders)
    tenders.append(Tender(draw(st.sampled_from(TENDERS)), rest))
    return TransactionSettled(
        "t1", "R1", "2000-11-01", "CNY", "p1", 1, amount, change, rounding,
        draw(lines), tuple(tenders), tuple(taxes), 0,
    )  # fmt: skip


@given(sales(), costs, st.sampled_from(CHARTS))
def test_vouchers_balance_and_say_what_the_till_said(fact, known, chart):
    posting = map_fact(fact, KEY, Books(chart, "CNY"), Terms(known.get))
    assert isinstance(posting, Posting)
    total: dict[str, int] = {}
    for voucher in posting.vouchers:
        assert len(voucher.content.lines) >= 2
        assert sum(line.amount_minor for line in voucher.content.lines) == 0
        for line in voucher.content.lines:
            assert line.amount_minor
            family = line.role.partition(".")[0]
            total[family] = total.get(family, 0) + line.amount_minor
    assert total.get("clearing", 0) == fact.amount_minor + fact.rounding_minor
    assert total.get("rounding", 0) == -fact.rounding_minor
    assert total.get("revenue", 0) == -sum(tax.net_minor for tax in fact.taxes)
    assert total.get("output-tax", 0) == -sum(tax.tax_minor for tax in fact.taxes)
    assert total.get("cogs", 0) == sum(m.cost_minor or 0 for m in posting.movements)


@given(sales(), costs)
def test_each_line_moves_stock_and_has_a_cost_or_a_gap(fact, known):
    posting = map_fact(fact, KEY, Books(CHARTS[0], "CNY"), Terms(known.get))
    assert [m.quantity_milli for m in posting.movements] == [-x.quantity_milli for x in fact.lines]
    uncosted = {m.line_no for m in posting.movements if m.cost_minor is None}
    assert {gap.line_no for gap in posting.gaps} == uncosted


@given(sales(), costs)
def test_the_same_fact_gives_the_same_bytes(fact, known):
    books = Books(CHARTS[0], "CNY")
    assert map_fact(fact, KEY, books, Terms(known.get)) == map_fact(
        fact, KEY, books, Terms(known.get)
    )


@given(sales(), st.integers(1, 10**6))
def test_figures_that_do_not_agree_are_never_posted(fact, error_minor):
    from dataclasses import replace

    wrong = replace(fact, change_minor=fact.change_minor + error_minor)
    assert isinstance(map_fact(wrong, KEY, Books(CHARTS[0], "CNY"), Terms({}.get)), MappingProblem)


@given(st.integers(0, 10**9), st.integers(-(10**6), 10**6))
def test_a_line_cost_is_the_nearest_minor_unit_and_mirrors_in_returns(unit_cost, quantity_milli):
    cost = UnitCost(unit_cost, "each")
    minor_units = line_cost_minor(cost, quantity_milli, None)
    assert abs(minor_units * 1000 - unit_cost * quantity_milli) <= 500
    assert line_cost_minor(cost, -quantity_milli, None) == -minor_units
