"""`lanetally demo`: real baskets through real ports, processes and databases, then a check.

    simulated scanner, keypad, scale, printer ─▶ lanetally run ─▶ iotcore ─▶ lanetally-bridge run

Only the devices' hardware is simulated, at the byte level. What a cashier and a POS do is decided
by the seed; some scans are missed on purpose, and the lane has to notice.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.cli.arguments import bounded
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import Say, language_of, translator

BASKETS = 200
SEED = 70  #: its first dozen baskets have a bit of everything
INTERRUPTED = 130  #: as a shell says it


def register(subparsers: Any) -> None:
    """Add `demo` to the commands of `lanetally`."""
    say = translator(language_of(os.environ))
    command = subparsers.add_parser(
        "demo", help=say(Text("play real baskets through a whole lane and check the books"))
    )
    number = bounded(int, 1, say)
    command.add_argument(
        "--baskets", type=number, default=BASKETS, metavar="N", help=say(Text("how many to play"))
    )
    command.add_argument(
        "--seed", type=int, default=SEED, metavar="S", help=say(Text("decides what happens"))
    )
    command.add_argument(
        "--speed",
        type=bounded(float, 0, say),
        default=0.0,
        metavar="X",
        help=say(Text("1: as fast as a cashier; 0: as fast as the devices allow")),
    )
    command.add_argument(
        "--json", action="store_true", help=say(Text("end with one JSON object on one line"))
    )
    command.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help=say(Text("leave journal, ledger and receipts here")),
    )
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Play. 0 if every invariant held, 1 if not, 130 if it was interrupted."""
    # not at the head of the file: every command's help is made with this module
    from agent.cli.demo import summary
    from agent.cli.demo.play import played
    from agent.cli.demo.summary import Show

    language = language_of(os.environ)
    say = translator(language)
    show = Show(args.baskets, say, plain=args.json)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _folder(args.keep, say) as folder:
            report, seconds = played(folder, args.baskets, args.seed, args.speed, language, show)
    except KeyboardInterrupt:
        print(say(Text("stopped before the end")), file=sys.stderr)
        return INTERRUPTED
    if args.json:
        print(summary.as_json(report, seconds, args.seed))
    else:
        summary.print_tables(report, seconds, say)
    return 0 if report.held else 1


@contextmanager
def _folder(keep: Path | None, say: Say) -> Iterator[Path]:
    """An empty folder, removed afterwards unless it is to be kept."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="lanetally-demo-") as name:
            yield Path(name)
        return
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise TechnicianError(say(Text("{path} is not empty", {"path": str(keep)})))
    yield keep.absolute()
