from importlib.resources import files

import pytest

from cloud_bridge.config import ConfigError, load


def write(tmp_path, text):
    file = tmp_path / "bridge.toml"
    file.write_text(text, encoding="utf-8")
    return file


def errors(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    return str(caught.value).replace(str(tmp_path), "")


def test_an_empty_file_gives_a_small_shop_in_china(tmp_path):
    config = load(write(tmp_path, ""))
    assert config.books.currency == "CNY"
    assert config.books.chart.name_zh == "小企业会计准则"
    assert config.settings.mqtt.port == 1883
    assert config.costs == ()


def test_the_example_is_in_order(tmp_path):
    example = (files("cloud_bridge") / "bridge.example.toml").read_text("utf-8")
    assert load(write(tmp_path, example)).settings.bridge.name == "lanetally-bridge"
    commented = "\n".join(
        line.removeprefix("# ") if " = " in line and "file" not in line else line
        for line in example.splitlines()
    )
    assert load(write(tmp_path, commented)).settings.mqtt.tls


def test_relative_paths_start_at_the_file(tmp_path):
    (tmp_path / "costs.csv").write_text("gtin,unit_cost_minor,cost_per\n20000015,1,kg\n")
    config = load(write(tmp_path, '[ledger]\npath = "l.db"\n[items]\ncost_file = "costs.csv"\n'))
    assert config.ledger_path == tmp_path / "l.db"
    assert len(config.costs) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[ledger]\nchart = "cn_smal"', '/bridge.toml:2: ledger.chart: is "cn_smal"; allowed:'),
        ('[ledger]\nkind = "oracle"', "ledger.kind"),
        ('[ledger]\ncurrency = "yuan"', "ledger.currency"),
        ('[bridge]\norg = "a/b"', "bridge.org"),
        ('[bridge]\nname = ""', "bridge.name"),
        ("[mqtt]\nport = 0", "/bridge.toml:2: mqtt.port: is 0; allowed: 1…65535"),
        ("[mqtt]\nhots = 1", "did you mean host?"),
        ('[ledger]\nkind = "postgres"', "ledger.dsn: is needed for a ledger in PostgreSQL"),
        ('[ledger]\nstock = "never"', "ledger.stock"),
        ('[ledger]\nvoucher_file = "no.toml"', "ledger.voucher_file: names a file that cannot"),
        ('\n[ledger]\nchart_file = "none.toml"', "/bridge.toml:3: ledger.chart_file: names a file"),
        ('[items]\ncost_file = "none.csv"', "/bridge.toml:2: items.cost_file: names a file"),
        ("[ledger", "not valid TOML"),
    ],
)
def test_an_error_names_line_key_and_remedy(tmp_path, text, message):
    assert message in errors(tmp_path, text)


def test_all_errors_come_at_once(tmp_path):
    assert (
        len(errors(tmp_path, '[ledger]\nkind = 1\nchart_file = "x"\n[mqtt]\nport = 0').splitlines())
        == 3
    )


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        load(tmp_path / "none.toml")


def test_an_own_chart_is_used(tmp_path):
    chart = (files("cloud_bridge") / "charts" / "ifrs.toml").read_text("utf-8")
    (tmp_path / "own.toml").write_text(chart.replace("4000", "4711"), encoding="utf-8")
    config = load(write(tmp_path, '[ledger]\nchart_file = "own.toml"'))
    assert config.books.chart.account("revenue").number == "4711"


def test_own_vouchers_periodic_stock_and_who_follows(tmp_path):
    own = '[[voucher]]\nkind = "sale"\ndocument = "sale"\nen = "x"\nzh = "x"\nlines = []\n'
    (tmp_path / "own.toml").write_text(own, encoding="utf-8")
    text = '[ledger]\nvoucher_file = "own.toml"\nstock = "periodic"\noutbox = ["erp", "lake"]\n'
    config = load(write(tmp_path, text))
    assert config.books.templates["sale"] == ()
    assert [t.kind for t in config.books.templates["period-end"]] == ["period-end"]
    assert config.settings.ledger.outbox == ("erp", "lake")


def test_a_connection_string_is_shown_to_nobody(tmp_path):
    text = '[ledger]\nkind = "postgres"\ndsn = "host=db password=secret"\n'
    assert load(write(tmp_path, text)).place == "PostgreSQL"
