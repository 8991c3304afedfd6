"""Words of head office as bytes: what a lane does with each, and with whatever else may come."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import shadow as shadow_module
from agent.bundle import without_secrets
from agent.commands import (
    COMMANDS,
    Answer,
    BundleArgs,
    Command,
    ItemsArgs,
    ReprintArgs,
    ResendArgs,
    command_leaf,
    decode_answer,
    encode_answer,
    encode_command,
    read_command,
)
from agent.config import DESIRABLE, LaneConfig, check_lane, desired_errors
from agent.desk import Desk
from agent.inputs import Asked, ChangeItems, Done, Reprint
from agent.shadow import Kept, Shadow, load

NOW_MS = 1_800_000_000_000
FILE = '[store]\norg = "a"\nid = "s"\nname = "n"\n[lane]\nid = "l"\n'
ARGS = st.one_of(
    st.builds(ResendArgs, st.integers(1, 9), st.integers(1, 9)),
    st.builds(ReprintArgs, st.text()),
    st.builds(BundleArgs),
    st.builds(ItemsArgs, st.text(), st.lists(st.text()).map(tuple)),
)
NAMES = {cls: name for name, cls in COMMANDS.items()}


class Line:
    def __init__(self):
        self.sent = []
        self.unasked = []

    def send(self, leaf, payload, *, retain=False):
        self.sent.append((leaf, json.loads(payload), retain))

    def nobody_asked(self, leaf):
        self.unasked.append(leaf)

    def send_again(self, first, last):
        return last - first + 1


@pytest.fixture
def office(tmp_path):
    """A desk, its line, what it asked the core for, and how often a configuration was kept."""

    class Office:
        asked, renewed, room = [], [], True

    def ask(asked):
        Office.asked.append(asked)
        return Office.room

    def errors(config):
        return [(error.key, error.message) for error in desired_errors(FILE, config)]

    Office.asked, Office.renewed = [], []
    kept = Shadow(tmp_path / "d.json", Kept(), errors, lambda: Office.renewed.append(1))
    Office.desk = Desk(ask, lambda: {"log": []}, kept, lambda: NOW_MS)
    Office.line = Line()
    return Office


def say(office, name, args, command_id="c1", expires_ms=0):
    payload = encode_command(Command(command_id, name, "li", expires_ms, args))
    office.desk.take(command_leaf(name, command_id), payload, office.line)
    return office.line.sent


# --- commands ------------------------------------------------------------------------------------


@given(ARGS, st.text(), st.integers(0, 10**15))
def test_a_command_arrives_as_it_was_said(args, by, expires_ms):
    command = Command("c1", NAMES[type(args)], by[:64], expires_ms, args)
    assert read_command(command_leaf(command.name, "c1"), encode_command(command), 0) == command


@given(st.text(max_size=20), st.binary() | st.text().map(str.encode))
def test_no_bytes_on_any_topic_do_anything_but_a_refusal(leaf, payload):
    for topic in (leaf, f"cmd/{leaf}", f"cmd/resend/{leaf}", f"cmd/{leaf}/c1"):
        read = read_command(topic, payload, NOW_MS)
        assert read is None or isinstance(read, Command) or read.status == "refused"


@given(st.binary())
def test_no_bytes_are_taken_for_an_answer_that_are_none(payload):
    answer = decode_answer(payload)
    assert answer is None or decode_answer(encode_answer(answer)) == answer


def test_the_answer_says_why_it_was_refused(office):
    say(office, "resend", ResendArgs(1, 2), expires_ms=NOW_MS - 5000)
    office.desk.take("cmd/dance/c2", b"{}", office.line)
    office.desk.take("cmd/resend/c3", b'{"args":{"first":"x"}}', office.line)
    office.desk.take("cmd/resend/c4", b'{"args":{"first":1,"last":2,"more":3}}', office.line)
    answers = [(leaf, body["code"]) for leaf, body, _ in office.line.sent]
    assert answers == [
        ("res/resend/c1", "expired"),
        ("res/dance/c2", "unknown_command"),
        ("res/resend/c3", "arguments"),
        ("res/resend/c4", "arguments"),
    ]
    assert office.asked == []


def test_what_changes_the_lane_goes_to_the_core(office):
    say(office, "reprint", ReprintArgs("R1"), "c1")
    say(office, "resend", ResendArgs(3, 5), "c2")
    say(
        office, "items", ItemsArgs("gtin,description,category,price_minor\n96385074,Tea,,5\n"), "c3"
    )
    assert office.line.sent == [], "the core answers"
    requests = [(asked.command_id, asked.request) for asked in office.asked]
    assert requests[:2] == [("c1", Reprint("R1")), ("c2", Done("3 facts"))]
    (item,) = requests[2][1].items
    assert isinstance(requests[2][1], ChangeItems)
    assert (item.gtin, item.price_minor) == ("00000096385074", 5)
    assert office.asked[0] == Asked("c1", "reprint", "li", Reprint("R1"))


def test_a_bundle_is_sent_at_once_and_its_answer_kept(office):
    ((leaf, body, retain),) = say(office, "bundle", BundleArgs())
    assert (leaf, body["status"], retain) == ("res/bundle/c1", "done", False)
    assert json.loads(gzip.decompress(base64.b64decode(body["data"]))) == {"log": []}
    assert office.asked[0].request == Done("sent")


def test_wrong_items_are_refused_with_their_line(office):
    csv = "gtin,description,category,price_minor\n96385074,Tea,,5\n123,x,,1\n"
    ((_, body, _),) = say(office, "items", ItemsArgs(csv))
    assert (body["code"], body["detail"]) == ("arguments", "line 3: '123' is no GTIN")


def test_where_the_core_has_no_room_nothing_is_answered(office):
    office.room = False
    assert say(office, "reprint", ReprintArgs("R1")) == []


def test_a_bundle_has_no_secrets():
    text = 'password = "hunter2"\n  token="abc"\nname = "password"\npin = "scrypt:1"\n'
    shown = without_secrets(text)
    assert "hunter2" not in shown
    assert "abc" not in shown
    assert "scrypt" not in shown
    assert 'name = "password"' in shown


# --- desired and reported ------------------------------------------------------------------------


def desire(office, version, config):
    payload = json.dumps({"version": version, "config": config}).encode()
    office.desk.take("desired", payload, office.line)
    leaf, report, retain = office.line.sent[-1]
    assert (leaf, retain) == ("reported", True)
    return report


GOOD = {"receipt": {"footer": ["Thank you"]}, "store": {"language": "zh_CN"}}


def test_what_is_good_is_kept_and_pends_until_the_lane_has_begun_anew(office, tmp_path):
    report = desire(office, 3, GOOD)
    assert report == {"version": 3, "applied": 0, "status": "pending", "errors": []}
    assert load(tmp_path / "d.json") == Kept(3, GOOD)
    assert office.renewed == [1]
    assert desire(office, 3, GOOD)["status"] == "pending"
    assert office.renewed == [1], "once"
    other = desire(office, 3, {"receipt": {"footer": ["Goodbye"]}})
    assert (other["status"], other["errors"][0]["key"]) == ("refused", "version")
    assert load(tmp_path / "d.json") == Kept(3, GOOD)


@pytest.mark.parametrize("version", [-1, 2**53 + 1, 2**70])
def test_a_version_after_which_none_could_come_is_refused(office, version):
    report = desire(office, version, GOOD)
    assert (report["version"], report["status"]) == (0, "refused")
    assert desire(office, 1, GOOD)["status"] == "pending"


def test_the_next_life_reports_it_applied_and_takes_no_older_one(tmp_path):
    shadow = Shadow(tmp_path / "d.json", Kept(3, GOOD), lambda _: (), lambda: None)

    def take(version, config):
        payload = json.dumps({"version": version, "config": config}).encode()
        report = json.loads(shadow.take(payload))
        return report["status"], report["applied"]

    assert json.loads(shadow.report())["status"] == "applied"
    assert take(3, GOOD) == ("applied", 3)
    assert take(3, {}) == ("refused", 3)
    assert take(2, GOOD) == ("refused", 3)
    assert take(4, {}) == ("pending", 3)


def test_each_error_is_listed_and_the_last_good_one_goes_on(office, tmp_path):
    desire(office, 1, GOOD)
    wrong = {"store": {"language": "tlh", "tax_rate_bp": -1}, "receipt": {"qr": "yes"}}
    report = desire(office, 2, wrong)
    assert report["status"] == "refused"
    keys = {error["key"] for error in report["errors"]}
    assert keys == {"store.language", "store.tax_rate_bp", "receipt.qr"}
    report = desire(office, 3, {"mqtt": {"host": "x"}, "store": {"org": "b"}})
    assert {error["key"] for error in report["errors"]} == {"mqtt.host", "store.org"}
    assert load(tmp_path / "d.json") == Kept(1, GOOD)


@given(st.binary() | st.text().map(str.encode))
def test_no_bytes_are_applied_that_are_no_configuration(payload):
    shadow = Shadow(None, Kept(), lambda _: [("", "no")], lambda: None)
    assert json.loads(shadow.take(payload))["status"] in ("refused", "applied")


def test_a_retained_word_that_is_taken_back_is_no_word(office):
    office.desk.take("desired", b"", office.line)
    assert office.line.sent == []


def test_what_cannot_be_kept_is_refused(office, tmp_path):
    (tmp_path / "d.new").mkdir()
    report = desire(office, 1, GOOD)
    assert report["status"] == "refused"
    assert "cannot be kept" in report["errors"][0]["message"]
    assert office.renewed == []


def test_a_kept_file_that_is_damaged_is_as_none(tmp_path, caplog):
    file = tmp_path / "d.json"
    file.write_bytes(b'{"version": 1, "conf')
    assert load(file) == Kept()
    assert "is not used" in caplog.text
    assert len(json.loads(Shadow(file, Kept(), list, print).take(b"x" * 70_000))["errors"]) == 1
    assert shadow_module.BYTES_MAX < 70_000


def test_all_that_may_be_desired_is_there(tmp_path):
    settings = check_lane(FILE).value
    assert isinstance(settings, LaneConfig)
    for table, keys in DESIRABLE.items():
        assert keys <= set(type(getattr(settings, table)).__dataclass_fields__)
    good = check_lane(FILE, GOOD).value
    assert good is not None
    assert (good.store.name, good.store.language) == ("n", "zh_CN")
    assert good.receipt.footer == ("Thank you",)


def test_an_answer_keeps_its_fields():
    answer = Answer("c1", "bundle", "done", "ok", "x", "y")
    assert decode_answer(encode_answer(answer)) == answer
