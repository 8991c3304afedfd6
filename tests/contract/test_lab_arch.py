"""Boxes of another processor than this machine's: what they take, and what they are kept under."""

from __future__ import annotations

import platform

import pytest

from tests.lab import image
from tests.lab.arch import ARCHS


def on_a_machine(monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)


@pytest.mark.parametrize("arch", ARCHS.values(), ids=list(ARCHS))
def test_only_another_machine_s_box_takes_an_emulator_of_its_programs_and_a_compiler(
    arch, monkeypatch
):
    on_a_machine(monkeypatch, arch.machine)
    own = arch.tools()
    on_a_machine(monkeypatch, "riscv64")
    foreign = arch.tools()

    assert {"mmdebstrap", arch.qemu[0]} <= own.keys()
    assert foreign.keys() - own.keys() == {
        "update-binfmts",
        f"qemu-{arch.machine}-static",
        f"{arch.machine}-linux-gnu-gcc",
    }


def test_debian_names_its_cross_compilers_with_hyphens(monkeypatch):
    on_a_machine(monkeypatch, "aarch64")

    assert ARCHS["amd64"].tools()["x86_64-linux-gnu-gcc"] == (
        "gcc-x86-64-linux-gnu",
        "libc6-dev-amd64-cross",
    )


def test_an_image_is_taken_from_the_cache_for_its_processor_only(tmp_path, monkeypatch):
    monkeypatch.setenv("LANETALLY_LAB_CACHE", str(tmp_path))
    monkeypatch.setattr(image.os, "geteuid", lambda: 0)
    monkeypatch.setattr(image, "_root_tar", lambda arch: pytest.fail(f"{arch.name} is built"))
    amd64, arm64 = ARCHS["amd64"], ARCHS["arm64"]
    kept = image.kept_under(amd64)
    kept.mkdir()
    (kept / "disk.img").touch()

    assert image.built(amd64).disk == kept / "disk.img"
    with pytest.raises(pytest.fail.Exception, match="arm64 is built"):
        image.built(arm64)
