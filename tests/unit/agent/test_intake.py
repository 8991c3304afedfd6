"""A device's event becomes the core's input: labels read, states coalesced, nothing lost."""

from __future__ import annotations

import pytest

from agent.domain import facts
from agent.domain.dual_marks import DualMarks
from agent.domain.events import Observed, PlateChanged, Scanned, Weighed
from agent.domain.gtin import TradeItem
from agent.domain.rcn import LabelRules, Measure, RcnRule
from agent.inbox import Inbox
from agent.inputs import CountKeyed, DeviceSays, JobFinished, PrinterWell, ScaleSays
from agent.intake import Labels, emit_into, translated
from drivers.base import (
    ItemsCrossed,
    KeyedNumber,
    LabelSeen,
    PrinterStatus,
    PrintFinished,
    ScaleState,
    ScanData,
    StableWeight,
    TagPresence,
)

GTIN = "04006381333931"


def inputs(*events):
    """What the core takes after these events."""
    inbox = Inbox()
    emit = emit_into(inbox)
    for event in events:
        emit(event)
    return inbox.take(0, 100)


def says(*words, role="scale"):
    return DeviceSays(role, words)


def test_a_scan_is_read_and_not_yet_looked_up():
    assert inputs(ScanData("scanner", b"4006381333931", "]E0", False, 5)) == [
        Scanned(TradeItem(GTIN, "GTIN-13"), b"4006381333931", "]E0", "scanner", None)
    ]


def test_a_label_of_the_shop_carries_its_measure():
    labels = Labels(LabelRules((RcnRule("28IIIICVVVVVK", "weight", 3),)))
    [(key, item)] = translated(ScanData("scanner", b"2812341012349", "]E0", False, 5), labels)
    assert key is None
    assert item == Scanned(
        TradeItem("02812340000002", "GTIN-13"),
        b"2812341012349",
        "]E0",
        "scanner",
        None,
        Measure(weight_g=1234),
    )


def test_the_second_mark_of_a_pack_is_no_second_item():
    labels = Labels(marks=DualMarks(300))
    reads = [
        ScanData("scanner", b"4006381333931", "]E0", False, 0),
        ScanData("scanner", b"0104006381333931", "]d2", False, 100_000_000),
        ScanData("scanner", b"4006381333931", "]E0", True, 150_000_000),
        ScanData("scanner", b"4006381333931", "]E0", False, 200_000_000),
    ]
    inbox = Inbox()
    emit = emit_into(inbox, labels)
    for read in reads:
        emit(read)
    assert [item.label for item in inbox.take(0, 9)] == [
        TradeItem(GTIN, "GTIN-13"),
        "lossy",
        TradeItem(GTIN, "GTIN-13"),
    ]


def test_without_a_window_every_mark_is_an_item():
    reads = [("]E0", b"4006381333931"), ("]d2", b"0104006381333931")]
    assert len(inputs(*(ScanData("s", data, aim, False, 0) for aim, data in reads))) == 2


@pytest.mark.parametrize(
    ("data", "lossy", "reason"),
    [
        (b"4006381333931", True, "lossy"),  # never trusted, however good it looks
        (b"4006381333932", False, "check_digit"),
        (b"", False, "empty"),
        (b"\xff\x00", False, "not_gtin"),
    ],
)
def test_a_scan_that_is_no_item_carries_its_reason_and_its_bytes(data, lossy, reason):
    assert inputs(ScanData("scanner", data, "", lossy, 5)) == [
        Scanned(reason, data, "", "scanner", None)
    ]


def test_equal_scans_are_two_scans():
    scan = ScanData("scanner", b"4006381333931", "", False, 5)

    assert len(inputs(scan, scan)) == 2


def test_a_weight_keeps_its_frame():
    assert inputs(StableWeight("scale", 412, True, b"\x02raw\r", 5)) == [
        Weighed(412, True, b"\x02raw\r", "scale"),
        ScaleSays("scale", 412, "stable"),
    ]


@pytest.mark.parametrize("condition", ["zero", "motion", "under_zero"])
def test_a_change_on_the_plate_comes_in_order_with_the_weights(condition):
    weight = StableWeight("scale", 412, False, b"", 5)
    change = ScaleState("scale", condition, b"", 6)

    taken = inputs(weight, change, weight)

    assert [type(item) for item in taken if not isinstance(item, ScaleSays)] == [
        Weighed,
        PlateChanged,
        Weighed,
        DeviceSays,
    ]
    assert taken[-1] == says()
    shown = [item.condition for item in taken if isinstance(item, ScaleSays)]
    assert shown == ["stable", condition, "stable"]


@pytest.mark.parametrize("condition", ["over_capacity", "not_ready", "garbled"])
def test_a_trouble_of_the_scale_is_said_and_leaves_the_plate(condition):
    assert inputs(ScaleState("scale", condition, b"", 5)) == [
        ScaleSays("scale", None, condition),
        says(condition),
    ]


@pytest.mark.parametrize(
    ("condition", "weight_g", "shown"), [("zero", 0, "zero"), ("steady", None, "stable")]
)
def test_an_empty_plate_weighs_nothing_and_a_steady_one_what_it_did(condition, weight_g, shown):
    taken = inputs(ScaleState("scale", condition, b"", 5))

    assert ScaleSays("scale", weight_g, shown) in taken


def test_only_the_latest_word_of_each_device_is_kept():
    printer = PrinterStatus("printer", ("paper_out",), (), None, 5)

    taken = inputs(
        ScaleState("scale", "garbled", b"", 5), printer, ScaleState("scale", "not_ready", b"", 6)
    )

    assert [item for item in taken if isinstance(item, DeviceSays)] == [
        says("not_ready"),
        says("paper_out", role="printer"),
    ]


def test_a_keyed_number_is_passed_on_as_it_was_keyed():
    assert inputs(KeyedNumber("keypad", "007", 5)) == [CountKeyed("007", "keypad")]


def test_the_end_of_a_print_is_never_coalesced():
    first, second = (PrintFinished("printer", job, "printed", "", 5) for job in "ab")

    assert inputs(first, second) == [
        JobFinished("a", "printed", ""),
        JobFinished("b", "printed", ""),
    ]


def test_a_printer_without_problems_is_well_whatever_it_warns_of():
    assert inputs(PrinterStatus("printer", (), ("paper_near_end",), False, 5)) == [
        says("paper_near_end", role="printer"),
        PrinterWell("printer"),
    ]


def test_a_printer_with_problems_is_not_well():
    assert inputs(PrinterStatus("printer", ("cover_open",), ("paper_near_end",), None, 5)) == [
        says("cover_open", "paper_near_end", role="printer")
    ]


def test_what_sensors_see_becomes_an_observation():
    assert inputs(
        TagPresence("rfid", "3034", GTIN, "7", True, -54, 1, 5),
        LabelSeen("camera", b"4006381333931", "]E0", 3, 5),
        ItemsCrossed("camera", 2, 80, 5),
    ) == [
        Observed(facts.TagObserved(None, "3034", GTIN, "7", True, -54, 1, "rfid")),
        Observed(facts.LabelObserved(None, GTIN, 3, "camera")),
        Observed(facts.CrossingObserved(None, 2, 80, "camera")),
    ]


def test_a_label_that_the_camera_misread_is_nothing():
    assert translated(LabelSeen("camera", b"4006381333932", "]E0", 2, 5)) == []
