"""`lanetally-bridge command LANE …` and `desire LANE …`: a word to a lane, and its answer."""

from __future__ import annotations

import argparse
import base64
import getpass
import gzip
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from agent.commands import Answer, Args, BundleArgs, ItemsArgs, ReprintArgs, ResendArgs
from agent.domain.text import Text
from agent.wire import LaneAddress
from cloud_bridge.calls import Caller
from cloud_bridge.config import load
from cloud_bridge.opening import FAILED, OK, new_command, shell_say

ITEM_LINES = 500  #: of an item file in one command


def register(commands: Any) -> None:
    """Add these commands."""
    say = shell_say()
    what = Text("ask a lane to do something, and wait for its answer")
    command = commands.add_parser("command", help=say(what), description=say(what))
    command.add_argument("lane", metavar="ORG/STORE/LANE")
    actions = command.add_subparsers(required=True, metavar="ACTION")
    resend = _new(actions, "resend", _resend, Text("send facts again, from one seq to another"))
    resend.add_argument("first", type=int)
    resend.add_argument("last", type=int)
    reprint = _new(actions, "reprint", _reprint, Text("print a receipt once more"))
    reprint.add_argument("receipt")
    bundle = _new(actions, "bundle", _bundle, Text("fetch how the lane is, for who helps"))
    bundle.add_argument("--out", type=Path, metavar="FILE")
    items = _new(actions, "items", _items, Text("change items and prices"))
    items.add_argument("file", type=Path, nargs="?", metavar="FILE.csv")
    items.add_argument("--gone", nargs="*", default=[], metavar="GTIN")
    wish = Text("desire a configuration of a lane, or see what it reports")
    desire = _new(commands, "desire", _desire, wish)
    desire.add_argument("lane", metavar="ORG/STORE/LANE")
    desire.add_argument("file", type=Path, nargs="?", metavar="FILE.toml")


def _new(commands: Any, name: str, run: Any, help_: Text) -> argparse.ArgumentParser:
    command = new_command(commands, name, run, help_)
    say = shell_say()
    command.add_argument("--by", default="", help=say(Text("who asks; you, if not given")))
    command.add_argument(
        "--timeout", type=int, default=30, metavar="S", help=say(Text("how long to wait"))
    )
    return command


def _caller(args: argparse.Namespace) -> Caller:
    config = load(args.config)
    org, _, rest = args.lane.partition("/")
    store, _, lane = rest.partition("/")
    if not lane:  # STORE/LANE of the one organisation that is served
        org, store, lane = config.settings.bridge.org, org, store
    address = LaneAddress(org, store, lane)
    return Caller(config.settings.mqtt, address, args.timeout, args.by or getpass.getuser())


def _asked(args: argparse.Namespace, name: str, wanted: Args) -> Answer | None:
    answer = _caller(args).command(name, wanted)
    if answer is None:
        silent = Text("{lane} gave no answer in {seconds} s", _silence(args))
        print(shell_say()(silent), file=sys.stderr)
    return answer


def _silence(args: argparse.Namespace) -> dict[str, str | int]:
    return {"lane": args.lane, "seconds": args.timeout}


def _told(args: argparse.Namespace, answer: Answer | None) -> int:
    if answer is None:
        return FAILED
    if args.json:
        fields = ("id", "name", "status", "code", "detail")
        print(json.dumps({key: getattr(answer, key) for key in fields}, ensure_ascii=False))
    else:
        say = shell_say()
        state = say(Text("done") if answer.status == "done" else Text("refused"))
        print(f"{state}: {answer.detail}")
    return OK if answer.status == "done" else FAILED


def _resend(args: argparse.Namespace) -> int:
    return _told(args, _asked(args, "resend", ResendArgs(args.first, args.last)))


def _reprint(args: argparse.Namespace) -> int:
    return _told(args, _asked(args, "reprint", ReprintArgs(args.receipt)))


def _bundle(args: argparse.Namespace) -> int:
    answer = _asked(args, "bundle", BundleArgs())
    if answer is None or answer.status != "done":
        return _told(args, answer)
    bundle = gzip.decompress(base64.b64decode(answer.data))
    if args.out is None:
        print(json.dumps(json.loads(bundle), indent=1, ensure_ascii=False))
    else:
        args.out.write_bytes(bundle)
        print(args.out)
    return OK


def _items(args: argparse.Namespace) -> int:
    lines = args.file.read_text("utf-8-sig").splitlines() if args.file else []
    parts = [lines[n : n + ITEM_LINES] for n in range(1, len(lines), ITEM_LINES)] or [[]]
    code = OK
    for number, part in enumerate(parts):
        csv = "\n".join([lines[0], *part]) if part else ""
        gone = tuple(gtin.zfill(14) for gtin in args.gone) if number == 0 else ()
        code = _told(args, _asked(args, "items", ItemsArgs(csv, gone)))
        if code != OK:
            break
    return code


def _desire(args: argparse.Namespace) -> int:
    caller = _caller(args)
    if args.file is None:
        report = caller.reported()
    else:
        report = caller.desire(tomllib.loads(args.file.read_text("utf-8")))
    if report is None:
        print(
            shell_say()(Text("{lane} gave no answer in {seconds} s", _silence(args))),
            file=sys.stderr,
        )
        return FAILED
    if args.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        print(f"{report['version']}: {report['status']}")
        for error in report["errors"]:
            print(f"    {error['key']}: {error['message']}")
    return OK if report["status"] != "refused" else FAILED
