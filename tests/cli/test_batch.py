"""Many sounds in one command: folders in, mirrored folders out, what is there already, names that clash."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from medtalk import read_rig


@pytest.fixture
def takes(tmp_path: Path, sound: Path) -> Path:
    """Sounds in folders, among other files and hidden ones."""
    for name in ("a.wav", "one/b.WAV", "one/two/c.wav", ".hidden/d.wav", "one/._b.wav"):
        path = tmp_path / "takes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sound, path)
    (tmp_path / "takes" / "notes.txt").write_text("no sound")
    (tmp_path / "takes" / "folder.wav").mkdir()
    return tmp_path / "takes"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_becomes_a_folder_of_the_same_shape(medtalk, tiny_bundle, takes, tmp_path):
    done = medtalk("generate", takes, "--bundle", tiny_bundle, "-o", tmp_path / "made" / "rigs", "--format", "npz")
    assert (done.code, done.err, len(done.out.splitlines())) == (0, "", 3)
    assert files(tmp_path / "made") == {"rigs/a.npz", "rigs/one/b.npz", "rigs/one/two/c.npz"}


def test_transcripts_lie_in_folders_of_the_same_shape(medtalk, tiny_bundle, takes, tmp_path):
    for name in ("a", "one/b", "one/two/c"):
        path = tmp_path / "words" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"the words of {path.stem}", "utf-8")
    words = ["generate", takes, "--bundle", tiny_bundle, "--transcript", tmp_path / "words", "-o", f"{tmp_path}/rigs/"]
    assert medtalk(*words, "--format", "npz").code == 0
    assert read_rig(tmp_path / "rigs" / "one" / "two" / "c.npz").meta["transcript"] == "the words of c"


def test_a_batch_goes_on_where_it_stopped(medtalk, tiny_bundle, takes, tmp_path):
    words = ["generate", takes, "--bundle", tiny_bundle, "-o", tmp_path / "rigs", "--skip-existing"]
    assert medtalk(*words).code == 0
    done = tmp_path / "rigs" / "one" / "b.csv"
    before = (tmp_path / "rigs" / "a.csv").stat().st_mtime_ns
    done.unlink()
    again = medtalk(*words)
    assert again.code == 0 and again.out.startswith("2 of 3 rig files already exist")
    assert "b.csv: 2.0 s" in again.out
    assert (tmp_path / "rigs" / "a.csv").stat().st_mtime_ns == before and done.is_file()
    assert json.loads(medtalk(*words, "--json").out or "[]") == []
    assert "3 of 3" in medtalk(*words).out


def test_what_is_wrong_with_a_batch_is_told_before_any_work(medtalk, sound, takes, tmp_path, monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("work was begun")

    monkeypatch.setattr("medtalk.perform.load", refuse)

    def refused(*words: object) -> str:
        done = medtalk("generate", *words)
        assert (done.code, done.out) == (1, "") and len(done.err.splitlines()) == 1
        return done.err

    (tmp_path / "empty").mkdir()
    assert "holds no sound" in refused(tmp_path / "empty", "-o", tmp_path / "rigs")
    shutil.copy(takes / "a.wav", takes / "A.wav")  # one file where case does not count
    shutil.copy(takes / "one" / "b.WAV", takes / "one" / "b.flac")
    line = refused(takes, "-o", tmp_path / "rigs")
    assert "would both become" in line and "The same goes for 1 more." in line
    (takes / "A.wav").unlink()
    (takes / "one" / "b.flac").unlink()
    assert "is given twice" in refused(takes, takes, "-o", tmp_path / "rigs")
    two = [tmp_path / "e\u0301.wav", tmp_path / "\u00e9.wav"]  # one file on a Mac
    for path in two:
        shutil.copy(sound, path)
    assert "would both become" in refused(*two, "-o", tmp_path / "rigs")
    assert "cannot go into the one file" in refused(takes, "-o", tmp_path / "a.csv")
    (tmp_path / "file").write_text("x")
    assert "is not a folder" in refused(takes, "-o", tmp_path / "file" / "rigs")
    shutil.copy(sound, tmp_path / "x.arkit.wav")
    line = refused(tmp_path / "x.arkit.wav", "-o", tmp_path)
    assert "would be read as .arkit.csv" in line and "--format arkit.csv" in line
    assert "--format npz cannot be used with" in refused(sound, "-o", tmp_path / "a.csv", "--format", "npz")
    assert not (tmp_path / "rigs").exists()


def test_what_is_passed_over_in_a_folder_is_said(medtalk, tiny_bundle, takes, tmp_path):
    (takes / "b.mov").write_bytes(b"a video")
    (takes / "link").symlink_to(takes / "one")
    done = medtalk("generate", takes, "--bundle", tiny_bundle, "-o", tmp_path / "rigs")
    assert done.code == 0 and len(done.out.splitlines()) == 3
    assert done.err == f"medtalk: Skipped, videos or links: {takes}/b.mov and 1 more. Name them to include them.\n"


def test_notes_name_their_sounds(medtalk, tiny_bundle, sound, silence, tmp_path):
    shutil.copy(silence, tmp_path / "other.wav")
    sounds = [sound, silence, tmp_path / "other.wav"]
    done = medtalk("generate", *sounds, "--bundle", tiny_bundle, "-o", tmp_path / "rigs")
    assert done.code == 0 and f"medtalk: {silence}: {silence.name} is silent" in done.err


def test_a_full_disk_ends_the_batch(medtalk, tiny_bundle, takes, tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    done = medtalk("generate", takes, "--bundle", tiny_bundle, "-o", tmp_path / "rigs", "--json")
    assert done.code == 1 and len(done.err.splitlines()) == 1 and "the disk is full" in done.err
    assert json.loads(done.out)["error"]["code"] == "disk_full" and files(tmp_path / "rigs") == set()


def test_a_transcript_that_looks_like_a_file(medtalk, tiny_bundle, sound, tmp_path):
    words = ["generate", sound, "--bundle", tiny_bundle, "-o", tmp_path / "a.npz", "--transcript"]
    done = medtalk(*words, "and/or")
    assert done.code == 1 and "If it is text, put a space before it." in done.err
    assert medtalk(*words, " and/or").code == 0 and read_rig(tmp_path / "a.npz").meta["transcript"] == "and/or"
    os.mkfifo(tmp_path / "pipe")
    done = medtalk(*words, tmp_path / "pipe")
    assert done.code == 1 and "is a device or pipe" in done.err


def test_a_name_cannot_command_the_terminal(medtalk, tiny_bundle, sound, tmp_path):
    name = tmp_path / "e\x1b[31mred.wav"
    shutil.copy(sound, name)
    done = medtalk("generate", name, "--bundle", tiny_bundle, "-o", f"{tmp_path}/rigs/")
    assert done.code == 0 and "\x1b" not in done.out and r"e\x1b[31mred.csv: 2.0 s" in done.out
    assert "\x1b" not in medtalk("info", name).out
    assert "\x1b" not in medtalk("info", tmp_path / "e\x1b[31m.wav").err


def test_a_signal_that_python_dropped_ends_the_batch(medtalk, tiny_bundle, takes, tmp_path, monkeypatch):
    """One that comes while Python runs a callback of its own is printed and dropped there."""
    monkeypatch.setattr("medtalk.signals._stopped_by", signal.SIGINT)
    assert medtalk("generate", takes, "--bundle", tiny_bundle, "-o", tmp_path / "rigs").code == 130
    assert not (tmp_path / "rigs").exists()


def test_a_format_that_says_the_same_is_no_error(medtalk, tiny_bundle, sound, tmp_path):
    done = medtalk("generate", sound, "--bundle", tiny_bundle, "-o", tmp_path / "a.csv", "--format", ".CSV")
    assert done.code == 0 and (tmp_path / "a.csv").is_file()


def test_a_read_only_file_is_left_alone(medtalk, tiny_bundle, sound, tmp_path):
    """As Perforce leaves what is not checked out."""
    out = tmp_path / "a.csv"
    words = ["generate", sound, "--bundle", tiny_bundle, "-o", out]
    out.write_text("old")
    out.chmod(0o444)
    done = medtalk(*words)
    assert done.code == 1 and "is read-only" in done.err and "--force" in done.err and out.read_text() == "old"
    assert medtalk(*words, "--skip-existing").code == 0 and out.read_text() == "old"
    assert medtalk(*words, "--force").code == 0
    assert len(read_rig(out)) == 120 and not out.stat().st_mode & 0o222
    done = medtalk("convert", out, out, "--fps", 30)
    assert done.code == 1 and "is read-only" in done.err
    assert medtalk("convert", out, out, "--fps", 30, "--force").code == 0 and len(read_rig(out)) == 60


def test_a_link_is_followed(medtalk, tiny_bundle, sound, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link, target = tmp_path / "a.csv", tmp_path / "elsewhere" / "b.csv"
    link.symlink_to(target)
    assert medtalk("generate", sound, "--bundle", tiny_bundle, "-o", link).code == 0
    assert link.is_symlink() and len(read_rig(target)) == 120
