"""Everything that people read stands in every catalogue, translated, with its arguments."""

from __future__ import annotations

import pytest
from babel.messages.mofile import read_mo

from tests.contract import catalogue
from tests.contract.catalogue import Sentences, placeholders, scan_source

LANGUAGES = catalogue.translated_languages()


def test_every_sentence_can_be_read_off_the_code_and_has_its_arguments():
    found = catalogue.scan()
    assert len(found.places) > 100
    assert found.unclear == []
    assert found.unfilled == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_holds_the_sentences_of_the_code_and_no_others(language):
    """If this fails: `make messages`, then translate what it names."""
    known = {str(message.id) for message in catalogue.read(language) if message.id}
    assert sorted(set(catalogue.scan().places) ^ known) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated_with_the_same_arguments(language):
    messages = [message for message in catalogue.read(language) if message.id]
    assert [m.id for m in messages if not m.string] == []
    differing = [
        message.id
        for message in messages
        if placeholders(str(message.id)) != placeholders(str(message.string))
    ]
    assert differing == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_that_of_the_source(language):
    with catalogue.po_file(language).with_suffix(".mo").open("rb") as stream:
        shipped = read_mo(stream)
    assert {m.id: m.string for m in shipped if m.id} == {
        m.id: m.string for m in catalogue.read(language) if m.id and m.string
    }


SOURCE = """
Text("plain")
Text("one {a} two {b}", {"a": 1})
Text("yes" if x else "no {n}", {"n": 1})
Text(SOME_TEXTS.get(key, "fallback"))
Text(OTHER_TEXTS[key], args)
Text("any {c}", args)
Text(made(up))
Text(f"made {up}")
Text("")
option(1, "help", unit="s")
SOME_TEXTS = {"key": "value"}
OTHER_TEXTS: dict[str, str] = {"key": Text("inner")}
"""


def test_the_scan_finds_each_form_of_a_sentence_and_what_it_cannot_read():
    found = Sentences()
    scan_source(SOURCE, "x.py", found)
    texts = {"plain", "one {a} two {b}", "yes", "no {n}", "fallback", "any {c}", "inner"}
    assert set(found.places) == texts | {"help", "value"}
    assert found.places["help"] == "x.py:11"
    assert found.unclear == ["x.py:8", "x.py:9"]
    assert found.unfilled == ["x.py:3"]
