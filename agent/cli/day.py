"""`lanetally day`: the trading day of the running lane, ended by hand."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from pathlib import Path
from typing import Any

from agent.cli.ask import NoLane, ask
from agent.config import load
from agent.domain.text import Text
from agent.i18n import Say, language_of, translator


def register(subparsers: Any) -> None:
    """Add `day` to the commands of `lanetally`."""
    say = translator(language_of(os.environ))
    what = say(Text("end today's trading at the running lane, before its time"))
    day = subparsers.add_parser("day", help=what, description=what)
    actions = day.add_subparsers(dest="action", required=True)
    close = actions.add_parser("close", help=what, description=what)
    close.add_argument("--config", type=Path, required=True, metavar="FILE")
    close.add_argument("--json", action="store_true", help=say(Text("answer as one JSON object")))
    close.add_argument("--operator", default=getpass.getuser())
    day.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Close it. 0: it is closed, now or before; 1: it is not, and why was said."""
    config = load(args.config)
    body = {"operator": args.operator}
    if os.environ.get("LANETALLY_PIN"):  # not among the arguments, which every process can see
        body["pin"] = os.environ["LANETALLY_PIN"]
    try:
        status, answer = ask(config, "POST", "/v1/day/close", body)
    except NoLane as error:
        if not args.json:
            raise
        status, answer = 503, {"code": "not_running", "detail": str(error)}
    refused = status >= 300
    if args.json:
        print(json.dumps(answer, ensure_ascii=False))
    elif refused:
        print(answer.get("detail", status), file=sys.stderr)
    else:
        say = translator(language_of(os.environ))
        print("\n".join(_lines(answer, config.store.minor_digits, say)))
    return 1 if refused else 0


def _lines(answer: dict[str, Any], minor_digits: int, say: Say) -> list[str]:
    lines = [answer["message"]]
    for day in answer["days"]:
        amount = f"{day['sum_minor'] / 10**minor_digits:.{minor_digits}f}"
        args: dict[str, str | int] = {"sales": day["sales"], "amount": amount}
        lines.append(f"{day['business_date']}  {say(Text('{sales} sale(s), {amount}', args))}")
    return lines
