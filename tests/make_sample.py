"""Make the demo's sample again: `python tests/make_sample.py MONTH.csv.gz`.

MONTH is the whole of November 2000, in the columns that agent/cli/demo/CREDITS.md names. The same
month gives the same bytes. Baskets are taken whole; those with goods under the store's own numbers
are taken in a fixed share, so that the scale has something to do.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import sys
from pathlib import Path

from agent.cli.demo import baskets
from agent.cli.demo.baskets import MINOR_PER_DOLLAR, Basket, read_baskets

SAMPLE = Path(baskets.__file__).with_name("sample_baskets.csv.gz")
SEED = 2000_11
BASKETS = 300
BASKETS_WEIGHED = 30
LINES_MAX = 40
PIECES_MAX = 60
COLUMNS = (
    "date",
    "customer_id",
    "product_subclass",
    "gtin",
    "quantity",
    "line_cost",
    "line_price",
)


def chosen(month: list[Basket]) -> list[Basket]:
    """The sample's baskets, day by day."""
    fit = [b for b in month if len(b.lines) <= LINES_MAX and b.pieces <= PIECES_MAX]
    weighed = [b for b in fit if b.weighed]
    others = [b for b in fit if not b.weighed]
    rng = random.Random(SEED)
    taken = rng.sample(weighed, BASKETS_WEIGHED) + rng.sample(others, BASKETS - BASKETS_WEIGHED)
    return sorted(taken, key=lambda basket: (basket.day, basket.customer))


def packed(taken: list[Basket]) -> bytes:
    """As a gzipped CSV file without name and time in its head."""
    text = io.StringIO(newline="")
    out = csv.writer(text, lineterminator="\n")
    out.writerow(COLUMNS)
    for basket in taken:
        for line in basket.lines:
            cost, price = line.cost_minor // MINOR_PER_DOLLAR, line.price_minor // MINOR_PER_DOLLAR
            head = (basket.day, basket.customer, line.subclass, line.gtin)
            out.writerow((*head, line.quantity, cost, price))
    return gzip.compress(text.getvalue().encode("ascii"), compresslevel=9, mtime=0)


def main() -> None:
    month = list(read_baskets(Path(sys.argv[1])))
    data = packed(chosen(month))
    SAMPLE.write_bytes(data)
    print(f"{SAMPLE}: {BASKETS} of {len(month)} baskets, {len(data)} bytes")


if __name__ == "__main__":
    main()
