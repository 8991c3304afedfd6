"""A whole shop as processes of its own that may die at any moment: lane, broker, two bridges,
PostgreSQL. Only the lane's devices are simulated, at the byte level; what dies is started again, as
systemd would.
"""

from __future__ import annotations

import http.client
import json
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from agent.cli.demo.children import Child, DemoFailed
from agent.cli.demo.till import Pos, Screen, following
from agent.journal import JournalReader
from drivers.hid.sim import FifoOutput
from drivers.printer.sim import VirtualPrinter, tcp_printer
from drivers.scanner.sim import Wedge
from tests.bench.rig import Line, aim_identifier, free_port, items, total, wait_for
from tests.bridge_kit import Mosquitto
from tests.postgres_kit import Postgres

LANE = """
[store]
org = "acme"
id = "harbour"
name = "Harbour"
currency = "TWD"
minor_digits = 2
tax_rate_bp = 500
[lane]
id = "lane-1"
data_dir = "{folder}/lane"
[items]
file = "{folder}/items.csv"
[api]
port = {api}
[[api.client]]
name = "pos"
token = "{token}"
[mqtt]
port = {broker}
[[device]]
role = "scanner"
kind = "scanner"
model = "hid-wedge"
path = "{folder}/scanner"
[[device]]
role = "printer"
kind = "printer"
model = "escpos"
transport = "tcp"
host = "127.0.0.1"
port = {printer}
"""
BRIDGE = """
[bridge]
name = "{name}"
share = "bridges"
[mqtt]
port = {broker}
[ledger]
kind = "postgres"
dsn = "{dsn} connect_timeout=2"
chart = "cn_small"
currency = "TWD"
[items]
cost_file = "{folder}/costs.csv"
"""
BRIDGES = ("bridge-1", "bridge-2")
VICTIMS = ("lane", "broker", *BRIDGES, "ledger")
RESTART_S = 0.5  #: until a process that ended by itself is started again
SHOWN_S = 2.0  #: until a cashier looks which label the lane has not got
ASKED_AGAIN_S = 0.05
ANSWERED_S = HEALED_S = 90.0  #: longer than anything stays dead, or waits before it tries again
NO_LEDGER = 1  #: how a bridge ends that finds no database when it starts


@dataclass(frozen=True, slots=True)
class Death:
    at_s: float
    victim: str
    away_s: float


def deaths(seed: int, seconds: float, every_s: float) -> list[Death]:
    """Who is killed when, and for how long; the first five are one of each."""
    chance = random.Random(seed)
    first = chance.sample(VICTIMS, len(VICTIMS))
    planned, at_s = [], 0.0
    while True:
        at_s += chance.uniform(0.2, 2 * every_s - 0.2)
        if at_s >= seconds:
            return planned
        victim = first.pop() if first else chance.choice(VICTIMS)
        away_s = chance.choice((0.0, 0.1, 0.5, chance.uniform(0.5, 2 * every_s)))
        planned.append(Death(at_s, victim, away_s))


class Shop:
    """`kill` and `revive` are called by the thread that opened it: its children end with that."""

    def __init__(self, folder: Path, chosen: list[list[Line]], stack: ExitStack) -> None:
        self.folder = folder
        self.printer = VirtualPrinter()
        self.scanner = FifoOutput(str(folder / "scanner"))
        stack.callback(self.scanner.close)
        self.postgres = Postgres()
        stack.callback(self.postgres.stop)
        self.postgres.make_template()
        self._database = self.postgres.new_ledger()
        self.dsn = self.postgres.dsn(self._database, "bridge")
        self.broker = Mosquitto(folder)
        stack.callback(self.broker.stop)
        self.api_port, self.token = free_port(), secrets.token_urlsafe()
        _, printer_port = stack.enter_context(tcp_printer(self.printer))
        self._write_files(chosen, printer_port)
        self.children = {
            name: Child(name, module, ["run", "--config", str(folder / f"{name}.toml")],
                        folder / f"{name}.log", folder)
            for name, module in (("lane", "agent.cli"), *((b, "cloud_bridge.cli") for b in BRIDGES))
        }  # fmt: skip
        for child in self.children.values():
            stack.callback(child.kill)
            child.start()
        self.screen = stack.enter_context(following(Screen(self.api_port, self.token)))
        self.killed: Counter[str] = Counter()
        self._due_s: dict[str, float] = {}  # who is to be started again, when

    def _write_files(self, chosen: list[list[Line]], printer_port: int) -> None:
        goods = {line.gtin.zfill(14): line for basket in chosen for line in basket}
        tables = {
            "items.csv": (
                "gtin,description,category,price_minor",
                [f"{i.gtin},{i.description},{i.category},{i.price_minor}" for i in items(chosen)],
            ),
            "costs.csv": (
                "gtin,unit_cost_minor,cost_per",
                [f"{gtin},{one.cost_minor // one.quantity},each" for gtin, one in goods.items()],
            ),
        }
        for name, (head, rows) in tables.items():
            (self.folder / name).write_text("\n".join((head, *rows)) + "\n")
        places = {
            "folder": self.folder, "broker": self.broker.port, "api": self.api_port,
            "token": self.token, "printer": printer_port, "dsn": self.dsn,
        }  # fmt: skip
        (self.folder / "lane.toml").write_text(LANE.format(**places))
        for name in BRIDGES:
            (self.folder / f"{name}.toml").write_text(BRIDGE.format(name=name, **places))

    # --- dying and coming back ---------------------------------------------------------------

    def kill(self, death: Death) -> None:
        """SIGKILL, unless it is dead already."""
        if death.victim in self._due_s:
            return
        self._part(death.victim).kill()
        self.killed[death.victim] += 1
        self._due_s[death.victim] = time.monotonic() + death.away_s

    def revive(self) -> None:
        """Start what is due again. Raises DemoFailed if something ended that must not."""
        for name in [name for name, due_s in self._due_s.items() if time.monotonic() >= due_s]:
            del self._due_s[name]
            self._part(name).start()
        for name, child in self.children.items():
            if name not in self._due_s:
                self._look_after(name, child)

    def _look_after(self, name: str, child: Child) -> None:
        """A bridge may end where it finds no ledger at its start; nothing else may."""
        try:
            child.check()
        except DemoFailed as failed:
            if f"code {NO_LEDGER};" not in str(failed) or "connection" not in str(failed):
                raise
            child.kill()
            self._due_s[name] = time.monotonic() + RESTART_S

    def _part(self, name: str) -> Any:
        return {"broker": self.broker, "ledger": self.postgres, **self.children}[name]

    def heal(self) -> None:
        """Everything runs, and all that was sold has come to rest."""
        self._due_s = dict.fromkeys(self._due_s, 0.0)
        with closing(Pos(self.api_port, self.token)) as pos:
            wait_for(lambda: self._at_rest(pos), "all is printed and acknowledged", HEALED_S)

    def open(self) -> None:
        with closing(Pos(self.api_port, self.token)) as pos:
            wait_for(lambda: self._at_rest(pos), "the shop opens", HEALED_S)

    def _at_rest(self, pos: Pos) -> bool:
        self.revive()
        with suppress(OSError, http.client.HTTPException):
            lane = pos.lane()
            with closing(JournalReader(self.journal)) as journal:
                waiting = journal.receipts_awaited()
            return bool(lane["acknowledged_seq"] == lane["journal_seq"] and not waiting)
        return False

    def change_ledger(self, statement: str) -> None:
        """As nobody can who has not the server itself: past all that protects the tables."""
        self.postgres.run(f"SET session_replication_role = replica; {statement}", self._database)

    @property
    def journal(self) -> Path:
        return self.folder / "lane" / "journal.db"

    def stop(self) -> None:
        """In order. Raises DemoFailed if one of them does not end well."""
        for child in self.children.values():
            child.stop()


@contextmanager
def opened(folder: Path, chosen: list[list[Line]]) -> Iterator[Shop]:
    """A shop whose lane answers. Nothing of it runs any more after the `with` block."""
    with ExitStack() as stack:
        shop = Shop(folder, chosen, stack)
        shop.open()
        yield shop


# --- the cashier ---------------------------------------------------------------------------------


@dataclass(slots=True)
class Sold:
    """What the POS was told, by total_id."""

    receipts: dict[str, str] = field(default_factory=dict)
    amounts: dict[str, int] = field(default_factory=dict)
    asked_again: int = 0


def sell(shop: Shop, baskets: Iterable[list[Line]], enough: threading.Event) -> Sold:
    """One basket after the other through the scanner's bytes and the POS's HTTP, until `enough`.
    What the lane has not got is scanned again; a total is sent again until it is answered."""
    sold = Sold()
    with closing(Pos(shop.api_port, shop.token)) as pos:
        for number, basket in enumerate(baskets):
            if enough.is_set():
                break
            _scan(shop, pos, basket, sold)
            _settle(shop, pos, f"soak-{number}", basket, sold)
    return sold


def _scan(shop: Shop, pos: Pos, basket: list[Line], sold: Sold) -> None:
    due = Counter({line.gtin.zfill(14): line.quantity for line in basket})
    missing = due
    for _ in range(3):
        for gtin in missing.elements():
            label = gtin.lstrip("0").zfill(8 if gtin.startswith("000000") else 13)
            shop.scanner.send(Wedge().reports(label.encode(), aim_identifier(label)))
        if shop.screen.wait_until(lambda: shop.screen.item_count >= due.total(), SHOWN_S):
            return
        shown = _until_answered(pos.lane, sold)["lines"]
        missing = due - Counter(line["gtin"] for line in shown)


def _settle(shop: Shop, pos: Pos, total_id: str, basket: list[Line], sold: Sold) -> None:
    body = msgspec.to_builtins(total(total_id, basket))
    del body["source"]

    def settled() -> dict[str, Any] | None:
        code, answer = pos.settle(body)
        if code in (503, 504):
            return None
        assert code in (200, 201), (code, answer)
        return answer

    answer = _until_answered(settled, sold)
    sold.receipts[total_id] = answer["receipt_number"]
    sold.amounts[total_id] = body["amount_minor"]
    shop.screen.wait_until(lambda: shop.screen.transaction_id is None, SHOWN_S)


def _until_answered(ask: Callable[[], Any], sold: Sold) -> Any:
    deadline = time.monotonic() + ANSWERED_S
    while True:
        with suppress(OSError, http.client.HTTPException, json.JSONDecodeError):
            answer = ask()
            if answer is not None:
                return answer
        sold.asked_again += 1
        assert time.monotonic() < deadline, "the lane does not answer"
        time.sleep(ASKED_AGAIN_S)
