"""How a scenario in the box tells the host what it found: notes as it goes, one line at last."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

MARK = "RESULT "


@dataclass(slots=True)
class Findings:
    """Figures for the report, and what did not hold."""

    figures: dict[str, object] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def hold(self, name: str, found: object, *, held: bool) -> None:
        self.figures[name] = found
        if not held:
            self.broken.append(f"{name}: {found}")


def told(scenario: Callable[[Findings], None]) -> None:
    """Run a scenario and print what it found; nothing it raises gets lost."""
    findings, began = Findings(), time.monotonic()
    try:
        scenario(findings)
    except Exception as error:  # noqa: BLE001  whatever it is, the host hears of it
        traceback.print_exc()
        findings.broken.append(f"{type(error).__name__}: {error}")
    findings.figures["seconds"] = round(time.monotonic() - began, 1)
    print(MARK + json.dumps({"figures": findings.figures, "broken": findings.broken}), flush=True)
