"""Every command in the README is run, in its order, or is shown to be one that `make` runs."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import agent.cli
import cloud_bridge.cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
SHELL_BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
REQUESTS = [block for block in SHELL_BLOCKS if block.startswith("curl ")]
COMMANDS = [line for block in SHELL_BLOCKS if block not in REQUESTS for line in block.splitlines()]
DEADLINE_S = 20


def test_the_readme_has_commands():
    assert len(SHELL_BLOCKS) >= 5
    assert COMMANDS[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("target", re.findall(r"\]\(([\w./]+)\)", README))
def test_a_link_leads_somewhere(target):
    assert (ROOT / target).exists()


def is_make(command: str) -> bool:
    return command.startswith("make ")


def is_daemon(command: str) -> bool:
    return " run --config " in command


@pytest.mark.parametrize("command", [*filter(is_make, COMMANDS)])
def test_make_knows(command):
    asked = subprocess.run(
        [*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert asked.returncode == 0, asked.stderr


def test_make_demo_plays_what_the_readme_promises():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert "BASKETS ?= 200\n" in makefile
    assert "lanetally demo --baskets $(BASKETS)\n" in makefile


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder in which `.venv/bin` holds the project's commands."""
    folder: Path = tmp_path_factory.mktemp("readme")
    bin_ = folder / ".venv" / "bin"
    bin_.mkdir(parents=True)
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    for name, target in scripts.items():
        module, _, function = target.partition(":")
        script = bin_ / name
        script.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
            f"from {module} import {function}\nsys.exit({function}())\n",
            "utf-8",
        )
        script.chmod(0o755)
    return folder


def environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8"}


@pytest.fixture(scope="module")
def outputs(folder) -> dict[str, str]:
    """What each command of the tour prints; all of them must succeed."""
    printed = {}
    for command in COMMANDS:
        if is_make(command) or is_daemon(command):
            continue
        done = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        printed[command] = done.stdout
    return printed


def test_the_tour_works_as_it_is_written(outputs, folder):
    printed = {command.removeprefix(".venv/bin/"): text for command, text in outputs.items()}
    assert "Total" in printed["cat out/tour/receipts.txt"]
    assert "transactions settled: 10" in printed["lanetally status --config out/tour/lane.toml"]
    balance = printed["lanetally-bridge trial-balance --config out/tour/bridge.toml"]
    assert re.search(r" 0\.00  [A-Z]{3}$", balance.strip())
    assert printed["lanetally config check lane.toml"] == "lane.toml is in order\n"


def test_what_the_tour_leaves_behind_is_no_part_of_the_checkout():
    made = re.findall(r"(?:> |--keep )(\S+)", "\n".join(COMMANDS))
    asked = subprocess.run(
        ["git", "check-ignore", *made], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if asked.returncode == 128:
        pytest.skip("not a git checkout: nothing says which files belong to it")
    assert made == ["out/tour", "lane.toml"]
    assert asked.stdout.split() == made


def helped(
    main: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str], *words: str
) -> set[str]:
    """The commands, or the actions of one, that its help lists."""
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    arguments = capsys.readouterr().out.partition("\npositional arguments:\n")[2]
    return set(re.findall(r"^    ([a-z-]+)\b", arguments.partition("\noptions:")[0], re.MULTILINE))


@pytest.mark.parametrize(
    ("program", "main"),
    [("lanetally", agent.cli.main), ("lanetally-bridge", cloud_bridge.cli.main)],
)
def test_each_command_and_each_of_its_actions_is_in_the_table(program, main, capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    first_cells = re.findall(rf"^\| (`{program} .*?`) \|", README, re.MULTILINE)
    told = {word for cell in first_cells for word in re.findall(r"[a-z-]+", cell)}

    commands = helped(main, capsys)
    actions = {action for command in commands for action in helped(main, capsys, command)}

    assert {"run", "status"} <= commands
    assert {"check"} <= actions
    assert (commands | actions) - told == set()


def test_the_complaints_shown_are_those_that_a_technician_gets(outputs, folder):
    (shown,) = re.findall(r"^```text\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    text = (folder / "lane.toml").read_text("utf-8").replace("language =", "langauge =")
    scale = 'model = "toledo-8217"\n'
    (folder / "wrong.toml").write_text(text.replace(scale, f"{scale}baud = 9601\n"), "utf-8")
    checked = subprocess.run(
        [".venv/bin/lanetally", "config", "check", "wrong.toml"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    line = re.compile(r"^(?:lane|wrong)\.toml:\d+:", re.MULTILINE)  # the example file grows
    assert len(line.findall(checked.stdout)) == 2
    assert line.sub("", checked.stdout) == line.sub("", shown)
    assert checked.returncode == 1


@contextmanager
def running_lane(folder: Path, command: str, port: int) -> Iterator[None]:
    """The lane of the README, without its devices and head office, on a free port."""
    text = (folder / "lane.toml").read_text("utf-8").partition("# One [[device]]")[0]
    for ours, theirs in {
        "enabled = true": "enabled = false",
        "port = 8460": f"port = {port}",
        '"/etc/lanetally/items.csv"': '""',
        "/var/lib/lanetally": str(folder / "data"),
    }.items():
        assert ours in text
        text = text.replace(ours, theirs)
    (folder / "lane.toml").write_text(text, "utf-8")
    lane = subprocess.Popen(
        shlex.split(command), cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True
    )
    try:
        wait_for(port, lane)
        yield
    finally:
        lane.send_signal(signal.SIGTERM)
        _, log = lane.communicate(timeout=DEADLINE_S)
    assert lane.returncode == 0, log


def wait_for(port: int, lane: subprocess.Popen[str]) -> None:
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end and lane.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"the lane does not listen; exit code {lane.poll()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def ask(block: str, port: int) -> tuple[int, dict[str, object]]:
    """What curl would do with this command."""
    words = shlex.split(block.replace("\\\n", "").replace(":8460/", f":{port}/"))
    values = dict(zip(words[2::2], words[3::2], strict=True))
    headers = dict(words[n + 1].split(": ", 1) for n, word in enumerate(words) if word == "-H")
    request = urllib.request.Request(words[1], values["-d"].encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_the_lane_runs_and_understands_the_request(outputs, folder):
    (command,) = filter(is_daemon, COMMANDS)
    (block,) = REQUESTS
    port = free_port()
    with running_lane(folder, command, port):
        status, body = ask(block, port)
    assert (status, body["code"]) == (409, "no_open_transaction"), body
