"""Small pictures for tests."""

from __future__ import annotations

import io
import zlib

import numpy as np


def picture(width: int = 60, height: int = 80, seed: int = 0, kind: str = "PNG") -> bytes:
    """The bytes of a picture of noise."""
    from PIL import Image

    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def bomb(side: int) -> bytes:
    """A small picture whose header, which is sound, tells of `side` x `side` pixels."""
    data = picture()
    header = b"IHDR" + side.to_bytes(4, "big") * 2 + data[24:29]
    return data[:12] + header + zlib.crc32(header).to_bytes(4, "big") + data[33:]
