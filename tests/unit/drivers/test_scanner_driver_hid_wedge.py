"""The scanner driver on real streams: bytes at a FIFO, or keys through the kernel where it can."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.base import Beep, DeviceUnavailable, Driver, ScanData
from drivers.hid.sim import FifoOutput, UinputOutput
from drivers.registry import load
from drivers.scanner.driver_hid_wedge import HidWedgeOptions, HidWedgeScanner
from drivers.scanner.sim import Wedge
from tests.scanner_kit import Worker


@pytest.fixture
def start() -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def start(role: str, path: Path | str, **options: object) -> Worker:
        worker = Worker(HidWedgeScanner(role, HidWedgeOptions(str(path), **options)))
        worker.start()
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        worker.close()


def test_registry_knows_the_driver() -> None:
    assert load("scanner", "hid-wedge") is HidWedgeScanner
    assert isinstance(HidWedgeScanner("scanner", HidWedgeOptions("/dev/null")), Driver)


def test_scans_arrive_in_order(start: Callable[..., Worker], tmp_path: Path) -> None:
    output = FifoOutput(str(tmp_path / "scanner"))
    worker = start("scanner", tmp_path / "scanner")
    before_ns = time.monotonic_ns()
    output.send(Wedge().reports(b"4006381333931", "]E0"))
    output.send(Wedge(style="alt").reports(b"010400638133393110A\x1d21B", "]C1"))
    assert worker.next() == ("scanner", b"4006381333931", "]E0", False)
    event = worker.event()
    assert isinstance(event, ScanData)
    assert (event.scan_data, event.symbology) == (b"010400638133393110A\x1d21B", "]C1")
    assert before_ns < event.mono_ns < time.monotonic_ns()
    output.close()


def test_two_scanners_never_mix(start: Callable[..., Worker], tmp_path: Path) -> None:
    outputs = [FifoOutput(str(tmp_path / name)) for name in ("left", "right")]
    left, right = (start(name, tmp_path / name) for name in ("left", "right"))
    a, b = Wedge().reports(b"AAAAAAAA"), Wedge().reports(b"bbbbbbbb")
    for number in range(0, max(len(a), len(b)), 4):
        outputs[0].send(a[number : number + 4])
        outputs[1].send(b[number : number + 4])
    assert left.next() == ("left", b"AAAAAAAA", "", False)
    assert right.next() == ("right", b"bbbbbbbb", "", False)
    assert left.events.empty()
    assert right.events.empty()
    for output in outputs:
        output.close()


def test_silence_ends_a_label_without_terminator(
    start: Callable[..., Worker], tmp_path: Path
) -> None:
    output = FifoOutput(str(tmp_path / "scanner"))
    worker = start("scanner", tmp_path / "scanner", terminator="none", timeout_ms=200)
    output.send(Wedge(terminator="").reports(b"96385074"))
    assert worker.next() == ("scanner", b"96385074", "", False)
    output.close()


def test_options_reach_the_codec(start: Callable[..., Worker], tmp_path: Path) -> None:
    output = FifoOutput(str(tmp_path / "scanner"))
    worker = start(
        "scanner",
        tmp_path / "scanner",
        layout="fr",
        terminator="tab",
        gs_key="f8",
        prefix="<",
        suffix=">",
    )
    wedge = Wedge(layout="fr", terminator="tab", gs_key="f8", prefix=b"<", suffix=b">")
    output.send(wedge.reports(b"10@A\x1d21(B)", "]C1"))
    assert worker.next() == ("scanner", b"10@A\x1d21(B)", "]C1", False)
    output.close()


def test_scanner_pulled_out_and_plugged_in_again(
    start: Callable[..., Worker], tmp_path: Path
) -> None:
    output = FifoOutput(str(tmp_path / "scanner"))
    worker = start("scanner", tmp_path / "scanner")
    output.send(Wedge(terminator="").reports(b"40063"))
    output.close()
    worker.join()
    assert isinstance(worker.failure, DeviceUnavailable)
    assert worker.next() == ("scanner", b"40063", "", True)
    with pytest.raises(DeviceUnavailable):
        start("scanner", tmp_path / "scanner")
    output = FifoOutput(str(tmp_path / "scanner"))
    again = start("scanner", tmp_path / "scanner")
    output.send(Wedge().reports(b"96385074"))
    assert again.next() == ("scanner", b"96385074", "", False)
    output.close()


def test_driver_that_is_not_open_is_unavailable() -> None:
    scanner = HidWedgeScanner("scanner", HidWedgeOptions("/dev/null"))
    with pytest.raises(DeviceUnavailable):
        scanner.run(lambda _: None, threading.Event())
    scanner.close()


def test_scanner_takes_no_command() -> None:
    assert HidWedgeScanner.accepts == ()
    with pytest.raises(TypeError, match="this device takes no Beep"):
        HidWedgeScanner("scanner", HidWedgeOptions("/dev/null")).handle(Beep("good"))


def test_probe_names_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "scanner"
    FifoOutput(str(path)).close()
    identity = HidWedgeScanner("scanner", HidWedgeOptions(str(path))).probe()
    assert identity.product == "stream of input events"


@pytest.mark.skipif(
    not Path("/dev/uinput").exists(),
    reason="NOT TESTED HERE: this kernel has no /dev/uinput, so no real keyboard can be made",
)
def test_scans_through_the_kernel(start: Callable[..., Worker]) -> None:
    keyboard = UinputOutput("Lanetally test scanner", vendor=0x05F9, product=0x2206)
    scanner = HidWedgeScanner("scanner", HidWedgeOptions(keyboard.path))
    assert scanner.probe().vendor == "05f9:2206"
    worker = start("scanner", keyboard.path)
    with pytest.raises(DeviceUnavailable):
        start("second", keyboard.path)
    keyboard.send(Wedge(style="alt").reports(b"010400638133393110A\x1d21B", "]C1"))
    keyboard.send(Wedge().reports(b"https://id.gs1.org/01/04006381333931?x=A_b", "]Q1"))
    assert worker.next() == ("scanner", b"010400638133393110A\x1d21B", "]C1", False)
    assert worker.next() == (
        "scanner",
        b"https://id.gs1.org/01/04006381333931?x=A_b",
        "]Q1",
        False,
    )
    keyboard.close()
    worker.join()
    assert isinstance(worker.failure, DeviceUnavailable)
