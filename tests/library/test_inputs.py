"""Whatever a user names as an input is a file, or is refused at once."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from medtalk.audio import read_speech
from medtalk.bundle import load_bundle
from medtalk.cli.batch import _read_transcript
from medtalk.cli.ready_made import read_features
from medtalk.errors import MedtalkError, RigError
from medtalk.guidance import read_picture
from medtalk.inputs import open_input, read_input
from medtalk.rig import read_rig


def manifest(path: Path) -> object:
    """Reads the bundle whose manifest is `path`."""
    folder = path.parent / "bundle"
    folder.mkdir(exist_ok=True)
    (folder / "bundle.json").unlink(missing_ok=True)
    (folder / "bundle.json").symlink_to(path)
    return load_bundle(folder)


READERS: dict[str, Callable[[Path], object]] = {
    "sound": read_speech,
    "rig": read_rig,
    "JSON rig": lambda path: read_rig(_called(path, "a.json")),
    "npz rig": lambda path: read_rig(_called(path, "a.npz")),
    "transcript": _read_transcript,
    "features": read_features,
    "picture": read_picture,
    "bundle": manifest,
}


def _called(path: Path, name: str) -> Path:
    link = path.with_name(name)
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    return link


@pytest.mark.parametrize("kind", READERS)
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    pipe, device, missing = (tmp_path / f"{name}.csv" for name in ("pipe", "device", "missing"))
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    (tmp_path / "folder.csv").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.csv"))
        for path, words in (
            (pipe, "device or pipe"),
            (device, "device or pipe"),
            (tmp_path / "socket.csv", "device or pipe"),
            (tmp_path / "folder.csv", "folder"),
            (missing, "does not exist"),
        ):
            with pytest.raises(MedtalkError, match=words) as caught:
                READERS[kind](path)
            assert "\n" not in str(caught.value)


def test_a_file_is_opened_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    with open_input(path, "thing", RigError) as (stream, size, shown):
        assert (stream.read(), size, shown) == (b"12345", 5, str(path))
    assert stream.closed
    assert read_input(path, "thing", RigError, 5) == b"12345"
    with pytest.raises(RigError, match="a has 5 bytes; a thing may have at most 4"):
        read_input(path, "thing", RigError, 4)


def test_a_file_that_has_grown_is_refused(tmp_path: Path) -> None:
    # Files of /proc say that they have 0 bytes.
    with pytest.raises(RigError, match="has over 10 bytes"):
        read_input("/proc/cpuinfo", "thing", RigError, 10)


@pytest.mark.parametrize("path", [None, 3.5, ["a"], b"\xff", "a\0b", "x" * 300])
def test_paths_that_are_none(path: object) -> None:
    with pytest.raises(RigError):
        read_input(path, "thing", RigError, 4)  # pyright: ignore[reportArgumentType]
