"""Lanes, broker and bridge in a simulated world where everything that can go wrong does.

One seed, one run. What is sent is what the real code sends; connections, time and chance are
simulated (`network.py`, `clockwork.py`); what must hold is in `world.py`.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from agent import sync
from agent.outbox import Outbox
from agent.wire import Ack, LaneAddress, decode_ack, encode_ack
from cloud_bridge import ingest
from tests.seed_kit import blocks, repeat
from tests.simulation.world import World

SEEDS = 200
BLOCK = 20
CONTROL_SEEDS = 40
HERE = "tests/simulation/test_simulation.py"
#: Real files, of which nothing here asks that they outlive the power: memory will do.
MEMORY = Path("/dev/shm")


@pytest.fixture(autouse=True)
def _one_cpu():
    """Only one thread runs at a time: handing over costs a quarter less where none must move. Of
    several test processes, each has its own."""
    before = os.sched_getaffinity(0)
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    os.sched_setaffinity(0, {sorted(before)[worker % len(before)]})
    yield
    os.sched_setaffinity(0, before)


def run(seed):
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.exists() else None) as folder:
        world = World(seed, Path(folder))
        world.run()
    return world


@pytest.mark.parametrize("block", blocks(SEEDS, BLOCK), ids=lambda b: f"{b[0]}-{b[-1]}")
def test_the_ledger_has_what_the_journals_have_whatever_happened_between(block):
    for seed in block:
        try:
            run(seed)
        except AssertionError as error:
            pytest.fail(f"{error}\n\nto repeat: {repeat(seed, HERE)}")


def test_a_seed_is_one_run():
    one, other = run(7), run(7)
    assert one.acknowledged == other.acknowledged
    assert one.scheduler.now_s == other.scheduler.now_s
    assert one.chance.getstate() == other.chance.getstate()
    assert one.acknowledged != run(8).acknowledged


def goes_wrong(seed):
    try:
        run(seed)
    except AssertionError:
        return True
    return False


# --- controls: a fault in the code is found, so none was there above -----------------------------


def acknowledging_before_the_commit():
    def settle(messages, ledger, link, received_ms):
        for delivery in ingest.sort(messages).deliveries:
            stream = delivery.stream
            topic = LaneAddress(stream.tenant, stream.store, stream.lane).topic("ack")
            payload = encode_ack(Ack(stream.epoch, delivery.facts[-1].seq))
            link.publish(topic, payload, retain=True)
        return real(messages, ledger, link, received_ms)

    real = ingest.settle
    return mock.patch.object(ingest, "settle", settle)


def believing_what_was_said_to_a_former_life():
    """A lane that looks at the figure alone."""

    def message(self, incoming):
        ack = decode_ack(incoming.payload)
        ours = Ack(self._birth.epoch, ack.hw, ack.gap)
        real(self, type(incoming)(incoming.topic, encode_ack(ours), 1, incoming.retain, 1))

    real = sync.Sync._acknowledged
    return mock.patch.object(sync.Sync, "_acknowledged", message)


def believing_what_is_said_of_anothers_facts():
    """A lane whose disk was set back, and which does not look."""
    return mock.patch.multiple(sync.Sync, _is_foreign=lambda self, ack: False)


def never_sending_again():
    return mock.patch.multiple(sync.Sync, _rewind=lambda self, to: None)


def taking_what_came_beyond_a_gap_for_all_before_it():
    def hold(self, ranges, now_s):
        landed = real(self, ranges, now_s)
        self.acked = max([self.acked, *(last for _, last in self._held)])
        return landed

    real = Outbox.hold
    return mock.patch.object(Outbox, "hold", hold)


def filling_neither_a_gap_that_is_reported_nor_a_stall():
    return mock.patch.multiple(
        sync.Sync, _gap_told=lambda self, payload: None, _resend_if_stalled=lambda self: None
    )


def taking_every_confirmation_of_the_broker_for_the_bridges():
    @contextmanager
    def patched():
        def sent_batch(self, first, last, now_s):
            real(self, first, last, now_s)
            self.acknowledge(last)

        real = Outbox.sent_batch
        with mock.patch.object(Outbox, "sent_batch", sent_batch):
            yield

    return patched()


@pytest.mark.parametrize(
    "broken",
    [
        acknowledging_before_the_commit,
        believing_what_was_said_to_a_former_life,
        believing_what_is_said_of_anothers_facts,
        never_sending_again,
        taking_what_came_beyond_a_gap_for_all_before_it,
        filling_neither_a_gap_that_is_reported_nor_a_stall,
        taking_every_confirmation_of_the_broker_for_the_bridges,
    ],
    ids=lambda broken: broken.__name__,
)
def test_a_fault_in_the_code_is_found(broken):
    with broken():
        assert any(goes_wrong(seed) for seed in range(CONTROL_SEEDS))
