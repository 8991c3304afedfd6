"""What of the hardware lab can be held without booting it."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest

from agent.config import load
from cloud_bridge import config as bridge
from drivers.registry import load as driver
from tests.lab.guest import shop
from tests.lab.guest.result import MARK, Findings, told
from tests.lab.payload import PINNED, ROOT
from tests.lab.scenarios import SCENARIOS


@pytest.mark.parametrize("module", SCENARIOS)
def test_what_is_played_in_the_box_can_be_imported(module):
    import_module(f"tests.lab.guest.{module}")


def test_the_settings_of_the_shop_are_in_order(tmp_path):
    lane, books = tmp_path / "lane.toml", tmp_path / "bridge.toml"
    lane.write_text(shop.LANE_TOML, "utf-8")
    (tmp_path / "costs.csv").write_text("gtin,unit_cost_minor,cost_per\n")
    books.write_text(shop.BRIDGE_TOML.replace(str(shop.SETTINGS), str(tmp_path)), "utf-8")

    devices = load(lane).device

    assert {device.role for device in devices} == {gadget.name for gadget in shop.GADGETS}
    assert all(driver(device.kind, device.model) for device in devices)
    assert bridge.load(books).settings.ledger.path == str(shop.LEDGER)


def test_each_device_has_a_port_of_its_own():
    ports = [gadget.port for gadget in shop.GADGETS]
    assert len(set(ports)) == len(ports)


def test_a_scenario_that_breaks_off_says_so(capsys):
    def scenario(findings: Findings) -> None:
        findings.hold("scans", 3, held=True)
        findings.hold("lost", 1, held=False)
        raise shop.LabFailed("the box is on fire")

    told(scenario)

    last = capsys.readouterr().out.splitlines()[-1]
    said = json.loads(last.removeprefix(MARK))
    assert said["broken"] == ["lost: 1", "LabFailed: the box is on fire"]
    assert said["figures"]["scans"] == 3


def test_the_versions_of_the_lock_are_those_of_the_box():
    lock = (ROOT / "requirements.lock").read_text("utf-8")

    pins = dict(PINNED.findall(lock))

    assert len(pins) == lock.count("==") - sum(marker.count("==") for marker in pins.values())
    assert "msgspec" in {pin.partition("==")[0] for pin in pins}


def test_scenarios_are_documented():
    said = (Path(__file__).parents[1] / "lab" / "README.md").read_text("utf-8")
    assert [name for name in SCENARIOS if f"`{name}`" not in said] == []
