"""The printer fails before and within receipts: each is on paper once, a second copy says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.cli.demo.plan import planned
from tests.lab.guest import shop
from tests.lab.guest.devices import LANE
from tests.lab.guest.result import Findings, told
from tests.lab.guest.shop import Shop
from tests.lab.guest.waiting import waited

PRINTER = LANE.device("printer")
BACK_S = 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    begin: Callable[[Shop], None]  #: before the sale
    seen: Callable[[Shop], bool]  #: that it has happened
    end: Callable[[Shop], None]


def _paper(shop: Shop, *, is_out: bool) -> None:
    faults = shop.printer.faults
    faults.paper_out, faults.lines_left = is_out, None


def _cover(shop: Shop, *, is_open: bool) -> None:
    shop.printer.faults.cover_open = is_open


def _lines_left(shop: Shop, count: int) -> None:
    shop.printer.faults.lines_left = count


def _stall(shop: Shop, after_bytes: int) -> None:
    """It takes so much and no more: the receipt is half on its way."""
    shop.printer.faults.stall_after_bytes = after_bytes


def _stalled(shop: Shop) -> bool:
    return shop.printer.faults.stall_after_bytes == 0


def _pulled_within(shop: Shop) -> None:
    """The plug goes with the receipt half on paper."""
    shop.pull(PRINTER)
    waited(lambda: shop.state("printer") == "lost", "it is missed")
    shop.printer.faults.stall_after_bytes = None
    PRINTER.gadget.plug()


def _opened_within(shop: Shop) -> None:
    _cover(shop, is_open=True)
    shop.printer.faults.stall_after_bytes = None
    waited(lambda: _complains(shop), "it says that its cover is open")
    _cover(shop, is_open=False)


def _complains(shop: Shop) -> bool:
    """Whether the lane shows what the printer says of itself."""
    devices = {device["role"]: device for device in shop.pos.lane()["devices"]}
    return not devices["printer"]["is_well"]


def _plugged(shop: Shop) -> None:
    PRINTER.gadget.plug()


FAULTS: Mapping[str, Fault] = {
    "paper out before": Fault(
        lambda shop: _paper(shop, is_out=True),
        _complains,
        lambda shop: _paper(shop, is_out=False),
    ),
    "paper out within": Fault(
        lambda shop: _lines_left(shop, 6),
        lambda shop: shop.printer.faults.paper_out,
        lambda shop: _paper(shop, is_out=False),
    ),
    "cover open before": Fault(
        lambda shop: _cover(shop, is_open=True),
        _complains,
        lambda shop: _cover(shop, is_open=False),
    ),
    "cover open within": Fault(lambda shop: _stall(shop, 150), _stalled, _opened_within),
    "unplugged before": Fault(
        lambda shop: shop.pull(PRINTER),
        lambda shop: shop.state("printer") == "lost",
        _plugged,
    ),
    **{
        f"unplugged after {count} bytes": Fault(
            lambda shop, count=count: _stall(shop, count), _stalled, _pulled_within
        )
        for count in (20, 150, 400)
    },
}


def printer(findings: Findings) -> None:
    with shop.opened() as open_shop:
        visits = iter(planned(open_shop.baskets, len(FAULTS), seed=7))
        for name, fault in FAULTS.items():
            open_shop.wait_until_nothing_is_owed()  # or an earlier receipt would be befallen
            known = len(open_shop.printer.receipts)
            fault.begin(open_shop)
            open_shop.cashier.serve(next(visits))
            waited(lambda fault=fault: fault.seen(open_shop), f"{name} has happened")
            on_paper = _on_paper(open_shop) - known
            findings.hold(f"{name}: on paper before", on_paper, held=on_paper == 0)
            fault.end(open_shop)
            back_s = waited(
                lambda known=known: _on_paper(open_shop) > known, f"{name}: it is printed", BACK_S
            )
            copies = [shop.is_copy(receipt) for receipt in open_shop.printer.receipts[known:]]
            findings.note(name, f"{copies.count(False)} + {copies.count(True)}, {back_s:.1f} s")
        report = open_shop.booked()
    findings.hold_all(report)


def _on_paper(open_shop: Shop) -> int:
    return len(open_shop.printer.receipts)


if __name__ == "__main__":
    told(printer)
