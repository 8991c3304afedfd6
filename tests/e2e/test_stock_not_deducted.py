"""Paid, and not deducted from stock: a real lane, broker and bridge, and a store manager who hears
of each such order, sees what is open, and sees it gone once it is mended."""

from __future__ import annotations

import http.client
import json
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.mqtt import Incoming, MqttLink
from agent.mqtt_settings import MqttSettings
from cloud_bridge.cli import main
from tests.bridge_kit import Lane
from tests.broker_kit import MOSQUITTO, Mosquitto, free_port, listens, wait_for
from tests.site_kit import Process

ROOT = Path(__file__).parents[2]
POS, BOSS = "pos-token-0123456", "boss-token-012345"
PLACES = "edge/v1/acme/+/+"
MILK = "6901234567892"
pytestmark = pytest.mark.skipif(
    not MOSQUITTO.exists() and not os.environ.get("CI"), reason="mosquitto is not installed"
)

LANE = """
[store]
org = "acme"
id = "s1"
name = "Shop"
[lane]
id = "lane-1"
data_dir = "{folder}/data"
[items]
file = "{folder}/items.csv"
[mqtt]
port = {broker}
[api]
port = {api}
[[api.client]]
name = "pos"
token = "pos-token-0123456"
[[api.client]]
name = "office"
token = "boss-token-012345"
role = "manager"
"""
BRIDGE = """
[bridge]
org = "acme"
[mqtt]
port = {broker}
[ledger]
path = "{folder}/ledger.db"
currency = "{currency}"
"""


class Manager:
    """Hears alerts, and has the last state of what is retained."""

    def __init__(self, port: int) -> None:
        self.alerts: list[dict[str, Any]] = []
        self.states: dict[str, Any] = {}
        self._stop = threading.Event()
        self._link = MqttLink(
            MqttSettings(port=port), "manager", on_up=self._up, on_message=self._heard
        )
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _up(self) -> None:
        self._link.subscribe(*(f"{PLACES}/{leaf}" for leaf in ("alert", "todo", "undeducted")))

    def _heard(self, message: Incoming) -> None:
        self._link.confirm(message)
        content = json.loads(message.payload) if message.payload else None
        lane, leaf = message.topic.split("/")[-2:]
        if leaf == "alert":
            self.alerts.append(content)
        else:
            self.states[f"{lane} {leaf}"] = content

    def _run(self) -> None:
        while not self._stop.is_set():
            self._link.turn(0.1)

    def reasons(self) -> list[str]:
        return [a["body"]["reason"] for a in self.alerts if a.get("kind") == "stock_not_deducted"]

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._link.close()


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Mosquitto(folder)
        self.api = free_port()
        head = "gtin,description,category,price_minor"
        (folder / "items.csv").write_text(f"{head}\n{MILK},Milk,dairy,1250\n")
        words = {"folder": folder, "broker": self.broker.port, "api": self.api}
        self.lane_file, self.bridge_file = folder / "lane.toml", folder / "bridge.toml"
        self.lane_file.write_text(LANE.format(**words))
        self.words = words
        self.write_bridge("CNY")
        self.manager = Manager(self.broker.port)
        self.bridge = Process("cloud_bridge.cli", "run", "--config", self.bridge_file)
        self.lane = Process("agent.cli", "run", "--config", self.lane_file)
        wait_for(lambda: listens(self.api), "the lane answers")

    def write_bridge(self, currency: str) -> None:
        self.bridge_file.write_text(BRIDGE.format(**self.words, currency=currency))

    def ask(self, method: str, path: str, body: Any = None, token: str = POS) -> tuple[int, Any]:
        pos = http.client.HTTPConnection("127.0.0.1", self.api, timeout=10)
        content = None if body is None else json.dumps(body)
        pos.request(method, path, content, {"Authorization": f"Bearer {token}"})
        with pos.getresponse() as response:
            answer = response.status, json.loads(response.read())
        pos.close()
        return answer

    def close(self) -> None:
        for process in (self.lane, self.bridge):
            assert process.end() == 0
        self.manager.close()
        self.broker.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    yield site
    site.close()


def test_money_for_which_the_lane_has_no_sale_is_told_until_somebody_looked_into_it(
    site: Site,
) -> None:
    paid = {"tender_type": "wechat", "amount_minor": 900}
    status, _ = site.ask(
        "POST", "/v1/settlements", {"total_id": "T1", "item_count": 1, "tenders": [paid]}
    )
    assert status == 409
    manager = site.manager
    wait_for(lambda: manager.reasons() == ["rejected"], "the manager hears of it")
    wait_for(lambda: manager.states.get("lane-1 todo"), "it is open")
    (open_,) = manager.states["lane-1 todo"]["open"]
    assert (open_["kind"], open_["total_id"], open_["amount_minor"]) == ("unsettled", "T1", 900)
    assert open_["reasons"] == ["Nothing was scanned at this lane: there is nothing to settle"]

    assert site.lane.end() == 0
    site.lane.start()
    wait_for(lambda: listens(site.api), "the lane answers")
    assert len(site.ask("GET", "/v1/suspicions")[1]["open"]) == 1

    close = {"total_id": "T1", "reason": "sold at the next lane"}
    assert site.ask("POST", "/v1/suspicions/close", close)[0] == 403
    assert site.ask("POST", "/v1/suspicions/close", close, BOSS)[0] == 200
    wait_for(lambda: manager.states["lane-1 todo"] is None, "nothing is open")


def test_a_sale_that_the_books_hold_back_is_told_until_it_is_posted(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    manager = site.manager
    assert site.bridge.end() == 0
    site.write_bridge("EUR")  # books of another currency hold every sale back
    site.bridge.start()
    with closing(Lane(site.folder / "lane-2.db", site.broker.port, "lane-2")) as lane:
        lane.sell(1)
        wait_for(lambda: manager.states.get("lane-2 undeducted"), "the manager sees it")
        (order,) = manager.states["lane-2 undeducted"]["orders"]
        assert (order["reason"], order["detail"], order["amount_minor"]) == (
            "quarantined",
            "currency",
            11300,
        )
        wait_for(lambda: manager.reasons()[-1] == "quarantined", "the manager hears of it")

        assert site.bridge.end() == 0
        site.write_bridge("CNY")
        assert main(["replay", "--config", str(site.bridge_file)]) == 0
        capsys.readouterr()
        site.bridge.start()
        wait_for(lambda: manager.states["lane-2 undeducted"] is None, "it is mended")
