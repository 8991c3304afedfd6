"""Write the golden bytes and lines of every receipt here, from what the code does now."""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2]))

from drivers.printer.connect import Options  # noqa: E402  after the path to it
from drivers.printer.driver_escpos import render  # noqa: E402  after the path to it
from drivers.printer.sim import VirtualPrinter  # noqa: E402  after the path to it


def sent(job: Path) -> bytes:
    document = json.loads(job.read_text(encoding="utf-8"))
    return render(document["blocks"], Options(**document["options"]))


def printed(data: bytes) -> str:
    printer = VirtualPrinter()
    printer.feed(data)
    [receipt] = printer.receipts
    codes = [f"[barcode {code}]" for code in receipt.barcodes]
    codes += [f"[qr {code}]" for code in receipt.qr_codes]
    codes += [f"[image {image.width_dots}x{image.height_dots}]" for image in receipt.images]
    codes += ["[kick]"] * receipt.kicks
    return "\n".join(receipt.lines + codes) + "\n"


if __name__ == "__main__":
    for path in sorted(HERE.glob("*.json")):
        path.with_suffix(".bin").write_bytes(sent(path))
        path.with_suffix(".txt").write_text(printed(sent(path)), encoding="utf-8")
