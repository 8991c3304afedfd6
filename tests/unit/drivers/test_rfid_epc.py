"""EPCs, against the standard's worked example and what other decoders make of it."""

import pytest

from drivers.rfid.epc import Sgtin, check_digit, sgtin

EXAMPLE = bytes.fromhex("3034257BF7194E4000001A85")


def with_partition(partition: int) -> bytes:
    bits = int.from_bytes(EXAMPLE, "big") & ~(0b111 << 82) | partition << 82
    return bits.to_bytes(12, "big")


def test_the_worked_example_is_read_as_everybody_reads_it():
    """0614141.812345.6789: pyepc 0.5.0, llrpkit 0.3.0 and arithmetic by hand agree."""
    assert sgtin(EXAMPLE) == Sgtin("80614141123458", "6789")


def test_a_serial_of_characters_is_read():
    """TDS 1.13 §14.5.1.2 example form: GTIN 70614141123451, serial 32a/b."""
    head = 0x36 << 6 | 3 << 3 | 5
    head = head << 24 | 614141
    head = head << 20 | 712345
    serial = 0
    for character in "32a/b".ljust(20, "\0"):
        serial = serial << 7 | ord(character)
    epc = ((head << 140 | serial) << 10).to_bytes(26, "big")
    assert sgtin(epc) == Sgtin("70614141123451", "32a/b")


@pytest.mark.parametrize("header", [0x2F, 0x31, 0x32, 0x33, 0x34, 0x35, 0xE2, 0xF7, 0x00])
def test_other_kinds_are_no_sgtin(header):
    assert sgtin(bytes([header]) + EXAMPLE[1:]) is None


@pytest.mark.parametrize("epc", [b"", b"\x30", EXAMPLE[:-2], EXAMPLE + b"\0\0", b"\x36" * 25])
def test_a_wrong_length_is_no_sgtin(epc):
    assert sgtin(epc) is None


def test_partition_7_does_not_exist():
    assert sgtin(with_partition(7)) is None


def test_a_company_prefix_with_too_many_digits_is_no_sgtin():
    bits = int.from_bytes(EXAMPLE, "big") | ((1 << 24) - 1) << 58
    assert sgtin(bits.to_bytes(12, "big")) is None


def test_an_item_reference_with_too_many_digits_is_no_sgtin():
    bits = int.from_bytes(EXAMPLE, "big") | ((1 << 20) - 1) << 38
    assert sgtin(bits.to_bytes(12, "big")) is None


@pytest.mark.parametrize("serial", ["", "a b", "a\0b", "a\x7f", "^"])
def test_a_serial_with_characters_that_none_may_have_is_no_sgtin(serial):
    head = (0x36 << 6 | 5) << 44 | 614141 << 20 | 712345
    bits = 0
    for character in serial.ljust(20, "\0"):
        bits = bits << 7 | ord(character) & 0x7F
    epc = ((head << 140 | bits) << 10).to_bytes(26, "big")
    assert sgtin(epc) is None


def test_bits_behind_the_serial_must_be_empty():
    head = (0x36 << 6 | 5) << 44 | 614141 << 20 | 712345
    epc = ((head << 140 | ord("7") << 133) << 10 | 1).to_bytes(26, "big")
    assert sgtin(epc) is None


@pytest.mark.parametrize(("digits", "check"), [("8061414112345", "8"), ("0000000000000", "0")])
def test_the_check_digit_is_the_general_specifications(digits, check):
    assert check_digit(digits) == check
