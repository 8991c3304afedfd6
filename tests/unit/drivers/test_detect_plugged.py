"""What is plugged in, read off trees that are made like /sys and /dev."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.plugged import ports
from tests.plug_kit import MOUSE, NUMBER_PAD, Machine

HID_POS = bytes.fromhex("058c0902a101")
HID_SCALE = bytes.fromhex("068d00 0920a101")
KEYBOARD_REPORTS = bytes.fromhex("05010906a101")


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path)


def only(machine):
    [port] = ports(machine.root)
    return port


def test_a_machine_without_devices_has_no_ports(tmp_path):
    assert ports(tmp_path) == []


def test_a_scanner_is_described_by_its_usb_device_and_its_names(machine):
    usb = machine.usb("1-1.3", "05f9:2206", vendor="Datalogic", product="Handheld", serial="G17")
    node = machine.keyboard(
        usb, 3, by_id="usb-Datalogic-event-kbd", by_path="p-usb-0:1.3-event-kbd"
    )
    port = only(machine)
    assert (port.bus, port.node, port.usb_id, port.usb_path) == (
        "input",
        node,
        "05f9:2206",
        "1-1.3",
    )
    assert (port.vendor, port.product, port.serial) == ("Datalogic", "Handheld", "G17")
    assert port.names == (
        "/dev/input/by-id/usb-Datalogic-event-kbd",
        "/dev/input/by-path/p-usb-0:1.3-event-kbd",
    )
    assert port.path == "/dev/input/by-id/usb-Datalogic-event-kbd"


def test_two_alike_without_serial_numbers_are_known_by_their_usb_ports(machine):
    for number, place in enumerate(("1-1.1", "1-1.2")):
        usb = machine.usb(place, "05f9:2206")
        machine.keyboard(usb, number, by_id="usb-Same-event-kbd", by_path=f"{place}-event-kbd")
    first, second = ports(machine.root)
    assert {first.path, second.path} == {
        "/dev/input/by-path/1-1.1-event-kbd",
        "/dev/input/by-path/1-1.2-event-kbd",
    }


def test_pads_and_keyboards_can_key_a_number_and_mice_cannot(machine):
    machine.keyboard(machine.usb("1-1", "13ba:0001"), 0, NUMBER_PAD)
    machine.keyboard(machine.usb("1-2", "046d:c077"), 1, MOUSE)
    assert only(machine).usb_id == "13ba:0001"


def test_a_keyboard_without_usb_has_the_kernels_name_for_it(machine):
    folder = machine.root / "sys/devices/platform/i8042"
    folder.mkdir(parents=True)
    node = machine.keyboard(folder, 0)
    parent = folder / "i8042:1.0/input/input0"
    (parent / "name").write_text("AT keyboard\n")
    port = only(machine)
    assert (port.product, port.usb_id, port.path) == ("AT keyboard", "", node)


def test_serial_adapters_and_the_boards_own_lines_are_ports(machine):
    usb = machine.usb("1-1", "0403:6001", serial="A9")
    machine.line(usb, "ttyUSB0", by_id="usb-FTDI-if00-port0")
    machine.own_line("ttyAMA1")
    own, adapter = ports(machine.root)
    assert (own.path, own.usb_id) == ("/dev/ttyAMA1", "")
    assert (adapter.path, adapter.serial) == ("/dev/serial/by-id/usb-FTDI-if00-port0", "A9")


def test_phantom_lines_consoles_and_virtual_terminals_are_none(machine):
    machine.own_line("ttyS0", kind="0")
    machine.own_line("ttyAMA0")
    machine.virtual_console("tty1")
    machine.consoles("tty0", "ttyAMA0")
    assert ports(machine.root) == []


def test_hid_devices_are_ports_if_their_reports_are_a_shops(machine):
    for number, descriptor in enumerate((HID_POS, HID_SCALE, KEYBOARD_REPORTS, b"")):
        machine.hidraw(machine.usb(f"1-{number}", "0c2e:0b87"), number, descriptor)
    assert [(p.node, p.usage_page) for p in ports(machine.root)] == [
        ("/dev/hidraw0", 0x8C),
        ("/dev/hidraw1", 0x8D),
    ]


def test_usb_printers_are_ports_with_a_node_of_usblp_and_without(machine):
    machine.printer(machine.usb("1-1", "04b8:0e28", serial="X1"), node="lp0")
    machine.printer(machine.usb("1-2", "0416:5011"))
    machine.usb("1-3", "1d6b:0002")
    without, with_node = ports(machine.root)
    assert (without.node, without.path) == ("", "1-2")
    assert (with_node.node, with_node.serial) == ("/dev/usb/lp0", "X1")


def test_hid_devices_and_printers_have_the_names_of_our_own_rules(machine):
    scale = machine.usb("1-1", "0922:8003", serial="S5")
    machine.hidraw(scale, 3, HID_SCALE, by_id="usb-DYMO_M25_S5", by_path="pci-usb-0:1:1.0")
    printer = machine.usb("1-2", "04b8:0e28")
    machine.printer(printer, node="lp1", by_id="usb-EPSON_TM", by_path="pci-usb-0:2:1.0")
    hid, lp = ports(machine.root)
    assert (hid.node, hid.path) == ("/dev/hidraw3", "/dev/lanetally/hidraw/by-id/usb-DYMO_M25_S5")
    assert hid.names[1] == "/dev/lanetally/hidraw/by-path/pci-usb-0:1:1.0"
    assert (lp.node, lp.path) == ("/dev/usb/lp1", "/dev/lanetally/lp/by-path/pci-usb-0:2:1.0")
    assert lp.names[0] == "/dev/lanetally/lp/by-id/usb-EPSON_TM"


def test_the_folders_of_names_are_those_of_our_rules():
    rules = (Path(__file__).parents[3] / "systemd" / "71-lanetally.rules").read_text("utf-8")
    for folder in ("lanetally/hidraw", "lanetally/lp"):
        for sub in ("by-id", "by-path"):
            assert f'SYMLINK+="{folder}/{sub}/$env' in rules


def test_a_camera_is_one_port_although_it_has_two_nodes(machine):
    usb = machine.usb("1-1", "046d:0825", serial="C2")
    machine.camera(usb, 0, 0, by_id="usb-C270-video-index0")
    machine.camera(usb, 1, 1, by_id="usb-C270-video-index1")
    assert only(machine).path == "/dev/v4l/by-id/usb-C270-video-index0"


def test_a_device_that_goes_while_it_is_read_leaves_empty_words(machine):
    usb = machine.usb("1-1", "0403:6001", vendor="FTDI")
    machine.line(usb, "ttyUSB0")
    (usb / "manufacturer").unlink()
    (usb / "idProduct").unlink()
    assert (only(machine).vendor, only(machine).usb_id) == ("", "0403:")
