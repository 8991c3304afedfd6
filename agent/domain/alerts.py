"""The one sentence in red: what is suspected, of what, in a cashier's words."""

from __future__ import annotations

from agent.domain.facts import MissedScanSuspected
from agent.domain.finding import Finding, FindingKind
from agent.domain.text import Text

#: By the kind of the first finding: the sentence without an item's name, and with one.
ALERT_TEXTS: dict[FindingKind, tuple[str, str]] = {
    "missed_item": ("{count} item(s) not scanned", "{count} item(s) not scanned — {category}?"),
    "scanned_not_charged": (
        "{count} item(s) scanned but not charged",
        "{count} item(s) scanned but not charged",
    ),
    "double_scan": (
        "{count} item(s) scanned twice: the customer would pay too much",
        "{count} item(s) scanned twice — {item}? The customer would pay too much",
    ),
    "swap": (
        "{count} item(s) passed under another item's label",
        "{count} item(s) passed under another item's label — {item}?",
    ),
    "walk_around": (
        "{count} item(s) scanned and not put down",
        "{count} item(s) scanned and not put down — {item}?",
    ),
    "voided_kept": (
        "{count} item(s) taken back and still here",
        "{count} item(s) taken back and still here — {item}?",
    ),
}


def alert_text(suspected: MissedScanSuspected) -> Text:
    """Of the missed items if there are any, else of what was found first."""
    missed = [f for f in suspected.findings if f.kind == "missed_item"]
    kind = "missed_item" if missed else suspected.findings[0].kind
    found = [f for f in suspected.findings if f.kind == kind]
    plain, named = ALERT_TEXTS[kind]
    words: dict[str, str | int] = {"count": sum(f.count for f in found)}
    categories = sorted({f.category for f in found if f.category})
    items = sorted({name for f in found if (name := _item(f))})
    if kind == "missed_item" and categories:
        return Text(named, words | {"category": "/".join(categories)})
    if kind not in ("missed_item", "scanned_not_charged") and items:
        return Text(named, words | {"item": ", ".join(items)})
    return Text(plain, words)


def _item(finding: Finding) -> str:
    """The name that the reasons give to what was found."""
    args = (text.args.get("item") for text in (finding.reason, *finding.also))
    return next((str(name) for name in args if name), "")
