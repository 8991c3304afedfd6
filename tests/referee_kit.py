"""Foreign bookkeepers that add up for themselves what a ledger was exported as."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

#: beancount is GPL-2.0: it runs in a process of its own and hands back what it read.
_BEANCOUNT = """
import collections, json, sys
from beancount import loader
from beancount.core import data
entries, errors, options = loader.load_file(sys.argv[1])
sums = collections.Counter()
for entry in entries:
    for posting in getattr(entry, "postings", ()):
        sums[posting.account] += posting.units.number
kept = sum(isinstance(entry, data.Transaction) for entry in entries)
print(json.dumps([[str(e.message) for e in errors], kept, {a: str(n) for a, n in sums.items()}]))
"""
_HLEDGER_ENV = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}


def by_hledger(books: Path) -> dict[str, int]:
    """Balances in minor units by "kind:number", of an export that hledger finds in order."""
    _hledger(books, "check")
    report = _hledger(books, "balance", "--flat", "-N", "-O", "csv")
    rows = list(csv.reader(io.StringIO(report)))[1:]
    return {name.split()[0]: _minor(amount.split()[1]) for name, amount in rows}


def hledger_transactions(books: Path) -> int:
    """How many it counts."""
    stats = _hledger(books, "stats")
    counts = [line for line in stats.splitlines() if re.match(r"(Transactions|Txns) +:", line)]
    return int(counts[0].partition(":")[2].split()[0])


def by_beancount(books: Path) -> tuple[dict[str, int], int]:
    """Balances in minor units by account number, and how many transactions there are."""
    command = [sys.executable, "-W", "ignore", "-c", _BEANCOUNT, str(books)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    errors, kept, sums = json.loads(done.stdout)
    assert errors == []
    found = {name.split(":")[1].split("-")[0]: _minor(figure) for name, figure in sums.items()}
    return found, kept


def _hledger(books: Path, *arguments: str) -> str:
    command = ["hledger", "-f", str(books), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=_HLEDGER_ENV)
    return done.stdout


def _minor(text: str) -> int:
    """Of a currency with two digits after the point."""
    sign = -1 if text.startswith("-") else 1
    return sign * int(text.lstrip("-").replace(".", "").replace(",", ""))
