"""Options of a receipt printer, and the line that they describe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from drivers.base import DeviceMisconfigured, DeviceUnavailable, Identity, option
from drivers.line.port_serial import identity
from drivers.plugged import ports
from drivers.printer.codec_escpos import Paper
from drivers.printer.port_lp import LpPort
from drivers.printer.port_serial import FLOWS, PrinterLine
from drivers.printer.port_tcp import TcpPort
from drivers.printer.session import Patience
from drivers.printer.transport import Transport

if TYPE_CHECKING:
    from drivers.printer.codec_escpos import Cjk


@dataclass(frozen=True, slots=True)
class Options:
    """A receipt printer that speaks ESC/POS."""

    transport: str = option(
        "tcp", "how the printer is connected", choices=("tcp", "usb", "serial", "lp")
    )
    host: str = option("", "tcp: name or address of the printer", needed_if=("transport", ("tcp",)))
    port: int = option(9100, "tcp: its port", low=1, high=65535)
    vid: int = option(0, "usb: vendor id; 0 for any printer", low=0, high=0xFFFF)
    pid: int = option(0, "usb: product id; 0 for any", low=0, high=0xFFFF)
    serial: str = option("", "usb: serial number; empty for any")
    path: str = option(
        "",
        "serial, lp: its name under /dev/serial/ or /dev/lanetally/lp/; usb: port such as 1-1.3",
        needed_if=("transport", ("serial", "lp")),
    )
    baud: int = option(9600, "serial: speed", unit="bit/s", low=1200, high=921_600)
    flow: str = option("rts-cts", "serial: what holds us back when it is busy", choices=FLOWS)

    columns: int = option(48, "characters on a line of font A", choices=(32, 42, 48))
    cjk: str = option(
        "gb18030",
        "Chinese from the printer's own font, drawn line by line, or not at all",
        choices=("gb18030", "raster", "none"),
    )
    font: str = option("", "font file to draw with; empty to look where Debian puts fonts")
    profile: str = option("default", "python-escpos' name of the model: code pages, cutter")
    code_page: str = option("", "the only code page to use, such as CP437; empty for the profile's")
    logo: int = option(0, "number of a stored logo (FS p); 0 for none", low=0, high=255)
    logo_key: str = option(
        "", "two characters that name a stored logo (GS ( L); empty for none", pattern="([ -~]{2})?"
    )
    drawer_pin: int = option(2, "pin of the drawer connector that opens it", choices=(2, 5))
    drawer_open: str = option(
        "unknown",
        "level of the drawer switch when it is open; a missing drawer reads high",
        choices=("high", "low", "unknown"),
    )

    confirm: str = option(
        "processed",
        "what proves a receipt: its end was reached and all is well; all is well; or nothing, for "
        "printers that never answer",
        choices=("processed", "status", "none"),
    )
    connect_timeout_ms: int = option(3000, "wait for a connection", unit="ms", low=100, high=30_000)
    write_timeout_ms: int = option(5000, "it takes nothing", unit="ms", low=100, high=60_000)
    answer_timeout_ms: int = option(1000, "it answers nothing", unit="ms", low=50, high=10_000)
    print_timeout_ms: int = option(20_000, "wait for the end", unit="ms", low=100, high=120_000)
    unasked: bool = option(True, "let it tell by itself what changes, beside being asked")
    status_interval_ms: int = option(2000, "look at it so often", unit="ms", low=200, high=60_000)


#: `options.drawer_open` -> what a high level of the drawer's pin means.
DRAWER_OPEN: Mapping[str, bool | None] = {"high": True, "low": False, "unknown": None}


def paper(options: Options) -> Paper:
    return Paper(
        columns=options.columns,
        cjk=cast("Cjk", options.cjk),
        profile=options.profile,
        code_page=options.code_page,
        drawer_pin=options.drawer_pin,
        logo=options.logo,
        logo_key=options.logo_key,
    )


def patience(options: Options) -> Patience:
    return Patience(options.write_timeout_ms, options.answer_timeout_ms, options.print_timeout_ms)


def connect(options: Options) -> Transport:
    """Open the line. Raises DeviceUnavailable or DeviceMisconfigured."""
    return _TRANSPORTS[options.transport](options)


def identify(options: Options) -> Identity:
    """What can be known of the printer without sending it anything. Raises DeviceUnavailable."""
    if options.transport == "serial":
        return identity(options.path)
    if options.transport == "lp":
        return _lp_identity(options.path)
    if options.transport == "usb":
        from drivers.printer import port_usb

        device = port_usb.find(options.vid, options.pid, options.serial, options.path)
        return port_usb.identify(device)
    _tcp(options).close()
    return Identity("", "", "", f"{options.host}:{options.port}")


def _lp_identity(path: str) -> Identity:
    if not Path(path).exists():
        raise DeviceUnavailable(f"{path}: no such printer")
    for port in ports():
        if port.node and Path(port.node).resolve() == Path(path).resolve():
            return Identity(port.vendor, port.product, port.serial, path)
    return Identity("", "", "", path)


def _tcp(options: Options) -> Transport:
    if not options.host:
        raise DeviceMisconfigured("transport is tcp, but host is empty")
    return TcpPort(options.host, options.port, options.connect_timeout_ms)


def _usb(options: Options) -> Transport:
    from drivers.printer import port_usb

    return port_usb.UsbPort(port_usb.find(options.vid, options.pid, options.serial, options.path))


def _lp(options: Options) -> Transport:
    if not options.path:
        raise DeviceMisconfigured("transport is lp, but path is empty")
    return LpPort(options.path)


def _serial(options: Options) -> Transport:
    if not options.path:
        raise DeviceMisconfigured("transport is serial, but path is empty")
    line = PrinterLine(options.path, options.baud, options.flow)
    line.open()
    return line


_TRANSPORTS: Mapping[str, Callable[[Options], Transport]] = {
    "tcp": _tcp,
    "usb": _usb,
    "serial": _serial,
    "lp": _lp,
}
