"""Waiting for the lane, within limits."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.client import HTTPException

PATIENCE_S = 120.0
LOOK_S = 0.05
LOOK_MAX_S = 0.5


class LabFailed(Exception):
    """What the box should have done, and did not."""


def waited(
    seen: Callable[[], bool], what: str, patience_s: float = PATIENCE_S, look_s: float = LOOK_S
) -> float:
    """The seconds until `seen`. Raises LabFailed. The lane may not be there yet.

    `look_s`: between two looks at first; the longer it takes the less often it is asked, since each
    question takes of the processor that the answer is waiting for.
    """
    began = time.monotonic()
    while True:
        try:
            if seen():
                return time.monotonic() - began
        except (OSError, HTTPException):  # no lane there at the moment
            pass
        waited_s = time.monotonic() - began
        if waited_s > patience_s:
            raise LabFailed(f"not within {patience_s:.0f} s: {what}")
        time.sleep(min(look_s * (1 + waited_s), LOOK_MAX_S))
