"""The virtual box: a QEMU process, and hands inside that run commands.

TCG always: the lab is to run on machines whose own processor may not be lent out. A box is switched
on, or it is woken from the memory of one that was put to sleep: what it holds is the same, and a
minute is saved. Its root disk is a layer over a cached one; its second disk, `data`, is its own.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.lab.hands import GuestFailed, Hand
from tests.lab.image import HANDS, Image

MEMORY_MB = 1536
#: Even where this process is killed; util-linux brings it.
ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL")
BOOT_S = 600
WAKE_S = 60
COMMAND_S = 300
#: highres=off: the kernel's virtual USB ports ask each device 8,000 times a second, which takes
#: more of an emulated processor than the lane does; so they ask at each of its ticks, 250 times.
KERNEL = (
    "root=LABEL=root rw console={console} quiet mitigations=off random.trust_cpu=on panic=-1"
    " highres=off"
)
#: What is different after the sleep: the time, and what the payload's disk holds.
WOKEN = "date --set=@{now} >/dev/null; systemctl start lab.mount"
ASLEEP = "systemctl stop lab.mount; sync; echo 1 >/proc/sys/vm/drop_caches"


@dataclass(frozen=True, slots=True)
class Disks:
    """What is plugged into the box."""

    root: Path  #: qcow2
    payload: Path  #: raw, read-only
    data: Path  #: raw
    log: Path | None = None  #: takes all that is written to `data`, see `forgetful`


#: The boxes of this process that run now.
_running: set[subprocess.Popen[bytes]] = set()
_is_over = threading.Event()
_starting = threading.Lock()  #: so that none starts unseen while all are ended


def end_all() -> None:
    """Whoever waits for a box hears that it is not running; whoever starts one fails."""
    with _starting:
        _is_over.set()
        for process in list(_running):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class Machine:
    """One virtual box. `folder` holds its console and its sockets."""

    def __init__(self, image: Image, folder: Path, disks: Disks, niceness: int = 0) -> None:
        self.folder = folder
        self._niceness = niceness
        self.disks = disks
        self._image = image
        self._process: subprocess.Popen[bytes] | None = None
        self._hands: list[Hand] = []

    def boot(self, clock: str = "utc") -> float:
        """Switch on; seconds until it takes commands. Raises GuestFailed.

        `clock`: what its clock says, as QEMU's `-rtc base=` has it.
        """
        began = time.monotonic()
        self._start(["-rtc", f"base={clock}"])
        for hand in self._hands:
            hand.wait_ready(began + BOOT_S, self._check)
        return time.monotonic() - began

    def wake(self, memory: Path) -> None:
        """Go on where a box with the same disks was put to sleep."""
        self._start(["-incoming", f"exec:cat {shlex.quote(str(memory))}"])
        self.run(WOKEN.format(now=round(time.time())), timeout_s=WAKE_S)

    def sleep(self, memory: Path) -> None:
        """Keep the memory in a file, and end."""
        self.run(ASLEEP)
        with self._monitor() as ask:
            ask("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
            ask("migrate", uri=f"exec:cat >{shlex.quote(str(memory))}")
            while (status := ask("query-migrate")["status"]) not in ("completed", "failed"):
                time.sleep(0.1)
        self._end()
        if status == "failed":
            raise GuestFailed("the box cannot be put to sleep")

    def run(
        self,
        command: str,
        *,
        hand: int = 0,
        timeout_s: float = COMMAND_S,
        heard: Callable[[str], None] | None = None,
        must: bool = True,
    ) -> str:
        """What a shell command prints; `heard` gets each line as it comes.

        Raises GuestFailed if it fails (unless not `must`), takes too long, or the box dies.
        """
        lines: list[str] = []

        def hear(line: str) -> None:
            lines.append(line)
            if heard is not None:
                heard(line)

        code = self._hands[hand].obey(command, time.monotonic() + timeout_s, hear, self._check)
        if code and must:
            raise GuestFailed(f"{command}: code {code}\n" + "\n".join(lines[-30:]))
        return "\n".join(lines)

    def python(self, module: str, *arguments: str) -> str:
        """The command line for a module of the lab, in the environment that is being tested."""
        words = ["/opt/lanetally/bin/python", "-m", module, *arguments]
        return f"cd /lab && PYTHONDONTWRITEBYTECODE=1 exec {shlex.join(words)}"

    def cut_power(self) -> None:
        """No more of its memory, no farewell to its disks."""
        self._end()

    def _start(self, how: list[str]) -> None:
        sockets = [self.folder / f"hand-{number}" for number in range(HANDS)]
        ports: list[str] = []
        for number, path in enumerate(sockets):
            path.unlink(missing_ok=True)
            ports += ["-chardev", f"socket,id=c{number},path={path},server=on,wait=off"]
            ports += ["-device", f"virtserialport,chardev=c{number},name=lab.{number}"]
        monitor = self.folder / "monitor"
        monitor.unlink(missing_ok=True)
        arch = self._image.arch
        with (self.folder / "qemu.log").open("ab") as log, _starting:
            if _is_over.is_set():
                raise GuestFailed("the lab is ended: no box starts any more")
            self._process = subprocess.Popen(
                [*ENDS_WITH_US, "nice", "-n", str(self._niceness), *arch.qemu,
                 *("-accel", "tcg,thread=multi", "-smp", "2"),
                 *("-m", str(MEMORY_MB), "-display", "none", "-nodefaults", "-no-reboot"),
                 *("-nic", "user,model=virtio,restrict=on"),
                 *("-kernel", str(self._image.kernel), "-initrd", str(self._image.initrd)),
                 *("-append", KERNEL.format(console=arch.console)), *_drives(self.disks),
                 *("-serial", f"file:{self.folder / 'console.log'}"),
                 *("-qmp", f"unix:{monitor},server=on,wait=off"),
                 "-device", "virtio-serial", *ports, *how],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0,
            )  # fmt: skip
            _running.add(self._process)
        self._hands = [Hand(path, self._check) for path in sockets]

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            _running.discard(process)
        for hand in self._hands:
            hand.close()
        self._hands = []

    def _check(self) -> None:
        if self._process is None or self._process.poll() is not None:
            said = (self.folder / "qemu.log").read_text("utf-8", "replace")[-1000:]
            raise GuestFailed(f"the box is not running\n{said}")

    @contextmanager
    def _monitor(self) -> Iterator[Callable[..., dict[str, object]]]:
        """QEMU's own ear: `ask(command, **arguments)` returns what it answers."""
        with closing(socket.socket(socket.AF_UNIX)) as line:
            line.connect(str(self.folder / "monitor"))
            with line.makefile("rw", encoding="utf-8") as file:

                def ask(command: str, **arguments: object) -> dict[str, object]:
                    file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
                    file.flush()
                    for said in map(json.loads, file):
                        if "error" in said:
                            raise GuestFailed(f"{command}: {said['error']['desc']}")
                        if "return" in said:
                            return dict(said["return"])
                    raise GuestFailed(f"{command}: QEMU hung up")

                ask("qmp_capabilities")
                yield ask


def _drives(disks: Disks) -> list[str]:
    """QEMU's options for the disks, which the box tells apart by their labels."""
    data = [f"driver=file,filename={disks.data},node-name=data"]
    if disks.log is not None:
        data = [
            f"driver=file,filename={disks.data},node-name=below",
            f"driver=file,filename={disks.log},node-name=log",
            "driver=blklogwrites,file=below,log=log,node-name=data",
        ]
    return [
        *("-drive", f"file={disks.root},if=virtio,format=qcow2"),
        *("-drive", f"file={disks.payload},if=virtio,format=raw,readonly=on"),
        *(word for node in data for word in ("-blockdev", node)),
        *("-device", "virtio-blk-pci,drive=data,write-cache=on,discard=off,write-zeroes=off"),
    ]


@contextmanager
def ending(box: Machine) -> Iterator[Machine]:
    """Its process ends with the `with` block."""
    try:
        yield box
    finally:
        with suppress(OSError):
            box.cut_power()
