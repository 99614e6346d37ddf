"""Ready-made features of pretrained backbones from a file, so that these need not run: for caches and comparisons."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from medtalk.errors import SettingError
from medtalk.inputs import open_input

if TYPE_CHECKING:
    from numpy.typing import NDArray

AXES = {"emotion2vec": 2, "clip_text": 1, "clip_image": 1}
"""Names that a file may hold, with their number of axes: emotion2vec (N, E), the others (512,)."""
MAX_BYTES = 1 << 30
"""Of all arrays of a file together: an hour of emotion2vec takes half of it."""


def feature_names(path: str | Path) -> list[str]:
    """Names of the features in an .npz file, which are not read.

    `SettingError` for a missing, damaged or too large file, or names other than in `AXES`.
    """
    valid = f"Valid are {', '.join(AXES)}."
    with _opened(path) as (stream, file), zipfile.ZipFile(stream) as archive:
        entries = archive.infolist()
    names = [entry.filename.removesuffix(".npy") for entry in entries]
    if (size := sum(entry.file_size for entry in entries)) > MAX_BYTES:
        raise SettingError(f"{file} holds {-(-size >> 20)} MiB; the limit is {MAX_BYTES >> 20} MiB.", valid)
    if unknown := sorted(set(names) - set(AXES)):
        raise SettingError(f"{file} holds features called {unknown[0][:40]!r}.", valid)
    if not names:
        raise SettingError(f"{file} holds no features.", valid)
    return names


def read_features(path: str | Path) -> dict[str, NDArray]:
    """Features by name from an .npz file; a leading axis of 1, as of a batch, is left out.

    Widths and lengths are for the engine to judge. `SettingError` as of `feature_names`, and for arrays of another
    number of axes.
    """
    import numpy as np

    names = feature_names(path)
    with _opened(path) as (stream, file), np.load(stream, allow_pickle=False) as stored:
        arrays = {name: np.asarray(stored[name]) for name in names}  # anything but an array comes as bytes
    for name, array in arrays.items():
        if array.ndim == AXES[name] + 1 and len(array) == 1:
            arrays[name] = array[0]
        if arrays[name].ndim != AXES[name] or array.dtype.kind not in "fiu":
            raise SettingError(
                f"{name} in {file} is {array.dtype} of shape {array.shape}; it needs numbers along {AXES[name]} axes."
            )
    return arrays


@contextmanager
def _opened(path: str | Path) -> Iterator[tuple[BinaryIO, str]]:
    """The open file and how to call it; what zipfile or numpy stumbles over in it becomes one `SettingError`."""
    with open_input(path, "file of features", SettingError) as (stream, _, shown):
        try:
            yield stream, shown
        except Exception as error:
            reason = " ".join(str(error).split())[:120].rstrip(".")
            raise SettingError(
                f"{shown} is not a complete .npz file of arrays ({reason}).", "Make it again."
            ) from error


def all_have(name: str, ready: Mapping[Path, Path]) -> bool:
    """Whether every sound has ready-made features of that name; `SettingError` for a file that is not there."""
    return bool(ready) and all([name in feature_names(file) for file in ready.values()])
