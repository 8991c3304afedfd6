"""ARCHITECTURE.md names what is there: modules, threads, processes, tables and files of state."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
#: Every name between backticks, and every part of a path among them.
NAMED = {
    part for quoted in re.findall(r"`([^`\n]+)`", TEXT) for part in re.split(r"[/ ]", quoted)
} | set(re.findall(r"^\| \| (\w+) \|", TEXT, re.MULTILINE))


def in_sources(folder: str, pattern: str) -> list[str]:
    files = sorted((ROOT / folder).rglob("*.py"))
    found = {match for file in files for match in re.findall(pattern, file.read_text("utf-8"))}
    assert found, pattern
    return sorted(found)


@pytest.mark.parametrize("folder", ["agent", "cloud_bridge"])
def test_each_module_at_the_top_of_a_package_is_named(folder):
    modules = {file.name for file in (ROOT / folder).glob("*.py") if file.name[0] != "_"}
    wild = [name.removesuffix("*.py") for name in NAMED if name.endswith("*.py")]
    assert {one for one in modules - NAMED if not any(map(one.startswith, wild))} == set()


@pytest.mark.parametrize("folder", ["agent", "cloud_bridge", "drivers"])
def test_each_room_is_named(folder):
    rooms = {f"{folder}/{file.parent.name}/" for file in (ROOT / folder).glob("*/__init__.py")}
    if folder == "drivers":  # the kinds, which are alike, are one row
        rooms = {"drivers/<kind>/", "drivers/hid/", "drivers/line/"}
    assert sorted(room for room in rooms if f"`{room}" not in TEXT) == []


@pytest.mark.parametrize("worker", in_sources("agent", r'supervisor\.add(?:_device)?\(\s*"(\w+)"'))
def test_each_supervised_thread_is_named(worker):
    assert worker in NAMED


@pytest.mark.parametrize("table", in_sources("agent", r"CREATE TABLE (\w+)"))
def test_each_table_of_the_journal_is_named(table):
    assert table in NAMED


def test_each_file_in_a_lanes_folder_is_named():
    beside = in_sources("agent", r'data_dir\) / "([\w.-]+)"')
    ends = in_sources("agent", r'with_suffix\("(\.[\w-]+)"\)')
    beside += [f"*{end}" if f"*{end}" in NAMED else f"journal{end}" for end in ends]
    assert set(beside) - NAMED == set()
