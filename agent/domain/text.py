"""Sentences for people, as data: the domain says what, the edges say it in the shop's language."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Text:
    """A message id (the English sentence, `{name}` for arguments) and its arguments.

    The id is looked up in the message catalogue; the arguments are filled in after translation.
    """

    id: str
    args: dict[str, str | int] = field(default_factory=dict)

    def english(self) -> str:
        return self.id.format(**self.args)
