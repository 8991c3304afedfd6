"""Two scanners that nothing tells apart but their ports: swapped, each port keeps its role, and
half a label that one of them had typed never gets the other one's end."""

from __future__ import annotations

from pathlib import Path

from agent.cli.demo.check import evidence
from agent.domain.facts import LineItemAdded
from drivers.scanner.sim import Wedge
from tests.lab.guest import gadgets, shop
from tests.lab.guest.devices import LANE, Device, Lane
from tests.lab.guest.gadgets import Identity
from tests.lab.guest.result import Findings, told
from tests.lab.guest.shop import LEDGER, Shop
from tests.lab.guest.sides import Keys
from tests.lab.guest.waiting import waited

SWAPS = 3
LIMIT_S = 2.0
ALIKE = Identity(0x05F9, 0x2206, "Datalogic", "Gryphon", "")
PORTS = {"left": 4, "right": 5}
LABELS = {"left": b"4006381333931", "right": b"5449000000996"}


def _twin(name: str) -> Device:
    port = PORTS[name]
    path = f"/dev/input/by-path/platform-dummy_hcd.{port}-usb-0:1:1.0-event-kbd"
    settings = 'kind = "scanner"\nmodel = "hid-wedge"\n'
    return Device(gadgets.keyboard(f"{name}.1", port, ALIKE), Path(path), settings)


TWINS = {name: _twin(name) for name in PORTS}
WITH_TWINS = Lane(LANE.id, LANE.api_port, (*LANE.devices, *TWINS.values()))


def twins(findings: Findings) -> None:
    shop.open_books([WITH_TWINS])
    with shop.at_lane(WITH_TWINS) as open_shop:
        open_shop.wait_until_up()
        keys = {name: Keys(device.gadget) for name, device in TWINS.items()}
        plugged_in = {name: name for name in PORTS}  # by device: the port that it is in
        expected: list[tuple[str, str]] = []
        back_s = []
        for _ in range(SWAPS):
            keys["left"].send(_reports("left")[:15])
            back_s.append(_swap(open_shop, keys, plugged_in))
            for device, port in plugged_in.items():
                shown = open_shop.screen.item_count
                keys[device].send(_reports(device))
                waited(lambda shown=shown: open_shop.screen.item_count > shown, "a scan is shown")
                expected.append((port, LABELS[device].decode()))
        open_shop.wait_until_acknowledged()
        lines = evidence(LANE.journal, LEDGER, []).of(LineItemAdded)
        found = [(line.role, line.gtin[1:]) for line in lines]
        findings.hold("scans", len(found), held=found == expected)
        if found != expected:
            findings.broken.append(f"expected {expected}, found {found}")
        findings.hold("back_s", round(max(back_s), 2), held=max(back_s) <= LIMIT_S)


def _swap(open_shop: Shop, keys: dict[str, Keys], plugged_in: dict[str, str]) -> float:
    """Pull both, plug each into the other one's port; the seconds from their names to both up."""
    for name, device in TWINS.items():
        device.gadget.unplug()
        keys[name].close()
    for role in TWINS:
        waited(lambda role=role: open_shop.state(role) == "lost", f"{role} is missed")
    plugged_in["left"], plugged_in["right"] = plugged_in["right"], plugged_in["left"]
    for device, port in plugged_in.items():
        TWINS[device].gadget.plug(PORTS[port])
    waited(lambda: all(device.path.exists() for device in TWINS.values()), "udev names them")
    return waited(lambda: all(open_shop.state(role) == "up" for role in TWINS), "both are back")


def _reports(device: str) -> list[bytes]:
    return Wedge().reports(LABELS[device], "]E0")


if __name__ == "__main__":
    told(twins)
