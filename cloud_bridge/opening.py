"""The ledger that a configuration names, for the commands."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.domain.text import Text
from agent.i18n import Say, language_of, translator
from cloud_bridge.config import DEFAULT_PATH, BridgeConfig
from cloud_bridge.ledger.port import Ledger, LedgerUnavailable

OK, FAILED = 0, 1


def shell_say() -> Say:
    """Into the language of who types."""
    return translator(language_of(os.environ))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def new_command(
    commands: Any, name: str, run: Any, help_: Text, *, report: bool = True
) -> argparse.ArgumentParser:
    """A command that works with a configuration; a report can be asked for as JSON."""
    say = shell_say()
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=say(help_), description=say(help_)
    )
    command.add_argument("--config", type=Path, default=DEFAULT_PATH, metavar="FILE")
    if report:
        command.add_argument(
            "--json", action="store_true", help=say(Text("answer as one JSON object"))
        )
    command.set_defaults(run=run)
    return command


@contextmanager
def opened(config: BridgeConfig, *, create: bool = False) -> Iterator[Ledger]:
    """The configured ledger. A report does not make one where there is none."""
    ledger = _open(config, create=create)
    try:
        yield ledger
    finally:
        ledger.close()


def _open(config: BridgeConfig, *, create: bool) -> Ledger:
    settings = config.settings
    tenant, followers = settings.bridge.org, settings.ledger.outbox
    if settings.ledger.kind == "postgres":
        from cloud_bridge.ledger.postgres import PostgresLedger  # its library is an extra

        return PostgresLedger(settings.ledger.dsn, config.books, tenant, followers)
    from cloud_bridge.ledger.sqlite import SqliteLedger

    if not create and not config.ledger_path.exists():
        raise LedgerUnavailable(f"{config.ledger_path}: there is no ledger yet")
    return SqliteLedger(config.ledger_path, config.books, tenant, followers)
