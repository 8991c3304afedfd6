"""The power goes at random moments while the lane sells, and comes again.

The box is put to sleep right before its lane is switched on, with the load waiting in it. For each
cut it is woken, its second disk is mounted, with all that lane, bridge and broker own, the lane is
switched on, what the cut before has left is judged, and it sells until QEMU is killed. So each cut
costs seconds and not a start of the whole box; that one is played by `boot`. The second disk
forgets what was not flushed: see `forgetful`.
"""

from __future__ import annotations

import json
import random
import shlex
import shutil
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.lab import forgetful, moments
from tests.lab.guest import load
from tests.lab.guest.result import MARK
from tests.lab.hands import GuestFailed
from tests.lab.lab import DISK, MEMORY, Lab
from tests.lab.machine import Machine, ending
from tests.lab.moments import Promise
from tests.lab.outcome import Outcome, told

SEED = 6
MANY = 5
MOMENTS = 4  #: of each start, judged without another one
AFTER_S = 0.0, 6.0  #: from the first sale on
PATIENCE_S = 600.0
LOOK_S = 0.2
LOAD = "tests.lab.guest.load"
#: The load that waits in the sleeping box; how it is told what to do.
WAITS = "({load}) >/run/lab-load.txt 2>&1 & until [ -p {said} ]; do sleep 0.1; done"
TELL = "echo {orders} >{pipe} & exec cat {said}"
#: All that the power must not take.
STATE = ("lanetally", "lanetally-bridge", "mosquitto")
MOUNT = " && ".join((
    "systemctl stop mosquitto",
    "mount LABEL=data /mnt",
    *(f"mkdir -p /mnt/{name} /var/lib/{name} && mount --bind /mnt/{name} /var/lib/{name}"
      for name in STATE),
    "chown mosquitto: /var/lib/mosquitto",
    "systemctl start mosquitto",
))  # fmt: skip


def power_cuts(lab: Lab) -> Outcome:
    chance = random.Random(SEED)
    bed = _bed(lab)
    data, log = lab.new_data(), lab.folder / "writes"
    world = World(lab.results / "power")
    disk = Counter[str]()
    for cut in range(lab.options.cuts + 1):
        is_last = cut == lab.options.cuts
        before = data.with_suffix(".before")
        shutil.copyfile(data, before)
        log.unlink(missing_ok=True)
        log.touch()
        with ending(lab.box(bed, data=data, log=log)) as box:
            box.wake(bed / MEMORY)
            box.run(MOUNT)
            after_s = None if is_last else chance.uniform(*AFTER_S)
            world.live(box, cut, after_s, waits=True, log=log)
            if is_last:
                lab.collect(box, "power")
        for _ in range(MOMENTS):
            world.judge(cut, moments.broken(before, log, chance, world.promises()))
        before.replace(data)
        left = forgetful.cut(data, log, chance, world.promised_bytes)
        disk.update(open=left.open, lost=left.lost, torn=left.torn)
    outcome = world.outcome()
    figures = {
        "cuts": lab.options.cuts,
        "moments": world.moments,
        **{f"writes_{fate}": n for fate, n in disk.items()},
    }
    met = ["no cut met a write under way"] if lab.options.cuts >= MANY and not disk["open"] else []
    return Outcome(figures | outcome.figures, outcome.broken + met)


def _bed(lab: Lab) -> Path:
    """A box in which all is ready for the lane to be switched on, asleep."""
    bed = lab.folder / "power"
    bed.mkdir()
    with ending(lab.box(lab.bed, root=bed / DISK)) as box:
        box.wake(lab.bed / MEMORY)
        box.run(box.python("tests.lab.guest.prepare", "close"))
        box.run(WAITS.format(load=box.python(LOAD, "wait"), said=load.SAID))
        box.sleep(bed / MEMORY)
    return bed


def _promise(at: int, what: str, which: str) -> Promise:
    transaction, _, count = which.partition(" ")
    if what == "shown":
        return Promise(at, what, transaction, int(count))
    return Promise(at, "printed" if what == "copied" else what, which)


class World:
    """Outside the box: what it has promised, and what it was found to have kept."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes
        self._promised: dict[str, list[str]] = {"settled": [], "printed": []}
        self._shown: dict[str, int] = {}
        self._originals = Counter[str]()
        self._this: list[Promise] = []  # of this start
        self.moments = 0  #: judged without a start
        self._judged: list[Outcome] = []
        self._broken: list[str] = []

    def live(
        self,
        box: Machine,
        cut: int,
        after_s: float | None,
        *,
        waits: bool,
        log: Path | None = None,
    ) -> None:
        """Let the box judge what the cut before has left, and sell until the power goes `after_s`
        after the first sale; None: until it has judged. `waits`: the load is there already; `log`:
        of its second disk."""
        about = {"start": cut, "sells": after_s is not None, "shown": self._shown}
        orders = json.dumps(about | self._promised)
        command = box.python(LOAD, orders)
        if waits:
            names = {"pipe": load.ORDERS, "said": load.SAID}
            command = TELL.format(orders=shlex.quote(orders), **names)
        selling, judged = threading.Event(), len(self._judged)
        self._this = []
        self._notes.mkdir(parents=True, exist_ok=True)

        def hear(line: str) -> None:
            with (self._notes / f"start-{cut}.txt").open("a", encoding="utf-8") as file:
                print(line, file=file)
            what, _, which = line.partition(" ")
            self._note(what, which, log)
            if what == "settled":
                selling.set()
            elif line.startswith(MARK):
                self._judged.append(told(line))

        def sell() -> None:
            with suppress(GuestFailed, OSError):
                box.run(command, hand=1, timeout_s=PATIENCE_S, heard=hear, must=False)

        hand = threading.Thread(target=sell, daemon=True)
        hand.start()
        if after_s is not None:
            while hand.is_alive() and not selling.wait(LOOK_S):
                pass
            time.sleep(after_s if hand.is_alive() else 0)
            if not hand.is_alive():
                self._broken.append(f"start {cut}: the box stopped selling by itself")
            box.cut_power()
        hand.join()
        if len(self._judged) == judged:
            self._broken.append(f"start {cut}: nothing was judged")

    def _note(self, what: str, which: str, log: Path | None) -> None:
        """A promise."""
        match what:
            case "settled":
                self._promised["settled"].append(which)
            case "printed" | "copied":
                self._promised["printed"].append(which)
                self._originals[which] += what == "printed"
            case "shown":
                shown = _promise(0, what, which)
                self._shown[shown.which] = shown.count
            case _:
                return
        if log is not None:
            self._this.append(_promise(log.stat().st_size, what, which))

    @property
    def promised_bytes(self) -> int:
        """How long the disk's log was when the last promise of this start was heard."""
        return self._this[-1].at if self._this else 0

    def promises(self) -> list[Promise]:
        """All of them, and when they were heard in this start."""
        late = {(promise.what, promise.which) for promise in self._this}
        early = [
            Promise(0, what, which)
            for what, told in self._promised.items()
            for which in told
            if (what, which) not in late
        ]
        shown = [Promise(0, "shown", one, count) for one, count in self._shown.items()]
        return early + [one for one in shown if ("shown", one.which) not in late] + self._this

    def judge(self, cut: int, broken: Sequence[str]) -> None:
        """What was found at one more moment of a start."""
        self.moments += 1
        self._broken += [f"start {cut}, {what}" for what in broken]

    def outcome(self) -> Outcome:
        """Of all starts so far; the figures are those of the last one."""
        counts = {name: len(ids) for name, ids in self._promised.items()}
        counts["shown"] = sum(self._shown.values())
        twice = [number for number, count in self._originals.items() if count > 1]
        ready_s = [float(str(found.figures.get("ready_s", 0))) for found in self._judged]
        broken = [
            f"start {number}: {what}"
            for number, found in enumerate(self._judged)
            for what in found.broken
        ]
        last = self._judged[-1].figures if self._judged else {}
        return Outcome(
            counts | last | {"ready_s": max(ready_s, default=0.0)},
            [*self._broken, *broken, *(f"{number} is on paper twice" for number in twice)],
        )
