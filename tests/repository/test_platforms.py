"""What differs on Windows and a Mac, made to happen here. docs/platforms.md has a row for each of these tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from medtalk import files
from medtalk.bundle import load_bundle
from medtalk.errors import OutputError


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The branches of Windows in `medtalk.files`."""
    monkeypatch.setattr(files, "_WINDOWS", True)
    monkeypatch.setattr(files, "_OPEN_ELSEWHERE_SECONDS", 0.2)


def write(path: Path, text: str = "new", **options: Any) -> None:
    files.write_atomic(path, lambda temporary: temporary.write_text(text), **options)


@pytest.mark.parametrize("name", ["CON", "con.csv", "Nul.arkit.csv", "COM1.csv", "lpt9.csv", "a:b.csv", "what?.csv",
                                  "end.csv.", "end.csv "])  # fmt: skip
def test_names_that_windows_cannot_keep(windows: None, tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="Windows does not allow"):
        write(tmp_path / name)


@pytest.mark.parametrize("name", ["console.csv", "com.csv", "com10.csv", "a.con", ".csv.npz", "音声.csv"])
def test_names_that_it_can(windows: None, tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    assert (tmp_path / name).read_text() == "new"


def replacing(monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
    """`os.replace` as on Windows where another program has the file open, for the first calls."""
    real, left = os.replace, [failures]

    def replace(source: Path, target: Path) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise PermissionError(13, "Access is denied", str(source), 5, str(target))
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)


def test_a_file_that_is_open_in_another_program(windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("old")
    replacing(monkeypatch, 10**6)
    with pytest.raises(OutputError, match="another program has it open"):
        write(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_virus_scanner_lets_go(windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replacing(monkeypatch, 2)
    write(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "new"


def test_a_read_only_file_is_made_writable_to_be_replaced(windows: None, tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("old")
    target.chmod(0o444)
    with pytest.raises(OutputError, match="read-only"):
        write(target)
    write(target, force=True)
    assert target.read_text() == "new" and not target.stat().st_mode & 0o222


def test_a_path_that_is_too_long_for_windows(windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ("x" * 120) / ("y" * 120)
    folder.mkdir(parents=True)

    def fail(*_: object) -> None:
        raise FileNotFoundError(2, "The system cannot find the path specified")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OutputError, match="Windows allows 259"):
        write(folder / "a.csv")


def test_a_clone_by_git_for_windows_has_a_bundle_that_loads(tmp_path: Path, root: Path, shipped_bundle: Path) -> None:
    """Its default turns line ends; the model's files are hashed."""
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    shutil.copytree(shipped_bundle, origin / "assets" / "models" / "compact")
    shutil.copy(root / ".gitattributes", origin)
    shutil.copy(root / "setup.py", origin)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    for words in (["init"], ["add", "."], ["commit", "-m", "all"]):
        subprocess.run([*git, "-C", origin, *words], check=True, capture_output=True)
    subprocess.run([*git, "clone", "-c", "core.autocrlf=true", origin, clone], check=True, capture_output=True)
    assert load_bundle(clone / "assets" / "models" / "compact").name == "compact"
    assert (clone / "setup.py").read_bytes() == (root / "setup.py").read_bytes()
