"""What all scanners' labels have in common: what stands around the data, and how long they get."""

from __future__ import annotations

import re

from drivers.base import ScanData

#: The longest label there is: 7089 digits in a QR code 40-L (ISO/IEC 18004, table 7).
LABEL_BYTES_MAX = 7089

_AIM_IDENTIFIER = re.compile(rb"\][A-Za-z][0-9A-Za-z]")  # ISO/IEC 15424: "]", code, modifier


def scan_of(
    label: bytes,
    role: str,
    mono_ns: int,
    *,
    symbology: str = "",
    lossy: bool = False,
    around: tuple[bytes, bytes] = (b"", b""),
) -> ScanData:
    """The event of a label as it was sent, without its terminator.

    Order of the parts: prefix, AIM identifier, data, suffix (Datalogic GD4400, fig. 17). An AIM
    identifier that was sent counts more than `symbology`; a label that lacks one of those `around`
    it, prefix and suffix, is lossy.
    """
    prefix, suffix = around
    framed = label.startswith(prefix) and label.endswith(suffix)
    data = label.removeprefix(prefix).removesuffix(suffix)
    aim = _AIM_IDENTIFIER.match(data)
    return ScanData(
        role=role,
        scan_data=data[aim.end() :] if aim else data,
        symbology=aim.group().decode("ascii") if aim else symbology,
        lossy=lossy or not framed,
        mono_ns=mono_ns,
    )
