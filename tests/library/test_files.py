from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest

from medtalk import errors
from medtalk.errors import MedtalkError, OutputError
from medtalk.files import check_file, sha256_file, write_atomic, write_folder_atomic


def test_every_error_has_its_own_code_and_is_one_line() -> None:
    tree = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MedtalkError)]
    assert len(tree) == 18
    # ServiceError has the codes of the protocol, one an instance.
    assert len({kind.code for kind in tree if kind is not errors.ServiceError}) == len(tree) - 1
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in tree)
    error = OutputError("a\nb is wrong.", "Do c.")
    assert str(error) == "a b is wrong. Do c." and error.message == "a b is wrong." and error.hint == "Do c."


def test_the_temporary_file_lies_beside_and_keeps_the_ending(tmp_path: Path) -> None:
    seen = []

    def write(temporary: Path) -> None:
        seen.append(temporary)
        temporary.write_text("new")
        assert target.read_text() == "old"

    target = tmp_path / "a.arkit.csv"
    target.write_text("old")
    target.chmod(0o640)
    assert write_atomic(target, write) == target
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert seen[0].parent == tmp_path and seen[0].name.endswith(".arkit.csv")
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("failure", [RuntimeError("bug"), KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, failure: BaseException) -> None:
    def write(temporary: Path) -> None:
        temporary.write_text("half")
        raise failure

    target = tmp_path / "a.csv"
    target.write_text("old")
    expected = OutputError if isinstance(failure, OSError) else type(failure)
    with pytest.raises(expected):
        write_atomic(target, write)
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")

    def write(temporary: Path) -> None:
        temporary.write_text("half")
        with open("/dev/full", "wb", buffering=0) as full:
            full.write(b"x")

    with pytest.raises(OutputError, match="disk is full"):
        write_atomic(tmp_path / "a.csv", write)
    assert not list(tmp_path.iterdir())


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    def write(temporary: Path) -> None:
        temporary.write_text("x")

    with pytest.raises(OutputError, match="does not exist"):
        write_atomic(tmp_path / "no" / "a.csv", write)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is not a folder"):
        write_atomic(tmp_path / "file" / "a.csv", write)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        write_atomic(tmp_path / "folder.csv", write)
    with pytest.raises(OutputError, match="name is too long"):
        write_atomic(tmp_path / ("x" * 300), write)
    with pytest.raises(OutputError, match="is a file"):
        write_folder_atomic(tmp_path / "file", lambda folder: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.csv"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "bundle"

    def write(version: str):
        def inner(folder: Path) -> None:
            assert not list(folder.iterdir())
            (folder / version).write_text(version)

        return inner

    write_folder_atomic(target, write("one"))
    write_folder_atomic(target, write("two"))
    assert [path.name for path in target.iterdir()] == ["two"]
    assert list(tmp_path.iterdir()) == [target]

    def fail(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise ValueError("bug")

    with pytest.raises(ValueError, match="bug"):
        write_folder_atomic(target, fail)
    assert [path.name for path in target.iterdir()] == ["two"] and list(tmp_path.iterdir()) == [target]


def test_sha256(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    (tmp_path / "a").write_bytes(data)
    assert sha256_file(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def test_a_device_is_no_file_to_write(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="a device or a pipe"):
        write_atomic(pipe, lambda temporary: temporary.write_text("new"))
    assert stat.S_ISFIFO(pipe.stat().st_mode) and list(tmp_path.iterdir()) == [pipe]


def test_inputs_and_other_endings_are_refused(tmp_path: Path) -> None:
    rig, link = tmp_path / "a.npz", tmp_path / "b.html"
    rig.write_text("rig")
    link.symlink_to(rig)
    for target in (rig, link):
        with pytest.raises(OutputError, match="would be lost"):
            check_file(target, inputs=[None, tmp_path / "none.wav", rig])
    check_file(rig, inputs=[tmp_path / "none.wav"])
    check_file(tmp_path / "new.HTML", endings=(".html",), inputs=[rig])
    with pytest.raises(OutputError, match=r"Valid: \.html \.htm"):
        check_file(tmp_path / "new.txt", endings=(".html", ".htm"))
