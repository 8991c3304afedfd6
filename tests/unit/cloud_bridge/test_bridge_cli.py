import io
import json
import sqlite3
import sys
from contextlib import closing

import pytest

from agent.domain.totals import Tender
from cloud_bridge.cli import main
from cloud_bridge.config import load
from cloud_bridge.ledger.port import Arrivals, Unreadable
from cloud_bridge.ledger.sqlite import SqliteLedger

NOW_MS = 1_800_000_000_000


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "bridge.toml"
    file.write_text('[ledger]\npath = "ledger.sqlite3"\n')
    return file


@pytest.fixture
def fill(config, new_lane, sale):
    """Two sales, one that cannot be posted, one message that cannot be read, and a gap."""
    loaded = load(config)
    ledger = SqliteLedger(loaded.ledger_path, loaded.books)
    lane = new_lane().append(
        sale(1), sale(2), sale(3, tenders=(Tender("bitcoin", 12000),)), sale(4), sale(5)
    )
    unreadable = Unreadable(("acme", "harbour", "lane-1"), "message", "no JSON", b"\xff")
    ledger.apply(Arrivals((lane.delivery(1, 3), lane.delivery(5, 5)), (unreadable,)), NOW_MS)
    ledger.close()


def answer(capsys, *argv):
    assert main(argv) == 0
    return capsys.readouterr().out


def test_status(capsys, config, fill):
    out = answer(capsys, "status", "--config", str(config))
    assert "vouchers       3, sum 0" in out
    assert "quarantined    2, worth 11300" in out
    assert f"acme/harbour/lane-1/{'e' * 32}  up to 3, gap before 5" in out


def test_reports_are_in_chinese_where_the_shell_is(capsys, config, fill, monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "隔离区         2，金额 11300" in answer(capsys, "status", "--config", str(config))
    assert "科目" in answer(capsys, "trial-balance", "--config", str(config))
    assert "4 条事实，3 张凭证，0 个问题" in answer(capsys, "verify", "--config", str(config))


@pytest.mark.parametrize("words", [("trial-balance",), ("export", "--format", "beancount")])
def test_a_shell_that_cannot_show_chinese_ends_nothing(config, fill, monkeypatch, words):
    shell = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", shell)
    assert main([*words, "--config", str(config)]) == 0
    shell.flush()
    assert b"5001" in shell.buffer.getvalue()


def test_status_for_machines(capsys, config, fill):
    status = json.loads(answer(capsys, "status", "--json", "--config", str(config)))
    assert status == {
        "facts": 4,
        "vouchers": 3,
        "ledger_sum_minor": 0,
        "duplicates": 0,
        "cost_gaps": 6,
        "quarantined": 2,
        "quarantined_minor": 11300,
        "lanes": [
            {
                "tenant": "acme",
                "store": "harbour",
                "lane": "lane-1",
                "epoch": "e" * 32,
                "hw": 3,
                "last_seq": 5,
                "gap": True,
                "received_ms": NOW_MS,
            }
        ],
    }


def test_trial_balance(capsys, config, fill):
    out = answer(capsys, "trial-balance", "--config", str(config))
    assert [" ".join(line.split()) for line in out.splitlines()] == [
        "account debit credit balance",
        "1001 339.00 0.00 339.00 Cash on hand / 库存现金",
        "222102 0.00 39.00 -39.00 VAT payable: output tax / 应交税费—应交增值税（销项税额）",
        "5001 0.00 300.00 -300.00 Main business revenue / 主营业务收入",
        "sum 339.00 339.00 0.00 CNY",
    ]


def test_trial_balance_for_machines(capsys, config, fill):
    report = json.loads(answer(capsys, "trial-balance", "--json", "--config", str(config)))
    assert (report["currency"], report["sum_minor"]) == ("CNY", 0)
    assert report["accounts"][0] == {
        "account": "1001",
        "debit_minor": 33900,
        "credit_minor": 0,
        "balance_minor": 33900,
        "en": "Cash on hand",
        "zh": "库存现金",
    }


def test_quarantine_and_replay_after_a_change_of_the_chart(capsys, config, fill):
    out = answer(capsys, "quarantine", "list", "--config", str(config))
    assert "2  account: the chart has no account for 'clearing.bitcoin'" in out
    assert "1  message: no JSON" in out
    from importlib.resources import files

    chart = (files("cloud_bridge") / "charts" / "ifrs.toml").read_text("utf-8")
    chart += '"clearing.other" = { number = "1190", en = "Other", zh = "其他" }\n'
    (config.parent / "own.toml").write_text(chart, encoding="utf-8")
    config.write_text(config.read_text() + 'chart_file = "own.toml"\n')
    out = answer(capsys, "replay", "--config", str(config))
    assert out == "posted 1, still in quarantine 0\n"
    report = json.loads(answer(capsys, "quarantine", "list", "--json", "--config", str(config)))
    (case,) = report["cases"]
    assert (case["seq"], case["stream"]["lane"], case["amount_minor"]) == (0, "lane-1", None)


def test_costs_are_imported(capsys, config, tmp_path):
    file = tmp_path / "costs.csv"
    file.write_text("gtin,unit_cost_minor,cost_per\n4710199010372,1200,each\n20000015,899,kg\n")
    argv = ("costs", "import", str(file), "--config", str(config))
    assert answer(capsys, *argv) == "2 costs read, 2 of them new\n"
    assert answer(capsys, *argv) == "2 costs read, 0 of them new\n"


def test_a_wrong_cost_file_changes_nothing(capsys, config, tmp_path):
    file = tmp_path / "costs.csv"
    file.write_text("gtin,unit_cost_minor,cost_per\n4710199010372,cheap,each\n")
    assert main(["costs", "import", str(file), "--config", str(config)]) == 1
    assert "line 2" in capsys.readouterr().err
    assert not (tmp_path / "ledger.sqlite3").exists()


def test_a_configuration_is_checked(capsys, config):
    assert "is in order" in answer(capsys, "config", "check", str(config))
    config.write_text("[mqtt]\nport = 0\nhots = 1\n")
    assert main(["config", "check", str(config)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize("command", ["status", "trial-balance", "replay", "days", "verify"])
def test_a_report_makes_no_ledger_where_there_is_none(capsys, config, command):
    assert main([command, "--config", str(config)]) == 1
    assert "there is no ledger yet" in capsys.readouterr().err
    assert not (config.parent / "ledger.sqlite3").exists()


def test_an_account_that_left_the_chart_keeps_its_number(capsys, config, fill):
    config.write_text(config.read_text() + 'chart = "ifrs"\n')
    out = answer(capsys, "trial-balance", "--config", str(config))
    assert any(line.split()[0] == "5001" for line in out.splitlines())


def test_true_books_are_verified(capsys, config, fill):
    out = answer(capsys, "verify", "--config", str(config))
    assert out == "4 facts, 3 vouchers, 0 findings\n"
    report = json.loads(answer(capsys, "verify", "--json", "--config", str(config)))
    assert report == {"facts": 4, "vouchers": 3, "findings": []}


def test_books_that_were_changed_fail(capsys, config, fill):
    with closing(sqlite3.connect(load(config).ledger_path)) as db:
        db.execute("DROP TRIGGER stock_movement_no_delete")
        db.execute("DELETE FROM stock_movement WHERE seq = 1")
        db.commit()
    assert main(["verify", "--config", str(config)]) == 1
    out = capsys.readouterr().out
    assert f"stock: acme/harbour/lane-1/{'e' * 32}/1: the stock movements are not those" in out
    assert "1 findings" in out
    assert main(["verify", "--json", "--config", str(config)]) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["code"] == "stock"


@pytest.mark.parametrize("day", ["2026-13-45", "20261031", "2026-W44-6", "2026-02-29", ""])
def test_a_day_that_is_none_locks_nothing_and_is_said(capsys, config, fill, day):
    with pytest.raises(SystemExit) as ended:
        main(["lock", day, "--config", str(config)])
    assert ended.value.code == 2
    said = f"{day} is no day of the calendar; YYYY-MM-DD is meant, such as 2026-10-31"
    assert said in capsys.readouterr().err


def test_the_books_are_locked_up_to_a_day(capsys, config, fill):
    answer(capsys, "lock", "2000-11-30", "--config", str(config))
    with closing(sqlite3.connect(load(config).ledger_path)) as db:
        assert db.execute("SELECT locked_until FROM period_lock").fetchall() == [("2000-11-30",)]
    with pytest.raises(SystemExit):
        main(["lock", "tomorrow", "--config", str(config)])


def test_a_ledger_in_sqlite_needs_no_migration_by_hand(capsys, config):
    assert "by itself" in answer(capsys, "migrate", "--config", str(config))


def test_a_ledger_in_postgresql_is_made_and_reported(capsys, config, postgres):
    postgres.run("CREATE DATABASE by_hand")
    dsn = postgres.dsn("by_hand", "bridge")
    config.write_text(f'[ledger]\nkind = "postgres"\ndsn = "{dsn}"\n')
    assert main(["status", "--config", str(config)]) == 1
    assert "run lanetally-bridge migrate" in capsys.readouterr().err
    owner = postgres.dsn("by_hand")
    assert "version 1" in answer(capsys, "migrate", "--dsn", owner, "--config", str(config))
    assert "vouchers       0, sum 0" in answer(capsys, "status", "--config", str(config))
    assert "0 findings" in answer(capsys, "verify", "--config", str(config))


def helps(capsys, *words):
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "english", "chinese"),
    [
        ((), "take in facts until stopped", "接收事实"),
        (("lock",), "the last day that is closed", "最后一天"),
        (("costs",), "take over a list of costs", "成本"),
        (("command", "acme/s1/l1", "reprint"), "print a receipt once more", "小票"),
    ],
)
def test_help_speaks_the_language_of_the_shell(capsys, monkeypatch, words, english, chinese):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert english in " ".join(helps(capsys, *words).split())
    monkeypatch.setenv("LC_ALL", "")
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert chinese in helps(capsys, *words)


def test_each_command_has_help_in_chinese(capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    listed = [line.split(maxsplit=1) for line in helps(capsys).splitlines() if line[:4] == "    "]
    commands = {words[0]: words[1:] for words in listed if words[0].isascii()}
    assert len(commands) >= 12
    plain = [name for name, text in commands.items() if text and text[0].isascii()]
    assert plain == []
