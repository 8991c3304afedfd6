"""From facts to evidence, and what weights clean baskets teach."""

from __future__ import annotations

import pytest

from agent.domain import facts
from agent.domain.evidence import (
    CameraEvidence,
    Evidence,
    KnownItem,
    Pieces,
    ScaleEvidence,
    Tag,
    WeightRange,
    catalogue_of,
)
from agent.domain.gather import by_transaction, evidence_of, serial_of
from agent.domain.items import NamedItem
from agent.domain.learned import Knowledge, learned_range, weighed_piece, weighing
from agent.domain.totals import CashierTotal, ChargedLine

TEA, WINE = "06901234567892", "06909999999994"
EMPTY = catalogue_of(())


def line(line_no, gtin=TEA, transaction_id="t", quantity_milli=1000, **more):
    given = {"price_minor": 450, "sold_by": "each", "scan_label": "", "symbology": ""} | more
    return facts.LineItemAdded(
        transaction_id=transaction_id,
        line_no=line_no,
        gtin=gtin,
        form="GTIN-13",
        quantity_milli=quantity_milli,
        known=True,
        description="Tea",
        category="drinks",
        tax_rate_bp=0,
        role="scanner",
        **given,
    )


def plate(delta_g, total_g=None, role="bag_scale", transaction_id="t"):
    return facts.BagWeightChanged(transaction_id, delta_g, total_g, role)


def tag(gtin, serial, *, present=True, epc=""):
    return facts.TagObserved("t", epc, gtin, serial, present, -50, 0, "rfid")


def test_facts_without_a_transaction_belong_to_the_one_before_or_the_next():
    early, late = plate(100, transaction_id=None), plate(200, transaction_id=None)
    lost = facts.DeviceLost("scale", "gone")
    settled = facts.TransactionSettled(
        "t", "1", "", "CNY", "", 1, 0, 0, 0, (), (), (), missed_count=0
    )
    stream = [early, lost, line(1), late, settled, late, line(1, transaction_id="u"), plate(3)]

    assert by_transaction(stream) == {
        "t": [early, line(1), late, settled, plate(3)],
        "u": [late, line(1, transaction_id="u")],
    }


def test_sensor_facts_alone_make_no_transaction():
    assert by_transaction([plate(100, transaction_id=None)]) == {}


def test_lines_are_pieces_with_their_weights_overrides_and_voids():
    told = [
        line(1, quantity_milli=3000),
        line(2, sold_by="weight"),
        facts.LineItemWeighed("t", 2, 1250, False, "", "scale"),
        line(3),
        facts.LineItemOverridden("t", 3, 300),
        line(4),
        facts.LineItemVoided("t", 4),
        line(5, price_minor=None),
    ]
    evidence = evidence_of(told, EMPTY)

    assert [(p.count, p.amount_minor, p.weight_g) for p in evidence.scanned] == [
        (3, 1350, None),
        (1, None, 1250),
        (1, 300, None),
        (1, None, None),
    ]
    assert [p.gtin for p in evidence.voided] == [TEA]


def test_what_a_line_does_not_say_the_item_master_does():
    catalogue = catalogue_of([KnownItem(TEA, "Green tea", "drinks", 480)])
    [pieces] = evidence_of([line(1, price_minor=None)], catalogue).scanned
    assert pieces.amount_minor == 480


def test_the_last_total_holds_and_says_who_counted():
    charged = ChargedLine(TEA, 2000, 900)
    totals = [
        CashierTotal("1", "http", None, 900, (charged,)),
        CashierTotal("2", "keypad", 3, None),
    ]
    told = [facts.CashierTotalReceived("t", total) for total in totals]
    catalogue = catalogue_of([KnownItem(TEA, "Green tea", "drinks")])

    first, last = evidence_of(told[:1], catalogue), evidence_of(told, catalogue)
    assert first.charged == (Pieces(TEA, 2, 900, "Green tea", "drinks"),)
    assert (first.charged_minor, first.count_keyed) == (900, False)
    assert (last.charged, last.charged_count, last.count_keyed) == (None, 3, True)


@pytest.mark.parametrize(
    ("changes", "scale"),
    [
        ([], None),
        ([plate(0)], ScaleEvidence((), 0)),
        ([plate(100), plate(-30)], ScaleEvidence((100, -30), 70)),
        ([plate(100, 600), plate(50, 655)], ScaleEvidence((100, 50), 155)),
        ([plate(100), plate(50, role="other")], ScaleEvidence((100, 50), 150)),
    ],
)
def test_the_scale_counts_from_what_lay_there_before(changes, scale):
    assert evidence_of(changes, EMPTY).scale == scale


def test_tags_that_left_or_are_no_trade_items_do_not_count():
    told = [
        tag(TEA, "1"),
        tag(WINE, "2"),
        tag(WINE, "2", present=False),
        tag(None, None, epc="E200"),
        tag(WINE, None),
        tag(WINE, None),
        tag(WINE, "9", present=False),
    ]
    assert [t.gtin for t in evidence_of(told, EMPTY).tags] == [TEA, WINE, WINE]
    assert evidence_of(told[:1], EMPTY).tags == (Tag(TEA, f"{TEA} 1", -50),)
    assert evidence_of([], EMPTY).tags is None


def test_the_camera_counts_forwards_and_backwards_and_reads_labels():
    crossed = [
        facts.CrossingObserved("t", n, confidence, "camera")
        for n, confidence in ((3, 99), (-1, 95))
    ]
    label = facts.LabelObserved("t", WINE, 3, "camera")

    assert evidence_of([*crossed, label], EMPTY).camera == CameraEvidence(2, 98, (WINE,))
    assert evidence_of([label], EMPTY).camera == CameraEvidence(None, labels=(WINE,))
    assert evidence_of([], EMPTY).camera is None


def test_what_was_described_last_is_known_and_what_is_described_no_more_is_forgotten():
    knowledge = Knowledge()
    for fact in (
        facts.ItemDescribed(WINE, "Old", weight_low_g=1, weight_high_g=2),
        facts.ItemDescribed(WINE, "Wine", "alcohol", 4500, "each", 1200, 1260, 300),
        facts.ItemDescribed("x", "Apples", "fruit", 600, "weight", 1, 2),
        facts.ItemDescribed(TEA, "Tea"),
        facts.ItemDescribed(TEA),
    ):
        knowledge.describe(fact)

    assert knowledge.catalogue.items == {
        WINE: KnownItem(WINE, "Wine", "alcohol", 4500, WeightRange(1200, 1260), 300),
        "x": KnownItem("x", "Apples", "fruit", 600),
    }
    assert knowledge.catalogue.middles_g == (1230,)


def test_what_a_scan_said_is_known_in_its_own_basket():
    evidence = evidence_of([line(1), line(2, gtin=WINE, price_minor=None)], EMPTY)

    assert evidence.item(TEA) == KnownItem(TEA, "Tea", "drinks", 450)
    assert evidence.item(WINE) == KnownItem(WINE, "Tea", "drinks")
    assert evidence.item("x") == KnownItem("x")


def test_what_the_total_names_and_nobody_scanned_has_the_item_masters_name():
    total = CashierTotal("1", "http", None, None, (ChargedLine(WINE, 1000, 4500),))
    named = NamedItem(WINE, "Wine", "alcohol", 4400)
    received = facts.CashierTotalReceived("t", total, ("drinks",), (named,))

    evidence = evidence_of([line(1), received], EMPTY)

    assert evidence.charged == (Pieces(WINE, 1, 4500, "Wine", "alcohol"),)
    assert evidence.gap_categories == ("drinks",)
    assert evidence.item(WINE).price_minor == 4400


@pytest.mark.parametrize(
    ("label", "symbology", "serial"),
    [
        ("0106901234567892" + "21A17", "]d2", "A17"),
        ("0106901234567892", "]d2", None),
        ("0106901234567892" + "21A17", "]E0", None),
        ("6901234567892", "]E0", None),
        ("no element string", "]d2", None),
        ("", "]d2", None),
    ],
)
def test_a_serial_number_is_read_from_gs1_labels_alone(label, symbology, serial):
    scan = line(1, scan_label=label, symbology=symbology)
    other = line(2, scan_label="0106901234567892", symbology="]d2")

    assert evidence_of([scan], EMPTY).scanned[0].serial is None  # nothing to be the same as
    assert evidence_of([scan, scan, other], EMPTY).scanned[0].serial == serial
    assert serial_of("]") is None


# --- learned weights -----------------------------------------------------------------------------

KNOWN = KnownItem("k", weight=WeightRange(500, 504))


def seen(total_g, *scanned):
    scale = None if total_g is None else ScaleEvidence((total_g,), total_g)
    return Evidence(scanned, None, None, None, scale=scale, catalogue=catalogue_of([KNOWN]))


def pieces(gtin, count=1, weight_g=None):
    return Pieces(gtin, count, None, "", "", weight_g)


@pytest.mark.parametrize(
    ("basket", "weighed"),
    [
        (seen(330, pieces("x")), ("x", 330)),
        (seen(660, pieces("x"), pieces("x")), ("x", 330)),
        (seen(832, pieces("x"), pieces("k")), ("x", 330)),
        (seen(430, pieces("x"), pieces("y", weight_g=100)), ("x", 330)),
        (seen(330, pieces("x"), pieces("y")), None),
        (seen(502, pieces("k")), None),
        (seen(100, pieces("x"), pieces("k")), None),
        (seen(1020, pieces("x"), pieces("y", weight_g=1000)), None),
        (seen(None, pieces("x")), None),
    ],
    ids=[
        *("alone", "two of them", "beside a known one", "beside weighed goods", "two unknown"),
        *("nothing unknown", "less than the known ones", "too blurred", "no scale"),
    ],
)
def test_a_clean_basket_weighs_the_one_item_that_nobody_knows(basket, weighed):
    found = weighing(basket)
    assert (found and (found[0].gtin, found[1])) == weighed


def test_a_range_is_learned_from_weighings_that_agree():
    assert learned_range([330, 331]) is None
    assert learned_range([330, 331, 333]) == WeightRange(323, 340)
    assert learned_range([330, 331, 333, 700]) == WeightRange(323, 340)
    assert learned_range([100, 200, 400]) is None


def test_items_that_were_weighed_often_enough_are_known_by_the_latest_weighings():
    knowledge = Knowledge()
    for grams in (330, 331):
        knowledge.weigh(facts.PieceWeighed("t", "x", grams, "Tea", "drinks", 450))
    assert knowledge.catalogue.items == {}

    knowledge.weigh(facts.PieceWeighed("t", "x", 333, "Green tea", "drinks", 460))
    assert knowledge.catalogue.items == {
        "x": KnownItem("x", "Green tea", "drinks", 460, WeightRange(323, 340))
    }

    for _ in range(12):
        knowledge.weigh(facts.PieceWeighed("t", "x", 500))
    assert knowledge.catalogue.items["x"].weight == WeightRange(489, 511)


def test_the_item_masters_word_goes_before_what_was_learned():
    knowledge = Knowledge()
    for _ in range(3):
        knowledge.weigh(facts.PieceWeighed("t", "x", 330, "Tea"))

    knowledge.describe(facts.ItemDescribed("x", "Green tea", tagged_permille=300))
    assert knowledge.catalogue.items["x"] == KnownItem(
        "x", "Green tea", "", None, WeightRange(323, 337), 300
    )

    knowledge.describe(facts.ItemDescribed("x", "Green tea", weight_low_g=1, weight_high_g=2))
    assert knowledge.catalogue.items["x"].weight == WeightRange(1, 2)


def test_what_a_clean_basket_teaches_is_a_fact():
    assert weighed_piece("t", seen(330, pieces("x"))) == facts.PieceWeighed("t", "x", 330)
    assert weighed_piece("t", seen(None, pieces("x"))) is None
