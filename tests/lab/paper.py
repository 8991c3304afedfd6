"""The receipts of a scenario as pictures, drawn from the bytes that the box's printers were sent.

Each picture is then looked at as a phone would: its QR code must say the receipt's number.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from pyzbar import pyzbar

from drivers.printer import raster
from drivers.printer.layout import Style, spell
from drivers.printer.sim import VirtualPrinter
from drivers.printer.sim_press import Receipt

SENT = "printed.b64"  #: in a scenario's folder: one line for each printer
COLUMNS = 48
MODULE_DOTS = 6
MARGIN_DOTS = 24
PICTURES = 20  #: of one scenario, and all their text


def receipts(folder: Path) -> list[Receipt]:
    """All that was printed in a scenario, whole receipts only."""
    found: list[Receipt] = []
    for sent in (folder / SENT).read_text("ascii").split():
        printer = VirtualPrinter()
        printer.feed(b64decode(sent))
        found += printer.receipts
    return found


def drawn(folder: Path) -> tuple[int, list[str]]:
    """Draw a scenario's receipts into its folder; how many are there, and which codes of the
    pictures could not be read."""
    if not (folder / SENT).exists():
        return 0, []
    printed, unread = receipts(folder), []
    text = ("\n".join(receipt.lines) for receipt in printed)
    (folder / "receipts.txt").write_text("\n- - -\n".join(text), "utf-8")
    for number, receipt in enumerate(printed[:PICTURES], 1):
        file = folder / f"receipt-{number:02}.png"
        paper = _paper(receipt)
        paper.save(file)
        read = {code.data.decode() for code in pyzbar.decode(paper, [pyzbar.ZBarSymbol.QRCODE])}
        unread += [f"{file.name}: {code} is not read" for code in {*receipt.qr_codes} - read]
    return len(printed), unread


def _paper(receipt: Receipt) -> Image.Image:
    strips = list(_strips(receipt))
    width = COLUMNS * raster.COLUMN_DOTS + 2 * MARGIN_DOTS
    height = sum(strip.height for strip in strips) + 2 * MARGIN_DOTS
    paper, top = Image.new("L", (width, height), 255), MARGIN_DOTS
    for strip in strips:
        paper.paste(0, (MARGIN_DOTS, top), mask=strip)
        top += strip.height
    return paper


def _strips(receipt: Receipt) -> Iterator[Image.Image]:
    """From the top: text, pictures, codes. Ink is white."""
    font = raster.find_font("")
    if font is not None:
        drawer = raster.FontDrawer(font)
        for text in "\n".join(receipt.lines).rstrip().split("\n"):  # not what is fed before the cut
            line = spell(text, lambda char: "raster" if drawer.has(char) else "lost")
            yield _image(drawer.draw(line, COLUMNS, Style()))
    for found in receipt.images:
        yield Image.frombytes("1", (found.width_dots, found.height_dots), found.rows)
    for code in receipt.qr_codes:
        yield _image(raster.qr_command(code.encode(), MODULE_DOTS, COLUMNS))


def _image(command: bytes) -> Image.Image:
    """Of a `GS v 0`: see `raster.command`."""
    width, height = (int.from_bytes(command[at : at + 2], "little") for at in (4, 6))
    return Image.frombytes("1", (8 * width, height), command[8:])
