"""`make lab`: a virtual store box with real USB devices, its scenarios one after the other.

    python -m tests.lab [SCENARIO...] [--results DIR] [--cuts N]

One line for each scenario; ends with 1 if any of them did not hold. What the box left behind lies
in DIR: for each scenario its journal, the receipts and the console; `report.json` with all figures.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.lab.hands import GuestFailed
from tests.lab.image import LabUnprepared, built, install_tools
from tests.lab.lab import Lab, Options, installed
from tests.lab.outcome import Outcome
from tests.lab.scenarios import SCENARIOS


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.lab")
    parser.add_argument("scenario", nargs="*", choices=[*SCENARIOS, []], metavar="SCENARIO")
    parser.add_argument("--results", type=Path, default=Path("out/lab"))
    parser.add_argument("--cuts", type=int, default=Options.cuts, help="of the power")
    args = parser.parse_args()
    try:
        install_tools()
        with TemporaryDirectory(prefix="lanetally-lab-") as scratch:
            folder, image = Path(scratch), built()
            options = Options(args.cuts)
            bed = installed(image, folder)
            lab = Lab(image, bed, folder, args.results, options)
            return _played(lab, args.scenario or [*SCENARIOS])
    except (LabUnprepared, GuestFailed) as error:
        print(error, file=sys.stderr)
        return 1


def _played(lab: Lab, names: list[str]) -> int:
    """1 if any scenario did not hold."""
    shutil.rmtree(lab.results, ignore_errors=True)
    lab.results.mkdir(parents=True)
    report: dict[str, dict[str, object]] = {}
    for name in names:
        began = time.monotonic()
        try:
            outcome = SCENARIOS[name](lab)
        except GuestFailed as error:
            outcome = Outcome({}, [str(error)])
        figures = outcome.figures | {"host_s": round(time.monotonic() - began)}
        report[name] = {"figures": figures, "broken": outcome.broken}
        print(_line(name, figures, outcome.broken), flush=True)
        said = json.dumps(report, indent=2, ensure_ascii=False)
        (lab.results / "report.json").write_text(said, "utf-8")
    print(f"{lab.results}: journals, receipts, consoles, report.json")
    return int(any(entry["broken"] for entry in report.values()))


def _line(name: str, figures: dict[str, object], broken: list[str]) -> str:
    said = ", ".join(f"{key} {value}" for key, value in figures.items())
    lines = [f"{'FAILED' if broken else 'ok':7}{name:10} {said}"]
    return "\n".join([*lines, *(f"       - {what}" for what in broken)])


if __name__ == "__main__":
    sys.exit(main())
