"""Labels told by the camera's reader, beside three barcode libraries under the same rule.

Each label is held before the camera for five pictures; a reader, or a library alone, has it when
two of them agree. The libraries get what they do best: only the symbologies that are drawn, and
zxing no UPC-E. Bars are two and three pixels wide, in turn; every fifth label is an EAN-8.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import psutil
import zxingcpp
from pyzbar import pyzbar

from drivers.camera.codec_child import Alive, ChildCodec
from drivers.camera.driver_camera import CHILD
from drivers.camera.image import Image
from drivers.camera.options import CameraOptions
from drivers.camera.port_child import ChildPort
from drivers.camera.reading import LabelReader
from drivers.camera.sim import VIEWS, View, exposed, label, looks, random_gtin, write_clip

PICTURES = 5
PICTURE_NS = 100_000_000
FORGET_NS = 1_500_000_000
ZBAR = [pyzbar.ZBarSymbol.EAN13, pyzbar.ZBarSymbol.EAN8]
ZXING = [zxingcpp.BarcodeFormat.EAN13, zxingcpp.BarcodeFormat.EAN8, zxingcpp.BarcodeFormat.UPCA]
CLIP_S, FPS = 10, 15


def with_zbar(grey: Image) -> set[str]:
    return {symbol.data.decode() for symbol in pyzbar.decode(grey, symbols=ZBAR)}


def with_zxing(grey: Image) -> set[str]:
    return {found.text for found in zxingcpp.read_barcodes(grey, formats=ZXING)}


def with_opencv(grey: Image, detector: cv2.barcode.BarcodeDetector) -> set[str]:
    _, texts, _, _ = detector.detectAndDecodeWithType(grey)
    return {text.rjust(13, "0") if len(text) == 12 else text for text in texts if text}


@dataclass
class Score:
    """What one reader made of one view."""

    right: int = 0
    wrong: int = 0
    labels: int = 0
    spent_s: list[float] = field(default_factory=list)

    def rate_pct(self) -> float:
        return 100 * self.right / self.labels

    def ms(self) -> float:
        return 1000 * sum(self.spent_s) / len(self.spent_s)

    def __str__(self) -> str:
        return f"{self.rate_pct():.0f} %, {self.wrong} wrong, {self.ms():.0f} ms"


def library_reader(read: Callable[[Image], set[str]]) -> Callable[[list[Image], Score], set[str]]:
    def told(pictures: list[Image], score: Score) -> set[str]:
        seen: Counter[str] = Counter()
        for picture in pictures:
            began_s = time.perf_counter()
            seen.update(read(picture))
            score.spent_s.append(time.perf_counter() - began_s)
        return {text for text, times in seen.items() if times >= 2}

    return told


def our_reader(pictures: list[Image], score: Score) -> set[str]:
    reader = LabelReader(2, FORGET_NS)
    told = set()
    for n, picture in enumerate(pictures):
        began_s = time.perf_counter()
        agreed = reader.step(picture, n * PICTURE_NS)
        score.spent_s.append(time.perf_counter() - began_s)
        told |= {label.scan_data.decode() for label in agreed}
    return told


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    cv2.setNumThreads(1)
    labels = 10 if quick else 60
    figures = [row(name, view, labels) for name, view in VIEWS.items()]
    return [*figures, *child_figures(folder)]


def row(name: str, view: View, labels: int) -> dict[str, str]:
    detector = cv2.barcode.BarcodeDetector()
    readers = {
        "ours": our_reader,
        "zbar": library_reader(with_zbar),
        "zxing": library_reader(with_zxing),
        "OpenCV": library_reader(lambda grey: with_opencv(grey, detector)),
    }
    scores = {reader: Score() for reader in readers}
    dice = random.Random(name)
    for n in range(labels):
        gtin = random_gtin(8 if n % 5 == 4 else 13, dice)
        paper = label(gtin, f"EAN{len(gtin)}", module_px=2 + n % 2)
        pictures = looks([paper], view, PICTURES, dice)
        for reader, told_by in readers.items():
            told = told_by(pictures, scores[reader])
            scores[reader].labels += 1
            scores[reader].right += gtin in told
            scores[reader].wrong += bool(told - {gtin})
    ours, *others = scores.values()
    best = max(other.rate_pct() for other in others)
    return {
        "figure": f"labels told, {name}",
        "ours": str(ours),
        "yardstick": "; ".join(f"{reader} {scores[reader]}" for reader in list(readers)[1:]),
        "ratio": f"{ours.rate_pct() / best:.2f}" if best else "–",
        "target": "≥ 1.00, 0 wrong",
        "how": f"{labels} labels, 2 of {PICTURES} pictures agree, 1280 x 720; time per picture",
    }


def child_figures(folder: Path) -> Iterable[dict[str, str]]:
    """Processor time and memory of the real child, on a label that moves and on one that lies."""
    dice = random.Random(1)
    moving = [
        picture for _ in range(10) for picture in looks([label("4006381333931")], View(), 2, dice)
    ]
    [picture] = looks([label("4006381333931")], View(), 1, dice)
    still = [exposed(picture, View(), dice) for _ in range(6)]
    for name, pictures in (("a label trembles in a hand", moving), ("nothing moves", still)):
        clip = folder / "clip.avi"
        write_clip(clip, (pictures * CLIP_S * FPS)[: CLIP_S * FPS], FPS)
        cpu_pct, resident_mb, looked, dropped = child_load(clip)
        yield {
            "figure": f"camera child, {name}",
            "ours": f"{cpu_pct:.0f} % of a core, {resident_mb:.0f} MB",
            "yardstick": "",
            "ratio": "",
            "target": "stated",
            "how": f"{CLIP_S} s of 1280 x 720 at {FPS}/s; {looked} pictures looked at, "
            f"{dropped} dropped",
        }


def child_load(clip: Path) -> tuple[float, float, int, int]:
    """Share of a core and largest memory between the first beat and the last."""
    port, codec = ChildPort(CHILD), ChildCodec("camera")
    beats: list[tuple[float, Alive]] = []
    resident_mb = 0.0
    port.open(json.dumps(asdict(CameraOptions(path=str(clip)))))
    assert port.pid is not None
    child = psutil.Process(port.pid)
    last = Alive(0, 0, 0)
    while last.frames + last.dropped < (CLIP_S - 1) * FPS:
        for message in codec.feed(port.read(1000)):
            if isinstance(message, Alive):
                last = message
                beats.append((time.monotonic(), message))
                resident_mb = max(resident_mb, child.memory_info().rss / 1e6)
    port.close()
    (began_s, first), (ended_s, _) = beats[0], beats[-1]
    cpu_pct = (last.cpu_ms - first.cpu_ms) / 10 / (ended_s - began_s)
    return cpu_pct, resident_mb, last.frames, last.dropped
