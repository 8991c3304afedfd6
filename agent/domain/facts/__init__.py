"""Every fact that can enter the journal. Immutable, never edited: corrected by new facts.

A fact's JSON body is its dataclass field by field (`agent.wire`). Adding a field with a default is
compatible; any other change is a new `version` with its own class. Each file holds the facts of one
matter; a new fact also goes into `FactBody` below.
"""

from __future__ import annotations

from typing import TypeAlias

from agent.domain.facts.basket import (
    CashierTotalReceived,
    CashierTotalRejected,
    ItemDescribed,
    LineItemAdded,
    LineItemOverridden,
    LineItemVoided,
    LineItemWeighed,
    ReceiptNotRead,
    ReceiptPrinted,
    ReceiptUnprinted,
    ScanRejected,
    SoldLine,
    TransactionOpened,
    TransactionSettled,
)
from agent.domain.facts.lane import (
    CommandAnswered,
    DayClosed,
    DeviceLost,
    DeviceReturned,
    FactLost,
    JournalRecovered,
    LaneStarted,
    SeqRange,
    TelemetryShed,
)
from agent.domain.facts.returns import (
    GoodsCondition,
    ReturnedLine,
    ReturnRecorded,
    SoldPart,
)
from agent.domain.facts.seen import BagWeightChanged, CrossingObserved, LabelObserved, TagObserved
from agent.domain.facts.suspicion import (
    BackfillReversed,
    BackfillWay,
    ItemBackfilled,
    MissedScanConfirmed,
    MissedScanDismissed,
    MissedScanSuspected,
    PieceWeighed,
)
from agent.domain.facts.till import (
    TransactionDiscarded,
    TransactionRetrieved,
    TransactionSuspended,
)

__all__ = [
    "FACT_TYPES",
    "TELEMETRY",
    "BackfillReversed",
    "BackfillWay",
    "BagWeightChanged",
    "CashierTotalReceived",
    "CashierTotalRejected",
    "CommandAnswered",
    "CrossingObserved",
    "DayClosed",
    "DeviceLost",
    "DeviceReturned",
    "FactBody",
    "FactLost",
    "GoodsCondition",
    "ItemBackfilled",
    "ItemDescribed",
    "JournalRecovered",
    "LabelObserved",
    "LaneStarted",
    "LineItemAdded",
    "LineItemOverridden",
    "LineItemVoided",
    "LineItemWeighed",
    "MissedScanConfirmed",
    "MissedScanDismissed",
    "MissedScanSuspected",
    "Observation",
    "PieceWeighed",
    "ReceiptNotRead",
    "ReceiptPrinted",
    "ReceiptUnprinted",
    "Receipted",
    "ReturnRecorded",
    "ReturnedLine",
    "ScanRejected",
    "SeqRange",
    "SoldLine",
    "SoldPart",
    "TagObserved",
    "TelemetryShed",
    "TransactionDiscarded",
    "TransactionOpened",
    "TransactionRetrieved",
    "TransactionSettled",
    "TransactionSuspended",
]

Observation: TypeAlias = TagObserved | LabelObserved | CrossingObserved | BagWeightChanged

#: What a receipt is printed of.
Receipted: TypeAlias = TransactionSettled | ReturnRecorded

FactBody: TypeAlias = (
    LaneStarted
    | DeviceLost
    | DeviceReturned
    | TransactionOpened
    | LineItemAdded
    | LineItemWeighed
    | LineItemVoided
    | LineItemOverridden
    | ItemDescribed
    | ScanRejected
    | CashierTotalReceived
    | CashierTotalRejected
    | ReceiptNotRead
    | MissedScanSuspected
    | MissedScanDismissed
    | MissedScanConfirmed
    | PieceWeighed
    | TransactionSettled
    | TransactionSuspended
    | TransactionRetrieved
    | TransactionDiscarded
    | ItemBackfilled
    | BackfillReversed
    | ReturnRecorded
    | ReceiptPrinted
    | ReceiptUnprinted
    | TagObserved
    | LabelObserved
    | CrossingObserved
    | BagWeightChanged
    | DayClosed
    | CommandAnswered
    | JournalRecovered
    | FactLost
    | TelemetryShed
)

#: type name -> {version -> class}: the one table that journal, bridge and command line decode by.
FACT_TYPES: dict[str, dict[int, type[FactBody]]] = {
    cls.type: {cls.version: cls} for cls in FactBody.__args__
}

#: What a journal at its limit leaves out first: nothing of it settles, prints or posts.
TELEMETRY: frozenset[type[FactBody]] = frozenset(
    (DeviceLost, DeviceReturned, TagObserved, LabelObserved, CrossingObserved, BagWeightChanged)
)
