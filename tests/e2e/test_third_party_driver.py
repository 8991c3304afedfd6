"""A driver in a package of its own, found by its entry point and run like any other.

The package lies beside Lanetally, as `pip install` would leave it: a folder of code and its
`.dist-info`. It imports `drivers.base` and nothing else of Lanetally.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

DRIVER = """
import os
import select
import time
from dataclasses import MISSING, dataclass

from drivers.base import DeviceUnavailable, Identity, StableWeight, option


@dataclass(frozen=True, slots=True)
class Options:
    path: str = option(MISSING, "where the scale writes its grams, one line each")
    division_g: int = option(1, "the scale's division", unit="g", low=1, high=100)


class ThirdPartyScale:
    Options = Options
    accepts = ()

    def __init__(self, role, options):
        self.role, self.options, self.fd = role, options, -1

    def probe(self):
        return Identity("Acme", "9000", "", self.options.path)

    def open(self):
        try:
            self.fd = os.open(self.options.path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise DeviceUnavailable(str(error)) from error

    def run(self, emit, stop):
        while not stop.is_set():
            if select.select([self.fd], [], [], 0.2)[0]:
                for line in os.read(self.fd, 100).split():
                    grams = int(line) // self.options.division_g * self.options.division_g
                    emit(StableWeight(self.role, grams, False, line, time.monotonic_ns()))

    def handle(self, command):
        raise TypeError(type(command).__name__)

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
"""

ENTRY_POINTS = """\
[lanetally.drivers]
scale/third-party = acme_scale:ThirdPartyScale
scale/toledo-8217 = acme_scale:ThirdPartyScale
scale/broken = acme_scale:NoSuchClass
"""

LANE = """\
[store]
org = "acme"
id = "s1"
name = "n"
[lane]
id = "l1"
[[device]]
role = "counter"
kind = "scale"
model = "third-party"
path = "{path}"
division_g = 5
"""

SUPERVISED = """
import sys, threading
from pathlib import Path
from agent.config import load
from agent.supervisor import Supervisor
from drivers import registry
[device] = load(Path(sys.argv[1])).device
driver = registry.load(device.kind, device.model)(device.role, device.options)
weighed, health = threading.Event(), []
supervisor = Supervisor(lambda *told: health.append(told[:3]))
def emit(event):
    print(type(event).__name__, event.role, event.weight_g)
    weighed.set()
supervisor.add_device(device.role, device.kind, driver, emit)
supervisor.start()
assert weighed.wait(20), health
print(supervisor.stop(), health)
"""


@pytest.fixture
def site(tmp_path) -> Path:
    """Where the package was installed to."""
    site = tmp_path / "site"
    info = site / "lanetally_third_party_scale-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "acme_scale.py").write_text(DRIVER, "utf-8")
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: lanetally-third-party-scale\nVersion: 1.0\n"
    )
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return site


@pytest.fixture
def fifo(tmp_path) -> Path:
    path = tmp_path / "counter"
    os.mkfifo(path)
    return path


@pytest.fixture
def lane(tmp_path, fifo) -> Path:
    file = tmp_path / "lane.toml"
    file.write_text(LANE.format(path=fifo), "utf-8")
    return file


def run(site: Path, *words: str | Path, code: int = 0) -> str:
    """What a fresh Python says that has the package installed."""
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        env={**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def lanetally(site: Path, *words: str | Path, code: int = 0) -> str:
    return run(
        site, "-c", "from agent.cli import main; raise SystemExit(main())", *words, code=code
    )


def test_its_options_are_checked_and_listed_like_those_of_any_driver(site, lane):
    assert lanetally(site, "config", "check", lane) == f"{lane} is in order\n"
    lane.write_text(lane.read_text().replace("division_g = 5", "division_g = 500"))
    assert "counter" not in lanetally(site, "config", "check", lane, code=1)
    assert "division_g: is 500; allowed: 1…100 g" in lanetally(
        site, "config", "check", lane, code=1
    )
    listed = lanetally(site, "devices", "options", "scale/third-party")
    assert "the scale's division" in listed
    assert "1…100 g" in listed


def test_the_technician_can_probe_and_try_it(site, lane, fifo):
    assert "device: 9000\n" in lanetally(site, "devices", "probe", "counter", "--config", lane)
    hand = os.open(fifo, os.O_RDWR)
    os.write(hand, b"1237\n")
    said = lanetally(
        site, "devices", "try", "counter", "--config", lane, "--seconds", "1", "--json"
    )
    os.close(hand)
    assert json.loads(said)["weight_g"] == 1235


def test_the_supervisor_runs_it(site, lane, fifo):
    hand = os.open(fifo, os.O_RDWR)
    os.write(hand, b"1237\n")
    said = run(site, "-c", SUPERVISED, lane)
    os.close(hand)
    assert said.splitlines() == [
        "StableWeight counter 1235",
        "[] [('counter', 'scale', 'up')]",
    ]


def test_it_cannot_take_the_place_of_a_driver_that_lanetally_has(site):
    code = (
        "from drivers.registry import known, load\n"
        "print(load('scale', 'toledo-8217').__module__, known()['scale', 'toledo-8217'])\n"
        "print(load('scale', 'third-party').__module__)"
    )
    module = "drivers.scale.driver_toledo_8217"
    assert run(site, "-c", code) == f"{module} {module}:Toledo8217Scale\nacme_scale\n"


def test_one_that_cannot_be_loaded_is_an_error_in_the_file_that_names_it(site, lane):
    lane.write_text(lane.read_text().replace('"third-party"', '"broken"'))
    said = lanetally(site, "config", "check", lane, code=1)
    assert "its driver cannot be loaded" in said
    assert "NoSuchClass" in said


def test_without_the_package_the_file_is_told_which_drivers_there_are(tmp_path, lane):
    said = lanetally(tmp_path, "config", "check", lane, code=1)
    assert "no driver for third-party; there are:" in said
