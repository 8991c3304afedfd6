"""What holds for RFID whatever the reader sends and whatever tags there are."""

from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.rfid import codec_chafon, codec_llrp, codec_m100, codec_thingmagic
from drivers.rfid.conversation import Frames, Sighting
from drivers.rfid.epc import Sgtin, check_digit, sgtin
from drivers.rfid.presence import Presence, Rules
from drivers.rfid.sim import Echo, Field, backscatter
from drivers.rfid.sim_chafon import SimulatedChafon
from drivers.rfid.sim_chafon import crc as chafon_crc
from drivers.rfid.sim_llrp import SimulatedLlrp
from drivers.rfid.sim_m100 import SimulatedM100
from drivers.rfid.sim_thingmagic import SimulatedThingMagic
from drivers.rfid.sim_thingmagic import crc as thingmagic_crc

MS = 1_000_000
EPCS = st.integers(1, 13).flatmap(lambda words: st.binary(min_size=2 * words, max_size=2 * words))
ECHOES = st.builds(Echo, EPCS, st.integers(-100, -1), st.integers(1, 4))
NOISE = st.lists(
    st.one_of(
        st.sampled_from(b"\xbb\xaa\x7e\xdd\xff\x22\x00\x01\x04\x3d\x05\xee"), st.integers(0, 255)
    ),
    max_size=80,
).map(bytes)

#: A sighting as each simulated reader sends it, without a line: the methods need none.
WRITTEN = {
    "m100": lambda e: m100_frame(0xBB, e),
    "m100 AA": lambda e: m100_frame(0xAA, e),
    "chafon 288": lambda e: chafon_frame("288", e),
    "chafon 18": lambda e: chafon_frame("18", e),
    "thingmagic": lambda e: SimulatedThingMagic._sighting(SimulatedThingMagic, e),
    "llrp": lambda e: codec_llrp.message(61, SimulatedLlrp._report(e)),
}
FRAMES = {
    "m100": lambda: Frames(codec_m100.measure, codec_m100.read),
    "m100 AA": lambda: Frames(codec_m100.measure, codec_m100.read),
    "chafon 288": lambda: Frames(codec_chafon.measure, partial(codec_chafon.read, series="288")),
    "chafon 18": lambda: Frames(codec_chafon.measure, partial(codec_chafon.read, series="18")),
    "thingmagic": lambda: Frames(codec_thingmagic.measure, codec_thingmagic.read),
    "llrp": lambda: Frames(codec_llrp.measure, codec_llrp.read),
}
KNOWN = {  # antenna and strength that a protocol tells
    "m100": lambda e: Sighting(e.epc, 0, e.rssi),
    "m100 AA": lambda e: Sighting(e.epc, 0, e.rssi),
    "chafon 288": lambda e: Sighting(e.epc, e.antenna, e.rssi + 120, in_dbm=False),
    "chafon 18": lambda e: Sighting(e.epc, 0, None, in_dbm=False),
    "thingmagic": lambda e: Sighting(e.epc, e.antenna, e.rssi),
    "llrp": lambda e: Sighting(e.epc, e.antenna, e.rssi),
}


def m100_frame(head: int, echo: Echo) -> bytes:
    reader = SimulatedM100(Field(), head=head)
    reader.close()
    return reader._frame(0x02, 0x22, bytes([echo.rssi & 0xFF]) + backscatter(echo.epc))


def chafon_frame(series: str, echo: Echo) -> bytes:
    reader = SimulatedChafon(Field(), series=series)
    reader.close()
    return reader._frame(0x01, 0x01, reader._group(echo.antenna, [echo]))


@pytest.mark.parametrize("protocol", FRAMES)
@given(echoes=st.lists(ECHOES, min_size=1, max_size=4))
def test_what_a_reader_writes_is_read(protocol, echoes):
    frames = FRAMES[protocol]()
    said = frames.feed(b"".join(WRITTEN[protocol](echo) for echo in echoes))
    assert [s for one in said for s in one.sightings] == [KNOWN[protocol](e) for e in echoes]
    assert (frames.protocol_errors, frames.stray_bytes) == (0, 0)


@pytest.mark.parametrize("protocol", FRAMES)
@given(noise=NOISE, echo=ECHOES)
def test_no_bytes_raise_anything_and_the_next_frame_is_read(protocol, noise, echo):
    frames = FRAMES[protocol]()
    frames.feed(noise)
    frames.give_up()
    said = frames.feed(WRITTEN[protocol](echo))
    assert KNOWN[protocol](echo) in [s for one in said for s in one.sightings]


@pytest.mark.parametrize("protocol", FRAMES)
@given(noise=NOISE, echo=ECHOES, data=st.data())
def test_how_bytes_are_cut_into_reads_changes_nothing(protocol, noise, echo, data):
    line = noise + WRITTEN[protocol](echo)
    cuts = data.draw(st.lists(st.integers(0, len(line)), max_size=5).map(sorted))
    whole, pieces = FRAMES[protocol](), FRAMES[protocol]()
    expected = whole.feed(line)
    got = [said for a, b in pairwise([0, *cuts, len(line)]) for said in pieces.feed(line[a:b])]
    assert got == expected
    assert pieces.protocol_errors == whole.protocol_errors


@pytest.mark.parametrize("protocol", [name for name in FRAMES if name != "llrp"])
@given(echo=ECHOES, data=st.data())
def test_a_single_byte_that_is_lost_or_changed_makes_no_other_tag(protocol, echo, data):
    frame = WRITTEN[protocol](echo)
    at = data.draw(st.integers(0, len(frame) - 1))
    instead = data.draw(
        st.sampled_from([b"", bytes([frame[at] ^ 1 << data.draw(st.integers(0, 7))])])
    )
    frames = FRAMES[protocol]()
    said = frames.feed(frame[:at] + instead + frame[at + 1 :]) + frames.give_up()
    assert [s for one in said for s in one.sightings] in ([], [KNOWN[protocol](echo)])


@given(st.binary(max_size=40))
def test_simulator_and_codec_have_the_same_crcs(data):
    assert codec_chafon.crc16(data).to_bytes(2, "little") == chafon_crc(data)
    assert codec_thingmagic.crc16(data).to_bytes(2, "big") == thingmagic_crc(data)


# --- EPC ---

COMPANY_DIGITS = st.integers(6, 12)
COMPANY_BITS = {12: 40, 11: 37, 10: 34, 9: 30, 8: 27, 7: 24, 6: 20}  # TDS table 14-2
CHARACTERS = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"


def encoded_head(header: int, gtin: str, company_digits: int) -> int:
    """Header, filter 1, partition, company prefix, indicator and item reference, as numbers."""
    company, item = gtin[1 : 1 + company_digits], gtin[0] + gtin[1 + company_digits : 13]
    bits = COMPANY_BITS[company_digits]
    head = (header << 3 | 1) << 3 | (12 - company_digits)
    return (head << bits | int(company)) << 44 - bits | int(item)


GTINS = st.integers(0, 10**13 - 1).map(lambda n: f"{n:013}").map(lambda d: d + check_digit(d))


@given(GTINS, COMPANY_DIGITS, st.integers(0, 2**38 - 1))
def test_every_sgtin_96_is_read_back(gtin, company_digits, serial):
    epc = (encoded_head(0x30, gtin, company_digits) << 38 | serial).to_bytes(12, "big")
    assert sgtin(epc) == Sgtin(gtin, str(serial))


@given(GTINS, COMPANY_DIGITS, st.text(CHARACTERS, min_size=1, max_size=20))
def test_every_sgtin_198_is_read_back(gtin, company_digits, serial):
    bits = encoded_head(0x36, gtin, company_digits)
    for character in serial.ljust(20, "\0"):
        bits = bits << 7 | ord(character)
    assert sgtin((bits << 10).to_bytes(26, "big")) == Sgtin(gtin, serial)


@given(
    st.one_of(
        st.binary(max_size=40), st.binary(min_size=12, max_size=12).map(lambda b: b"\x30" + b[1:])
    )
)
def test_any_epc_is_read_or_left_raw(epc):
    item = sgtin(epc)
    assert item is None or (len(item.gtin) == 14 and item.gtin[-1] == check_digit(item.gtin[:-1]))


# --- presence ---

SIGHTINGS = st.tuples(
    st.sampled_from([b"\1\1", b"\2\2"]),
    st.integers(1, 2),
    st.integers(-90, -30),
    st.integers(0, 900),
)


@given(st.lists(SIGHTINGS, max_size=60), st.integers(1, 4))
def test_edges_alternate_and_everything_leaves_at_last(steps, min_reads):
    presence = Presence("gate", Rules(min_reads, 500, 1_000, -80, neighbours=frozenset({2})))
    now_ns, edges = 0, []
    for epc, antenna, strength, later_ms in steps:
        now_ns += later_ms * MS
        edges += presence.expire(now_ns)
        edges += presence.see(Sighting(epc, antenna, strength), now_ns)
    edges += presence.expire(now_ns + 1_000 * MS)
    for epc in ("0101", "0202"):
        told = [edge.present for edge in edges if edge.epc == epc]
        assert told == [True, False] * (len(told) // 2)
    assert presence.wake_ns is None
    assert all(edge.antenna == 1 for edge in edges)


@given(st.lists(SIGHTINGS, max_size=60))
def test_a_tag_arrives_only_after_enough_strong_sightings_of_our_own(steps):
    presence = Presence("gate", Rules(2, 500, 1_000, -60))
    now_ns, strong = 0, {b"\1\1": [], b"\2\2": []}
    for epc, antenna, strength, later_ms in steps:
        now_ns += later_ms * MS
        presence.expire(now_ns)
        if strength >= -60:
            strong[epc].append(now_ns)
        for edge in presence.see(Sighting(epc, antenna, strength), now_ns):
            if edge.present:
                assert now_ns - strong[epc][-2] <= 500 * MS
