"""What the sensors told, kept bounded: while a basket is open, and before its first scan.

The same rules hold for a lane that listens and for a journal that is read, so that both judge the
same. A sensor that was lost, or came back, while the basket was open is no witness of it.
"""

from __future__ import annotations

from typing import TypeAlias

from agent.domain.facts import (
    BagWeightChanged,
    DeviceLost,
    DeviceReturned,
    Observation,
    TagObserved,
)

Seen: TypeAlias = Observation | DeviceLost | DeviceReturned

SEEN_MAX = 2_000  #: of one basket; a sensor that tells more is broken, and none is believed then
WAITING_MAX = 256  #: of no basket: the oldest give way
EMPTY_G = 5  #: a plate with no more than this on it is empty


def seen_after(seen: tuple[Seen, ...], fact: Seen) -> tuple[Seen, ...]:
    """What a basket's sensors told, with one word more."""
    return (*seen, fact) if len(seen) <= SEEN_MAX else seen


def waiting_after(waiting: tuple[Observation, ...], fact: Seen) -> tuple[Observation, ...]:
    """What will count for the next basket. It forgets what the last customer took away."""
    match fact:
        case DeviceReturned():
            return waiting
        case DeviceLost():
            return tuple(told for told in waiting if told.role != fact.role)
        case TagObserved(present=False):
            return tuple(told for told in waiting if not _is_tag(told, fact))
        case BagWeightChanged(total_g=int(total_g)) if total_g <= EMPTY_G:
            waiting = tuple(told for told in waiting if not _is_plate(told, fact.role))
    return (*waiting, fact)[-WAITING_MAX:]


def _is_tag(told: Observation, left: TagObserved) -> bool:
    names = (left.epc, left.gtin, left.serial)
    return isinstance(told, TagObserved) and (told.epc, told.gtin, told.serial) == names


def _is_plate(told: Observation, role: str) -> bool:
    return isinstance(told, BagWeightChanged) and told.role == role
