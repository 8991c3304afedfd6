"""`run_lane` ends with 0 when it is told to, and with 1 when its core is down for good."""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
from pathlib import Path

import pytest
from biip.gs1_prefixes import GS1CompanyPrefix

from agent.api.server import keep_serving
from agent.cli import run
from agent.config import load
from agent.core import Core
from agent.domain.gs1 import read_label
from agent.domain.gtin import TradeItem
from agent.journal import JournalUnsafe
from agent.supervisor import BUDGET_RESTARTS


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setattr("agent.cli.run.WATCH_S", 0.01)
    monkeypatch.setattr("agent.supervisor.BACKOFF_S", (0.0,))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file = tmp_path / "lane.toml"
    file.write_text(
        f"""
[store]
org = "acme"
id = "s1"
name = "Shop"
currency = "CNY"
tax_rate_bp = 900
[lane]
id = "lane-1"
data_dir = "{tmp_path / "data"}"
[mqtt]
enabled = false
[api]
port = {port}
[[api.client]]
name = "pos"
token = "pos-token-0123456"
""",
        encoding="utf-8",
    )
    return load(file)


def test_a_lane_whose_core_is_down_for_good_ends_to_be_started_anew(config, monkeypatch, caplog):
    turns = []

    def broken(core, stop):
        turns.append(core)
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Core, "run", broken)

    assert run.run_lane(config, threading.Event()) == 1

    assert len(turns) == BUDGET_RESTARTS
    assert "the core is down for good" in caplog.text


def test_a_core_that_stumbled_once_does_not_end_the_lane(config, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    stop, whole, turns = threading.Event(), Core.run, []

    def stumbling(core, stopping):
        turns.append(core)
        if len(turns) == 1:
            raise ZeroDivisionError("a bug")
        stop.set()
        whole(core, stopping)

    monkeypatch.setattr(Core, "run", stumbling)

    assert run.run_lane(config, stop) == 0

    assert len(turns) == 2
    assert "down for good" not in caplog.text


def test_labels_are_read_as_before_when_start_up_has_given_its_memory_back():
    run.give_back_memory()

    assert GS1CompanyPrefix.extract("7044610873466") is None, "6 MB are held for nobody"
    assert read_label(b"7044610873466", "]E0") == TradeItem("07044610873466", "GTIN-13")
    assert read_label(b"0107044610873466", "]C1") == TradeItem("07044610873466", "GTIN-13")


def test_a_second_daemon_on_a_journal_is_refused_and_leaves_the_reserve_alone(config):
    stop = threading.Event()
    first = threading.Thread(target=run.run_lane, args=(config, stop))
    first.start()
    ballast = Path(config.lane.data_dir) / "ballast"
    until = time.monotonic() + 10
    while not ballast.exists() and time.monotonic() < until:
        time.sleep(0.01)

    with pytest.raises(JournalUnsafe, match="another process"):
        run.run_lane(config, threading.Event())

    held = ballast.exists()
    stop.set()
    first.join(20)
    assert held


def test_an_address_in_use_is_waited_for_and_said_once(caplog, monkeypatch):
    monkeypatch.setattr("agent.api.server.RETRY_S", 0.01)
    stop = threading.Event()
    tries = []

    def serves(_stop):
        tries.append(1)
        if len(tries) < 4:
            raise OSError(errno.EADDRINUSE, "cannot listen on 127.0.0.1 port 1: in use")

    keep_serving(serves, stop)

    assert len(tries) == 4
    assert caplog.text.count("cannot listen on 127.0.0.1 port 1: in use") == 1
    assert "Traceback" not in caplog.text
