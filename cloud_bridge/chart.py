"""A chart of accounts as data: which account a role of the vouchers posts to.

Roles are the words of the voucher templates. Some are families: `clearing.{tender or platform}`,
`revenue.{rate}`, `revenue-returns.{rate}`, `discount-given.{rate}`, `output-tax.{rate}`; rates are
basis points (500 = 5 %). A role that a chart does not name falls back on its family, and a family
on another; else what would be posted to it waits in quarantine until the chart names it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

BUILT_IN = ("cn_asbe", "cn_small", "ifrs")
#: What a sale needs.
REQUIRED = ("revenue", "output-tax", "rounding", "cogs", "inventory")
#: The role that stands in for one which the chart does not name.
FALLBACK = {
    "revenue": "revenue",
    "revenue-returns": "revenue-returns",
    "discount-given": "discount-given",
    "output-tax": "output-tax",
    "clearing": "clearing.other",
}
_LAST_RESORT = {"revenue-returns": "revenue", "discount-given": "revenue"}

Nature: TypeAlias = Literal["asset", "liability", "income", "expense"]

#: Role, or family of roles -> on which side of the books its account stands.
NATURES: Mapping[str, Nature] = {
    "clearing": "asset",
    "bank": "asset",
    "cash-in-transit": "asset",
    "inventory": "asset",
    "receivable-disputed": "asset",
    "suspense-cash": "asset",
    "suspense-stock": "asset",
    "output-tax": "liability",
    "input-tax": "liability",
    "payable": "liability",
    "grni": "liability",
    "gift-card-liability": "liability",
    "clearing.giftcard": "liability",
    "unidentified-receipts": "liability",
    "revenue": "income",
    "revenue-returns": "income",
    "discount-given": "income",
    "cash-over": "income",
    "stock-gain": "income",
    "cogs": "expense",
    "purchases": "expense",
    "purchase-variance": "expense",
    "rounding": "expense",
    "shrinkage": "expense",
    "cash-short": "expense",
    "fee-expense": "expense",
    "dispute-loss": "expense",
}

_RATED = "revenue|revenue-returns|discount-given|output-tax"
_SINGLE = "|".join(role for role in NATURES if "." not in role and role != "clearing")
_ROLE = re.compile(rf"({_RATED})(\.\d{{1,5}})?|clearing\.[\w-]+|{_SINGLE}")


def is_role(text: str) -> bool:
    return _ROLE.fullmatch(text) is not None


def nature(role: str) -> Nature:
    """Of a role that a voucher has."""
    return NATURES.get(role) or NATURES[role.partition(".")[0]]


class ChartError(Exception):
    """A chart that cannot be used; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Account:
    number: str
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Chart:
    name_en: str
    name_zh: str
    accounts: Mapping[str, Account]  #: by role

    def account(self, role: str) -> Account | None:
        """The role's own account, else its family's, else None."""
        own = self.accounts.get(role)
        if own is not None:
            return own
        family = role.partition(".")[0]
        ranked = (FALLBACK.get(family, ""), _LAST_RESORT.get(family, ""))
        return next((self.accounts[one] for one in ranked if one in self.accounts), None)


def parse_chart(text: str) -> Chart:
    """A chart from its TOML text. Raises ChartError."""
    try:
        chart = msgspec.convert(tomllib.loads(text), Chart)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ChartError(str(error)) from error
    unknown = [role for role in chart.accounts if not is_role(role)]
    if unknown:
        raise ChartError(f"unknown role {', '.join(unknown)}")
    missing = [role for role in REQUIRED if role not in chart.accounts]
    if not any(role.startswith("clearing.") for role in chart.accounts):
        missing.append("clearing.cash")
    if missing:
        raise ChartError(f"no account for {', '.join(missing)}")
    return chart


def load_chart(name: str, file: Path | None = None) -> Chart:
    """The company's own chart if there is a file, else the built-in one. Raises ChartError."""
    if file is None:
        text = (files("cloud_bridge") / "charts" / f"{name}.toml").read_text("utf-8")
        return parse_chart(text)
    try:
        return parse_chart(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, ChartError) as error:
        raise ChartError(f"{file}: {error}") from error
