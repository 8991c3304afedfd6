"""What every RFID reader can be told: when a tag counts as being at this lane."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from drivers.base import DeviceMisconfigured, option
from drivers.rfid.presence import Rules

MOST_ANTENNAS: Final = 255  #: as many as a protocol can number


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceOptions:
    """For a reader with one antenna."""

    min_reads: int = option(2, "how often a tag must be seen before it is here", low=1, high=20)
    window_ms: int = option(
        1_000, "time in which it must be seen that often", unit="ms", low=100, high=10_000
    )
    departs_ms: int = option(
        2_000, "without a sighting for this long, a tag is gone", unit="ms", low=500, high=60_000
    )
    rssi_min: int = option(
        -128, "sightings weaker than this do not count", unit="dBm", low=-128, high=0
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AntennaOptions(PresenceOptions):
    """For a reader with several antennas; which of them are in use is its option `antennas`."""

    rssi_min_by_antenna: tuple[int, ...] = option(
        (),
        "the same for each antenna, antenna 1 first; rssi_min holds for the rest",
        unit="dBm",
        low=-128,
        high=0,
    )
    neighbour_antennas: tuple[int, ...] = option(
        (),
        "antennas that face another lane: a tag that they see as strongly is not ours",
        low=1,
        high=MOST_ANTENNAS,
        part_of="antennas",
    )


def rules(options: PresenceOptions) -> Rules:
    """Raises DeviceMisconfigured if a limit of one antenna is outside the bounds of them all."""
    several = options if isinstance(options, AntennaOptions) else AntennaOptions()
    by_antenna = several.rssi_min_by_antenna
    low, high = _bounds(options, "rssi_min")
    for limit in by_antenna:
        if not low <= limit <= high:
            raise DeviceMisconfigured(f"rssi_min_by_antenna: {limit} is not {low} to {high}")
    return Rules(
        options.min_reads,
        options.window_ms,
        options.departs_ms,
        options.rssi_min,
        by_antenna,
        frozenset(several.neighbour_antennas),
    )


def _bounds(options: PresenceOptions, name: str) -> tuple[int, int]:
    metadata = next(f.metadata for f in fields(options) if f.name == name)
    return metadata["low"], metadata["high"]
