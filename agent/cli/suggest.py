"""`lanetally suggest`: what may be missing from a basket, from the journal, beside the daemon."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

from agent.config import load
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import Say, language_of, translator
from agent.suggest.question import Gap, Named, Question
from agent.suggest.sold import is_gtin
from agent.suggestions import Suggestions


def register(subparsers: Any) -> None:
    """Add `suggest` to the commands of `lanetally`."""
    say = translator(language_of(os.environ))
    help_text = say(Text("say what may be missing from a basket, by what the lane has sold"))
    command = subparsers.add_parser("suggest", help=help_text)
    command.add_argument("--config", type=Path, required=True, metavar="FILE")
    basket = command.add_mutually_exclusive_group()
    basket.add_argument(
        "transaction", nargs="?", default="", help=say(Text("a transaction that was settled"))
    )
    basket.add_argument("--gtins", nargs="+", metavar="GTIN", help=say(Text("what was scanned")))
    command.add_argument("--weight-g", type=int, help=say(Text("what the scale holds too much")))
    command.add_argument(
        "--amount-minor", type=int, help=say(Text("what was charged above the scans"))
    )
    command.add_argument(
        "--customer", default="", help=say(Text("the customer's phone or member's number"))
    )
    command.add_argument("--limit", type=int, default=10, help=say(Text("at most so many")))
    command.add_argument("--json", action="store_true", help=say(Text("answer as one JSON object")))
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the likeliest items. 1 if nothing can be said, as nothing was sold yet."""
    say = translator(language_of(os.environ))
    path = Path(load(args.config).lane.data_dir) / "journal.db"
    if not path.exists():
        missing = Text("no journal at {path}: this lane has not run yet", {"path": str(path)})
        raise TechnicianError(say(missing))
    try:
        found = _found(args, Suggestions(path), say)
    except sqlite3.Error as error:
        raise TechnicianError(f"{path}: {error}") from error
    if args.json:
        print(json.dumps({"suggestions": [_shown(named, say) for named in found]}))
    elif not found:
        print(say(Text("nothing was sold yet that could be missing")), file=sys.stderr)
    for named in () if args.json else found:
        one = _shown(named, say)
        percent = f"{one['probability_ppm'] // 1000 / 10:.1f} %"
        print(f"{one['gtin']}  {percent:>7}  {one['description']}  ({'; '.join(one['reasons'])})")
    return 0 if found else 1


def _found(args: argparse.Namespace, known: Suggestions, say: Say) -> tuple[Named, ...]:
    gap = Gap(weight_g=args.weight_g, amount_minor=args.amount_minor)
    gtins, customer = _asked(args, known, say)
    question = Question(gtins, gap, customer, limit=args.limit)
    known.catch_up()
    return known.named(question)


def _asked(args: argparse.Namespace, known: Suggestions, say: Say) -> tuple[tuple[str, ...], str]:
    """(GTINs, customer)."""
    if args.transaction:
        sold = known.sold(args.transaction)
        if sold is None:
            raise TechnicianError(say(Text("No such sale in this lane's journal")))
        return sold.gtins, args.customer or sold.customer
    gtins = tuple(args.gtins or ())
    for gtin in gtins:
        if not is_gtin(gtin):
            raise TechnicianError(say(Text("{gtin} is no GTIN", {"gtin": gtin})))
    return tuple(gtin.zfill(14) for gtin in gtins), args.customer


def _shown(named: Named, say: Say) -> dict[str, Any]:
    return {
        "gtin": named.suggestion.gtin,
        "description": named.item.description,
        "category": named.item.category,
        "price_minor": named.item.price_minor,
        "probability_ppm": named.suggestion.probability_ppm,
        "reasons": [say(reason) for reason in named.suggestion.reasons],
    }
