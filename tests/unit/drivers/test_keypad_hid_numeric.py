"""The numeric keypad: keys to numbers, and its driver on a FIFO."""

import queue
import random
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.base import Beep, DeviceEvent, DeviceUnavailable, Driver, KeyedNumber
from drivers.hid import keycodes as k
from drivers.hid.codec_input_event import LOST, encode
from drivers.hid.sim import NO_KEYS, FifoOutput, kernel_events, report
from drivers.keypad.codec_hid_numeric import DIGITS_MAX, NumericDecoder
from drivers.keypad.driver_hid_numeric import HidNumericKeypad, HidNumericOptions
from drivers.keypad.sim import reports
from drivers.registry import load


@pytest.fixture
def decoder() -> NumericDecoder:
    return NumericDecoder("keypad", forget_ms=1_000)


def keyed(text: str) -> bytes:
    return encode(kernel_events(reports(text), 1_000_000))


def number(digits: str) -> KeyedNumber:
    return KeyedNumber("keypad", digits, 5)


@pytest.mark.parametrize(
    ("keys", "digits"),
    [
        ("12\r", ["12"]),
        ("007\r", ["007"]),
        ("\r", [""]),
        ("129\b3\r", ["123"]),
        ("1\b\b\b2\r", ["2"]),
        ("55\x1b7\r", ["7"]),
        ("1\r2\r", ["1", "2"]),
        ("9" * (DIGITS_MAX + 5) + "\r", ["9" * DIGITS_MAX]),
    ],
)
def test_keys_to_numbers(decoder: NumericDecoder, keys: str, digits: list[str]) -> None:
    assert decoder.feed(keyed(keys), 5) == [number(each) for each in digits]


def test_digits_above_the_letters_count_too(decoder: NumericDecoder) -> None:
    keys = [report(2), NO_KEYS, report(11), NO_KEYS, report(k.KEY_ENTER), NO_KEYS]
    assert decoder.feed(encode(kernel_events(keys, 0)), 5) == [number("10")]


def test_other_keys_are_nothing(decoder: NumericDecoder) -> None:
    keys = [report(k.KEY_NUMLOCK), NO_KEYS, report(30), NO_KEYS, *reports("4\r")]
    assert decoder.feed(encode(kernel_events(keys, 0)), 5) == [number("4")]


def test_number_with_lost_keys_is_not_emitted(decoder: NumericDecoder) -> None:
    rest = encode(kernel_events([NO_KEYS, report(2), NO_KEYS, *reports("34\r5\r")], 0))
    assert decoder.feed(keyed("1") + encode([LOST]) + rest, 5) == [number("5")]


def test_esc_after_a_loss_starts_afresh(decoder: NumericDecoder) -> None:
    rest = encode(kernel_events([report(2), NO_KEYS, *reports("\x1b5\r")], 0))
    assert decoder.feed(encode([LOST]) + rest, 5) == [number("5")]


def test_unfinished_number_is_forgotten_after_a_while(decoder: NumericDecoder) -> None:
    assert decoder.next_timeout() is None
    decoder.feed(keyed("12"), 5)
    assert decoder.next_timeout() == 1_000_000_005
    assert decoder.flush(1_000_000_004) == []
    assert decoder.next_timeout() is not None
    assert decoder.flush(1_000_000_005) == []
    assert decoder.next_timeout() is None
    assert decoder.feed(keyed("3\r"), 5) == [number("3")]


def test_unfinished_number_is_forgotten_even_if_nobody_looked(decoder: NumericDecoder) -> None:
    decoder.feed(keyed("12"), 5)
    [only] = decoder.feed(keyed("3\r"), 1_000_000_005)
    assert only.digits == "3"


def test_unfinished_number_goes_with_the_keypad(decoder: NumericDecoder) -> None:
    decoder.feed(keyed("12"), 5)
    assert decoder.disconnected() == []
    assert decoder.next_timeout() is None


def first_number(keypad: Driver, keyed: Callable[[], None]) -> tuple[str, str]:
    """The role and the digits of the first number that an open driver emits."""
    events: queue.Queue[DeviceEvent] = queue.Queue()
    stop = threading.Event()
    worker = threading.Thread(target=keypad.run, args=(events.put, stop))
    worker.start()
    keyed()
    event = events.get(timeout=10)
    stop.set()
    worker.join(10)
    assert not worker.is_alive()
    assert isinstance(event, KeyedNumber)
    return event.role, event.digits


def test_driver_reads_a_keypad(tmp_path: Path) -> None:
    assert load("keypad", "hid-numeric") is HidNumericKeypad
    path = str(tmp_path / "keypad")
    output = FifoOutput(path)
    keypad = HidNumericKeypad("keypad", HidNumericOptions(path))
    assert isinstance(keypad, Driver)
    assert keypad.probe().path == path
    keypad.open()
    assert first_number(keypad, lambda: output.send(reports("17\r"))) == ("keypad", "17")
    keypad.close()
    output.close()


def test_keypad_pulled_out_and_plugged_in_again(tmp_path: Path) -> None:
    path = str(tmp_path / "keypad")
    keypad = HidNumericKeypad("keypad", HidNumericOptions(path))
    output = FifoOutput(path)
    keypad.open()
    output.send(reports("1"))
    output.close()
    with pytest.raises(DeviceUnavailable):
        keypad.run(lambda _: None, threading.Event())
    keypad.close()
    with pytest.raises(DeviceUnavailable):
        keypad.open()
    output = FifoOutput(path)
    keypad.open()
    assert first_number(keypad, lambda: output.send(reports("7\r"))) == ("keypad", "7")
    keypad.close()
    output.close()


def test_keypad_takes_no_command() -> None:
    assert HidNumericKeypad.accepts == ()
    with pytest.raises(TypeError, match="this device takes no Beep"):
        HidNumericKeypad("keypad", HidNumericOptions("/dev/null")).handle(Beep("bad"))


# --- captures ---

CAPTURES = sorted((Path(__file__).parents[2] / "captures" / "keypad").glob("*.events"))


def structs(capture: Path) -> list[bytes]:
    """`struct input_event` of 64-bit kernels, linux/input.h: seconds, micros, type, code, value."""
    lines = [line.split() for line in capture.read_text().splitlines() if line[0] != "#"]
    return [
        struct.pack("=qqHHi", *map(int, at.split(".")), *map(int, event)) for at, *event in lines
    ]


def golden(capture: Path) -> list[str]:
    return capture.with_suffix(".golden").read_text().replace("(Enter alone)", "").splitlines()


def numbers(pieces: list[bytes]) -> list[str]:
    decoder = NumericDecoder("keypad")
    return [each.digits for piece in pieces for each in decoder.feed(piece, 5)]


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_a_capture_means_what_its_golden_file_says_however_it_is_cut(capture: Path) -> None:
    whole = b"".join(structs(capture))
    assert numbers([whole]) == golden(capture)
    assert numbers([whole[n : n + 1] for n in range(len(whole))]) == golden(capture)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_with_bytes_lost_or_of_garbage_numbers_get_lost_and_none_is_made_up(
    capture: Path, seed: int
) -> None:
    dice = random.Random(seed)
    spoiled = bytearray()
    for event in structs(capture):
        if dice.random() > 0.2:
            spoiled += event
        elif dice.random() < 0.5:
            spoiled += event[: dice.randrange(24)] + dice.randbytes(dice.randrange(1, 24))
        else:
            spoiled += event[: dice.randrange(1, 24)]
    assert set(numbers([bytes(spoiled)])) <= set(golden(capture))
