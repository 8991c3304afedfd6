"""Every serial scale driver against its simulator: real bytes on a real pseudo-terminal.

The 8217 has a file of its own, `test_scale_driver.py`.
"""

import os
import threading
import tty

import pytest

from drivers.base import DeviceUnavailable, ZeroScale
from drivers.line.serving import serving
from drivers.scale import sim_voices
from drivers.scale.sim import SimulatedScale
from tests.scale_kit import PATIENCE_S, driver_of, running

#: Driver, and what its simulator speaks.
SCALES = [
    ("nci", "nci"),
    ("nci", "nci-scp-01"),
    ("sma", "sma"),
    ("mt-sics", "mt-sics"),
    ("cas", "cas"),
    ("icl", "icl"),
    ("toledo-continuous", "toledo-continuous"),
    ("cas-stream", "cas-stream"),
]
ASKED = [scale for scale in SCALES if scale[0] not in ("toledo-continuous", "cas-stream")]
ZEROED = [scale for scale in ASKED if scale[0] not in ("cas", "icl")]


@pytest.fixture(autouse=True)
def hasty_streams(monkeypatch):
    """Frames as fast as the line takes them: what is tried here is not how long they take."""
    monkeypatch.setattr(sim_voices.ToledoContinuous, "every_ms", 25)
    monkeypatch.setattr(sim_voices.CasStream, "every_ms", 25)


def simulated(voice, **options):
    quick = {"settle_ms": 0, "settle_polls": 1, "baud": 115_200}
    return SimulatedScale(protocol=voice, **(quick | options))


@pytest.mark.parametrize(("model", "voice"), SCALES)
def test_each_placement_is_one_stable_weight_between_motion_and_zero(model, voice):
    with serving(simulated(voice)) as scale, running(model, scale.path) as run:
        assert run.next() == "zero"
        for weight_g in (1235, 1235, 15_000):
            scale.place(weight_g)
            assert [run.next(), run.next()] == ["motion", weight_g]
            scale.remove()
            assert [run.next(), run.next()] == ["motion", "zero"]
    assert run.events.empty()
    assert run.lost is None
    assert scale.commands_too_early == 0


@pytest.mark.parametrize(("model", "voice"), [scale for scale in SCALES if scale[0] != "icl"])
def test_over_capacity_and_under_zero_are_told_and_not_weighed(model, voice):
    with serving(simulated(voice)) as scale, running(model, scale.path) as run:
        run.until("zero")
        scale.place(20_000)
        assert set(run.until("over_capacity")) <= {"motion", "over_capacity"}
        scale.place(-50)
        assert set(run.until("under_zero")) <= {"motion", "over_capacity", "under_zero"}


@pytest.mark.parametrize("weight_g", [20_000, -50])
def test_a_scale_that_does_not_say_why_it_is_out_of_range_is_not_ready(weight_g):
    with serving(simulated("icl")) as scale, running("icl", scale.path) as run:
        run.until("zero")
        scale.place(weight_g)
        assert run.until("not_ready") == ["motion", "not_ready"]


@pytest.mark.parametrize(("model", "voice"), SCALES)
def test_a_pound_scale_gives_grams(model, voice):
    with (
        serving(simulated(voice, unit="lb", division_g=1)) as scale,
        running(model, scale.path) as run,
    ):
        run.until("zero")
        scale.place(907)  # 2.00 lb
        assert run.until(907) == ["motion", 907]


@pytest.mark.parametrize(
    ("model", "voice", "net"),
    [
        ("nci", "nci", True),
        ("sma", "sma", True),
        ("mt-sics", "mt-sics", False),  # does not say
        ("cas", "cas", False),  # does not say
        ("icl", "icl", False),  # does not say
        ("toledo-continuous", "toledo-continuous", True),
        ("cas-stream", "cas-stream", True),
    ],
)
def test_a_tared_scale_gives_net_weights_and_says_so_if_it_can(model, voice, net):
    with serving(simulated(voice)) as scale:
        scale.tare(100)
        scale.place(600)
        with running(model, scale.path) as run:
            event = run.weight()
    assert (event.weight_g, event.net) == (500, net)


#: ICL answers with single bytes and no check: garbage that holds such a byte is an answer of it.
FAULTY = [
    (fault, *scale)
    for scale in SCALES
    for fault in ("silent", "garbage", "truncated")
    if (fault, scale[0]) != ("garbage", "icl")
]


@pytest.mark.parametrize(("fault", "model", "voice"), FAULTY)
def test_a_faulty_answer_is_told_and_the_next_good_one_is_understood(fault, model, voice):
    with (
        serving(simulated(voice)) as scale,
        running(model, scale.path, timeout_ms=120) as run,
    ):
        run.until("zero")
        scale.place(700)
        run.until(700)
        scale.fail(fault, answers=2 if (model, voice) in ASKED else 10)  # 10: past the time-out
        assert run.next() in {"garbled", "not_ready"}
        assert set(run.until("steady")) <= {"garbled", "not_ready", "steady"}
        scale.remove()
        assert set(run.until("zero")) == {"motion", "zero"}


@pytest.mark.parametrize(("model", "voice"), SCALES)
def test_noise_on_the_line_costs_no_weight(model, voice):
    with serving(simulated(voice)) as scale, running(model, scale.path) as run:
        run.until("zero")
        scale.fail("noise_before", answers=20)
        scale.place(700)
        assert run.until(700) == ["motion", 700]


@pytest.mark.parametrize(("model", "voice"), ZEROED)
def test_zero_takes_a_small_load_for_nothing(model, voice):
    with serving(simulated(voice)) as scale, running(model, scale.path) as run:
        run.until("zero")
        scale.place(50)
        run.until(50)
        run.driver.handle(ZeroScale())
        assert run.next() == "zero"


@pytest.mark.parametrize("model", ["cas", "icl", "cas-stream", "toledo-continuous"])
def test_a_scale_without_a_command_to_zero_takes_none(model):
    with pytest.raises(TypeError, match="takes no ZeroScale"):
        driver_of(model, "/nowhere").handle(ZeroScale())


@pytest.mark.parametrize(("model", "voice"), SCALES)
def test_an_unplugged_scale_is_lost_and_serves_the_same_role_when_it_is_back(
    model, voice, tmp_path
):
    link = tmp_path / "usb-scale"
    with (
        serving(simulated(voice, link=link)) as scale,
        running(model, link) as run,
    ):
        run.until("zero")
        scale.unplug()
        run.thread.join(PATIENCE_S)
        assert run.lost is not None
        run.driver.close()
        with pytest.raises(DeviceUnavailable):
            run.driver.open()
    scale = simulated(voice, link=link, settle_polls=0)
    scale.place(430)
    with serving(scale), running(model, link) as again:
        assert again.until(430) == [430]


# --- probe ---


@pytest.mark.parametrize(("model", "voice"), SCALES)
def test_probe_knows_a_scale_by_a_whole_frame_and_leaves_it_weighing(model, voice):
    with serving(simulated(voice)) as scale:
        driver = driver_of(model, scale.path)
        identity = driver.probe()
        assert identity.product.endswith(" scale")
        assert identity.path == scale.path
        with running(model, scale.path) as run:
            assert run.next() == "zero"
    assert scale.commands_too_early == 0


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("nci", b"W\r"),
        ("sma", b"\nW\r"),
        ("mt-sics", b"SI\r\n"),
        ("cas", b"\x05"),
        ("icl", b"\x05"),
        ("cas-stream", b""),
        ("toledo-continuous", b""),
    ],
)
def test_probe_says_what_it_heard_instead_and_sends_a_stranger_no_more_than_the_question(
    model, asked
):
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    talker = threading.Timer(0.1, os.write, (master, b"hello"))  # opening drops what came before
    talker.start()
    driver = driver_of(model, os.ttyname(slave), timeout_ms=500)
    with pytest.raises(DeviceUnavailable, match="5 other bytes, 0 broken frames"):
        driver.probe()
    talker.join()
    heard = b""
    if asked:
        heard = os.read(master, 100)
    assert heard in (asked, asked * 2)  # the time-out asks once more
    os.close(master)
    os.close(slave)
