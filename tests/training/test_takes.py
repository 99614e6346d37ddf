"""Readers of data sets, what `check` finds wrong in one, and who is held back."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from medtalk.errors import TrainingError
from medtalk.guidance import LABELS
from medtalk.rig import RigSequence, read_rig, write_rig
from medtalk_train import cli
from medtalk_train.captured.takes import Folder, hold_back, layout, read_takes
from medtalk_train.captured.takes.check import check
from tests.training import datasets
from tests.training.test_stages import write_corpus


def test_emoface(tmp_path: Path) -> None:
    folder = datasets.emoface(tmp_path / "data")
    (folder / "transcripts.csv").write_text("clip,transcript\nhapp_aa_000,we say it\n", "utf-8")
    (folder / "descriptions.csv").write_text('clip,description\nangry_bb_001,"cross, with a frown"\n', "utf-8")
    datasets.picture(folder / "peaks" / "angry_bb_001.png", (200, 0, 0))
    assert layout(Folder(folder)) == "emoface"
    takes = {take.name: take for take in read_takes(folder)}
    assert len(takes) == 12
    take = takes["happ_aa_000"]
    assert (LABELS[take.label], take.speaker, take.transcript, take.description) == ("happy", "aa", "we say it", "")
    other = takes["angry_bb_001"]
    assert other.description == "cross, with a frown" and other.transcript is None
    assert other.picture == folder / "peaks" / "angry_bb_001.png" and take.picture is None
    assert take.sound is not None and (other_sound := takes["angry_aa_000"].sound) is not None
    assert take.sound.read().shape == (12800,) and take.rig.read().shape == (48, 174)
    assert take.sound.key() == other_sound.key(), "they are one sound in two emotions"
    assert {t.group for t in takes.values()} == {""}
    assert {t.group for t in read_takes(folder, parallel=True)} == {
        f"{s}_00{k}" for s in ("aa", "bb", "cc") for k in (0, 1)
    }


def test_a_name_that_tells_no_speaker(tmp_path: Path) -> None:
    folder = datasets.emoface(tmp_path / "data", speakers=("aa",))
    for file in list(folder.iterdir()):
        file.rename(file.with_name(file.name.replace("_aa", "")))
    assert {take.speaker for take in read_takes(folder)} == {""}
    report = check(folder)
    assert report.lines()[-2] == "emoface: 4 whole takes of unknown speakers, 3.6 s (angry 2, happy 2)"
    assert "undetermined whether the face of 4 takes rests at 0: no speaker is named" in report.notes


def test_ravdess(tmp_path: Path) -> None:
    folder = datasets.ravdess(tmp_path / "data")
    datasets.picture(folder / "peaks" / "02-01-05-01-02-01-01.png", (0, 0, 0))
    assert layout(Folder(folder)) == "ravdess"
    takes = {take.name: take for take in read_takes(folder)}
    assert [LABELS[take.label] for take in takes.values()] == ["neutral", "neutral", "angry"] * 2, (
        "calm counts as neutral"
    )
    take = takes["Actor_01/03-01-05-01-02-01-01"]
    assert take.speaker == "01" and take.transcript == "Dogs are sitting by the door."
    assert take.picture is not None, "of the video's modality"
    assert take.rig.read().shape == (90, 174), "30 fps become 60"
    assert take.sound is not None and len(take.sound.read()) == 24000


def test_rigs(tmp_path: Path) -> None:
    folder = datasets.rigs(tmp_path / "data")
    assert layout(Folder(folder)) == "rigs"
    takes = read_takes(folder)
    assert [(LABELS[t.label], t.transcript, t.speaker) for t in takes] == [
        ("sad", "we say it", "s0"), ("surprised", "so do they", "s1"),
    ]  # fmt: skip


def test_the_synthetic_corpus(tmp_path: Path) -> None:
    write_corpus(tmp_path / "data")
    assert layout(Folder(tmp_path / "data")) == "synthetic"
    takes = read_takes(tmp_path / "data")
    assert [take.label for take in takes[:8]] == [0, 1, 2, 3, 4, 5, 6, 0]
    assert [take.held for take in takes[:4]] == [False, False, False, True]
    sounds = [take.sound for take in takes if take.sound is not None]
    assert len(takes[0].rig.read()) == len(sounds[0].read()) * 60 // 16000
    assert len({sound.key() for sound in sounds}) == len({take.rig.key() for take in takes}) == 12
    assert check(tmp_path / "data").problems == []


def test_who_is_held_back(tmp_path: Path) -> None:
    takes = read_takes(datasets.emoface(tmp_path / "data"))
    others = read_takes(datasets.ravdess(tmp_path / "actors"))

    def held(*speakers: str) -> list[set[str]]:
        return [{take.speaker for take, kept in split if kept} for split in hold_back([takes, others], speakers)]

    assert held("bb") == [{"bb"}, set()]
    drawn = held()
    assert [len(speakers) for speakers in drawn] == [1, 1], "of each set"
    assert drawn == held(), "always the same"
    one = [take for take in takes if take.speaker == "aa"]
    assert sum(kept for _, kept in hold_back([one])[0]) == 1, "of one speaker a part"
    with pytest.raises(TrainingError, match=r"No speaker .*'zz'.*01, 02, aa, bb, cc"):
        held("zz")


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "note.md").write_text("nothing")
    with pytest.raises(TrainingError, match="not laid out as a known data set"):
        read_takes(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match=r"empty is empty\."):
        check(tmp_path / "empty")
    silent = datasets.emoface(tmp_path / "silent", speakers=("aa",))
    for sound in silent.glob("*.wav"):
        sound.unlink()
    with pytest.raises(TrainingError, match=r"silent holds takes without sound: 4 rigs such as angry_aa_000.txt, and"):
        check(silent)
    with pytest.raises(TrainingError, match="Unknown kind of data 'vhs'; valid are emoface"):
        read_takes(tmp_path, "vhs")
    with pytest.raises(TrainingError, match="no folder"):
        read_takes(tmp_path / "none")


def rewrite(rig: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    write_rig(rig, RigSequence(change(read_rig(rig).values.copy())))


def blow_up(values: np.ndarray) -> np.ndarray:
    values[3, 5] = 7.0
    return values


def cut_picture(path: Path) -> None:
    datasets.picture(path, (9, 9, 9))
    path.write_bytes(path.read_bytes()[:60])


SPOILED = {
    "lacks its rig": (lambda f: (f / "angry_aa_000.txt").unlink(), "angry_aa_000.wav", "no rig file of the same name"),
    "lacks its sound": (lambda f: (f / "angry_aa_000.wav").unlink(), "angry_aa_000.txt", "no sound of the same name"),
    "columns": (lambda f: (f / "angry_aa_000.txt").write_text("1,2,3\n"), "angry_aa_000.txt", "3 columns.*174"),
    "not finite": (
        lambda f: (f / "angry_aa_000.txt").write_text(",".join(["nan"] * 174)), "angry_aa_000.txt", "not finite",
    ),
    "too short": (
        lambda f: rewrite(f / "angry_aa_000.txt", lambda v: v[:20]), "angry_aa_000.txt", "lasts 0.33 s.*0.80 s",
    ),
    "another rate": (
        lambda f: rewrite(f / "angry_aa_000.txt", lambda v: v[::2]), "angry_aa_000.txt", "have 30 frames a second",
    ),
    "out of range": (lambda f: rewrite(f / "angry_aa_000.txt", blow_up), "angry_aa_000.txt", "goes from 0 to 7"),
    "unknown emotion": (
        lambda f: [p.rename(f / p.name.replace("angry", "bored")) for p in f.glob("angry_aa_000.*")],
        "bored_aa_000.wav", "'bored', which is not one of angry",
    ),
    "silence": (
        lambda f: soundfile.write(f / "angry_aa_000.wav", np.zeros(12800), 16000), "angry_aa_000.wav", "is silent",
    ),
    "telephone": (
        lambda f: soundfile.write(f / "angry_aa_000.wav", datasets.babble(0.8, 8000), 8000), "angry_aa_000.wav",
        "8000 samples a second; at least 16000",
    ),
    "unreadable": (lambda f: (f / "angry_aa_000.wav").write_bytes(b"RIFFjunk"), "angry_aa_000.wav", "is cut"),
    "twice": (
        lambda f: [shutil.copy(p, f / p.name.replace("000", "007")) for p in f.glob("angry_aa_000.*")],
        "angry_aa_007.wav", "same sound and emotion as angry_aa_000",
    ),
    "the same face": (
        lambda f: shutil.copy(f / "angry_aa_000.txt", f / "happ_aa_000.txt"), "happ_aa_000.txt", "rig of angry_aa_000",
    ),
    "a cut picture": (lambda f: cut_picture(f / "peaks" / "angry_aa_000.png"), "angry_aa_000.png", "not a complete"),
    "a table's clip": (
        lambda f: (f / "transcripts.csv").write_text("clip,transcript\nnobody,we\n"), "data", "'nobody'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(SPOILED))
def test_check_says_what_is_wrong_by_file(tmp_path: Path, name: str) -> None:
    spoil, file, said = SPOILED[name]
    folder = datasets.emoface(tmp_path / "data", speakers=("aa",))
    assert check(folder).problems == []
    spoil(folder)
    report = check(folder)
    (problem,) = report.problems
    assert problem.file.name == file
    assert re.search(said, problem.what), problem.what
    assert "\n" not in problem.what and str(folder) not in problem.what


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["medtalk-train", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return int(stopped.value.code or 0)


def test_the_command_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    folder = datasets.ravdess(tmp_path / "data")
    assert run(monkeypatch, "check", folder) == 0
    out = capsys.readouterr().out
    assert "ravdess: 6 whole takes of 2 speakers, 9.0 s (neutral 4, angry 2)" in out and "nothing is wrong" in out
    spoiled = folder / "Actor_01" / "03-01-09-01-02-01-01.wav"
    shutil.copy(folder / "Actor_01" / "03-01-05-01-02-01-01.wav", spoiled)
    assert run(monkeypatch, "check", folder, "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["kind"] == "ravdess" and report["takes"] == 6 and report["speakers"] == {"01": 3, "02": 3}
    assert report["problems"] == [{"file": str(spoiled), "what": "has the emotion 09; valid are 01 to 08"}]
    assert run(monkeypatch, "check", tmp_path / "none") == 1
    assert "There is no folder" in capsys.readouterr().err


def test_one_is_not_many_and_none_has_no_length(tmp_path: Path) -> None:
    folder = datasets.emoface(tmp_path / "data", speakers=("aa",), emotions=("angry",))
    (folder / "angry_aa_001.wav").unlink()
    report = check(folder)
    assert report.lines()[-2:] == ["emoface: 1 whole take of 1 speaker, 0.8 s (angry 1)", "1 problem"]
    assert "undetermined whether 1 of 1 rig are late: 1 last less than 3 s" in report.notes
    (folder / "angry_aa_000.wav").write_bytes(b"RIFFjunk")
    report = check(folder)
    assert report.lines()[-2:] == ["emoface: no whole takes", "2 problems"]
    assert {verdict.why for verdict in report.stages} == {"there is no take without problems"}


def test_training_refuses_what_check_finds(tmp_path: Path) -> None:
    folder = datasets.emoface(tmp_path / "data")
    (folder / "angry_aa_000.txt").unlink()
    with pytest.raises(
        TrainingError, match=r"data has 1 problem, such as: .*angry_aa_000.wav has no rig.*medtalk-train check"
    ):
        read_takes(folder)
