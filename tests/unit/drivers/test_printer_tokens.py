"""The stream of an ESC/POS printer cut into tokens: lengths of commands, whoever sends them."""

import pytest
from escpos.printer import Dummy
from PIL import Image

from drivers.printer.codec_tokens import COMMAND_BYTES_MAX, Tokenizer


def names(data: bytes) -> list[str]:
    return [token.name for token in Tokenizer().feed(data)]


@pytest.mark.parametrize(
    ("command", "name", "parameters"),
    [
        ("1b 40", "ESC @", ""),
        ("1b 21 30", "ESC !", "30"),
        ("1b 24 10 00", "ESC $", "1000"),
        ("1b 70 00 32 32", "ESC p", "003232"),
        ("1b 57 00 00 00 00 00 01 00 01", "ESC W", "0000000000010001"),
        ("1b 2a 00 02 00 aa bb", "ESC *", "000200aabb"),  # 8 dots high: a byte a column
        ("1b 2a 21 01 00 aa bb cc", "ESC *", "210100aabbcc"),  # 24 dots high: three
        ("1b 44 08 10 00", "ESC D", "081000"),
        ("1c 26", "FS &", ""),
        ("1c 2e", "FS .", ""),
        ("1c 70 01 00", "FS p", "0100"),
        ("1c 28 41 02 00 30 01", "FS (", "4102003001"),
        ("1d 28 6b 03 00 31 51 30", "GS (", "6b0300315130"),
        ("1d 38 4c 02 00 00 00 30 32", "GS 8", "4c020000003032"),
        ("1d 2a 01 01" + " 55" * 8, "GS *", "0101" + "55" * 8),
        ("1d 56 00", "GS V", "00"),
        ("1d 56 42 00", "GS V", "4200"),
        ("1d 6b 02 31 32 00", "GS k", "02313200"),  # ends with NUL
        ("1d 6b 49 03 7b 42 41", "GS k", "49037b4241"),  # has a length
        ("1d 76 30 00 01 00 02 00 ff 00", "GS v", "300001000200ff00"),
        ("1d 72 01", "GS r", "01"),
        ("10 04 04", "DLE EOT", "04"),
        ("10 04 07 01", "DLE EOT", "0701"),
        ("10 05 01", "DLE ENQ", "01"),
        ("10 14 01 00 01", "DLE DC4", "010001"),
        ("10 14 07 01", "DLE DC4", "0701"),
        ("10 14 08 01 03 14 01 06 02 08", "DLE DC4", "0801031401060208"),
        ("1b 26 03 41 42 02 01 02 03 04 05 06 00", "ESC &", "03414202010203040506" + "00"),
        ("1b 28 41 02 00 01 01", "ESC (", "4102000101"),
        ("1c 32 77 21" + " 55" * 72, "FS 2", "7721" + "55" * 72),
        ("1c 3f 77 21", "FS ?", "7721"),
        ("1c 71 01 01 00 01 00" + " 55" * 8, "FS q", "0101000100" + "55" * 8),
        ("1d 51 30 00 01 00 02 00 ff 00", "GS Q", "300001000200ff00"),
        ("1b 7e", "ESC ~", ""),  # unknown: taken as two bytes
        ("10 7e", "DLE ~", ""),
    ],
)
def test_a_command_is_as_long_as_its_reference_says(command, name, parameters):
    data = bytes.fromhex(command)
    first, second = Tokenizer().feed(data + b"A")
    assert (first.name, first.parameters.hex(), first.raw) == (name, parameters, data)
    assert second.name == "text"
    for end in range(1, len(data)):  # no part of it is enough
        tokenizer = Tokenizer()
        assert tokenizer.feed(data[:end]) == []
        assert tokenizer.pending_bytes == end
        assert [token.raw for token in tokenizer.feed(data[end:])] == [data]
        assert tokenizer.pending_bytes == 0


def test_text_and_control_characters():
    assert names(b"ab\xe9\r\n\tc\x0c\x18\x07") == [
        "text", "CR", "LF", "HT", "text", "FF", "CAN", "0x07",
    ]  # fmt: skip


def test_status_queries_inside_an_image_are_data():
    image = b"\x1dv0\x00\x01\x00\x03\x00" + b"\x10\x04\x01"
    assert names(image + b"\x10\x04\x01") == ["GS v", "DLE EOT"]


@pytest.mark.parametrize(
    "command",
    [
        b"\x1dv0\x00\xff\xff\xff\xff",
        b"\x1d8L" + (COMMAND_BYTES_MAX).to_bytes(4, "little"),
        b"\x1cq\x02\xff\xff\xff\xff",
        b"\x1bD" + b"\x08" * 300,
        b"\x1dk\x02" + b"7" * 300,
    ],
)
def test_a_command_that_claims_to_be_endless_does_not_swallow_the_rest(command):
    tokens = Tokenizer().feed(command + b"\x1b@")
    assert tokens[-1].name == "ESC @"


def test_the_whole_repertoire_of_python_escpos_is_understood():
    foreign = Dummy(profile="TM-T88V")
    foreign.hw("INIT")
    foreign.set_with_default(bold=True, underline=1, invert=True, density=3, smooth=True)
    foreign.text("Crème brûlée я\n")
    for way in ("bitImageRaster", "graphics", "bitImageColumn"):
        foreign.image(Image.new("1", (64, 40)), impl=way)
    foreign.barcode("4006381333931", "EAN13", function_type="A")
    foreign.barcode("{B123", "CODE128", function_type="B")
    foreign.qr("x", native=True)
    foreign.line_spacing(60)
    foreign.control("HT")
    foreign.panel_buttons(enable=False)
    foreign.buzzer(2, 2)
    foreign.cashdraw(2)
    foreign.cut(mode="PART")
    foreign.text("END")
    tokens = Tokenizer().feed(foreign.output)
    assert b"".join(token.raw for token in tokens) == foreign.output
    texts = [t.parameters for t in tokens if t.name == "text"]
    assert texts == [b"Cr\x8ame br\x96l\x82e ", b"\xef", b"END"]
