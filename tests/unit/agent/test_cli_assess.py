"""`lanetally assess`: the documented file in, one answer a transaction out; and its simulation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli import main
from agent.cli.assess import export
from agent.domain.facts import FACT_TYPES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "agent" / "domain" / "README.md").read_text("utf-8")
EXAMPLES = [
    line
    for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith('{"type"')
]
TEA, WINE = "06901234567892", "06909999999994"


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def fact(type_, **body):
    return json.dumps({"type": type_, "body": body})


FIELDS = st.sampled_from(
    sorted({name for by in FACT_TYPES.values() for c in by.values() for name in c.__annotations__})
)


def fact_of(type_, body):
    return json.dumps({"type": type_, "body": body}).encode()


def assessed(tmp_path, capsys, lines, *words):
    file = tmp_path / "facts.jsonl"
    file.write_text("\n".join(lines), "utf-8")
    code = main(["assess", str(file), *words])
    out, err = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err


DESCRIBED = [
    fact("ItemDescribed", gtin="6901234567892", description="Tea", category="beverages",
         price_minor=450, weight_low_g=520, weight_high_g=540),
    fact("ItemDescribed", gtin="6909999999994", description="Wine", category="alcohol",
         price_minor=4500, weight_low_g=1200, weight_high_g=1260),
]  # fmt: skip


def scan(transaction, gtin="6901234567892", **more):
    return fact("LineItemAdded", transaction_id=transaction, gtin=gtin, **more)


def plate(transaction, delta_g):
    return fact("BagWeightChanged", transaction_id=transaction, delta_g=delta_g)


def test_every_example_of_the_page_is_a_fact_and_each_kind_of_evidence_has_one():
    facts, bad = export.read(line.encode() for line in EXAMPLES)

    assert bad == []
    assert {type(f).type for f in facts} >= {*export.DEFAULTS} - {"TransactionOpened"} | {
        *("LineItemVoided", "LineItemOverridden", "CashierTotalReceived", "ItemDescribed")
    }


def test_the_page_names_every_field_of_every_fact_that_it_documents():
    facts, _ = export.read(line.encode() for line in EXAMPLES)
    fields = {name for f in facts for name in type(f).__dataclass_fields__} - {"type", "version"}
    assert [name for name in sorted(fields) if f"`{name}`" not in PAGE] == []


def test_each_transaction_is_answered_once_in_the_order_of_the_file(tmp_path, capsys):
    lines = [
        *DESCRIBED,
        scan("one"), plate("one", 530), plate("one", 1235),
        scan("two"), plate("two", 528),
        scan("three"), scan("four", line_no=1), plate("four", 531),
        fact("LineItemVoided", transaction_id="four", line_no=1),
        plate("three", 0),
    ]  # fmt: skip
    code, answers, err = assessed(tmp_path, capsys, lines)

    assert (code, err) == (0, "")
    assert [(a["transaction_id"], a["verdict"], a["missed_count"]) for a in answers] == [
        ("one", "suspected", 1),
        ("two", "clean", 0),
        ("three", "suspected", 0),
        ("four", "suspected", 0),
    ]
    assert [f["kind"] for a in answers for f in a["findings"]] == [
        *("missed_item", "walk_around", "voided_kept")
    ]
    missed = answers[0]
    assert missed["candidates"][0]["gtin"] == WINE
    assert missed["candidates"][0]["probability"] > 0.9
    assert set(missed) == {
        *("transaction_id", "verdict", "missed_count", "candidates", "findings", "confidence")
    }
    assert {"kind", "count", "reason"} <= set(missed["findings"][0])
    assert "1235 g more" in missed["findings"][0]["reason"]
    assert 0.9 < missed["confidence"] <= 1


def test_what_sensors_saw_before_the_first_scan_belongs_to_the_next_basket(tmp_path, capsys):
    settled = fact(
        "TransactionSettled", transaction_id="one", receipt_number="1", business_date="",
        currency="CNY", total_id="", item_count=1, amount_minor=0, change_minor=0,
        rounding_minor=0, lines=[], tenders=[], taxes=[], missed_count=0,
    )  # fmt: skip
    lines = [
        *DESCRIBED,
        plate(None, 530), scan("one"), settled,
        plate(None, 1230), scan("two", "6909999999994"), scan("two"), plate(None, 530),
    ]  # fmt: skip
    _, answers, _ = assessed(tmp_path, capsys, lines)

    assert [(a["transaction_id"], a["verdict"]) for a in answers] == [
        ("one", "clean"),
        ("two", "clean"),
    ]


def test_lines_that_are_no_facts_are_named_and_the_others_judged(tmp_path, capsys):
    lines = [
        *("oops", scan("one"), '{"type": "Nothing", "body": {}}', "[]", '{"type": "LaneStarted"}'),
        *("", '{"type": "LineItemAdded", "v": "1", "body": {}}', scan("one", "12")),
        *(fact("LineItemVoided", transaction_id="one"), "[" * 100_000),
    ]
    code, answers, err = assessed(tmp_path, capsys, lines)

    assert code == 1
    assert [a["transaction_id"] for a in answers] == ["one"]
    named = [int(n) for n in re.findall(r"line (\d+): ", err)]
    assert named == [1, 3, 4, 5, 7, 8, 9, 10]


def test_lines_without_a_number_are_lines_each_for_itself(tmp_path, capsys):
    plain = [fact("LineItemAdded", transaction_id="one", gtin=TEA) for _ in range(3)]
    counted = fact("CashierTotalReceived", transaction_id="one", total={"item_count": 3})
    settled = fact("TransactionSettled", transaction_id="one")
    code, [answer], err = assessed(tmp_path, capsys, [*plain, counted, settled])
    assert (code, answer["verdict"], err) == (0, "clean", "")


TOTAL = {"transaction_id": "one"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (scan("one", quantity_milli=-1000), "quantity_milli is -1000; allowed: 0…9999000"),
        (
            fact("CashierTotalReceived", **TOTAL, total={"item_count": -3}),
            "total.item_count is -3; allowed: 0…9999",
        ),
        (
            fact(
                "CashierTotalReceived",
                **TOTAL,
                total={"lines": [{"gtin": TEA, "quantity_milli": 1000, "amount_minor": -1}]},
            ),
            "total.lines[0].amount_minor is -1; allowed: 0…1000000000",
        ),
        (
            fact("CrossingObserved", **TOTAL, count=10**12),
            "count is 1000000000000; allowed: -9999…9999",
        ),
        (plate("one", 10**7), "delta_g is 10000000; allowed: -1000000…1000000"),
        (
            fact("ItemDescribed", gtin=TEA, weight_low_g=500, weight_high_g=400),
            "weight_low_g is 500; allowed: 0…400 (weight_high_g)",
        ),
        (fact("ItemDescribed", gtin=TEA, weight_low_g="heavy"), "weight_low_g must be int | null"),
        (plate("one", True), "delta_g must be int, not bool"),
        (plate("one", 1.5), "delta_g must be int, not float"),
        ('{"type": "DeviceLost", "body": {"role": NaN}}', "NaN is no number in JSON"),
        (fact("LineItemAdded", gtin=TEA), "transaction_id is missing"),
        (scan(7), "transaction_id must be str, not int"),
        (
            fact("CashierTotalReceived", **TOTAL, total={"lines": [{"gtin": TEA}]}),
            "total.lines[0].quantity_milli is missing",
        ),
        (scan("one", sold_by="heap"), "sold_by: Invalid enum value 'heap'"),
        (scan("one", "69"), "gtin: 69 is none, 8, 12, 13 or 14 digits are meant"),
        (fact("LineItemsAdded"), "no fact is called LineItemsAdded; did you mean LineItemAdded?"),
        (fact("Zzz"), "no fact is called Zzz"),
        ('{"type": "LaneStarted", "body": 3}', "body is no JSON object"),
        ('{"type": "LaneStarted", "body": {}, "v": true}', "v is no whole number"),
        ('{"type": "LineItemAdded", "bo', "no whole JSON object: it breaks at character 27"),
        (f'{{"type": {"9" * 5000}}}', "a number of too many digits"),
        ("[" * 100_000, "brackets within brackets without end"),
        ("3", 'a JSON object with "type" and "body" is meant'),
    ],
)
def test_a_line_that_cannot_be_is_refused_with_its_field(tmp_path, capsys, line, said):
    code, answers, err = assessed(tmp_path, capsys, [scan("one"), line])
    assert (code, [a["verdict"] for a in answers]) == (1, ["clean"])
    assert err.startswith(f"{tmp_path}/facts.jsonl, line 2: {said}")


def test_bytes_that_are_no_text_are_named_by_their_place(tmp_path, capsys):
    file = tmp_path / "facts.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + scan("one").encode() + b'\r\n{"type": "\xff"}\n')
    assert main(["assess", str(file)]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["transaction_id"] == "one"
    assert err == f"{file}, line 2: byte 11 is not UTF-8\n"


def test_what_is_wrong_with_a_line_is_said_in_chinese(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    _, _, err = assessed(tmp_path, capsys, [scan("one", quantity_milli=-1)])
    assert err.endswith("quantity_milli 为 -1；允许：0…9999000\n")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=8,
)


@given(st.one_of(st.binary(), st.builds(fact_of, st.sampled_from([*FACT_TYPES]), ANYTHING)))
def test_no_line_is_more_than_refused(line):
    facts, bad = export.read([line])
    assert len(facts) + sum(not one.is_fact for one in bad) <= 1
    assert all(one.why.english() for one in bad)


@pytest.mark.parametrize(("type_", "fields"), export.limits.LIMITS.items())
def test_every_limit_is_of_a_field_there_is(type_, fields):
    names = set(FACT_TYPES[type_][1].__dataclass_fields__)
    assert {path.split(".")[0] for path in fields} <= names


def test_a_version_of_a_fact_that_is_not_known_yet_is_passed_over(tmp_path, capsys):
    newer = '{"type": "LaneStarted", "v": 9, "body": {"boot_id": 1}}'
    assert assessed(tmp_path, capsys, [newer]) == (0, [], "")


def test_what_clean_baskets_weigh_is_known_to_the_baskets_after_them(tmp_path, capsys):
    lines = [
        line
        for n in range(4)
        for line in (scan(f"clean {n}"), plate(f"clean {n}", 528 + n))
    ]  # fmt: skip
    lines += [scan("odd"), scan("odd"), plate("odd", 529)]
    _, answers, _ = assessed(tmp_path, capsys, lines)

    assert [a["verdict"] for a in answers] == ["clean"] * 4 + ["suspected"]


def test_a_lower_rate_of_false_alarms_asks_for_more_evidence(tmp_path, capsys):
    lines = [scan("one"), fact("CrossingObserved", transaction_id="one", count=3)]
    verdicts = [
        assessed(tmp_path, capsys, lines, "--false-alarms", rate)[1][0]["verdict"]
        for rate in ("100", "0.001")
    ]
    assert verdicts == ["suspected", "clean"]


def test_facts_can_come_from_a_pipe(monkeypatch, capsys):
    class Stdin:
        class buffer:  # noqa: N801  the stream's own name
            read = staticmethod(lambda: scan("one").encode())

    monkeypatch.setattr("sys.stdin", Stdin)
    assert main(["assess", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "clean"


def test_a_file_that_is_not_there_is_said_so(tmp_path, capsys):
    assert main(["assess", str(tmp_path / "none.jsonl")]) == 1
    assert "none.jsonl" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["x.jsonl", "--simulate", "3"],
        ["--simulate", "0"],
        ["--simulate", "3", "--false-alarms", "none"],
        ["--simulate", "3", "--false-alarms", "0"],
        ["--simulate", "3", "--false-alarms", "nan"],
        ["--simulate", "3", "--false-alarms", "inf"],
    ],
)
def test_it_is_called_with_a_file_or_with_a_number_of_baskets(words):
    with pytest.raises(SystemExit) as ended:
        main(["assess", *words])
    assert ended.value.code == 2


def test_a_field_that_is_not_known_is_named_with_the_nearest_and_the_line_is_judged(
    tmp_path, capsys
):
    paid = {"tender_type": "cash", "amount_minor": 900, "amount_miner": 900}
    total = {"item_count": 2, "tenders": [paid]}
    lines = [
        fact("LineItemAdded", transaction_id="t1", gtin=TEA, prise_minor=450, colour="green"),
        fact("CashierTotalReceived", transaction_id="t1", total=total),
    ]

    code, answers, err = assessed(tmp_path, capsys, lines)

    assert code == 0
    assert answers[0]["missed_count"] == 1
    inner = "total.tenders[0].amount_miner"
    said = [line.partition("facts.jsonl, ")[2] for line in err.splitlines()]
    assert said == [
        "line 1: prise_minor is not known here and was not read; did you mean price_minor?",
        "line 1: colour is not known here and was not read",
        f"line 2: {inner} is not known here and was not read; did you mean amount_minor?",
    ]


def test_reasons_are_said_in_the_language_of_the_shell(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    lines = [*DESCRIBED, scan("one"), plate("one", 530), plate("one", 1235)]
    _, [answer], _ = assessed(tmp_path, capsys, lines)
    assert answer["findings"][0]["reason"] == "秤上比已扫商品应有的重量多 1235 克"


def test_every_default_is_for_a_fact_there_is():
    assert set(export.DEFAULTS) <= set(FACT_TYPES)


# --- the simulation ------------------------------------------------------------------------------


def simulated(capsys, *words):
    assert main(["assess", "--simulate", *words]) == 0
    return capsys.readouterr().out


def test_the_same_seed_draws_the_same_baskets(capsys):
    first = simulated(capsys, "30", "--seed", "5", "--json")
    assert simulated(capsys, "30", "--seed", "5", "--json") == first
    assert simulated(capsys, "30", "--seed", "6", "--json") != first


def test_the_figures_can_be_read_as_a_table(capsys):
    lines = simulated(capsys, "20").splitlines()
    assert lines[0].startswith("20 baskets, ")
    assert [line.split()[0] for line in lines[2:4]] == ["all", "all_rfid_30"]
    assert lines[-1].startswith("last_scan_rule")


def test_with_all_evidence_nearly_all_is_found_and_nearly_nobody_accused(capsys):
    answer = json.loads(simulated(capsys, "1200", "--seed", "3", "--json"))

    mixes, rule = answer["mixes"], answer["last_scan_rule"]
    assert {"all", "count_amount", "weight", "rfid_30", "camera", "weight_count"} <= set(mixes)
    assert mixes["all"]["recall"] >= 0.95
    assert mixes["all"]["false_alarms_per_1000"] <= 2
    assert mixes["all"]["precision"] >= 0.99
    assert all(mix["false_alarms_per_1000"] <= 5 for mix in mixes.values())
    assert rule["false_alarms_per_1000"] > 500
