"""What each witness adds to a judgement, alone and against the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.domain.assessment import Tolerance, assess
from agent.domain.evidence import (
    CameraEvidence,
    Catalogue,
    Evidence,
    KnownItem,
    Pieces,
    ScaleEvidence,
    Tag,
    WeightRange,
    catalogue_of,
)

TEA = KnownItem("1", "Tea", "drinks", 450, WeightRange(520, 540), 900)
WINE = KnownItem("2", "Wine", "alcohol", 4500, WeightRange(1200, 1260), 900)
RICE = KnownItem("3", "Rice", "staples", 2000, WeightRange(5000, 5040), 0)
SALT = KnownItem("4", "Salt", "staples", 200, WeightRange(300, 310), 900)
NEVER_WEIGHED = KnownItem("5", "Kite", "toys", 700)
ITEMS = (TEA, WINE, RICE, SALT, NEVER_WEIGHED)
CATALOGUE = catalogue_of(ITEMS)


def pieces(item, count=1, **more):
    amount_minor = None if item.price_minor is None else item.price_minor * count
    return Pieces(item.gtin, count, amount_minor, item.description, item.category, **more)


def evidence(*scanned, plate=None, **more):
    scale = None if plate is None else ScaleEvidence(tuple(plate), sum(plate))
    given = {"charged_count": None, "charged_minor": None, "charged": None} | more
    return Evidence(tuple(scanned), scale=scale, catalogue=CATALOGUE, **given)


def tags(*items):
    return tuple(Tag(item.gtin, str(n)) for n, item in enumerate(items))


def kinds(judged):
    return [(f.kind, f.count, f.gtin) for f in judged.findings]


def words(finding):
    return [text.english() for text in (finding.reason, *finding.also)]


# --- the scale -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "plate",
    [
        [530, 1230],
        [1230, 530],
        [1760],
        [530, 1230, -1230, 1230],
        [530, 900, -900, 1230],
        [60, 530, 1230],
        [1760, -530, 530],
        [530, -532, 1230, 528],
    ],
    ids=[
        *("in order", "the other way round", "at once", "moved", "a hand that rested"),
        *("the own bag first", "one taken off a group", "taken back and put down again"),
    ],
)
def test_honest_ways_to_put_two_items_down(plate):
    assert assess(evidence(pieces(TEA), pieces(WINE), plate=plate)).verdict == "clean"


def test_a_quantity_keyed_for_one_scan_is_as_many_pieces_on_the_plate():
    assert assess(evidence(pieces(TEA, 3), plate=[530, 1060])).verdict == "clean"


def test_an_item_that_nobody_weighed_may_weigh_anything():
    assert assess(evidence(pieces(TEA), pieces(NEVER_WEIGHED), plate=[530, 77])).verdict == "clean"


def test_an_item_not_put_down_may_be_one_that_nobody_weighed():
    judged = assess(evidence(pieces(TEA), pieces(NEVER_WEIGHED), plate=[530]))
    assert judged.verdict == "clean"


def test_a_total_says_that_a_change_was_never_stable():
    unseen = replace(evidence(pieces(TEA), pieces(WINE)), scale=ScaleEvidence((530,), 1760))
    assert assess(unseen).verdict == "clean"


def test_two_pieces_that_were_missed_are_told_apart_and_named():
    judged = assess(evidence(pieces(TEA), plate=[530, 1230, 305]))

    assert kinds(judged) == [("missed_item", 2, None)]
    assert [c.gtin for c in judged.candidates] == [WINE.gtin, SALT.gtin]
    assert judged.missed_count == 2
    assert judged.findings[0].category in {"alcohol", "staples"}


def test_a_missed_piece_of_the_scanned_kind_is_named_too():
    judged = assess(evidence(pieces(TEA), plate=[530, 531]))

    assert kinds(judged) == [("missed_item", 1, TEA.gtin)]
    assert judged.findings[0].value_minor == 450


def test_an_item_that_nobody_knows_is_missed_without_a_name():
    known = replace(evidence(pieces(TEA), plate=[530, 2777]), catalogue=catalogue_of([TEA, WINE]))
    judged = assess(known)

    assert kinds(judged) == [("missed_item", 1, None)]
    assert judged.candidates == ()
    assert judged.findings[0].category is None


def test_an_item_that_nobody_weighed_may_be_the_missed_one():
    judged = assess(evidence(pieces(TEA), plate=[530, 2777]))
    assert [c.gtin for c in judged.candidates] == [NEVER_WEIGHED.gtin]


def test_without_an_item_master_nothing_is_named():
    known = replace(evidence(pieces(TEA, weight_g=530), plate=[530, 1230]), catalogue=Catalogue())
    judged = assess(known)

    assert kinds(judged) == [("missed_item", 1, None)]
    assert judged.candidates == ()


def test_something_dearer_under_another_label_is_told_by_its_weight():
    judged = assess(
        evidence(pieces(SALT), pieces(TEA), plate=[530, 1230], camera=CameraEvidence(2, 99))
    )

    assert kinds(judged) == [("swap", 1, None)]
    assert words(judged.findings[0])[0] == "Salt was scanned, and something else of 1230 g passed"


def test_a_piece_that_is_missing_is_said_with_what_the_plate_lacks():
    judged = assess(evidence(pieces(TEA), pieces(WINE), plate=[530]))

    assert kinds(judged) == [("walk_around", 1, WINE.gtin)]
    assert words(judged.findings[0]) == [
        "Wine was scanned and does not lie with the others",
        "the scale holds 1230 g less than the scanned items weigh",
    ]


def test_a_reason_names_no_witness_that_says_nothing_of_it():
    judged = assess(
        evidence(
            pieces(TEA), pieces(WINE), plate=[530], camera=CameraEvidence(3, 95), tags=tags(TEA)
        )
    )

    assert kinds(judged) == [("walk_around", 1, WINE.gtin)]
    assert [w.split()[0] for w in words(judged.findings[0])] == ["Wine", "the"]


def test_a_piece_scanned_twice_is_told_from_one_carried_away_by_camera_and_tags():
    twice = evidence(pieces(WINE, 2), plate=[1230], camera=CameraEvidence(1, 99), tags=tags(WINE))
    carried = evidence(
        pieces(WINE, 2), plate=[1230], camera=CameraEvidence(2, 99), tags=tags(WINE, WINE)
    )
    assert kinds(assess(twice)) == [("double_scan", 1, WINE.gtin)]
    assert kinds(assess(carried)) == [("walk_around", 1, WINE.gtin)]


def test_more_pieces_than_could_ever_be_told_apart_leave_the_scale_unheard():
    assert assess(evidence(pieces(TEA, 301), plate=[1])).verdict == "clean"


def test_many_strange_increments_are_missed_pieces():
    strange = [1230, 305, 531, 1229, 306, 532, 1231, 307]
    judged = assess(evidence(pieces(RICE), plate=[5020, *strange]))
    assert judged.verdict == "suspected"


# --- tags ----------------------------------------------------------------------------------------


def test_a_tag_of_an_item_that_was_not_scanned_names_it():
    judged = assess(evidence(pieces(TEA), tags=tags(TEA, WINE)))

    assert kinds(judged) == [("missed_item", 1, WINE.gtin)]
    assert words(judged.findings[0]) == ["1 tag of Wine are here, 0 were scanned"]
    assert judged.findings[0].value_minor == 4500


def test_one_tag_read_twice_is_one_piece():
    twice = (Tag(TEA.gtin, "1", -50), Tag(TEA.gtin, "1", -48))
    assert assess(evidence(pieces(TEA), tags=twice)).verdict == "clean"


def test_tags_without_serials_are_pieces_of_their_own():
    two = (Tag(WINE.gtin), Tag(WINE.gtin))
    assert kinds(assess(evidence(pieces(WINE), tags=two))) == [("missed_item", 1, WINE.gtin)]


@pytest.mark.parametrize(
    ("dbm", "verdict"), [(-45, "suspected"), (-58, "suspected"), (-75, "clean")]
)
def test_a_weak_tag_is_a_neighbours(dbm, verdict):
    seen = (*tags(TEA), Tag(WINE.gtin, "9", dbm))
    assert assess(evidence(pieces(TEA), tags=seen)).verdict == verdict


def test_pieces_whose_tags_are_not_seen_prove_nothing_alone():
    assert assess(evidence(pieces(TEA, 2), tags=())).verdict == "clean"


def test_several_tags_too_few_where_tags_are_sure_are_pieces_scanned_once_too_often():
    sure = replace(WINE, tagged_permille=1000)
    known = replace(
        evidence(pieces(WINE, 5), tags=tags(WINE), camera=CameraEvidence(1, 99)),
        catalogue=catalogue_of([sure]),
    )
    assert kinds(assess(known)) == [("double_scan", 4, WINE.gtin)]


def test_a_swap_that_only_tags_can_see():
    seen = {"tags": tags(WINE, SALT), "camera": CameraEvidence(2, 99)}
    judged = assess(evidence(pieces(TEA), pieces(SALT), **seen))

    assert kinds(judged) == [("swap", 1, WINE.gtin)]
    assert words(judged.findings[0])[0] == "Tea was scanned, and Wine passed"


# --- the camera ----------------------------------------------------------------------------------


def test_a_camera_that_counts_one_more_is_no_proof_but_two_witnesses_are():
    counted = CameraEvidence(3, 98)
    alone = evidence(pieces(TEA), pieces(WINE), camera=counted)
    together = evidence(pieces(TEA), pieces(WINE), plate=[530, 305, 1230], camera=counted)

    assert assess(alone).verdict == "clean"
    assert kinds(assess(together)) == [("missed_item", 1, SALT.gtin)]


def test_a_camera_that_counts_many_more_is_believed():
    judged = assess(evidence(pieces(TEA), camera=CameraEvidence(5, 98)))

    assert judged.missed_count >= 3
    assert "the camera saw 5 items pass, 1 were scanned" in words(judged.findings[0])


def test_a_camera_that_counts_far_less_saw_pieces_scanned_too_often():
    judged = assess(evidence(pieces(TEA, 6), camera=CameraEvidence(2, 100)))

    assert {f.kind for f in judged.findings} == {"double_scan"}
    assert words(judged.findings[0])[0] == "an item was scanned once too often"


def test_a_label_that_the_camera_read_and_nobody_scanned_names_the_item():
    judged = assess(evidence(pieces(TEA), camera=CameraEvidence(None, labels=(WINE.gtin,))))

    assert kinds(judged) == [("missed_item", 1, WINE.gtin)]
    assert words(judged.findings[0]) == ["the camera read the label of Wine, which was not scanned"]


def test_labels_of_scanned_and_of_voided_items_say_nothing():
    seen = CameraEvidence(1, 98, (TEA.gtin, WINE.gtin))
    judged = assess(evidence(pieces(TEA), voided=(pieces(WINE),), camera=seen))
    assert judged.verdict == "clean"


def test_a_label_of_something_else_where_one_piece_passed_is_a_swap_of_something():
    both = evidence(
        pieces(TEA), camera=CameraEvidence(1, 99, (WINE.gtin, RICE.gtin)), tags=tags(WINE)
    )
    judged = assess(both)
    assert "swap" in {f.kind for f in judged.findings}
    swapped = next(f for f in judged.findings if f.kind == "swap")
    assert "passed" in words(swapped)[0]


def test_a_label_of_something_else_where_enough_passed_is_a_swap_of_some_item():
    seen = CameraEvidence(2, 99, (WINE.gtin,))
    judged = assess(evidence(pieces(TEA), pieces(SALT), camera=seen))

    assert kinds(judged) == [("swap", 1, WINE.gtin)]
    assert words(judged.findings[0])[0] == "Wine passed, and another item was scanned"


# --- voids, serials ------------------------------------------------------------------------------


def test_a_voided_item_that_was_taken_off_is_gone():
    judged = assess(evidence(pieces(TEA), voided=(pieces(WINE),), plate=[530, 1230, -1228]))
    assert judged.verdict == "clean"


def test_a_voided_item_that_the_cashier_still_counts_is_kept():
    judged = assess(
        evidence(
            pieces(TEA),
            voided=(pieces(WINE),),
            plate=[530, 1230],
            charged_count=2,
            count_keyed=True,
        )
    )
    assert kinds(judged) == [("voided_kept", 1, WINE.gtin)]
    assert words(judged.findings[0])[0] == "Wine was voided and is still there"


def test_one_label_scanned_twice_is_a_double_scan():
    same = pieces(WINE, serial="A1")
    judged = assess(evidence(same, same))

    assert kinds(judged) == [("double_scan", 1, WINE.gtin)]
    assert words(judged.findings[0]) == ["one and the same label of Wine was scanned twice"]


def test_two_serials_are_two_pieces():
    assert assess(evidence(pieces(WINE, serial="A1"), pieces(WINE, serial="A2"))).verdict == "clean"


# --- the cashier ---------------------------------------------------------------------------------


def test_a_count_is_believed_where_nobody_else_watches_and_else_may_be_a_slip():
    alone = evidence(pieces(TEA), pieces(WINE), charged_count=3, count_keyed=True)
    against = replace(alone, scale=ScaleEvidence((530, 1230), 1760), camera=CameraEvidence(2, 99))
    assert assess(alone).missed_count == 1
    assert assess(against).verdict == "clean"
    assert assess(replace(against, count_keyed=False)).verdict == "suspected"


def test_a_piece_the_cashier_saw_is_named_by_what_was_charged_more():
    judged = assess(evidence(pieces(TEA), charged_count=2, charged_minor=4950))

    assert kinds(judged) == [("missed_item", 1, WINE.gtin)]
    assert judged.findings[0].category == "alcohol"


def test_an_amount_without_a_count_is_compared_too():
    judged = assess(evidence(pieces(TEA), charged_minor=1150))

    assert words(judged.findings[0]) == ["more was charged than the scanned items cost"]
    assert kinds(judged) == [("missed_item", 1, NEVER_WEIGHED.gtin)]


def test_an_amount_that_is_no_more_than_the_prices_says_nothing():
    assert assess(evidence(pieces(TEA), charged_minor=400)).verdict == "clean"


def test_a_piece_that_was_not_charged_and_not_taken_is_named_by_the_scale():
    judged = assess(
        evidence(
            pieces(TEA), pieces(WINE), charged_count=1, plate=[530], camera=CameraEvidence(1, 99)
        )
    )
    assert [f.gtin for f in judged.findings] == [WINE.gtin]


def test_several_pieces_on_one_charged_line_are_a_keyed_quantity_if_they_lie_there():
    charged = (pieces(TEA, 3),)
    seen = evidence(pieces(TEA), charged=charged, plate=[530, 530, 530])

    assert assess(seen).verdict == "clean"
    assert assess(replace(seen, scale=None)).missed_count == 2


def test_a_keyed_quantity_does_not_hide_what_was_missed_beside_it():
    seen = evidence(pieces(TEA), charged=(pieces(TEA, 3),), plate=[530, 530, 530, 1230])
    assert kinds(assess(seen)) == [("missed_item", 1, WINE.gtin)]


def test_pieces_charged_on_several_lines_are_no_keyed_quantity():
    charged = (pieces(TEA), pieces(WINE))
    judged = assess(evidence(pieces(TEA), charged=charged, plate=[530, 1230]))
    assert kinds(judged) == [("missed_item", 1, WINE.gtin)]


def test_a_charge_for_no_goods_and_goods_not_charged_are_told_from_the_plate():
    charged = (pieces(SALT), pieces(NEVER_WEIGHED))
    judged = assess(evidence(pieces(SALT), pieces(WINE), charged=charged, plate=[305]))

    assert {(f.kind, f.gtin) for f in judged.findings} == {
        ("missed_item", NEVER_WEIGHED.gtin),
        ("scanned_not_charged", WINE.gtin),
    }


def test_lines_and_the_plate_together_find_what_neither_finds_alone():
    judged = assess(
        evidence(pieces(TEA), charged=(pieces(TEA), pieces(SALT)), plate=[530, 305, 1230])
    )
    assert {(f.kind, f.gtin, f.count) for f in judged.findings} == {
        ("missed_item", SALT.gtin, 1),
        ("missed_item", WINE.gtin, 1),
    }


# --- how sure ------------------------------------------------------------------------------------


def test_fewer_accepted_false_alarms_ask_for_more_evidence():
    doubtful = evidence(pieces(TEA), camera=CameraEvidence(3, 97))
    assert assess(doubtful, Tolerance(false_alarms_ppm=100_000)).verdict == "suspected"
    assert assess(doubtful, Tolerance(false_alarms_ppm=1)).verdict == "clean"


def test_more_witnesses_make_a_clean_basket_surer():
    alone = assess(evidence(pieces(TEA)))
    seen = assess(evidence(pieces(TEA), plate=[530], camera=CameraEvidence(1, 99)))
    assert 900 < alone.confidence_permille < seen.confidence_permille <= 1000
