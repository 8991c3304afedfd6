"""The words of the screen, and what a device is called."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from agent.api.words import KIND_TEXTS, SCREEN_TEXTS, STATE_TEXTS, device_words, screen_words
from agent.domain.text import Text
from agent.handle import DeviceHealth, DeviceState
from agent.i18n import translator
from drivers import registry
from drivers.base import ScaleCondition

SCREEN = Path(__file__).parents[3] / "agent" / "screen"


def test_places_for_arguments_stay_open_in_every_language() -> None:
    assert screen_words(Text.english)["to_be_sent"] == "{count} to be sent"
    assert screen_words(translator("zh_CN"))["to_be_sent"] == "{count} 条待上传"


def test_every_word_that_a_page_asks_for_is_there_and_every_word_is_asked_for() -> None:
    pages = "".join(file.read_text("utf-8") for file in SCREEN.iterdir())
    asked = set(re.findall(r'(?:data-word=|\bword\(|\bword: )"(\w+)"', pages))
    made_up = ("scale_", "sound_")  # word(`scale_${condition}`)

    assert asked - set(SCREEN_TEXTS) == set()
    unasked = [key for key in SCREEN_TEXTS if f'"{key}"' not in pages]
    assert [key for key in unasked if not key.startswith(made_up)] == []


def test_every_condition_of_a_scale_has_a_word() -> None:
    conditions = {"stable", *get_args(ScaleCondition)} - {"steady"}  # told as stable

    assert {key.removeprefix("scale_") for key in SCREEN_TEXTS if key.startswith("scale_")} == (
        conditions
    )


def test_every_kind_and_every_state_of_a_device_has_a_name() -> None:
    kinds = {kind for kind, _ in registry.DRIVERS}

    assert kinds <= set(KIND_TEXTS)
    assert set(STATE_TEXTS) == set(get_args(DeviceState))


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        ("up", "", ("Receipt printer", "Ready")),
        (
            "up",
            "drawer_open, paper_near_end",
            ("Receipt printer", "Receipt paper is nearly at its end"),
        ),
        ("up", "something_else", ("Receipt printer", "Ready")),
        ("misconfigured", "paper_out", ("Receipt printer", "Set up wrongly: call a technician")),
    ],
)
def test_a_device_that_is_up_speaks_for_itself(state, reason, words) -> None:
    name, text = device_words(DeviceHealth("p", "printer", state, reason))

    assert (name.english(), text.english()) == words


def test_a_device_of_a_kind_that_nobody_knows_has_a_name_all_the_same() -> None:
    name, _ = device_words(DeviceHealth("x", "teapot", "up", ""))

    assert name.english() == "Device"
