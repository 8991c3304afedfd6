"""What is carried into the box: Lanetally as a wheel, its packages, and the lab's own scripts."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.lab.arch import Arch
from tests.lab.cache import LabUnprepared, cache, keep_only, scratch
from tests.lab.image import disk_of

ROOT = Path(__file__).parents[2]
SIZE = "400M"
#: Of the lab's own scripts: those that install the shop.
SHOP = ("devices.py", "gadgets.py", "prepare.py", "shop.py")

#: A pinned package of the lock, with the marker behind it.
PINNED = re.compile(r"^([A-Za-z0-9._-]+==[^\s;\\]+)[ ]*(;[^\\]*)?", re.MULTILINE)
#: What is published as source only. All else is fetched for the box's processor.
SOURCE_ONLY = ("evdev",)
#: The C libraries, by glibc's second number (PEP 600), that wheels for Debian 12 are built against.
GLIBC = range(17, 37)


def payload(disk: Path, arch: Arch) -> str:
    """Make the disk that brings this checkout; its packages come from the cache.

    A digest of all that is installed from it.
    """
    with scratch(arch) as begun:
        folder = Path(begun) / "lab"
        (folder / "tests").mkdir(parents=True)
        for part in ("systemd", "tests/lab"):
            shutil.copytree(
                ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__")
            )
        wheels = folder / "wheels"
        wheels.mkdir()
        _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT))
        own = next(wheels.glob("lanetally-*.whl"))
        for wheel in _packages(own, arch).glob("*.whl"):
            (wheels / wheel.name).hardlink_to(wheel)
        disk_of(folder, disk, "lab", SIZE)
        units = sorted((folder / "systemd").iterdir())
        shop = [folder / "tests/lab/guest" / name for name in SHOP]
        parts = [own.read_bytes(), _lock(), *(file.read_bytes() for file in units + shop)]
        return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


def _packages(wheel: Path, arch: Arch) -> Path:
    """The folder of all that the wheel needs, at the versions of the lock."""
    lock = _lock()
    name = f"wheels-{arch.name}-{hashlib.sha256(lock).hexdigest()[:12]}"
    folder = cache() / name
    if folder.exists():
        return folder
    print(f"fetching the packages of the lock for {arch.name} …", flush=True)
    part = cache() / f"{name}.part"
    part.mkdir()
    pinned = part / "constraints.txt"
    pinned.write_text("".join(f"{pin}{marker}\n" for pin, marker in PINNED.findall(lock.decode())))
    wanted = ("--constraint", str(pinned), str(wheel))
    if arch.is_foreign:
        _compile(arch, part, pinned)
        platforms = [f"manylinux_2_{number}_{arch.machine}" for number in GLIBC]
        platforms += [f"manylinux2014_{arch.machine}", f"linux_{arch.machine}"]
        _pip("download", "--only-binary=:all:", *(f"--platform={name}" for name in platforms),
             "--find-links", str(part), "--dest", str(part), *wanted)  # fmt: skip
    else:
        _pip("wheel", "--wheel-dir", str(part), *wanted)
    (part / wheel.name).unlink(missing_ok=True)
    part.rename(folder)
    keep_only(folder)
    return folder


def _compile(arch: Arch, folder: Path, pinned: Path) -> None:
    """Wheels of SOURCE_ONLY for another processor, by the headers of this machine's kernel and
    Python: what they say of sizes is the same on all 64-bit Linux. The names are setuptools'."""
    python = Path(sysconfig.get_config_h_filename()).parent
    tag = f"{sys.implementation.cache_tag}-{arch.machine}-linux-gnu"
    with TemporaryDirectory() as made:
        headers = Path(made)
        (headers / "linux").symlink_to("/usr/include/linux")
        (headers / f"{arch.machine}-linux-gnu").mkdir()
        (headers / f"{arch.machine}-linux-gnu" / python.name).symlink_to(python)
        environment = {
            "CC": arch.compiler,
            "LDSHARED": f"{arch.compiler} -shared",
            "CFLAGS": f"-O2 -I{headers}",
            "SETUPTOOLS_EXT_SUFFIX": f".{tag}.so",
            "_PYTHON_HOST_PLATFORM": f"linux-{arch.machine}",
        }
        _pip("wheel", "--no-deps", "--no-cache-dir", "--wheel-dir", str(folder),
             "--constraint", str(pinned), *SOURCE_ONLY, environment=environment)  # fmt: skip


def _lock() -> bytes:
    return (ROOT / "requirements.lock").read_bytes()


def _pip(*arguments: str, environment: Mapping[str, str] | None = None) -> None:
    """Raises LabUnprepared with what pip said."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    env = os.environ | (environment or {})
    ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise LabUnprepared(f"pip {arguments[0]}: {ended.stderr[-2000:]}")
