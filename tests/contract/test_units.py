"""The units of systemd/ call commands that exist, and promise only what the programs keep."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

import pytest

import agent.cli
import cloud_bridge.cli

UNITS = sorted((Path(__file__).parents[2] / "systemd").glob("*.service"))
PROGRAMS = {"lanetally": agent.cli.main, "lanetally-bridge": cloud_bridge.cli.main}


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # keys of systemd are in mixed case
    parser.read(path, encoding="utf-8")
    return parser


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_exists(path, tmp_path, capsys):
    program, *arguments = shlex.split(unit(path)["Service"]["ExecStart"])
    missing = tmp_path / "missing.toml"
    arguments[arguments.index("--config") + 1] = str(missing)

    code = PROGRAMS[Path(program).name](arguments)

    assert code == 1, "it was understood, and only the file was missing"
    assert str(missing) in capsys.readouterr().err


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_only_a_program_that_notifies_is_waited_for(path):
    service = unit(path)["Service"]

    notifies = "lanetally run" in service["ExecStart"]

    assert (service["Type"] == "notify") is notifies
    assert ("WatchdogSec" in service) is notifies
