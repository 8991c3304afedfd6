"""Rule files: how the receipts of one POS are read. TOML in, compiled patterns out.

A rule is data. Each key below holds patterns; a pattern must match a whole line (two lines, if it
holds `\\n`) after NFKC, so that full-width digits and colons are plain ones, and without the blanks
around it. What a line says is taken from the pattern's named groups.

Patterns are RE2's: linear in the length of the line whatever they are, so that no rule can hang the
lane. That costs look-around and back-references, which no receipt needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from agent.domain.settings import Checked, SettingError, check, nearest_of, option
from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.totals.amounts import Notation

if TYPE_CHECKING:
    from agent.domain.toml_lines import Path as KeyPath

#: Compiled patterns of one key, with the number of lines that each spans.
Patterns: TypeAlias = tuple[tuple[Any, int], ...]

#: The words of receipts, shared by the layouts; no rule by itself.
BASE = "words"
LINES_A_PATTERN_MAX = 3
PATTERN_CHARS_MAX = 500

#: Key: groups that a pattern may have, the first of them it must have unless it is optional ("?").
GROUPS: Mapping[str, tuple[str, ...]] = {
    "skip": (),
    "copy": (),
    "no_sale": (),
    "begin": (),
    "number": ("number",),
    "when": ("when",),
    "operator": ("operator",),
    "total": ("amount",),
    "subtotal": (),
    "count": ("count",),
    "change": ("amount",),
    "rounding": ("amount",),
    "tax": ("amount",),
    "basket_discount": ("amount",),
    "discount": ("amount",),
    "void": ("?", "amount", "quantity", "price", "gtin", "description", "weight", "unit"),
    "item": ("?", "amount", "quantity", "price", "gtin", "description", "weight", "unit"),
}


@dataclass(frozen=True, slots=True)
class TenderRule:
    """One `[[tender]]` table: a means of payment."""

    type: str = option(
        MISSING, "cash, card, wechat, alipay, voucher, … as in the ledger", pattern="[a-z0-9_.-]+"
    )
    line: tuple[str, ...] = option(MISSING, "patterns with the group amount")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule file."""

    name: str = option(MISSING, "what the rule is called", pattern="[a-z0-9][a-z0-9-]{0,63}")
    about: str = option("", "which POS, which layout")
    base: str = option(
        "", "the rule whose keys fill in those that are not given", choices=("", BASE)
    )
    decimal_mark: str = option(".", "between whole units and their fraction", choices=(".", ","))
    tax_added: bool = option(False, "prices are without tax, which is added below")
    fraction_is_kg: bool = option(False, "a quantity such as 0.532 or 3.000 is a weight in kg")
    count_of: str = option(
        "pieces", "what the printed item count counts", choices=("pieces", "lines")
    )
    skip: tuple[str, ...] = ()  #: lines that look like others but say nothing
    copy: tuple[str, ...] = ()  #: a line that only copies of receipts have
    no_sale: tuple[str, ...] = ()  #: a line that only reports, refunds and the like have
    begin: tuple[str, ...] = ()  #: the line above the first item; without it: from the top
    number: tuple[str, ...] = ()  #: the receipt's number; group number
    when: tuple[str, ...] = ()  #: its date and time; group when
    operator: tuple[str, ...] = ()  #: the cashier; group operator
    total: tuple[str, ...] = ()  #: the amount charged; group amount
    subtotal: tuple[str, ...] = ()  #: a line below the last item that is not the total
    count: tuple[str, ...] = ()  #: how many items were charged; group count
    change: tuple[str, ...] = ()  #: cash given back; group amount
    rounding: tuple[str, ...] = ()  #: rounding of cash, with its sign; group amount
    tax: tuple[str, ...] = ()  #: tax that is added to the prices; group amount
    basket_discount: tuple[str, ...] = ()  #: a discount on the whole basket; group amount
    discount: tuple[str, ...] = ()  #: a discount on the item above; group amount
    void: tuple[str, ...] = ()  #: an item taken back; groups as for item
    item: tuple[
        str, ...
    ] = ()  #: an item; groups amount, quantity, price, gtin, description, weight, unit
    tender: tuple[TenderRule, ...] = ()

    def notation(self, minor_digits: int) -> Notation:
        return Notation(self.decimal_mark, minor_digits)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule with its patterns ready to use."""

    rule: Rule
    patterns: Mapping[str, Patterns]  #: by key, in the order in which keys are tried
    tenders: tuple[tuple[str, Patterns], ...]


class RuleError(TechnicianError):
    """The rule cannot be used; `errors` says why."""

    def __init__(self, place: str, errors: tuple[SettingError, ...]) -> None:
        self.place = place
        self.errors = errors
        super().__init__("\n".join(error.told(place) for error in errors))

    def told(self, say: Callable[[Text], str]) -> str:
        return "\n".join(error.told(self.place, say) for error in self.errors)


def shipped() -> tuple[str, ...]:
    """The names of the rules that come with Lanetally."""
    folder = files("agent.totals") / "rules"
    names = (file.name.removesuffix(".toml") for file in folder.iterdir())
    return tuple(sorted(name for name in names if name != BASE))


def load(name: str) -> Compiled:
    """The rule of a shipped name, or of a file (a name with a dot or a slash). Raises RuleError."""
    is_file = "/" in name or "." in name
    if not is_file and name not in shipped():
        raise RuleError(name, (SettingError(0, "", no_rule(name)),))
    try:
        text = Path(name).read_text(encoding="utf-8-sig") if is_file else _shipped_text(name)
    except OSError as error:
        reason = Text("cannot be read: {reason}", {"reason": error.strerror or str(error)})
        raise RuleError(name, (SettingError(0, "", reason),)) from error
    except UnicodeDecodeError as error:
        reason = Text("is not UTF-8 at byte {position}", {"position": error.start})
        raise RuleError(name, (SettingError(0, "", reason),)) from error
    checked = check_rule(text)
    if checked.value is None:
        raise RuleError(name, checked.errors)
    return compiled(checked.value)


def _shipped_text(name: str) -> str:
    return (files("agent.totals") / "rules" / f"{name}.toml").read_text(encoding="utf-8")


def no_rule(name: str) -> Text:
    known = shipped()
    args: dict[str, str | int] = {"got": name, "known": ", ".join(known)}
    args["nearest"] = nearest_of(name, known)
    if args["nearest"]:
        return Text("no rule {got}; there are: {known}; did you mean {nearest}?", args)
    return Text("no rule {got}; there are: {known}; a file needs its path", args)


def check_rule(text: str) -> Checked[Rule]:
    """The rule in a TOML text, or every error in it."""
    return check(text, Rule, cross_check=_problems)


def compiled(rule: Rule) -> Compiled:
    """Its patterns, ready to use. The rule must be one that `check_rule` found right."""
    if rule.base:
        rule = _completed(rule, base_rule())
    return Compiled(
        rule,
        {key: _compiled(getattr(rule, key)) for key in GROUPS},
        tuple((tender.type, _compiled(tender.line)) for tender in rule.tender),
    )


@cache
def base_rule() -> Rule:
    """The words that all layouts share."""
    words = check_rule(_shipped_text(BASE)).value
    assert words is not None, "the shipped words are tested"
    return words


def _completed(rule: Rule, base: Rule) -> Rule:
    missing = [key for key in (*GROUPS, "tender") if not getattr(rule, key)]
    return replace(rule, base="", **{key: getattr(base, key) for key in missing})


def _compiled(patterns: Iterable[str]) -> Patterns:
    return tuple((_expression(pattern), lines_of(pattern)) for pattern in patterns)


def lines_of(pattern: str) -> int:
    """How many lines a pattern spans."""
    return pattern.count(r"\n") + 1


@cache
def _expression(pattern: str) -> Any:
    import re2  # 4 MB, for lanes that read receipts only

    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def _problems(values: Mapping[KeyPath, object]) -> Iterator[tuple[KeyPath, Text]]:
    for path, value in values.items():
        match path, value:
            case (str(key), int()), str(pattern) if key in GROUPS:
                yield from ((path, text) for text in _pattern_problems(pattern, GROUPS[key]))
            case ("tender", int(), "line", int()), str(pattern):
                yield from ((path, text) for text in _pattern_problems(pattern, ("amount",)))
    if ("total", 0) not in values and not values.get(("base",)):
        yield ("total",), Text("needs at least one pattern")


def _pattern_problems(pattern: str, groups: tuple[str, ...]) -> Iterator[Text]:
    import re2

    if len(pattern) > PATTERN_CHARS_MAX or lines_of(pattern) > LINES_A_PATTERN_MAX:
        yield Text(
            "is longer than {characters} characters or {lines} lines",
            {"characters": PATTERN_CHARS_MAX, "lines": LINES_A_PATTERN_MAX},
        )
        return
    try:
        named = set(_expression(pattern).groupindex)
    except re2.error as error:
        reason = error.args[0]
        words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        yield Text("is no pattern: {reason}", {"reason": words})
        return
    known = {group for group in groups if group != "?"}
    for strange in sorted(named - known):
        yield Text(
            "the group {group} is not known here; there are: {known}",
            {"group": strange, "known": ", ".join(sorted(known)) or "-"},
        )
    if groups and groups[0] != "?" and groups[0] not in named:
        yield Text("needs the group {group}", {"group": groups[0]})
    if groups[:1] == ("?",) and not named & {"amount", "price"}:
        yield Text("needs the group {group}", {"group": "amount"})


def as_toml(rule: Rule) -> str:
    """The rule as a file that `check_rule` reads to the same rule."""
    rows = [
        f"{f.name} = {_toml(getattr(rule, f.name))}"
        for f in fields(rule)
        if f.name != "tender" and getattr(rule, f.name) != f.default
    ]
    for tender in rule.tender:
        rows += ["", "[[tender]]", f"type = {_toml(tender.type)}", f"line = {_toml(tender.line)}"]
    return "\n".join(rows) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        inside = "".join(f"\n  {_toml(item)}," for item in value)
        return f"[{inside}\n]" if len(value) > 1 else f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    words = str(value)
    if "'" not in words and words.isprintable():
        return f"'{words}'"
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
