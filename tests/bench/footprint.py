"""Resident memory and start of the whole agent, all devices open, beside the bare imports."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import msgspec

from agent.domain.totals import CashierTotal
from drivers.hid.sim import FifoOutput
from drivers.printer.sim import VirtualPrinter, tcp_printer
from drivers.scale.sim import SimulatedScale
from drivers.scanner.sim import Wedge
from tests.bench.rig import (
    aim_identifier,
    baskets,
    free_port,
    items,
    mosquitto,
    process,
    resident_mb,
    total,
    wait_for,
)

#: What the agent needs of other people's code when every device of the spine is open. numpy is kept
#: out as the agent keeps it out (agent/schema.py).
IMPORTS = """
import sys; sys.modules["numpy"] = None
import sqlite_utils; del sys.modules["numpy"]
import asyncio, csv, gettext, h11, logging, sqlite3, ssl, tomllib
import biip, escpos.printer, evdev, msgspec, paho.mqtt.client, serial, usb.core
print("imported", flush=True); sys.stdin.read()
"""
STARTS = 5
TOKEN = "bench-token-0123456789"


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    with ExitStack() as stack:
        port = stack.enter_context(mosquitto(folder))
        printer, api_port = VirtualPrinter(), free_port()
        config = _lane(folder, port, printer, api_port, stack)
        starts = [_start_s(folder, config) for _ in range(2 if quick else STARTS)]
        with _agent(folder, config) as child:
            output = FifoOutput(str(folder / "scanner"))
            for number, basket in enumerate(baskets(20)):  # memory after work, not before
                pieces = [line.gtin for line in basket for _ in range(line.quantity)]
                for gtin in pieces:
                    output.send(Wedge().reports(gtin.encode(), aim_identifier(gtin)))
                wait_for(partial(_lane_shows, api_port, len(pieces)), "lane shows all pieces")
                _settle(api_port, total(f"bench-{number}", basket))
            wait_for(lambda: len(printer.receipts) == 20, "twenty receipts are printed")
            ours = resident_mb(child.pid)
            output.close()
    bare = _bare_mb()
    started = sorted(starts)[len(starts) // 2]
    return [
        {
            "figure": "resident memory of the agent",
            "ours": f"{ours:.1f} MB",
            "yardstick": f"{bare:.1f} MB",
            "ratio": f"{ours / bare:.2f}",
            "target": "≤ 64 MB, ≤ 1.15",
            "how": "VmRSS, all devices open, after 20 baskets and receipts / the same libraries",
        },
        {
            "figure": "start to ready",
            "ours": f"{started:.2f} s",
            "yardstick": "",
            "ratio": "",
            "target": "≤ 1.5 s",
            "how": f"exec to READY=1 on NOTIFY_SOCKET, median of {len(starts)}",
        },
    ]


def _lane_shows(api_port: int, pieces: int) -> bool:
    return bool(json.loads(_request(api_port, "GET", "/v1/lane", b""))["item_count"] == pieces)


def _settle(api_port: int, charged: CashierTotal) -> None:
    body = {k: v for k, v in msgspec.to_builtins(charged).items() if k != "source"}
    _request(api_port, "POST", "/v1/settlements", msgspec.json.encode(body))


def _request(api_port: int, method: str, path: str, body: bytes) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", api_port, timeout=10)
    connection.request(method, path, body, {"Authorization": f"Bearer {TOKEN}"})
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    assert response.status < 300, answer
    return answer


def _lane(
    folder: Path, broker_port: int, printer: VirtualPrinter, api_port: int, stack: ExitStack
) -> Path:
    """A configuration with every kind of device, each one's simulator running."""
    for name in ("scanner", "keypad"):
        stack.callback(FifoOutput(str(folder / name)).close)
    scale, stop = SimulatedScale(), threading.Event()
    served = threading.Thread(target=scale.serve, args=(stop,))
    served.start()
    stack.callback(served.join)
    stack.callback(stop.set)
    _, printer_port = stack.enter_context(tcp_printer(printer))
    rows = [f"{i.gtin},{i.description},{i.category},{i.price_minor}\n" for i in items(baskets(300))]
    (folder / "items.csv").write_text("gtin,description,category,price_minor\n" + "".join(rows))
    config = folder / "lane.toml"
    config.write_text(f"""
[store]
org = "bench"
id = "store"
name = "Bench"
[lane]
id = "lane-1"
data_dir = "{folder}/data"
[items]
file = "{folder}/items.csv"
[api]
port = {api_port}
[[api.client]]
name = "pos"
token = "{TOKEN}"
[mqtt]
port = {broker_port}
[[device]]
role = "scanner"
kind = "scanner"
model = "hid-wedge"
path = "{folder}/scanner"
[[device]]
role = "keypad"
kind = "keypad"
model = "hid-numeric"
path = "{folder}/keypad"
[[device]]
role = "scale"
kind = "scale"
model = "toledo-8217"
path = "{scale.path}"
[[device]]
role = "printer"
kind = "printer"
model = "escpos"
transport = "tcp"
host = "127.0.0.1"
port = {printer_port}
""")
    return config


def _command(config: Path) -> list[str]:
    start = "from agent.cli import main; raise SystemExit(main())"
    return [sys.executable, "-c", start, "run", "--config", str(config)]


@contextmanager
def _agent(folder: Path, config: Path) -> Iterator[subprocess.Popen[bytes]]:
    log = folder / "agent.log"
    with process(_command(config), log) as child:
        wait_for(lambda: b"is ready" in log.read_bytes(), "agent is ready")
        yield child


def _start_s(folder: Path, config: Path) -> float:
    """From exec to the datagram that tells systemd."""
    path = folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(10)
        began = time.monotonic()
        child = subprocess.Popen(
            _command(config),
            env=os.environ | {"NOTIFY_SOCKET": str(path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while b"READY=1" not in notify.recv(256):
            pass
        took = time.monotonic() - began
        child.send_signal(signal.SIGTERM)
        child.wait(15)
    path.unlink()
    return took


def _bare_mb() -> float:
    with subprocess.Popen(
        [sys.executable, "-c", IMPORTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        return resident_mb(child.pid)
