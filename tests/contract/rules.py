"""`systemd/71-lanetally.rules`, made from the model files.

`python -m tests.contract.rules` writes it; `test_units` holds it to what it is made from.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from drivers.models import models

FILE = Path(__file__).parents[2] / "systemd" / "71-lanetally.rules"

HEAD = """\
# Who may use a lane's devices, by what names, and who may not. Made by
# `python -m tests.contract.rules` from ../firmware_configs/; a test fails if it is not up to date.
#
# Scanners, keypads, serial lines and cameras have lasting names by Debian's own rules:
# /dev/input, /dev/serial and /dev/v4l, each with by-id and by-path. HID devices and printers get
# the same here: /dev/lanetally/hidraw and /dev/lanetally/lp. Two alike are told apart by-path.

ACTION=="remove", GOTO="lanetally_end"

SUBSYSTEM=="hidraw", SUBSYSTEMS=="usb", IMPORT{builtin}="usb_id", IMPORT{builtin}="path_id"
SUBSYSTEM=="usbmisc", KERNEL=="lp*", IMPORT{builtin}="usb_id", IMPORT{builtin}="path_id"
SUBSYSTEM=="usbmisc", KERNEL=="lp*", ENV{ID_PATH}=="?*", \\
  SYMLINK+="lanetally/lp/by-path/$env{ID_PATH}"
SUBSYSTEM=="usbmisc", KERNEL=="lp*", ENV{ID_SERIAL}=="?*", \\
  SYMLINK+="lanetally/lp/by-id/$env{ID_BUS}-$env{ID_SERIAL}"
"""

#: Of devices that the drivers read as HID reports: they belong to the lane and get names.
HIDRAW = """\
SUBSYSTEM=="hidraw", {ids}, \\
  GROUP="lanetally", MODE="0660", ENV{{LANETALLY_KIND}}="{kind}"
"""
#: What they type is for the lane alone: no desktop, no login screen and no power key. The console
#: itself is kept out by the agent, which grabs the device.
TYPING = """\
SUBSYSTEM=="input", {ids}, \\
  ENV{{LIBINPUT_IGNORE_DEVICE}}="1", TAG-="power-switch", TAG-="seat", TAG-="uaccess"
"""
TAIL = """
SUBSYSTEM=="hidraw", ENV{LANETALLY_KIND}=="?*", ENV{ID_PATH}=="?*", \\
  SYMLINK+="lanetally/hidraw/by-path/$env{ID_PATH}"
SUBSYSTEM=="hidraw", ENV{LANETALLY_KIND}=="?*", ENV{ID_SERIAL}=="?*", \\
  SYMLINK+="lanetally/hidraw/by-id/$env{ID_BUS}-$env{ID_SERIAL}"

LABEL="lanetally_end"
"""

#: By (kind, driver): how the kernel shows such a device.
WAYS = {
    ("scanner", "hid-wedge"): TYPING,
    ("keypad", "hid-numeric"): TYPING,
    ("scanner", "hid-pos"): HIDRAW,
    ("scale", "hid"): HIDRAW,
}


def document() -> str:
    """The whole file."""
    return HEAD + "".join(_rules()) + TAIL


def _rules() -> Iterator[str]:
    for model in models():
        way = WAYS.get((model.kind, model.driver))
        if way is not None and model.usb_ids:
            yield f"\n# {model.vendor} {model.model}\n"
            for usb_id in model.usb_ids:
                yield way.format(ids=_ids(usb_id), kind=model.kind)


def _ids(usb_id: str) -> str:
    vendor, product = usb_id.split(":")
    return f'ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}"'


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
