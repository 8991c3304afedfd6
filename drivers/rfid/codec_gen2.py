"""What every UHF tag says of itself: its PC word, its EPC and its CRC. No I/O, no clock.

Source: GS1 EPC Radio-Frequency Identity Protocols, Generation-2 UHF RFID, §6.3.2.1.2: bits 15 to 11
of the PC word are the length of the EPC in words; the CRC is CRC-16/GENIBUS over PC and EPC.
"""

from __future__ import annotations

from drivers.base import ProtocolError

_PC_BYTES, _CRC_BYTES = 2, 2


def epc_of(said: bytes) -> bytes:
    """The EPC in PC word, EPC and CRC. Raises ProtocolError if length or CRC do not fit."""
    words = said[0] >> 3 if said else 0
    if words == 0 or len(said) != _PC_BYTES + 2 * words + _CRC_BYTES:
        raise ProtocolError(f"no tag's PC, EPC and CRC: {said.hex(' ')}")
    if crc16(said[:-_CRC_BYTES]) != int.from_bytes(said[-_CRC_BYTES:], "big"):
        raise ProtocolError(f"the tag's CRC does not fit: {said.hex(' ')}")
    return said[_PC_BYTES:-_CRC_BYTES]


def crc16(data: bytes) -> int:
    """Polynomial 1021h, most significant bit first, begun with and inverted by FFFFh."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return crc ^ 0xFFFF
