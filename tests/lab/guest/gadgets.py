"""USB devices that the kernel itself makes: one configfs gadget on one dummy port each.

The box's own kernel is host and device at once (`dummy_hcd`): what is plugged in here appears under
/dev as any USB device does. The device's own side is a file of the gadget's: `Gadget.node`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

GADGETS = Path("/sys/kernel/config/usb_gadget")
PORTS = 8  #: of dummy_hcd: each its own bus, so that each device has its own place

ENGLISH_US = "0x409"

#: USB HID 1.11, appendix E.6: a keyboard in the boot protocol, with its five lamps.
BOOT_KEYBOARD = bytes.fromhex(
    "05010906a101050719e029e71500250175019508810295017508810395057501"
    "0508190129059102950175039103950675081500256505071900296581 00c0".replace(" ", "")
)
#: Made by hand from HID Usage Tables 1.12, page 8Dh: what a scale reports (id 3: status, unit,
#: exponent, 16 bits of weight), and what it may be told (id 2: zero).
WEIGHING_SCALE = bytes.fromhex(
    "058d0920a101"
    "85030932a102 09701501250875089501 8102 09501500250c8102 09411580257f8102"
    "0940150027ffff000075108102 c0"
    "85020980150025037508950191 02 c0".replace(" ", "")
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says of itself."""

    vendor: int
    product: int
    maker: str
    name: str
    serial: str  #: "" for a device without a number of its own


@dataclass(frozen=True, slots=True)
class Gadget:
    """A device that can be plugged in. `function`: "hid", "acm" or "printer"."""

    name: str
    port: int  #: of dummy_hcd, from 0
    identity: Identity
    function: str
    attributes: Mapping[str, bytes]

    @property
    def folder(self) -> Path:
        return GADGETS / self.name

    @property
    def node(self) -> Path:
        """The file behind which the device itself sits."""
        function = self._function
        if self.function == "acm":
            return Path(f"/dev/ttyGS{(function / 'port_num').read_text().strip()}")
        if self.function == "hid":
            minor = (function / "dev").read_text().strip().partition(":")[2]
            return Path(f"/dev/hidg{minor}")
        return Path(f"/dev/g_printer{self._function.name.partition('.')[2]}")

    @property
    def is_plugged(self) -> bool:
        return self.folder.exists() and bool((self.folder / "UDC").read_text().strip())

    @property
    def _function(self) -> Path:
        return next((self.folder / "functions").iterdir())

    def make(self) -> None:
        """Put it together, not plugged in yet."""
        says = self.identity
        self.folder.mkdir()
        _write(self.folder / "idVendor", f"{says.vendor:#06x}")
        _write(self.folder / "idProduct", f"{says.product:#06x}")
        strings = self.folder / "strings" / ENGLISH_US
        strings.mkdir()
        _write(strings / "manufacturer", says.maker)
        _write(strings / "product", says.name)
        if says.serial:
            _write(strings / "serialnumber", says.serial)
        # the kernel gives a printer the lowest number that is free, and does not say which
        number = len(list(GADGETS.glob("*/functions/printer.*")))
        function = self.folder / "functions" / f"{self.function}.{number}"
        function.mkdir()
        for key, value in self.attributes.items():
            (function / key).write_bytes(value)
        configuration = self.folder / "configs" / "c.1"
        configuration.mkdir()
        (configuration / function.name).symlink_to(function)

    def plug(self, port: int | None = None) -> None:
        """Into its own port, or another one."""
        _write(self.folder / "UDC", f"dummy_udc.{self.port if port is None else port}")

    def unplug(self) -> None:
        _write(self.folder / "UDC", "\n")


def keyboard(name: str, port: int, identity: Identity) -> Gadget:
    """Types boot reports of 8 bytes."""
    attributes = {
        "protocol": b"1", "subclass": b"1", "report_length": b"8", "report_desc": BOOT_KEYBOARD
    }  # fmt: skip
    return Gadget(name, port, identity, "hid", attributes)


def weighing(name: str, port: int, identity: Identity) -> Gadget:
    """A scale that reports by HID, 6 bytes at a time."""
    attributes = {
        "protocol": b"0", "subclass": b"0", "report_length": b"6", "report_desc": WEIGHING_SCALE
    }  # fmt: skip
    return Gadget(name, port, identity, "hid", attributes)


def line(name: str, port: int, identity: Identity) -> Gadget:
    """A serial line of the communication class, /dev/ttyACM on the other side."""
    return Gadget(name, port, identity, "acm", {})


def printer(name: str, port: int, identity: Identity) -> Gadget:
    """A printer of class 7, both ways."""
    pnp = f"MFG:{identity.maker};MDL:{identity.name};CMD:ESC/POS;CLS:PRINTER;".encode()
    return Gadget(name, port, identity, "printer", {"pnp_string": pnp, "q_len": b"10"})


def load_drivers() -> None:
    """The kernel's own; safe to call again."""
    for module in (["dummy_hcd", f"num={PORTS}"], ["libcomposite"]):
        subprocess.run(["modprobe", *module], check=True)


def _write(file: Path, word: str) -> None:
    file.write_text(word)
