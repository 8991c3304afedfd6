"""`lanetally totals`: rules proposed from receipts, and receipts shown through rules."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest

from agent.cli import main
from agent.totals.rule import check_rule, shipped

CAPTURES = Path(__file__).parents[2] / "captures" / "totals" / "receipts.jsonl.gz"
GERMAN = """EDEKA Markt
Kasse 3   Bon {number}   22.11.2026 10:15
{items}
SUMME           {total}
BAR            {given}
RUECKGELD       {change}
"""


@pytest.fixture
def german(tmp_path):
    """Words and numbers that no list of ours has."""
    texts = (
        GERMAN.format(
            number=1,
            items="Milch 3,5%      1,29 A\nBrot  2,50 A\n2 x 0,99\nJoghurt         1,98 A",
            total="5,77",
            given="10,00",
            change="4,23",
        ),
        GERMAN.format(
            number=2,
            items="Butter          2,29 A\nBrot            2,50 A",
            total="4,79",
            given="5,00",
            change="0,21",
        ),
    )
    files = []
    for number, text in enumerate(texts):
        files.append(tmp_path / f"{number}.txt")
        files[-1].write_text(text, encoding="utf-8")
    return [str(file) for file in files]


def test_a_rule_is_learnt_for_a_language_nobody_told_it(german, tmp_path, capsys):
    rule = tmp_path / "rule.toml"
    assert main(["totals", "learn", "--output", str(rule), *german]) == 0
    shown = capsys.readouterr().out
    assert "read: 4 items, 5.77" in shown
    assert "       item | 2 x 0,99" in shown
    assert main(["totals", "check", "--json", str(rule), *german]) == 0
    first, second = json.loads(capsys.readouterr().out)["receipts"]
    assert (first["total"]["item_count"], second["total"]["item_count"]) == (4, 2)
    assert first["total"]["tenders"] == [{"tender_type": "cash", "amount_minor": 1000}]
    assert first["total"]["change_minor"] == 423


@pytest.mark.parametrize("layout", shipped())
def test_a_rule_is_learnt_from_a_few_receipts_and_reads_the_others(layout, tmp_path, capsys):
    with gzip.open(CAPTURES, "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["layout"] == layout][:12]
    files = []
    for number, row in enumerate(rows):
        files.append(tmp_path / f"{number}.bin")
        files[-1].write_bytes(base64.b64decode(row["bytes"]))
    few = [str(file) for file in files[:5]]
    assert main(["totals", "learn", "--json", *few]) == 0
    learnt = json.loads(capsys.readouterr().out)
    rule = tmp_path / "rule.toml"
    rule.write_text(learnt["rule"], encoding="utf-8")
    assert check_rule(learnt["rule"]).errors == ()
    main(["totals", "check", "--json", str(rule), *map(str, files)])
    receipts = json.loads(capsys.readouterr().out)["receipts"]
    read = [receipt for receipt in receipts if receipt["status"] == "read"]
    assert len(read) >= 9
    for receipt, row in zip(receipts, rows, strict=True):
        if receipt["status"] == "read":
            assert receipt["total"]["item_count"] == row["total"]["item_count"]
            assert receipt["total"]["amount_minor"] == row["total"]["amount_minor"]


def test_what_is_not_read_says_why_in_the_technicians_language(tmp_path, capsys, monkeypatch):
    file = tmp_path / "a.txt"
    file.write_text("Milk 1 3.50 3.50\nTOTAL 3.51\nCASH 3.51\n\fREFUND\n")
    assert main(["totals", "check", "columns", str(file)]) == 1
    shown = capsys.readouterr().out
    assert "not read: The items add up to 350 minor units, the total says 351" in shown
    assert "no sale: a copy, a report or a refund" in shown
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert main(["totals", "check", "--json", "columns", str(file)]) == 1
    first = json.loads(capsys.readouterr().out)["receipts"][0]
    assert first["code"] == "sum_differs"
    assert "合计" in first["reason"]


def test_files_that_hold_nothing_or_are_not_there_are_said(tmp_path, capsys):
    assert main(["totals", "check", "columns", str(tmp_path / "none")]) == 1
    assert "No such file" in capsys.readouterr().err
    (tmp_path / "empty").touch()
    assert main(["totals", "check", "columns", str(tmp_path / "empty")]) == 1
    assert "holds no text" in capsys.readouterr().err


def test_cash_and_its_change_do_not_keep_a_rule_from_being_learned(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text(
        "Green tea    1 x  4.50     4.50\nRice 5kg     2 x 13.50    27.00\n"
        "ITEMS 3\nTOTAL 31.50\nCASH 50.00\nCHANGE 18.50\n"
    )
    assert main(["totals", "learn", str(file)]) == 0


def test_a_file_that_is_no_receipt_teaches_nothing_and_says_so(tmp_path, capsys):
    file = tmp_path / "noise"
    file.write_bytes(bytes(range(128, 256)) * 20 + b"\n-\n")
    assert main(["totals", "learn", str(file)]) == 1
    assert "settles nothing" in capsys.readouterr().err


def test_a_rule_that_cannot_be_written_is_said(tmp_path, capsys):
    file = tmp_path / "a.txt"
    file.write_text("Milk 1 3.50 3.50\nTOTAL 3.50\nCASH 3.50\n")
    rule = tmp_path / "absent" / "rule.toml"
    assert main(["totals", "learn", "--output", str(rule), str(file)]) == 1
    assert capsys.readouterr().err == f"{rule}: No such file or directory\n"
