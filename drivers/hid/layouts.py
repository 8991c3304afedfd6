"""What the keys of a keyboard layout write: one table for each layout a scanner can be set to.

A layout is the scanner's setting, not this machine's: the scanner chooses keys so that a computer
with that layout would write the label. Most are set to `us` in the factory.

Source: xkeyboard-config 2.35 (symbols/us, gb "basic", de, fr "azerty", es, it, be, ch), where it
agrees with the layout of the same name of Microsoft Windows, which the scanners imitate: `be` is
Belgian (Period), `ch` Swiss German; Swiss French differs in its accented letters only. Dead keys
and keys on which the two differ are left out: a scanner that uses one gives a label marked as
lossy, never a wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.hid.keycodes import KEY_SPACE

#: Key codes of the four rows, from the key left of "1" to the one left of the right Shift. The
#: third row ends with KEY_BACKSLASH, the fourth begins with the 102nd key, next to the left Shift.
_ROWS: tuple[tuple[int, ...], ...] = (
    (41, *range(2, 14)),
    tuple(range(16, 28)),
    (*range(30, 41), 43),
    (86, *range(44, 54)),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """The character of each key code, by the modifiers held with it."""

    plain: Mapping[int, str]
    shift: Mapping[int, str]
    altgr: Mapping[int, str]


def _level(*rows: str) -> dict[int, str]:
    """The characters of the keys, row by row; a blank is a key without a character."""
    return {
        code: char
        for codes, chars in zip(_ROWS, rows, strict=True)
        for code, char in zip(codes, chars, strict=True)
        if char != " "
    }


_SPACE = {KEY_SPACE: " "}

LAYOUTS: dict[str, Layout] = {
    "us": Layout(
        plain=_level("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'\\", " zxcvbnm,./") | _SPACE,
        shift=_level("~!@#$%^&*()_+", "QWERTYUIOP{}", 'ASDFGHJKL:"|', " ZXCVBNM<>?") | _SPACE,
        altgr={},
    ),
    "uk": Layout(
        plain=_level("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'#", "\\zxcvbnm,./") | _SPACE,
        shift=_level('¬!"£$%^&*()_+', "QWERTYUIOP{}", "ASDFGHJKL:@~", "|ZXCVBNM<>?") | _SPACE,
        altgr={5: "€"},
    ),
    "de": Layout(
        plain=_level(" 1234567890ß ", "qwertzuiopü+", "asdfghjklöä#", "<yxcvbnm,.-") | _SPACE,
        shift=_level('°!"§$%&/()=? ', "QWERTZUIOPÜ*", "ASDFGHJKLÖÄ'", ">YXCVBNM;:_") | _SPACE,
        altgr=_level("  ²³   {[]}\\ ", "@ €        ~", " " * 12, "|      µ   "),
    ),
    "fr": Layout(
        plain=_level("²&é\"'(-è_çà)=", "azertyuiop $", "qsdfghjklmù*", "<wxcvbn,;:!") | _SPACE,
        shift=_level(" 1234567890°+", "AZERTYUIOP £", "QSDFGHJKLM%µ", ">WXCVBN?./§") | _SPACE,
        altgr=_level("   #{[| \\^@]}", "  €        ¤", " " * 12, " " * 11),
    ),
    "es": Layout(
        plain=_level("º1234567890'¡", "qwertyuiop +", "asdfghjklñ ç", "<zxcvbnm,.-") | _SPACE,
        shift=_level('ª!"·$%&/()=?¿', "QWERTYUIOP *", "ASDFGHJKLÑ Ç", ">ZXCVBNM;:_") | _SPACE,
        altgr=_level("\\|@#  ¬      ", "  €       []", "          {}", " " * 11),
    ),
    "it": Layout(
        plain=_level("\\1234567890'ì", "qwertyuiopè+", "asdfghjklòàù", "<zxcvbnm,.-") | _SPACE,
        shift=_level('|!"£$%&/()=?^', "QWERTYUIOPé*", "ASDFGHJKLç°§", ">ZXCVBNM;:_") | _SPACE,
        altgr=_level(" " * 13, "  €       []", "         @# ", " " * 11),
    ),
    "be": Layout(
        plain=_level("²&é\"'(§è!çà)-", "azertyuiop $", "qsdfghjklmùµ", "<wxcvbn,;:=") | _SPACE,
        shift=_level("³1234567890°_", "AZERTYUIOP *", "QSDFGHJKLM%£", ">WXCVBN?./+") | _SPACE,
        altgr=_level(" |@#  ^  {}  ", "  €       []", " " * 12, "\\          "),
    ),
    "ch": Layout(
        plain=_level("§1234567890' ", "qwertzuiopü ", "asdfghjklöä$", "<yxcvbnm,.-") | _SPACE,
        shift=_level('°+"*ç%&/()=? ', "QWERTZUIOPè!", "ASDFGHJKLéà£", ">YXCVBNM;:_") | _SPACE,
        altgr=_level("  @#  ¬|¢    ", "  €       []", "          {}", "\\          "),
    ),
}
