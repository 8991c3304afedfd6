"""Devices pulled out and plugged in again: each comes back to its own role, by itself and soon."""

from __future__ import annotations

from pathlib import Path

from drivers.base import DeviceEvent, ScanData
from drivers.hid.sim import FifoOutput
from drivers.scanner.sim import Wedge
from tests.replug_kit import (
    Heard,
    Pluggable,
    pluggables,
    replugged_at_once,
    supervised,
    typing_device,
)

LEFT_LABEL, RIGHT_LABEL = b"4006381333931", b"96385074"


def test_every_kind_comes_back_by_itself_each_time_it_is_replugged(tmp_path):
    devices = pluggables(tmp_path)
    with supervised(devices) as (heard, health):
        waits_ms = replugged_at_once(devices, heard, lambda _: (0.3, 0.0, 0.3))
    assert {role: len(waits) for role, waits in waits_ms.items()} == dict.fromkeys(devices, 3)
    for role in devices:
        states = [state for of, state in health if of == role]
        assert states.count("up") == 3
        assert states.count("lost") >= 2
        assert set(states) == {"up", "lost"}


class TwoPorts:
    """Two USB ports with a scanner in each, both alike and without a serial number.

    As udev does it: the names under by-path say the port; the nodes behind them are numbered in the
    order in which the scanners came.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plugged: dict[str, FifoOutput] = {}
        (folder / "by-path").mkdir()

    def name(self, port: str) -> Path:
        return self.folder / "by-path" / f"{port}-event-kbd"

    def roles(self) -> dict[str, Pluggable]:
        """The left scanner is the one in the first port, whichever that is."""
        places = {"left": "1-1.1", "right": "1-1.2"}
        return {role: typing_device("scanner", self.name(port)) for role, port in places.items()}

    def plug(self, *ports: str) -> None:
        """Scanners into these ports, the first one first."""
        for number, port in enumerate(ports):
            node = self.folder / f"event{number}"
            self.plugged[port] = FifoOutput(str(node))
            self.name(port).symlink_to(node)

    def unplug_all(self) -> None:
        for port, output in self.plugged.items():
            self.name(port).readlink().unlink()
            self.name(port).unlink()
            output.close()
        self.plugged.clear()

    def scan(self, port: str, label: bytes) -> None:
        self.plugged[port].send(Wedge().reports(label, "]E0" if len(label) == 13 else "]E4"))


def next_label(heard: Heard, role: str) -> bytes:
    def is_scan(event: DeviceEvent) -> bool:
        return isinstance(event, ScanData)

    _, event = heard.first(role, is_scan)
    assert isinstance(event, ScanData)
    assert event.role == role
    return event.scan_data


def test_two_scanners_alike_keep_their_roles_when_their_nodes_change_places(tmp_path):
    ports = TwoPorts(tmp_path)
    with supervised(ports.roles()) as (heard, _):
        for order in (("1-1.1", "1-1.2"), ("1-1.2", "1-1.1"), ("1-1.1", "1-1.2")):
            ports.plug(*order)
            ports.scan("1-1.1", LEFT_LABEL)
            ports.scan("1-1.2", RIGHT_LABEL)
            assert next_label(heard, "left") == LEFT_LABEL
            assert next_label(heard, "right") == RIGHT_LABEL
            ports.unplug_all()


def test_one_of_two_scanners_alike_can_be_pulled_without_the_other_noticing(tmp_path):
    ports = TwoPorts(tmp_path)
    with supervised(ports.roles()) as (heard, health):
        ports.plug("1-1.1", "1-1.2")
        ports.scan("1-1.1", LEFT_LABEL)
        ports.scan("1-1.2", RIGHT_LABEL)
        next_label(heard, "left"), next_label(heard, "right")
        gone = ports.plugged.pop("1-1.2")
        ports.name("1-1.2").unlink()
        gone.close()
        ports.scan("1-1.1", LEFT_LABEL)
        assert next_label(heard, "left") == LEFT_LABEL
        ports.unplug_all()
    lost_left = [state for role, state in health if role == "left"]
    assert lost_left.count("up") == 1
