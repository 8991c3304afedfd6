"""What a lane may have beside its counter: a HID scale, an RFID reader, a printer past the kernel's
driver, a camera. Each is usable by the hardened unit, and back in time when it was pulled out."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from agent.cli.demo.check import evidence
from agent.domain.facts import TagObserved
from drivers.line.serving import serving
from drivers.rfid.sim import Field
from drivers.rfid.sim_m100 import SimulatedM100
from drivers.scale.sim_hid import SimulatedHidScale
from tests.lab.guest import shop
from tests.lab.guest.devices import HID_SCALE, SENSING_LANE, TAGS, USB_PRINTER, Device
from tests.lab.guest.result import Findings, told
from tests.lab.guest.shop import LEDGER, Shop
from tests.lab.guest.sides import reporting, wired
from tests.lab.guest.waiting import waited

LIMIT_S = 2.0
CAMERA_LIMIT_S = 20.0  #: a child is started, which loads what sees: here that takes a while
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
LIMITS_S = (
    *((device, LIMIT_S) for device in (HID_SCALE, TAGS, USB_PRINTER)),
    (CAMERA, CAMERA_LIMIT_S),
)


def sensing(findings: Findings) -> None:
    shop.open_books([LANE])
    tags = Field()
    with shop.at_lane(LANE) as open_shop, ExitStack() as stack:
        scale = stack.enter_context(serving(SimulatedHidScale(SOCKET)))
        stack.enter_context(reporting(SOCKET, lambda: HID_SCALE.gadget.node))
        reader = stack.enter_context(serving(SimulatedM100(tags)))
        stack.enter_context(wired(reader.path, lambda: TAGS.gadget.node))
        open_shop.wait_until_up()
        for device, limit_s in LIMITS_S:
            back_s = _replugged(open_shop, device)
            findings.hold(f"{device.role}_back_s", round(back_s, 2), held=back_s <= limit_s)
        scale.place(WEIGHT_G)
        weighed_s = waited(lambda: _weight_g(open_shop) == WEIGHT_G, "the HID scale weighs")
        findings.note("weighed_s", round(weighed_s, 1))
        scale.place(0)
        tags.put(TAG)
        open_shop.sell(1)
        open_shop.wait_until_through()
        receipts = len(open_shop.printer.receipts)
        findings.hold("receipts", receipts, held=receipts == 1)
        tags_seen = {
            fact.epc.upper() for fact in evidence(LANE.journal, LEDGER, []).of(TagObserved)
        }
        findings.hold("tags", sorted(tags_seen), held=tags_seen == {TAG.hex().upper()})


def _replugged(open_shop: Shop, device: Device) -> float:
    open_shop.pull(device)
    waited(lambda: open_shop.state(device.role) == "lost", f"{device.role} is missed")
    device.gadget.plug()
    waited(device.path.exists, "udev names it")
    return waited(lambda: open_shop.state(device.role) == "up", f"{device.role} is back")


def _weight_g(open_shop: Shop) -> int | None:
    weights = {one["role"]: one["weight_g"] for one in open_shop.pos.lane()["live_weights"]}
    return weights.get(HID_SCALE.role)


if __name__ == "__main__":
    told(sensing)
