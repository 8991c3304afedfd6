"""The two things that go wrong in the middle of the demo, step by step."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from agent.cli.demo import incidents
from agent.cli.demo.incidents import Incidents
from agent.domain.text import Text
from drivers.printer.sim import VirtualPrinter


class Bridge:
    def __init__(self) -> None:
        self.did: list[str] = []

    def kill(self) -> None:
        self.did.append("kill")

    def start(self) -> None:
        self.did.append("start")


@pytest.fixture
def shop() -> Any:
    return SimpleNamespace(printer=VirtualPrinter(), bridge=Bridge())


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incidents, "REFILL_S", 0.0)
    monkeypatch.setattr(incidents, "RESTART_S", 0.0)


def test_the_paper_runs_out_and_is_refilled(shop: Any):
    told: list[Text] = []
    going = Incidents(shop, 60, told.append)
    going.begin(20)
    faults = shop.printer.faults
    assert faults.lines_left == incidents.LINES_LEFT
    going.tick()
    assert (told, going.over) == ([], False)
    faults.paper_out = True  # the printer has used up its lines
    going.tick()
    assert [text.id.split(":")[0] for text in told] == ["The printer is out of paper"]
    assert faults.paper_out
    going.tick()
    assert (faults.paper_out, faults.lines_left, going.over) == (False, None, True)
    assert len(told) == 2


def test_the_bridge_is_killed_and_started_again(shop: Any):
    told: list[Text] = []
    going = Incidents(shop, 60, told.append)
    going.begin(30)
    assert (shop.bridge.did, going.over) == (["kill"], False)
    going.tick()
    assert (shop.bridge.did, going.over) == (["kill", "start"], True)
    assert len(told) == 2


def test_nothing_is_done_before_its_time(shop: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(incidents, "RESTART_S", 3600.0)
    going = Incidents(shop, 60, lambda _: None)
    going.begin(30)
    going.tick()
    assert (shop.bridge.did, going.over) == (["kill"], False)


def test_a_short_demo_runs_undisturbed(shop: Any):
    going = Incidents(shop, incidents.BASKETS_MIN - 1, lambda _: None)
    for number in range(incidents.BASKETS_MIN - 1):
        going.begin(number)
    assert (shop.bridge.did, shop.printer.faults.lines_left, going.over) == ([], None, True)
