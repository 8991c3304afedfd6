"""What a lane's devices are plugged into, and what else is plugged in. Nothing is sent to any."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.config import DeviceSettings, LaneConfig
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import Say
from drivers import detect as detection
from drivers.plugged import Port, ports

ROOT = Path("/")


def list_devices(config: LaneConfig, say: Say, *, as_json: bool, root: Path = ROOT) -> int:
    """Each role, its driver, where it is, and what the kernel knows of what is there."""
    plugged = ports(root)
    rows = [_device_row(device, plugged, root) for device in config.device]
    if as_json:
        print(json.dumps({"devices": rows}, ensure_ascii=False))
        return 0
    for row in rows:
        print(f"{row['role']}  {row['driver']}  {row['where']}  {say(_presence(row))}".rstrip())
        if row["port"]:
            _print_port_facts(row["port"], say)
        if row["better_path"]:
            told = Text(
                "may be another one after a restart: write {path}", {"path": row["better_path"]}
            )
            print(f"    {say(told)}")
    return 0


def _device_row(device: DeviceSettings, plugged: Sequence[Port], root: Path) -> dict[str, Any]:
    port = next((p for p in plugged if detection.is_bound(p, device.options, root)), None)
    path = getattr(device.options, "path", "")
    moves = port is not None and _moves(port, path, plugged)
    is_there = (root / path.lstrip("/")).exists() if path.startswith("/") else port is not None
    return {
        "role": device.role,
        "driver": f"{device.kind}/{device.model}",
        "where": where(device.options),
        "is_there": None if _is_remote(device.options) else is_there,
        "port": asdict(port) if port else None,
        "better_path": port.path if port and moves else "",
    }


def _moves(port: Port, path: str, plugged: Sequence[Port]) -> bool:
    """Whether the name that a role is bound to may mean another device after a restart."""
    if path == port.node:
        return bool(port.names)
    others = (other for other in plugged if other.usb_path != port.usb_path)
    has_twin = any((other.bus, other.usb_id) == (port.bus, port.usb_id) for other in others)
    return "/by-id/" in path and not port.serial and has_twin


def _is_remote(options: Any) -> bool:
    """On the network: only a connection could tell whether it is there."""
    return bool(getattr(options, "host", "")) and getattr(options, "transport", "tcp") == "tcp"


def where(options: Any) -> str:
    """The place that a device's options name, for people."""
    if _is_remote(options):
        return f"{options.host}:{options.port}"
    if getattr(options, "transport", "") == "usb":
        ids = f"{options.vid:04x}:{options.pid:04x}" if options.vid else ""
        return " ".join(word for word in ("USB", ids, options.serial, options.path) if word)
    return str(getattr(options, "path", "")) or "-"


def _presence(row: dict[str, Any]) -> Text:
    match row["is_there"]:
        case True:
            return Text("is there")
        case False:
            return Text("is not there")
    return Text("is on the network: try probe")


def _print_port_facts(port: dict[str, Any], say: Say) -> None:
    maker = " ".join(word for word in (port["vendor"], port["product"]) if word)
    facts = [
        (Text("device"), f"{port['usb_id']} {maker}".strip()),
        (Text("serial number"), port["serial"]),
        (Text("USB port"), port["usb_path"]),
        (Text("node"), port["node"]),
        (Text("names that stay"), " ".join(port["names"])),
    ]
    for label, fact in facts:
        if fact:
            print(f"    {say(label)}: {fact}")


# --- detect --------------------------------------------------------------------------------------


def detect(
    args: argparse.Namespace, devices: Sequence[DeviceSettings], say: Say, root: Path = ROOT
) -> int:
    """The ports that no role has, and what may be behind them."""
    free = [port for port in ports(root) if not _owner(port, devices, root)]
    rows = [_candidate(port) for port in free]
    heard = _listened(args, devices, say, root) if args.listen else None
    if args.json:
        print(json.dumps({"ports": rows, "heard": heard}, ensure_ascii=False))
        return 0
    for row in rows:
        print(f"{row['bus']}  {row['path']}")
        _print_port_facts(row, say)
        for model in row["models"]:
            print(f"    → {model['driver']}: {model['name']} (firmware_configs/{model['file']})")
        if row["kind"] and not row["models"]:
            print(f"    → {say(Text('says that it is a {kind}', {'kind': row['kind']}))}")
    if not rows:
        print(say(Text("nothing is plugged in that is not in use")))
    if heard is not None:
        _print_heard(heard, say)
    return 0


def _owner(port: Port, devices: Iterable[DeviceSettings], root: Path) -> str:
    """The role that the port is bound to, "" if none."""
    return next((d.role for d in devices if detection.is_bound(port, d.options, root)), "")


def _candidate(port: Port) -> dict[str, Any]:
    found = [
        {
            "driver": f"{model.kind}/{model.driver}",
            "name": f"{model.vendor} {model.model}",
            "file": f"{model.name}.toml",
        }
        for model in detection.models_of(port)
    ]
    return {**asdict(port), "path": port.path, "kind": detection.kind_of(port), "models": found}


def _listened(
    args: argparse.Namespace, devices: Sequence[DeviceSettings], say: Say, root: Path
) -> dict[str, Any]:
    """What an unbound line says by itself. A line that has a role is not opened at all."""
    line = (root / args.listen.lstrip("/")).resolve()
    for device in devices:
        path = getattr(device.options, "path", "")
        if path and (root / path.lstrip("/")).resolve() == line:
            words: dict[str, str | int] = {"path": args.listen, "role": device.role}
            raise TechnicianError(say(Text("{path} belongs to {role}: it is not opened", words)))
    heard = detection.listen(str(line), seconds=args.seconds, baud=args.baud)
    matches = [
        {"driver": f"{speaker.kind}/{speaker.driver}", "message_hex": message.hex(" ")}
        for speaker, message in heard.matches
    ]
    return {"path": args.listen, "data_hex": heard.data.hex(" "), "matches": matches}


def _print_heard(heard: dict[str, Any], say: Say) -> None:
    print(
        say(
            Text(
                "heard on {path}: {data}", {"path": heard["path"], "data": heard["data_hex"] or "-"}
            )
        )
    )
    for match in heard["matches"]:
        print(f"    → {match['driver']}: {match['message_hex']}")
    if not heard["matches"]:
        print(f"    {say(Text('nobody is known by that'))}")
