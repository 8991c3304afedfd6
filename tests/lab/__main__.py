"""`make lab`: a virtual store box with real USB devices, its scenarios one after the other.

    python -m tests.lab [SCENARIO...] [--arch NAME] [--results DIR] [--cuts N] [--idle-min N]

One line for each scenario; ends with 1 if any of them did not hold. What the box left behind lies
in DIR: for each scenario its journal, the receipts and the console; `report.json` with all figures.
All scenarios are played in three boxes side by side, named ones one after the other.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.lab.arch import AMD64, ARCHS
from tests.lab.cache import LabUnprepared, alone
from tests.lab.hands import GuestFailed
from tests.lab.image import built, install_tools
from tests.lab.lab import Lab, Options, installed
from tests.lab.machine import end_all
from tests.lab.outcome import Outcome
from tests.lab.paper import drawn
from tests.lab.scenarios import ASIDE, MAIN, NICENESS, SCENARIOS


def main() -> int:
    parser, usual = argparse.ArgumentParser(prog="tests.lab"), Options()
    parser.add_argument("scenario", nargs="*", choices=[*SCENARIOS, []], metavar="SCENARIO")
    parser.add_argument("--arch", choices=ARCHS, default=AMD64.name, help="the box's processor")
    parser.add_argument("--results", type=Path, help="default: out/lab/ARCH")
    parser.add_argument("--cuts", type=int, default=usual.cuts, help="of the power")
    parser.add_argument("--idle-min", type=int, default=usual.idle_min, help="minutes of rest")
    args = parser.parse_args()
    _end_like_interrupted()
    arch = ARCHS[args.arch]
    try:
        with alone(arch), TemporaryDirectory(prefix="lanetally-lab-") as scratch:
            install_tools(arch)
            folder, image = Path(scratch), built(arch)
            options = Options(args.cuts, args.idle_min)
            bed = installed(image, folder)
            lab = Lab(image, bed, folder, args.results or Path("out/lab", arch.name), options)
            rows = [args.scenario] if args.scenario else [MAIN, *ASIDE]
            return _all_played(lab, rows)
    except (LabUnprepared, GuestFailed) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _end_like_interrupted() -> None:
    """No box outlives this process."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, signal.default_int_handler)


def _all_played(lab: Lab, rows: Sequence[Sequence[str]]) -> int:
    """Each row of scenarios in a box beside the others'. 1 if any scenario did not hold."""
    shutil.rmtree(lab.results, ignore_errors=True)
    lab.results.mkdir(parents=True)
    report = Report(lab.results / "report.json")
    stopped = threading.Event()

    def play(row: Sequence[str]) -> None:
        its = lab.beside(row[0], NICENESS * rows.index(row))
        for name in row:
            began = time.monotonic()
            outcome = _played(its, name)
            if stopped.is_set():  # what broke it off says nothing of the box
                return
            about = {"arch": lab.image.arch.name, "host_s": round(time.monotonic() - began)}
            report.add(name, Outcome(outcome.figures | about, outcome.broken))

    with ThreadPoolExecutor() as pool:
        try:
            list(pool.map(play, rows))
        except KeyboardInterrupt:
            stopped.set()
            end_all()
            raise
    print(f"{lab.results}: journals, receipts, consoles, report.json")
    return int(report.is_broken)


def _played(lab: Lab, name: str) -> Outcome:
    try:
        outcome = SCENARIOS[name](lab)
    except GuestFailed as error:
        return Outcome({}, [str(error)])
    found, broken = drawn(lab.results / name)
    printed = int(str(outcome.figures.get("receipts_printed", 0)))
    if found < printed:
        broken.append(f"of {printed} receipts printed, {found} were found on paper")
    return Outcome(outcome.figures | {"receipts_drawn": found}, outcome.broken + broken)


class Report:
    """What is told of each scenario as soon as it ends, and kept as JSON."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._entries: dict[str, Outcome] = {}
        self._lock = threading.Lock()

    @property
    def is_broken(self) -> bool:
        return any(entry.broken for entry in self._entries.values())

    def add(self, name: str, outcome: Outcome) -> None:
        with self._lock:
            self._entries[name] = outcome
            print(_line(name, outcome), flush=True)
            entries = {name: asdict(entry) for name, entry in self._entries.items()}
            said = json.dumps(entries, indent=2, ensure_ascii=False)
            self._file.write_text(said, "utf-8")


def _line(name: str, outcome: Outcome) -> str:
    said = ", ".join(f"{key} {value}" for key, value in outcome.figures.items())
    lines = [f"{'FAILED' if outcome.broken else 'ok':7}{name:10} {said}"]
    return "\n".join([*lines, *(f"       - {what}" for what in outcome.broken)])


if __name__ == "__main__":
    sys.exit(main())
