"""Pictures as they are given for guidance, read with Pillow: within limits, and never more than was asked for."""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from medtalk.errors import GuidanceError, MissingExtraError
from medtalk.guidance import read_picture
from medtalk.limits import MAX_PIXELS

try:
    from PIL import Image, ImageOps, UnidentifiedImageError
except ModuleNotFoundError as error:
    raise MissingExtraError(
        f"Reading pictures needs {error.name}, which is not installed.",
        "Run pip install 'medtalk[picture]', or name an emotion.",
    ) from error

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_ASPECT = 20
"""The largest ratio of the sides: the shorter one is scaled to a network's, the longer one along with it."""
FORMATS = ("PNG", "JPEG", "WEBP")


def open_picture(picture: str | Path | bytes | Image.Image, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """A picture decoded to RGB and turned the way that it was taken.

    Raises:
        GuidanceError: no picture, a damaged one, or one beyond the limits.
    """
    if isinstance(picture, Image.Image):
        name, opened = "The picture", picture
        _check_size(name, opened, max_pixels)
    else:
        name, data = read_picture(picture)
        opened = _header(name, data, max_pixels)
    with _one_line(name):
        return ImageOps.exif_transpose(opened).convert("RGB")


def check_picture(name: str, data: bytes, max_pixels: int) -> None:
    """Raise `GuidanceError` for the bytes of a file whose header is not that of a picture that `open_picture` takes.

    Nothing is decoded. `name` is what the picture is called in the error.
    """
    _header(name, data, max_pixels)


def _header(name: str, data: bytes, max_pixels: int) -> Image.Image:
    """The picture in the bytes of a file, of which only the header was read."""
    with _one_line(name):
        opened = Image.open(io.BytesIO(data), formats=FORMATS)
    _check_size(name, opened, max_pixels)
    return opened


def _check_size(name: str, opened: Image.Image, max_pixels: int) -> None:
    width, height = opened.size
    if width * height > max_pixels:
        raise GuidanceError(
            f"{name} has {width} x {height} pixels; the limit is {max_pixels} in all.", "Make it smaller."
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise GuidanceError(
            f"{name} has {width} x {height} pixels; one side may be {MAX_ASPECT} times the other.", "Cut out the face."
        )


@contextmanager
def _one_line(name: str) -> Iterator[None]:
    """Turns every error of PIL over a file into one `GuidanceError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # we have a limit of our own
            yield
    except MemoryError:
        raise
    except Exception as error:  # of many kinds: OSError, ValueError, SyntaxError, struct.error, DecompressionBombError
        # What PIL says of a file that it does not know is where that lies in memory.
        known = not isinstance(error, UnidentifiedImageError)
        reason = " ".join(str(error).split())[:120].rstrip(".") if known else "its kind is not known"
        raise GuidanceError(
            f"{name} cannot be read as a picture ({reason or type(error).__name__}).",
            f"Valid are {', '.join(FORMATS)}.",
        ) from error
