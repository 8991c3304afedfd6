"""`lanetally returns`: goods that come back, taken back at the running lane.

It asks the lane's own API, as the screen does, so that the same rules hold and one writer writes.
"""

from __future__ import annotations

import argparse
import getpass
import os
import uuid
from typing import Any
from urllib.parse import quote

from agent.cli.ask import ask, new_action, signed, tell
from agent.config import load
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import language_of, translator


def register(subparsers: Any) -> None:
    """Add `returns` and its actions to the commands of `lanetally`."""
    say = translator(language_of(os.environ))
    what = say(Text("take goods back, and give the money back"))
    returns = subparsers.add_parser("returns", help=what, description=what)
    actions = returns.add_subparsers(dest="action", required=True)
    show = _new(actions, "show", Text("show what of a sale can still come back"))
    show.add_argument("sale", help=say(Text("id of the transaction")))
    goods = _new(actions, "goods", Text("take goods of a settled sale back"), acts=True)
    goods.add_argument("sale", help=say(Text("id of the transaction")))
    goods.add_argument(
        "line", nargs="+", metavar="LINE[:PIECES]", help=say(Text("number of a line, and how many"))
    )
    loose = _new(actions, "loose", Text("take goods back whose sale is not here"), acts=True)
    loose.add_argument(
        "line", nargs="+", metavar="LABEL[:PIECES]", help=say(Text("what comes back, and how many"))
    )
    loose.add_argument("--receipt", default="", help=say(Text("number of the receipt, if any")))
    loose.add_argument("--sold-on", default="", metavar="DATE", help=say(Text("day of the sale")))
    returns.set_defaults(run=run)


def _new(actions: Any, name: str, what: Text, *, acts: bool = False) -> argparse.ArgumentParser:
    say = translator(language_of(os.environ))
    command = new_action(actions, name, what)
    if acts:
        damaged = Text("it is written off, and not sold again")
        command.add_argument("--damaged", action="store_true", help=say(damaged))
        amount = Text("given back for it, where the lane does not know: of one line")
        command.add_argument("--amount-minor", type=int, default=None, help=say(amount))
        as_paid = Text("how it is given back; without it, as it was paid")
        command.add_argument("--tender-type", default="", help=say(as_paid))
        command.add_argument("--reason", default="", help=say(Text("why")))
        command.add_argument("--operator", default=getpass.getuser())
        once = Text("repeated with it, it is done only once")
        command.add_argument("--id", default="", help=say(once))
    return command


def run(args: argparse.Namespace) -> int:
    """Ask the lane. 0: done; 1: it was refused, and said why."""
    lines = _shown if args.action == "show" else _done
    status, answer = ask(load(args.config), *_request(args))
    return tell(args, status, answer, lines)


def _request(args: argparse.Namespace) -> tuple[str, str, dict[str, Any] | None]:
    """Method, path and body."""
    if args.action == "show":
        return "GET", f"/v1/transactions/{quote(args.sale, safe='')}", None
    say = translator(language_of(os.environ))
    if args.amount_minor is not None and len(args.line) > 1:
        raise TechnicianError(say(Text("an amount is for one line: return each by itself")))
    name = "line_no" if args.action == "goods" else "label"
    body: dict[str, Any] = {
        "return_id": args.id or uuid.uuid4().hex,
        "lines": [_line(word, name, args) for word in args.line],
        "tender_type": args.tender_type,
        "reason": args.reason,
        **signed(args),
    }
    if args.action == "goods":
        return "POST", f"/v1/transactions/{quote(args.sale, safe='')}/return", body
    return "POST", "/v1/returns", body | {"receipt_number": args.receipt, "sold_on": args.sold_on}


def _line(word: str, name: str, args: argparse.Namespace) -> dict[str, Any]:
    what, _, pieces = word.partition(":")
    try:
        return {
            name: int(what) if name == "line_no" else what,
            "quantity": int(pieces or 1),
            "amount_minor": args.amount_minor,
            "condition": "damaged" if args.damaged else "resaleable",
        }
    except ValueError as error:
        say = translator(language_of(os.environ))
        text = Text("{word} is no line and number of pieces", {"word": word})
        raise TechnicianError(say(text)) from error


def _done(answer: dict[str, Any]) -> list[str]:
    tenders = answer["refund"]["tenders"]
    return [answer["message"], *(f"  {t['tender_type']} {t['amount_minor']}" for t in tenders)]


def _shown(answer: dict[str, Any]) -> list[str]:
    lines = [
        f"  {x['line_no']}  {_much(x)} {x['gtin']}  {x['description']}  {x['worth_minor']}"
        for x in answer["returnable"]
        if x["left"]
    ]
    back = [
        f"- {r['return_id']}  {r['return_number']}  {r['business_date']}  {r['amount_minor']}"
        for r in answer["returns"]
    ]
    return [answer["sale"]["receipt_number"], *lines, *back]


def _much(line: dict[str, Any]) -> str:
    return f"{line['left']} g" if line["weighed"] else f"{line['left'] / 1000:g} ×"
