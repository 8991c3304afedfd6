"""What is carried into the box: Lanetally as a wheel, its packages, and the lab's own scripts."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.lab.image import LabUnprepared, cache, disk_of

ROOT = Path(__file__).parents[2]
SIZE = "400M"
#: Of the lab's own scripts: those that install the shop.
SHOP = ("devices.py", "gadgets.py", "prepare.py", "shop.py")

#: A pinned package of the lock, with the marker behind it.
PINNED = re.compile(r"^([A-Za-z0-9._-]+==[^\s;\\]+)[ ]*(;[^\\]*)?", re.MULTILINE)


def payload(disk: Path) -> str:
    """Make the disk that brings this checkout; its packages come from the cache.

    A digest of all that is installed from it.
    """
    with TemporaryDirectory(dir=cache()) as scratch:
        folder = Path(scratch) / "lab"
        (folder / "tests").mkdir(parents=True)
        for part in ("systemd", "tests/lab"):
            shutil.copytree(
                ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__")
            )
        wheels = folder / "wheels"
        wheels.mkdir()
        _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT))
        own = next(wheels.glob("lanetally-*.whl"))
        for wheel in _packages(own).glob("*.whl"):
            (wheels / wheel.name).hardlink_to(wheel)
        disk_of(folder, disk, "lab", SIZE)
        units = sorted((folder / "systemd").iterdir())
        shop = [folder / "tests/lab/guest" / name for name in SHOP]
        parts = [own.read_bytes(), _lock(), *(file.read_bytes() for file in units + shop)]
        return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


def _packages(wheel: Path) -> Path:
    """The folder of all that the wheel needs, at the versions of the lock."""
    lock = _lock()
    name = hashlib.sha256(lock).hexdigest()[:12]
    folder = cache() / f"wheels-{name}"
    if folder.exists():
        return folder
    print("fetching the packages of the lock …", flush=True)
    part = cache() / f"wheels-{name}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    pinned = part / "constraints.txt"
    pinned.write_text("".join(f"{pin}{marker}\n" for pin, marker in PINNED.findall(lock.decode())))
    _pip("wheel", "--wheel-dir", str(part), "--constraint", str(pinned), str(wheel))
    (part / wheel.name).unlink(missing_ok=True)
    part.rename(folder)
    return folder


def _lock() -> bytes:
    return (ROOT / "requirements.lock").read_bytes()


def _pip(*arguments: str) -> None:
    """Raises LabUnprepared with what pip said."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise LabUnprepared(f"pip {arguments[0]}: {ended.stderr[-2000:]}")
