"""Numbers of the Linux input system and of the USB keyboard page, as plain integers.

Sources: linux/input-event-codes.h for EV_*, SYN_*, KEY_*; USB HID Usage Tables, page 0x07, and
`hid_keyboard` in the kernel's drivers/hid/hid-input.c for KEY_OF_USAGE. Written out so that a codec
needs no device library; a test compares them with python-evdev's.
"""

from __future__ import annotations

EV_SYN, EV_KEY, EV_MSC, EV_MAX = 0x00, 0x01, 0x04, 0x1F
SYN_REPORT, SYN_DROPPED, MSC_SCAN = 0, 3, 4
KEY_MAX = 0x2FF

RELEASED, PRESSED, REPEATED = 0, 1, 2  #: the value of an EV_KEY event

KEY_ESC, KEY_BACKSPACE, KEY_TAB, KEY_ENTER, KEY_SPACE = 1, 14, 15, 28, 57
KEY_LEFTBRACE, KEY_RIGHTBRACE, KEY_BACKSLASH = 26, 27, 43
KEY_LEFTCTRL, KEY_LEFTSHIFT, KEY_LEFTALT, KEY_LEFTMETA = 29, 42, 56, 125
KEY_RIGHTCTRL, KEY_RIGHTSHIFT, KEY_RIGHTALT, KEY_RIGHTMETA = 97, 54, 100, 126
KEY_CAPSLOCK, KEY_NUMLOCK, KEY_SCROLLLOCK = 58, 69, 70
KEY_F8 = 66
KEY_J, KEY_KPENTER = 36, 96

#: The digits above the letters, by key code.
TOP_ROW_DIGITS = dict(zip(range(2, 12), "1234567890", strict=True))

#: The digits of the numeric block; the codes are the same whatever NumLock says.
KEYPAD_DIGITS = dict(zip((82, 79, 80, 81, 75, 76, 77, 71, 72, 73), "0123456789", strict=True))

#: The signs of the numeric block.
KEYPAD_SIGNS = {98: "/", 55: "*", 74: "-", 78: "+", 83: ".", 117: "=", 121: ","}

#: Key code by usage of the USB keyboard page: the keys from 0x04 on, then the modifiers from 0xE0.
_KEYS_FROM_A = (
    *(30, 48, 46, 32, 18, 33, 34, 35, 23, 36, 37, 38, 50),  # a to m
    *(49, 24, 25, 16, 19, 31, 20, 22, 47, 17, 45, 21, 44),  # n to z
    *(2, 3, 4, 5, 6, 7, 8, 9, 10, 11),  # 1 to 0
    *(28, 1, 14, 15, 57, 12, 13, 26, 27, 43, 43, 39, 40, 41, 51, 52, 53, 58),  # Enter to Caps Lock
    *(59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 87, 88),  # F1 to F12
    *(99, 70, 119, 110, 102, 104, 111, 107, 109, 106, 105, 108, 103),  # Print Screen to Up
    *(69, 98, 55, 74, 78, 96),  # NumLock to the block's Enter
    *(79, 80, 81, 75, 76, 77, 71, 72, 73, 82, 83),  # the block's 1 to 0 and its point
    86,  # the key next to the left Shift that US keyboards lack
)
_MODIFIERS = (29, 42, 56, 125, 97, 54, 100, 126)

#: Key code by usage of the USB keyboard page.
KEY_OF_USAGE: dict[int, int] = {
    **dict(enumerate(_KEYS_FROM_A, start=0x04)),
    **dict(enumerate(_MODIFIERS, start=0xE0)),
}
