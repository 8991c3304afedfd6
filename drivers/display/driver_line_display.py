"""Customer displays of two lines of twenty characters, on a serial line or a USB adapter.

They only listen. So nothing can be said of the display itself, only that its line is there: a USB
adapter that is pulled out is noticed at once, a display without power is not.
"""

from __future__ import annotations

import threading
from dataclasses import MISSING, dataclass
from typing import ClassVar

from drivers.base import Command, DeviceUnavailable, DisplayText, Emit, Identity, option
from drivers.display.codec_line_display import DIALECTS, Dialect, show, start
from drivers.line.port_serial import LineSettings, SerialPort, identity

#: How soon a new text is seen; a customer sees no difference.
_LOOK_MS = 50
_WRITE_MS = 1000  #: 70 bytes at 2400 baud take a third of it


@dataclass(frozen=True, slots=True)
class Cd5220Options:
    path: str = option(
        MISSING, "the display's serial line, best by its name under /dev/serial/by-id/"
    )
    baud: int = option(
        9600,
        "line speed that the display is set to",
        unit="baud",
        choices=(2400, 4800, 9600, 19200, 38400),
    )
    welcome: str = option("", "what it shows until the first sale")


@dataclass(frozen=True, slots=True)
class EscposDisplayOptions(Cd5220Options):
    code_page: str = option(
        "cp437", "characters beyond ASCII that it can show", choices=tuple(DIALECTS["escpos"].pages)
    )


class LineDisplay:
    """Shows the last `DisplayText` that it was given, also after its line was lost and is back."""

    accepts: ClassVar[tuple[type, ...]] = (DisplayText,)
    dialect: ClassVar[Dialect]

    def __init__(self, role: str, options: Cd5220Options, page: str) -> None:
        self._role = role
        self._options = options
        self._page = page
        self._port = SerialPort(options.path, LineSettings(options.baud))
        self._wanted: tuple[str, ...] = (options.welcome,)

    def probe(self) -> Identity:
        """What the kernel knows of the line: a display cannot be asked."""
        return identity(self._options.path)

    def open(self) -> None:
        self._port.open()

    def run(self, emit: Emit, stop: threading.Event) -> None:  # noqa: ARG002  it has nothing to say
        """Show what is to be shown until `stop` is set. Raises DeviceUnavailable."""
        self._send(start(self.dialect, self._page))
        shown: tuple[str, ...] | None = None
        while not stop.is_set():
            wanted = self._wanted
            if wanted is not shown:
                self._send(show(self.dialect, self._page, wanted))
                shown = wanted
            self._port.read(_LOOK_MS)  # nothing comes; a line that hangs up is noticed here

    def handle(self, command: Command) -> None:
        if not isinstance(command, DisplayText):
            raise TypeError(f"{self._role}: a display takes no {type(command).__name__}")
        self._wanted = command.lines

    def close(self) -> None:
        self._port.close()

    def _send(self, data: bytes) -> None:
        if self._port.write(data, _WRITE_MS) < len(data):
            raise DeviceUnavailable(f"{self._port.path}: the line takes no bytes")


class Cd5220Display(LineDisplay):
    """Displays set to the command mode CD5220 (also called PTC or PST)."""

    Options: ClassVar[type] = Cd5220Options
    dialect = DIALECTS["cd5220"]

    def __init__(self, role: str, options: Cd5220Options) -> None:
        super().__init__(role, options, "ascii")


class EscposDisplay(LineDisplay):
    """Displays set to the command mode EPSON or ESC/POS."""

    Options: ClassVar[type] = EscposDisplayOptions
    dialect = DIALECTS["escpos"]

    def __init__(self, role: str, options: EscposDisplayOptions) -> None:
        super().__init__(role, options, options.code_page)
