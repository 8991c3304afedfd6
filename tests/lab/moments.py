"""More moments of the same disk: what a power cut at any of its writes would have left.

The box is started again after a few cuts only, which takes its time. The log of a start tells what
was on the disk after each of its writes: for some of these the file system is mended as a start
would mend it, and journal and ledger are taken out and read here.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from agent.cli.demo.check import chained, evidence
from tests.lab import forgetful
from tests.lab.guest.devices import LANE
from tests.lab.guest.promises import Promise, lost
from tests.lab.guest.shop import LEDGER

#: On the second disk, under the names of /var/lib.
PLACES = {path.parent.relative_to("/var/lib").parts[0] for path in (LANE.journal, LEDGER)}
#: Of the ledger, at any moment.
NEVER = ("duplicates", "unbalanced", "sum_minor", "quarantined")
#: With how long the log was at that moment; 0 if that was before this start.
Heard: TypeAlias = tuple[int, Promise]
CLEAN = (0, 1)  #: e2fsck(8): no errors; errors corrected


def broken(
    before: Path, log: Path, chance: random.Random, promises: Collection[Heard]
) -> list[str]:
    """What does not hold at one moment; `before`: the disk as it was when the log began."""
    with TemporaryDirectory(dir=before.parent) as scratch:
        disk = Path(scratch, "disk.img")
        shutil.copyfile(before, disk)
        cut = forgetful.cut(disk, log, chance, 0)
        held = [promise for at, promise in promises if at <= cut.at]
        ended = subprocess.run(["e2fsck", "-fy", disk], capture_output=True, check=False)
        if ended.returncode not in CLEAN:
            return [f"write {cut.at}: the file system is beyond repair"]
        for place in PLACES:
            subprocess.run(["debugfs", "-R", f"rdump /{place} {scratch}", disk],
                           capture_output=True, check=True)  # fmt: skip
        return [f"write {cut.at}: {what}" for what in _unkept(Path(scratch), held)]


def _unkept(root: Path, promises: Collection[Promise]) -> list[str]:
    journal, ledger = (root / path.relative_to("/var/lib") for path in (LANE.journal, LEDGER))
    try:
        found = evidence(journal, ledger, [])
    except sqlite3.Error as error:
        is_before = isinstance(error, sqlite3.OperationalError)  # a first start, not so far yet
        return [] if is_before and not promises else [f"{error}, and {len(promises)} promises"]
    ills = [f"{name}: {which}" for name, which in lost(found, promises).items() if which]
    chain = chained(found)
    if not chain.held:
        ills.append(chain.name)
    strangers = set(found.inbox_hashes) - {row.hash for row in found.rows}
    if strangers:
        ills.append(f"{len(strangers)} facts at head office that the lane does not know")
    return ills + [f"{name} {found.ledger[name]}" for name in NEVER if found.ledger[name]]
