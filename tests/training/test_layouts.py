"""Layouts of other people's data: the authors' folders, EmoTalk's coefficients, a table of labels, rendered faces."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from medtalk.errors import RigError, TrainingError
from medtalk.guidance import LABELS
from medtalk.rig import RigSequence, indices, write_rig
from medtalk_train.captured.takes import Folder, layout, read_takes
from medtalk_train.captured.takes.check import check
from medtalk_train.captured.takes.take import open_rig
from tests.helpers.sounds import babble
from tests.training import datasets

EMOTALK: str = """browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft
cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight
eyeLookOutLeft eyeLookOutRight
eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft jawOpen jawRight
mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight mouthFunnel mouthLeft mouthLowerDownLeft
mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker mouthRight mouthRollLower mouthRollUpper mouthShrugLower
mouthShrugUpper mouthSmileLeft mouthSmileRight mouthStretchLeft mouthStretchRight mouthUpperUpLeft mouthUpperUpRight
noseSneerLeft noseSneerRight tongueOut"""  # as EmoTalk's render.py names the columns
NAMES: list[str] = [*map(str, EMOTALK.split())]


def coefficients(path: Path, frames: int = 45, **shapes: float) -> Path:
    """A file of EmoTalk's that holds shapes, by their names, throughout."""
    values = np.zeros((frames, 52), np.float32)
    for name, value in shapes.items():
        values[:, NAMES.index(name)] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)
    return path


def authors(folder: Path) -> Path:
    """audio, rig, image and text, as the authors lay RAVDESS out for stage 4."""
    for emotion, strength, actor in (("05", "01", "01"), ("05", "02", "01"), ("03", "02", "02"), ("04", "01", "02")):
        name = f"01-01-{emotion}-{strength}-02-01-{actor}"
        for place in ("audio", "rig", "image", "text"):
            (folder / place).mkdir(parents=True, exist_ok=True)
        sound = babble(1.0, 48000, int(emotion + strength + actor))
        soundfile.write(folder / "audio" / f"{name}.wav", sound, 48000)
        values = datasets.face(np.interp(np.arange(16000) * 3, np.arange(48000), sound), 0, int(emotion + strength))
        write_rig(folder / "rig" / f"{name}.txt", RigSequence(values))
        datasets.picture(folder / "image" / f"{name}.png", (90, 0, 0))
        (folder / "text" / f"{name}.txt").write_text(f"a face, {emotion} of\n{actor}", "utf-8")
    return folder


def test_the_authors_folders_of_ravdess(tmp_path: Path) -> None:
    folder = authors(tmp_path / "data")
    assert layout(Folder(folder)) == "ravdess"
    takes = {Path(take.name).name: take for take in read_takes(folder)}
    assert len(takes) == 4
    take = takes["01-01-05-02-02-01-01"]
    assert (LABELS[take.label], take.speaker, take.strength) == ("angry", "01", "strong")
    assert take.description == "a face, 05 of 01" and take.picture == folder / "image" / "01-01-05-02-02-01-01.png"
    assert take.rig.file.parent.name == "rig" and take.rig.read().shape == (60, 174)
    assert check(folder).problems == []
    (folder / "text" / "01-01-05-02-02-01-01.txt").write_bytes(b"\xff\xfe\xff")
    (folder / "text" / "nobody.txt").write_text("who?")
    said = {problem.file.name: problem.what for problem in check(folder).problems}
    assert said == {"01-01-05-02-02-01-01.txt": "is not UTF-8 text", "nobody.txt": "describes no take"}


def test_a_strong_take_is_described_as_one(tmp_path: Path) -> None:
    folder = authors(tmp_path / "data")
    shutil.rmtree(folder / "text")
    texts = {take.strength: take.description for take in read_takes(folder) if LABELS[take.label] == "angry"}
    assert texts["normal"] == "", "stage 4 draws a plain one whenever it meets the take"
    assert any(word in texts["strong"] for word in ("very", "extremely", "deeply", "intensely")), texts
    again = {take.strength: take.description for take in read_takes(folder) if LABELS[take.label] == "angry"}
    assert again == texts


def test_the_coefficients_of_emotalk(tmp_path: Path) -> None:
    rig = open_rig(
        coefficients(tmp_path / "a.npy", jawOpen=0.5, mouthSmileLeft=0.25, tongueOut=1.0, browDownRight=0.75)
    )
    assert rig.fps == 30.0 and len(rig) == 45
    for pattern, value in (
        ("C_jaw.Y", 0.5), ("L_mouth_cornerPull", 0.25), ("R_mouth_cornerPull", 0.0), ("R_brow_down", 0.75),
        ("C_tongue_inOut", -0.76),
    ):  # fmt: skip
        assert rig.values[:, indices(pattern)] == pytest.approx(value), pattern


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((40, 61), np.float32), r"holds \(40, 61\) float32"),
        (np.zeros((0, 52), np.float32), r"holds \(0, 52\)"),
        (np.zeros((40, 52), np.int64), r"holds \(40, 52\) int64"),
        (np.full((40, 52), 60.0), "goes to 60; weights go from 0 to 1"),
        (np.full((40, 52), np.nan), "must be finite"),
        (np.array([{}], object), "not a numpy array of numbers"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, array: np.ndarray, said: str) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(RigError, match=said):
        open_rig(tmp_path / "a.npy")


def test_no_array_at_all(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY junk")
    with pytest.raises(RigError, match="not a numpy array"):
        open_rig(tmp_path / "a.npy")


def flat(folder: Path) -> Path:
    """Three takes of as many kinds of rig beside their sounds, and `labels.csv`."""
    folder.mkdir(parents=True)
    rows = ["clip,emotion,speaker,transcript,strength"]
    for number, (ending, emotion) in enumerate(
        (("txt", "happy"), ("npy", "surprise"), ("npz", "angry"), ("csv", "sad"))
    ):
        sound = babble(1.5, seed=number)
        soundfile.write(folder / f"line{number}.wav", sound, 16000)
        if ending == "npy":
            coefficients(folder / f"line{number}.npy", jawOpen=0.3)
            values = np.load(folder / f"line{number}.npy")
            values[:, NAMES.index("jawOpen")] = datasets.face(sound, 0)[::2, indices("C_jaw.Y")[0]]
            np.save(folder / f"line{number}.npy", values)
        else:
            write_rig(folder / f"line{number}.{ending}", RigSequence(datasets.face(sound, number)))
        rows.append(f"line{number},{emotion},mia,{'hear me' if number else ''},{'strong' if number == 2 else ''}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", "utf-8")
    return folder


def test_a_table_of_labels(tmp_path: Path) -> None:
    folder = flat(tmp_path / "data")
    assert layout(Folder(folder)) == "flat"
    takes = read_takes(folder)
    assert [(LABELS[t.label], t.speaker, t.transcript, t.strength) for t in takes] == [
        ("happy", "mia", None, ""), ("surprised", "mia", "hear me", ""), ("angry", "mia", "hear me", "strong"),
        ("sad", "mia", "hear me", ""),
    ]  # fmt: skip
    assert [len(take.rig.read()) for take in takes] == [90] * 4
    assert takes[2].description and not takes[0].description
    assert check(folder).problems == []


def test_a_table_of_labels_that_does_not_fit(tmp_path: Path) -> None:
    folder = flat(tmp_path / "data")
    table = folder / "labels.csv"
    text = table.read_text("utf-8").replace("line0,happy", "line0,hungry").replace("strong", "huge")
    table.write_text(text + "line1,sad,,,\nline9,sad,,,\n", "utf-8")
    (folder / "line3.wav").unlink()
    shutil.copy(folder / "line0.wav", folder / "line4.wav")
    problems = sorted(f"{problem.file.name}: {problem.what}" for problem in check(folder).problems)
    assert problems == [
        "labels.csv: gives 'line0' the emotion 'hungry'; valid are " + ", ".join(LABELS),
        "labels.csv: gives 'line2' the strength 'huge'; valid are normal and strong",
        "labels.csv: has two rows for 'line1'",
        "labels.csv: names 'line9', which is not there",
        "line3.csv: has no sound of the same name",
        "line4.wav: has no row in labels.csv",
    ]
    table.write_text("name,mood\nline0,happy\n")
    with pytest.raises(TrainingError, match="must start with the line clip,emotion"):
        read_takes(folder)


def test_a_name_with_a_space_at_its_end(tmp_path: Path) -> None:
    folder = flat(tmp_path / "data")
    for ending in ("wav", "txt"):
        (folder / f"line0.{ending}").rename(folder / f" line0.{ending}")
    table = folder / "labels.csv"
    table.write_text(table.read_text("utf-8").replace("line0,", " line0,"), "utf-8")
    (problem,) = check(folder).problems
    assert problem.file.name == " line0.wav"
    assert problem.what == "has a space at an end of its name, which labels.csv does not keep: rename it"


def rendered(folder: Path) -> Path:
    """Two sentences of one speaker in three emotions, without a sound, as the authors keep them for stage 1."""
    for emotion in ("angry", "happy", "surprise"):
        (folder / emotion).mkdir(parents=True)
        label = next(k for k, name in enumerate(LABELS) if name.startswith(emotion))
        for number in range(2):
            values = datasets.face(babble(1.0, seed=number), label, number)
            write_rig(folder / emotion / f"{emotion}_gd01_{number:03d}.txt", RigSequence(values))
    return folder


def test_rendered_faces_without_a_sound(tmp_path: Path) -> None:
    folder = rendered(tmp_path / "pair_rig")
    assert layout(Folder(folder)) == "rendered"
    takes = read_takes(folder)
    assert all(take.sound is None and take.speaker == "gd01" for take in takes)
    assert [LABELS[take.label] for take in takes[::2]] == ["angry", "happy", "surprised"]
    assert takes[0].name == "angry/angry_gd01_000" and takes[0].file == takes[0].rig.file
    assert {take.group for take in takes} == {"gd01_000", "gd01_001"}
    assert len({take.group for take in takes[::2]}) == 1, "one sentence in three emotions"
    for name in ("happy/happy_lead.txt", "happy/lead_001.txt", "happy/sad_lead_001.txt"):
        shutil.copy(folder / "happy" / "happy_gd01_000.txt", folder / name)
    speakers = {take.name: take.speaker for take in read_takes(folder)}
    assert [speakers[f"happy/{name}"] for name in ("happy_lead", "lead_001", "sad_lead_001")] == ["", "", ""]
    (folder / "note.txt").write_text("nothing")
    problems = {problem.what for problem in check(folder).problems if problem.file.name == "note.txt"}
    assert problems == {"is in no folder named after an emotion"}
