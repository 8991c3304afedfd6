"""What a technician must put right before the program can go on."""

from __future__ import annotations


class TechnicianError(Exception):
    """Stops a command with its message, which says what to change. Nothing is retried."""
