"""What somebody mistypes is said in a sentence, and nothing is done."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from agent.mqtt import Incoming
from cloud_bridge import calls
from cloud_bridge.cli import main

LANE = ("command", "acme/s1/lane-1")


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture
def files(tmp_path):
    (tmp_path / "bridge.toml").write_text('[ledger]\npath = "ledger.sqlite3"\n')
    (tmp_path / "broken.toml").write_text("[receipt\n")
    (tmp_path / "photo.csv").write_bytes(b"\xff\xd8\xff")
    return tmp_path


TODAY = datetime.now().astimezone().date()
TOMORROW = (TODAY + timedelta(days=1)).isoformat()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("quarantine", "show", "first"), "first is no number from 1 on"),
        (("quarantine", "show", "0"), "0 is no number from 1 on"),
        (("quarantine", "show", "9" * 30), "allowed: 1…9223372036854775807"),
        (("quarantine", "retry", "9" * 30, "--why", "x"), "allowed: 1…9223372036854775807"),
        (("quarantine", "discard", "1", "--why", "  "), "nothing is said"),
        (("lock", TOMORROW), f"{TOMORROW} has not come yet"),
        (("lock", "9999-12-31"), "9999-12-31 has not come yet"),
        ((*LANE, "resend", "0", "5"), "0 is no number from 1 on"),
        ((*LANE, "bundle", "--timeout", "-4"), "-4 is no number from 1 on"),
        ((*LANE, "bundle", "--valid", "9" * 12), "allowed: 0…1000000000"),
        ((*LANE, "reprint", "R1", "--id", "a b"), "a b is no id"),
        ((*LANE, "items", "{here}/none.csv"), "none.csv: cannot be read: No such file"),
        ((*LANE, "items", "{here}/photo.csv"), "photo.csv: cannot be read"),
        (("command", "acme", "bundle"), "acme is no lane: ORG/STORE/LANE is meant"),
        (("command", "a/b/c/d", "bundle"), "a/b/c/d is no lane"),
        (("desire", "acme/s1/lane+"), "acme/s1/lane+ is no lane"),
        (("desire", "acme/s1/lane-1", "{here}/none.toml"), "none.toml: cannot be read"),
        (("desire", "acme/s1/lane-1", "{here}/broken.toml"), "broken.toml: Expected ']'"),
    ],
)
def test_what_is_mistyped_is_said(capsys, files, words, said):
    filled = [word.replace("{here}", str(files)) for word in words]
    with pytest.raises(SystemExit) as ended:
        main([*filled, "--config", str(files / "bridge.toml")])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
    assert not (files / "ledger.sqlite3").exists()


def test_a_chinese_shell_is_told_in_chinese(capsys, files, monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    with pytest.raises(SystemExit):
        main(["lock", TOMORROW, "--config", str(files / "bridge.toml")])
    assert f"{TOMORROW} 还没有到" in capsys.readouterr().err


def test_a_bridge_of_several_organisations_asks_of_which_one_a_lane_is(capsys, files):
    assert main(["desire", "s1/lane-1", "--config", str(files / "bridge.toml")]) == 1
    assert "bridge.org: names no organisation: say ORG/STORE/LANE" in capsys.readouterr().err


def test_the_books_can_be_locked_up_to_today(capsys, files):
    bridge = ("--config", str(files / "bridge.toml"))
    (files / "costs.csv").write_text("gtin,unit_cost_minor,cost_per\n")
    assert main(["costs", "import", str(files / "costs.csv"), *bridge]) == 0
    assert main(["lock", TODAY.isoformat(), *bridge]) == 0


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"version": "1"}', b"\xff", b"[" * 9999])
def test_what_is_no_report_is_none(payload):
    assert calls._report(Incoming("edge/v1/a/b/c/reported", payload, 1, True, 1)) is None
