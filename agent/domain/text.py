"""Sentences for people, as data: the domain says what, the edges say it in the shop's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_PLURAL = re.compile(r"\{(\w+)\}([^{}]*?)\(s\)")


@dataclass(frozen=True, slots=True)
class Text:
    """A message id (the English sentence, `{name}` for arguments) and its arguments.

    The id is looked up in the message catalogue; the arguments are filled in after translation.
    "(s)" is the plural of the argument before it: "{count} item(s)".
    """

    id: str
    args: dict[str, str | int] = field(default_factory=dict)

    def english(self) -> str:
        return filled(self.id, self.args)


def filled(sentence: str, args: Mapping[str, str | int]) -> str:
    """A sentence of any language with its arguments."""
    if "(s)" in sentence:
        sentence = _PLURAL.sub(lambda m: m[0][:-3] + ("" if args[m[1]] == 1 else "s"), sentence)
    return sentence.format(**args)
