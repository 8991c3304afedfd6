"""`agent.i18n`: sentences in the shop's language."""

from __future__ import annotations

import pytest

from agent.domain.text import Text
from agent.i18n import LANGUAGES, language_of, translator


def test_arguments_are_filled_in_after_translation():
    text = Text("{role} is back", {"role": "scanner"})
    assert translator("en")(text) == "scanner is back"
    assert translator("zh_CN")(text) == "scanner 已恢复"


@pytest.mark.parametrize("language", [*LANGUAGES, "tlh"])
def test_a_sentence_without_translation_stays_english(language):
    assert translator(language)(Text("no {n} such", {"n": 1})) == "no 1 such"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_no_sentence(language):
    """gettext answers the empty id with the header of its catalogue."""
    assert translator(language)(Text("")) == ""


def test_braces_in_arguments_are_just_characters():
    assert translator("en")(Text("{role} is back", {"role": "{x}"})) == "{x} is back"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LC_ALL": "", "LC_MESSAGES": "zh_TW", "LANG": "de_DE"}, "zh_CN"),
        ({"LC_ALL": "de_DE", "LANG": "zh_CN"}, "en"),
    ],
)
def test_the_shells_locale_decides_what_a_technician_reads(environment, language):
    assert language_of(environment) == language
