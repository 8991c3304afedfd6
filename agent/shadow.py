"""The configuration that head office desires, and what this lane reports of it.

`…/desired` (retained) is {"version": n, "config": {table: {key: value}}}: a part of the lane's own
file, in its words. What is good is kept in the data directory and holds from the lane's next idle
moment on, over restarts; what is not is refused with each error, and the last good one goes on.
`…/reported` (retained) is {"version": n, "applied": m, "status": "applied" | "pending" | "refused",
"errors": [{"key": "…", "message": "…"}]}: `version` is the one it speaks of, `applied` the one that
holds.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

log = logging.getLogger("lanetally.shadow")

BYTES_MAX = 64 * 1024
VERSION_MAX = 2**53  #: after a slip of the pen beyond it no version would be a newer one

Errors = Iterable[tuple[str, str]]  #: (key, what is wrong with it)
Config = Mapping[str, Any]


class Desired(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[int, msgspec.Meta(ge=0, le=VERSION_MAX)]
    config: dict[str, dict[str, Any]]


_decoder = msgspec.json.Decoder(Desired)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Kept:
    """The desired configuration that is in force; version 0: none was ever."""

    version: int = 0
    config: Config | None = None


def load(path: Path) -> Kept:
    """What was kept last. A file that cannot be used is as none: the lane's own file goes on."""
    try:
        desired = _decoder.decode(path.read_bytes())
    except FileNotFoundError:
        return Kept()
    except (OSError, *_UNREADABLE) as error:
        log.error("%s is not used: %s", path, error)  # noqa: TRY400  one line is what the technician needs
        return Kept()
    return Kept(desired.version, desired.config)


def keep(path: Path, payload: bytes) -> None:
    """On the disk when it returns, the whole or as it was. Raises OSError."""
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Shadow:
    """Belongs to sync's thread. `errors_of` judges a configuration together with the lane's own
    file; `changed` is called when a new one is kept."""

    def __init__(
        self,
        path: Path,
        applied: Kept,
        errors_of: Callable[[Config], Errors],
        changed: Callable[[], None],
    ) -> None:
        self._path = path
        self._applied = applied
        self._waiting = applied  # kept, perhaps not in force yet
        self._errors_of = errors_of
        self._changed = changed

    def report(self) -> bytes:
        """What holds now, for when the lane has come up."""
        return self._reported(self._applied.version, "applied", ())

    def take(self, payload: bytes) -> bytes:
        """The report on what head office desires."""
        if len(payload) > BYTES_MAX:
            return self._reported(0, "refused", [("", f"more than {BYTES_MAX} bytes")])
        try:
            desired = _decoder.decode(payload)
        except _UNREADABLE as error:
            return self._reported(0, "refused", [("", str(error))])
        if desired.version == self._waiting.version:
            return self._repeated(desired)
        if desired.version < self._waiting.version:
            older = [("version", f"is older than {self._waiting.version}, which is kept")]
            return self._reported(desired.version, "refused", older)
        errors = list(self._errors_of(desired.config))
        if not errors:
            errors = self._keep(desired, payload)
        if errors:
            return self._reported(desired.version, "refused", errors)
        return self._reported(desired.version, "pending", ())

    def _repeated(self, desired: Desired) -> bytes:
        """Of two that desire at the same time, both would take the one's report for their own."""
        if desired.config != self._waiting.config:
            other = [("version", "is kept with another content: give the new one its own")]
            return self._reported(desired.version, "refused", other)
        if desired.version == self._applied.version:
            return self.report()
        return self._reported(desired.version, "pending", ())

    def _keep(self, desired: Desired, payload: bytes) -> list[tuple[str, str]]:
        try:
            keep(self._path, payload)
        except OSError as error:
            return [("", f"cannot be kept: {error.strerror or error}")]
        self._waiting = Kept(desired.version, desired.config)
        log.info("configuration %d of head office is kept", desired.version)
        self._changed()
        return []

    def _reported(self, version: int, status: str, errors: Errors) -> bytes:
        rows = [{"key": key, "message": message} for key, message in errors]
        if rows:
            log.warning("configuration %d of head office is refused: %s", version, rows)
        return json.dumps(
            {
                "version": version,
                "applied": self._applied.version,
                "status": status,
                "errors": rows,
            },
            ensure_ascii=False,
        ).encode()
