"""Whatever is to be printed: nothing raises, nothing is lost, nothing becomes a command."""

import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.printer import raster
from drivers.printer.codec_escpos import Paper, encode
from drivers.printer.codec_status import AnswerDecoder, InTurn, RealTime, Unasked
from drivers.printer.codec_tokens import Tokenizer
from drivers.printer.sim import VirtualPrinter

ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=80)
#: What this printer surely has: ASCII, Western European, Chinese.
ALPHABET = string.digits + string.ascii_letters + " .-%éüß£苹果牛奶元，。（）"
PRINTABLE = st.text(st.sampled_from(ALPHABET), max_size=80)
SIDES = st.fixed_dictionaries({"left": ANY_TEXT, "right": ANY_TEXT})
TEXTS = st.fixed_dictionaries(
    {"text": ANY_TEXT},
    optional={
        "align": st.sampled_from(["left", "center", "right", "up"]),
        "bold": st.booleans(),
        "size": st.sampled_from([1, 2, 3]),
    },
)
JSON = st.none() | st.booleans() | st.integers() | ANY_TEXT | st.lists(st.integers(), max_size=3)
FORMS = ["text", "left", "right", "rule", "barcode", "qr", "feed", "kick", "cut"]
KEYS = st.sampled_from([*FORMS, "colour"])
BLOCKS = st.lists(TEXTS | SIDES | st.dictionaries(KEYS, JSON, max_size=3), max_size=6)
PAPERS = st.builds(
    Paper,
    columns=st.sampled_from([32, 42, 48]),
    cjk=st.sampled_from(["gb18030", "raster", "none"]),
    profile=st.sampled_from(["default", "TM-T88V", "POS-5890"]),
)


class Dots:
    """Stands for a drawer: draws images of the right size, without ink."""

    def has(self, char):
        return True

    def draw(self, line, columns, style):
        width_bytes, height = columns * 12 // 8, 30 * style.size
        return b"\x1dv0\x00" + bytes([width_bytes, 0, height, 0]) + bytes(width_bytes * height)


def fed(document):
    printer = VirtualPrinter()
    printer.feed(b"".join(document.pieces))
    return printer


def shown(text: str) -> str:
    """Without spaces, which breaking lines may drop and aligning adds."""
    return "".join(text.split())


@settings(deadline=None)
@given(BLOCKS, PAPERS, st.sampled_from([None, Dots()]))
def test_no_job_raises_and_every_job_is_understood_to_its_end(blocks, paper, draw):
    document = encode(blocks, paper, draw)
    tokenizer = Tokenizer()
    for piece in document.pieces:
        tokens = tokenizer.feed(piece)
        assert tokenizer.pending_bytes == 0  # a status query may follow
        assert not any(token.name.startswith(("DLE", "0x", "CAN", "FF")) for token in tokens)


@settings(deadline=None)
@given(st.lists(PRINTABLE, max_size=5), st.sampled_from([32, 42, 48]), st.booleans())
def test_every_character_is_on_paper_once_and_in_order(texts, columns, big):
    blocks = [{"text": text, "size": 2 if big else 1} for text in texts]
    lines = fed(encode(blocks, Paper(columns), None)).paper.lines
    assert shown("".join(lines)) == shown("".join(texts))
    for line in lines:
        wide = sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)
        assert wide <= columns // (2 if big else 1)


@settings(deadline=None)
@given(PRINTABLE, PRINTABLE)
def test_both_columns_are_on_paper_and_the_right_one_ends_at_the_edge(left, right):
    lines = fed(encode([{"left": left, "right": right}], Paper(32), None)).paper.lines
    assert sorted(shown("".join(lines))) == sorted(shown(left + right))
    if shown(right):
        wide = sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in lines[-1])
        assert wide == 32


@settings(deadline=None)
@given(ANY_TEXT)
def test_the_content_of_a_qr_code_survives(text):
    printer = fed(encode([{"qr": text}], Paper(), None))
    expected = text.encode("utf-8", "replace").decode()
    assert printer.paper.qr_codes == ([expected] if text else [])


@given(st.binary(max_size=300), st.data())
def test_any_bytes_are_cut_into_tokens_that_add_up_to_them(data, draw):
    split = draw.draw(st.integers(0, len(data)))
    tokenizer = Tokenizer()
    tokens = tokenizer.feed(data[:split]) + tokenizer.feed(data[split:])
    raw = b"".join(token.raw for token in tokens)
    assert raw == data[: len(data) - tokenizer.pending_bytes]


@given(st.binary(max_size=300))
def test_any_bytes_leave_the_simulated_printer_standing(data):
    printer = VirtualPrinter()
    printer.feed(data)
    assert printer.feed(bytes(2000) + b"\x1b@OK\n") is not None


@given(st.binary(max_size=100))
def test_any_bytes_from_a_printer_are_answers_or_dropped(data):
    decoder = AnswerDecoder()
    answers = [answer for byte in data for answer in decoder.feed(bytes([byte]))]
    assert answers == AnswerDecoder().feed(data)
    assert all(isinstance(answer, RealTime | InTurn | Unasked) for answer in answers)


FONT = raster.find_font("")


@pytest.mark.skipif(FONT is None, reason="no font with Chinese glyphs is installed here")
@settings(deadline=None, max_examples=40)
@given(ANY_TEXT)
def test_a_real_font_draws_whatever_there_is(text):
    blocks = [{"text": text}, {"text": text, "size": 2, "bold": True}]
    printer = fed(encode(blocks, Paper(32, "raster"), raster.FontDrawer(FONT)))
    assert all(image.width_dots == 384 for image in printer.paper.images)
