"""The simulated printer: its answers, and what it makes of commands that our driver never sends."""

import pytest

from drivers.printer.codec_status import decode_unasked
from drivers.printer.sim import VirtualPrinter


@pytest.fixture
def printer():
    return VirtualPrinter()


def test_barcodes_of_the_older_form_are_read(printer):
    printer.feed(b"\x1dk\x024006381333931\x00" + b"\x1dkE\x0512345")
    assert printer.paper.barcodes == ["4006381333931", "12345"]


def test_other_two_dimensional_codes_leave_no_qr_code(printer):
    printer.feed(b"\x1d(k\x03\x000C\x02" + b"\x1d(k\x03\x001C\x02" + b"\x1d(A\x02\x000\x01")
    assert printer.paper.qr_codes == []


def test_a_chinese_character_may_arrive_in_two_halves(printer):
    first, second = "中".encode("gb18030")
    printer.feed(b"\x1c&" + bytes([first]))
    printer.feed(bytes([second]) + b"\n")
    assert printer.paper.lines == ["中"]


def test_a_code_page_that_it_lacks_prints_replacement_characters(printer):
    printer.feed(b"\x1bt\xfeA\x80\n")
    assert printer.paper.lines == ["A\ufffd"]


def test_it_starts_anew_when_initialized(printer):
    printer.feed(b"\x1bt\x10half a line\x1b@\x82\n")
    assert printer.paper.lines == ["é"]


def test_it_answers_in_turn_only_when_it_has_printed_what_came_before(printer):
    printer.faults.offline = True
    assert printer.feed(b"line\n\x1dr\x01") == b""
    assert printer.feed(b"\x10\x04\x01") == b"\x1a"
    printer.faults.offline = False
    printer.faults.near_end = True
    assert printer.feed(b"") == b"\x03"
    assert printer.paper.lines == ["line"]


def test_it_tells_the_drawer_in_all_three_ways(printer):
    printer.drawer_high = True
    assert printer.feed(b"\x10\x04\x01\x1dr\x02") == b"\x16\x01"
    assert decode_unasked(printer.unasked_status()).drawer_high


def test_a_query_that_it_does_not_know_is_answered_as_well(printer):
    assert printer.feed(b"\x10\x04\x09") == b"\x12"


def test_a_receipt_keeps_its_bytes(printer):
    data = b"\x1b@one\n\x1dV\x00"
    printer.feed(data)
    assert [receipt.raw for receipt in printer.receipts] == [data]
