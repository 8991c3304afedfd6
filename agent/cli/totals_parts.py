"""Puts together what brings cashier totals to a lane beside its API and its keypad."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from agent.config import LaneConfig
from agent.core import Core
from agent.domain.outcome import SettlementOutcome
from agent.domain.totals import CashierTotal
from agent.handle import LaneBusy
from agent.inbox import Inbox
from agent.inputs import CoreInput, DeviceSays
from agent.supervisor import Supervisor
from agent.totals.copies import Copies
from agent.totals.deliver import Submit, Tell
from agent.totals.journal_line import JournalLine
from agent.totals.keep import Keep
from agent.totals.reader import Reader, Source
from agent.totals.tap import LineTap, TcpTap
from agent.totals.watch import Watch
from drivers.base import Emit
from drivers.printer.codec_tokens import Tokenizer

SWITCH_S = 0.0005


def add_totals(
    config: LaneConfig, core: Core, inbox: Inbox[CoreInput], supervisor: Supervisor, emit: Emit
) -> None:
    """Workers for each `[totals.…]` table that is enabled."""
    submit = submit_to(core)
    if config.totals.printer_tap.enabled:
        _add_tap(config, submit, inbox, supervisor, emit)
    if config.totals.serial_journal.enabled:
        _add_journal(config, submit, inbox, supervisor, emit)
    if config.totals.watch.enabled:
        tell = tell_into(inbox, "totals_watch")
        watch = Watch(config.totals.watch, config.store.minor_digits, Tokenizer, submit, tell)
        supervisor.add_device("totals_watch", "totals", watch, emit)


def _add_tap(
    config: LaneConfig,
    submit: Submit,
    inbox: Inbox[CoreInput],
    supervisor: Supervisor,
    emit: Emit,
) -> None:
    # a thread that computes lets the forwarding thread run within 0.5 ms, where Python's 5 ms are
    # longer than the way through the tap may take
    sys.setswitchinterval(SWITCH_S)
    settings = config.totals.printer_tap
    copies = Copies()
    # its thread forwards: it only leaves word, and waits for nobody
    tell = tell_into(inbox, "printer_tap", waits=False)
    by_line = settings.printer_path
    tap = LineTap(settings, copies) if by_line else TcpTap(settings, copies, tell)
    source = Source("printer_tap", settings.characters, settings.rules, config.store.minor_digits)
    _add_reader(config, source, copies, submit, inbox, supervisor)
    supervisor.add_device("printer_tap", "totals", tap, emit)


def _add_journal(
    config: LaneConfig,
    submit: Submit,
    inbox: Inbox[CoreInput],
    supervisor: Supervisor,
    emit: Emit,
) -> None:
    settings = config.totals.serial_journal
    copies = Copies()
    source = Source(
        "serial_journal",
        settings.characters,
        settings.rules,
        config.store.minor_digits,
        settings.end_quiet_ms,
        ends_when_quiet=True,
    )
    _add_reader(config, source, copies, submit, inbox, supervisor)
    supervisor.add_device("serial_journal", "totals", JournalLine(settings, copies), emit)


def _add_reader(
    config: LaneConfig,
    source: Source,
    copies: Copies,
    submit: Submit,
    inbox: Inbox[CoreInput],
    supervisor: Supervisor,
) -> None:
    keep = Keep(Path(config.lane.data_dir) / "totals" / source.name)
    name = f"{source.name}_reader"
    reader = Reader(source, copies, Tokenizer, keep, submit, inbox.put)
    supervisor.add(name, "totals", reader.run)


def submit_to(core: Core) -> Submit:
    def submit(total: CashierTotal, reply: Callable[[SettlementOutcome], None]) -> bool:
        try:
            core.submit_total(total, reply)
        except LaneBusy:
            return False
        return True

    return submit


def tell_into(inbox: Inbox[CoreInput], role: str, *, waits: bool = True) -> Tell:
    def tell(words: tuple[str, ...]) -> None:
        says = DeviceSays(role, words)
        if waits:
            inbox.put(says)
        else:
            inbox.put_latest((role, "says"), says)

    return tell
