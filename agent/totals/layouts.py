"""The layouts of items that receipts are searched for, as patterns: what `totals learn` tries."""

from __future__ import annotations

from collections.abc import Mapping

_MONEY = r"[¥$€£₩]?-?[0-9][0-9.,]*"
_AMOUNT = rf"(?P<amount>{_MONEY}-?)(?:\s+[A-Z*])?"
#: An amount that cannot be taken for a number in a description: it has its decimals.
_CLEAR_AMOUNT = r"(?P<amount>[¥$€£₩]?-?[0-9][0-9.,]*[.,][0-9]{2}-?)(?:\s+[A-Z*])?"
_PRICE = rf"(?P<price>{_MONEY})"
_QUANTITY = r"(?P<quantity>-?[0-9]{1,5}(?:[.,][0-9]+)?)"
_PIECES = r"(?P<quantity>-?[0-9]{1,3})"
_GTIN = r"(?P<gtin>[0-9]{8}|[0-9]{12,14})"
_CODE = r"[0-9]{1,7}"
_WORDS = r"(?P<description>.*?[^\s0-9.,:/*x×@-].*?)"
_ANY = r"(?P<description>.*?\S)"
_TIMES = r"\s*[xX*×@]\s*"
_WEIGHT = r"(?P<weight>[0-9]+(?:[.,][0-9]+)?)\s?(?P<unit>(?i:kg|g|lbs?|oz)|公斤|千克|斤|克)"
_EACH = r"(?:/\S+)?"

#: Before an item that is taken back.
VOID = r"[\s*#-]*(?i:VOID(?:ED)?|CANCEL(?:LED)?|STORNO|取消|撤销|冲销)[\s*:#-]+"

#: By name, the plainest last: where two explain a receipt equally well, the first is proposed.
LAYOUTS: Mapping[str, tuple[str, ...]] = {
    "barcode, description, quantity, price, amount": (
        rf"{_GTIN}\s+{_ANY}\s+{_QUANTITY}(?:{_TIMES}|\s+){_PRICE}\s+{_AMOUNT}",
    ),
    "barcode and description; quantity, price, amount": (
        rf"{_GTIN}\s+{_ANY}\n{_WEIGHT}{_TIMES}{_PRICE}{_EACH}\s+{_AMOUNT}",
        rf"{_GTIN}\s+{_ANY}\n{_QUANTITY}(?:{_TIMES}|\s+){_PRICE}\s+{_AMOUNT}",
    ),
    "description; barcode, quantity, price, amount": (
        rf"{_ANY}\n{_GTIN}\s+{_WEIGHT}{_TIMES}{_PRICE}{_EACH}\s+{_AMOUNT}",
        rf"{_ANY}\n{_GTIN}\s+{_QUANTITY}(?:{_TIMES}|\s+){_PRICE}\s+{_AMOUNT}",
    ),
    "description; quantity, price, amount; a barcode on either line or none": (
        rf"{_GTIN}\s+{_ANY}\n{_WEIGHT}{_TIMES}{_PRICE}{_EACH}\s+{_AMOUNT}",
        rf"{_ANY}\n{_WEIGHT}{_TIMES}{_PRICE}{_EACH}\s+{_AMOUNT}",
        rf"{_GTIN}\s+{_ANY}\n{_QUANTITY}(?:{_TIMES}|\s+){_PRICE}\s+{_AMOUNT}",
        rf"{_ANY}\n{_GTIN}\s+{_QUANTITY}(?:{_TIMES}|\s+){_PRICE}\s+{_AMOUNT}",
        rf"{_WORDS}\n{_QUANTITY}(?:{_TIMES}|\s+){_PRICE}\s+{_AMOUNT}",
    ),
    "barcode, description, amount": (rf"{_GTIN}\s+{_ANY}\s+{_CLEAR_AMOUNT}",),
    "description, barcode, amount": (rf"{_ANY}\s+{_GTIN}\s+{_CLEAR_AMOUNT}",),
    "number, description, quantity, price, amount": (
        rf"{_CODE}\s+{_WORDS}\s+{_QUANTITY}(?:{_TIMES}|\s+){_PRICE}\s+{_AMOUNT}",
    ),
    "description, quantity, price, amount": (
        rf"{_WORDS}\s+{_QUANTITY}(?:{_TIMES}|\s+){_PRICE}\s+{_AMOUNT}",
    ),
    "description, price, quantity, amount": (
        rf"{_WORDS}\s+{_PRICE}(?:{_TIMES}|\s+){_QUANTITY}\s+{_AMOUNT}",
    ),
    "quantity, description, price, amount": (
        rf"{_PIECES}(?:{_TIMES}|\s+){_WORDS}\s+{_PRICE}\s+{_AMOUNT}",
    ),
    "description; quantity, price, amount": (
        rf"{_WORDS}\n{_WEIGHT}{_TIMES}{_PRICE}{_EACH}\s+{_AMOUNT}",
        rf"{_WORDS}\n{_QUANTITY}(?:{_TIMES}|\s+){_PRICE}\s+{_AMOUNT}",
    ),
    "description and amount; quantity and price": (
        rf"{_WORDS}\s+{_CLEAR_AMOUNT}\n{_WEIGHT}{_TIMES}{_PRICE}{_EACH}",
        rf"{_WORDS}\s+{_CLEAR_AMOUNT}\n{_QUANTITY}{_TIMES}{_PRICE}(?:\s+\S+)?",
    ),
    "quantity and price; description and amount": (
        rf"{_WEIGHT}{_TIMES}{_PRICE}{_EACH}\n{_WORDS}\s+{_CLEAR_AMOUNT}",
        rf"{_QUANTITY}{_TIMES}{_PRICE}\n{_WORDS}\s+{_CLEAR_AMOUNT}",
    ),
    "weight, description, amount": (rf"{_WEIGHT}\s+{_WORDS}\s+{_AMOUNT}",),
    "quantity, description, amount": (rf"{_PIECES}(?:{_TIMES}|\s+){_WORDS}\s+{_CLEAR_AMOUNT}",),
    "description, amount": (
        rf"(?P<description>\S+(?:\s\S+)*)\s{{2,}}{_CLEAR_AMOUNT}",
        rf"(?P<description>(?:\S+\s+)*\S*[^\s0-9.,]\S*)\s+{_CLEAR_AMOUNT}",
    ),
}
