"""Copies of a running journal, and new epochs from them: no seq gets a second meaning."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from datetime import datetime

import pytest

from agent import cli
from agent.domain.facts import DeviceLost
from agent.domain.transaction import LaneState
from agent.journal import Journal, JournalReader, JournalUnsafe
from agent.journal import backup as module
from agent.journal.file import Interrupted
from tests.lane_kit import ITEMS, MILK, append, charged, dumped, keep_busy_day, posted, sale


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
    path = config.parent / "data" / "journal.db"
    with Journal(path) as journal:
        journal.belong_to("acme/s1/lane-1")
        journal.load_items(ITEMS.values(), "items-1")
        keep_busy_day(journal)
        journal.save_cursor(4)
    return path


def lanetally(config, *words):
    return cli.main(["journal", *map(str, words), "--config", str(config)])


def state_of(path):
    with Journal(path) as journal:
        return journal.epoch, list(journal.rows()), dumped(journal), journal.lane_state()


# --- backup --------------------------------------------------------------------------------------


def test_a_backup_is_the_journal_of_one_moment_in_one_file(path, tmp_path):
    target = tmp_path / "usb" / "copy.db"
    with Journal(path) as journal:
        append(journal, [DeviceLost("scale", "x" * 3000)] * 200)
        before = list(journal.rows())
        begun = threading.Event()

        def go_on():
            if not begun.is_set():
                begun.set()
                append(journal, [DeviceLost("scale", "meanwhile")])
            return True

        module.back_up(path, target, go_on)

        assert journal.last_seq == len(before) + 1
    assert [file.name for file in target.parent.iterdir()] == ["copy.db"]
    with closing(JournalReader(target)) as copy:
        assert list(copy.rows()) == before
        assert copy.damage() == ""


def test_a_backup_of_a_damaged_journal_takes_no_sound_ones_place(path, tmp_path):
    target = tmp_path / "copy.db"
    target.write_text("yesterday's")
    with closing(sqlite3.connect(path)) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'fact'").fetchone()
    with path.open("r+b") as stream:
        stream.seek((root - 1) * 4096)
        stream.write(b"\xff" * 4096)

    with pytest.raises((JournalUnsafe, sqlite3.Error)):
        module.back_up(path, target)

    assert target.read_text() == "yesterday's"
    assert not target.with_name("copy.db.part").exists()


def test_a_backup_leaves_the_lane_room(path, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FREE_BYTES_MIN", 1 << 60)
    with pytest.raises(JournalUnsafe, match="no room for a backup"):
        module.back_up(path, tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy*"))


def test_a_lane_that_stops_waits_for_no_backup(path, tmp_path):
    with pytest.raises(Interrupted):
        module.back_up(path, tmp_path / "copy.db", lambda: False)
    assert not list(tmp_path.glob("copy*"))


def test_the_newest_are_kept(tmp_path):
    names = [f"journal-2026110{n}-033000.db" for n in range(1, 6)]
    for name in (*names, "journal-until-20261101-033000.db", "notes.txt"):
        (tmp_path / name).write_text("")

    module.prune(tmp_path, 3)

    assert [file.name for file in module.made_in(tmp_path)] == names[2:]
    assert len(list(tmp_path.iterdir())) == 5
    assert module.made_at(module.made_in(tmp_path)[0]) == datetime(2026, 11, 3, 3, 30)  # noqa: DTZ001  as in the name
    assert module.made_in(tmp_path / "none") == []


@pytest.mark.parametrize("where", ["", "usual", "folder", "file"])
def test_the_command_copies_beside_the_running_lane(config, path, capsys, tmp_path, where):
    if where == "usual":
        text = config.read_text() + f'[journal]\nbackup_dir = "{tmp_path / "usb"}"\n'
        config.write_text(text, encoding="utf-8")
    folder = {"": path.parent / "backup", "usual": tmp_path / "usb"}.get(where, tmp_path)
    words = {"folder": [tmp_path], "file": [tmp_path / "copy.db"]}.get(where, [])
    with Journal(path) as journal:
        assert lanetally(config, "backup", *words, "--json") == 0
        rows = list(journal.rows())

    answer = json.loads(capsys.readouterr().out)
    copy = type(path)(answer["file"])
    assert copy.parent == folder
    assert (answer["ok"], answer["bytes"]) == (True, copy.stat().st_size)
    with closing(JournalReader(copy)) as reader:
        assert list(reader.rows()) == rows
    assert lanetally(config, "backup", *words) == 0
    assert "a sound copy of" in capsys.readouterr().out


def test_a_backup_that_cannot_be_made_is_one_sentence(config, path, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert lanetally(config, "backup", tmp_path / "file" / "copy.db") == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("name", ["journal.db", "journal.db-wal", "journal.lock"])
@pytest.mark.parametrize("words", [("backup",), ("export", "--output")])
def test_no_copy_takes_the_place_of_the_journal_itself(config, path, capsys, tmp_path, words, name):
    with Journal(path) as journal:
        (tmp_path / "link").symlink_to(path.with_name(name))
        for target in (path.with_name(name), tmp_path / "link"):
            assert lanetally(config, *words, target) == 1
            assert capsys.readouterr().err.endswith("belongs to the journal itself: name another\n")
        rows = list(journal.rows())
    with Journal(path) as journal:
        assert list(journal.rows()) == rows


# --- restore -------------------------------------------------------------------------------------


def test_a_restored_journal_goes_on_under_a_new_epoch(config, path, capsys, tmp_path):
    epoch, rows, _, state = state_of(path)
    copy = tmp_path / "copy.db"
    module.back_up(path, copy)
    with Journal(path) as journal:
        append(journal, sale("later", LaneState(900)).facts)
    path.unlink()

    assert lanetally(config, "restore", copy, "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["cause"], told["former_epoch"], told["former_last_seq"]) == (
        "restored",
        epoch,
        len(rows),
    )
    with Journal(path) as journal, closing(JournalReader(path)) as reader:
        assert journal.epoch != epoch
        assert journal.last_seq == 1  # no seq of the old epoch is used again
        (former,) = reader.formers()
        assert list(reader.former_rows(former)) == rows
        assert (former.acked_seq, former.breaks) == (4, 0)
        assert journal.lane_state() == state
        assert journal.item(MILK.gtin) == MILK
        total = posted("T2", None, lines=(charged(MILK),))
        assert journal.earlier_answer(total) is not None
        journal.belong_to("acme/s1/lane-1")
    assert lanetally(config, "verify") == 0


def test_what_the_present_journal_knows_is_not_given_up_by_accident(config, path, capsys, tmp_path):
    copy = tmp_path / "copy.db"
    module.back_up(path, copy)
    before = state_of(path)
    assert lanetally(config, "restore", copy) == 1
    error = capsys.readouterr().err
    assert f"{len(before[1])} facts, {len(before[1]) - 4} of them not at head office" in error
    assert state_of(path) == before

    assert lanetally(config, "restore", copy, "--set-aside") == 0

    (aside,) = path.parent.glob("journal-until-*.db")
    assert aside.name in capsys.readouterr().out
    with closing(JournalReader(aside)) as reader:
        assert list(reader.rows()) == before[1]


def test_nothing_is_restored_while_the_lane_runs(config, path, capsys, tmp_path):
    copy = tmp_path / "copy.db"
    module.back_up(path, copy)
    with Journal(path):
        assert lanetally(config, "restore", copy, "--set-aside") == 1
    assert "another process runs this lane" in capsys.readouterr().err


def test_a_damaged_journal_gives_way_to_its_backup(config, path, tmp_path):
    copy = tmp_path / "copy.db"
    module.back_up(path, copy)
    path.write_bytes(b"no database at all" * 1000)
    assert lanetally(config, "restore", copy) == 0
    assert lanetally(config, "verify") == 0


@pytest.mark.parametrize("what", ["missing", "empty", "text", "damaged"])
def test_only_a_sound_copy_is_restored(config, path, capsys, tmp_path, what):
    copy = tmp_path / "copy.db"
    module.back_up(path, copy)
    before = state_of(path)
    if what == "damaged":
        with copy.open("r+b") as stream:
            stream.seek(4096)
            stream.write(bytes(3 * 4096))
    elif what == "missing":
        copy.unlink()
    else:
        copy.write_text("" if what == "empty" else "no database " * 1000)

    assert lanetally(config, "restore", copy, "--set-aside") == 1

    assert capsys.readouterr().err.startswith(str(copy))
    assert state_of(path) == before


# --- import --------------------------------------------------------------------------------------


def exported(config, tmp_path, *words):
    out = tmp_path / "facts.jsonl"
    assert lanetally(config, "export", *words, "--output", out) == 0
    return out


def test_an_export_is_a_journal_again_under_a_new_epoch(config, path, tmp_path, capsys):
    epoch, rows, projections, state = state_of(path)
    out = exported(config, tmp_path)
    path.unlink()

    assert lanetally(config, "import", out) == 0

    assert f"the facts up to {len(rows)}" in capsys.readouterr().out
    with Journal(path) as journal, closing(JournalReader(path)) as reader:
        (former,) = reader.formers()
        assert (former.epoch, list(reader.former_rows(former))) == (epoch, rows)
        assert journal.lane_state() == state
        del projections["day"]  # of its own epoch alone
        assert all(len(dumped(journal)[name]) == len(projections[name]) for name in projections)
        with pytest.raises(JournalUnsafe, match="is the journal of acme/s1/lane-1"):
            journal.belong_to("acme/s1/lane-2")


def test_former_epochs_travel_with_it(config, path, tmp_path):
    first = state_of(path)
    assert lanetally(config, "import", exported(config, tmp_path), "--set-aside") == 0
    with Journal(path) as journal:
        append(journal, sale("second", LaneState(900)).facts)
    second = state_of(path)
    out = exported(config, tmp_path, "--all")

    assert lanetally(config, "import", out, "--set-aside") == 0

    with closing(JournalReader(path)) as reader:
        older, newer = reader.formers()
        assert (older.epoch, older.ago, newer.epoch, newer.ago) == (first[0], 2, second[0], 1)
        assert list(reader.former_rows(older)) == first[1]
        assert list(reader.former_rows(newer)) == second[1]
    assert lanetally(config, "verify") == 0
    again = exported(config, tmp_path, "--all")
    lines = again.read_bytes().splitlines()
    assert len(lines) == len(first[1]) + len(second[1]) + 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda lines: [*lines[:4], *lines[5:]], "the chain is broken at seq 5"),
        (lambda lines: lines[2:], "the chain is broken at seq 1"),
        (lambda lines: [*lines[:4], lines[4].replace(b'"ts":1000', b'"ts":1001')], "at seq 5"),
        (lambda lines: [*lines[:4], b"{}"], "the line after seq 4 is no fact"),
        (lambda lines: [], "there is no fact in it"),
        (lambda lines: [*lines, *lines], "the chain is broken at seq"),
    ],
)
def test_nothing_is_taken_from_an_export_that_is_not_whole(
    config, path, tmp_path, capsys, spoil, said
):
    out = exported(config, tmp_path)
    out.write_bytes(b"\n".join(spoil(out.read_bytes().splitlines())))
    before = state_of(path)

    assert lanetally(config, "import", out, "--set-aside") == 1

    assert said in capsys.readouterr().err
    assert state_of(path) == before


def test_an_export_that_is_not_there_is_said_so(config, path, tmp_path, capsys):
    assert lanetally(config, "import", tmp_path / "none.jsonl") == 1
    assert "No such file" in capsys.readouterr().err
