"""`lanetally journal`: check a lane's journal, copy its facts out, make its projections again."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import msgspec

from agent.config import load
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import Say, language_of, translator
from agent.journal import BrokenChain, Journal, JournalReader, intact
from agent.wire import FactRow, UndecodableFact, WireFact

#: Facts between two steps of the progress bar.
STEP_FACTS = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a journal. `seq` 0: with the file or with all of it."""

    kind: str  #: "file", "chain", "fact" or "projections"
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


def register(subparsers: Any) -> None:
    """Add `journal` and its actions to the commands of `lanetally`."""
    say = translator(language_of(os.environ))
    journal = subparsers.add_parser("journal", help=say(Text("check a lane's journal, copy it")))
    actions = journal.add_subparsers(dest="action", required=True)
    verify = actions.add_parser(
        "verify", help=say(Text("check the file, the chain of facts and what was made of them"))
    )
    export = actions.add_parser("export", help=say(Text("write the facts as JSON, one a line")))
    rebuild = actions.add_parser(
        "rebuild", help=say(Text("make what follows from the facts again; the lane must stand"))
    )
    for command in (verify, export, rebuild):
        command.add_argument("--config", type=Path, required=True, metavar="FILE")
    for command in (verify, rebuild):
        command.add_argument(
            "--json", action="store_true", help=say(Text("answer as one JSON object"))
        )
    ends = {"from": (say(Text("first seq")), 1), "to": (say(Text("last seq")), 2**63 - 1)}
    for name, (help_text, default) in ends.items():
        export.add_argument(
            f"--{name}", type=int, default=default, metavar="SEQ", dest=name, help=help_text
        )
    export.add_argument(
        "--output", type=Path, metavar="FILE", help=say(Text("into a file, all of it or nothing"))
    )
    journal.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out `lanetally journal …`. 0 if all is well, 1 if not."""
    say = translator(language_of(os.environ))
    path = Path(load(args.config).lane.data_dir) / "journal.db"
    if not path.exists():
        missing = Text("no journal at {path}: this lane has not run yet", {"path": str(path)})
        raise TechnicianError(say(missing))
    match args.action:
        case "verify":
            return _verify(path, say, as_json=args.json)
        case "rebuild":
            return _rebuild(path, say, as_json=args.json)
        case _:
            return _export(path, getattr(args, "from"), args.to, args.output, say)


# --- verify --------------------------------------------------------------------------------------


def _verify(path: Path, say: Say, *, as_json: bool) -> int:
    verdict = verified(path, say)
    if as_json:
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
    problems = []
    with closing(JournalReader(path)) as reader:
        try:
            with reader.one_moment():
                epoch, facts = reader.epoch, reader.last_seq
                damage = reader.damage()
                problem = _unsound(reader, epoch, facts, path, say)
        except sqlite3.Error as error:
            damage, problem = str(error), None
    if damage:
        problems.append(_damaged(damage, path, say))
    if problem is not None:
        problems.append(problem)
    return Verdict(str(path), epoch, facts, not problems, problems)


def _unsound(reader: JournalReader, epoch: str, facts: int, path: Path, say: Say) -> Problem | None:
    """The first thing that is wrong between the facts, or between them and the projections."""
    with TemporaryDirectory() as folder, Journal(Path(folder) / "journal.db") as fresh:
        problem = _replay(reader.rows(), fresh, epoch, facts, path, say)
        if problem is not None:
            return problem
        for there, made_again in zip_longest(reader.projections(), fresh.projections()):
            if there != made_again:
                return _untrue((there or made_again)[0], say)
    return None


def _replay(
    rows: Iterable[FactRow], into: Journal, epoch: str, facts: int, path: Path, say: Say
) -> Problem | None:
    """Make projections from facts whose chain is checked on the way; none if a fact is wrong."""
    seq = 0

    def seen() -> Iterator[FactRow]:
        nonlocal seq
        for row in intact(rows, epoch):
            seq = row.seq
            yield row

    try:
        with _watched(seen(), facts, say) as watched:
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
    "some": "Stop the lane and move {folder} to a safe place: the lane then begins a new journal."
    " The facts up to {last} are whole: `lanetally journal export --to {last}` copies them.",
    "none": "Stop the lane and move {folder} to a safe place: the lane then begins a new journal."
    " `lanetally journal export` copies what can still be read.",
}


def _untrue(table: str, say: Say) -> Problem:
    message = Text("the table {table} does not follow from the facts", {"table": table})
    advice = Text("Stop the lane and run `lanetally journal rebuild`: no fact is lost.")
    return Problem("projections", 0, say(message), say(advice))


# --- rebuild -------------------------------------------------------------------------------------


def _rebuild(path: Path, say: Say, *, as_json: bool) -> int:
    with Journal(path) as journal:  # raises while the lane runs: it holds the writer's lock
        facts = journal.last_seq
        try:
            problem = _replay(journal.rows(), journal, journal.epoch, facts, path, say)
        except sqlite3.Error as error:
            problem = _damaged(str(error), path, say)
    if as_json:
        answer = {"ok": problem is None, "facts": facts, "problem": problem and asdict(problem)}
        print(json.dumps(answer, ensure_ascii=False))
    elif problem is None:
        print(say(Text("made again from {count} facts", {"count": facts})))
    else:
        print(problem.message, problem.advice, sep="\n  ")
    return 0 if problem is None else 1


# --- export --------------------------------------------------------------------------------------


def _export(path: Path, first: int, last: int, output: Path | None, say: Say) -> int:
    with closing(JournalReader(path)) as reader:
        try:
            if output is None:
                _print_facts(reader.rows(first, last))
                return 0
            with _whole_file(output) as stream:
                count = _write_facts(reader.rows(first, last), stream)
        except (OSError, sqlite3.Error) as error:
            raise TechnicianError(f"{path}: {error}") from error
    args: dict[str, str | int] = {"count": count, "file": str(output)}
    print(say(Text("{count} facts in {file}", args)), file=sys.stderr)
    return 0


def _print_facts(rows: Iterable[FactRow]) -> None:
    try:
        _write_facts(rows, sys.stdout.buffer)
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever reads has enough, as `head` does; Python would complain once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_facts(rows: Iterable[FactRow], stream: BinaryIO) -> int:
    count = 0
    for row in rows:
        stream.write(fact_line(row))
        count += 1
    return count


def fact_line(row: FactRow) -> bytes:
    """A fact as it travels in a batch, and a line feed."""
    body = msgspec.Raw(row.body)
    fact = WireFact(row.seq, row.type, row.version, row.wall_ms, row.mono_ms, row.hash, body)
    return msgspec.json.encode(fact) + b"\n"


@contextmanager
def _whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file that is there once all of it is on the disk."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
