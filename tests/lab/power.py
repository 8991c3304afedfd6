"""The power goes at random moments while the lane sells, and comes again.

The box is put to sleep right before its lane is switched on, with the load waiting in it. For each
cut it is woken, its second disk is mounted, with all that lane, bridge and broker own, the lane is
switched on, what the cut before has left is judged, and it sells until QEMU is killed. So each cut
costs seconds and not a start of the whole box; that one is played by `boot`. The second disk
forgets what was not flushed: see `forgetful`.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tests.lab import forgetful, moments
from tests.lab.lab import DISK, MEMORY, Lab
from tests.lab.machine import ending
from tests.lab.moments import Heard
from tests.lab.outcome import Outcome
from tests.lab.world import World, wait_with_load

SEED = 6
MANY = 5
MOMENTS = 2  #: of each start, judged without another one
AFTER_S = 0.0, 5.0  #: from the first sale on
#: All that the power must not take.
STATE = ("lanetally", "lanetally-bridge", "mosquitto")
MOUNT = " && ".join((
    # as a start does it, on a Pi with fsck.repair=yes; 1: it was mended
    "{ e2fsck -y /dev/disk/by-label/data || [ $? = 1 ]; }",
    "mount LABEL=data /mnt",
    *(f"mkdir -p /mnt/{name} /var/lib/{name} && mount --bind /mnt/{name} /var/lib/{name}"
      for name in STATE),
    "chown mosquitto: /var/lib/mosquitto",
    "systemctl start mosquitto",
))  # fmt: skip


def power_cuts(lab: Lab) -> Outcome:
    chance = random.Random(SEED)
    bed = _bed(lab)
    data, world = lab.new_data(), World(lab.results / "power")
    disk, judging = Counter[str](), list[Future[list[str]]]()
    with ThreadPoolExecutor(1) as judge:  # of the start before, while the box starts again
        for cut in range(lab.options.cuts + 1):
            is_last = cut == lab.options.cuts
            log, before = lab.folder / f"writes-{cut}", lab.folder / f"data-{cut}.img"
            log.touch()
            shutil.copyfile(data, before)
            with ending(lab.box(bed, data=data, log=log)) as box:
                box.wake(bed / MEMORY)
                box.run(MOUNT)
                after_s = None if is_last else chance.uniform(*AFTER_S)
                world.live(box, cut, after_s, waits=True, log=log)
                if is_last:
                    lab.collect(box, "power")
            shutil.copyfile(before, data)
            left = forgetful.cut(data, log, chance, world.promised_bytes)
            disk.update(open=left.open, lost=left.lost, torn=left.torn)
            judging.append(judge.submit(_judged, cut, before, log, tuple(world.promises)))
        broken = [ill for judged in judging for ill in judged.result()]
    outcome = world.outcome()
    figures = {
        "cuts": lab.options.cuts,
        "moments": MOMENTS * len(judging),
        **{f"writes_{fate}": n for fate, n in disk.items()},
    }
    met = ["no cut met a write under way"] if lab.options.cuts >= MANY and not disk["open"] else []
    return Outcome(figures | outcome.figures, outcome.broken + broken + met)


def _judged(start: int, before: Path, log: Path, promises: Collection[Heard]) -> list[str]:
    """What did not hold at other moments of a start."""
    chance = random.Random(start)
    ills = [ill for _ in range(MOMENTS) for ill in moments.broken(before, log, chance, promises)]
    before.unlink()
    log.unlink()
    return [f"start {start}, {ill}" for ill in ills]


def _bed(lab: Lab) -> Path:
    """A box in which all is ready for the lane to be switched on, asleep."""
    bed = lab.folder / "power"
    bed.mkdir()
    with ending(lab.box(lab.bed, root=bed / DISK)) as box:
        box.wake(lab.bed / MEMORY)
        box.run(box.python("tests.lab.guest.prepare", "close"))
        box.run("systemctl stop mosquitto")
        wait_with_load(box)
        box.sleep(bed / MEMORY)
    return bed
