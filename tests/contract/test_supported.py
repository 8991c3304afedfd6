"""`drivers/SUPPORTED.md` says what there is, no more and no less."""

from __future__ import annotations

import re

import pytest

from drivers.models import models
from drivers.registry import DRIVERS
from tests.contract import supported

TEXT = supported.FILE.read_text(encoding="utf-8")


def test_the_list_is_up_to_date():
    if supported.document() != TEXT:
        pytest.fail("drivers/SUPPORTED.md is out of date: python -m tests.contract.supported")


def test_every_driver_and_every_model_is_in_it():
    assert {f"{kind}/{driver}" for kind, driver in DRIVERS} <= set(re.findall(r"`(\S+?)`", TEXT))
    assert len(re.findall(r"\.toml\) \|$", TEXT, re.MULTILINE)) == len(models())


def test_every_kind_has_its_name_in_both_languages():
    assert {kind for kind, _ in DRIVERS} <= set(supported.KINDS)


def test_every_link_leads_to_a_file():
    links = re.findall(r"\]\((\S+)\)", TEXT)
    assert [link for link in links if not (supported.FILE.parent / link).is_file()] == []


def test_a_driver_without_a_model_is_listed_by_its_protocol(monkeypatch):
    monkeypatch.setattr(supported, "DRIVERS", {("scale", "new"): "x:Y"})
    monkeypatch.setattr(supported, "models", lambda: ())
    assert (
        "| any that speak it · 所有使用该协议的设备 | `scale/new` | | | |" in supported.document()
    )
