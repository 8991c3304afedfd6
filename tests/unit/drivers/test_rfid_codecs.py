"""The readers' frames one by one: what the captures do not hold."""

import pytest

from drivers.base import ProtocolError
from drivers.rfid import codec_chafon, codec_llrp, codec_m100, codec_thingmagic
from drivers.rfid.codec_gen2 import epc_of
from drivers.rfid.conversation import Said, Sighting
from drivers.rfid.sim import backscatter

EPC = bytes.fromhex("3034257BF7194E4000001A85")


def h(text: str) -> bytes:
    return bytes.fromhex(text)


# --- what a tag says ---

#: PC, EPC and CRC as recorded: M100 manual; R200 users; M6E Nano.
RECORDED = [
    "3400 30751FEB705C5904E3D50D70 3A76",
    "3000 E200001D7315016521408FC6 B83E",
    "3000 E28068900000500E88C6A4A7 119B",
    "3400 E200471BB0006013044509D0 9582",
    "3000 000000000000000000001545 E94A",
    "1000 596F596F F313",
    "3000 E2001026760E017915907125 1985",
]


@pytest.mark.parametrize("said", RECORDED)
def test_recorded_tags_are_read_and_their_crc_is_the_standards(said):
    _, epc, _ = said.split()
    assert epc_of(h(said)) == h(epc)
    assert backscatter(h(epc))[2:-2] == h(epc)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "0000 0000",
        "3000 E2001026760E017915907125 1986",
        "3000 E2001026760E0179159071 1985",
        "3800 E2001026760E017915907125 1985",
    ],
)
def test_a_tag_with_a_wrong_length_or_crc_is_none(said):
    with pytest.raises(ProtocolError):
        epc_of(h(said))


# --- M100 ---


def m100(kind: int, command: int, parameters: bytes, head: int = 0xBB) -> Said:
    frame = codec_m100.frame(head, kind, command, parameters)
    assert codec_m100.measure(frame) == len(frame)
    return codec_m100.read(frame)


@pytest.mark.parametrize("words", [1, 4, 6, 8, 13, 31])
def test_m100_reads_epcs_of_every_length(words):
    epc = bytes(range(2 * words))
    assert m100(2, 0x22, b"\xc9" + backscatter(epc)).sightings == (Sighting(epc, 0, -55),)


def test_m100_notices_that_name_the_poll_of_many_are_read_as_well():
    assert m100(2, 0x27, b"\xc9" + backscatter(EPC), 0xAA).sightings == (Sighting(EPC, 0, -55),)


def test_m100_errors_that_are_no_absent_tag_answer_nothing():
    assert m100(1, 0xFF, b"\x17") == Said(answers=0xFF)
    assert m100(1, 0xFF, b"\x15") == Said(answers=0x27)


@pytest.mark.parametrize(
    "frame",
    [
        "BB 02 22 00 00 24 7E",
        "BB 01 28 00 01 00 2B 7E",
        "BB 01 28 00 01 00 2A DD",
        "AA 01 28 00 01 00 2A 7E",
    ],
)
def test_m100_frames_with_a_wrong_sum_end_or_content_are_none(frame):
    with pytest.raises(ProtocolError):
        codec_m100.read(h(frame))


@pytest.mark.parametrize(
    ("begun", "bytes_"),
    [("7E", 0), ("BB", 5), ("BB 01 03 00", 5), ("BB 00 03 00 01", 0), ("BB 02 22 01 00", 0)],
)
def test_m100_knows_early_what_can_be_no_frame(begun, bytes_):
    assert codec_m100.measure(h(begun)) == bytes_


def test_m100_farewell_stops_either_kind():
    assert codec_m100.farewell("auto") == h("BB 00 28 00 00 28 7E AA 00 28 00 00 28 DD")
    assert codec_m100.farewell("bb") == h("BB 00 28 00 00 28 7E")


# --- Chafon ---


def chafon(body: str, series: str = "288") -> Said:
    frame = codec_chafon.frame(0, h(body))
    assert codec_chafon.measure(frame) == len(frame)
    return codec_chafon.read(frame, series=series)


def test_chafon_strengths_are_never_called_dbm():
    assert chafon("01 01 01 01 02 E280 6B").sightings == (
        Sighting(h("E280"), 1, 0x6B, in_dbm=False),
    )


def test_chafon_antennas_are_bits():
    assert [chafon(f"01 01 {bit} 01 02 E280 6B").sightings[0].antenna for bit in ("02", "08")] == [
        2,
        4,
    ]


def test_chafon_a_tid_behind_the_epc_is_left_out():
    said = chafon("01 01 01 01 8E E280 000102030405060708090A0B 6B")
    assert said.sightings == (Sighting(h("E280"), 1, 0x6B, in_dbm=False),)


@pytest.mark.parametrize("status", ["01", "02", "04"])
def test_chafon_a_round_ends_with_the_tags_that_were_left(status):
    said = chafon(f"01 {status} 01 02 E280", "18")
    assert said == Said(answers=1, sightings=(Sighting(h("E280"), 0, None, in_dbm=False),))


@pytest.mark.parametrize("status", ["FB", "F8"])
def test_chafon_a_round_without_tag_or_antenna_ends_too(status):
    assert chafon(f"01 {status}") == Said(answers=1)
    assert chafon("01 01") == Said(answers=1)


@pytest.mark.parametrize("status", ["F9", "FD", "FE", "FF"])
def test_chafon_refusals_are_told_in_words(status):
    assert chafon(f"01 {status}").refused.startswith("the reader refuses command 01: ")


def test_chafon_a_reader_of_the_other_family_is_refused():
    assert chafon("21 00 0308 09 03", "288").refused == "the reader's type 09 is of series 18"
    assert chafon("21 00 0308 0C 03", "18").refused == "the reader's type 0C is of series 288"


@pytest.mark.parametrize(
    ("body", "series"),
    [
        ("21 00 03 08", "288"),
        ("01 01 01 01 0C E280", "288"),
        ("01 01 01 01 02 E280", "288"),
        ("01 01 01 01 02 E280 6B 00", "288"),
        ("01 01 01 02 02 E280 6B", "288"),
        ("01 01 01 01 00 6B", "288"),
        ("01 01 01 01 8C 000102030405060708090A0B 6B", "288"),
        ("01 01 02 02 E280", "18"),
        ("01 01 00 02", "18"),
        ("EE 00 01", "288"),
    ],
)
def test_chafon_inventories_of_another_length_are_none(body, series):
    with pytest.raises(ProtocolError):
        chafon(body, series)


@pytest.mark.parametrize(
    ("begun", "bytes_"),
    [("04", 0), ("05", 6), ("15 00", 0x16), ("15 00 56", 0), ("15 00 01", 0x16)],
)
def test_chafon_knows_early_what_can_be_no_frame(begun, bytes_):
    assert codec_chafon.measure(h(begun)) == bytes_


# --- ThingMagic ---


def thingmagic(command: int, data: str, status: int = 0) -> Said:
    body = bytes([len(h(data)), command]) + status.to_bytes(2, "big") + h(data)
    frame = b"\xff" + body + codec_thingmagic.crc16(body).to_bytes(2, "big")
    assert codec_thingmagic.measure(frame) == len(frame)
    return codec_thingmagic.read(frame)


HEAD = "10 001B 01FF 01   01 C3 22 0E06A0 00000162 0000 05"


def test_thingmagic_a_sighting_at_the_second_antenna():
    said = thingmagic(0x22, HEAD + "0000 0F 0040 1000 596F596F F313")
    assert said.sightings == (Sighting(h("596F596F"), 2, -61),)


def test_thingmagic_data_that_a_tag_carries_besides_is_left_out():
    said = thingmagic(0x22, HEAD + "0009 ABCD 0F 0040 1000 596F596F F313")
    assert said.sightings == (Sighting(h("596F596F"), 2, -61),)


@pytest.mark.parametrize("data", ["", "10 001B 01FF 02 0A00 0014", "0102030405060708"])
def test_thingmagic_frames_without_a_tag_are_signs_of_life(data):
    assert thingmagic(0x22, data, status=0x0400) == Said()


@pytest.mark.parametrize(
    "data",
    [
        HEAD,
        HEAD + "0000 0F",
        HEAD + "0000 0F 0048 1000 596F596F F313",
        HEAD + "0000 0F 0040 1000 596F596F F314",
        HEAD + "FFFF 0F 0040 1000 596F596F F313",
    ],
)
def test_thingmagic_sightings_of_another_length_are_none(data):
    with pytest.raises(ProtocolError):
        thingmagic(0x22, data)


def test_thingmagic_start_and_stop_are_told_apart():
    assert thingmagic(0x2F, "01 22 0000") == Said(answers=0x2F01)
    assert thingmagic(0x2F, "02") == Said(answers=0x2F02)
    assert thingmagic(0x2F, "") == Said(answers=0x2F)


def test_thingmagic_a_short_version_is_none():
    with pytest.raises(ProtocolError):
        thingmagic(0x03, "14120800")


def test_thingmagic_antennas_are_pairs_of_ports():
    talk = codec_thingmagic.reading(1_000, region="eu", antennas=(1, 2), power_cdbm=0)
    steps = {step.what: step.requests[0] for step in talk._steps}
    assert steps["antennas"][3:-2] == h("02 0101 0202")
    assert steps["region"][3:-2] == b"\x08"
    assert "power" not in steps


@pytest.mark.parametrize(
    ("begun", "bytes_"),
    [("00", 0), ("FF", 2), ("FF 28", 0x2F), ("FF 28 22", 0x2F), ("FF 28 55", 0)],
)
def test_thingmagic_knows_early_what_can_be_no_frame(begun, bytes_):
    assert codec_thingmagic.measure(h(begun)) == bytes_


# --- LLRP ---


def llrp(kind: int, body: str = "") -> Said:
    message = codec_llrp.message(kind, h(body), number=9)
    assert codec_llrp.measure(message) == len(message)
    return codec_llrp.read(message)


def test_llrp_a_sighting_needs_neither_antenna_nor_rssi():
    assert llrp(61, "00F0 0011 8D" + EPC.hex()).sightings == (Sighting(EPC, 0, None),)


def test_llrp_epcs_of_any_length_and_other_parameters_between():
    said = llrp(61, "00F0 001D 00F1 0008 0010 E280 82 0006000000000000 810003 86C4 880001")
    assert said.sightings == (Sighting(h("E280"), 3, -60),)


def test_llrp_a_report_without_tags_says_that_it_is_alive():
    assert llrp(61) == Said()
    assert llrp(999) == Said()


def test_llrp_a_keepalive_is_answered_with_its_number():
    assert llrp(62).reply == h("0448 0000000A 00000009")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("0001", "another connection, that the reader opened, exists"),
        ("0002", "another client is connected"),
        ("0003", "the reader refuses the connection"),
        ("0004", "another client tried to connect"),
        ("0063", "connection refused: 99"),
    ],
)
def test_llrp_a_connection_that_is_not_ours_is_told_in_words(status, words):
    assert llrp(63, f"00F6 000A 0100 0006 {status}").refused == words


def test_llrp_events_that_are_none_of_ours_are_passed_over():
    assert llrp(63, "00F6 0004") == Said()
    assert llrp(63) == Said()


def test_llrp_a_refusal_is_told_in_the_readers_own_words():
    said = llrp(30, "011F 000C 0064 0004 6E6F7065")
    assert said.refused == "the reader refuses adding what to read: 100 nope"
    assert llrp(100, "011F 0008 006D 0000").refused == "the reader refuses a message: 109"


@pytest.mark.parametrize(("maker", "name"), [("0000651A", "Impinj"), ("0000FFFF", "maker 65535")])
def test_llrp_a_reader_is_known_by_maker_model_and_firmware(maker, name):
    general = f"0089 0015 0004 C000 {maker} 000000C8 0003 372E36"
    said = llrp(11, "011F 0008 0000 0000" + general)
    assert said == Said(answers=11, product=f"{name} model 200 firmware 7.6")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (30, ""),
        (30, "011F 0006 0000"),
        (61, "00F0 0004"),
        (61, "00F0 0008 00F1 0004"),
        (61, "00F0 000B 00F1 0007 0010 E2"),
        (61, "00F0 0003"),
        (61, "00F0 00FF 8D"),
        (61, "00F0 0005 FF"),
        (61, "00"),
        (63, "00F6 0007 010000"),
    ],
)
def test_llrp_messages_whose_lengths_do_not_fit_are_none(kind, body):
    with pytest.raises(ProtocolError):
        llrp(kind, body)


@pytest.mark.parametrize(
    ("begun", "bytes_"),
    [
        ("04", 10),
        ("043D 0000000A 00000000", 10),
        ("043D 00000009 00000000", 0),
        ("043D 00200000 00000000", 0),
        ("083D 0000000A 00000000", 0),
        ("243D 0000000A 00000000", 0),
    ],
)
def test_llrp_knows_a_message_by_version_and_length(begun, bytes_):
    assert codec_llrp.measure(h(begun)) == bytes_


def test_llrp_no_antennas_means_all_of_them():
    assert codec_llrp.rospec(())[32:36] == codec_llrp.rospec((0,))[32:36] == h("0001 0000")
