"""The processors that a box can have, and what differs between them."""

from __future__ import annotations

import platform
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arch:
    name: str  #: Debian's
    machine: str  #: the kernel's, QEMU's and that of wheels
    kernel: str  #: Debian's package
    qemu: tuple[str, ...]  #: the program that is the box, with its board and processor
    qemu_package: str
    console: str

    @property
    def is_foreign(self) -> bool:
        """Not this machine's own: its programs run here by QEMU, and are not compiled by `cc`."""
        return self.machine != platform.machine()

    @property
    def compiler(self) -> str:
        return f"{self.machine}-linux-gnu-gcc"

    def tools(self) -> dict[str, tuple[str, ...]]:
        """By program: the packages of this machine's Debian that bring it."""
        own: dict[str, tuple[str, ...]] = {
            "mmdebstrap": ("mmdebstrap",),
            "mke2fs": ("e2fsprogs",),
            "qemu-img": ("qemu-utils",),
            self.qemu[0]: (self.qemu_package,),
        }
        if not self.is_foreign:
            return own
        gcc = f"gcc-{self.machine.replace('_', '-')}-linux-gnu"
        return own | {
            "update-binfmts": ("binfmt-support",),
            f"qemu-{self.machine}-static": ("qemu-user-static",),
            self.compiler: (gcc, f"libc6-dev-{self.name}-cross"),
        }


AMD64 = Arch(
    *("amd64", "x86_64", "linux-image-amd64"),
    qemu=("qemu-system-x86_64", "-cpu", "Nehalem"),
    qemu_package="qemu-system-x86",
    console="ttyS0",
)
#: The processor of a Raspberry Pi 4. QEMU has none of its boards with the ports that the lab needs.
ARM64 = Arch(
    *("arm64", "aarch64", "linux-image-arm64"),
    qemu=("qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a72"),
    qemu_package="qemu-system-arm",
    console="ttyAMA0",
)
ARCHS = {arch.name: arch for arch in (AMD64, ARM64)}
