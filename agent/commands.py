"""Commands of head office as they travel, and the lane's answers. Pure.

A command on `…/cmd/NAME/ID` (never retained) is one JSON object:

    {"by": "<who asks>", "expires_ms": <wall ms, 0: never>, "args": {…}}

and its answer on `…/res/NAME/ID` is {"id": "…", "name": "…", "status": "done" | "refused",
"code": "ok" or why it was refused, "detail": "<for people>", "data": <the bundle, in base64>}. The
sender repeats the command until it is answered: the same ID is carried out once.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
RESEND_FACTS_MAX = 100_000


class ResendArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Send these facts again, acknowledged or not."""

    first: int
    last: int


class ReprintArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Print a receipt once more, by its number or its transaction's id."""

    receipt: str


class BundleArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tell how the lane is, for who helps from afar."""


class ItemsArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Change items: `csv` as the item file's, with its header; `gone` are GTINs of 14 digits."""

    csv: str = ""
    gone: tuple[str, ...] = ()


Args = ResendArgs | ReprintArgs | BundleArgs | ItemsArgs

#: name -> what it needs
COMMANDS: dict[str, type[Args]] = {
    "resend": ResendArgs,
    "reprint": ReprintArgs,
    "bundle": BundleArgs,
    "items": ItemsArgs,
}


class Command(msgspec.Struct, frozen=True):
    id: str
    name: str
    by: str
    expires_ms: int
    args: Args


class Answer(msgspec.Struct, frozen=True):
    id: str
    name: str
    status: Literal["done", "refused", "waiting"]  #: "waiting" no lane says, but who asks one
    code: str
    detail: str = ""
    data: str = ""


class _Envelope(msgspec.Struct, frozen=True):
    by: str = ""
    expires_ms: int = 0
    args: msgspec.Raw = msgspec.Raw(b"{}")


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_envelope_decoder = msgspec.json.Decoder(_Envelope)
_answer_decoder = msgspec.json.Decoder(Answer)


def command_leaf(name: str, command_id: str) -> str:
    return f"cmd/{name}/{command_id}"


def answer_leaf(name: str, command_id: str) -> str:
    return f"res/{name}/{command_id}"


def encode_command(command: Command) -> bytes:
    args = msgspec.Raw(msgspec.json.encode(command.args))
    return msgspec.json.encode(_Envelope(command.by, command.expires_ms, args))


def read_command(leaf: str, payload: bytes, now_ms: int) -> Command | Answer | None:
    """The command; the answer, if it cannot be carried out; None if there is nobody to answer."""
    parts = leaf.split("/")
    if len(parts) != 3 or parts[0] != "cmd" or not all(map(ID.fullmatch, parts)):
        return None
    _, name, command_id = parts
    cls = COMMANDS.get(name)
    if cls is None:
        known = ", ".join(COMMANDS)
        return Answer(command_id, name, "refused", "unknown_command", f"known are {known}")
    try:
        envelope = _envelope_decoder.decode(payload)
        args = msgspec.json.decode(envelope.args, type=cls)
    except _UNREADABLE as error:
        return Answer(command_id, name, "refused", "arguments", str(error))
    if envelope.expires_ms and envelope.expires_ms < now_ms:
        late_s = (now_ms - envelope.expires_ms) // 1000
        return Answer(command_id, name, "refused", "expired", f"{late_s} s too late")
    return Command(command_id, name, envelope.by[:64], envelope.expires_ms, args)


def encode_answer(answer: Answer) -> bytes:
    return msgspec.json.encode(answer)


def decode_answer(payload: bytes) -> Answer | None:
    """None for a payload that is no answer."""
    try:
        return _answer_decoder.decode(payload)
    except _UNREADABLE:
        return None
