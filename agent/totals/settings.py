"""The `[totals.…]` tables: where cashier totals come from beside the local API and the keypad."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agent.domain.settings import option
from agent.domain.text import Text
from agent.domain.toml_lines import Path as KeyPath
from agent.totals.codec_pages import DOUBLE_BYTE_NAMES, PAGE_NAMES
from agent.totals.codec_receipt import Characters
from agent.totals.rule import RuleError, load

BAUDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)


@dataclass(frozen=True, slots=True)
class PrinterTapSettings:
    """The `[totals.printer_tap]` table: the POS prints through the lane."""

    enabled: bool = option(False, "stand between the POS and its receipt printer")
    listen_host: str = option("127.0.0.1", "the lane's address that the POS prints to, by TCP")
    listen_port: int = option(9100, "the lane's port that the POS prints to", low=1, high=65_535)
    printer_host: str = option("", "the real printer's address; empty for a serial printer")
    printer_port: int = option(9100, "the real printer's port", low=1, high=65_535)
    pos_path: str = option("", "the serial line from the POS")
    printer_path: str = option("", "the serial line to the real printer")
    baud: int = option(9600, "speed of both lines", choices=BAUDS)
    parity: str = option("none", "of both lines", choices=("none", "even", "odd"))
    flow: str = option(
        "none", "how a printer slows its POS down", choices=("none", "rts-cts", "xon-xoff")
    )
    rules: tuple[str, ...] = option(
        (), "how its receipts are read: names or files, the first that fits"
    )
    code_page: str = option("cp437", "of the printer when it is switched on", choices=PAGE_NAMES)
    double_byte: str = option(
        "none", "Chinese, Japanese or Korean of the printer", choices=DOUBLE_BYTE_NAMES
    )

    @property
    def characters(self) -> Characters:
        return Characters(self.code_page, self.double_byte)


@dataclass(frozen=True, slots=True)
class SerialJournalSettings:
    """The `[totals.serial_journal]` table: the POS writes its journal to a serial line."""

    enabled: bool = option(False, "listen to the electronic journal of the POS")
    path: str = option("", "the serial line; it is only read")
    baud: int = option(9600, "its speed", choices=BAUDS)
    parity: str = option("none", "of the line", choices=("none", "even", "odd"))
    end_quiet_ms: int = option(
        2_000, "so much silence ends a receipt", unit="ms", low=200, high=60_000
    )
    rules: tuple[str, ...] = option(
        (), "how its receipts are read: names or files, the first that fits"
    )
    code_page: str = option("cp437", "of its text", choices=PAGE_NAMES)
    double_byte: str = option(
        "none", "Chinese, Japanese or Korean in its text", choices=DOUBLE_BYTE_NAMES
    )

    @property
    def characters(self) -> Characters:
        return Characters(self.code_page, self.double_byte)


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """The `[totals.watch]` table: the POS writes files."""

    enabled: bool = option(False, "take totals from files that the POS writes")
    folder: str = option("", "the folder they appear in; the lane must be able to write there")
    pattern: str = option("*", "which files of it, such as *.txt or sale.json")
    format: str = option(
        "receipt", "lines read by rules, or the local API's JSON", choices=("receipt", "json")
    )
    settle_ms: int = option(
        500, "a file that has not changed for so long is whole", unit="ms", low=100, high=60_000
    )
    rules: tuple[str, ...] = option(
        (), "how its receipts are read: names or files, the first that fits"
    )
    code_page: str = option("cp437", "of text that is not UTF-8", choices=PAGE_NAMES)
    double_byte: str = option(
        "none", "Chinese, Japanese or Korean that is not UTF-8", choices=DOUBLE_BYTE_NAMES
    )

    @property
    def characters(self) -> Characters:
        return Characters(self.code_page, self.double_byte)


# --- what is wrong between values that are each right ------------------------------------------


def problems(values: Mapping[KeyPath, object]) -> Iterator[tuple[KeyPath, Text]]:
    """All that speaks against the tables above, in a file's values by path."""
    for table in ("printer_tap", "serial_journal", "watch"):
        own = {path[-1]: v for path, v in values.items() if path[:2] == ("totals", table)}
        if own.get("enabled"):
            yield from ((("totals", table, key), text) for key, text in _PROBLEMS[table](own))
    yield from _rules(values)


def _tap(own: Mapping[str | int, object]) -> Iterator[tuple[str, Text]]:
    by_tcp, by_line = own.get("printer_host"), own.get("printer_path")
    if bool(by_tcp) == bool(by_line):
        yield (
            "printer_host",
            Text("needs printer_host for a printer on the network, or printer_path"),
        )
    if by_line and not own.get("pos_path"):
        yield "pos_path", Text("this key must be given")
    if by_line and own.get("pos_path") == by_line:
        yield "pos_path", Text("is the printer's own line")
    listens = own.get("listen_host"), own.get("listen_port")
    if by_tcp and listens == (by_tcp, own.get("printer_port")):
        yield "listen_port", Text("is the printer's own address: the lane would print to itself")


def _journal(own: Mapping[str | int, object]) -> Iterator[tuple[str, Text]]:
    if not own.get("path"):
        yield "path", Text("this key must be given")


def _watch(own: Mapping[str | int, object]) -> Iterator[tuple[str, Text]]:
    if not own.get("folder"):
        yield "folder", Text("this key must be given")
    pattern = own.get("pattern")
    if isinstance(pattern, str) and (not pattern or "/" in pattern):
        yield "pattern", Text("is the name of files in the folder: no path")


_PROBLEMS = {"printer_tap": _tap, "serial_journal": _journal, "watch": _watch}


def _rules(values: Mapping[KeyPath, object]) -> Iterator[tuple[KeyPath, Text]]:
    for path, value in values.items():
        match path, value:
            case ("totals", str(), "rules", int()), str(name):
                try:
                    load(name)
                except RuleError as error:
                    yield path, _first(error)


def _first(error: RuleError) -> Text:
    first = error.errors[0]
    if not first.line:
        return first.text
    words: dict[str, str | int] = {
        "line": first.line,
        "key": first.key,
        "reason": first.message,
        "more": len(error.errors) - 1,
    }
    return Text("line {line}: {key}: {reason} ({more} more)", words)
