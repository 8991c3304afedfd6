"""Scanners on real pseudo-terminals and packet sockets, against their simulated devices."""

import threading
from pathlib import Path

import pytest

from drivers.base import (
    Beep,
    DeviceUnavailable,
    Driver,
    ScaleState,
    ScanData,
    StableWeight,
    ZeroScale,
)
from drivers.line.serving import serving
from drivers.registry import load
from drivers.scanner.sim_line import (
    LineDevice,
    SingleCableDevice,
    SsiScanner,
    TextScanner,
)
from drivers.scanner.sim_pos import PosScanner, reports
from tests.scanner_kit import running, until

EAN = b"4006381333931"
ON_LINES = ("serial", "zebra-ssi", "magellan-single-cable", "ncr-single-cable")


@pytest.mark.parametrize("model", [*ON_LINES, "hid-pos"])
def test_registry_knows_the_driver(model: str) -> None:
    cls = load("scanner", model)
    assert isinstance(cls("scanner", cls.Options(path="/nowhere")), Driver)


@pytest.mark.parametrize("model", ON_LINES)
def test_scanner_pulled_out_is_unavailable(model: str) -> None:
    device = LineDevice()
    with serving(device), running(model, device.path) as worker:
        device.unplug()
        worker.join()
    assert isinstance(worker.failure, DeviceUnavailable)


@pytest.mark.parametrize("model", ON_LINES)
def test_scanner_takes_beeps_alone(model: str) -> None:
    cls = load("scanner", model)
    driver = cls("scanner", cls.Options(path="/nowhere"))
    assert cls.accepts == (Beep,)
    with pytest.raises(TypeError, match="takes no ZeroScale"):
        driver.handle(ZeroScale())


@pytest.mark.parametrize("model", [*ON_LINES, "hid-pos"])
def test_driver_that_is_not_open_is_unavailable(model: str) -> None:
    cls = load("scanner", model)
    driver = cls("scanner", cls.Options(path="/nowhere"))
    with pytest.raises(DeviceUnavailable):
        driver.run(lambda _: None, threading.Event())
    driver.close()


def test_probe_of_a_line_sends_nothing() -> None:
    device = SingleCableDevice()
    cls = load("scanner", "magellan-single-cable")
    with serving(device):
        assert cls("scanner", cls.Options(path=device.path)).probe().path == device.path
    assert device.questions == 0


# --- text ---


def test_text_scans_arrive_in_order() -> None:
    device = TextScanner()
    with serving(device), running("serial", device.path) as worker:
        device.say(b"]E0" + EAN + b"\r")
        device.say(b"]C10104006381333931")
        device.say(b"10A\x1d21B\r\n")
        assert worker.next() == ("scanner", EAN, "]E0", False)
        assert worker.next() == ("scanner", b"010400638133393110A\x1d21B", "]C1", False)


def test_text_options_reach_the_codec_and_the_line() -> None:
    device = TextScanner()
    options = {"framing": "none", "timeout_ms": 50, "prefix": "<", "suffix": ">", "stop_bits": 2}
    with serving(device), running("serial", device.path, **options) as worker:
        device.say(b"<]E0" + EAN + b">")
        assert worker.next() == ("scanner", EAN, "]E0", False)


def test_text_scanner_pulled_out_within_a_label_leaves_a_lossy_one() -> None:
    device = TextScanner()
    with serving(device), running("serial", device.path, timeout_ms=5_000) as worker:
        device.say(b"40063")
        until(lambda: worker.driver._port._line.in_waiting == 0)
        device.unplug()
        assert worker.next() == ("scanner", b"40063", "", True)
        worker.join()
    assert isinstance(worker.failure, DeviceUnavailable)


def test_text_scanner_rings_only_where_it_is_told_to() -> None:
    device = TextScanner()
    with serving(device):
        with running("serial", device.path) as worker:
            worker.driver.handle(Beep("bad"))
            device.say(EAN + b"\r")
            worker.next()
        with running("serial", device.path, beep="bad") as worker:
            worker.driver.handle(Beep("good"))
            worker.driver.handle(Beep("bad"))
            until(lambda: device.rings == 3)


# --- Zebra SSI ---


def test_ssi_labels_are_acknowledged() -> None:
    device = SsiScanner()
    with serving(device), running("zebra-ssi", device.path) as worker:
        device.scan(0x0B, EAN)
        assert worker.next() == ("scanner", EAN, "]E0", False)
        device.scan(0x0B, EAN)
        assert worker.next() == ("scanner", EAN, "]E0", False)
        until(lambda: device.answers == ["ack", "ack"])
    assert device.failures == 0


def test_ssi_label_in_several_packets_is_one() -> None:
    device = SsiScanner(data_bytes_max=20)
    label = b"https://id.gs1.org/01/04006381333931/10/ABC?17=271231"
    with serving(device), running("zebra-ssi", device.path) as worker:
        device.scan(0x1C, label)
        assert worker.next() == ("scanner", label, "]Q1", False)
        until(lambda: device.answers == ["ack", "ack", "ack"])


def test_ssi_label_whose_acknowledgement_was_lost_counts_once() -> None:
    device = SsiScanner(response_ms=300)
    with serving(device), running("zebra-ssi", device.path, response_ms=300) as worker:
        device.spoil("deaf")
        device.scan(0x0B, EAN)
        device.scan(0x0A, b"96385074")
        assert worker.next() == ("scanner", EAN, "]E0", False)
        assert worker.next() == ("scanner", b"96385074", "]E4", False)
        until(lambda: device.answers == ["none", "ack", "ack"])


@pytest.mark.parametrize(("how", "first"), [("damage", "nak"), ("lose", "none")])
def test_ssi_packet_that_did_not_arrive_is_sent_again(how: str, first: str) -> None:
    device = SsiScanner(response_ms=300)
    with serving(device), running("zebra-ssi", device.path) as worker:
        device.spoil(how)
        device.scan(0x0B, EAN)
        assert worker.next() == ("scanner", EAN, "]E0", False)
        until(lambda: device.answers == [first, "ack"])
    assert device.failures == 0
    assert worker.events.empty()


def test_ssi_scanner_sounds_for_what_the_lane_did_not_take() -> None:
    device = SsiScanner()
    with serving(device), running("zebra-ssi", device.path) as worker:
        worker.driver.handle(Beep("good"))
        worker.driver.handle(Beep("bad"))
        until(lambda: device.beeps == [0x06])


# --- scanner and scale on one cable ---


@pytest.mark.parametrize(
    ("model", "device", "options"),
    [
        ("magellan-single-cable", SingleCableDevice, {}),
        ("ncr-single-cable", lambda: SingleCableDevice(start=b"\x02", end=b"\x03", bcc=True), {}),
        (
            "ncr-single-cable",
            lambda: SingleCableDevice(start=b"\x02", end=b"\x03"),
            {"check": "none"},
        ),
    ],
)
def test_labels_and_weights_come_from_one_device(model, device, options) -> None:
    device = device()
    with serving(device), running(model, device.path, poll_ms=20, **options) as worker:
        event = worker.event()
        assert isinstance(event, ScaleState)
        assert (event.role, event.condition) == ("scanner", "zero")
        device.state = b"14401235"
        event = worker.event()
        assert isinstance(event, StableWeight)
        assert (event.weight_g, event.net) == (1235, False)
        assert event.raw == device.message(b"14401235")
        device.scan(b"F" + EAN)
        event = worker.event()
        assert isinstance(event, ScanData)
        assert (event.scan_data, event.symbology) == (EAN, "]E0")
        worker.driver.handle(Beep("bad"))
        until(lambda: device.beeps == 3)
    assert worker.events.empty()


def test_scale_that_falls_silent_is_said_and_its_scanner_goes_on() -> None:
    device = SingleCableDevice()
    with (
        serving(device),
        running("magellan-single-cable", device.path, poll_ms=20, timeout_ms=250) as worker,
    ):
        assert worker.event().condition == "zero"
        device.silent = True
        assert worker.event().condition == "not_ready"
        device.scan(b"A060992011187")
        assert worker.next() == ("scanner", b"060992011187", "]E0", False)
        device.silent = False
        assert worker.event().condition == "zero"


def test_beeps_asked_for_while_the_scanner_was_away_are_forgotten() -> None:
    device = SingleCableDevice()
    cls = load("scanner", "magellan-single-cable")
    driver = cls("scanner", cls.Options(path=device.path, poll_ms=20))
    driver.handle(Beep("bad"))
    stop = threading.Event()
    with serving(device):
        driver.open()
        thread = threading.Thread(target=driver.run, args=(lambda _: None, stop))
        thread.start()
        until(lambda: device.questions >= 2)
        stop.set()
        thread.join()
        driver.close()
    assert device.beeps == 0


def test_line_that_takes_no_bytes_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    device = SingleCableDevice()
    cls = load("scanner", "magellan-single-cable")
    driver = cls("scanner", cls.Options(path=device.path))
    driver.open()
    monkeypatch.setattr(driver._port, "write", lambda data, wait_ms: 0)
    with pytest.raises(DeviceUnavailable, match="takes no bytes"):
        driver.run(lambda _: None, threading.Event())
    driver.close()


# --- HID POS ---


def test_hid_pos_scans_arrive_in_order(tmp_path: Path) -> None:
    path = tmp_path / "hidraw"
    link = b"https://id.gs1.org/01/04006381333931/10/ABC?3103=000195&17=271231"
    device = PosScanner(path)
    with running("hid-pos", path) as worker:
        device.send(reports(EAN, "]E0") + reports(link, "]Q1"))
        assert worker.next() == ("scanner", EAN, "]E0", False)
        assert worker.next() == ("scanner", link, "]Q1", False)
        device.close()
        worker.join()
    assert isinstance(worker.failure, DeviceUnavailable)


def test_hid_pos_scanner_pulled_out_and_plugged_in_again(tmp_path: Path) -> None:
    path = tmp_path / "hidraw"
    device = PosScanner(path)
    with running("hid-pos", path) as worker:
        device.send(reports(b"7" * 60, "]Q1")[:1])
        device.close()
        assert worker.next() == ("scanner", b"7" * 56, "]Q1", True)
        worker.join()
    with pytest.raises(DeviceUnavailable), running("hid-pos", path):
        pass
    device = PosScanner(path)
    with running("hid-pos", path) as worker:
        device.send(reports(EAN, "]E0"))
        assert worker.next() == ("scanner", EAN, "]E0", False)
    device.close()


def test_hid_pos_label_that_does_not_go_on_is_lossy(tmp_path: Path) -> None:
    path = tmp_path / "hidraw"
    device = PosScanner(path)
    with running("hid-pos", path, timeout_ms=100) as worker:
        device.send(reports(b"7" * 60, "]Q1")[:1])
        assert worker.next() == ("scanner", b"7" * 56, "]Q1", True)
    device.close()


def test_hid_pos_scanner_takes_no_command_and_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "hidraw"
    device = PosScanner(path)
    cls = load("scanner", "hid-pos")
    driver = cls("scanner", cls.Options(path=str(path)))
    assert cls.accepts == ()
    assert driver.probe().product == "socket of HID reports"
    with pytest.raises(TypeError, match="takes no Beep"):
        driver.handle(Beep("good"))
    device.close()
