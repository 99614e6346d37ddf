"""What `check` finds in data whose every file can be read, and that it raises no alarm over sound data."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.ndimage import uniform_filter1d

from medtalk.audio import read_speech
from medtalk.guidance import LABELS
from medtalk.rates import FPS, RATE
from medtalk.rig import RigSequence, indices, read_rig, write_rig
from medtalk_train import cli
from medtalk_train.captured.takes.check import check
from medtalk_train.captured.takes.lag import correlations, lag, loudness, together

EMOTIONS = ("neutral", "neutral", "happy", "angry")


def voice(seconds: float, seed: int, hertz: float = 120.0) -> np.ndarray:
    """A buzz in syllables of uneven length and loudness, with pauses: (n,) float32."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    loud, at = np.zeros(count), rng.integers(2000, 5000)
    while at < count:
        length = int(rng.uniform(0.1, 0.35) * RATE)
        part = loud[at : at + length]
        part[:] = rng.uniform(0.3, 1.0) * np.sin(np.pi * np.arange(len(part)) / length)
        at += length + int(rng.choice((0.03, 0.08, 0.5), p=(0.5, 0.35, 0.15)) * RATE)
    phase = 2 * np.pi * np.cumsum(hertz * (1.0 + 0.05 * np.sin(np.arange(count) / 4000.0))) / RATE
    buzz = sum(np.sin(k * phase) / k for k in range(1, 12))
    return (0.15 * loud * buzz + 1e-4 * rng.standard_normal(count)).astype(np.float32)


def face(sound: np.ndarray, label: str, seed: int) -> np.ndarray:
    """(T, 174): a jaw that follows the loudness roughly, and brows and corners that tell the emotion."""
    rng = np.random.default_rng(seed)
    loud = np.clip((loudness(sound) + 30.0) / 30.0, 0.0, 1.0)
    values = np.zeros((len(loud), 174), np.float32)
    noise = uniform_filter1d(rng.normal(0.0, 0.3, len(loud)), 9)
    jaw = np.clip(0.4 * uniform_filter1d(loud, 5) + 0.4 * noise * loud, 0.0, 1.0)
    values[:, indices("C_jaw.Y")] = jaw[:, None]
    values[:, indices("[LR]_mouth_upperLipRaise")] = 0.3 * jaw[:, None]
    values[:, indices("[LR]_eye_blink")] = (np.arange(len(loud)) % 150 < 8)[:, None]
    values[:, indices("[LR]_nose.Y")] = 0.05 * loud[:, None]
    moving = 0.4 + 0.3 * np.sin(np.arange(len(loud)) / 21.0 + seed)
    if label != "neutral":
        values[:, indices({"happy": "[LR]_mouth_cornerPull", "angry": "[LR]_brow_down"}[label])] = moving[:, None]
    else:
        values[:, indices("[LR]_brow_down")] = 0.05 * loud[:, None]
    return values


def studio(folder: Path, speakers: tuple[str, ...] = ("ada", "bob"), takes: int = 2) -> Path:
    """Four seconds of each speaker in each of `EMOTIONS` and take, as emoface lays them out."""
    for number, speaker in enumerate(speakers):
        for place, emotion in enumerate(EMOTIONS):
            for take in range(takes):
                name = f"{emotion}_{speaker}_{place}{take}"
                sound = voice(4.0, 100 * number + 10 * place + take, 110.0 + 15.0 * number)
                folder.mkdir(parents=True, exist_ok=True)
                soundfile.write(folder / f"{name}.wav", sound, RATE)
                write_rig(folder / f"{name}.txt", RigSequence(face(sound, emotion, place + take)))
    return folder


def rewrite(rig: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    write_rig(rig, RigSequence(np.clip(change(read_rig(rig).values.copy()), -1.0, 1.0)))


def late(frames: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: np.concatenate([np.repeat(values[:1], frames, 0), values[:-frames]])


def put(pattern: str, value: float | np.ndarray, frames: slice = slice(None)) -> Callable[[np.ndarray], np.ndarray]:
    def change(values: np.ndarray) -> np.ndarray:
        part = values[frames]
        part[:, indices(pattern)] = value
        return values

    return change


def test_sound_data_raise_no_alarm(tmp_path: Path) -> None:
    report = check(studio(tmp_path / "data"))
    assert report.problems == [] and report.notes == []
    assert {verdict.stage: verdict.serves for verdict in report.stages} == {
        "1, self and cycle": True, "1, overlap": False, "2": True, "3": True, "4": True,
    }  # fmt: skip


ODD = "happy_ada_20.txt"
FAULTS = {
    "late": (late(24), r"is 0\.(38|40|42) s late relative to the sound \(r 0\.\d\d there\)"),
    "early": (lambda v: np.concatenate([v[30:], np.repeat(v[-1:], 30, 0)]), r"is 0\.(48|50|52) s early relative"),
    "zeros": (lambda v: 0.0 * v, "stands still: no channel moves"),
    "2 %": (lambda v: 0.02 * v, r"hardly moves: CTRL_\w+-translateY moves most, by only 0\.0\d\d of 1"),
    "no jaw": (put("C_jaw.Y", 0.1), r"has a jaw that moves by only 0\.000 while somebody speaks for [23]\.\d s"),
    "clipped": (
        put("[LR]_brow_down", 1.0, slice(40, 180)),
        r"is clipped: CTRL_L_brow_down-translateY stays at the end of its range for 2\.3 s, and 1 more channel",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(FAULTS))
def test_a_rig_that_would_teach_wrong(tmp_path: Path, name: str) -> None:
    change, said = FAULTS[name]
    folder = studio(tmp_path / "data")
    rewrite(folder / ODD, change)
    (problem,) = check(folder).problems
    assert problem.file.name == ODD
    assert re.search(said, problem.what), problem.what


@pytest.mark.parametrize("gain", [1.0, 0.1, 0.01])
def test_a_still_jaw_is_seen_whatever_the_gain(tmp_path: Path, gain: float) -> None:
    folder = studio(tmp_path / "data", ("ada",), 1)
    sound = folder / ODD.replace(".txt", ".wav")
    soundfile.write(sound, gain * soundfile.read(sound)[0], RATE, subtype="FLOAT")
    rewrite(folder / ODD, put("C_jaw.Y", 0.1))
    (problem,) = check(folder).problems
    said = r"has a jaw that moves by only 0\.000 while somebody speaks for [23]\.\d s"
    assert re.search(said, problem.what), problem.what


def test_a_whole_set_that_is_late(tmp_path: Path) -> None:
    folder = studio(tmp_path / "data")
    for rig in folder.glob("*.txt"):
        rewrite(rig, late(15))
    (problem,) = check(folder).problems
    assert problem.file == folder
    assert problem.what.startswith("its rigs as a whole are 0.25 s late relative to the sound (r 0."), problem.what


def test_what_cannot_be_told_is_not_judged(tmp_path: Path) -> None:
    """A face that has nothing to do with the sound is no ground to name a shift."""
    folder = studio(tmp_path / "data", ("ada",), 1)
    rng = np.random.default_rng(3)
    for rig in folder.glob("*.txt"):
        jaw = np.clip(0.3 + 0.3 * uniform_filter1d(rng.normal(size=(240, 1)), 12, axis=0) * 3, 0, 1)
        rewrite(rig, lambda v, jaw=jaw: put("[LR]_mouth_upperLipRaise", 0.0)(put("C_jaw.Y", jaw)(v)))
    report = check(folder)
    assert report.problems == []
    (note,) = [note for note in report.notes if note.startswith("undetermined whether 4")]
    found = r"undetermined whether 4 of 4 rigs are late: 4 do not follow the loudness clearly \(r 0\.\d\d at the most\)"
    assert re.fullmatch(found, note), note


@pytest.mark.parametrize("name", ["jfk", "ljspeech"])
def test_the_lag_of_real_voices(speech_data: Path, name: str) -> None:
    """Faces that follow real recordings: the shift that was put in is found to the frame, or none is named."""
    for path in sorted(speech_data.glob(f"*{name}*")):
        if path.suffix in (".wav", ".flac", ".ogg"):
            samples = read_speech(path).samples
            values = face(samples, "neutral", 1)
            for frames in (0, 12, 24):
                moved = late(frames)(values) if frames else values
                found = lag(correlations(moved, samples), len(moved))
                assert found.frames == pytest.approx(frames, abs=2), (path.name, frames, found)
            curve = correlations(values[: 4 * FPS], samples[: 4 * RATE])
            assert curve is not None and together([curve] * 4, 16 * FPS).frames == pytest.approx(0, abs=2)


def test_a_biased_actor_is_noted(tmp_path: Path) -> None:
    folder = studio(tmp_path / "data")
    for rig in folder.glob("*_ada_*.txt"):
        rewrite(rig, lambda v: put("[LR]_brow_raiseIn", 0.31)(v))
    report = check(folder)
    assert report.problems == []
    assert report.notes == [
        "ada does not rest at 0: CTRL_L_brow_raiseIn-translateY is at 0.31 in the quiet frames of 4 neutral takes; "
        "`calibrate: true` takes that out"
    ]


def test_two_voices_under_one_name(tmp_path: Path) -> None:
    folder = studio(tmp_path / "data", ("ada", "bob"), 1)
    for take in (90, 91):
        sound = voice(4.0, 500 + take, 215.0)
        soundfile.write(folder / f"neutral_bob_{take}.wav", sound, RATE)
        write_rig(folder / f"neutral_bob_{take}.txt", RigSequence(face(sound, "neutral", take)))
    (problem,) = check(folder).problems
    found = re.fullmatch(
        r"has two voices under the name bob: the pitch of its neutral takes is about (\d+) Hz or (\d+) Hz",
        problem.what,
    )
    assert found, problem.what
    assert [int(hertz) for hertz in found.groups()] == pytest.approx([125, 215], abs=10)


def test_two_faces_under_one_name(tmp_path: Path) -> None:
    for folder, bias in (("monday", 0.0), ("tuesday", 0.45)):
        studio(tmp_path / "data" / folder, ("ada",))
        for take in (tmp_path / "data" / folder).iterdir():
            renamed = take.rename(take.with_name(take.name.replace("ada_", f"ada_{folder}")))
            if renamed.suffix == ".txt":
                rewrite(renamed, put("L_mouth_dimple", bias))
            else:
                soundfile.write(renamed, soundfile.read(renamed)[0] * (0.9 if bias else 1.0), RATE)
    (problem,) = check(tmp_path / "data").problems
    assert problem.file.name == "tuesday"
    assert "has another face under the name ada than monday has: at rest, CTRL_L_mouth_dimple" in problem.what
    assert "differs by 0.45" in problem.what


def test_an_actor_in_another_ones_folder(tmp_path: Path) -> None:
    from tests.training import datasets

    folder = datasets.ravdess(tmp_path / "data")
    assert check(folder).problems == []
    for file in list((folder / "Actor_02").glob("*05*")):
        file.rename(folder / "Actor_01" / file.name)
    (problem,) = check(folder).problems
    assert problem.what == "is named after actor 02, but is in Actor_01"


def verdict(folder: Path) -> dict[str, tuple[bool, str]]:
    return {each.stage: (each.serves, each.why) for each in check(folder).stages}


def test_what_a_set_can_serve(tmp_path: Path) -> None:
    from tests.training import datasets
    from tests.training.test_layouts import rendered

    aligned = verdict(datasets.emoface(tmp_path / "aligned"))
    assert aligned["1, overlap"] == (True, "6 sentences are there in up to 2 emotions, frame by frame")
    silent = verdict(rendered(tmp_path / "pair_rig"))
    assert silent["1, overlap"] == (True, "2 sentences are there in up to 3 emotions, frame by frame")
    assert [silent[stage] for stage in "234"] == [(False, "no take has a sound")] * 3
    angry = studio(tmp_path / "angry", ("ada",), 1)
    for file in list(angry.iterdir()):
        if not file.name.startswith("angry"):
            file.unlink()
    assert verdict(angry)["3"] == (False, "all takes have one emotion, angry: there are no two labels to tell apart")
    assert check(angry).notes[-2:] == [
        "there is only one speaker, ada: single takes are held out, so no figure is about unseen people",
        "undetermined whether the face of ada rests at 0: fewer than 3 neutral takes",
    ]
    frozen = studio(tmp_path / "frozen", ("ada",), 1)
    (frozen / "descriptions.csv").write_text("clip,description\nhappy_ada_20,beaming\n", "utf-8")
    for rig in frozen.glob("*.txt"):
        rewrite(rig, lambda v: put("C_jaw.Y", 0.0)(put("[LR]_mouth_upperLipRaise", 0.0)(v)))
    assert [problem.what[:9] for problem in check(frozen).problems] == ["has a jaw"] * 4


def test_what_keeps_sentences_apart(tmp_path: Path) -> None:
    from tests.training.test_layouts import rendered

    folder = rendered(tmp_path / "pair_rig")
    for rig in folder.glob("*/*_001.txt"):
        rig.unlink()
    assert verdict(folder)["1, overlap"] == (
        False,
        "only 1 sentence is there in two emotions frame by frame, and two are needed: the teacher's faces can stand in "
        "for that",
    )
    for rig in folder.glob("*/*.txt"):
        write_rig(rig, RigSequence(read_rig(rig).values[: -len(rig.parent.name)]))
    (folder / "happy" / "happy_gd01_000.txt").unlink()
    said = verdict(folder)["1, overlap"]
    assert said[1].startswith("1 sentence is there in two emotions, but not equally long: the teacher's"), said
    spoken = studio(tmp_path / "spoken", ("ada",))
    names = sorted(file.stem for file in spoken.glob("*.wav"))

    def said_alike(sentences: tuple[str, ...]) -> str:
        rows = (f"{name},{sentences[k % len(sentences)]}\n" for k, name in enumerate(names))
        (spoken / "transcripts.csv").write_text("clip,transcript\n" + "".join(rows), "utf-8")
        serves, why = verdict(spoken)["1, overlap"]
        assert not serves
        return why

    none = "no sentence is there in two emotions frame by frame"
    assert said_alike(("So it is.",)) == f"{none}: the teacher's faces can stand in for that", "two are needed"
    alike = said_alike(("So it is.", "Or is it?"))
    assert alike == f"{none}; 2 sentences are there by the words: `warp: true` aligns them"
    (spoken / "happy_ada_20.wav").unlink()
    (spoken / "transcripts.csv").unlink()
    assert verdict(spoken)["1, overlap"][1] == f"{none}; takes with problems are not counted"


def test_the_overlap_is_that_of_training(tmp_path: Path) -> None:
    """A quarter of the takes must be aligned for the overlap to learn from them."""
    from tests.training import datasets

    folder = datasets.emoface(tmp_path / "data", ("aa",))
    for take in range(13):
        sound = datasets.babble(1.0, seed=300 + take)
        soundfile.write(folder / f"sad_aa_{take + 10}.wav", sound, RATE)
        write_rig(folder / f"sad_aa_{take + 10}.txt", RigSequence(datasets.face(sound, 5, take)))
    assert verdict(folder)["1, overlap"] == (
        False, "only 4 of 17 takes are aligned, and a quarter is needed: the teacher's faces can stand in for that",
    )  # fmt: skip
    for ending in ("wav", "txt"):
        (folder / f"sad_aa_10.{ending}").unlink()
    assert verdict(folder)["1, overlap"] == (True, "2 sentences are there in up to 2 emotions, frame by frame")


def test_names_that_agree_are_seen_without_being_asked_for(tmp_path: Path) -> None:
    """Other sounds under one name but for the emotion, equally long: `parallel: true` makes grids of them."""
    from tests.training import datasets

    folder = datasets.emoface(tmp_path / "data", ("aa",))
    for k, sound in enumerate(sorted(folder.glob("*.wav"))):
        length = len(soundfile.read(sound)[0])
        soundfile.write(sound, datasets.babble(length / RATE, seed=k), RATE)
    none = "no sentence is there in two emotions frame by frame; "
    found = "4 takes agree in name and length: `parallel: true` if they also agree frame by frame"
    assert verdict(folder)["1, overlap"] == (False, none + found)


def test_the_command_says_it_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = studio(tmp_path / "data", ("ada",), 1)
    (folder / "descriptions.csv").write_text("clip,description\nhappy_ada_20,beaming\n", "utf-8")

    def run(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["medtalk-train", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return int(stopped.value.code or 0)

    assert run("check", folder) == 0
    lines = capsys.readouterr().out.splitlines()
    alone = "there is only one speaker, ada: single takes are held out, so no figure is about unseen people"
    assert f"note: {alone}" in lines
    assert any(line.startswith("stage 1, overlap: no, no sentence is there in two emotions") for line in lines)
    missing = [label for label in LABELS if label not in EMOTIONS]
    assert f"stage 3: yes, 3 of 7 emotions, 0 of 4 takes with a transcript; none of {', '.join(missing)}" in lines
    assert run("check", folder, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert [each["serves"] for each in report["stages"]] == [True, False, True, True, True]
    assert report["stages"][4]["why"].startswith("1 of 4 takes with a description (plain ones by label stand in")
    assert report["notes"][0] == alone
    rewrite(folder / "happy_ada_20.txt", late(24))
    assert run("check", folder, "--quiet") == 1
    assert capsys.readouterr().out.count("\n") == 1
