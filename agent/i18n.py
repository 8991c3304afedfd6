"""Sentences in the language of the shop: message ids looked up in compiled catalogues.

The catalogues are `agent/locale/<language>/LC_MESSAGES/lanetally.{po,mo}`; `make messages` brings
them up to date. English needs none: the ids are English sentences.
"""

from __future__ import annotations

import gettext
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeAlias

from agent.domain.text import Text, filled

DOMAIN = "lanetally"
LOCALE_DIR = Path(__file__).parent / "locale"
LANGUAGES = ("en", "zh_CN")

Say: TypeAlias = Callable[[Text], str]


@cache
def translator(language: str) -> Say:
    """A function that turns a Text into a sentence; one without translation stays English."""
    catalogue = gettext.translation(DOMAIN, LOCALE_DIR, languages=[language], fallback=True)

    def say(text: Text) -> str:
        return filled(catalogue.gettext(text.id), text.args) if text.id else ""

    return say


def language_of(environment: Mapping[str, str]) -> str:
    """The language of a technician's shell: the first POSIX locale variable that is set decides."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    return "zh_CN" if locale.startswith("zh") else "en"
