"""The units of systemd/ call commands that exist, promise only what the programs keep, and shut in
what they start; the rules are those that follow from the model files."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

import agent.cli
import cloud_bridge.cli
from drivers.camera import driver_camera, port_child
from tests.contract import rules

FOLDER = Path(__file__).parents[2] / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
PROGRAMS = {"lanetally": agent.cli.main, "lanetally-bridge": cloud_bridge.cli.main}
CAMERA = FOLDER / "lanetally-camera@.service"
EXPOSURE_MAX = 2.0


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # keys of systemd are in mixed case
    parser.read(path, encoding="utf-8")
    return parser


@pytest.mark.parametrize("path", [path for path in UNITS if path != CAMERA], ids=lambda p: p.name)
def test_a_unit_starts_a_command_that_exists(path, tmp_path, capsys):
    program, *arguments = shlex.split(unit(path)["Service"]["ExecStart"])
    missing = tmp_path / "missing.toml"
    arguments[arguments.index("--config") + 1] = str(missing)

    code = PROGRAMS[Path(program).name](arguments)

    assert code == 1, "it was understood, and only the file was missing"
    assert str(missing) in capsys.readouterr().err


def test_the_cameras_unit_starts_what_the_driver_would_start_and_talks_to_the_lane_alone():
    service = unit(CAMERA)["Service"]

    assert service["ExecStart"].split()[1:] == ["-m", driver_camera.CHILD]
    assert (service["StandardInput"], service["StandardOutput"]) == ("socket", "socket")
    assert service["StandardError"] == "journal", "what libraries print is not for the lane"


def test_the_lane_finds_its_camera_behind_the_socket_that_systemd_listens_at():
    lane, listening = unit(FOLDER / "lanetally-agent@.service"), unit(FOLDER / port_child.UNIT)
    where = listening["Socket"]["ListenStream"]

    said = (FOLDER / "lanetally-agent@.service").read_text("utf-8").splitlines()

    assert f"Environment={port_child.SOCKET_VARIABLE}={where}" in said
    assert lane["Unit"]["Wants"] == port_child.UNIT
    assert listening["Socket"]["Accept"] == "yes", "one process for each camera"
    assert listening["Socket"]["SocketGroup"] == lane["Service"]["Group"]


def test_only_the_cameras_unit_may_use_cameras():
    allowed = {path.name for path in UNITS if "DeviceAllow=char-81 rw" in path.read_text("utf-8")}

    assert allowed == {CAMERA.name}


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_only_a_program_that_notifies_is_waited_for(path):
    service = unit(path)["Service"]

    notifies = "lanetally run" in service["ExecStart"]

    assert (service["Type"] == "notify") is notifies
    assert ("WatchdogSec" in service) is notifies


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_is_shut_in(path):
    command = ["systemd-analyze", "security", "--no-pager", "--offline=true", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in said.stderr:
        pytest.skip("this systemd-analyze cannot look at files")

    exposure = re.search(r"Overall exposure level for .*: ([\d.]+) ", said.stdout)

    assert exposure is not None, said.stderr
    assert float(exposure[1]) <= EXPOSURE_MAX


@pytest.mark.parametrize("name", ["lanetally-agent@.service", CAMERA.name])
def test_devices_that_may_be_plugged_in_later_are_allowed_by_number(name):
    """systemd looks a name up in /proc/devices once, at the start: one that is not there yet would
    never be allowed. hidraw has no number of its own: its driver is loaded before."""
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    allowed = [line.split("=")[1] for line in lines if line.startswith("DeviceAllow=")]

    named = [entry for entry in allowed if not re.fullmatch(r"char-\d+ rw", entry)]

    assert set(named) <= {"char-hidraw rw"}
    assert "usbhid" in (FOLDER / "lanetally.modules").read_text("utf-8").splitlines()


@pytest.mark.parametrize("name", ["lanetally-agent@.service", CAMERA.name])
def test_what_can_wait_may_step_back_behind_the_sale(name):
    """What lowers its own priority (agent/housekeeping.py, drivers/camera/child.py) was once ended
    by the filter."""
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    filters = [line.partition("=")[2] for line in lines if line.startswith("SystemCallFilter=")]

    assert "@resources" in filters[1]
    assert "setpriority" in filters[2:], "allowed again, after the group that forbids it"


def test_the_rules_are_those_of_the_model_files():
    assert rules.FILE.read_text("utf-8") == rules.document(), "run python -m tests.contract.rules"


def test_what_the_script_installs_is_there():
    script = (FOLDER / "install.sh").read_text("utf-8")

    files = set(re.findall(r"\$here/([\w.@-]+)", script))

    assert {file for file in files if not (FOLDER / file).is_file()} == set()
    assert {path.name for path in (*UNITS, *FOLDER.glob("*.socket"))} <= files


@pytest.mark.parametrize("language", ["C.UTF-8", "zh_CN.UTF-8"])
def test_the_script_says_how_it_is_used(language):
    said = subprocess.run(
        ["sh", str(FOLDER / "install.sh")],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": language},
    )

    assert said.returncode == 2
    assert "install.sh WHEEL" in said.stderr
