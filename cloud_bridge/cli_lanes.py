"""`lanetally-bridge command LANE …` and `desire LANE …`: a word to a lane, and its answer."""

from __future__ import annotations

import argparse
import base64
import getpass
import gzip
import json
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent.commands import Answer, Args, BundleArgs, ItemsArgs, ReprintArgs, ResendArgs
from agent.domain.settings import SettingError
from agent.domain.text import Text
from agent.wire import LaneAddress
from cloud_bridge import arguments
from cloud_bridge.calls import Caller
from cloud_bridge.config import BridgeConfig, ConfigError, load
from cloud_bridge.opening import FAILED, OK, new_command, shell_say

STATES = {"done": Text("done"), "refused": Text("refused"), "waiting": Text("waiting")}
ITEM_LINES = 500  #: of an item file in one command
SECONDS_MAX = 10**9  #: MQTT 5 counts a message's life in 32 bits


def register(commands: Any) -> None:
    """Add these commands."""
    say = shell_say()
    what = Text("ask a lane to do something, and wait for its answer")
    command = commands.add_parser("command", help=say(what), description=say(what))
    command.add_argument("lane", type=arguments.lane, metavar="ORG/STORE/LANE")
    actions = command.add_subparsers(required=True, metavar="ACTION")
    resend = _action(actions, "resend", _resend, Text("send facts again, from one seq to another"))
    resend.add_argument("first", type=arguments.number(1))
    resend.add_argument("last", type=arguments.number(1))
    reprint = _action(actions, "reprint", _reprint, Text("print a receipt once more"))
    reprint.add_argument("receipt")
    bundle = _action(actions, "bundle", _bundle, Text("fetch how the lane is, for who helps"))
    bundle.add_argument("--out", type=Path, metavar="FILE")
    items = _action(actions, "items", _items, Text("change items and prices"))
    items.add_argument(
        "lines", type=arguments.lines_of_file, nargs="?", default=[], metavar="FILE.csv"
    )
    items.add_argument("--gone", nargs="*", default=[], metavar="GTIN")
    wish = Text("desire a configuration of a lane, or see what it reports")
    desire = _new(commands, "desire", _desire, wish)
    desire.add_argument("lane", type=arguments.lane, metavar="ORG/STORE/LANE")
    desire.add_argument("desired", type=arguments.toml_file, nargs="?", metavar="FILE.toml")


def _new(commands: Any, name: str, run: Any, help_: Text) -> argparse.ArgumentParser:
    command = new_command(commands, name, run, help_)
    say = shell_say()
    command.add_argument("--by", default="", help=say(Text("who asks; you, if not given")))
    command.add_argument(
        "--timeout",
        type=arguments.number(1, SECONDS_MAX),
        default=30,
        metavar="S",
        help=say(Text("how long to wait")),
    )
    return command


def _action(actions: Any, name: str, run: Any, help_: Text) -> argparse.ArgumentParser:
    command = _new(actions, name, run, help_)
    say = shell_say()
    valid = Text("how long a lane that is away may still do it; as --timeout, if not given")
    command.add_argument(
        "--valid", type=arguments.number(0, SECONDS_MAX), default=0, metavar="S", help=say(valid)
    )
    once = Text("repeated with it, it is done only once")
    command.add_argument("--id", type=arguments.command_id, default="", help=say(once))
    return command


def _caller(args: argparse.Namespace) -> Caller:
    config = load(args.config)
    *org, store, lane = args.lane.split("/")
    address = LaneAddress(org[0] if org else _only_org(args.config, config), store, lane)
    by = args.by or getpass.getuser()
    return Caller(config.settings.mqtt, address, args.timeout, by, getattr(args, "valid", 0))


def _only_org(file: Path, config: BridgeConfig) -> str:
    """The organisation of STORE/LANE. Raises ConfigError."""
    org = config.settings.bridge.org
    if not org:
        several = Text("names no organisation: say ORG/STORE/LANE")
        raise ConfigError(file, (SettingError(0, "bridge.org", several),))
    return org


def _asked(args: argparse.Namespace, name: str, wanted: Args, part: int = 0) -> Answer | None:
    """`part`: of a command that takes several, from 0."""
    args.id = args.id or uuid.uuid4().hex
    command_id = f"{args.id}-{part}" if part else args.id
    answer = _caller(args).command(name, wanted, command_id)
    if answer is None and args.valid > args.timeout:
        return Answer(command_id, name, "waiting", "waiting", shell_say()(_waits(args)))
    if answer is None:
        silent = Text("{lane} gave no answer in {seconds} s", _silence(args))
        print(shell_say()(silent), file=sys.stderr)
    return answer


def _waits(args: argparse.Namespace) -> Text:
    until = datetime.now(UTC).astimezone() + timedelta(seconds=args.valid - args.timeout)
    return Text(
        "{lane} is away: it does it when it is back by {until}. Ask again with --id {id}",
        {"lane": args.lane, "until": until.isoformat(" ", "minutes"), "id": args.id},
    )


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
        print(f"{say(STATES[answer.status])}: {answer.detail}")
    return FAILED if answer.status == "refused" else OK


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
    lines = args.lines
    parts = [lines[n : n + ITEM_LINES] for n in range(1, len(lines), ITEM_LINES)] or [[]]
    code = OK
    for number, part in enumerate(parts):
        csv = "\n".join([lines[0], *part]) if part else ""
        gone = tuple(gtin.zfill(14) for gtin in args.gone) if number == 0 else ()
        code = _told(args, _asked(args, "items", ItemsArgs(csv, gone), number))
        if code != OK:
            break
    return code


def _desire(args: argparse.Namespace) -> int:
    caller = _caller(args)
    report = caller.reported() if args.desired is None else caller.desire(args.desired)
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
