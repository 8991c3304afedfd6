"""`lanetally-bridge`: run the bridge, look into its ledger, keep its costs and its quarantine."""

from __future__ import annotations

import argparse
import gc
import io
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

from agent.domain.text import Text
from cloud_bridge import arguments, cli_cases, cli_lanes
from cloud_bridge.chart import Account
from cloud_bridge.config import ConfigError, load
from cloud_bridge.costs import CostFileError, read_costs
from cloud_bridge.exports import FORMATS, major
from cloud_bridge.ledger.port import LedgerUnavailable, LedgerUnsafe, Status
from cloud_bridge.opening import FAILED, OK, new_command, now_ms, opened, shell_say

Args: TypeAlias = dict[str, str | int]

GC_OBJECTS = 10_000  #: that the facts of one batch do not hold at once


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. 0 if all is well, 1 if not; what is wrong goes to stderr."""
    for stream in (sys.stdout, sys.stderr):  # a shell that cannot show "库" is told all the same
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    args = _parser().parse_args(argv)
    try:
        code: int = args.run(args)
    except (ConfigError, CostFileError, LedgerUnavailable, LedgerUnsafe) as error:
        print(error, file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # `| head` has seen enough; nor may the interpreter flush at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:  # a file that cannot be written, a disk that is full
        print(": ".join(filter(None, (error.filename, error.strerror))), file=sys.stderr)
        return FAILED
    return code


def _parser() -> argparse.ArgumentParser:
    say = shell_say()
    parser = argparse.ArgumentParser(
        prog="lanetally-bridge",
        description=say(Text("Carries the lanes' facts from MQTT to the ledger.")),
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = _command(commands, "run", _run, Text("take in facts until stopped"))
    one_of_several = say(Text("one of several that share"))
    run.add_argument("--worker", default="", metavar="NAME", help=one_of_several)
    status = Text("what the ledger holds and how far each lane has come")
    _command(commands, "status", _status, status)
    balance = Text("debit, credit and balance by account")
    _command(commands, "trial-balance", _trial_balance, balance)
    verify = Text("derive all again and compare; 1 if anything is wrong")
    _command(commands, "verify", _verify, verify)
    vouchers = Text("all vouchers as text for another program")
    export = _command(commands, "export", _export, vouchers)
    export.add_argument("--format", choices=tuple(FORMATS), required=True)
    closed = Text("close the books up to a day; later vouchers go after")
    lock = _command(commands, "lock", _lock, closed)
    last_day = say(Text("the last day that is closed"))
    lock.add_argument("until", type=arguments.day, metavar="YYYY-MM-DD", help=last_day)
    tables = Text("make or renew the tables in PostgreSQL")
    migrate = _command(commands, "migrate", _migrate, tables)
    owner = say(Text("to log in as the owner of the tables"))
    migrate.add_argument("--dsn", default="", help=owner)
    cli_cases.register(commands)
    cli_lanes.register(commands)
    costs = _group(commands, "costs", Text("what items cost"))
    taken = Text("take over a list of costs from now on")
    import_ = _command(costs, "import", _import_costs, taken)
    import_.add_argument("file", type=Path, help="CSV: gtin,unit_cost_minor,cost_per")
    config = _group(commands, "config", Text("the configuration file"))
    check = config.add_parser("check", help=say(Text("print every error of a file")))
    check.add_argument("file", type=Path)
    check.set_defaults(run=_check)
    return parser


def _group(commands: Any, name: str, help_: Text) -> Any:
    group = commands.add_parser(name, help=shell_say()(help_))
    return group.add_subparsers(required=True, metavar="ACTION")


def _command(commands: Any, name: str, run: Any, help_: Text) -> argparse.ArgumentParser:
    """A command that works on a ledger."""
    return new_command(commands, name, run, help_, report=run in _REPORTS)


# --- run -----------------------------------------------------------------------------------------


def _run(args: argparse.Namespace) -> int:
    from cloud_bridge.ingest import serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    config = load(args.config)
    settings = config.settings
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def ready() -> None:
        broker = f"{settings.mqtt.host}:{settings.mqtt.port}"
        print(f"lanetally-bridge ready: {broker} -> {config.place}", flush=True)

    with opened(config, create=True) as ledger:
        ledger.add_costs(config.costs, now_ms())
        gc.freeze()  # what lives now lives on; facts and vouchers are given back by count
        gc.set_threshold(GC_OBJECTS, 10, 10)
        own = settings.bridge
        name = f"{own.name}-{args.worker}" if args.worker else own.name
        serve(ledger, settings.mqtt, name, own.org, stop, ready, share=own.share)
    return OK


# --- reports -------------------------------------------------------------------------------------


def _status(args: argparse.Namespace) -> int:
    config = load(args.config)
    with opened(config) as ledger:
        status = ledger.status()
    if args.json:
        print(json.dumps(_status_object(status)))
        return OK
    say = shell_say()
    vouchers: Args = {"count": status.vouchers, "sum": status.ledger_sum_minor}
    held: Args = {"count": status.quarantined, "sum": status.quarantined_minor}
    print(say(Text("facts          {count}", {"count": status.facts})))
    print(say(Text("vouchers       {count}, sum {sum}", vouchers)))
    print(say(Text("posted twice   {count}", {"count": status.duplicates})))
    print(say(Text("cost gaps      {count}", {"count": status.cost_gaps})))
    print(say(Text("quarantined    {count}, worth {sum}", held)))
    for lane in status.lanes:
        words: Args = {"stream": "/".join(lane.stream), "hw": lane.cursor.hw}
        line = say(Text("{stream}  up to {hw}", words))
        if lane.cursor.gap:
            line += say(Text(", gap before {seq}", {"seq": lane.cursor.last_seq}))
        print(line)
    return OK


def _status_object(status: Status) -> dict[str, Any]:
    lanes = [
        {
            **lane.stream._asdict(),
            "hw": lane.cursor.hw,
            "last_seq": lane.cursor.last_seq,
            "gap": lane.cursor.gap,
            "received_ms": lane.received_ms,
        }
        for lane in status.lanes
    ]
    return asdict(status) | {"lanes": lanes}


def _trial_balance(args: argparse.Namespace) -> int:
    config = load(args.config)
    with opened(config) as ledger:
        balances = ledger.trial_balance()
    named = {account.number: account for account in config.books.chart.accounts.values()}
    rows = [(b, named.get(b.account, Account(b.account, "", ""))) for b in balances]
    if args.json:
        accounts = [
            asdict(b) | {"balance_minor": b.balance_minor, "en": a.en, "zh": a.zh} for b, a in rows
        ]
        total = sum(b.balance_minor for b in balances)
        currency = config.books.currency
        print(json.dumps({"currency": currency, "sum_minor": total, "accounts": accounts}))
        return OK
    currency = config.books.currency
    print(shell_say()(Text("account               debit           credit          balance")))
    for b, a in rows:
        figures = _columns(b.debit_minor, b.credit_minor, currency)
        print(f"{b.account:<10} {figures}  {a.en} / {a.zh}")
    debit = sum(b.debit_minor for b in balances)
    credit = sum(b.credit_minor for b in balances)
    words: Args = {"figures": _columns(debit, credit, currency), "currency": currency}
    print(shell_say()(Text("sum        {figures}  {currency}", words)))
    return OK


def _columns(debit_minor: int, credit_minor: int, currency: str) -> str:
    figures = (debit_minor, credit_minor, debit_minor - credit_minor)
    return " ".join(f"{major(figure, currency):>16}" for figure in figures)


def _verify(args: argparse.Namespace) -> int:
    config = load(args.config)
    with opened(config) as ledger:
        status, findings = ledger.status(), ledger.findings()
    if args.json:
        found = [asdict(finding) for finding in findings]
        print(json.dumps({"facts": status.facts, "vouchers": status.vouchers, "findings": found}))
        return FAILED if findings else OK
    for finding in findings:
        print(f"{finding.code}: {finding.place}: {finding.detail}")
    counts: Args = {"facts": status.facts, "vouchers": status.vouchers, "findings": len(findings)}
    print(shell_say()(Text("{facts} facts, {vouchers} vouchers, {findings} findings", counts)))
    return FAILED if findings else OK


def _export(args: argparse.Namespace) -> int:
    config = load(args.config)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # for programs, whatever shell this is
    with opened(config) as ledger:
        for line in FORMATS[args.format](ledger.vouchers(), config.books):
            print(line)
    return OK


# --- the ledger's tables, terms and configuration -------------------------------------------------


def _import_costs(args: argparse.Namespace) -> int:
    config = load(args.config)
    rows = read_costs(args.file)
    with opened(config, create=True) as ledger:
        changed = ledger.add_costs(rows, now_ms())
    counts: Args = {"read": len(rows), "new": changed}
    print(shell_say()(Text("{read} costs read, {new} of them new", counts)))
    return OK


def _lock(args: argparse.Namespace) -> int:
    config = load(args.config)
    with opened(config) as ledger:
        ledger.lock_period(args.until.isoformat(), now_ms())
    print(shell_say()(Text("locked until {day}", {"day": args.until.isoformat()})))
    return OK


def _migrate(args: argparse.Namespace) -> int:
    config = load(args.config)
    if config.settings.ledger.kind != "postgres":
        print(shell_say()(Text("a ledger in SQLite makes and renews its tables by itself")))
        return OK
    from cloud_bridge.ledger.postgres_server import migrate

    version = migrate(args.dsn or config.settings.ledger.dsn)
    print(shell_say()(Text("the tables have version {version}", {"version": version})))
    return OK


def _check(args: argparse.Namespace) -> int:
    load(args.file)
    print(shell_say()(Text("{file} is in order", {"file": str(args.file)})))
    return OK


_REPORTS = (_status, _trial_balance, _verify)
