"""The `[shop]` table, purposes of scales, and PINs that no file gives away."""

from __future__ import annotations

import io

import pytest

from agent.api.acts import LOCKED_S, TRIES_MAX, PinLock
from agent.cli import main
from agent.config import check_lane
from agent.domain.shop import ShopRules, TillRules
from agent.shop import Approver, approver_of, hashed

SMALLEST = 'store.org = "a"\nstore.id = "s"\nstore.name = "n"\nlane.id = "l"\n'
SCALE = '[[device]]\nrole = "bag"\nkind = "scale"\nmodel = "toledo-8217"\npath = "/dev/x"\n'
KEYPAD = '[[device]]\nrole = "k"\nkind = "keypad"\nmodel = "hid-numeric"\npath = "/dev/y"\n'
HASH = hashed("4711", b"s" * 16)


def complaints(text):
    return [(error.key, error.message) for error in check_lane(SMALLEST + text).errors]


def config(text):
    checked = check_lane(SMALLEST + text)
    assert checked.errors == ()
    return checked.value


def test_a_shop_that_says_nothing_has_the_rules_of_most():
    assert config("").shop.rules() == ShopRules()


def test_a_shop_says_who_may_what():
    text = (
        "[shop]\nfalse_alarms_per_million = 2000\nask_before_settling = true\nquiet = true\n"
        'dismiss_role = "supervisor"\nsupervisor_from_minor = 5000\nvoid_role = "manager"\n'
        'override_role = "manager"\n'
    )

    assert config(text).shop.rules() == ShopRules(
        "supervisor", 5000, "manager", "manager", True, True, 2000
    )


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[shop]\nfalse_alarms_per_million = 0\n", "shop.false_alarms_per_million"),
        ('[shop]\ndismiss_role = "boss"\n', "shop.dismiss_role"),
        ('[[shop.approver]]\nname = "Lin"\npin = "4711"\n', "shop.approver.1.pin"),
        (f'[[shop.approver]]\nname = "L"\npin = "{HASH}"\n' * 2, "shop.approver.2.name"),
        (
            f'[[shop.approver]]\nname = "L"\npin = "{HASH}"\nrole = "cashier"\n',
            "shop.approver.1.role",
        ),
        ('[[api.client]]\nname = "p"\ntoken = "t"\nrole = "x"\n', "api.client.1.role"),
        (KEYPAD + 'purpose = "bagging"\n', "device.1.purpose"),
        (SCALE + 'purpose = "baggage"\n', "device.1.purpose"),
    ],
)
def test_what_cannot_be_is_named_by_its_key(text, key):
    assert [named for named, _ in complaints(text)] == [key]


def test_a_scale_is_for_the_counter_unless_it_is_for_bagging():
    assert config(SCALE).bagging_scales() == frozenset()
    assert config(SCALE + 'purpose = "bagging"\n').bagging_scales() == {"bag"}


# --- PINs ----------------------------------------------------------------------------------------

LIN = Approver("Lin", HASH)
MEI = Approver("Mei", hashed("2002", b"t" * 16), "manager")


def test_a_pin_is_known_by_its_hash_alone():
    assert approver_of("4711", (LIN, MEI)) == LIN
    assert approver_of("2002", (LIN, MEI)) == MEI
    assert approver_of("1234", (LIN, MEI)) is None
    assert approver_of("4711", ()) is None
    assert "4711" not in HASH


def test_the_lock_opens_again_after_a_while():
    lock = PinLock()
    for _ in range(TRIES_MAX):
        assert not lock.is_shut(0)
        lock.tried(0, is_right=False)

    assert lock.is_shut(LOCKED_S - 1)
    assert not lock.is_shut(LOCKED_S)


def test_a_right_pin_forgives_the_wrong_ones():
    lock = PinLock()
    for _ in range(3):
        for _ in range(TRIES_MAX - 1):
            lock.tried(0, is_right=False)
        lock.tried(0, is_right=True)

    assert not lock.is_shut(0)


def test_the_command_hashes_a_pin_that_the_configuration_takes(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("4711\n"))
    assert main(["config", "pin"]) == 0
    made = capsys.readouterr().out.strip()

    shop = config(f'[[shop.approver]]\nname = "Lin"\npin = "{made}"\n').shop
    assert approver_of("4711", shop.approver) == Approver("Lin", made)


@pytest.mark.parametrize("pin", ["", "123", "12345678901234", "four", "１２３４"])
def test_what_is_no_pin_is_refused(pin, monkeypatch, capsys):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{pin}\n"))

    assert main(["config", "pin"]) == 1
    assert capsys.readouterr().err == "a PIN has 4 to 12 digits\n"


def test_a_lane_is_no_till_unless_it_says_so():
    assert config("").till.rules(2) is None


def test_a_till_says_what_it_takes():
    text = (
        '[till]\nenabled = true\ntenders = ["cash", "voucher"]\nsmallest_coin_minor = 10\n'
        "price_weights = true\n"
    )

    assert config(text).till.rules(0) == TillRules(("cash", "voucher"), 10, True, 0)


def test_what_a_till_cannot_take_is_named():
    text = '[till]\ntenders = ["Cash"]\nsmallest_coin_minor = 0\nnotes_minor = [0]\n'

    assert [key for key, _ in complaints(text)] == [
        "till.tenders.1",
        "till.smallest_coin_minor",
        "till.notes_minor.1",
    ]
