"""What a client of the event stream is told after the whole lane: what changed, and no more."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from agent.api.changes import COUNTED_S, Told
from agent.domain.facts import MissedScanSuspected
from agent.domain.finding import Candidate, Finding
from agent.domain.text import Text
from agent.handle import DeviceHealth, LaneSnapshot, LiveWeight, SnapshotLine

MILK = SnapshotLine(1, "06901234567892", "Milk", "dairy", 1000, None, 1250, "each", 1250)
TEA = SnapshotLine(2, "06920459905012", "Tea", "drinks", 1000, None, 450, "each", 450)
ONE = LaneSnapshot("e-1", (MILK,), 1, 1250)
TWO = LaneSnapshot("e-1", (MILK, TEA), 2, 1700)
IDLE = LaneSnapshot()
FINDING = Finding("missed_item", 1, None, "drinks", 450, Text("why"), (Text("and why"),))
SUSPECTED = MissedScanSuspected(
    "e-1", "t", 1, (FINDING,), (Candidate("06920459905012", 700, "Tea", "drinks"),)
)


def changes(before: LaneSnapshot, *after: LaneSnapshot, s: float = 0.0) -> list[tuple[str, Any]]:
    """(kind, content) of each event from one snapshot to the next, each `s` later."""
    told = Told(before, Text.english, 0.0)
    events = [event for step, now in enumerate(after, 1) for event in told.changes(now, step * s)]
    return [read(event) for event in events]


def read(event: bytes) -> tuple[str, Any]:
    kind, data = event.decode().removesuffix("\n\n").split("\n")
    return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def numbers(lines: Any) -> list[int]:
    return [line["line_no"] for line in lines]


def test_the_first_event_is_the_whole_lane() -> None:
    kind, lane = read(Told(TWO, Text.english, 0).whole())

    assert (kind, numbers(lane["lines"]), lane["amount_minor"]) == ("lane", [1, 2], 1700)


def test_nothing_is_told_of_what_did_not_change() -> None:
    assert changes(TWO, TWO, replace(TWO), s=10) == []


def test_a_new_line_comes_alone_with_the_sum() -> None:
    ((kind, basket),) = changes(ONE, TWO)

    assert kind == "basket"
    assert (basket["is_whole"], numbers(basket["lines"]), basket["gone"]) == (False, [2], [])
    assert (basket["item_count"], basket["amount_minor"]) == (2, 1700)


def test_a_changed_line_and_a_line_that_is_gone_are_named() -> None:
    cheaper = replace(TEA, price_minor=400, amount_minor=400)
    ((_, changed), (_, gone)) = changes(
        TWO, replace(TWO, lines=(MILK, cheaper)), replace(TWO, lines=(cheaper,))
    )

    assert (numbers(changed["lines"]), changed["gone"]) == ([2], [])
    assert (numbers(gone["lines"]), gone["gone"]) == ([], [1])


def test_another_transaction_begins_from_nothing() -> None:
    events = changes(TWO, IDLE, replace(ONE, transaction_id="e-2"))

    assert [(e["transaction_id"], e["is_whole"], numbers(e["lines"])) for _, e in events] == [
        (None, True, []),
        ("e-2", True, [1]),
    ]


def test_an_alert_comes_with_what_is_suspected_and_goes_with_nothing() -> None:
    alarmed = replace(ONE, alert=Text("red"), suspected=SUSPECTED)
    (up, down) = changes(ONE, alarmed, ONE)

    assert up == (
        "alert",
        {
            "alert": "red",
            "suspicion": {
                "transaction_id": "e-1",
                "is_held": True,
                "missed_count": 1,
                "findings": [
                    {
                        "kind": "missed_item",
                        "count": 1,
                        "gtin": None,
                        "category": "drinks",
                        "value_minor": 450,
                        "reason": "why",
                        "also": ["and why"],
                    }
                ],
                "candidates": [
                    {"gtin": "06920459905012", "description": "Tea", "probability_permille": 700}
                ],
            },
        },
    )
    assert down == ("alert", {"alert": None, "suspicion": None})


def test_a_basket_that_is_held_no_longer_is_told_with_its_alert() -> None:
    alarmed = replace(ONE, alert=Text("red"), suspected=SUSPECTED)
    ((basket, _), (alert, told)) = changes(alarmed, replace(alarmed, transaction_id=None, lines=()))

    assert (basket, alert, told["suspicion"]["is_held"]) == ("basket", "alert", False)


def test_devices_weights_and_trouble_are_told_at_once_with_words() -> None:
    lost = replace(
        ONE,
        devices=(DeviceHealth("p", "printer", "lost", "unplugged"),),
        live_weights=(LiveWeight("s", 412, "stable"),),
        degraded=True,
    )
    ((kind, status),) = changes(ONE, lost)

    assert kind == "status"
    assert status["devices"] == [
        {
            "role": "p",
            "kind": "printer",
            "state": "lost",
            "reason": "unplugged",
            "name": "Receipt printer",
            "text": "Not reachable: check its cable and power",
            "is_well": False,
        }
    ]
    assert status["live_weights"] == [{"role": "s", "weight_g": 412, "condition": "stable"}]
    assert status["degraded"] is True


def test_a_journal_that_grows_is_told_of_now_and_then_and_its_last_word_is_not_lost() -> None:
    grown = [replace(ONE, journal_seq=n) for n in (1, 2, 3)]

    assert changes(ONE, *grown, s=COUNTED_S / 10) == []
    told = Told(ONE, Text.english, 0.0)
    assert list(told.changes(grown[0], COUNTED_S / 2)) == []
    (last,) = told.changes(grown[0], COUNTED_S)
    assert read(last)[1]["journal_seq"] == 1
    assert list(told.changes(grown[0], COUNTED_S * 9)) == []
