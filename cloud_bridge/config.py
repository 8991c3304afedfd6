"""The bridge's one TOML file -> frozen settings, or every error in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from agent.domain.settings import SettingError, check, option
from agent.domain.text import Text
from agent.domain.toml_lines import Path as KeyPath
from agent.mqtt_settings import MqttSettings
from cloud_bridge.chart import BUILT_IN, Chart, ChartError, load_chart
from cloud_bridge.costs import CostFileError, CostRow, read_costs
from cloud_bridge.mapping import Books
from cloud_bridge.templates import Stock, TemplateError, Templates, load_templates

DEFAULT_PATH = Path("/etc/lanetally/bridge.toml")


class ConfigError(Exception):
    """The configuration cannot be used; each error says where and why. Nothing is retried."""

    def __init__(self, file: Path, errors: tuple[SettingError, ...]) -> None:
        self.errors = errors
        super().__init__("\n".join(error.told(file) for error in errors))


@dataclass(frozen=True, slots=True)
class BridgeSection:
    """The `[bridge]` table."""

    name: str = option(
        "lanetally-bridge",
        "MQTT client id; keep it, it names what waits at the broker",
        pattern="[A-Za-z0-9_-]{1,64}",
    )
    org: str = option("", "organisation to serve; empty for all", pattern="[A-Za-z0-9_-]{0,64}")
    share: str = option(
        "",
        "name under which several workers share the lanes' facts; empty for a bridge by itself",
        pattern="[A-Za-z0-9_-]{0,64}",
    )


@dataclass(frozen=True, slots=True)
class LedgerSection:
    """The `[ledger]` table. Relative paths start at the configuration file."""

    kind: str = option("sqlite", "where the vouchers are kept", choices=("sqlite", "postgres"))
    path: str = option("/var/lib/lanetally/ledger.sqlite3", "file of the ledger, for sqlite")
    dsn: str = option("", "connection string of libpq, for postgres; what it leaves out, PG… says")
    chart: str = option("cn_small", "chart of accounts", choices=BUILT_IN)
    chart_file: str = option("", "own chart of accounts, in place of a built-in one")
    voucher_file: str = option("", "own voucher templates, in place of those of the same kind")
    stock: str = option("perpetual", "how cost of sales is booked", choices=get_args(Stock))
    reversals: str = option(
        "mirror", "how a voucher is taken back: sides swapped, or in red", choices=("mirror", "red")
    )
    outbox: tuple[str, ...] = option((), "who gets each voucher besides the ledger, such as an ERP")
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

    @property
    def place(self) -> str:
        """Where the ledger is, for people. A connection string may hold a password."""
        return str(self.ledger_path) if self.settings.ledger.kind == "sqlite" else "PostgreSQL"


def load(file: Path) -> BridgeConfig:
    """The configuration of a bridge. Raises ConfigError with all that is wrong."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        problem = SettingError(0, "", Text("cannot be read: {reason}", {"reason": reason}))
        raise ConfigError(file, (problem,)) from error
    folder = file.parent
    checked = check(text, BridgeSettings, cross_check=lambda values: _problems(values, folder))
    if checked.value is None:
        raise ConfigError(file, checked.errors)
    ledger, items = checked.value.ledger, checked.value.items
    return BridgeConfig(
        checked.value,
        folder / ledger.path,
        Books(
            _chart(folder, ledger.chart, ledger.chart_file),
            ledger.currency,
            _templates(folder, ledger.stock, ledger.voucher_file),
            red=ledger.reversals == "red",
        ),
        read_costs(folder / items.cost_file) if items.cost_file else (),
    )


def _chart(folder: Path, name: str, own: str) -> Chart:
    return load_chart(name, folder / own if own else None)


def _templates(folder: Path, stock: str, own: str) -> Templates:
    kept: Stock = "periodic" if stock == "periodic" else "perpetual"
    return load_templates(kept, folder / own if own else None)


def _problems(values: Mapping[KeyPath, object], folder: Path) -> Iterator[tuple[KeyPath, Text]]:
    """What is wrong with the files that the settings name."""
    for key, error_of in _FILES.items():
        name = values.get(key)
        if isinstance(name, str) and name:
            error = error_of(folder, name)
            if error is not None:
                text = Text("names a file that cannot be used: {reason}", {"reason": str(error)})
                yield key, text
    if values.get(("ledger", "kind")) == "postgres" and not values.get(("ledger", "dsn")):
        yield ("ledger", "dsn"), Text("is needed for a ledger in PostgreSQL")


def _chart_error(folder: Path, name: str) -> Exception | None:
    try:
        _chart(folder, "", name)
    except ChartError as error:
        return error
    return None


def _template_error(folder: Path, name: str) -> Exception | None:
    try:
        _templates(folder, "perpetual", name)
    except TemplateError as error:
        return error
    return None


def _cost_error(folder: Path, name: str) -> Exception | None:
    try:
        read_costs(folder / name)
    except CostFileError as error:
        return error
    return None


_FILES = {
    ("ledger", "chart_file"): _chart_error,
    ("ledger", "voucher_file"): _template_error,
    ("items", "cost_file"): _cost_error,
}
