"""The console shows what happens, and never holds the lane up."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, redirect_stdout

import pytest

from agent.cli.run import _console, _upkeep_into
from agent.domain.text import Text
from agent.handle import LaneNotice
from agent.inbox import Inbox


@contextmanager
def console():
    """The reading end of a pipe that stands in for the terminal. Not a fixture: pytest's capture
    puts its own stdout in place again before the test itself runs."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with (
        os.fdopen(reading, "rb", 0) as reader,
        os.fdopen(writing, "w") as stdout,
        redirect_stdout(stdout),
    ):
        yield reader


def show(words: str, kind: str = "settled") -> None:
    _console(Text.english)(LaneNotice(kind, {}, Text(words)))


def test_each_notice_is_one_line_and_a_warning_is_marked():
    with console() as reader:
        show("Tea")
        show("1 item not scanned", "missed_scan_suspected")

        assert reader.read(1000) == b"   Tea\n!! 1 item not scanned\n"


@pytest.mark.timeout(10)
def test_a_pipe_that_nobody_reads_holds_nobody_up():
    with console() as reader:
        for _ in range(200):  # far more than the 64 KiB that a pipe takes
            show("x" * 1000)
        assert reader.read(1_000_000).endswith(b"x\n"), "a line was cut"

        show("Tea")
        assert reader.read(1000) == b"   Tea\n"


def test_a_console_that_has_gone_stops_nothing():
    with console() as reader:
        reader.close()
        show("Tea")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # takes what was not written


def test_what_is_wrong_with_the_journals_upkeep_is_announced_and_that_it_is_well_again():
    inbox = Inbox()
    tell = _upkeep_into(inbox)
    problem = Text(
        "The journal's upkeep ({chore}) failed: {reason}", {"chore": "backup", "reason": "full"}
    )
    tell(problem)
    tell(None)
    told = inbox.take(0, 10)
    assert [type(one).__name__ for one in told] == ["DeviceHealthChanged", "Announced"] * 2
    assert [(one.kind, one.data) for one in told[1::2]] == [
        ("journal_trouble", {"chore": "backup", "reason": "full"}),
        ("journal_well", {}),
    ]
