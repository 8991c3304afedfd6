"""`lanetally totals`: propose a rule for a POS's receipts, and show what a rule makes of them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.domain.money import format_minor
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import Say, language_of, translator
from agent.totals.codec_pages import DOUBLE_BYTE_NAMES, PAGE_NAMES
from agent.totals.codec_receipt import Characters
from agent.totals.learn import ORIGIN, learn, unexplained
from agent.totals.reading import Match, NoSale, Reading, Result, Unread, cleaned, read
from agent.totals.rule import as_toml, load, shipped
from agent.totals.samples import receipts_in
from drivers.printer.codec_tokens import Tokenizer

#: (file or file#2, its lines)
Samples = Sequence[tuple[str, tuple[str, ...]]]

NOTHING_LEARNT = Text(
    "No sample could be read: the proposed rule is a place to begin by hand, and settles nothing"
)


def register(subparsers: Any) -> None:
    """Add `totals` and its actions to the commands of `lanetally`."""
    say = translator(language_of(os.environ))
    totals = subparsers.add_parser(
        "totals", help=say(Text("read a POS's receipts: propose a rule, or check one"))
    )
    actions = totals.add_subparsers(dest="action", required=True)
    learns = actions.add_parser("learn", help=say(Text("propose a rule from sample receipts")))
    checks = actions.add_parser("check", help=say(Text("show what a rule makes of receipts")))
    learns.add_argument("--name", default="our-pos", help=say(Text("what the rule is called")))
    learns.add_argument("--output", type=Path, help=say(Text("the file to write the rule to")))
    known = ", ".join(shipped())
    checks.add_argument("rule", help=say(Text("a file, or one of: {known}", {"known": known})))
    for command in (learns, checks):
        command.add_argument("sample", type=Path, nargs="+")
        command.add_argument("--code-page", choices=PAGE_NAMES, default="cp437")
        command.add_argument("--double-byte", choices=DOUBLE_BYTE_NAMES, default="gb18030")
        command.add_argument("--minor-digits", type=int, choices=range(5), default=2)
        command.add_argument(
            "--json", action="store_true", help=say(Text("answer as one JSON object"))
        )
    totals.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out `lanetally totals …`. 0 if every receipt was read, 1 if not."""
    say = translator(language_of(os.environ))
    samples = tuple(_samples(args, say))
    plain = [cleaned(lines) for _, lines in samples]
    toml = ""
    if args.action == "learn":
        learnt = learn(plain, args.name, args.minor_digits)
        results: Sequence[Result] = learnt.results
        toml = as_toml(learnt.rule)
        if args.output:
            _write(args.output, toml)
    else:
        rule = load(args.rule)
        results = [read(rule, lines, args.minor_digits, ORIGIN) for lines in plain]
    complete = not any(isinstance(result, Unread) for result in results)
    if toml and not any(isinstance(result, Reading) for result in results):
        print(say(NOTHING_LEARNT), file=sys.stderr)
    names = [name for name, _ in samples]
    if args.json:
        rows = [_row(*each, say) for each in zip(names, plain, results, strict=True)]
        answer = {"ok": complete, "receipts": rows} | ({"rule": toml} if toml else {})
        print(json.dumps(answer, ensure_ascii=False))
    else:
        for name, lines, result in zip(names, plain, results, strict=True):
            print("\n".join(_shown(name, lines, result, args.minor_digits, say)), end="\n\n")
        if toml and not args.output:
            print(toml, end="")
    return 0 if complete else 1


def _write(file: Path, toml: str) -> None:
    try:
        file.write_text(toml, encoding="utf-8")
    except OSError as error:
        raise TechnicianError(f"{file}: {error.strerror}") from error


def _samples(args: argparse.Namespace, say: Say) -> Iterator[tuple[str, tuple[str, ...]]]:
    for file in args.sample:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise TechnicianError(f"{file}: {error.strerror}") from error
        characters = Characters(args.code_page, args.double_byte)
        receipts = receipts_in(data, characters, Tokenizer)
        if not receipts:
            raise TechnicianError(say(Text("{file} holds no text", {"file": str(file)})))
        for number, lines in enumerate(receipts, 1):
            yield (f"{file}#{number}" if len(receipts) > 1 else str(file)), lines


def _row(name: str, lines: Sequence[str], result: Result, say: Say) -> dict[str, Any]:
    matched: dict[int, Match] = {m.line_no: m for m in result.matches}
    row: dict[str, Any] = {
        "file": name,
        "status": {Reading: "read", NoSale: "no_sale", Unread: "unread"}[type(result)],
        "lines": [
            {"line": line, "key": m.key, "groups": dict(m.groups)} if m else {"line": line}
            for number, line in enumerate(lines, 1)
            for m in [matched.get(number)]
        ],
    }
    if isinstance(result, Reading):
        row["total"] = asdict(result.total)
    elif isinstance(result, Unread):
        row |= {"code": result.code, "reason": say(result.text), "line_no": result.line_no}
    return row


def _shown(
    name: str, lines: Sequence[str], result: Result, minor_digits: int, say: Say
) -> Iterator[str]:
    """Each line beside what it was taken for, then what the receipt says."""
    keys = {match.line_no: match.key for match in reversed(result.matches)}
    yield f"== {name}"
    for number, line in enumerate(lines, 1):
        yield f"{keys.get(number, ''):>16} | {line}"
    match result:
        case Reading(total=total):
            amount = format_minor(total.amount_minor or 0, minor_digits)
            words: dict[str, str | int] = {"count": total.item_count or 0, "amount": amount}
            yield say(Text("read: {count} item(s), {amount}", words))
            for tender in total.tenders:
                yield f"  {tender.tender_type} {format_minor(tender.amount_minor, minor_digits)}"
            for strange in unexplained(result, lines):
                yield say(
                    Text("  line {line} among the items was taken for nothing", {"line": strange})
                )
            if total.lines is None:
                yield say(Text("  without barcodes: what is missed is counted, not named"))
        case NoSale():
            yield say(Text("no sale: a copy, a report or a refund"))
        case Unread():
            yield say(Text("not read: {reason}", {"reason": say(result.text)}))
