"""A word to one lane over MQTT, and its answer. The broker keeps a command for a lane that is away,
as long as it is valid; while somebody waits it is repeated besides, for brokers forget. The lane
acts on each id once.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from math import ceil
from typing import Any, TypeVar

import msgspec

from agent.commands import (
    Answer,
    Args,
    Command,
    answer_leaf,
    command_leaf,
    decode_answer,
    encode_command,
)
from agent.mqtt import Incoming, MqttLink
from agent.mqtt_settings import MqttSettings
from agent.wire import LaneAddress

T = TypeVar("T")

REPEAT_S = 2.0  #: doubled each time: each copy waits at the broker for a lane that is away
TURN_S = 0.1


@dataclass(frozen=True, slots=True)
class Caller:
    """`timeout_s`: how long to wait for an answer. `valid_s`: how long the lane may still act on a
    command; as long as somebody waits, if it is less."""

    mqtt: MqttSettings
    address: LaneAddress
    timeout_s: float
    by: str
    valid_s: float = 0.0

    def command(self, name: str, args: Args, command_id: str = "") -> Answer | None:
        """The lane's answer; None if it gave none in time."""
        command_id = command_id or uuid.uuid4().hex
        valid_s = max(self.valid_s, self.timeout_s)
        expires_ms = time.time_ns() // 1_000_000 + int(valid_s * 1000)
        payload = encode_command(Command(command_id, name, self.by, expires_ms, args))
        leaf = command_leaf(name, command_id)

        def answered(message: Incoming) -> Answer | None:
            return decode_answer(message.payload)

        return self._until(
            answer_leaf(name, command_id), answered, leaf, payload, expires_s=ceil(valid_s)
        )

    def desire(self, config: dict[str, Any]) -> dict[str, Any] | None:
        """Desire a configuration; what the lane reports of it once it holds or is refused, or its
        last report on it; None if it reported nothing in time."""
        before = self._until("reported", _report, "", b"", wait_s=min(1.0, self.timeout_s)) or {}
        version = 1 + max(0, before.get("version", 0), before.get("applied", 0))
        payload = msgspec.json.encode({"version": version, "config": config})
        last: dict[str, Any] = {}

        def judged(message: Incoming) -> dict[str, Any] | None:
            report = _report(message)
            if report is None or report.get("version") != version:
                return None
            last.update(report)
            return None if report.get("status") == "pending" else report

        return self._until("reported", judged, "desired", payload, retain=True) or last or None

    def reported(self) -> dict[str, Any] | None:
        """What the lane reported last."""
        return self._until("reported", _report, "", b"")

    def _until(
        self,
        leaf: str,
        found: Callable[[Incoming], T | None],
        said_on: str,
        said: bytes,
        *,
        retain: bool = False,
        wait_s: float = 0.0,
        expires_s: int = 0,
    ) -> T | None:
        """Say it, again and again, until something that was heard is what was looked for."""
        heard: list[T] = []

        def hear(message: Incoming) -> None:
            link.confirm(message)
            result = found(message)
            if result is not None:
                heard.append(result)

        link = MqttLink(
            self.mqtt,
            f"lanetally-call-{uuid.uuid4().hex[:12]}",
            on_up=lambda: link.subscribe(self.address.topic(leaf)),
            on_message=hear,
        )
        deadline = time.monotonic() + (wait_s or self.timeout_s)
        due_s, pause_s = 0.0, REPEAT_S
        with closing(link):
            while time.monotonic() < deadline:
                link.turn(TURN_S)
                if said_on and link.up and time.monotonic() >= due_s:
                    topic = self.address.topic(said_on)
                    link.publish(topic, said, retain=retain, expires_s=expires_s)
                    due_s = time.monotonic() + pause_s
                    pause_s *= 2
                if heard:
                    return heard[0]
        return None


class _Error(msgspec.Struct):
    key: str
    message: str


class _Report(msgspec.Struct):
    """As `agent.shadow` makes it."""

    version: int
    applied: int
    status: str
    errors: list[_Error]


_report_decoder = msgspec.json.Decoder(_Report)


def _report(message: Incoming) -> dict[str, Any] | None:
    """None for what is no lane's report."""
    try:
        report = _report_decoder.decode(message.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    said: dict[str, Any] = msgspec.to_builtins(report)
    return said
