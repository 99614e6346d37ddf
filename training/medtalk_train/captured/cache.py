"""Arrays on disk under the hash of what they were computed from: what is there is never computed again."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.files import write_atomic

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DIGEST = hashlib.sha256().digest_size


class Cache:
    """A folder of arrays, PART/KEY.npy, each with its SHA-256 at its end.

    Files appear whole or not at all, so a cut run goes on where it stopped; one whose bytes have changed since, or that
    lost some, is computed again.

    Attributes:
        computed, reused: how many arrays so far.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.computed = self.reused = 0

    def file(self, part: str, key: str, compute: Callable[[], NDArray]) -> str:
        """The file, relative to the folder, of an array that `compute` makes if it is not there yet."""
        name = f"{part}/{key}.npy"
        path = self.folder / name
        if _whole(path):
            self.reused += 1
            return name
        sealed = _sealed(compute())
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, lambda to: to.write_bytes(sealed))
        self.computed += 1
        return name

    def open(self, name: str) -> NDArray:
        """An array, mapped from its file rather than read: a slice costs what the slice is."""
        return np.load(self.folder / name, mmap_mode="r")


def _sealed(array: NDArray) -> bytes:
    """An array as a file of numpy's, and the hash of that."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue() + hashlib.sha256(file.getvalue()).digest()


def _whole(path: Path) -> bool:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return False
    return hashlib.sha256(data[:-_DIGEST]).digest() == data[-_DIGEST:]
