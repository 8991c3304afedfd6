"""The `[totals.…]` tables: every mistake named; rules looked at when the file is checked."""

from __future__ import annotations

import pytest

from agent.config import check_lane

LANE = '[store]\norg = "a"\nid = "s"\nname = "S"\n[lane]\nid = "l"\n'


def errors(tables: str) -> dict[str, str]:
    return {error.key: error.message for error in check_lane(LANE + tables).errors}


def test_nothing_is_asked_of_tables_that_are_not_enabled():
    assert errors("[totals]\nkeypad_tender = 'cash'\n[totals.printer_tap]\n[totals.watch]\n") == {}


@pytest.mark.parametrize(
    ("table", "key", "message"),
    [
        ("printer_tap", "printer_host", "needs printer_host"),
        ("printer_tap", "printer_host = 'a'\nprinter_path = '/b'", "needs printer_host"),
        ("printer_tap", "printer_path = '/b'", "this key must be given"),
        ("printer_tap", "printer_path = '/b'\npos_path = '/b'", "is the printer's own line"),
        ("printer_tap", "printer_host = '127.0.0.1'", "the lane would print to itself"),
        ("printer_tap", "printer_host = 'a'\nlisten_port = 0", "1…65535"),
        ("printer_tap", "printer_host = 'a'\nbaud = 9601", "did you mean 9600?"),
        ("printer_tap", "printer_host = 'a'\nrules = ['colums']", "did you mean columns?"),
        ("printer_tap", "printer_host = 'a'\nrules = ['/no/rule.toml']", "cannot be read"),
        ("printer_tap", "printer_host = 'a'\ncode_page = 'cp999'", "allowed"),
        ("serial_journal", "", "this key must be given"),
        ("serial_journal", "path = '/a'\nend_quiet_ms = 1", "200…60000 ms"),
        ("watch", "", "this key must be given"),
        ("watch", "folder = '/a'\npattern = 'b/*'", "no path"),
        ("watch", "folder = '/a'\npattern = ''", "no path"),
        ("watch", "folder = '/a'\nformat = 'csv'", "allowed"),
    ],
)
def test_each_mistake_is_named(table, key, message):
    text = f"[totals.{table}]\nenabled = true\n{key if '=' in key else ''}\n"
    found = errors(text)
    assert any(message in words for words in found.values()), found
    assert all(key.startswith("totals.") for key in found)


def test_a_rule_that_is_wrong_is_named_with_its_own_line(tmp_path):
    (tmp_path / "r.toml").write_text("name = 'r'\n\ntotal = ['(']\nx = 1\n")
    found = errors(
        f"[totals.watch]\nenabled = true\nfolder = '/a'\nrules = ['{tmp_path}/r.toml']\n"
    )
    (message,) = found.values()
    assert message.startswith("line 3: total.1: is no pattern")
    assert message.endswith("(1 more)")


def test_a_whole_tap_is_in_order():
    assert (
        errors(
            "[totals.printer_tap]\nenabled = true\nprinter_host = '192.168.1.50'\n"
            "listen_host = '192.168.1.20'\nrules = ['columns']\ndouble_byte = 'gb18030'\n"
        )
        == {}
    )
