"""One TOML file -> the whole configuration of a lane, or every error in it.

The tables of the file are the fields of `LaneConfig`. The options of a device stand in its
`[[device]]` table beside `role`, `kind` and `model`; its driver says which there are.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from agent.api.settings import ApiSettings
from agent.domain.rcn import REGIONS, LabelRules, RcnRule
from agent.domain.receipt import ReceiptStyle
from agent.domain.settings import Checked, SettingError, check, chosen, nearest_of, option
from agent.domain.text import Text
from agent.domain.toml_lines import Path as KeyPath
from agent.errors import TechnicianError
from agent.i18n import LANGUAGES, Say
from agent.journal_settings import JournalSettings
from agent.mqtt_settings import MqttSettings, contradictions
from agent.shop import ShopSettings, TillSettings, idle_limits
from agent.totals import settings as totals_settings
from agent.totals.settings import PrinterTapSettings, SerialJournalSettings, WatchSettings
from drivers import registry
from drivers.base import DeviceMisconfigured

#: A part of a lane's address, safe in an MQTT topic and in a key of the ledger.
NAME_PATTERN = "[A-Za-z0-9_-]{1,64}"

TOKEN_CHARACTERS_MIN = 16


class ConfigError(TechnicianError):
    """The file cannot be used. The technician must change it; nothing is retried."""

    def __init__(self, path: Path, errors: tuple[SettingError, ...]) -> None:
        self.path = path
        self.errors = errors
        super().__init__("\n".join(error.told(path) for error in errors))

    def told(self, say: Say) -> str:
        return "\n".join(error.told(self.path, say) for error in self.errors)


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """The `[store]` table: the shop, the same on each of its lanes."""

    org: str = option(MISSING, "short name of the company", pattern=NAME_PATTERN)
    id: str = option(MISSING, "short name of the store", pattern=NAME_PATTERN)
    name: str = option(MISSING, "the store's name as on the receipt")
    address: tuple[str, ...] = option((), "lines below the name on the receipt")
    currency: str = option("CNY", "ISO 4217 code", pattern="[A-Z]{3}")
    minor_digits: int = option(2, "digits after the decimal point of the currency", low=0, high=4)
    language: str = option("en", "of receipts, lane screen and alerts", choices=LANGUAGES)
    tax_rate_bp: int = option(0, "tax included in prices; 500 = 5 %", unit="bp", low=0, high=10_000)
    rcn_region: str = option(
        "none", "country whose rules for numbers with prefix 2 apply", choices=tuple(REGIONS)
    )
    business_day_ends: str = option(
        "00:00", "local time at which the trading day ends", pattern="([01][0-9]|2[0-3]):[0-5][0-9]"
    )

    @property
    def business_day_ends_min(self) -> int:
        """Minutes after midnight."""
        hour, _, minute = self.business_day_ends.partition(":")
        return int(hour) * 60 + int(minute)


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """The `[lane]` table: this box."""

    id: str = option(MISSING, "short name of the lane", pattern=NAME_PATTERN)
    data_dir: str = option("/var/lib/lanetally", "folder of the journal")
    dual_mark_window_ms: int = option(
        300,  # hands need longer than this to bring a second pack of the same article
        "a pack's linear and 2D code read in less time are one item; 0: never",
        unit="ms",
        low=0,
        high=2_000,
    )


@dataclass(frozen=True, slots=True)
class LaneMqttSettings(MqttSettings):
    """The `[mqtt]` table: head office."""

    enabled: bool = option(True, "carry facts to head office")


@dataclass(frozen=True, slots=True)
class ReceiptSettings:
    """The `[receipt]` table."""

    header: tuple[str, ...] = option((), "lines at the top; the store's name and address if empty")
    footer: tuple[str, ...] = option((), "lines at the bottom")
    qr: bool = option(True, "print the receipt's number as a QR code")
    kick_drawer: bool = option(True, "open the cash drawer with the receipt")


@dataclass(frozen=True, slots=True)
class TotalsSettings:
    """The `[totals]` table: what a cashier total leaves open, and further ways for it to arrive."""

    keypad_tender: str = option("cash", "means of payment of a total keyed on the keypad")
    printer_tap: PrinterTapSettings = field(default_factory=PrinterTapSettings)
    serial_journal: SerialJournalSettings = field(default_factory=SerialJournalSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)


@dataclass(frozen=True, slots=True)
class ItemsSettings:
    """The `[items]` table: the item master."""

    file: str = option("", "CSV file of items; empty for none: scans are counted, not named")


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """One `[[device]]` table."""

    role: str = option(MISSING, "this device's name at the lane", pattern=NAME_PATTERN)
    kind: str = option(MISSING, "scanner, scale, printer, keypad, …")
    model: str = option(MISSING, "which driver of this kind")
    options: Any = chosen()
    purpose: str = option(
        "counter",
        "of a scale: counter for goods sold by weight; bagging if the goods stay on it until the"
        " total, so that it is a witness",
        choices=("counter", "bagging"),
    )


@dataclass(frozen=True, slots=True)
class LaneConfig:
    store: StoreSettings
    lane: LaneSettings
    journal: JournalSettings = field(default_factory=JournalSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    mqtt: LaneMqttSettings = field(default_factory=LaneMqttSettings)
    receipt: ReceiptSettings = field(default_factory=ReceiptSettings)
    totals: TotalsSettings = field(default_factory=TotalsSettings)
    items: ItemsSettings = field(default_factory=ItemsSettings)
    shop: ShopSettings = field(default_factory=ShopSettings)
    till: TillSettings = field(default_factory=TillSettings)
    device: tuple[DeviceSettings, ...] = ()
    rcn: tuple[RcnRule, ...] = ()

    def label_rules(self) -> LabelRules:
        """The shop's own rules before its country's."""
        return LabelRules((*self.rcn, *REGIONS[self.store.rcn_region]), self.store.minor_digits)

    def bagging_scales(self) -> frozenset[str]:
        """The roles of scales on which the goods stay."""
        return frozenset(device.role for device in self.device if device.purpose == "bagging")

    def receipt_style(self) -> ReceiptStyle:
        return ReceiptStyle(
            header=self.receipt.header or (self.store.name, *self.store.address),
            footer=self.receipt.footer,
            minor_digits=self.store.minor_digits,
            qr=self.receipt.qr,
            kick_drawer=self.receipt.kick_drawer,
        )


#: What head office may set for a lane, by table; all else is the technician's.
DESIRABLE: Mapping[str, frozenset[str]] = {
    "store": frozenset(
        ("name", "address", "language", "tax_rate_bp", "rcn_region", "business_day_ends")
    ),
    "receipt": frozenset(ReceiptSettings.__dataclass_fields__),
    "shop": frozenset(ShopSettings.__dataclass_fields__) - {"approver"},
    "totals": frozenset({"keypad_tender"}),
    "lane": frozenset({"dual_mark_window_ms"}),
}

Desired: TypeAlias = Mapping[str, Mapping[str, object]]


def desired_errors(text: str, desired: Desired) -> tuple[SettingError, ...]:
    """What is wrong with a configuration that head office desires for a lane with this file."""
    foreign = tuple(
        SettingError(0, f"{table}.{key}", Text("is not for head office to set"))
        for table, keys in desired.items()
        for key in keys
        if key not in DESIRABLE.get(table, frozenset())
    )
    return foreign or check_lane(text, desired).errors


def load(path: Path, desired: Desired = MappingProxyType({})) -> LaneConfig:
    """The configuration in a file, and what head office desires in place of parts of it. Raises
    ConfigError with every error."""
    checked = check_lane(read(path), desired)
    if checked.value is None:
        raise ConfigError(path, checked.errors)
    return checked.value


def read(path: Path) -> str:
    """The text of a file, without the byte order mark of Windows. Raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = Text("cannot be read: {reason}", {"reason": error.strerror or str(error)})
    except UnicodeDecodeError as error:
        reason = Text("is not UTF-8 at byte {position}", {"position": error.start})
    raise ConfigError(path, (SettingError(0, "", reason),))


def check_lane(text: str, desired: Desired = MappingProxyType({})) -> Checked[LaneConfig]:
    """The configuration in a text, or every error in it."""
    return check(text, LaneConfig, choose=_options_class, cross_check=_cross_check, over=desired)


def _options_class(device: Mapping[str, object]) -> type | SettingError | None:
    """The options of the driver that a `[[device]]` table names."""
    kind, model = device.get("kind"), device.get("model")
    if not isinstance(kind, str) or not isinstance(model, str):
        return None
    return options_class(kind, model)


def options_class(kind: str, model: str) -> type | SettingError:
    """The options of a driver, or what is wrong with its name."""
    known = registry.known()
    if (kind, model) not in known:
        kinds = {known_kind for known_kind, _ in known}
        if kind not in kinds:
            return SettingError(0, "kind", _no_driver(kind, kinds))
        of_kind = {m for k, m in known if k == kind}
        return SettingError(0, "model", _no_driver(model or f"{kind}/", of_kind))
    try:
        return registry.load(kind, model).Options
    except (ImportError, AttributeError, DeviceMisconfigured) as error:
        text = Text("its driver cannot be loaded: {reason}", {"reason": str(error)})
        return SettingError(0, "model", text)


def _no_driver(name: str, known: Iterable[str]) -> Text:
    args: dict[str, str | int] = {"got": name, "known": ", ".join(sorted(known))}
    nearest = nearest_of(name, known)
    if not nearest:
        return Text("no driver for {got}; there are: {known}", args)
    args["nearest"] = nearest
    return Text("no driver for {got}; there are: {known}; did you mean {nearest}?", args)


# --- what is wrong between values that are each right ------------------------------------------

Values: TypeAlias = Mapping[KeyPath, object]
Problem: TypeAlias = tuple[KeyPath, Text]


def _cross_check(values: Values) -> Iterator[Problem]:
    yield from _repeated(values)
    yield from _shared_devices(values)
    yield from _purposes(values)
    yield from _api(values)
    yield from idle_limits(values)
    yield from totals_settings.problems(values)
    yield from contradictions(values)


#: What must not occur twice in an array of tables: its last two names, and the complaint.
_REPEATED_TEXTS: dict[KeyPath, str] = {
    ("device", "role"): "two devices have the role {value}",
    ("client", "name"): "two clients have the name {value}",
    ("client", "token"): "two clients have the same token",
    ("approver", "name"): "two approvers have the name {value}",
    ("return_limit", "role"): "there is a limit of returns for {value} already",
}


def _repeated(values: Values) -> Iterator[Problem]:
    seen: set[object] = set()
    for path, value in values.items():
        match path:
            case (*_, str(table), int(), str(key)) if (table, key) in _REPEATED_TEXTS:
                if (table, key, value) in seen:
                    yield path, Text(_REPEATED_TEXTS[table, key], {"value": str(value)})
                seen.add((table, key, value))


def _shared_devices(values: Values) -> Iterator[Problem]:
    """A device has one owner: two `[[device]]` tables must not name the same place."""
    owners: dict[tuple[object, ...], int] = {}
    for path, value in values.items():
        match path:
            case ("device", int(number), "path" | "host" as key) if value:
                port = values.get(("device", number, "port")) if key == "host" else None
                owner = owners.setdefault((key, value, port), number)
                if owner != number:
                    role = values.get(("device", owner, "role"), owner + 1)
                    yield path, Text("the device {role} is there already", {"role": str(role)})


def _purposes(values: Values) -> Iterator[Problem]:
    for path, value in values.items():
        match path:
            case ("device", int(number), "purpose") if value == "bagging":
                if values.get(("device", number, "kind")) not in (None, "scale"):
                    yield path, Text("only a scale can be for bagging")


def _api(values: Values) -> Iterator[Problem]:
    host, socket = values.get(("api", "host")), values.get(("api", "socket"))
    if host == "" and socket == "":
        yield ("api", "host"), Text("listens nowhere: set host or socket")
    for path, value in values.items():
        if path[:2] == ("api", "client") and path[-1] == "token" and not str(value).strip():
            told: dict[str, str | int] = {"low": TOKEN_CHARACTERS_MIN}
            yield path, Text("is empty; allowed: a secret word, best of {low} characters", told)
    if isinstance(host, str) and host and not _is_loopback(host):
        for path, value in values.items():
            if path[0] == "api" and path[-1] == "token" and len(str(value)) < TOKEN_CHARACTERS_MIN:
                args: dict[str, str | int] = {"low": TOKEN_CHARACTERS_MIN, "host": host}
                text = Text("needs at least {low} characters, because {host} is on a network", args)
                yield path, text


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
