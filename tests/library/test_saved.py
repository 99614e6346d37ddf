"""Performances in files: what was heard decodes without the sound to the same numbers."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import medtalk
from medtalk.errors import AudioError, BundleError, GuidanceError, OutputError, RigError
from medtalk.rig import read_rig, write_rig


@pytest.fixture(scope="module")
def performance(sample: Path) -> medtalk.Performance:
    return medtalk.load().perform(sample, sample.with_suffix(".txt").read_text("utf-8"))


@pytest.fixture(scope="module")
def kept(performance: medtalk.Performance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kept") / "take.npz"
    return medtalk.save_performance(path, performance, performance.decode("sad"))


def test_it_decodes_to_the_same_numbers(performance: medtalk.Performance, kept: Path) -> None:
    loaded = medtalk.load_performance(kept, performance.model)
    assert len(loaded) == len(performance) and loaded.seconds == performance.seconds
    assert (loaded.words, loaded.places, loaded.phones) == (performance.words, performance.places, performance.phones)
    for emotion in ("happy", "angry:0.6,sad:0.4", performance.model.guide(text="in tears")):
        got, expected = loaded.decode(emotion, 1.3), performance.decode(emotion, 1.3)
        np.testing.assert_array_equal(got.values, expected.values)
        assert (got.meta, got.words, got.phones) == (expected.meta, expected.words, expected.phones)


def test_it_takes_other_words_and_an_edited_intensity_is_kept(
    performance: medtalk.Performance, kept: Path, tmp_path: Path
) -> None:
    loaded = medtalk.load_performance(kept, performance.model)
    for words in ("", "You came back!"):
        np.testing.assert_array_equal(
            loaded.with_transcript(words).decode("happy").values,
            performance.with_transcript(words).decode("happy").values,
        )
    edited = performance.with_intensity(np.linspace(0, 2, len(performance)))
    medtalk.save_performance(tmp_path / "edited.npz", edited)
    again = medtalk.load_performance(tmp_path / "edited.npz", performance.model)
    np.testing.assert_array_equal(again.decode("happy").values, edited.decode("happy").values)


def test_the_rig_beside_it_is_read_as_any_other(performance: medtalk.Performance, kept: Path) -> None:
    np.testing.assert_array_equal(read_rig(kept).values, performance.decode("sad").values)


def test_there_are_no_samples_and_no_voice(performance: medtalk.Performance, kept: Path) -> None:
    loaded = medtalk.load_performance(kept, performance.model)
    assert "KeptSpeech" in repr(loaded.speech) and 0 < loaded.nbytes < performance.nbytes
    assert (loaded.speech.frames, loaded.speech.sha256) == (performance.speech.frames, performance.speech.sha256)
    with pytest.raises(AudioError, match="were not kept with the take"):
        _ = loaded.speech.samples
    if not performance.model.hears_emotion():
        with pytest.raises(GuidanceError, match="The emotion of the voice was not kept"):
            loaded.decode("auto")


def test_what_was_heard_in_the_voice_is_kept(performance: medtalk.Performance, kept: Path, tmp_path: Path) -> None:
    loaded = medtalk.load_performance(kept, performance.model)
    assert loaded.felt == performance.felt and loaded.felt.weights == performance.felt.weights
    for spans in (None, [{"start": 1.0, "end": 2.0, "emotion": "auto"}]):
        got, expected = (each.decode("auto", timeline=spans) for each in (loaded, performance))
        np.testing.assert_array_equal(got.values, expected.values)
        assert got.meta == expected.meta
    with np.load(kept) as archive:
        arrays: Any = dict(archive)
    facts = json.loads(str(arrays["heard.facts"]))
    for wrong in ({"weights": {"angry": 3.0}}, {"angry": 1.0}, {"weights": {"no": 1.0}}):
        np.savez(tmp_path / "wrong.npz", **arrays | {"heard.facts": np.array(json.dumps(facts | {"voice": wrong}))})
        with pytest.raises(RigError, match="is not a complete take"):
            medtalk.load_performance(tmp_path / "wrong.npz", performance.model)


def test_a_bundle_without_phones(
    full_bundle: Path, small_backbones: dict[str, Path], sound: Path, tmp_path: Path
) -> None:
    """Of the authors' kind: the content is kept, as float16."""
    backbones = {name: small_backbones[name] for name in ("emotion2vec", "clip")}
    model = medtalk.load(full_bundle, backbones=backbones, offline=True, device="cpu")
    performance = model.perform(sound, "")
    medtalk.save_performance(tmp_path / "take.npz", performance)
    loaded = medtalk.load_performance(tmp_path / "take.npz", model)
    got, expected = loaded.decode("angry").values, performance.decode("angry").values
    np.testing.assert_allclose(got, expected, atol=0.01)


def test_another_bundle_is_refused(kept: Path, tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match=r"was heard by the bundle .* Give that one with --bundle"):
        medtalk.load_performance(kept, medtalk.load(tiny_bundle))


def test_what_cannot_keep_it(performance: medtalk.Performance, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"Give a \.npz file"):
        medtalk.save_performance(tmp_path / "take.csv", performance)


# --- files that are none


def changed(kept: Path, target: Path, **entries: Any) -> Path:
    """The kept take with other entries: arrays, texts, or None to leave one out."""
    with np.load(kept) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for name, value in entries.items():
        key = f"heard.{name}"
        arrays.pop(key, None)
        if value is not None:
            arrays[key] = np.array(value) if isinstance(value, str) else value
    np.savez(target, **arrays)
    return target


def facts_of(kept: Path, **more: Any) -> str:
    with np.load(kept) as archive:
        return json.dumps(json.loads(str(archive["heard.facts"])) | more)


def test_files_that_hold_none(performance: medtalk.Performance, kept: Path, sample: Path, tmp_path: Path) -> None:
    write_rig(tmp_path / "rig.npz", performance.decode("happy"))
    (tmp_path / "empty.npz").write_bytes(b"")
    for file in (tmp_path / "rig.npz", tmp_path / "empty.npz", sample):
        with pytest.raises(RigError, match=r"holds no performance\. Generate it with --keep-heard") as caught:
            medtalk.load_performance(file, performance.model)
        assert caught.value.about == str(file)
    with pytest.raises(RigError, match="does not exist"):
        medtalk.load_performance(tmp_path / "none.npz", performance.model)


def test_files_that_are_damaged(performance: medtalk.Performance, kept: Path, tmp_path: Path) -> None:
    frames, target, model = len(performance), tmp_path / "bad.npz", performance.model
    cut = kept.read_bytes()
    target.write_bytes(cut[: len(cut) // 2])
    with pytest.raises(RigError, match="is not a complete take"):
        medtalk.load_performance(target, model)
    entries: dict[str, dict[str, Any]] = {
        "intensity": {"intensity": np.ones(frames - 1, np.float32)},
        "sound": {"sound": np.ones((frames, 5000), np.float32)},
        "heard_posteriors": {"heard_posteriors": np.ones((frames, 34), np.float32)},
        "extra": {"extra": np.ones(frames, np.float32)},
        "activity": {"activity": np.ones(frames, np.float64)},
        "not finite": {"activity": np.full(frames, np.nan, np.float32)},
        "version 9": {"facts": facts_of(kept, version=9)},
        "JSONDecodeError": {"facts": "{"},
        "KeyError": {"intensity": None},
        "does not fit its bundle": {"sound": np.ones((frames, 3), np.float32)},
    }
    for message, entry in entries.items():
        with pytest.raises(RigError, match=message):
            medtalk.load_performance(changed(kept, target, **entry), model)


def test_nothing_is_unpickled(performance: medtalk.Performance, kept: Path, tmp_path: Path) -> None:
    target, mark = tmp_path / "bad.npz", tmp_path / "mark"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (mark,)

    shutil.copy(kept, target)
    np.save(tmp_path / "trap.npy", np.array([Trap()], object), allow_pickle=True)
    with zipfile.ZipFile(target, "a") as archive:
        archive.write(tmp_path / "trap.npy", "heard.trap.npy")
    with pytest.raises(RigError, match="'trap' is not that of a performance"):
        medtalk.load_performance(target, performance.model)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Trap()))
    assert mark.exists()  # the trap works
