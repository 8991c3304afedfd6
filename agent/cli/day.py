"""`lanetally day`: the trading day of the running lane, ended by hand."""

from __future__ import annotations

import argparse
import getpass
import os
from functools import partial
from typing import Any

from agent.cli.ask import NoLane, ask, new_action, signed, tell
from agent.config import load
from agent.domain.money import format_minor
from agent.domain.text import Text
from agent.i18n import language_of, translator

CLOSE = Text("end today's trading at the running lane, before its time")


def register(subparsers: Any) -> None:
    """Add `day` to the commands of `lanetally`."""
    say = translator(language_of(os.environ))
    what = say(CLOSE)
    day = subparsers.add_parser("day", help=what, description=what)
    actions = day.add_subparsers(dest="action", required=True)
    close = new_action(actions, "close", CLOSE)
    close.description = what
    close.add_argument("--operator", default=getpass.getuser())
    day.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Close it. 0: it is closed, now or before; 1: it is not, and why was said."""
    config = load(args.config)
    try:
        status, answer = ask(config, "POST", "/v1/day/close", signed(args))
    except NoLane as error:
        if not args.json:
            raise
        status, answer = 503, {"code": "not_running", "detail": str(error)}
    return tell(args, status, answer, partial(_lines, config.store.minor_digits))


def _lines(minor_digits: int, answer: dict[str, Any]) -> list[str]:
    say = translator(language_of(os.environ))
    lines = [answer["message"]]
    for day in answer["days"]:
        amount = format_minor(day["sum_minor"], minor_digits)
        args: dict[str, str | int] = {"sales": day["sales"], "amount": amount}
        lines.append(f"{day['business_date']}  {say(Text('{sales} sale(s), {amount}', args))}")
    return lines
