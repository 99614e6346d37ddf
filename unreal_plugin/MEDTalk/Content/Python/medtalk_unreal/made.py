"""What bulk work has made: a ledger of assets, and a mark on each asset that says what it was made of.

The ledger, `Saved/MEDTalk/assets.jsonl`, has an object a line for each asset: made, changed by hand, or failed with the
reason. It is only appended to, so that an editor that dies loses nothing of it. The mark goes where the asset goes: an
asset that came from source control is known by it on a machine whose ledger does not have it.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import unreal

from medtalk_board.expressions import PREFIX
from medtalk_unreal import compat, settings
from medtalk_unreal.edits import source_of
from medtalk_unreal.errors import CancelledError, PluginError

MADE, EDITED, FAILED = "made", "edited", "failed"
_MARK = "MEDTalk.made"
_DIGITS = 4  # of a key, so that what is stored in another precision is still the same


class Book:
    """The ledger of the project. Raises `PluginError` where it cannot be read."""

    def __init__(self) -> None:
        self.path = settings.folder() / "assets.jsonl"
        self._records: dict[str, dict[str, Any]] = {}
        try:
            text = self.path.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unusable(self.path, "read", error) from error
        for line in text.splitlines():
            try:
                record = json.loads(line)
                self._records[record["asset"].lower()] = record
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                continue  # cut, when an editor died: its mark still says what the asset is

    def of(self, asset: str) -> Mapping[str, Any]:
        """The last record of an asset; empty for none."""
        return self._records.get(asset.lower(), {})

    def has(self, asset: str, key: str) -> bool:
        """Whether an asset is there and was made of what `key` stands for, by its record or, without one, its mark."""
        if not unreal.EditorAssetLibrary.does_asset_exist(asset):
            return False
        record = self.of(asset)
        if record.get("state") == MADE and record.get("key") == key:
            return True
        found = compat.load(asset)
        return found is not None and _mark_of(found).get("key") == key

    def left(self, asset: str, key: str, source: str, hand_edits: str, again: bool = False) -> str:
        """Why an asset is to be left: `MADE` of the same, or `EDITED` by hand; "" for one to write.

        source: of the asset, as `edits.source_of` has it. hand_edits: as of a target; an AnimSequence has no place to
        keep them, so they are dropped or it is left. again: also what is made. Raises `PluginError` for an asset of
        another source, and for one that cannot be written.
        """
        if not again and self.has(asset, key):
            return MADE
        there = compat.load(asset)
        if there is not None and source_of(there) != source:
            raise PluginError(f"{asset} is in the project already, and was not made of this.", "Choose another name.")
        if hand_edits != "drop" and is_edited(asset):
            self.write(asset, EDITED)
            return EDITED
        check_writable(asset)
        return ""

    @contextmanager
    def writing(self, asset: str, key: str, **of: Any) -> Iterator[dict[str, Any]]:
        """Inside, an asset is written of what `key` stands for; then it is marked, saved and recorded, as is a failure.

        of: what it is made of, for its record; what is put into the record inside is recorded, too. A `key` that is
        known only inside is put there, or "" for an asset that is left as it is.
        """
        record = {"key": key, **of}
        try:
            yield record
            if record["key"]:
                mark(asset, record["key"])
        except CancelledError:
            raise
        except Exception as error:
            known = isinstance(error, PluginError)
            self.write(asset, FAILED, **of, error=str(error) if known else f"{type(error).__name__}: {error}")
            raise
        if record["key"]:
            self.write(asset, MADE, **record)

    def write(self, asset: str, state: str, **more: Any) -> None:
        """Append a record, in one piece. Raises `PluginError` where that fails."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        record = {"asset": asset, "state": state, **more, "time": now}
        data = json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        try:
            with open(self.path, "ab+") as file:
                if file.seek(0, os.SEEK_END):
                    file.seek(-1, os.SEEK_END)
                    if file.read(1) != b"\n":  # cut in the middle of a line
                        data = b"\n" + data
                file.write(data)
        except OSError as error:
            raise _unusable(self.path, "written", error) from error
        self._records[asset.lower()] = record


def _unusable(path: Path, what: str, error: OSError) -> PluginError:
    return PluginError(
        f"The ledger of assets {path} cannot be {what}: {error.strerror}.", "Give yourself the right to, or free space."
    )


def key_of(*facts: Any) -> str:
    """A text that is the same for the same facts, which may hold bytes."""
    text = json.dumps(facts, sort_keys=True, default=lambda one: hashlib.sha256(one).hexdigest())
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def fingerprint(path: Path, *known: Mapping[str, Any]) -> dict[str, Any]:
    """Bytes, time of change (ns) and SHA-256 of a file; it is not read where size and time are as they are known.

    Raises `OSError`.
    """
    status = path.stat()
    facts = {"bytes": status.st_size, "changed": status.st_mtime_ns}
    for one in known:
        if isinstance(one.get("sha256"), str) and all(one.get(name) == value for name, value in facts.items()):
            return {**facts, "sha256": one["sha256"]}
    return {**facts, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def check_writable(path: str) -> None:
    """Have an asset that is there checked out where source control keeps it. Raises `PluginError` if its file stays
    write-protected."""
    asset = compat.load(path)
    if asset is None or not compat.is_write_protected(asset):
        return
    unreal.EditorAssetLibrary.checkout_loaded_asset(asset)
    if compat.is_write_protected(asset):
        raise PluginError(f"The file of {path} is write-protected.", "Check it out, then run it again.")


def mark(path: str, key: str) -> None:
    """Mark an asset as made of what `key` stands for, and save it. Raises `PluginError` where it cannot be saved."""
    asset = compat.load(path)
    if asset is None:
        raise PluginError(f"{path} is gone.")
    text = json.dumps({"key": key, "curves": _curves_of(asset)})
    unreal.EditorAssetLibrary.set_metadata_tag(asset, _MARK, text)
    if not unreal.EditorAssetLibrary.save_asset(path, False):
        unreal.EditorAssetLibrary.remove_metadata_tag(asset, _MARK)  # or it would count as done while the editor runs
        raise PluginError(f"{path} cannot be saved.", "Is it checked out, and is there space on the disk?")


def is_edited(path: str) -> bool:
    """Whether somebody has changed the curves of an AnimSequence since it was marked; never of another asset."""
    asset = compat.load(path)
    curves = _mark_of(asset).get("curves") if asset is not None else None
    return bool(curves) and _curves_of(asset) != curves


def _mark_of(asset: unreal.Object) -> dict[str, Any]:
    try:
        found = json.loads(str(unreal.EditorAssetLibrary.get_metadata_tag(asset, _MARK)) or "{}")
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _curves_of(asset: Any) -> str:
    """A hash of the face's curves of an AnimSequence; "" for any other asset."""
    if not isinstance(asset, unreal.AnimSequence):
        return ""
    library, digest = unreal.AnimationLibrary, hashlib.sha256()
    names = [str(name) for name in library.get_animation_curve_names(asset, unreal.RawCurveTrackTypes.RCT_FLOAT)]
    for name in sorted(name for name in names if name.lower().startswith(PREFIX.lower())):
        digest.update(name.lower().encode())
        for numbers in library.get_float_keys(asset, name):
            digest.update(struct.pack(f"<{len(numbers)}f", *(round(float(one), _DIGITS) + 0.0 for one in numbers)))
    return digest.hexdigest()
