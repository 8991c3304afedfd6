"""A printer's stream as lines and receipts: code pages, two-byte text, where receipts end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.totals.codec_pages import DOUBLE_BYTE_NAMES, PAGE_NAMES, PAGES, decoded_file
from agent.totals.codec_receipt import LINE_CHARS_MAX, LINES_MAX, RAW_BYTES_MAX, Characters, Paper
from drivers.printer.codec_tokens import Tokenizer

CUT = b"\x1dV\x00"
KICK = b"\x1bp\x00\x32\x32"


def printed(data: bytes, **characters):
    paper = Paper(Characters(**characters))
    receipts = [*paper.take(Tokenizer().feed(data)), *paper.closed()]
    return [receipt.lines for receipt in receipts]


@pytest.mark.parametrize("end", [b"\x1dV\x00", b"\x1dVB\x00", b"\x1bi", b"\x1bm", b"\x0c"])
def test_a_cut_ends_a_receipt(end):
    assert printed(b"one\n" + end + b"two\n" + end) == [("one",), ("two",)]


def test_each_page_and_double_byte_encoding_is_known_to_python():
    for name in (*PAGE_NAMES, *DOUBLE_BYTE_NAMES[1:]):
        assert b"A".decode(name) == "A"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"caf\x82\n", "café"),
        (b"caf\x82\r\n", "café"),
        (b"\x1bt\x10caf\xe9\n", "café"),
        (b"\x1bt\x10\xe9\x1bt\x00\x82\n", "éé"),
        (b"\x1bt\xfe\x82\n", "é"),  # a page of the user's own: read as the first one
        (b"\x1c&" + "可乐".encode("gb18030") + b"\x1c. \x82\n", "可乐 é"),
        (b"\x1c(C\x02\x00\x30\x02" + "café".encode() + b"\n", "café"),
        (b"\x1c(C\x02\x00\x30\x02\x1c(C\x02\x00\x30\x01\x82\n", "é"),
        (b"\x1c(C\x02\x00\x3c\x02\x82\n", "é"),  # another function of the same command
        (b"\x1bR\x0f$1\n", "¥1"),
        (b"\x1bR\x03#1\x1bR\x00#1\n", "£1#1"),
        (b"a\tb\x1b$\x10\x00c\n", "a  b  c"),
        (b"lost\x1b@kept\n", "kept"),
        (b"\x1b!\x30big\x1bd\x03", "big"),
        (b"fed\x1bJ\x10", "fed"),
    ],
)
def test_text_is_read_as_the_printer_would_print_it(data, line):
    assert printed(data + CUT) == [(line,)]


def test_a_printer_that_wakes_up_in_chinese_goes_back_to_it_when_reset():
    text = "合计".encode("gb18030")
    data = text + b"\n\x1c.\x82\n\x1b@" + text + b"\n" + CUT
    assert printed(data, double_byte="gb18030") == [("合计", "é", "合计")]
    assert printed("合計\n".encode("big5") + CUT, double_byte="big5") == [("合計",)]


def test_a_character_cut_in_two_by_the_network_is_one_character():
    paper, tokens = Paper(Characters(double_byte="gb18030")), Tokenizer()
    data = "合计 1.00\n".encode("gb18030") + CUT
    receipts = [r for n in range(len(data)) for r in paper.take(tokens.feed(data[n : n + 1]))]
    assert [receipt.lines for receipt in receipts] == [("合计 1.00",)]


def test_codes_are_lines_because_they_often_hold_the_receipts_number():
    qr = b"\x1d(k\x03\x001C\x06\x1d(k\x07\x001P0A-17\x1d(k\x03\x001Q0"
    data = b"\x1dk\x49\x05{B123\x1dk\x020400\x00" + qr
    assert printed(data + CUT) == [("[barcode] 123", "[barcode] 0400", "[qr] A-17")]


def test_a_receipt_of_images_only_says_so():
    image = b"\x1dv0\x00\x01\x00\x08\x00" + bytes(8)
    stored = b"\x1d(L\x0d\x00\x30\x70\x30\x01\x01\x31\x08\x00\x01\x00" + bytes(3)
    paper = Paper(Characters())
    (receipt,) = paper.take(Tokenizer().feed(image + stored + KICK + CUT))
    assert (receipt.lines, receipt.images, receipt.kicks, receipt.ended_by) == ((), 2, 1, "cut")


def test_a_drawer_that_opens_ends_a_receipt_only_if_nothing_follows():
    paper, tokens = Paper(Characters()), Tokenizer()
    assert paper.take(tokens.feed(KICK + b"one\n" + KICK + b"two\n")) == []
    assert paper.quiet() == []
    assert paper.take(tokens.feed(b"\x10\x14\x01\x00\x01\n")) == []
    (receipt,) = paper.quiet()
    assert (receipt.lines, receipt.kicks, receipt.ended_by) == (("one", "two"), 3, "kick")
    assert paper.quiet() == paper.closed() == []


def test_silence_ends_a_receipt_of_a_journal():
    paper, tokens = Paper(Characters(), ends_when_quiet=True), Tokenizer()
    assert paper.take(tokens.feed(b"TOTAL 1.00")) == []
    (receipt,) = paper.quiet()
    assert (receipt.lines, receipt.ended_by) == (("TOTAL 1.00",), "quiet")


def test_a_gap_is_told_with_the_receipt_it_is_in():
    paper, tokens = Paper(Characters()), Tokenizer()
    paper.take(tokens.feed(b"half a li"))
    paper.gap()
    first, second = paper.take(tokens.feed(b"rest\n" + CUT + b"whole\n" + CUT))
    assert (first.lines, first.is_gapped) == (("rest",), True)
    assert (second.lines, second.is_gapped) == (("whole",), False)


def test_what_is_kept_is_bounded():
    lines = [b"x" * (LINE_CHARS_MAX + 50)] * (LINES_MAX + 5)
    image = b"\x1dv0\x00\x10\x00\x80\x00" + bytes(2048)
    paper = Paper(Characters())
    (receipt,) = paper.take(Tokenizer().feed(image + b"\n".join(lines) + b"\n" + CUT))
    assert len(receipt.lines) == LINES_MAX
    assert {len(line) for line in receipt.lines} == {LINE_CHARS_MAX}
    assert len(receipt.raw) <= RAW_BYTES_MAX
    assert bytes(2048) not in receipt.raw


@given(st.lists(st.binary(max_size=300), max_size=20), st.sampled_from(DOUBLE_BYTE_NAMES))
def test_no_bytes_raise_anything(pieces, double_byte):
    paper, tokens = Paper(Characters("cp437", double_byte)), Tokenizer()
    for piece in pieces:
        paper.take(tokens.feed(piece))
    paper.quiet()
    paper.gap()
    paper.closed()


COMMANDS = st.sampled_from([b"\x1d", b"\x1b", b"\x1c", b"\x10", b"k", b"(", b"t", b"V", b"\x00"])


@given(st.lists(st.one_of(COMMANDS, st.binary(max_size=4)), max_size=60))
def test_nothing_that_looks_like_commands_raises_anything(pieces):
    printed(b"".join(pieces))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_our_own_receipts_are_read_as_they_were_written(language):
    folder = Path(__file__).parents[2] / "captures" / "printer"
    lines = [
        line
        for receipt in printed((folder / f"receipt_{language}.bin").read_bytes())
        for line in receipt
    ]
    blocks = json.loads((folder / f"receipt_{language}.json").read_text())
    rows = blocks if isinstance(blocks, list) else blocks["blocks"]
    rights = [block["right"] for block in rows if "right" in block]
    assert rights
    assert all(any(line.endswith(right) for line in lines) for right in rights)


def test_a_file_is_utf_8_or_else_as_the_printer():
    assert decoded_file("﻿合计".encode(), "none", "cp437") == "合计"
    assert decoded_file("合计".encode("gb18030"), "gb18030", "cp437") == "合计"
    assert decoded_file(b"caf\x82", "none", "cp437") == "café"
    assert decoded_file(b"caf\xe9\xff", "gb18030", "cp1252") == "caféÿ"
    assert PAGES[0] == "cp437"
