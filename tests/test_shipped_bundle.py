"""The bundle that ships: its engines agree, and on real recordings it does what the model card says."""

import json
from pathlib import Path

import numpy as np
import pytest

import medtalk
from medtalk.backbones.words import tokenise
from medtalk.bundle import load_bundle
from medtalk.engine import open_engine
from medtalk.engine.onnx import OnnxEngine
from medtalk.engine.torch import TorchEngine
from medtalk.finishing import Finishing
from medtalk.guidance import LABELS, Mood
from medtalk.model.intensity import intensity
from medtalk.rig.channels import NAMES, S_LIP, S_UP, indices
from medtalk_train.articulation import articulation
from medtalk_train.wording.judge import judge

SPEECH = ("conversational", "jfk", "sonnet")
STILL = Finishing(blink=False, gaze=False)
POSES = {
    "angry": "Anger", "disgust": "Disgust", "fear": "Fear", "happy": "Joy", "sad": "Sadness", "surprised": "Surprise",
}  # fmt: skip


@pytest.fixture(scope="module")
def performances(shared: Path) -> dict[str, medtalk.Performance]:
    model = medtalk.load()
    return {path.stem: model.perform(path) for path in sorted((shared / "speech_dev").glob("*.flac"))}


@pytest.fixture(scope="module")
def phones(shared: Path) -> dict:
    return json.loads((shared / "speech_dev" / "phones.json").read_text())


def test_it_is_small_and_has_a_card() -> None:
    bundle = load_bundle()
    assert sum(path.stat().st_size for path in bundle.folder.iterdir()) < 25e6
    card = (bundle.folder / "README.md").read_text()
    assert "medtalk-train all" in card and "synthetic" in card


def test_it_understands_descriptions_as_its_card_says() -> None:
    """On sentences by hand that it was never trained on, and on those written far from all that it knows."""
    engine = OnnxEngine(load_bundle(), threads=1)
    figures = judge(lambda text: engine._describe(tokenise(text)))
    assert figures["described"] >= 0.85 and figures["described_novel"] >= 0.85 and figures["described_later"] > 0.4
    assert min(figures[f"described_{label}"] for label in LABELS) >= 0.85
    assert figures["negation_both"] >= 0.95 and figures["scales_pairs"] >= 0.95 and figures["strength_class"] >= 0.8
    card = (load_bundle().folder / "README.md").read_text("utf-8")
    assert f"strongest label right | {figures['described']:.1%} |" in card


@pytest.mark.parametrize("text", ["furious", "not angry at all, just tired", "she fights back tears, but smiles " * 40])
def test_onnx_equals_torch_on_descriptions(text: str) -> None:
    ours, theirs = (engine(load_bundle())._describe(tokenise(text)) for engine in (OnnxEngine, TorchEngine))
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-5)
    assert ours[1] == pytest.approx(theirs[1], abs=1e-5)


def test_a_description_is_a_mixture_and_a_strength(sample: Path) -> None:
    model = medtalk.load()
    weak, strong = model.guide(text="slightly annoyed"), model.guide(text="absolutely furious")
    assert isinstance(weak, Mood) and isinstance(strong, Mood)
    assert max(weak.weights, key=weak.weights.__getitem__) == "angry" and weak.strength < 0.8 < 1.3 < strong.strength
    performance = model.perform(sample)
    rig = performance.decode(strong, 0.9, STILL)
    same = performance.decode(strong.weights, 0.9 * strong.strength, STILL)
    np.testing.assert_allclose(rig.values, same.values, atol=1e-6)
    assert rig.meta["guidance"] == {"text": "absolutely furious"} and rig.meta["emotion"] == strong.weights


def test_onnx_equals_torch_on_real_recordings(shared: Path) -> None:
    bundle = load_bundle()
    onnx, torch = open_engine(bundle, "onnx"), open_engine(bundle, "torch")
    np.testing.assert_allclose(onnx.label_vectors(), torch.label_vectors(), atol=1e-5)
    recordings = [*(shared / "speech_dev").glob("*.flac"), *(shared / "speech").glob("*.wav")]
    assert len(recordings) == 6
    for path in recordings:
        samples = medtalk.read_speech(path).samples
        heard, heard_too = onnx.hear(samples), torch.hear(samples)
        content, content_too = heard.content, heard_too.content
        assert heard.posteriors is not None and heard_too.posteriors is not None
        np.testing.assert_allclose(heard.posteriors, heard_too.posteriors, atol=1e-5)
        np.testing.assert_allclose(content, content_too, atol=1e-5 * max(1.0, np.abs(content).max()))
        for words in ("", "what a wonderful, terrible day"):
            felt, felt_too = (each.intensity(heard.emotion_features, words) for each in (onnx, torch))
            np.testing.assert_allclose(felt, felt_too, atol=1e-5)
        vectors = np.repeat(onnx.label_vectors()[3:4], len(content), axis=0)
        rig, rig_too = onnx.decode(content, vectors, felt), torch.decode(content, vectors, felt)
        np.testing.assert_allclose(rig, rig_too, atol=1e-5)


def test_lips_follow_real_speech(performances: dict, phones: dict) -> None:
    found = articulation([(performances[name].decode("neutral").values, phones[name]) for name in phones])
    assert found.mean >= 0.86 and found.closures >= 0.80 and found.jitter <= 0.15


@pytest.mark.parametrize("label", ["angry", "happy", "sad"])
def test_closures_close_in_emotion_too(performances: dict, phones: dict, label: str) -> None:
    found = articulation([(performances[name].decode(label).values, phones[name]) for name in phones])
    assert found.closures >= 0.75 and found.close > 0.75


def test_emotions_point_at_the_pose_library(performances: dict, shared: Path) -> None:
    library = json.loads((shared / "poses" / "metahuman_pose_library.json").read_text())
    upper = indices("?_brow_*", "?_eye*", "?_nose*")
    keys = [name.replace("-", ".") for name in NAMES]
    wanted = {
        label: np.mean([[p.get(k, 0.0) for k in keys] for n, p in library.items() if f"/{word}-" in n], axis=0)[upper]
        for label, word in POSES.items()
    }
    for label in POSES:
        rigs = [performances[name].decode(label, finishing=STILL).values for name in SPEECH]
        face = np.mean([rig.mean(axis=0) for rig in rigs], axis=0)[upper]
        cosines = {k: face @ v / np.linalg.norm(face) / np.linalg.norm(v) for k, v in wanted.items()}
        assert cosines[label] >= 0.6 and max(cosines, key=cosines.__getitem__) == label


@pytest.mark.parametrize("label", [label for label in LABELS if label != "neutral"])
def test_only_the_emotion_changes(performances: dict, label: str) -> None:
    for name in SPEECH:
        neutral = performances[name].decode("neutral", finishing=STILL).values
        change = np.abs(performances[name].decode(label, finishing=STILL).values - neutral)
        assert change[:, S_LIP].mean() <= neutral[:, S_LIP].std(axis=0).mean() / 3
        assert change[:, S_UP].mean() > 3 * change[:, S_LIP].mean()


@pytest.mark.parametrize("label", LABELS)
def test_intensity_is_monotone_and_alive(performances: dict, label: str) -> None:
    performance = performances["jfk"]
    curves = [intensity(performance.decode(label, x, STILL).values) for x in (0.0, 0.5, 1.0, 1.5)]
    assert np.all(np.diff([curve.mean() for curve in curves]) > 0)
    assert curves[2].std() > 0.05 * curves[2].mean()


def test_louder_speech_is_felt_more(performances: dict) -> None:
    speech = performances["sonnet"].speech
    louder = medtalk.load().perform(medtalk.Speech.from_array(np.clip(speech.samples * 2, -1, 1), 16000))
    assert louder.intensity.mean() > 1.03 * performances["sonnet"].intensity.mean()
    swell = speech.samples * np.linspace(0.3, 1.0, len(speech.samples), dtype=np.float32)
    half = len(performances["sonnet"].intensity) // 2
    plain, swelling = performances["sonnet"].intensity, medtalk.load().perform(
        medtalk.Speech.from_array(swell, 16000)
    ).intensity  # fmt: skip
    assert swelling[half:].mean() / swelling[:half].mean() > 1.05 * plain[half:].mean() / plain[:half].mean()
