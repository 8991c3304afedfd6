"""Wedge scanners: wrong characters in 10,000 scans, and what a scan costs.

Two scanners of the same model, set up alike, type at the same time; their keys arrive in pieces of
any size, one after the other. A label is any characters that its layout's keys write, GS among
them. The yardstick is the least that a reader of the same bytes can do: unpack the structs.
What the layouts' keys write is held against xkb's own tables in tests/unit/drivers.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

from drivers.base import ScanData
from drivers.hid.codec_input_event import EVENT, encode
from drivers.hid.layouts import LAYOUTS
from drivers.hid.sim import kernel_events
from drivers.scanner.codec_hid_wedge import WedgeDecoder
from drivers.scanner.sim import Wedge

LAYOUTS_TYPED = ("us", "de", "fr", "it")
SCANS, SCANS_QUICK = 10_000, 800
LABEL_CHARACTERS = (8, 40)
APART_US = 400_000  # between two scans of one scanner
GS = "\x1d"


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    each = (SCANS_QUICK if quick else SCANS) // len(LAYOUTS_TYPED) // 2
    chance = random.Random(5)
    wrong = characters = 0
    ours_s = bare_s = 0.0
    for layout in LAYOUTS_TYPED:
        labels = [[_label(layout, chance) for _ in range(each)] for _ in range(2)]
        streams = [_typed(layout, of_one) for of_one in labels]
        pieces = _interleaved(streams, chance)
        began = time.process_time()
        read = _decoded(layout, pieces)
        ours_s += time.process_time() - began
        bare_s += _bare(pieces)
        for sent, got in zip(labels, read, strict=True):
            wrong += _wrong(sent, got)
            characters += sum(map(len, sent))
    scans = 2 * each * len(LAYOUTS_TYPED)
    per_scan_us, bare_us = ours_s / scans * 1e6, bare_s / scans * 1e6
    how = f"{scans} scans, {characters} characters, {', '.join(LAYOUTS_TYPED)}; two scanners mixed"
    return [
        {
            "figure": "wedge: wrong characters",
            "ours": str(wrong),
            "yardstick": "",
            "ratio": "",
            "target": "0",
            "how": how,
        },
        {
            "figure": "wedge: CPU per scan",
            "ours": f"{per_scan_us:.0f} µs",
            "yardstick": f"{bare_us:.0f} µs",
            "ratio": f"{per_scan_us / bare_us:.1f}",
            "target": "stated",
            "how": "yardstick: the same bytes, structs unpacked and nothing else",
        },
    ]


def _label(layout: str, chance: random.Random) -> bytes:
    keys = LAYOUTS[layout]
    written = [*keys.plain.values(), *keys.shift.values(), *keys.altgr.values(), GS]
    text = "".join(chance.choices(written, k=chance.randint(*LABEL_CHARACTERS)))
    return text.encode("cp1252")


def _typed(layout: str, labels: list[bytes]) -> bytes:
    wedge = Wedge(layout=layout)
    return b"".join(
        encode(kernel_events(wedge.reports(label, "]Q1"), (number + 1) * APART_US))
        for number, label in enumerate(labels)
    )


def _interleaved(streams: list[bytes], chance: random.Random) -> list[tuple[int, bytes]]:
    """Pieces of both scanners' bytes as they are read: (scanner, bytes)."""
    pieces = []
    places = [0] * len(streams)
    while any(place < len(stream) for place, stream in zip(places, streams, strict=True)):
        which = chance.randrange(len(streams))
        size = chance.randrange(1, 40 * EVENT.size)
        pieces.append((which, streams[which][places[which] : places[which] + size]))
        places[which] += size
    return [(which, piece) for which, piece in pieces if piece]


def _decoded(layout: str, pieces: list[tuple[int, bytes]]) -> list[list[ScanData]]:
    decoders = [WedgeDecoder(role, layout=layout) for role in ("left", "right")]
    read: list[list[ScanData]] = [[], []]
    for number, (which, piece) in enumerate(pieces):
        read[which] += decoders[which].feed(piece, number)
    return read


def _bare(pieces: list[tuple[int, bytes]]) -> float:
    """Seconds to unpack the same bytes, each piece cut to whole structs."""
    began = time.process_time()
    for _, piece in pieces:
        whole = len(piece) // EVENT.size * EVENT.size
        for _fields in EVENT.iter_unpack(piece[:whole]):
            pass
    return time.process_time() - began


def _wrong(sent: list[bytes], got: list[ScanData]) -> int:
    """Characters that are not as they were sent, those of labels lost, added or not trusted too."""
    extra = sum(len(scan.scan_data) for scan in got[len(sent) :])
    lost = sum(map(len, sent[len(got) :]))
    pairs = zip(sent, got, strict=False)
    return extra + lost + sum(_differences(label, scan) for label, scan in pairs)


def _differences(label: bytes, scan: ScanData) -> int:
    if scan.lossy or scan.symbology != "]Q1" or len(label) != len(scan.scan_data):
        return max(len(label), len(scan.scan_data))
    return sum(a != b for a, b in zip(label, scan.scan_data, strict=True))
