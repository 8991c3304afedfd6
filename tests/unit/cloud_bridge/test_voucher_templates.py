"""T1 to T15: what each business document leads to, and which templates are refused."""

import pytest

from cloud_bridge.chart import BUILT_IN, load_chart
from cloud_bridge.documents import (
    DOCUMENTS,
    GoodsReceipt,
    Payout,
    PeriodEnd,
    Refund,
    Sale,
    UnpaidItem,
    figures,
)
from cloud_bridge.mapping import Books, MappingProblem, Posting, Terms, post
from cloud_bridge.templates import TemplateError, load_templates, parse_templates
from cloud_bridge.voucher import EntryLine, FactKey, correction, reversal
from tests.voucher_kit import CASES, HEAD, REFUND, SALE

KEY = FactKey("acme", "harbour", "lane-1", "e" * 32, 7)
LATER = KEY._replace(seq=8)
TERMS = Terms({}.get)


def books(chart="cn_small", stock="perpetual", own=None):
    return Books(load_chart(chart), "CNY", load_templates(stock, own))


def posted(document, **how):
    posting = post(document, KEY, books(**how), TERMS)
    assert isinstance(posting, Posting), posting
    return posting.vouchers


def by_account(voucher):
    return {line.account: line.amount_minor for line in voucher.content.lines}


@pytest.mark.parametrize("case", CASES)
def test_the_vouchers_of_a_document(case):
    document, expected = CASES[case]
    assert {v.content.kind: by_account(v) for v in posted(document)} == expected


def test_every_document_is_tried_and_has_vouchers_in_books_of_one_kind():
    tried = {document.kind for document, _ in CASES.values()} | {PeriodEnd.kind}
    assert tried == set(DOCUMENTS)
    assert all(load_templates("perpetual")[k] or load_templates("periodic")[k] for k in DOCUMENTS)


@pytest.mark.parametrize("chart", BUILT_IN)
@pytest.mark.parametrize("case", CASES)
def test_every_built_in_chart_has_all_accounts(chart, case):
    document, expected = CASES[case]
    assert [v.content.kind for v in posted(document, chart=chart)] == list(expected)


def test_backfills_are_a_journal_of_their_own_with_who_and_why():
    document = UnpaidItem(**HEAD, cost=600, note="missed at the scanner: scale +0.4 kg",
                          approver="li")  # fmt: skip
    for voucher in posted(document):
        says = voucher.content
        assert (says.journal, says.approver) == ("backfill", "li")
        assert says.note == "missed at the scanner: scale +0.4 kg"


# --- stock kept periodically ---------------------------------------------------------------------


def test_periodic_books_know_the_cost_of_sales_at_the_period_s_end_only():
    for document, _ in CASES.values():
        for voucher in posted(document, stock="periodic"):
            roles = {line.role for line in voucher.content.lines}
            assert not roles & {"inventory", "cogs", "shrinkage", "suspense-stock"}
    (receipt,) = posted(GoodsReceipt(**HEAD, goods=8000), stock="periodic", chart="ifrs")
    assert by_account(receipt) == {"5100": 8000, "2050": -8000}
    end = PeriodEnd(**HEAD, opening=1000, purchases=8000, closing=1500)
    (voucher,) = posted(end, stock="periodic", chart="ifrs")
    assert by_account(voucher) == {"1300": 500, "5000": 7500, "5100": -8000}
    assert posted(end) == ()


# --- T15 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("red", [False, True])
def test_a_correction_mirrors_the_voucher_and_posts_it_anew(red):
    wrong = posted(Sale(**HEAD, **SALE))[0]
    back = reversal(wrong, LATER, "wrong rate", "li", red=red)
    assert by_account(back) == {a: -amount for a, amount in by_account(wrong).items()}
    assert (back.content.kind, back.content.reverses) == ("sale-reversal", wrong.voucher_id)
    assert (back.content.red, back.content.approver) == (red, "li")
    lines = (EntryLine("clearing.cash", "1001", 11300), EntryLine("revenue", "5001", -11300))
    right = correction(wrong, LATER, lines, "right rate")
    assert (right.content.version, right.content.transaction_id) == (2, "t1")
    assert len({wrong.voucher_id, back.voucher_id, right.voucher_id}) == 3


# --- a document that contradicts itself ----------------------------------------------------------


def test_a_document_whose_figures_do_not_agree_is_not_posted():
    problem = post(Payout(**HEAD, gross={"card": 100}, net=98), KEY, books(), TERMS)
    assert problem == MappingProblem("sums", "gross less net + fee + fee_tax is 2")


# --- own templates -------------------------------------------------------------------------------

GROSS = """
[[voucher]]
kind = "sale"
document = "sale"
en = "Sale, gross"
zh = "销售（总额）"
lines = [
  { debit  = "clearing.{tender}",     amount = "tenders" },
  { credit = "clearing.cash",         amount = "change" },
  { debit  = "discount-given.{rate}", amount = "discount" },
  { credit = "revenue.{rate}",        amount = "net + discount" },
  { credit = "output-tax",            amount = "tax" },
  { credit = "rounding",              amount = "rounding" },
]
[[voucher]]
kind = "cost"
document = "sale"
stock = "perpetual"
en = "No cost"
zh = "不结转"
lines = []
"""


def test_a_company_s_own_voucher_replaces_the_built_in_one_or_turns_it_off(tmp_path):
    own = tmp_path / "vouchers.toml"
    own.write_text(GROSS, encoding="utf-8")
    sale = Sale(**HEAD, **SALE, discount={"1300": 500, "900": 10})
    (voucher,) = posted(sale, own=own)
    assert {line.role: line.amount_minor for line in voucher.content.lines} == {
        "clearing.wechat": 9000,
        "clearing.cash": 2300,
        "discount-given.1300": 500,
        "revenue.1300": -10500,
        "discount-given.900": 10,
        "revenue.900": -10,
        "output-tax": -1300,
    }
    assert len(posted(Refund(**HEAD, **REFUND), own=own)) == 2


def template(lines='{ debit = "cogs", amount = "cost" }, { credit = "inventory", amount = "cost" }',
             kind="cost", document="sale", more=""):  # fmt: skip
    return (
        f'[[voucher]]\nkind = "{kind}"\ndocument = "{document}"\nen = "x"\nzh = "x"\n{more}\n'
        f"lines = [{lines}]\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "Invalid"),
        (template(more='colour = "red"'), "unknown field `colour`"),
        (template(kind="Cost of sales"), "a kind is made of a-z, 0-9 and dashes"),
        (template(document="sail"), "there is no document 'sail'"),
        (template() + template(), "cost: is there twice"),
        (template('{ amount = "cost" }'), "either debit or credit"),
        (template('{ debit = "cogs", credit = "cogs", amount = "cost" }'), "either debit or cre"),
        (template('{ debit = "cogs", amount = "price" }'), "no figure price; there are tenders,"),
        (template('{ debit = "cogs", amount = "cost * 2" }'), r"not figures with \+ and - between"),
        (template('{ debit = "cogs", amount = "" }'), r"not figures with \+ and - between"),
        (template('{ debit = "cogs", amount = "cost.real" }'), r"not figures with \+ and -"),
        (template('{ debit = "revenue.{rate}", amount = "tenders" }'), "is not by one label"),
        (template('{ debit = "revenue.{rate}", amount = "cost" }'), "is not by one label"),
        (template('{ debit = "revenue.{rate}{rate}", amount = "net" }'), "is not by one label"),
        (template('{ debit = "revenu", amount = "cost" }'), "no chart has the role 'revenu'"),
        (template('{ debit = "cogs", amount = "cost" }'), r"does not balance: \+1 cost is left"),
        (
            template('{ debit = "clearing.{tender}", amount = "tenders" },'
                     '{ credit = "revenue", amount = "net + tax" }'),
            r"does not balance: \+1 rounding, \+1 change is left over",
        ),
    ],
)  # fmt: skip
def test_a_template_that_cannot_be_used_says_what_to_change(text, message):
    with pytest.raises(TemplateError, match=message):
        parse_templates(text)


def test_a_template_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(TemplateError, match=r"none\.toml"):
        load_templates("perpetual", tmp_path / "none.toml")


def test_the_figures_of_a_document_and_how_they_are_labelled():
    assert figures(Payout) == {"gross": "platform", "net": "", "fee": "", "fee_tax": ""}
