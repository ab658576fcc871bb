"""Strokes on a picture, in its units: drawn larger and then reduced, so that edges are smooth.

Needs Pillow, which comes with the extra ``report``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from rl.fog.placing import Box, Point

if TYPE_CHECKING:
    from PIL import ImageFont

Frame: TypeAlias = npt.NDArray[np.uint8]
"""Of shape (height, width, 3)."""

Color: TypeAlias = str | tuple[int, int, int]

FINER = 2
SMALLEST_TEXT = 6


class Brush:
    """One picture while it is made."""

    def __init__(self, width: int, height: int, paper: Color) -> None:
        from PIL import Image, ImageDraw

        self._size = (width, height)
        self._image = Image.new("RGB", (width * FINER, height * FINER), paper)
        self._draw = ImageDraw.Draw(self._image)

    def picture(self) -> Frame:
        from PIL import Image

        reduced = self._image.resize(self._size, Image.Resampling.BOX)
        return np.array(reduced, dtype=np.uint8)

    def line(self, points: Sequence[Point], color: Color, width: float) -> None:
        self._draw.line(_scaled(points), color, _stroke(width), "curve")

    def area(self, points: Sequence[Point], color: Color) -> None:
        self._draw.polygon(_scaled(points), color)

    def disc(
        self,
        at: Point,
        radius: float,
        fill: Color | None,
        outline: Color | None = None,
        width: float = 1.0,
    ) -> None:
        self._draw.ellipse(_around(at, radius), fill, outline, _stroke(width))

    def arc(
        self, at: Point, radius: float, begin: float, end: float, color: Color, width: float
    ) -> None:
        """From one share of a full turn to another, clockwise from the top."""
        turn = (360.0 * begin - 90.0, 360.0 * min(end, 1.0) - 90.0)
        self._draw.arc(_around(at, radius), *turn, color, _stroke(width))

    def box(self, box: Box, fill: Color, radius: float, outline: Color | None = None) -> None:
        left, top, right, bottom = (each * FINER for each in box)
        self._draw.rounded_rectangle(
            (left, top, right, bottom), radius * FINER, fill, outline, FINER
        )

    def text(self, at: Point, text: str, size: int, color: Color, anchor: str = "la") -> None:
        """Args:
        anchor: which point of the text is there, as Pillow names them: ``mm`` its middle.
        """
        font = _font(max(SMALLEST_TEXT, size) * FINER)
        self._draw.text((at[0] * FINER, at[1] * FINER), text, color, font, anchor)


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _scaled(points: Sequence[Point]) -> list[Point]:
    return [(x * FINER, y * FINER) for x, y in points]


def _around(at: Point, radius: float) -> Box:
    x, y, r = at[0] * FINER, at[1] * FINER, radius * FINER
    return x - r, y - r, x + r, y + r


def _stroke(width: float) -> int:
    return max(1, round(width * FINER))
