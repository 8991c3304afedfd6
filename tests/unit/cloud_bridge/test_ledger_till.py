"""What a lane without a POS sells, in the books of each store: every tender in its own account, and
a basket that was put aside once, when it is paid."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.domain.events import (
    DiscardBasket,
    LookedForTill,
    OverridePrice,
    PayAtTill,
    RetrieveBasket,
    SuspendBasket,
)
from agent.domain.shop import Person, TillRules
from agent.domain.totals import Tender
from cloud_bridge.ledger.port import Arrivals
from tests.lane_kit import BREAD, MILK, RULES, TEA, played, scanned

NOW_MS = 1_800_000_000_000
BY = Person("07", "supervisor")


@pytest.fixture(params=["sqlite_store", "postgres_store"])
def store(request):
    return request.getfixturevalue(request.param)


def sold(*events):
    rules = replace(RULES, till=TillRules(smallest_coin_minor=10))
    return played(*events, rules=rules).facts


def pay(total_id, amount_minor, **given):
    tenders = tuple(Tender(kind, minor) for kind, minor in given.items())
    return PayAtTill(total_id, amount_minor, tenders, BY, LookedForTill())


def balances(ledger):
    return {b.account: b.balance_minor for b in ledger.trial_balance() if b.balance_minor}


def test_each_means_of_payment_is_booked_and_rounded_cash_is_too(ledger, new_lane):
    told = sold(
        scanned(MILK.gtin),
        scanned(BREAD.gtin),
        OverridePrice(1, 1254, BY),
        pay("P1", 2054, wechat=1000, card=500, cash=1000),
    )
    ledger.apply(Arrivals((new_lane().append(*told).delivery(),)), NOW_MS)

    booked = balances(ledger)
    [sale] = [p for p in ledger.vouchers() if p.voucher.content.kind == "sale"]
    chart = sale.voucher.content.lines
    by_role = {line.role: line.amount_minor for line in chart}
    assert (by_role["clearing.wechat"], by_role["clearing.card"]) == (1000, 500)
    assert sum(booked.values()) == 0
    assert ledger.findings() == []
    assert sum(line.amount_minor for line in chart if line.role == "rounding") == 4
    cash = [line.amount_minor for line in chart if line.role == "clearing.cash"]
    assert sum(cash) == 550


def test_a_basket_that_was_put_aside_is_booked_when_it_is_paid_and_one_given_up_never(
    ledger, new_lane
):
    told = sold(
        scanned(MILK.gtin),
        SuspendBasket(BY, 1),
        scanned(TEA.gtin),
        SuspendBasket(BY, 2),
        DiscardBasket(2, BY),
        RetrieveBasket(1, BY),
        pay("P1", 1250, alipay=1250),
    )
    lane = new_lane().append(*told)
    for _ in range(2):
        ledger.apply(Arrivals((lane.delivery(),)), NOW_MS)

    [sale] = [p for p in ledger.vouchers() if p.voucher.content.kind == "sale"]
    by_role = {line.role: line.amount_minor for line in sale.voucher.content.lines}
    assert by_role["clearing.alipay"] == 1250
    assert ledger.status().quarantined == 0
