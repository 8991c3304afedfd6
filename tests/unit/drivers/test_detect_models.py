"""Which driver may serve a port: by USB id and by what a HID device says of itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from drivers.detect import is_bound, kind_of, models_of
from drivers.models import models
from drivers.plugged import SCALE_PAGE, Port, ports
from drivers.printer.connect import Options as PrinterOptions
from tests.plug_kit import Machine

GRYPHON = Port("input", "/dev/input/event3", (), "05f9:2206", "1-1.3", "", "", "")
PRINTER = Port("printer", "/dev/usb/lp0", (), "04b8:0e28", "1-2", "EPSON", "TM", "X1")


@dataclass(frozen=True)
class WithPath:
    path: str


def test_a_model_is_found_by_its_usb_id():
    assert [model.name for model in models_of(GRYPHON)] == ["scanner_datalogic_gryphon_gfs4400"]


def test_an_unknown_or_missing_usb_id_is_no_model():
    assert models_of(replace(GRYPHON, usb_id="ffff:ffff")) == []
    assert models_of(replace(GRYPHON, usb_id="")) == []


def test_a_device_that_says_it_is_a_scale_is_no_scanner_whatever_its_id():
    lying = replace(GRYPHON, bus="hidraw", usage_page=SCALE_PAGE)
    assert models_of(lying) == []
    assert kind_of(lying) == "scale"


def test_what_a_port_says_of_its_kind():
    assert kind_of(PRINTER) == "printer"
    assert kind_of(GRYPHON) == ""


def test_a_port_is_bound_by_any_name_of_its_node(tmp_path):
    machine = Machine(tmp_path)
    usb = machine.usb("1-1", "0403:6001")
    node = machine.line(usb, "ttyUSB0", by_id="usb-FTDI", by_path="usb-0:1")
    [port] = ports(tmp_path)
    for path in (node, "/dev/serial/by-id/usb-FTDI", "/dev/serial/by-path/usb-0:1"):
        assert is_bound(port, WithPath(path), tmp_path)
    assert not is_bound(port, WithPath("/dev/ttyUSB1"), tmp_path)
    assert not is_bound(port, WithPath(""), tmp_path)
    assert not is_bound(port, object(), tmp_path)
    assert not is_bound(replace(port, node=""), WithPath(node), tmp_path)


@pytest.mark.parametrize(
    ("options", "bound"),
    [
        ({}, True),
        ({"vid": 0x04B8}, True),
        ({"vid": 0x04B8, "pid": 0x0E28, "serial": "X1", "path": "1-2"}, True),
        ({"vid": 0x0416}, False),
        ({"pid": 0x0001}, False),
        ({"serial": "X2"}, False),
        ({"path": "1-3"}, False),
    ],
)
def test_a_usb_printer_is_bound_as_its_driver_would_choose_it(options, bound):
    assert is_bound(PRINTER, PrinterOptions(transport="usb", **options)) is bound


def test_a_usb_printers_options_bind_no_other_port():
    assert not is_bound(GRYPHON, PrinterOptions(transport="usb"))


def test_a_printer_without_ids_in_its_descriptor_is_still_compared():
    assert not is_bound(replace(PRINTER, usb_id=""), PrinterOptions(transport="usb", vid=1))


def test_models_are_read_once_and_in_order():
    names = [model.name for model in models()]
    assert names == sorted(names)
    assert models() is models()
