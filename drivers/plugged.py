"""What is plugged into this machine, read from /sys and from the names that udev gives in /dev.

Of HID devices and printers those are the names that `systemd/71-lanetally.rules` gives.

No device is opened and nothing is sent: everything here is what the kernel already knows. `root` is
the folder that stands for `/`, so that the tree of another machine can be read too.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from drivers.hid.keycodes import KEY_ENTER, KEY_KPENTER, KEYPAD_DIGITS, TOP_ROW_DIGITS

Bus: TypeAlias = Literal["input", "serial", "hidraw", "printer", "video"]

#: HID usage pages of point-of-sale devices (USB-IF, HID Point of Sale Usage Tables 1.02).
BARCODE_SCANNER_PAGE, SCALE_PAGE = 0x8C, 0x8D


@dataclass(frozen=True, slots=True)
class Port:
    """One place where a device can be spoken to. Words are "" where the device does not say."""

    bus: Bus
    node: str  #: such as "/dev/ttyUSB0": whichever came first; "" for a printer without usblp
    names: tuple[str, ...]  #: that stay: under by-id, then under by-path
    usb_id: str  #: "05f9:2206"
    usb_path: str  #: the USB port it is plugged into, "1-1.3"
    vendor: str
    product: str
    serial: str
    usage_page: int = 0  #: of a hidraw device: the first one of its report descriptor

    @property
    def path(self) -> str:
        """What to write into a configuration. Two alike without a serial number share one name
        under by-id, which is then whichever came last: such a device is known by its USB port."""
        by_path = [name for name in self.names if "/by-path/" in name]
        names = self.names if self.serial else (*by_path, *self.names)
        return next(iter(names), self.node or self.usb_path)


class _Class(NamedTuple):
    """Where a kind of port is found, and which of its entries are ports at all."""

    bus: Bus
    entries: str  #: glob under /sys/class
    folder: str  #: of the nodes
    names: str  #: folder with by-id and by-path
    is_port: Callable[[Path], bool]


def ports(root: Path = Path("/")) -> list[Port]:
    """All ports that a lane device may be behind, ordered by bus and node."""
    found = [port for each in _CLASSES for port in _ports_of(each, root)]
    return sorted([*found, *_usb_printers(root)], key=lambda port: (port.bus, port.node, port.path))


def _ports_of(each: _Class, root: Path) -> Iterator[Port]:
    for entry in (root / "sys" / "class").glob(each.entries):
        if not each.is_port(entry):
            continue
        node = f"/dev/{each.folder}{entry.name}"
        page = _usage_page(entry) if each.bus == "hidraw" else 0
        yield _port(each.bus, node, _names(each.names, node, root), entry / "device", page)


def _port(bus: Bus, node: str, names: tuple[str, ...], device: Path, page: int = 0) -> Port:
    usb = _usb_device(device)
    if usb is None:
        product, serial = _word(device / "name"), _word(device / "uniq")
        return Port(bus, node, names, "", "", "", product, serial, page)
    return Port(
        bus,
        node,
        names,
        usb_id=f"{_word(usb / 'idVendor')}:{_word(usb / 'idProduct')}",
        usb_path=usb.name,
        vendor=_word(usb / "manufacturer"),
        product=_word(usb / "product"),
        serial=_word(usb / "serial"),
        usage_page=page,
    )


def _usb_printers(root: Path) -> Iterator[Port]:
    """Interfaces of the printer class: some have a node of usblp's, all can be had through USB."""
    for interface in (root / "sys/bus/usb/devices").glob("*:*"):
        if _word(interface / "bInterfaceClass") == "07":
            entry = next(iter(interface.glob("usbmisc/lp*")), None)
            node = f"/dev/usb/{entry.name}" if entry else ""
            names = _names("dev/lanetally/lp", node, root) if entry else ()
            yield _port("printer", node, names, interface)


def _names(folder: str, node: str, root: Path) -> tuple[str, ...]:
    """The links to the node under by-id and by-path, as absolute paths without the root."""
    target = _inside(node, root).resolve()
    return tuple(
        f"/{link.relative_to(root)}"
        for sub in ("by-id", "by-path")
        for link in sorted(_inside(folder, root).glob(f"{sub}/*"))
        if link.resolve() == target
    )


def _inside(path: str, root: Path) -> Path:
    return root / path.lstrip("/")


def _usb_device(device: Path) -> Path | None:
    """The USB device that a class entry belongs to: the nearest folder above with an idVendor."""
    real = device.resolve()
    return next((f for f in (real, *real.parents) if (f / "idVendor").is_file()), None)


def _word(file: Path) -> str:
    """The one line of a file in /sys; "" if there is none, or the device has just gone."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


# --- which entries are ports --------------------------------------------------------------------

_LONG_BITS = struct.calcsize("l") * 8
_KEYS_OF_A_NUMBER = (*TOP_ROW_DIGITS, KEY_ENTER)


def _is_keyboard(entry: Path) -> bool:
    """Whether it can key a number: the same set of keys for scanners, keypads and keyboards.

    capabilities/key is a bit map in words of a long each, the highest first (Linux, input.c).
    """
    words = _word(entry / "device" / "capabilities" / "key").split()
    keys = sum(int(word, 16) << n * _LONG_BITS for n, word in enumerate(reversed(words)))
    return all(keys >> code & 1 for code in _KEYS_OF_A_NUMBER) or _is_number_pad(keys)


def _is_number_pad(keys: int) -> bool:
    """A pad with the ten digits of the numeric block and its own Enter (input-event-codes.h)."""
    return all(keys >> code & 1 for code in (*KEYPAD_DIGITS, KEY_KPENTER))


def _is_line(entry: Path) -> bool:
    """A serial line with hardware behind it that is not the system's own console."""
    consoles = _word(entry.parent / "console" / "active").split()
    is_phantom = _word(entry / "type") == "0"  # linux/serial_core.h: PORT_UNKNOWN
    return (entry / "device").exists() and not is_phantom and entry.name not in consoles


def _is_sale_device(entry: Path) -> bool:
    return _usage_page(entry) in (BARCODE_SCANNER_PAGE, SCALE_PAGE)


def _usage_page(entry: Path) -> int:
    """The page that a report descriptor begins with: item 0x05 or 0x06 (HID 1.11, 6.2.2.7)."""
    try:
        descriptor = (entry / "device" / "report_descriptor").read_bytes()
    except OSError:
        return 0
    size = {0x05: 1, 0x06: 2}.get(descriptor[0] if descriptor else 0, 0)
    return int.from_bytes(descriptor[1 : 1 + size], "little")


def _is_first_of_camera(entry: Path) -> bool:
    """A camera has a second node for its metadata, with index 1 (Linux, uvc_metadata.c)."""
    return _word(entry / "index") in ("", "0")


_CLASSES = (
    _Class("input", "input/event*", "input/", "dev/input", _is_keyboard),
    _Class("serial", "tty/*", "", "dev/serial", _is_line),
    _Class("hidraw", "hidraw/*", "", "dev/lanetally/hidraw", _is_sale_device),
    _Class("video", "video4linux/video*", "", "dev/v4l", _is_first_of_camera),
)
