"""`lanetally assess`: judge recorded baskets, or simulated ones, without devices and network."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from agent.cli.assess import export, trial
from agent.domain.assessment import Assessment, Tolerance, assess
from agent.domain.facts import CashierTotalReceived, FactBody, ItemDescribed
from agent.domain.gather import by_transaction, evidence_of
from agent.domain.learned import Knowledge, weighed_piece
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import Say, language_of, translator


def register(subparsers: Any) -> None:
    """Add `assess` to the commands of `lanetally`."""
    say = translator(language_of(os.environ))
    command = subparsers.add_parser(
        "assess", help=say(Text("judge recorded baskets: what was missed, and why"))
    )
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "file", nargs="?", type=Path, help=say(Text("facts, one JSON object a line; - reads stdin"))
    )
    what.add_argument(
        "--simulate",
        type=_positive,
        metavar="N",
        help=say(Text("judge N baskets of a model instead")),
    )
    command.add_argument("--seed", type=int, default=1, help=say(Text("of the model's chance")))
    command.add_argument(
        "--false-alarms",
        type=_rate_ppm,
        default=Tolerance().false_alarms_ppm,
        metavar="RATE",
        help=say(Text("honest baskets in 1,000 that may be stopped; 0.5 if not given")),
    )
    command.add_argument("--json", action="store_true", help=say(Text("answer as one JSON object")))
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one assessment a transaction, or the simulation's figures. 1 if a line was no fact."""
    say = translator(language_of(os.environ))
    tolerance = Tolerance(false_alarms_ppm=args.false_alarms)
    if args.simulate is not None:
        return _simulate(args.simulate, args.seed, tolerance, say, as_json=args.json)
    return _assess_file(args.file, tolerance, say)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise _refused(Text("{got} is no number from {low} on", {"got": text, "low": 1}))
    return int(text)


def _rate_ppm(text: str) -> int:
    try:
        ppm = int(Decimal(text) * 1000)
    except (InvalidOperation, ValueError, OverflowError):  # no number, NaN, infinity
        ppm = 0
    if not 1 <= ppm <= 100_000:
        told: dict[str, str | int] = {"got": text, "allowed": "0.001…100"}
        raise _refused(Text("is {got}; allowed: {allowed}", told))
    return ppm


def _refused(why: Text) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(translator(language_of(os.environ))(why))


# --- a file --------------------------------------------------------------------------------------


def _assess_file(file: Path, tolerance: Tolerance, say: Say) -> int:
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise TechnicianError(f"{file}: {error.strerror}") from error
    facts, bad = export.read(content.splitlines())
    for line in bad:
        problem = Text(
            "{file}, line {line}: {reason}",
            {"file": str(file), "line": line.number, "reason": say(line.why)},
        )
        print(say(problem), file=sys.stderr)
    for transaction_id, assessment in _assessments(facts, tolerance):
        print(json.dumps(_answer(transaction_id, assessment, say), ensure_ascii=False))
    return 0 if all(line.is_fact for line in bad) else 1


def _assessments(facts: list[FactBody], tolerance: Tolerance) -> Iterator[tuple[str, Assessment]]:
    """Basket after basket, as a lane judges them: by what it knew of items at the last total."""
    places = {id(fact): place for place, fact in enumerate(facts)}
    knowledge, heard = Knowledge(), 0
    for transaction_id, basket in by_transaction(facts).items():
        totals = [fact for fact in basket if isinstance(fact, CashierTotalReceived)]
        judged_at = places[id((totals or basket)[-1])]
        for fact in facts[heard:judged_at]:
            if isinstance(fact, ItemDescribed):
                knowledge.describe(fact)
        heard = max(heard, judged_at)
        evidence = evidence_of(basket, knowledge.catalogue)
        assessment = assess(evidence, tolerance)
        yield transaction_id, assessment
        if assessment.verdict == "clean" and (piece := weighed_piece(transaction_id, evidence)):
            knowledge.weigh(piece)


def _answer(transaction_id: str, assessment: Assessment, say: Say) -> dict[str, Any]:
    return {
        "transaction_id": transaction_id,
        "verdict": assessment.verdict,
        "missed_count": assessment.missed_count,
        "candidates": [
            {"gtin": c.gtin, "probability": c.probability_permille / 1000}
            for c in assessment.candidates
        ],
        "findings": [
            {
                "kind": f.kind,
                "count": f.count,
                "reason": "; ".join(say(text) for text in (f.reason, *f.also)),
                "gtin": f.gtin,
                "category": f.category,
                "value_minor": f.value_minor,
            }
            for f in assessment.findings
        ],
        "confidence": assessment.confidence_permille / 1000,
    }


# --- a simulation --------------------------------------------------------------------------------


def _simulate(baskets: int, seed: int, tolerance: Tolerance, say: Say, *, as_json: bool) -> int:
    tallies = trial.run(baskets, seed, tolerance)
    figures = {name: tally.figures() for name, tally in tallies.items()}
    rule = figures.pop(trial.LAST_SCAN)
    if as_json:
        answer = {"baskets": baskets, "seed": seed, "mixes": figures, "last_scan_rule": rule}
        print(json.dumps(answer))
        return 0
    print(
        say(
            Text(
                "{baskets} baskets, {honest} of them honest, seed {seed}",
                {"baskets": baskets, "honest": tallies["all"].honest, "seed": seed},
            )
        )
    )
    print(f"{'':16}{'precision':>10}{'recall':>10}{'false alarms / 1,000':>22}")
    for name, row in (*figures.items(), (trial.LAST_SCAN, rule)):
        print(
            f"{name:16}{_shown(row['precision']):>10}{_shown(row['recall']):>10}"
            f"{_shown(row['false_alarms_per_1000']):>22}"
        )
    return 0


def _shown(figure: object) -> str:
    return "-" if figure is None else f"{figure}"
