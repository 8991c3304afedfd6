"""How one talks with an RFID reader, whatever its protocol: ask, wait, listen. No I/O, no clock.

A protocol is two functions and a list of steps. `measure` says how long the frame is that a buffer
begins with, `read` says what a whole frame means. The steps bring the reader to where it reports
tags by itself, or are a round of questions that goes on for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from drivers.base import ProtocolError

#: On a serial line a frame's bytes follow each other at once: after such a pause, the rest is lost.
LINE_PAUSE_MS: Final = 100


@dataclass(frozen=True, slots=True)
class Sighting:
    """One antenna saw one tag once."""

    epc: bytes  #: as many bytes as the tag's PC word says
    antenna: int  #: from 1; 0 if the reader has but one and does not number it
    strength: int | None  #: in the reader's own steps, more is stronger; None if it does not say
    in_dbm: bool = True  #: False if what the steps mean is not known


@dataclass(frozen=True, slots=True)
class Said:
    """What a whole frame means."""

    answers: int | None = None  #: the `Step.answer` that it is
    sightings: tuple[Sighting, ...] = ()
    product: str = ""  #: what the reader calls itself
    refused: str = ""  #: why it does not do what it was asked
    reply: bytes = b""  #: what it wants to have back at once


@dataclass(frozen=True, slots=True)
class Step:
    what: str  #: for people
    requests: tuple[bytes, ...]  #: the same request in each form that the reader may want
    answer: int  #: the protocol's code of the answer
    required: bool = True  #: False: goes on without an answer


#: Bytes of the frame that a buffer (never empty) begins with, or of its head if no more is known
#: yet; 0 if no frame begins there.
Measure: TypeAlias = Callable[[bytes], int]
#: Raises ProtocolError.
Read: TypeAlias = Callable[[bytes], Said]


class Frames:
    """Whole frames out of a stream of bytes. After a broken one, the next is looked for in it."""

    def __init__(self, measure: Measure, read: Read) -> None:
        self.protocol_errors = 0  #: frames that were none
        self.stray_bytes = 0  #: bytes outside any frame
        self._measure = measure
        self._read = read
        self._buffer = b""

    def feed(self, data: bytes) -> list[Said]:
        """What is said in `data` and the bytes before. Never raises."""
        self._buffer += data
        said: list[Said] = []
        while self._buffer:
            length = self._measure(self._buffer)
            if length > len(self._buffer):
                break
            if length == 0:
                self.stray_bytes += 1
                self._buffer = self._buffer[1:]
                continue
            try:
                said.append(self._read(self._buffer[:length]))
                self._buffer = self._buffer[length:]
            except ProtocolError:
                self.protocol_errors += 1
                self._buffer = self._buffer[1:]
        return said

    def give_up(self) -> list[Said]:
        """No more bytes come for the frame that has begun: what is said in it all the same."""
        said: list[Said] = []
        while self._buffer:
            self.stray_bytes += 1
            self._buffer = self._buffer[1:]
            said += self.feed(b"")
        return said


class Conversation:
    """With one reader. All times are monotonic nanoseconds.

    The caller sends what `request` returns, feeds what it reads (also if that is nothing) and sends
    `replies`, again and again, until `lost` says why the reader cannot be used.

    answer_ms: how long an answer may take; tries: how often an unanswered request is sent.
    silence_ms: after the last step, how long the reader may say nothing before the steps from
    `again_at` are gone through once more; 0 for a round of questions.
    pause_ms: after which the rest of a frame is given up; 0: never, the stream loses nothing.
    """

    def __init__(
        self,
        steps: tuple[Step, ...],
        frames: Frames,
        *,
        answer_ms: int,
        tries: int,
        silence_ms: int = 0,
        again_at: int = 0,
        pause_ms: int = LINE_PAUSE_MS,
    ) -> None:
        self.frames = frames
        self.lost = ""  #: why the reader cannot be used; "" while it can
        self.product = ""  #: what the reader calls itself, once it has said so
        self.replies = b""  #: what the reader waits for, after `feed`
        self._steps = steps
        self._answer_ns = answer_ms * 1_000_000
        self._silence_ns = silence_ms * 1_000_000
        self._again_at = again_at
        self._tries = tries
        self._pause_ns = pause_ms * 1_000_000
        self._step = 0
        self._asked = 0  # how often this step's request was sent
        self._form = 0  # the form of requests that this reader understood last
        self._due_ns = 0  # of the answer while one is awaited, else of the end of patience
        self._heard_ns = 0  # the latest byte

    @property
    def wake_ns(self) -> int:
        """When `request` has something to do, if no byte comes before."""
        return self._due_ns

    def request(self, mono_ns: int) -> bytes:
        """The bytes to send now; b"" if it is not time."""
        if mono_ns < self._due_ns or self.lost:
            return b""
        if self._step == len(self._steps):
            self._go_to(self._again_at)
        step = self._steps[self._step]
        if self._asked == (self._tries if step.required else 1):
            self._fail(f"no answer to {step.what}", mono_ns)
            return self.request(mono_ns)
        self._form = (self._form + (self._asked > 0)) % len(step.requests)
        self._asked += 1
        self._due_ns = mono_ns + self._answer_ns
        return step.requests[self._form]

    def feed(self, data: bytes, mono_ns: int) -> list[Sighting]:
        """What the reader saw, by the bytes read at `mono_ns`. Never raises."""
        paused = self._pause_ns and mono_ns - self._heard_ns > self._pause_ns
        said = self.frames.give_up() if paused else []
        if data:
            self._heard_ns = mono_ns
            said += self.frames.feed(data)
        self.replies = b"".join(one.reply for one in said)
        for one in said:
            self._take(one, mono_ns)
        return [sighting for one in said for sighting in one.sightings]

    def _take(self, said: Said, mono_ns: int) -> None:
        self.product = said.product or self.product
        if said.refused:
            self._fail(said.refused, mono_ns)
        elif self._step == len(self._steps):
            self._due_ns = mono_ns + self._silence_ns
        elif self._asked and said.answers == self._steps[self._step].answer:
            self._advance(mono_ns)

    def _fail(self, reason: str, mono_ns: int) -> None:
        """Go on without an answer that is not required; else the reader is lost."""
        if self._step < len(self._steps) and not self._steps[self._step].required:
            self._advance(mono_ns)
        else:
            self.lost = reason

    def _advance(self, mono_ns: int) -> None:
        self._go_to(self._step + 1)
        at_end = self._step == len(self._steps)
        self._due_ns = mono_ns + self._silence_ns if at_end else mono_ns

    def _go_to(self, step: int) -> None:
        self._step, self._asked = step, 0
