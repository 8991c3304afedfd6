"""The demo's shop: a folder of its own, a broker, a bridge, a lane, and the devices of the lane.

Everything is real but the devices' hardware: processes, ports, files and bytes are those of a shop.
"""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from iotcore import Broker

from agent.cli.demo import baskets
from agent.cli.demo.baskets import ItemFigures
from agent.cli.demo.cashier import Devices
from agent.cli.demo.children import Child, DemoFailed
from agent.cli.demo.till import Pos, Screen, following
from agent.domain.text import Text
from drivers.hid.sim import FifoOutput
from drivers.line.serving import serving
from drivers.printer.sim import VirtualPrinter, tcp_printer
from drivers.scale.sim import SimulatedScale

LOOPBACK = "127.0.0.1"
TAX_RATE_BP = 500
#: The default of 20,480 bytes is less than a full batch of facts; beyond it, iotcore drops.
PAYLOAD_BYTES_MAX = 1024 * 1024
READY_S = 30.0
LOOK_S = 0.05

#: Chart of accounts by the language of the shop.
CHARTS = {"zh_CN": "cn_small"}


@dataclass(frozen=True, slots=True)
class Shop:
    """What the demo holds of a running shop."""

    folder: Path
    broker: Broker
    lane: Child
    bridge: Child
    printer: VirtualPrinter
    devices: Devices
    screen: Screen
    pos: Pos

    @property
    def journal(self) -> Path:
        return self.folder / "lane" / "journal.db"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.sqlite3"

    def cursors(self) -> tuple[int, int]:
        """(facts in the journal, how many of them are acknowledged), as the lane says."""
        lane = self.pos.lane()
        return lane["journal_seq"], lane["acknowledged_seq"]

    def check(self) -> None:
        """Raises DemoFailed if a process has ended by itself."""
        self.lane.check()
        self.bridge.check()
        if not self.broker.is_running:
            raise DemoFailed(Text("The broker has ended"))

    def close(self) -> None:
        """End lane and bridge. Raises DemoFailed if one does not end well."""
        self.screen.close()
        self.lane.stop()
        self.bridge.stop()


@contextmanager
def opened(
    folder: Path, items: Mapping[str, ItemFigures], language: str, say: Callable[[Text], str]
) -> Iterator[Shop]:
    """A shop that is ready to sell. Nothing of it runs any more after the `with` block."""
    baskets.write_items(folder / "items.csv", items.values(), say)
    baskets.write_costs(folder / "costs.csv", items.values())
    token = secrets.token_urlsafe()
    broker_port, api_port = _free_ports(2)
    printer = VirtualPrinter()
    scale = SimulatedScale()
    with ExitStack() as stack:
        scanner, keypad = (_keyboard(stack, folder / name) for name in ("scanner", "keypad"))
        stack.enter_context(serving(scale))
        _, printer_port = stack.enter_context(tcp_printer(printer))
        broker = Broker(broker_port, LOOPBACK, max_payload_size=PAYLOAD_BYTES_MAX)
        stack.enter_context(broker)
        (folder / "bridge.toml").write_text(_bridge_toml(broker_port, language), "utf-8")
        (folder / "lane.toml").write_text(
            _lane_toml(
                folder, broker_port, api_port, token, language, say, scale.path, printer_port
            ),
            "utf-8",
        )
        scratch = Path(stack.enter_context(TemporaryDirectory(dir=folder)))
        bridge = _child(stack, "bridge", "cloud_bridge.cli", folder, scratch)
        lane = _child(stack, "lane", "agent.cli", folder, scratch)
        pos = stack.enter_context(closing(Pos(api_port, token)))
        _wait_until_ready(pos, (lane, bridge))
        screen = stack.enter_context(following(Screen(api_port, token)))
        devices = Devices(scanner, keypad, scale)
        yield Shop(folder, broker, lane, bridge, printer, devices, screen, pos)


def _keyboard(stack: ExitStack, path: Path) -> FifoOutput:
    stack.callback(path.unlink, missing_ok=True)
    return stack.enter_context(closing(FifoOutput(str(path))))


def _child(stack: ExitStack, name: str, module: str, folder: Path, scratch: Path) -> Child:
    arguments = ["run", "--config", str(folder / f"{name}.toml")]
    child = Child(name, module, arguments, folder / f"{name}.log", scratch)
    stack.callback(child.kill)  # whatever happens; a child that was stopped before is left alone
    child.start()
    return child


def _wait_until_ready(pos: Pos, children: tuple[Child, ...]) -> None:
    """Until the lane answers and each of its devices is up. Raises DemoFailed."""
    deadline = time.monotonic() + READY_S
    devices: list[dict[str, str]] = []
    pause = Event()
    while not devices or any(device["state"] != "up" for device in devices):
        for child in children:
            child.check()
        if time.monotonic() > deadline:
            args: dict[str, str | int] = {"limit": int(READY_S), "devices": str(devices)}
            raise DemoFailed(Text("The lane is not ready after {limit} s: {devices}", args))
        pause.wait(LOOK_S)
        try:
            devices = pos.lane()["devices"]
        except OSError:
            devices = []


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server((LOOPBACK, 0))) for _ in range(count)]
        return [s.getsockname()[1] for s in sockets]


# --- the two configuration files -----------------------------------------------------------------


def _bridge_toml(broker_port: int, language: str) -> str:
    return f"""\
[mqtt]
host = "{LOOPBACK}"
port = {broker_port}

[ledger]
path = "ledger.sqlite3"
chart = "{CHARTS.get(language, "ifrs")}"
currency = "{baskets.CURRENCY}"

[items]
cost_file = "costs.csv"
"""


def _lane_toml(
    folder: Path,
    broker_port: int,
    api_port: int,
    token: str,
    language: str,
    say: Callable[[Text], str],
    scale_path: str,
    printer_port: int,
) -> str:
    def quoted(text: str | Path) -> str:
        return json.dumps(str(text), ensure_ascii=False)

    return f"""\
[store]
org = "demo"
id = "store-1"
name = {quoted(say(Text("Lanetally demo store")))}
currency = "{baskets.CURRENCY}"
minor_digits = {baskets.MINOR_DIGITS}
language = "{language}"
tax_rate_bp = {TAX_RATE_BP}

[lane]
id = "lane-1"
data_dir = {quoted(folder / "lane")}

[items]
file = {quoted(folder / "items.csv")}

[api]
host = "{LOOPBACK}"
port = {api_port}

[[api.client]]
name = "pos"
token = "{token}"

[mqtt]
host = "{LOOPBACK}"
port = {broker_port}

[receipt]
footer = [{quoted(say(Text("Thank you")))}]

[[device]]
role = "scanner"
kind = "scanner"
model = "hid-wedge"
path = {quoted(folder / "scanner")}

[[device]]
role = "keypad"
kind = "keypad"
model = "hid-numeric"
path = {quoted(folder / "keypad")}

[[device]]
role = "scale"
kind = "scale"
model = "toledo-8217"
path = {quoted(scale_path)}

[[device]]
role = "printer"
kind = "printer"
model = "escpos"
transport = "tcp"
host = "{LOOPBACK}"
port = {printer_port}
"""
