"""The outbox against a network that loses, repeats and delays: never too far, and always on."""

from __future__ import annotations

from itertools import pairwise
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent import outbox as module
from agent.mqtt import WINDOW
from agent.outbox import Outbox, _with
from agent.sync import _within
from agent.wire import FactRow


class Wire(RuleBasedStateMachine):
    """A lane's outbox, a bridge that takes facts in any order, and messages that may go astray."""

    @initialize(acked=st.integers(0, 3), behind=st.sampled_from([2, 10, 1000]))
    def begin(self, acked, behind):
        self.patch = mock.patch.object(module, "BEHIND_FACTS", behind)
        self.patch.start()
        self.outbox = Outbox(acked)
        self.bridge = set(range(1, acked + 1))
        self.journal = acked
        self.batches, self.acks = [], []
        self.highest = self.said = acked
        self.now_s = 0.0

    def hw(self):
        return next(n for n in range(len(self.bridge) + 1) if n + 1 not in self.bridge)

    @rule(rows=st.integers(1, 30), seconds=st.sampled_from([0.0, 0.1, 1.0]))
    def commit(self, rows, seconds):
        self.journal += rows
        self.now_s += seconds
        self.outbox.open_live(self.journal)

    @rule(most=st.integers(1, 8))
    def send(self, most):
        run = self.outbox.next_run(self.journal)
        if run is not None:
            first, last = run[0] + 1, min(run[1], run[0] + most)
            assert first <= last <= self.journal
            self.outbox.sent_batch(first, last, self.now_s)
            self.batches.append((first, last))
            self.highest = max(self.highest, last)

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), fate=st.sampled_from(["arrives", "arrives", "lost", "twice"]))
    def deliver(self, data, fate):
        first, last = self.batches.pop(data.draw(st.integers(0, min(2, len(self.batches) - 1))))
        for _ in range({"arrives": 1, "lost": 0, "twice": 2}[fate]):
            self.bridge.update(range(first, last + 1))
            self.acks.append((self.hw(), (first, last)))

    @precondition(lambda self: self.acks)
    @rule(data=st.data(), fate=st.sampled_from(["heard", "heard", "lost", "heard twice"]))
    def acknowledge(self, data, fate):
        ack = self.acks.pop(data.draw(st.integers(0, len(self.acks) - 1)))  # stale ones too
        for _ in range({"heard": 1, "lost": 0, "heard twice": 2}[fate]):
            self.hear(*ack)

    @rule(hw=st.integers(-5, 10**6))
    def acknowledge_absurdly(self, hw):
        """An old or foreign word under the right epoch, such as a retained one of a copied box."""
        before = self.outbox.acked
        self.outbox.acknowledge(hw)
        assert self.outbox.acked in (before, min(hw, self.highest))
        self.said = max(self.said, self.outbox.acked)
        self.bridge.update(range(1, self.outbox.acked + 1))  # it has it, then

    @rule()
    def miss(self):
        """The bridge reports its first hole."""
        hw = self.hw()
        later = [seq for seq in self.bridge if seq > hw]
        if later:
            self.outbox.missing(hw + 1, min(later) - 1)
            assert self.outbox.sent <= max(hw, self.outbox.acked)

    @rule(first=st.integers(-5, 10**6), last=st.integers(-5, 10**6))
    def miss_absurdly(self, first, last):
        self.outbox.missing(first, last)

    @rule()
    def come_back(self):
        self.outbox.rewind(self.outbox.acked)
        assert not self.outbox.waiting or self.outbox.sent > self.outbox.acked

    @rule()
    def stall(self):
        self.outbox.doubt()
        self.outbox.rewind(self.outbox.acked)
        assert not self.outbox.waiting
        assert self.outbox.sent == self.outbox.acked

    def hear(self, hw, got):
        before = self.outbox.acked
        self.outbox.hold([got], self.now_s)
        assert self.outbox.acked == before, "only the run without gaps moves the cursor"
        moved = self.outbox.acknowledge(hw)
        assert moved == (self.outbox.acked > before)
        self.said = max(self.said, hw)

    @invariant()
    def nothing_is_taken_as_acknowledged_that_was_not_sent_and_said(self):
        assert self.outbox.acked <= self.highest == self.outbox.sent_max
        assert self.outbox.acked <= self.said
        assert self.outbox.acked <= self.hw()

    @invariant()
    def what_it_takes_for_held_is_held(self):
        for first, last in self.outbox._held:
            assert self.bridge.issuperset(range(first, last + 1))

    @invariant()
    def nothing_is_sent_that_is_not_in_the_journal(self):
        assert self.outbox.sent_max <= self.journal

    @invariant()
    def the_window_holds(self):
        flights = self.outbox._flights
        assert sum(not flight.live for flight in flights) <= WINDOW
        assert sum(flight.live for flight in flights) <= WINDOW // 2

    def teardown(self):
        """Once the network holds, a stall brings everything over."""
        if not hasattr(self, "outbox"):
            return
        self.batches.clear()
        self.acks.clear()
        self.stall()
        for _ in range(2 * self.journal + 2 * WINDOW):
            self.send(most=8)
            if self.batches:
                first, last = self.batches.pop(0)
                self.bridge.update(range(first, last + 1))
                self.hear(self.hw(), (first, last))
        self.patch.stop()
        assert self.outbox.acked == self.hw() == self.journal
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


RANGES = st.lists(
    st.tuples(st.integers(1, 40), st.integers(0, 8)).map(lambda r: (r[0], r[0] + r[1])), max_size=12
)


@given(RANGES)
def test_ranges_are_kept_ascending_and_apart(ranges):
    kept: list[tuple[int, int]] = []
    for first, last in ranges:
        kept = _with(kept, first, last)
    seqs = {seq for first, last in ranges for seq in range(first, last + 1)}
    assert {seq for first, last in kept for seq in range(first, last + 1)} == seqs
    assert all(one[1] + 1 < other[0] for one, other in pairwise(kept))
