import hashlib
from dataclasses import replace

import pytest

from agent.domain.facts import LaneStarted
from agent.domain.totals import TaxAmount, Tender
from agent.wire import encode_body
from cloud_bridge.chart import load_chart
from cloud_bridge.costs import UnitCost
from cloud_bridge.documents import CostGap, StockMovement
from cloud_bridge.mapping import FIGURE_MAX, Books, MappingProblem, Posting, Terms, derive, map_fact
from cloud_bridge.voucher import FactKey

KEY = FactKey("acme", "harbour", "lane-1", "e" * 32, 7)
TEA, APPLES = "04710199010372", "00000020000015"
COSTS = {TEA: UnitCost(6000, "each"), APPLES: UnitCost(1501, "kg")}


def books(chart="cn_small"):
    return Books(load_chart(chart), "CNY")


def posted(fact, costs=COSTS, chart="cn_small"):
    posting = map_fact(fact, KEY, books(chart), Terms(costs.get))
    assert isinstance(posting, Posting)
    return posting


def lines(voucher):
    return [(line.role, line.account, line.amount_minor) for line in voucher.content.lines]


#: chart -> accounts of cash, revenue, output tax, cogs, inventory
GOLDEN = {
    "cn_asbe": ("1001", "6001", "222102", "6401", "1405"),
    "cn_small": ("1001", "5001", "222102", "5401", "1405"),
    "ifrs": ("1010", "4000", "2200", "5000", "1300"),
}


@pytest.mark.parametrize("chart", GOLDEN)
def test_a_sale_and_its_cost_in_each_chart(sale, chart):
    cash, revenue, tax, cogs, inventory = GOLDEN[chart]
    t1, t2 = posted(sale(), chart=chart).vouchers
    assert lines(t1) == [
        ("clearing.cash", cash, 11300),
        ("revenue.1300", revenue, -10000),
        ("output-tax.1300", tax, -1300),
    ]
    assert lines(t2) == [  # 60.00, and half a kilogram at 15.01: 7.505
        ("cogs", cogs, 6751),
        ("inventory", inventory, -6751),
    ]
    assert (t1.content.kind, t2.content.kind) == ("sale", "cost")
    assert t1.content.receipt_number == "R1"
    assert t1.content.business_date == "2000-11-01"


def test_an_identity_and_digest_that_never_change(sale):
    t1, t2 = posted(sale()).vouchers
    # uuid5(uuid5(NAMESPACE_URL, "urn:lanetally:voucher"), "acme/harbour/lane-1/eee…/7/sale/1")
    assert t1.voucher_id == "bd064012-1dee-5581-90a4-2443e913a1b6"
    assert t2.voucher_id == "a8a42dff-3c01-5a0e-9dee-dd34ff0d9a03"
    canonical = (
        b'{"kind":"cost","version":1,"business_date":"2000-11-01","currency":"CNY",'
        b'"transaction_id":"t1","receipt_number":"R1","lines":['
        b'{"role":"cogs","account":"5401","amount_minor":6751},'
        b'{"role":"inventory","account":"1405","amount_minor":-6751}]}'
    )
    assert t2.digest == hashlib.sha256(canonical).hexdigest()


def test_any_difference_of_content_shows_in_the_digest(sale):
    digests = {
        posted(fact).vouchers[0].digest
        for fact in (
            sale(),
            sale(business_date="2000-11-02"),
            sale(receipt_number="R2"),
            sale(tenders=(Tender("card", 12000),)),
            sale(taxes=(TaxAmount(1200, 10000, 1300),)),
        )
    }
    assert len(digests) == 5


def test_tenders_and_rates_each_have_their_line(sale):
    fact = sale(
        tenders=(Tender("wechat", 5000), Tender("cash", 3000), Tender("wechat", 4000)),
        taxes=(TaxAmount(1300, 5000, 650), TaxAmount(0, 3000, 0), TaxAmount(900, 2431, 219)),
    )
    t1 = posted(fact).vouchers[0]
    assert lines(t1) == [
        ("clearing.wechat", "101202", 9000),
        ("clearing.cash", "1001", 2300),
        ("revenue.1300", "5001", -5000),
        ("output-tax.1300", "222102", -650),
        ("revenue.0", "5001", -3000),
        ("revenue.900", "5001", -2431),
        ("output-tax.900", "222102", -219),
    ]


def test_change_leaves_the_drawer_whatever_was_tendered(sale):
    t1 = posted(sale(tenders=(Tender("voucher", 12000),))).vouchers[0]
    assert lines(t1)[:2] == [("clearing.voucher", "122101", 12000), ("clearing.cash", "1001", -700)]


@pytest.mark.parametrize("rounding_minor", [-3, 2])
def test_rounding_goes_to_its_own_account_either_way(sale, rounding_minor):
    fact = sale(tenders=(Tender("cash", 12000 + rounding_minor),), rounding_minor=rounding_minor)
    t1 = posted(fact).vouchers[0]
    assert lines(t1)[0] == ("clearing.cash", "1001", 11300 + rounding_minor)
    assert lines(t1)[-1] == ("rounding", "560302", -rounding_minor)


def test_stock_leaves_by_line_with_its_cost(sale):
    posting = posted(sale())
    assert posting.movements == (
        StockMovement(1, TEA, -1000, None, 6000),
        StockMovement(2, APPLES, -1000, -500, 751),
    )
    assert posting.gaps == ()


def test_a_line_of_unknown_cost_is_left_out_and_reported(sale):
    posting = posted(sale(), costs={TEA: UnitCost(6000, "each")})
    assert lines(posting.vouchers[1])[0] == ("cogs", "5401", 6000)
    assert posting.gaps == (CostGap(2, APPLES, "unknown"),)
    assert posting.movements[1] == StockMovement(2, APPLES, -1000, -500, None)


def test_a_cost_per_piece_does_not_price_a_weighed_line(sale):
    posting = posted(sale(), costs=COSTS | {APPLES: UnitCost(100, "each")})
    assert posting.gaps == (CostGap(2, APPLES, "unit"),)


@pytest.mark.parametrize("costs", [{}, {TEA: UnitCost(0, "each")}])
def test_no_cost_voucher_where_nothing_is_known(sale, costs):
    assert [v.content.kind for v in posted(sale(), costs=costs).vouchers] == ["sale"]


def test_a_sale_for_nothing_moves_stock_only(sale):
    posting = posted(
        sale(amount_minor=0, change_minor=0, tenders=(), taxes=(TaxAmount(1300, 0, 0),))
    )
    assert [v.content.kind for v in posting.vouchers] == ["cost"]
    assert len(posting.movements) == 2


def test_every_voucher_balances(sale):
    for voucher in posted(sale()).vouchers:
        assert sum(line.amount_minor for line in voucher.content.lines) == 0


@pytest.mark.parametrize(
    ("changes", "code", "detail"),
    [
        ({"currency": "USD"}, "currency", "'USD', but the ledger keeps CNY"),
        ({"business_date": "20001101"}, "business_date", "'20001101' is no YYYY-MM-DD"),
        ({"business_date": "yesterday"}, "business_date", "'yesterday' is no YYYY-MM-DD"),
        ({"change_minor": 600}, "tenders", "tenders less change are 11400, amount and rounding"),
        ({"taxes": ()}, "taxes", "net and tax are 0, the amount is 11300"),
        (
            {"tenders": (Tender("bitcoin", 12000),)},
            "account",
            "the chart has no account for 'clearing.bitcoin'",
        ),
    ],
)
def test_what_cannot_be_posted_says_why(sale, changes, code, detail):
    problem = map_fact(sale(**changes), KEY, books(), Terms(COSTS.get))
    assert isinstance(problem, MappingProblem)
    assert problem.code == code
    assert detail in problem.detail


def test_figures_that_no_database_can_sum_are_refused(sale):
    huge = FIGURE_MAX + 1
    fact = sale(
        amount_minor=huge,
        change_minor=0,
        tenders=(Tender("card", huge),),
        taxes=(TaxAmount(0, huge, 0),),
    )
    assert map_fact(fact, KEY, books(), Terms(COSTS.get)).code == "range"
    line = replace(sale().lines[0], quantity_milli=huge)
    assert map_fact(sale(lines=(line,)), KEY, books(), Terms({}.get)).code == "range"
    line = replace(sale().lines[1], weight_g=huge)
    assert map_fact(sale(lines=(line,)), KEY, books(), Terms({}.get)).code == "range"


def test_derive_tells_the_money_at_stake(sale):
    def derived(fact):
        return derive(KEY, fact.type, 1, encode_body(fact), books(), Terms(COSTS.get))

    assert derived(sale(currency="USD")).amount_minor == 11300
    assert derived(sale(amount_minor=2**70)).amount_minor is None
    assert derived(sale()) == posted(sale())


def test_derive_knows_what_leads_to_nothing():
    started = LaneStarted("boot", "0.1")
    assert derive(KEY, started.type, 1, encode_body(started), books(), Terms(COSTS.get)) is None
    assert derive(KEY, "LaneStarted", 99, b"{}", books(), Terms(COSTS.get)) is None
    assert derive(KEY, "Novelty", 1, b"{}", books(), Terms(COSTS.get)) is None


def test_derive_reports_a_body_that_its_class_does_not_accept():
    problem = derive(
        KEY, "TransactionSettled", 1, b'{"amount_minor": 1.5}', books(), Terms(COSTS.get)
    )
    assert problem.code == "body"
    assert "TransactionSettled v1" in problem.detail
