"""`medtalk record`: what is kept of a take, where, and what is refused before any work."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medtalk import read_rig
from medtalk.recorded.recording import read_recording
from tests.helpers.sounds import babble


def test_a_take_with_all_that_it_was_made_by(medtalk: Callable[..., Any], sample: Path, tmp_path: Path) -> None:
    curve, words = tmp_path / "curve.csv", tmp_path / "words.txt"
    curve.write_text("time,value\n0,0.5\n2,1.5\n")
    words.write_text("I can't believe it!")
    moods = tmp_path / "moods.csv"
    moods.write_text("start,end,emotion\n1,2,angry\n")
    out = tmp_path / "rigs" / "line01.rig"
    options = ["--emotion", "happy", "--intensity-curve", curve, "--curve-mode", "multiply", "--timeline", moods,
               "--persona", "officer", "--transcript", words, "--fps", "30", "--seed", "5", "--no-blink"]  # fmt: skip
    done = medtalk("record", sample, "-o", out, *options)
    assert (done.code, done.err) == (0, "") and done.out.startswith(f"{out}: 4.9 s, ")
    found = read_recording(out)
    settings = found.settings
    assert (settings.emotion, settings.transcript, settings.fps) == ("happy", "I can't believe it!", 30.0)
    assert settings.curve.tolist() == [[0.0, 0.5], [2.0, 1.5]] and settings.curve_mode == "multiply"
    assert settings.timeline is not None and settings.timeline[0].emotion == "angry"
    assert settings.persona is not None and settings.persona["name"] == "officer"
    assert "seed" not in settings.persona and settings.finishing.seed == 5 and not settings.finishing.blink
    assert found.bundle == found.rig.meta["bundle"] and found.quality["summary"]
    assert len(found.bundle["sha256"]) == 64 and read_rig(out.with_suffix(".npz")).fps == 30.0
    assert sorted(path.name for path in out.parent.iterdir()) == ["line01.npz", "line01.rig"]
    for each in (curve, words, moods):
        each.unlink()
    assert medtalk("verify", out, "--exact").out.startswith(f"{out}: the same\n"), "without the files of its settings"


def test_folders_with_their_sounds(medtalk: Callable[..., Any], tmp_path: Path) -> None:
    import soundfile

    for name in ("a.wav", "b/c.flac"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "in" / name, babble(1.0), 16000)
    done = medtalk("record", tmp_path / "in", "-o", tmp_path / "rigs", "--keep-sound", "--json")
    assert done.code == 0 and [json.loads(line)["frames"] for line in done.out.splitlines()] == [60, 60]
    names = sorted(str(path.relative_to(tmp_path / "rigs")) for path in (tmp_path / "rigs").rglob("*.*"))
    assert names == ["a.npz", "a.rig", "a.wav", "b/c.flac", "b/c.npz", "b/c.rig"]
    shutil.rmtree(tmp_path / "in")
    assert medtalk("verify", tmp_path / "rigs").out.endswith("2 recorded rigs: 2 the same\n")


def test_a_sound_that_is_wrong_costs_the_others_nothing(
    medtalk: Callable[..., Any], sound: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    done = medtalk("record", broken, sound, "-o", tmp_path / "rigs")
    assert done.code == 1 and "broken.wav" in done.err and (tmp_path / "rigs" / "voice.rig").is_file()
    assert not (tmp_path / "rigs" / "broken.rig").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "x.npz", "--emotion", "smug"], "smug"),
        (["voice.wav", "-o", "x.rig"], "2 sounds cannot go into the one file x.rig. Give a folder"),
        (["voice.flac", "-o", "out"], "would both become"),
        (["-o", "x.rig", "--finishing", "paper", "--no-blink"], "--finishing paper is the paper's smoothing"),
        (["-o", "x.rig", "--transcript", "gone.txt"], "The transcript gone.txt does not exist"),
        (["-o", "x.rig", "--curve-mode", "multiply"], "--curve-mode multiply has no curve"),
        (["-o", "x.rig", "--intensity", "9"], "intensity is 9; valid are 0 to 4."),
    ],
)
def test_what_is_refused_before_any_work(
    medtalk: Callable[..., Any], sound: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(sound.parent)
    shutil.copy(sound, "voice.flac")
    before = sorted(sound.parent.iterdir())
    done = medtalk("record", "voice.wav", *words)
    assert done.code == 1 and said in done.err and done.err.count("\n") == 1
    assert sorted(sound.parent.iterdir()) == before


def test_a_read_only_one_is_kept(medtalk: Callable[..., Any], sound: Path, tmp_path: Path) -> None:
    """It may be checked in (Perforce)."""
    out = tmp_path / "line.rig"
    assert medtalk("record", sound, "-o", out, "-q").code == 0
    before = [path.read_bytes() for path in (out, out.with_suffix(".npz"))]
    out.chmod(0o444)
    done = medtalk("record", sound, "-o", out, "--emotion", "sad")
    assert done.code == 1 and "line.rig is read-only" in done.err
    assert [path.read_bytes() for path in (out, out.with_suffix(".npz"))] == before
    assert medtalk("record", sound, "-o", out, "--emotion", "sad", "--force").code == 0
    assert read_recording(out).settings.emotion == "sad"
