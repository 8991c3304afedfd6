"""A plain basket is told at a glance, before any evidence is made: the judgement stays the same."""

from hypothesis import given
from hypothesis import strategies as st

from agent.domain import assessment, gather
from agent.domain.assessment import Tolerance, agreement, assess, judged
from agent.domain.evidence import Catalogue
from agent.domain.facts import BagWeightChanged, CashierTotalReceived, CrossingObserved
from agent.domain.totals import CashierTotal, ChargedLine
from agent.domain.transaction import OpenLine

GTINS = ("04710105045320", "04710018004605", "00000096385074")
BAG = BagWeightChanged("t-1", 500, 500, "bag")
CROSSED = CrossingObserved("t-1", 1, 97, "camera")

gtins = st.sampled_from(GTINS)
open_lines = st.builds(
    lambda gtin, pieces, label: OpenLine(
        1, gtin, pieces * 1000, None, True, "", "", 1200, "each", 500, label
    ),
    gtins,
    st.integers(1, 3),
    st.sampled_from(["", "", "", "]C1010471010504532021A1"]),
)
charged_lines = st.builds(
    lambda gtin, pieces: ChargedLine(gtin, pieces * 1000, 1200 * pieces), gtins, st.integers(1, 3)
)
seen = st.lists(st.sampled_from([BAG, CROSSED]), max_size=2).map(tuple)


@st.composite
def baskets(draw):
    lines = draw(st.lists(open_lines, min_size=1, max_size=4))
    as_scanned = tuple(
        ChargedLine(line.gtin, line.quantity_milli, line.amount_minor) for line in lines
    )
    charged = draw(st.one_of(st.just(as_scanned), st.lists(charged_lines, max_size=4).map(tuple)))
    count = draw(st.sampled_from([None, sum(line.pieces for line in charged)]))
    total = CashierTotal("total-1", "http", count, None, draw(st.sampled_from([charged, None])))
    voided = draw(st.sampled_from([[], [], lines[:1]]))
    return lines, voided, total, draw(st.one_of(st.just(()), seen))


@given(baskets(), st.sampled_from([50, 500, 20_000]))
def test_a_basket_that_is_plain_at_a_glance_is_judged_as_by_all_that_can_be_said(basket, ppm):
    lines, voided, total, told = basket
    received = CashierTotalReceived("t-1", total)
    evidence = gather.evidence_from(lines, voided, received, told, Catalogue())
    tolerance = Tolerance(ppm)
    if gather.is_plain(lines, voided, total, told):
        assert assessment.is_plain(evidence)
        at_a_glance = agreement(tolerance, count_given=total.item_count is not None)
        assert at_a_glance == assess(evidence, tolerance) == judged(evidence, tolerance)
    else:
        assert total.lines is None or told or voided or not agrees(lines, total)


def agrees(lines, total):
    scanned, charged = {}, {}
    for counted, some in ((scanned, lines), (charged, total.lines)):
        for line in some:
            counted[line.gtin] = counted.get(line.gtin, 0) + line.pieces
    return scanned == charged and not any(line.gs1_label for line in lines)
