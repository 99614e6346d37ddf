"""The long table that Unreal's RigMapper imports: a curve, a frame and a value a line.

Read off `RigMapperEditorSubsystem` (experimental, Unreal 5.6 and later): it takes curves by name and frames by number,
draws a straight line between the keys of a curve and holds the first and last of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from medtalk.errors import RigError

HEADER = "curve_name, frame_number, value"
MAX_CURVE_FRAMES = 36_000
"""Ten minutes at 60 fps. Unreal looks for every frame of every curve in a list of all frames, so time grows with the
square of the length."""


def rigmapper_lines(names: Sequence[str], values: np.ndarray) -> Iterator[str]:
    """The lines of curves (T, M), frame by frame, without losing anything.

    A curve that is 0 throughout is left out, since a face rests at 0, and so is a key between two of the same value.
    The first and last frame are whole, which keeps the length.
    Raises RigError for more than `MAX_CURVE_FRAMES` frames.
    """
    if len(values) > MAX_CURVE_FRAMES:
        raise RigError(
            f"{len(values)} frames are too many for .curves.csv: Unreal can import {MAX_CURVE_FRAMES}.",
            "Write a part of the rig, a lower frame rate, or .expressions.csv.",
        )
    moving = np.flatnonzero(values.any(axis=0))
    if not moving.size:  # a table without a curve is refused by Unreal
        moving = np.arange(1)
    shown = values[:, moving]
    keyed = np.ones(shown.shape, bool)
    same = shown[1:] == shown[:-1]
    keyed[1:-1] = ~(same[:-1] & same[1:])
    yield HEADER
    for frame, row in enumerate(keyed):
        for column in np.flatnonzero(row).tolist():
            yield f"{names[moving[column]]}, {frame}, {shown[frame, column]:.9g}"
