"""`lanetally status`: what the journal says, read beside the running daemon, without network."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.ballast import Ballast
from agent.config import load
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import language_of, translator
from agent.journal import JournalReader

HELD = Text("held")
NOT_HELD = Text("none: make room on the disk, then start the lane anew")


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """The figures a technician asks for first."""

    lane: str
    epoch: str
    facts: int
    acknowledged: int
    transactions: int
    suspected: int
    receipts_unprinted: int
    devices_lost: list[str]
    disk_reserve_held: bool  #: False: in use, for the disk was full; or there never was room for it


def register(subparsers: Any) -> None:
    """Add `status` to the commands of `lanetally`."""
    say = translator(language_of(os.environ))
    help_text = say(Text("say how the lane stands, from its journal"))
    command = subparsers.add_parser("status", help=help_text)
    command.add_argument("--config", type=Path, required=True, metavar="FILE")
    command.add_argument("--json", action="store_true", help=say(Text("answer as one JSON object")))
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the status. 0 also if something is wrong at the lane: the question was answered."""
    config = load(args.config)
    say = translator(language_of(os.environ))
    path = Path(config.lane.data_dir) / "journal.db"
    if not path.exists():
        missing = Text("no journal at {path}: this lane has not run yet", {"path": str(path)})
        raise TechnicianError(say(missing))
    status = _status(config.lane.id, path)
    if args.json:
        print(json.dumps(asdict(status)))
        return 0
    rows = [
        (Text("lane"), status.lane),
        (Text("epoch of the journal"), status.epoch),
        (Text("facts"), status.facts),
        (Text("of these not yet at head office"), status.facts - status.acknowledged),
        (Text("transactions settled"), status.transactions),
        (Text("missed scans suspected"), status.suspected),
        (Text("receipts not printed"), status.receipts_unprinted),
        (Text("devices not reachable"), ", ".join(status.devices_lost) or "-"),
        (Text("reserve on the disk"), say(HELD if status.disk_reserve_held else NOT_HELD)),
    ]
    for label, value in rows:
        print(f"{say(label)}: {value}")
    return 0


def _status(lane: str, path: Path) -> LaneStatus:
    try:
        with closing(JournalReader(path)) as reader:
            held = Ballast(path.with_name("ballast")).is_held
            return LaneStatus(lane=lane, **reader.figures(), disk_reserve_held=held)
    except sqlite3.Error as error:
        raise TechnicianError(f"{path}: {error}") from error
