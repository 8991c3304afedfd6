"""`lanetally journal export` and `backup`: what is there, elsewhere too."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from agent.config import LaneConfig
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import Say
from agent.journal import JournalReader
from agent.journal import backup as backups
from agent.journal.file import SEQ_MAX, whole_file
from agent.journal.lines import encode_lines


def export(args: argparse.Namespace, _config: LaneConfig, path: Path, say: Say) -> int:
    if args.output is not None:
        _spare_the_journal(args.output, path, say)
    with closing(JournalReader(path)) as reader:
        try:
            with reader.one_moment():
                lines = _lines(reader, getattr(args, "from"), args.to, former_too=args.all)
                if args.output is None:
                    print_lines(lines)
                    return 0
                with whole_file(args.output) as stream:
                    count = write_lines(lines, stream)
        except OSError as error:
            raise TechnicianError(f"{args.output or path}: {error.strerror or error}") from error
        except sqlite3.Error as error:
            raise TechnicianError(f"{path}: {error}") from error
    told: dict[str, str | int] = {"count": count, "file": str(args.output)}
    print(say(Text("{count} facts in {file}", told)), file=sys.stderr)
    return 0


def _spare_the_journal(target: Path, path: Path, say: Say) -> None:
    """A copy takes the place of what has its name, and a running lane would write on into a file
    that nobody can find any more. Raises TechnicianError."""
    own = {path.with_name(f"{path.name}{end}") for end in ("", "-wal", "-shm")}
    if target.resolve() in {file.resolve() for file in (*own, path.with_suffix(".lock"))}:
        text = Text("{file} belongs to the journal itself: name another", {"file": str(target)})
        raise TechnicianError(say(text))


def _lines(reader: JournalReader, first: int, last: int, *, former_too: bool) -> Iterator[bytes]:
    if former_too:
        for former in reader.formers():
            yield from encode_lines(former.epoch, reader.former_rows(former))
    yield from encode_lines(
        reader.epoch, reader.rows(min(max(1, first), SEQ_MAX), min(last, SEQ_MAX))
    )


def print_lines(lines: Iterable[bytes]) -> None:
    try:
        write_lines(lines, sys.stdout.buffer)
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever reads has enough, as `head` does; Python would complain once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_lines(lines: Iterable[bytes], stream: BinaryIO) -> int:
    count = 0
    for line in lines:
        stream.write(line)
        count += 1
    return count


def backup(args: argparse.Namespace, config: LaneConfig, path: Path, say: Say) -> int:
    folder = Path(config.journal.backup_dir) if config.journal.backup_dir else None
    target = args.to or folder or backups.default_folder(path)
    if args.to is None or target.is_dir():
        target = target / backups.name_at(datetime.now().astimezone())
    _spare_the_journal(target, path, say)
    try:
        backups.back_up(path, target, pause_s=0.0)
        size = target.stat().st_size
    except (OSError, sqlite3.Error) as error:
        raise TechnicianError(f"{target}: {error}") from error
    if args.json:
        print(json.dumps({"ok": True, "file": str(target), "bytes": size}, ensure_ascii=False))
    else:
        told: dict[str, str | int] = {"file": str(target), "size_kb": size // 1024}
        print(say(Text("a sound copy of {size_kb} kB in {file}", told)))
    return 0
