"""A real lane whose disk is set back: what it writes then is not taken for what head office has."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import closing

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from agent.journal import JournalReader
from cloud_bridge.cli import main
from tests.broker_kit import MOSQUITTO, wait_for
from tests.site_kit import Site

pytestmark = pytest.mark.skipif(
    not MOSQUITTO.exists() and not os.environ.get("CI"), reason="mosquitto is not installed"
)


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.close()


@pytest.fixture
def alerts(site):
    """What head office is told at once, by kind."""
    heard = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_connect = lambda c, *_: c.subscribe("edge/v1/acme/s1/lane-1/alert", qos=1)
    client.on_message = lambda _c, _u, message: heard.append(json.loads(message.payload)["kind"])
    client.connect("127.0.0.1", site.broker.port)
    client.loop_start()
    yield heard
    client.disconnect()
    client.loop_stop()


def tell(site, *names):
    """Totals that no basket is open for: each is a fact."""
    for name in names:
        body = {"total_id": name, "item_count": 1, "amount_minor": 100}
        assert site.post("/v1/settlements", body) == 409


def facts(site):
    with closing(JournalReader(site.journal)) as reader:
        return reader.epoch, list(reader.rows()), reader.recoveries(), reader.formers()


def test_a_lane_whose_disk_is_set_back_goes_on_under_a_new_epoch(site, alerts, capsys):
    tell(site, "A1")
    wait_for(site.acknowledged, "all is at head office")
    site.lane.end()
    image = site.folder / "image"
    shutil.copytree(site.journal.parent, image)
    site.lane.start()
    site.wait_for_lane()
    tell(site, "B1", "B2", "B3", "B4")
    wait_for(site.acknowledged, "all is at head office")
    site.lane.end()
    epoch, before, _, _ = facts(site)

    shutil.rmtree(site.journal.parent)
    shutil.copytree(image, site.journal.parent)
    site.lane.start()
    # not by looking into the journal: between two names there is none for a moment
    wait_for(lambda: "journal_recovered" in alerts, "head office is told at once")
    assert facts(site)[0] != epoch, "it goes on under a new epoch"
    site.wait_for_lane()
    tell(site, "C1")
    wait_for(site.acknowledged, "all is at head office")

    own, after, (told,), (former,) = facts(site)
    assert (told.cause, told.former_epoch, told.lost_count) == ("set_back", epoch, 0)
    assert (former.last_seq, former.acked_seq) == (told.former_last_seq, former.last_seq)
    assert former.last_seq < len(before)
    assert [row.type for row in after].count("LaneStarted") == 2, "of the run that saw it, too"
    capsys.readouterr()
    assert main(["status", "--json", "--config", str(site.bridge_file)]) == 0
    status = json.loads(capsys.readouterr().out)
    lanes = {lane["epoch"]: lane["hw"] for lane in status["lanes"]}
    assert lanes == {epoch: len(before), own: len(after)}
    assert status["quarantined"] == 0, "head office was asked before anything was sent"
