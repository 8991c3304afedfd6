"""`lanetally status`: figures from the journal, beside a running daemon, after it and without."""

from __future__ import annotations

import argparse
import json
import sqlite3

import pytest

from agent import cli
from agent.ballast import Ballast
from agent.cli import status
from agent.domain import facts
from agent.journal import Journal
from agent.journal.backup import back_up
from agent.journal.health import mark_damaged
from agent.journal.succession import open_journal
from tests.lane_kit import append, keep_busy_day


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    file = tmp_path / "lane.toml"
    data = tmp_path / "data"
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
data_dir = "{data}"
""",
        encoding="utf-8",
    )
    return file


@pytest.fixture
def journal(config):
    with Journal(config.parent / "data" / "journal.db") as opened:
        yield opened


def figures(config, capsys):
    assert cli.main(["status", "--config", str(config), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_status_of_a_running_lane_is_read_beside_it(config, journal, capsys):
    keep_busy_day(journal)
    append(journal, [facts.DeviceLost("scale", "gone")], acked_seq=5)

    now = figures(config, capsys)

    assert now == {
        "lane": "lane-1",
        "epoch": journal.epoch,
        "facts": journal.last_seq,
        "acknowledged": 5,
        "transactions": 2,
        "suspected": 2,
        "receipts_unprinted": 1,
        "devices_lost": ["scale"],
        "disk_reserve_held": False,
        "journal_mb": 0,
        "journal_mb_max": 2048,
        "begun_anew": "",
        "facts_lost": 0,
        "former_unsent": 0,
        "damage_found": False,
        "last_backup": "",
    }


def test_a_receipt_that_waits_for_a_lost_printer_is_not_printed(config, journal, capsys):
    printer = '[[device]]\nrole = "printer"\nkind = "printer"\nmodel = "escpos"\nhost = "p"\n'
    config.write_text(config.read_text("utf-8") + printer + 'transport = "tcp"\n', "utf-8")
    keep_busy_day(journal)
    append(journal, [facts.LaneStarted("b", "0")])
    at_the_printer = figures(config, capsys)["receipts_unprinted"]

    append(journal, [facts.DeviceLost("printer", "gone")])
    lost = figures(config, capsys)["receipts_unprinted"]
    append(journal, [facts.DeviceReturned("printer")])

    assert (at_the_printer, lost) == (1, 3)
    assert figures(config, capsys)["receipts_unprinted"] == at_the_printer


def test_a_writer_in_the_middle_of_a_commit_is_no_obstacle(config, journal, capsys):
    append(journal, [facts.LaneStarted("b", "0")])
    journal._db.execute("BEGIN IMMEDIATE")
    journal._db.execute("INSERT INTO fact VALUES (2, 'X', 1, 0, 0, '', x'7b7d')")

    assert figures(config, capsys)["facts"] == 1
    journal._db.execute("ROLLBACK")


def test_the_status_can_be_asked_after_the_lane_has_stopped(config, capsys):
    with Journal(config.parent / "data" / "journal.db") as journal:
        keep_busy_day(journal)
        last = journal.last_seq

    assert figures(config, capsys)["facts"] == last


def test_people_read_one_line_for_each_figure(config, journal, capsys):
    keep_busy_day(journal)
    append(journal, [], acked_seq=journal.last_seq - 3)

    assert cli.main(["status", "--config", str(config)]) == 0

    said = capsys.readouterr().out
    assert "lane: lane-1\n" in said
    assert "of these not yet at head office: 3\n" in said
    assert "devices not reachable: -\n" in said
    assert "reserve on the disk: none: make room on the disk" in said


def test_the_reserve_that_a_running_lane_holds_is_seen(config, journal, capsys):
    assert Ballast(config.parent / "data" / "ballast", 4096).hold()

    assert figures(config, capsys)["disk_reserve_held"]


def test_a_journal_that_was_begun_anew_and_its_backup_are_seen(config, capsys):
    path = config.parent / "data" / "journal.db"
    with Journal(path) as journal:
        keep_busy_day(journal)
        last = journal.last_seq
    backup = path.parent / "backup" / "journal-20261122-033000.db"
    back_up(path, backup)
    path.write_bytes(bytes(100) + path.read_bytes()[100:])
    open_journal(path, 0)[0].close()
    mark_damaged(path, "once more")

    now = figures(config, capsys)

    assert (now["begun_anew"], now["facts_lost"], now["former_unsent"]) == ("damaged", 0, last)
    assert (now["damage_found"], now["last_backup"]) == (True, str(backup))
    assert cli.main(["status", "--config", str(config)]) == 0
    said = capsys.readouterr().out
    assert f"facts of before not yet at head office: {last}\n" in said
    assert "damage found: start the lane anew" in said


def test_a_lane_that_has_not_run_yet_says_so(config, capsys):
    assert cli.main(["status", "--config", str(config)]) == 1

    assert "this lane has not run yet" in capsys.readouterr().err


def test_a_file_that_is_no_journal_says_so(config, capsys):
    path = config.parent / "data" / "journal.db"
    path.parent.mkdir()
    path.write_bytes(b"no database at all, though long enough to have a header" * 20)

    assert cli.main(["status", "--config", str(config)]) == 1

    assert f"{path}: file is not a database" in capsys.readouterr().err


def test_a_journal_that_cannot_be_read_says_so(config, capsys):
    path = config.parent / "data" / "journal.db"
    path.mkdir(parents=True)

    assert cli.main(["status", "--config", str(config)]) == 1

    assert capsys.readouterr().err.startswith(f"{path}: ")


def test_an_empty_file_is_no_journal_either(config, capsys):
    path = config.parent / "data" / "journal.db"
    path.parent.mkdir()
    sqlite3.connect(path).close()
    path.touch()

    assert cli.main(["status", "--config", str(config)]) == 1

    assert "no such table" in capsys.readouterr().err


def test_the_command_needs_a_configuration():
    parser = argparse.ArgumentParser(exit_on_error=False)
    status.register(parser.add_subparsers())

    with pytest.raises(SystemExit):
        parser.parse_args(["status"])
