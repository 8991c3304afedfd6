"""Every kind of driver keeps the rules of drivers/README.md or says why not, in quality.toml."""

from __future__ import annotations

import ast
import re
import threading
import tomllib
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from drivers import base
from drivers.registry import DRIVERS, load

ROOT = Path(__file__).parents[2]
KINDS = sorted({kind for kind, _ in DRIVERS})
README = (ROOT / "drivers" / "README.md").read_text(encoding="utf-8").split("## Quality")[1]
RULES = re.findall(r"^\| `([a-z_]+)` \| .* \|(?: ✓)? ?\|$", README, re.MULTILINE)


def rules_of(kind: str) -> dict[str, dict[str, Any]]:
    file = ROOT / "drivers" / kind / "quality.toml"
    assert file.exists(), f"drivers/{kind}/quality.toml is missing; see drivers/README.md"
    rules: dict[str, dict[str, Any]] = tomllib.loads(file.read_text(encoding="utf-8"))["rules"]
    return rules


def claims(kind: str, rule: str) -> bool:
    return "done" in rules_of(kind)[rule]


def classes(kind: str) -> list[type[base.Driver]]:
    return [load(k, model) for k, model in DRIVERS if k == kind]


def has_test(evidence: str) -> bool:
    """Whether "path" exists and, for "path::name", holds that test."""
    path, _, test = evidence.partition("::")
    file = ROOT / path
    if not test:
        return file.exists()
    return file.is_file() and test in {
        node.name
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


def model_files(kind: str) -> list[dict[str, Any]]:
    files = (ROOT / "firmware_configs").glob(f"{kind}_*.toml")
    return [tomllib.loads(file.read_text(encoding="utf-8")) for file in files]


def test_the_readme_lists_the_rules():
    assert len(RULES) == 12
    assert RULES[0] == "contract"
    assert RULES[-1] == "device"


def test_evidence_must_exist():
    here = "tests/contract/test_driver_quality.py"
    assert has_test(here)
    assert has_test(f"{here}::test_evidence_must_exist")
    assert not has_test(f"{here}::test_nobody_wrote")
    assert not has_test("tests/contract/nowhere.py")


@pytest.mark.parametrize("kind", KINDS)
def test_every_rule_is_done_with_evidence_or_exempt_with_a_reason(kind):
    rules = rules_of(kind)
    assert sorted(rules) == sorted(RULES)
    for name, rule in rules.items():
        assert set(rule) in ({"done"}, {"exempt"}), name
        if "exempt" in rule:
            assert len(rule["exempt"]) > 20, f"{name}: that is no reason"
            continue
        assert rule["done"], f"{name}: no evidence"
        assert [evidence for evidence in rule["done"] if not has_test(evidence)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_drivers_keep_the_contract(kind):
    assert claims(kind, "contract")  # nobody is exempt from this one
    commands = set(base.Command.__args__)
    for cls in classes(kind):
        driver = cls("role", cls.Options(**required(cls.Options)))
        assert isinstance(driver, base.Driver)
        assert set(cls.accepts) <= commands
        driver.close()
        driver.close()


def required(options: type) -> dict[str, str]:
    """Something for each option that has no default: enough to make a driver, not to open it."""
    return {f.name: "/nowhere" for f in fields(options) if f.default is MISSING}


@pytest.mark.parametrize("kind", KINDS)
def test_drivers_on_an_absent_device_say_so(kind):
    allowed = (base.DeviceUnavailable, base.DeviceMisconfigured)
    for cls in classes(kind):
        driver = cls("role", cls.Options(**required(cls.Options)))
        with pytest.raises(allowed):
            open_and_run(driver)
        driver.close()


def open_and_run(driver: base.Driver) -> None:
    driver.open()
    driver.run(lambda event: None, threading.Event())


@pytest.mark.parametrize("kind", KINDS)
def test_options_are_declared_with_help_and_sound_defaults(kind):
    if not claims(kind, "options"):
        return
    for cls in classes(kind):
        for f in fields(cls.Options):
            where = f"{cls.__name__}.{f.name}"
            assert f.metadata.get("help"), f"{where} has no help"
            if f.default is MISSING:
                continue
            choices, low, high = (f.metadata[key] for key in ("choices", "low", "high"))
            assert not choices or f.default in choices, where
            for value in f.default if isinstance(f.default, tuple) else (f.default,):
                assert low is None or low <= value, where
                assert high is None or value <= high, where
            pairs = (f.metadata["needed_if"], f.metadata["only_if"])
            others = [key for key, _ in filter(None, pairs)]
            others += filter(None, (f.metadata["below"], f.metadata["part_of"]))
            assert {*others} <= {other.name for other in fields(cls.Options)}, where
            assert f.metadata["unit"] or not f.name.endswith(("_ms", "_g", "_mm")), where


@pytest.mark.parametrize("kind", KINDS)
def test_codec_captures_and_simulator_are_there(kind):
    if claims(kind, "codec"):  # that codecs have no I/O and no clock is a rule of the whole house
        assert list((ROOT / "drivers" / kind).glob("codec_*.py"))
    if claims(kind, "captures"):
        captures = ROOT / "tests" / "captures" / kind
        assert [f for f in captures.glob("*") if f.suffix not in (".md", ".py")]
    if claims(kind, "simulator"):
        assert (ROOT / "drivers" / kind / "sim.py").is_file()


@pytest.mark.parametrize(("kind", "driver"), sorted(DRIVERS))
def test_every_driver_has_a_model_file(kind, driver):
    models = [model for model in model_files(kind) if model["driver"] == driver]
    if claims(kind, "model_files"):
        assert models
    assert claims(kind, "device") == any(model["verified"] == "device" for model in models)
