"""Which driver serves which device: an explicit table, imported only when a lane asks for it."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import cast

from drivers.base import DeviceMisconfigured, Driver

#: (kind, model) -> "module:class". A third party adds to it by an entry point in the group
#: `lanetally.drivers` named "kind/model"; the table wins over an entry point of the same name.
DRIVERS: dict[tuple[str, str], str] = {
    ("scanner", "hid-wedge"): "drivers.scanner.driver_hid_wedge:HidWedgeScanner",
    ("scanner", "hid-pos"): "drivers.scanner.driver_hid_pos:HidPosScanner",
    ("scanner", "serial"): "drivers.scanner.driver_serial:SerialScanner",
    ("scanner", "zebra-ssi"): "drivers.scanner.driver_zebra_ssi:ZebraSsiScanner",
    ("scanner", "magellan-single-cable"): "drivers.scanner.driver_single_cable:MagellanScanner",
    ("scanner", "ncr-single-cable"): "drivers.scanner.driver_single_cable:NcrScanner",
    ("keypad", "hid-numeric"): "drivers.keypad.driver_hid_numeric:HidNumericKeypad",
    ("scale", "toledo-8217"): "drivers.scale.driver_toledo_8217:Toledo8217Scale",
    ("scale", "nci"): "drivers.scale.driver_protocols:NciScale",
    ("scale", "sma"): "drivers.scale.driver_protocols:SmaScale",
    ("scale", "mt-sics"): "drivers.scale.driver_protocols:MtSicsScale",
    ("scale", "cas"): "drivers.scale.driver_protocols:CasScale",
    ("scale", "cas-stream"): "drivers.scale.driver_protocols:CasStreamScale",
    ("scale", "icl"): "drivers.scale.driver_protocols:IclScale",
    ("scale", "toledo-continuous"): "drivers.scale.driver_protocols:ToledoContinuousScale",
    ("scale", "hid"): "drivers.scale.driver_hid:HidScale",
    ("printer", "escpos"): "drivers.printer.driver_escpos:EscposPrinter",
    ("display", "cd5220"): "drivers.display.driver_line_display:Cd5220Display",
    ("display", "escpos"): "drivers.display.driver_line_display:EscposDisplay",
    ("camera", "video"): "drivers.camera.driver_camera:Camera",
    ("rfid", "m100"): "drivers.rfid.driver_serial:M100Reader",
    ("rfid", "chafon"): "drivers.rfid.driver_serial:ChafonReader",
    ("rfid", "thingmagic"): "drivers.rfid.driver_serial:ThingMagicReader",
    ("rfid", "llrp"): "drivers.rfid.driver_llrp:LlrpReader",
}

ENTRY_POINT_GROUP = "lanetally.drivers"


def known() -> dict[tuple[str, str], str]:
    """All drivers on this machine, the third party's included."""
    found = {
        (kind, model): point.value
        for point in entry_points(group=ENTRY_POINT_GROUP)
        for kind, _, model in [point.name.partition("/")]
    }
    return found | DRIVERS


def load(kind: str, model: str) -> type[Driver]:
    """The driver class of a (kind, model). Raises DeviceMisconfigured if there is none."""
    path = DRIVERS.get((kind, model)) or known().get((kind, model))
    if path is None:
        names = ", ".join(sorted(f"{k}/{m}" for k, m in known()))
        wanted = f"{kind}/{model}".rstrip("/")
        raise DeviceMisconfigured(f"no driver for {wanted}; known are: {names}")
    module, _, name = path.partition(":")
    return cast("type[Driver]", getattr(importlib.import_module(module), name))
