"""What an item costs the shop, as a list with dates: the cost of a sale is the one known when it
was received, so that posting the same facts again gives the same vouchers.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

_ERRORS_SHOWN = 5

CostPer: TypeAlias = Literal["each", "kg"]
COLUMNS = ("gtin", "unit_cost_minor", "cost_per")
UNIT_COST_MINOR_MAX = 10**12


class CostFileError(Exception):
    """A cost file that cannot be used; the message names file and lines."""


@dataclass(frozen=True, slots=True)
class UnitCost:
    unit_cost_minor: int
    cost_per: CostPer


@dataclass(frozen=True, slots=True)
class CostRow:
    gtin: str  #: 14 digits
    cost: UnitCost


@dataclass(frozen=True, slots=True)
class DatedCost:
    gtin: str
    valid_from_ms: int
    cost: UnitCost


class CostHistory:
    """Every cost each item ever had."""

    def __init__(self, dated: Iterable[DatedCost]) -> None:
        newest_first = sorted(dated, key=lambda entry: -entry.valid_from_ms)
        self.newest_ms = newest_first[0].valid_from_ms if newest_first else 0
        self._newest_first: dict[str, list[DatedCost]] = defaultdict(list)
        for entry in newest_first:
            self._newest_first[entry.gtin].append(entry)

    def at(self, gtin: str, ms: int) -> UnitCost | None:
        """The cost that held at a time, None if none was known."""
        for entry in self._newest_first.get(gtin, ()):
            if entry.valid_from_ms <= ms:
                return entry.cost
        return None


def line_cost_minor(cost: UnitCost, quantity_milli: int, weight_g: int | None) -> int | None:
    """Cost of a line, rounded half away from zero once. None if the units do not fit the line:
    a cost per kilogram needs a weight, a cost per piece needs a line that is sold by the piece."""
    if (weight_g is None) != (cost.cost_per == "each"):
        return None
    thousandths = cost.unit_cost_minor * (quantity_milli if weight_g is None else weight_g)
    rounded = (2 * abs(thousandths) + 1000) // 2000
    return rounded if thousandths >= 0 else -rounded


def read_costs(file: Path) -> tuple[CostRow, ...]:
    """The rows of a cost file, all of them or none. Raises CostFileError."""
    try:
        rows, errors = parse_costs(file.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise CostFileError(f"{file}: {error}") from error
    if errors:
        more = [f"and {len(errors) - _ERRORS_SHOWN} more"] if len(errors) > _ERRORS_SHOWN else []
        raise CostFileError(f"{file}: {'; '.join(errors[:_ERRORS_SHOWN] + more)}")
    return tuple(rows)


def parse_costs(text: str) -> tuple[list[CostRow], list[str]]:
    """(rows, errors) of a CSV file with the columns gtin, unit_cost_minor, cost_per.

    A GTIN of 8 to 14 digits is filled up with zeros on the left. An error names its line; the last
    row of a GTIN that appears twice counts.
    """
    reader = csv.reader(io.StringIO(text, newline=""))
    rows: dict[str, CostRow] = {}
    errors: list[str] = []
    if tuple(next(reader, ())) != COLUMNS:
        return [], [f"line 1: the columns must be {','.join(COLUMNS)}"]
    for fields in reader:
        row = _row(fields)
        if isinstance(row, str):
            errors.append(f"line {reader.line_num}: {row}")
        else:
            rows[row.gtin] = row
    return list(rows.values()), errors


def _row(fields: list[str]) -> CostRow | str:
    if len(fields) != len(COLUMNS):
        return f"{len(fields)} columns instead of {len(COLUMNS)}"
    gtin, unit_cost, per = fields
    if not (_digits(gtin) and 8 <= len(gtin) <= 14):
        return f"gtin {gtin!r} is not 8 to 14 digits"
    if not (_digits(unit_cost) and int(unit_cost) <= UNIT_COST_MINOR_MAX):
        return f"unit_cost_minor {unit_cost!r} is not a whole number up to {UNIT_COST_MINOR_MAX}"
    for known in get_args(CostPer):
        if per == known:
            return CostRow(gtin.zfill(14), UnitCost(int(unit_cost), known))
    return f"cost_per {per!r} is neither each nor kg"


def _digits(field: str) -> bool:
    return len(field) <= 20 and field.isascii() and field.isdigit()
