"""Which of the lane's languages a client gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.api.answers import Say


def choose(accept_language: str, translations: Mapping[str, Say]) -> Say:
    """The best match of an Accept-Language header (RFC 9110 §12.5.4), else the first translation.

    A language matches whatever its region or script: zh-TW and zh-Hans get zh_CN.
    """
    for wanted in sorted(accept_language.split(","), key=_quality, reverse=True):
        language = wanted.partition(";")[0].strip().lower().partition("-")[0]
        for name, say in translations.items():
            if name.partition("_")[0] == language:
                return say
    return next(iter(translations.values()))


def _quality(wanted: str) -> str:
    """The weight as text: with one digit before the point, texts sort as the numbers do."""
    _, _, weight = wanted.replace(" ", "").partition(";q=")
    return weight or "1"
