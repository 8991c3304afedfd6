"""`lanetally todo`: what is open at this lane, read from its journal beside the running daemon."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import msgspec

from agent.api.sale_answers import MatterAnswer, matter_answer
from agent.config import load
from agent.domain.money import format_minor
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import Say, language_of, translator
from agent.journal.sales import JournalSales

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


def register(subparsers: Any) -> None:
    """Add `todo` to the commands of `lanetally`."""
    say = translator(language_of(os.environ))
    what = say(Text("list what was suspected or paid and waits for somebody"))
    command = subparsers.add_parser("todo", help=what, description=what)
    command.add_argument("--config", type=Path, required=True, metavar="FILE")
    command.add_argument("--json", action="store_true", help=say(Text("answer as one JSON object")))
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what is open, the oldest first. 0 also if there is much of it."""
    config = load(args.config)
    say = translator(language_of(os.environ))
    path = Path(config.lane.data_dir) / "journal.db"
    if not path.exists():
        missing = Text("no journal at {path}: this lane has not run yet", {"path": str(path)})
        raise TechnicianError(say(missing))
    try:
        found = JournalSales(path).todo()
    except sqlite3.Error as error:
        raise TechnicianError(f"{path}: {error}") from error
    now_ms = time.time_ns() // 1_000_000
    matters = [matter_answer(matter, now_ms, say) for matter in found]
    if args.json:
        print(json.dumps({"open": msgspec.to_builtins(matters)}, ensure_ascii=False))
        return 0
    for matter in matters:
        print(_line(matter, config.store.minor_digits, say))
    if not matters:
        print(say(Text("Nothing is open")))
    return 0


def _line(matter: MatterAnswer, minor_digits: int, say: Say) -> str:
    where = matter.receipt_number or matter.total_id
    worth = format_minor(matter.value_minor, minor_digits)
    head = f"{age(matter.age_s, say):>10}  {where:<20}  {worth:>10}"
    return f"{head}  {matter.text} ({'; '.join(matter.reasons)})"


def age(seconds: int, say: Say) -> str:
    """In its largest whole unit."""
    if seconds >= DAY_S:
        return say(Text("{count} d", {"count": seconds // DAY_S}))
    if seconds >= HOUR_S:
        return say(Text("{count} h", {"count": seconds // HOUR_S}))
    return say(Text("{count} min", {"count": seconds // MINUTE_S}))
