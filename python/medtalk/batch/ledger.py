"""The ledger: `results.jsonl` beside the rigs, an object a line for each line of the production that was done.

It is only ever appended to, a line in one piece, so that a bake that is killed loses at most what was not done yet. A
cut or damaged line is lost, and no more. Chunks on a farm write a ledger each, `results.100-199.jsonl`; all of them are
read.

The last record of a line counts. No clock says which that is: every bake has a number, one more than any that it finds.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from medtalk.errors import OutputError, SettingError
from medtalk.files import output_error

NAME = "results"
DONE, FAILED = "done", "failed"
END = "end"
"""Stands in the name of a chunk's ledger for a chunk without a last row."""
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
    """The last record of each line, by its first output; and a note on each ledger with lines that cannot be read.

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
    files: dict[str, tuple[str, dict[str, Any]]] = {}  # name -> the line that made it last, and what it was then
    for record in every:
        line = record["out"][0]
        records[line] = record
        if "files" in record:
            for name in record["out"]:
                files.pop(name, None)
            files |= {entry["file"]: (line, entry) for entry in record["files"]}
    for line, record in records.items():
        own = (files.get(name) for name in record["out"])
        record["files"] = [each[1] for each in own if each and each[0] == line]
    return records, notes


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

    Args:
        folder: of the rigs.
        chunk: first and last row of a chunk, None for an open end; None is the whole production.

    Raises:
        OutputError: another bake writes it, or it cannot be written.
    """

    def __init__(self, folder: Path, chunk: tuple[int, int | None] | None = None) -> None:
        rows = f".{chunk[0]}-{chunk[1] or END}" if chunk else ""
        self.path = folder / f"{NAME}{rows}.jsonl"
        self.records: dict[str, dict[str, Any]] = {}
        """Those of `read_records`, as they were when this bake began; `notes` likewise."""
        self.notes: list[str] = []
        self._bake = 1

    def __enter__(self) -> Self:
        try:
            self._stream = open(self.path, "ab+", buffering=0)
        except OSError as error:
            raise output_error(self.path, error) from error
        if not _lock(self._stream.fileno()):
            self._stream.close()
            raise OutputError(
                f"Another bake is at work on {self.path.parent}.", "Wait for its end, or give each its own --rows."
            )
        try:
            size = self._stream.seek(0, os.SEEK_END)
            if size:
                self._stream.seek(size - 1)
                if self._stream.read(1) != b"\n":  # cut in the middle of a line
                    self._stream.write(b"\n")
            self.records, self.notes = read_records(self.path.parent)
        except OSError as error:
            self._stream.close()
            raise output_error(self.path, error) from error
        except SettingError:
            self._stream.close()
            raise
        self._bake = 1 + max(map(_bake, self.records.values()), default=0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()  # which also unlocks it

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


def _lock(number: int) -> bool:
    """Whether the lock of an open file is ours now. The system takes it back when the process ends, however it ends.

    A drive that knows no locks is taken for ours: there is no way to tell.
    """
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(number, 1 << 40, os.SEEK_SET)  # far behind what is read
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
    return True
