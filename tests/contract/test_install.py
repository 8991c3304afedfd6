"""install.sh in a folder that it takes for a whole box: what an update keeps, and what it drops."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "systemd" / "install.sh"
#: Whatever lies below these folders of a box lies below the test's own.
OF_THE_BOX = re.compile(r"/(?=(?:opt|etc|usr/local|var/lib|run)/)")
#: Programs that would act on this machine, or take their time.
FAKES = {
    "id": "echo 0",
    "ldconfig": "echo libzbar.so.0 libusb-1.0.so.0",
    **dict.fromkeys(("apt-get", "getent", "systemctl", "udevadm", "useradd", "userdel"), "exit 0"),
    "python3": """\
[ "$1" = -c ] && exit 0
mkdir -p "$3/bin"
cat >"$3/bin/python" <<'end'
#!/bin/sh
[ "$2" = pip ] || exit 0
printf '%s\\n' "$@" >"${0%/bin/python}/asked"
end
chmod 755 "$3/bin/python"
""",
}


@dataclass(frozen=True, slots=True)
class Box:
    root: Path

    @property
    def versions(self) -> set[str]:
        return {path.name.partition("-")[0] for path in (self.root / "opt/lanetally.d").iterdir()}

    @property
    def asked(self) -> list[str]:
        """What pip was told for the version in use."""
        return (self.root / "opt/lanetally/asked").read_text().splitlines()

    def wheel(self, version: str) -> Path:
        wheel = self.root / "the wheels" / f"lanetally-{version}-py3-none-any.whl"
        wheel.write_text(version)
        return wheel

    def run(self, *arguments: object, umask: int = -1) -> int:
        path = f"{self.root / 'fakes'}:{os.environ['PATH']}"
        command = ["sh", str(self.root / "systemd/install.sh"), *map(str, arguments)]
        return subprocess.run(
            command, env={"PATH": path}, umask=umask, capture_output=True, check=False
        ).returncode


@pytest.fixture
def box(tmp_path: Path) -> Box:
    made = ("systemd", "fakes", "the wheels", "etc/systemd/system", "usr/local/bin")
    for folder in (*made, "run/systemd/system"):
        (tmp_path / folder).mkdir(parents=True)
    for file in SCRIPT.parent.iterdir():
        (tmp_path / "systemd" / file.name).write_bytes(file.read_bytes())
    script = OF_THE_BOX.sub(lambda _: f"{tmp_path}/", SCRIPT.read_text("utf-8"))
    (tmp_path / "systemd" / SCRIPT.name).write_text(script, "utf-8")
    for name, does in FAKES.items():
        (tmp_path / "fakes" / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / "fakes" / name).chmod(0o755)
    return Box(tmp_path)


def test_the_version_in_use_and_the_one_before_it_are_kept(box):
    kept = []
    for version in ("1", "2", "2", "3", "2"):  # twice the same, and back to the one before
        assert box.run(box.wheel(version)) == 0
        kept.append(box.versions)

    assert kept == [{"1"}, {"1", "2"}, {"1", "2"}, {"2", "3"}, {"2", "3"}]
    assert (box.root / "opt/lanetally").resolve().name.startswith("2-")


def test_while_what_runs_cannot_be_started_anew_no_version_is_dropped(box):
    for version in ("1", "2"):
        box.run(box.wheel(version))
    (box.root / "fakes/systemctl").write_text("#!/bin/sh\n[ $1 != try-restart ]\n")

    assert box.run(box.wheel("3")) == 1

    assert box.versions == {"1", "2", "3"}


def test_packages_may_lie_in_a_folder_with_a_space_in_its_name(box):
    wheel = box.wheel("1")

    assert box.run(wheel, "--wheels", wheel.parent) == 0

    assert box.asked[-4:] == ["--no-index", "--find-links", str(wheel.parent), str(wheel)]


@pytest.mark.parametrize("more", [["--wheels"], ["--wheels", "/nowhere"], ["--whels", "/tmp"]])
def test_nothing_is_installed_by_options_that_are_not_understood(box, more):
    assert box.run(box.wheel("1"), *more) == 2
    assert not (box.root / "opt").exists()


def test_the_lanes_user_can_read_what_a_careful_root_has_installed(box):
    assert box.run(box.wheel("1"), umask=0o077) == 0

    folders = [box.root / "opt/lanetally.d", *(box.root / "opt/lanetally.d").iterdir()]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o755}


@pytest.mark.parametrize("with_data", [True, False])
def test_changes_of_the_units_go_with_the_data(box, with_data):
    units = box.root / "etc/systemd/system"
    ours = ["lanetally-agent@.service.d", "lanetally-agent@lane-1.service.d"]
    ours += ["lanetally-bridge.service.d", "lanetally-camera@.service.d"]
    for name in (*ours, "ssh.service.d"):
        (units / name).mkdir()
        (units / name / "override.conf").touch()
    box.run(box.wheel("1"))

    assert box.run("remove", *(["--with-data"] if with_data else [])) == 0

    left = {path.name for path in units.iterdir()}
    assert left == {"ssh.service.d", *([] if with_data else ours)}
    assert not (box.root / "opt/lanetally.d").exists()
