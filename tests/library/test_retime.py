"""Takes on other recordings of their lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

import medtalk
from medtalk.edits import Edits, Stretch, read_edits, write_edits
from medtalk.errors import SettingError
from medtalk.features.phones import N_PHONES
from medtalk.retime import retime, warp
from medtalk.rig.channels import CHANNEL_NAMES

JAW = CHANNEL_NAMES.index("CTRL_C_jaw-translateY")


def spoken(*phones: int, frames: int = 6) -> np.ndarray:
    """Posteriors of phones that last so many frames each."""
    return np.repeat(0.9 * np.eye(N_PHONES, dtype=np.float32)[list(phones)] + 0.1 / N_PHONES, frames, axis=0)


def test_the_same_sound_is_not_moved() -> None:
    line = spoken(0, 3, 7, 3, 9, 0)
    np.testing.assert_allclose(warp(line, line), np.arange(len(line)), atol=1.2)


def test_slower_faster_and_with_a_pause() -> None:
    phones = (0, 3, 7, 4, 9, 12, 5, 0)
    line = spoken(*phones)
    slow = warp(line, spoken(*phones, frames=12))
    np.testing.assert_allclose(slow, np.arange(len(slow)) / 2.0, atol=2.5)
    np.testing.assert_allclose(warp(spoken(*phones, frames=12), line), 2.0 * np.arange(len(line)), atol=5.0)
    pause = warp(line, np.concatenate([line[:24], spoken(0, frames=30), line[24:]]))
    assert (np.diff(pause) >= 0.0).all() and len(pause) == len(line) + 30
    np.testing.assert_allclose(pause[:18], np.arange(18), atol=2.0)
    np.testing.assert_allclose(pause[-18:], np.arange(len(line) - 18, len(line)), atol=2.0)


def test_what_is_cut_out_is_passed_over() -> None:
    line = spoken(0, 3, 7, 4, 9, 12, 5, 0)
    found = warp(line, np.concatenate([line[:18], line[30:]]))
    assert len(found) == 36 and found[-1] == pytest.approx(47, abs=2.5) and found[10] == pytest.approx(10, abs=2.0)
    with pytest.raises(ValueError, match="posteriors"):
        warp(line[:, :5], line)


@pytest.fixture(scope="module")
def model() -> medtalk.Model:
    return medtalk.load(threads=1)


def test_a_take_with_an_edit_follows_a_longer_pause(model: medtalk.Model, sample: Path, tmp_path: Path) -> None:
    samples, rate = soundfile.read(sample, dtype="float32")
    cut = int(2.4 * rate)
    other = np.concatenate([samples[:cut], np.zeros(rate // 2, np.float32), samples[cut:]])
    soundfile.write(tmp_path / "new.wav", other, rate)
    old, new = model.perform(sample, ""), model.perform(tmp_path / "new.wav", "")
    take = old.decode("sad")
    values = take.values.copy()
    values[30:50, 3] = 0.77
    edited = medtalk.RigSequence(values, take.fps, take.meta, take.words, take.phones, take.head)
    done = retime(edited, old, new)
    assert len(done) == len(new) and done.head is not None
    own = {"source": new.speech.facts(), "retimed": {"heard in both": pytest.approx(1.0, abs=0.1)}}
    assert done.meta == {**edited.meta, **own}
    assert done.values[40, 3] == pytest.approx(0.77, abs=1e-4)
    wanted = new.decode("sad").values[:, JAW]
    moved = np.interp(np.linspace(0, 1, len(new)), np.linspace(0, 1, len(take)), take.values[:, JAW])
    error, stretched = np.abs(done.values[:, JAW] - wanted).mean(), np.abs(moved - wanted).mean()
    assert error < 0.5 * stretched
    shifted = [each.start for each in done.phones if each.start > 3.4]
    assert shifted and len(done.phones) >= 0.8 * len(take.phones)


def test_the_command(medtalk, sample: Path, tmp_path: Path) -> None:
    samples, rate = soundfile.read(sample, dtype="float32")
    soundfile.write(tmp_path / "new.wav", np.concatenate([np.zeros(rate // 3, np.float32), samples]), rate)
    assert medtalk("generate", sample, "-o", tmp_path / "a.npz", "--emotion", "sad").code == 0
    words = ["retime", tmp_path / "a.npz", "--to", tmp_path / "new.wav", "-o", tmp_path / "b.npz"]
    done = medtalk(*words)
    assert done.code == 1 and "--from" in done.err and not (tmp_path / "b.npz").exists()
    done = medtalk(*words, "--from", sample)
    assert done.err == "" and done.code == 0 and done.out.startswith(f"{tmp_path / 'b.npz'}: 5.2 s")
    done = medtalk(*words, "--from", tmp_path / "new.wav")
    assert done.code == 1 and "The rig lasts" in done.err
    soundfile.write(tmp_path / "quiet.wav", 0.5 * samples, rate)
    done = medtalk(*words, "--from", tmp_path / "quiet.wav")
    assert done.code == 0 and f"a.npz was not made of {tmp_path / 'quiet.wav'}, but of {sample.name}." in done.err


def test_hand_edits_alone_for_the_next_bake(medtalk, sample: Path, tmp_path: Path) -> None:
    samples, rate = soundfile.read(sample, dtype="float32")
    soundfile.write(tmp_path / "new.wav", np.concatenate([np.zeros(rate // 2, np.float32), samples]), rate)
    before, after = np.zeros(20, np.float32), np.full(20, 0.6, np.float32)
    (tmp_path / "new").mkdir()
    old, new = tmp_path / "L1.edits.json", tmp_path / "new" / "L1.edits.json"
    write_edits(old, Edits(60.0, "ab", (Stretch(CHANNEL_NAMES[3], 1.0, before, after),)))
    words = ["retime", old, "--to", tmp_path / "new.wav", "-o"]
    done = medtalk(*words, new)
    assert done.code == 1 and "--from" in done.err and not new.exists()
    assert medtalk(*words, tmp_path / "x.npz", "--from", sample).code == 1
    done = medtalk(*words, new, "--from", sample)
    assert (done.code, done.err) == (0, "") and done.out == f"{new}: 1 change on 1 control\n"
    (stretch,) = read_edits(new).stretches
    assert stretch.start == pytest.approx(1.5, abs=0.1) and len(stretch.after) == pytest.approx(20, abs=6)
    assert (stretch.after == np.float32(0.6)).all() and read_edits(new).base == ""
    write_edits(old, Edits(60.0, "ab", (Stretch(CHANNEL_NAMES[3], 9.0, before, after),)))
    done = medtalk(*words, new, "--from", sample, "--force")
    assert done.code == 1 and "The edits go to 9.32 s" in done.err


def test_another_line_is_refused_and_so_is_silence(medtalk, sample: Path, speech_data: Path, tmp_path: Path) -> None:
    """One line each, and no file."""
    assert medtalk("generate", sample, "-o", tmp_path / "a.npz").code == 0
    soundfile.write(tmp_path / "silence.wav", np.zeros(48000), 16000)
    words = ["retime", tmp_path / "a.npz", "--from", sample, "-o", tmp_path / "b.npz", "--to"]
    for sound, said in (
        (speech_data / "emodb_sad.ogg", "The new sound is not the same line: "),
        (tmp_path / "silence.wav", "Nothing is spoken in the new sound."),
    ):
        done = medtalk(*words, sound)
        assert done.code == 1 and said in done.err and done.err.count("\n") == 1 and not (tmp_path / "b.npz").exists()


def test_a_rig_of_another_sound_is_refused(model: medtalk.Model, sample: Path) -> None:
    performance = model.perform(sample, "")
    with pytest.raises(SettingError, match="its sound"):
        retime(performance.decode("sad").slice(0.0, 2.0), performance, performance)
