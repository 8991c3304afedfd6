"""`lanetally-bridge quarantine …`, `replay`, `days`: what the books lack, and who decided what."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from dataclasses import asdict, replace
from typing import Any

from agent.domain.text import Text
from cloud_bridge import arguments
from cloud_bridge.config import load
from cloud_bridge.days import Day, compared
from cloud_bridge.ledger.port import Case, CaseFile, Decision
from cloud_bridge.opening import FAILED, OK, new_command, now_ms, opened, shell_say

DISCARD_HELP = Text("close cases without posting them; their content stays")
ACCEPT_HELP = Text("post facts of a lane that was renamed where they came; its old name sold none")


def register(commands: Any) -> None:
    """Add these commands."""
    say = shell_say()
    what = Text("what could not be posted, and why")
    quarantine = commands.add_parser("quarantine", help=say(what), description=say(what))
    actions = quarantine.add_subparsers(required=True, metavar="ACTION")
    new_command(actions, "list", _list, Text("the open cases, oldest first"))
    show = new_command(actions, "show", _show, Text("one case: content, reason and history"))
    show.add_argument("case", type=arguments.number(1))
    retry = new_command(actions, "retry", _retry, Text("try cases again"))
    retry.add_argument("--accept", action="store_true", help=say(ACCEPT_HELP))
    discard = new_command(actions, "discard", _discard, DISCARD_HELP)
    for action in (retry, discard):
        action.add_argument("case", type=arguments.number(1), nargs="+")
        reason = say(Text("the reason, kept with the case"))
        action.add_argument("--why", required=True, type=arguments.words, help=reason)
        action.add_argument("--by", default="", help=say(Text("who decides; you, if not given")))
    all_again = Text("try everything in quarantine again, as after a change of the chart")
    new_command(commands, "replay", _replay, all_again)
    days = new_command(
        commands, "days", _days, Text("which days are complete, and what the others lack")
    )
    days.add_argument(
        "--open", action="store_true", help=say(Text("those alone that lack something"))
    )


# --- quarantine ----------------------------------------------------------------------------------


def _list(args: argparse.Namespace) -> int:
    with opened(load(args.config)) as ledger:
        cases = ledger.cases()
    if args.json:
        print(json.dumps({"cases": [_case_object(case) for case in cases]}, ensure_ascii=False))
        return OK
    for case in cases:
        print(_case_line(case))
    return OK


def _case_object(case: Case) -> dict[str, Any]:
    return asdict(case) | {"stream": case.stream._asdict()}


def _case_line(case: Case) -> str:
    amount = "" if case.amount_minor is None else f", {case.amount_minor}"
    where = f"{'/'.join(case.stream)} seq {case.seq}{amount}, {case.tries} x"
    return f"{case.case_id}  {case.reason}: {case.detail}  ({where})"


def _show(args: argparse.Namespace) -> int:
    with opened(load(args.config)) as ledger:
        found = ledger.case_file(args.case)
    if found is None:
        return _no_case(args.case)
    if args.json:
        print(json.dumps(_file_object(found), ensure_ascii=False))
        return OK
    say = shell_say()
    print(_case_line(found.case))
    print(say(Text("open") if found.resolved_ms is None else Text("closed")))
    for decision in found.decisions:
        words: dict[str, str | int] = {
            "action": decision.action,
            "by": decision.by,
            "why": decision.why,
        }
        print(say(Text("{action} by {by}: {why}", words)))
    print(found.raw.decode("utf-8", errors="backslashreplace"))
    return OK


def _file_object(found: CaseFile) -> dict[str, Any]:
    return {
        "case": _case_object(found.case),
        "raw": found.raw.decode("utf-8", errors="backslashreplace"),
        "resolved_ms": found.resolved_ms,
        "decisions": [asdict(decision) for decision in found.decisions],
    }


def _no_case(number: int) -> int:
    missing = Text("there is no open case {number}", {"number": number})
    print(shell_say()(missing), file=sys.stderr)
    return FAILED


def _decision(args: argparse.Namespace, action: str) -> Decision:
    return Decision(action, args.by or getpass.getuser(), args.why, now_ms())


def _retry(args: argparse.Namespace) -> int:
    decision = _decision(args, "accept" if args.accept else "retry")
    with opened(load(args.config)) as ledger:
        tried = {case: ledger.retry(case, decision) for case in args.case}
    return _told(
        args,
        sum(one.posted for one in tried.values()),
        sum(one.still_quarantined for one in tried.values()),
        [case for case, one in tried.items() if not one.posted],
    )


def _replay(args: argparse.Namespace) -> int:
    with opened(load(args.config)) as ledger:
        replayed = ledger.replay(now_ms())
    return _told(args, replayed.posted, replayed.still_quarantined, [])


def _told(args: argparse.Namespace, posted: int, still: int, left: list[int]) -> int:
    """How it went. 1 if a case that was named is not posted."""
    if args.json:
        print(json.dumps({"posted": posted, "still_quarantined": still, "not_posted": left}))
    else:
        words: dict[str, str | int] = {"posted": posted, "still": still}
        print(shell_say()(Text("posted {posted}, still in quarantine {still}", words)))
        if left:
            numbers: dict[str, str | int] = {"numbers": ", ".join(map(str, left))}
            print(shell_say()(Text("not posted: {numbers}", numbers)))
    return FAILED if left else OK


def _discard(args: argparse.Namespace) -> int:
    decision = _decision(args, "discard")
    with opened(load(args.config)) as ledger:
        closed = {case: ledger.discard(case, decision) for case in args.case}
    if args.json:
        print(json.dumps({"discarded": [case for case, done in closed.items() if done]}))
        return OK if all(closed.values()) else FAILED
    codes = [OK if done else _no_case(case) for case, done in closed.items()]
    count = codes.count(OK)
    print(shell_say()(Text("discarded {count}; the content stays", {"count": count})))
    return max(codes)


# --- days ----------------------------------------------------------------------------------------


def _days(args: argparse.Namespace) -> int:
    """0 if every day that was closed is complete."""
    with opened(load(args.config)) as ledger:
        days = list(compared(ledger.day_closes(), ledger.settled))
    shown = [day for day in days if not (args.open and day.complete)]
    if args.json:
        rows = [_day_object(day) for day in shown]
        print(json.dumps({"days": rows}, ensure_ascii=False))
    else:
        for day in shown:
            print(_day_line(day))
    return OK if all(day.complete for day in days) else FAILED


def _day_object(day: Day) -> dict[str, Any]:
    missing = [text.english() for text in day.missing]
    told = {"stream": day.stream._asdict(), "complete": day.complete, "missing": missing}
    return asdict(replace(day, missing=())) | told


def _day_line(day: Day) -> str:
    say = shell_say()
    words: dict[str, str | int] = {"sales": day.posted_sales, "sum": day.posted_sum_minor}
    figures = say(Text("{sales} sales, {sum}", words))
    if day.posted_returns:
        words = {"returns": day.posted_returns, "sum": day.posted_returned_minor}
        figures += "; " + say(Text("{returns} returns, {sum}", words))
    state = say(Text("complete") if day.complete else Text("incomplete"))
    why = "".join(f"\n    {say(text)}" for text in day.missing)
    return f"{day.business_date}  {'/'.join(day.stream[:3])}  {state}: {figures}{why}"
