"""`lanetally journal`: check a lane's journal, copy it, and begin it anew from a copy."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.cli.journal import copies, succession, verify
from agent.config import LaneConfig, load
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import Say, language_of, translator
from agent.journal.file import SEQ_MAX

#: What each action does: (arguments, configuration, the journal's file, translator) -> exit code.
_ACTIONS: dict[str, Callable[[argparse.Namespace, LaneConfig, Path, Say], int]] = {
    "verify": verify.verify,
    "rebuild": verify.rebuild,
    "export": copies.export,
    "backup": copies.backup,
    "restore": succession.restore,
    "import": succession.take_in,
}
#: Actions for a lane that has lost its journal, or has none yet.
_NEED_NO_JOURNAL = frozenset(("restore", "import"))


def register(subparsers: Any) -> None:
    """Add `journal` and its actions to the commands of `lanetally`."""
    say = translator(language_of(os.environ))
    journal = subparsers.add_parser("journal", help=say(Text("check a lane's journal, copy it")))
    actions = journal.add_subparsers(dest="action", required=True)
    commands = {
        action: actions.add_parser(action, help=say(Text(_HELP_TEXTS[action])))
        for action in _ACTIONS
    }
    for command in commands.values():
        command.add_argument("--config", type=Path, required=True, metavar="FILE")
    as_json = say(Text("answer as one JSON object"))
    for action in sorted(_ACTIONS.keys() - {"export"}):
        commands[action].add_argument("--json", action="store_true", help=as_json)
    _add_export(commands["export"], say)
    commands["backup"].add_argument(
        "to", nargs="?", type=Path, metavar="TO", help=say(Text("file or folder; else the usual"))
    )
    for action in ("restore", "import"):
        commands[action].add_argument("source", type=Path, metavar="FROM")
        commands[action].add_argument(
            "--set-aside",
            action="store_true",
            help=say(Text("put the present journal aside, even if head office lacks some of it")),
        )
    journal.set_defaults(run=run)


def _add_export(export: argparse.ArgumentParser, say: Say) -> None:
    ends = {"from": (say(Text("first seq")), 1), "to": (say(Text("last seq")), SEQ_MAX)}
    for name, (help_text, default) in ends.items():
        export.add_argument(
            f"--{name}", type=int, default=default, metavar="SEQ", dest=name, help=help_text
        )
    export.add_argument(
        "--all", action="store_true", help=say(Text("former epochs first, as far as they are here"))
    )
    export.add_argument(
        "--output", type=Path, metavar="FILE", help=say(Text("into a file, all of it or nothing"))
    )


_HELP_TEXTS = {
    "verify": "check the file, the chain of facts and what was made of them",
    "rebuild": "make what follows from the facts again; the lane must stand",
    "export": "write the facts as JSON, one a line, archived ones among them",
    "backup": "copy the journal, beside the running lane",
    "restore": "begin a new epoch from a backup; the lane must stand",
    "import": "begin a new epoch from an export; the lane must stand",
}


def run(args: argparse.Namespace) -> int:
    """Carry out `lanetally journal …`. 0 if all is well, 1 if not."""
    say = translator(language_of(os.environ))
    config = load(args.config)
    path = Path(config.lane.data_dir) / "journal.db"
    if args.action not in _NEED_NO_JOURNAL and not path.exists():
        missing = Text("no journal at {path}: this lane has not run yet", {"path": str(path)})
        raise TechnicianError(say(missing))
    return _ACTIONS[args.action](args, config, path, say)
