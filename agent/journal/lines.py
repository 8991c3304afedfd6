"""A fact as one line of JSON, for exports and archives: all that its hash was made for.

    {"epoch": "…", "seq": 1, "type": "…", "v": 1, "ts": <wall ms>, "mono": <monotonic ms>,
     "hash": "…", "body": {…}}

as it travels in a batch, its epoch with it. A body that a damaged journal has made no JSON of
stands as "body_hex", so that a line gives back every byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from agent.wire import FactRow, UndecodableFact


class _Line(msgspec.Struct, omit_defaults=True, gc=False):
    epoch: str
    seq: int
    type: str
    v: int
    ts: int
    mono: int
    hash: str
    body: msgspec.Raw = msgspec.Raw()
    body_hex: str | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Line)
_json = msgspec.json.Decoder(msgspec.Raw)


def encode_line(epoch: str, row: FactRow) -> bytes:
    """A line, its line feed included."""
    head = (epoch, row.seq, row.type, row.version, row.wall_ms, row.mono_ms, row.hash)
    if _is_one_line_of_json(row.body):
        return _encoder.encode(_Line(*head, body=msgspec.Raw(row.body))) + b"\n"
    return _encoder.encode(_Line(*head, body_hex=row.body.hex())) + b"\n"


def _is_one_line_of_json(body: bytes) -> bool:
    """As every body is that was not damaged: then the line gives back its very bytes."""
    if b"\n" in body or b"\r" in body:
        return False
    try:
        body.decode()
        return bytes(_json.decode(body)) == body
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def decode_line(line: bytes) -> tuple[str, FactRow]:
    """(epoch, fact). Raises UndecodableFact for what is no such line."""
    try:
        fact = _decoder.decode(line)
        body = bytes(fact.body) if fact.body_hex is None else bytes.fromhex(fact.body_hex)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise UndecodableFact(str(error)) from error
    return fact.epoch, FactRow(fact.seq, fact.type, fact.v, fact.ts, fact.mono, fact.hash, body)


def encode_lines(epoch: str, rows: Iterable[FactRow]) -> Iterator[bytes]:
    for row in rows:
        yield encode_line(epoch, row)
