"""The virtual box: a QEMU process, and a hand inside that runs commands.

TCG always: the lab is to run on machines whose own processor may not be lent out. The disk is a
layer over the cached image, so that a killed machine can be started again on what its disk holds.
"""

from __future__ import annotations

import json
import os
import queue
import shlex
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.lab.image import HANDS, Image

MEMORY_MB = 2048
BOOT_S = 600
COMMAND_S = 300
CONSOLE = "root=/dev/vda rw console=ttyS0 quiet mitigations=off random.trust_cpu=on panic=-1"


class GuestFailed(Exception):
    """The box did not do what it was told."""


class Machine:
    """One virtual box. `folder` holds its disk's layer, its console and its sockets.

    `below`: the disk that the layer lies on, and how it is written ("raw" or "qcow2").
    """

    def __init__(self, image: Image, payload: Path, folder: Path, below: tuple[Path, str]) -> None:
        self.folder = folder
        self.layer = folder / "disk.qcow2"
        self._image = image
        self._payload = payload
        self._process: subprocess.Popen[bytes] | None = None
        self._hands: list[_Hand] = []
        self.layer.unlink(missing_ok=True)
        disk, form = below
        _quietly(["qemu-img", "create", "-q", "-f", "qcow2", "-F", form, "-b", str(disk),
                  str(self.layer)])  # fmt: skip

    def start(self) -> float:
        """Switch on; seconds until it takes commands. Raises GuestFailed."""
        began = time.monotonic()
        sockets = [self.folder / f"hand-{number}" for number in range(HANDS)]
        ports: list[str] = []
        for number, path in enumerate(sockets):
            path.unlink(missing_ok=True)
            ports += ["-chardev", f"socket,id=c{number},path={path},server=on,wait=off"]
            ports += ["-device", f"virtserialport,chardev=c{number},name=lab.{number}"]
        with (self.folder / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["nice", "-n", "10", "qemu-system-x86_64",
                 *("-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2"),
                 *("-m", str(MEMORY_MB), "-display", "none", "-nodefaults", "-no-reboot"),
                 *("-nic", "user,model=virtio,restrict=on"),
                 *("-kernel", str(self._image.kernel), "-initrd", str(self._image.initrd)),
                 *("-append", CONSOLE),
                 *("-drive", f"file={self.layer},if=virtio,format=qcow2"),
                 *("-drive", f"file={self._payload},if=virtio,format=raw,readonly=on"),
                 *("-serial", f"file:{self.folder / 'console.log'}"),
                 "-device", "virtio-serial", *ports],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0,
            )  # fmt: skip
        self._hands = [_Hand(path) for path in sockets]
        for hand in self._hands:
            hand.wait_ready(began + BOOT_S, self._check)
        return time.monotonic() - began

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

    def stop(self) -> None:
        """Shut down in order, within reason."""
        with suppress(GuestFailed, OSError):
            self._hands[0].ask("systemctl poweroff")
            if self._process is not None:
                self._process.wait(90)
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for hand in self._hands:
            hand.close()
        self._hands = []

    def _check(self) -> None:
        if self._process is None or self._process.poll() is not None:
            raise GuestFailed("the box is not running")


class _Hand:
    """The host's end of one port."""

    def __init__(self, path: Path) -> None:
        self._said: queue.SimpleQueue[dict[str, object]] = queue.SimpleQueue()
        self._socket = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + 20
        while True:
            try:
                self._socket.connect(str(path))
                break
            except OSError:
                if time.monotonic() > end:
                    raise GuestFailed(f"QEMU did not start: {path}") from None
                time.sleep(0.05)
        threading.Thread(target=self._listen, daemon=True).start()

    def wait_ready(self, end: float, check: Callable[[], None]) -> None:
        while "ready" not in self._next(end, check):
            pass

    def ask(self, command: str) -> None:
        self._socket.sendall(json.dumps({"run": command}).encode() + b"\n")

    def obey(
        self, command: str, end: float, hear: Callable[[str], None], check: Callable[[], None]
    ) -> int:
        self.ask(command)
        while True:
            said = self._next(end, check)
            if "out" in said:
                hear(str(said["out"]))
            if "code" in said:
                return int(str(said["code"]))

    def close(self) -> None:
        self._socket.close()

    def _next(self, end: float, check: Callable[[], None]) -> dict[str, object]:
        while True:
            with suppress(queue.Empty):
                return self._said.get(timeout=0.5)
            check()
            if time.monotonic() > end:
                raise GuestFailed("the box did not answer in time")

    def _listen(self) -> None:
        rest = b""
        with suppress(OSError):
            while data := self._socket.recv(65536):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    with suppress(ValueError):
                        self._said.put(json.loads(line))


def _quietly(command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise GuestFailed(f"{command[0]}: {ended.stderr[-2000:]}")
