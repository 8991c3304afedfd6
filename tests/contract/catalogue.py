"""The sentences that people read: found in the code, kept in the catalogues of `agent/locale`.

`python -m tests.contract.catalogue` (`make messages`) takes new sentences into the .po files, drops
those that are gone, and compiles the .mo files. A sentence is

- a literal in `Text("…")`, on either side of an `if … else …`, or the fallback of a table's `.get`;
- a value of a table whose name ends in `_TEXTS`;
- the help text of an `option(default, "…")`.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from agent.i18n import DOMAIN, LANGUAGES, LOCALE_DIR

ROOT = Path(__file__).parents[2]
PACKAGES = ("agent", "drivers", "cloud_bridge")
SOURCE_LANGUAGE = "en"


@dataclass
class Sentences:
    """What a scan of the code found."""

    places: dict[str, str] = field(default_factory=dict)  #: message id -> the first "file:line"
    unclear: list[str] = field(default_factory=list)  #: a Text whose sentence cannot be read off
    unfilled: list[str] = field(default_factory=list)  #: a Text without all its arguments


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def scan() -> Sentences:
    """All sentences of the code."""
    found = Sentences()
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            scan_source(file.read_text(encoding="utf-8"), file.relative_to(ROOT).as_posix(), found)
    return found


def scan_source(source: str, name: str, found: Sentences) -> None:
    for node in ast.walk(ast.parse(source)):
        for literal in sentences_at(node):
            found.places.setdefault(literal.value, f"{name}:{literal.lineno}")
        match node:
            case ast.Call(func=ast.Name(id="Text"), args=[sentence, *rest]):
                here = f"{name}:{node.lineno}"
                if not (list(literals(sentence)) or is_lookup(sentence)):
                    found.unclear.append(here)
                needed = {p for lit in literals(sentence) for p in placeholders(lit.value)}
                if needed - given(rest):
                    found.unfilled.append(here)


def sentences_at(node: ast.AST) -> Iterator[ast.Constant]:
    match node:
        case ast.Call(func=ast.Name(id="Text"), args=[sentence, *_]):
            yield from literals(sentence)
        case ast.Call(func=ast.Name(id="option"), args=[_, sentence, *_]):
            yield from literals(sentence)
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(values=values))
            | ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict(values=values))
        ) if name.endswith("_TEXTS"):
            for value in values:
                yield from literals(value)


def literals(node: ast.expr) -> Iterator[ast.Constant]:
    match node:
        case ast.Constant(value=str(text)) if text:
            yield node
        case ast.IfExp(body=body, orelse=orelse):
            yield from literals(body)
            yield from literals(orelse)
        case ast.Call(func=ast.Attribute(attr="get"), args=[_, fallback]):
            yield from literals(fallback)


def is_lookup(node: ast.expr) -> bool:
    """Found elsewhere: the empty sentence, one out of a table, the help of an option."""
    words = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    return (
        ast.unparse(node) == "''"
        or any(word.endswith("_TEXTS") for word in words)
        or ast.unparse(node).endswith(".metadata['help']")
    )


def given(rest: list[ast.expr]) -> set[str]:
    """The argument names in a literal dict; for any other expression, all that could be asked."""
    match rest:
        case []:
            return set()
        case [ast.Dict(keys=keys)]:
            return {key.value for key in keys if isinstance(key, ast.Constant)}
    return Everything()


class Everything(set[str]):
    """The arguments come from a variable: the types must do."""

    def __rsub__(self, other: object) -> set[str]:
        return set()


# --- the catalogues ------------------------------------------------------------------------------


def translated_languages() -> list[str]:
    return [language for language in LANGUAGES if language != SOURCE_LANGUAGE]


def po_file(language: str) -> Path:
    return LOCALE_DIR / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read(language: str) -> Catalog:
    file = po_file(language)
    if not file.exists():
        return empty(language)
    with file.open("rb") as stream:
        return read_po(stream, locale=language, domain=DOMAIN)


def empty(language: str) -> Catalog:
    """A catalogue whose header never changes by itself: a diff shows translations alone."""
    date = datetime(2026, 11, 22, tzinfo=UTC)
    return Catalog(
        locale=language,
        domain=DOMAIN,
        project="Lanetally",
        version="main",
        msgid_bugs_address="see README.md",
        header_comment=f"# Lanetally in {language}. `make messages` keeps it up to date.",
        creation_date=date,
        revision_date=date,
        last_translator="Lanetally",
        language_team=language,
        fuzzy=False,
    )


def compiled(catalogue: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def update(language: str) -> list[str]:
    """Bring one language up to date; the sentences that still need a translation."""
    old, new = read(language), empty(language)
    for sentence in sorted(scan().places):
        kept = old.get(sentence)
        new.add(sentence, kept.string if kept else "")
    save(new, language)
    return [str(message.id) for message in new if message.id and not message.string]


def save(catalogue: Catalog, language: str) -> None:
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=100, no_location=True, sort_output=True)
    file = po_file(language)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(buffer.getvalue())
    file.with_suffix(".mo").write_bytes(compiled(read(language)))


if __name__ == "__main__":
    for name in translated_languages():
        for missing in update(name):
            print(f"{name}: not translated yet: {missing}")
