"""Long sounds in chunks, and memory that is not enough."""

from __future__ import annotations

import logging
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import medtalk
from medtalk.audio import Speech
from medtalk.backbones.pretrained import Pretrained
from medtalk.errors import CancelledError, SettingError
from medtalk.features import listening
from medtalk.features.prosody import prosody, voice_activity
from medtalk.features.whisper_mel import log_mel
from medtalk.finishing.closures import decide
from medtalk.model.ear import LONGEST
from medtalk.perform import Model, Performance, _batches
from medtalk.rig import RigSequence, write_rig
from medtalk.watch import Watch
from tests.helpers.sounds import babble


@pytest.fixture
def model(full_bundle: Path, small_backbones: dict[str, Path]) -> Model:
    backbones = {name: small_backbones[name] for name in ("emotion2vec", "clip")}
    return medtalk.load(full_bundle, backbones=backbones, offline=True, device="cpu")


@pytest.fixture(scope="module")
def minute() -> Speech:
    return Speech.from_array(babble(60.0), 16000)


def arrays(performance: Performance) -> list[np.ndarray]:
    assert performance.heard.guided is not None
    guided = [performance.heard.guided.content, performance.heard.guided.intensity]
    return [performance.content, performance.heard.emotion_features, performance.intensity, *guided]


def test_chunks_of_any_length_give_the_same_rig(model: Model, minute: Speech) -> None:
    engine: Any = model.engine
    performances, rigs = [], []
    for chunk in (10_000, 61):
        engine._chunk = chunk
        performances.append(model.perform(minute))
        rigs.append(performances[-1].decode("angry").values)
    assert rigs[0].shape == (3600, 174)
    for one, other in zip(*map(arrays, performances), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    np.testing.assert_allclose(*rigs, atol=1e-4)


def test_ready_made_features_of_a_long_sound(model: Model, minute: Speech) -> None:
    given = np.cumsum(np.full((2999, 48), 0.01), axis=0)
    heard = model.perform(minute, emotion2vec=given).heard.emotion_features
    np.testing.assert_allclose(heard[:, 0], np.linspace(0.01, 29.99, 3600), rtol=1e-4)


@pytest.mark.parametrize("part", ["wav2vec2", "emotion2vec", "networks"])
def test_a_long_sound_can_be_stopped_after_any_chunk(model: Model, minute: Speech, part: str) -> None:
    engine: Any = model.engine
    engine._chunk = 16
    modules = {
        "wav2vec2": engine._wav2vec2._model.feature_projection,
        "emotion2vec": engine._emotion2vec._model.blocks[1].norm2,
        "networks": engine._model.audio_content_map,
    }
    watch, fractions = Watch(), []

    def follow(*_: object) -> None:
        fractions.append(watch.fraction())
        if len(fractions) == 20:
            watch.cancel()

    modules[part].register_forward_hook(follow)
    with watch, pytest.raises(CancelledError):
        model.perform(minute)
    assert len(fractions) == 20 and fractions == sorted(fractions)
    assert part == "networks" or fractions[-1] > fractions[0]


class Crowded:
    """A hook that finds no memory for more rows than `room`."""

    def __init__(self, room: int) -> None:
        self.room, self.refused = room, 0

    def __call__(self, module: object, inputs: tuple[torch.Tensor, ...]) -> None:
        if inputs[0].shape[-2] > self.room:
            self.refused += 1
            raise torch.OutOfMemoryError("CUDA out of memory.")


@pytest.fixture
def on_gpu(model: Model, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model that takes itself to compute on a GPU."""
    engine: Any = model.engine
    model.engine.prepare("emotion2vec")  # to where it really computes
    monkeypatch.setattr(engine, "_device", torch.device("cuda", 0))
    monkeypatch.setattr(engine, "_in", lambda values: torch.tensor(values, device="cpu")[None])
    return model


def test_a_gpu_with_less_memory_takes_smaller_chunks(
    on_gpu: Model, model: Model, minute: Speech, caplog: pytest.LogCaptureFixture
) -> None:
    engine: Any = on_gpu.engine
    crowded = Crowded(64)
    engine._wav2vec2._model.feature_projection.register_forward_pre_hook(crowded)
    content = engine.hear(minute.samples, np.zeros((3600, 48))).content
    assert crowded.refused == 2 and engine.device == "cuda:0" and engine.note == ""
    assert [record.getMessage() for record in caplog.records] == [
        "cuda:0 ran out of memory: trying chunks of 128 frames.",
        "cuda:0 ran out of memory: trying chunks of 64 frames.",
    ]
    crowded.room = 1 << 20
    engine._chunk = 256
    np.testing.assert_allclose(content, engine.hear(minute.samples, np.zeros((3600, 48))).content, atol=1e-4)


def test_the_cpu_takes_over_and_says_so(
    on_gpu: Model, minute: Speech, small_backbones: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    engine: Any = on_gpu.engine
    engine._emotion2vec._model.blocks[0].norm1.register_forward_pre_hook(Crowded(10))  # the extra tokens alone
    performance = on_gpu.perform(minute)
    assert engine.device == "cpu" and engine._chunk == 256
    assert engine.note == "cuda:0 ran out of memory: the CPU has taken over."
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 3
    assert performance.decode("sad").meta["note"] == engine.note
    told = on_gpu.perform(minute, "what a day").decode("sad").meta["note"]
    assert told.endswith(engine.note) and "no effect" in told


def test_decoding_makes_do_with_less_too(on_gpu: Model, minute: Speech) -> None:
    engine: Any = on_gpu.engine
    performance = on_gpu.perform(minute)
    crowded = Crowded(128)
    engine._model.decoder.register_forward_pre_hook(crowded)
    assert len(performance.decode("sad")) == 3600 and crowded.refused == 1 and engine._chunk == 128


def test_a_gpu_without_room_for_the_networks(
    full_bundle: Path, small_backbones: dict[str, Path], minute: Speech, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medtalk.engine import full

    def crowded(bundle: Any, name: str, device: torch.device) -> dict[str, torch.Tensor]:
        if device.type == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return tensors(bundle, name, device)

    tensors = full.tensors
    monkeypatch.setattr(full, "torch_device", lambda *_: torch.device("cuda", 0))
    monkeypatch.setattr(full, "tensors", crowded)
    folders = {"emotion2vec": small_backbones["emotion2vec"]}
    model = medtalk.load(full_bundle, device="cuda", backbones=folders, offline=True)
    assert model.engine.device == "cpu"
    assert model.perform(minute).decode("sad").meta["note"].startswith("cuda:0 ran out of memory")


def test_a_gpu_without_room_for_a_backbone(on_gpu: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def crowded(source: Pretrained) -> tuple[torch.device, torch.dtype]:
        if source.device != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return placement(source)

    placement = Pretrained.placement
    monkeypatch.setattr(Pretrained, "placement", crowded)
    on_gpu.prepare("clip")
    assert on_gpu.engine.device == "cpu"


def test_on_a_cpu_there_is_nowhere_to_go(model: Model, minute: Speech) -> None:
    engine: Any = model.engine
    engine._wav2vec2._model.feature_projection.register_forward_pre_hook(Crowded(1))
    with pytest.raises(torch.OutOfMemoryError):
        model.perform(minute)


# --- short sounds together


def test_sounds_heard_together_are_heard_as_alone(
    model: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sounds = [Speech.from_array(babble(length, seed=seed), 16000) for seed, length in enumerate((2.0, 9.0, 1.9, 2.2))]
    alone = [model.perform(sound) for sound in sounds]
    together: list[int] = []
    hear_batch = model.engine.hear_batch
    monkeypatch.setattr(model.engine, "hear_batch", lambda clips: together.append(len(clips)) or hear_batch(clips))
    assert len(model.perform_all(sounds)) == 4 and together == []  # a CPU takes one after the other
    monkeypatch.setattr(type(model.engine), "device", "cuda:0")
    performances = model.perform_all(sounds, ["a", None, "", " b "])
    assert together == [3, 1] and [performance.transcript for performance in performances] == ["a", "", "", "b"]
    for one, other in zip(alone, performances, strict=True):
        for values, others in zip(arrays(one), arrays(other), strict=True):
            np.testing.assert_allclose(values, others, atol=1e-4)
    with pytest.raises(SettingError, match="1 transcripts for 4 sounds"):
        model.perform_all(sounds, ["a"])


def test_which_sounds_are_heard_together() -> None:
    assert _batches([]) == []
    assert _batches([5.0, 40.0, 5.5, 41.0, 20.0, 24.0, 29.0]) == [[0, 2], [4, 5], [6], [1], [3]]
    assert list(map(len, _batches([1.0] * 40))) == [16, 16, 8]


def test_a_compact_bundle_leaves_a_full_gpu_too(minute: Speech, monkeypatch: pytest.MonkeyPatch) -> None:
    model = medtalk.load(engine="torch")
    expected = model.perform(minute).decode("sad")
    engine: Any = model.engine
    monkeypatch.setattr(engine, "_device", torch.device("cuda", 0))
    monkeypatch.setattr(engine, "_in", lambda values: torch.tensor(values, device="cpu"))
    engine._networks.model.decoder.register_forward_pre_hook(Crowded(100))
    rig = model.perform(minute).decode("sad")
    assert model.engine.device == "cpu"
    assert rig.meta["note"] == "cuda:0 ran out of memory: the CPU has taken over."
    np.testing.assert_array_equal(rig.values, expected.values)


# --- the ear of a compact bundle, which hears in windows


def test_windows_are_close_to_a_single_pass(speech_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 27 s, which Whisper can hear at once. Measured: 0.0031, 0.957, 0.992 and 0.996."""
    engine: Any = medtalk.load(engine="torch").engine
    samples = medtalk.read_speech(speech_data / "sonnet.flac").samples
    _, windows = engine.listen(samples)
    monkeypatch.setattr(listening, "WINDOW", LONGEST)
    _, once = engine.listen(samples)
    assert np.abs(windows - once).mean() < 0.006
    assert (windows.argmax(1) == once.argmax(1)).mean() > 0.93
    first, second = decide(windows), decide(once)
    assert ((first.seal > 0.5) == (second.seal > 0.5)).mean() > 0.98
    assert ((first.bite > 0.3) == (second.bite > 0.3)).mean() > 0.98


def test_a_compact_bundle_hears_a_minute_in_windows(speech_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = medtalk.load()
    engine: Any = model.engine
    sizes: list[int] = []
    listen = engine._listen
    monkeypatch.setattr(engine, "_listen", lambda mel: sizes.append(len(mel)) or listen(mel))
    samples = np.resize(medtalk.read_speech(speech_data / "sonnet.flac").samples, 60 * 16000)
    performance = model.perform(Speech.from_array(samples, 16000))
    assert len(performance) == len(performance.decode("sad")) == 3600
    assert len(sizes) == 8 and max(sizes) == 2 * listening.WINDOW


# --- memory


def peak(work: Callable[[], Any]) -> int:
    """The most bytes of arrays and objects that `work` held at a time, with its result."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_long_sounds_are_heard_in_parts() -> None:
    samples = np.resize(babble(60.0), 600 * 16000)
    for work in (log_mel, voice_activity, prosody):
        work(samples[:160000])  # loads what it needs
    assert peak(lambda: voice_activity(samples)) < samples.nbytes
    mel = 600 * 100 * 80 * 4
    assert peak(lambda: log_mel(samples)) < mel + samples.nbytes * 0.6
    assert peak(lambda: Speech(samples, "a").sha256) < samples.nbytes / 10


def test_long_rigs_are_written_line_by_line(tmp_path: Path) -> None:
    rig = RigSequence(np.random.default_rng(0).normal(0.0, 0.1, (6000, 174)))
    for ending in (".csv", ".txt", ".json"):
        assert peak(lambda ending=ending: write_rig(tmp_path / f"a{ending}", rig)) < rig.values.nbytes / 2
    assert peak(lambda: rig.with_meta(a=1)) < rig.values.nbytes / 2


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_long_sounds_are_decoded_in_parts(
    tiny_bundle: Path, minute: Speech, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = medtalk.load(tiny_bundle, engine)
    performance = model.perform(minute)
    whole = performance.decode("sad").values
    monkeypatch.setattr("medtalk.engine.compact._DECODED", 1000)
    used: Any = model.engine
    sizes: list[int] = []
    decode = used._decode
    monkeypatch.setattr(used, "_decode", lambda content, *rest: sizes.append(len(content)) or decode(content, *rest))
    np.testing.assert_allclose(performance.decode("sad").values, whole, atol=1e-5)
    assert sizes[:4] == [1000, 1000, 1000, 600]
    assert max(sizes) == 1000  # also of the frames in which nobody speaks, whose articulation is taken away
