"""From the text of a TOML file to typed, bounded settings, with every error named by line and key.

The shape of a file is a tree of frozen dataclasses: a dataclass field is a table, `tuple[X, ...]`
of a dataclass an array of tables, `tuple[X, ...]` of a scalar a list; scalars are `int`, `str` and
`bool`. A field without a default must be given. Bounds, unit and choices come from `option`.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

from agent.domain.text import Text
from agent.domain.toml_lines import Path, key_lines


def option(
    default: Any,
    help: str,  # noqa: A002  the field's own word for it
    *,
    unit: str = "",
    low: int | None = None,
    high: int | None = None,
    choices: tuple[str | int, ...] = (),
    pattern: str = "",
) -> Any:
    """A field of a settings dataclass that carries its own unit, bounds and help.

    Pass `dataclasses.MISSING` as default for a key that must be there. `pattern` is a regular
    expression that the whole of a text must match. `drivers.base.option` follows the same
    convention, because drivers may not import the agent; it also says what must hold between two.
    """
    metadata = {
        "help": help,
        "unit": unit,
        "low": low,
        "high": high,
        "choices": choices,
        "pattern": pattern,
    }
    return field(default=default, metadata=metadata)


def chosen() -> Any:
    """The field for the options that `check`'s `choose` finds; they stand in the same table."""
    return field(metadata={"chosen": True})


@dataclass(frozen=True, slots=True)
class SettingError:
    line: int  #: 1-based; 0 if the whole file is meant
    key: str  #: dotted, arrays counted from 1, such as "device.2.baud"
    text: Text

    @property
    def message(self) -> str:
        return self.text.english()

    def told(self, file: object, say: Callable[[Text], str] = Text.english) -> str:
        """`file:line: key: message`, without what the error does not name."""
        place = f"{file}:{self.line}" if self.line else str(file)
        return ": ".join(part for part in (place, self.key, say(self.text)) if part)


T = TypeVar("T")

#: From a raw table to the class of its options, None where the table is too broken to tell, or the
#: error: its key is relative to the table, its line is filled in.
Choose: TypeAlias = Callable[[Mapping[str, object]], "type | SettingError | None"]

#: From all right values by path to what is wrong between them.
CrossCheck: TypeAlias = Callable[[Mapping[Path, object]], "Iterable[tuple[Path, Text]]"]


@dataclass(frozen=True, slots=True)
class Checked(Generic[T]):
    value: T | None  #: None if there is any error
    errors: tuple[SettingError, ...]  #: all of them, in the order of the lines


def check(
    text: str,
    cls: type[T],
    *,
    choose: Choose = lambda _: None,
    cross_check: CrossCheck = lambda _: (),
    over: Mapping[str, Mapping[str, object]] = MappingProxyType({}),
) -> Checked[T]:
    """The settings in a TOML text, or everything that is wrong with them. Never raises.

    `over`: keys by table that hold in place of the text's own.
    """
    try:
        raw = tomllib.loads(text)
        lines = key_lines(text)
    except (ValueError, RecursionError) as error:
        return Checked(None, (_syntax_error(str(error), line_last=text.count("\n") + 1),))
    for table, keys in over.items():
        own = raw.get(table)
        raw[table] = {**own, **keys} if isinstance(own, dict) else dict(keys)
    checker = _Checker(lines, choose)
    value = checker.table(raw, cls, ())
    for path, problem in cross_check(checker.values):
        checker.complain(path, problem)
    errors = tuple(sorted(checker.errors, key=lambda error: error.line))
    return Checked(None if errors else value, errors)


def options_of(cls: type) -> tuple[Field[Any], ...]:
    """The fields of a settings dataclass that a file can set, for help texts."""
    return tuple(f for f in _fields(cls) if not f.metadata.get("chosen"))


def _fields(cls: Any) -> tuple[Field[Any], ...]:
    return fields(cls)


class _Checker:
    def __init__(self, lines: Mapping[Path, int], choose: Choose) -> None:
        self._lines = lines
        self._choose = choose
        self.errors: list[SettingError] = []
        self.values: dict[Path, object] = {}

    def complain(self, path: Path, text: Text) -> None:
        self.errors.append(SettingError(self._line(path), dotted(path), text))

    def table(self, raw: Mapping[str, object], cls: type[T], path: Path) -> T | None:
        """The dataclass of a table, None after any complaint about it."""
        before = len(self.errors)
        own = options_of(cls)
        inside: dict[str, Any] = {f.name: self._field(raw, cls, f, path) for f in own}
        strange = set(raw) - set(inside)
        valid = list(inside)
        for slot in (f for f in _fields(cls) if f.metadata.get("chosen")):
            options_cls = self._chosen(raw, path)
            if options_cls is None:
                return None
            names = {f.name for f in _fields(options_cls)}
            mine = {key: value for key, value in raw.items() if key in names}
            inside[slot.name] = self.table(mine, options_cls, path)
            strange -= names
            valid += names
        self._compare(inside, own, path)
        for key in sorted(strange):
            self.complain((*path, key), _unknown(key, valid))
        return None if len(self.errors) > before else cls(**inside)

    def _compare(self, values: Mapping[str, Any], own: Iterable[Field[Any]], path: Path) -> None:
        """What a table's options say of each other; a wrong one is None here and says nothing."""
        right = {name: value for name, value in values.items() if not _has_none(value)}
        for f in own:
            for problem in _contradictions(f, right):
                self.complain((*path, f.name), problem)

    def _chosen(self, raw: Mapping[str, object], path: Path) -> type | None:
        choice = self._choose(raw)
        if isinstance(choice, SettingError):
            self.complain((*path, choice.key), choice.text)
            return None
        return choice

    def _field(self, raw: Mapping[str, object], cls: type, f: Field[Any], path: Path) -> Any:
        here = (*path, f.name)
        kind = get_type_hints(cls)[f.name]
        if f.name in raw:
            return self._value(raw[f.name], kind, f, here)
        if is_dataclass(kind):
            return self.table({}, _as_type(kind), here)
        if f.default is not MISSING:
            self.values[here] = f.default
            return f.default
        self.complain(here, Text("this key must be given"))
        return None

    def _value(self, raw: object, kind: Any, f: Field[Any], path: Path) -> Any:
        if get_origin(kind) is tuple:
            return self._array(raw, get_args(kind)[0], f, path)
        if is_dataclass(kind):
            if isinstance(raw, dict):
                return self.table(raw, _as_type(kind), path)
            self.complain(path, Text("must be a table, not {got}", {"got": shown(raw)}))
            return None
        problem = _scalar_problem(raw, kind, f.metadata)
        if problem is not None:
            self.complain(path, problem)
            return None
        self.values[path] = raw
        return raw

    def _array(self, raw: object, kind: Any, f: Field[Any], path: Path) -> Any:
        if not isinstance(raw, list):
            self.complain(path, Text("must be a list, not {got}", {"got": shown(raw)}))
            return None
        least = f.metadata.get("least", 0)
        if len(raw) < least:
            self.complain(path, Text("must have at least {least} element(s)", {"least": least}))
            return None
        return tuple(self._value(raw[n], kind, f, (*path, n)) for n in range(len(raw)))

    def _line(self, path: Path) -> int:
        """The line of a key, of the table it is missing from, else 0."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 0)


def _has_none(value: object) -> bool:
    return value is None or (isinstance(value, tuple) and None in value)


def _contradictions(f: Field[Any], values: Mapping[str, Any]) -> Iterator[Text]:
    """What the values of a table that are right have against this option's."""
    if f.name not in values:
        return
    value = values[f.name]

    def words(key: str, **more: str) -> dict[str, str | int]:
        return {"got": written(value), "key": key, "value": written(values[key]), **more}

    key, those = f.metadata.get("needed_if") or ("", ())
    if value == f.default and values.get(key) in those:
        yield Text("must be given, as {key} is {value}", words(key))
    key, those = f.metadata.get("only_if") or ("", ())
    if value != f.default and key in values and values[key] not in those:
        alone = words(key, allowed=", ".join(map(shown, those)))
        yield Text("is {got}; goes only with {key} = {allowed}, not {value}", alone)
    key = f.metadata.get("below", "")
    if key in values and value >= values[key]:
        yield Text("is {got}; must be less than {key}, which is {value}", words(key))
    key = f.metadata.get("part_of", "")
    if values.get(key) and not set(value) < set(values[key]):
        yield Text("is {got}; must be a part of {key}, which is {value}, and not all", words(key))


def written(value: object) -> str:
    """A value as it would stand in the file, a list with all that is in it."""
    return f"[{', '.join(map(shown, value))}]" if isinstance(value, tuple) else shown(value)


def _as_type(kind: Any) -> type:
    assert isinstance(kind, type)
    return kind


_WANTED_TEXTS: dict[type, str] = {
    int: "must be a whole number, not {got}",
    str: "must be text in quotes, not {got}",
    bool: "must be true or false, not {got}",
}

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1  # TOML 1.0: integers have 64 bits


def _scalar_problem(raw: object, kind: type, metadata: Mapping[str, Any]) -> Text | None:
    args: dict[str, str | int] = {"got": shown(raw), "allowed": allowed(metadata)}
    if type(raw) is not kind:
        return Text(_WANTED_TEXTS[kind], args)
    choices = metadata.get("choices", ())
    if choices and raw not in choices:
        args["nearest"] = nearest_of(str(raw), [str(choice) for choice in choices])
        if args["nearest"]:
            return Text("is {got}; allowed: {allowed}; did you mean {nearest}?", args)
        return Text("is {got}; allowed: {allowed}", args)
    pattern = metadata.get("pattern", "")
    if pattern and isinstance(raw, str) and not re.fullmatch(pattern, raw):
        return Text("is {got}; allowed: {allowed}", args)
    if isinstance(raw, int) and not _in_range(raw, metadata):
        args["allowed"] = args["allowed"] or "64 bit"
        return Text("is {got}; allowed: {allowed}", args)
    return None


def _in_range(number: int, metadata: Mapping[str, Any]) -> bool:
    low, high = metadata.get("low"), metadata.get("high")
    low = _INT64_MIN if low is None else low
    high = _INT64_MAX if high is None else high
    return bool(low <= number <= high)


def allowed(metadata: Mapping[str, Any]) -> str:
    """What an option allows, in signs that need no translation: "5…600 s", "≥ 1", "" if all."""
    low, high = metadata.get("low"), metadata.get("high")
    unit = f" {metadata['unit']}" if metadata.get("unit") else ""
    if low is not None and high is not None:
        return f"{low}…{high}{unit}"
    if low is not None:
        return f"≥ {low}{unit}"
    if high is not None:
        return f"≤ {high}{unit}"
    choices = ", ".join(shown(choice) for choice in metadata.get("choices", ()))
    return choices or str(metadata.get("pattern", ""))


def _unknown(key: str, valid: Iterable[str]) -> Text:
    nearest = nearest_of(key, valid)
    if nearest:
        return Text("not known here; did you mean {nearest}?", {"nearest": nearest})
    return Text("not known here; there are: {known}", {"known": ", ".join(sorted(valid))})


def nearest_of(word: str, valid: Iterable[str]) -> str:
    """The valid word that looks most like this one, "" if none does."""
    by_lower = {name.lower(): name for name in sorted(valid)}
    return next((by_lower[m] for m in difflib.get_close_matches(word.lower(), by_lower, n=1)), "")


_SYNTAX_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def _syntax_error(reason: str, line_last: int) -> SettingError:
    place = _SYNTAX_PLACE.search(reason)
    line = int(place[1] or line_last) if place else 0
    text = Text("not valid TOML: {reason}", {"reason": _SYNTAX_PLACE.sub("", reason)})
    return SettingError(line, "", text)


_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SHOWN_MAX = 40  #: characters of a value in a message


def dotted(path: Path) -> str:
    """The path of a key as messages name it: elements of a list count from 1."""
    names = (str(name + 1) if isinstance(name, int) else name for name in path)
    return ".".join(name if _BARE_KEY.fullmatch(name) else _quoted(name) for name in names)


def shown(value: object) -> str:
    """A value as it would stand in the file, cut to a readable length."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        return "{…}"
    if isinstance(value, list):
        return "[…]"
    if isinstance(value, int) and not _INT64_MIN <= value <= _INT64_MAX:
        return f"{hex(value)[:_SHOWN_MAX]}…"  # str() refuses integers of thousands of digits
    return str(value)


def _quoted(text: str) -> str:
    cut = text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"
    return json.dumps(cut, ensure_ascii=False)
