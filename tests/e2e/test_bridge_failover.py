"""Two bridges on PostgreSQL with a synchronous standby, all real processes: the primary dies in
mid load, the standby is promoted, and nothing that a lane was acknowledged is missing.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

import agent.sync
from cloud_bridge.chart import load_chart
from cloud_bridge.ledger.postgres import PostgresLedger
from cloud_bridge.mapping import Books
from tests.bridge_kit import Bridge, Lane, Mosquitto, wait_for
from tests.postgres_kit import Postgres

CONFIG = """
[bridge]
name = "{{name}}"
share = "bridges"
[mqtt]
port = {{port}}
[ledger]
kind = "postgres"
dsn = "{dsn}"
chart = "cn_asbe"
"""


@dataclass
class Site:
    primary: Postgres
    standby: Postgres
    dsn: str
    lanes: list[Lane]
    close_shop: Callable[[], object] = lambda: None

    def acked(self) -> dict[str, int]:
        return {lane.address.lane: lane.acked for lane in self.lanes}

    @contextmanager
    def ledger(self) -> Iterator[PostgresLedger]:
        with closing(PostgresLedger(self.dsn, Books(load_chart("cn_asbe"), "CNY"))) as ledger:
            yield ledger

    def missing(self, told: dict[str, int]) -> dict[str, int]:
        """How many facts of each lane were acknowledged and are not in the ledger."""
        with self.ledger() as ledger:
            here = {status.stream.lane: status.cursor.hw for status in ledger.status().lanes}
        return {lane: told[lane] - here[lane] for lane in told if here[lane] < told[lane]}


def sync_states(primary: Postgres) -> list[tuple[str]]:
    with psycopg.connect(primary.dsn("postgres")) as db:
        return db.execute("SELECT sync_state FROM pg_stat_replication").fetchall()


@pytest.fixture(scope="module")
def halted() -> Iterator[tuple[Postgres, Postgres, str]]:
    """A primary with an empty ledger and its standby, for each test to start copies of."""
    primary = Postgres()
    primary.make_template()
    name = primary.new_ledger()
    standby = Postgres(standby_of=primary)
    primary.halt()
    standby.halt()
    yield primary, standby, name
    primary.stop()
    standby.stop()


@pytest.fixture
def standby_names() -> str:
    return "*"


@pytest.fixture
def site(tmp_path: Path, halted, standby_names: str, monkeypatch) -> Iterator[Site]:
    """Three lanes that sell without a pause, a broker, two bridges, a primary and its standby."""
    monkeypatch.setattr(agent.sync, "STALL_S", 0.5)
    name = halted[2]
    primary, standby = (Postgres(like=server) for server in halted[:2])
    primary.run(f"ALTER SYSTEM SET synchronous_standby_names = '{standby_names}'")
    primary.run("SELECT pg_reload_conf()")
    wanted = "sync" if standby_names else "async"
    wait_for(lambda: sync_states(primary) == [(wanted,)], f"the standby is {wanted}")
    ports = f"{primary.port},{standby.port}"
    dsn = f"host=127.0.0.1,127.0.0.1 port={ports} dbname={name} user=bridge connect_timeout=2"
    (tmp_path / "broker").mkdir()
    broker = Mosquitto(tmp_path / "broker")
    config = CONFIG.format(dsn=dsn)
    bridges = [Bridge(tmp_path, broker.port, config, f"bridge-{n}") for n in (1, 2)]
    lanes = [Lane(tmp_path / f"{n}.db", broker.port, f"lane-{n}") for n in range(3)]
    site = Site(primary, standby, dsn, lanes)
    enough = threading.Event()

    def trade() -> None:
        while not enough.wait(0.01):
            for lane in lanes:
                lane.sell(1)

    shop = threading.Thread(target=trade)
    shop.start()
    site.close_shop = lambda: (enough.set(), shop.join())
    wait_for(lambda: min(site.acked().values()) > 60, "the ledger takes them in")
    yield site
    site.close_shop()
    for lane in lanes:
        lane.close()
    for bridge in bridges:
        bridge.end(signal.SIGKILL)
    broker.stop()
    standby.stop()
    primary.stop()


def test_promotion_loses_nothing_that_was_acknowledged(site):
    site.primary.kill()
    told = site.acked()
    site.standby.promote()
    assert site.missing(told) == {}
    wait_for(lambda: all(n > told[lane] + 60 for lane, n in site.acked().items()), "it goes on")
    site.close_shop()
    for lane in site.lanes:
        lane.wait_until_acknowledged()
    with site.ledger() as ledger:
        status = ledger.status()
        assert ledger.findings() == []
    sold = sum(lane.sold for lane in site.lanes)
    assert (status.facts, status.vouchers) == (10 * sold, sold)
    assert (status.duplicates, status.quarantined, status.ledger_sum_minor) == (0, 0, 0)


@pytest.mark.parametrize("standby_names", ["*", ""], ids=["synchronous", "control: asynchronous"])
def test_while_the_standby_is_away_nothing_is_acknowledged(site, standby_names):
    """The control shows that this can fail: acknowledged without the standby, and lost with the
    primary."""
    site.standby.kill()
    before = site.acked()
    threading.Event().wait(1.5)
    site.primary.kill()
    told = site.acked()
    went_on = sum(told.values()) - sum(before.values())
    site.standby.start()
    site.standby.promote()
    if standby_names:
        assert site.missing(told) == {}, "what was on its way when the standby went is there"
        wait_for(lambda: all(n > told[lane] for lane, n in site.acked().items()), "it goes on")
    else:
        assert went_on > 60
        assert sum(site.missing(told).values()) > 30
