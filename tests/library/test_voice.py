"""The emotion `auto` by the bundle itself: heard in the mean of Whisper's states, sure or not, with the words' say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import medtalk
from medtalk.bundle import README, VOICE_GRAPH, load_bundle, write_bundle
from medtalk.features import listening
from medtalk.features.voice import voice_state
from medtalk.finishing import Finishing
from medtalk.guidance import LABELS, Felt
from medtalk.model.graphs import VoiceGraph
from medtalk.perform import Model
from medtalk.rates import FPS
from medtalk_train.onnx_graph import graph_of
from tests.helpers.sounds import babble

RAW = Finishing(smooth=False, blink=False, gaze=False, limits=False)
DATA = Path(__file__).parents[1] / "data"
Run = Callable[..., Any]


def hearing(folder: Path, lean: float) -> Path:
    """The bundle in a folder, which hears anger in everything if `lean` is large."""
    torch.manual_seed(2)
    graph = VoiceGraph(32, torch.arange(len(LABELS))).eval()
    with torch.no_grad():
        graph.kinds.bias[0] = lean
        graph.arousal.weight.zero_()
        graph.arousal.bias.fill_(0.5)
    data = graph_of(graph, (torch.zeros(1, 32),), {"state": {}}, {"weights": {}, "arousal": {}})
    bundle = load_bundle(folder)
    files: dict[str, bytes | Path] = {name: bundle.read(name) for name in bundle.manifest["files"]}
    write_bundle(folder, bundle.manifest, {**files, README: (folder / README).read_bytes(), VOICE_GRAPH: data})
    return folder


@pytest.fixture
def angry(own_bundle: Path) -> Path:
    return hearing(own_bundle, 50.0)


@pytest.fixture
def unsure(own_bundle: Path) -> Path:
    return hearing(own_bundle, 0.0)


def test_the_state_is_the_mean_over_speech() -> None:
    samples = babble(30.0)  # several windows
    activity = np.zeros(30 * FPS, np.float32)
    activity[5 * FPS : 9 * FPS] = 1.0
    activity[20 * FPS : 21 * FPS] = 0.5

    def run(mel: np.ndarray) -> np.ndarray:
        return mel[::2]

    whole = np.concatenate(
        [mel[::2][start - first : end - first] for mel, first, start, end in listening.windows(samples)]
    )
    times = (np.arange(len(whole)) - listening.EDGE) / listening.FPS
    share = np.where((times >= 5) & (times < 9), 1.0, np.where((times >= 20) & (times < 21), 0.5, 0.0))
    expected = (share[:, None] * whole).sum(axis=0) / share.sum()
    np.testing.assert_allclose(voice_state(samples, activity, run), expected, atol=1e-4)
    np.testing.assert_allclose(voice_state(samples, 0.0 * activity, run), whole.mean(axis=0), atol=1e-4)
    assert voice_state(samples[:10], np.zeros(0, np.float32), run).shape == (80,), "shorter than a frame"


def test_both_engines_hear_the_same(unsure: Path, sound: Path, empty_caches: Path) -> None:
    heard = [medtalk.load(unsure, engine=engine, offline=True).perform(sound).felt for engine in ("onnx", "torch")]
    assert heard[0].heard_by == "tiny" and heard[0].arousal == pytest.approx(0.5)
    # eight-bit weights
    assert dict(heard[0].weights) == pytest.approx(dict(heard[1].weights), abs=0.05)


def test_a_sure_voice_leads(angry: Path, sound: Path, empty_caches: Path, network: list[str]) -> None:
    model = medtalk.load(angry, offline=True)
    model.prepare("emotion2vec_plus")
    assert model.hears_emotion() and model.guidance[-1] == "auto"
    performance = model.perform(sound)
    rig = performance.decode("auto", finishing=RAW)
    assert performance.felt.sure and rig.meta["emotion"]["angry"] == pytest.approx(1.0, abs=1e-3)
    assert rig.meta["guidance"]["heard_by"] == "tiny" and rig.meta["guidance"]["sure"] is True
    plain = performance.decode("angry", 2.0**0.2, finishing=RAW)
    np.testing.assert_allclose(rig.values, plain.values, atol=1e-4)
    assert network == []


def test_an_unsure_voice_is_neutral_with_its_energy(unsure: Path, sound: Path, empty_caches: Path) -> None:
    performance = medtalk.load(unsure, offline=True).perform(sound)
    rig = performance.decode("auto", finishing=RAW)
    assert not performance.felt.sure and len(performance.voice_emotion) == 7
    assert rig.meta["emotion"] == {"neutral": 1.0} and rig.meta["guidance"]["heard"] == performance.voice_emotion
    np.testing.assert_allclose(rig.values, performance.decode("neutral", 2.0**0.2, finishing=RAW).values, atol=1e-5)


def test_silence_is_neutral(angry: Path, silence: Path, empty_caches: Path) -> None:
    felt = medtalk.load(angry, offline=True).perform(silence).felt
    assert felt.weights == felt.shown == {"neutral": 1.0} and felt.heard_by == "tiny"
    assert felt.silent and not felt.sure and felt.meta()["silent"]


def test_words_agree_or_disagree() -> None:
    felt = Felt({"angry": 0.6, "happy": 0.4}, "b", 0.0)
    assert not felt.sure and felt.with_words({"angry": 1.0}).sure and felt.with_words({"angry": 1.0}).words
    other = felt.with_words({"sad": 1.0})
    assert other.weights["angry"] == pytest.approx(0.6) and not other.sure, "no word says what no voice does"
    assert felt.with_words({"happy": 1.0}).weights["happy"] > 0.6
    faint = felt.with_words({"angry": 0.2, "neutral": 0.8}).weights["angry"]
    assert 0.6 < faint < felt.with_words({"angry": 1.0}).weights["angry"]


def test_the_transcript_has_a_say_in_the_bundle_that_ships(empty_caches: Path) -> None:
    model = medtalk.load(offline=True)
    felt = Felt({label: 1 / 7 for label in LABELS}, "compact", 0.0)
    said = model._felt_words(felt, "I am furious, I hate this.")
    assert said.words and max(said.weights, key=lambda label: said.weights[label]) == "angry"
    for plain in ("", "The train leaves at nine.", "Der Zug fährt um neun Uhr ab."):
        assert model._felt_words(felt, plain) is felt


@pytest.mark.parametrize(("name", "label"), [("emodb_angry.ogg", "angry"), ("emodb_sad.ogg", "sad")])
def test_the_bundle_that_ships_hears_actors_that_it_learned_from(name: str, label: str, empty_caches: Path) -> None:
    model: Model = medtalk.load(offline=True)
    performance = model.perform(DATA / name)
    felt = performance.felt
    assert felt.sure and max(felt.weights, key=lambda each: felt.weights[each]) == label and felt.heard_by == "compact"
    assert felt.arousal is not None and (felt.arousal > 0.3 if label == "angry" else felt.arousal < -0.3)
    assert performance.decode("auto").meta["emotion"][label] >= 0.75


@pytest.mark.parametrize("name", ["jfk.flac", "sonnet.flac"])
def test_a_speech_and_a_reading_are_not_surely_emotional(name: str, empty_caches: Path) -> None:
    felt = medtalk.load(offline=True).perform(DATA / name).felt
    assert max(felt.shown, key=lambda each: felt.shown[each]) == "neutral"


def test_the_command_says_how_sure_it_is(
    medtalk: Run, angry: Path, sound: Path, tmp_path: Path, empty_caches: Path
) -> None:
    words = [
        "generate",
        sound,
        "--bundle",
        angry,
        "--offline",
        "--emotion",
        "auto",
        "--force",
        "-o",
        tmp_path / "a.npz",
    ]
    assert ", heard: angry (sure), " in medtalk(*words).out
    hearing(angry, 0.0)
    assert "heard: not sure (" in medtalk(*words).out
    told = json.loads(medtalk(*words, "--json").out)
    assert told["guidance"]["sure"] is False and told["emotion"] == {"neutral": 1.0}
