"""The table of devices: what is plugged in where, by what name it is found, how a lane has it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.lab.guest import gadgets
from tests.lab.guest.gadgets import Gadget, Identity


@dataclass(frozen=True, slots=True)
class Device:
    """One device in its role at a lane."""

    gadget: Gadget
    path: Path  #: its lasting name, by udev; empty if it is found by what it says of itself
    settings: str  #: its `[[device]]` table, but for role and path

    @property
    def role(self) -> str:
        return self.gadget.name.partition(".")[0]

    def toml(self) -> str:
        path = f'path = "{self.path}"\n' if self.path.parts else ""
        return f'\n[[device]]\nrole = "{self.role}"\n{path}{self.settings}'


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane of the shop and its devices."""

    id: str
    api_port: int
    devices: tuple[Device, ...]

    @property
    def unit(self) -> str:
        return f"lanetally-agent@{self.id}.service"

    @property
    def journal(self) -> Path:
        return Path(f"/var/lib/lanetally/{self.id}/journal.db")

    @property
    def paper(self) -> Path:
        """What its printer was sent of whole receipts."""
        return Path(f"/var/log/lanetally-paper-{self.id}")

    def device(self, role: str) -> Device:
        return next(device for device in self.devices if device.role == role)


def counter(number: int) -> tuple[Device, ...]:
    """The devices of the counter with this number, from 1 on: each has ports of its own."""
    port, serial = 4 * (number - 1), f"{number:02}"
    return (
        Device(
            gadgets.keyboard(f"scanner.{number}", port,
                Identity(0x05F9, 0x2206, "Datalogic", "Gryphon", f"SCAN{serial}")),
            Path(f"/dev/input/by-id/usb-Datalogic_Gryphon_SCAN{serial}-event-kbd"),
            'kind = "scanner"\nmodel = "hid-wedge"\n',
        ),
        Device(
            gadgets.keyboard(f"keypad.{number}", port + 1,
                Identity(0x1C4F, 0x0002, "SIGMACHIP", "USB Keyboard", f"PAD{serial}")),
            Path(f"/dev/input/by-id/usb-SIGMACHIP_USB_Keyboard_PAD{serial}-event-kbd"),
            'kind = "keypad"\nmodel = "hid-numeric"\n',
        ),
        Device(
            gadgets.line(f"scale.{number}", port + 2,
                Identity(0x0525, 0xA4A7, "Mettler", "8217", f"SCALE{serial}")),
            Path(f"/dev/serial/by-id/usb-Mettler_8217_SCALE{serial}-if00"),
            'kind = "scale"\nmodel = "toledo-8217"\n',
        ),
        Device(
            gadgets.printer(f"printer.{number}", port + 3,
                Identity(0x04B8, 0x0E28, "EPSON", "TM-T20III", f"PRN{serial}")),
            Path(f"/dev/lanetally/lp/by-id/usb-EPSON_TM-T20III_PRN{serial}"),
            'kind = "printer"\nmodel = "escpos"\ntransport = "lp"\n',
        ),
    )  # fmt: skip


LANE = Lane("lane-1", 8460, counter(1))
OTHER_LANE = Lane("lane-2", 8461, counter(2))

HID_SCALE = Device(
    gadgets.weighing("bagging.1", 4, Identity(0x0922, 0x8003, "DYMO", "M25", "M25001")),
    Path("/dev/lanetally/hidraw/by-id/usb-DYMO_M25_M25001"),
    'kind = "scale"\nmodel = "hid"\npurpose = "bagging"\n',
)
TAGS = Device(
    gadgets.line("tags.1", 5, Identity(0x0525, 0xA4A7, "MagicRF", "M100", "RFID01")),
    Path("/dev/serial/by-id/usb-MagicRF_M100_RFID01-if00"),
    'kind = "rfid"\nmodel = "m100"\n',
)
#: The same printer, past the kernel's own driver.
USB_PRINTER = Device(
    LANE.device("printer").gadget,
    Path(),
    'kind = "printer"\nmodel = "escpos"\ntransport = "usb"\nserial = "PRN01"\n',
)
#: A lane with all that sees, feels and weighs.
SENSING_LANE = Lane(
    LANE.id,
    LANE.api_port,
    (*(LANE.device(role) for role in ("scanner", "keypad", "scale")), USB_PRINTER, HID_SCALE, TAGS),
)
LANES = (LANE, OTHER_LANE, SENSING_LANE)
