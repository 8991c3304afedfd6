"""A box that does not know the time: the lane sells all the same, also when it learns it.

clock.py NOW   the time that it is, in seconds since 1970: the box has believed in another one and
                learns the right one in the middle of a basket
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time

from agent.cli.demo.plan import planned
from tests.lab.guest import shop
from tests.lab.guest.devices import LANE
from tests.lab.guest.result import Findings, told
from tests.lab.guest.shop import Shop
from tests.lab.guest.waiting import waited

BEFORE_TIME = 1970
FIRST_DAY_S = 86_400  #: what a clock without a battery says on its second day


def clock(findings: Findings) -> None:
    findings.note("switched_on_in", time.localtime().tm_year)  # systemd knows when it was made
    with shop.at_lane(LANE) as open_shop:
        first, second, third = planned(open_shop.baskets, 3, seed=9)
        open_shop.wait_until_up()
        open_shop.cashier.serve(first)
        subprocess.run(["systemctl", "stop", LANE.unit], check=True)
        _set_clock(FIRST_DAY_S)
        subprocess.run(["systemctl", "start", LANE.unit], check=True)
        open_shop.wait_until_up()
        year = time.localtime().tm_year
        findings.hold("started_in", year, held=year == BEFORE_TIME)
        open_shop.cashier.serve(second)
        now_s = int(sys.argv[1])
        teller = threading.Thread(target=_learn, args=(open_shop, now_s))
        teller.start()
        open_shop.cashier.serve(third)
        teller.join()
        year = time.localtime().tm_year
        findings.hold("sold_on_in", year, held=year == time.localtime(now_s).tm_year)
        report = open_shop.booked()
    findings.hold_all(report)


def _learn(open_shop: Shop, now_s: int) -> None:
    waited(lambda: open_shop.screen.item_count > 0, "a basket is open")
    _set_clock(now_s)


def _set_clock(wall_s: int) -> None:
    time.clock_settime(time.CLOCK_REALTIME, wall_s)


if __name__ == "__main__":
    told(clock)
