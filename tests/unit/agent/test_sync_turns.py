"""Single turns of sync: what an acknowledgement in an awkward place makes it send next."""

from __future__ import annotations

import pytest

from agent import outbox
from agent import sync as module
from agent.journal import Journal, JournalReader
from agent.mqtt import WINDOW, Incoming
from agent.mqtt_settings import MqttSettings
from agent.sync import STALL_S_MAX, Birth, Sync
from agent.unanswered import AGAIN_S, HELD_MAX
from agent.wire import (
    BATCH_FACTS_MAX,
    Ack,
    Gap,
    LaneAddress,
    decode_batch,
    encode_ack,
    encode_gap,
)
from tests.lane_kit import STARTED, append


class Cable:
    """Stands where the connection stands: always up, and keeps what it is given."""

    up = True
    unconfirmed = 0
    window = WINDOW

    def __init__(self):
        self.sent = []
        self.confirmed = []

    def publish(self, topic, payload, *, retain=False):
        if topic.endswith("/tx"):
            self.sent.append(decode_batch(payload))  # raises if the chain is broken

    def subscribe(self, *topics):
        pass

    def confirm(self, message):
        self.confirmed.append(message.mid)


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.db") as opened:
        yield opened


@pytest.fixture
def now(monkeypatch):
    """The time; add seconds to its first element."""
    clock = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    return clock


@pytest.fixture
def sync(journal, now):
    birth = Birth(journal.epoch, "b", "0")
    built = Sync(MqttSettings(), LaneAddress("o", "s", "l"), birth, journal.path, 0, lambda _: None)
    reader = JournalReader(journal.path)
    built._hash_at, built._rows_after, built._link = reader.hash_at, reader.rows_after, Cable()
    yield built
    reader.close()


def commit(sync, journal, facts):
    append(journal, [STARTED] * facts)
    sync.committed(journal.last_seq)


def hear(sync, hw, *, gap=False, retain=False, **got):
    payload = encode_ack(Ack(sync._birth.epoch, hw, gap, **got))
    sync._message(Incoming("edge/v1/o/s/l/ack", payload, 1, retain, 1))


def hear_of_gap(sync, first, last, epoch=None):
    payload = encode_gap(Gap(epoch or sync._birth.epoch, first, last))
    sync._message(Incoming("edge/v1/o/s/l/gap", payload, 1, False, 1))


def sent(sync):
    """(first, last) of each batch since the last look."""
    batches, sync._link.sent = sync._link.sent, []
    return [(batch.facts[0].seq, batch.facts[-1].seq) for batch in batches]


def test_a_late_acknowledgement_after_a_rewind_does_not_tear_the_chain(sync, journal, now):
    sync._up()
    commit(sync, journal, 10)
    sync._pump()
    assert sent(sync) == [(1, 10)]
    now[0] += 1
    hear(sync, 4, gap=True)  # rewinds …
    hear(sync, 10)  # … and this was on its way already
    commit(sync, journal, 2)
    sync._pump()

    assert sent(sync) == [(11, 12)]


def test_the_word_of_another_life_is_not_believed_even_about_what_was_sent(sync, journal):
    sync._up()
    commit(sync, journal, 5)
    sync._pump()
    payload = encode_ack(Ack("the-former-life", 4, gap=True))
    for retain in (True, False):
        sync._message(Incoming("…/ack", payload, 1, retain, 1))

    assert (sync._outbox.acked, sync._outbox.sent) == (0, 5)


def test_a_gap_is_filled_once_and_not_for_each_batch_that_met_it(sync, journal, now):
    sync._up()
    commit(sync, journal, 5)
    sync._pump()
    now[0] += 1
    hear(sync, 2, gap=True)
    sync._pump()
    hear(sync, 2, gap=True)
    sync._pump()

    assert sent(sync) == [(1, 5), (3, 5)]


def test_a_bridge_below_what_it_had_acknowledged_is_believed_on_its_first_live_word(
    sync, journal, now
):
    sync._up()
    commit(sync, journal, 5)
    sync._pump()
    hear(sync, 5)
    sync._up()
    now[0] += 1
    hear(sync, 3, retain=True)  # an old word that the broker kept
    sync._pump()
    assert sent(sync) == [(1, 5)]

    hear(sync, 3)
    sync._pump()
    assert sent(sync) == [(4, 5)]
    now[0] += 1
    hear(sync, 4)  # on its way to 5
    sync._pump()
    assert sent(sync) == []


def test_no_more_is_under_way_than_the_window_holds(sync, journal):
    sync._up()
    commit(sync, journal, BATCH_FACTS_MAX * (WINDOW + 3))
    sync._pump()
    assert len(sent(sync)) == WINDOW

    hear(sync, 2 * BATCH_FACTS_MAX)
    sync._pump()
    assert len(sent(sync)) == 2


def test_rows_that_are_not_committed_yet_wait(sync, journal):
    sync._up()
    append(journal, [STARTED] * 3)
    sync._pump()
    assert sent(sync) == []

    sync.committed(99)  # more than there is
    sync._pump()
    assert sent(sync) == [(1, 3)]


def test_where_nobody_answers_the_resends_become_rare(sync, journal, now):
    sync._up()
    commit(sync, journal, 3)
    sync._pump()
    pauses, last = [], now[0]
    while len(pauses) < 7:
        now[0] += 0.5
        sync._resend_if_stalled()
        sync._pump()
        if len(sent(sync)):
            pauses.append(now[0] - last)
            last = now[0]
    # the first look finds the first sending itself
    assert pauses[1:] == sorted(pauses[1:])
    assert pauses[-1] == STALL_S_MAX + 0.5

    hear(sync, 1)
    now[0] += module.STALL_S + 0.5
    sync._resend_if_stalled()
    sync._pump()
    assert sent(sync) == [(2, 3)]


def test_nothing_under_way_is_never_sent_again(sync, journal, now):
    sync._up()
    commit(sync, journal, 3)
    sync._pump()
    hear(sync, 3)
    sent(sync)
    now[0] += 1000
    sync._resend_if_stalled()
    sync._pump()

    assert sent(sync) == []


def test_what_the_broker_has_not_taken_yet_is_not_sent_again(sync, journal, now):
    sync._up()
    commit(sync, journal, 5)
    sync._pump()
    sync._link.unconfirmed = 1
    now[0] += 2 * STALL_S_MAX
    sync._resend_if_stalled()
    sync._up()  # paho itself repeats it on the new connection
    sync._pump()
    assert sent(sync) == [(1, 5)]

    sync._link.unconfirmed = 0
    sync._resend_if_stalled()
    sync._pump()
    assert sent(sync) == [], "the bridge was given no time to answer"
    now[0] += 2 * STALL_S_MAX
    sync._resend_if_stalled()
    sync._pump()

    assert sent(sync) == [(1, 5)]


def test_copies_for_a_gap_do_not_pile_up_on_a_slow_line(sync, journal, now):
    sync._up()
    commit(sync, journal, 5)
    sync._pump()
    sync._link.unconfirmed = WINDOW
    now[0] += 1
    hear(sync, 2, gap=True)
    sync._pump()
    assert sent(sync) == [(1, 5)]

    sync._link.unconfirmed = WINDOW - 1
    hear(sync, 2, gap=True)
    sync._pump()

    assert sent(sync) == [(3, 5)]


def test_waking_a_sync_that_does_not_run_is_harmless(journal):
    birth = Birth(journal.epoch, "b", "0")
    idle = Sync(MqttSettings(), LaneAddress("o", "s", "l"), birth, journal.path, 0, lambda _: None)

    idle.committed(1)
    idle.post("alert", b"x")


# --- a bridge that says what it got ---------------------------------------------------------------


@pytest.fixture
def behind(sync, journal, monkeypatch):
    """Twenty batches have gathered; the bridge takes facts in any order."""
    monkeypatch.setattr(outbox, "BEHIND_FACTS", 100)
    sync._up()
    hear(sync, 0, got=())
    commit(sync, journal, 20 * BATCH_FACTS_MAX)
    return 20 * BATCH_FACTS_MAX


def test_what_comes_now_goes_out_before_what_has_gathered(sync, journal, behind):
    sync._pump()
    newest = (behind - 63, behind)
    assert sent(sync) == [newest, *((n * 64 + 1, n * 64 + 64) for n in range(10))]
    hear(sync, 64, got=((1, 64),))
    commit(sync, journal, 2)
    sync._pump()

    assert sent(sync)[0] == (behind + 1, behind + 2)


def test_the_bridges_gap_flag_means_nothing_while_it_says_what_it_got(sync, journal, now, behind):
    sync._pump()
    commit(sync, journal, 1)
    sync._pump()
    sent(sync)
    now[0] += 1
    hear(sync, 0, gap=True, got=((behind + 1, behind + 1),))
    sync._pump()

    assert sent(sync) == []
    assert sync._outbox.acked == 0


def test_the_cursor_moves_only_when_what_had_gathered_is_there(sync, journal, behind):
    acks = []
    sync._on_ack = acks.append
    sync._pump()
    commit(sync, journal, 1)
    sync._pump()
    hear(sync, 0, gap=True, got=((behind + 1, behind + 1),))
    for last in range(64, behind, 64):
        hear(sync, last, gap=True, got=((last - 63, last),))
    hear(sync, behind + 1, got=((behind - 63, behind),))
    commit(sync, journal, 3)
    sent(sync)
    sync._pump()

    assert acks == [*range(64, behind, 64), behind + 1]
    assert sent(sync) == [(behind + 2, behind + 4)]
    assert not sync._outbox._live_first


def test_after_a_break_only_what_the_bridge_has_not_got_is_sent_again(sync, journal, behind):
    sync._pump()
    commit(sync, journal, 6)
    sync._pump()
    sent(sync)
    hear(sync, 0, gap=True, got=((65, 128), (behind - 63, behind + 3)))
    sync._up()
    sync._pump()

    assert sent(sync)[:3] == [(behind + 4, behind + 6), (1, 64), (129, 192)]


def test_a_reported_gap_is_filled_and_nothing_else(sync, journal, now):
    sync._up()
    hear(sync, 0, got=())
    commit(sync, journal, 3 * 64)
    sync._pump()
    sent(sync)
    now[0] += 1
    hear(sync, 64, gap=True, got=((1, 64), (129, 192)))
    hear_of_gap(sync, 65, 128)
    sync._pump()
    assert sent(sync) == [(65, 128)]

    hear_of_gap(sync, 65, 128)
    sync._pump()
    assert sent(sync) == [], "it was answered a moment ago"


def test_a_gap_of_another_life_or_of_nonsense_is_passed_over(sync, journal, now):
    sync._up()
    hear(sync, 0, got=())
    commit(sync, journal, 5)
    sync._pump()
    sent(sync)
    now[0] += 1
    hear_of_gap(sync, 1, 5, epoch="the-former-life")
    sync._message(Incoming("edge/v1/o/s/l/gap", b"[]", 1, False, 1))
    sync._pump()
    assert sent(sync) == []


def test_a_bridge_that_has_lost_what_it_held_is_filled_up_by_a_stall(sync, journal, now, behind):
    sync._pump()
    commit(sync, journal, 1)
    sync._pump()
    hear(sync, 0, gap=True, got=((behind + 1, behind + 1),))
    hear(sync, behind, got=((1, behind),))  # … and not behind + 1, which it had said it got
    sent(sync)
    now[0] += module.STALL_S + 0.5
    sync._resend_if_stalled()
    sync._pump()

    assert sent(sync) == [(behind + 1, behind + 1)]


def test_on_a_slow_line_less_of_what_has_gathered_is_on_its_way(sync, journal, now, behind):
    sync._pump()
    gathered = sent(sync)[1:]
    assert len(gathered) == 10, "half a window is left for what comes now"
    for first in range(1, 5 * 64, 64):
        now[0] += 1
        hear(sync, first + 63, got=((first, first + 63),))
    sync._pump()
    assert sent(sync) == []
    now[0] += 1
    hear(sync, behind // 2, got=((1, behind // 2),))
    sync._pump()

    assert max(last - first for first, last in sent(sync)) + 1 < 64


def test_what_met_no_bridge_is_sent_again_when_one_comes_up(sync, journal, now):
    sync._up()
    commit(sync, journal, 3)
    sync._pump()
    sent(sync)
    hear(sync, 0, got=())
    sync._pump()
    assert sent(sync) == [], "it was on its way just now"

    now[0] += module.NEWS_S + 0.1
    hear(sync, 0, got=())
    sync._pump()
    assert sent(sync) == [(1, 3)]


def test_a_window_that_met_no_bridge_does_not_hold_up_what_comes_now(sync, journal, now, behind):
    sync._selective = False
    commit(sync, journal, 10 * BATCH_FACTS_MAX)
    sync._pump()
    assert len(sent(sync)) == WINDOW
    now[0] += module.NEWS_S + 0.1
    hear(sync, 0, got=())
    commit(sync, journal, 1)
    sync._pump()
    commit(sync, journal, 1)
    sync._pump()

    last = journal.last_seq
    assert (last, last) in sent(sync)


# --- a disk that was set back --------------------------------------------------------------------


@pytest.fixture
def set_back(sync):
    """What was told of it: (head office's last seq, the last that was sent)."""
    told = []
    sync._on_set_back = lambda hw, sent: told.append((hw, sent))
    return told


@pytest.mark.parametrize("retain", [False, True])
def test_an_acknowledgement_beyond_the_lanes_own_facts_is_taken_for_none(
    sync, journal, set_back, retain
):
    acked = []
    sync._on_ack = acked.append
    sync._up()
    commit(sync, journal, 5)
    sync._pump()
    hear(sync, 9, retain=retain)
    assert (set_back, acked, sync._outbox.acked) == ([(9, 5)], [], 0)
    assert not sync._may_send()
    hear(sync, 9)
    hear(sync, 4)
    hear_of_gap(sync, 2, 3)
    assert sync.send_again(1, 5) == 0
    assert (set_back, acked) == ([(9, 5)], []), "told once, and nothing believed any more"


def test_an_acknowledgement_that_names_another_fact_of_that_number_is_taken_for_none(
    sync, journal, set_back
):
    sync._up()
    commit(sync, journal, 5)
    sync._pump()
    hear(sync, 3, hash=sync._hash_at(3))
    hear(sync, 4)
    assert (set_back, sync._outbox.acked) == ([], 4)
    hear(sync, 5, hash="f" * 64)
    assert (set_back, sync._outbox.acked) == ([(5, 5)], 4)


@pytest.mark.parametrize("which", ["other", "beyond"])
def test_a_fact_of_another_life_among_ones_own_is_a_sign_too(sync, journal, set_back, which):
    """A message of the life before has filled a gap: what is named by `hw` is the lane's own."""
    sync._up()
    commit(sync, journal, 5)
    sync._pump()
    own = tuple((seq, sync._hash_at(seq)) for seq in (2, 3))
    hear(sync, 4, hash=sync._hash_at(4), forks=own)
    assert (set_back, sync._outbox.acked) == ([], 4), "both are its own: its disk is worn there"
    strange = {"other": (3, "f" * 64), "beyond": (6, "f" * 64)}[which]
    hear(sync, 5, hash=sync._hash_at(5), forks=(own[0], strange))
    assert (set_back, sync._outbox.acked) == ([(5, 5)], 4)


def test_a_row_that_was_damaged_here_is_no_sign_that_the_disk_was_set_back(sync, journal, set_back):
    sync._up()
    commit(sync, journal, 5)
    sync._pump()
    good = sync._hash_at(3)
    journal._db.execute("DROP TRIGGER fact_is_never_changed")
    journal._db.execute("UPDATE fact SET hash = ? WHERE seq = 3", ("e" * 64,))
    hear(sync, 3, hash=good)
    assert (set_back, sync._outbox.acked) == ([], 3)


def test_a_lane_that_was_there_before_hears_first_what_head_office_has(journal, now):
    birth = Birth(journal.epoch, "b", "0")
    address = LaneAddress("o", "s", "l")
    append(journal, [STARTED] * 5)
    sync = module.Sync(MqttSettings(), address, birth, journal.path, 3, lambda _: None)
    sync._link = Cable()
    sync._up()
    assert not sync._may_send()
    now[0] += module.GREETING_S
    assert sync._may_send(), "nobody spoke"
    sync._up()
    assert not sync._may_send()
    sync._last_seq = 5
    hear(sync, 3)
    assert sync._may_send()


# --- commands ------------------------------------------------------------------------------------


class SlowDesk:
    """Answers when the test says so."""

    leaves = ()

    def __init__(self):
        self.taken = []

    def come_up(self, line):
        pass

    def take(self, leaf, payload, line):
        self.taken.append(leaf)


@pytest.fixture
def desk(sync):
    sync.desk = SlowDesk()
    return sync.desk


def command(sync, name, mid):
    sync._message(Incoming(f"edge/v1/o/s/l/cmd/{name}", b"{}", 1, False, mid))


def test_a_command_stays_with_the_broker_until_it_is_answered(sync, desk):
    command(sync, "reprint/a", 1)
    command(sync, "reprint/a", 2)
    command(sync, "items/b", 3)
    assert sync._link.confirmed == []
    sync.post("alert", b"{}")
    sync.post("res/reprint/a", b"{}")
    sync._post_all()
    assert sync._link.confirmed == [1, 2]
    sync.send("res/items/b", b"{}")
    sync.send("res/items/b", b"{}")
    assert sync._link.confirmed == [1, 2, 3]


def test_what_is_no_command_is_not_kept(sync, desk):
    command(sync, "reprint/a!", 1)
    sync.nobody_asked("cmd/reprint/a!")
    assert sync._link.confirmed == [1]


def test_a_command_that_is_not_answered_is_asked_again_and_not_in_each_turn(sync, desk, now):
    command(sync, "reprint/a", 1)
    for seconds in (AGAIN_S - 0.1, 0.1, 0.1, AGAIN_S):
        now[0] += seconds
        sync._ask_again()
    assert desk.taken == ["cmd/reprint/a"] * 3
    sync._unanswered.forget()
    now[0] += AGAIN_S
    sync._ask_again()
    assert len(desk.taken) == 3, "the broker brings it on the next connection"


def test_commands_never_fill_the_brokers_window(sync, desk):
    for mid in range(HELD_MAX + 3):
        command(sync, f"reprint/{mid}", mid)
    assert sync._link.confirmed == list(range(HELD_MAX, HELD_MAX + 3))
