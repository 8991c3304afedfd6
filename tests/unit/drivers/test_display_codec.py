"""Two lines of text to a customer display's bytes, and what a display makes of them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.display.codec_line_display import COLUMNS, DIALECTS, fitted, show, start
from drivers.display.sim import VirtualDisplay

CAPTURES = Path(__file__).parents[2] / "captures" / "display"
SALES = sorted(file.stem for file in CAPTURES.glob("*.bin"))
EMPTY = " " * COLUMNS, " " * COLUMNS
MODES = sorted((mode, page) for mode, dialect in DIALECTS.items() for page in dialect.pages)


def capture(name: str):
    golden = json.loads((CAPTURES / f"{name}.golden").read_text(encoding="utf-8"))
    return golden, (CAPTURES / f"{name}.bin").read_bytes()


def sale(golden) -> list[bytes]:
    """The start and each text, as our codec sends them."""
    dialect, page = DIALECTS[golden["mode"]], golden["code_page"]
    return [start(dialect, page), *(show(dialect, page, text) for text in golden["texts"])]


@pytest.mark.parametrize("name", SALES)
def test_a_sale_is_sent_as_the_manual_writes_it(name):
    golden, data = capture(name)
    assert b"".join(sale(golden)) == data


@pytest.mark.parametrize("name", SALES)
def test_a_display_shows_each_text_of_a_sale(name):
    golden, _ = capture(name)
    display = VirtualDisplay(golden["mode"])
    first, *texts = sale(golden)
    display.feed(first)
    assert display.lines == EMPTY
    assert not display.is_cursor_on
    for text, shown in zip(texts, golden["shown"], strict=True):
        display.feed(text)
        assert display.lines == tuple(shown)


@pytest.mark.parametrize("name", SALES)
def test_bytes_that_come_one_by_one_show_the_same(name):
    golden, data = capture(name)
    display = VirtualDisplay(golden["mode"])
    for byte in data:
        display.feed(bytes([byte]))
    assert display.lines == tuple(golden["shown"][-1])


@pytest.mark.parametrize("name", SALES)
@pytest.mark.parametrize("seed", range(20))
def test_after_lost_bytes_the_next_start_shows_the_right_text(name, seed):
    golden, data = capture(name)
    dice = random.Random(seed)
    display = VirtualDisplay(golden["mode"])
    for byte in data:
        if dice.random() > 0.2:
            display.feed(bytes([byte]))
        if dice.random() < 0.05:
            display.feed(dice.randbytes(3))
    display.feed(b"".join(sale(golden)[:2]) * 2)  # the first may end what was begun
    assert display.lines == tuple(golden["shown"][0])


@pytest.mark.parametrize(("mode", "page"), MODES)
@given(lines=st.lists(st.text(max_size=30), max_size=3))
def test_any_text_is_shown_in_its_place_and_never_obeyed(mode, page, lines):
    display = VirtualDisplay(mode)
    display.feed(start(DIALECTS[mode], page))
    display.feed(show(DIALECTS[mode], page, lines))
    wanted = [fitted(line, page).decode(page) for line in (*lines, "", "")[:2]]
    assert list(display.lines) == wanted
    assert display.clears == 2  # at the start, by CLR and by ESC @
    assert all(len(fitted(line, page)) == COLUMNS for line in lines)


@pytest.mark.parametrize("mode", DIALECTS)
@given(data=st.binary(max_size=200))
def test_any_bytes_leave_the_simulated_display_standing(mode, data):
    display = VirtualDisplay(mode)
    display.feed(data)
    assert all(len(line) == COLUMNS for line in display.lines)


def test_a_printer_behind_the_display_gets_nothing_of_the_text():
    for mode, dialect in DIALECTS.items():
        display = VirtualDisplay(mode)
        display.feed(b"\x0c\x1b=\x01")
        assert not display.is_display_selected or mode == "cd5220"
        display.feed(start(dialect, "ascii"))
        assert display.is_display_selected


def test_what_the_page_lacks_is_blank_and_as_wide_as_it_was():
    assert fitted("牛奶 2.50", "ascii") == b"     2.50".ljust(COLUMNS)
    assert fitted("Пиво", "cp866") == "Пиво".encode("cp866").ljust(COLUMNS)
    assert fitted("a\x0cb\x1b@", "ascii") == b"a b @".ljust(COLUMNS)


def test_text_in_string_mode_waits_for_a_clear():
    display = VirtualDisplay("cd5220")
    display.feed(show(DIALECTS["cd5220"], "ascii", ("one", "two")))
    display.feed(b"lost\x1b@\x1bl\x01\x01\x1b_\x01\x1b=\x01")
    assert display.lines[0].rstrip() == "one"
    assert display.is_display_selected
    display.feed(b"\x0c\x1bl\x03\x02here")
    assert display.lines == (EMPTY[0], "  here".ljust(COLUMNS))
