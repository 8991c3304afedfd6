"""`lanetally`: the technician's commands. Each file beside this one is one command."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from agent import __version__
from agent.errors import TechnicianError
from agent.i18n import language_of, translator

COMMANDS = (
    "run",
    "status",
    "journal",
    "config",
    "devices",
    "totals",
    "assess",
    "suggest",
    "todo",
    "backfill",
    "returns",
    "day",
    "demo",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. 0: done; 1: it failed, and said so; 2: it was called wrongly."""
    for stream in (sys.stdout, sys.stderr):  # a shell that cannot show "…" is told all the same
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(prog="lanetally", description="The box at the checkout lane.")
    parser.add_argument("--version", action="version", version=f"lanetally {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    words = list(sys.argv[1:] if argv is None else argv)
    # a command's file is imported when it is called: `config check` needs no journal and no broker
    for name in words[:1] if words[:1] and words[0] in COMMANDS else COMMANDS:
        import_module(f"agent.cli.{name}").register(subparsers)
    args = parser.parse_args(words)
    try:
        code: int = args.run(args)
    except TechnicianError as error:
        print(error.told(translator(language_of(os.environ))), file=sys.stderr)
        return 1
    except BrokenPipeError:  # `| head` has seen enough; nor may the interpreter flush at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code
