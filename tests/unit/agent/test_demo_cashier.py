"""The demo's cashier against a lane of a few lines that answers as it is told."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from agent.cli.demo import cashier
from agent.cli.demo.baskets import Basket, BasketLine
from agent.cli.demo.cashier import Cashier, Devices
from agent.cli.demo.children import DemoFailed
from agent.cli.demo.plan import Manner, Payment, Visit
from agent.errors import TechnicianError

TEA = BasketLine("4710199010372", "110411", 2, 2400, 3000)
PEARS = BasketLine("2250062000090", "501002", 1, 2700, 3800)


def visit(
    *lines: BasketLine,
    manner: Manner = "lines",
    missed_line: int | None = None,
    repeated: bool = False,
) -> Visit:
    basket = Basket("2000-11-01", "1", lines)
    weights = tuple(500 if line.weighed else None for line in lines)
    payment = Payment((("card", basket.amount_minor),), 0)
    return Visit("total-1", basket, manner, weights, missed_line, payment, repeated)


@dataclass
class Lane:
    """Screen, devices and POS in one: what is done shows at once."""

    answers: list[object] = field(default_factory=list)  #: of the POS, in order
    held_counts: int = 0  #: keyed counts that are held
    blind: bool = False  #: shows nothing
    transaction_id: str | None = None
    item_count: int = 0
    weighed_count: int = 0
    held: bool = False
    complaint: str = ""
    commands_taken: int = 0
    totals: list[dict[str, Any]] = field(default_factory=list)
    did: list[str] = field(default_factory=list)
    ticks: int = 0

    def wait_until(self, seen: Callable[[], bool], patience_s: float) -> bool:
        return seen()

    def scan(self, reports: Iterable[bytes]) -> None:
        self.did.append("scan")
        if not self.blind:
            self.transaction_id, self.held = "t1", False
            self.item_count += 1

    def key(self, reports: Iterable[bytes]) -> None:
        self.did.append("key")
        if self.held_counts:
            self.held_counts -= 1
            self.held = True
        else:
            self.settle_screen()

    def settle_screen(self) -> None:
        self.transaction_id, self.item_count, self.weighed_count = None, 0, 0
        self.held = False

    def place(self, weight_g: int) -> int:
        self.did.append(f"weigh {weight_g}")
        self.weighed_count += 1
        return 0

    def remove(self) -> int:
        self.commands_taken += 2
        return 0

    def settle(self, total: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.totals.append(total)
        answer = self.answers.pop(0) if self.answers else (201, {"status": "settled"})
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, tuple)
        self.settle_screen()
        return answer

    def tick(self) -> None:
        self.ticks += 1


class Port:
    def __init__(self, send: Callable[[Iterable[bytes]], None]) -> None:
        self.send = send

    def close(self) -> None:
        pass


def cashier_at(lane: Any, speed: float = 0) -> Cashier:
    devices = Devices(Port(lane.scan), Port(lane.key), lane)
    prices = {TEA.gtin: 1600}
    return Cashier(devices, lane, lane, prices, speed=speed, tick=lane.tick)


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PATIENCE_S", "LOOK_S", "REST_S", "RETRY_S"):
        monkeypatch.setattr(cashier, name, 0.0)


def test_every_piece_is_scanned_and_goods_of_the_store_are_weighed():
    lane = Lane()
    at_work = cashier_at(lane)
    at_work.serve(visit(TEA, PEARS))
    assert lane.did == ["scan", "scan", "scan", "weigh 500"]
    assert lane.totals[0]["item_count"] == 3
    assert lane.totals[0]["lines"][1]["weight_g"] == 500
    played = at_work.played
    assert (played.baskets, played.line_items, len(played.scanned)) == (1, 2, 3)
    assert (played.amount_minor, played.missed) == (6800, [])


def test_a_missed_piece_is_paid_for_but_not_scanned():
    lane = Lane()
    at_work = cashier_at(lane)
    at_work.serve(visit(TEA, missed_line=0))
    assert lane.did == ["scan"]
    assert lane.totals[0]["item_count"] == 2
    assert at_work.played.missed == ["t1"]


def test_a_total_of_count_and_amount_says_nothing_else():
    lane = Lane()
    cashier_at(lane).serve(visit(TEA, manner="amount"))
    assert set(lane.totals[0]) == {"total_id", "item_count", "amount_minor", "operator"}


def test_a_keyed_count_is_paid_at_the_price_of_the_item_master():
    lane = Lane()
    at_work = cashier_at(lane)
    at_work.serve(visit(TEA, manner="keypad"))
    assert lane.did == ["scan", "scan", "key"]
    assert lane.totals == []
    assert at_work.played.amount_minor == 3200


def test_a_held_count_is_keyed_again_after_the_missing_scan():
    lane = Lane(held_counts=1)
    at_work = cashier_at(lane)
    at_work.serve(visit(TEA, manner="keypad", missed_line=0))
    assert lane.did == ["scan", "key", "scan", "key"]
    assert len(at_work.played.scanned) == 2


def test_a_count_held_without_reason_is_keyed_again_as_it_is():
    lane = Lane(held_counts=1)
    cashier_at(lane).serve(visit(TEA, manner="keypad"))
    assert lane.did == ["scan", "scan", "key", "key"]


def test_a_repeated_total_is_sent_twice_and_must_be_a_duplicate():
    lane = Lane(answers=[(201, {"status": "settled"}), (200, {"status": "duplicate"})])
    cashier_at(lane).serve(visit(TEA, repeated=True))
    assert lane.totals[0] == lane.totals[1]


BUSY = (503, {"detail": "busy"})
DUPLICATE = (200, {"status": "duplicate"})


@pytest.mark.parametrize(
    "answers",
    [
        [BUSY, (504, {"detail": "?"}), (201, {"status": "settled"})],
        [ConnectionResetError("gone"), DUPLICATE],
    ],
)
def test_a_total_without_answer_is_sent_again(answers: Sequence[object]):
    lane = Lane(answers=[*answers])
    at_work = cashier_at(lane)
    at_work.serve(visit(TEA))
    assert len(lane.totals) == len(answers)
    assert at_work.played.amount_minor == 3000


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([(409, {"detail": "nothing was scanned"})], "nothing was scanned"),
        ([DUPLICATE], "duplicate"),
        ([BUSY] * cashier.TRIES, "busy"),
        ([ConnectionRefusedError("refused")] * cashier.TRIES, "refused"),
    ],
)
def test_an_answer_that_was_not_expected_ends_the_demo(answers: list[object], words: str):
    lane = Lane(answers=answers)
    with pytest.raises(DemoFailed, match=f"total-1: {words}"):
        cashier_at(lane).serve(visit(TEA))


def test_a_lane_that_shows_nothing_ends_the_demo_with_its_complaint():
    lane = Lane(blind=True, complaint="Scan not clear")
    with pytest.raises(TechnicianError, match=r"(?s)item 2 of the basket.*Scan not clear"):
        cashier_at(lane).serve(visit(TEA))
    assert lane.ticks > 0


def test_speed_1_is_a_cashiers_pace(monkeypatch: pytest.MonkeyPatch):
    rests: list[float] = []
    monkeypatch.setattr(Cashier, "_rest", staticmethod(rests.append))
    cashier_at(Lane(), speed=2).serve(visit(TEA))
    assert [rest for rest in rests if rest] == [0.5, 0.5, 2.0]


def test_the_cashier_is_only_so_many_labels_ahead_of_the_lane():
    seen_at = itertools.count(1)

    class Slow(Lane):
        def wait_until(self, seen: Callable[[], bool], patience_s: float) -> bool:
            self.item_count = min(next(seen_at), self.did.count("scan"))
            return seen()

        def scan(self, reports: Iterable[bytes]) -> None:
            super().scan(reports)
            self.item_count = 0
            assert self.did.count("scan") - next(seen_at) <= cashier.AHEAD_MAX

    many = BasketLine(TEA.gtin, TEA.subclass, 60, 2400, 3000)
    cashier_at(Slow()).serve(visit(many))
