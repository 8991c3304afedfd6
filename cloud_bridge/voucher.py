"""What the ledger keeps: balanced vouchers with an identity that no retry can change.

Money is in integer minor units of the voucher's currency; a debit is positive, a credit negative.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID, uuid5

import msgspec

#: uuid5(NAMESPACE_URL, "urn:lanetally:voucher"). Never changes: ids of posted vouchers hang on it.
NAMESPACE = UUID("cc1563dd-7590-52df-8bb8-f9a959f22b03")
VERSION = 1  #: of the mapping; a part of each voucher's identity

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


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a voucher says; its digest covers every field. What has its default is left out of
    the digest's JSON, so that a field which comes later changes no digest of before."""

    kind: str
    version: int
    business_date: str
    currency: str
    transaction_id: str  #: what the document calls itself; of a sale, the lane's transaction
    receipt_number: str
    lines: tuple[EntryLine, ...]
    posting_date: str = ""  #: where it is not the business date: the period was locked
    journal: str = ""  #: a journal of its own, such as "backfill"
    note: str = ""
    approver: str = ""
    reverses: str = ""  #: id of the voucher that this one takes back
    red: bool = False  #: negative amounts on the sides of the voucher it reverses (红字冲销)

    @property
    def booked_on(self) -> str:
        """The day on which it counts."""
        return self.posting_date or self.business_date


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


def reversal(
    of: Voucher, key: FactKey, note: str, approver: str, *, red: bool, posting_date: str = ""
) -> Voucher:
    """T15: the voucher that takes another one back, derived from the fact at `key`. The corrected
    voucher follows as one of its own, with the version after."""
    lines = tuple(EntryLine(x.role, x.account, -x.amount_minor) for x in of.content.lines)
    content = msgspec.structs.replace(
        of.content,
        kind=f"{of.content.kind}-reversal",
        lines=lines,
        posting_date=posting_date,
        note=note,
        approver=approver,
        reverses=of.voucher_id,
        red=red,
    )
    return seal(key, content)


def correction(of: Voucher, key: FactKey, lines: tuple[EntryLine, ...], note: str) -> Voucher:
    """T15: what should have been posted in place of a voucher that has been reversed."""
    content = msgspec.structs.replace(
        of.content, version=of.content.version + 1, lines=lines, note=note
    )
    return seal(key, content)
