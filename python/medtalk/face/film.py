"""Takes as pictures in time."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from medtalk.errors import SettingError
from medtalk.face.draw import Camera, Drawing
from medtalk.face.pillow import font, pillow
from medtalk.limits import check_fps

if TYPE_CHECKING:
    from medtalk.face.sheet import Take
    from medtalk.rig.head import Head

MOST_TAKES = 8
_AHEAD = 3  # pictures that a thread may be ahead of the one who takes them
_STRIP = 24  # pixels of the names
_INK = (232, 232, 236)


class Film:
    """Takes, (name, rig), side by side in tiles of `size` pixels, at `fps` pictures a second.

    Several takes have their names in their tiles; one that is shorter than the longest stands still at its end.
    Raises SettingError for a size that is odd or out of range, a frame rate out of range, and for more than 8 takes.
    """

    def __init__(self, head: Head, takes: Sequence[Take], camera: Camera, fps: float = 30.0, size: int = 480) -> None:
        check_fps(fps, "--fps")
        if not 1 <= len(takes) <= MOST_TAKES:
            raise SettingError(f"{len(takes)} takes side by side; valid are 1 to {MOST_TAKES}.")
        if size % 2:
            raise SettingError(f"A film of {size} pixels; its sides must be even.")
        self.fps = _exact(fps)
        self.width, self.height = size * len(takes), size
        self._head, self._drawing = head, Drawing(head, camera, size, size)
        self._rigs = [rig.resample(float(self.fps)) for _, rig in takes]
        self._names = [self._strip(name) for name, _ in takes] if len(takes) > 1 else []

    def __len__(self) -> int:
        """How many pictures there are: as many as the longest take has frames."""
        return max(map(len, self._rigs))

    @property
    def seconds(self) -> float:
        """How long the pictures last."""
        return float(len(self) / self.fps)

    def pictures(self) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 each, in order; drawn by a thread on each core, as numpy lets them run side by side."""
        count, cores = len(self), _cores()
        pool = ThreadPoolExecutor(cores, "medtalk-draw")
        try:
            coming = deque(pool.submit(self._picture, number) for number in range(min(count, _AHEAD * cores)))
            for number in range(len(coming), count + len(coming)):
                picture = coming.popleft().result()
                if number < count:
                    coming.append(pool.submit(self._picture, number))
                yield picture
        finally:
            pool.shutdown(cancel_futures=True)

    def _picture(self, number: int) -> np.ndarray:
        tiles = [self._drawing.draw(self._head.pose(*rig.frame(number))) for rig in self._rigs]
        for tile, name in zip(tiles, self._names, strict=False):
            tile[-_STRIP:] = np.maximum(tile[-_STRIP:], name)
        return np.concatenate(tiles, axis=1)

    def _strip(self, name: str) -> np.ndarray:
        """White letters on black, for the lower edge of a tile."""
        strip = pillow("Image").new("RGB", (self.height, _STRIP))
        pillow("ImageDraw").Draw(strip).text((8, _STRIP // 2), name, _INK, font(14), anchor="lm")
        return np.asarray(strip)


def _exact(fps: float) -> Fraction:
    """The frame rate that is meant: 29.97 is 30000/1001, as all of broadcasting has it."""
    broadcast = Fraction(round(fps * 1.001) * 1000, 1001)
    return broadcast if abs(broadcast - fps) < 1e-4 * fps else Fraction(fps).limit_denominator(1000)


def _cores() -> int:
    if sys.platform == "linux":  # a container may be given fewer cores than the machine has
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
