"""From a scanned label to a GTIN of 14 digits, through `biip` for everything but plain digits.

Eight digits are read as GTIN-8, unless the scanner says by its AIM identifier that they are UPC-E
unexpanded.
"""

from __future__ import annotations

import re
from functools import lru_cache

import biip
from biip.upc import Upc

from agent.domain.gtin import (
    CACHED,
    FORM_BY_LENGTH,
    ScanProblemCode,
    TradeItem,
    has_valid_check_digit,
)

#: EAN-13, UPC-A and UPC-E; EAN-8 has an identifier of its own, "]E4" (ISO/IEC 15424).
UPC_SYMBOLOGY = "]E0"

#: AIM identifiers of symbols that carry GS1 element strings (FNC1 in first position).
GS1_SYMBOLOGIES = frozenset({"]C1", "]e0", "]d2", "]Q3"})


@lru_cache(maxsize=CACHED)
def read_label(label: bytes, symbology: str) -> TradeItem | ScanProblemCode:
    """The trade item of a label (without its AIM identifier), or the reason why there is none."""
    text = label.decode("latin-1").strip()
    if not text:
        return "empty"
    if text.isascii() and text.isdigit() and symbology not in GS1_SYMBOLOGIES:
        if len(text) == 8 and symbology == UPC_SYMBOLOGY:
            return _read_upc_e(text)
        form = FORM_BY_LENGTH.get(len(text))
        if form is not None:
            valid = has_valid_check_digit(text)
            return TradeItem(text.zfill(14), form) if valid else "check_digit"
        if len(text) < 16:  # too short for (01) + GTIN-14: a truncated or doubled read
            return "length"
    return _read_gs1(text, symbology)


def read_typed(text: str) -> TradeItem | ScanProblemCode:
    """`read_label` of what a client sends: as it was typed, or scanned with its AIM identifier."""
    symbology = text[:3] if _AIM_IDENTIFIER.match(text) else ""
    return read_label(text[len(symbology) :].encode(), symbology)


_AIM_IDENTIFIER = re.compile(r"\][A-Za-z][0-9A-Za-z]")  # ISO/IEC 15424: "]", code, modifier


def _read_upc_e(text: str) -> TradeItem | ScanProblemCode:
    """Eight digits: the check digit is that of the twelve they stand for."""
    try:
        return TradeItem(Upc.parse(text).as_gtin_14(), "UPC-E")
    except biip.ParseError:
        return "check_digit"


def _read_gs1(text: str, symbology: str) -> TradeItem | ScanProblemCode:
    """Element strings and GS1 Digital Links.

    biip takes no Digital Link behind an AIM identifier, and none that begins in capitals, as QR
    codes in alphanumeric mode do: links go without the one, their first word in small letters.
    """
    scheme, colon, rest = text.partition("://")
    is_link = scheme.lower() in ("http", "https")
    try:
        result = biip.parse(scheme.lower() + colon + rest if is_link else symbology + text)
    except (biip.ParseError, ValueError, IndexError):  # IndexError: biip 5.2 on "]X" cut short
        return _leading_gtin(text)
    for part in (result.gs1_digital_link_uri, result.gs1_message):
        found = part.element_strings.get(ai="01") if part is not None else None
        if found is not None and found.gtin is not None:
            return TradeItem(found.gtin.as_gtin_14(), f"GTIN-{int(found.gtin.format)}")
    return _leading_gtin(text)


def _leading_gtin(text: str) -> TradeItem | ScanProblemCode:
    """(01) + GTIN-14 at the start counts even if a later element, such as a date, is wrong."""
    gtin = text[2:16]
    if text.startswith("01") and len(gtin) == 14 and has_valid_check_digit(gtin):
        return TradeItem(gtin, "GTIN-14")
    return "not_gtin"
