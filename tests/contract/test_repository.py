"""What the repository may hold at all, and that its lock fits its project file."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

TOP_LEVEL = {
    *("agent", "drivers", "firmware_configs", "systemd", "cloud_bridge", "tests"),
    *("pyproject.toml", "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE"),
    *("Makefile", "requirements.lock"),
}


@cache
def files() -> list[Path]:
    """Everything in git; in an unpacked archive, everything there is."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout: nothing says which files belong to it")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def text_of(file: Path) -> str:
    return file.read_bytes().decode("utf-8", errors="replace")


def test_the_layout_at_the_top_is_the_given_one():
    tops = {file.relative_to(ROOT).parts[0] for file in files()}
    assert {top for top in tops - TOP_LEVEL if not top.startswith(".")} == set()


#: Folders of somebody's machine, and places that packages are fetched from. The patterns are
#: written so that they do not find themselves.
FOREIGN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(root|home/\w+|Users/\w+|work|mnt/\w+)/"),
    "a package index": re.compile(r"pypi[.]org|pythonhoste[d]|piwheel[s]|/simpl[e]\b|npmj[s]"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_no_file_holds(what):
    found = [
        f"{file.relative_to(ROOT)}: {match.group()}"
        for file in files()
        for match in [FOREIGN[what].search(text_of(file))]
        if match
    ]
    assert found == []


def lock() -> str:
    return (ROOT / "requirements.lock").read_text("utf-8")


def test_the_lock_names_no_address_and_hashes_every_package():
    assert "://" not in lock()
    assert "--index" not in lock()
    requirements = re.split(r"\n(?=\S)", re.sub(r"(?m)^#.*\n", "", lock()).strip())
    assert len(requirements) > 30
    assert [r.partition(" ")[0] for r in requirements if "--hash=sha256:" not in r] == []


def normal(requirement: str) -> str:
    """The name of a requirement as the index spells it."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name.group()).lower()


def test_the_lock_holds_all_that_the_project_asks_for():
    """If this fails: `make lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    asked = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for group in project["dependency-groups"].values():
        asked += group
    locked = {normal(line) for line in lock().splitlines() if re.match(r"\w", line)}
    assert {normal(requirement) for requirement in asked} - locked == set()


def test_ci_runs_exactly_make_test():
    script = ROOT / ".ci" / "run"
    commands = [line for line in script.read_text("utf-8").splitlines() if line and line[0] != "#"]
    assert commands[-1] == "exec make test"
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize("script", [".ci/run", ".ci/setup.sh"])
def test_shell_scripts_parse(script):
    shell = "bash" if script == ".ci/run" else "sh"
    subprocess.run([shell, "-n", ROOT / script], check=True)
