"""`drivers/SUPPORTED.md`, made from the registry and the model files.

`python -m tests.contract.supported` writes it; `test_supported` holds it to what it is made from.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from drivers.models import Model, models
from drivers.registry import DRIVERS

FILE = Path(__file__).parents[2] / "drivers" / "SUPPORTED.md"

HEAD = """\
# Supported devices · 支持的设备

Made by `python -m tests.contract.supported` from `registry.py` and `../firmware_configs/`; a test
fails if it is not up to date. A model's file says how to set the device up.
本文件由上述命令生成；各型号的文件中有设备的设置步骤。

How far each has been tried · 验证程度:

| word | means |
|---|---|
| device | the driver ran on the device itself · 已在实机上运行 |
| capture | bytes recorded from this model are read right · 可正确读取该型号的录制数据 |
| simulator | the driver ran against a simulator that sends its bytes · 已对照模拟器运行 |
| documents | read in manuals only · 仅依据手册 |
"""

KINDS = {
    "scanner": "Scanners · 扫码枪",
    "scale": "Scales · 电子秤",
    "rfid": "RFID readers · RFID 读写器",
    "camera": "Cameras · 摄像头",
    "printer": "Receipt printers · 小票打印机",
    "display": "Customer displays · 客显",
    "keypad": "Keypads · 数字键盘",
}


def document() -> str:
    """The whole file."""
    kinds = sorted({kind for kind, _ in DRIVERS}, key=lambda kind: [*KINDS, kind].index(kind))
    return HEAD + "".join(
        f"\n{line}\n" if line.startswith("#") else f"{line}\n" for line in _lines(kinds)
    )


def _lines(kinds: list[str]) -> Iterator[str]:
    for kind in kinds:
        yield f"## {KINDS.get(kind, kind)}"
        yield ""
        yield "| device · 设备 | driver · 驱动 | tried · 验证 | USB id | set-up · 设置 |"
        yield "|---|---|---|---|---|"
        served = [model for model in models() if model.kind == kind]
        for model in sorted(served, key=lambda m: (m.vendor.lower(), m.model.lower())):
            yield _row(model)
        drivers = {model.driver for model in served}
        for other_kind, driver in DRIVERS:
            if other_kind == kind and driver not in drivers:
                yield f"| any that speak it · 所有使用该协议的设备 | `{kind}/{driver}` | | | |"


def _row(model: Model) -> str:
    name = model.model if model.vendor == "generic" else f"{model.vendor} {model.model}"
    ids = " ".join(f"`{usb_id}`" for usb_id in model.usb_ids)
    driver = f"`{model.kind}/{model.driver}`"
    file = f"[{model.name}](../firmware_configs/{model.name}.toml)"
    return f"| {name} | {driver} | {model.verified} | {ids} | {file} |"


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
    print(f"written: {FILE.name}")
