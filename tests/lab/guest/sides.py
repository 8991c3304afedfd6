"""The devices' own sides: the drivers' simulators behind the kernel's gadgets.

Nothing here lies between the agent and its device: the bytes go through two USB stacks.
"""

from __future__ import annotations

import os
import select
import threading
import tty
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from drivers.printer.sim import VirtualPrinter
from tests.lab.guest.gadgets import Gadget

TICK_S = 0.05
READ_BYTES = 4096


class Keys:
    """A keyboard's `Output`: each report waits until the host has fetched the one before."""

    def __init__(self, gadget: Gadget) -> None:
        self._gadget = gadget
        self._fd = -1

    def send(self, reports: Iterable[bytes]) -> None:
        """Raises OSError if it is not plugged in."""
        if self._fd < 0:
            self._fd = os.open(self._gadget.node, os.O_RDWR)
        for report in reports:
            os.write(self._fd, report)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


@contextmanager
def wired(pty_path: str, node: Callable[[], Path]) -> Iterator[None]:
    """A simulated serial device, which has a pseudo-terminal, at the gadget's end of the line."""
    device = os.open(pty_path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(device)

    def carry(stop: threading.Event) -> None:
        _while_plugged(node, stop, lambda usb: _relay(device, usb, stop))

    try:
        with _thread(carry):
            yield
    finally:
        os.close(device)


def _relay(one: int, other: int, stop: threading.Event) -> None:
    """Both ways, until the USB side (`other`) hangs up."""
    tty.setraw(other)
    while not stop.is_set():
        for ready in select.select([one, other], [], [], TICK_S)[0]:
            try:
                data = os.read(ready, READ_BYTES)
            except BlockingIOError:
                continue
            if not data:
                return
            with suppress(BlockingIOError):  # nobody listens: lost, as on a real line
                os.write(other if ready == one else one, data)


@contextmanager
def printing(printer: VirtualPrinter, node: Callable[[], Path]) -> Iterator[None]:
    """The printer at its gadget's end."""

    def serve(stop: threading.Event) -> None:
        _while_plugged(node, stop, lambda usb: _print(printer, usb, stop))

    with _thread(serve):
        yield


def _print(printer: VirtualPrinter, usb: int, stop: threading.Event) -> None:
    while not stop.is_set():
        appetite = printer.appetite_bytes()
        ready = select.select([usb] if appetite else [], [], [], TICK_S)[0]
        answers = printer.feed(os.read(usb, appetite) if ready else b"")
        if answers:
            os.write(usb, answers)


def _while_plugged(
    node: Callable[[], Path], stop: threading.Event, be: Callable[[int], None]
) -> None:
    """Be the device on its open file, again and again as that goes and comes."""
    while not stop.wait(TICK_S):
        with suppress(OSError):
            usb = os.open(node(), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                be(usb)
            finally:
                os.close(usb)


@contextmanager
def _thread(run: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(stop,), name="device", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
