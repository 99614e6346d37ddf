"""Files that are whole or absent: written beside their target under another name, then renamed.

A run that is killed can leave such a file; `sweep` removes those of runs that have ended.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
import stat
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from medtalk.errors import DiskFullError, OutputError

_BLOCK = 1 << 20
_WINDOWS = os.name == "nt"
_OPEN_ELSEWHERE_SECONDS = 1.0  # a virus scanner or indexer lets go of a new file within it
_LONGEST_PATH = 259  # characters, where Windows' long paths are not switched on
# Names of devices in every folder of Windows, whatever follows the first dot, and names that it cannot keep.
_NO_WINDOWS_NAME = re.compile(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(\..*)?|.*[<>:\"|?*\x00-\x1f].*|.*[. ]", re.IGNORECASE
)
_HOST = f"{zlib.crc32(socket.gethostname().encode()):08x}"  # a folder may be shared with other machines
_LEFT = re.compile(r"\.medtalk-([0-9a-f]{8})-([0-9]+)-[0-9a-f]{12}(\..*)?")


def write_atomic(path: str | Path, write: Callable[[Path], object], *, force: bool = False) -> Path:
    """Let `write(temporary)` make a file beside `path`, then rename it to `path`, replacing what was there.

    The temporary name keeps `path`'s ending, for writers that look at it. If `write` fails in any way, nothing is left
    and the old file stays. A link is followed. Failures of the file system become `OutputError`, as does a file that is
    read-only, unless `force` says to replace it; errors of `write` itself pass through. Returns `path`.
    """
    target = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
    check_file(target, force=force)
    temporary = _beside(target)
    try:
        try:
            write(temporary)
            _sync(temporary)
            # A new file gets the mode any program would give it, an old one keeps its own.
            if target.exists():
                shutil.copymode(target, temporary)
            _replace(temporary, target)
        except OSError as error:
            raise output_error(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)
    return Path(path)


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
                raise OutputError(f"{target} is a file, but a folder is needed.", "Give another name or remove it.")
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
            raise output_error(target, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if os.path.exists(target):  # else `old` holds the only copy
            shutil.rmtree(old, ignore_errors=True)
    return target


def check_file(
    path: str | Path, *, force: bool = False, endings: Sequence[str] = (), inputs: Iterable[str | Path | None] = ()
) -> None:
    """Raise the `OutputError` of `write_atomic` for a file that cannot be written there, or should not.

    A file that is read-only may be checked in (Perforce): it is replaced with `force` only.
    endings: those that the name may have; any if there are none. inputs: files that must stay as they are.
    """
    target = Path(path)
    check_folder(target)
    try:
        if target.is_dir():
            raise OutputError(f"{target} is a folder, not a file.", "Give a file name.")
        if endings and not target.name.lower().endswith(tuple(endings)):
            raise OutputError(f"{target} does not have a valid ending.", f"Valid: {' '.join(endings)}")
        if target.exists() and not target.is_file():
            raise OutputError(f"{target} is a device or a pipe, not a file.", "Give a file name.")
        if target.exists() and any(each and os.path.exists(each) and os.path.samefile(each, target) for each in inputs):
            raise OutputError(f"{target} is read by this command, and would be lost.", "Give another name.")
        if not force and target.exists() and not target.stat().st_mode & 0o222:  # os.access lets root write anything
            raise OutputError(
                f"{target} is read-only.", "Check it out or make it writable, or replace it with --force."
            )
    except OSError as error:
        raise output_error(target, error) from error


def make_folder(folder: str | Path) -> None:
    """Make a folder and those above it, if they are not there; `OutputError` where that fails."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(Path(folder), error) from error


def check_folder(path: str | Path) -> None:
    """Raise `OutputError` unless the folder that is to hold `path` is there and may be written to."""
    if _WINDOWS and _NO_WINDOWS_NAME.fullmatch(Path(path).name):
        raise OutputError(f"Windows does not allow a file called {Path(path).name}.", "Choose another name.")
    folder = Path(path).absolute().parent
    try:
        present = folder.is_dir()
    except OSError as error:  # a folder above it is closed to us, or the name is too long
        raise output_error(Path(path), error) from error
    if not present:
        what = "is not a folder" if folder.exists() else "does not exist"
        raise OutputError(f"Cannot write {path}: the folder {folder} {what}.", "Create it first or choose another.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(
            f"Cannot write {path}: the folder {folder} is read-only.", "Choose one that you can write to."
        )


def sha256_file(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def sweep(folder: str | Path) -> list[Path]:
    """Remove the temporary files that killed runs of this machine left in a folder; returns them.

    Those of runs that still go on, of other machines and of other users stay, and files that cannot be removed.
    """
    removed = []
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return []
    for entry in entries:
        if not (parts := _LEFT.fullmatch(entry.name)) or parts[1] != _HOST:
            continue
        from medtalk_wire.process import is_alive

        try:
            own = os.name != "posix" or entry.stat(follow_symlinks=False).st_uid == os.geteuid()
            if own and entry.is_file(follow_symlinks=False) and not is_alive(int(parts[2])):
                os.unlink(entry.path)
                removed.append(Path(entry.path))
        except OSError:
            continue
    return removed


@contextmanager
def marked(folder: str | Path) -> Iterator[Path]:
    """An empty file in a folder during the block, by which other machines can tell that they see the same folder."""
    mark = _beside(Path(folder) / "mark")
    try:
        mark.touch()
    except OSError as error:
        raise output_error(mark, error) from error
    try:
        yield mark
    finally:
        mark.unlink(missing_ok=True)


def _beside(target: Path) -> Path:
    # The whole ending (".arkit.csv") is kept. A short stem keeps a long target name within the 255 bytes of a name.
    ending = "".join(target.suffixes[-2:])[-40:]
    return target.with_name(f".medtalk-{_HOST}-{os.getpid()}-{secrets.token_hex(6)}{ending}")


def _replace(temporary: Path, target: Path) -> None:
    """Rename, also over a read-only file; on Windows that fails while another program has the old one open."""
    if not _WINDOWS:
        os.replace(temporary, target)
        return
    if target.exists():
        os.chmod(target, stat.S_IWRITE)
    deadline = time.monotonic() + _OPEN_ELSEWHERE_SECONDS
    while True:
        try:
            os.replace(temporary, target)
            return
        except PermissionError as error:
            if time.monotonic() > deadline:
                raise OutputError(
                    f"Cannot write {target}: another program has it open.", "Close it there (in Excel, for instance)."
                ) from error
            time.sleep(0.05)


def _sync(file: Path) -> None:
    # A full network disk may only say so here; without it the rename could win over the data at a power cut.
    with open(file, "rb+") as handle:
        os.fsync(handle.fileno())


def output_error(target: Path, error: OSError) -> OutputError:
    if _WINDOWS and len(str(target.absolute())) > _LONGEST_PATH:
        return OutputError(
            f"Cannot write {target}: its path has {len(str(target.absolute()))} characters; Windows allows "
            f"{_LONGEST_PATH}.", "Choose a shorter one, or switch on long paths (LongPathsEnabled)."
        )  # fmt: skip
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return DiskFullError(
                f"Cannot write {target}: the disk is full.", "Free some space; nothing was left behind."
            )
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return OutputError(f"Cannot write {target}: no permission.", "Choose a place that you can write to.")
        case errno.ENAMETOOLONG:
            return OutputError(f"Cannot write {target}: the name is too long.", "Choose a shorter one.")
        case _:
            return OutputError(f"Cannot write {target}: {error.strerror or error}.", "Choose another place.")
