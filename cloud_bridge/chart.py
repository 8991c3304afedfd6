"""A chart of accounts as data: which account a role of the vouchers posts to.

Roles: `clearing.{tender type}`, `revenue` and `revenue.{rate}`, `output-tax` and
`output-tax.{rate}`, `rounding`, `cogs`, `inventory`. Rates are basis points (500 = 5 %).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import msgspec

BUILT_IN = ("cn_asbe", "cn_small", "ifrs")
REQUIRED = ("revenue", "output-tax", "rounding", "cogs", "inventory")
#: The role that stands in for one of its family which the chart does not name.
FALLBACK = {"revenue": "revenue", "output-tax": "output-tax", "clearing": "clearing.other"}

_ROLE = re.compile(r"(revenue|output-tax)(\.\d{1,5})?|clearing\.[\w-]+|rounding|cogs|inventory")


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
        return own or self.accounts.get(FALLBACK.get(role.partition(".")[0], ""))


def parse_chart(text: str) -> Chart:
    """A chart from its TOML text. Raises ChartError."""
    try:
        chart = msgspec.convert(tomllib.loads(text), Chart)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ChartError(str(error)) from error
    unknown = [role for role in chart.accounts if not _ROLE.fullmatch(role)]
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
