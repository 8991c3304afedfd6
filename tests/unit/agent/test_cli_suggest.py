"""`lanetally suggest`: what may be missing, from the journal alone."""

from __future__ import annotations

import json

import pytest

from agent import cli
from agent.journal import Journal
from tests.lane_kit import BREAD, ITEMS, MILK, TEA, append, sale


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    file = tmp_path / "lane.toml"
    file.write_text(
        f"""
[store]
org = "acme"
id = "s1"
name = "Shop"
currency = "CNY"
tax_rate_bp = 900
[lane]
id = "lane-1"
data_dir = "{tmp_path / "data"}"
""",
        encoding="utf-8",
    )
    return file


@pytest.fixture
def journal(config, tmp_path):
    with Journal(tmp_path / "data" / "journal.db") as opened:
        opened.load_items(ITEMS.values(), "digest")
        yield opened


@pytest.fixture
def sold(journal):
    step = sale(charges=(MILK, BREAD), scans=(MILK, BREAD))
    append(journal, step.facts)
    return step.facts[0].transaction_id


def suggest(config, *words):
    return cli.main(["suggest", "--config", str(config), *words])


def test_the_likeliest_items_are_named_with_their_reasons(config, sold, capsys):
    assert suggest(config, "--gtins", MILK.gtin.lstrip("0"), "--amount-minor", "800") == 0

    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith(
        f"{BREAD.gtin}   99.7 %  Bread  (costs what was charged above the scans;"
    )


def test_a_customer_is_known_by_a_number_or_by_the_sale(config, journal, capsys):
    whole = sale(charges=(MILK, BREAD), scans=(MILK, BREAD), customer="13812345678")
    milk = sale("T2", whole.state, customer="13812345678")
    append(journal, whole.facts)
    append(journal, milk.facts)
    habit = "this customer has bought it before"

    assert suggest(config, milk.facts[0].transaction_id) == 0
    assert habit in capsys.readouterr().out
    assert suggest(config, "--gtins", MILK.gtin, "--customer", "13812345678") == 0
    assert habit in capsys.readouterr().out
    assert suggest(config, "--gtins", MILK.gtin) == 0
    assert habit not in capsys.readouterr().out


def test_the_answer_can_be_json(config, sold, capsys):
    assert suggest(config, "--json", "--limit", "1") == 0

    [one] = json.loads(capsys.readouterr().out)["suggestions"]
    assert (one["gtin"], one["description"]) == (MILK.gtin, "Milk 1 l")
    assert one["reasons"] == ["sells well these days"]


def test_nothing_is_missing_from_a_sale_that_had_all_there_is(config, sold, capsys):
    assert suggest(config, sold) == 1

    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "nothing was sold yet that could be missing\n")


def test_json_of_nothing_is_an_empty_list(config, journal, capsys):
    assert suggest(config, "--json") == 1
    assert json.loads(capsys.readouterr().out) == {"suggestions": []}


def test_who_asks_wrongly_is_told(config, sold, capsys):
    assert suggest(config, "T404") == 1
    assert "No such sale" in capsys.readouterr().err
    assert suggest(config, "--gtins", TEA.gtin, "tea") == 1
    assert "tea is no GTIN" in capsys.readouterr().err


def test_a_lane_that_never_ran_has_no_journal(config, capsys):
    assert suggest(config) == 1
    assert "no journal at" in capsys.readouterr().err


def test_a_file_that_is_no_journal_is_named(config, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "journal.db").write_bytes(b"not a database" * 100)

    assert suggest(config) == 1
    assert "journal.db: file is not a database" in capsys.readouterr().err
