"""Where the words of head office come in: commands, and the configuration it desires.

Runs in sync's thread. What the journal alone can answer is done here; what changes the lane goes to
the core, which keeps each answer, so that no command is carried out twice.
"""

from __future__ import annotations

import base64
import gzip
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from agent.commands import (
    RESEND_FACTS_MAX,
    Answer,
    BundleArgs,
    Command,
    ItemsArgs,
    ReprintArgs,
    ResendArgs,
    answer_leaf,
    encode_answer,
    read_command,
)
from agent.inputs import Asked, ChangeItems, Done, Reprint
from agent.itemfile import ItemFileError, parse
from agent.shadow import Shadow

log = logging.getLogger("lanetally.sync")


class Line(Protocol):
    """What the desk needs of sync."""

    def send(self, leaf: str, payload: bytes, *, retain: bool = False) -> None: ...

    def nobody_asked(self, leaf: str) -> None:
        """What came on `leaf` is no command, and gets no answer."""
        ...

    def send_again(self, first: int, last: int) -> int:
        """Facts once more; how many of them there are."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """`ask` hands an input to the core without waiting; False if there is no room for it now."""

    ask: Callable[[Asked], bool]
    bundle: Callable[[], dict[str, Any]]
    shadow: Shadow
    now_ms: Callable[[], int]
    leaves: tuple[str, ...] = ("cmd/+/+", "desired")  #: what to subscribe to

    def come_up(self, line: Line) -> None:
        line.send("reported", self.shadow.report(), retain=True)

    def take(self, leaf: str, payload: bytes, line: Line) -> None:
        """A message on one of the leaves. No bytes raise anything."""
        if leaf == "desired":
            if payload:  # an empty one is how a retained message is taken back
                line.send("reported", self.shadow.take(payload), retain=True)
            return
        command = read_command(leaf, payload, self.now_ms())
        if command is None:
            line.nobody_asked(leaf)
            return
        answer = self._answer(command, line) if isinstance(command, Command) else command
        if answer is not None:
            line.send(answer_leaf(answer.name, answer.id), encode_answer(answer))

    def _answer(self, command: Command, line: Line) -> Answer | None:
        """The answer, if it need not be kept; else the core gives it."""
        match command.args:
            case ResendArgs(first, last):
                if not 0 < first <= last < first + RESEND_FACTS_MAX:
                    return _refused(command, f"0 < first <= last < first + {RESEND_FACTS_MAX}")
                return self._asked(command, Done(f"{line.send_again(first, last)} facts"))
            case BundleArgs():
                self._asked(command, Done("sent"))
                packed = gzip.compress(msgspec.json.encode(self.bundle()))
                data = base64.b64encode(packed).decode()
                return Answer(command.id, command.name, "done", "ok", "gzip, JSON", data)
            case ReprintArgs(receipt):
                return self._asked(command, Reprint(receipt))
            case ItemsArgs(csv, gone):
                try:
                    items = tuple(parse(csv)) if csv else ()
                except ItemFileError as error:
                    return _refused(command, str(error))
                return self._asked(command, ChangeItems(items, gone))

    def _asked(self, command: Command, request: Reprint | ChangeItems | Done) -> Answer | None:
        if not self.ask(Asked(command.id, command.name, command.by, request)):
            log.warning("no room for command %s: it is to be sent again", command.id)
        return None


def _refused(command: Command, detail: str) -> Answer:
    return Answer(command.id, command.name, "refused", "arguments", detail)
