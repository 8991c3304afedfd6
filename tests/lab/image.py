"""The virtual box's disk: a bare Debian with the stock kernel, built once and kept in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from drivers.printer import raster
from tests.lab.arch import Arch
from tests.lab.cache import LabUnprepared, cache, keep_only, scratch

GUEST = Path(__file__).parent / "guest"
FONT = "fonts-wqy-microhei"  #: to draw the receipts with

SUITE = "bookworm"
DISK_SIZE = "4G"
#: Debian's own, in the image. libzbar0 and libusb are what Lanetally loads beside its wheels.
PACKAGES = (
    *("systemd", "systemd-sysv", "udev", "dbus", "kmod", "iproute2", "initramfs-tools"),
    *("python3", "python3-venv", "libzbar0", "libusb-1.0-0", "mosquitto", "zstd"),
)
#: What Debian's scripts do at an installation runs slowly where the processor is not their own: all
#: modules of the kernel packed and squeezed took longer than the rest. A box needs these to start.
SPARING = """
mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
printf 'MODULES=list\\nCOMPRESS=gzip\\n' >"$1/etc/initramfs-tools/conf.d/lab"
printf 'virtio_pci\\nvirtio_blk\\next4\\n' >"$1/usr/share/initramfs-tools/modules.d/lab"
"""
#: Where the kernel is told who runs programs of other processors.
BINFMT = Path("/proc/sys/fs/binfmt_misc")

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


@dataclass(frozen=True, slots=True)
class Image:
    arch: Arch
    disk: Path
    kernel: Path
    initrd: Path


def install_tools(arch: Arch) -> None:
    """Raises LabUnprepared if a program is missing and apt cannot bring it."""
    tools = arch.tools().items()
    missing = sorted({name for tool, names in tools if not shutil.which(tool) for name in names})
    if raster.find_font("") is None:
        missing.append(FONT)
    if missing:
        print(f"installing {' '.join(missing)} …", flush=True)
        install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing]
        if _refused(install):  # a fresh machine has no lists of packages yet
            said = _refused(["apt-get", "update", "-qq"]) or _refused(install)
            if said:
                raise LabUnprepared(f"Install Debian's {', '.join(missing)} for the lab\n{said}")
    if arch.is_foreign:
        _lend_processor(arch)


def _lend_processor(arch: Arch) -> None:
    """Programs of the other processor run here as if they were this one's."""
    lent = f"qemu-{arch.machine}"
    if not (BINFMT / "register").exists():
        _refused(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)])
    if not (BINFMT / lent).exists() and (said := _refused(["update-binfmts", "--enable", lent])):
        raise LabUnprepared(
            f"{arch.name} does not run here: sudo update-binfmts --enable {lent}\n{said}"
        )


def built(arch: Arch) -> Image:
    """The image, from the cache or new. Raises LabUnprepared."""
    folder = kept_under(arch)
    image = Image(arch, folder / "disk.img", folder / "vmlinuz", folder / "initrd.img")
    if image.disk.exists():
        return image
    if os.geteuid() != 0:
        raise LabUnprepared("Run make lab as root: an image's files belong to root")
    print(f"building the image ({SUITE}, {arch.name}): some minutes, once …", flush=True)
    tar = _root_tar(arch)
    with scratch(arch) as begun:
        root = Path(begun) / "root"
        _unpack(tar, root)
        _furnish(root)
        folder.mkdir(exist_ok=True)
        for name, to in (("vmlinuz-*", image.kernel), ("initrd.img-*", image.initrd)):
            shutil.copyfile(next((root / "boot").glob(name)), to)
        disk_of(root, image.disk, "root", DISK_SIZE)
    keep_only(folder)
    return image


def kept_under(arch: Arch) -> Path:
    """The image's folder."""
    hand = (GUEST / "hand.py").read_bytes()
    parts = repr((*_root_parts(arch), DISK_SIZE, FSTAB, HAND, HANDS, MASKED)).encode() + hand
    return cache() / f"image-{arch.name}-{hashlib.sha256(parts).hexdigest()[:12]}"


def disk_of(folder: Path, disk: Path, label: str, size: str) -> None:
    """A folder as an ext4 disk; in place only when it is whole."""
    part = disk.with_suffix(".part")
    part.unlink(missing_ok=True)
    _run(["mke2fs", "-q", "-t", "ext4", "-L", label, "-d", str(folder), str(part), size])
    part.rename(disk)


def _root_parts(arch: Arch) -> tuple[object, ...]:
    parts = (SUITE, arch.name, (*PACKAGES, arch.kernel))
    return (*parts, SPARING) if arch.is_foreign else parts


def _root_tar(arch: Arch) -> Path:
    """Debian itself: kept apart, since what the lab adds to it changes more often."""
    name = hashlib.sha256(repr(_root_parts(arch)).encode()).hexdigest()[:12]
    tar = cache() / f"root-{arch.name}-{name}.tar"
    if not tar.exists():
        part = tar.with_name(f"{tar.stem}.part.tar")
        include = f"--include={','.join((*PACKAGES, arch.kernel))}"
        hooks = [f"--essential-hook={SPARING}"] if arch.is_foreign else []
        _run(["mmdebstrap", "--quiet", "--variant=minbase", f"--architectures={arch.name}",
              include, *hooks, SUITE, str(part)])  # fmt: skip
        part.rename(tar)
        keep_only(tar)
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


def _refused(command: list[str]) -> str:
    """Why root could not do it; nothing if it is done."""
    root = ["env"] if os.geteuid() == 0 else ["sudo", "-n", "env"]
    words = [*root, "DEBIAN_FRONTEND=noninteractive", *command]
    try:
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:  # no sudo
        return str(error)
    return (ended.stderr[-2000:].strip() or f"code {ended.returncode}") if ended.returncode else ""


def _run(command: list[str]) -> None:
    """Quietly. Raises LabUnprepared with what the program said."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise LabUnprepared(f"{command[0]}: {ended.stderr[-2000:]}")
