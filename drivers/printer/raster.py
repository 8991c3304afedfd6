"""Text lines and QR codes as dots, for what the printer's own fonts and commands cannot print."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from drivers.base import DeviceMisconfigured

if TYPE_CHECKING:
    from PIL import Image

    from drivers.printer.layout import Line, Style

#: Font A of receipt printers: 12 x 24 dots, one line every 30 (Epson TM specifications).
COLUMN_DOTS = 12
FONT_DOTS = 24
LINE_DOTS = 30
_BASELINE_DOTS = 23

#: Where Debian's packages put fonts with Chinese glyphs, smallest package first, and the face
#: of a collection that has the mainland's glyph forms.
FONTS: tuple[tuple[str, int], ...] = (
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),  # fonts-wqy-microhei
    ("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", 0),  # fonts-droid-fallback
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),  # fonts-wqy-zenhei
    ("/usr/share/fonts/truetype/arphic/uming.ttc", 0),  # fonts-arphic-uming
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),  # fonts-noto-cjk: JP KR SC ...
)

#: (line, columns of the paper at size 1, style) -> one raster command.
DrawLine: TypeAlias = Callable[["Line", int, "Style"], bytes]


def find_font(path: str) -> tuple[str, int] | None:
    """The font to draw with: `path` if it is given, else the first known one that is installed.

    Raises DeviceMisconfigured if a font is named but not there.
    """
    if path:
        if not Path(path).is_file():
            raise DeviceMisconfigured(f"font {path} does not exist")
        return path, 0
    return next((font for font in FONTS if Path(font[0]).is_file()), None)


def line_drawer(font: tuple[str, int]) -> DrawLine:
    """Draws lines with this font. Raises DeviceMisconfigured if the file is no font."""
    from PIL import ImageFont

    try:
        faces = {
            size: ImageFont.truetype(font[0], FONT_DOTS * size, index=font[1]) for size in (1, 2)
        }
    except OSError as error:
        raise DeviceMisconfigured(f"font {font[0]}: {error}") from error

    def draw(line: Line, columns: int, style: Style) -> bytes:
        return command(_line_image(line, columns, style, faces[style.size]))

    return draw


def _line_image(line: Line, columns: int, style: Style, face: Any) -> Image.Image:
    """Each glyph centred in its own columns: drawn lines stand in line with printed ones."""
    from PIL import Image, ImageDraw

    image = Image.new("L", (columns * COLUMN_DOTS, LINE_DOTS * style.size))
    canvas = ImageDraw.Draw(image)
    left = 0
    for glyph in line:
        wide = glyph.columns * COLUMN_DOTS * style.size
        for shift in (0, 1) if style.bold else (0,):
            canvas.text(
                (left + wide // 2 + shift, _BASELINE_DOTS * style.size),
                glyph.char,
                fill=255,
                font=face,
                anchor="ms",
            )
        left += wide
    return image.point([0] * 128 + [255] * 128).convert("1")


def qr_command(content: bytes, module_dots: int, columns: int) -> bytes:
    """A QR code, error correction M, centred on the paper, for printers without QR of their own."""
    import qrcode  # type: ignore[import-untyped]  # comes with python-escpos, has no stubs
    from PIL import Image

    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, border=0)
    code.add_data(content)
    code.make(fit=True)
    modules = code.get_matrix()
    image = Image.new("1", (len(modules), len(modules)))
    image.putdata([255 if dark else 0 for row in modules for dark in row])
    image = image.resize((len(modules) * module_dots,) * 2, Image.Resampling.NEAREST)
    paper = Image.new("1", (columns * COLUMN_DOTS, image.height))
    paper.paste(image, ((paper.width - image.width) // 2, 0))
    return command(paper)


def command(image: Image.Image) -> bytes:
    """`GS v 0 0 xL xH yL yH d…`: ink where the image (mode "1") is white."""
    size = math.ceil(image.width / 8).to_bytes(2, "little") + image.height.to_bytes(2, "little")
    return b"\x1dv0\x00" + size + image.tobytes()
