"""The display driver against the simulated display, over a real pseudo-terminal."""

from __future__ import annotations

import os
import time
import tty
from contextlib import ExitStack

import pytest

from drivers.base import Beep, DeviceUnavailable, DisplayText, Driver
from drivers.display.driver_line_display import Cd5220Display, EscposDisplay
from drivers.display.sim import VirtualDisplay, pty_display
from drivers.registry import load
from tests.scale_kit import PATIENCE_S, Running, started

CLASSES = {"cd5220": Cd5220Display, "escpos": EscposDisplay}


def wait_for(display: VirtualDisplay, upper: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while display.lines[0].rstrip() != upper:
        assert time.monotonic() < end, display.lines
        time.sleep(0.005)


@pytest.fixture(params=sorted(CLASSES))
def mode(request) -> str:
    return request.param


@pytest.fixture
def display(mode) -> VirtualDisplay:
    return VirtualDisplay(mode)


def driver_for(mode: str, path: str, **options):
    cls = CLASSES[mode]
    return cls("customer", cls.Options(path=path, **options))


def test_both_are_registered_and_keep_the_contract(mode):
    assert load("display", mode) is CLASSES[mode]
    assert isinstance(driver_for(mode, "/nowhere"), Driver)


def test_a_text_is_shown_and_the_last_one_stays(mode, display):
    with pty_display(display) as path:
        driver = driver_for(mode, path, welcome="Welcome")
        with started(Running(driver)) as run:
            wait_for(display, "Welcome")
            for number in range(20):
                driver.handle(DisplayText((f"Item {number}", "12.50")))
            wait_for(display, "Item 19")
            assert display.lines[1].rstrip() == "12.50"
        assert run.events.empty()


def test_accented_letters_are_shown_by_the_code_page(tmp_path):
    display = VirtualDisplay("escpos")
    with pty_display(display) as path:
        driver = driver_for("escpos", path, code_page="cp858", welcome="Crème 5 €")
        with started(Running(driver)):
            wait_for(display, "Crème 5 €")


def test_a_display_that_was_unplugged_shows_the_last_text_again(mode, display, tmp_path):
    link = tmp_path / "display"
    driver = driver_for(mode, str(link))
    with ExitStack() as plugged:
        plugged.enter_context(pty_display(display, link))
        with started(Running(driver)) as run:
            driver.handle(DisplayText(("Milk", "12.50")))
            wait_for(display, "Milk")
            plugged.close()
            run.thread.join(PATIENCE_S)
    assert run.lost is not None
    again = VirtualDisplay(mode)
    with pty_display(again, link), started(Running(driver)):
        wait_for(again, "Milk")


def test_a_display_is_no_printer(mode):
    with pytest.raises(TypeError, match="takes no Beep"):
        driver_for(mode, "/nowhere").handle(Beep("good"))


def test_an_absent_line_is_unavailable(mode):
    with pytest.raises(DeviceUnavailable):
        driver_for(mode, "/dev/nowhere").open()


def test_a_line_that_takes_nothing_is_unavailable(mode, monkeypatch):
    master, slave = os.openpty()
    tty.setraw(slave)
    driver = driver_for(mode, os.ttyname(slave))
    monkeypatch.setattr(driver._port, "write", lambda data, wait_ms: 0)
    with started(Running(driver)) as run:
        run.thread.join(PATIENCE_S)
    assert "takes no bytes" in str(run.lost)
    os.close(master)
    os.close(slave)


def test_it_is_probed_without_a_byte_to_it(mode, display):
    with pty_display(display) as path:
        assert driver_for(mode, path).probe().path == path
    assert display.clears == 0
