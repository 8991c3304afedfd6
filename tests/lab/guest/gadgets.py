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
        function = self.folder / "functions" / f"{self.function}.0"
        if self.function == "acm":
            return Path(f"/dev/ttyGS{(function / 'port_num').read_text().strip()}")
        if self.function == "hid":
            minor = (function / "dev").read_text().strip().partition(":")[2]
            return Path(f"/dev/hidg{minor}")
        return Path("/dev/g_printer0")  # one printer: the kernel does not say which is whose

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
        function = self.folder / "functions" / f"{self.function}.0"
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
