"""The one sentence in red: what is suspected, of what, in a cashier's words."""

from __future__ import annotations

from agent.domain.facts import MissedScanSuspected
from agent.domain.finding import Finding, FindingKind
from agent.domain.text import Text

#: By the kind of what was found.
ALERT_TEXTS: dict[FindingKind, str] = {
    "missed_item": "{count} item(s) not scanned",
    "scanned_not_charged": "{count} item(s) scanned but not charged",
    "double_scan": "{count} item(s) scanned twice: the customer would pay too much",
    "swap": "{count} item(s) passed under another item's label",
    "walk_around": "{count} item(s) scanned and not put down",
    "voided_kept": "{count} item(s) taken back and still here",
}
#: The same, where it is known which item.
ITEM_ALERT_TEXTS: dict[FindingKind, str] = {
    "double_scan": "{count} item(s) scanned twice — {item}? The customer would pay too much",
    "swap": "{count} item(s) passed under another item's label — {item}?",
    "walk_around": "{count} item(s) scanned and not put down — {item}?",
    "voided_kept": "{count} item(s) taken back and still here — {item}?",
}


def alert_text(suspected: MissedScanSuspected) -> Text:
    """Of the missed items if there are any, else of what was found first."""
    missed = [f for f in suspected.findings if f.kind == "missed_item"]
    kind = "missed_item" if missed else suspected.findings[0].kind
    found = [f for f in suspected.findings if f.kind == kind]
    words: dict[str, str | int] = {"count": sum(f.count for f in found)}
    categories = sorted({f.category for f in found if f.category})
    items = sorted({name for f in found if (name := _item(f))})
    if kind == "missed_item" and categories:
        words["category"] = "/".join(categories)
        return Text("{count} item(s) not scanned — {category}?", words)
    if kind in ITEM_ALERT_TEXTS and items:
        words["item"] = ", ".join(items)
        return Text(ITEM_ALERT_TEXTS[kind], words)
    return Text(ALERT_TEXTS[kind], words)


def _item(finding: Finding) -> str:
    """The name that the reasons give to what was found."""
    args = (text.args.get("item") for text in (finding.reason, *finding.also))
    return next((str(name) for name in args if name), "")
