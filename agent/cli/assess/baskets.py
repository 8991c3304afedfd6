"""Honest and faulty baskets, drawn from a model: what `lanetally assess --simulate` judges.

The shop: 400 items. An item's weight is lognormal (µ 5.6, σ 0.9: half of them below 270 g, 8 g to
4 kg); its pieces lie anywhere within ±2 % of it, as the item master says. Prices are lognormal
(half below 12.00), popularity falls as 1/rank. One item in twelve is sold by weight.

A basket: 1 to 60 pieces, 7 on average (geometric). A line of several pieces is scanned once and
keyed as a quantity one time in five. What honest people do, and how often a basket has it:

- pieces put down with the next one: one in seven; before they are scanned: one in five; in another
  order than scanned: half of the baskets;
- the customer's own bag of 20 to 400 g put down first: 10 %;
- a hand that rests on the plate and goes: 5 %; a piece taken off and put back: 4 %;
- a piece that is not wanted: taken off and voided: 3 %;
- the cashier keys a count that is off by one: 1 in 1,000;
- a tag of a neighbour's goods comes through, weak: 3 %.

A faulty basket (three in ten) has one event, one in twenty of these two: a piece missed (70 %,
half of them seen by the cashier, who counts and charges them), a piece scanned twice, a dear item
under a cheap one's label, a piece scanned and carried away, a voided piece that stays.

The devices: the scale shows 5 g divisions; a tag is read with 97 %, at -48 ± 6 dBm, a neighbour's
at -72 ± 4; the camera counts a piece twice or not at all with 1 % each, and reads a label in five.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from agent.domain.evidence import KnownItem, WeightRange
from agent.domain.finding import FindingKind

ITEMS = 400
CATEGORIES = 12
PIECES_MEAN, PIECES_MAX = 7, 60
DIVISION_G = 5

FAULTS: dict[FindingKind, int] = {
    "missed_item": 70,
    "double_scan": 8,
    "swap": 8,
    "walk_around": 7,
    "voided_kept": 7,
}


@dataclass(frozen=True, slots=True)
class Product:
    item: KnownItem
    weight_g: float  #: its middle
    by_weight: bool

    @property
    def price_minor(self) -> int:
        return self.item.price_minor or 0


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing in the order in which it happened: a scan, a void, or a change on the plate."""

    kind: Literal["scan", "void", "weight"]
    gtin: str = ""
    quantity: int = 1
    weight_g: int | None = None  #: of weighed goods at the scan or void; the change on the plate


@dataclass(frozen=True, slots=True)
class SeenTag:
    gtin: str
    serial: str
    rssi_dbm: int
    rank_permille: int  #: where n in 1,000 pieces carry a tag, those below n do


@dataclass(slots=True)
class Basket:
    """What truly happened, and all that could be witnessed of it."""

    faults: list[FindingKind] = field(default_factory=list)
    missed: int = 0  #: pieces that passed and were never scanned
    moments: list[Moment] = field(default_factory=list)
    counted: int = 0  #: by the cashier
    charged_minor: int = 0  #: weighed goods left out
    tags: list[SeenTag] = field(default_factory=list)
    crossed: int = 0
    labels: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Piece:
    product: Product
    grams: int
    label: Product  #: what is scanned for it
    scans: int = 1
    voided: bool = False
    stays: bool = True  #: among the goods of this basket, at last
    on_plate: bool = True
    counted: bool = True


def shop(random: Random) -> list[Product]:
    """The items, most popular first."""
    return [_product(random, n) for n in range(ITEMS)]


def _product(random: Random, n: int) -> Product:
    digits = f"0690{n:09d}"
    weighted = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits)))
    weight_g = min(max(math.exp(random.gauss(5.6, 0.9)), 8), 4_000)
    margin_g = max(0.02 * weight_g, 1)
    weight = WeightRange(math.floor(weight_g - margin_g), math.ceil(weight_g + margin_g))
    by_weight = n % 12 == 5
    known = KnownItem(
        f"{digits}{-weighted % 10}",
        f"Item {n}",
        f"category {n % CATEGORIES}",
        max(10 * round(10 * math.exp(random.gauss(2.5, 0.7))), 50),
        None if by_weight else weight,
    )
    return Product(known, weight_g, by_weight)


def draw(
    random: Random, products: list[Product], *, faulty: bool, pieces: int | None = None
) -> Basket:
    """One basket and all its witnesses; of about so many `pieces`, if given."""
    goods = list(_pieces(random, products, _wanted(random) if pieces is None else pieces))
    basket = Basket()
    for _ in range((2 if random.random() < 0.05 else 1) if faulty else 0):
        basket.faults.append(_spoil(random, products, goods))
    if random.random() < 0.03:
        unwanted = random.choice(goods)
        if _is_plain(unwanted):
            unwanted.voided, unwanted.stays, unwanted.counted = True, False, False
    basket.missed = sum(not piece.scans for piece in goods)
    basket.moments = list(_moments(random, goods))
    _watch(random, products, goods, basket)
    return basket


def _wanted(random: Random) -> int:
    return min(1 + int(random.expovariate(1 / (PIECES_MEAN - 0.5))), PIECES_MAX)


def _pieces(random: Random, products: list[Product], wanted: int) -> Iterator[_Piece]:
    drawn = 0
    while drawn < wanted:
        product = _popular(random, products)
        several = 1 if product.by_weight or random.random() < 0.85 else random.randint(2, 4)
        for _ in range(several):
            yield _piece(random, product)
        drawn += several


def _popular(random: Random, products: list[Product]) -> Product:
    """By rank: 1/rank between the first and the last, by its inverse distribution."""
    return products[int(len(products) ** random.random()) - 1]


def _piece(random: Random, product: Product) -> _Piece:
    weight = product.item.weight or WeightRange(150, 1_800)
    return _Piece(product, round(random.uniform(weight.low_g, weight.high_g)), product)


def _is_plain(piece: _Piece) -> bool:
    return piece.scans == 1 and not piece.voided and piece.label is piece.product and piece.on_plate


def _spoil(random: Random, products: list[Product], pieces: list[_Piece]) -> FindingKind:
    """Let one thing go amiss; says what."""
    (kind,) = random.choices(list(FAULTS), list(FAULTS.values()))
    plain = [piece for piece in pieces if _is_plain(piece)]
    if kind == "missed_item" or not plain:
        piece = _piece(random, _popular(random, products))
        piece.scans, piece.counted = 0, random.random() < 0.5
        pieces.insert(random.randint(0, len(pieces)), piece)
        return "missed_item"
    piece = random.choice(plain)
    if kind == "swap":
        price_minor = piece.product.price_minor
        cheaper = [p for p in products if p.price_minor < price_minor and not p.by_weight]
        if cheaper and not piece.product.by_weight:
            piece.label = random.choice(cheaper)
            return kind
    if kind == "walk_around":
        piece.on_plate = False
        return kind
    if kind == "voided_kept":
        piece.voided, piece.counted = True, False
        return kind
    piece.scans = 2
    return "double_scan"


# --- what happens at the lane --------------------------------------------------------------------


def _moments(random: Random, pieces: list[_Piece]) -> Iterator[Moment]:
    """Scans and changes on the plate, in their order; readings are rounded to the division."""
    shown_g = 0
    placed = iter(_plate_order(random, pieces))
    for load_g, scans in _steps(random, pieces, placed):
        yield from scans
        now_g = round(load_g / DIVISION_G) * DIVISION_G
        if now_g != shown_g:
            yield Moment("weight", weight_g=now_g - shown_g)
            shown_g = now_g
    for piece in pieces:
        if piece.voided:
            yield Moment("void", piece.label.item.gtin, weight_g=_measured(piece, 0))


def _steps(
    random: Random, pieces: list[_Piece], placed: Iterator[_Piece]
) -> Iterator[tuple[float, list[Moment]]]:
    """What lies on the plate after each step, and what was scanned just before."""
    load_g = random.uniform(20, 400) if random.random() < 0.1 else 0.0
    yield load_g, []
    scans = list(_scans(random, pieces))
    done: list[Moment] = []
    for n, piece in enumerate(placed):
        before = random.random() < 0.2
        due = scans[n]
        if not before:
            done += due
        load_g += piece.grams * piece.on_plate
        if random.random() < 6 / 7 or n == len(pieces) - 1:
            yield load_g, done
            done = []
        if before:
            done += due
    yield load_g, done
    for change_g in _fidgets(random, pieces):
        load_g += change_g
        yield load_g, []


def _plate_order(random: Random, pieces: list[_Piece]) -> list[_Piece]:
    if random.random() < 0.5:
        return list(pieces)
    late = [(n + random.uniform(0, 4), n) for n in range(len(pieces))]
    return [pieces[n] for _, n in sorted(late)]


def _scans(random: Random, pieces: list[_Piece]) -> Iterator[list[Moment]]:
    """The scans of each piece; a quantity is keyed with the first of several alike."""
    keyed = 0
    for n, piece in enumerate(pieces):
        if keyed:
            keyed -= 1
            yield []
            continue
        alike = 1
        while n + alike < len(pieces) and _is_alike(piece, pieces[n + alike]):
            alike += 1
        if alike > 1 and random.random() < 0.2:
            keyed = alike - 1
            yield [Moment("scan", piece.label.item.gtin, quantity=alike)]
        else:
            weighed = _measured(piece, random.uniform(-0.005, 0.005))
            yield [Moment("scan", piece.label.item.gtin, weight_g=weighed)] * piece.scans


def _is_alike(one: _Piece, other: _Piece) -> bool:
    return one.product is other.product and _is_plain(one) and _is_plain(other)


def _measured(piece: _Piece, error: float) -> int | None:
    return round(piece.grams * (1 + error)) if piece.label.by_weight else None


def _fidgets(random: Random, pieces: list[_Piece]) -> Iterator[float]:
    """Changes that end where they began, and what is taken off for good."""
    if random.random() < 0.05:
        hand_g = random.uniform(100, 2_500)
        yield from (hand_g, -hand_g)
    moved = random.choice(pieces)
    if random.random() < 0.04 and moved.on_plate:
        yield from (-moved.grams, moved.grams)
    for piece in pieces:
        if not piece.stays:
            yield -piece.grams


def _watch(random: Random, products: list[Product], pieces: list[_Piece], basket: Basket) -> None:
    basket.counted = sum(piece.counted for piece in pieces)
    if random.random() < 0.001:
        basket.counted += random.choice((-1, 1))
    for n, piece in enumerate(pieces):
        paid = piece.scans if not piece.voided else 0
        basket.charged_minor += 0 if piece.label.by_weight else paid * piece.label.price_minor
        if not piece.scans and piece.counted:
            basket.charged_minor += piece.product.price_minor
        if not piece.stays:
            continue
        gtin = piece.product.item.gtin
        if random.random() < 0.97:
            dbm = round(random.gauss(-48, 6))
            basket.tags.append(SeenTag(gtin, str(n), dbm, random.randrange(1000)))
        chance = random.random()
        basket.crossed += 2 if chance < 0.01 else 0 if chance > 0.99 else 1
        if random.random() < 0.2:
            basket.labels.append(gtin)
    if random.random() < 0.03:
        gtin = random.choice(products).item.gtin
        basket.tags.append(SeenTag(gtin, "neighbour", round(random.gauss(-72, 4)), 0))
