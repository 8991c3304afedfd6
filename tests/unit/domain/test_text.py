"""Sentences as data: arguments, and the plural of what they count."""

from __future__ import annotations

import pytest

from agent.domain.text import Text, filled
from agent.i18n import translator


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 items not scanned"), (1, "1 item not scanned"), (2, "2 items not scanned")],
)
def test_one_item_is_no_items(count, said):
    text = Text("{count} item(s) not scanned", {"count": count})
    assert text.english() == translator("en")(text) == said


def test_each_plural_follows_what_stands_before_it():
    sentence = "{seen} tag(s) of {item} are here, {scanned} line(s) were scanned"
    assert filled(sentence, {"seen": 1, "item": "tea (s)", "scanned": 3}) == (
        "1 tag of tea (s) are here, 3 lines were scanned"
    )


def test_chinese_has_none():
    said = translator("zh_CN")(Text("{count} item(s) not scanned", {"count": 2}))
    assert "2" in said
    assert "s" not in said
