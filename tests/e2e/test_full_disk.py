"""A whole agent on a file system that really fills up: its reserve, its memory, its way back."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.ballast import BALLAST_BYTES, SHARE_OF_FREE

SIZE = BALLAST_BYTES * (SHARE_OF_FREE + 1)
LANETALLY = "import sys; from agent.cli import main; sys.exit(main(sys.argv[1:]))"
TOKEN = "pos-token-0123456"


@pytest.fixture
def disk(tmp_path):
    """A small file system of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system may be mounted here: a full disk was not tried")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def port(tmp_path, disk):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "lane.toml").write_text(
        f"""
[store]
org = "acme"
id = "s1"
name = "Shop"
currency = "CNY"
tax_rate_bp = 900
[lane]
id = "lane-1"
data_dir = "{disk / "lane"}"
[mqtt]
enabled = false
[api]
port = {port}
[[api.client]]
name = "pos"
token = "{TOKEN}"
""",
        encoding="utf-8",
    )
    return port


@pytest.fixture
def start(tmp_path, port):
    """Start the agent and wait until it answers; ended with the test."""
    running = []

    def started():
        command = [sys.executable, "-c", LANETALLY, "run", "--config", tmp_path / "lane.toml"]
        with (tmp_path / "words.log").open("ab") as words:
            running.append(subprocess.Popen(command, stdout=words, stderr=words))
        assert within(10, lambda: health(port)), (tmp_path / "words.log").read_text()
        return running[-1]

    yield started
    for process in running:
        process.terminate()
        process.wait(10)


def within(seconds, true):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if true():
                return True
        time.sleep(0.05)
    return False


def ask(port, method, path, body=None, timeout=5.0):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def health(port):
    return ask(port, "GET", "/v1/health")[1]["status"]


def settle(port, total_id, timeout=5.0):
    """A total for no open transaction: it is rejected, and that it came is a fact."""
    return ask(
        port,
        "POST",
        "/v1/settlements",
        json.dumps({"total_id": total_id, "item_count": 1}),
        timeout,
    )


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("ab") as file:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
                    file.flush()
    return filler


def test_a_full_disk_costs_the_reserve_then_promises_wait_then_all_is_well(disk, port, start):
    ballast = disk / "lane" / "ballast"
    start()
    assert ballast.stat().st_size == BALLAST_BYTES

    fill(disk)
    for number in range(40):  # until what SQLite had in hand is used up
        assert settle(port, f"first-{number}")[0] == 409
    assert not ballast.exists()
    assert health(port) == "ok"

    filler = fill(disk)
    waits = False
    for number in range(400):
        try:
            settle(port, f"second-{number}", timeout=1.5)
        except TimeoutError:
            waits = True
            break
    assert waits
    assert health(port) == "degraded"

    filler.unlink()
    assert within(5, lambda: health(port) == "ok")
    assert settle(port, "third")[0] == 409


def test_a_start_on_a_full_disk_takes_the_reserve_and_is_ready(disk, port, start):
    start().terminate()
    assert within(5, lambda: not (disk / "lane" / "journal.db-wal").exists())
    fill(disk)

    start()

    assert health(port) == "ok"
    assert settle(port, "T1")[0] == 409
