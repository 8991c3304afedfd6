"""Tests that are run once for each seed: which seeds, and how to run one of them again."""

from __future__ import annotations

import os

VARIABLE = "LANETALLY_SEEDS"


def seeds(count: int) -> range:
    """0 to `count` - 1, or what LANETALLY_SEEDS names: "17" for one, "0-4999" for a stretch."""
    first, _, last = os.environ.get(VARIABLE, f"0-{count - 1}").partition("-")
    return range(int(first), int(last or first) + 1)


def blocks(count: int, size: int) -> list[range]:
    """The seeds in runs of at most `size`, one for each test."""
    all_seeds = seeds(count)
    return [all_seeds[start : start + size] for start in range(0, len(all_seeds), size)]


def repeat(seed: int, test: str) -> str:
    """The command that runs a seed again."""
    return f"{VARIABLE}={seed} python -m pytest {test}"
