"""What the cashier reads when something is wrong: one table for each source of trouble."""

from __future__ import annotations

from agent.domain.gtin import ScanProblemCode
from agent.domain.text import Text

#: A scan that names no trade item.
SCAN_TEXTS: dict[ScanProblemCode, Text] = {
    "lossy": Text("Scan not clear: scan again"),
    "not_gtin": Text("No article number in this code: scan the other code"),
    "check_digit": Text("Misread (check digit): scan again"),
    "length": Text("Code cut short: scan again"),
    "empty": Text("Empty scan: scan again"),
}

#: A receipt that is not surely on paper, by the reason that the printer gave.
PRINT_TEXTS: dict[str, Text] = {
    "paper_out": Text("Printer out of paper: put in a roll, the receipt follows"),
    "cover_open": Text("Printer cover open: close it, the receipt follows"),
    "offline": Text("Printer offline: press its feed button"),
    "silent": Text("Printer does not answer: check its cable and power"),
}
PRINT_TROUBLE = Text("Printer trouble: look at the printer")

#: A receipt of the POS that tells no total, while a basket waits for one.
RECEIPT_TEXTS: dict[str, Text] = {
    "image": Text(
        "The POS prints its receipts as images: only cuts and drawer kicks are counted."
        " Key the item count"
    ),
    "copies_dropped": Text("The lane was too busy to read the POS's receipt: key the item count"),
}
RECEIPT_TROUBLE = Text("A receipt of the POS could not be read: key the item count")

#: A device's own word about itself, while it is connected.
DEVICE_TEXTS: dict[str, Text] = PRINT_TEXTS | {
    "paper_near_end": Text("Receipt paper is nearly at its end"),
    "error": PRINT_TROUBLE,
    "over_capacity": Text("Too heavy for the scale: weigh it in parts"),
    "garbled": Text("The scale's answers are not understood: check its cable and settings"),
    "not_ready": Text("The scale does not answer: check its cable and power"),
    "receipt_unread": RECEIPT_TROUBLE,
}
