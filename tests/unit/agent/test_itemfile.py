"""The item master's CSV file: read whole or not at all, and never in the way of selling."""

from __future__ import annotations

import contextlib
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.items import Item
from agent.itemfile import ItemFileError, load_items, parse
from agent.journal import Journal

HEAD = "gtin,description,category,price_minor,sold_by,tax_rate_bp\n"
MILK = "6901234567892,Milk 1 l,dairy,1250,each,1300\n"


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.db") as opened:
        yield opened


def parsed(text):
    return list(parse(text))


def test_every_form_of_gtin_is_kept_as_fourteen_digits():
    text = HEAD + (
        "96385074,Tea,drinks,1000,,\n"
        "042100005264,Soup,food,,each,\n"
        "6901234567892,Milk,dairy,1250,each,1300\n"
        "14006381333938,Case of pens,office,9900,,\n"
    )

    assert [item.gtin for item in parsed(text)] == [
        "00000096385074",
        "00042100005264",
        "06901234567892",
        "14006381333938",
    ]


def test_what_is_empty_is_unknown_or_the_stores():
    (item,) = parsed(HEAD + "6901234567892,,,,,\n")

    assert item == Item("06901234567892", "", "", None, "each", None)


def test_goods_sold_by_weight_have_a_price_per_kilogram():
    (item,) = parsed(HEAD + "2001234567893,Apples,fruit,980,weight,900\n")

    assert item == Item("02001234567893", "Apples", "fruit", 980, "weight", 900)


EVIDENCE = HEAD.rstrip() + ",weight_low_g,weight_high_g,tagged_permille\n"


def test_what_pieces_weigh_and_how_many_carry_a_tag_may_be_told():
    both, tag, none = parsed(
        EVIDENCE
        + "96385074,Tea,drinks,1000,,,325,335,300\n"
        + "042100005264,Soup,food,,each,,,,1000\n"
        + "2001234567893,Apples,fruit,980,weight,900,,,\n"
    )

    assert (both.weight_low_g, both.weight_high_g, both.tagged_permille) == (325, 335, 300)
    assert (tag.weight_low_g, tag.weight_high_g, tag.tagged_permille) == (None, None, 1000)
    assert (none.weight_low_g, none.weight_high_g, none.tagged_permille) == (None, None, None)


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        (",,325,,", "weight_low_g and weight_high_g go together"),
        (",,,325,", "weight_low_g and weight_high_g go together"),
        (",,335,325,", "weight_low_g is 335 and weight_high_g 325"),
        (",,0,325,", "weight_low_g is 0 and weight_high_g 325"),
        (",,3.2,325,", "weight_low_g is '3.2'; 0 to 1000000 is meant"),
        (",,325,1000001,", "weight_high_g is '1000001'"),
        (",,,,1001", "tagged_permille is '1001'; 0 to 1000 is meant"),
        ("weight,,325,335,", "sold by weight, so no piece has a weight of its own"),
    ],
)
def test_a_wrong_weight_or_share_is_named_with_its_line(cells, complaint):
    text = EVIDENCE + "042100005264,Soup,food,,,,,,\n" + f"96385074,Tea,drinks,1000,{cells}\n"

    with pytest.raises(ItemFileError, match="line 3: ") as caught:
        parsed(text)
    assert complaint in str(caught.value)


def test_the_last_two_columns_may_be_absent_and_others_are_ignored():
    text = "price_minor,gtin,description,category,shelf\n1250,6901234567892,Milk,dairy,A7\n"

    assert parsed(text) == [Item("06901234567892", "Milk", "dairy", 1250)]


def test_quoted_commas_line_ends_and_odd_separators_stay_in_the_description():
    text = HEAD + '6901234567892,"Milk, 1 l\nfresh\u2028cold\x85",dairy,1,,\r\n' + MILK

    first, second = parsed(text)

    assert first.description == "Milk, 1 l\nfresh\u2028cold\x85"
    assert second.description == "Milk 1 l"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: no column gtin, description, category, price_minor"),
        ("gtin;description\n", "line 1: no column gtin"),
        ("gtin,description,category\n", "line 1: no column price_minor"),
        (HEAD + MILK + "6901234567893,Milk,,,,\n", "line 3: '6901234567893' is no GTIN"),
        (HEAD + "690123456789,Milk,,,,\n", "line 2: '690123456789' is no GTIN"),
        (HEAD + ",Milk,,,,\n", "line 2: '' is no GTIN"),
        (HEAD + "6901234567892,Milk,,12.50,,\n", "line 2: price_minor is '12.50'"),
        (HEAD + "6901234567892,Milk,,-1,,\n", "line 2: price_minor is '-1'"),
        (HEAD + "6901234567892,Milk,,１２,,\n", "line 2: price_minor is '１２'"),
        (HEAD + f"6901234567892,Milk,,{'9' * 5000},,\n", "line 2: price_minor is '999"),
        (HEAD + "6901234567892,Milk,,1,kilo,\n", "line 2: sold_by is 'kilo'; each or weight"),
        (HEAD + "6901234567892,Milk,,1,,10001\n", "line 2: tax_rate_bp is '10001'; 0 to 10000"),
        (HEAD + '6901234567892,"Milk,,1,,\n' + MILK, "unexpected end of data"),
        (HEAD + f"6901234567892,{'x' * 200_000},,1,,\n", "line 2: field larger than"),
    ],
)
def test_the_first_wrong_line_is_named(text, message):
    with pytest.raises(ItemFileError) as refused:
        parsed(text)
    assert message in str(refused.value)


def test_a_file_is_loaded_once_and_again_when_it_changed(tmp_path, journal, caplog):
    caplog.set_level(logging.INFO)
    file = tmp_path / "items.csv"
    file.write_text("\ufeff" + HEAD + MILK, encoding="utf-8")

    load_items(file, journal)
    load_items(file, journal)
    assert caplog.text.count("item master: 1 items") == 1
    assert journal.item("06901234567892").price_minor == 1250

    file.write_text(HEAD + MILK.replace("1250", "1300"), encoding="utf-8")
    load_items(file, journal)
    assert journal.item("06901234567892").price_minor == 1300


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"nonsense", (HEAD + "1,x,,,,").encode()])
def test_a_file_that_cannot_be_used_leaves_the_items_as_they_were(
    tmp_path, journal, caplog, content
):
    file = tmp_path / "items.csv"
    file.write_text(HEAD + MILK, encoding="utf-8")
    load_items(file, journal)

    file.unlink()
    if content is not None:
        file.write_bytes(content)
    load_items(file, journal)

    assert f"item master {file} not loaded" in caplog.text
    assert journal.item("06901234567892").price_minor == 1250


def test_a_disk_that_is_full_leaves_the_items_as_they_were(tmp_path, journal, caplog):
    file = tmp_path / "items.csv"
    file.write_text(HEAD + MILK, encoding="utf-8")
    load_items(file, journal)
    pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count = {pages}")

    file.write_text(HEAD + MILK.replace("dairy", "x" * 50_000), encoding="utf-8")
    load_items(file, journal)

    assert "database or disk is full" in caplog.text
    assert journal.item("06901234567892").category == "dairy"


@given(st.text(max_size=200) | st.text(max_size=200).map(lambda rest: HEAD + MILK + rest))
def test_no_text_raises_anything_but_its_wrong_line(text):
    items = []
    with contextlib.suppress(ItemFileError):
        items = parsed(text)

    assert all(len(item.gtin) == 14 for item in items)
