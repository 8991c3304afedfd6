"""A machine's /sys and /dev under a folder of its own, and things to plug into it."""

from __future__ import annotations

import os
from pathlib import Path

#: capabilities/key as a 64-bit Linux writes it: of a whole keyboard, of a pad with NumLock, digits,
#: signs and Enter (codes 55, 69, 71 to 83, 96, 98), and of a mouse (272 to 276).
KEYBOARD = "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe"
NUMBER_PAD = "5000fffa0 80000000000000"
MOUSE = "1f0000 0 0 0 0"


class Machine:
    """A folder that stands for `/`. Every device is plugged into a USB port such as "1-1.3"."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def usb(self, port: str, usb_id: str, *, vendor="", product="", serial="") -> Path:
        """A USB device; its folder in /sys."""
        vid, _, pid = usb_id.partition(":")
        folder = self._folder(f"sys/devices/pci0/usb1/{port}")
        words = {"idVendor": vid, "idProduct": pid}
        words |= {"manufacturer": vendor, "product": product, "serial": serial}
        for name, word in words.items():
            if word:
                (folder / name).write_text(f"{word}\n")
        return folder

    def keyboard(self, usb: Path, number: int, keys: str = KEYBOARD, **names: str) -> str:
        """An input device of a USB device; its node."""
        parent = self._folder(f"{self._inside(usb)}/{usb.name}:1.0/input/input{number}")
        self._file(parent / "capabilities" / "key", keys)
        return self._node(parent, "input", f"event{number}", f"dev/input/event{number}", names)

    def line(self, usb: Path, name: str, **names: str) -> str:
        """A serial adapter's line; its node."""
        parent = self._folder(f"{self._inside(usb)}/{usb.name}:1.0/{name}")
        return self._node(parent, "tty", name, f"dev/{name}", names, folder="dev/serial")

    def hidraw(self, usb: Path, number: int, descriptor: bytes, **names: str) -> str:
        parent = self._folder(f"{self._inside(usb)}/{usb.name}:1.0/0003:1.000{number}")
        (parent / "report_descriptor").write_bytes(descriptor)
        node, folder = f"hidraw{number}", "dev/lanetally/hidraw"
        return self._node(parent, "hidraw", node, f"dev/{node}", names, folder=folder)

    def camera(self, usb: Path, number: int, index: int, **names: str) -> str:
        parent = self._folder(f"{self._inside(usb)}/{usb.name}:1.0")
        node = f"dev/video{number}"
        made = self._node(parent, "video4linux", f"video{number}", node, names, folder="dev/v4l")
        self._file(parent / "video4linux" / f"video{number}" / "index", str(index))
        return made

    def printer(self, usb: Path, *, node: str = "", **names: str) -> str:
        """A printer interface, with a node of usblp's and names for it, or without."""
        interface = self._folder(f"{self._inside(usb)}/{usb.name}:1.0")
        self._file(interface / "bInterfaceClass", "07")
        self._link(self.root / "sys/bus/usb/devices" / interface.name, interface)
        if not node:
            return ""
        self._folder(f"{self._inside(interface)}/usbmisc/{node}")
        self._file(self.root / "dev/usb" / node, "")
        self._name("dev/lanetally/lp", names, self.root / "dev/usb" / node)
        return f"/dev/usb/{node}"

    def own_line(self, name: str, *, kind: str = "4") -> str:
        """A serial line on the board: no USB, `kind` 0 for one without hardware behind it."""
        parent = self._folder(f"sys/devices/platform/{name}")
        made = self._node(parent, "tty", name, f"dev/{name}", {})
        self._file(parent / "tty" / name / "type", kind)
        return made

    def virtual_console(self, name: str) -> None:
        """A tty without a device."""
        entry = self._folder(f"sys/devices/virtual/tty/{name}")
        self._link(self.root / "sys/class/tty" / name, entry)

    def consoles(self, *names: str) -> None:
        """What /dev/console stands for."""
        entry = self._folder("sys/devices/virtual/tty/console")
        self._file(entry / "active", " ".join(names))
        self._link(self.root / "sys/class/tty/console", entry)

    def _node(self, parent, cls, name, node, names, *, folder="dev/input") -> str:
        entry = self._folder(f"{self._inside(parent)}/{cls}/{name}")
        self._link(entry / "device", parent)
        self._link(self.root / "sys/class" / cls / name, entry)
        self._file(self.root / node, "")
        self._name(folder, names, self.root / node)
        return f"/{node}"

    def _name(self, folder: str, names: dict[str, str], node: Path) -> None:
        """As udev names a node: `by_id` and `by_path` in the folder of its kind."""
        for sub, link in names.items():
            self._link(self.root / folder / sub.replace("_", "-") / link, node)

    def _folder(self, inside: str) -> Path:
        folder = self.root / inside
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _inside(self, folder: Path) -> str:
        return folder.relative_to(self.root).as_posix()

    def _file(self, file: Path, word: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{word}\n" if word else "")

    def _link(self, link: Path, target: Path) -> None:
        """As udev and the kernel make them: relative."""
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(target, link.parent))
