"""EmoTalk's coefficients: a `.npy` of 52 weights of ARKit a frame, from which the paper made its rigs of RAVDESS.

The file names no shape. EmoTalk's release (`render.py`) takes its columns in the alphabetical order of ARKit's names,
from browDownLeft to tongueOut, and shows 30 rows a second. The data set behind it (3D-ETF) is given out on request
only: that it has the same order and rate is assumed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medtalk.errors import RigError
from medtalk.rig import ARKIT_NAMES, RigSequence, from_arkit
from medtalk.rig.sequence import MAX_FRAMES

ENDING = ".npy"
FPS = 30.0
_COLUMNS = [sorted(ARKIT_NAMES).index(name) for name in ARKIT_NAMES]
_MOST = 1.5
"""Above this the numbers are no weights, but perhaps percent: a solver's or a network's go to 1 or little more."""


def read_coefficients(path: Path) -> RigSequence:
    """The rig of a file of EmoTalk's, at 30 fps; `RigError` for an array of another kind."""
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RigError(f"{path} is not a numpy array of numbers.", "EmoTalk's are (T, 52) floats.") from error
    shaped = isinstance(values, np.ndarray) and values.ndim == 2 and values.shape[1] == len(_COLUMNS)
    if not shaped or values.dtype.kind != "f" or not 1 <= len(values) <= MAX_FRAMES:
        shape, kind = getattr(values, "shape", "an archive"), getattr(values, "dtype", "")
        raise RigError(f"{path} holds {shape} {kind}.".replace(" .", "."), "EmoTalk's coefficients are (T, 52) floats.")
    weights = np.asarray(values, np.float64)[:, _COLUMNS]
    if np.isfinite(weights).all() and np.abs(weights).max() > _MOST:
        raise RigError(f"{path} goes to {np.abs(weights).max():.3g}; weights go from 0 to 1.", "They may be percent.")
    try:
        return from_arkit(weights, FPS)
    except RigError as error:
        raise RigError(f"{path}: {error.message}", error.hint) from error
