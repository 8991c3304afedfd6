"""What head office may do with a running lane, wired: its commands, and what it desires."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent import shadow
from agent.bundle import LogTail, made
from agent.config import LaneConfig, desired_errors, load, read
from agent.core import Core
from agent.desk import Desk
from agent.inbox import Inbox
from agent.inputs import Asked, CoreInput
from agent.journal import Journal
from agent.shadow import Kept, Shadow

log = logging.getLogger("lanetally")


@dataclass(frozen=True, slots=True)
class HeadOffice:
    """A lane's file, and what head office desires in place of parts of it."""

    config: LaneConfig
    text: str = ""
    desired: Kept = field(default_factory=Kept)
    tail: LogTail = field(default_factory=LogTail)
    renewed: threading.Event = field(default_factory=threading.Event)  #: there is a new one

    @property
    def file(self) -> Path:
        """Where the desired configuration is kept."""
        return Path(self.config.lane.data_dir) / "desired.json"


def of_file(file: Path, tail: LogTail) -> HeadOffice:
    """What head office desires was checked when it came. If the technician's file has become such
    that the two do not go together, that file alone holds."""
    own = HeadOffice(load(file), read(file), tail=tail)
    desired = shadow.load(own.file)
    if not desired.config:
        return HeadOffice(own.config, own.text, desired, tail)
    errors = desired_errors(own.text, desired.config)
    if errors:
        log.error("configuration %d of head office is not used: %s", desired.version, errors)
        return own
    return HeadOffice(load(file, desired.config), own.text, desired, tail)


def desk(office: HeadOffice, core: Core, inbox: Inbox[CoreInput], journal: Journal) -> Desk:
    """Who takes the words of head office, in sync's thread."""

    def ask(asked: Asked) -> bool:
        return inbox.try_put(asked)

    def bundle() -> dict[str, Any]:
        return made(journal.path, office.text, core.snapshot(), office.tail)

    def errors(desired: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for error in desired_errors(office.text, desired):
            yield error.key, error.message

    watched = Shadow(office.file, office.desired, errors, office.renewed.set)
    return Desk(ask, bundle, watched, lambda: time.time_ns() // 1_000_000)
