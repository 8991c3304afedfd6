"""What of the hardware lab can be held without booting it."""

from __future__ import annotations

import json
import random
import sys
from base64 import b64encode
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image
from pyzbar import pyzbar

from agent.config import load
from cloud_bridge import config as bridge
from drivers.registry import load as driver
from tests.lab import forgetful, paper
from tests.lab.guest import devices, shop
from tests.lab.guest.result import MARK, Findings, told
from tests.lab.guest.waiting import LabFailed
from tests.lab.payload import PINNED, ROOT
from tests.lab.scenarios import SCENARIOS

GUEST = ROOT / "tests" / "lab" / "guest"
SECTOR = forgetful.SECTOR


@pytest.mark.parametrize("module", sorted(path.stem for path in GUEST.glob("*.py")))
def test_what_is_played_in_the_box_can_be_imported(module):
    import_module(f"tests.lab.guest.{module}")


@pytest.mark.parametrize("lane", devices.LANES, ids=lambda lane: lane.id)
def test_the_settings_of_a_lane_are_in_order(lane, tmp_path):
    file = tmp_path / "lane.toml"
    file.write_text(shop.lane_toml(lane), "utf-8")

    configured = load(file).device

    assert [device.role for device in configured] == [device.role for device in lane.devices]
    assert all(driver(device.kind, device.model) for device in configured)


def test_the_settings_of_the_bridge_are_in_order(tmp_path):
    file = tmp_path / "bridge.toml"
    (tmp_path / "costs.csv").write_text("gtin,unit_cost_minor,cost_per\n")
    file.write_text(shop.BRIDGE_TOML.replace(str(shop.SETTINGS), str(tmp_path)), "utf-8")

    assert bridge.load(file).settings.ledger.path == str(shop.LEDGER)


def test_each_device_has_a_port_and_a_name_of_its_own():
    every = [device for lane in (devices.LANE, devices.OTHER_LANE) for device in lane.devices]

    assert len({device.gadget.port for device in every}) == len(every)
    assert len({device.path for device in every}) == len(every)


def test_a_scenario_that_breaks_off_says_so(capsys):
    def scenario(findings: Findings) -> None:
        findings.hold("scans", 3, held=True)
        findings.hold("lost", 1, held=False)
        raise LabFailed("the box is on fire")

    told(scenario)

    last = capsys.readouterr().out.splitlines()[-1]
    said = json.loads(last.removeprefix(MARK))
    assert said["broken"] == ["lost: 1", "LabFailed: the box is on fire"]
    assert said["figures"]["scans"] == 3


# --- the disk that forgets -----------------------------------------------------------------------


def logged(path: Path, *writes: tuple[int, int, bytes]) -> Path:
    """A log of writes, each as its sector, its flags and its data."""
    entries = [
        forgetful.ENTRY.pack(sector, len(data) // SECTOR, flags, 0).ljust(SECTOR, b"\0") + data
        for sector, flags, data in writes
    ]
    path.write_bytes(bytes(SECTOR) + b"".join(entries) + bytes(SECTOR))
    return path


def cut_of(
    tmp_path: Path, seed: int, promised_bytes: int = sys.maxsize
) -> tuple[bytes, forgetful.Cut]:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(16 * SECTOR))
    safe, late = b"s" * 2 * SECTOR, b"l" * 4 * SECTOR
    log = logged(
        tmp_path / "log", (0, 0, safe), (0, forgetful.FLUSH, b""), (4, 0, late), (9, 0, late)
    )
    return disk.read_bytes(), forgetful.cut(disk, log, random.Random(seed), promised_bytes)


def test_what_was_flushed_outlives_the_cut_and_the_rest_is_a_matter_of_chance(tmp_path):
    fates = set()
    for seed in range(50):
        _, cut = cut_of(tmp_path, seed)
        left = (tmp_path / "disk").read_bytes()
        assert left[: 2 * SECTOR] == b"s" * 2 * SECTOR
        assert (cut.flushed, cut.open) == (2, 2)
        late = left[4 * SECTOR : 8 * SECTOR]
        sectors = [late[at : at + SECTOR] for at in range(0, len(late), SECTOR)]
        assert all(sector in (bytes(SECTOR), b"l" * SECTOR) for sector in sectors)
        fates.add(sum(sector[:1] == b"l" for sector in sectors))

    assert {0, 4} < fates, "kept, lost, and torn"


def test_the_power_goes_at_any_write_since_the_last_promise(tmp_path):
    after_first_flush = 5 * SECTOR
    cuts = [cut_of(tmp_path, seed, after_first_flush)[1] for seed in range(50)]

    assert {cut.flushed for cut in cuts} == {2}, "what was promised has been flushed"
    assert {cut.open for cut in cuts} == {0, 1, 2}
    assert min(cut_of(tmp_path, seed, 0)[1].flushed for seed in range(50)) == 0


def test_a_log_that_ends_within_a_write_is_read_up_to_there(tmp_path):
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(4 * SECTOR))
    log = logged(tmp_path / "log", (0, 0, b"a" * SECTOR), (1, 0, b"b" * SECTOR))
    log.write_bytes(log.read_bytes()[: -2 * SECTOR])

    assert forgetful.cut(disk, log, random.Random(1)).open == 1


# --- its paper -----------------------------------------------------------------------------------


def test_receipts_are_drawn_as_they_were_printed_and_their_codes_can_be_read(tmp_path):
    number = b"H-000001"
    code = b"\x1d(k" + bytes([len(number) + 3, 0]) + b"1P0" + number + b"\x1d(k\x03\x001Q0"
    sent = b"\x1b@Milk        12.00\nTotal       12.00\n" + code + b"\x1dV\x00" + b"\x1b@cut short"
    (tmp_path / paper.SENT).write_text(f"{b64encode(sent).decode()}\n\n")

    assert paper.drawn(tmp_path) == (1, [])

    assert "Milk" in (tmp_path / "receipts.txt").read_text()
    with Image.open(tmp_path / "receipt-01.png") as picture:
        assert [code.data for code in pyzbar.decode(picture)] == [number]
        assert picture.crop((0, 0, picture.width, 84)).getextrema() == (0, 255), "text"


# --- what is carried into the box, and what is said about it -------------------------------------


def test_the_versions_of_the_lock_are_those_of_the_box():
    lock = (ROOT / "requirements.lock").read_text("utf-8")

    pins = dict(PINNED.findall(lock))

    assert len(pins) == lock.count("==") - sum(marker.count("==") for marker in pins.values())
    assert "msgspec" in {pin.partition("==")[0] for pin in pins}


def test_scenarios_are_documented():
    said = (ROOT / "tests" / "lab" / "README.md").read_text("utf-8")
    assert [name for name in SCENARIOS if f"`{name}`" not in said] == []
