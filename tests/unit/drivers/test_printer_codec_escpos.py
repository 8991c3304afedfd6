"""Blocks to bytes: every block form, every alphabet, every way to be wrong."""

import pytest

from drivers.base import DeviceMisconfigured
from drivers.printer.codec_escpos import Paper, encode
from drivers.printer.sim import VirtualPrinter

INIT = b"\x1b@"
PAGE_437 = b"\x1bt\x00"


def sent(*blocks, drawer=None, **paper):
    """The bytes of a job without its `ESC @`."""
    document = encode(blocks, Paper(**{"cjk": "none"} | paper), drawer)
    data = b"".join(document.pieces)
    assert data.startswith(INIT)
    return data[len(INIT) :]


def warnings(*blocks, drawer=None, **paper):
    return encode(blocks, Paper(**paper), drawer).warnings


class Dots:
    """Stands for a drawer that knows all but emoji: says what it was asked to draw."""

    def has(self, char):
        return char != "😀"

    def draw(self, line, columns, style):
        text = "".join(glyph.char for glyph in line)
        return f"<{text}|{columns}|{style.bold}|{style.size}>".encode()


def test_every_job_begins_by_initializing_the_printer():
    assert encode((), Paper(cjk="none"), None).pieces == (INIT,)


def test_a_chinese_printer_is_taken_out_of_the_two_byte_mode_it_wakes_up_in():
    assert sent(cjk="gb18030") == b"\x1c."


def test_plain_text_selects_a_code_page_once():
    assert sent({"text": "one\ntwo"}) == PAGE_437 + b"one\ntwo\n"


def test_bold_and_double_size_end_with_their_line():
    data = sent({"text": "SALE", "bold": True, "size": 2, "align": "center"}, columns=32)
    assert data == (
        b"\x1bE\x01\x1d!\x11" + PAGE_437 + b"      SALE" + b"\x1bE\x00\x1d!\x00" + b"\n"
    )


def test_columns_stand_flush_right():
    data = sent({"left": "Milk", "right": "1.09"}, columns=32)
    assert data == PAGE_437 + b"Milk" + b" " * 24 + b"1.09\n"


def test_one_column_alone_is_enough():
    assert sent({"right": "1.09"}, columns=32) == PAGE_437 + b" " * 28 + b"1.09\n"


@pytest.mark.parametrize(
    ("rule", "line"),
    [("-", b"-" * 32), ("=-", b"=" * 32), ("", b"-" * 32), ("\u200b", b"-" * 32)],
)
def test_a_rule_crosses_the_paper(rule, line):
    assert sent({"rule": rule}, columns=32) == PAGE_437 + line + b"\n"


def test_a_chinese_rule_crosses_it_with_half_as_many_characters():
    data = sent({"rule": "－"}, columns=32, cjk="gb18030")
    assert data == b"\x1c.\x1c&" + "－".encode("gb18030") * 16 + b"\x1c.\n"


def test_chinese_is_sent_in_its_own_mode_and_only_chinese():
    data = sent({"text": "Café 拿铁 ok"}, cjk="gb18030")
    latte = "拿铁".encode("gb18030")
    assert data == b"\x1c." + PAGE_437 + b"Caf\x82 " + b"\x1c&" + latte + b"\x1c." + b" ok\n"


def test_characters_of_other_scripts_come_from_their_code_pages():
    assert sent({"text": "Ωя"}) == PAGE_437 + b"\xea\x1bt\x11" + "я".encode("cp866") + b"\n"
    printer = VirtualPrinter()
    printer.feed(sent({"text": "Ω я € ş Ł ñ"}))
    assert printer.paper.lines == ["Ω я € ş Ł ñ"]


def test_with_a_fixed_code_page_there_is_only_that_page():
    data = sent({"text": "é я"}, code_page="CP866")
    assert data == b"\x1bt\x11" + b"? " + "я".encode("cp866") + b"\n"


def test_a_line_is_drawn_only_if_a_character_of_it_needs_that():
    data = sent({"text": "한국 ok"}, {"text": "苹果"}, drawer=Dots(), cjk="gb18030", columns=32)
    apple = b"\x1c&" + "苹果".encode("gb18030") + b"\x1c.\n"
    assert data == b"\x1c." + "<한국 ok|32|False|1>".encode() + apple


def test_raster_mode_draws_chinese_in_its_place_and_style():
    block = {"text": "合计", "align": "right", "bold": True, "size": 2}
    expected = f"<{' ' * 12}合计|32|True|2>".encode()
    assert sent(block, drawer=Dots(), cjk="raster", columns=32) == expected


def test_four_byte_gb18030_is_no_character_of_a_printer():
    assert sent({"text": "😀"}, cjk="gb18030") == b"\x1c." + PAGE_437 + b"?\n"
    assert sent({"text": "😀"}, cjk="gb18030", drawer=Dots()) == b"\x1c." + PAGE_437 + b"?\n"


def test_what_cannot_be_printed_is_warned_of_once_with_its_reason():
    assert warnings({"text": "한국"}, {"text": "한"}, cjk="raster") == (
        "characters that the printer lacks are printed as ?: no installed font has them",
    )
    assert warnings({"text": "中"}, drawer=Dots(), cjk="none") == (
        "characters that the printer lacks are printed as ?: cjk is none",
    )
    assert warnings({"text": "plain"}, cjk="none") == ()


def test_digits_in_pairs_are_packed_in_a_barcode():
    data = sent({"barcode": "123456"})
    assert data == (
        b"\x1ba\x01\x1dhP\x1dw\x03\x1df\x00\x1dH\x02" + b"\x1dkI\x05{C\x0c\x22\x38" + b"\x1ba\x00"
    )


def test_other_ascii_is_sent_in_code_set_b_with_its_brace_doubled():
    assert b"\x1dkI\x07{BA{{-1" in sent({"barcode": "A{-1"})
    assert b"\x1dkI\x05{B123" in sent({"barcode": "123"})


@pytest.mark.parametrize(
    ("content", "command"),
    [
        ("4006381333931", b"\x1dkC\x0d4006381333931"),
        ("96385074", b"\x1dkD\x0896385074"),
        ("4006381333932", b""),  # its check digit is wrong, and a Code 128 too wide
        ("96385075", b"\x1dkI\x06{C\x60\x26\x32\x4b"),
        ("４００６３８１３３３９３１", b""),
    ],
)
def test_what_is_an_ean_is_printed_as_one(content, command):
    data = sent({"barcode": content}, columns=32)
    assert command in data
    assert (b"\x1dk" in data) == bool(command)


def test_a_barcode_is_narrowed_until_it_fits_the_paper():
    wide, narrow = ("A" * count for count in (8, 12))
    assert b"\x1dw\x03" in sent({"barcode": wide}, columns=48)
    assert b"\x1dw\x02" in sent({"barcode": narrow}, columns=32)


@pytest.mark.parametrize("content", ["", "A" * 40, "a\nb", "é", "中"])
def test_what_no_barcode_holds_is_printed_as_text(content):
    block = {"barcode": content}
    assert b"\x1dk" not in sent(block, columns=32, cjk="gb18030")
    assert any("barcode" in warning for warning in warnings(block, columns=32))


def test_a_profile_without_barcodes_gets_the_number_as_text():
    data = sent({"barcode": "12"}, columns=32, profile="POS-5890")
    assert b"\x1dk" not in data
    assert data.endswith(b" " * 15 + b"12\n")


def test_a_qr_code_is_centred_and_the_alignment_reset():
    data = sent({"qr": "abc"})
    store = b"\x1d(k\x06\x001P0abc"
    assert data.startswith(b"\x1ba\x01\x1d(k")
    assert b"\x1d(k\x03\x001C\x06" in data  # six dots a module
    assert b"\x1d(k\x03\x001E1" in data  # error correction M
    assert store in data
    assert data.endswith(b"\x1d(k\x03\x001Q0\x1ba\x00")


def test_a_long_qr_code_has_smaller_modules():
    assert b"\x1d(k\x03\x001C\x02" in sent({"qr": "x" * 2331}, columns=32)


@pytest.mark.parametrize("content", ["", "x" * 2332])
def test_what_no_qr_code_holds_is_printed_as_text(content):
    assert b"\x1d(k" not in sent({"qr": content})
    assert any("QR" in warning for warning in warnings({"qr": content}))


def test_half_a_surrogate_pair_in_a_qr_code_becomes_a_question_mark():
    assert b"1P0a?" in sent({"qr": "a\ud800"})


def test_a_printer_without_qr_codes_gets_one_as_a_picture():
    printer = VirtualPrinter()
    printer.feed(b"".join(encode([{"qr": "R-1"}], Paper(32, "none", "POS-5890"), None).pieces))
    [image] = printer.paper.images
    assert (image.width_dots, image.height_dots) == (384, 21 * 6)


def test_feeding_cutting_and_kicking():
    assert sent({"feed": 3}) == b"\x1bd\x03"
    assert sent({"cut": True}) == b"\x1bd\x06\x1dV\x00"
    assert sent({"kick": True}) == b"\x1bp\x0022"
    assert sent({"kick": True}, drawer_pin=5) == b"\x1bp\x0122"
    assert sent({"kick": False}, {"cut": False}) == b""


@pytest.mark.parametrize(("lines", "fed"), [(-1, 0), (300, 255), ("many", 1), (True, 1)])
def test_an_absurd_feed_is_bounded(lines, fed):
    assert sent({"feed": lines}) == b"\x1bd" + bytes([fed])


def test_a_profile_without_a_cutter_only_feeds():
    assert sent({"cut": True}, profile="POS-5890") == b"\x1bd\x06"


@pytest.mark.parametrize(("block", "named"), [({"colour": "red"}, "colour"), ({}, "empty")])
def test_an_unknown_block_is_left_out_and_named(block, named):
    assert sent(block, {"feed": 1}) == b"\x1bd\x01"
    assert warnings(block) == (f"unknown block left out: {named}",)


def test_every_piece_ends_where_a_status_query_may_stand():
    blocks = [{"text": "中文 and more"}, {"qr": "x"}, {"barcode": "12"}, {"cut": True}]
    printer = VirtualPrinter()
    for piece in encode(blocks, Paper(), None).pieces:
        assert printer.feed(piece + b"\x10\x04\x01") == b"\x12"


def test_an_unknown_profile_or_code_page_is_a_misconfiguration():
    with pytest.raises(DeviceMisconfigured, match="TM-T1000"):
        encode((), Paper(profile="TM-T1000"), None)
    with pytest.raises(DeviceMisconfigured, match="cp437"):
        encode((), Paper(code_page="cp437"), None)


def test_nothing_is_said_on_standard_output(capsys):
    encode([{"barcode": "123"}, {"qr": "x"}, {"text": "x"}, {"cut": True}], Paper(), None)
    encode([{"qr": "x"}], Paper(profile="simple"), None)
    assert capsys.readouterr().out == ""
