"""The folders from which sounds may be read by their path: nothing outside them is, however links are changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from medtalk.audio import read_bytes
from medtalk.errors import AudioError, ServiceError
from medtalk.inputs import path_text
from medtalk.limits import AudioLimits

_MAX_PATH = 4096  # characters; Linux takes no more, and to follow very many parts takes minutes
_STEPWISE = os.open in os.supports_dir_fd
_FOLDER, _NO_LINK = (getattr(os, name, 0) for name in ("O_DIRECTORY", "O_NOFOLLOW"))  # Windows has neither
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def reachable(text: str, folders: Sequence[Path]) -> Path:
    """The absolute path `text`, without links where there are `folders` (resolved); `ServiceError` for one outside."""
    path = Path(text)
    if not path.is_absolute():
        raise ServiceError("path", f"The path {text[:200]!r} is not absolute.", "Give the whole path.")
    if "\0" in text or len(text) > _MAX_PATH:
        raise ServiceError("path", f"The path {text[:200]!r} holds a null byte, or more than {_MAX_PATH} characters.")
    if not folders:
        return path
    try:
        real = path.resolve()  # a link must not lead outside
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links; what this system's names cannot hold
        raise ServiceError("path", f"The path {text[:200]!r} cannot be followed: {error}.") from None
    if not _inside(real, folders):
        raise _outside(text)
    return real


def read_inside(path: Path, folders: Sequence[Path], limits: AudioLimits) -> bytes:
    """The bytes of a sound file that `reachable` gave; one more than the limit where it has more.

    A link that was put there since leads nowhere: what is opened is what was looked at. Raises `ServiceError` for that,
    and `AudioError` as `medtalk.audio.read_bytes` does.
    """
    if not folders:
        return read_bytes(path, limits)
    shown = path_text(path)
    try:
        opened = _open_stepwise(path, folders) if _STEPWISE else _open_whole(path, folders)
        try:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                raise AudioError(f"{shown} is a folder, device or pipe.", "Give a sound file.")
            with open(opened, "rb", closefd=False) as file:
                return file.read(limits.max_bytes + 1)
        finally:
            os.close(opened)
    except FileNotFoundError as error:
        raise AudioError(f"{shown} does not exist.", "Check the path.") from error
    except PermissionError as error:
        raise AudioError(f"{shown} may not be read.", "Check its permissions.") from error
    except OSError as error:  # also a link where there was none
        raise ServiceError("path", f"The path {shown[:200]!r} cannot be followed: {error.strerror}.") from error


def _open_stepwise(path: Path, folders: Sequence[Path]) -> int:
    """A descriptor of the file: each part is opened in the one before, and none may be a link."""
    folder = next(folder for folder in folders if path.is_relative_to(folder))
    opened = os.open(folder, _FLAGS | _FOLDER)
    parts = path.relative_to(folder).parts
    for number, part in enumerate(parts, 1):
        kind = 0 if number == len(parts) else _FOLDER
        try:
            inner = os.open(part, _FLAGS | _NO_LINK | kind, dir_fd=opened)
        finally:
            os.close(opened)
        opened = inner
    return opened


def _open_whole(path: Path, folders: Sequence[Path]) -> int:
    """The same where a file cannot be opened in a folder that is open (Windows): what was opened must lie inside."""
    opened = os.open(path, _FLAGS)
    try:
        real = path.resolve()
        if not (_inside(real, folders) and os.path.samestat(os.fstat(opened), os.lstat(real))):
            raise _outside(str(path))
    except BaseException:
        os.close(opened)
        raise
    return opened


def _inside(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _outside(text: str) -> ServiceError:
    return ServiceError(
        "path",
        f"The path {text[:200]!r} is outside the folders that this sidecar may read.",
        "Start it with --sounds FOLDER, or send the sound itself.",
    )
