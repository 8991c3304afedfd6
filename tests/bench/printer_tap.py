"""The printer tap: what it adds to a byte's way, and receipts of a foreign encoder read through it.

The same receipts go to the same printer in turns, straight and through a whole running lane that
reads them meanwhile: each piece is followed by a status question, and its answer is awaited, so
that the time holds both directions. The printer here is only a socket that answers.

Then 10,000 receipts (500 with --quick) are made by npm's @point-of-sale/receipt-printer-encoder,
which nobody here wrote, and read; without node and npm that figure says so and is left out.
"""

from __future__ import annotations

import base64
import json
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.totals.codec_receipt import Characters
from agent.totals.reading import Origin, Reading, read_by_any
from agent.totals.rule import load, shipped
from agent.totals.samples import receipts_in
from drivers.printer.codec_tokens import Tokenizer
from tests.bench.rig import ROOT, free_port, percentile, process, wait_for_port

ENCODER = "@point-of-sale/receipt-printer-encoder@4.0.1"
PAUSE_S_MAX = 0.06
STATUS = b"\x10\x04\x01"
PIECE_LINES = 8
SEED = 20261122


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    return [*_latency(folder, 100 if quick else 600), *_foreign(folder, 500 if quick else 10_000)]


# --- latency -----------------------------------------------------------------------------------


def _latency(folder: Path, rounds: int) -> list[dict[str, str]]:
    with _printer() as printer_port, _lane(folder, printer_port) as tap_port:
        ways = {"direct": printer_port, "tap": tap_port}
        times_ms: dict[str, list[float]] = {way: [] for way in ways}
        dice = random.Random(SEED)
        for _ in range(rounds):
            receipt = _receipt(dice)
            for way in dice.sample(sorted(ways), 2):
                times_ms[way] += _printed(ways[way], receipt)
                time.sleep(dice.random() * PAUSE_S_MAX)  # so that the lane is often reading
    figures = []
    for name, part in (("p50", 0.5), ("p99", 0.99)):
        direct, tapped = (percentile(times_ms[way], part) for way in ("direct", "tap"))
        figures.append(
            {
                "figure": f"printer tap: latency added, {name}",
                "ours": f"{tapped - direct:.2f} ms",
                "yardstick": f"{direct:.2f} ms straight, {tapped:.2f} ms tapped",
                "ratio": f"{tapped / direct:.2f}",
                "target": "≤ 2 ms (p99)",
                "how": f"{len(times_ms['tap'])} pieces and their status answers, both ways, TCP",
            }
        )
    return figures


@contextmanager
def _printer() -> Iterator[int]:
    """Answers each status question of each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


def _serve(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tail = b""
        while data := connection.recv(65536):
            tail = (tail + data)[-len(STATUS) :]
            if tail == STATUS:
                connection.sendall(b"\x12")


@contextmanager
def _lane(folder: Path, printer_port: int) -> Iterator[int]:
    tap_port = free_port()
    config = folder / "lane.toml"
    config.write_text(
        f'[store]\norg = "acme"\nid = "s1"\nname = "Shop"\n[lane]\nid = "lane-1"\n'
        f'data_dir = "{folder}/data"\n[mqtt]\nenabled = false\n'
        f'[api]\nport = {free_port()}\n[[api.client]]\nname = "pos"\ntoken = "pos-0123456789abcd"\n'
        f"[totals.printer_tap]\nenabled = true\nlisten_port = {tap_port}\n"
        f'printer_host = "127.0.0.1"\nprinter_port = {printer_port}\nrules = ["columns"]\n'
    )
    start = "from agent.cli import main; raise SystemExit(main())"
    command = [sys.executable, "-c", start, "run", "--config", str(config)]
    with process(command, folder / "lane.log"):
        wait_for_port(tap_port)
        yield tap_port


def _receipt(dice: random.Random) -> list[bytes]:
    """In pieces that end where a printer may be asked: a logo, then some lines each."""
    rows = [(f"Article {n}", dice.randint(50, 4000)) for n in range(dice.randint(3, 40))]
    total = sum(minor for _, minor in rows)
    lines = [f"{name:24} 1 {m / 100:9.2f} {m / 100:9.2f}\n" for name, m in rows]
    lines += [f"TOTAL {total / 100:.2f}\n", f"CASH {total / 100:.2f}\n"]
    image = b"\x1b@\x1dv0\x00\x20\x00\x40\x00" + dice.randbytes(32 * 64)
    texts = ["".join(lines[n : n + PIECE_LINES]) for n in range(0, len(lines), PIECE_LINES)]
    return [image, *(text.encode() for text in texts), b"\x1dV\x00"]


def _printed(port: int, receipt: list[bytes]) -> list[float]:
    times_ms = []
    with socket.create_connection(("127.0.0.1", port)) as pos:
        pos.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in receipt:
            began = time.perf_counter_ns()
            pos.sendall(piece + STATUS)
            pos.recv(1)
            times_ms.append((time.perf_counter_ns() - began) / 1e6)
    return times_ms[1:]  # the first holds the call itself


# --- foreign receipts ----------------------------------------------------------------------------


def _foreign(folder: Path, count: int) -> list[dict[str, str]]:
    if not (shutil.which("node") and shutil.which("npm")):
        print("node and npm are not here: no receipts by a foreign encoder are made")
        return []
    shutil.copy(ROOT / "tests" / "foreign" / "receipts.mjs", folder)
    quiet = ["--no-audit", "--no-fund", "--silent"]
    subprocess.run(["npm", "install", *quiet, ENCODER], cwd=folder, check=True)
    made = subprocess.run(
        ["node", "receipts.mjs", str(count), str(SEED)], cwd=folder, check=True, capture_output=True
    ).stdout.splitlines()
    rules = {name: load(name) for name in shipped()}
    right = wrong = unread = 0
    began = time.process_time()
    for line in made:
        row = json.loads(line)
        (lines,) = receipts_in(base64.b64decode(row["bytes"]), Characters(), Tokenizer)
        result = read_by_any([rules[row["layout"]]], lines, 2, Origin("printer_tap", "bench"))
        if not isinstance(result, Reading):
            unread += 1
        elif _same(result.total, row["total"]):
            right += 1
        else:
            wrong += 1
    took_ms = (time.process_time() - began) * 1000
    return [
        {
            "figure": "printer tap: wrong totals",
            "ours": f"{wrong} wrong, {unread} unread",
            "yardstick": f"{count} receipts",
            "ratio": f"{right / count:.4f}",
            "target": "0 wrong",
            "how": f"{ENCODER}, seed {SEED}; {took_ms / count:.1f} ms each",
        }
    ]


def _same(total: object, expected: dict[str, object]) -> bool:
    told = json.loads(json.dumps(total, default=_plain))
    lines = told["lines"] and [
        {
            "gtin": line["gtin"][1:],
            "quantity_milli": line["quantity_milli"],
            "weight_g": line["weight_g"],
        }
        for line in told["lines"]
    ]
    return expected == {key: told[key] for key in expected} | {"lines": lines}


def _plain(value: object) -> object:
    from dataclasses import asdict

    return asdict(value)  # type: ignore[call-overload]  # only dataclasses come here
