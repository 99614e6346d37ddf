"""Files that are whole or absent: written beside their target under another name, then renamed."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from medtalk.errors import OutputError

_BLOCK = 1 << 20


def write_atomic(path: str | Path, write: Callable[[Path], object]) -> Path:
    """Let `write(temporary)` make a file beside `path`, then rename it to `path`, replacing what was there.

    The temporary name keeps `path`'s ending, for writers that look at it. If `write` fails in any way, nothing is left
    and the old file stays. Failures of the file system become `OutputError`; errors of `write` itself pass through.
    Returns `path`.
    """
    target = Path(path)
    check_folder(target)
    temporary = _beside(target)
    try:
        try:
            if target.is_dir():
                raise OutputError(f"{target} is a folder, not a file.", "Give a file name.")
            write(temporary)
            _sync(temporary)
            # A new file gets the mode any program would give it, an old one keeps its own.
            if target.exists():
                shutil.copymode(target, temporary)
            os.replace(temporary, target)
        except OSError as error:
            raise _output_error(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)
    return target


def write_folder_atomic(path: str | Path, write: Callable[[Path], object]) -> Path:
    """Let `write(temporary)` fill an empty folder beside `path`, then rename it to `path`.

    A folder that is there already is replaced as a whole, and put back if the exchange fails. Returns `path`.
    """
    target = Path(path)
    check_folder(target)
    temporary, old = _beside(target), _beside(target)
    try:
        try:
            if target.exists() and not target.is_dir():
                raise OutputError(f"{target} is a file; a folder is to be written.", "Give another name or remove it.")
            temporary.mkdir()
            write(temporary)
            for file in temporary.rglob("*"):
                if file.is_file():
                    _sync(file)
            if target.exists():
                os.rename(target, old)  # a folder that is not empty cannot be replaced in one step
                try:
                    os.rename(temporary, target)
                except OSError:
                    os.rename(old, target)
                    raise
            else:
                os.rename(temporary, target)
        except OSError as error:
            raise _output_error(target, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if os.path.exists(target):  # else `old` holds the only copy
            shutil.rmtree(old, ignore_errors=True)
    return target


def check_folder(path: str | Path) -> None:
    """Raise `OutputError` unless the folder that is to hold `path` is there and may be written to."""
    folder = Path(path).absolute().parent
    try:
        present = folder.is_dir()
    except OSError as error:  # a folder above it is closed to us, or the name is too long
        raise _output_error(Path(path), error) from error
    if not present:
        what = "is not a folder" if folder.exists() else "does not exist"
        raise OutputError(f"Cannot write {path}: the folder {folder} {what}.", "Make it first or choose another.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"Cannot write {path}: the folder {folder} is read-only.", "Choose one you may write to.")


def sha256_file(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _beside(target: Path) -> Path:
    # The whole ending (".arkit.csv") is kept. A short stem keeps a long target name within the 255 bytes of a name.
    return target.with_name(f".medtalk-{secrets.token_hex(6)}{''.join(target.suffixes[-2:])[-40:]}")


def _sync(file: Path) -> None:
    # A full network disk may only say so here; without it the rename could win over the data at a power cut.
    with open(file, "rb+") as handle:
        os.fsync(handle.fileno())


def _output_error(target: Path, error: OSError) -> OutputError:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return OutputError(f"Cannot write {target}: the disk is full.", "Free some space; nothing was left behind.")
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return OutputError(f"Cannot write {target}: no permission.", "Choose a place you may write to.")
        case errno.ENAMETOOLONG:
            return OutputError(f"Cannot write {target}: the name is too long.", "Choose a shorter one.")
        case _:
            return OutputError(f"Cannot write {target}: {error.strerror or error}.", "Choose another place.")
