"""The words of the lane screen: all that its pages say which no notice of the lane says.

The pages ask for them by key (`GET /v1/screen`), so that the catalogues stay the one place where
sentences are translated. `{name}` is filled in by the page.
"""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING

from agent.domain.text import Text
from agent.domain.troubles import DEVICE_TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.handle import DeviceHealth

SCREEN_TEXTS = {
    "title": "Lane screen",
    "language": "中文",
    "language_hint": "Show this screen in Chinese",
    "sound_on": "Sound on",
    "sound_off": "Sound off",
    "sound_waiting": "Touch for sound",
    "not_connected": "The screen is not connected to the lane. It shows what was last known",
    "refused": "This screen may not show the lane. Open it at the lane itself",
    "basket": "Basket",
    "basket_empty": "Ready for the next customer",
    "items": "Items",
    "amount": "Amount",
    "amount_without": "Amount without {count} line(s)",
    "price_unknown": "No price",
    "not_in_master": "Not in the item master",
    "to_be_weighed": "Put it on the scale",
    "paid": "Paid",
    "change": "Change",
    "weight": "Weight",
    "devices": "Devices",
    "head_office": "Head office",
    "all_sent": "All sent",
    "to_be_sent": "{count} to be sent",
    "journal": "Journal",
    "journal_well": "Written",
    "journal_troubled": "Trouble: call a technician",
    "may_be": "May be",
    "value": "Worth {amount}",
    "continue": "Continue",
    "scan_it": "Scan it",
    "cancel": "Cancel",
    "confirm": "Confirm",
    "not_answered": "The lane did not take the answer: touch again",
    "scale_stable": "Stable",
    "scale_zero": "Empty",
    "scale_motion": "Moving",
    "scale_over_capacity": "Too heavy",
    "scale_under_zero": "Below zero: set the scale to zero",
    "scale_not_ready": "Not ready",
    "scale_garbled": "Not understood",
    "backfill": "Backfill",
    "find": "Find",
    "open_matters": "Open",
    "nothing_open": "Nothing is open",
    "nothing_found": "No sale is like this",
    "choose_sale": "Choose a sale, or find one",
    "receipt": "Receipt number",
    "phone": "Customer's number",
    "from": "From",
    "to": "To",
    "way": "What became of it",
    "way_charged": "Charged, only not scanned",
    "way_paid": "Paid, but not in the till",
    "way_gone": "Gone, nobody paid",
    "item": "Item",
    "scan_item": "Scan",
    "scan_now": "Scan it now",
    "suggested": "It may be",
    "paid_by": "Paid by",
    "tender_cash": "Cash",
    "tender_card": "Card",
    "tender_wechat": "WeChat",
    "tender_alipay": "Alipay",
    "reason": "Reason",
    "add": "Add",
    "take_back": "Take back",
    "taken_back": "Taken back",
    "nothing_missing": "Nothing is missing",
    "close_matter": "Cleared up: take it off the list",
    "returns": "Returns",
    "give_back": "Give back",
    "as_paid": "As it was paid",
    "how_many": "Pieces",
    "how_many_left": "{count} left",
    "all_back": "All of it has come back",
    "damaged": "Damaged",
    "one_less": "One less",
    "one_more": "One more",
    "sold_elsewhere": "Not from this lane",
    "sold_on": "Day of the sale",
    "came_back": "Came back",
    "pay": "Pay",
    "still_to_pay": "Still to pay",
    "put_aside": "Put aside",
    "take_up": "Take up",
    "baskets_aside": "Baskets that are put aside",
    "discard_basket": "Give up",
    "next_customer": "Next customer",
    "void_line": "Take this line back",
    "set_price": "Set this price",
    "age_min": "{count} min",
    "age_h": "{count} h",
    "age_d": "{count} d",
}

KIND_TEXTS = {
    "scanner": "Scanner",
    "scale": "Scale",
    "printer": "Receipt printer",
    "keypad": "Keypad",
    "rfid": "RFID reader",
    "camera": "Camera",
    "display": "Customer display",
    "sync": "Connection to head office",
    "core": "Lane software",
    "api": "Lane screen",
}

STATE_TEXTS = {
    "starting": "Starting",
    "up": "Ready",
    "lost": "Not reachable: check its cable and power",
    "misconfigured": "Set up wrongly: call a technician",
    "failed": "Failed: call a technician",
}


def screen_words(say: Callable[[Text], str]) -> dict[str, str]:
    """Every word of the pages in one language, by key."""
    return {
        key: say(Text(SCREEN_TEXTS[key], _left_open(sentence)))
        for key, sentence in SCREEN_TEXTS.items()
    }


def _left_open(sentence: str) -> dict[str, str | int]:
    """Arguments that leave the place of each argument as it is."""
    names = (name for _, name, _, _ in Formatter().parse(sentence) if name)
    return {name: f"{{{name}}}" for name in names}


def device_words(device: DeviceHealth) -> tuple[Text, Text]:
    """What a device is called, and how it is: in its own words if it is up and has any."""
    said = device.reason.split(", ") if device.state == "up" else []
    own = next((DEVICE_TEXTS[word] for word in said if word in DEVICE_TEXTS), None)
    name = Text(KIND_TEXTS.get(device.kind, "Device"))
    return name, own or Text(STATE_TEXTS[device.state])
