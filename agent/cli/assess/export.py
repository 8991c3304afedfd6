"""A journal's export: one JSON fact a line. `agent/domain/README.md` says what may stand in it.

Written by a journal or by hand: of the envelope only `type` and `body` are needed, and of a body
what DEFAULTS does not fill in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

import msgspec

from agent import wire
from agent.cli.assess import limits
from agent.domain.facts import FACT_TYPES, FactBody, ItemDescribed
from agent.domain.gtin import FORM_BY_LENGTH
from agent.domain.text import Text

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


SHOWN_MAX = 40  #: characters of what stands in a file, where it is repeated to a person
BOM = b"\xef\xbb\xbf"

# msgspec's words, of which a field and what is wrong with it are taken
_WRONG_TYPE = re.compile(r"Expected `(?P<meant>.+?)`, got `(?P<got>.+?)`(?: - at `(?P<at>.+)`)?")
_MISSING = re.compile(r"Object missing required field `(?P<field>\w+)`(?: - at `(?P<at>.+)`)?")
_ANY_PLACE = re.compile(r"(?P<why>.+?) - at `(?P<at>.+)`")


class NotAFact(Exception):
    """(why): a line of the file that no fact can be made of."""

    def __init__(self, why: Text) -> None:
        super().__init__(why.english())
        self.why = why


@dataclass(frozen=True, slots=True)
class BadLine:
    """What is wrong with a line; the rest of the file is read all the same."""

    number: int
    why: Text
    is_fact: bool = False  #: only a field of it is not known, and was not read


def read(lines: Iterable[bytes]) -> tuple[list[FactBody], list[BadLine]]:
    """The facts of an export that this release knows, and the lines that cannot be read whole.

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
            raw = _json(line.removeprefix(BOM) if number == 1 else line)
            fact, strange = _fact(raw)
        except NotAFact as error:
            bad.append(BadLine(number, error.why))
        else:
            into = everywhere if isinstance(fact, ItemDescribed) and "seq" not in raw else facts
            into.extend(() if fact is None else (fact,))
            bad.extend(BadLine(number, why, is_fact=True) for why in strange)
    return [*everywhere, *facts], bad


def _json(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise NotAFact(Text("byte {place} is not UTF-8", {"place": error.start + 1})) from error
    except json.JSONDecodeError as error:
        why = Text("no whole JSON object: it breaks at character {place}", {"place": error.pos + 1})
        raise NotAFact(why) from error
    except RecursionError as error:
        raise NotAFact(Text("brackets within brackets without end")) from error
    except ValueError as error:  # Python reads no whole number of more than 4,300 digits
        raise NotAFact(Text("a number of too many digits")) from error


def _no_number(word: str) -> NoReturn:
    raise NotAFact(Text("{got} is no number in JSON", {"got": word}))


def _fact(raw: Any) -> tuple[FactBody | None, list[Text]]:
    """The fact, None if it is of another release, and what is said of fields that are not its."""
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        raise NotAFact(Text('a JSON object with "type" and "body" is meant'))
    type_, version, body = raw["type"], raw.get("v", 1), raw.get("body")
    if type_ not in FACT_TYPES:
        raise NotAFact(_unknown(type_))
    if not isinstance(body, dict):
        raise NotAFact(Text("{field} is no JSON object", {"field": "body"}))
    if not isinstance(version, int) or isinstance(version, bool):
        raise NotAFact(Text("{field} is no whole number", {"field": "v"}))
    filled = _with_gtins_of_14(DEFAULTS.get(type_, {}) | body)
    if type_ == "CashierTotalReceived" and isinstance(filled.get("total"), dict):
        filled["total"] = _TOTAL | filled["total"]
    try:
        fact = wire.decode_body(type_, version, msgspec.json.encode(filled))
    except wire.UndecodableFact as error:
        raise NotAFact(_why(str(error.__cause__))) from error
    beyond = None if fact is None else limits.problem(type_, filled)
    if beyond is not None:
        raise NotAFact(beyond)
    known = {} if fact is None else msgspec.to_builtins(fact)
    return fact, [] if fact is None else list(_strange(filled, known, ""))


def _strange(given: Any, known: Any, place: str) -> Iterator[Text]:
    """A word for each field that was given and is not known there."""
    if isinstance(given, list):
        for number, (one, its) in enumerate(zip(given, known, strict=True)):
            yield from _strange(one, its, f"{place}[{number}]")
    elif isinstance(given, dict):
        for name, value in given.items():
            field = f"{place}.{name}" if place else name
            if name in known:
                yield from _strange(value, known[name], field)
            else:
                yield _unknown_field(field[:SHOWN_MAX], get_close_matches(name, known, n=1))


def _unknown_field(field: str, nearest: list[str]) -> Text:
    if not nearest:
        return Text("{field} is not known here and was not read", {"field": field})
    told: dict[str, str | int] = {"field": field, "nearest": nearest[0]}
    return Text("{field} is not known here and was not read; did you mean {nearest}?", told)


def _unknown(type_: str) -> Text:
    nearest = get_close_matches(type_, FACT_TYPES, n=1)
    got = type_[:SHOWN_MAX]
    if not nearest:
        return Text("no fact is called {got}", {"got": got})
    return Text(
        "no fact is called {got}; did you mean {nearest}?", {"got": got, "nearest": nearest[0]}
    )


def _why(words: str) -> Text:
    """What msgspec says of a body, with the name of the field in front."""
    if found := _MISSING.fullmatch(words):
        field = f"{found['at'] or '$'}.{found['field']}"
        return Text("{field} is missing", {"field": _field(field)})
    if found := _WRONG_TYPE.fullmatch(words):
        told: dict[str, str | int] = {
            "field": _field(found["at"] or "$"),
            "meant": found["meant"],
            "got": found["got"],
        }
        return Text("{field} must be {meant}, not {got}", told)
    if found := _ANY_PLACE.fullmatch(words):
        return Text("{field}: {reason}", {"field": _field(found["at"]), "reason": found["why"]})
    return Text("body: {reason}", {"reason": words})


def _field(path: str) -> str:
    """`$.total.lines[0]` -> `total.lines[0]`."""
    return path.removeprefix("$").removeprefix(".") or "body"


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
        told: dict[str, str | int] = {"got": digits[:SHOWN_MAX]}
        raise NotAFact(Text("gtin: {got} is none, 8, 12, 13 or 14 digits are meant", told))
    return digits.zfill(14)
