"""What a disk holds at a moment of its log is read without a box, and what is missing is told."""

from __future__ import annotations

import random
import shutil
from collections.abc import Collection
from pathlib import Path

import pytest

from agent import wire
from agent.domain.facts import FactBody, LaneStarted, LineItemAdded, TransactionOpened
from agent.journal import Journal, JournalReader
from cloud_bridge.chart import load_chart
from cloud_bridge.ledger.port import Arrivals, Delivery
from cloud_bridge.ledger.sqlite import SqliteLedger
from cloud_bridge.mapping import Books
from cloud_bridge.voucher import Stream
from tests.lab import forgetful, moments
from tests.lab.guest.devices import LANE
from tests.lab.guest.promises import Promise, heard
from tests.lab.guest.shop import LEDGER
from tests.lab.image import disk_of

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("mke2fs", "e2fsck", "debugfs"))), reason="e2fsprogs is not here"
)
GTIN = "04710199010372"
ITEM = LineItemAdded(
    "t1", 1, GTIN, "GTIN-13", GTIN[1:], "]E0", 1000, True, "Tea", "tea", 10500, "each", 500, "s"
)
FACTS: list[FactBody] = [LaneStarted("b", "0.1"), TransactionOpened("t1", 1, "2000-11-01"), ITEM]
SHOWN = Promise("shown", "t1", 1)


@pytest.mark.parametrize("promise", [SHOWN, Promise("settled", "0-t"), Promise("copied", "R1")])
def test_a_promise_is_heard_as_it_was_said(promise):
    assert heard(str(promise)) == promise


@pytest.mark.parametrize("line", ["", "ready_s: 10.2", "shown_but_lost: []", "Traceback (most"])
def test_what_else_a_box_says_is_no_promise(line):
    assert heard(line) is None


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """What lane and bridge own, before it is a disk."""
    root = tmp_path / "state"
    for path in (LANE.journal, LEDGER):
        (root / path.relative_to("/var/lib")).parent.mkdir(parents=True)
    return root


def write(state: Path, facts: list[FactBody], at_office: int) -> None:
    path = state / LANE.journal.relative_to("/var/lib")
    with Journal(path) as journal:
        journal.append(facts, wall_ms=1, mono_ms=1)
        stream = Stream("o", "s", "l", journal.epoch)
    reader = JournalReader(path)
    rows = reader.rows_after(0, at_office)
    reader.close()
    batch = wire.decode_batch(wire.encode_batch(stream.epoch, wire.GENESIS, rows))
    ledger = SqliteLedger(state / LEDGER.relative_to("/var/lib"), Books(load_chart("ifrs"), "TWD"))
    ledger.apply(Arrivals((Delivery(stream, batch.prev, batch.facts),)), 2)
    ledger.close()


def broken(tmp_path: Path, *promises: Promise, late: Collection[Promise] = ()) -> list[str]:
    disk, log = tmp_path / "data.before", tmp_path / "log"
    disk_of(tmp_path / "state", disk, "data", "16M")
    log.write_bytes(bytes(2 * forgetful.SECTOR))
    heard = [*((0, promise) for promise in promises), *((1, promise) for promise in late)]
    return moments.broken(disk, log, random.Random(1), heard)


def test_what_was_promised_and_is_there_is_well(tmp_path, state):
    write(state, FACTS, at_office=2)
    assert broken(tmp_path, SHOWN) == []


def test_what_was_promised_and_is_not_there_is_told(tmp_path, state):
    write(state, FACTS, at_office=2)
    early = Promise("settled", "pos-1"), Promise("printed", "R1"), Promise("copied", "R2")
    said = broken(tmp_path, SHOWN, *early, late=[Promise("settled", "pos-2")])
    assert said == [
        "write 0: answered_but_lost: ['pos-1']",
        "write 0: printed_but_lost: ['R1', 'R2']",
    ]


def test_a_scan_that_the_screen_has_shown_is_missed(tmp_path, state):
    write(state, FACTS[:2], at_office=2)
    assert broken(tmp_path, SHOWN) == ["write 0: shown_but_lost: ['t1']"]


def test_a_fact_that_head_office_alone_knows_is_told(tmp_path, state):
    write(state, FACTS, at_office=3)
    path = state / LANE.journal.relative_to("/var/lib")
    for file in path.parent.iterdir():
        file.unlink()
    with Journal(path) as journal:
        journal.append(FACTS, wall_ms=2, mono_ms=2)
    assert broken(tmp_path) == ["write 0: 3 facts at head office that the lane does not know"]


def test_a_disk_before_the_first_start_has_nothing_to_keep(tmp_path, state):
    assert broken(tmp_path) == []
    (tmp_path / "data.before").unlink()
    assert "unable to open" in broken(tmp_path, SHOWN)[0]
