"""What the ledger keeps: balanced vouchers with an identity that no retry can change.

Money is in integer minor units of the voucher's currency; a debit is positive, a credit negative.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID, uuid5

import msgspec

#: uuid5(NAMESPACE_URL, "urn:lanetally:voucher"). Never changes: ids of posted vouchers hang on it.
NAMESPACE = UUID("cc1563dd-7590-52df-8bb8-f9a959f22b03")
VERSION = 1  #: of the mapping; a part of each voucher's identity

VoucherKind: TypeAlias = Literal["sale", "cost"]

_encode = msgspec.json.Encoder().encode


class Stream(NamedTuple):
    """One lane's database. `epoch` is made with it, so a re-imaged lane is another stream."""

    tenant: str
    store: str
    lane: str
    epoch: str


class FactKey(NamedTuple):
    """Where a fact came from: the idempotency key of all that is derived from it."""

    tenant: str
    store: str
    lane: str
    epoch: str
    seq: int


@dataclass(frozen=True, slots=True)
class EntryLine:
    role: str  #: such as "revenue.500"; finer than the account, which several roles may share
    account: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Content:
    """All that a voucher says; its digest covers every field."""

    kind: VoucherKind
    version: int
    business_date: str
    currency: str
    transaction_id: str
    receipt_number: str
    lines: tuple[EntryLine, ...]


@dataclass(frozen=True, slots=True)
class Voucher:
    voucher_id: str
    content: Content
    digest: str  #: hex SHA-256 of the content's canonical JSON


def seal(key: FactKey, content: Content) -> Voucher:
    """The voucher of a fact: the same key and content always give the same id and digest."""
    name = "/".join((*key[:4], str(key.seq), content.kind, str(content.version)))
    digest = hashlib.sha256(_encode(content)).hexdigest()
    return Voucher(str(uuid5(NAMESPACE, name)), content, digest)
