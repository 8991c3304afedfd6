"""Voucher templates as data: which lines follow from a document. Checked when they are loaded, so
that whatever the figures are, no voucher of theirs can fail to balance.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import chain, groupby
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from cloud_bridge.chart import is_role
from cloud_bridge.documents import DOCUMENTS, Document, figures, labelled, total

Stock: TypeAlias = Literal["perpetual", "periodic"]

_KIND = re.compile(r"[a-z][a-z0-9-]{0,63}")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_TERM = re.compile(r"\s*([+-])\s*([a-z_]+)")


class TemplateError(Exception):
    """Templates that cannot be used; the message says what to change."""


class _LineText(msgspec.Struct, forbid_unknown_fields=True):
    amount: str
    debit: str = ""
    credit: str = ""


class _VoucherText(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    document: str
    en: str
    zh: str
    lines: list[_LineText]
    stock: Stock | None = None
    journal: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    voucher: list[_VoucherText]


@dataclass(frozen=True, slots=True)
class TemplateLine:
    role: str  #: with {label} where there is one line for each label
    label: str  #: of the families it is made of; "" for one line
    terms: tuple[tuple[int, str], ...]  #: (1 or -1, figure): the sum is debited


@dataclass(frozen=True, slots=True)
class Template:
    kind: str
    document: str
    en: str
    zh: str
    groups: tuple[tuple[str, tuple[TemplateLine, ...]], ...]  #: by label, as they stand together
    stock: Stock | None
    journal: str


#: Document kind -> the templates of its vouchers.
Templates: TypeAlias = Mapping[str, tuple[Template, ...]]


def load_templates(stock: Stock = "perpetual", own: Path | None = None) -> Templates:
    """The built-in templates of books that keep stock so, with the company's own in place of those
    of the same kind. Raises TemplateError."""
    text = (files("cloud_bridge") / "vouchers.toml").read_text("utf-8")
    chosen = {t.kind: t for t in parse_templates(text) if t.stock in (None, stock)}
    if own is not None:
        try:
            mine = parse_templates(own.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, TemplateError) as error:
            raise TemplateError(f"{own}: {error}") from error
        chosen |= {t.kind: t for t in mine if t.stock in (None, stock)}
    return {
        kind: tuple(t for t in chosen.values() if t.document == kind and t.groups)
        for kind in DOCUMENTS
    }


def parse_templates(text: str) -> tuple[Template, ...]:
    """Templates from their TOML text. Raises TemplateError."""
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise TemplateError(str(error)) from error
    counts = Counter((voucher.kind, voucher.stock) for voucher in file.voucher)
    for (kind, _), count in counts.items():
        if count > 1:
            raise TemplateError(f"{kind}: is there twice")
    return tuple(map(_template, file.voucher))


def _template(text: _VoucherText) -> Template:
    if not _KIND.fullmatch(text.kind):
        raise TemplateError(f"{text.kind!r}: a kind is made of a-z, 0-9 and dashes")
    document = DOCUMENTS.get(text.document)
    if document is None:
        raise TemplateError(f"{text.kind}: there is no document {text.document!r}")
    lines = tuple(_line(text.kind, line, figures(document)) for line in text.lines)
    _check_balance(text.kind, lines, document)
    words = (text.kind, text.document, text.en, text.zh)
    groups = tuple((label, tuple(group)) for label, group in groupby(lines, lambda x: x.label))
    return Template(*words, groups, text.stock, text.journal)


def _line(kind: str, text: _LineText, known: Mapping[str, str]) -> TemplateLine:
    if bool(text.debit) == bool(text.credit):
        raise TemplateError(f"{kind}: a line has either debit or credit")
    role = text.debit or text.credit
    terms = tuple(_terms(kind, text.amount, 1 if text.debit else -1))
    unknown = [name for _, name in terms if name not in known]
    if unknown:
        names = ", ".join(known)
        raise TemplateError(f"{kind}: no figure {', '.join(unknown)}; there are {names}")
    labels = _PLACEHOLDER.findall(role)
    label = labels[0] if labels else ""
    if len(labels) > 1 or (label and any(known[name] != label for _, name in terms)):
        raise TemplateError(f"{kind}: {text.amount!r} is not by one label as {role!r} is")
    if not is_role(_PLACEHOLDER.sub("0", role)):
        raise TemplateError(f"{kind}: no chart has the role {role!r}")
    return TemplateLine(role, label, terms)


def _terms(kind: str, amount: str, sign: int) -> Iterator[tuple[int, str]]:
    """`net + discount` -> (1, net), (1, discount). Nothing is evaluated but + and -."""
    rest = f"+{amount}" if not amount.lstrip().startswith(("+", "-")) else amount
    position = 0
    while position < len(rest.rstrip()):
        match = _TERM.match(rest, position)
        if match is None:
            raise TemplateError(f"{kind}: {amount!r} is not figures with + and - between")
        yield (sign if match[1] == "+" else -sign), match[2]
        position = match.end()


def _check_balance(kind: str, lines: Iterable[TemplateLine], document: type[Document]) -> None:
    """Debits less credits, figure by figure, must be nought once the whole is put as its parts."""
    left: Counter[str] = Counter()
    for sign, name in chain.from_iterable(line.terms for line in lines):
        left[name] += sign
    wholes = left.pop(document.whole, 0)
    for part in document.parts:
        left[part] += wholes
    rest = [f"{count:+d} {name}" for name, count in left.items() if count]
    if rest:
        raise TemplateError(f"{kind}: does not balance: {', '.join(rest)} is left over")


def amounts(template: Template, document: Document) -> dict[str, int]:
    """By role, debits positive. Lines by the same label that stand together come label by label."""
    sums: dict[str, int] = {}
    for label, lines in template.groups:
        if not label:
            for line in lines:
                amount = sum([sign * total(document, name) for sign, name in line.terms])
                sums[line.role] = sums.get(line.role, 0) + amount
            continue
        families = [labelled(document, name) for line in lines for _, name in line.terms]
        for value in dict.fromkeys(chain.from_iterable(families)):
            for line in lines:
                role = line.role.replace(f"{{{label}}}", value)
                amount = sum([s * labelled(document, name).get(value, 0) for s, name in line.terms])
                sums[role] = sums.get(role, 0) + amount
    return sums
