"""The disk is full, gives errors, turns read-only: the lane counts on and keeps what it promised.

What the lane owns lies on a disk of its own, which the kernel's device mapper makes ill.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.lab.guest import shop
from tests.lab.guest.devices import LANE
from tests.lab.guest.promises import Promise, hold_promises, settle_what_is_open
from tests.lab.guest.result import Findings, told
from tests.lab.guest.shop import Shop
from tests.lab.guest.waiting import waited

STATE = LANE.journal.parents[1]
BALLAST = LANE.journal.with_name("ballast")
FILLER = STATE / "filler"
DISK = Path("/dev/disk/by-label/data").resolve()  # what lies upon it will have the label, too
MAPPED = "/dev/mapper/lab"
SCANS_MAX = 200
FILL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Fault:
    begin: Callable[[Shop], None]
    end: Callable[[Shop], None]


def disk(findings: Findings) -> None:
    _shell(
        f'dmsetup create lab --table "{_table("linear")}"; mkdir -p {STATE}; mount {MAPPED} {STATE}'
    )
    shop.open_books([LANE])
    promises: list[Promise] = []
    with shop.opened() as open_shop:
        _spend_reserve(findings, open_shop)
        _pay(open_shop, "reserve", promises)
        for name, fault in FAULTS.items():
            fault.begin(open_shop)
            before = _scan_until_degraded(open_shop)
            findings.hold(f"{name}_scans_before", before, held=before < SCANS_MAX)
            shown = open_shop.screen.item_count
            _scan(open_shop)
            counted = open_shop.screen.item_count - shown
            findings.hold(f"{name}_counts_on", counted, held=counted == 1)
            fault.end(open_shop)
            findings.note(f"{name}_repaired", _repaired(open_shop))
            well_s = waited(lambda: not open_shop.pos.lane()["degraded"], "it writes again")
            findings.note(f"{name}_well_s", round(well_s, 1))
            open_shop.wait_until_up()
            _pay(open_shop, name, promises)
        open_shop.wait_until_through()
        receipts = open_shop.printer.receipts
        printed = [Promise("printed", code) for receipt in receipts for code in receipt.qr_codes]
        hold_promises(findings, promises + printed)


def _spend_reserve(findings: Findings, open_shop: Shop) -> None:
    """The disk is full, and the lane writes on in the room that it had kept."""
    _fill(open_shop)
    for number in range(SCANS_MAX):
        if not BALLAST.exists():
            findings.hold("reserve_after_scans", number, held=not open_shop.pos.lane()["degraded"])
            return
        _scan(open_shop)
    findings.broken.append(f"the reserve was not given up within {SCANS_MAX} scans")


def _scan(open_shop: Shop) -> None:
    open_shop.cashier.scan(open_shop.label())


def _scan_until_degraded(open_shop: Shop) -> int:
    """How many scans it took."""
    for number in range(SCANS_MAX):
        if open_shop.pos.lane()["degraded"]:
            return number
        _scan(open_shop)
    return SCANS_MAX


def _pay(open_shop: Shop, name: str, promises: list[Promise]) -> None:
    """What the lane has counted; then a basket of one."""
    for total_id in (f"{name}-rest", f"{name}-next"):
        if open_shop.pos.lane()["transaction_id"] is not None:
            settle_what_is_open(open_shop, total_id)
            promises.append(Promise("settled", total_id))
        waited(lambda: open_shop.screen.transaction_id is None, "nothing is open")
        _scan(open_shop)


# --- what befalls the disk -----------------------------------------------------------------------


def _fill(_: Shop) -> None:
    """To the last byte."""
    with FILLER.open("ab") as file, suppress(OSError):
        while os.write(file.fileno(), bytes(FILL_BYTES)):
            pass


def _make_room(_: Shop) -> None:
    FILLER.unlink()


def _become(kind: str, more: str = "") -> None:
    """What lies below the file system from now on."""
    table = _table(kind, more)
    _shell(f'dmsetup suspend --noflush lab; dmsetup load lab --table "{table}"; dmsetup resume lab')


def _table(kind: str, more: str = "") -> str:
    return f"0 $(blockdev --getsz {DISK}) {kind} {DISK} 0 {more}"


def _repaired(open_shop: Shop) -> bool:
    """Whether it took a technician: a file system that has met an error stays read-only."""
    try:
        (STATE / "probe").write_bytes(b"1")
    except OSError:
        _shell(
            f"systemctl stop {LANE.unit}; umount {STATE}; fsck.ext4 -y {MAPPED} >/dev/null || true;"
            f" mount {MAPPED} {STATE}; systemctl start {LANE.unit}"
        )
        open_shop.wait_until_up()
        return True
    return False


def _shell(commands: str) -> None:
    subprocess.run(["sh", "-ec", commands], check=True)


FAULTS: Mapping[str, Fault] = {
    "full": Fault(_fill, _make_room),
    "errors": Fault(
        lambda _: _become("flakey", "0 60 1 error_writes"), lambda _: _become("linear")
    ),
    "read_only": Fault(lambda _: _shell(f"mount -o remount,abort {STATE}"), lambda _: None),
}


if __name__ == "__main__":
    told(disk)
