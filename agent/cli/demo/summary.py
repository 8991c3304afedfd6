"""What the demo shows: how it comes along, what went wrong on purpose, and what came out."""

from __future__ import annotations

import json
import platform
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from agent import __version__
from agent.cli.demo.baskets import MINOR_DIGITS
from agent.cli.demo.check import Report
from agent.domain.money import format_minor
from agent.domain.text import Text
from agent.i18n import Say

#: Without a terminal, one line for so many steps of the whole.
PLAIN_STEPS = 10

FIGURES: dict[str, Text] = {
    "baskets": Text("baskets settled"),
    "line_items": Text("line items in them"),
    "scans": Text("labels scanned"),
    "missed_injected": Text("scans missed on purpose"),
    "missed_alerted": Text("of these noticed"),
    "false_alerts": Text("false alerts"),
    "receipts_printed": Text("receipts printed"),
    "receipts_reprinted": Text("of these marked REPRINT"),
    "facts_journaled": Text("facts in the journal"),
    "facts_acknowledged": Text("of these acknowledged by the bridge"),
    "vouchers_posted": Text("vouchers posted"),
    "amount_minor": Text("sales, TWD"),
    "ledger_sum_minor": Text("sum of the ledger, TWD"),
    "duplicates_posted": Text("vouchers posted twice"),
}


class Show:
    """Where the demo's words go. `tell` says something; `step` counts a basket."""

    def __init__(self, total: int, say: Say, *, plain: bool) -> None:
        self._total = total
        self._say = say
        self._done = 0
        self._alerts = 0
        console = Console(stderr=True)
        self._progress = None if plain or not console.is_terminal else _bar(console)
        if self._progress is not None:
            self._task = self._progress.add_task("", total=total)

    def tell(self, text: Text) -> None:
        if self._progress is not None:
            self._progress.console.print(self._say(text), highlight=False)
        else:
            print(self._say(text), file=sys.stderr, flush=True)

    def step(self, alerts: int) -> None:
        self._done += 1
        args: dict[str, str | int] = {"done": self._done, "total": self._total, "alerts": alerts}
        if self._progress is not None:
            text = self._say(Text("missed scans noticed: {alerts}", args))
            self._progress.update(self._task, advance=1, description=text)
        elif (
            self._done * PLAIN_STEPS // self._total > (self._done - 1) * PLAIN_STEPS // self._total
        ):
            self.tell(Text("{done} of {total} baskets, missed scans noticed: {alerts}", args))

    @contextmanager
    def running(self) -> Iterator[None]:
        if self._progress is None:
            yield
        else:
            with self._progress:
                yield


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def as_json(report: Report, seconds: float, seed: int) -> str:
    """One line: the figures, each invariant by name, and what was running."""
    return json.dumps(
        report.figures
        | {
            "seconds": round(seconds, 2),
            "seed": seed,
            "invariants": {invariant.name: invariant.held for invariant in report.invariants},
            "versions": versions(),
        }
    )


def versions() -> dict[str, str]:
    return {
        "lanetally": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "iotcore": version("iotcore"),
        "paho-mqtt": version("paho-mqtt"),
    }


def print_tables(report: Report, seconds: float, say: Say) -> None:
    console = Console()
    figures = Table(title=say(Text("What happened")), show_header=False)
    figures.add_column()
    figures.add_column(justify="right")
    for name, text in FIGURES.items():
        value = report.figures[name]
        money = name.endswith("_minor")
        figures.add_row(say(text), format_minor(value, MINOR_DIGITS) if money else str(value))
    figures.add_row(say(Text("seconds")), f"{seconds:.1f}")
    console.print(figures)
    console.print(_invariant_table(report, say))


def _invariant_table(report: Report, say: Callable[[Text], str]) -> Table:
    table = Table(title=say(Text("What must be true")))
    table.add_column(say(Text("invariant")))
    table.add_column(say(Text("found")), justify="right")
    table.add_column()
    ok, failed = say(Text("ok")), say(Text("FAILED"))
    for invariant in report.invariants:
        mark = f"[green]{ok}[/]" if invariant.held else f"[bold red]{failed}[/]"
        table.add_row(say(invariant.text), invariant.found, mark)
    return table
