"""Readers of the commands' arguments, with what is wrong in the technician's language."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from agent.domain.text import Text
from agent.i18n import Say


def bounded(kind: type[int | float], low: int, say: Say, *, high: int = sys.maxsize - 1) -> Any:
    """A reader of numbers from `low` to `high`, for argparse's `type`."""

    def read(text: str) -> int | float:
        try:
            value = kind(text)
        except ValueError:
            value = kind(low - 1)
        if not low <= value <= high:
            problem = Text("{got} is no number from {low} on", {"got": text, "low": low})
            if value > high:
                args: dict[str, str | int] = {"got": text, "allowed": f"{low}…{high}"}
                problem = Text("is {got}; allowed: {allowed}", args)
            raise argparse.ArgumentTypeError(say(problem))
        return value

    return read
