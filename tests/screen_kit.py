"""A running core with its server, for tests of the lane screen: scan, weigh, settle, break off."""

from __future__ import annotations

import http.client
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.api.server import serve
from agent.api.settings import ApiClient, ApiSettings, Shop
from agent.core import Core
from agent.domain.items import Item
from agent.domain.transaction import StoreRules
from agent.i18n import LANGUAGES, translator
from agent.inbox import Inbox
from agent.inputs import CoreInput, DeviceHealthChanged
from agent.intake import emit_into
from agent.journal import Journal
from agent.totals.keypad import read_keyed
from drivers.base import DeviceEvent, ScanData
from tests.silent import SilentOutlets

TOKEN = "pos-token-0123456"
SHOP = Shop("CNY", 2, "Acme Harbour Street", "lane-1")

#: GTIN-13 -> the item
GOODS = {
    item.gtin[1:]: item
    for item in (
        Item("06901234567892", "Pure milk 纯牛奶 1 l", "dairy", 1250),
        Item("04006381333931", "Whole grain bread 全麦面包", "bakery", 880),
        Item("06920459905012", "Green tea 绿茶 500 ml", "beverages", 450),
        Item("06902538005141", "Vitamin drink 维生素饮料", "beverages", 550),
        Item("06922266454295", "Facial tissues 抽纸 3 packs", "household", 1290),
        Item("06901028300056", "Soy sauce 生抽 750 ml", "seasoning", 1680),
        Item("02001234567893", "Apples 苹果", "fruit", 980, "weight"),
    )
}
MILK, BREAD, TEA, VITAMIN, TISSUES, SOY, APPLES = GOODS
STRANGE = "5449000000996"  #: a good GTIN that no item master has


class ScreenLane:
    """The lane's core runs for good; its server can go and come back at the same port."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder / "journal.db")
        self.journal.load_items(list(GOODS.values()), "digest")
        self.inbox: Inbox[CoreInput] = Inbox()
        self.emit = emit_into(self.inbox)
        rules = StoreRules("L1", self.journal.epoch, "CNY", 900)
        self.core = Core(self.journal, self.inbox, rules, SilentOutlets(), read_keyed)
        self.core.start("boot", "0")
        self.port = 0
        self._totals = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/screen/"

    def scan(self, *labels: str) -> None:
        for label in labels:
            self.emit(ScanData("scanner", label.encode(), "]E0", False, 0))

    def say(self, *events: DeviceEvent) -> None:
        for event in events:
            self.emit(event)

    def device(self, role: str, state: Any = "up", reason: str = "", kind: str = "") -> None:
        self.inbox.put(DeviceHealthChanged(role, kind or role, state, reason))

    def settle(self, **total: Any) -> dict[str, Any]:
        """A total from the POS, and its answer."""
        self._totals += 1
        body = json.dumps({"total_id": f"t{self._totals}", **total})
        pos = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        pos.request("POST", "/v1/settlements", body, {"Authorization": f"Bearer {TOKEN}"})
        with pos.getresponse() as response:
            answer = json.loads(response.read())
        pos.close()
        assert response.status < 300, answer
        return answer

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()
        core = threading.Thread(target=self.core.run, args=(stop,))
        core.start()
        try:
            yield
        finally:
            stop.set()
            self.inbox.close()
            core.join(5)
            self.journal.close()
            assert not core.is_alive()

    @contextmanager
    def served(self, **changes: Any) -> Iterator[None]:
        """Its server, at the port of the first time."""
        options = {"port": self.port, "client": (ApiClient("pos", TOKEN),), **changes}
        stop = threading.Event()
        ports: queue.SimpleQueue[int] = queue.SimpleQueue()
        says = {language: translator(language) for language in LANGUAGES}
        server = threading.Thread(
            target=serve,
            args=(ApiSettings(**options), self.core, says, stop, ports.put),
            kwargs={"shop": SHOP},
        )
        server.start()
        try:
            self.port = ports.get(timeout=5)
            yield
        finally:
            stop.set()
            server.join(5)
            assert not server.is_alive()
