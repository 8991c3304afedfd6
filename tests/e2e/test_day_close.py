"""The day is closed by hand, over HTTP and from the shell: server, core and journal are real."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from agent.domain.facts import DayClosed
from tests.core_kit import durable_facts
from tests.screen_kit import MILK, TOKEN, ScreenLane

PIN = "2468"
PATH = "/v1/day/close"
CHARGED = {"item_count": 1, "amount_minor": 1250}


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[ScreenLane]:
    lane = ScreenLane(tmp_path)
    with lane.running(), lane.served():
        yield lane


def scanned(lane: ScreenLane) -> None:
    lane.scan(MILK)
    while not lane.core.snapshot().item_count:
        pass


def sell(lane: ScreenLane) -> None:
    scanned(lane)
    lane.settle(**CHARGED)


def closes(lane: ScreenLane) -> list[Any]:
    return [fact for fact in durable_facts(lane.journal.path) if isinstance(fact, DayClosed)]


def test_a_supervisor_closes_the_day_once(lane: ScreenLane) -> None:
    sell(lane)
    status, answer = lane.ask("POST", PATH, {"pin": PIN})
    (closed,) = closes(lane)
    assert (status, answer["already_closed"]) == (200, False)
    assert answer["days"] == [
        {"business_date": closed.business_date, "sales": 1, "sum_minor": 1250}
    ]
    assert closed.closed_by == "Li"
    status, answer = lane.ask("POST", PATH, {"pin": PIN})
    assert (status, answer["already_closed"], answer["days"]) == (200, True, [])
    assert closes(lane) == [closed]


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({}, (403, "supervisor_needed")),
        ({"pin": "1111"}, (403, "pin_wrong")),
        ({"colour": "red"}, (400, "value_invalid")),
        ({"pin": PIN}, (409, "nothing_sold")),
    ],
)
def test_why_it_is_not_closed(lane: ScreenLane, body: Any, refused: Any) -> None:
    status, answer = lane.ask("POST", PATH, body)
    assert (status, answer["code"]) == refused


def test_not_while_a_basket_is_open(lane: ScreenLane) -> None:
    scanned(lane)
    status, answer = lane.ask("POST", PATH, {"pin": PIN})
    assert (status, answer["code"]) == (409, "basket_open")


# --- from the shell ------------------------------------------------------------------------------


def configured(folder: Path, api: str) -> Path:
    file = folder / "lane.toml"
    file.write_text(
        '[store]\norg = "acme"\nid = "s1"\nname = "Shop"\n[lane]\nid = "lane-1"\n'
        f'data_dir = "{folder}"\n[api]\n{api}\n'
        f'[[api.client]]\nname = "pos"\ntoken = "{TOKEN}"\n'
    )
    return file


@pytest.fixture
def shell(
    lane: ScreenLane, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> Any:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    file = configured(tmp_path, f"port = {lane.port}")

    def run(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main(["day", "close", "--config", str(file), *words])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_a_technician_closes_the_day(
    lane: ScreenLane, shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(lane)
    assert shell()[0] == 1, "nobody approved it"
    monkeypatch.setenv("LANETALLY_PIN", PIN)
    code, said = shell()
    assert (code, said.splitlines()[1].split("  ")[1]) == (0, "1 sale, 12.50")
    code, said = shell("--json")
    assert (code, json.loads(said)["already_closed"]) == (0, True)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "已" in shell()[1]


def test_a_technician_is_told_when_no_lane_runs(tmp_path: Path, capsys: Any) -> None:
    file = configured(tmp_path, f'host = ""\nsocket = "{tmp_path}/api"')
    assert main(["day", "close", "--config", str(file)]) == 1
    assert f"no lane answers at {tmp_path}/api" in capsys.readouterr().err
    assert main(["day", "close", "--config", str(file), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["code"] == "not_running"


def test_the_lanes_own_socket_is_asked_where_it_has_no_port(
    lane: ScreenLane, tmp_path: Path, shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(lane)
    monkeypatch.setenv("LANETALLY_PIN", PIN)
    with lane.served(host="", socket=str(tmp_path / "api")):
        configured(tmp_path, f'host = ""\nsocket = "{tmp_path}/api"')
        assert shell()[0] == 0
