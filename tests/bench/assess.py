"""One assessment of a hundred lines with all evidence, beside the rule of the last scan.

Half of the baskets have something amiss; the yardstick judges the same baskets by weight alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from agent.cli.assess import baskets as model
from agent.cli.assess import last_scan
from agent.cli.assess.trial import MIXES, catalogue_of_mix, evidence_of
from agent.domain.assessment import assess
from tests.bench.rig import percentile

LINES = 100
TARGET_MS = 10


def measure(_folder: Path, quick: bool) -> list[dict[str, str]]:
    rounds = 100 if quick else 1_000
    random = Random(1)
    products = model.shop(random)
    catalogue = catalogue_of_mix(products, MIXES["all"])
    ours, yardstick = [], []
    for number in range(rounds):
        basket = model.draw(random, products, faulty=number % 2 == 1, pieces=LINES)
        evidence = evidence_of(basket, MIXES["all"], catalogue)
        moments = basket.moments
        ours.append(_ms(lambda evidence=evidence: assess(evidence)))
        yardstick.append(_ms(lambda moments=moments: last_scan.suspects(moments, catalogue.items)))
    return [_figure(ours, yardstick, part) for part in (0.5, 0.99)]


def _ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - began)


def _figure(ours: list[float], yardstick: list[float], part: float) -> dict[str, str]:
    mine, other = percentile(ours, part), percentile(yardstick, part)
    return {
        "figure": f"assessment of {LINES} lines, p{part * 100:g}",
        "ours": f"{mine:.2f} ms",
        "yardstick": f"last-scan rule {other:.3f} ms",
        "ratio": f"{mine / other:.0f}",
        "target": f"≤ {TARGET_MS} ms" if part == 0.99 else "-",
        "how": f"{len(ours)} simulated baskets with all evidence, half of them faulty",
    }
