"""Columns, line breaks and what a character takes."""

import pytest

from drivers.printer.layout import Glyph, Style, pad, spell, two_columns, width, wrap


def way_of(char):
    """A small printer: ASCII and é on its code page, Chinese in its font, a few others drawn."""
    if ord(char) < 128 or char == "é":
        return "page"
    if "\u4e00" <= char <= "\u9fff" or char == "\u3000":
        return "gb"
    return "raster" if char in "한ğ" else "lost"


def text(line):
    return "".join(glyph.char for glyph in line)


def lines(sentence, columns):
    return [text(line) for line in wrap(spell(sentence, way_of), columns)]


@pytest.mark.parametrize(
    ("char", "columns"),
    [("a", 1), ("é", 1), ("中", 2), ("\u3000", 2), ("한", 2), ("ğ", 1)],
)
def test_a_chinese_or_wide_character_takes_two_columns(char, columns):
    assert width(spell(char, way_of)) == columns


@pytest.mark.parametrize(
    ("sentence", "printed"),
    [
        ("a\x1b@b", "a @b"),  # no text gives the printer a command
        ("a\tb\u00a0c", "a b c"),
        ("soft\u00adhyphen\u200b", "softhyphen"),
        ("e\u0301", "é"),  # composed
        ("x\u0301", "x"),  # a mark that no way can print is left out
        ("я", "?"),
        ("\ud800\ue000\U000e0fff", "???"),  # half a pair, private use, unassigned
    ],
)
def test_what_cannot_be_printed_never_reaches_the_printer(sentence, printed):
    assert text(spell(sentence, way_of)) == printed


@pytest.mark.parametrize(
    ("sentence", "columns", "broken"),
    [
        ("", 8, [""]),
        ("exactly8", 8, ["exactly8"]),
        ("one two three", 8, ["one two", "three"]),
        ("one twoXX three", 9, ["one twoXX", "three"]),  # the space at the edge is dropped
        ("unbreakable", 8, ["unbreaka", "ble"]),
        ("  indentedlongword", 8, ["  indent", "edlongwo", "rd"]),
        ("         x", 4, ["    ", "    ", "x"]),
        ("商品 很长的名称", 8, ["商品 很", "长的名称"]),  # Chinese breaks anywhere
        ("中文中文", 5, ["中文", "中文"]),  # a wide glyph is never cut in half
        ("ab中文c", 5, ["ab中", "文c"]),
    ],
)
def test_lines_break_at_spaces_and_between_chinese(sentence, columns, broken):
    assert lines(sentence, columns) == broken


@pytest.mark.parametrize(
    ("align", "printed"),
    [("left", "中"), ("center", "  中"), ("right", "    中"), ("None", "中")],
)
def test_alignment_counts_columns(align, printed):
    assert text(pad(spell("中", way_of), align, 6)) == printed


@pytest.mark.parametrize(
    ("left", "right", "printed"),
    [
        ("苹果", "3.50", ["苹果  3.50"]),
        ("12345", "3.50", ["12345 3.50"]),
        ("123456", "3.50", ["123456", "      3.50"]),  # no space would be left between them
        ("a very long name", "3.50", ["a very", "long name", "      3.50"]),
        ("two lines left", "3.50", ["two lines", "left  3.50"]),
        ("", "3.50", ["      3.50"]),
        ("left", "", ["left"]),
        ("a", "12345678901234", ["a", "1234567890", "      1234"]),
    ],
)
def test_two_columns_keep_every_digit_and_the_right_edge(left, right, printed):
    spelled = [spell(side, way_of) for side in (left, right)]
    assert [text(line) for line in two_columns(*spelled, 10)] == printed


def test_a_glyph_and_a_style_are_plain_values():
    assert Glyph("a", 1, "page") == Glyph("a", 1, "page")
    assert Style() == Style(bold=False, size=1)
