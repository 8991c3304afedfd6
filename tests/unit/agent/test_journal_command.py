"""`lanetally journal`: what is wrong is found and named, facts come out, projections come back."""

from __future__ import annotations

import argparse
import io
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from agent import cli
from agent.cli import journal as command
from agent.cli.journal import copies, verify
from agent.domain.facts import DeviceLost
from agent.journal import Journal, JournalReader
from agent.wire import GENESIS, WireFact, verify_chain
from tests.lane_kit import append, dumped, keep_busy_day

ROOT = Path(__file__).parents[3]


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
[lane]
id = "lane-1"
data_dir = "{tmp_path / "data"}"
""",
        encoding="utf-8",
    )
    return file


@pytest.fixture
def path(config):
    """The journal of a lane that was busy and stands now."""
    path = config.parent / "data" / "journal.db"
    with Journal(path) as journal:
        keep_busy_day(journal)
    return path


def lanetally(config, *words):
    return cli.main(["journal", *words, "--config", str(config)])


def verdict(config, capsys):
    code = lanetally(config, "verify", "--json")
    answer = json.loads(capsys.readouterr().out)
    assert code == (0 if answer["ok"] else 1)
    return answer


def tamper(path, *statements):
    """Change the file as its own rules forbid it."""
    with closing(sqlite3.connect(path)) as db, db:
        for trigger in ("fact_is_never_changed", "fact_is_never_deleted"):
            db.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            db.execute(statement)


# --- verify --------------------------------------------------------------------------------------


def test_a_journal_in_order_is_said_to_be(config, path, capsys):
    with Journal(path) as journal:
        facts, epoch = journal.last_seq, journal.epoch

    assert verdict(config, capsys) == {
        "path": str(path),
        "epoch": epoch,
        "facts": facts,
        "ok": True,
        "problems": [],
    }
    assert lanetally(config, "verify") == 0
    assert capsys.readouterr().out == f"{facts} facts, all in order\n"


def test_an_empty_journal_is_in_order(config, capsys):
    Journal(config.parent / "data" / "journal.db").close()

    assert verdict(config, capsys)["facts"] == 0


def test_a_running_lane_is_verified_beside_its_writer(config, path, capsys):
    with Journal(path) as journal:
        journal._db.execute("BEGIN IMMEDIATE")
        journal._db.execute("INSERT INTO fact VALUES (1000, 'X', 1, 0, 0, '', x'7b7d')")
        assert verdict(config, capsys)["ok"]
        journal._db.execute("ROLLBACK")


CHANGED = "is not the one that was written"


@pytest.mark.parametrize(
    ("change", "seq", "said"),
    [
        ("UPDATE fact SET body = x'7b7d' WHERE seq = 3", 3, CHANGED),
        ("UPDATE fact SET wall_ms = wall_ms + 1 WHERE seq = 4", 4, CHANGED),
        ("UPDATE fact SET hash = upper(hash) WHERE seq = 1", 1, CHANGED),
        ("UPDATE meta SET value = 'another' WHERE key = 'epoch'", 1, CHANGED),
        ("DELETE FROM fact WHERE seq = 5", 5, "is missing"),
        ("DELETE FROM fact WHERE seq = 1", 1, "is missing"),
    ],
)
def test_the_first_fact_that_breaks_the_chain_is_named(config, path, capsys, change, seq, said):
    tamper(path, change)

    (problem,) = verdict(config, capsys)["problems"]

    assert (problem["kind"], problem["seq"]) == ("chain", seq)
    assert problem["message"] == f"the fact at seq {seq} {said}"
    assert str(path.parent) in problem["advice"]
    if seq > 1:
        assert f"export --to {seq - 1}" in problem["advice"]


def test_what_is_wrong_and_what_to_do_is_said_in_the_language_of_the_shell(
    config, path, capsys, monkeypatch
):
    tamper(path, "DELETE FROM fact WHERE seq = 5")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")

    assert lanetally(config, "verify") == 1

    message, advice = capsys.readouterr().out.splitlines()
    assert message == "缺少 seq 为 5 的事实"
    assert "lanetally journal export --to 4" in advice
    assert "停止" in advice


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE settlement SET settled_seq = NULL",
        "DELETE FROM print_job WHERE state = 'waiting'",
        "INSERT INTO print_job VALUES ('zzz', 1, 'waiting', 0)",
        "UPDATE lane_state SET last_number = 77",
    ],
)
def test_projections_that_do_not_follow_from_the_facts_are_found_and_mended(
    config, path, capsys, change
):
    tamper(path, change)

    (problem,) = verdict(config, capsys)["problems"]

    assert (problem["kind"], problem["seq"]) == ("projections", 0)
    assert "lanetally journal rebuild" in problem["advice"]
    assert lanetally(config, "rebuild") == 0
    capsys.readouterr()
    assert verdict(config, capsys)["ok"]


def test_a_fact_that_its_own_release_cannot_read_is_named(config, tmp_path, capsys):
    path = config.parent / "data" / "journal.db"
    with Journal(path) as journal:
        append(journal, [Strange()])

    (problem,) = verdict(config, capsys)["problems"]

    assert (problem["kind"], problem["seq"]) == ("fact", 1)
    assert "LaneStarted v1" in problem["message"]


@dataclass
class Strange:
    """Says that it is a start, and is not."""

    type: ClassVar[str] = "LaneStarted"
    version: ClassVar[int] = 1


def test_a_page_that_was_overwritten_is_found_as_damage(config, path, capsys):
    with path.open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xff" * 4096)

    answer = verdict(config, capsys)

    assert answer["problems"][0]["kind"] == "file"
    assert "damaged" in answer["problems"][0]["message"]


def test_a_file_that_is_no_database_is_damage(config, capsys):
    path = config.parent / "data" / "journal.db"
    path.parent.mkdir()
    path.write_bytes(b"no database at all, though long enough to have a header" * 20)

    (problem,) = verdict(config, capsys)["problems"]

    assert "file is not a database" in problem["message"]


@pytest.mark.parametrize("action", ["verify", "export", "rebuild", "backup"])
def test_a_lane_that_has_never_run_is_said_so_and_gets_no_journal(config, capsys, action):
    assert lanetally(config, action) == 1

    assert "this lane has not run yet" in capsys.readouterr().err
    assert not (config.parent / "data").exists()


def test_a_terminal_sees_how_far_the_check_has_come(config, path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(verify, "STEP_FACTS", 2)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())

    assert lanetally(config, "verify") == 0
    assert "%" in terminal.getvalue()


# --- rebuild -------------------------------------------------------------------------------------


def test_a_rebuild_makes_every_byte_again(config, path, capsys):
    with Journal(path) as journal:
        before, facts = dumped(journal), journal.last_seq
    tamper(path, "DELETE FROM settlement", "UPDATE print_job SET state = 'printed', tries = 9")

    assert lanetally(config, "rebuild", "--json") == 0

    answer = json.loads(capsys.readouterr().out)
    assert answer == {"ok": True, "facts": facts, "problem": None}
    with Journal(path) as journal:
        assert dumped(journal) == before


def test_nothing_is_rebuilt_while_the_lane_runs(config, path, capsys):
    with Journal(path):
        assert lanetally(config, "rebuild") == 1
    assert "another process runs this lane" in capsys.readouterr().err


def test_nothing_is_made_of_facts_that_are_not_sure(config, path, capsys):
    tamper(path, "DELETE FROM fact WHERE seq = 5")
    with Journal(path) as journal:
        before = dumped(journal)

    assert lanetally(config, "rebuild") == 1

    assert "seq 5 is missing" in capsys.readouterr().out
    with Journal(path) as journal:
        assert dumped(journal) == before


# --- export --------------------------------------------------------------------------------------


def facts_of(text):
    return [msgspec.json.decode(line, type=WireFact) for line in text.splitlines()]


def exported(config, capfdbinary, *words):
    assert lanetally(config, "export", *words) == 0
    return capfdbinary.readouterr().out


def test_the_export_is_the_chain_of_facts_one_a_line(config, path, capfdbinary):
    text = exported(config, capfdbinary)

    with Journal(path) as journal:
        verify_chain(journal.epoch, GENESIS, facts_of(text))
        rows = list(journal.rows())
    assert [list(json.loads(line)) for line in text.splitlines()] == (
        [["epoch", "seq", "type", "v", "ts", "mono", "hash", "body"]] * len(rows)
    )
    assert [bytes(fact.body) for fact in facts_of(text)] == [row.body for row in rows]


def test_a_part_of_it_can_be_asked_for(config, path, capfdbinary):
    text = exported(config, capfdbinary, "--from", "3", "--to", "5")
    assert [fact.seq for fact in facts_of(text)] == [3, 4, 5]
    assert exported(config, capfdbinary, "--from", "1000") == b""
    assert exported(config, capfdbinary, "--from", "9" * 30) == b""
    assert facts_of(exported(config, capfdbinary, "--from", "5", "--to", "9" * 30))[0].seq == 5


def test_an_export_to_where_nothing_can_be_written_names_that_place(config, path, capsys, tmp_path):
    out = tmp_path / "none" / "facts.jsonl"
    assert lanetally(config, "export", "--output", str(out)) == 1
    assert capsys.readouterr().err == f"{out}: No such file or directory\n"


def test_a_file_holds_the_same_and_leaves_no_part_of_itself_beside(
    config, path, capfdbinary, tmp_path
):
    out = tmp_path / "out" / "facts.jsonl"
    out.parent.mkdir()

    exported(config, capfdbinary, "--output", str(out))

    assert out.read_bytes() == exported(config, capfdbinary)
    assert list(out.parent.iterdir()) == [out]


def test_an_export_that_cannot_be_written_keeps_the_file_that_was_there(
    config, path, capsys, tmp_path, monkeypatch
):
    out = tmp_path / "facts.jsonl"
    out.write_text("yesterday")

    def full(rows, stream):
        stream.write(b"{")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copies, "write_lines", full)
    assert lanetally(config, "export", "--output", str(out)) == 1

    assert "No space left" in capsys.readouterr().err
    assert out.read_text() == "yesterday"
    assert not list(tmp_path.glob("*.part"))


def test_a_damaged_journal_gives_what_can_be_read_and_says_why_it_stops(config, capsys):
    path = config.parent / "data" / "journal.db"
    path.parent.mkdir()
    path.write_bytes(b"no database at all, though long enough to have a header" * 20)

    assert lanetally(config, "export") == 1
    assert "file is not a database" in capsys.readouterr().err


def test_a_reader_that_has_enough_is_no_error(config, path):
    with Journal(path) as journal:
        append(journal, [DeviceLost("scale", "x" * 900)] * 500)  # more than a pipe holds
    script = "import sys; from agent import cli; sys.exit(cli.main(sys.argv[1:]))"
    writer = subprocess.Popen(
        [sys.executable, "-c", script, "journal", "export", "--config", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    writer.stdout.readline()
    writer.stdout.close()
    assert (writer.wait(30), writer.stderr.read()) == (0, b"")
    writer.stderr.close()


def test_the_command_explains_itself(capsys):
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    for action in ("verify", "export", "rebuild", "backup", "restore", "import"):
        with pytest.raises(SystemExit, match="0"):
            parser.parse_args(["journal", action, "--help"])
    assert "--output FILE" in capsys.readouterr().out


def test_a_moment_of_a_journal_does_not_change_while_it_is_read(path):
    with Journal(path) as journal, closing(JournalReader(path)) as reader:
        with reader.one_moment():
            before = reader.last_seq
            append(journal, list(journal.facts(1))[:1])
            assert reader.last_seq == before
        assert reader.last_seq == before + 1
