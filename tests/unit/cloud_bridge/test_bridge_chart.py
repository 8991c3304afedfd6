import pytest

from cloud_bridge.chart import BUILT_IN, REQUIRED, ChartError, load_chart, parse_chart

OWN = """
name_en = "Own"
name_zh = "自定"
[accounts]
"clearing.cash" = { number = "1", en = "Cash", zh = "现金" }
"inventory"     = { number = "2", en = "Stock", zh = "存货" }
"output-tax"    = { number = "3", en = "Tax", zh = "税" }
"revenue"       = { number = "4", en = "Sales", zh = "收入" }
"revenue.900"   = { number = "49", en = "Sales at 9 %", zh = "收入 9%" }
"cogs"          = { number = "5", en = "Cost", zh = "成本" }
"rounding"      = { number = "6", en = "Rounding", zh = "尾差" }
"""


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_built_in_chart_has_every_role_in_both_languages(name):
    chart = load_chart(name)
    tenders = ("cash", "card", "wechat", "alipay", "voucher")
    for role in (*REQUIRED, *(f"clearing.{tender}" for tender in tenders)):
        account = chart.account(role)
        assert account is not None, role
        assert account.number.isdigit()
        assert account.en.isascii()
        assert not account.zh.isascii()


def test_a_rate_of_its_own_wins_over_the_family():
    chart = parse_chart(OWN)
    assert chart.account("revenue.900").number == "49"
    assert chart.account("revenue.1300").number == "4"
    assert chart.account("output-tax.900").number == "3"


def test_an_unknown_tender_has_an_account_only_where_the_chart_gives_other():
    assert parse_chart(OWN).account("clearing.bitcoin") is None
    other = OWN + '"clearing.other" = { number = "9", en = "Other", zh = "其他" }\n'
    assert parse_chart(other).account("clearing.bitcoin").number == "9"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace('"cogs"', '"cost"'), "unknown role cost"),
        (lambda t: t.replace('"cogs" ', '"rounding.5" '), "unknown role rounding.5"),
        (lambda t: "".join(x for x in t.splitlines(True) if "rounding" not in x), "rounding"),
        (lambda t: t.replace("clearing.cash", "revenue.1"), "no account for clearing.cash"),
        (lambda t: t.replace('number = "1"', "number = 1"), "Expected `str`"),
        (lambda t: t + "[", "at end of document"),
    ],
)
def test_a_chart_that_cannot_be_used_says_what_to_change(change, message):
    with pytest.raises(ChartError, match=message):
        parse_chart(change(OWN))


def test_a_company_brings_its_own_chart(tmp_path):
    file = tmp_path / "chart.toml"
    file.write_text(OWN, encoding="utf-8")
    assert load_chart("cn_small", file).name_zh == "自定"


def test_a_missing_chart_file_is_named(tmp_path):
    with pytest.raises(ChartError, match=r"none\.toml"):
        load_chart("cn_small", tmp_path / "none.toml")
