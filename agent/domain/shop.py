"""What a shop lets whom do, and how its lanes behave when they suspect something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["cashier", "supervisor", "manager"]

ROLES: tuple[Role, ...] = ("cashier", "supervisor", "manager")  #: each may what those before may


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts, and who approved it; `role` is the higher of the two."""

    operator: str = ""
    role: Role = "cashier"
    approver: str = ""

    def may(self, least: Role) -> bool:
        return ROLES.index(self.role) >= ROLES.index(least)


@dataclass(frozen=True, slots=True)
class TillRules:
    """Of a lane that takes the money itself."""

    tenders: tuple[str, ...] = ("cash", "card", "wechat", "alipay")
    smallest_coin_minor: int = 1  #: to which cash is rounded
    prices_weights: bool = False  #: its scale is approved together with it
    minor_digits: int = 2

    def weighed_minor(self, price_minor: int | None, weight_g: int) -> int | None:
        """What a weight comes to at a price of one kilogram, rounded half up; None if this lane
        may not say so."""
        if price_minor is None or not self.prices_weights:
            return None
        return (2 * price_minor * weight_g + 1000) // 2000


@dataclass(frozen=True, slots=True)
class ReturnLimit:
    """How far a role may take goods back without asking anybody; None: without a limit."""

    amount_minor: int | None = None  #: given back for one sale, earlier returns of it among that
    days: int | None = None  #: since the sale
    unreferenced: bool = False  #: also without a receipt

    def admits(self, amount_minor: int, days: int | None, *, has_reference: bool) -> bool:
        """`days` None: nobody knows when it was sold."""
        is_worth = self.amount_minor is None or amount_minor <= self.amount_minor
        is_fresh = self.days is None or (days is not None and days <= self.days)
        return is_worth and is_fresh and (has_reference or self.unreferenced)

    def covers(self, other: ReturnLimit) -> bool:
        """Whether it lets through whatever the other one does."""
        limits = (self.amount_minor, other.amount_minor), (self.days, other.days)
        is_wide = all(own is None or (its is not None and its <= own) for own, its in limits)
        return is_wide and (self.unreferenced or not other.unreferenced)


#: Of a shop that says nothing: a supervisor is asked for each return, a manager without a receipt.
RETURN_LIMITS: tuple[tuple[Role, ReturnLimit], ...] = (
    ("supervisor", ReturnLimit()),
    ("manager", ReturnLimit(unreferenced=True)),
)


@dataclass(frozen=True, slots=True)
class ShopRules:
    dismiss_role: Role = "cashier"  #: who may go on in spite of a suspicion …
    supervisor_from_minor: int = 0  #: … worth less than this; 0: whatever it is worth
    void_role: Role = "cashier"
    override_role: Role = "supervisor"
    holds_pos: bool = False  #: ask before a suspected total of the POS is settled, too
    quiet: bool = False  #: suspicions go to journal and head office alone
    false_alarms_ppm: int = 500  #: honest baskets, in a million, that may be stopped
    backfill_role: Role = "supervisor"  #: who may add an item to a settled sale, or take it back
    discard_role: Role = "supervisor"  #: who may give up a basket that was put aside
    return_limits: tuple[tuple[Role, ReturnLimit], ...] = RETURN_LIMITS

    def dismisser(self, value_minor: int) -> Role:
        """Who may dismiss a suspicion of this worth."""
        return self._above(self.dismiss_role, value_minor)

    def backfiller(self, value_minor: int | None) -> Role:
        """Who may add an item of this worth afterwards; of unknown worth, who may add any."""
        if value_minor is None:
            value_minor = self.supervisor_from_minor
        return self._above(self.backfill_role, value_minor)

    def returner(self, amount_minor: int, days: int | None, *, has_reference: bool) -> Role | None:
        """The least role that may take goods back so; None if nobody may."""
        may = (
            role
            for role, limit in self.return_limits
            if limit.admits(amount_minor, days, has_reference=has_reference)
        )
        return min(may, key=ROLES.index, default=None)

    def _above(self, role: Role, value_minor: int) -> Role:
        if not 0 < self.supervisor_from_minor <= value_minor:
            return role
        return max(role, "supervisor", key=ROLES.index)
