"""Whole baskets, from device events and POS bodies to facts, through the core and a real journal.

A scenario is a `.jsonl` file: one thing a line, in the order of happening.

    {"about": "…"}                      what it shows; `should_fail` names the error that must come
    {"scan": "4006381333931"}           a label as the scanner sends it; "symbology", "lossy" beside
    {"weigh": 412}  {"plate": "zero"}   a stable weight in grams; what the scale says in between
    {"post": {…}}   {"key": "3"}        the POS's request body; a number on the keypad
    {"print": "printed"}                the last receipt's end: printed, failed, unconfirmed
    {"printer": "well"}  {"restart": 1} {"minutes": 20}
    {"expect": [{"type": "…", …}, …]}   the facts since the last look, all of them and in order; of
                                        each the fields that matter
    {"answer": {…}}  {"shown": "…"}     the last answer's fields; a sentence that was shown
    {"papers": [false, true]}           the receipts asked for since the last look; true: REPRINT
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from agent.domain.settlement import receipt_job_id
from agent.domain.totals import CashierTotal
from agent.inputs import TotalSubmitted
from agent.intake import translated
from agent.totals.http import read_total
from drivers.base import (
    KeyedNumber,
    PrinterStatus,
    PrintFinished,
    ScaleState,
    ScanData,
    StableWeight,
)
from tests.core_kit import Lane

FOLDER = Path(__file__).parent
SCENARIOS = sorted(FOLDER.glob("*.jsonl"))


class Play:
    """One scenario on one lane. Each line's word is a method."""

    def __init__(self, path: Path) -> None:
        self.lane = Lane(path)
        self.facts_seen = self.lane.journal.last_seq
        self.papers_seen = 0

    def line(self, line: dict) -> None:
        words = [word for word in line if hasattr(self, f"do_{word}")]
        assert len(words) == 1, f"no single word in {sorted(line)}"
        getattr(self, f"do_{words[0]}")(line[words[0]], line)

    def say(self, event: object) -> None:
        """A device's event goes the way of all events; a turn for each."""
        for _, item in translated(event):
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
    play = Play(path)
    try:
        for number, line in enumerate(lines, 1):
            try:
                play.line(line)
            except AssertionError as error:
                raise AssertionError(f"line {number}: {error}") from error
        before = play.lane.core.snapshot().lines
        play.do_restart(1, {})
        assert play.lane.core.snapshot().lines == before, "a restart changed the basket"
    finally:
        play.lane.close()


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: file.stem)
def test_scenario(file, tmp_path):
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
    assert "about" in lines[0]
    failure = lines[0].get("should_fail")
    if failure is None:
        assert any("expect" in line for line in lines)
        run(lines, tmp_path / "journal.db")
        return
    with pytest.raises(AssertionError, match=failure):
        run(lines, tmp_path / "journal.db")
