"""What a unit uses of the box, by the kernel's own count."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Usage:
    """So far. CPU in milliseconds, bytes as they were sent to the disk, memory now in kB."""

    cpu_ms: int
    written_bytes: int
    resident_kb: int
    proportional_kb: int  #: what is shared with others, shared out

    def since(self, before: Usage) -> Usage:
        return Usage(
            self.cpu_ms - before.cpu_ms,
            self.written_bytes - before.written_bytes,
            self.resident_kb,
            self.proportional_kb,
        )


def shown(unit: str, name: str) -> str:
    """A property of a unit."""
    command = ["systemctl", "show", unit, f"--property={name}", "--value"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main_pid(unit: str) -> int:
    """0 if it does not run."""
    return int(shown(unit, "MainPID"))


def usage(unit: str) -> Usage:
    """Of the main process of a unit. `write_bytes`: Documentation/filesystems/proc.rst, 3.3."""
    folder = Path("/proc") / str(main_pid(unit))
    times = (folder / "stat").read_text().rpartition(") ")[2].split()
    ticks = int(times[11]) + int(times[12])  # utime, stime: fields 14 and 15 of the whole line
    memory = _fields(folder / "smaps_rollup")
    return Usage(
        ticks * 1000 // os.sysconf("SC_CLK_TCK"),
        _fields(folder / "io")["write_bytes"],
        memory["Rss"],
        memory["Pss"],
    )


def written_bytes(disk: Path) -> int:
    """To a block device since the box was started, with all that waits to be written.

    Documentation/block/stat.rst: the seventh field, in sectors of 512 bytes.
    """
    os.sync()
    stat = Path("/sys/class/block") / disk.resolve().name / "stat"
    return int(stat.read_text().split()[6]) * 512


def _fields(file: Path) -> dict[str, int]:
    lines = (line.partition(":") for line in file.read_text().splitlines()[:60])
    return {name: int(value.split()[0]) for name, _, value in lines if value[:1] in " \t"}
