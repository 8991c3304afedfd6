import pytest

from cloud_bridge.costs import (
    CostFileError,
    CostHistory,
    CostRow,
    DatedCost,
    UnitCost,
    line_cost_minor,
    parse_costs,
    read_costs,
)

HEAD = "gtin,unit_cost_minor,cost_per\n"


@pytest.mark.parametrize(
    ("cost", "quantity_milli", "weight_g", "minor"),
    [
        (UnitCost(350, "each"), 2000, None, 700),
        (UnitCost(350, "each"), 500, None, 175),
        (UnitCost(1, "each"), 500, None, 1),  # half of one: up
        (UnitCost(1, "each"), 499, None, 0),
        (UnitCost(1, "each"), -500, None, -1),  # a return mirrors the sale
        (UnitCost(1999, "kg"), 1000, 250, 500),  # 499.75
        (UnitCost(1999, "kg"), 1000, None, None),
        (UnitCost(1999, "each"), 1000, 250, None),
        (UnitCost(0, "each"), 1000, None, 0),
    ],
)
def test_a_line_costs(cost, quantity_milli, weight_g, minor):
    assert line_cost_minor(cost, quantity_milli, weight_g) == minor


def test_the_cost_that_held_at_the_time_counts():
    old, new = UnitCost(100, "each"), UnitCost(120, "each")
    history = CostHistory([DatedCost("1", 50, new), DatedCost("1", 10, old)])
    assert [history.at("1", ms) for ms in (9, 10, 49, 50, 99)] == [None, old, old, new, new]
    assert history.at("2", 99) is None


def test_a_cost_file_is_read():
    rows, errors = parse_costs(HEAD + "4710199010372,1200,each\n20000015,899,kg\n20000015,900,kg\n")
    assert errors == []
    assert rows == [
        CostRow("04710199010372", UnitCost(1200, "each")),
        CostRow("00000020000015", UnitCost(900, "kg")),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("471,1,each", "line 2: gtin '471' is not 8 to 14 digits"),
        ("４７１０１９９０,1,each", "is not 8 to 14 digits"),
        ("4710199010372,1.5,each", "line 2: unit_cost_minor '1.5' is not a whole number"),
        ("4710199010372,-1,each", "is not a whole number"),
        ("4710199010372,9999999999999,each", "is not a whole number up to"),
        ("4710199010372,1,g", "line 2: cost_per 'g' is neither each nor kg"),
        ("4710199010372,1", "line 2: 2 columns instead of 3"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(line, message):
    rows, errors = parse_costs(HEAD + line + "\n")
    assert rows == []
    assert message in errors[0]


@pytest.mark.parametrize("text", ["", "gtin,cost\n"])
def test_wrong_columns_are_refused(text):
    assert parse_costs(text) == ([], ["line 1: the columns must be gtin,unit_cost_minor,cost_per"])


def test_a_file_counts_whole_or_not_at_all(tmp_path):
    file = tmp_path / "costs.csv"
    file.write_text("\ufeff" + HEAD + "20000015,1,kg\n", encoding="utf-8")  # as Excel writes it
    assert len(read_costs(file)) == 1
    file.write_text(HEAD + "20000015,1,kg\n" + "x,1,kg\n" * 7, encoding="utf-8")
    with pytest.raises(CostFileError, match=r"costs\.csv: line 3.*line 7.*; and 2 more"):
        read_costs(file)
    with pytest.raises(CostFileError, match="none"):
        read_costs(tmp_path / "none.csv")
