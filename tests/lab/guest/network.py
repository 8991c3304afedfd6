"""The way to head office is gone, then the broker, then the bridge: the lane sells, and catches up.

Head office lies in a network of its own at the other end of a cable: pulled out, nothing says so.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.cli.demo.plan import planned
from tests.lab.guest import shop
from tests.lab.guest.devices import LANE
from tests.lab.guest.result import Findings, told
from tests.lab.guest.shop import BRIDGE

BASKETS = 2  #: in each outage
OFFICE = "10.77.0.2"
BUILD = f"""\
ip netns add office
ip link add shop0 type veth peer name office0 netns office
ip addr add 10.77.0.1/24 dev shop0
ip link set shop0 up
ip -n office addr add {OFFICE}/24 dev office0
ip -n office link set office0 up
ip -n office link set lo up
systemctl daemon-reload
systemctl restart mosquitto
"""
FILES = {
    **{
        Path(f"/run/systemd/system/{unit}.d/office.conf"):
            "[Service]\nNetworkNamespacePath=/run/netns/office\n"
        for unit in ("mosquitto.service", BRIDGE)
    },
    Path("/etc/mosquitto/conf.d/office.conf"): "listener 1883\nallow_anonymous true\n",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outage:
    begins: str  #: by these commands
    ends: str


OUTAGES: Mapping[str, Outage] = {
    "cable": Outage("ip -n office link set office0 down", "ip -n office link set office0 up"),
    "broker": Outage("systemctl stop mosquitto", "systemctl start mosquitto"),
    "broker_forgets": Outage(
        "systemctl kill --signal=KILL mosquitto; systemctl stop mosquitto",
        "rm -f /var/lib/mosquitto/mosquitto.db; systemctl start mosquitto",
    ),
    "bridge": Outage(f"systemctl stop {BRIDGE}", f"systemctl start {BRIDGE}"),
}


def network(findings: Findings) -> None:
    for file, text in FILES.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    _shell(BUILD)
    shop.open_books([LANE], OFFICE)
    with shop.opened() as open_shop:
        visits = iter(planned(open_shop.baskets, BASKETS * len(OUTAGES), seed=8))
        for name, outage in OUTAGES.items():
            open_shop.wait_until_through()
            _shell(outage.begins)
            before = open_shop.pos.lane()["acknowledged_seq"]
            for _ in range(BASKETS):
                open_shop.cashier.serve(next(visits))
            lane = open_shop.pos.lane()
            behind = lane["journal_seq"] - lane["acknowledged_seq"]
            findings.hold(f"{name}_behind", behind, held=lane["acknowledged_seq"] == before)
            _shell(outage.ends)
            findings.note(f"{name}_caught_up_s", round(open_shop.wait_until_acknowledged(), 1))
        report = open_shop.booked()
    findings.hold_all(report)


def _shell(commands: str) -> None:
    subprocess.run(["sh", "-ec", commands], check=True)


if __name__ == "__main__":
    told(network)
