"""The device models of `firmware_configs/`, as far as a program uses them.

That the files are written as their README says is checked by tests, not here.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Model:
    name: str  #: of the file, without ".toml"
    kind: str
    driver: str
    vendor: str
    model: str
    verified: str
    usb_ids: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    setup: tuple[dict[str, str], ...] = ()
    quirk: tuple[dict[str, str], ...] = ()


@cache
def models() -> tuple[Model, ...]:
    """All models that come with Lanetally, ordered by the name of their file."""
    found = (file for file in files("firmware_configs").iterdir() if file.name.endswith(".toml"))
    return tuple(
        _model(file.name.removesuffix(".toml"), file.read_text(encoding="utf-8"))
        for file in sorted(found, key=lambda file: file.name)
    )


def _model(name: str, text: str) -> Model:
    table = tomllib.loads(text)
    return Model(
        name,
        table["kind"],
        table["driver"],
        table["vendor"],
        table["model"],
        table["verified"],
        tuple(table.get("usb", {}).get("ids", ())),
        table.get("options", {}),
        tuple(table.get("setup", ())),
        tuple(table.get("quirk", ())),
    )
