"""`[shop]` and `[till]`: what lanes do when they suspect something, who may do what, what is taken.

A supervisor approves at the lane with a PIN. The file holds only its scrypt hash (RFC 7914), made
by `lanetally config pin`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass
from itertools import permutations
from typing import Any

from agent.domain.settings import option
from agent.domain.shop import RETURN_LIMITS, ROLES, ReturnLimit, Role, ShopRules, TillRules
from agent.domain.text import Text
from agent.domain.toml_lines import Path
from agent.domain.totals import AMOUNT_MINOR_MAX, ROUNDING_MINOR_MAX, TENDER_TYPE

PIN_PATTERN = "[0-9]{4,12}"

_COST, _BLOCK, _PARALLEL = 2**14, 8, 1  #: 16 MB and some 50 ms a try
_HASH = "scrypt:[0-9a-f]{32}:[0-9a-f]{64}"


@dataclass(frozen=True, slots=True)
class Approver:
    """One `[[shop.approver]]`: who may approve at the lane with a PIN."""

    name: str = option(MISSING, "who it is, as the facts will say")
    pin: str = option(MISSING, "hash of the PIN: `lanetally config pin` makes it", pattern=_HASH)
    role: str = option("supervisor", "what this person may do", choices=ROLES[1:])


@dataclass(frozen=True, slots=True)
class ReturnLimitSettings:
    """One `[[shop.return_limit]]`: how far a role may take goods back. Above it, who may more is
    asked for a PIN. With none of these tables a supervisor is asked for each return, and a manager
    for one without a receipt; with any of them, roles that none of them names may not."""

    role: str = option(MISSING, "whose limit this is; higher roles may so much too", choices=ROLES)
    amount_minor: int = option(
        0, "given back for one sale at most; 0: any amount", low=0, high=AMOUNT_MINOR_MAX
    )
    days: int = option(0, "since the sale at most; 0: any time", unit="d", low=0, high=3650)
    without_receipt: bool = option(False, "also goods without a receipt; a supervisor is asked")

    def limit(self) -> ReturnLimit:
        return ReturnLimit(self.amount_minor or None, self.days or None, self.without_receipt)


@dataclass(frozen=True, slots=True)
class ShopSettings:
    """The `[shop]` table."""

    false_alarms_per_million: int = option(
        500,
        "honest baskets in a million that may be stopped: 500 are 0.5 in 1,000",
        low=1,
        high=100_000,
    )
    ask_before_settling: bool = option(
        False, "a suspected total of the POS waits for an answer, as a keyed one does"
    )
    quiet: bool = option(False, "suspicions go to journal and head office; nobody is stopped")
    dismiss_role: str = option("cashier", "who may go on in spite of a suspicion", choices=ROLES)
    supervisor_from_minor: int = option(
        0, "value at stake from which a supervisor is asked; 0: never", low=0, high=10_000_000_00
    )
    void_role: str = option("cashier", "who may take a line back", choices=ROLES)
    override_role: str = option("supervisor", "who may set another price", choices=ROLES)
    backfill_role: str = option(
        "supervisor", "who may add an item to a settled sale", choices=ROLES
    )
    discard_role: str = option(
        "supervisor", "who may give up a basket that was put aside", choices=ROLES
    )
    approver: tuple[Approver, ...] = option((), "who may approve with a PIN")
    return_limit: tuple[ReturnLimitSettings, ...] = option((), "who may take which goods back")

    def rules(self) -> ShopRules:
        return ShopRules(
            role_of(self.dismiss_role),
            self.supervisor_from_minor,
            role_of(self.void_role),
            role_of(self.override_role),
            self.ask_before_settling,
            self.quiet,
            self.false_alarms_per_million,
            backfill_role=role_of(self.backfill_role),
            discard_role=role_of(self.discard_role),
            return_limits=tuple((role_of(x.role), x.limit()) for x in self.return_limit)
            or RETURN_LIMITS,
        )


@dataclass(frozen=True, slots=True)
class TillSettings:
    """The `[till]` table: a lane that takes the money itself, without a POS."""

    enabled: bool = option(False, "the lane itself is the till")
    tenders: tuple[str, ...] = option(
        ("cash", "card", "wechat", "alipay"),
        "means of payment, in the order of the keys",
        pattern=TENDER_TYPE.pattern,
    )
    smallest_coin_minor: int = option(
        1, "cash is rounded to this, in minor units", low=1, high=ROUNDING_MINOR_MAX
    )
    notes_minor: tuple[int, ...] = option(
        (1000, 2000, 5000, 10000),
        "notes that people pay with, for the keys beside the exact amount",
        low=1,
        high=AMOUNT_MINOR_MAX,
    )
    price_weights: bool = option(
        False, "price times weight is charged: the scale is approved for this together with the box"
    )

    def rules(self, minor_digits: int) -> TillRules | None:
        """None unless it is enabled."""
        if not self.enabled:
            return None
        return TillRules(self.tenders, self.smallest_coin_minor, self.price_weights, minor_digits)


def role_of(name: str) -> Role:
    """A role that the configuration's check has let through."""
    return next(role for role in ROLES if role == name)


def idle_limits(values: Mapping[Path, object]) -> Iterator[tuple[Path, Text]]:
    """What is wrong between limits of returns: one that allows nothing which a lower role may not
    do already. Each role may what those below it may."""
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for path, value in values.items():
        match path:
            case ("shop", "return_limit", int(number), str(key)):
                found[number][key] = value
    tables = {n: ReturnLimitSettings(**keys) for n, keys in found.items() if "role" in keys}
    for (_, low), (number, high) in permutations(tables.items(), 2):
        is_lower = ROLES.index(role_of(low.role)) < ROLES.index(role_of(high.role))
        if is_lower and low.limit().covers(high.limit()):
            text = Text("allows nothing that {role} may not do already", {"role": low.role})
            yield ("shop", "return_limit", number, "role"), text


def hashed(pin: str, salt: bytes) -> str:
    """What the file keeps of a PIN; `salt` is 16 random bytes."""
    return f"scrypt:{salt.hex()}:{_scrypt(pin, salt).hex()}"


def approver_of(pin: str, approvers: Iterable[Approver]) -> Approver | None:
    """Whose PIN it is. Takes as long for a wrong one."""
    found = None
    for approver in approvers:
        _, salt, wanted = approver.pin.split(":")
        given = _scrypt(pin, bytes.fromhex(salt))
        if hmac.compare_digest(given, bytes.fromhex(wanted)):
            found = approver
    return found


def _scrypt(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=_COST, r=_BLOCK, p=_PARALLEL, dklen=32)
