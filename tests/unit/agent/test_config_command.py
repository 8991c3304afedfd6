"""`lanetally config`: what the technician sees and what the shell gets back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from agent.cli import main
from agent.cli.config import example
from agent.cli.moving import moving_names
from drivers import registry
from tests.plug_kit import Machine


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture
def wrong(tmp_path):
    file = tmp_path / "lane.toml"
    file.write_text('[store]\norg = "acme"\nid = "s1"\nname = "n"\n[lane]\nid = 1\n', "utf-8")
    return file


def test_a_right_file_is_in_order(tmp_path, capsys):
    file = tmp_path / "lane.toml"
    file.write_text(example(), "utf-8")
    assert main(["config", "check", str(file)]) == 0
    assert capsys.readouterr().out == f"{file} is in order\n"


def test_each_error_is_one_line_with_file_line_and_key(wrong, capsys):
    assert main(["config", "check", str(wrong)]) == 1
    assert capsys.readouterr().out == f"{wrong}:6: lane.id: must be text in quotes, not 1\n"


MOVES = """
[[device]]
role = "scanner-2"
kind = "scanner"
model = "serial"
path = "/dev/ttyUSB0"
[totals.serial_journal]
enabled = true
path = "/dev/ttyS0"
rules = ["columns"]
"""


def test_a_ports_name_that_moves_is_an_error_with_the_name_that_stays(tmp_path, capsys):
    file = tmp_path / "lane.toml"
    whole = example() + MOVES
    file.write_text(whole, "utf-8")
    line = whole.splitlines().index('path = "/dev/ttyUSB0"') + 1

    assert main(["config", "check", str(file)]) == 1

    [said] = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        rf"{re.escape(str(file))}:{line}: device\.\d+\.path: is /dev/ttyUSB0, whichever device came"
        r" first; allowed: a name that stays, (as in /dev/serial/by-id/ .*|here /dev/.*)",
        said,
    )


def test_a_name_that_moves_is_told_beside_the_other_errors_by_line(wrong, capsys):
    wrong.write_text(wrong.read_text("utf-8") + MOVES + "baud = 1.5\n", "utf-8")

    assert main(["config", "check", str(wrong)]) == 1

    said = capsys.readouterr().out
    assert re.findall(r":(\d+): ([\w.]+)", said) == [
        ("6", "lane.id"),
        ("12", "device.1.path"),
        ("17", "totals.serial_journal.baud"),
    ]


def test_the_nearest_name_that_stays_is_that_of_what_is_plugged_in(tmp_path):
    machine = Machine(tmp_path)
    usb = machine.usb("1-2.1", "0403:6001", serial="A9")
    machine.line(usb, "ttyUSB0", by_id="usb-FTDI")

    [first, other] = moving_names('a = "/dev/ttyUSB0"\n[[b]]\nc = ["/dev/video3"]', tmp_path)

    assert (first.line, first.key) == (1, "a")
    assert first.message.endswith("here /dev/serial/by-id/usb-FTDI")
    assert (other.line, other.key) == (3, "b.1.c.1")
    assert "as in /dev/v4l/by-id/" in other.message


def test_an_error_of_the_whole_file_names_no_line(tmp_path, capsys):
    assert main(["config", "check", str(tmp_path / "absent")]) == 1
    out = capsys.readouterr().out
    assert out == f"{tmp_path / 'absent'}: cannot be read: No such file or directory\n"


def test_programs_get_one_json_object(wrong, capsys):
    assert main(["config", "check", str(wrong), "--json"]) == 1
    message = "must be text in quotes, not 1"
    errors = [{"line": 6, "key": "lane.id", "message": message}]
    assert json.loads(capsys.readouterr().out) == {
        "file": str(wrong),
        "ok": False,
        "errors": errors,
    }


def test_a_chinese_shell_gets_chinese(wrong, capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert main(["config", "check", str(wrong)]) == 1
    assert capsys.readouterr().out == f"{wrong}:6: lane.id: 必须是带引号的文本，而不是 1\n"


def test_a_bridges_file_is_known_by_its_table_and_checked_as_such(tmp_path, capsys):
    file = tmp_path / "bridge.toml"
    file.write_text('[bridge]\n[ledger]\ncurrncy = "CNY"\n', "utf-8")
    assert main(["config", "check", str(file)]) == 1
    out = capsys.readouterr().out
    assert out == f"{file}:3: ledger.currncy: not known here; did you mean currency?\n"
    file.write_text("[bridge]\n", "utf-8")
    assert main(["config", "check", str(file)]) == 0


def test_the_example_is_printed_as_it_is_shipped(capsys):
    assert main(["config", "example"]) == 0
    assert capsys.readouterr().out == example()


def test_the_options_name_every_key_with_default_bounds_and_meaning(capsys):
    assert main(["config", "options"]) == 0
    rows = {row.split()[0]: row for row in capsys.readouterr().out.splitlines()}
    assert {"store.org", "api.client[].token", "mqtt.enabled", "device[].role"} <= set(rows)
    assert "(required)" in rows["store.org"]
    assert "5…600 s" in rows["mqtt.keepalive_s"]


@pytest.mark.parametrize(("kind", "model"), sorted(registry.DRIVERS))
def test_the_options_of_every_driver_can_be_listed(kind, model, capsys):
    assert main(["config", "options", f"{kind}/{model}"]) == 0
    rows = capsys.readouterr().out.splitlines()
    names = registry.load(kind, model).Options.__dataclass_fields__
    assert [row.split()[0] for row in rows] == list(names)


def test_an_unknown_driver_is_answered_with_those_there_are(capsys):
    assert main(["config", "options", "scanner/laser"]) == 1
    assert "there are: hid-pos, hid-wedge, " in capsys.readouterr().err


def test_a_certificate_that_is_not_there_is_named(tmp_path, capsys):
    file = tmp_path / "lane.toml"
    head = '[store]\norg = "a"\nid = "s"\nname = "n"\n[lane]\nid = "l"\n'
    file.write_text(f'{head}[mqtt]\ntls = true\nca_file = "/nowhere/ca.pem"\n', "utf-8")
    assert main(["config", "check", str(file)]) == 1
    out = capsys.readouterr().out
    assert out.endswith("mqtt.ca_file: /nowhere/ca.pem cannot be read: No such file or directory\n")


def test_half_a_certificate_is_an_error(tmp_path, capsys):
    file = tmp_path / "lane.toml"
    head = '[store]\norg = "a"\nid = "s"\nname = "n"\n[lane]\nid = "l"\n'
    file.write_text(f'{head}[mqtt]\ncert_file = "lane.pem"\n', "utf-8")
    assert main(["config", "check", str(file)]) == 1
    lines = [line.partition("mqtt.")[2] for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "cert_file: needs key_file too",
        "cert_file: is of no use without tls = true",
    ]


def test_another_command_says_the_errors_of_its_file_in_the_language_of_the_shell(
    wrong, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")

    assert main(["status", "--config", str(wrong)]) == 1
    assert main(["status", "--config", str(tmp_path / "absent")]) == 1

    of_a_line, of_the_file = capsys.readouterr().err.splitlines()
    assert of_a_line == f"{wrong}:6: lane.id: 必须是带引号的文本，而不是 1"
    assert of_the_file.startswith(f"{tmp_path / 'absent'}: 无法读取")


def test_a_pager_that_has_seen_enough_ends_a_command_without_a_traceback():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", "import sys; from agent.cli import main; sys.exit(main())"]
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            [*command, "config", "options"], stdout=closed, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_shell_that_cannot_show_a_character_is_told_all_the_same(wrong):
    command = [sys.executable, "-c", "import sys; from agent.cli import main; sys.exit(main())"]
    shell = os.environ | {"LC_ALL": "zh_CN.UTF-8", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*command, "config", "check", str(wrong)], env=shell, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"lane.id: \\u" in done.stdout


def test_a_long_pattern_does_not_push_the_meanings_off_the_screen(capsys):
    assert main(["config", "options"]) == 0
    shown = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("store.name "))
    assert len(shown) < 160
