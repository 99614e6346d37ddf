"""The ledger: `results.jsonl` beside the rigs, an object a line for each line of the production that was done.

It is only ever appended to, a line in one piece, so that a bake that is killed loses at most what was not done yet. A
cut or damaged line is lost, and no more. The last record of a line counts. Chunks on a farm write a ledger each,
`results.100-199.jsonl`; all of them are read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from medtalk.errors import OutputError, SettingError
from medtalk.files import output_error

NAME = "results"
DONE, FAILED = "done", "failed"
Record = Mapping[str, Any]


def ledgers(folder: Path) -> list[Path]:
    """The ledgers in a folder, the oldest first."""
    found = [path for path in folder.glob(f"{NAME}*.jsonl") if path.is_file()]
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))


def read_records(folder: Path) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The last record of each line, by its first output; and a note on each ledger with lines that cannot be read."""
    records: dict[str, dict[str, Any]] = {}
    notes = []
    for path in ledgers(folder):
        lost = 0
        for record in _lines(path):
            if record is None:
                lost += 1
                continue
            key = record["out"][0]
            old = records.get(key)
            if old is None or record.get("time", "") >= old.get("time", ""):
                records[key] = record
        if lost:
            notes.append(f"{path}: {lost} line{'s' if lost > 1 else ''} cannot be read, and will be made again.")
    return records, notes


def _lines(path: Path) -> Iterator[dict[str, Any] | None]:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            for line in stream:
                if not line.strip():
                    continue
                try:
                    record = json.loads(line)
                    good = isinstance(record, dict) and isinstance(record["out"], list) and record["out"]
                    good = good and record["state"] in (DONE, FAILED)
                except (ValueError, KeyError, RecursionError):
                    good, record = False, None
                yield record if good else None
    except OSError as error:
        raise SettingError(f"The ledger {path} cannot be read: {error.strerror}.", "Check its permissions.") from error


class Ledger:
    """A ledger that is written, by one bake at a time. Use it in a `with` block.

    Raises:
        OutputError: another bake writes it, or it cannot be written.
    """

    def __init__(self, folder: Path, rows: tuple[int, int] | None = None) -> None:
        chunk = f".{rows[0]}-{rows[1]}" if rows else ""
        self.path = folder / f"{NAME}{chunk}.jsonl"

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
        except OSError as error:
            self._stream.close()
            raise output_error(self.path, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()  # which also unlocks it

    def write(self, record: Record) -> None:
        """Append a record, whole; `OutputError` where that fails."""
        data = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        try:
            if self._stream.write(data) != len(data):
                raise OSError(28, "No space left on device")
        except OSError as error:
            raise output_error(self.path, error) from error


def _lock(number: int) -> bool:
    """Whether the lock of an open file is ours now. The system takes it back when the process ends, however it ends."""
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(number, 1 << 40, os.SEEK_SET)  # far behind what is read
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
