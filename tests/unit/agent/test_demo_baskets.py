"""The real sample: whole baskets, and the item master and costs that follow from them."""

from __future__ import annotations

import gzip
import runpy
from itertools import pairwise
from pathlib import Path

import pytest

from agent.cli.demo.baskets import (
    BasketLine,
    item_figures,
    read_baskets,
    sample,
    write_costs,
    write_items,
)
from agent.domain.gs1 import has_valid_check_digit
from agent.domain.text import Text
from agent.itemfile import parse
from cloud_bridge.costs import UnitCost, parse_costs

ROOT = Path(__file__).parents[3]
MONTH = ROOT.parent / "shared" / "data" / "tafeng_2000-11.csv.gz"
HEAD = "date,customer_id,product_subclass,gtin,quantity,line_cost,line_price"
ROWS = (
    "2000-11-01,01104905,110411,4710199010372,2,24,30",
    "2000-11-02,01104905,110411,4710199010372,1,13,15",
    "2000-11-01,00418683,501002,2250062000090,3,81,114",
    "2000-11-01,01104905,120107,20391119,1,48,46",
    "2000-11-03,00000001,110411,4710199010372,1,11,14",
)


@pytest.fixture
def month(tmp_path: Path) -> Path:
    path = tmp_path / "month.csv.gz"
    path.write_bytes(gzip.compress("\n".join((HEAD, *ROWS)).encode()))
    return path


def test_a_basket_is_what_one_customer_bought_on_one_day(month: Path):
    baskets = list(read_baskets(month))
    assert [(b.day, b.customer) for b in baskets] == [
        ("2000-11-01", "01104905"),
        ("2000-11-02", "01104905"),
        ("2000-11-01", "00418683"),
        ("2000-11-03", "00000001"),
    ]
    assert [line.gtin for line in baskets[0].lines] == ["4710199010372", "20391119"]
    assert baskets[0].amount_minor == 7600
    assert baskets[0].pieces == 3


@pytest.mark.parametrize(
    ("gtin", "weighed"),
    [
        ("2250062000090", True),
        ("2100035002814", True),
        ("2300035002810", False),
        ("20391119", False),
    ],
)
def test_only_the_stores_own_13_digits_are_weighed(gtin: str, weighed: bool):
    line = BasketLine(gtin, "501002", 3, 8100, 11400)
    assert line.weighed is weighed
    assert line.pieces == (1 if weighed else 3)


def test_an_item_has_its_most_frequent_price_and_its_average_cost(month: Path):
    figures = item_figures(read_baskets(month))
    assert figures["4710199010372"].price_minor == 1500
    assert figures["4710199010372"].cost_minor == 1200
    assert figures["2250062000090"].price_minor == 3800


def test_agent_and_bridge_read_what_is_written_for_them(month: Path, tmp_path: Path):
    figures = item_figures(read_baskets(month)).values()
    write_items(tmp_path / "items.csv", figures, Text.english)
    write_costs(tmp_path / "costs.csv", figures)
    items = {i.gtin: i for i in parse((tmp_path / "items.csv").read_text("utf-8"))}
    assert items["04710199010372"].description == "Item 4710199010372"
    assert items["04710199010372"].category == "category 110411"
    assert items["04710199010372"].price_minor == 1500
    assert {gtin for gtin, item in items.items() if item.sold_by == "weight"} == {"02250062000090"}
    rows, errors = parse_costs((tmp_path / "costs.csv").read_text("utf-8"))
    assert errors == []
    costs = {row.gtin: row.cost for row in rows}
    assert costs["02250062000090"] == UnitCost(2700, "kg")
    assert costs["04710199010372"] == UnitCost(1200, "each")


def test_the_sample_is_bounded_and_fit_for_a_lane():
    baskets = sample()
    assert len(baskets) == 300
    assert sum(b.weighed for b in baskets) == 30
    assert all(len(b.lines) <= 40 and b.pieces <= 60 for b in baskets)
    assert all(line.price_minor > 0 and line.cost_minor > 0 for b in baskets for line in b.lines)
    assert all(has_valid_check_digit(line.gtin) for b in baskets for line in b.lines)
    assert all(before.day <= after.day for before, after in pairwise(baskets))


@pytest.mark.skipif(not MONTH.exists(), reason="the whole month is not beside this checkout")
def test_the_sample_is_what_the_whole_month_gives():
    maker = runpy.run_path(str(ROOT / "tests" / "make_sample.py"))
    month = list(read_baskets(MONTH))
    assert maker["packed"](maker["chosen"](month)) == maker["SAMPLE"].read_bytes()
    of_month = {(b.day, b.customer): b for b in month}
    assert all(of_month[b.day, b.customer] == b for b in sample())
