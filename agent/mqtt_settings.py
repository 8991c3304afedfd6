"""The `[mqtt]` table of the lane and of the bridge, apart from the client it configures.

`agent.mqtt` imports paho (a tenth of a second, 10 MB); checking a file must not cost that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agent.domain.settings import option
from agent.domain.text import Text
from agent.domain.toml_lines import Path as KeyPath


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """Where the broker is and how to reach it."""

    host: str = option("127.0.0.1", "broker's name or address")
    port: int = option(1883, "broker's port", low=1, high=65535)
    username: str = option("", "user name; empty for none")
    password: str = option("", "password; empty for none")
    version: str = option("3.1.1", "of MQTT", choices=("3.1.1", "5"))
    tls: bool = option(False, "encrypt the connection and verify the broker's certificate")
    ca_file: str = option("", "file of trusted certificates; empty for the system's")
    cert_file: str = option("", "file of our own certificate, if the broker asks for one")
    key_file: str = option("", "file of the key of our own certificate, without a password")
    keepalive_s: int = option(30, "ping interval", unit="s", low=5, high=600)


def contradictions(values: Mapping[KeyPath, object]) -> Iterator[tuple[KeyPath, Text]]:
    """What is wrong between the values of an `[mqtt]` table that are each right."""

    def given(key: str) -> bool:
        return bool(values.get(("mqtt", key)))

    if given("password") and not given("username"):
        yield ("mqtt", "password"), Text("a password needs a username")
    for key, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if given(key) and not given(other):
            yield ("mqtt", key), Text("needs {other} too", {"other": other})
    for key in ("ca_file", "cert_file"):
        if given(key) and not given("tls"):
            yield ("mqtt", key), Text("is of no use without tls = true")
