"""Cashier totals as the POS posts them: one JSON object, its fields named as in `CashierTotal`.

Decoding is strict (no number for a string, no unknown field, whole numbers only), because a field
that is silently ignored is money that is silently lost. What a total says is judged elsewhere, by
`agent.domain.totals.problems`; here only what cannot be read as a total is refused.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec
from msgspec import Meta

from agent.domain.text import Text
from agent.domain.totals import CashierTotal, ChargedLine, TaxAmount, Tender, TotalProblem

if TYPE_CHECKING:
    from collections.abc import Callable

#: Beyond this, JSON numbers lose digits in many programs (RFC 8259 §6).
INTEGER_MAX = 2**53 - 1

Whole: TypeAlias = Annotated[int, Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
Minor: TypeAlias = Annotated[
    int, Meta(ge=-INTEGER_MAX, le=INTEGER_MAX, description="minor units of the store's currency")
]

GTIN_LENGTHS = (8, 12, 13, 14)


class LineBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the receipt."""

    gtin: Annotated[str, Meta(description="8, 12, 13 or 14 digits")]
    amount_minor: Annotated[Minor, Meta(description="charged for the line, tax and discount in it")]
    quantity_milli: Annotated[Whole, Meta(description="thousandths of a piece")] = 1000
    weight_g: Whole | None = None
    description: str = ""
    tax_rate_bp: Annotated[Whole | None, Meta(description="basis points: 500 = 5 %")] = None


class TenderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One means of payment; cash is the amount handed over, before change."""

    tender_type: Annotated[str, Meta(description="cash, card, wechat, alipay, voucher, …")]
    amount_minor: Minor


class TaxBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tax of one rate, as the till rounded it."""

    rate_bp: Whole
    net_minor: Minor
    tax_minor: Minor


class TotalBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the POS charged. Tenders minus change make amount plus rounding."""

    total_id: Annotated[str, Meta(description="the POS's own id: repeated, it settles only once")]
    item_count: Whole | None = None
    amount_minor: Minor | None = None
    lines: tuple[LineBody, ...] | None = None
    tenders: tuple[TenderBody, ...] = ()
    change_minor: Minor = 0
    rounding_minor: Minor = 0
    taxes: tuple[TaxBody, ...] | None = None
    operator: str = ""
    customer: Annotated[
        str, Meta(description="a phone or member's number, to find the sale by")
    ] = ""


#: The parts of a body by the name of the field that holds them; "" is the body itself.
_PARTS: dict[str, type[msgspec.Struct]] = {
    "": TotalBody,
    "lines": LineBody,
    "tenders": TenderBody,
    "taxes": TaxBody,
}

_decoder = msgspec.json.Decoder(TotalBody)


def read_total(body: bytes) -> CashierTotal | TotalProblem:
    """The total in a request's body, or why there is none: the first reason, with its place.

    `json_malformed` is no JSON at all; `field_unknown`, `field_missing` and `value_invalid` are
    JSON that is no total.
    """
    try:
        return _total(_decoder.decode(body))
    except UnicodeDecodeError:
        return _not_utf8(body)
    except msgspec.ValidationError as error:
        return _invalid(str(error))
    except msgspec.DecodeError as error:
        return _malformed(str(error), len(body))


def _total(body: TotalBody) -> CashierTotal:
    return CashierTotal(
        total_id=body.total_id,
        source="http",
        item_count=body.item_count,
        amount_minor=body.amount_minor,
        lines=None if body.lines is None else tuple(map(_line, body.lines)),
        tenders=tuple(Tender(t.tender_type, t.amount_minor) for t in body.tenders),
        change_minor=body.change_minor,
        rounding_minor=body.rounding_minor,
        taxes=None if body.taxes is None else tuple(map(_tax, body.taxes)),
        operator=body.operator,
        customer=body.customer,
    )


def _line(line: LineBody) -> ChargedLine:
    return ChargedLine(
        line.gtin.zfill(14) if len(line.gtin) in GTIN_LENGTHS else line.gtin,
        line.quantity_milli,
        line.amount_minor,
        line.weight_g,
        line.description,
        line.tax_rate_bp,
    )


def _tax(tax: TaxBody) -> TaxAmount:
    return TaxAmount(tax.rate_bp, tax.net_minor, tax.tax_minor)


# --- errors ------------------------------------------------------------------------------------


def _not_utf8(body: bytes) -> TotalProblem:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        text = Text("The body is not UTF-8, at byte {position}", {"position": error.start})
        return TotalProblem("json_malformed", text)
    raise AssertionError("msgspec and Python disagree about UTF-8")  # pragma: no cover


def _malformed(message: str, length: int) -> TotalProblem:
    found = re.fullmatch(r"JSON is malformed: (?P<reason>.+) \(byte (?P<position>\d+)\)", message)
    reason = found["reason"] if found else "it ends too early"
    position = int(found["position"]) if found else length
    text = Text(
        "The body is not valid JSON, at byte {position}: {reason}",
        {"position": position, "reason": reason},
    )
    return TotalProblem("json_malformed", text)


def _invalid(message: str) -> TotalProblem:
    """msgspec says `reason - at `$.path``; its reasons are recognised, so that they translate."""
    reason, _, place = message.rpartition(" - at `$")
    if not reason:
        reason, place = message, ""
    path = place.removesuffix("`").removeprefix(".")
    for pattern, explain in _REASONS:
        if found := pattern.fullmatch(reason):
            return explain(path, found)
    return _value(path, Text("{field}: {reason}", {"field": path or "body", "reason": reason}))


def _unknown(path: str, found: re.Match[str]) -> TotalProblem:
    name = found["name"][:64]
    field = _join(path, name)
    # A default, because the field's own name may look like the place that msgspec appends.
    known = _PARTS.get(re.sub(r"\[\d+\]", "", path), TotalBody).__struct_fields__
    nearest = get_close_matches(name, known, n=1, cutoff=0.0)[0]
    words: dict[str, str | int] = {"field": field, "nearest": nearest}
    text = Text("{field} is not known here; the nearest name is {nearest}", words)
    return TotalProblem("field_unknown", text, field)


def _missing(path: str, found: re.Match[str]) -> TotalProblem:
    field = _join(path, found["name"])
    return TotalProblem("field_missing", Text("{field} is missing", {"field": field}), field)


def _wrong_type(path: str, found: re.Match[str]) -> TotalProblem:
    words: dict[str, str | int] = {"field": path or "body", **found.groupdict()}
    return _value(path, Text("{field}: expected {expected}, got {got}", words))


def _out_of_range(path: str, _found: re.Match[str]) -> TotalProblem:
    return _value(path, Text("{field}: the number is out of range", {"field": path}))


def _value(path: str, text: Text) -> TotalProblem:
    return TotalProblem("value_invalid", text, path)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


_REASONS: tuple[tuple[re.Pattern[str], Callable[[str, re.Match[str]], TotalProblem]], ...] = (
    (re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL), _unknown),
    (re.compile(r"Object missing required field `(?P<name>.*)`"), _missing),
    (re.compile(r"Expected `(?P<expected>[^`]*)`, got `(?P<got>[^`]*)`"), _wrong_type),
    (re.compile(r"Expected `int` [<>]= -?\d+|Number out of range"), _out_of_range),
)
