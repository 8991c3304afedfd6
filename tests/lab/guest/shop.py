"""The shop in the box: devices on USB, a lane and a bridge as a technician installs them.

Runs in the box, as root, in the environment that install.sh has made.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent.cli.demo import baskets
from agent.cli.demo.baskets import ItemFigures
from agent.cli.demo.cashier import Devices
from agent.cli.demo.check import Report, evidence, read_only, report
from agent.cli.demo.plan import Visit, planned
from agent.cli.demo.till import Pos, Screen, following
from agent.domain.text import Text
from agent.i18n import translator
from drivers.line.serving import serving
from drivers.printer.sim import VirtualPrinter
from drivers.printer.sim_press import Receipt
from drivers.scale.sim import SimulatedScale
from tests.lab.guest import gadgets
from tests.lab.guest.cashier import PatientCashier, is_keyed, is_weighed
from tests.lab.guest.devices import LANE, Device, Lane
from tests.lab.guest.sides import Keys, printing, wired
from tests.lab.guest.waiting import LabFailed, waited

INSTALL = "/lab/systemd/install.sh"
SETTINGS = Path("/etc/lanetally")
LEDGER = Path("/var/lib/lanetally-bridge/ledger.sqlite3")
BRIDGE = "lanetally-bridge.service"
HERE = "127.0.0.1"
TOKEN = "lab-0123456789abcdef"
FEW_SCANS = 8
UNPRINTED = "SELECT count(*) FROM print_job WHERE state != 'printed'"
GTIN_13 = 13
REPRINT = translator("en")(Text("REPRINT"))

LANE_TOML = """\
[store]
org = "lab"
id = "store-1"
name = "Lanetally lab 实验店"
currency = "{currency}"
minor_digits = {minor_digits}
tax_rate_bp = 500

[lane]
id = "{lane.id}"
data_dir = "{lane.journal.parent}"

[items]
file = "{settings}/items.csv"

[api]
port = {lane.api_port}

[[api.client]]
name = "pos"
token = "{token}"

[mqtt]
host = "{broker}"
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


def lane_toml(lane: Lane, broker: str = HERE) -> str:
    """The configuration of a lane."""
    figures = {"currency": baskets.CURRENCY, "minor_digits": baskets.MINOR_DIGITS}
    head = LANE_TOML.format(lane=lane, settings=SETTINGS, token=TOKEN, broker=broker, **figures)
    return head + "".join(device.toml() for device in lane.devices)


def is_copy(receipt: Receipt) -> bool:
    return any(REPRINT in line for line in receipt.lines)


@dataclass(slots=True)
class Shop:
    """What a scenario holds of one lane of the running shop."""

    lane: Lane
    cashier: PatientCashier
    printer: VirtualPrinter
    pos: Pos
    screen: Screen
    baskets: tuple[baskets.Basket, ...]
    keys: dict[str, Keys]  #: by role
    used: set[str] = field(default_factory=set)  #: the totals of planned visits

    def sell(self, count: int, seed: int = 1) -> None:
        """Play real baskets through the devices. Raises DemoFailed."""
        for visit in planned(self.baskets, count, seed):
            self.used.add(visit.total_id)
            self.cashier.serve(visit)

    def sell_by_all(self, seed: int = 3) -> None:
        """Baskets that take all devices: goods that are weighed, a count that is keyed."""
        for wanted in (is_weighed, is_keyed):
            self.cashier.serve(next(self.visits(seed, wanted)))

    def visits(
        self, seed: int, wanted: Callable[[Visit], bool] = lambda _: True
    ) -> Iterator[Visit]:
        """Short ones of the plan with this seed, each basket once."""
        for visit in planned(self.baskets, len(self.baskets), seed):
            is_new = visit.total_id not in self.used
            if is_new and len(visit.scans) <= FEW_SCANS and wanted(visit):
                self.used.add(visit.total_id)
                yield visit

    def label(self) -> str:
        """Of an item that has its price and is not weighed."""
        lines = (line for basket in self.baskets for line in basket.lines)
        return next(line.gtin for line in lines if len(line.gtin) == GTIN_13 and not line.weighed)

    def state(self, role: str) -> str:
        """Of a device, as the lane shows it."""
        devices = {device["role"]: device["state"] for device in self.pos.lane()["devices"]}
        return str(devices.get(role, ""))

    def pull(self, device: Device) -> None:
        """Pull its plug."""
        device.gadget.unplug()
        if device.role in self.keys:
            self.keys[device.role].close()

    def wait_until_up(self) -> float:
        """Until all devices are; the seconds it took."""

        states: dict[str, str] = {}

        def up() -> bool:
            states.update((one["role"], one["state"]) for one in self.pos.lane()["devices"])
            return len(states) == len(self.lane.devices) and set(states.values()) == {"up"}

        try:
            return waited(up, "all devices are up")
        except LabFailed as error:
            raise LabFailed(f"{error}: {states}") from error

    def wait_until_acknowledged(self) -> float:
        """Until all facts are; the seconds it took."""

        def acknowledged() -> bool:
            lane = self.pos.lane()
            return bool(lane["journal_seq"] == lane["acknowledged_seq"])

        return waited(acknowledged, "all facts are acknowledged")

    def wait_until_nothing_is_owed(self) -> None:
        """Until the lane knows of each receipt that it is printed."""
        with closing(read_only(self.lane.journal)) as journal:
            waited(lambda: not journal.execute(UNPRINTED).fetchone()[0], "no receipt is owed")

    def wait_until_through(self) -> int:
        """Until all is printed and acknowledged: how many facts there are."""
        baskets = self.cashier.played.baskets
        waited(lambda: len(self.printer.receipts) >= baskets, "all receipts are printed")
        self.wait_until_nothing_is_owed()
        self.wait_until_acknowledged()
        time.sleep(1)  # what followed the last receipt is a fact, too
        self.wait_until_acknowledged()
        return int(self.pos.lane()["acknowledged_seq"])

    def booked(self) -> Report:
        """Wait until all is printed and acknowledged, then compare journal, ledger and paper."""
        acknowledged = self.wait_until_through()
        found = evidence(self.lane.journal, LEDGER, self.printer.receipts)
        return report(found, self.cashier.played, acknowledged, REPRINT)

    def keep_paper(self) -> None:
        self.lane.paper.write_bytes(b"".join(receipt.raw for receipt in self.printer.receipts))


@contextmanager
def opened() -> Iterator[Shop]:
    """The shop of one lane that the box brings, all devices up."""
    with at_lane(LANE) as shop:
        shop.wait_until_up()
        yield shop


@contextmanager
def at_lane(lane: Lane, cut: Callable[[Receipt], None] = lambda _: None) -> Iterator[Shop]:
    """One lane's devices, plugged in, and who uses them; `cut` is told of each receipt."""
    sample = baskets.sample()
    prices = {item.gtin: item.price_minor for item in baskets.item_figures(sample).values()}
    plug_in(lane)
    gadget = {device.role: device.gadget for device in lane.devices}
    with ExitStack() as stack:
        keys = {
            role: stack.enter_context(closing(Keys(gadget[role]))) for role in ("scanner", "keypad")
        }
        scale = stack.enter_context(serving(SimulatedScale()))
        stack.enter_context(wired(scale.path, lambda: gadget["scale"].node))
        printer = VirtualPrinter()
        stack.enter_context(printing(printer, lambda: gadget["printer"].node, cut))
        pos = stack.enter_context(closing(Pos(lane.api_port, TOKEN)))
        screen = stack.enter_context(following(Screen(lane.api_port, TOKEN)))
        devices = Devices(keys["scanner"], keys["keypad"], scale)
        cashier = PatientCashier(devices, screen, pos, prices, speed=0, tick=lambda: None)
        shop = Shop(lane, cashier, printer, pos, screen, sample, keys)
        try:
            yield shop
        finally:
            shop.keep_paper()


def open_books(lanes: Collection[Lane], broker: str = HERE) -> None:
    """New books for the bridge and for each lane, and all of them running."""
    items = baskets.item_figures(baskets.sample()).values()
    close_books(lanes)
    write_items(items)
    installed("bridge", BRIDGE_TOML)
    for lane in lanes:
        installed(f"lane {lane.id}", lane_toml(lane, broker))


def close_books(lanes: Collection[Lane]) -> None:
    """Stop all, and forget all."""
    units = [*(lane.unit for lane in lanes), BRIDGE]
    subprocess.run(["systemctl", "stop", *units], check=False, stderr=subprocess.DEVNULL)
    for folder in (*(lane.journal.parent for lane in lanes), LEDGER.parent):
        shutil.rmtree(folder, ignore_errors=True)


def write_items(items: Collection[ItemFigures]) -> None:
    baskets.write_items(SETTINGS / "items.csv", items, translator("en"))
    baskets.write_costs(SETTINGS / "costs.csv", items)


def installed(what: str, settings: str) -> None:
    """As a technician does it: by the script and a file."""
    file = Path("/run/lab.toml")
    file.write_text(settings, "utf-8")
    subprocess.run(["sh", INSTALL, *what.split(), str(file)], check=True, stdout=subprocess.DEVNULL)


def plug_in(lane: Lane) -> None:
    gadgets.load_drivers()
    for device in lane.devices:
        if not device.gadget.folder.exists():
            device.gadget.make()
        if not device.gadget.is_plugged:
            device.gadget.plug()
