"""Effects reach the devices that take them, and head office where the lane is connected."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from agent.domain.effects import Show
from agent.domain.facts import MissedScanSuspected, TransactionSettled
from agent.domain.receipt import ReceiptStyle
from agent.domain.text import Text
from agent.outlets import LaneOutlets
from drivers.base import Beep, DisplayText, PrintJob
from tests.lane_kit import MILK, TEA, only, sale

STYLE = ReceiptStyle(("Corner Shop",), (), 2, qr=False, kick_drawer=True)


@dataclass
class Device:
    """Takes commands and keeps them."""

    accepts: tuple = ()
    taken: list = field(default_factory=list)

    def handle(self, command):
        self.taken.append(command)


@dataclass
class Office:
    """Stands where sync stands."""

    posted: list = field(default_factory=list)
    up_to: int = 0

    def post(self, leaf, payload, *, retain=False):
        self.posted.append((leaf, json.loads(payload), retain))

    def committed(self, last_seq):
        self.up_to = last_seq


def outlets(*devices, office=None):
    now = datetime(2026, 11, 22, 10, 5)  # noqa: DTZ001  the lane's own wall clock
    return LaneOutlets(devices, office, STYLE, Text.english, lambda: now)


SOLD = sale(charges=(MILK, TEA))
SETTLED = only(TransactionSettled, SOLD.facts)


@pytest.mark.parametrize("reprint", [False, True])
def test_a_receipt_goes_to_the_first_printer(reprint):
    scale, first, second = Device(), Device((PrintJob, Beep)), Device((PrintJob,))

    told = outlets(scale, first, second)
    assert told.has_printer
    told.print_receipt("job-1", SETTLED, reprint=reprint)

    (job,) = first.taken
    assert job.job_id == "job-1"
    assert (
        {"text": "REPRINT", "align": "center", "bold": True, "size": 2} in job.blocks
    ) == reprint
    assert {"left": SETTLED.receipt_number, "right": "2026-11-22 10:05"} in job.blocks
    assert scale.taken == second.taken == []


def test_what_only_beeps_is_no_printer():
    beeper = Device((Beep,))
    told = outlets(beeper)

    told.print_receipt("job-1", SETTLED, reprint=False)

    assert not told.has_printer
    assert beeper.taken == []


def test_a_beep_goes_to_everybody_who_beeps():
    devices = Device((Beep,)), Device((PrintJob,)), Device((PrintJob, Beep))

    outlets(*devices).beep("bad")

    assert [device.taken for device in devices] == [[Beep("bad")], [], [Beep("bad")]]


def test_an_alert_goes_to_head_office_at_once_and_is_not_kept_there():
    office = Office()
    suspected = only(MissedScanSuspected, SOLD.facts)

    outlets(office=office).alert(suspected, Text("{count} item(s) not scanned", {"count": 1}))

    ((leaf, body, retain),) = office.posted
    assert (leaf, retain) == ("alert", False)
    assert (body["type"], body["text"]) == ("MissedScanSuspected", "1 item not scanned")
    assert body["reasons"] == ["1 × Green tea charged but not scanned"]
    assert body["body"]["findings"][0]["gtin"] == TEA.gtin
    assert body["body"]["candidates"][0]["description"] == "Green tea"
    assert body["body"]["confidence_permille"] == 1000


def test_head_office_hears_how_far_the_journal_is():
    office = Office()

    outlets(office=office).committed(42)

    assert office.up_to == 42


def test_a_lane_on_its_own_tells_nobody():
    alone = outlets()

    alone.alert(only(MissedScanSuspected, SOLD.facts), Text("x"))
    alone.committed(1)
    alone.beep("good")


def test_the_customer_reads_each_item_and_the_total_on_every_display():
    scale, first, second = Device(), Device((DisplayText,)), Device((DisplayText, Beep))
    told = outlets(scale, first, second)

    for effect in SOLD.effects:
        if isinstance(effect, Show):
            told.show(effect)

    assert [command.lines[0] for command in first.taken] == ["Milk 1 l", "Total          22.50"]
    assert second.taken == first.taken
    assert scale.taken == []
