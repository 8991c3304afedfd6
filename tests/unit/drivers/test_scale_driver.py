"""The 8217 driver against the simulated scale: real bytes on a real pseudo-terminal."""

import os
import select
import threading
import tty
from dataclasses import replace

import pytest

from drivers.base import Beep, DeviceUnavailable, StableWeight, ZeroScale
from drivers.line.serving import serving
from drivers.scale import driver_toledo_8217, sim_voices
from drivers.scale.codec_toledo_8217 import COMMAND_SPACING_MS, PROTOCOLS
from drivers.scale.driver_toledo_8217 import Toledo8217Scale
from drivers.scale.sim import FAULTS, SimulatedScale
from tests.scale_kit import PATIENCE_S, Running, running

MODEL = "toledo-8217"


HASTE_MS = 25


def pace(monkeypatch, spacing_ms: int) -> None:
    """Of questions: what the driver keeps and the scale asks for."""
    hasty = {unit: replace(p, spacing_ms=spacing_ms) for unit, p in PROTOCOLS.items()}
    monkeypatch.setattr(driver_toledo_8217, "PROTOCOLS", hasty)
    monkeypatch.setattr(driver_toledo_8217, "COMMAND_SPACING_MS", spacing_ms)
    monkeypatch.setattr(sim_voices.Toledo8217, "spacing_ms", spacing_ms)


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    """What is tried here is not how long a scale takes, but in the first test."""
    pace(monkeypatch, HASTE_MS)


def weighing(path, **options):
    return running(MODEL, path, **({"poll_ms": HASTE_MS} | options))


@pytest.fixture
def scale():
    with serving(SimulatedScale(settle_ms=0, settle_polls=1)) as scale:
        yield scale


def test_each_placement_is_one_stable_weight_between_motion_and_zero(scale, monkeypatch):
    pace(monkeypatch, COMMAND_SPACING_MS)
    with weighing(scale.path, poll_ms=COMMAND_SPACING_MS) as run:
        assert run.next() == "zero"
        for weight_g in (1235, 1235, 15_000):
            scale.place(weight_g)
            assert [run.next(), run.next()] == ["motion", weight_g]
            scale.remove()
            assert [run.next(), run.next()] == ["motion", "zero"]
    assert run.events.empty()
    assert run.lost is None
    assert scale.commands_too_early == 0
    assert scale.commands_taken >= 10


def test_the_event_carries_the_frame_and_the_time_of_its_last_byte(scale):
    with weighing(scale.path) as run:
        run.until("zero")
        stable_ns = scale.place(500)
        run.until("motion")
        event = run.events.get(timeout=PATIENCE_S)
    assert event == StableWeight("scale", 500, False, b"\x0200.500\r", event.mono_ns)
    assert event.mono_ns > stable_ns


def test_a_tared_scale_gives_net_weights(scale):
    scale.tare(100)
    with weighing(scale.path) as run:
        assert run.next() == "under_zero"
        scale.place(600)
        run.until("motion")
        event = run.events.get(timeout=PATIENCE_S)
    assert (event.weight_g, event.net) == (500, True)


def test_over_capacity_and_under_zero_are_told_and_not_weighed(scale):
    with weighing(scale.path) as run:
        run.until("zero")
        scale.place(20_000)
        run.until("over_capacity")
        scale.place(-50)
        assert run.until("under_zero") == ["motion", "under_zero"]


def test_zero_takes_a_small_load_for_nothing_and_a_large_one_not(scale):
    with weighing(scale.path) as run:
        run.until("zero")
        scale.place(50)
        run.until(50)
        run.driver.handle(ZeroScale())
        assert run.next() == "zero"
        scale.place(5000)
        run.until(4950)
        run.driver.handle(ZeroScale())
        scale.remove()
        assert run.until("under_zero") == ["motion", "under_zero"]


def test_other_commands_are_no_business_of_a_scale(scale):
    driver = Toledo8217Scale("counter scale", Toledo8217Scale.Options(path=scale.path))
    with pytest.raises(TypeError, match=r"counter scale: this scale \(8217\) takes no Beep"):
        driver.handle(Beep("good"))


def test_a_zero_asked_for_while_the_scale_was_away_is_forgotten(scale):
    driver = Toledo8217Scale("scale", Toledo8217Scale.Options(path=scale.path))
    scale.place(50)
    driver.handle(ZeroScale())
    driver.open()
    run = Running(driver)
    run.thread.start()
    assert run.until(50)
    run.stop.set()
    run.thread.join(PATIENCE_S)
    driver.close()


@pytest.mark.parametrize(
    ("fault", "conditions"),
    [
        ("silent", {"not_ready"}),
        ("garbage", {"garbled", "not_ready"}),
        ("truncated", {"garbled"}),
    ],
)
def test_a_faulty_answer_is_told_and_the_next_good_one_is_understood(scale, fault, conditions):
    with weighing(scale.path, timeout_ms=250) as run:
        run.until("zero")
        scale.fail(fault, answers=3)
        assert run.next() in conditions
        run.until("zero")
        scale.place(700)
        assert run.until(700) == ["motion", 700]
    assert fault in FAULTS


def test_noise_on_the_line_costs_no_weight(scale):
    with weighing(scale.path) as run:
        run.until("zero")
        scale.fail("noise_before", answers=20)
        scale.place(700)
        assert run.until(700) == ["motion", 700]


def test_a_pound_scale_gives_grams():
    with (
        serving(SimulatedScale(unit="lb", division_g=1, settle_ms=50)) as scale,
        weighing(scale.path, unit="lb") as run,
    ):
        run.until("zero")
        scale.place(907)  # 2.00 lb
        assert run.until(907)[-1] == 907


def test_parity_bits_of_a_line_with_eight_data_bits_do_no_harm():
    with (
        serving(SimulatedScale(settle_ms=0, parity_in_bit_7=True)) as scale,
        weighing(scale.path) as run,
    ):
        run.until("zero")
        scale.place(1235)
        run.until(1235)


def test_the_units_of_scale_and_configuration_must_agree_or_nothing_is_weighed():
    with (
        serving(SimulatedScale(unit="lb", settle_ms=0)) as scale,
        weighing(scale.path, unit="kg") as run,
    ):
        assert run.next() == "garbled"
        scale.place(500)
        run.stop.wait(0.5)
        assert run.events.empty()


def test_an_unplugged_scale_is_lost_and_serves_the_same_role_when_it_is_back(tmp_path):
    link = tmp_path / "usb-scale"
    with serving(SimulatedScale(link=link, settle_ms=0)) as scale, weighing(link) as run:
        run.until("zero")
        scale.unplug()
        run.thread.join(PATIENCE_S)
        assert run.lost is not None
        run.driver.close()
        with pytest.raises(DeviceUnavailable):
            run.driver.open()
    scale = SimulatedScale(link=link, settle_ms=0)
    scale.place(430)
    with serving(scale), weighing(link) as again:
        assert again.until(430) == [430]


def test_a_line_that_takes_no_bytes_is_unavailable(monkeypatch, scale):
    driver = Toledo8217Scale("scale", Toledo8217Scale.Options(path=scale.path))
    driver.open()
    monkeypatch.setattr(driver._port, "write", lambda data, wait_ms: 0)
    with pytest.raises(DeviceUnavailable, match="takes no bytes"):
        driver.run(lambda event: None, threading.Event())
    driver.close()


# --- probe ---


def test_probe_knows_an_8217_by_its_echo_and_leaves_it_weighing(scale):
    driver = Toledo8217Scale("scale", Toledo8217Scale.Options(path=scale.path))
    assert driver.probe().product == "8217 scale"
    assert driver.probe().path == scale.path
    with weighing(scale.path) as run:
        assert run.next() == "zero"
    assert scale.commands_too_early == 0


def test_probe_finds_nothing_on_a_line_where_nobody_echoes():
    master, slave = os.openpty()
    tty.setraw(slave)
    driver = Toledo8217Scale(
        "scale", Toledo8217Scale.Options(path=os.ttyname(slave), timeout_ms=250)
    )
    with pytest.raises(DeviceUnavailable, match="it said nothing"):
        driver.probe()
    assert os.read(master, 100) == b"Ehello"  # and nothing else was sent to the stranger
    assert not select.select([master], [], [], 0)[0]
    os.close(master)
    os.close(slave)


def test_a_scale_left_echoing_by_a_killed_probe_weighs_again(scale):
    fd = os.open(scale.path, os.O_RDWR | os.O_NOCTTY)
    os.write(fd, b"Ehello")
    assert select.select([fd], [], [], PATIENCE_S)[0]
    threading.Event().wait(0.3)  # the echo's end, and the scale's 200 ms
    os.close(fd)
    with weighing(scale.path, timeout_ms=250) as run:
        assert run.until("zero") == ["garbled", "zero"]
