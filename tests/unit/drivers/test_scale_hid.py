"""The HID scale driver against its simulator: whole reports on a packet socket."""

import threading

import pytest

from drivers.base import Beep, DeviceUnavailable, ProtocolError, ScaleState, ZeroScale
from drivers.line.placement import Status, Weight
from drivers.line.serving import serving
from drivers.scale import sim_hid
from drivers.scale.codec_hid_scale import HidScaleCodec, read_report
from drivers.scale.sim_hid import UNIT_OUNCE, SimulatedHidScale, report
from tests.scale_kit import PATIENCE_S, driver_of, running

MODEL = "hid"


@pytest.fixture(autouse=True)
def hasty_reports(monkeypatch):
    monkeypatch.setattr(sim_hid, "EVERY_MS", 20)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "hidraw-scale"


@pytest.fixture
def scale(path):
    with serving(SimulatedHidScale(path, settle_ms=60)) as scale:
        yield scale


# --- reports ---


@pytest.mark.parametrize(
    ("raw", "reading"),
    [
        (report(4, 2, 0, 1234), Weight(1234, net=False)),
        (report(4, 1, 2, 50), Weight(5, net=False)),
        (report(4, 3, -3, 1235), Weight(1235, net=False)),
        (report(4, 8, -3, 2), Weight(2000, net=False)),
        (report(4, 11, -1, 160), Weight(454, net=False)),
        (report(4, 12, -2, 200), Weight(907, net=False)),
        (b"\x04" + report(4, 2, 0, 65_535)[1:], Weight(65_535, net=False)),
        (report(1, 2, 0, 0), Status("not_ready")),
        (report(2, 2, 0, 0), Status("zero")),
        (report(3, 2, 0, 900), Status("motion")),
        (report(5, 2, 0, 0), Status("under_zero")),
        (report(6, 2, 0, 0), Status("over_capacity")),
        (report(7, 2, 0, 0), Status("not_ready")),
        (report(8, 2, 0, 0), Status("not_ready")),
    ],
)
def test_a_report_says_what_the_usage_tables_say(raw, reading):
    assert read_report(raw) == reading


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        report(4, 2, 0, 1)[:-1],
        report(4, 2, 0, 1) + b"\0",
        b"\x05" + report(4, 2, 0, 1)[1:],
        report(0, 2, 0, 1),
        report(9, 2, 0, 1),
        report(4, 0, 0, 1),
        report(4, 4, 0, 1),  # carats
        report(4, 2, 10, 1),
        report(4, 2, -128, 1),
    ],
)
def test_what_is_no_weight_report_is_a_protocol_error(raw):
    with pytest.raises(ProtocolError):
        read_report(raw)


def test_the_first_report_is_the_weighing_before_and_others_about_something_else_are_counted():
    codec = HidScaleCodec("scale", division_g=5)
    assert codec.feed(b"\x05\x01", 0) == []
    assert codec.feed(report(4, 2, 0, 1800), 1) == []
    assert codec.feed(report(2, 2, 0, 0), 2) == [ScaleState("scale", "zero", report(2, 2, 0, 0), 2)]
    [garbled] = codec.feed(report(9, 2, 0, 0), 3)
    assert garbled.condition == "garbled"
    assert (codec.other_reports, codec.protocol_errors) == (1, 1)


# --- driver ---


def test_each_placement_is_one_stable_weight_between_motion_and_zero(scale, path):
    with running(MODEL, path, division_g=2) as run:
        assert run.next() == "zero"
        for weight_g in (1234, 1234):
            scale.place(weight_g)
            assert [run.next(), run.next()] == ["motion", weight_g]
            scale.place(0)
            assert [run.next(), run.next()] == ["motion", "zero"]
    assert run.events.empty()


def test_what_was_weighed_before_opening_is_not_weighed_again(scale, path):
    with running(MODEL, path) as run:
        run.until("zero")
        scale.place(500)
        run.until(500)
    scale.place(0)
    threading.Event().wait(0.2)  # it settles while nobody fetches reports
    with running(MODEL, path) as run:
        assert run.next() == "zero"


def test_over_and_under_are_told_and_not_weighed(scale, path):
    with running(MODEL, path) as run:
        run.until("zero")
        scale.place(20_000)
        assert run.until("over_capacity") == ["motion", "over_capacity"]
        scale.place(-50)
        assert run.until("under_zero") == ["motion", "under_zero"]


def test_ounces_are_grams(path):
    with (
        serving(SimulatedHidScale(path, unit=UNIT_OUNCE, division_g=1, settle_ms=0)) as scale,
        running(MODEL, path) as run,
    ):
        run.until("zero")
        scale.place(907)  # 32.0 oz
        assert run.until(907)[-1] == 907


def test_zero_takes_a_small_load_for_nothing(scale, path):
    with running(MODEL, path) as run:
        run.until("zero")
        scale.place(50)
        run.until(50)
        run.driver.handle(ZeroScale())
        assert run.next() == "zero"
    assert scale.zeroed == 1


def test_a_zero_asked_for_while_the_scale_was_away_is_forgotten(scale, path):
    driver = driver_of(MODEL, path)
    driver.handle(ZeroScale())
    driver.open()
    stop = threading.Event()
    driver.run(lambda event: stop.set(), stop)
    driver.close()
    assert scale.zeroed == 0


def test_other_commands_are_no_business_of_a_scale(path):
    with pytest.raises(TypeError, match="scale: a HID scale takes no Beep"):
        driver_of(MODEL, path).handle(Beep("good"))


def test_a_scale_known_to_report_all_the_time_is_missed_when_silent(scale, path):
    with running(MODEL, path, silence_ms=300) as run:
        run.until("zero")
        scale.place(700)
        run.until(700)
        scale.fall_silent()
        assert run.next() == "not_ready"
        scale.speak_again()
        assert run.next() == "steady"


def test_an_unplugged_scale_is_lost_and_serves_the_same_role_when_it_is_back(scale, path):
    with running(MODEL, path) as run:
        run.until("zero")
        scale.unplug()
        run.thread.join(PATIENCE_S)
        assert run.lost is not None
        run.driver.close()
        while path.exists():
            threading.Event().wait(0.01)
        with pytest.raises(DeviceUnavailable):
            run.driver.open()
    with serving(SimulatedHidScale(path, settle_ms=0)) as back, running(MODEL, path) as again:
        again.until("zero")
        back.place(430)
        assert again.until(430)[-1] == 430


def test_probe_asks_the_kernel_and_sends_nothing(scale, path):
    assert driver_of(MODEL, path).probe().path == str(path)
    with pytest.raises(DeviceUnavailable):
        driver_of(MODEL, path.with_name("nowhere")).probe()
