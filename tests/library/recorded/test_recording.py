"""Recorded rigs in their files: what is kept, what is found, and what is wrong with a damaged one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medtalk.errors import AudioError, MedtalkError, RigError, SettingError
from medtalk.recorded.recording import Recording, find_recordings, read_recording, write_recording
from medtalk_wire.settings import Settings
from tests.library.quality.faces import speaking

RIG = speaking().with_meta(bundle={"name": "compact", "sha256": "ab" * 32}, medtalk="0.1.0")


@pytest.fixture
def voice(tmp_path: Path, sound: Path) -> Path:
    """A sound in a folder of its own."""
    place = tmp_path / "voices" / "line.wav"
    place.parent.mkdir()
    shutil.move(sound, place)
    return place


@pytest.fixture
def recorded(tmp_path: Path, voice: Path) -> Recording:
    """A recorded rig whose sound lies elsewhere."""
    settings = Settings(emotion="happy", curve=None, intensity=1.5)
    return write_recording(tmp_path / "rigs" / "line.rig", RIG, voice, settings, quality={"good": True})


def test_it_comes_back(recorded: Recording, voice: Path) -> None:
    found = read_recording(recorded.file)
    assert (found.rig.values == RIG.values).all() and found.rig.phones == RIG.phones
    assert (found.settings.emotion, found.settings.intensity, found.channel) == ("happy", 1.5, None)
    assert found.bundle == {"name": "compact", "sha256": "ab" * 32} and found.medtalk == "0.1.0"
    assert found.platform == recorded.platform and "onnxruntime" in found.platform
    assert found.quality == {"good": True} and found.name == "line"
    assert found.sound.place == "../voices/line.wav" and not found.sound.kept
    assert os.path.samefile(found.find_sound(), voice)


def test_the_same_take_gives_the_same_bytes(recorded: Recording, voice: Path) -> None:
    """Nothing for version control to see."""
    files = [recorded.file, recorded.file.with_suffix(".npz")]
    before = [file.read_bytes() for file in files]
    write_recording(recorded.file, recorded.rig, voice, recorded.settings, quality={"good": True})
    assert [file.read_bytes() for file in files] == before


def test_a_fact_is_a_line(recorded: Recording) -> None:
    lines = recorded.file.read_text("utf-8").splitlines()
    assert '    "emotion": "happy",' in lines and '    "intensity": 1.5' in lines
    assert json.loads("\n".join(lines))["settings"] == {"emotion": "happy", "intensity": 1.5}


def test_a_sound_that_is_kept(tmp_path: Path, voice: Path) -> None:
    recording = write_recording(tmp_path / "a.rig", RIG, voice, Settings(), keep_sound=True)
    voice.unlink()
    assert read_recording(recording.file).find_sound() == tmp_path / "a.wav"
    again = write_recording(tmp_path / "a.rig", RIG, tmp_path / "a.wav", Settings(), keep_sound=True)
    assert again.sound == recording.sound and (tmp_path / "a.wav").stat().st_size > 1000


def test_a_sound_elsewhere(recorded: Recording, voice: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "deep" / "line.wav"
    moved.parent.mkdir(parents=True)
    shutil.move(voice, moved)
    with pytest.raises(AudioError, match=r"The sound .*line.wav is missing\. .*--sounds"):
        recorded.find_sound()
    assert recorded.find_sound(tmp_path / "elsewhere") == moved
    moved.write_bytes(b"another")
    with pytest.raises(AudioError, match="is not the sound that was recorded"):
        recorded.find_sound(tmp_path / "elsewhere")


def test_a_sound_with_any_name(tmp_path: Path, voice: Path) -> None:
    """One that would be a pattern, and one that only looks like a path elsewhere."""
    odd = voice.with_name("line [1]*?.wav")
    voice.rename(odd)
    recording = write_recording(tmp_path / "rigs" / "line [1].rig", RIG, odd, Settings())
    deep = tmp_path / "deep" / "er" / odd.name
    deep.parent.mkdir(parents=True)
    odd.rename(deep)
    assert read_recording(recording.file).find_sound(tmp_path / "deep") == deep


def test_pictures_lie_beside_it(tmp_path: Path, voice: Path) -> None:
    smile, other = tmp_path / "smile.png", tmp_path / "more" / "smile.png"
    other.parent.mkdir()
    smile.write_bytes(b"a picture")
    other.write_bytes(b"another one")
    spans = [{"start": 0, "image": smile}, {"start": 1, "image": other}]
    from medtalk.timeline import spans_of

    written = write_recording(tmp_path / "rigs" / "line.rig", RIG, voice, Settings(timeline=spans_of(spans)))
    smile.unlink()
    back = read_recording(written.file)
    assert back.settings.timeline is not None
    files = [span.image for span in back.settings.timeline]
    assert [file.name for file in files] == ["line.smile.png", "line.2.smile.png"]
    assert [file.read_bytes() for file in files] == [b"a picture", b"another one"]
    names = sorted(path.name for path in written.file.parent.iterdir())
    write_recording(written.file, RIG, voice, back.settings)
    assert sorted(path.name for path in written.file.parent.iterdir()) == names, "recorded again they keep their names"
    assert find_recordings([written.file.parent])[1] == []


def changed(**facts: Any) -> Callable[[Path], object]:
    def change(file: Path) -> None:
        file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | facts), "utf-8")

    return change


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:200]), "line.rig is damaged"),
        (lambda file: file.write_bytes(b"\xff\xfe"), "line.rig is damaged"),
        (lambda file: file.write_text("[" * 100_000), "line.rig is damaged"),
        (lambda file: file.write_text("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
        (lambda file: file.write_text("{}"), "is not a recorded rig"),
        (lambda file: file.unlink(), "does not exist"),
        (changed(version=2), "is of format version 2; this program reads 1. Update medtalk."),
        (changed(channels="ab"), "was recorded for another list of channels. Record it again."),
        (changed(rig={"file": "line.npz"}), "is not complete (KeyError: 'sha256')"),
        (changed(rig={"file": "../line.npz", "sha256": ""}), "do not lie beside it"),
        (changed(sound=[]), "is not complete"),
        (changed(settings=[]), "is not complete (TypeError: the settings are no object)"),
        (changed(rig={"file": "x" * 300, "sha256": ""}), "are missing"),
        (changed(channel="left"), '"channel" must be a whole number'),
        (changed(settings={"smile": 1}), "setting 'smile', which this medtalk does not know"),
        (changed(settings={"intensity": 99}), "line.rig: intensity is 99; valid are 0 to 4."),
        (changed(settings={"intensity": "much"}), "intensity is 'much'"),
        (changed(settings={"emotion": "smug"}), "smug"),
        (lambda file: file.with_suffix(".npz").unlink(), "The curves"),
        (lambda file: file.with_suffix(".npz").write_bytes(b"PK"), "is not the file that was recorded. Restore it"),
        (lambda file: file.with_suffix(".npz").write_bytes(b"version https://git-lfs"), "git lfs pull"),
    ],
)
def test_what_is_wrong_with_it(recorded: Recording, spoil: Callable[[Path], object], said: str) -> None:
    spoil(recorded.file)
    with pytest.raises(RigError) as error:
        read_recording(recorded.file)
    assert said in str(error.value) and "\n" not in str(error.value)
    if recorded.file.exists():
        assert find_recordings([recorded.file.parent])[0] == [recorded.file]


def test_a_sound_with_a_name_that_no_system_takes(recorded: Recording) -> None:
    changed(sound={"file": "x" * 300 + ".wav", "sha256": ""})(recorded.file)
    with pytest.raises(AudioError, match="is missing"):
        read_recording(recorded.file).find_sound(recorded.file.parent)


def test_folders_and_what_belongs_to_none(recorded: Recording, voice: Path) -> None:
    folder = recorded.file.parent
    write_recording(folder / "b" / "other.rig", RIG, voice, Settings(), keep_sound=True)
    shutil.copy(folder / "line.npz", folder / "gone.npz")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "x.rig").write_text("")
    (folder / "readme.md").write_text("")
    shutil.copy(voice, folder / "b" / "alone.wav")
    found, orphans = find_recordings([folder])
    assert found == [folder / "b" / "other.rig", folder / "line.rig"]
    assert orphans == [folder / "b" / "alone.wav", folder / "gone.npz"]
    assert find_recordings([folder / "line.rig", folder]) == (
        [folder / "line.rig", folder / "b" / "other.rig"], orphans
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "holds no recorded rig (NAME.rig). Record one: medtalk record SOUND -o"), ("nope", "nope does not exist"),
     ("a.csv", "a.csv is not a recorded rig. Give a folder, or NAME.rig.")],
)  # fmt: skip
def test_places_without_any(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(SettingError) as error:
        find_recordings([tmp_path / name])
    assert said in str(error.value)


def test_another_ending(tmp_path: Path, voice: Path) -> None:
    for name in ("line.npz", ".rig"):
        with pytest.raises(MedtalkError, match="is not a name for a recorded rig"):
            write_recording(tmp_path / name, RIG, voice, Settings())
    assert [path.name for path in tmp_path.iterdir()] == ["voices"]
