"""A lane under everything that can happen to it, in any order: what must hold after each event."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.domain import facts
from agent.domain.effects import Answer, PrintReceipt, RaiseAlert
from agent.domain.events import DeviceChanged, PlateChanged, PrintEnded, TotalReceived
from agent.domain.facts import LineItemAdded, ScanRejected, TransactionSettled
from agent.domain.lane import step
from agent.domain.settlement import receipt_job_id
from agent.domain.totals import CashierTotal, ChargedLine, Tender
from agent.domain.transaction import LaneState
from agent.domain.troubles import SCAN_TEXTS
from agent.wire import decode_body, encode_body
from tests.lane_kit import (
    APPLES,
    BREAD,
    DAY,
    ITEMS,
    MILK,
    RULES,
    STRANGE,
    TEA,
    keyed,
    posted,
    received,
    replayed,
    scanned,
    unclear,
    weighed,
)

gtins = st.sampled_from([MILK.gtin, BREAD.gtin, TEA.gtin, APPLES.gtin, STRANGE])
total_ids = st.sampled_from([f"T{n}" for n in range(6)])
amounts = st.integers(0, 100_000)
charged_lines = st.builds(
    ChargedLine,
    gtins,
    st.integers(1, 4).map(lambda pieces: pieces * 1000),
    amounts,
    st.none() | st.integers(1, 5000),
    st.just(""),
    st.none() | st.sampled_from([0, 900, 1300]),
)


class Lane(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        self.state = LaneState()
        self.facts = []
        self.stored = []  # each fact's bytes as they were when it came into being
        self.scans = 0
        self.answers = {}  # total_id -> (total, its outcome), as the journal would know it
        self.last = None

    def happen(self, event):
        before = self.state
        self.last = event, step(before, event, RULES, DAY)
        self.state = self.last[1].state
        self.facts.extend(self.last[1].facts)
        self.stored.extend(encode_body(fact) for fact in self.last[1].facts)
        return self.last[1]

    # --- what can happen -----------------------------------------------------------------------

    @rule(gtin=gtins)
    def scan(self, gtin):
        self.happen(scanned(gtin))
        self.scans += 1

    @rule(reason=st.sampled_from(sorted(SCAN_TEXTS)), data=st.binary(max_size=8))
    def scan_unclearly(self, reason, data):
        before = self.state
        self.happen(unclear(reason, data))
        self.scans += 1
        assert self.state == before

    @rule(weight_g=st.integers(1, 15_000))
    def weigh(self, weight_g):
        self.happen(weighed(weight_g))

    @rule()
    def take_off_the_plate(self):
        self.happen(PlateChanged())
        assert self.state.plate is None

    @rule(total_id=total_ids, lines=st.lists(charged_lines, max_size=4).map(tuple), paid=amounts)
    def post_lines(self, total_id, lines, paid):
        due = sum(line.amount_minor for line in lines)
        change = max(0, paid - due)
        tenders = (Tender("cash", due + change),)
        self.settle(posted(total_id, None, lines=lines, tenders=tenders, change_minor=change))

    @rule(total_id=total_ids, count=st.integers(-1, 9), amount=st.none() | amounts, off=amounts)
    def post_a_count(self, total_id, count, amount, off):
        tenders = () if amount is None or off % 3 else (Tender("card", amount + off % 2),)
        self.settle(posted(total_id, count, amount_minor=amount, tenders=tenders))

    @precondition(lambda self: self.state.transaction)
    @rule(total_id=total_ids)
    def post_what_was_scanned(self, total_id):
        lines = tuple(
            ChargedLine(line.gtin, 1000, line.amount_minor or 77, line.weight_g)
            for line in self.state.transaction.lines
        )
        self.settle(posted(total_id, len(lines), lines=lines))

    @rule(count=st.integers(1, 9))
    def key_a_count(self, count):
        open_now = self.state.transaction
        place = f"{open_now.transaction_id}-{open_now.attempts + 1}" if open_now else "idle"
        self.settle(keyed(f"{place}-keyed", count))

    @precondition(lambda self: self.state.transaction)
    @rule()
    def key_the_right_count(self):
        self.key_a_count(count=self.state.transaction.item_count)

    @precondition(lambda self: self.answers)
    @rule(data=st.data(), same=st.booleans())
    def repeat_a_total(self, data, same):
        total, outcome = self.answers[data.draw(st.sampled_from(sorted(self.answers)))]
        before = self.state
        meant = total if same else replace(total, operator=f"{total.operator}x")
        done = self.settle(meant)
        assert self.state == before
        if same:
            assert done.facts == ()
            assert done.effects == (Answer(replace(outcome, status="duplicate")),)

    @rule(outcome=st.sampled_from(["printed", "failed", "unconfirmed"]), reprint=st.booleans())
    def end_a_print(self, outcome, reprint):
        before = self.state
        self.happen(PrintEnded("t", "t-receipt", reprint, outcome, "paper_out"))
        assert self.state == before

    @rule(role=st.sampled_from(["scale", "printer"]), up=st.booleans())
    def change_a_device(self, role, up):
        self.happen(DeviceChanged(role, up, "silent"))

    def settle(self, total: CashierTotal):
        known = self.answers.get(total.total_id)
        event = received(total)
        if known is not None:
            event = TotalReceived(total, {}, (), known[1], known[0] == total)
        done = self.happen(event)
        (outcome,) = [e.outcome for e in done.effects if isinstance(e, Answer)]
        if outcome.status == "settled":
            assert total.total_id not in self.answers
            self.answers[total.total_id] = total, outcome
        if outcome.status == "held":
            assert total.source == "keypad"
        if outcome.status in ("held", "rejected", "duplicate"):
            assert self.state.transaction is None or self.state.transaction.lines
            assert not any(isinstance(f, TransactionSettled) for f in done.facts)
        return done

    # --- what must hold ------------------------------------------------------------------------

    @invariant()
    def the_facts_alone_lead_to_this_state(self):
        assert replayed(tuple(self.facts)) == replace(self.state, plate=None)

    @invariant()
    def no_fact_changed_since_it_was_stored(self):
        assert [encode_body(fact) for fact in self.facts] == self.stored

    @invariant()
    def what_was_stored_reads_back_as_it_was(self):
        for fact in self.last[1].facts if self.last else ():
            assert decode_body(fact.type, fact.version, encode_body(fact)) == fact

    @invariant()
    def every_scan_is_a_line_or_a_rejection(self):
        assert self.scans == sum(isinstance(f, LineItemAdded | ScanRejected) for f in self.facts)

    @invariant()
    def no_line_is_lost(self):
        added = [f for f in self.facts if isinstance(f, LineItemAdded)]
        numbers = {}
        for fact in added:
            numbers.setdefault(fact.transaction_id, []).append(fact.line_no)
        assert all(lines == list(range(1, len(lines) + 1)) for lines in numbers.values())
        if self.state.transaction is not None:
            mine = [f for f in added if f.transaction_id == self.state.transaction.transaction_id]
            assert [f.gtin for f in mine] == [line.gtin for line in self.state.transaction.lines]

    @invariant()
    def transactions_are_numbered_one_after_the_other(self):
        opened = [f for f in self.facts if isinstance(f, facts.TransactionOpened)]
        assert [f.number for f in opened] == list(range(1, len(opened) + 1))
        assert len({f.transaction_id for f in opened}) == len(opened)
        assert self.state.last_number == len(opened)

    @invariant()
    def a_transaction_and_a_total_settle_at_most_once(self):
        settled = [f for f in self.facts if isinstance(f, TransactionSettled)]
        assert len({f.transaction_id for f in settled}) == len(settled)
        assert len({f.total_id for f in settled}) == len(settled)
        assert len({f.receipt_number for f in settled}) == len(settled)

    @invariant()
    def the_sums_of_each_sale_hold(self):
        for fact in self.last[1].facts if self.last else ():
            if isinstance(fact, TransactionSettled):
                paid = sum(t.amount_minor for t in fact.tenders) - fact.change_minor
                assert paid == fact.amount_minor + fact.rounding_minor
                assert sum(t.net_minor + t.tax_minor for t in fact.taxes) == fact.amount_minor
                assert all(t.amount_minor >= 0 for t in fact.tenders)

    @invariant()
    def each_sale_is_printed_once_and_each_suspicion_said_once(self):
        done = self.last[1] if self.last else None
        for cls, effect in (
            (TransactionSettled, PrintReceipt),
            (facts.MissedScanSuspected, RaiseAlert),
        ):
            found = [f for f in (done.facts if done else ()) if isinstance(f, cls)]
            effects = [e for e in (done.effects if done else ()) if isinstance(e, effect)]
            assert len(found) == len(effects)
            for fact, said in zip(found, effects, strict=True):
                whole = said.settled if isinstance(said, PrintReceipt) else said.suspected
                assert whole == fact
                if isinstance(said, PrintReceipt):
                    assert said.job_id == receipt_job_id(fact.transaction_id)

    @invariant()
    def missed_pieces_on_a_sale_are_those_of_its_suspicion(self):
        done = self.last[1] if self.last else None
        for fact in done.facts if done else ():
            if isinstance(fact, TransactionSettled):
                suspected = [f for f in done.facts if isinstance(f, facts.MissedScanSuspected)]
                assert fact.missed_count == sum(f.missed_count for f in suspected)

    @invariant()
    def only_known_items_have_names_and_prices(self):
        for line in self.state.transaction.lines if self.state.transaction else ():
            assert line.known == (line.gtin in ITEMS)
            assert line.known or (line.price_minor is None and line.description == "")


Lane.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestLane = Lane.TestCase
