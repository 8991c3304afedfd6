"""The wheel holds all that runs, and runs where nothing but the wheel is."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("agent", "drivers", "cloud_bridge", "firmware_configs")


def run(*words: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        words,
        cwd=cwd,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, cwd=ROOT)
    (built,) = out.glob("lanetally-*.whl")
    return built


def test_the_wheel_holds_every_file_of_its_packages_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    there = {
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert sorted(there ^ held) == []
    for needed in (
        "agent/cli/lane.example.toml",
        "agent/locale/zh_CN/LC_MESSAGES/lanetally.mo",
        "cloud_bridge/charts/cn_small.toml",
    ):
        assert needed in held


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The folder of commands of a fresh environment with the wheel. What the wheel depends on is
    borrowed from the environment of this test."""
    home = tmp_path_factory.mktemp("home")
    run(sys.executable, "-m", "venv", "--without-pip", home / "venv", cwd=home)
    python = home / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=home)
    site = Path(
        run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=home).strip()
    )
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    return home / "venv" / "bin"


def test_the_installed_commands_run_from_the_wheel_alone(installed, tmp_path):
    where = run(installed / "python", "-c", "import agent; print(agent.__file__)", cwd=tmp_path)
    assert Path(where).is_relative_to(installed.parent)
    version = run(installed / "lanetally", "--version", cwd=tmp_path)
    assert version.startswith("lanetally ")


def test_the_installed_example_is_in_order(installed, tmp_path):
    example = run(installed / "lanetally", "config", "example", cwd=tmp_path)
    (tmp_path / "lane.toml").write_text(example, "utf-8")
    assert run(installed / "lanetally", "config", "check", "lane.toml", cwd=tmp_path) == (
        "lane.toml is in order\n"
    )


def test_the_installed_commands_speak_chinese(installed, tmp_path):
    helped = run(installed / "lanetally", "config", "-h", cwd=tmp_path, LC_ALL="zh_CN.UTF-8")
    assert "打印文件中的所有错误" in helped
