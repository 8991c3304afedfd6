"""A real lane, a real broker and a real bridge: what head office asks for, desires and compares."""

from __future__ import annotations

import json
import os
import signal

import pytest

from agent.commands import ReprintArgs
from agent.mqtt_settings import MqttSettings
from agent.wire import LaneAddress
from cloud_bridge.calls import Caller
from cloud_bridge.cli import main
from tests.broker_kit import MOSQUITTO, wait_for
from tests.site_kit import LANE, TOKEN, Site

pytestmark = pytest.mark.skipif(
    not MOSQUITTO.exists() and not os.environ.get("CI"), reason="mosquitto is not installed"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site"))
    yield site
    site.close()


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def bridge(capsys, site, *words):
    """Exit code and answer of a bridge's command, as a program gets it."""
    capsys.readouterr()
    code = main([*map(str, words), "--config", str(site.bridge_file), "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else None


def command(capsys, site, *words):
    return bridge(capsys, site, "command", LANE, *words, "--by", "li", "--timeout", "20")


def test_facts_are_sent_again_on_demand(capsys, site):
    wait_for(site.acknowledged, "all is at head office")
    code, answer = command(capsys, site, "resend", 1, 1)
    assert (code, answer["status"], answer["detail"]) == (0, "done", "1 facts")
    code, answer = command(capsys, site, "resend", 5, 4)
    assert (code, answer["code"]) == (1, "arguments")


def test_an_unknown_receipt_is_refused(capsys, site):
    code, answer = command(capsys, site, "reprint", "R-1")
    assert (code, answer["code"]) == (1, "unknown_receipt")


def test_a_command_is_carried_out_once_whoever_is_killed_between(site):
    address = LaneAddress("acme", "s1", "lane-1")
    caller = Caller(MqttSettings(port=site.broker.port), address, 20, "li")
    first = caller.command("reprint", ReprintArgs("R-2"), "once")
    site.lane.end(signal.SIGKILL)
    site.lane.start()
    site.wait_for_lane()
    again = caller.command("reprint", ReprintArgs("R-3"), "once")
    assert again == first, "the same id gets the same answer, whatever it asks"


def test_items_are_changed_from_afar(capsys, site, tmp_path):
    file = tmp_path / "items.csv"
    header = "gtin,description,category,price_minor"
    file.write_text(f"{header}\n6901234567892,Milk,dairy,350\n")
    code, answer = command(capsys, site, "items", file)
    assert (code, answer["detail"]) == (0, "1 items changed, 0 gone")
    file.write_text(f"{header}\n6901234567891,Milk,dairy,350\n")
    code, answer = command(capsys, site, "items", file)
    assert (code, answer["code"]) == (1, "arguments")
    assert "is no GTIN" in answer["detail"]


def test_a_bundle_tells_how_the_lane_is_and_no_secret(capsys, site, tmp_path):
    out = tmp_path / "bundle.json"
    words = ("bundle", "--out", out, "--config", site.bridge_file)
    assert main(["command", LANE, *map(str, words)]) == 0
    bundle = json.loads(out.read_text("utf-8"))
    assert bundle["journal"]["epoch"]
    assert any(line for line in bundle["log"] if "is ready" in line)
    assert TOKEN not in out.read_text("utf-8")
    assert "lane-1" in bundle["config"]


def test_a_lane_that_is_not_there_gives_no_answer(capsys, site):
    words = ("bundle", "--timeout", "1", "--config", str(site.bridge_file))
    assert main(["command", "acme/s1/lane-9", *words]) == 1
    assert "acme/s1/lane-9 gave no answer in 1 s" in capsys.readouterr().err


def test_a_desired_configuration_is_applied_kept_and_refused_with_each_error(
    capsys, site, tmp_path
):
    wish = tmp_path / "wish.toml"
    wish.write_text('[store]\nlanguage = "zh_CN"\n[receipt]\nfooter = ["谢谢惠顾"]\n', "utf-8")
    assert site.refusal().isascii()
    code, report = bridge(capsys, site, "desire", LANE, wish)
    assert (code, report["status"], report["errors"]) == (0, "applied", [])
    good = report["applied"]
    site.wait_for_lane()

    wish.write_text('[store]\nlanguage = "tlh"\ntax_rate_bp = -1\n', "utf-8")
    code, report = bridge(capsys, site, "desire", LANE, wish)
    assert (code, report["status"], report["applied"]) == (1, "refused", good)
    assert [error["key"] for error in report["errors"]] == ["store.language", "store.tax_rate_bp"]

    wish.write_text('[mqtt]\nhost = "elsewhere"\n', "utf-8")
    code, report = bridge(capsys, site, "desire", LANE, wish)
    assert (report["status"], report["errors"][0]["key"]) == ("refused", "mqtt.host")

    assert site.lane.end() == 0
    site.lane.start()
    site.wait_for_lane()
    assert not site.refusal().isascii(), "it speaks Chinese still"

    def refused() -> bool:
        """It says first what holds, and then hears once more what is desired."""
        report = bridge(capsys, site, "desire", LANE)[1]
        return (report["status"], report["applied"]) == ("refused", good)

    wait_for(refused, "the wish is refused in its next life too")


def test_both_workers_and_the_lane_end_in_the_same_books(capsys, site):
    wait_for(site.acknowledged, "all is at head office")
    code, status = bridge(capsys, site, "status")
    assert (code, status["quarantined"], status["duplicates"]) == (0, 0, 0)
    code, days = bridge(capsys, site, "days")
    assert (code, days) == (0, {"days": []})
