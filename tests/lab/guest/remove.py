"""What install.sh has brought it takes away again, and says so in Chinese; data only if told."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.lab.guest import shop
from tests.lab.guest.devices import LANE
from tests.lab.guest.result import Findings, told
from tests.lab.guest.shop import BRIDGE, INSTALL, LEDGER, SETTINGS

CAMERA_SOCKET = "lanetally-camera.socket"
CHINESE, ENGLISH = "zh_CN.UTF-8", "C.UTF-8"
WHEEL = next(iter(Path("/lab/wheels").glob("lanetally-*.whl")), Path())
PROGRAMS = [
    Path(path)
    for path in (
        *("/opt/lanetally", "/opt/lanetally.d", "/usr/local/bin/lanetally"),
        *("/usr/local/bin/lanetally-bridge", "/etc/udev/rules.d/71-lanetally.rules"),
        *("/etc/modules-load.d/lanetally.conf", f"/etc/systemd/system/{BRIDGE}"),
        "/etc/systemd/system/lanetally-agent@.service",
        *("/etc/systemd/system/lanetally-camera@.service", f"/etc/systemd/system/{CAMERA_SOCKET}"),
        f"/etc/systemd/system/multi-user.target.wants/{LANE.unit}",
        f"/etc/systemd/system/multi-user.target.wants/{BRIDGE}",
    )
]
VERSIONS, KEPT = Path("/opt/lanetally.d"), Path("/opt/kept")
DATA = [LANE.journal, LEDGER, SETTINGS]


def remove(findings: Findings) -> None:
    with shop.opened() as open_shop:
        open_shop.sell(1)
        open_shop.booked()
    code, said = _script(CHINESE, "lane", "bridge")
    findings.hold("a_wrong_name", said, held=code == 1 and said == "通道名不能为 bridge")
    code, said = _script(CHINESE, "lane", LANE.id, "/nowhere.toml")
    findings.hold("a_missing_file", said, held=code == 1 and "未作任何更改" in said)

    findings.hold("there_before", _left(PROGRAMS), held=_left(PROGRAMS) == len(PROGRAMS))
    for version in VERSIONS.iterdir():  # a copy of what was unpacked, to be spared that
        shutil.copytree(version, KEPT / version.name, symlinks=True)
    code, said = _script(CHINESE, "remove")
    findings.hold("removed", said, held=code == 0 and said.startswith("已卸载。"))
    findings.hold("stopped_late", _late(), held=not _late())
    findings.hold("programs_left", _left(PROGRAMS), held=_left(PROGRAMS) == 0)
    findings.hold("data_kept", _left(DATA), held=_left(DATA) == len(DATA))
    findings.hold("units_left", _units(), held=not _units())

    shutil.move(KEPT, VERSIONS)
    code, said = _script(CHINESE, str(WHEEL), "--wheels", str(WHEEL.parent))
    findings.hold("installed_again", said[-60:], held=code == 0 and "安装完成" in said)
    code, said = _script(CHINESE, "lane", LANE.id)
    findings.hold("goes_on", said, held=code == 0 and f"{LANE.unit} 已运行" in said)
    with shop.at_lane(LANE) as open_shop:
        open_shop.wait_until_up()
        findings.note("facts_kept", open_shop.pos.lane()["journal_seq"])

    for _ in range(2):  # the second time there is nothing to do
        code, said = _script(ENGLISH, "remove", "--with-data")
        findings.hold("removed_with_data", said, held=(code, said) == (0, "Removed, with all data"))
    findings.hold("all_left", _left(PROGRAMS + DATA), held=_left(PROGRAMS + DATA) == 0)
    users = subprocess.run(["getent", "passwd", "lanetally", "lanetally-bridge"], check=False,
                           capture_output=True, text=True).stdout  # fmt: skip
    findings.hold("users_left", users, held=not users)


def _script(language: str, *arguments: str) -> tuple[int, str]:
    """The exit code and what it said."""
    ended = subprocess.run(
        ["sh", INSTALL, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ, LC_ALL=language),
    )
    return ended.returncode, (ended.stdout + ended.stderr).strip()


def _left(paths: list[Path]) -> int:
    return sum(path.exists() or path.is_symlink() for path in paths)


def _late() -> str:
    """Who did not stop in time, with a scale and a printer there that answer nothing."""
    command = ["journalctl", "--boot", "--output=cat", "--grep=did not stop in time"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return "\n".join(line for line in said.splitlines() if "did not stop" in line)


def _units() -> str:
    """What systemd still knows of us."""
    command = ["systemctl", "list-units", "--all", "--plain", "--no-legend", "lanetally-*"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    told(remove)
