"""A question to the running lane, over its own API: the same rules hold, and one writer writes."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.api.settings import ApiSettings
from agent.config import LaneConfig
from agent.domain.shop import ROLES
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.i18n import language_of, translator

TIMEOUT_S = 15.0


class NoLane(TechnicianError):
    """Nothing answers at the lane's address."""


class _Local(http.client.HTTPConnection):
    """By the API's socket in the file system."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(self._path)


def ask(
    config: LaneConfig, method: str, path: str, body: dict[str, Any] | None
) -> tuple[int, dict[str, Any]]:
    """Status and answer, by the client of the configuration that may do most. Raises NoLane."""
    say = translator(language_of(os.environ))
    api = config.api
    ranked = sorted(api.client, key=lambda client: -ROLES.index(client.role))
    if not ranked:
        raise TechnicianError(say(Text("no [[api.client]]: the lane would not know who asks")))
    headers = {
        "Authorization": f"Bearer {ranked[0].token}",
        "Accept-Language": language_of(os.environ).replace("_", "-"),
    }
    content = None if body is None else json.dumps(body).encode()
    lane = _lane(api)
    try:
        lane.request(method, path, content, headers)
        response = lane.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        where = f"{api.host}:{api.port}" if api.host else api.socket
        args: dict[str, str | int] = {"where": where, "reason": str(error)}
        raise NoLane(
            say(Text("no lane answers at {where}: is it running? {reason}", args))
        ) from error
    finally:
        lane.close()
    return response.status, answer


def new_action(actions: Any, name: str, what: Text) -> argparse.ArgumentParser:
    """An action that asks the lane, and answers in words or as JSON."""
    say = translator(language_of(os.environ))
    action: argparse.ArgumentParser = actions.add_parser(name, help=say(what))
    action.add_argument("--config", type=Path, required=True, metavar="FILE")
    action.add_argument("--json", action="store_true", help=say(Text("answer as one JSON object")))
    return action


def signed(args: argparse.Namespace) -> dict[str, Any]:
    """Who asks, and the PIN of who approves, if there is one."""
    body: dict[str, Any] = {"operator": args.operator}
    if os.environ.get("LANETALLY_PIN"):  # not among the arguments, which every process can see
        body["pin"] = os.environ["LANETALLY_PIN"]
    return body


def tell(
    args: argparse.Namespace,
    status: int,
    answer: dict[str, Any],
    lines: Callable[[dict[str, Any]], list[str]],
) -> int:
    """Print what the lane answers. 0: done; 1: it was refused, and said why."""
    refused = status >= 300
    if args.json:
        print(json.dumps(answer, ensure_ascii=False))
    elif refused:
        print(answer.get("detail", status), file=sys.stderr)
    else:
        print("\n".join(lines(answer)))
    return 1 if refused else 0


def _lane(api: ApiSettings) -> http.client.HTTPConnection:
    if not api.host and api.socket:
        return _Local(api.socket)
    return http.client.HTTPConnection(api.host or "127.0.0.1", api.port, timeout=TIMEOUT_S)
