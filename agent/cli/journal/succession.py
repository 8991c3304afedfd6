"""`lanetally journal restore` and `import`: a new journal from what a copy holds.

Under a new epoch, always: the copy may end before the journal that it is of, and what head office
has of that one must not get a second meaning (`agent.journal.succession`).
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from agent.config import LaneConfig
from agent.domain.facts import JournalRecovered
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import Say
from agent.journal import BrokenChain, JournalReader, intact
from agent.journal.archive import moved, position_of
from agent.journal.file import locked
from agent.journal.health import short_look
from agent.journal.lines import decode_line
from agent.journal.salvage import Fact, FormerEpoch, Found, Meta
from agent.journal.succession import Estate, sound_estate, succeed
from agent.wire import FactRow, UndecodableFact


def restore(args: argparse.Namespace, _config: LaneConfig, path: Path, say: Say) -> int:
    if not args.source.is_file():
        raise TechnicianError(f"{args.source}: no file")
    return _succeed(args, path, say, sound_estate(args.source, "restored"))


def take_in(args: argparse.Namespace, config: LaneConfig, path: Path, say: Say) -> int:
    estate = _exported(args.source, say)
    estate.address = f"{config.store.org}/{config.store.id}/{config.lane.id}"
    return _succeed(args, path, say, estate)


def _succeed(args: argparse.Namespace, path: Path, say: Say, estate: Estate) -> int:
    with locked(path):  # raises while the lane runs
        if not args.set_aside:
            _refuse_to_forget(path, say)
        recovered = succeed(path, estate, time.time_ns() // 1_000_000)
    if args.json:
        print(json.dumps({"ok": True, **asdict(recovered)}, ensure_ascii=False))
    else:
        print(say(_summary(recovered)))
    return 0


def _summary(recovered: JournalRecovered) -> Text:
    args: dict[str, str | int] = {
        "last": recovered.former_last_seq,
        "lost": recovered.lost_count,
        "file": recovered.set_aside or "-",
    }
    return Text(
        "A new journal with the facts up to {last}, {lost} of them lost. Put aside: {file}", args
    )


def _refuse_to_forget(path: Path, say: Say) -> None:
    """Raises TechnicianError for a journal that can be read: it knows which totals it answered."""
    if short_look(path).blank:
        return
    try:
        with closing(JournalReader(path)) as reader:
            facts, acked = reader.last_seq, reader.figures()["acknowledged"]
    except sqlite3.Error:
        return  # damaged: what is restored is better than nothing
    if facts:
        args: dict[str, str | int] = {"path": str(path), "count": facts, "new": facts - acked}
        text = Text(
            "{path} has {count} facts, {new} of them not at head office: start the lane to send"
            " them, or say --set-aside to do without it",
            args,
        )
        raise TechnicianError(say(text))


def _exported(source: Path, say: Say) -> Estate:
    """All of an export whose chain is whole from the first fact of each epoch on.

    The last epoch counts as the one to go on from. Raises TechnicianError.
    """
    last_seqs: dict[str, int] = {}
    seq = 0
    try:
        for epoch, group in groupby(_lines(source), key=itemgetter(0)):
            for row in intact(map(itemgetter(1), group), epoch):
                seq = last_seqs[epoch] = row.seq
    except OSError as error:
        raise TechnicianError(f"{source}: {error}") from error
    except UndecodableFact as error:
        args: dict[str, str | int] = {"file": str(source), "seq": seq, "reason": str(error)}
        text = Text("{file}: the line after seq {seq} is no fact: {reason}", args)
        raise TechnicianError(say(text)) from error
    except BrokenChain as error:
        at: dict[str, str | int] = {"file": str(source), "seq": error.seq}
        text = Text("{file}: the chain is broken at seq {seq}: nothing is taken from it", at)
        raise TechnicianError(say(text)) from error
    if not last_seqs:
        raise TechnicianError(say(Text("{file}: there is no fact in it", {"file": str(source)})))
    return Estate(_found(source, last_seqs), "imported")


def _lines(source: Path) -> Iterator[tuple[str, FactRow]]:
    with source.open("rb") as stream:
        for line in stream:
            yield decode_line(line)


def _found(source: Path, last_seqs: dict[str, int]) -> Iterator[Found]:
    agos = {epoch: ago for ago, epoch in enumerate(reversed(last_seqs))}
    for epoch, ago in agos.items():
        yield FormerEpoch(ago, epoch, last_seqs[epoch], 0) if ago else Meta("epoch", epoch)
    for epoch, row in _lines(source):
        yield from map(Fact, moved([row], position_of(0, agos[epoch])))
