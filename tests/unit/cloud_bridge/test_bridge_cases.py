"""The commands about what the books lack: who decided what, and which days are complete."""

from __future__ import annotations

import hashlib
import json

import pytest

from agent.domain.facts import DayClosed
from agent.domain.totals import Tender
from cloud_bridge.cli import main
from cloud_bridge.config import load
from cloud_bridge.days import compared
from cloud_bridge.ledger.port import Arrivals, Decision, Unreadable
from cloud_bridge.ledger.sqlite import SqliteLedger

NOW_MS = 1_800_000_000_000
BITCOIN = (Tender("bitcoin", 12000),)


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "bridge.toml"
    file.write_text('[ledger]\npath = "ledger.sqlite3"\n')
    return file


@pytest.fixture
def taken(config):
    """Takes deliveries into the ledger of the configuration."""

    def take(*deliveries, **more):
        loaded = load(config)
        ledger = SqliteLedger(loaded.ledger_path, loaded.books)
        ledger.apply(Arrivals(deliveries, **more), NOW_MS)
        ledger.close()

    return take


def run(capsys, config, *words):
    """(exit code, what was printed, what was complained)"""
    code = main([*words, "--config", str(config)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_case_is_shown_with_its_content_and_history(capsys, config, taken, new_lane, sale):
    taken(new_lane().append(sale(1, tenders=BITCOIN)).delivery())
    code, out, _ = run(
        capsys, config, "quarantine", "retry", "1", "--why", "chart mended", "--by", "li"
    )
    assert (code, out) == (1, "posted 0, still in quarantine 1\nnot posted: 1\n")
    code, out, _ = run(capsys, config, "quarantine", "show", "1")
    assert code == 0
    assert out.splitlines()[1:3] == ["open", "retry by li: chart mended"]
    assert '"bitcoin"' in out


def test_what_is_discarded_is_closed_and_keeps_its_content(capsys, config, taken):
    taken(unreadable=(Unreadable(("acme", "s", "l"), "message", "no JSON", b"\xffhello"),))
    discard = ("quarantine", "discard", "1", "--why", "noise", "--by", "wang")
    code, out, _ = run(capsys, config, *discard)
    assert (code, out) == (0, "discarded 1; the content stays\n")
    code, out, err = run(capsys, config, *discard)
    assert (code, err) == (1, "there is no open case 1\n")
    code, out, _ = run(capsys, config, "quarantine", "show", "1", "--json")
    found = json.loads(out)
    assert found["raw"] == "\\xffhello"
    assert found["resolved_ms"] == found["decisions"][0]["made_ms"]
    assert found["decisions"][0]["by"] == "wang"
    assert run(capsys, config, "quarantine", "list")[1] == ""


def test_who_decides_must_say_why(capsys, config, taken):
    with pytest.raises(SystemExit):
        main(["quarantine", "discard", "1", "--config", str(config)])
    assert "--why" in capsys.readouterr().err


def test_a_case_that_is_not_there_is_said(capsys, config, taken):
    taken()
    assert run(capsys, config, "quarantine", "show", "7")[0] == 1
    code, out, _ = run(capsys, config, "quarantine", "discard", "7", "--why", "x", "--json")
    assert (code, json.loads(out)) == (1, {"discarded": []})
    code, out, _ = run(capsys, config, "quarantine", "retry", "7", "--why", "x", "--json")
    assert json.loads(out) == {"posted": 0, "still_quarantined": 0, "not_posted": [7]}


def test_a_renamed_lane_is_accepted(capsys, config, taken, new_lane, sale):
    old, new = new_lane("lane-1").append(sale(1)), new_lane("till-1")
    new.rows = list(old.rows)
    taken(old.delivery())
    taken(new.append(sale(2)).delivery(2))
    code, out, _ = run(
        capsys, config, "quarantine", "retry", "1", "--accept", "--why", "renamed", "--json"
    )
    assert (code, json.loads(out)["posted"]) == (0, 1)


def test_a_chinese_shell_gets_chinese(capsys, config, taken, monkeypatch):
    taken()
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert run(capsys, config, "quarantine", "show", "7")[2] == "没有未处理的案例 7\n"
    assert run(capsys, config, "replay")[1] == "已入账 0，仍在隔离区 0\n"


# --- days ----------------------------------------------------------------------------------------


def closed(lane, seqs, **changes):
    """The close of a lane's day with these sales of 113.00."""
    told = "".join(f"{seq} {lane.hash_at(seq)}\n" for seq in seqs)
    fields = {
        "business_date": "2000-11-01",
        "sales": len(seqs),
        "sum_minor": 11300 * len(seqs),
        "hash": hashlib.sha256(told.encode()).hexdigest(),
        "first_seq": min(seqs, default=0),
        "last_seq": max(seqs, default=0),
    }
    return DayClosed(**(fields | changes))


def days(ledger):
    found = compared(ledger.day_closes(), ledger.settled)
    return {day.business_date: tuple(x.english() for x in day.missing) for day in found}


def test_a_day_is_complete_when_exactly_its_sales_are_posted(ledger, new_lane, sale):
    lane = new_lane().append(sale(1), sale(2, business_date="2000-11-02"), sale(3))
    lane.append(closed(lane, (1, 3)))
    ledger.apply(Arrivals((lane.delivery(),)), NOW_MS)
    (day,) = compared(ledger.day_closes(), ledger.settled)
    assert day.complete
    assert (day.sales, day.sum_minor) == (day.posted_sales, day.posted_sum_minor) == (2, 22600)


def test_a_day_without_sales_is_complete_once_the_lane_says_so(ledger, new_lane, sale):
    lane = new_lane().append(sale(1))
    lane.append(closed(lane, (1,)), closed(lane, (), business_date="2000-11-02"))
    ledger.apply(Arrivals((lane.delivery(),)), NOW_MS)
    assert days(ledger) == {"2000-11-01": (), "2000-11-02": ()}


def test_a_sale_that_has_not_come_leaves_its_day_incomplete(ledger, new_lane, sale):
    lane = new_lane().append(sale(1), sale(2), sale(3))
    lane.append(closed(lane, (1, 2, 3)))
    ledger.apply(Arrivals((lane.delivery(1, 1), lane.delivery(3, 4))), NOW_MS)
    assert days(ledger) == {"2000-11-01": ("1 sales have not come",)}
    ledger.apply(Arrivals((lane.delivery(2, 2),)), NOW_MS)
    assert days(ledger) == {"2000-11-01": ()}


def test_a_sale_in_quarantine_is_named_until_it_is_posted(ledger, new_lane, sale):
    lane = new_lane().append(sale(1), sale(2, tenders=BITCOIN))
    lane.append(closed(lane, (1, 2)))
    ledger.apply(Arrivals((lane.delivery(),)), NOW_MS)
    assert days(ledger) == {"2000-11-01": ("R2 (seq 2) is in quarantine",)}
    ledger.discard(ledger.cases()[0].case_id, Decision("discard", "li", "test", NOW_MS))
    assert days(ledger) == {"2000-11-01": ("R2 (seq 2) is in quarantine",)}


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"sales": 1}, "1 sales more than the lane closed with"),
        ({"sum_minor": 1}, "the sum is 22600, the lane closed with 1"),
        ({"hash": "0" * 64}, "the sales are as many, but not the same"),
    ],
)
def test_other_figures_than_the_lanes_are_told(ledger, new_lane, sale, changes, missing):
    lane = new_lane().append(sale(1), sale(2))
    lane.append(closed(lane, (1, 2), **changes))
    ledger.apply(Arrivals((lane.delivery(),)), NOW_MS)
    assert days(ledger) == {"2000-11-01": (missing,)}


def test_the_lanes_last_word_on_a_day_holds(ledger, new_lane, sale):
    lane = new_lane().append(sale(1))
    lane.append(closed(lane, (1,)))
    lane.append(sale(2))
    lane.append(closed(lane, (1, 3)))
    ledger.apply(Arrivals((lane.delivery(),)), NOW_MS)
    assert days(ledger) == {"2000-11-01": ()}


def test_a_day_that_sells_after_its_close_is_incomplete_until_it_is_closed_again(
    ledger, new_lane, sale
):
    lane = new_lane().append(sale(1))
    lane.append(closed(lane, (1,)))
    lane.append(sale(2), sale(3, business_date="2000-11-02"))
    lane.raw("TransactionSettled", 1, b"{}")
    ledger.apply(Arrivals((lane.delivery(),)), NOW_MS)
    assert days(ledger) == {"2000-11-01": ("1 sales more than the lane closed with",)}
    lane.append(closed(lane, (1, 3)))
    ledger.apply(Arrivals((lane.delivery(6, 6),)), NOW_MS)
    assert days(ledger) == {"2000-11-01": ()}


def test_days_are_listed_and_told_by_exit_code(capsys, config, taken, new_lane, sale, monkeypatch):
    lane = new_lane().append(sale(1), sale(2, business_date="2000-11-02"))
    lane.append(closed(lane, (1,)))
    lane.append(closed(lane, (2,), business_date="2000-11-02", sales=2))
    taken(lane.delivery())
    code, out, _ = run(capsys, config, "days")
    assert code == 1
    assert out.splitlines() == [
        "2000-11-01  acme/harbour/lane-1  complete: 1 sales, 11300",
        "2000-11-02  acme/harbour/lane-1  incomplete: 1 sales, 11300",
        "    1 sales have not come",
    ]
    code, out, _ = run(capsys, config, "days", "--open", "--json")
    (day,) = json.loads(out)["days"]
    assert (code, day["business_date"], day["complete"]) == (1, "2000-11-02", False)
    assert day["missing"] == ["1 sales have not come"]
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "    有 1 笔销售尚未到达\n" in run(capsys, config, "days")[1]
