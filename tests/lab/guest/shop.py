"""The shop in the box: devices on USB, a lane and a bridge as a technician installs them.

Runs in the box, as root, in the environment that install.sh has made.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from agent.cli.demo import baskets
from agent.cli.demo.baskets import ItemFigures
from agent.cli.demo.cashier import Cashier, Devices
from agent.cli.demo.check import Report, evidence, report
from agent.cli.demo.plan import planned
from agent.cli.demo.till import Pos, Screen, following
from agent.domain.text import Text
from agent.i18n import translator
from drivers.line.serving import serving
from drivers.printer.sim import VirtualPrinter
from drivers.scale.sim import SimulatedScale
from tests.lab.guest import gadgets
from tests.lab.guest.gadgets import Gadget, Identity
from tests.lab.guest.sides import Keys, printing, wired

INSTALL = "/lab/systemd/install.sh"
LANE = "lane-1"
UNIT = f"lanetally-agent@{LANE}.service"
SETTINGS = Path("/etc/lanetally")
JOURNAL = Path(f"/var/lib/lanetally/{LANE}/journal.db")
LEDGER = Path("/var/lib/lanetally-bridge/ledger.sqlite3")
RECEIPTS = Path("/var/log/lanetally-receipts.txt")
API_PORT, TOKEN = 8460, "lab-0123456789abcdef"
PATIENCE_S = 120.0
LOOK_S = 0.05
AGAIN_MAX = 5

SCANNER = gadgets.keyboard("scanner", 0, Identity(0x05F9, 0x2206, "Datalogic", "Gryphon", "SCAN01"))
KEYPAD = gadgets.keyboard(
    "keypad", 1, Identity(0x1C4F, 0x0002, "SIGMACHIP", "USB Keyboard", "PAD01")
)
SCALE = gadgets.line("scale", 2, Identity(0x0525, 0xA4A7, "Mettler", "8217", "SCALE01"))
PRINTER = gadgets.printer("printer", 3, Identity(0x04B8, 0x0E28, "EPSON", "TM-T20III", "PRN01"))
GADGETS = (SCANNER, KEYPAD, SCALE, PRINTER)

LANE_TOML = f"""\
[store]
org = "lab"
id = "store-1"
name = "Lanetally lab 实验店"
currency = "{baskets.CURRENCY}"
minor_digits = {baskets.MINOR_DIGITS}
tax_rate_bp = 500

[lane]
id = "{LANE}"
data_dir = "{JOURNAL.parent}"

[items]
file = "{SETTINGS}/items.csv"

[api]
port = {API_PORT}

[[api.client]]
name = "pos"
token = "{TOKEN}"

[mqtt]
host = "127.0.0.1"

[[device]]
role = "scanner"
kind = "scanner"
model = "hid-wedge"
path = "/dev/input/by-id/usb-Datalogic_Gryphon_SCAN01-event-kbd"

[[device]]
role = "keypad"
kind = "keypad"
model = "hid-numeric"
path = "/dev/input/by-id/usb-SIGMACHIP_USB_Keyboard_PAD01-event-kbd"

[[device]]
role = "scale"
kind = "scale"
model = "toledo-8217"
path = "/dev/serial/by-id/usb-Mettler_8217_SCALE01-if00"

[[device]]
role = "printer"
kind = "printer"
model = "escpos"
transport = "lp"
path = "/dev/lanetally/lp/by-id/usb-EPSON_TM-T20III_PRN01"
cjk = "none"
"""
BRIDGE_TOML = f"""\
[mqtt]
host = "127.0.0.1"

[ledger]
path = "{LEDGER}"
chart = "ifrs"
currency = "{baskets.CURRENCY}"

[items]
cost_file = "{SETTINGS}/costs.csv"
"""


class LabFailed(Exception):
    """What the box should have done, and did not."""


class PatientCashier(Cashier):
    """One label at a time, and again where the lane says that it was not clear: on a box whose
    processor is shared with others, a scanner's own side may pause in the middle of a label."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scanned_again = 0

    def _scan(self, gtin: str) -> None:
        screen = self._screen
        shown = screen.item_count if screen.transaction_id else 0
        for _ in range(AGAIN_MAX):
            screen.complaint = ""
            super()._scan(gtin)
            self._wait(
                lambda: bool(screen.complaint) or screen.item_count > shown,
                Text("The lane does not show item {count} of the basket", {"count": shown + 1}),
            )
            if screen.item_count > shown:
                return
            self.played.scans -= 1
            self.scanned_again += 1


@dataclass(slots=True)
class Shop:
    """What a scenario holds of the running shop."""

    cashier: PatientCashier
    devices: Devices
    printer: VirtualPrinter
    pos: Pos
    screen: Screen
    baskets: tuple[baskets.Basket, ...]
    keys: dict[str, Keys]  #: by the name of their gadget

    def sell(self, count: int, seed: int = 1) -> None:
        """Play real baskets through the devices. Raises DemoFailed."""
        for visit in planned(self.baskets, count, seed):
            self.cashier.serve(visit)

    def state(self, role: str) -> str:
        """Of a device, as the lane shows it."""
        devices = {device["role"]: device["state"] for device in self.pos.lane()["devices"]}
        return str(devices.get(role, ""))

    def pull(self, gadget: Gadget) -> None:
        """Pull its plug."""
        gadget.unplug()
        if gadget.name in self.keys:
            self.keys[gadget.name].close()

    def booked(self) -> Report:
        """Wait until all is printed and acknowledged, then compare journal, ledger and paper."""
        lane: dict[str, Any] = {}

        def all_through() -> bool:
            nonlocal lane
            lane = self.pos.lane()
            done = len(self.printer.receipts) >= self.cashier.played.baskets
            return done and lane["journal_seq"] == lane["acknowledged_seq"]

        waited(all_through, "receipts are printed and facts acknowledged")
        time.sleep(1)  # what followed the last receipt is a fact, too
        waited(all_through, "the last facts are acknowledged")
        found = evidence(JOURNAL, LEDGER, self.printer.receipts)
        RECEIPTS.write_text(
            "\n- - -\n".join("\n".join(receipt.lines) for receipt in found.paper), "utf-8"
        )
        again = translator("en")(Text("REPRINT"))
        return report(found, self.cashier.played, lane["acknowledged_seq"], again)


@contextmanager
def opened() -> Iterator[Shop]:
    """A shop with new books, all devices plugged in and up."""
    sample = baskets.sample()
    items = baskets.item_figures(sample)
    _open_books(items.values())
    with ExitStack() as stack:
        # first the lane, then its devices: what was never plugged in must be usable as well
        plug_in()
        keys = {
            gadget.name: stack.enter_context(closing(Keys(gadget))) for gadget in (SCANNER, KEYPAD)
        }
        scale = stack.enter_context(serving(SimulatedScale()))
        stack.enter_context(wired(scale.path, lambda: SCALE.node))
        printer = VirtualPrinter()
        stack.enter_context(printing(printer, lambda: PRINTER.node))
        pos = stack.enter_context(closing(Pos(API_PORT, TOKEN)))
        devices = Devices(keys[SCANNER.name], keys[KEYPAD.name], scale)
        wait_until_up(pos)
        screen = stack.enter_context(following(Screen(API_PORT, TOKEN)))
        prices = {item.gtin: item.price_minor for item in items.values()}
        cashier = PatientCashier(devices, screen, pos, prices, speed=0, tick=lambda: None)
        yield Shop(cashier, devices, printer, pos, screen, sample, keys)


def _open_books(items: Collection[ItemFigures]) -> None:
    units = [UNIT, "lanetally-bridge.service"]
    subprocess.run(["systemctl", "stop", *units], check=False, stderr=subprocess.DEVNULL)
    for folder in (JOURNAL.parent, LEDGER.parent):
        shutil.rmtree(folder, ignore_errors=True)
    baskets.write_items(SETTINGS / "items.csv", items, translator("en"))
    baskets.write_costs(SETTINGS / "costs.csv", items)
    installed("bridge", BRIDGE_TOML)
    installed(f"lane {LANE}", LANE_TOML)


def installed(what: str, settings: str) -> None:
    """As a technician does it: by the script and a file."""
    file = Path("/run/lab.toml")
    file.write_text(settings, "utf-8")
    subprocess.run(["sh", INSTALL, *what.split(), str(file)], check=True, stdout=subprocess.DEVNULL)


def plug_in() -> None:
    gadgets.load_drivers()
    for gadget in GADGETS:
        if not gadget.folder.exists():
            gadget.make()
        if not (gadget.folder / "UDC").read_text().strip():
            gadget.plug()


def wait_until_up(pos: Pos) -> float:
    """Until all devices are; the seconds it took."""

    def up() -> bool:
        states = [device["state"] for device in pos.lane()["devices"]]
        return len(states) == len(GADGETS) and set(states) == {"up"}

    return waited(up, "all devices are up")


def waited(seen: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> float:
    """The seconds until `seen`. Raises LabFailed. The lane may not be there yet."""
    began = time.monotonic()
    while True:
        try:
            if seen():
                return time.monotonic() - began
        except (OSError, HTTPException):  # no lane there at the moment
            pass
        if time.monotonic() - began > patience_s:
            raise LabFailed(f"not within {patience_s:.0f} s: {what}")
        time.sleep(LOOK_S)
