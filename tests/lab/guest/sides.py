"""The devices' own sides: the drivers' simulators behind the kernel's gadgets.

Nothing here lies between the agent and its device: the bytes go through two USB stacks.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import tty
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from drivers.printer.sim import VirtualPrinter
from drivers.printer.sim_press import Receipt
from tests.lab.guest.gadgets import Gadget

TICK_S = 0.05
READ_BYTES = 4096
#: As large as a transfer of g_printer's: Linux 6.1 writes over memory that is not its own if one is
#: pulled out with a transfer that was read in part (f_printer.c, current_rx_req).
TRANSFER_BYTES = 8192


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
    if os.isatty(other):
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
def reporting(socket_path: Path, node: Callable[[], Path]) -> Iterator[None]:
    """A simulated HID device, whose reports go through a packet socket, at the gadget's end."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)) as device:
        device.connect(str(socket_path))
        device.setblocking(False)

        def carry(stop: threading.Event) -> None:
            _while_plugged(node, stop, lambda usb: _relay(device.fileno(), usb, stop))

        with _thread(carry):
            yield


@contextmanager
def printing(
    printer: VirtualPrinter, node: Callable[[], Path], cut: Callable[[Receipt], None]
) -> Iterator[None]:
    """The printer at its gadget's end; `cut` is told of each receipt that it cuts off."""

    def serve(stop: threading.Event) -> None:
        _while_plugged(node, stop, lambda usb: _print(printer, usb, node, cut, stop))

    with _thread(serve):
        yield


def _print(
    printer: VirtualPrinter,
    usb: int,
    node: Callable[[], Path],
    cut: Callable[[Receipt], None],
    stop: threading.Event,
) -> None:
    plugged = os.fstat(usb).st_ino  # a printer that takes nothing does not notice that it is pulled
    held = b""
    while not stop.is_set() and node().stat().st_ino == plugged:
        known, appetite = len(printer.receipts), printer.appetite_bytes()
        idle = not held and appetite
        if select.select([usb] if idle else [], [], [], TICK_S if idle or not appetite else 0)[0]:
            held = os.read(usb, TRANSFER_BYTES)
        answers = printer.feed(held[:appetite])
        held = held[appetite:]
        for receipt in printer.receipts[known:]:
            cut(receipt)
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
