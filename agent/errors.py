"""What a technician must put right before the program can go on."""

from __future__ import annotations

from collections.abc import Callable

from agent.domain.text import Text


class TechnicianError(Exception):
    """Stops a command with its message, which says what to change. Nothing is retried."""

    def told(self, say: Callable[[Text], str]) -> str:  # noqa: ARG002  said as it was raised
        """The message in the reader's language, where there is more than the sentence itself."""
        return str(self)
