"""A file is whole or absent, whatever happens while it is written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from medtalk_wire.files import write_whole

posix = pytest.mark.skipif(os.name != "posix", reason="modes mean nothing on Windows")


def test_texts_and_bytes_over_what_was_there_in_a_folder_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.txt"
    write_whole(path, "Zürich\n" * 3)
    assert path.read_bytes() == ("Zürich\n" * 3).encode()
    write_whole(str(path), b"\x00")
    assert path.read_bytes() == b"\x00" and os.listdir(path.parent) == ["file.txt"]


@pytest.mark.parametrize("private", [False, True])
def test_one_that_fails_leaves_nothing_and_the_old_file(tmp_path: Path, private: bool) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        write_whole(tmp_path / "folder", "x", private=private)  # a folder stands in its place
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "text", "\ud800", private=private)
    assert os.listdir(tmp_path) == ["folder"] and os.listdir(tmp_path / "folder") == []


@posix
def test_a_private_one_is_for_this_user_only(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        write_whole(tmp_path / "private" / "file", "x", private=True)
        write_whole(tmp_path / "open" / "file", "x")
    finally:
        os.umask(old)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("private", "private/file", "open/file")]
    assert modes == [0o700, 0o600, 0o644]


@pytest.mark.parametrize("tries", [1, 2])
def test_a_file_that_somebody_reads_is_tried_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tries: int
) -> None:
    """As on Windows, where a file that is open cannot be replaced."""
    replace, refused = os.replace, []

    def busy(old: Path, new: Path) -> None:
        if len(refused) < tries:
            refused.append(new)
            raise PermissionError("in use")
        replace(old, new)

    (tmp_path / "file").write_text("old")
    monkeypatch.setattr(os, "replace", busy)
    if tries == 1:
        write_whole(tmp_path / "file", "new")
    else:
        with pytest.raises(PermissionError):
            write_whole(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == ("new" if tries == 1 else "old")
    assert os.listdir(tmp_path) == ["file"]
