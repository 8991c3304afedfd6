"""The whole lane with a bagging scale on a line: what the plate says decides, and the export says
the same."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from agent.cli.run import run_lane
from agent.config import load
from drivers.hid.sim import FifoOutput
from drivers.scale.sim import SimulatedScale
from drivers.scanner.sim import Wedge
from tests.bench.rig import aim_identifier, free_port

TOKEN = "pos-token-0123456"
ITEMS = """\
gtin,description,category,price_minor,sold_by,tax_rate_bp,weight_low_g,weight_high_g
6901234567892,Milk 1 l,dairy,1250,,,1030,1040
96385074,Green tea,drinks,1000,,,325,335
"""
CONFIG = """\
store = {{ org = "a", id = "s", name = "Shop" }}
lane = {{ id = "l", data_dir = "{folder}/data" }}
mqtt.enabled = false
items.file = "{folder}/items.csv"

[api]
port = {port}
client = [{{ name = "pos", token = "{token}" }}]

[[device]]
role = "scanner"
kind = "scanner"
model = "hid-wedge"
path = "{folder}/scanner"

[[device]]
role = "bag_scale"
kind = "scale"
model = "toledo-8217"
purpose = "bagging"
path = "{scale}"
"""
PATIENCE_S = 20


class Shop:
    """What a customer and a POS do at the lane, and what its screen says."""

    def __init__(self, port: int, scale: SimulatedScale, scanner: FifoOutput) -> None:
        self._port, self._scale, self._scanner = port, scale, scanner

    def ask(self, method: str, path: str, body: object = None) -> Any:
        pos = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        data = None if body is None else json.dumps(body).encode()
        pos.request(method, path, data, {"Authorization": f"Bearer {TOKEN}"})
        with pos.getresponse() as response:
            answer = json.loads(response.read())
        pos.close()
        return answer

    def until(self, what: Callable[[Any], bool]) -> None:
        deadline, lane = time.monotonic() + PATIENCE_S, None
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                lane = self.ask("GET", "/v1/lane")
                if what(lane):
                    return
            time.sleep(0.02)
        raise AssertionError(f"still {lane}")

    def plate(self, grams: int) -> None:
        self._scale.place(grams)
        self.until(lambda lane: [w["weight_g"] for w in lane["live_weights"]] == [grams])

    def scan(self, label: str, count: int) -> None:
        self._scanner.send(Wedge().reports(label.encode(), aim_identifier(label.zfill(14))))
        self.until(lambda lane: lane["item_count"] == count)


@contextmanager
def running(folder: Path) -> Iterator[Shop]:
    (folder / "items.csv").write_text(ITEMS, "utf-8")
    os.mkfifo(folder / "scanner")
    scale, port, stop = SimulatedScale(settle_ms=30), free_port(), threading.Event()
    values = {"folder": folder, "port": port, "token": TOKEN, "scale": scale.path}
    (folder / "lane.toml").write_text(CONFIG.format(**values), "utf-8")
    threads = [
        threading.Thread(target=scale.serve, args=(stop,)),
        threading.Thread(target=run_lane, args=(load(folder / "lane.toml"), stop)),
    ]
    for thread in threads:
        thread.start()
    scanner = FifoOutput(str(folder / "scanner"))
    try:
        shop = Shop(port, scale, scanner)
        shop.until(lambda lane: [d["state"] for d in lane["devices"]].count("up") >= 2)
        yield shop
    finally:
        scanner.close()
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_S)


def test_what_lies_in_the_bag_is_named_live_and_by_the_export(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path) as shop:
        shop.scan("6901234567892", 1)
        shop.plate(1035)
        shop.plate(1365)
        missed = shop.ask("POST", "/v1/settlements", {"total_id": "1", "item_count": 1})
        shop.plate(0)
        shop.scan("6901234567892", 1)
        shop.plate(1040)
        honest = shop.ask("POST", "/v1/settlements", {"total_id": "2", "item_count": 1})

    assert (missed["missed_count"], honest["missed_count"]) == (1, 0)
    [finding] = missed["findings"]
    assert (finding["gtin"], finding["category"]) == ("00000096385074", "drinks")

    file = tmp_path / "baskets.jsonl"
    config = str(tmp_path / "lane.toml")
    assert main(["journal", "export", "--config", config, "--output", str(file)]) == 0
    capsys.readouterr()
    assert main(["assess", str(file)]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["verdict"], first["missed_count"]) == ("suspected", 1)
    assert first["candidates"][0]["gtin"] == finding["gtin"]
    assert second["verdict"] == "clean"
