"""The virtual box's disk: a bare Debian with the stock kernel, built once and kept in a cache.

The cache lies outside the checkout: $LANETALLY_LAB_CACHE, else the user's cache folder. What is in
an image is named by the digest of everything that it is made from.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

GUEST = Path(__file__).parent / "guest"

SUITE = "bookworm"
DISK_SIZE = "4G"
#: Debian's own, in the image. libzbar0 and libusb are what Lanetally loads beside its wheels.
PACKAGES = (
    *("systemd", "systemd-sysv", "udev", "dbus", "kmod", "iproute2", "initramfs-tools"),
    *("python3", "python3-venv", "libzbar0", "libusb-1.0-0", "mosquitto", "zstd"),
)
#: By architecture: Debian's name of the kernel.
KERNELS = {"amd64": "linux-image-amd64"}
#: By program: the package of this machine's Debian that has it.
TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
}

FSTAB = """\
LABEL=root / ext4 defaults 0 1
LABEL=lab /lab ext4 ro,nofail,x-systemd.device-timeout=300 0 0
"""
#: A shell for the host, one command at a time, on each of the ports that QEMU gives the machine.
HAND = """\
[Unit]
Description=The lab's hand %i
DefaultDependencies=no
After=systemd-udevd.service

[Service]
ExecStart=/usr/bin/python3 /usr/local/lib/lab-hand.py /dev/virtio-ports/lab.%i
Restart=always
RestartSec=1
OOMScoreAdjust=-1000

[Install]
WantedBy=multi-user.target
"""
HANDS = 2
#: What a box without a screen, a network or a first start does not wait for.
MASKED = (
    *("systemd-networkd-wait-online", "systemd-timesyncd", "apt-daily", "apt-daily-upgrade"),
    *("e2scrub_reap", "systemd-firstboot", "getty@tty1", "fstrim"),
)


class LabUnprepared(Exception):
    """What is missing, and how to get it."""


@dataclass(frozen=True, slots=True)
class Image:
    disk: Path
    kernel: Path
    initrd: Path


def cache() -> Path:
    """Where images and wheels are kept; made if it is not there."""
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = Path(os.environ.get("LANETALLY_LAB_CACHE", base / "lanetally-lab"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def install_tools() -> None:
    """Raises LabUnprepared if a program is missing and apt cannot bring it."""
    missing = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool)})
    if not missing:
        return
    print(f"installing {' '.join(missing)} …", flush=True)
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    command = [*root, "apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    if not shutil.which("apt-get") or _code(command, environment):
        raise LabUnprepared(f"The lab needs Debian's {', '.join(missing)}: sudo apt install them")


def built(arch: str = "amd64") -> Image:
    """The image, from the cache or new. Raises LabUnprepared."""
    packages = (*PACKAGES, KERNELS[arch])
    hand = (GUEST / "hand.py").read_bytes()
    parts = repr((SUITE, arch, packages, DISK_SIZE, FSTAB, HAND, HANDS, MASKED)).encode() + hand
    folder = cache() / f"image-{arch}-{hashlib.sha256(parts).hexdigest()[:12]}"
    image = Image(folder / "disk.img", folder / "vmlinuz", folder / "initrd.img")
    if image.disk.exists():
        return image
    install_tools()
    print(f"building the image ({SUITE}, {arch}): some minutes, once …", flush=True)
    tar = _root_tar(arch, packages)
    with TemporaryDirectory(dir=cache()) as scratch:
        root = Path(scratch) / "root"
        _unpack(tar, root)
        _furnish(root)
        folder.mkdir(exist_ok=True)
        for name, to in (("vmlinuz-*", image.kernel), ("initrd.img-*", image.initrd)):
            shutil.copyfile(next((root / "boot").glob(name)), to)
        disk_of(root, image.disk, "root", DISK_SIZE)
    return image


def disk_of(folder: Path, disk: Path, label: str, size: str) -> None:
    """A folder as an ext4 disk; in place only when it is whole."""
    part = disk.with_suffix(".part")
    part.unlink(missing_ok=True)
    _run(["mke2fs", "-q", "-t", "ext4", "-L", label, "-d", str(folder), str(part), size])
    part.rename(disk)


def _root_tar(arch: str, packages: Sequence[str]) -> Path:
    """Debian itself: kept apart, since what the lab adds to it changes more often."""
    name = hashlib.sha256(repr((SUITE, arch, packages)).encode()).hexdigest()[:12]
    tar = cache() / f"root-{arch}-{name}.tar"
    if not tar.exists():
        part = tar.with_name(f"{tar.stem}.part.tar")
        include = f"--include={','.join(packages)}"
        _run(["mmdebstrap", "--quiet", "--variant=minbase", f"--architectures={arch}", include,
              SUITE, str(part)])  # fmt: skip
        part.rename(tar)
    return tar


def _unpack(tar: Path, root: Path) -> None:
    root.mkdir()
    with tarfile.open(tar) as archive:
        members = (m for m in archive if not m.name.startswith("./dev/"))  # devtmpfs brings these
        archive.extractall(root, members=members, numeric_owner=True, filter="fully_trusted")


def _furnish(root: Path) -> None:
    (root / "etc/fstab").write_text(FSTAB)
    (root / "etc/hostname").write_text("lane\n")
    (root / "etc/machine-id").write_text("")
    (root / "lab").mkdir()
    units = root / "etc/systemd/system"
    (root / "usr/local/lib/lab-hand.py").write_bytes((GUEST / "hand.py").read_bytes())
    (units / "lab-hand@.service").write_text(HAND)
    wants = units / "multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    for number in range(HANDS):
        (wants / f"lab-hand@{number}.service").symlink_to("../lab-hand@.service")
    for name in MASKED:
        for kind in ("service", "timer"):
            if (root / f"usr/lib/systemd/system/{name}.{kind}").exists() or "@" in name:
                (units / f"{name}.{kind}").symlink_to("/dev/null")


def _code(command: list[str], environment: dict[str, str]) -> int:
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


def _run(command: list[str]) -> None:
    """Quietly. Raises LabUnprepared with what the program said."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise LabUnprepared(f"{command[0]}: {ended.stderr[-2000:]}")
