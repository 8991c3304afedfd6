"""`lanetally devices probe`, `try` and `print-test`: one device in the technician's hands."""

from __future__ import annotations

import json
import os
import signal
import threading

import pytest

from agent.cli import main
from agent.cli.devices import trial
from agent.i18n import translator
from drivers import base
from drivers.display.sim import VirtualDisplay, pty_display
from drivers.hid.sim import FifoOutput
from drivers.line.serving import serving
from drivers.printer.sim import VirtualPrinter, tcp_printer
from drivers.scale.sim import SimulatedScale
from drivers.scanner.sim import Wedge

LANE = '[store]\norg = "acme"\nid = "s1"\nname = "n"\n[lane]\nid = "l1"\n'


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture
def lane(tmp_path):
    """Writes a configuration with one device; its path."""

    def write(kind: str, model: str, **options: object) -> str:
        rows = "".join(f"{key} = {json.dumps(value)}\n" for key, value in options.items())
        file = tmp_path / "lane.toml"
        file.write_text(
            f'{LANE}[[device]]\nrole = "it"\nkind = "{kind}"\nmodel = "{model}"\n{rows}'
        )
        return str(file)

    return write


@pytest.fixture
def scanner(lane, tmp_path):
    """A scanner, and the configuration with it."""
    fifo = str(tmp_path / "fifo")
    plugged = FifoOutput(fifo)
    yield plugged, lane("scanner", "hid-wedge", path=fifo)
    plugged.close()


def test_a_scanners_labels_are_shown_as_they_are_read(scanner, capsys):
    plugged, config = scanner
    plugged.send(Wedge().reports(b"4006381333931", "]E0"))
    plugged.send(Wedge().reports(b"hello", ""))
    assert main(["devices", "try", "it", "--config", config, "--seconds", "1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "label 4006381333931 (]E0): GTIN 04006381333931",
        "label hello (-): no article",
    ]


def test_programs_get_one_object_for_each_event(scanner, capsys):
    plugged, config = scanner
    plugged.send(Wedge().reports(b"4006381333931", "]E0"))
    assert main(["devices", "try", "it", "--config", config, "--seconds", "1", "--json"]) == 0
    event = json.loads(capsys.readouterr().out)
    assert event["event"] == "ScanData"
    assert bytes.fromhex(event["scan_data"]) == b"4006381333931"


def test_ctrl_c_ends_a_trial_without_end(scanner):
    _, config = scanner
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    before = signal.getsignal(signal.SIGINT)
    assert main(["devices", "try", "it", "--config", config, "--seconds", "0"]) == 0
    assert signal.getsignal(signal.SIGINT) is before


def test_a_device_that_is_lost_on_the_way_ends_the_trial(scanner, capsys):
    plugged, config = scanner
    threading.Timer(0.3, plugged.close).start()
    plugged.close = lambda: None
    assert main(["devices", "try", "it", "--config", config]) == 1
    assert "the other end was closed" in capsys.readouterr().err


def test_a_scale_is_probed_on_its_own_line(lane, capsys, tmp_path):
    link = tmp_path / "scale"
    with serving(SimulatedScale(link=link)):
        config = lane("scale", "toledo-8217", path=str(link))
        assert main(["devices", "probe", "it", "--config", config]) == 0
    out = capsys.readouterr().out
    assert "device: 8217 scale\n" in out
    assert f"place: {link}\n" in out
    assert "vendor: -\n" in out


def test_a_scale_that_is_not_there_is_said_in_one_line(lane, capsys):
    config = lane("scale", "toledo-8217", path="/dev/nowhere")
    assert main(["devices", "probe", "it", "--config", config]) == 1
    assert "/dev/nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "model"), [("scanner", "hid-wedge"), ("scanner", "hid-pos")])
def test_a_file_is_probed_for_no_device(lane, capsys, tmp_path, kind, model):
    config = lane(kind, model, path=str(tmp_path / "lane.toml"))
    assert main(["devices", "probe", "it", "--config", config]) == 1
    assert "cannot work as it is set: " in capsys.readouterr().err


def test_a_trial_is_not_shorter_than_no_time(scanner, capsys):
    with pytest.raises(SystemExit):
        main(["devices", "try", "it", "--config", scanner[1], "--seconds", "-1"])
    assert "-1 is no number from 0 on" in capsys.readouterr().err


def test_a_role_that_there_is_not_is_answered_with_those_there_are(scanner, capsys):
    assert main(["devices", "probe", "scale", "--config", scanner[1]]) == 1
    assert capsys.readouterr().err == "no device scale; there are: it\n"


def test_a_printer_prints_a_receipt_with_all_that_it_must_be_able_to(lane, capsys):
    printer = VirtualPrinter()
    with tcp_printer(printer) as (host, port):
        config = lane("printer", "escpos", host=host, port=port)
        assert main(["devices", "print-test", "it", "--config", config]) == 0
    out = capsys.readouterr().out
    assert "printer: ok; drawer: -\n" in out
    assert "print job: printed (-)\n" in out
    [receipt] = printer.receipts
    assert receipt.qr_codes == ["Lanetally"]
    assert receipt.kicks == 0
    assert any("test print of it" in line for line in receipt.lines)


def test_a_printer_that_does_not_print_ends_with_1_and_says_why(lane, capsys):
    printer = VirtualPrinter()
    printer.faults.paper_out = True
    with tcp_printer(printer) as (host, port):
        config = lane("printer", "escpos", host=host, port=port)
        assert main(["devices", "print-test", "it", "--config", config]) == 1
    assert "print job: failed (paper_out)" in capsys.readouterr().out


def test_a_display_shows_test_lines(lane):
    display = VirtualDisplay("cd5220")
    with pty_display(display) as path:
        config = lane("display", "cd5220", path=path)
        assert main(["devices", "print-test", "it", "--config", config]) == 0
    assert display.lines == ("test of it          ", "0123456789     12.34")


def test_a_scanner_prints_nothing(scanner, capsys):
    assert main(["devices", "print-test", "it", "--config", scanner[1]]) == 1
    assert capsys.readouterr().err == "it neither prints nor shows anything\n"


SENTENCES = [
    (base.ScanData("s", b"]", "", True, 0), "label ] (-): no article"),
    (base.ScanData("s", b"0196385074\x1d10A", "]C1", False, 0), None),
    (base.StableWeight("w", 1235, False, b"", 0), "1235 g"),
    (base.StableWeight("w", 1235, True, b"", 0), "1235 g net"),
    (base.ScaleState("w", "motion", b"", 0), "no stable weight: motion"),
    (base.KeyedNumber("k", "", 0), "keyed: -"),
    (base.KeyedNumber("k", "12", 0), "keyed: 12"),
    (base.PrintFinished("p", "j", "failed", "io", 0), "print job: failed (io)"),
    (
        base.PrinterStatus("p", ("offline",), ("paper_near_end",), True, 0),
        "printer: offline, paper_near_end; drawer: open",
    ),
    (
        base.TagPresence("r", "3034", "80614141123458", "6789", True, -55, 1, 0),
        "tag 3034 is here: GTIN 80614141123458, -55 dBm",
    ),
    (
        base.TagPresence("r", "E200", None, None, True, None, 1, 0),
        "tag E200 is here: GTIN -, - dBm",
    ),
    (base.TagPresence("r", "E200", None, None, False, None, 1, 0), "tag E200 has gone"),
    (base.LabelSeen("c", b"96385074", "]E4", 3, 0), "camera: 96385074 (]E4) in 3 frames"),
    (base.ItemsCrossed("c", 2, 90, 0), "camera: 2 items crossed, 90 % sure"),
]


@pytest.mark.parametrize(("event", "english"), SENTENCES, ids=lambda value: type(value).__name__)
def test_every_event_is_a_sentence_in_both_languages_and_an_object(event, english):
    said = trial.sentence(event)
    assert english is None or said.english() == english
    assert translator("zh_CN")(said) != said.english()
    assert json.loads(trial.as_json(event))["event"] == type(event).__name__


def test_control_characters_of_a_label_are_shown_in_words():
    scan = base.ScanData("s", b"10A\x1d21B", "]C1", False, 0)
    assert "10A<GS>21B" in trial.sentence(scan).english()
