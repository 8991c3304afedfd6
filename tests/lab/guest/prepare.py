"""What the box holds when a scenario begins.

prepare.py open     the shop's lane and the bridge installed and running, all devices plugged in
prepare.py close    the same with nothing running and no books
"""

from __future__ import annotations

import sys

from tests.lab.guest import shop
from tests.lab.guest.devices import LANE


def main() -> None:
    if sys.argv[1] == "close":
        shop.close_books([LANE])
        return
    shop.open_books([LANE])
    with shop.at_lane(LANE) as open_shop:
        open_shop.wait_until_up()
        open_shop.wait_until_acknowledged()


if __name__ == "__main__":
    main()
