"""Draws the tray icon: five states, each a shape as well as a colour, drawn for each size on its own.

`python -m tray_app.icon SHEET.png` writes a contact sheet: all states at all sizes, on light and on dark.

    ok           green disc, white tick              paused       blue disc, two white bars
    attention    amber triangle, dark mark           not-trading  grey crescent moon
    trouble      red octagon, white cross
"""

from __future__ import annotations

import math
import struct
import sys
from typing import Callable, Sequence, Tuple

from PIL import Image, ImageDraw

from tray_app.state import ATTENTION, ICONS, NOT_TRADING, OK, PAUSED, TROUBLE

SIZES = (16, 20, 24, 32, 48)  # the small icon at 100 % to 300 % scaling
_OVERSAMPLE = 8  # drawn larger, then reduced: Pillow's own lines have no smooth edges

Point = Tuple[float, float]
Colour = Tuple[int, int, int, int]

_GREEN: Colour = (22, 163, 74, 255)
_AMBER: Colour = (250, 176, 5, 255)
_RED: Colour = (220, 38, 38, 255)
_BLUE: Colour = (37, 99, 235, 255)
_GREY: Colour = (125, 135, 148, 255)
_WHITE: Colour = (255, 255, 255, 255)
_DARK: Colour = (56, 38, 0, 255)
_NOTHING: Colour = (0, 0, 0, 0)


class _Pen:
    """Draws in units of one icon's side (0 to 1), snapped to whole pixels of the final size where it matters."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._scale = size * _OVERSAMPLE
        self.image = Image.new("RGBA", (self._scale, self._scale), _NOTHING)
        self._draw = ImageDraw.Draw(self.image)

    def snap(self, value: float) -> float:
        """The nearest whole pixel of the final size: upright edges stay sharp."""
        return round(value * self.size) / self.size

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        x, y, r = (value * self._scale for value in (*centre, radius))
        self._draw.ellipse((x - r, y - r, x + r - 1, y + r - 1), fill=colour)

    def polygon(self, points: Sequence[Point], colour: Colour, rounding: float = 0.0) -> None:
        scaled = [(x * self._scale, y * self._scale) for x, y in points]
        self._draw.polygon(scaled, fill=colour)
        if rounding:
            self.line([*points, points[0], points[1]], rounding, colour)

    def line(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A stroke with round ends and corners."""
        scaled = [(x * self._scale, y * self._scale) for x, y in points]
        self._draw.line(scaled, fill=colour, width=max(1, round(width * self._scale)))
        for point in points:
            self.disc(point, width / 2, colour)

    def bar(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        edges = [self.snap(edge) * self._scale for edge in (left, top, right, bottom)]
        self._draw.rectangle((edges[0], edges[1], edges[2] - 1, edges[3] - 1), fill=colour)

    def finish(self) -> Image.Image:
        return self.image.resize((self.size, self.size), Image.Resampling.LANCZOS)


def _stroke(pen: _Pen, share: float) -> float:
    """A line's width: a share of the side, but never thinner than two pixels, or it vanishes at 16."""
    return max(2.0 / pen.size, share)


def _ok(pen: _Pen) -> None:
    pen.disc((0.5, 0.5), 0.5, _GREEN)
    pen.line([(0.27, 0.53), (0.44, 0.69), (0.74, 0.35)], _stroke(pen, 0.115), _WHITE)


def _attention(pen: _Pen) -> None:
    edge = 0.14
    pen.polygon([(0.5, 0.10), (0.93, 0.88), (0.07, 0.88)], _AMBER, rounding=edge)
    width = _stroke(pen, 0.12)
    left = pen.snap(0.5 - width / 2)
    pen.bar(left, 0.32, left + pen.snap(width), 0.64, _DARK)
    pen.bar(left, 0.72, left + pen.snap(width), 0.72 + pen.snap(width), _DARK)


def _trouble(pen: _Pen) -> None:
    corners = [
        (0.5 + 0.5 * math.cos(math.pi / 8 + turn * math.pi / 4), 0.5 + 0.5 * math.sin(math.pi / 8 + turn * math.pi / 4))
        for turn in range(8)
    ]
    pen.polygon([(0.5 + (x - 0.5) * 1.08, 0.5 + (y - 0.5) * 1.08) for x, y in corners], _RED)
    width = _stroke(pen, 0.125)
    pen.line([(0.32, 0.32), (0.68, 0.68)], width, _WHITE)
    pen.line([(0.68, 0.32), (0.32, 0.68)], width, _WHITE)


def _paused(pen: _Pen) -> None:
    pen.disc((0.5, 0.5), 0.5, _BLUE)
    width = max(2.0 / pen.size, pen.snap(0.14))
    gap = max(1.0 / pen.size, pen.snap(0.07))
    pen.bar(0.5 - gap - width, 0.27, 0.5 - gap, 0.73, _WHITE)
    pen.bar(0.5 + gap, 0.27, 0.5 + gap + width, 0.73, _WHITE)


def _not_trading(pen: _Pen) -> None:
    pen.disc((0.47, 0.53), 0.47, _GREY)
    pen.disc((0.64, 0.36), 0.37, _NOTHING)


_DRAW: dict[str, Callable[[_Pen], None]] = {
    OK: _ok,
    ATTENTION: _attention,
    TROUBLE: _trouble,
    PAUSED: _paused,
    NOT_TRADING: _not_trading,
}


def draw(state: str, size: int) -> Image.Image:
    """The icon of a state (state.ICONS) at `size` pixels, RGBA."""
    pen = _Pen(size)
    _DRAW[state](pen)
    return pen.finish()


def save_ico(state: str, path: str) -> None:
    """A Windows .ico whose frames are each drawn for their size (a single large frame would be rescaled)."""
    frames = [draw(state, size) for size in reversed(SIZES)]
    frames[0].save(path, format="ICO", sizes=[frame.size for frame in frames], append_images=frames[1:])


def resource(state: str, size: int) -> bytes:
    """The icon as CreateIconFromResourceEx takes it: a DIB of twice the height, colours with alpha from the lowest row
    up, then an empty mask (one bit a pixel, rows of whole 4 bytes). No file: on a full disk it must still turn."""
    pixels = draw(state, size).transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGRA")
    mask = bytes((size + 31) // 32 * 4 * size)
    header = struct.pack("<IiiHHIIiiII", 40, size, 2 * size, 1, 32, 0, len(pixels) + len(mask), 0, 0, 0, 0)
    return header + pixels + mask


def contact_sheet() -> Image.Image:
    """All states (columns) at all sizes (rows), on a light and on a dark taskbar, and the smallest enlarged."""
    cell, margin = 64, 16
    columns: list[str] = list(ICONS)
    width = margin + len(columns) * cell + margin
    height = margin + sum(size + margin for size in SIZES) + 16 * 6 + 2 * margin
    sheet = Image.new("RGB", (2 * width, height), (243, 243, 243))
    ImageDraw.Draw(sheet).rectangle((width, 0, 2 * width, height), fill=(32, 32, 32))
    for half in (0, width):
        for column, state in enumerate(columns):
            x, y = half + margin + column * cell, margin
            for size in SIZES:
                frame = draw(state, size)
                sheet.paste(frame, (x + (cell - size) // 2, y), frame)
                y += size + margin
            large = draw(state, 16).resize((16 * 3, 16 * 3), Image.Resampling.NEAREST)
            sheet.paste(large, (x + (cell - 48) // 2, y), large)
            large = draw(state, 20).resize((20 * 2, 20 * 2), Image.Resampling.NEAREST)
            sheet.paste(large, (x + (cell - 40) // 2, y + 48 + margin), large)
    return sheet


if __name__ == "__main__":
    contact_sheet().save(sys.argv[1])
