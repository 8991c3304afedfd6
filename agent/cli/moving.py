"""Names of ports in a lane's file that another device may have after the next start or replug.

A lane runs with them, on a bench for example; `lanetally config check` refuses them. The kernel
counts such nodes in the order in which devices came (Documentation/admin-guide/devices.rst).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.domain.settings import SettingError, dotted
from agent.domain.text import Text
from agent.domain.toml_lines import Path as KeyPath
from agent.domain.toml_lines import key_lines
from drivers.plugged import Port, ports

_MOVES = re.compile(r"/dev/((ttyUSB|ttyACM|hidraw|video|usb/lp|input/event)\d+|bus/usb/\d+/\d+)")
#: Where a name that stays is looked for, by the first letters of one that moves.
_FOLDERS = (
    ("/dev/tty", "/dev/serial/by-id/"),
    ("/dev/hidraw", "/dev/lanetally/hidraw/by-id/"),
    ("/dev/video", "/dev/v4l/by-id/"),
    ("/dev/input", "/dev/input/by-id/"),
    ("/dev/usb/lp", "/dev/lanetally/lp/by-id/"),
    ("/dev/bus", "/dev/lanetally/lp/by-id/"),
)


def moving_names(text: str, root: Path = Path("/")) -> tuple[SettingError, ...]:
    """An error for each, or none where the text is no TOML. The nearest name that stays is that of
    what is plugged in now."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return ()
    found = [one for one in _strings(tables, ()) if _MOVES.fullmatch(one[1])]
    if not found:
        return ()
    lines, plugged = key_lines(text), ports(root)
    return tuple(
        SettingError(lines.get(path, 0), dotted(path), _why(name, plugged)) for path, name in found
    )


def _strings(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _strings(inner, (*path, number))


def _why(name: str, plugged: Sequence[Port]) -> Text:
    stays = next((port.path for port in plugged if port.node == name and port.path != name), "")
    folder = next(folder for start, folder in _FOLDERS if name.startswith(start))
    told: dict[str, str | int] = {"got": name, "folder": folder, "nearest": stays}
    if stays:
        return Text(
            "is {got}, whichever device came first; allowed: a name that stays, here {nearest}",
            told,
        )
    return Text(
        "is {got}, whichever device came first; allowed: a name that stays, as in {folder}"
        " (lanetally devices list)",
        told,
    )
