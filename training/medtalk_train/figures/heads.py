"""Heads in rows and columns with words beside them, close enough to see the mouth (needs Pillow)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.face.draw import Camera, Drawing, camera
from medtalk.face.pillow import font, pillow
from medtalk.files import write_atomic
from medtalk.quality.surface import surface
from medtalk.rig.head import load_head
from medtalk.watch import checkpoint

if TYPE_CHECKING:
    from numpy.typing import NDArray

TILE = 168
"""Pixels of a head's side."""
_HEIGHT_MM, _UP_MM = 172.0, 6.0  # of what is seen: from the hair to the chin
_LETTERS, _SMALL, _LINE = 14, 12, 18
_MARGIN, _GAP, _FOOT = 10, 3, 20
_INK, _SOFT, _PAPER = (28, 30, 36), (110, 114, 122), (255, 255, 255)
_WEBP = {"format": "WEBP", "quality": 86, "method": 6}


@dataclass(frozen=True)
class Tile:
    """A head at a moment: the face (174,), what stands under it on the left, and on the right."""

    face: NDArray
    left: str = ""
    right: str = ""


@dataclass(frozen=True)
class Row:
    """A row of heads: its name, of one or more lines, soft lines under that, a picture of its own before the heads, and
    the heads."""

    name: str
    notes: tuple[str, ...]
    tiles: tuple[Tile, ...]
    picture: NDArray | None = None


@cache
def _drawing(size: int) -> Drawing:
    usual = camera(load_head())
    x, y, z = usual.centre
    return Drawing(load_head(), Camera((x, y + _UP_MM, z), _HEIGHT_MM), size, size)


@cache
def _portrayed(size: int, yaw: float) -> Drawing:
    return Drawing(load_head(), camera(load_head()).turned(yaw), size, size)


def picture_of(face: NDArray, size: int = TILE) -> NDArray[np.uint8]:
    """(H, W, 3) the face (174,) of the head from near, without a turn of the neck."""
    return _drawing(size).draw(load_head().pose(np.asarray(face, np.float32)))


def portrait(face: NDArray, size: int, yaw: float = 0.0) -> NDArray[np.uint8]:
    """(H, W, 3) the whole head with a face (174,), from the front or the side."""
    return _portrayed(size, yaw).draw(load_head().pose(np.asarray(face, np.float32)))


def gap_of(face: NDArray) -> str:
    """How far the lips are apart, in words."""
    return f"{max(float(surface(np.asarray(face, np.float32)[None]).gap[0]), 0.0):.1f} mm"


def drawn(rows: Sequence[Row], heads: Sequence[str] = (), size: int = TILE) -> Any:
    """The picture: a row for each, with `heads` over the columns. MissingExtraError without Pillow."""
    Image, pen_of = pillow("Image"), pillow("ImageDraw").Draw
    large, small = font(_LETTERS), font(_SMALL)
    lines = [
        [*((part, _INK, large) for part in row.name.split("\n")), *((note, _SOFT, small) for note in row.notes)]
        for row in rows
    ]
    margin = 2 * _MARGIN + max(int(letters.getlength(text)) for each in lines for text, _, letters in each)
    own = any(row.picture is not None for row in rows)
    first = margin + (size + _MARGIN if own else 0)
    columns = max(len(row.tiles) for row in rows)
    top = _MARGIN + (_LINE if heads else 0)
    step = size + _FOOT
    sheet = Image.new("RGB", (first + columns * (size + _GAP) + _MARGIN, top + len(rows) * step), _PAPER)
    pen = pen_of(sheet)
    for column, head in enumerate(heads):
        pen.text((first + column * (size + _GAP) + size / 2, top - 4), head, _INK, large, anchor="ms")
    for number, (row, texts) in enumerate(zip(rows, lines, strict=True)):
        above = top + number * step
        for line, (text, ink, letters) in enumerate(texts):
            middle = above + size / 2 + (line - 0.5 * (len(texts) - 1)) * _LINE
            pen.text((_MARGIN, middle), text, ink, letters, anchor="lm")
        if row.picture is not None:
            own_picture = Image.fromarray(row.picture).resize((size, size))
            sheet.paste(own_picture, (margin, above))
        for column, tile in enumerate(row.tiles):
            checkpoint((number * columns + column) / (len(rows) * columns))
            left = first + column * (size + _GAP)
            sheet.paste(Image.fromarray(picture_of(tile.face, size)), (left, above))
            pen.text((left + 2, above + size + 10), tile.left, _INK, small, anchor="lm")
            pen.text((left + size - 2, above + size + 10), tile.right, _SOFT, small, anchor="rm")
    return sheet


def write_picture(path: Path, picture: Any) -> Path:
    """Write a picture of Pillow, or (H, W, 3) uint8, as WebP, whole or not at all."""
    image = pillow("Image").fromarray(picture) if isinstance(picture, np.ndarray) else picture
    return write_atomic(path, lambda to: image.save(to, **_WEBP))


def wrapped(text: str, width: int = 30) -> tuple[str, ...]:
    """A text in lines of about so many characters."""
    import textwrap

    return tuple(textwrap.wrap(text, width))
