"""`lanetally backfill`: what was missed in a settled sale, put right at the running lane.

It asks the lane's own API, as the screen does, so that the same rules hold and one writer writes.
"""

from __future__ import annotations

import argparse
import getpass
import os
import uuid
from typing import Any, get_args
from urllib.parse import quote, urlencode

from agent.cli.ask import ask, new_action, signed, tell
from agent.config import load
from agent.domain.facts import BackfillWay
from agent.domain.text import Text
from agent.i18n import language_of, translator

_BODY = ("way", "label", "quantity", "weight_g", "amount_minor", "tender_type", "reason")


def register(subparsers: Any) -> None:
    """Add `backfill` and its actions to the commands of `lanetally`."""
    say = translator(language_of(os.environ))
    what = say(Text("find a settled sale, add what was missed, or take that back"))
    backfill = subparsers.add_parser("backfill", help=what, description=what)
    actions = backfill.add_subparsers(dest="action", required=True)
    find = _new(actions, "find", Text("find sales: all that is given must be so"))
    for name in ("receipt", "phone", "from", "to", "amount-minor"):
        find.add_argument(f"--{name}", default="")
    _new(actions, "show", Text("show a sale and all that stands beside it")).add_argument("sale")
    add = _new(actions, "add", Text("add an item that was missed"), acts=True)
    add.add_argument("sale", help=say(Text("id of the transaction")))
    add.add_argument("label", help=say(Text("GTIN, or a label as it was scanned")))
    add.add_argument("--way", choices=get_args(BackfillWay), required=True)
    add.add_argument("--quantity", type=int, default=1)
    add.add_argument("--weight-g", type=int, default=None)
    add.add_argument("--amount-minor", type=int, default=None)
    add.add_argument("--tender-type", default="")
    add.add_argument("--id", default="", help=say(Text("repeated with it, it is done only once")))
    back = _new(actions, "reverse", Text("take back what was added"), acts=True)
    back.add_argument("sale", help=say(Text("id of the transaction")))
    back.add_argument("backfill_id")
    back.add_argument("--id", default="", help=say(Text("repeated with it, it is done only once")))
    close = _new(actions, "close", Text("say that something open needs nothing more"), acts=True)
    close.add_argument("--sale", default="", help=say(Text("id of the transaction")))
    close.add_argument("--total-id", default="")
    backfill.set_defaults(run=run)


def _new(actions: Any, name: str, what: Text, *, acts: bool = False) -> argparse.ArgumentParser:
    say = translator(language_of(os.environ))
    command = new_action(actions, name, what)
    if acts:
        command.add_argument("--reason", default="", help=say(Text("why")))
        command.add_argument("--operator", default=getpass.getuser())
    return command


def run(args: argparse.Namespace) -> int:
    """Ask the lane. 0: done; 1: it was refused, and said why."""
    status, answer = ask(load(args.config), *_request(args))
    return tell(args, status, answer, _lines)


def _request(args: argparse.Namespace) -> tuple[str, str, dict[str, Any] | None]:
    """Method, path and body."""
    given = vars(args)
    sale = quote(given.get("sale") or "", safe="")
    if args.action == "find":
        names = ("receipt", "phone", "from", "to", "amount_minor")
        return (
            "GET",
            f"/v1/transactions?{urlencode({n: given[n] for n in names if given[n]})}",
            None,
        )
    if args.action == "show":
        return "GET", f"/v1/transactions/{sale}", None
    body = {"reason": args.reason, **signed(args)}
    own_id = given.get("id") or uuid.uuid4().hex
    if args.action == "add":
        body |= {"backfill_id": own_id, **{n: given[n] for n in _BODY}}
        return "POST", f"/v1/transactions/{sale}/backfill", body
    if args.action == "reverse":
        body |= {"reversal_id": own_id, "backfill_id": args.backfill_id}
        return "POST", f"/v1/transactions/{sale}/reverse", body
    body |= {"transaction_id": args.sale, "total_id": args.total_id}
    return "POST", "/v1/suspicions/close", body


def _lines(answer: dict[str, Any]) -> list[str]:
    if "message" in answer:
        return [answer["message"]]
    if "transactions" in answer:
        return [_sale_line(sale) for sale in answer["transactions"]]
    lines = [
        f"  {x['quantity_milli'] / 1000:g} × {x['gtin']}  {x['description']}"
        for x in answer["lines"]
    ]
    added = [
        f"{'-' if b['is_reversed'] else '+'} {b['backfill_id']}  {b['way']}  {x['gtin']}"
        f"  {x['description']}"
        for b in answer["backfills"]
        for x in b["lines"]
    ]
    suspected = [f"! {answer['suspicion']['text']}"] if answer["suspicion"] else []
    return [_sale_line(answer["sale"]), *lines, *suspected, *added]


def _sale_line(sale: dict[str, Any]) -> str:
    mark = "!" if sale["is_open"] else " "
    words = sale["transaction_id"], sale["receipt_number"], sale["sold_at"], sale["customer"]
    return f"{mark} {'  '.join(words)}  {sale['amount_minor']}"
