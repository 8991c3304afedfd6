"""The rules of the house that no linter knows, each checked on the syntax tree of every file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("agent", "drivers", "cloud_bridge")
FILE_LINES_MAX = 450
PORT_LINES_MAX = 150
FUNCTION_LINES_MAX = 80
IMPURE = {
    *(
        "asyncio",
        "concurrent",
        "fcntl",
        "http",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
    ),
    *("queue", "random", "secrets", "select", "selectors", "shutil", "signal", "socket", "sqlite3"),
    *("ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid"),
}
IMPURE_CALLS = {"open", "print", "input", "now", "utcnow", "today", "monotonic", "monotonic_ns"}
BROAD = {"Exception", "BaseException"}

SOURCES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def is_pure(file: Path) -> bool:
    return name(file).startswith("agent/domain/") or file.name.startswith("codec_")


def is_port(file: Path) -> bool:
    return file.name.startswith("port_")


def found(files: Iterable[Path], *wanted: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    for file in files:
        for node in ast.walk(tree_of(file)):
            if isinstance(node, wanted):
                yield f"{name(file)}:{getattr(node, 'lineno', 0)}", node


PURE = [file for file in SOURCES if is_pure(file)]


def test_there_is_something_to_check():
    assert len(SOURCES) > 20
    assert any(file.name.startswith("codec_") for file in PURE)
    assert any(map(is_port, SOURCES))


def test_domain_and_codecs_know_no_float():
    bad = [
        place
        for place, node in found(PURE, ast.Name, ast.Constant, ast.Div)
        if isinstance(node, ast.Div)
        or (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
    ]
    bad += [
        place
        for place, node in found(PURE, ast.BinOp, ast.AugAssign)
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
    ]
    assert bad == []


def imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import():
            return [alias.name.partition(".")[0] for alias in node.names]
        case ast.ImportFrom():
            return [(node.module or "").partition(".")[0]]
    return []


def test_domain_and_codecs_have_no_clock_and_no_input_or_output():
    imports = found(PURE, ast.Import, ast.ImportFrom)
    calls = found(PURE, ast.Call)
    assert [place for place, node in imports if IMPURE.intersection(imported(node))] == []
    assert [place for place, node in calls if called(node) in IMPURE_CALLS] == []


def called(node: ast.AST) -> str:
    """The last name of what is called: "sleep" of `time.sleep(1)`."""
    match node:
        case ast.Call(func=ast.Name(id=word)) | ast.Call(func=ast.Attribute(attr=word)):
            return word
    return ""


def names_in(node: ast.AST | None) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)} if node else set()


def test_only_the_supervisor_catches_what_nobody_expected():
    others = [file for file in SOURCES if name(file) != "agent/supervisor.py"]
    bad = [
        place
        for place, node in found(others, ast.ExceptHandler)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or BROAD.intersection(names_in(node.type)))
        and not is_clean_up(node)
    ]
    bad += [
        place
        for place, node in found(others, ast.Call)
        if called(node) == "suppress" and BROAD.intersection(names_in(node))
    ]
    assert bad == []


def is_clean_up(handler: ast.ExceptHandler) -> bool:
    """Gives something back and lets the exception go on its way."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_only_ports_sleep():
    others = [file for file in SOURCES if not is_port(file)]
    bad = [
        place
        for place, node in found(others, ast.Attribute, ast.ImportFrom)
        if (isinstance(node, ast.Attribute) and ast.unparse(node) == "time.sleep")
        or (isinstance(node, ast.ImportFrom) and "from time import sleep" in ast.unparse(node))
    ]
    assert bad == []


def test_nothing_is_global():
    assert [place for place, _ in found(SOURCES, ast.Global)] == []


def test_workers_are_plain_functions_not_subclasses_of_thread():
    bad = [
        place
        for place, node in found(SOURCES, ast.ClassDef)
        if isinstance(node, ast.ClassDef)
        and any("Thread" in ast.unparse(base) for base in node.bases)
    ]
    assert bad == []


def test_dataclasses_have_slots_and_are_frozen_in_the_domain():
    bad = [
        place
        for place, node in found(SOURCES, ast.ClassDef)
        if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list
        if "dataclass" in names_in(decorator)
        and not ({"frozen=True", "slots=True"} if "domain" in place else {"slots=True"})
        <= words(decorator)
    ]
    assert bad == []


def words(decorator: ast.expr) -> set[str]:
    keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
    return {f"{keyword.arg}={ast.unparse(keyword.value)}" for keyword in keywords}


def line_count(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def test_files_can_be_read_in_one_sitting():
    assert [name(file) for file in SOURCES if line_count(file) > FILE_LINES_MAX] == []
    ports = filter(is_port, SOURCES)
    assert [name(file) for file in ports if line_count(file) > PORT_LINES_MAX] == []


def test_functions_can_be_read_in_one_look():
    bad = [
        place
        for place, node in found(SOURCES, ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES_MAX
    ]
    assert bad == []


#: A silenced check with nothing after its codes.
UNREASONED = re.compile(r"#\s*(noqa(:\s*[A-Z0-9, ]+)?|type:\s*ignore(\[[^\]]*\])?)\s*$")


@pytest.mark.parametrize("folder", [*PACKAGES, "tests"])
def test_every_silenced_check_has_its_reason_beside_it(folder):
    bad = [
        f"{name(file)}:{number}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if UNREASONED.search(line)
    ]
    assert bad == []


MARKS = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX")) + r")\b")


def test_nothing_is_left_for_later():
    files = [*SOURCES, *(ROOT / "tests").rglob("*.py"), ROOT / "Makefile"]
    bad = [name(file) for file in files if MARKS.search(file.read_text(encoding="utf-8"))]
    assert bad == []
