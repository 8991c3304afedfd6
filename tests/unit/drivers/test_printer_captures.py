"""Golden receipts: options and blocks to bytes, bytes to what a printer makes of them."""

import json
from pathlib import Path

import pytest

from drivers.printer.codec_tokens import Tokenizer
from drivers.printer.connect import Options
from drivers.printer.driver_escpos import render
from drivers.printer.sim import VirtualPrinter

RECEIPTS = sorted((Path(__file__).parents[2] / "captures" / "printer").glob("*.json"))


@pytest.fixture(params=RECEIPTS, ids=lambda path: path.stem)
def receipt(request):
    return request.param


def printed(printer: VirtualPrinter) -> str:
    [receipt] = printer.receipts
    codes = [f"[barcode {code}]" for code in receipt.barcodes]
    codes += [f"[qr {code}]" for code in receipt.qr_codes]
    codes += [f"[image {image.width_dots}x{image.height_dots}]" for image in receipt.images]
    codes += ["[kick]"] * receipt.kicks
    return "\n".join(receipt.lines + codes) + "\n"


def test_there_are_receipts_in_both_languages():
    assert {path.stem for path in RECEIPTS} >= {"receipt_en", "receipt_zh"}


def test_a_job_becomes_exactly_these_bytes(receipt):
    job = json.loads(receipt.read_text(encoding="utf-8"))
    data = render(job["blocks"], Options(**job["options"]))
    assert data == receipt.with_suffix(".bin").read_bytes()


def test_a_printer_makes_exactly_these_lines_of_them(receipt):
    printer = VirtualPrinter()
    printer.feed(receipt.with_suffix(".bin").read_bytes())
    assert printed(printer) == receipt.with_suffix(".txt").read_text(encoding="utf-8")


def test_it_does_not_matter_how_the_bytes_are_cut_up(receipt):
    printer = VirtualPrinter()
    for byte in receipt.with_suffix(".bin").read_bytes():
        printer.feed(bytes([byte]))
    assert printed(printer) == receipt.with_suffix(".txt").read_text(encoding="utf-8")


def test_after_lost_bytes_the_next_receipt_is_whole(receipt):
    data = receipt.with_suffix(".bin").read_bytes()
    whole = VirtualPrinter()
    whole.feed(data)
    for lost_from in range(0, len(data), 37):
        printer = VirtualPrinter()
        # A loss inside a command may swallow what follows, up to the end of that command.
        printer.feed(data[:lost_from] + data[lost_from + 5 :] + bytes(300) + b"\x1dV\x00")
        printer.feed(data)
        assert printer.receipts[-1].lines == whole.receipts[0].lines


def test_the_tokens_of_a_receipt_are_its_bytes(receipt):
    data = receipt.with_suffix(".bin").read_bytes()
    tokens = Tokenizer().feed(data)
    assert b"".join(token.raw for token in tokens) == data
    assert {"text", "LF", "ESC @", "GS V", "GS k", "GS ("} <= {token.name for token in tokens}
