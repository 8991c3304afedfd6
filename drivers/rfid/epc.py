"""What an EPC says of the item: GTIN and serial number, where it is an SGTIN. Pure.

Source: GS1 EPC Tag Data Standard 1.13, §14.2 (partition table 14-2), §14.5.1 (SGTIN-96, SGTIN-198).

    header 8 | filter 3 | partition 3 | company prefix | indicator and item reference | serial
    SGTIN-96:  30h, serial is a number of 38 bits
    SGTIN-198: 36h, serial is 20 characters of 7 bits, filled up with zeros
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

#: By partition: bits and digits of the company prefix; 44 bits and 13 digits are shared with the
#: indicator and item reference.
_COMPANY: Final = ((40, 12), (37, 11), (34, 10), (30, 9), (27, 8), (24, 7), (20, 6))
_SHARED_BITS, _SHARED_DIGITS = 44, 13
_HEAD_BITS: Final = 8 + 3 + 3
_SERIAL_CHARACTERS, _CHARACTER_BITS = 20, 7

#: Header: bytes that the EPC fills on the tag, in whole words of 16 bits; bits of the serial.
_SGTIN_96, _SGTIN_198 = 0x30, 0x36
_FORMS: Final = {_SGTIN_96: (12, 38), _SGTIN_198: (26, _SERIAL_CHARACTERS * _CHARACTER_BITS)}

#: GS1 AI encodable character set 82 (General Specifications, figure 7.11-1).
_SERIAL: Final = re.compile(r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]{1,20}")


@dataclass(frozen=True, slots=True)
class Sgtin:
    gtin: str  #: 14 digits
    serial: str  #: as it stands in AI (21)


def sgtin(epc: bytes) -> Sgtin | None:
    """The SGTIN in `epc`; None if it is an EPC of another kind or breaks the standard."""
    form = _FORMS.get(epc[0]) if epc else None
    if form is None or len(epc) != form[0]:
        return None
    bits, serial_bits = int.from_bytes(epc, "big"), form[1]
    spare_bits = len(epc) * 8 - _HEAD_BITS - _SHARED_BITS - serial_bits
    if bits & ((1 << spare_bits) - 1):
        return None
    bits >>= spare_bits
    gtin = _gtin(bits >> serial_bits)
    serial = _serial(epc[0], bits & ((1 << serial_bits) - 1))
    return Sgtin(gtin, serial) if gtin and serial else None


def _gtin(head: int) -> str:
    """14 digits of header, filter, partition, company prefix and item reference; "" if overfull."""
    partition = head >> _SHARED_BITS & 0b111
    if partition == len(_COMPANY):
        return ""
    company_bits, company_digits = _COMPANY[partition]
    item_bits, item_digits = _SHARED_BITS - company_bits, _SHARED_DIGITS - company_digits
    company = head >> item_bits & ((1 << company_bits) - 1)
    item = head & ((1 << item_bits) - 1)
    if company >= 10**company_digits or item >= 10**item_digits:
        return ""
    written = f"{item:0{item_digits}}"
    digits = f"{written[0]}{company:0{company_digits}}{written[1:]}"
    return digits + check_digit(digits)


def _serial(header: int, bits: int) -> str:
    """The serial number; "" if its characters are none that a serial may have."""
    if header == _SGTIN_96:
        return str(bits)
    codes = [bits >> _CHARACTER_BITS * n & 0x7F for n in reversed(range(_SERIAL_CHARACTERS))]
    serial = "".join(map(chr, codes)).rstrip("\0")
    return serial if _SERIAL.fullmatch(serial) else ""


def check_digit(digits: str) -> str:
    """GS1 General Specifications §7.9.1: weights 3 and 1 in turn, from the right."""
    weighed = sum(int(digit) * (1 if n % 2 else 3) for n, digit in enumerate(reversed(digits)))
    return str(-weighed % 10)
