"""`lanetally devices list` and `detect`: what is plugged in, told without sending a byte."""

from __future__ import annotations

import json
import os
import select
import tty
from argparse import Namespace
from pathlib import Path

import pytest

from agent.cli import main
from agent.cli.devices import listing
from agent.config import check_lane
from agent.errors import TechnicianError
from agent.i18n import translator
from tests.plug_kit import Machine

SAY = translator("en")
LANE = '[store]\norg = "acme"\nid = "s1"\nname = "n"\n[lane]\nid = "l1"\n'
SCANNER = "/dev/input/by-path/1-1.1-event-kbd"
DEVICES = f"""
[[device]]
role = "scanner"
kind = "scanner"
model = "hid-wedge"
path = "{SCANNER}"
[[device]]
role = "scale"
kind = "scale"
model = "toledo-8217"
path = "/dev/serial/by-id/usb-FTDI"
[[device]]
role = "printer"
kind = "printer"
model = "escpos"
host = "192.0.2.7"
[[device]]
role = "kitchen"
kind = "printer"
model = "escpos"
transport = "usb"
vid = 1208
pid = 3624
"""


def lane(text: str = DEVICES):
    checked = check_lane(LANE + text)
    assert checked.value is not None, checked.errors
    return checked.value


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture
def machine(tmp_path) -> Machine:
    """Two scanners alike, a printer on USB; the scale is not plugged in."""
    machine = Machine(tmp_path)
    for number, place in enumerate(("1-1.1", "1-1.2")):
        usb = machine.usb(place, "05f9:2206", vendor="Datalogic", product="Gryphon")
        machine.keyboard(usb, number, by_id="usb-Same-event-kbd", by_path=f"{place}-event-kbd")
    machine.printer(machine.usb("1-4", "04b8:0e28", vendor="EPSON", serial="X1"))
    return machine


def listed(machine, capsys, *, as_json: bool = False) -> str:
    assert listing.list_devices(lane(), SAY, as_json=as_json, root=machine.root) == 0
    return capsys.readouterr().out


def options(**changes) -> Namespace:
    return Namespace(**{"json": True, "listen": None, "seconds": 1, "baud": 9600} | changes)


def detected(machine, capsys, config="", **changes) -> dict:
    devices = lane(config).device
    assert listing.detect(options(**changes), devices, SAY, machine.root) == 0
    return json.loads(capsys.readouterr().out)


def test_each_role_says_where_it_is_and_whether_it_is_there(machine, capsys):
    rows = [row for row in listed(machine, capsys).splitlines() if not row.startswith(" ")]
    assert rows == [
        f"scanner  scanner/hid-wedge  {SCANNER}  is there",
        "scale  scale/toledo-8217  /dev/serial/by-id/usb-FTDI  is not there",
        "printer  printer/escpos  192.0.2.7:9100  is on the network: try probe",
        "kitchen  printer/escpos  USB 04b8:0e28  is there",
    ]


def test_what_is_plugged_in_is_described(machine, capsys):
    out = listed(machine, capsys)
    assert "    device: 05f9:2206 Datalogic Gryphon\n    USB port: 1-1.1\n" in out
    assert "    serial number: X1\n" in out


def test_programs_get_the_devices_as_one_object(machine, capsys):
    devices = json.loads(listed(machine, capsys, as_json=True))["devices"]
    assert [device["is_there"] for device in devices] == [True, False, None, True]
    assert devices[0]["port"]["usb_path"] == "1-1.1"
    assert devices[1]["port"] is None


ADAPTER = """
[[device]]
role = "scale"
kind = "scale"
model = "nci"
path = "{}"
"""


@pytest.mark.parametrize(
    ("path", "serial", "better"),
    [
        ("/dev/ttyUSB0", "", "/dev/serial/by-path/1-2.1-port0"),
        ("/dev/ttyUSB0", "A9", "/dev/serial/by-id/usb-FTDI"),
        ("/dev/serial/by-id/usb-FTDI", "", "/dev/serial/by-path/1-2.1-port0"),
        ("/dev/serial/by-id/usb-FTDI", "A9", ""),
        ("/dev/serial/by-path/1-2.1-port0", "", ""),
    ],
)
def test_a_name_that_may_be_another_device_one_day_is_told_with_a_better_one(
    machine, capsys, path, serial, better
):
    names = {"by_id": "usb-FTDI", "by_path": "1-2.1-port0"}
    machine.line(machine.usb("1-2.1", "0403:6001", serial=serial), "ttyUSB0", **names)
    machine.line(machine.usb("1-2.2", "0403:6001"), "ttyUSB1", by_path="1-2.2-port0")
    listing.list_devices(lane(ADAPTER.format(path)), SAY, as_json=False, root=machine.root)
    said = f"    may be another one after a restart: write {better}\n"
    assert (said in capsys.readouterr().out) == bool(better)
    listing.list_devices(lane(ADAPTER.format(path)), SAY, as_json=True, root=machine.root)
    [row] = json.loads(capsys.readouterr().out)["devices"]
    assert row["better_path"] == better


def test_a_reader_on_the_network_is_told_by_its_place(machine, capsys):
    reader = '[[device]]\nrole = "gate"\nkind = "rfid"\nmodel = "llrp"\nhost = "192.0.2.9"\n'
    listing.list_devices(lane(reader), SAY, as_json=False, root=machine.root)
    said = "gate  rfid/llrp  192.0.2.9:5084  is on the network: try probe\n"
    assert capsys.readouterr().out == said


def test_a_device_that_is_no_port_of_this_machine_is_looked_for_by_its_path(machine, capsys):
    fifo = machine.root / "run" / "scanner"
    fifo.parent.mkdir()
    os.mkfifo(fifo)
    text = DEVICES.replace(SCANNER, "/run/scanner")
    listing.list_devices(lane(text), SAY, as_json=True, root=machine.root)
    first = json.loads(capsys.readouterr().out)["devices"][0]
    assert (first["is_there"], first["port"]) == (True, None)


def test_all_is_free_where_no_lane_is_configured(machine, capsys):
    found = detected(machine, capsys)
    assert [port["usb_path"] for port in found["ports"]] == ["1-1.1", "1-1.2", "1-4"]
    assert found["heard"] is None
    assert found["ports"][0]["models"] == [
        {
            "driver": "scanner/hid-wedge",
            "name": "Datalogic Gryphon I GFS4400",
            "file": "scanner_datalogic_gryphon_gfs4400.toml",
        }
    ]


def test_what_has_a_role_is_left_out_and_its_twin_is_not(machine, capsys):
    found = detected(machine, capsys, DEVICES)
    assert [port["path"] for port in found["ports"]] == ["/dev/input/by-path/1-1.2-event-kbd"]


def test_people_read_the_path_to_configure_and_the_driver_that_fits(machine, capsys):
    listing.detect(options(json=False), (), SAY, machine.root)
    out = capsys.readouterr().out
    assert f"input  {SCANNER}\n" in out
    name = "scanner_datalogic_gryphon_gfs4400"
    assert f"→ scanner/hid-wedge: Datalogic Gryphon I GFS4400 (firmware_configs/{name}.toml)" in out
    assert "→ says that it is a printer" in out


def test_a_machine_with_nothing_free_says_so(tmp_path, capsys):
    listing.detect(options(json=False), (), SAY, tmp_path)
    assert capsys.readouterr().out == "nothing is plugged in that is not in use\n"


# --- listening ---


@pytest.fixture
def line():
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


def nothing_was_written(master: int) -> bool:
    return not select.select([master], [], [], 0)[0]


def test_a_line_is_listened_to_only_when_it_is_named_and_never_written_to(line, capsys):
    master, path = line
    assert listing.detect(options(listen=path, json=False), (), SAY) == 0
    out = capsys.readouterr().out
    assert f"heard on {path}: -\n    nobody is known by that\n" in out
    assert nothing_was_written(master)


def test_who_speaks_is_told_with_the_message_that_proves_it(line, capsys):
    master, path = line
    message = b"ST,GS,\x01\x41,0001.235 kg\r\n"
    reader = listing.detection.SerialPort
    opened = reader.open

    def open_and_speak(self) -> None:
        opened(self)
        os.write(master, message * 2)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "open", open_and_speak)
        listing.detect(options(listen=path), (), SAY)
        heard = json.loads(capsys.readouterr().out)["heard"]
        listing.detect(options(listen=path, json=False), (), SAY)
    assert heard["matches"] == [{"driver": "scale/cas-stream", "message_hex": message.hex(" ")}]
    assert heard["data_hex"] == (message * 2).hex(" ")
    assert f"→ scale/cas-stream: {message.hex(' ')}\n" in capsys.readouterr().out
    assert nothing_was_written(master)


def test_a_line_with_a_role_is_not_opened_by_any_of_its_names(line, tmp_path, monkeypatch):
    _, path = line
    link = tmp_path / "scale"
    link.symlink_to(path)
    devices = lane(DEVICES.replace("/dev/serial/by-id/usb-FTDI", str(link))).device

    def opened(*_: object) -> None:
        pytest.fail("it was opened")

    monkeypatch.setattr(listing.detection.SerialPort, "open", opened)
    for name in (path, str(link)):
        with pytest.raises(TechnicianError, match="belongs to scale"):
            listing.detect(options(listen=name), devices, SAY)


# --- the command ---


@pytest.fixture
def config(tmp_path) -> Path:
    file = tmp_path / "lane.toml"
    file.write_text(LANE + DEVICES, "utf-8")
    return file


def test_the_commands_answer_on_this_machine(config, capsys):
    assert main(["devices", "list", "--config", str(config), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["devices"]) == 4
    assert main(["devices", "detect", "--config", str(config), "--json"]) == 0
    assert isinstance(json.loads(capsys.readouterr().out)["ports"], list)
    assert main(["devices", "detect"]) == 0


def test_options_are_those_that_config_lists(capsys):
    assert main(["devices", "options", "scale/toledo-8217"]) == 0
    mine = capsys.readouterr().out
    assert main(["config", "options", "scale/toledo-8217"]) == 0
    assert capsys.readouterr().out == mine


@pytest.mark.parametrize(
    ("driver", "said"),
    [
        (
            "scale/toledo8217",
            "no driver for toledo8217; there are: cas, {}; did you mean toledo-8217?",
        ),
        ("scael/nci", "no driver for scael; there are: camera, {}; did you mean scale?"),
        ("scale", "no driver for scale/; there are: cas, {}"),
        ("/", "no driver for ; there are: camera, {}"),
    ],
)
@pytest.mark.parametrize("command", ["devices", "config"])
def test_a_driver_that_there_is_not_is_answered_with_those_there_are(command, driver, said, capsys):
    assert main([command, "options", driver]) == 1
    before, after = said.split("{}")
    told = capsys.readouterr().err.rstrip()
    assert told.startswith(before)
    assert told.endswith(after)


def test_an_absent_line_is_said_in_one_sentence(capsys, monkeypatch):
    absent = ["devices", "detect", "--listen", "/dev/nowhere"]
    assert main(absent) == 1
    assert capsys.readouterr().err == "out of reach: /dev/nowhere: No such file or directory\n"
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert main(absent) == 1
    assert capsys.readouterr().err == "无法连接：/dev/nowhere: No such file or directory\n"


def test_what_is_no_line_is_not_listened_to(tmp_path, capsys):
    assert main(["devices", "detect", "--listen", "/dev/null"]) == 1
    said = "cannot work as it is set: /dev/null at 9600 8N1: no serial line\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("wrong", [("--seconds", "0"), ("--seconds", "86401"), ("--baud", "12345")])
def test_one_cannot_listen_for_no_time_for_ever_or_at_no_known_speed(wrong, capsys):
    with pytest.raises(SystemExit):
        main(["devices", "detect", "--listen", "/dev/null", *wrong])
    assert wrong[1] in capsys.readouterr().err
