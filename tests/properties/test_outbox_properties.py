"""The outbox against a network that loses, repeats and delays: never too far, and always on."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.mqtt import WINDOW
from agent.sync import Outbox, _within
from agent.wire import FactRow


class Wire(RuleBasedStateMachine):
    """A lane's outbox, a bridge that keeps what follows on, and messages that may go astray."""

    @initialize(acked=st.integers(0, 3))
    def begin(self, acked):
        self.outbox = Outbox(acked)
        self.bridge = self.journal = acked
        self.batches, self.acks, self.said = [], [], acked
        self.highest = acked

    @rule(rows=st.integers(1, 30))
    def commit(self, rows):
        self.journal += rows

    @precondition(lambda self: self.outbox.room and self.outbox.sent < self.journal)
    @rule(most=st.integers(1, 8))
    def send(self, most):
        first = self.outbox.sent + 1
        last = min(self.journal, self.outbox.sent + most)
        self.outbox.sent_batch(last)
        self.batches.append((first, last))

    @precondition(lambda self: self.batches)
    @rule(fate=st.sampled_from(["arrives", "arrives", "lost", "twice"]))
    def deliver(self, fate):
        first, last = self.batches.pop(0)
        for _ in range({"arrives": 1, "lost": 0, "twice": 2}[fate]):
            gap = first > self.bridge + 1
            if not gap:
                self.bridge = max(self.bridge, last)
            self.acks.append((self.bridge, gap))

    @precondition(lambda self: self.acks)
    @rule(data=st.data(), fate=st.sampled_from(["heard", "heard", "lost", "heard twice"]))
    def acknowledge(self, data, fate):
        hw, gap = self.acks.pop(data.draw(st.integers(0, len(self.acks) - 1)))  # stale ones too
        for _ in range({"heard": 1, "lost": 0, "heard twice": 2}[fate]):
            self.hear(hw, gap=gap)

    @rule(hw=st.integers(-5, 10**6))
    def acknowledge_absurdly(self, hw):
        """An old or foreign word under the right epoch, such as a retained one of a copied box."""
        before = self.outbox.acked
        self.outbox.acknowledge(hw)
        assert self.outbox.acked in (before, min(hw, self.highest))
        self.said = max(self.said, self.outbox.acked)
        self.bridge = max(self.bridge, self.outbox.acked)  # it has it, then

    @rule()
    def stall(self):
        self.outbox.rewind(self.outbox.acked)
        assert not self.outbox.waiting
        assert self.outbox.sent == self.outbox.acked

    def hear(self, hw, *, gap):
        before = self.outbox.acked
        moved = self.outbox.acknowledge(hw)
        assert moved == (self.outbox.acked > before)
        self.said = max(self.said, hw)
        if gap:
            self.outbox.rewind(hw)
            assert self.outbox.sent == hw

    @invariant()
    def nothing_is_taken_as_acknowledged_that_was_not_sent_and_said(self):
        self.highest = max(self.highest, self.outbox.sent)
        assert self.outbox.acked <= self.highest == self.outbox.sent_max
        assert self.outbox.acked <= self.said
        assert self.outbox.acked <= self.bridge

    @invariant()
    def nothing_is_sent_that_is_not_in_the_journal(self):
        assert self.outbox.sent_max <= self.journal

    @invariant()
    def the_window_holds(self):
        assert len(self.outbox._ends) <= WINDOW
        assert list(self.outbox._ends) == sorted(self.outbox._ends)

    def teardown(self):
        """Once the network holds, a stall or two bring everything over."""
        self.batches.clear()
        self.acks.clear()
        self.stall()
        for _ in range(self.journal + 2 * WINDOW):
            if self.outbox.room and self.outbox.sent < self.journal:
                self.send(most=8)
            elif self.batches:
                self.deliver(fate="arrives")
                self.hear(*self.acks[-1][:1], gap=self.acks[-1][1])
        assert self.outbox.acked == self.bridge == self.journal
        assert not self.outbox.waiting


Wire.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestWire = Wire.TestCase


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20), st.integers(0, 120))
def test_a_batch_is_closed_at_its_size_and_is_never_empty(sizes, bytes_max):
    rows = [FactRow(n, "T", 1, 0, 0, "", b"x" * size) for n, size in enumerate(sizes, 1)]

    batch = _within(rows, bytes_max)

    assert batch == rows[: len(batch)]
    assert len(batch) >= 1
    size = sum(len(row.body) for row in batch)
    assert len(batch) == 1 or size <= bytes_max
    assert len(batch) == len(rows) or size + len(rows[len(batch)].body) > bytes_max
