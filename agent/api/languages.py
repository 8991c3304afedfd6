"""Which of the lane's languages a client gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.api.answers import Say


def choose(accept_language: str, translations: Mapping[str, Say]) -> Say:
    """The translation into the best language; see `best`."""
    return translations[best(accept_language, translations)]


def best(accept_language: str, translations: Mapping[str, Say]) -> str:
    """The best match of an Accept-Language header (RFC 9110 §12.5.4), else the first language.

    A language matches whatever its region or script: zh-TW and zh-Hans get zh_CN.
    """
    for wanted in sorted(accept_language.split(","), key=_quality, reverse=True):
        language = wanted.partition(";")[0].strip().lower().partition("-")[0]
        for name in translations:
            if name.partition("_")[0] == language:
                return name
    return next(iter(translations))


def _quality(wanted: str) -> str:
    """The weight as text: with one digit before the point, texts sort as the numbers do."""
    _, _, weight = wanted.replace(" ", "").partition(";q=")
    return weight or "1"
