"""What a lane may have beside its counter: a HID scale, an RFID reader, a printer past the kernel's
driver, a camera. Each is usable by the hardened unit, and back in time when it was pulled out."""

from __future__ import annotations

import subprocess
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from agent.cli.demo.check import evidence
from agent.domain.facts import TagObserved, TransactionSettled
from drivers.line.serving import serving
from drivers.rfid.sim import Field
from drivers.rfid.sim_m100 import SimulatedM100
from drivers.scale.sim_hid import SimulatedHidScale
from tests.lab.guest import shop
from tests.lab.guest.devices import HID_SCALE, SENSING_LANE, TAGS, USB_PRINTER, Device
from tests.lab.guest.replug import LIMIT_S, printing, pulled
from tests.lab.guest.result import Findings, hold_nothing_denied, told
from tests.lab.guest.shop import LEDGER, Shop
from tests.lab.guest.sides import reporting, wired
from tests.lab.guest.usage import usage
from tests.lab.guest.waiting import waited

SOCKET = Path("/run/lab-hid-scale")
TAG = bytes.fromhex("3034257bf7194e4000001a85")
WEIGHT_G = 500


@dataclass(frozen=True, slots=True)
class TestPicture:
    """The kernel's own camera, which shows a test picture (vivid); plugged like a gadget."""

    name: str
    folder = Path("/sys/bus/platform/drivers/vivid")

    @property
    def is_plugged(self) -> bool:
        return (self.folder / "vivid.0").exists()

    def make(self) -> None:
        subprocess.run(["modprobe", "vivid", "node_types=1"], check=True)

    def plug(self) -> None:
        (self.folder / "bind").write_text("vivid.0")

    def unplug(self) -> None:
        (self.folder / "unbind").write_text("vivid.0")


CAMERA = Device(
    TestPicture("camera"),
    Path("/dev/v4l/by-path/platform-vivid.0-video-index0"),
    'kind = "camera"\nmodel = "video"\nwidth_px = 320\nheight_px = 240\nfps = 5\n',
)
LANE = replace(SENSING_LANE, devices=(*SENSING_LANE.devices, CAMERA))


def sensing(findings: Findings) -> None:
    shop.open_books([LANE])
    tags = Field()
    with shop.at_lane(LANE) as open_shop, ExitStack() as stack:
        scale = stack.enter_context(serving(SimulatedHidScale(SOCKET)))
        stack.enter_context(reporting(SOCKET, lambda: HID_SCALE.gadget.node))
        reader = stack.enter_context(serving(SimulatedM100(tags)))
        stack.enter_context(wired(reader.path, lambda: TAGS.gadget.node))
        open_shop.wait_until_up()
        back_s: dict[str, float] = {}

        def replug(device: Device) -> None:
            back_s[device.role] = pulled(open_shop, device)[1]

        visits = open_shop.visits(1)
        printing(open_shop, next(visits), lambda: replug(USB_PRINTER))
        replug(CAMERA)
        # what lies on the scale and before the reader is seen again by itself
        scale.place(WEIGHT_G)
        waited(lambda: _weight_g(open_shop) == WEIGHT_G, "the HID scale weighs")
        replug(HID_SCALE)
        weighed_s = waited(lambda: _weight_g(open_shop) == WEIGHT_G, "the HID scale weighs again")
        findings.note("weighed_s", round(weighed_s, 1))
        scale.place(0)
        tags.put(TAG)
        replug(TAGS)
        open_shop.cashier.serve(next(visits))
        open_shop.wait_until_through()
        for role, seconds in back_s.items():
            findings.hold(f"{role}_back_s", round(seconds, 2), held=seconds <= LIMIT_S)
        found = evidence(LANE.journal, LEDGER, [])
        receipts = Counter("/".join(one.qr_codes) for one in open_shop.printer.receipts)
        sold = {sale.receipt_number for sale in found.of(TransactionSettled)}
        findings.hold("receipts", receipts.total(), held=receipts.keys() == sold)
        tags_seen = {fact.epc.upper() for fact in found.of(TagObserved)}
        findings.hold("tags", sorted(tags_seen), held=tags_seen == {TAG.hex().upper()})
        hold_nothing_denied(findings)
        findings.note("camera_resident_mb", usage("lanetally-camera@*").resident_kb // 1024)


def _weight_g(open_shop: Shop) -> int | None:
    weights = {one["role"]: one["weight_g"] for one in open_shop.pos.lane()["live_weights"]}
    return weights.get(HID_SCALE.role)


if __name__ == "__main__":
    told(sensing)
