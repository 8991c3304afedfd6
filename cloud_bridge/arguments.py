"""Readers of the commands' arguments, with what is wrong in the language of who types."""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

from agent.domain.text import Text
from cloud_bridge.ledger.port import INT64_MAX
from cloud_bridge.opening import shell_say

#: One name; [ORG/]STORE/LANE of them; an id, with room for the number of a part after it.
_LANE = re.compile(r"(?:[A-Za-z0-9_-]{1,64}/){1,2}[A-Za-z0-9_-]{1,64}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,56}")


def number(low: int, high: int = INT64_MAX) -> Callable[[str], int]:
    """Whole numbers from `low` to `high`."""

    def read(text: str) -> int:
        with suppress(ValueError):
            if low <= int(text) <= high:
                return int(text)
            if high < int(text):
                raise _wrong(
                    Text("is {got}; allowed: {allowed}", {"got": text, "allowed": f"{low}…{high}"})
                )
        raise _wrong(Text("{got} is no number from {low} on", {"got": text, "low": low}))

    return read


def day(text: str) -> date:
    """A day that has come. Written in full: Python takes other forms of ISO 8601 too."""
    known = None
    with suppress(ValueError):
        known = date.fromisoformat(text)
    if known is None or known.isoformat() != text:
        raise _wrong(
            Text(
                "{got} is no day of the calendar; YYYY-MM-DD is meant, such as 2026-10-31",
                {"got": text},
            )
        )
    if known > datetime.now().astimezone().date():
        raise _wrong(Text("{got} has not come yet", {"got": text}))
    return known


def words(text: str) -> str:
    """Something that says something."""
    if not text.strip():
        raise _wrong(Text("nothing is said"))
    return text.strip()


def lane(text: str) -> str:
    if not _LANE.fullmatch(text):
        raise _wrong(
            Text(
                "{got} is no lane: ORG/STORE/LANE is meant, each of A-Z, a-z, 0-9, _ and -",
                {"got": text},
            )
        )
    return text


def command_id(text: str) -> str:
    if text and not _ID.fullmatch(text):
        said = Text("{got} is no id: 1 to 56 of A-Z, a-z, 0-9, _ and - are meant", {"got": text})
        raise _wrong(said)
    return text


def toml_file(text: str) -> dict[str, Any]:
    """What a TOML file says."""
    try:
        return tomllib.loads(_read(text, "utf-8"))
    except tomllib.TOMLDecodeError as error:
        said = Text("{file}: {reason}", {"file": text, "reason": str(error)})
        raise _wrong(said) from error


def lines_of_file(text: str) -> list[str]:
    return _read(text, "utf-8-sig").splitlines()


def _read(name: str, encoding: str) -> str:
    try:
        return Path(name).read_text(encoding)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        said = Text("{file}: cannot be read: {reason}", {"file": name, "reason": reason})
        raise _wrong(said) from error


def _wrong(text: Text) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(shell_say()(text))
