"""The bridge's one TOML file -> frozen settings, or every error in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent.domain.settings import SettingError, check, option
from agent.domain.text import Text
from agent.domain.toml_lines import Path as KeyPath
from agent.mqtt_settings import MqttSettings
from cloud_bridge.chart import BUILT_IN, Chart, ChartError, load_chart
from cloud_bridge.costs import CostFileError, CostRow, read_costs
from cloud_bridge.mapping import Books

DEFAULT_PATH = Path("/etc/lanetally/bridge.toml")


class ConfigError(Exception):
    """The configuration cannot be used; each error says where and why. Nothing is retried."""

    def __init__(self, file: Path, errors: tuple[SettingError, ...]) -> None:
        self.errors = errors
        super().__init__("\n".join(_error_line(file, error) for error in errors))


def _error_line(file: Path, error: SettingError) -> str:
    place = f"{file}:{error.line}" if error.line else str(file)
    return ": ".join(part for part in (place, error.key, error.message) if part)


@dataclass(frozen=True, slots=True)
class BridgeSection:
    """The `[bridge]` table."""

    name: str = option(
        "lanetally-bridge",
        "MQTT client id; keep it, it names what waits at the broker",
        pattern="[A-Za-z0-9_-]{1,64}",
    )
    org: str = option("", "organisation to serve; empty for all", pattern="[A-Za-z0-9_-]{0,64}")


@dataclass(frozen=True, slots=True)
class LedgerSection:
    """The `[ledger]` table. Relative paths start at the configuration file."""

    kind: str = option("sqlite", "where the vouchers are kept", choices=("sqlite",))
    path: str = option("/var/lib/lanetally/ledger.sqlite3", "file of the ledger")
    chart: str = option("cn_small", "chart of accounts", choices=BUILT_IN)
    chart_file: str = option("", "own chart of accounts, in place of a built-in one")
    currency: str = option("CNY", "ISO 4217 code of the ledger", pattern="[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class ItemsSection:
    """The `[items]` table."""

    cost_file: str = option("", "CSV with gtin,unit_cost_minor,cost_per; read at each start")


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """The whole file."""

    bridge: BridgeSection = field(default_factory=BridgeSection)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    ledger: LedgerSection = field(default_factory=LedgerSection)
    items: ItemsSection = field(default_factory=ItemsSection)


@dataclass(frozen=True, slots=True)
class BridgeConfig:
    """The settings and what they point to, read and checked."""

    settings: BridgeSettings
    ledger_path: Path
    books: Books
    costs: tuple[CostRow, ...]


def load(file: Path) -> BridgeConfig:
    """The configuration of a bridge. Raises ConfigError with all that is wrong."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = SettingError(0, "", Text("cannot be read: {reason}", {"reason": str(error)}))
        raise ConfigError(file, (problem,)) from error
    folder = file.parent
    checked = check(text, BridgeSettings, cross_check=lambda values: _problems(values, folder))
    if checked.value is None:
        raise ConfigError(file, checked.errors)
    ledger, items = checked.value.ledger, checked.value.items
    return BridgeConfig(
        checked.value,
        folder / ledger.path,
        Books(_chart(folder, ledger.chart, ledger.chart_file), ledger.currency),
        read_costs(folder / items.cost_file) if items.cost_file else (),
    )


def _chart(folder: Path, name: str, own: str) -> Chart:
    return load_chart(name, folder / own if own else None)


def _problems(values: Mapping[KeyPath, object], folder: Path) -> Iterator[tuple[KeyPath, Text]]:
    """What is wrong with the files that the settings name."""
    own_chart = values.get(("ledger", "chart_file"))
    if isinstance(own_chart, str) and own_chart:
        try:
            _chart(folder, "", own_chart)
        except ChartError as error:
            yield ("ledger", "chart_file"), _unusable(error)
    cost_file = values.get(("items", "cost_file"))
    if isinstance(cost_file, str) and cost_file:
        try:
            read_costs(folder / cost_file)
        except CostFileError as error:
            yield ("items", "cost_file"), _unusable(error)


def _unusable(error: Exception) -> Text:
    return Text("names a file that cannot be used: {reason}", {"reason": str(error)})
