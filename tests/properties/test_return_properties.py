"""Whatever was sold and in whatever parts it comes back: never more than was sold, never more than
was paid, and all of it together leaves nothing behind, neither at the till nor in the books."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agent.domain.effects import AnswerAct
from agent.domain.events import SaleFile
from agent.domain.facts import ReturnRecorded, SoldLine, TransactionSettled
from agent.domain.lane import step
from agent.domain.money import shared
from agent.domain.return_events import LookedForReturn, ReturnGoods, ReturnItem
from agent.domain.returnable import account_of
from agent.domain.settlement import included_taxes
from agent.domain.shop import Person, TillRules
from agent.domain.till import rounded
from agent.domain.totals import Tender
from agent.domain.transaction import LaneState
from cloud_bridge.chart import load_chart
from cloud_bridge.costs import UnitCost
from cloud_bridge.mapping import Books, Posting, Terms, map_fact
from cloud_bridge.voucher import FactKey
from tests.lane_kit import BREAD, DAY, MILK, RULES, TEA, only

BOSS = Person("07", "manager")
GTINS = (MILK.gtin, BREAD.gtin, TEA.gtin)
BOOKS = Books(load_chart("cn_small"), "CNY")
COSTS = {MILK.gtin: UnitCost(633, "each"), BREAD.gtin: UnitCost(777, "kg")}


@st.composite
def lines(draw, number):
    weight_g = draw(st.none() | st.integers(1, 3000))
    pieces = draw(st.integers(1, 7))
    amount = draw(st.integers(0, 5000))
    gtin, rate = draw(st.sampled_from(GTINS)), draw(st.sampled_from((0, 900, 1300)))
    quantity_milli = 1000 if weight_g is not None else 1000 * pieces
    return SoldLine(number, gtin, quantity_milli, weight_g, amount, "", "", rate)


@st.composite
def sales(draw, coin_minor):
    """Paid in cash or by card or both, less a discount, cash rounded to the coin."""
    sold = tuple(draw(lines(number)) for number in range(1, draw(st.integers(1, 4)) + 1))
    whole = sum(line.amount_minor for line in sold)
    amount = draw(st.integers(0, whole))
    card = draw(st.integers(0, amount))
    cash = rounded(amount - card, coin_minor)
    change = draw(st.integers(0, 500))
    tenders = (Tender("card", card), Tender("cash", cash + change))
    rates = draw(st.booleans())
    taxes = included_taxes(sold if rates else (replace(sold[0], tax_rate_bp=600),), amount, 1300)
    return TransactionSettled(
        "e-1", "L1-1", DAY, "CNY", "T1", 4, amount, change, card + cash - amount, sold, tenders,
        taxes, 0,
    )  # fmt: skip


def asked(draw, file, number):
    """A part of what is left, or all of it; sometimes too much."""
    account = account_of(file)
    items = []
    for (_, line_no), line in account.lines.items():
        if not line.left or not draw(st.booleans()):
            continue
        weighed = line.sold.weight_g is not None
        most = line.left if weighed else line.left // 1000
        some = draw(st.integers(1, most + 1))
        condition = draw(st.sampled_from(("resaleable", "damaged")))
        much = {"weight_g": some} if weighed else {"quantity": some}
        items.append(ReturnItem(line_no, condition=condition, **much))
    tender = draw(st.sampled_from(("", "cash", "card")))
    looked = LookedForReturn(file, number=number)
    return ReturnGoods(f"r{number}", tuple(items), BOSS, "e-1", tender_type=tender, looked=looked)


def the_rest(file, number):
    items = tuple(
        ReturnItem(key[1], quantity=max(1, line.left // 1000))
        for key, line in account_of(file).lines.items()
        if line.left
    )
    looked = LookedForReturn(file, number=number)
    return ReturnGoods(f"r{number}", items, BOSS, "e-1", looked=looked)


def recorded(event, rules):
    result = step(LaneState(), event, rules, DAY)
    if only(AnswerAct, result.effects).outcome.code:
        assert result.facts == ()
        return ()
    return result.facts


def all_returned(data, sale, rules):
    """Some returns in parts, some in vain, and then all that is left."""
    file = SaleFile(sale, epoch="ep", seq=1)
    for number in range(1, data.draw(st.integers(1, 4)) + 1):
        event = asked(data.draw, file, number)
        file = replace(file, returns=(*file.returns, *recorded(event, rules)))
    last = recorded(the_rest(file, 9), rules)
    return replace(file, returns=(*file.returns, *last))


coins = st.sampled_from((1, 5, 10, 50))


@given(st.data(), coins)
def test_all_that_was_sold_comes_back_once_and_all_that_was_paid(data, coin_minor):
    rules = replace(RULES, till=TillRules(smallest_coin_minor=coin_minor))
    sale = data.draw(sales(coin_minor))
    returns = all_returned(data, sale, rules).returns
    goods = [line.goods for fact in returns for line in fact.lines]
    for sold in sale.lines:
        mine = [one for one in goods if one.line_no == sold.line_no]
        assert sum(one.quantity_milli for one in mine) == sold.quantity_milli
        assert sum(one.weight_g or 0 for one in mine) == (sold.weight_g or 0)
        assert all(one.amount_minor >= 0 and one.quantity_milli >= 0 for one in mine)
    assert sum(fact.amount_minor for fact in returns) == sale.amount_minor
    taxes = Counter()
    for tax in sale.taxes:
        taxes[tax.rate_bp, "net"] += tax.net_minor
        taxes[tax.rate_bp, "tax"] += tax.tax_minor
    for fact in returns:
        assert sum(t.amount_minor for t in fact.tenders) == fact.amount_minor + fact.rounding_minor
        assert sum(t.net_minor + t.tax_minor for t in fact.taxes) == fact.amount_minor
        for tax in fact.taxes:
            assert min(tax.net_minor, tax.tax_minor) >= 0
            taxes[tax.rate_bp, "net"] -= tax.net_minor
            taxes[tax.rate_bp, "tax"] -= tax.tax_minor
    assert not any(taxes.values())


@given(st.data(), coins)
def test_no_more_goes_to_a_card_than_was_paid_by_it_and_as_paid_undoes_each_means(data, coin_minor):
    rules = replace(RULES, till=TillRules(smallest_coin_minor=coin_minor))
    sale = data.draw(sales(coin_minor))
    file = all_returned(data, sale, rules)
    given_back = Counter()
    for fact in file.returns:
        for tender in fact.tenders:
            assert tender.amount_minor > 0
            given_back[tender.tender_type] += tender.amount_minor
    card, cash = sale.tenders
    assert given_back["card"] <= card.amount_minor
    if given_back["card"] == card.amount_minor:
        assert given_back["cash"] == cash.amount_minor - sale.change_minor
        assert sum(fact.rounding_minor for fact in file.returns) == sale.rounding_minor


@given(st.data())
def test_in_the_books_all_returns_leave_nothing_but_what_was_damaged(data):
    sale = data.draw(sales(1))
    returns = all_returned(data, sale, RULES).returns
    terms = Terms(COSTS.get, earlier=lambda _: Terms(COSTS.get))
    roles, stock = Counter(), Counter()
    for seq, fact in enumerate((sale, *returns), 1):
        posting = map_fact(fact, FactKey("a", "s", "l", "ep", seq), BOOKS, terms)
        assert isinstance(posting, Posting)
        for voucher in posting.vouchers:
            assert sum(line.amount_minor for line in voucher.content.lines) == 0
            for line in voucher.content.lines:
                roles[line.role.replace("revenue-returns", "revenue")] += line.amount_minor
        for moved in posting.movements:
            stock[moved.gtin] += moved.quantity_milli
    scrapped = roles.pop("shrinkage", 0)
    assert roles.pop("inventory", 0) == -scrapped
    tills = {role: roles.pop(role) for role in tuple(roles) if role.startswith("clearing")}
    assert sum(tills.values()) == 0, "cash for what a card paid moves between means alone"
    assert not any(roles.values())
    damaged = Counter()
    for line in (line for fact in returns for line in fact.lines if line.condition == "damaged"):
        damaged[line.goods.gtin] += line.goods.quantity_milli
    assert +stock == Counter()
    assert -stock == damaged


@given(st.data(), st.lists(st.integers(0, 10**9), min_size=1, max_size=6))
def test_what_is_shared_out_adds_up_and_exceeds_no_share(data, weights):
    amount = data.draw(st.integers(0, sum(weights)))
    shares = shared(amount, weights)
    assert sum(shares) == amount
    assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))


@given(st.data(), coins)
def test_a_retry_of_any_return_gets_its_own_answer(data, coin_minor):
    rules = replace(RULES, till=TillRules(smallest_coin_minor=coin_minor))
    file = SaleFile(data.draw(sales(coin_minor)), epoch="ep", seq=1)
    event = asked(data.draw, file, 1)
    for fact in recorded(event, rules):
        assert isinstance(fact, ReturnRecorded)
        again = replace(event, looked=replace(event.looked, earlier=fact))
        result = step(LaneState(), again, rules, DAY)
        assert (result.facts, only(AnswerAct, result.effects).outcome.code) == ((), "")
