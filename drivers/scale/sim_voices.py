"""How simulated scales speak: each from its manual and not from our codec, so that the two can
disagree. The manuals are named in the codecs."""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import ClassVar, Final

from drivers.scale.sim_plate import Look, Plate

MOTION, OVER, UNDER, OUTSIDE_CAPTURE, CENTRE_OF_ZERO, NET, ALWAYS = (1 << bit for bit in range(7))

#: Grams in a hundredth of a pound, as a fraction: scales in pounds here show hundredths.
_HUNDREDTH_LB: Final = 45_359_237, 10_000_000


def hundredths_lb(weight_g: int) -> int:
    grams, parts = _HUNDREDTH_LB
    return (2 * weight_g * parts + grams) // (2 * grams)


def number(weight_g: int, unit: str) -> str:
    """As a display shows it: kilograms to the gram, pounds to the nearest hundredth."""
    sign, weight_g = "-" * (weight_g < 0), abs(weight_g)
    if unit == "kg":
        return f"{sign}{weight_g // 1000}.{weight_g % 1000:03}"
    hundredths = hundredths_lb(weight_g)
    return f"{sign}{hundredths // 100}.{hundredths % 100:02}"


class Voice:
    """One protocol, spoken for one plate."""

    ends: ClassVar[bytes] = b""  #: what ends a command; b"" if each byte is one
    spacing_ms: ClassVar[int] = 0  #: commands that come sooner are not heard
    every_ms: ClassVar[int] = 0  #: from frame to frame sent unasked; 0 if it only answers

    def __init__(self, plate: Plate, unit: str) -> None:
        self.plate, self.unit = plate, unit

    def echoes(self, _heard: bytes) -> bool:
        """Whether what was heard is sent back, and is no command."""
        return False

    def obey(self, _command: bytes) -> bytes:
        """The answer to one command; b"" if there is none."""
        return b""

    def frame(self) -> bytes:
        """What is sent unasked; b"" if it only answers."""
        return b""


def written_8217(weight_g: int, unit: str, *, net: bool = False) -> bytes:
    """STX WW.WWW CR or STX 0WW.WW CR."""
    return b"\x02" + number(weight_g, unit).rjust(6, "0").encode() + b"N" * net + b"\r"


class Toledo8217(Voice):
    spacing_ms = 200

    def __init__(self, plate: Plate, unit: str) -> None:
        super().__init__(plate, unit)
        self._echoing = False

    def echoes(self, heard: bytes) -> bool:
        return self._echoing and heard != b"F"

    def obey(self, command: bytes) -> bytes:
        if command in (b"E", b"F"):
            self._echoing = command == b"E"
            return b"\x02" + command + b"\r"
        if command == b"Z":
            self.plate.zero()
            return self.status(self.plate.look())
        if command != b"W":
            return b""
        look = self.plate.look(poll=True)
        if not look.weighs:
            return self.status(look)
        return written_8217(look.shown_g, self.unit, net=look.net)

    @staticmethod
    def status(look: Look) -> bytes:
        status = (
            ALWAYS
            | MOTION * look.moving
            | OVER * look.over
            | UNDER * look.under
            | OUTSIDE_CAPTURE * (not look.near_zero)
            | CENTRE_OF_ZERO * look.centre
            | NET * look.net
        )
        return b"\x02?" + bytes([status]) + b"\r"


class NciEcr(Voice):
    ends = b"\r"

    def obey(self, command: bytes) -> bytes:
        if command == b"Z\r":
            self.plate.zero()
        if command in (b"S\r", b"Z\r"):
            return self.status(self.plate.look())
        if command != b"W\r":
            return b"\n?\r\x03"
        look = self.plate.look(poll=True)
        weight = self.written(look.shown_g) if self.shows(look) else b""
        return weight + self.status(look)

    def shows(self, look: Look) -> bool:
        return look.weighs

    def written(self, weight_g: int) -> bytes:
        return (
            b"\n" + (number(weight_g, self.unit).rjust(6, "0") + self.unit.upper()).encode() + b"\r"
        )

    def status(self, look: Look) -> bytes:
        return b"\nS" + self.status_bytes(look) + b"\r\x03"

    @staticmethod
    def status_bytes(look: Look) -> bytes:
        first = 0x30 | look.moving | look.centre << 1
        second = 0x30 | look.under | look.over << 1
        if not look.net:
            return bytes([first, second])
        return bytes([first, second | 0x40, 0x34])  # another follows: net


class NciScp01(NciEcr):
    """Says the number even while it moves: the status alone tells."""

    def shows(self, look: Look) -> bool:
        return not look.over

    def written(self, weight_g: int) -> bytes:
        return b"\n" + (number(weight_g, self.unit).rjust(7) + self.unit).encode() + b"\r"

    def status(self, look: Look) -> bytes:
        return b"\n" + self.status_bytes(look) + b"\r\x03"


class Sma(Voice):
    ends = b"\r"

    def obey(self, command: bytes) -> bytes:
        if command not in (b"\nW\r", b"\nZ\r"):
            return b"\n?\r"
        if command == b"\nZ\r":
            self.plate.zero()
        look = self.plate.look(poll=command == b"\nW\r")
        status = "O" if look.over else "U" if look.under else "Z" if look.centre else " "
        flags = f"{status}1{'N' if look.net else 'G'}{'M' if look.moving else ' '} "
        return f"\n{flags}{number(look.shown_g, self.unit):>10}{self.unit:<3}\r".encode()


class MtSics(Voice):
    ends = b"\n"

    def obey(self, command: bytes) -> bytes:
        word = command.removesuffix(b"\r\n")
        look = self.plate.look(poll=word == b"SI")
        out_of_range = "+" if look.over else "-" if look.under else ""
        if word == b"SI":
            weight = (
                f"{'D' if look.moving else 'S'} {number(look.shown_g, self.unit):>10} {self.unit}"
            )
            return f"S {out_of_range or weight}\r\n".encode()
        if word == b"Z":
            self.plate.zero()
            zeroed = "A" if look.near_zero and not look.moving else "I"
            return f"Z {out_of_range or zeroed}\r\n".encode()
        return b"ES\r\n"


class Cas(Voice):
    def obey(self, command: bytes) -> bytes:
        if command == b"\x05":
            return b"\x06"
        if command != b"\x11":
            return b""
        look = self.plate.look(poll=True)
        sign = "F" if look.over else "-" if look.under else " "
        digits = "F" * 6 if look.over else number(abs(look.shown_g), self.unit).rjust(6, "0")
        data = f"{'U' if look.moving else 'S'}{sign}{digits}{self.unit.upper()}".encode()
        return b"\x01\x02" + data + bytes([reduce(xor, data)]) + b"\x03\x04"


class Icl(Voice):
    """15 kg x 0.005 kg, or 30 lb x 0.01 lb, which leaves the first place empty."""

    def obey(self, command: bytes) -> bytes:
        if command == b"\x05":
            return b"\x18" if self.plate.look(poll=True).moving else b"\x06"
        if command != b"\x11":
            return b""
        look = self.plate.look()
        kg = self.unit == "kg"
        digits = f"{look.shown_g:05}" if kg else f"{hundredths_lb(look.shown_g):04}".rjust(5, "\0")
        data = bytes([0x29 if kg else 0x2A]) + digits.encode()
        if look.over or look.under:
            data = bytes([data[0] | 0x10]) + b"\0" * 5
        return 2 * (b"\x02" + data + bytes([reduce(xor, data)]) + b"\x03")


class ToledoContinuous(Voice):
    every_ms = 143  # "approximately 7 times per second"

    def frame(self) -> bytes:
        look = self.plate.look(poll=True)
        kg = self.unit == "kg"
        a = 0x28 | (5 if kg else 4)  # increments of 1; three decimals or two
        b = 0x20 | look.net | look.under << 1 | look.over << 2 | look.moving << 3 | kg << 4
        shown = abs(look.shown_g) if kg else hundredths_lb(abs(look.shown_g))
        data = b"\x02" + bytes([a, b, 0x20]) + f"{shown:06}{0:06}\r".encode()
        return data + bytes([-sum(data) & 0x7F])


class CasStream(Voice):
    every_ms = 100

    def frame(self) -> bytes:
        look = self.plate.look(poll=True)
        said = "OL" if look.over else "US" if look.moving else "ST"
        lamps = 0x80 | (not look.moving) << 6 | (not look.net) << 2 | look.net << 1 | look.centre
        head = f"{said},{'NT' if look.net else 'GS'},1".encode() + bytes([lamps])
        sign = "-" if look.under else "0"
        digits = sign + number(abs(look.shown_g), self.unit).rjust(7, "0")
        return head + f",{digits} {self.unit}\r\n".encode()


#: By the driver's name; NCI has two dialects.
VOICES: Final[dict[str, type[Voice]]] = {
    "toledo-8217": Toledo8217,
    "nci": NciEcr,
    "nci-scp-01": NciScp01,
    "sma": Sma,
    "mt-sics": MtSics,
    "cas": Cas,
    "icl": Icl,
    "toledo-continuous": ToledoContinuous,
    "cas-stream": CasStream,
}
