"""How a scenario in the box tells the host what it found: notes as it goes, one line at last."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.cli.demo.check import Report

MARK = "RESULT "
DENIALS = re.compile(r"permission denied|not permitted|misconfigured|no right to", re.IGNORECASE)


def say(line: object) -> None:
    """One line, whole, whichever threads speak."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@dataclass(slots=True)
class Findings:
    """Figures for the report, and what did not hold."""

    figures: dict[str, object] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def note(self, name: str, found: object) -> None:
        self.figures[name] = found
        say(f"{name}: {found}")

    def hold(self, name: str, found: object, *, held: bool) -> None:
        self.note(name, found)
        if not held:
            self.broken.append(f"{name}: {found}")

    def hold_all(self, report: Report) -> None:
        """Of a comparison of journal, ledger and paper."""
        for invariant in report.invariants:
            if not invariant.held:
                self.broken.append(f"{invariant.text.english()}: {invariant.found}")


def told(scenario: Callable[[Findings], None]) -> None:
    """Run a scenario and print what it found as the last line; nothing it raises gets lost."""
    findings, began = Findings(), time.monotonic()
    try:
        scenario(findings)
    except Exception as error:  # noqa: BLE001  whatever it is, the host hears of it
        traceback.print_exc()
        findings.broken.append(f"{type(error).__name__}: {error}")
    findings.note("seconds", round(time.monotonic() - began, 1))
    say(MARK + json.dumps({"figures": findings.figures, "broken": findings.broken}))


def logged(unit: str, *options: str) -> str:
    """What units of this name have said since the box was started."""
    command = ["journalctl", "--no-pager", "--output=cat", "--boot", f"--unit={unit}", *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def hold_nothing_denied(findings: Findings) -> None:
    """Of none of our units, whatever it has."""
    denied = [line for line in logged("lanetally-*").splitlines() if DENIALS.search(line)]
    findings.hold("denied", len(denied), held=not denied)
    findings.broken += denied[:5]
