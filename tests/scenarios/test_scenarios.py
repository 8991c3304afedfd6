"""Whole baskets, from device events and POS bodies to facts, through the core and a real journal.

A scenario is a `.jsonl` file: one thing a line, in the order of happening.

    {"about": "…"}                      what it shows; `should_fail` names the error that must come
    {"scan": "4006381333931"}           a label as the scanner sends it; "symbology", "lossy" beside
    {"weigh": 412}  {"plate": "zero"}   a stable weight in grams; what the scale says in between
    {"bag": 530}  {"bag_plate": "motion"}   the same of the scale on which the goods stay
    {"tag": "6901234567892", "serial": "7"}  a tag came; "present": false: it left; "rssi_dbm"
    {"crossed": 2}  {"label": "96385074"}   what the camera saw; "confidence_pct" beside
    {"lost": "bag_scale"}  {"back": "bag_scale"}  a device's cable
    {"void": 1}  {"price": 900, "line_no": 1}  {"suspicion": "continue"}  by hand; "role" beside
    {"post": {…}}   {"key": "3"}        the POS's request body; a number on the keypad
    {"print": "printed"}                the last receipt's end: printed, failed, unconfirmed
    {"printer": "well"}  {"restart": 1} {"minutes": 20}
    {"expect": [{"type": "…", …}, …]}   the facts since the last look, all of them and in order; of
                                        each the fields that matter
    {"answer": {…}}  {"shown": "…"}     the last answer's fields; a sentence that was shown
    {"papers": [false, true]}           the receipts asked for since the last look; true: REPRINT
    {"clean": 1}  {"suspected": {…}}    how the last total was judged; the suspicion's fields
    {"alert": "…"}                      what stands in red now; null: nothing

The first line may bring `weights` and `tagged`, what the item master says of GTINs, and `shop`, its
rules. In the end each basket is judged once more, from what the journal exports: it is the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from agent.cli.assess import _assessments, export
from agent.domain import facts
from agent.domain.assessment import Tolerance
from agent.domain.events import AnswerSuspicion, OverridePrice, VoidLine
from agent.domain.settlement import receipt_job_id
from agent.domain.shop import Person, ShopRules
from agent.domain.totals import CashierTotal
from agent.inputs import ActSubmitted, DeviceHealthChanged, TotalSubmitted
from agent.intake import translated
from agent.journal.lines import encode_lines
from agent.totals.http import read_total
from drivers.base import (
    ItemsCrossed,
    KeyedNumber,
    LabelSeen,
    PrinterStatus,
    PrintFinished,
    ScaleState,
    ScanData,
    StableWeight,
    TagPresence,
)
from tests.core_kit import Lane
from tests.lane_kit import ITEMS, RULES

FOLDER = Path(__file__).parent
SCENARIOS = sorted(FOLDER.glob("*.jsonl"))


class Play:
    """One scenario on one lane. Each line's word is a method."""

    def __init__(self, path: Path, about: dict) -> None:
        weights, tagged = about.get("weights", {}), about.get("tagged", {})
        items = []
        for gtin, item in ITEMS.items():
            low_g, high_g = weights.get(gtin, (None, None))
            items.append(
                replace(
                    item,
                    weight_low_g=low_g,
                    weight_high_g=high_g,
                    tagged_permille=tagged.get(gtin),
                )
            )
        rules = replace(RULES, shop=ShopRules(**about.get("shop", {})))
        self.lane = Lane(path, items=tuple(items), rules=rules)
        self.facts_seen = self.lane.journal.last_seq
        self.papers_seen = 0

    def line(self, line: dict) -> None:
        words = [word for word in line if hasattr(self, f"do_{word}")]
        assert len(words) == 1, f"no single word in {sorted(line)}"
        getattr(self, f"do_{words[0]}")(line[words[0]], line)

    def say(self, event: object) -> None:
        """A device's event goes the way of all events; a turn for each."""
        for _, item in translated(event, bagging=frozenset({"bag_scale"})):
            self.lane.turn(item)

    # --- what happens --------------------------------------------------------------------------

    def do_about(self, _text, _line):
        pass

    def do_scan(self, label, line):
        data, symbology = label.encode("latin-1"), line.get("symbology", "]E0")
        self.say(ScanData("scanner", data, symbology, line.get("lossy", False), 0))

    def do_weigh(self, weight_g, _line):
        self.say(StableWeight("scale", weight_g, False, b"", 0))

    def do_plate(self, condition, _line):
        self.say(ScaleState("scale", condition, b"", 0))

    def do_bag(self, weight_g, _line):
        self.say(StableWeight("bag_scale", weight_g, False, b"", 0))

    def do_bag_plate(self, condition, _line):
        self.say(ScaleState("bag_scale", condition, b"", 0))

    def do_tag(self, gtin, line):
        serial, rssi_dbm = line.get("serial", "1"), line.get("rssi_dbm", -50)
        epc, present = f"{gtin}-{serial}", line.get("present", True)
        self.say(TagPresence("rfid", epc, gtin.zfill(14), serial, present, rssi_dbm, 0, 0))

    def do_crossed(self, count, line):
        self.say(ItemsCrossed("camera", count, line.get("confidence_pct", 98), 0))

    def do_label(self, label, _line):
        self.say(LabelSeen("camera", label.encode(), "]E0", 3, 0))

    def do_lost(self, role, _line):
        self.lane.turn(DeviceHealthChanged(role, "scale", "lost", "unplugged"))

    def do_back(self, role, _line):
        self.lane.turn(DeviceHealthChanged(role, "scale", "up", ""))

    def do_void(self, line_no, line):
        self.act(VoidLine(line_no, self.person(line)))

    def do_price(self, price_minor, line):
        self.act(OverridePrice(line["line_no"], price_minor, self.person(line)))

    def do_suspicion(self, answer, line):
        self.act(AnswerSuspicion(answer, self.person(line), line.get("transaction_id", "")))

    def act(self, act: object) -> None:
        self.lane.turn(ActSubmitted(act, self.lane.replies.append))

    def person(self, line: dict) -> Person:
        return Person(line.get("operator", "07"), line.get("role", "cashier"))

    def do_post(self, body, _line):
        total = read_total(json.dumps(body).encode())
        assert isinstance(total, CashierTotal), total
        self.lane.turn(TotalSubmitted(total, self.lane.replies.append))

    def do_key(self, digits, _line):
        self.say(KeyedNumber("keypad", digits, 0))

    def do_print(self, outcome, _line):
        job = receipt_job_id(self.lane.replies[-1].transaction_id)
        reason = "" if outcome == "printed" else "paper_out"
        self.say(PrintFinished("printer", job, outcome, reason, 0))

    def do_printer(self, _well, _line):
        self.say(PrinterStatus("printer", (), (), None, 0))

    def do_restart(self, _yes, _line):
        self.lane.restart()
        self.papers_seen = 0

    def do_minutes(self, minutes, _line):
        self.lane.time.pass_minutes(minutes)

    # --- what is expected ----------------------------------------------------------------------

    def do_expect(self, expected, _line):
        new = list(self.lane.journal.facts(self.facts_seen + 1))
        self.facts_seen = self.lane.journal.last_seq
        types = [fact.type for fact in new]
        assert [fact["type"] for fact in expected] == types, f"the facts are {types}"
        for wanted, fact in zip(expected, new, strict=True):
            agree(wanted, {"type": fact.type, **msgspec.to_builtins(fact)}, fact.type)

    def do_answer(self, expected, _line):
        agree(expected, msgspec.to_builtins(self.lane.replies[-1]), "answer")

    def do_shown(self, sentence, _line):
        shown = [notice.text.english() for notice in self.lane.notices if notice.text]
        assert sentence in shown

    def do_clean(self, _yes, _line):
        assert self.judged() is None

    def do_suspected(self, expected, _line):
        suspected = self.judged()
        assert suspected is not None, "the last total was judged to be clean"
        agree(expected, msgspec.to_builtins(suspected), "suspected")

    def judged(self) -> facts.MissedScanSuspected | None:
        told = list(self.lane.journal.facts())
        totals = [n for n, fact in enumerate(told) if isinstance(fact, facts.CashierTotalReceived)]
        after = told[totals[-1] :]
        self.facts_seen = self.lane.journal.last_seq
        return next((f for f in after if isinstance(f, facts.MissedScanSuspected)), None)

    def do_alert(self, sentence, _line):
        alert = self.lane.core.snapshot().alert
        assert (alert and alert.english()) == sentence

    def do_papers(self, expected, _line):
        papers = [reprint for _, reprint in self.lane.outlets.all("print")]
        new, self.papers_seen = papers[self.papers_seen :], len(papers)
        assert new == expected


def agree(wanted, found, where):
    """`found` has all that `wanted` names, lists in the same length."""
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            assert name in found, f"{where} has no {name}"
            agree(value, found[name], f"{where}.{name}")
    elif isinstance(wanted, list):
        assert len(wanted) == len(found), f"{where}: {found}"
        for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
            agree(one, other, f"{where}[{number}]")
    else:
        assert wanted == found, where


def run(lines: list[dict], path: Path) -> None:
    play = Play(path, lines[0])
    try:
        for number, line in enumerate(lines, 1):
            try:
                play.line(line)
            except AssertionError as error:
                raise AssertionError(f"line {number}: {error}") from error
        before = play.lane.core.snapshot().lines
        play.do_restart(1, {})
        assert play.lane.core.snapshot().lines == before, "a restart changed the basket"
        judged_again(play.lane)
    finally:
        play.lane.close()


def judged_again(lane: Lane) -> None:
    """What the journal exports is judged as the lane judged it."""
    text = b"".join(encode_lines(lane.journal.epoch, lane.journal.rows()))
    told, bad = export.read(text.splitlines())
    assert bad == []
    assert told == list(lane.journal.facts())
    live = dict(live_judgements(told))
    tolerance = Tolerance(lane.rules.shop.false_alarms_ppm)
    for transaction_id, assessment in _assessments(told, tolerance):
        if transaction_id not in live:
            continue
        suspected = live[transaction_id]
        assert (assessment.verdict == "clean") is (suspected is None), transaction_id
        if suspected is not None:
            assert assessment.missed_count == suspected.missed_count
            assert assessment.findings == suspected.findings
            assert assessment.candidates == suspected.candidates
            assert assessment.confidence_permille == suspected.confidence_permille


def live_judgements(told: list) -> Iterator[tuple[str, facts.MissedScanSuspected | None]]:
    """How the lane judged the last total of each transaction that was judged at all."""
    last: dict[str, facts.MissedScanSuspected | None] = {}
    answered: set[str] = set()
    for fact in told:
        match fact:
            case facts.CashierTotalReceived() if fact.transaction_id not in answered:
                last[fact.transaction_id] = None
            case facts.MissedScanSuspected():
                last[fact.transaction_id] = fact
            case facts.MissedScanDismissed():
                answered.add(fact.transaction_id)
    yield from last.items()


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: file.stem)
def test_scenario(file, tmp_path):
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
    assert "about" in lines[0]
    failure = lines[0].get("should_fail")
    if failure is None:
        assert any({"expect", "clean", "suspected"} & line.keys() for line in lines)
        run(lines, tmp_path / "journal.db")
        return
    with pytest.raises(AssertionError, match=failure):
        run(lines, tmp_path / "journal.db")
