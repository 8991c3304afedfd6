"""The `[mqtt]` table of the lane and of the bridge, apart from the client it configures.

`agent.mqtt` imports paho (a tenth of a second, 10 MB); checking a file must not cost that.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.domain.settings import option


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """Where the broker is and how to reach it."""

    host: str = option("127.0.0.1", "broker's name or address")
    port: int = option(1883, "broker's port", low=1, high=65535)
    username: str = option("", "user name; empty for none")
    password: str = option("", "password; empty for none")
    tls: bool = option(False, "encrypt the connection and verify the broker's certificate")
    ca_file: str = option("", "file of trusted certificates; empty for the system's")
    keepalive_s: int = option(30, "ping interval", unit="s", low=5, high=600)
