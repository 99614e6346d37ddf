"""The ledger: `results.jsonl` beside the rigs, an object a line for each line of the production that was done.

It is only ever appended to, a line in one piece, so that a bake that is killed loses at most what was not done yet. A
cut or damaged line is lost, and no more. Chunks on a farm write a ledger each, `results.100-199.jsonl`; all of them are
read.

The last record of a file counts. No clock says which that is: every bake has a number, one more than any that it
finds.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from medtalk.errors import OutputError, SettingError
from medtalk.files import output_error

NAME = "results"
LOCK = f".{NAME}.lock"
DONE, FAILED = "done", "failed"
END = "end"
"""Stands in the name of a chunk's ledger for a chunk without a last row."""
BEGUN = "begun"
"""Code of the record of a line that is at work: what lies there may be the old files or the new ones."""
_MOST_ROWS = 1 << 30
Record = Mapping[str, Any]
_FILE = re.compile(rf"{NAME}(\.\d+-(\d+|{END}))?\.jsonl")
_KINDS: dict[str, type | tuple[type, ...]] = {
    "settings": dict, "input": dict, "error": dict, "quality": dict, "files": list, "bake": int, "conflicts": list,
    "seconds": (int, float), "elapsed": (int, float), "medtalk": str,
}  # fmt: skip


def ledgers(folder: Path) -> list[Path]:
    """The ledgers in a folder, by name."""
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if _FILE.fullmatch(entry.name) and entry.is_file())
    except OSError as error:
        raise SettingError(
            f"The folder {folder} cannot be read: {error.strerror}.", "Check its permissions."
        ) from error


def read_records(folder: Path) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The last record that speaks of each file, by its name; and a note on each ledger with lines that cannot be read.

    The `files` of a record are those that no later record speaks of. One that failed has those of the last that did
    not: they still lie there.
    """
    every: list[dict[str, Any]] = []
    notes = []
    for path in ledgers(folder):
        found, lost = _read(path)
        every += found
        if lost:
            notes.append(f"{path}: {lost} line{'s' if lost > 1 else ''} cannot be read, and will be made again.")
    every.sort(key=_bake)  # stable: within a bake the order is that of the ledger
    records: dict[str, dict[str, Any]] = {}
    files: dict[str, dict[str, Any]] = {}  # what each was when it was made
    for record in every:
        records |= dict.fromkeys(record["out"], record)
        if "files" in record:
            for name in record["out"]:
                files.pop(name, None)
            files |= {entry["file"]: entry for entry in record["files"]}
    for record in records.values():
        own = (name for name in record["out"] if records[name] is record)
        record["files"] = [files[name] for name in own if name in files]
    return records, notes


def known_files(names: Iterable[str], records: Mapping[str, Record]) -> dict[str, Mapping[str, Any]]:
    """What some files were when a bake made them, by name; those that none made lack."""
    entries = (entry for name in names for entry in records.get(name, {}).get("files", ()) if entry["file"] == name)
    return {entry["file"]: entry for entry in entries}


def _bake(record: Record) -> int:
    return record.get("bake", 0)


def _read(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The records of a ledger, and how many lines of it cannot be read."""
    found, lost = [], 0
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            for line in stream:
                if not line.strip():
                    continue
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError):
                    record = None
                if _is_whole(record):
                    found.append(record)
                else:
                    lost += 1
    except OSError as error:
        raise SettingError(f"The ledger {path} cannot be read: {error.strerror}.", "Check its permissions.") from error
    return found, lost


def _is_whole(record: Any) -> bool:
    """Whether it is a record, all of whose parts are of their kinds."""
    if not isinstance(record, dict) or record.get("state") not in (DONE, FAILED):
        return False
    if not all(isinstance(record[name], kind) for name, kind in _KINDS.items() if name in record):
        return False
    quality, files = record.get("quality", {}), record.get("files", [])
    words = [record.get("error", {}).get("message", ""), quality.get("summary", "")]
    texts = (record.get("out"), words, quality.get("findings", []), record.get("conflicts", []))
    named = all(isinstance(each, dict) and isinstance(each.get("file"), str) for each in files)
    return bool(record.get("out")) and named and all(map(_are_texts, texts))


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(each, str) for each in values)


class Ledger:
    """A ledger that is written, by one bake at a time. Use it in a `with` block, which begins by reading all ledgers.

    A bake locks its rows: a whole one all of them, so that no two bakes that share a row go on at the same time.

    Args:
        folder: of the rigs.
        chunk: first and last row of a chunk, None for an open end; None is the whole production.

    Raises:
        OutputError: another bake is at work on these rows, or it cannot be written.
    """

    def __init__(self, folder: Path, chunk: tuple[int, int | None] | None = None) -> None:
        rows = f".{chunk[0]}-{chunk[1] or END}" if chunk else ""
        self.path = folder / f"{NAME}{rows}.jsonl"
        self._rows = (chunk[0], chunk[1] or _MOST_ROWS) if chunk else (1, _MOST_ROWS)
        self.records: dict[str, dict[str, Any]] = {}
        """Those of `read_records`, as they were when this bake began; `notes` likewise."""
        self.notes: list[str] = []
        self._bake = 1

    def __enter__(self) -> Self:
        lock = self.path.with_name(LOCK)
        try:
            self._lock = open(lock, "ab+")
        except OSError as error:
            raise output_error(lock, error) from error
        if not _lock(self._lock.fileno(), *self._rows):
            self._lock.close()
            raise OutputError(
                f"Another bake is at work on {self.path.parent}, or on some of these rows.",
                "Wait for its end, or give each its own --rows.",
            )
        try:
            self._stream = open(self.path, "ab+", buffering=0)
        except OSError as error:
            self._lock.close()
            raise output_error(self.path, error) from error
        try:
            size = self._stream.seek(0, os.SEEK_END)
            if size:
                self._stream.seek(size - 1)
                if self._stream.read(1) != b"\n":  # cut in the middle of a line
                    self._stream.write(b"\n")
            self.records, self.notes = read_records(self.path.parent)
        except OSError as error:
            self._close()
            raise output_error(self.path, error) from error
        except SettingError:
            self._close()
            raise
        self._bake = 1 + max(map(_bake, self.records.values()), default=0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._stream.close()
        self._lock.close()  # which also unlocks the rows

    def write(self, record: Record) -> None:
        """Append a record, whole; `OutputError` where that fails."""
        record = {**record, "bake": self._bake}
        data = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        try:
            if self._stream.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._stream.fileno())  # a full network disk may only say so here
        except OSError as error:
            raise output_error(self.path, error) from error


def _lock(number: int, first: int, last: int) -> bool:
    """Whether the lock of some rows is ours now: of that many bytes, which the open file need not have. The system
    takes it back when the process ends, however it ends, or closes the file, which must be opened for nothing else.

    A drive that knows no locks is taken for ours: there is no way to tell.
    """
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(number, first, os.SEEK_SET)
            msvcrt.locking(number, msvcrt.LK_NBLCK, last - first + 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB, last - first + 1, first)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
    return True
