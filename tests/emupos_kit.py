"""The emulator `emupos` in an environment of its own: it needs Python 3.13, the lane does not.

The environment is made once and kept in the user's cache, so that only the first run needs the
network. Where there is no Python 3.13, or emupos cannot be installed, the tests say so and skip.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.bench.rig import free_port

VERSION = "0.4.0"
PYTHON_MIN = (3, 13)
INSTALL_S, START_S = 180, 30


def emupos_command() -> Path:
    """The program; the tests are skipped where it cannot be had."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    kept = cache / "lanetally-tests" / f"emupos-{VERSION}"
    if not (kept / "bin" / "emupos").exists():
        python = next(filter(_is_new_enough, _pythons()), None)
        if python is None:
            pytest.skip("no Python 3.13 or later on this machine: emupos cannot run")
        kept.parent.mkdir(parents=True, exist_ok=True)
        _install(python, kept)
    return kept / "bin" / "emupos"


def _pythons() -> Iterator[str]:
    yield sys.executable
    for minor in range(PYTHON_MIN[1], PYTHON_MIN[1] + 5):
        found = shutil.which(f"python3.{minor}")
        if found:
            yield found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from map(str, sorted(pyenv.glob("3.*/bin/python")))


def _is_new_enough(python: str) -> bool:
    """Some are only pyenv's word that there might be one."""
    check = f"import sys; sys.exit(sys.version_info < {PYTHON_MIN})"
    return subprocess.run([python, "-c", check], capture_output=True, check=False).returncode == 0


def _install(python: str, place: Path) -> None:
    """Made under another name first: what is there under its own is whole."""
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        made = Path(folder) / "env"
        pip = [made / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "-q", "install"]
        for words in ([python, "-m", "venv", made], [*pip, f"emupos=={VERSION}"]):
            done = subprocess.run(
                words, capture_output=True, text=True, timeout=INSTALL_S, check=False
            )
            if done.returncode:
                pytest.skip(f"emupos {VERSION} cannot be installed: {done.stderr.strip()[-300:]}")
        # the scripts name the interpreter by the folder they were made in
        script = made / "bin" / "emupos"
        script.write_text(script.read_text().replace(str(made), str(place)))
        with suppress(OSError):  # another run was faster
            made.rename(place)


@dataclass(frozen=True, slots=True)
class Emupos:
    """A running emulator: what people do to its devices, and what came out of them."""

    api: str
    links: Path  #: the serial lines, by the name of their device
    printer_port: int

    def get(self, path: str) -> bytes:
        return self._ask(path, "GET", None)

    def state(self, device: str) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.get(f"/devices/{device}"))["state"]
        return state

    def do(self, method: str, path: str, **body: Any) -> Any:
        answer = self._ask(path, method, json.dumps(body).encode() if body else None)
        return json.loads(answer) if answer else None

    def _ask(self, path: str, method: str, body: bytes | None) -> bytes:
        headers = {"Content-Type": "application/json"} if body else {}
        request = urllib.request.Request(f"{self.api}{path}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=START_S) as answer:
            content: bytes = answer.read()
        return content


CONFIG = """\
schema: 1
api: {{ host: 127.0.0.1, port: {api} }}
devices:
  - id: front
    type: printer
    profile: epson-tm-t20iii
    connections: [{{ tcp: {{ port: {printer} }} }}]
    receipts_dir: {folder}/receipts
    drawer: {{ sensor_open_level: high }}
  - id: deli
    type: scale
    profile: toledo8217-15kg
    connections: [{{ serial: {{ pty: true }} }}]
  - id: fruit
    type: scale
    profile: sma-15kg
    connections: [{{ serial: {{ pty: true }} }}]
  - {{ id: wedge, type: scanner, mode: keyboard, suffix: enter, typed_by: client }}
  - {{ id: cable, type: scanner, mode: serial, connections: [{{ serial: {{ pty: true }} }}] }}
"""


@contextmanager
def running_emupos(folder: Path) -> Iterator[Emupos]:
    command = emupos_command()
    api, printer = free_port(), free_port()
    (folder / "emupos.yaml").write_text(CONFIG.format(api=api, printer=printer, folder=folder))
    with (folder / "emupos.log").open("wb") as log:
        child = subprocess.Popen(
            [command, "run", "--config", folder / "emupos.yaml"],
            env={**os.environ, "TMPDIR": str(folder)},
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            emupos = Emupos(f"http://127.0.0.1:{api}/api/v1", folder / "emupos", printer)
            _wait_until_up(emupos, child, folder / "emupos.log")
            yield emupos
        finally:
            child.terminate()
            child.wait(START_S)


def _wait_until_up(emupos: Emupos, child: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while child.poll() is None and time.monotonic() < end:
        with suppress(urllib.error.URLError, ConnectionError):
            emupos.get("/health")
            return
        time.sleep(0.05)
    pytest.fail(f"emupos did not start: {log.read_text()}")
