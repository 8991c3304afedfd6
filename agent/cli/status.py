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
from agent.config import LaneConfig, load
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import language_of, translator
from agent.journal import JournalReader
from agent.journal.backup import default_folder, made_in
from agent.journal.health import is_marked_damaged

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
    journal_mb: int
    journal_mb_max: int
    begun_anew: str  #: why this epoch took over from another; "" if it did not
    facts_lost: int  #: of the other, for good
    former_unsent: int  #: facts of former epochs that are not known to be at head office
    damage_found: bool  #: the next start recovers what it can
    last_backup: str  #: its file; "" if there is none


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
    status = _status(config, path)
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
        (Text("size of the journal"), f"{status.journal_mb} / {status.journal_mb_max} MB"),
        (Text("last backup"), status.last_backup or "-"),
    ]
    if status.begun_anew:
        rows += [
            (Text("journal begun anew"), status.begun_anew),
            (Text("facts lost"), status.facts_lost),
            (Text("facts of before not yet at head office"), status.former_unsent),
        ]
    if status.damage_found:
        rows.append(
            (Text("damage found"), say(Text("start the lane anew: it recovers what it can")))
        )
    for label, value in rows:
        print(f"{say(label)}: {value}")
    return 0


def _status(config: LaneConfig, path: Path) -> LaneStatus:
    folder = config.journal.backup_dir
    made = made_in(Path(folder) if folder else default_folder(path))
    try:
        with closing(JournalReader(path)) as reader:
            told = reader.recoveries()
            figures = reader.figures()
            printers = {device.role for device in config.device if device.kind == "printer"}
            if printers.intersection(figures["devices_lost"]):
                figures["receipts_unprinted"] = reader.receipts_awaited()  # it is printing none
            return LaneStatus(
                lane=config.lane.id,
                **figures,
                disk_reserve_held=Ballast(path.with_name("ballast")).is_held,
                journal_mb=reader.size_bytes() >> 20,
                journal_mb_max=config.journal.max_mb,
                begun_anew=told[0].cause if told else "",
                facts_lost=sum(one.lost_count for one in told),
                former_unsent=sum(one.last_seq - one.acked_seq for one in reader.formers()),
                damage_found=is_marked_damaged(path),
                last_backup=str(made[-1]) if made else "",
            )
    except sqlite3.Error as error:
        raise TechnicianError(f"{path}: {error}") from error
