"""Lines and QR codes as dots: ink stands where it should, and a QR code can be read."""

from pathlib import Path

import pytest
from PIL import Image

from drivers.base import DeviceMisconfigured
from drivers.printer import raster
from drivers.printer.codec_escpos import Paper, encode
from drivers.printer.layout import Style, spell
from drivers.printer.sim import VirtualPrinter

DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


@pytest.fixture(scope="module")
def font():
    found = raster.find_font("") or (raster.find_font(str(DEJAVU)) if DEJAVU.exists() else None)
    if found is None:
        pytest.skip("no font is installed here")
    return found


def picture(command: bytes) -> Image.Image:
    printer = VirtualPrinter()
    printer.feed(command)
    [image] = printer.paper.images
    return Image.frombytes("1", (image.width_dots, image.height_dots), image.rows)


def drawn(font, text, style=Style(), columns=32):  # noqa: B008  a frozen value
    return picture(raster.FontDrawer(font).draw(spell(text, lambda _: "raster"), columns, style))


def ink(image: Image.Image) -> int:
    return image.convert("L").histogram()[255]


def test_a_line_is_as_wide_as_the_paper_and_one_line_high(font):
    assert drawn(font, "中").size == (384, 30)
    assert drawn(font, "中", Style(size=2), columns=42).size == (504, 60)


def test_each_glyph_has_ink_in_its_own_columns_only(font):
    assert drawn(font, "  中").getbbox()[0] >= 24
    assert drawn(font, "  中").getbbox()[2] <= 48
    assert ink(drawn(font, "    ")) == 0


def test_bold_has_more_ink_and_double_size_still_more(font):
    plain, bold, double = (
        ink(drawn(font, "中文", style)) for style in (Style(), Style(bold=True), Style(size=2))
    )
    assert plain < bold < double


def test_digits_and_letters_are_drawn_even_if_the_chinese_font_has_none(font):
    pictures = {char: drawn(font, char).tobytes() for char in "0123456789.,-aAé中文"}
    assert len(set(pictures.values())) == len(pictures)


def test_what_no_font_has_is_drawn_as_a_question_mark(font):
    hieroglyph = "\U00013000"
    assert not raster.FontDrawer(font).has(hieroglyph)
    assert drawn(font, hieroglyph).tobytes() == drawn(font, "?").tobytes()


def test_a_wide_letter_stays_in_its_column(font):
    assert drawn(font, " W ").getbbox()[0] >= 12
    assert drawn(font, " W ").getbbox()[2] <= 24


def test_a_named_font_must_exist_and_be_a_font(tmp_path):
    with pytest.raises(DeviceMisconfigured, match="does not exist"):
        raster.find_font(str(tmp_path / "absent.ttf"))
    (tmp_path / "text.ttf").write_text("no font")
    with pytest.raises(DeviceMisconfigured, match=r"text\.ttf"):
        raster.FontDrawer((str(tmp_path / "text.ttf"), 0))


def test_without_a_known_font_none_is_found(monkeypatch):
    monkeypatch.setattr(raster, "FONTS", (("/nowhere/font.ttf", 0),))
    assert raster.find_font("") is None


def test_a_qr_code_drawn_for_the_printer_can_be_read():
    pyzbar = pytest.importorskip("pyzbar.pyzbar")
    content = "https://example.org/r/T1-000043"  # zbar takes UTF-8 for Shift JIS
    pieces = encode([{"qr": content}], Paper(32, "none", "POS-5890"), None).pieces
    code = picture(b"".join(pieces))
    page = Image.new("L", (code.width + 80, code.height + 80), 255)
    page.paste(code.convert("L").point(range(255, -1, -1)), (40, 40))
    [symbol] = pyzbar.decode(page)
    assert symbol.data.decode() == content
