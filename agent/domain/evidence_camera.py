"""What the camera counted and read, against the items that passed.

It takes two for one or one for two now and then: half of what it says it may be wrong in goes to
either side.
"""

from __future__ import annotations

from collections.abc import Collection

from agent.domain.evidence import CameraEvidence
from agent.domain.likelihood import count_error, ln, ln_permille

_READ = ln_permille(300)  #: items that pass whose label the camera reads
_STRAY = ln(1) - ln(30_000)  #: labels of goods that nobody buys: 0.03 in 1,000 baskets


def score_count(camera: CameraEvidence, passed: int) -> int:
    """How well the number of crossings fits `passed` items."""
    if camera.crossed is None:
        return 0
    wrong_permille = max(10 * (100 - camera.confidence_pct), 2)
    return count_error(
        camera.crossed - passed, passed, wrong_permille // 2, wrong_permille - wrong_permille // 2
    )


def unscanned_labels(camera: CameraEvidence, passed_by: Collection[str]) -> tuple[str, ...]:
    """The labels it read of items that were never scanned."""
    return tuple(sorted(set(camera.labels) - set(passed_by)))


def score_label(*, passed: bool) -> int:
    """How well a label that was read but not scanned fits, if its item passed or did not."""
    return _READ if passed else _STRAY
