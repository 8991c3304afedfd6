"""A lane that is away when head office asks for something does it when it is back, once."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import closing

import pytest

from agent.domain.facts import CommandAnswered
from agent.journal import JournalReader
from agent.wire import decode_body
from cloud_bridge.cli import main
from tests.broker_kit import MOSQUITTO, wait_for
from tests.site_kit import LANE, Site

pytestmark = pytest.mark.skipif(
    not MOSQUITTO.exists() and not os.environ.get("CI"), reason="mosquitto is not installed"
)


@pytest.fixture(params=["5", "3.1.1"])
def site(request, tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    site = Site(tmp_path, request.param)
    yield site
    site.close()


def ask(capsys, site, *words):
    capsys.readouterr()
    code = main(["command", LANE, *words, "--config", str(site.bridge_file), "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else None


def answered(site):
    with closing(JournalReader(site.journal)) as reader:
        rows = [row for row in reader.rows() if row.type == CommandAnswered.type]
    return [decode_body(row.type, row.version, row.body).command_id for row in rows]


def test_a_lane_that_was_away_does_once_what_is_still_valid(capsys, site, tmp_path):
    wait_for(site.acknowledged, "the broker knows the lane")
    site.lane.end(signal.SIGKILL)
    items = tmp_path / "items.csv"
    items.write_text("gtin,description,category,price_minor\n6901234567892,Milk,dairy,350\n")
    command = ("items", str(items), "--id", "q1", "--timeout", "3", "--valid", "600")
    code, told = ask(capsys, site, *command)
    assert (code, told["id"], told["status"]) == (0, "q1", "waiting")
    assert "Ask again with --id q1" in told["detail"]
    code, told = ask(capsys, site, "reprint", "R-1", "--id", "late", "--timeout", "1")
    assert (code, told) == (1, None)
    time.sleep(1)  # it is not valid any more

    site.lane.start()
    site.wait_for_lane()
    wait_for(lambda: answered(site), "it was carried out")
    code, told = ask(capsys, site, *command)
    assert (code, told["status"], told["detail"]) == (0, "done", "1 items changed, 0 gone")
    site.lane.end(signal.SIGKILL)
    site.lane.start()
    site.wait_for_lane()
    wait_for(site.acknowledged, "all is at head office")
    assert answered(site) == ["q1"], "once, and nothing that came too late"
