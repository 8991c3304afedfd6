"""`lanetally journal verify` and `rebuild`: the file, its archives and what follows from them."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.config import LaneConfig
from agent.domain.text import Text
from agent.i18n import Say
from agent.journal import BrokenChain, Former, Journal, JournalReader, intact
from agent.journal.archive import ArchiveUnreadable
from agent.journal.chain import judged
from agent.journal.file import SEQ_MIN
from agent.wire import FactRow, UndecodableFact

#: Facts between two steps of the progress bar.
STEP_FACTS = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a journal. `seq` 0: with the file or with all of it."""

    kind: str  #: "file", "archive", "former", "chain", "fact" or "projections"
    seq: int
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class Verdict:
    path: str
    epoch: str
    facts: int
    ok: bool
    problems: list[Problem]


# --- verify --------------------------------------------------------------------------------------


def verify(args: argparse.Namespace, _config: LaneConfig, path: Path, say: Say) -> int:
    verdict = verified(path, say)
    if args.json:
        print(json.dumps(asdict(verdict), ensure_ascii=False))
    elif verdict.ok:
        print(say(Text("{count} facts, all in order", {"count": verdict.facts})))
    else:
        for problem in verdict.problems:
            print(problem.message, problem.advice, sep="\n  ")
    return 0 if verdict.ok else 1


def verified(path: Path, say: Say) -> Verdict:
    """Look at everything, beside a running lane too: one moment of the journal, read-only."""
    epoch, facts = "", 0
    problems: list[Problem] = []
    with closing(JournalReader(path)) as reader:
        try:
            with reader.one_moment():
                epoch, facts = reader.epoch, reader.last_seq
                damage = reader.damage()
                problems = _unsound(reader, path, say)
        except sqlite3.Error as error:
            damage = str(error)
    if damage:
        problems = [_damaged(damage, path, say), *problems]
    return Verdict(str(path), epoch, facts, not problems, problems)


def _unsound(reader: JournalReader, path: Path, say: Say) -> list[Problem]:
    """What is wrong between the facts, archived ones among them, or between them and the
    projections; of each epoch the first."""
    try:
        problems = [p for former in reader.formers() if (p := _changed(reader, former, say))]
        with TemporaryDirectory() as folder, Journal(Path(folder) / "journal.db") as fresh:
            problem = _replay(reader, fresh, path, say)
            if problem is not None:
                return [*problems, problem]
            for there, made_again in zip_longest(reader.projections(), fresh.projections()):
                if there != made_again:
                    return [*problems, _untrue((there or made_again)[0], say)]
    except ArchiveUnreadable as error:
        return [_gone(error, say)]
    return problems


def _changed(reader: JournalReader, former: Former, say: Say) -> Problem | None:
    """Whether a former epoch is as it was when it was taken over: its gaps were told then."""
    rows = judged(reader.former_rows(former), former.epoch)
    found = sum(not is_sure for _, is_sure in rows)
    if found == former.breaks:
        return None
    args: dict[str, str | int] = {"epoch": former.epoch, "found": found, "known": former.breaks}
    message = Text(
        "the facts of the former epoch {epoch} are broken at {found} places, {known} were known",
        args,
    )
    advice = Text("Keep the folder of the journal, and its backups: head office may have them.")
    return Problem("former", 0, say(message), say(advice))


def _gone(error: ArchiveUnreadable, say: Say) -> Problem:
    message = Text("an archive cannot be read: {reason}", {"reason": str(error)})
    advice = Text("Put the file back into the folder `archive` beside the journal.")
    return Problem("archive", 0, say(message), say(advice))


def _replay(reader: JournalReader, into: Journal, path: Path, say: Say) -> Problem | None:
    """Make projections from facts whose chain is checked on the way; none if a fact is wrong.

    Raises ArchiveUnreadable.
    """
    seq = 0

    def seen() -> Iterator[FactRow]:
        nonlocal seq
        yield from reader.rows(SEQ_MIN, 0)  # of former epochs
        for row in intact(reader.rows(), reader.epoch):
            seq = row.seq
            yield row

    try:
        with _watched(seen(), reader.last_seq, say) as watched:
            into.rebuild(watched)
    except BrokenChain as error:
        return _broken(error, path, say)
    except UndecodableFact as error:
        return _unreadable(seq, str(error), path, say)
    return None


@contextmanager
def _watched(rows: Iterable[FactRow], total: int, say: Say) -> Iterator[Iterable[FactRow]]:
    """The same rows; a bar on the terminal says how far they have been read."""
    if not sys.stderr.isatty():
        yield rows
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(say(Text("facts")), total=total)

        def counted() -> Iterator[FactRow]:
            for row in rows:
                if row.seq % STEP_FACTS == 0:
                    progress.update(task, completed=row.seq)
                yield row

        yield counted()


def _damaged(reason: str, path: Path, say: Say) -> Problem:
    message = Text("the file is damaged: {reason}", {"reason": reason})
    return Problem("file", 0, say(message), _keep(0, path, say))


def _broken(error: BrokenChain, path: Path, say: Say) -> Problem:
    args: dict[str, str | int] = {"seq": error.seq}
    message = (
        Text("the fact at seq {seq} is missing", args)
        if error.missing
        else Text("the fact at seq {seq} is not the one that was written", args)
    )
    return Problem("chain", error.seq, say(message), _keep(error.seq - 1, path, say))


def _unreadable(seq: int, reason: str, path: Path, say: Say) -> Problem:
    message = Text("the fact at seq {seq} cannot be read: {reason}", {"seq": seq, "reason": reason})
    return Problem("fact", seq, say(message), _keep(seq - 1, path, say))


def _keep(last: int, path: Path, say: Say) -> str:
    """What to do with a journal of which only the facts up to `last` are sure."""
    args: dict[str, str | int] = {"last": last, "folder": str(path.parent)}
    if last:
        return say(Text(_KEEP_TEXTS["some"], args))
    return say(Text(_KEEP_TEXTS["none"], args))


_KEEP_TEXTS = {
    "some": "Stop the lane and copy {folder} to a safe place. The facts up to {last} are whole:"
    " `lanetally journal export --to {last}` copies them. What is damaged is put aside at the next"
    " start.",
    "none": "Stop the lane and copy {folder} to a safe place. The next start puts the damaged file"
    " aside and takes over what can be read of it.",
}


def _untrue(table: str, say: Say) -> Problem:
    message = Text("the table {table} does not follow from the facts", {"table": table})
    advice = Text("Stop the lane and run `lanetally journal rebuild`: no fact is lost.")
    return Problem("projections", 0, say(message), say(advice))


# --- rebuild -------------------------------------------------------------------------------------


def rebuild(args: argparse.Namespace, _config: LaneConfig, path: Path, say: Say) -> int:
    # Journal raises while the lane runs: it holds the writer's lock
    with Journal(path) as journal, closing(JournalReader(path)) as reader:
        facts = journal.last_seq
        try:
            problem = _replay(reader, journal, path, say)
        except sqlite3.Error as error:
            problem = _damaged(str(error), path, say)
        except ArchiveUnreadable as error:
            problem = _gone(error, say)
    if args.json:
        answer = {"ok": problem is None, "facts": facts, "problem": problem and asdict(problem)}
        print(json.dumps(answer, ensure_ascii=False))
    elif problem is None:
        print(say(Text("made again from {count} facts", {"count": facts})))
    else:
        print(problem.message, problem.advice, sep="\n  ")
    return 0 if problem is None else 1
