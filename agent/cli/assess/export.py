"""A journal's export: one JSON fact a line. `agent/domain/README.md` says what may stand in it.

Written by a journal or by hand: of the envelope only `type` and `body` are needed, and of a body
what DEFAULTS does not fill in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from agent import wire
from agent.domain.facts import FACT_TYPES, FactBody, ItemDescribed
from agent.domain.gtin import FORM_BY_LENGTH

DEFAULTS: dict[str, dict[str, Any]] = {
    "TransactionOpened": {"number": 0, "business_date": ""},
    "LineItemAdded": {
        "line_no": 0,
        "form": "",
        "scan_label": "",
        "symbology": "",
        "quantity_milli": 1000,
        "known": True,
        "description": "",
        "category": "",
        "price_minor": None,
        "sold_by": "each",
        "tax_rate_bp": 0,
        "role": "scanner",
    },
    "DeviceLost": {"reason": ""},
    "TransactionSettled": {
        "receipt_number": "",
        "business_date": "",
        "currency": "",
        "total_id": "",
        "item_count": 0,
        "amount_minor": 0,
        "change_minor": 0,
        "rounding_minor": 0,
        "lines": [],
        "tenders": [],
        "taxes": [],
        "missed_count": 0,
    },
    "LineItemWeighed": {"net": False, "raw_hex": "", "role": "scale"},
    "BagWeightChanged": {"transaction_id": None, "total_g": None, "role": "bag_scale"},
    "TagObserved": {
        "transaction_id": None,
        "epc": "",
        "gtin": None,
        "serial": None,
        "present": True,
        "rssi_dbm": None,
        "antenna": 0,
        "role": "rfid",
    },
    "LabelObserved": {"transaction_id": None, "frames": 2, "role": "camera"},
    "CrossingObserved": {"transaction_id": None, "confidence_pct": 97, "role": "camera"},
}
_TOTAL = {"total_id": "", "source": "http", "item_count": None}


class NotAFact(Exception):
    """A line of the file that no fact can be made of; the message says why."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no fact; the rest of the file is read all the same."""

    number: int
    reason: str


def read(lines: Iterable[bytes]) -> tuple[list[FactBody], list[BadLine]]:
    """The facts of an export that this release knows, and the lines that cannot be read.

    What items are holds from where a journal says it; written by hand, without `seq`, it holds for
    the whole file and comes first.
    """
    facts: list[FactBody] = []
    everywhere: list[FactBody] = []
    bad: list[BadLine] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            raw = json.loads(line)
            fact = _fact(raw)
        except (NotAFact, ValueError, RecursionError, wire.UndecodableFact) as error:
            bad.append(BadLine(number, str(error)))
        else:
            into = everywhere if isinstance(fact, ItemDescribed) and "seq" not in raw else facts
            into.extend(() if fact is None else (fact,))
    return [*everywhere, *facts], bad


def _fact(raw: Any) -> FactBody | None:
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        raise NotAFact('a JSON object with "type" and "body" is meant')
    type_, version, body = raw["type"], raw.get("v", 1), raw.get("body")
    if type_ not in FACT_TYPES:
        raise NotAFact(f"no fact is called {type_!r}")
    if not isinstance(body, dict):
        raise NotAFact('"body" is no JSON object')
    if not isinstance(version, int):
        raise NotAFact('"v" is no number')
    filled = _with_gtins_of_14(DEFAULTS.get(type_, {}) | body)
    if type_ == "CashierTotalReceived" and isinstance(filled.get("total"), dict):
        filled["total"] = _TOTAL | filled["total"]
    return wire.decode_body(type_, version, msgspec.json.encode(filled))


def _with_gtins_of_14(value: Any) -> Any:
    """The body with every GTIN in 14 digits, however many it was written with."""
    if isinstance(value, list):
        return [_with_gtins_of_14(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _gtin(inner) if key == "gtin" and inner is not None else _with_gtins_of_14(inner)
        for key, inner in value.items()
    }


def _gtin(value: Any) -> str:
    digits = str(value)
    if len(digits) not in FORM_BY_LENGTH or not (digits.isascii() and digits.isdigit()):
        raise NotAFact(f"{digits!r} is no GTIN: 8, 12, 13 or 14 digits are meant")
    return digits.zfill(14)
