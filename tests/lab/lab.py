"""Where the scenarios are played: boxes that hold the same, each of them new.

Lanetally is installed once for each checkout, as a technician does it, with a lane, a bridge and
their devices; that box is then put to sleep, and every scenario wakes it afresh. What one scenario
breaks, the next does not meet.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.lab.cache import keep_only, scratch
from tests.lab.hands import GuestFailed
from tests.lab.image import Image, disk_of
from tests.lab.machine import KERNEL, MEMORY_MB, Disks, Machine, ending
from tests.lab.paper import SENT
from tests.lab.payload import payload

INSTALL = (
    "systemctl start lab.mount && "
    "sh /lab/systemd/install.sh /lab/wheels/lanetally-*.whl --wheels /lab/wheels"
)
INSTALL_S = 900.0
DISK, MEMORY = "disk.qcow2", "memory"  #: of a sleeping box
PAYLOAD = "payload.img"
DATA_SIZE = "256M"
#: What is taken out of the box after a scenario, by the name that it gets.
LEFT_BEHIND = {
    "journal.txt": "journalctl --no-pager --boot --output=short-precise",
    SENT: "for paper in /var/log/lanetally-paper-*; do base64 -w0 $paper 2>/dev/null; echo; done",
}


@dataclass(frozen=True, slots=True)
class Options:
    cuts: int = 20  #: of the power
    idle_min: int = 10  #: minutes of rest


@dataclass(frozen=True, slots=True)
class Lab:
    image: Image
    bed: Path  #: with the sleeping box: disk.qcow2, memory
    folder: Path  #: of this run: disks, consoles, sockets
    results: Path
    options: Options
    niceness: int = 0

    def beside(self, name: str, niceness: int) -> Lab:
        """The same with a folder of its own, so that its boxes can run beside others."""
        folder = self.folder / name
        folder.mkdir()
        (folder / PAYLOAD).hardlink_to(self.folder / PAYLOAD)
        return replace(self, folder=folder, niceness=niceness)

    @contextmanager
    def woken(self, name: str) -> Iterator[Machine]:
        """The box that was asleep, for a scenario."""
        with ending(self.box(self.bed)) as box:
            box.wake(self.bed / MEMORY)
            yield box
            self.collect(box, name)

    def box(
        self,
        bed: Path,
        *,
        root: Path | None = None,
        data: Path | None = None,
        log: Path | None = None,
    ) -> Machine:
        """A box over the disk of a bed. What it changes of that goes to `root`, a new layer; `data`
        and `log` are its second disk, an empty one if there is none."""
        disk = layer(root or self.folder / DISK, bed / DISK, "qcow2")
        disks = Disks(disk, self.folder / PAYLOAD, data or self.new_data(), log)
        return Machine(self.image, self.folder, disks, self.niceness)

    def collect(self, box: Machine, name: str) -> None:
        """What the box holds of a scenario, into the results."""
        folder = self.results / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, command in LEFT_BEHIND.items():
            (folder / file).write_text(box.run(command, must=False), "utf-8")
        shutil.copyfile(self.folder / "console.log", folder / "console.txt")

    def new_data(self) -> Path:
        """An empty disk, labelled `data`."""
        return _new_data(self.folder)


def installed(image: Image, folder: Path) -> Path:
    """The folder with a sleeping box, installed from this checkout; made if it is not there.

    `folder`: of this run; the payload is left there. The box lies beside the image that it is a
    layer over, and goes with it.
    """
    parts = payload(folder / PAYLOAD, image.arch), image.arch.qemu, MEMORY_MB, KERNEL
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
    bed = image.disk.parent / f"installed-{digest}"
    if bed.exists():
        return bed
    keep_only(bed)
    with scratch(image.arch) as begun:
        part = Path(begun, "bed")
        part.mkdir()
        _install(image, folder, part)
        part.rename(bed)
    return bed


def _install(image: Image, folder: Path, bed: Path) -> None:
    disk = layer(bed / DISK, image.disk, "raw")
    disks = Disks(disk, folder / PAYLOAD, _new_data(folder))
    with ending(Machine(image, folder, disks)) as box:
        boot_s = box.boot()
        began = time.monotonic()
        box.run(INSTALL, timeout_s=INSTALL_S)
        first_s = time.monotonic() - began
        box.run(INSTALL, timeout_s=INSTALL_S)  # nothing to do: as often as you like
        box.run(box.python("tests.lab.guest.prepare", "open"))
        print(f"installed in {first_s:.0f} s, in a box that booted in {boot_s:.0f} s", flush=True)
        box.sleep(bed / MEMORY)


def _new_data(folder: Path) -> Path:
    """An empty disk, labelled `data`."""
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    disk = folder / "data.img"
    disk_of(empty, disk, "data", DATA_SIZE)
    return disk


def layer(disk: Path, below: Path, form: str) -> Path:
    """A new qcow2 disk over another one."""
    disk.unlink(missing_ok=True)
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", form, "-b", str(below), str(disk)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise GuestFailed(f"{command[0]}: {ended.stderr[-2000:]}")
    return disk
