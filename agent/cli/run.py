"""`lanetally run`: the lane's daemon, put together and kept running until it is told to stop."""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import os
import select
import signal
import sys
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from biip import gs1_prefixes

from agent import __version__, memory
from agent.api.server import keep_serving, serve
from agent.api.settings import Shop
from agent.aside import Aside
from agent.ballast import Ballast
from agent.bundle import LogTail
from agent.cli.office_parts import HeadOffice, desk, of_file
from agent.cli.totals_parts import add_totals
from agent.config import LaneConfig
from agent.core import Core
from agent.domain.dual_marks import DualMarks
from agent.domain.facts import JournalRecovered
from agent.domain.text import Text
from agent.domain.transaction import StoreRules
from agent.former import FormerSync, unsent
from agent.handle import LaneNotice
from agent.housekeeping import Housekeeping
from agent.i18n import LANGUAGES, Say, language_of, translator
from agent.inbox import Inbox
from agent.inputs import (
    Acknowledged,
    Announced,
    CloseDay,
    CoreInput,
    DayEnded,
    DeviceHealthChanged,
)
from agent.intake import Labels, emit_into
from agent.itemfile import load_items
from agent.journal import Journal, JournalUnsafe, setback
from agent.journal.sales import JournalSales
from agent.journal.setback import SetBack
from agent.journal.succession import open_journal
from agent.outlets import LaneOutlets
from agent.suggestions import Suggestions
from agent.supervisor import HealthState, Supervisor, TellHealth, contained, notify_systemd
from agent.surroundings import Clock
from agent.sync import Birth, Sync
from agent.todo import Todo
from agent.totals.keypad import read_keyed
from agent.watchdog import Watchdog
from agent.wire import LaneAddress
from drivers import registry
from drivers.base import Driver

log = logging.getLogger("lanetally")

WATCH_S = 1.0
DAY_WATCHES = 60  #: at so many watches, the core looks whether a trading day has ended
GC_OBJECTS = 10_000  #: that a turn of the busiest lane does not hold at once
RENEWED = -1  #: of `run_lane`: begin anew
WARNED_KINDS = frozenset(
    {
        "missed_scan_suspected",
        "scan_rejected",
        "total_rejected",
        "input_skipped",
        "degraded",
        "disk_full",
        "journal_recovered",
        "journal_set_back",
        "journal_trouble",
    }
)
JOURNAL_WELL = Text("The journal's upkeep is well again")
SET_BACK = Text(
    "The lane's disk was set back: head office knows more of it. The journal begins anew after this"
    " basket"
)


def register(subparsers: Any) -> None:
    """Add `run` to the commands of `lanetally`."""
    say = translator(language_of(os.environ))
    command = subparsers.add_parser("run", help=say(Text("run this lane until it is told to stop")))
    command.add_argument("--config", type=Path, required=True, metavar="FILE")
    command.add_argument("--verbose", action="store_true", help=say(Text("log more")))
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the lane. 0 after a clean stop; 1 if its core is down for good, for systemd to start it
    anew, or if a worker did not end in time."""
    level = logging.DEBUG if args.verbose else logging.INFO
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    tail = LogTail()
    logging.getLogger().addHandler(tail)
    while True:
        office = of_file(args.config, tail)
        code = run_lane(office.config, stop, office)
        if code != RENEWED:
            return code


@dataclass(frozen=True, slots=True)
class _Lane:
    """The parts of a running lane."""

    journal: Journal
    inbox: Inbox[CoreInput]
    core: Core
    supervisor: Supervisor


def run_lane(config: LaneConfig, stop: threading.Event, office: HeadOffice | None = None) -> int:
    """Start everything, say READY, watch, and stop everything in reverse. RENEWED if it ended only
    to begin anew with what head office desires."""
    memory.keep_one_heap()
    office = office or HeadOffice(config)
    lane = _assembled(config, stop, office)
    lane.supervisor.start()
    notify_systemd("READY=1")
    log.info("lane %s of store %s is ready", config.lane.id, config.store.id)
    give_back_memory()
    dog = Watchdog(lane.journal.path.parent, notify_systemd, translator(config.store.language))
    core_down = given_up = renewed = False
    watches = count()
    while not (given_up or renewed or stop.wait(WATCH_S)):
        written = not lane.core.snapshot().degraded
        verdict = dog.look(turns=lane.core.turns, written=written)
        core_down = lane.supervisor.has_given_up("core")
        given_up = core_down or verdict == "begin_anew"
        renewed = office.renewed.is_set() and lane.core.snapshot().transaction_id is None
        if next(watches) % DAY_WATCHES == 0:
            lane.inbox.put_latest("day", DayEnded())
    if core_down:
        log.error("the core is down for good: the lane ends, to be started anew")
    if not renewed:
        notify_systemd("STOPPING=1")
    lane.inbox.close()
    late = lane.supervisor.stop()
    if late:
        log.error("did not stop in time: %s", ", ".join(late))
    else:
        lane.journal.close()
    if late or given_up:
        return 1
    return RENEWED if renewed else 0


def give_back_memory() -> None:
    """Hand what start-up used and freed back to the system: 14 MB here, most of it from unpacking
    biip's company prefixes.

    The prefixes themselves go too: 6 MB that tell which company had a GTIN allotted, which nobody
    here asks. biip has no switch for them.

    What lives now lives on, and what comes is given back by count: facts and events refer to
    nothing that refers to them. Looked through at Python's own pace, 700 objects, they cost a tenth
    of the lane's time."""
    getattr(gs1_prefixes, "_GS1_COMPANY_PREFIX_TRIE", {}).clear()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS, 10, 10)
    memory.give_back()


def _assembled(config: LaneConfig, stop: threading.Event, office: HeadOffice) -> _Lane:
    say = translator(config.store.language)
    ballast = Ballast(Path(config.lane.data_dir) / "ballast")
    clock = Clock()
    path = Path(config.lane.data_dir) / "journal.db"
    journal, recovered = _opened(path, ballast, int(clock.now().timestamp() * 1000))
    journal.belong_to(f"{config.store.org}/{config.store.id}/{config.lane.id}")
    if config.items.file:
        load_items(Path(config.items.file), journal)
    inbox: Inbox[CoreInput] = Inbox()
    supervisor = Supervisor(_health_into(inbox))
    boot_id = uuid.uuid4().hex
    sync = _sync(config, journal, inbox, boot_id, office) if config.mqtt.enabled else None
    drivers = _drivers(config)
    outlets = LaneOutlets(tuple(drivers.values()), sync, config.receipt_style(), say, clock.now)
    rules = StoreRules(
        config.lane.id,
        journal.epoch,
        config.store.currency,
        config.store.tax_rate_bp,
        config.totals.keypad_tender,
        config.shop.rules(),
        config.till.rules(config.store.minor_digits),
    )
    core = Core(
        journal,
        inbox,
        rules,
        outlets,
        read_keyed,
        day_ends_min=config.store.business_day_ends_min,
        clock=clock,
        contained=contained,
        give_up_reserve=ballast.give_up,
    )
    core.subscribe(_console(say))
    if sync is not None:
        sync.desk = desk(office, core, inbox, journal)
        supervisor.add("sync", "sync", sync.run)
        todo = Todo(JournalSales(journal.path), sync.post, say)
        core.subscribe(todo.heard)
        supervisor.add("todo", "sync", todo.run)
    supervisor.add("core", "core", core.run)
    labels = Labels(config.label_rules(), DualMarks(config.lane.dual_mark_window_ms))
    aside = Aside()
    emit = aside.before(emit_into(inbox, labels, config.bagging_scales()))
    for device in config.device:
        supervisor.add_device(device.role, device.kind, drivers[device.role], emit)
    add_totals(config, core, inbox, supervisor, emit)
    # a client that asks for no language gets the first: the store's own
    ordered = sorted(LANGUAGES, key=lambda language: language != config.store.language)
    says = {language: translator(language) for language in ordered}
    store = config.store
    shop = Shop(
        store.currency,
        store.minor_digits,
        store.name,
        config.lane.id,
        config.mqtt.enabled,
        config.till if config.till.enabled else None,
    )
    suggestions = Suggestions(journal.path)
    supervisor.add("suggestions", "journal", suggestions.run)
    serving = partial(
        serve,
        shop=shop,
        approvers=config.shop.approver,
        suggester=suggestions,
        sales=JournalSales(journal.path),
        scans=aside,
        close_day=lambda by, reply: inbox.try_put(CloseDay(by, reply)),
    )
    serves = partial(serving, config.api, core, says)
    supervisor.add("api", "api", lambda stop: keep_serving(serves, stop))
    _keep_house(config, journal, supervisor, clock, inbox)
    core.start(boot_id, __version__, stop)
    if recovered is not None:
        _tell_recovered(recovered, inbox)
    return _Lane(journal, inbox, core, supervisor)


def _opened(path: Path, ballast: Ballast, wall_ms: int) -> tuple[Journal, JournalRecovered | None]:
    """The journal; where a full disk keeps it from being opened, the reserve is given up for it."""
    try:
        opened = open_journal(path, wall_ms)
    except JournalUnsafe:
        if not ballast.give_up_if_full():
            raise
        return open_journal(path, wall_ms)
    ballast.hold()
    return opened


def _tell_recovered(recovered: JournalRecovered, inbox: Inbox[CoreInput]) -> None:
    """Loudly: on screen and console, in the log, among the devices, and at head office."""
    args: dict[str, str | int] = {"file": recovered.set_aside, "lost": recovered.lost_count}
    text = Text("The journal was damaged and begun anew: {lost} facts lost, see {file}", args)
    if recovered.cause == "set_back":
        text = Text("The journal was begun anew, for the disk had been set back: see {file}", args)
    log.error("%s", text.english())
    inbox.put(Announced("journal_recovered", text, {"cause": recovered.cause, **args}))
    _health_into(inbox)("journal", "journal", "failed", text.english())


def _keep_house(
    config: LaneConfig,
    journal: Journal,
    supervisor: Supervisor,
    clock: Clock,
    inbox: Inbox[CoreInput],
) -> None:
    """What looks after the journal beside the sales; and what a former one left to be sent."""
    house = Housekeeping(journal, config.journal, clock.now, _upkeep_into(inbox))
    supervisor.add("housekeeping", "journal", house.run)
    if config.mqtt.enabled and unsent(journal.path):
        address = LaneAddress(config.store.org, config.store.id, config.lane.id)
        supervisor.add("former", "sync", FormerSync(config.mqtt, address, journal.path).run)


def _upkeep_into(inbox: Inbox[CoreInput]) -> Callable[[Text | None], None]:
    """How what is wrong with the journal's upkeep is told to everybody."""
    tell_health = _health_into(inbox)

    def tell(problem: Text | None) -> None:
        if problem is None:
            tell_health("journal", "journal", "up", "")
            inbox.put(Announced("journal_well", JOURNAL_WELL))
        else:
            tell_health("journal", "journal", "failed", problem.english())
            inbox.put(Announced("journal_trouble", problem, dict(problem.args)))

    return tell


def _drivers(config: LaneConfig) -> dict[str, Driver]:
    return {
        device.role: registry.load(device.kind, device.model)(device.role, device.options)
        for device in config.device
    }


def _sync(
    config: LaneConfig,
    journal: Journal,
    inbox: Inbox[CoreInput],
    boot_id: str,
    office: HeadOffice,
) -> Sync:
    def acknowledged(seq: int) -> None:
        inbox.put_latest("acknowledged", Acknowledged(seq))

    def set_back(head_office_seq: int, sent_seq: int) -> None:
        seen = SetBack(journal.epoch, head_office_seq, sent_seq)
        args: dict[str, str | int] = {"theirs": head_office_seq, "ours": journal.last_seq}
        inbox.try_put(Announced("journal_set_back", SET_BACK, args))
        try:
            setback.mark(journal.path, seen)
        except OSError:
            log.exception("what was seen cannot be kept: the next start will see it again")
        else:
            office.renewed.set()  # between two baskets

    return Sync(
        config.mqtt,
        LaneAddress(config.store.org, config.store.id, config.lane.id),
        Birth(journal.epoch, boot_id, __version__),
        journal.path,
        journal.acked_seq,
        acknowledged,
        set_back,
        translator(config.store.language),
        journal.fresh,
    )


def _health_into(inbox: Inbox[CoreInput]) -> TellHealth:
    def tell(role: str, kind: str, state: HealthState, reason: str) -> None:
        inbox.put(DeviceHealthChanged(role, kind, state, reason))

    return tell


def _console(say: Say) -> Callable[[LaneNotice], None]:
    """What the cashier's console shows: one line for each thing that happens.

    Called from the core's thread, which must not wait for a terminal that is stopped (Ctrl-S) or a
    pipe that nobody reads: what cannot be written at once is not shown.
    """

    def show(notice: LaneNotice) -> None:
        if notice.text is not None:
            mark = "!! " if notice.kind in WARNED_KINDS else "   "
            with contextlib.suppress(OSError, ValueError):  # nobody looks any more: go on selling
                if select.select([], [sys.stdout], [], 0)[1]:
                    print(f"{mark}{say(notice.text)}", flush=True)

    return show
