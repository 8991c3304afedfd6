"""`lanetally devices`: which devices this lane has, which are plugged in, and whether they work.

`list`, `options` and `detect` open nothing and send nothing. `probe`, `try` and `print-test` take
the device of one role, as `lanetally run` would: stop that first.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from agent.cli.arguments import bounded
from agent.cli.config import driver_options, print_options
from agent.cli.devices import listing, trial
from agent.config import DeviceSettings, LaneConfig, load
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import Say, language_of, translator
from drivers.base import DeviceMisconfigured, DeviceUnavailable
from drivers.scale.driver_serial import BAUDS

#: Long enough to fetch something to scan or to weigh.
TRY_SECONDS = 60
LISTEN_SECONDS = 10
SECONDS_MAX = 86_400  #: a day


def register(subparsers: Any) -> None:
    """Add `devices` and its actions to the commands of `lanetally`."""
    say = translator(language_of(os.environ))
    devices = subparsers.add_parser("devices", help=say(Text("find, list and try devices")))
    actions = devices.add_subparsers(dest="action", required=True)
    as_json = say(Text("answer as one JSON object"))

    listed = actions.add_parser("list", help=say(Text("the devices of a lane, and what is there")))
    listed.add_argument("--config", type=Path, required=True, metavar="FILE")
    listed.add_argument("--json", action="store_true", help=as_json)

    options = actions.add_parser("options", help=say(Text("what can be set for a device's driver")))
    options.add_argument("driver", metavar="KIND/MODEL")

    detect = actions.add_parser("detect", help=say(Text("what is plugged in and not in use yet")))
    detect.add_argument(
        "--config", type=Path, metavar="FILE", help=say(Text("leave out its devices"))
    )
    detect.add_argument("--json", action="store_true", help=as_json)
    listen = say(Text("open this serial line, send nothing, say who speaks"))
    detect.add_argument("--listen", metavar="PATH", help=listen)
    some_seconds = bounded(int, 1, say, high=SECONDS_MAX)
    detect.add_argument("--seconds", type=some_seconds, default=LISTEN_SECONDS, metavar="N")
    detect.add_argument("--baud", type=int, choices=BAUDS, default=9600, metavar="BAUD")

    for name in trial.ACTIONS:
        action = actions.add_parser(name, help=say(Text(_ACTION_TEXTS[name])))
        action.add_argument("role", metavar="ROLE")
        action.add_argument("--config", type=Path, required=True, metavar="FILE")
        if name == "try":
            seconds = say(Text("for how long; 0: until Ctrl-C"))
            number = bounded(int, 0, say, high=SECONDS_MAX)
            action.add_argument(
                "--seconds", type=number, default=TRY_SECONDS, metavar="N", help=seconds
            )
            action.add_argument("--json", action="store_true", help=say(Text("one object a line")))
    devices.set_defaults(run=run)


_ACTION_TEXTS: dict[str, str] = {
    "probe": "ask the device of a role who it is",
    "try": "show what the device of a role says, as it says it",
    "print-test": "print a test receipt, or show test lines on a display",
}


def run(args: argparse.Namespace) -> int:
    """Carry out `lanetally devices …`. 0 if all is well, 1 if not."""
    say = translator(language_of(os.environ))
    try:
        match args.action:
            case "list":
                return listing.list_devices(load(args.config), say, as_json=args.json)
            case "options":
                print_options(driver_options(args.driver, say), say)
                return 0
            case "detect":
                devices = load(args.config).device if args.config else ()
                return listing.detect(args, devices, say)
            case action:
                config = load(args.config)
                return trial.ACTIONS[action](_device(config, args.role, say), args, say)
    except DeviceUnavailable as error:
        raise TechnicianError(
            say(Text("out of reach: {reason}", {"reason": str(error)}))
        ) from error
    except DeviceMisconfigured as error:
        told = Text("cannot work as it is set: {reason}", {"reason": str(error)})
        raise TechnicianError(say(told)) from error


def _device(config: LaneConfig, role: str, say: Say) -> DeviceSettings:
    for device in config.device:
        if device.role == role:
            return device
    known = ", ".join(device.role for device in config.device)
    raise TechnicianError(
        say(Text("no device {role}; there are: {known}", {"role": role, "known": known}))
    )
