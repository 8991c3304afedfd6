"""The simulated keyboard is as unkind as the kernel and a real cable."""

import os
from pathlib import Path

import pytest

from drivers.hid.codec_input_event import InputEvent
from drivers.hid.keycodes import (
    EV_KEY,
    EV_MSC,
    EV_SYN,
    KEY_LEFTALT,
    KEY_LEFTSHIFT,
    MSC_SCAN,
    SYN_REPORT,
)
from drivers.hid.sim import NO_KEYS, FifoOutput, kernel_events, report
from drivers.scanner.sim import Wedge

KP0, KP8 = 82, 72


def keys(reports: list[bytes]) -> list[tuple[int, int]]:
    return [(e.code, e.value) for e in kernel_events(reports, 0) if e.kind == EV_KEY]


def test_report_is_a_usb_boot_report() -> None:
    assert report(KEY_LEFTALT, KP0, KP8) == bytes.fromhex("0400626000000000")


def test_press_is_scan_code_key_and_report() -> None:
    assert kernel_events([report(30)], 5_000) == [
        InputEvent(5_000, EV_MSC, MSC_SCAN, 0x70004),
        InputEvent(5_000, EV_KEY, 30, 1),
        InputEvent(5_000, EV_SYN, SYN_REPORT, 0),
    ]


def test_report_without_change_is_silent() -> None:
    assert kernel_events([NO_KEYS, NO_KEYS], 0) == []


def test_modifiers_come_first_then_the_key_that_goes() -> None:
    assert keys([report(KEY_LEFTSHIFT, 30), report(48)]) == [
        (KEY_LEFTSHIFT, 1),
        (30, 1),
        (KEY_LEFTSHIFT, 0),
        (30, 0),
        (48, 1),
    ]


def test_key_twice_in_a_report_is_pressed_once() -> None:
    assert keys([bytes.fromhex("0000626062000000"), NO_KEYS]) == [
        (KP0, 1),
        (KP8, 1),
        (KP0, 0),
        (KP8, 0),
    ]


def test_scanner_refuses_a_byte_it_has_no_key_for() -> None:
    with pytest.raises(ValueError, match="no key of the layout us writes the byte 0xe4"):
        Wedge().reports("ä".encode("cp1252"))


def test_scanner_writes_control_characters_as_chords() -> None:
    assert Wedge(terminator="").reports(b"\n")[1] == bytes.fromhex("01000d0000000000")


def test_fifo_is_made_and_nothing_else_is_overwritten(tmp_path: Path) -> None:
    output = FifoOutput(str(tmp_path / "scanner"))
    assert (tmp_path / "scanner").is_fifo()
    output.close()
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        FifoOutput(str(tmp_path / "file"))


def test_fifo_carries_whole_structs(tmp_path: Path) -> None:
    output = FifoOutput(str(tmp_path / "scanner"))
    output.send([report(30), NO_KEYS])
    fd = os.open(tmp_path / "scanner", os.O_RDONLY | os.O_NONBLOCK)
    assert len(os.read(fd, 4096)) == 6 * 24
    os.close(fd)
    output.close()
