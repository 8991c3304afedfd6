"""The `[journal]` table: what the lane keeps, how long, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

from agent.domain.settings import option


@dataclass(frozen=True, slots=True)
class JournalSettings:
    keep_days: int = option(
        30,
        "acknowledged facts older than this go into compressed archives",
        unit="d",
        low=1,
        high=3650,
    )
    max_mb: int = option(
        2048,
        "from this size on, what the sensors tell is left out; sales never are",
        unit="MB",
        low=16,
        high=1_000_000,
    )
    nightly: str = option(
        "03:30",
        "local time of backup, archiving and check; after the next start if the lane is off then",
        pattern="([01][0-9]|2[0-3]):[0-5][0-9]",
    )
    backup_dir: str = option("", "folder of the nightly backups; backup in data_dir if empty")
    backup_keep: int = option(7, "backups that are kept; 0: none is made", low=0, high=365)
