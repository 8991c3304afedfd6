"""`agent.domain.toml_lines`: on which line each key stands."""

from __future__ import annotations

import contextlib
import tomllib

from hypothesis import example, given
from hypothesis import strategies as st

from agent.domain.toml_lines import key_lines

TEXT = '''\
title = "one"   # a = comment

[owner]
"full.name" = "two # no comment"
'literal' = 'C:\\'
bare.dotted . "k\\u0065y" = 1
text = """
[not.a.table]
x = 1""""
raw = \'\'\'
y = 2
[[no]]\'\'\'
after = [
  "a", # ]
  ["b",
   "c"],
  { d = 1, e.f = 2 },
]
when = 1979-05-27 07:32:00

[[device]]
role = "a"
[[device]]
role = "b"
[device.options]
baud = 9600
[[device.extra]]
n = 1
[[device.extra]]
n = 2
[ spaced . out ]
k = {a = "}", b = []}
'''


def test_each_key_table_and_element_has_its_line():
    lines = key_lines(TEXT)
    assert lines == {
        ("title",): 1,
        ("owner",): 3,
        ("owner", "full.name"): 4,
        ("owner", "literal"): 5,
        ("owner", "bare"): 6,
        ("owner", "bare", "dotted"): 6,
        ("owner", "bare", "dotted", "key"): 6,
        ("owner", "text"): 7,
        ("owner", "raw"): 10,
        ("owner", "after"): 13,
        ("owner", "after", 0): 14,
        ("owner", "after", 1): 15,
        ("owner", "after", 1, 0): 15,
        ("owner", "after", 1, 1): 16,
        ("owner", "after", 2): 17,
        ("owner", "after", 2, "d"): 17,
        ("owner", "after", 2, "e"): 17,
        ("owner", "after", 2, "e", "f"): 17,
        ("owner", "when"): 19,
        ("device",): 21,
        ("device", 0): 21,
        ("device", 0, "role"): 22,
        ("device", 1): 23,
        ("device", 1, "role"): 24,
        ("device", 1, "options"): 25,
        ("device", 1, "options", "baud"): 26,
        ("device", 1, "extra"): 27,
        ("device", 1, "extra", 0): 27,
        ("device", 1, "extra", 0, "n"): 28,
        ("device", 1, "extra", 1): 29,
        ("device", 1, "extra", 1, "n"): 30,
        ("spaced",): 31,
        ("spaced", "out"): 31,
        ("spaced", "out", "k"): 32,
        ("spaced", "out", "k", "a"): 32,
        ("spaced", "out", "k", "b"): 32,
    }


def test_lines_are_counted_alike_with_windows_line_ends():
    assert key_lines(TEXT.replace("\n", "\r\n")) == key_lines(TEXT)


def paths_of(value, path=()):
    """Every key and array element of a document."""
    if path:
        yield path
    match value:
        case dict():
            items = value.items()
        case list():
            items = enumerate(value)
        case _:
            items = ()
    for key, inner in items:
        yield from paths_of(inner, (*path, key))


def test_the_paths_are_those_that_tomllib_reads():
    assert set(key_lines(TEXT)) == set(paths_of(tomllib.loads(TEXT)))


KEYS = st.one_of(st.sampled_from(["a", "b-1", '"q\\"]"', "'[l'", '"a.b"']))
VALUES = st.recursive(
    st.sampled_from(
        ["1", "true", '"]"', "'}'", '"""\n"x" ]"""', "'''\n[y]'''", "1979-05-27 07:32:00", '""']
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda vs: "[" + ",\n# [\n".join(vs) + "]"),
        st.dictionaries(KEYS, inner, max_size=3).map(
            lambda d: "{" + ", ".join(f"{k} = {v}" for k, v in d.items()) + "}"
        ),
    ),
    max_leaves=6,
)
STATEMENTS = st.one_of(
    st.tuples(KEYS, VALUES).map(lambda kv: f"{kv[0]} = {kv[1]}"),
    st.lists(KEYS, min_size=1, max_size=3).map(lambda ks: f"[{' . '.join(ks)}]"),
    st.lists(KEYS, min_size=1, max_size=2).map(lambda ks: f"[[{'.'.join(ks)}]]  # x"),
    st.just("# comment"),
)


@given(st.lists(STATEMENTS, max_size=8).map("\n".join))
def test_every_document_that_tomllib_accepts_has_a_line_for_every_path(text):
    lines = key_lines(text)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(lines) == set(paths_of(document))
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


@given(st.text(st.sampled_from("[]{}=\"'#\\.,\n\t ab1"), max_size=40))
@example("x = [=")
@example("x = {]")
@example("[a")
def test_the_scanner_ends_on_any_text(text):
    with contextlib.suppress(ValueError):
        key_lines(text)
