"""Whatever happens at a lane, its journal tells the same story again: state, answers, rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain import facts
from agent.domain.effects import Answer
from agent.domain.events import DeviceChanged, PrintEnded, TotalReceived
from agent.domain.lane import step
from agent.domain.settlement import receipt_job_id
from agent.domain.transaction import LaneState
from agent.journal import Journal, JournalReader
from agent.wire import GENESIS, decode_batch, encode_batch
from tests.lane_kit import (
    APPLES,
    DAY,
    MILK,
    RULES,
    STRANGE,
    TEA,
    charged,
    dumped,
    keyed,
    posted,
    replayed,
    scanned,
    unclear,
    weighed,
)

numbers = st.integers(1, 4)
events = st.one_of(
    st.sampled_from([MILK, APPLES, TEA]).map(lambda item: scanned(item.gtin)),
    st.sampled_from([scanned(STRANGE), unclear(), weighed(250), DeviceChanged("s", False, "x")]),
    st.builds(
        lambda n, item, count: TotalReceived(
            posted(f"T{n}", None, lines=(charged(item, count, 100),)), {}
        ),
        numbers,
        st.sampled_from([MILK, TEA]),
        numbers,
    ),
    st.builds(lambda n, count: TotalReceived(keyed(f"K{n}", count), {}), numbers, numbers),
    st.builds(
        lambda n, outcome: PrintEnded(
            f"{RULES.epoch[:8]}-{n:06d}",
            receipt_job_id(f"{RULES.epoch[:8]}-{n:06d}"),
            False,
            outcome,
            "x",
        ),
        numbers,
        st.sampled_from(["printed", "failed", "unconfirmed"]),
    ),
)


def play(journal, groups):
    """The events as the core runs them, one commit for each group: state, facts, settled totals."""
    state, told, answers = LaneState(), [], {}
    for group in groups:
        new = []
        for event in group:
            asked = event
            if isinstance(event, TotalReceived):
                known = answers.get(event.total.total_id)
                if known is not None:
                    asked = replace(event, earlier=known[1], same_content=known[0] == event.total)
            done = step(state, asked, RULES, DAY)
            state = done.state
            new.extend(done.facts)
            for effect in done.effects:
                if isinstance(effect, Answer) and effect.outcome.status == "settled":
                    answers[event.total.total_id] = event.total, effect.outcome
        journal.append(new, wall_ms=1, mono_ms=1)
        told.extend(new)
    return state, told, answers


@settings(max_examples=50)
@given(st.lists(st.lists(events, max_size=6), max_size=6))
def test_a_journal_tells_the_same_story_again(groups):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        with Journal(path) as journal:
            state, told, answers = play(journal, groups)
            before = dumped(journal)
            journal.rebuild()
            assert dumped(journal) == before
        with Journal(path) as journal:
            assert list(journal.facts()) == told
            assert replayed(tuple(told)) == replace(state, plate=None)
            assert journal.lane_state() == replace(state, plate=None)
            for total, outcome in answers.values():
                assert journal.earlier_answer(total) == (outcome, True)
                changed = replace(total, operator="somebody else")
                assert journal.earlier_answer(changed) == (outcome, False)
            printed = {f.job_id for f in told if isinstance(f, facts.ReceiptPrinted)}
            sold = {
                receipt_job_id(f.transaction_id)
                for f in told
                if isinstance(f, facts.TransactionSettled)
            }
            waiting = {row.job_id for row in journal.unprinted_jobs(tries_max=10**6)}
            assert sold - printed <= waiting <= sold


@settings(max_examples=30)
@given(st.lists(st.lists(events, max_size=6), min_size=1, max_size=5), st.integers(1, 5))
def test_what_a_reader_sends_in_batches_is_the_whole_chain(groups, size):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        with Journal(path) as journal:
            _, told, _ = play(journal, groups)
            reader = JournalReader(path)
            sent, after = [], 0
            while rows := reader.rows_after(after, size):
                payload = encode_batch(journal.epoch, reader.hash_at(after), rows)
                sent.extend(decode_batch(payload).facts)
                after = rows[-1].seq
            assert [fact.seq for fact in sent] == list(range(1, len(told) + 1))
            assert reader.hash_at(after) == (sent[-1].hash if sent else GENESIS)
            reader.close()
