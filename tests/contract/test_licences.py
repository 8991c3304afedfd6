"""What a lane runs on may be shipped under Apache-2.0: what is under the GPL is for tests alone."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = [one for extra in PROJECT["optional-dependencies"].values() for one in extra]
#: GPL and AGPL in their short and long names; the LGPL lets a library be used as one.
GPL = re.compile(r"(?<!L)\bA?GPL|(?<!Lesser )General Public Licen[cs]e", re.IGNORECASE)


def needed(requirements: list[str], seen: set[str]) -> Iterator[str]:
    """The names of all that these requirements bring with them here."""
    for requirement in map(Requirement, requirements):
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        marker = requirement.marker
        if name in seen or (marker and not marker.evaluate({"extra": ""})):
            continue
        seen.add(name)
        try:
            theirs = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # for another Python or system
        yield name
        yield from needed(theirs, seen)


RUNTIME = sorted(needed(PROJECT["dependencies"] + EXTRAS, set()))


def licence(name: str) -> str:
    told = distribution(name).metadata
    classes = [one for one in told.get_all("Classifier") or [] if one.startswith("License")]
    short = (told.get("License") or "").partition("\n")[0]  # some put the whole text here
    return "; ".join([told.get("License-Expression") or "", short, *classes])


def test_there_is_something_to_look_at():
    assert {"evdev", "numpy", "paho-mqtt", "python-barcode"} <= set(RUNTIME)
    assert GPL.search("GPL-3.0-or-later; License :: OSI Approved :: GNU General Public License")
    assert GPL.search("AGPLv3")
    assert not GPL.search("LGPL-3.0-only; GNU Lesser General Public License v3 (LGPLv3)")


@pytest.mark.parametrize("name", RUNTIME)
def test_a_library_of_the_runtime_is_named_with_a_licence_that_is_not_the_gpl(name):
    assert licence(name).strip("; ")
    assert not GPL.search(licence(name))
