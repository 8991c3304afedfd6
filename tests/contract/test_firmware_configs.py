"""Every device model in `firmware_configs/` is written as its README says."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from agent.domain.settings import check
from drivers.registry import DRIVERS, load

FOLDER = Path(__file__).parents[2] / "firmware_configs"
FILES = sorted(FOLDER.glob("*.toml"))
REQUIRED = {"kind", "driver", "model", "vendor", "verified", "source"}
OPTIONAL = {"options", "usb", "line", "setup", "quirk"}
VERIFIED = {"documents", "simulator", "capture", "device"}
SENTENCE = {"en", "zh", "source"}
LINE = {
    "baud": lambda baud: type(baud) is int and 300 <= baud <= 921_600,
    "data_bits": lambda bits: bits in (7, 8),
    "parity": lambda parity: parity in ("none", "even", "odd"),
    "stop_bits": lambda bits: bits in (1, 2),
}


def problems(name: str, model: Mapping[str, Any]) -> list[str]:
    """All that is wrong with one file, in words; [] if nothing."""
    keys = set(model)
    found = [f"{key} is missing" for key in sorted(REQUIRED - keys)]
    found += [f"{key} is no key of a model" for key in sorted(keys - REQUIRED - OPTIONAL)]
    if found:
        return found
    for key in sorted(REQUIRED - {"source"}):
        if not (isinstance(model[key], str) and model[key].strip()):
            found.append(f"{key} is not a text")
    if not texts(model["source"]):
        found.append("source is not a list of texts")
    if model["verified"] not in VERIFIED:
        found.append(f"verified is none of {sorted(VERIFIED)}")
    if (model["kind"], model["driver"]) not in DRIVERS:
        found.append(f"no driver {model['kind']}/{model['driver']} in the registry")
    else:
        options = {f.name for f in fields(load(model["kind"], model["driver"]).Options)}
        strange = sorted(set(model.get("options", {})) - options)
        found += [f"options.{key} is no option of the driver" for key in strange]
    if not re.fullmatch(rf"{re.escape(model['kind'])}_[a-z0-9]+(_[a-z0-9]+)+\.toml", name):
        found.append("the file is not named <kind>_<vendor>_<model>.toml")
    return found + usb_problems(model) + line_problems(model) + sentence_problems(model)


def texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) and v for v in value)


def usb_problems(model: Mapping[str, Any]) -> list[str]:
    usb = model.get("usb", {"ids": ["0000:0000"]})
    found = [f"usb.{key} is no key" for key in sorted(set(usb) - {"ids", "serial"})]
    if not texts(usb.get("ids")):
        return [*found, "usb.ids is not a list of texts"]
    bad = [usb_id for usb_id in usb["ids"] if not re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{4}", usb_id)]
    return found + [f"usb.ids: {usb_id} is not hhhh:hhhh" for usb_id in bad]


def line_problems(model: Mapping[str, Any]) -> list[str]:
    line = model.get("line")
    if line is None:
        return []
    if set(line) != set(LINE):
        return [f"line has not exactly {sorted(LINE)}"]
    return [f"line.{key} is {line[key]}" for key, good in LINE.items() if not good(line[key])]


def sentence_problems(model: Mapping[str, Any]) -> list[str]:
    found = []
    for table in ("setup", "quirk"):
        for number, entry in enumerate(model.get(table, []), start=1):
            if set(entry) != SENTENCE or not texts(list(entry.values())):
                found.append(f"{table} {number} has not exactly the texts {sorted(SENTENCE)}")
            elif not re.search(r"[\u4e00-\u9fff]", entry["zh"]):
                found.append(f"{table} {number}: zh is not Chinese")
    return found


def read(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def test_there_are_models():
    assert len(FILES) >= 2


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_model_is_written_as_the_readme_says(file):
    assert problems(file.name, read(file)) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_models_options_are_taken_and_are_those_of_its_line(file):
    model = read(file)
    driver = load(model["kind"], model["driver"])
    given = required(driver.Options) | model.get("options", {})
    checked = check("".join(f"{k} = {json.dumps(given[k])}\n" for k in given), driver.Options)
    assert [error.message for error in checked.errors] == []
    line = model.get("line", {})
    options = {f.name for f in fields(driver.Options)}
    assert {key: getattr(checked.value, key) for key in line if key in options} == {
        key: line[key] for key in line if key in options
    }


def required(options: type) -> dict[str, Any]:
    """What only a lane knows, and a model cannot say."""
    given = {f.name: f.metadata["choices"] for f in fields(options) if f.default is MISSING}
    words: dict[str, Any] = {name: (choices or ["x"])[0] for name, choices in given.items()}
    needed = [f.name for f in fields(options) if f.metadata["needed_if"]]
    return words | dict.fromkeys(needed, "x")


def test_the_example_in_the_readme_is_a_good_model():
    [example] = re.findall(r"```toml\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    assert problems("scale_mettler_8217.toml", tomllib.loads(example)) == []


GOOD = {
    "kind": "scale",
    "driver": "toledo-8217",
    "model": "8217",
    "vendor": "Mettler Toledo",
    "verified": "simulator",
    "source": ["the manual"],
}
GOOD_LINE = {"baud": 9600, "data_bits": 7, "parity": "even", "stop_bits": 1}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"sauce": ["x"]}, "sauce is no key of a model"),
        ({"vendor": " "}, "vendor is not a text"),
        ({"source": "the manual"}, "source is not a list of texts"),
        ({"verified": "yes"}, "verified is none of"),
        ({"driver": "toledo-8218"}, "no driver scale/toledo-8218"),
        ({"options": {"boud": 9600}}, "options.boud is no option"),
        ({"usb": {"ids": ["0EB8:F000"]}}, "usb.ids: 0EB8:F000 is not hhhh:hhhh"),
        ({"usb": {"id": "0eb8:f000"}}, "usb.id is no key"),
        ({"line": {"baud": 9600}}, "line has not exactly"),
        ({"line": GOOD_LINE | {"parity": "E"}}, "line.parity is E"),
        ({"setup": [{"en": "Do it."}]}, "setup 1 has not exactly"),
        ({"quirk": [{"en": "Odd.", "zh": "Odd.", "source": "x"}]}, "quirk 1: zh is not Chinese"),
    ],
)
def test_a_faulty_model_is_told_apart(change, problem):
    assert problems("scale_x_y.toml", GOOD) == []
    assert any(said.startswith(problem) for said in problems("scale_x_y.toml", GOOD | change))


def test_a_missing_key_and_a_wrong_name_are_told():
    assert problems("scale_x_y.toml", {}) == [f"{key} is missing" for key in sorted(REQUIRED)]
    assert problems("x.toml", GOOD) == ["the file is not named <kind>_<vendor>_<model>.toml"]
