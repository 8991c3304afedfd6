"""From the text of a TOML file to typed, bounded settings, with every error named by line and key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def option(
    default: Any,
    help: str,  # noqa: A002  the field's own word for it
    *,
    unit: str = "",
    low: int | None = None,
    high: int | None = None,
    choices: tuple[str | int, ...] = (),
) -> Any:
    """A field of a settings dataclass that carries its own unit, bounds and help.

    Pass `dataclasses.MISSING` as default for a key that must be there. `drivers.base.option` follows
    the same convention, because drivers may not import the agent.
    """
    metadata = {"help": help, "unit": unit, "low": low, "high": high, "choices": choices}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class SettingError:
    line: int  #: 1-based; 0 if the whole file is meant
    key: str  #: dotted, such as "device.2.baud"
    message: str
