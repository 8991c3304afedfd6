"""`lanetally config`: check a configuration, list what can be set, print one to start from."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import re
import secrets
import sys
from collections.abc import Iterator
from dataclasses import MISSING, Field, is_dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args, get_type_hints

from agent.cli.moving import moving_names
from agent.config import ConfigError, LaneConfig, check_lane, options_class, read
from agent.domain.settings import SettingError, allowed, options_of, written
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import Say, language_of, translator
from agent.mqtt_settings import MqttSettings
from agent.shop import PIN_PATTERN, hashed

_COLUMN_MAX = 40  #: one long pattern must not push all meanings off the screen
_BRIDGE_TABLES = re.compile(r"^[ \t]*\[[ \t]*(bridge|ledger)[ \t]*\]", re.MULTILINE)


def register(subparsers: Any) -> None:
    """Add `config` and its actions to the commands of `lanetally`."""
    say = translator(language_of(os.environ))
    config = subparsers.add_parser(
        "config", help=say(Text("check and explain configuration files"))
    )
    actions = config.add_subparsers(dest="action", required=True)
    check = actions.add_parser("check", help=say(Text("print every error of a file")))
    check.add_argument("file", type=Path)
    check.add_argument("--json", action="store_true", help=say(Text("answer as one JSON object")))
    options = actions.add_parser("options", help=say(Text("list all keys and what they allow")))
    options.add_argument(
        "driver", nargs="?", metavar="KIND/MODEL", help=say(Text("those of a device's driver"))
    )
    actions.add_parser(
        "pin",
        help=say(Text("hash a supervisor's PIN, read from the terminal, for [[shop.approver]]")),
    )
    actions.add_parser("example", help=say(Text("print a file to start from")))
    config.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Carry out `lanetally config …`. 0 if all is well, 1 if not."""
    say = translator(language_of(os.environ))
    match args.action:
        case "check":
            return _check(args.file, say, as_json=args.json)
        case "options":
            return _options(args.driver, say)
        case "pin":
            return _pin(say)
        case _:
            sys.stdout.write(example())
            return 0


def example() -> str:
    """The documented configuration that comes with Lanetally."""
    return (files("agent.cli") / "lane.example.toml").read_text(encoding="utf-8")


# --- a PIN ---------------------------------------------------------------------------------------


def _pin(say: Say) -> int:
    """Print the hash of a PIN. It is not shown while it is keyed, nor kept in any history."""
    prompt = say(Text("PIN, 4 to 12 digits: "))
    pin = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not re.fullmatch(PIN_PATTERN, pin):
        print(say(Text("a PIN has 4 to 12 digits")), file=sys.stderr)
        return 1
    print(hashed(pin, secrets.token_bytes(16)))
    return 0


# --- check ---------------------------------------------------------------------------------------


def _check(file: Path, say: Say, *, as_json: bool) -> int:
    errors = errors_of(file)
    if as_json:
        rows = [{"line": e.line, "key": e.key, "message": say(e.text)} for e in errors]
        print(json.dumps({"file": str(file), "ok": not errors, "errors": rows}, ensure_ascii=False))
    else:
        for problem in errors:
            print(problem.told(file, say))
        if not errors:
            print(say(Text("{file} is in order", {"file": str(file)})))
    return 1 if errors else 0


def errors_of(file: Path) -> tuple[SettingError, ...]:
    """All errors of a lane's file or, by its tables, of a bridge's file."""
    try:
        text = read(file)
        if _BRIDGE_TABLES.search(text):
            return _bridge_errors(file)
        checked = check_lane(text)
    except ConfigError as error:
        return error.errors
    errors = [*checked.errors, *moving_names(text)]
    if checked.value is not None:
        errors += _certificate_errors(checked.value.mqtt)
    return tuple(sorted(errors, key=lambda error: error.line))


def _certificate_errors(mqtt: MqttSettings) -> tuple[SettingError, ...]:
    """What is wrong with the files of the connection now; a lane that runs tries them again."""
    from agent.mqtt_tls import problems

    found = problems(mqtt, datetime.now(UTC))
    return tuple(SettingError(0, f"mqtt.{key}", text) for key, text in found)


def _bridge_errors(file: Path) -> tuple[SettingError, ...]:
    from cloud_bridge import config as bridge

    try:
        return _certificate_errors(bridge.load(file).settings.mqtt)
    except bridge.ConfigError as error:
        return error.errors


# --- options -------------------------------------------------------------------------------------


def _options(driver: str | None, say: Say) -> int:
    if driver is None:
        cls: type = LaneConfig
    else:
        cls = driver_options(driver, say)
    print_options(cls, say)
    return 0


def print_options(cls: type, say: Say) -> None:
    for row in option_rows(cls, say):
        print("  ".join(row).rstrip())


def driver_options(name: str, say: Say) -> type:
    """The options of the driver "kind/model". Raises TechnicianError."""
    kind, _, model = name.partition("/")
    found = options_class(kind, model)
    if isinstance(found, SettingError):
        raise TechnicianError(say(found.text))
    return found


def option_rows(cls: type, say: Say) -> list[tuple[str, str, str, str]]:
    """(key, default, what is allowed, meaning) of every option, the columns padded."""
    rows = list(_rows(cls, "", say))
    widths = [min(max((len(row[n]) for row in rows), default=0), _COLUMN_MAX) for n in range(3)]
    return [
        (key.ljust(widths[0]), default.ljust(widths[1]), allows.ljust(widths[2]), meaning)
        for key, default, allows, meaning in rows
    ]


def _rows(cls: Any, prefix: str, say: Say) -> Iterator[tuple[str, str, str, str]]:
    hints = get_type_hints(cls)
    for option in options_of(cls):
        kind = hints[option.name]
        elements = get_args(kind)
        if is_dataclass(kind):
            yield from _rows(kind, f"{prefix}{option.name}.", say)
        elif elements and is_dataclass(elements[0]):
            yield from _rows(elements[0], f"{prefix}{option.name}[].", say)
        else:
            meaning = say(Text(option.metadata["help"]))
            default = _default(option, say)
            yield f"{prefix}{option.name}", default, allowed(option.metadata), meaning


def _default(option: Field[Any], say: Say) -> str:
    if option.default is MISSING:
        return say(Text("(required)"))
    return written(option.default)
