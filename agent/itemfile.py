"""The item master as a CSV file: read when it changed, kept in the journal's file.

Columns: gtin (8, 12, 13 or 14 digits), description, category, price_minor (empty: unknown),
sold_by ("each" or "weight"; empty: each), tax_rate_bp (empty: the store's). For lanes whose
scale or RFID reader watches: weight_low_g and weight_high_g (what the lightest and the heaviest
piece weigh, packaging included; empty: learned), tagged_permille (how many in 1,000 pieces carry a
tag; empty: unknown).
"""

from __future__ import annotations

import csv
import hashlib
import io
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from agent.domain.gtin import FORM_BY_LENGTH, has_valid_check_digit
from agent.domain.items import Item
from agent.domain.totals import AMOUNT_MINOR_MAX, TAX_RATE_BP_MAX, WEIGHT_G_MAX
from agent.errors import TechnicianError
from agent.journal import Journal

log = logging.getLogger("lanetally.items")

NEEDED_COLUMNS = ("gtin", "description", "category", "price_minor")


class ItemFileError(TechnicianError):
    """The file cannot be used; the message names the line and what is wrong there."""


def load_items(path: Path, journal: Journal) -> None:
    """Load the file into the journal's item table, unless this very content is there already.

    A file that cannot be read or is wrong leaves the items as they were: selling goes on.
    """
    try:
        content = path.read_bytes()
        items = list(parse(content.decode("utf-8-sig")))
        replaced = journal.load_items(items, hashlib.sha256(content).hexdigest())
    except (OSError, UnicodeDecodeError, ItemFileError, sqlite3.Error) as error:
        log.error("item master %s not loaded: %s", path, error)  # noqa: TRY400  for the technician
        return
    if replaced:
        log.info("item master: %d items from %s", len(items), path)


def parse(text: str) -> Iterator[Item]:
    """The items of a CSV text. Raises ItemFileError at the first wrong line."""
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)  # an open quote ends in error
    try:
        missing = [c for c in NEEDED_COLUMNS if c not in (rows.fieldnames or ())]
        if missing:
            raise ItemFileError(f"line 1: no column {', '.join(missing)}")
        for row in rows:
            yield _item(rows.line_num, row)
    except csv.Error as error:
        raise ItemFileError(f"line {rows.line_num + 1}: {error}") from error


def _item(line: int, row: dict[str, str]) -> Item:
    gtin = row["gtin"] or ""
    if len(gtin) not in FORM_BY_LENGTH or not has_valid_check_digit(gtin):
        raise ItemFileError(f"line {line}: {gtin!r} is no GTIN")
    sold_by = row.get("sold_by") or "each"
    if sold_by not in ("each", "weight"):
        raise ItemFileError(f"line {line}: sold_by is {sold_by!r}; each or weight is meant")
    low_g, high_g = _weights(line, row, sold_by)
    return Item(
        gtin.zfill(14),
        row["description"] or "",
        row["category"] or "",
        _number(line, "price_minor", row["price_minor"], AMOUNT_MINOR_MAX),
        "weight" if sold_by == "weight" else "each",
        _number(line, "tax_rate_bp", row.get("tax_rate_bp") or "", TAX_RATE_BP_MAX),
        low_g,
        high_g,
        _number(line, "tagged_permille", row.get("tagged_permille") or "", 1000),
    )


def _weights(line: int, row: dict[str, str], sold_by: str) -> tuple[int | None, int | None]:
    """The lightest and the heaviest piece, or neither."""
    low_g, high_g = (
        _number(line, column, row.get(column) or "", WEIGHT_G_MAX)
        for column in ("weight_low_g", "weight_high_g")
    )
    if low_g is None and high_g is None:
        return None, None
    if low_g is None or high_g is None:
        raise ItemFileError(f"line {line}: weight_low_g and weight_high_g go together")
    if not 0 < low_g <= high_g:
        raise ItemFileError(
            f"line {line}: weight_low_g is {low_g} and weight_high_g {high_g};"
            " a weight above 0 and one that is not below it are meant"
        )
    if sold_by == "weight":
        raise ItemFileError(f"line {line}: sold by weight, so no piece has a weight of its own")
    return low_g, high_g


def _number(line: int, column: str, text: str, limit: int) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(limit)) or int(text) > limit:
        raise ItemFileError(f"line {line}: {column} is {text!r}; 0 to {limit} is meant")
    return int(text)
