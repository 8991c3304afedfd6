"""The lab's own side: its cache, its end, and what it says when something is missing."""

from __future__ import annotations

import os
import subprocess
import threading
from base64 import b64encode
from pathlib import Path

import pytest

from tests.lab import __main__ as lab_main
from tests.lab import image, machine, paper
from tests.lab.arch import AMD64, ARM64
from tests.lab.cache import LabUnprepared, alone, cache, keep_only, scratch
from tests.lab.hands import GuestFailed
from tests.lab.lab import Lab, Options
from tests.lab.outcome import Outcome

IMAGE = image.Image(AMD64, Path("disk.img"), Path("vmlinuz"), Path("initrd.img"))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LANETALLY_LAB_CACHE", str(tmp_path))
    return tmp_path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith("lock-")}


# --- the cache -----------------------------------------------------------------------------------


def test_one_run_at_a_time_uses_what_is_kept_for_a_processor():
    with alone(AMD64):
        with pytest.raises(LabUnprepared, match=r"wait .*LANETALLY_LAB_CACHE"), alone(AMD64):
            pass
        with alone(ARM64):
            pass
    with alone(AMD64):
        pass


def test_what_a_killed_run_had_begun_is_dropped_and_only_for_the_same_processor(folder):
    whole = {"root-amd64-1.tar", "wheels-amd64-1", "image-amd64-1"}
    theirs = {"wheels-arm64-1.part", "root-arm64-1.part.tar"}
    for name in whole | theirs | {"wheels-amd64-2.part"}:
        (folder / name).mkdir()
    (folder / "root-amd64-2.part.tar").touch()
    (folder / "tmp-amd64-x" / "root").mkdir(parents=True)

    with scratch(ARM64) as begun, alone(AMD64):
        assert names(folder) == whole | theirs | {Path(begun).name}


def test_of_each_kind_the_newest_is_kept_for_each_processor(folder):
    for name in ("wheels-amd64-1", "wheels-arm64-1", "wheels-1", "image-amd64-1", "wheels-amd64-2"):
        (folder / name).mkdir()
    for name in ("root-amd64-1.tar", "root-amd64-2.tar"):
        (folder / name).touch()

    keep_only(folder / "wheels-amd64-2")
    keep_only(folder / "root-amd64-2.tar")

    left = {"wheels-amd64-2", "wheels-arm64-1", "wheels-1", "image-amd64-1", "root-amd64-2.tar"}
    assert names(folder) == left


def test_a_cache_named_from_here_can_be_found_from_elsewhere(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LANETALLY_LAB_CACHE", "mine")

    assert cache() == folder / "mine", "disks name the ones that they are layers over"


# --- what is missing -----------------------------------------------------------------------------


def test_an_image_is_built_by_root_alone(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(LabUnprepared, match="as root"):
        image.built(AMD64)


class Apt:
    """Knows no package before `update`; none at all if it is offline."""

    def __init__(self, *, offline: bool) -> None:
        self.offline = offline
        self.asked: list[str] = []

    def __call__(self, words, **_):
        what = words[words.index("apt-get") + 1]
        self.asked.append(what)
        done = not self.offline and "update" in self.asked
        said = "" if done else f"E: {what} fails"
        return subprocess.CompletedProcess(words, 0 if done else 100, "", said)


@pytest.mark.parametrize("offline", [False, True])
def test_a_machine_without_lists_of_packages_fetches_them_first(offline, monkeypatch):
    apt = Apt(offline=offline)
    monkeypatch.setattr(image.shutil, "which", lambda _: None)
    monkeypatch.setattr(image.subprocess, "run", apt)
    arch = AMD64 if not AMD64.is_foreign else ARM64

    if offline:
        with pytest.raises(LabUnprepared, match=r"(?s)Install Debian's .*E: update fails"):
            image.install_tools(arch)
    else:
        image.install_tools(arch)

    assert apt.asked == ["install", "update", *(["install"] if not offline else [])]


# --- how it ends ---------------------------------------------------------------------------------


def test_once_all_boxes_are_ended_none_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_is_over", threading.Event())
    monkeypatch.setattr(machine.subprocess, "Popen", lambda *_, **__: pytest.fail("it starts"))
    disks = machine.Disks(tmp_path / "root", tmp_path / "payload", tmp_path / "data")
    box = machine.Machine(IMAGE, tmp_path, disks)

    with pytest.raises(pytest.fail.Exception, match="it starts"):
        box.boot()
    machine.end_all()

    with pytest.raises(GuestFailed, match="ended"):
        box.boot()
    with pytest.raises(GuestFailed, match="ended"):
        box.wake(tmp_path / "memory")


@pytest.mark.parametrize(("printed", "broken"), [(1, 0), (2, 1), (None, 0)])
def test_receipts_that_were_printed_must_be_found_on_paper(printed, broken, tmp_path, monkeypatch):
    (tmp_path / "day").mkdir()
    sent = b64encode(b"\x1b@Milk 12.00\n\x1dV\x00").decode()
    (tmp_path / "day" / paper.SENT).write_text(f"{sent}\n")
    figures = {} if printed is None else {"receipts_printed": printed}
    monkeypatch.setitem(lab_main.SCENARIOS, "day", lambda _: Outcome(figures))
    lab = Lab(IMAGE, tmp_path, tmp_path, tmp_path, Options())

    outcome = lab_main._played(lab, "day")

    assert outcome.figures["receipts_drawn"] == 1
    assert len(outcome.broken) == broken
