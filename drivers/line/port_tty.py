"""What the kernel's terminals can do for a serial line and pyserial does not ask them for."""

from __future__ import annotations

import fcntl
import struct
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress

_LAST_WORDS_S = 0.3
_LOOK_S = 0.01


def read_damaged_characters_as_nul(fd: int) -> None:
    """Switch the line's parity check on: pyserial sends the parity bit but never checks it.

    termios(3): INPCK without IGNPAR and PARMRK reads a character with a parity error as NUL.
    """
    attributes = termios.tcgetattr(fd)
    attributes[0] |= termios.INPCK
    termios.tcsetattr(fd, termios.TCSANOW, attributes)


def let_go(fd: int, close: Callable[[], object]) -> threading.Thread | None:
    """Close a line; in a thread of its own, which is returned, if the device does not take what was
    written last.

    Linux waits half a minute for that (drivers/tty/tty_port.c, closing_wait), and a USB modem's
    driver (cdc-acm of 6.1) lets nobody drop it. The end of the process ends it, too.
    """
    if not _is_stuck(fd):
        _close(close)
        return None
    closing = threading.Thread(target=_close, args=(close,), name="closing", daemon=True)
    closing.start()
    return closing


def _is_stuck(fd: int) -> bool:
    """Whether something stays unsent that was given its time."""
    end = time.monotonic() + _LAST_WORDS_S
    with suppress(OSError):  # gone: nothing is waited for
        while _unsent_bytes(fd):
            if time.monotonic() > end:
                return True
            time.sleep(_LOOK_S)
    return False


def _close(close: Callable[[], object]) -> None:
    with suppress(OSError):
        close()


def _unsent_bytes(fd: int) -> int:
    (count,) = struct.unpack("i", fcntl.ioctl(fd, termios.TIOCOUTQ, bytes(4)))
    return int(count)
