"""`make lab`: a virtual store box with real USB devices, its scenarios one after the other.

    python -m tests.lab [SCENARIO...] [--results DIR]

One line for each scenario; ends with 1 if any of them did not hold. What the box left behind lies
in DIR: its journal, the lane's log, the receipts, the console, and `report.json` with all figures.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.lab.image import Image, LabUnprepared, built, cache, install_tools
from tests.lab.machine import GuestFailed, Machine
from tests.lab.payload import payload
from tests.lab.scenarios import SCENARIOS, Outcome

INSTALL = (
    "systemctl start lab.mount && "
    "sh /lab/systemd/install.sh /lab/wheels/lanetally-*.whl --wheels /lab/wheels"
)
INSTALL_S = 900.0

#: What is taken out of the box at the end, by the name that it gets.
LEFT_BEHIND = {
    "journal.txt": "journalctl --no-pager --output=short-precise",
    "lane.txt": "journalctl --no-pager --output=cat --unit='lanetally-*'",
    "kernel.txt": "dmesg",
    "receipts.txt": "cat /var/log/lanetally-receipts.txt",
    "boot.txt": "systemd-analyze; systemd-analyze blame",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.lab")
    parser.add_argument("scenario", nargs="*", choices=[*SCENARIOS, []], metavar="SCENARIO")
    parser.add_argument("--results", type=Path, default=Path("out/lab"))
    args = parser.parse_args()
    try:
        return _played(args.scenario or [*SCENARIOS], args.results)
    except (LabUnprepared, GuestFailed) as error:
        print(error, file=sys.stderr)
        return 1


def _played(names: list[str], results: Path) -> int:
    """1 if any scenario did not hold."""
    install_tools()
    image = built()
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    with TemporaryDirectory(prefix="lanetally-lab-") as scratch:
        folder = Path(scratch)
        installed = cache() / f"installed-{payload(folder / 'payload.img')}.qcow2"
        outcomes: dict[str, Outcome] = {}
        if not installed.exists():
            outcomes["install"] = _installed(image, folder, installed)
            print(_line("install", outcomes["install"]), flush=True)
        box = Machine(image, folder / "payload.img", folder, (installed, "qcow2"))
        try:
            outcomes["boot"] = Outcome({"boot_s": round(box.start())})
            print(_line("boot", outcomes["boot"]), flush=True)
            for name in names:
                outcomes[name] = SCENARIOS[name](box, results)
                print(_line(name, outcomes[name]), flush=True)
            _collect(box, results)
        finally:
            box.stop()
            shutil.copyfile(folder / "console.log", results / "console.txt")
    report = {
        name: {"figures": outcome.figures, "broken": outcome.broken}
        for name, outcome in outcomes.items()
    }
    (results / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False))
    print(f"{results}: journal, logs, receipts, report.json")
    return int(any(outcome.broken for outcome in outcomes.values()))


def _installed(image: Image, folder: Path, disk: Path) -> Outcome:
    """A disk with Lanetally installed, as a technician does it; kept until the checkout changes."""
    for old in cache().glob("installed-*.qcow2"):
        old.unlink()
    box = Machine(image, folder / "payload.img", folder, (image.disk, "raw"))
    try:
        box.start()
        began = time.monotonic()
        box.run(INSTALL, timeout_s=INSTALL_S)
        first_s = time.monotonic() - began
        box.run(INSTALL, timeout_s=INSTALL_S)  # nothing to do: as often as you like
    finally:
        box.stop()
    shutil.move(box.layer, disk)
    return Outcome({"install_s": round(first_s)})


def _line(name: str, outcome: Outcome) -> str:
    figures = ", ".join(f"{key} {value}" for key, value in outcome.figures.items())
    lines = [f"{'FAILED' if outcome.broken else 'ok':7}{name:10} {figures}"]
    return "\n".join([*lines, *(f"       - {broken}" for broken in outcome.broken)])


def _collect(box: Machine, results: Path) -> None:
    for file, command in LEFT_BEHIND.items():
        (results / file).write_text(box.run(command, must=False, timeout_s=120), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
