"""A technician's trial of one device: who it is, what it says, what it prints."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import TypeAlias

from agent.config import DeviceSettings
from agent.domain.gs1 import read_label
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import Say
from drivers import base, registry

#: A receipt of a few lines is on paper long before; a printer that is out of paper says so.
PRINT_SECONDS_MAX = 60
SHOW_SECONDS = 2


def probe(device: DeviceSettings, _: argparse.Namespace, say: Say) -> int:
    """Print who the device is. Raises DeviceUnavailable."""
    found = _driver(device).probe()
    rows = [
        (Text("vendor"), found.vendor),
        (Text("device"), found.product),
        (Text("serial number"), found.serial),
        (Text("place"), found.path),
    ]
    for label, word in rows:
        print(f"{say(label)}: {word or '-'}")
    return 0


def try_out(device: DeviceSettings, args: argparse.Namespace, say: Say) -> int:
    """Print what the device says, as it says it. Raises DeviceUnavailable."""

    def emit(event: base.DeviceEvent) -> None:
        print(as_json(event) if args.json else say(sentence(event)), flush=True)

    with _stopping(args.seconds) as stop:
        _run(_driver(device), emit, stop)
    return 0


def print_test(device: DeviceSettings, _: argparse.Namespace, say: Say) -> int:
    """Print or show something. 0 if the device says that it did, as far as it can say so."""
    driver = _driver(device)
    ended: list[base.PrintFinished] = []
    is_printer = base.PrintJob in driver.accepts
    if is_printer:
        driver.handle(base.PrintJob("test", _test_receipt(device.role, say)))
    elif base.DisplayText in driver.accepts:
        driver.handle(base.DisplayText(_test_lines(device.role, say)))
    else:
        words: dict[str, str | int] = {"role": device.role}
        raise TechnicianError(say(Text("{role} neither prints nor shows anything", words)))
    with _stopping(PRINT_SECONDS_MAX if is_printer else SHOW_SECONDS) as stop:

        def emit(event: base.DeviceEvent) -> None:
            print(say(sentence(event)), flush=True)
            if isinstance(event, base.PrintFinished):
                ended.append(event)
                stop.set()

        _run(driver, emit, stop)
    printed = [event.outcome for event in ended] == ["printed"]
    return 0 if printed or not is_printer else 1


Action: TypeAlias = Callable[[DeviceSettings, argparse.Namespace, Say], int]
ACTIONS: Mapping[str, Action] = {"probe": probe, "try": try_out, "print-test": print_test}


def _driver(device: DeviceSettings) -> base.Driver:
    return registry.load(device.kind, device.model)(device.role, device.options)


def _run(driver: base.Driver, emit: base.Emit, stop: threading.Event) -> None:
    try:
        driver.open()
        driver.run(emit, stop)
    finally:
        driver.close()


@contextmanager
def _stopping(seconds: int) -> Iterator[threading.Event]:
    """An event that is set after so many seconds (0: never), or by Ctrl-C."""
    stop = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: stop.set())
    timer = threading.Timer(seconds, stop.set)
    if seconds:
        timer.start()
    try:
        yield stop
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)


def _test_receipt(role: str, say: Say) -> tuple[base.PrintBlock, ...]:
    return (
        {"text": "Lanetally", "align": "center", "bold": True, "size": 2},
        {"text": say(Text("test print of {role}", {"role": role})), "align": "center"},
        {"rule": "-"},
        {"left": "ABC abc 0123", "right": "123.45"},
        {"left": "Ää Éé ñ € £ ¥", "right": "中文 苹果"},
        {"barcode": "4006381333931"},
        {"qr": "Lanetally"},
        {"feed": 3},
        {"cut": True},
    )


def _test_lines(role: str, say: Say) -> tuple[str, ...]:
    return say(Text("test of {role}", {"role": role})), "0123456789     12.34"


# --- events in words ---------------------------------------------------------------------------


def as_json(event: base.DeviceEvent) -> str:
    """The event's fields on one line; bytes in hex."""
    values = {f.name: getattr(event, f.name) for f in fields(event)}
    plain = {key: v.hex() if isinstance(v, bytes) else v for key, v in values.items()}
    return json.dumps({"event": type(event).__name__, **plain}, ensure_ascii=False)


def sentence(event: base.DeviceEvent) -> Text:
    """What a technician reads of an event."""
    match event:
        case base.ScanData():
            return _scan(event)
        case base.StableWeight(weight_g=weight_g, net=net):
            words: dict[str, str | int] = {"weight_g": weight_g}
            return Text("{weight_g} g net", words) if net else Text("{weight_g} g", words)
        case base.ScaleState():
            return Text("no stable weight: {condition}", {"condition": event.condition})
        case base.KeyedNumber():
            return Text("keyed: {digits}", {"digits": event.digits or "-"})
        case base.PrintFinished():
            reason = event.reason or "-"
            return Text(
                "print job: {outcome} ({reason})", {"outcome": event.outcome, "reason": reason}
            )
        case base.PrinterStatus():
            return _printer(event)
        case _:
            return _observation(event)


def _scan(scan: base.ScanData) -> Text:
    words: dict[str, str | int] = {
        "label": scan.scan_data.decode("latin-1").replace("\x1d", "<GS>"),
        "symbology": scan.symbology or "-",
    }
    read = "lossy" if scan.lossy else read_label(scan.scan_data, scan.symbology)
    if isinstance(read, str):
        return Text("label {label} ({symbology}): no article", words)
    words["gtin"] = read.gtin
    return Text("label {label} ({symbology}): GTIN {gtin}", words)


def _printer(status: base.PrinterStatus) -> Text:
    drawers: dict[bool | None, str] = {True: "open", False: "shut", None: "-"}
    words: dict[str, str | int] = {
        "says": ", ".join((*status.problems, *status.warnings)) or "ok",
        "drawer": drawers[status.drawer_open],
    }
    return Text("printer: {says}; drawer: {drawer}", words)


def _observation(event: base.TagPresence | base.LabelSeen | base.ItemsCrossed) -> Text:
    match event:
        case base.TagPresence():
            words: dict[str, str | int] = {"epc": event.epc, "gtin": event.gtin or "-"}
            words["rssi_dbm"] = "-" if event.rssi_dbm is None else event.rssi_dbm
            here = Text("tag {epc} is here: GTIN {gtin}, {rssi_dbm} dBm", words)
            return here if event.present else Text("tag {epc} has gone", words)
        case base.LabelSeen():
            label = event.scan_data.decode("latin-1")
            words = {"label": label, "symbology": event.symbology, "frames": event.frames}
            return Text("camera: {label} ({symbology}) in {frames} frames", words)
        case base.ItemsCrossed():
            words = {"count": event.count, "confidence_pct": event.confidence_pct}
            return Text("camera: {count} item(s) crossed, {confidence_pct} % sure", words)
