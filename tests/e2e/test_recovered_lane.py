"""A real lane starts on a damaged journal: it sells at once, says so, and sends what it had."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import closing

import pytest

from agent.cli import run
from agent.config import load
from agent.former import unsent
from agent.journal import Journal, JournalReader
from agent.wire import Ack, LaneAddress
from tests.broker_kit import Iotcore, Listener, wait_for
from tests.lane_kit import STARTED, append, sale

ADDRESS = LaneAddress("acme", "s1", "lane-1")


@pytest.fixture
def broker(tmp_path):
    started = Iotcore(tmp_path)
    yield started
    started.stop()


@pytest.fixture
def config(tmp_path, broker, monkeypatch):
    monkeypatch.setattr("agent.cli.run.WATCH_S", 0.01)
    monkeypatch.setattr("agent.former.TURN_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    file = tmp_path / "lane.toml"
    file.write_text(
        f"""
[store]
org = "acme"
id = "s1"
name = "Shop"
[lane]
id = "lane-1"
data_dir = "{tmp_path / "data"}"
[mqtt]
port = {broker.port}
[api]
port = {port}
[[api.client]]
name = "pos"
token = "pos-token-0123456"
""",
        encoding="utf-8",
    )
    return load(file)


def keep_sales(path):
    with Journal(path) as journal:
        append(journal, [STARTED])
        state = journal.lane_state()
        for number in range(40):
            step = sale(f"T{number}", state)
            append(journal, step.facts, acked_seq=50)
            state = step.state
        return journal.epoch, journal.last_seq


def test_what_a_damaged_journal_had_is_sent_beside_the_new_sales(config, broker, tmp_path, caplog):
    path = tmp_path / "data" / "journal.db"
    epoch, last = keep_sales(path)
    path.write_bytes(bytes(100) + path.read_bytes()[100:])
    bridge = Listener(broker.port, ADDRESS)
    hw = {epoch: 70}  # the lane heard of 50 of them

    def judge(first, end):
        known = hw.get(bridge.epoch, 0)
        hw[bridge.epoch] = max(known, end if first <= known + 1 else known)
        return [Ack(bridge.epoch, hw[bridge.epoch], hw[bridge.epoch] < first - 1)]

    bridge.judge = judge
    stop = threading.Event()
    codes = []
    lane = threading.Thread(target=lambda: codes.append(run.run_lane(config, stop)))
    lane.start()
    alerts = lambda: [json.loads(body) for leaf, body, _ in bridge.other if leaf == "alert"]  # noqa: E731  read where it is asked
    try:
        wait_for(alerts, "head office is told")
        wait_for(lambda: hw.get(epoch) == last and len(hw) == 2, "both epochs are sent")
        wait_for(lambda: not unsent(path), "the lane knows that they are")
    finally:
        stop.set()
        lane.join()
        bridge.close()

    assert codes == [0]
    assert [alert["kind"] for alert in alerts()] == ["journal_recovered"]
    assert alerts()[0]["body"]["cause"] == "damaged"
    assert bridge.broken == []
    assert (51, 51) in bridge.batches  # it asked how far they were …
    assert (52, 70) not in bridge.batches  # … and sent none again that was there
    assert "The journal was damaged and begun anew: 0 facts lost" in caplog.text
    with closing(JournalReader(path)) as reader:
        types = [row.type for row in reader.rows()]
        roles = [row.body for row in reader.rows() if row.type == "DeviceLost"]
        (former,) = reader.formers()
        assert (former.epoch, former.acked_seq) == (epoch, last)
    assert types[0] == "JournalRecovered"
    assert "LaneStarted" in types
    assert any(b'"role":"journal"' in body for body in roles)  # so that head office sees it too
