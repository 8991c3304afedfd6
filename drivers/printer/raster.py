"""Text lines and QR codes as dots, for what the printer's own fonts and commands cannot print."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

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
#: For what a Chinese font lacks: some have no digits. The last resort is Pillow's own font (ASCII).
LATIN_FONTS: tuple[tuple[str, int], ...] = (
    ("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf", 0),  # fonts-dejavu-core
    ("/usr/share/fonts/truetype/liberation/LiberationMono-Regular.ttf", 0),  # fonts-liberation
    ("/usr/share/fonts/truetype/noto/NotoSansMono-Regular.ttf", 0),  # fonts-noto-mono
)


def find_font(path: str) -> tuple[str, int] | None:
    """The font to draw with: `path` if it is given, else the first known one that is installed.

    Raises DeviceMisconfigured if a font is named but not there.
    """
    if path:
        if not Path(path).is_file():
            raise DeviceMisconfigured(f"font {path} does not exist")
        return path, 0
    return next(_installed(FONTS), None)


def _installed(fonts: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    return (font for font in fonts if Path(font[0]).is_file())


class Drawer(Protocol):
    def has(self, char: str) -> bool:
        """Whether it can draw the character."""
        ...

    def draw(self, line: Line, columns: int, style: Style) -> bytes:
        """The line as one raster command, as wide as a paper of `columns` at size 1."""
        ...


class FontDrawer:
    """Draws with a font, and with others what that one lacks."""

    def __init__(self, font: tuple[str, int]) -> None:
        """Load the fonts. Raises DeviceMisconfigured if the file is no font."""
        self._faces = {size: _faces(font, FONT_DOTS * size) for size in (1, 2)}

    def has(self, char: str) -> bool:
        return any(_has(face, char) for face in self._faces[1])

    def draw(self, line: Line, columns: int, style: Style) -> bytes:
        """Each glyph is centred in its own columns: drawn lines stand in line with printed ones."""
        from PIL import Image

        image = Image.new("L", (columns * COLUMN_DOTS, LINE_DOTS * style.size))
        left = 0
        for glyph in line:
            width = glyph.columns * COLUMN_DOTS * style.size
            ink = _glyph_image(glyph.char, width, style.size, self._faces[style.size])
            for shift in (0, 1) if style.bold else (0,):
                image.paste(255, (left + shift, 0), mask=ink)
            left += width
        return command(image.point([0] * 128 + [255] * 128).convert("1"))


def _faces(font: tuple[str, int], dots: int) -> tuple[Any, ...]:
    from PIL import ImageFont

    try:
        files = [font, *_installed(LATIN_FONTS)]
        faces = [ImageFont.truetype(path, dots, index=index) for path, index in files]
    except OSError as error:
        raise DeviceMisconfigured(f"font {font[0]}: {error}") from error
    return (*faces, ImageFont.load_default(dots))


def _has(face: Any, char: str) -> bool:
    """Whether the face has a glyph of its own for the character: none has one for U+FFFF."""
    return bytes(face.getmask(char)) != bytes(face.getmask("\uffff"))


def _glyph_image(char: str, width: int, size: int, faces: tuple[Any, ...]) -> Image.Image:
    """The character by the first face that has it, narrowed if it is wider than its columns."""
    from PIL import Image, ImageDraw

    face = next((face for face in faces if _has(face, char)), None)
    if face is None:
        return _glyph_image("?", width, size, faces)
    image = Image.new("L", (max(width, math.ceil(face.getlength(char))), LINE_DOTS * size))
    middle = (image.width / 2, _BASELINE_DOTS * size)
    ImageDraw.Draw(image).text(middle, char, fill=255, font=face, anchor="ms")
    return image if image.width == width else image.resize((width, image.height))


def qr_command(content: bytes, module_dots: int, columns: int) -> bytes:
    """A QR code, error correction M, centred on the paper, for printers without QR of their own."""
    import qrcode
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
