"""`agent.config`: a lane's file as technicians write it, right and wrong."""

from __future__ import annotations

from typing import get_type_hints

import pytest

from agent.config import ConfigError, LaneConfig, check_lane, load
from agent.domain.rcn import REGIONS, LabelRules, RcnRule
from agent.domain.settings import SettingError
from drivers import registry
from drivers.scanner.driver_hid_wedge import HidWedgeOptions

SMALLEST = """\
store.org = "acme"
store.id = "s1"
store.name = "Acme One"
lane.id = "l1"
"""

SCANNER = """\
[[device]]
role = "scanner"
kind = "scanner"
model = "hid-wedge"
path = "/dev/input/by-id/a"
"""

PRINTER = """\
[[device]]
role = "printer"
kind = "printer"
model = "escpos"
host = "192.0.2.1"
"""


def right(text: str) -> LaneConfig:
    checked = check_lane(text)
    assert checked.errors == ()
    assert checked.value is not None
    return checked.value


def complaints(text: str) -> list[tuple[int, str, str]]:
    return [(error.line, error.key, error.message) for error in check_lane(text).errors]


def test_four_keys_make_a_lane():
    config = right(SMALLEST)
    assert (config.store.currency, config.store.minor_digits) == ("CNY", 2)
    assert config.api.host == "127.0.0.1"
    assert config.mqtt.enabled
    assert config.device == ()


RCN = """[[rcn]]
pattern = "21IIIIIVVVVVK"
kind = "weight"
decimals = 3
"""


def test_the_shops_own_labels_come_before_its_countrys():
    config = right(SMALLEST + 'store.rcn_region = "gb"\nstore.minor_digits = 0\n' + RCN)
    assert config.label_rules() == LabelRules(
        (RcnRule("21IIIIIVVVVVK", "weight", 3), *REGIONS["gb"]), minor_digits=0
    )
    assert right(SMALLEST).label_rules() == LabelRules()
    assert right(SMALLEST).lane.dual_mark_window_ms == 300


def test_a_pattern_that_reads_every_number_is_refused():
    faulty = SMALLEST + RCN.replace("21IIIII", "IIIIIII")
    [(line, key, message)] = complaints(faulty)
    assert (line, key) == (6, "rcn.1.pattern")
    assert message.startswith('is "IIIIIIIVVVVVK"; allowed: ')


def test_a_device_carries_the_options_of_its_driver():
    (device,) = right(SMALLEST + SCANNER + 'layout = "de"').device
    assert (device.role, device.kind, device.model) == ("scanner", "scanner", "hid-wedge")
    assert device.options == HidWedgeOptions(path="/dev/input/by-id/a", layout="de")


@pytest.mark.parametrize(("kind", "model"), sorted(registry.DRIVERS))
def test_every_option_of_a_driver_can_stand_in_its_device_table(kind, model):
    options = get_type_hints(registry.load(kind, model).Options)
    assert not {"role", "kind", "model"} & set(options)
    assert set(options.values()) <= {int, str, bool, tuple[str, ...], tuple[int, ...]}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('lane.id = "lane 1"', (4, "lane.id", 'is "lane 1"; allowed: [A-Za-z0-9_-]{1,64}')),
        ('lane.id = ""', (4, "lane.id", 'is ""; allowed: [A-Za-z0-9_-]{1,64}')),
        (
            'lane.id = "1"\nstore.business_day_ends = "24:00"',
            (
                5,
                "store.business_day_ends",
                'is "24:00"; allowed: ([01][0-9]|2[0-3]):[0-5][0-9]',
            ),
        ),
        (
            'lane.id = "1"\n[mqtt]\npassword = "x"',
            (6, "mqtt.password", "a password needs a username"),
        ),
        (
            'lane.id = "1"\n[api]\nhost = ""',
            (6, "api.host", "listens nowhere: set host or socket"),
        ),
        (
            'lane.id = "1"\n[api]\nclient = [\n{name="p",token="a"},\n{name="p",token="b"}]',
            (8, "api.client.2.name", "two clients have the name p"),
        ),
        (
            'lane.id = "1"\n[api]\nclient = [\n{name="p",token="a"},\n{name="q",token="a"}]',
            (8, "api.client.2.token", "two clients have the same token"),
        ),
        (
            'lane.id = "1"\n[api]\nclient = [\n{name="p",token=" "}]',
            (7, "api.client.1.token", "is empty; allowed: a secret word, best of 16 characters"),
        ),
        (
            'lane.id = "1"\n[api]\nhost = "0.0.0.0"\nclient = [{name = "pos", token = "abc"}]',
            (
                7,
                "api.client.1.token",
                "needs at least 16 characters, because 0.0.0.0 is on a network",
            ),
        ),
    ],
)
def test_what_cannot_be_is_named(text, complaint):
    assert complaints(SMALLEST.replace('lane.id = "l1"\n', "") + text) == [complaint]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_short_token_will_do_on_this_machine(host):
    api = f'[api]\nhost = "{host}"\n[[api.client]]\nname = "pos"\ntoken = "abc"\n'
    assert complaints(SMALLEST + api) == []


def test_a_host_name_counts_as_a_network():
    api = '[api]\nhost = "lane.example"\n[[api.client]]\nname = "pos"\ntoken = "abc"\n'
    assert [key for _, key, _ in complaints(SMALLEST + api)] == ["api.client.1.token"]


def test_a_unix_socket_needs_no_host():
    assert complaints(SMALLEST + '[api]\nhost = ""\nsocket = "/run/lane.sock"\n') == []


def test_two_devices_in_one_role_and_at_one_place_are_two_complaints():
    assert complaints(SMALLEST + SCANNER + SCANNER) == [
        (11, "device.2.role", "two devices have the role scanner"),
        (14, "device.2.path", "the device scanner is there already"),
    ]


def test_two_printers_at_one_host_differ_by_their_port():
    second = PRINTER.replace('"printer"\nkind', '"kitchen"\nkind')
    assert [key for _, key, _ in complaints(SMALLEST + PRINTER + second)] == ["device.2.host"]
    assert complaints(SMALLEST + PRINTER + second + "port = 9101\n") == []


READER = """
[[device]]
role = "gate"
kind = "rfid"
"""


def test_a_reader_on_the_network_serves_one_role():
    first = READER + 'model = "llrp"\nhost = "192.0.2.9"\n'
    second = first.replace("gate", "door")
    assert [key for _, key, _ in complaints(SMALLEST + first + second)] == ["device.2.host"]
    assert complaints(SMALLEST + first + second + "port = 5085\n") == []


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ('mode = "listen"\nantennas = [1, 2]\nneighbour_antennas = [2]', []),
        (
            'series = "18"\nmode = "listen"\nrssi_min = 60',
            [
                ("mode", 'is "listen"; goes only with series = "288", not "18"'),
                ("rssi_min", 'is 60; goes only with series = "288", not "18"'),
            ],
        ),
        ("antennas = []", [("antennas", "must have at least 1 element")]),
        (
            "neighbour_antennas = [2]",
            [
                (
                    "neighbour_antennas",
                    "is [2]; must be a part of antennas, which is [1], and not all",
                )
            ],
        ),
    ],
)
def test_what_a_reader_cannot_do_is_told_before_it_runs(options, found):
    text = SMALLEST + READER + f'model = "chafon"\npath = "/dev/serial/by-id/a"\n{options}\n'
    told = [(key.removeprefix("device.1."), text) for _, key, text in complaints(text)]
    assert told == found


def test_every_error_is_told_at_once_across_tables():
    text = SMALLEST + SCANNER.replace("path", "paht") + PRINTER + "baud = 1\n"
    assert [(line, key) for line, key, _ in complaints(text)] == [
        (5, "device.1.path"),
        (9, "device.1.paht"),
        (15, "device.2.baud"),
    ]


@pytest.mark.parametrize(
    ("kind", "model", "complaint"),
    [
        (
            "scaner",
            "hid-wedge",
            "no driver for scaner; there are: {kinds}; did you mean scanner?",
        ),
        ("scanner", "laser", "no driver for laser; there are: {models}"),
        (
            "scale",
            "toledo",
            "no driver for toledo; there are: {models}; did you mean toledo-8217?",
        ),
    ],
)
def test_a_device_without_driver_names_those_there_are(kind, model, complaint):
    device = f'[[device]]\nrole = "x"\nkind = "{kind}"\nmodel = "{model}"\npath = "/dev/x"\n'
    kinds = ", ".join(sorted({kind for kind, _ in registry.DRIVERS}))
    models = ", ".join(sorted(m for k, m in registry.DRIVERS if k == kind))
    expected = complaint.format(kinds=kinds, models=models)
    assert [message for *_, message in complaints(SMALLEST + device)] == [expected]


def test_a_device_without_kind_is_checked_as_far_as_it_goes():
    assert complaints(SMALLEST + '[[device]]\nrole = "x"\nmodel = 8\npath = 9') == [
        (5, "device.1.kind", "this key must be given"),
        (7, "device.1.model", "must be text in quotes, not 8"),
    ]


def test_a_driver_that_does_not_load_is_the_technicians_to_know(monkeypatch):
    monkeypatch.setitem(registry.DRIVERS, ("scanner", "broken"), "no_such_module_here:Driver")
    device = '[[device]]\nrole = "x"\nkind = "scanner"\nmodel = "broken"\n'
    assert complaints(SMALLEST + device) == [
        (
            8,
            "device.1.model",
            "its driver cannot be loaded: No module named 'no_such_module_here'",
        )
    ]


def test_the_receipt_is_headed_by_the_store_unless_told_otherwise():
    text = SMALLEST + 'store.address = ["1 Street"]\n'
    assert right(text).receipt_style().header == ("Acme One", "1 Street")
    style = right(text + '[receipt]\nheader = ["Hi"]\nfooter = ["Bye"]\nqr = false').receipt_style()
    assert (style.header, style.footer, style.qr, style.minor_digits) == (
        ("Hi",),
        ("Bye",),
        False,
        2,
    )


def test_the_trading_day_ends_so_many_minutes_after_midnight():
    text = SMALLEST + 'store.business_day_ends = "03:30"'
    assert right(text).store.business_day_ends_min == 210


def test_a_file_is_loaded_whatever_editor_saved_it(tmp_path):
    file = tmp_path / "lane.toml"
    file.write_bytes(b"\xef\xbb\xbf" + SMALLEST.replace("\n", "\r\n").encode())
    assert load(file).lane.id == "l1"


def test_a_wrong_file_raises_with_every_error_by_line(tmp_path):
    file = tmp_path / "lane.toml"
    file.write_text(SMALLEST + "[lane.more]\n[ap]\n", "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert [error.key for error in caught.value.errors] == ["lane.more", "ap"]
    assert f"{file}:6: ap: not known here; did you mean api?" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        (b'a = "\xff"', "is not UTF-8 at byte 5"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_config_error(tmp_path, content, message):
    file = tmp_path / "lane.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(file)
    (error,) = caught.value.errors
    assert isinstance(error, SettingError)
    assert (error.line, error.key, error.message) == (0, "", message)
