"""One scanner's keys to labels: what is read, what ends a label, what is not trusted."""

import pytest

from drivers.base import ScanData
from drivers.hid import keycodes as k
from drivers.hid.codec_input_event import LOST, encode
from drivers.hid.sim import NO_KEYS, kernel_events, report
from drivers.scanner.codec_hid_wedge import WedgeDecoder
from drivers.scanner.codec_wedge_keys import alt_byte
from drivers.scanner.labels import LABEL_BYTES_MAX
from drivers.scanner.sim import Wedge

MS = 1_000_000
ENTER = [report(k.KEY_ENTER), NO_KEYS]


def typed(*reports: bytes, at_us: int = 1_000_000) -> bytes:
    return encode(kernel_events(reports, at_us))


def pressed(*codes: int) -> list[bytes]:
    return [report(*codes), NO_KEYS]


def scan(label: bytes, symbology: str = "", *, lossy: bool = False, mono_ns: int = 5) -> ScanData:
    return ScanData("scanner", label, symbology, lossy, mono_ns)


@pytest.fixture
def decoder() -> WedgeDecoder:
    return WedgeDecoder("scanner")


# --- what is read ---


@pytest.mark.parametrize("terminator", ["enter", "kp_enter"])
def test_label_ends_with_either_enter(decoder: WedgeDecoder, terminator: str) -> None:
    wedge = Wedge(terminator=terminator)
    assert decoder.feed(typed(*wedge.reports(b"96385074")), 5) == [scan(b"96385074")]


def test_label_carries_the_time_of_its_last_byte(decoder: WedgeDecoder) -> None:
    assert decoder.feed(typed(*Wedge(terminator="").reports(b"96385074")), 5) == []
    enter = typed(*ENTER, at_us=1_020_000)
    assert decoder.feed(enter[:47], 8) == []
    assert decoder.feed(enter[47:], 9) == [scan(b"96385074", mono_ns=9)]


def test_aim_identifier_is_split_off(decoder: WedgeDecoder) -> None:
    data = typed(*Wedge().reports(b"4006381333931", "]E0"))
    assert decoder.feed(data, 5) == [scan(b"4006381333931", "]E0")]


def test_bracket_that_is_no_aim_identifier_stays_in_the_label(decoder: WedgeDecoder) -> None:
    assert decoder.feed(typed(*Wedge().reports(b"]--")), 5) == [scan(b"]--")]


def test_gs_arrives_as_control_chord(decoder: WedgeDecoder) -> None:
    assert decoder.feed(typed(*Wedge().reports(b"10A\x1d21B")), 5) == [scan(b"10A\x1d21B")]


def test_gs_arrives_as_f8_where_the_scanner_is_set_so() -> None:
    data = typed(*Wedge(gs_key="f8").reports(b"10A\x1d21B"))
    assert WedgeDecoder("scanner", gs_key="f8").feed(data, 5) == [scan(b"10A\x1d21B")]
    assert WedgeDecoder("scanner").feed(data, 5) == [scan(b"10A21B", lossy=True)]


def test_control_chord_may_be_with_the_capital(decoder: WedgeDecoder) -> None:
    chord = [report(k.KEY_LEFTCTRL, k.KEY_LEFTSHIFT, k.KEY_J), NO_KEYS]
    assert decoder.feed(typed(*chord, *ENTER), 5) == [scan(b"\n")]


@pytest.mark.parametrize("style", ["alt", "alt_437"])
def test_alt_codes_reach_above_ascii(decoder: WedgeDecoder, style: str) -> None:
    label = "Käse é".encode("cp1252")
    assert decoder.feed(typed(*Wedge(style=style).reports(label)), 5) == [scan(label)]


def test_layout_is_the_one_the_scanner_is_set_to() -> None:
    label = "@Wäsche_{7}".encode("cp1252")
    data = typed(*Wedge(layout="de").reports(label))
    assert WedgeDecoder("scanner", layout="de").feed(data, 5) == [scan(label)]


def test_control_and_alt_together_are_altgr() -> None:
    at_sign = [report(k.KEY_LEFTCTRL, k.KEY_LEFTALT, 16), NO_KEYS]
    assert WedgeDecoder("scanner", layout="de").feed(typed(*at_sign, *ENTER), 5) == [scan(b"@")]


def test_caps_lock_swaps_letters_only(decoder: WedgeDecoder) -> None:
    caps = pressed(k.KEY_CAPSLOCK)
    data = typed(*caps, *Wedge(terminator="").reports(b"aB1!"), *caps, *ENTER)
    assert decoder.feed(data, 5) == [scan(b"Ab1!")]


def test_autorepeat_adds_nothing(decoder: WedgeDecoder) -> None:
    events = kernel_events([*pressed(2), *ENTER], 1_000_000)
    repeated = events[1]._replace(value=k.REPEATED)
    assert decoder.feed(encode([*events[:3], repeated, *events[3:]]), 5) == [scan(b"1")]


def test_prefix_and_suffix_are_taken_off() -> None:
    data = typed(*Wedge(prefix=b"<", suffix=b"\r>").reports(b"96385074", "]E4"))
    decoder = WedgeDecoder("scanner", prefix="<", suffix="\r>")
    assert decoder.feed(data, 5) == [scan(b"96385074", "]E4")]


@pytest.mark.parametrize(("prefix", "suffix"), [(b"", b">"), (b"<", b"")])
def test_label_without_its_prefix_or_suffix_is_lossy(prefix: bytes, suffix: bytes) -> None:
    data = typed(*Wedge(prefix=prefix, suffix=suffix).reports(b"96385074"))
    [only] = WedgeDecoder("scanner", prefix="<", suffix=">").feed(data, 5)
    assert only == scan(b"96385074", lossy=True)


# --- what ends a label ---


def test_tab_ends_a_label_where_the_scanner_is_set_so() -> None:
    data = typed(*Wedge(terminator="tab").reports(b"96385074"))
    assert WedgeDecoder("scanner", terminator="tab").feed(data, 5) == [scan(b"96385074")]


def test_key_that_is_no_terminator_is_part_of_the_label() -> None:
    data = typed(*Wedge().reports(b"a\tb"))
    assert WedgeDecoder("scanner").feed(data, 5) == [scan(b"a\tb")]
    tab = typed(*Wedge(terminator="").reports(b"a"), *ENTER, *pressed(k.KEY_TAB))
    assert WedgeDecoder("scanner", terminator="tab").feed(tab, 5) == [scan(b"a\r")]


def test_enter_alone_is_no_label(decoder: WedgeDecoder) -> None:
    assert decoder.feed(typed(*ENTER), 5) == []


def test_silence_ends_a_label_of_a_scanner_without_terminator(decoder: WedgeDecoder) -> None:
    assert decoder.next_timeout() is None
    assert decoder.feed(typed(*Wedge(terminator="").reports(b"96385074")), 5) == []
    assert decoder.next_timeout() == 5 + 250 * MS
    assert decoder.flush(4 + 250 * MS) == []
    assert decoder.flush(5 + 250 * MS) == [scan(b"96385074")]
    assert decoder.next_timeout() is None
    assert decoder.flush(9**18) == []


def test_gap_of_120_ms_is_inside_a_label(decoder: WedgeDecoder) -> None:
    assert decoder.feed(typed(*Wedge(terminator="").reports(b"9638"), at_us=1_000_000), 5) == []
    late = typed(*Wedge().reports(b"5074"), at_us=1_128_000)
    assert decoder.feed(late, 5 + 128 * MS) == [scan(b"96385074", mono_ns=5 + 128 * MS)]


def test_label_without_its_usual_terminator_is_lossy(decoder: WedgeDecoder) -> None:
    decoder.feed(typed(*Wedge().reports(b"96385074")), 5)
    decoder.feed(typed(*Wedge(terminator="").reports(b"40063"), at_us=1_100_000), 5)
    assert decoder.flush(5 + 250 * MS) == [scan(b"40063", lossy=True)]


def test_remains_of_a_label_never_join_the_next_even_when_read_at_once(
    decoder: WedgeDecoder,
) -> None:
    broken = typed(*Wedge(terminator="").reports(b"40063"), at_us=1_000_000)
    whole = typed(*Wedge().reports(b"96385074"), at_us=1_400_000)
    assert decoder.feed(broken + whole, 5) == [scan(b"40063"), scan(b"96385074")]


def test_silence_is_measured_by_arrival_where_events_carry_no_time(decoder: WedgeDecoder) -> None:
    def without_time(data: bytes) -> bytes:
        return b"".join(bytes(16) + data[n + 16 : n + 24] for n in range(0, len(data), 24))

    broken = without_time(typed(*Wedge(terminator="").reports(b"40063")))
    whole = without_time(typed(*Wedge().reports(b"96385074")))
    assert decoder.feed(broken, 5) == []
    late = 5 + 250 * MS
    assert decoder.feed(whole, late) == [scan(b"40063"), scan(b"96385074", mono_ns=late)]


def test_reader_that_was_held_up_splits_no_label(decoder: WedgeDecoder) -> None:
    data = typed(*Wedge().reports(b"96385074"))
    assert decoder.feed(data[:240], 5) == []
    assert decoder.feed(data[240:], 5 + 900 * MS) == [scan(b"96385074", mono_ns=5 + 900 * MS)]


def test_disconnected_scanner_leaves_a_lossy_label(decoder: WedgeDecoder) -> None:
    decoder.feed(typed(*Wedge(terminator="").reports(b"40063")), 5)
    assert decoder.disconnected() == [scan(b"40063", lossy=True)]
    assert decoder.disconnected() == []


# --- what is not trusted ---


@pytest.mark.parametrize(
    "chord",
    [
        (59,),  # F1
        (k.KEY_LEFTMETA, 30),
        (k.KEY_LEFTALT, 30),
        (k.KEY_RIGHTALT, 30),
        (k.KEY_LEFTSHIFT, k.KEY_RIGHTALT, 30),
        (k.KEY_LEFTCTRL, 2),
        (k.KEY_LEFTALT,),
        (k.KEY_BACKSPACE,),
    ],
)
def test_key_without_a_meaning_makes_the_label_lossy(
    decoder: WedgeDecoder, chord: tuple[int, ...]
) -> None:
    data = typed(*pressed(*chord), *Wedge().reports(b"96385074"))
    assert decoder.feed(data, 5) == [scan(b"96385074", lossy=True)]
    data = typed(*Wedge().reports(b"96385074"), at_us=1_100_000)
    assert decoder.feed(data, 5) == [scan(b"96385074")]


@pytest.mark.parametrize("lock", [k.KEY_NUMLOCK, k.KEY_SCROLLLOCK])
def test_locks_that_write_nothing_change_nothing(decoder: WedgeDecoder, lock: int) -> None:
    data = typed(*pressed(lock), *Wedge().reports(b"96385074"))
    assert decoder.feed(data, 5) == [scan(b"96385074")]


def test_unreadable_key_alone_is_reported_as_a_lossy_label(decoder: WedgeDecoder) -> None:
    assert decoder.feed(typed(*pressed(59), *ENTER), 5) == [scan(b"", lossy=True)]


def test_unreadable_key_followed_by_silence_is_forgotten(decoder: WedgeDecoder) -> None:
    decoder.feed(typed(*pressed(59)), 5)
    assert decoder.flush(10**12) == []
    data = typed(*Wedge().reports(b"96385074"), at_us=9_000_000)
    assert decoder.feed(data, 5) == [scan(b"96385074")]


def test_modifier_still_held_at_the_end_makes_the_label_lossy(decoder: WedgeDecoder) -> None:
    shift = k.KEY_LEFTSHIFT
    stuck = typed(report(shift), report(shift, 30), report(shift), report(shift, k.KEY_ENTER))
    assert decoder.feed(stuck, 5) == [scan(b"A", lossy=True)]
    released = typed(report(shift), NO_KEYS, *Wedge().reports(b"96385074"), at_us=1_050_000)
    assert decoder.feed(released[3 * 24 :], 5) == [scan(b"96385074")]


def test_key_pressed_again_without_a_release_makes_the_label_lossy(decoder: WedgeDecoder) -> None:
    events = kernel_events(Wedge().reports(b"A1B"), 1_000_000)
    releases = [n for n, e in enumerate(events) if (e.code, e.value) == (k.KEY_LEFTSHIFT, 0)]
    del events[releases[0]]
    assert decoder.feed(encode(events), 5) == [scan(b"A!B", lossy=True)]


def test_shift_with_altgr_writes_nothing() -> None:
    chord = [report(k.KEY_LEFTSHIFT, k.KEY_RIGHTALT, 16), NO_KEYS]
    data = typed(*chord, *Wedge().reports(b"96385074"))
    assert WedgeDecoder("scanner", layout="de").feed(data, 5) == [scan(b"96385074", lossy=True)]


def test_key_released_after_the_terminator_belongs_to_the_label_before(
    decoder: WedgeDecoder,
) -> None:
    rolled = typed(report(30), report(30, k.KEY_ENTER), report(30), NO_KEYS)
    assert decoder.feed(rolled, 5) == [scan(b"a")]
    data = typed(*Wedge().reports(b"96385074"), at_us=1_050_000)
    assert decoder.feed(data, 5) == [scan(b"96385074")]


def test_events_lost_by_the_kernel_spoil_one_label_only(decoder: WedgeDecoder) -> None:
    half = typed(*Wedge(terminator="").reports(b"4006"))
    rest = typed(*Wedge().reports(b"3931"), at_us=1_050_000)
    assert decoder.feed(half + encode([LOST]) + rest, 5) == [scan(b"931", lossy=True)]
    data = typed(*Wedge().reports(b"96385074"), at_us=1_100_000)
    assert decoder.feed(data, 5) == [scan(b"96385074")]


def test_endless_label_is_cut_and_lossy(decoder: WedgeDecoder) -> None:
    wedge = Wedge(terminator="")
    assert decoder.feed(typed(*wedge.reports(b"1" * LABEL_BYTES_MAX)), 5) == []
    [only] = decoder.feed(typed(*Wedge().reports(b"11"), at_us=15_200_000), 5)
    assert only == scan(b"1" * LABEL_BYTES_MAX, lossy=True)


# --- Alt codes ---


@pytest.mark.parametrize(
    ("digits", "at_once", "byte"),
    [
        ("065", False, 65),
        ("65", False, None),
        ("", False, None),
        ("065065", False, None),
        ("065", True, 65),
        ("0228", False, 0xE4),
        ("132", False, 0xE4),
        ("097", False, 97),
        ("097", True, 97),
        ("300", False, None),
        ("029", False, 0x1D),
        ("029", True, 0x1D),
        ("013", False, 0x0D),
        ("013", True, None),
        ("176", False, None),
    ],
)
def test_alt_code(digits: str, at_once: bool, byte: int | None) -> None:
    assert alt_byte(digits, at_once=at_once) == byte


def test_digit_twice_in_one_report_is_never_a_wrong_character(decoder: WedgeDecoder) -> None:
    data = typed(*Wedge(style="alt_at_once").reports(b"A7"))  # 065, 055
    assert decoder.feed(data, 5) == [scan(b"A", lossy=True)]
