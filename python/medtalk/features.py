"""Ready-made features of pretrained backbones from a file, so that these need not run: for caches and comparisons."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from medtalk.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

AXES = {"emotion2vec": 2, "clip_text": 1, "clip_image": 1}
"""Names that a file may hold, with their number of axes: emotion2vec (N, E), the others (512,)."""
MAX_BYTES = 1 << 30
"""Of all arrays of a file together: an hour of emotion2vec takes half of it."""


def read_features(path: str | Path) -> dict[str, NDArray]:
    """Features by name from an .npz file; a leading axis of 1, as of a batch, is left out.

    Widths and lengths are for the engine to judge. `SettingError` for no such file, a damaged one, names other than in
    `AXES`, or arrays of another number of axes.
    """
    import numpy as np

    file = Path(path)
    valid = f"Valid are {', '.join(AXES)}."
    if not file.is_file():
        raise SettingError(f"There is no file of features {file}.", "Check the path.")
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size <= MAX_BYTES:
            with np.load(file, allow_pickle=False) as stored:
                found = {name: stored[name] for name in stored.files if name in AXES}
                unknown = sorted(set(stored.files) - set(AXES))
    except Exception as error:  # bytes from anywhere: whatever zipfile or numpy stumbles over, the file is not whole
        reason = " ".join(str(error).split())[:120].rstrip(".")
        raise SettingError(f"{file} is not a whole .npz file of arrays ({reason}).", "Make it again.") from error
    if size > MAX_BYTES:
        raise SettingError(f"{file} holds {size >> 20} MiB; the limit is {MAX_BYTES >> 20} MiB.", valid)
    if unknown:
        raise SettingError(f"{file} holds features called {unknown[0][:40]!r}.", valid)
    if not found:
        raise SettingError(f"{file} holds no features.", valid)
    for name, array in found.items():
        if array.ndim == AXES[name] + 1 and len(array) == 1:
            found[name] = array[0]
        if found[name].ndim != AXES[name] or array.dtype.kind not in "fiu":
            raise SettingError(
                f"{name} in {file} is {array.dtype} of shape {array.shape}; it needs numbers along {AXES[name]} axes."
            )
    return found
