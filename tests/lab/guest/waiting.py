"""Waiting for the lane, within limits."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.client import HTTPException

PATIENCE_S = 120.0
LOOK_S = 0.05


class LabFailed(Exception):
    """What the box should have done, and did not."""


def waited(
    seen: Callable[[], bool], what: str, patience_s: float = PATIENCE_S, look_s: float = LOOK_S
) -> float:
    """The seconds until `seen`. Raises LabFailed. The lane may not be there yet."""
    began = time.monotonic()
    while True:
        try:
            if seen():
                return time.monotonic() - began
        except (OSError, HTTPException):  # no lane there at the moment
            pass
        if time.monotonic() - began > patience_s:
            raise LabFailed(f"not within {patience_s:.0f} s: {what}")
        time.sleep(look_s)
