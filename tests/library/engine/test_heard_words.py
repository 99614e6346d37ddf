"""Bundles of our own training, which hear words and follow texts and pictures by the networks for labels."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import medtalk
from medtalk.backbones.pretrained import Pretrained
from medtalk.backbones.roberta import Roberta
from medtalk.backbones.whisper import Transcriber, Transcript
from medtalk.bundle import load_bundle
from medtalk.errors import BackboneError, BundleError, GuidanceError, SettingError
from medtalk.finishing import PAPER, Finishing
from medtalk.guidance import Embedding
from medtalk.perform import Model
from medtalk.rig import read_rig
from medtalk.rig.channels import indices
from tests.helpers import checkpoints

# Whisper opens its vocabulary without closing it.
pytestmark = pytest.mark.filterwarnings("ignore:.*multilingual.tiktoken:pytest.PytestUnraisableExceptionWarning")

RAW = Finishing(smooth=False, blink=False, gaze=False, limits=False, life=False)
UNFIT = "The transcript does not match the sound; the lips follow the sound alone."
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that hears words and follows texts; pictures it has not been trained for."""
    torch.manual_seed(8)
    return checkpoints.make_own(tmp_path_factory.mktemp("own") / "bundle", untrained=["clip_image_map"])


@pytest.fixture(scope="module")
def model(own: Path, small_backbones: dict[str, Path]) -> Model:
    return medtalk.load(own, backbones=small_backbones, offline=True, device="cpu")


def test_words_change_the_intensity(model: Model, sound: Path, network: list[str]) -> None:
    said = [model.perform(sound, words) for words in ("", "we say it", "and so do they")]
    curves = [performance.intensity for performance in said]
    assert all(np.abs(a - b).max() > 1e-3 for a, b in zip(curves, [*curves[1:], curves[0]], strict=True))
    np.testing.assert_allclose(said[0].with_transcript(" we say it\n").intensity, curves[1], atol=1e-5)
    np.testing.assert_allclose(said[1].with_transcript("").intensity, curves[0], atol=1e-5)
    meta = said[1].decode("sad").meta
    assert meta["transcript"] == "we say it" and network == []
    assert meta["note"].startswith("The transcript "), "there are no words in a buzz, but for what it may sound like"
    assert "note" not in said[0].decode("sad").meta


def test_lips_close_where_words_were_found_and_nowhere_else(model: Model, speech_data: Path) -> None:
    """A model without phones has the ear of the bundle that ships find the words."""
    transcripts = json.loads((speech_data / "transcripts.json").read_text("utf-8"))
    plain = model.perform(speech_data / "jfk.flac", "")
    told = plain.with_transcript(transcripts["jfk"])
    assert plain.closures is None and plain.words == () and told.posteriors is None
    assert len(told.words) >= 20 and len(told.phones) >= 60 and told.note == ""
    lips = told.closures
    assert lips is not None and lips.known is not None and lips.seal.max() > 0.95
    times = np.arange(len(told)) / 60
    within, far = np.zeros(len(told), bool), np.ones(len(told), bool)
    for _, start, end in told.words:
        within |= (times >= start) & (times <= end)
        far &= (times < start - 0.07) | (times > end + 0.07)
    assert far.sum() > 60 and (lips.known[within] > 0.99).all() and not lips.known[far].any()
    assert np.abs(np.diff(lips.known)).max() < 0.5, "no jump at the edges of words"
    # with the same intensity only the lips differ, and those only where words are
    rigs = [each.with_intensity(1.0).decode("sad", finishing=RAW) for each in (plain, told)]
    change = np.abs(rigs[1].values - rigs[0].values)
    together = indices("?_mouth_lipsTogether[DU]")
    np.testing.assert_allclose(rigs[1].values[within][:, together], lips.seal[within][:, None].repeat(4, 1), atol=1e-5)
    assert not change[far].any() and rigs[1].words == told.words and rigs[0].words == ()
    wrong = plain.with_transcript(transcripts["sonnet"])
    assert wrong.words == () and wrong.note == UNFIT and wrong.closures is not None
    assert not np.any(wrong.closures.known)
    np.testing.assert_array_equal(wrong.with_intensity(1.0).decode("sad", finishing=RAW).values, rigs[0].values)


def test_the_intensity_is_cmf_over_the_features_of_the_words(model: Model, own: Path, sound: Path) -> None:
    from safetensors.torch import load_file

    from medtalk.model.cmf import CrossModalityFusion
    from medtalk.model.config import ModelConfig

    fusion, prefix = CrossModalityFusion(ModelConfig.paper(checkpoints.WIDTH)).eval(), "model.fusion_predictor."
    state = load_file(own / "weights.safetensors")
    fusion.load_state_dict({name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)})
    roberta = Roberta(Pretrained("r", model.engine._folders["roberta"]))  # type: ignore[attr-defined]
    long = "we say it, and so do they ! " * 12  # more than the 40 tokens that are read at once
    for words in ("we say it", "", long):
        performance = model.perform(sound, words)
        heard = performance.heard.emotion_features
        frames, text = (torch.tensor(a)[None] for a in (heard, roberta.features(words.strip())))
        with torch.inference_mode():
            np.testing.assert_allclose(performance.intensity, fusion(frames, text)[0], atol=1e-5)


def test_without_a_transcript_whisper_hears_the_words(
    model: Model, small_backbones: dict[str, Path], sound: Path, network: list[str]
) -> None:
    heard = model.perform(sound)
    own = Transcriber(Pretrained("w", small_backbones["whisper"])).transcribe(heard.speech.samples)
    assert heard.transcript == own.text != "" and heard.decode().meta["transcript"] == own.text
    told = model.perform(sound, own.text)
    np.testing.assert_allclose(told.intensity, heard.intensity, atol=1e-5)
    assert np.abs(model.perform(sound, "").intensity - heard.intensity).max() > 1e-3
    assert network == []


def test_a_language_that_cannot_be(model: Model, full_bundle: Path, tiny_bundle: Path, sound: Path) -> None:
    with pytest.raises(SettingError, match="does not know the language 'klingon'"):
        model.perform(sound, language="klingon")
    for bundle in (full_bundle, tiny_bundle):
        with pytest.raises(SettingError, match="language"):
            medtalk.load(bundle, offline=True).perform(sound, language="en")


def test_a_transcript_needs_no_whisper(own: Path, small_backbones: dict[str, Path], sound: Path) -> None:
    some = {part: folder for part, folder in small_backbones.items() if part not in ("whisper", "clip")}
    model = medtalk.load(own, backbones=some, offline=True)
    model.prepare("emotion2vec", "roberta")
    assert model.perform(sound, "").transcript == ""


def test_what_is_missing_is_told_before_work(
    own: Path, small_backbones: dict[str, Path], tmp_path: Path, empty_caches: Path, network: list[str]
) -> None:
    model = medtalk.load(own, offline=True)
    for part, name in (("roberta", "hfl/chinese-roberta-wwm-ext"), ("whisper", "base"), ("emotion2vec_plus", "plus")):
        with pytest.raises(BackboneError, match=f"{name}.* not on this machine, and offline"):
            model.prepare(part)
    wide = checkpoints.make_roberta(tmp_path / "wide", width=64)
    with pytest.raises(BackboneError, match="are 64 wide; the bundle own needs 48"):
        medtalk.load(own, backbones={"roberta": wide}).prepare("roberta")
    assert network == []


def test_our_guidance_leads_through_the_networks_for_labels(model: Model, sound: Path, network: list[str]) -> None:
    from medtalk.backbones.clip import Clip

    assert model.bundle.guidance == ("label", "text") and model.guidance == ("label", "text", "auto")
    performance = model.perform(sound, "we say it")
    assert performance.heard.guided is None
    guide = model.guide(text="furious")
    assert isinstance(guide, Embedding)
    features = Clip(Pretrained("c", model.engine._folders["clip"])).encode_text("furious")  # type: ignore[attr-defined]
    with torch.inference_mode():
        networks = model.engine._model  # type: ignore[attr-defined]
        np.testing.assert_allclose(guide.vector, networks.clip_text_map(torch.tensor(features)), atol=1e-6)
    rigs = [performance.decode(what, finishing=RAW).values for what in (guide, model.guide(text="in tears"), "sad")]
    assert all(np.abs(a - b).max() > 1e-4 for a, b in zip(rigs, [*rigs[1:], rigs[0]], strict=True))
    # the intensity of the words, stage 3, leads a text too
    assert np.abs(performance.with_transcript("").decode(guide, finishing=RAW).values - rigs[0]).max() > 1e-4
    with pytest.raises(GuidanceError, match="has no trained network for pictures"):
        model.guide(image=b"")
    assert network == []


def test_without_stage_4_there_are_labels_alone(small_backbones: dict[str, Path], sound: Path, tmp_path: Path) -> None:
    constant = load_bundle(checkpoints.make_own(tmp_path / "b", "constant", layer=2, clip=False))
    assert constant.guidance == ("label",) and not constant.hears_words
    model = medtalk.load(constant.folder, backbones={"emotion2vec": small_backbones["emotion2vec"]}, offline=True)
    assert len(model.perform(sound).decode("fear")) == 120
    with pytest.raises(GuidanceError, match="no trained network for texts"):
        model.guide(text="sad")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        ({"backbones": {"emotion2vec": "x", "whisper": "base"}}, "does not name its backbone roberta"),
        ({"backbones": {"roberta": "x"}}, "does not name its backbone emotion2vec"),
        ({"text_mode": "constant", "backbones": {"emotion2vec": "x", "roberta": "y"}}, "names a backbone 'roberta'"),
        ({"backbones": {"emotion2vec": "x", "roberta": ""}}, "does not name its backbones"),
        ({"untrained": "clip_image_map"}, "has no list of its untrained parts"),
        ({"untrained": [["clip_image_map"]]}, "has no list of its untrained parts"),
    ],
)
def test_manifests_that_do_not_fit(tmp_path: Path, make: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        checkpoints.make_own(tmp_path / "b", **{"text_mode": "words", **make})


def test_a_map_that_is_said_to_be_trained_must_be_there(tmp_path: Path) -> None:
    folder = checkpoints.make_own(tmp_path / "b", clip=False, backbones={
        "emotion2vec": "x", "roberta": "y", "clip": "z"})  # fmt: skip
    with pytest.raises(BundleError, match=r"do not fit: model\.clip_text_map"):
        medtalk.load(folder)


# --- the command line


@pytest.fixture
def generate(medtalk: Run, own: Path, small_backbones: dict[str, Path], sound: Path, tmp_path: Path) -> Run:
    """Runs `medtalk generate` offline with the bundle `own`; gives what it told, and the rig."""
    words = ["generate", sound, "--bundle", own, "--offline", "--device", "cpu", "-o", tmp_path / "a.npz", "--json"]
    words += [word for name, place in small_backbones.items() for word in ("--backbone", f"{name}={place}")]

    def run(*more: object) -> tuple[dict[str, Any], np.ndarray]:
        done = medtalk(*words, *more)
        assert done.code == 0 and re.fullmatch(r"(medtalk: The transcript [^\n]+\n)?", done.err)
        return json.loads(done.out), read_rig(tmp_path / "a.npz").values

    return run


def test_the_command_hears_words_and_takes_them(generate: Run, network: list[str]) -> None:
    heard, rig = generate()
    assert heard["transcript"]
    told, same = generate("--transcript", heard["transcript"])
    np.testing.assert_allclose(same, rig, atol=1e-5)
    assert told["transcript"] == heard["transcript"]
    unknown, other = generate("--transcript", "")
    assert "transcript" not in unknown and np.abs(other - rig).max() > 1e-3
    assert network == []


def test_the_language_reaches_whisper(generate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    languages, transcribe = [], Transcriber.transcribe

    def spied(self: Transcriber, samples: np.ndarray, language: str | None = None) -> Transcript:
        heard = transcribe(self, samples, language)
        assert heard.words == ()  # their times are for nobody here, and cost another run of the decoder
        languages.append(heard.language)
        return heard

    monkeypatch.setattr(Transcriber, "transcribe", spied)
    generate("--language", "Welsh")
    assert languages == ["cy"]


def test_a_language_that_cannot_be_is_told_once_before_any_work(
    medtalk: Run, own: Path, tiny_bundle: Path, small_backbones: dict[str, Path], sound: Path, tmp_path: Path
) -> None:
    (tmp_path / "second.wav").write_bytes(sound.read_bytes())
    words = ["generate", sound, tmp_path / "second.wav", "--offline", "-o", tmp_path, "--language", "klingon"]
    whisper = ["--bundle", own, "--backbone", f"whisper={small_backbones['whisper']}"]
    for more, message in (
        (whisper, "language 'klingon'"),
        (["--bundle", tiny_bundle], "does not transcribe speech, so it takes no language"),
    ):
        done = medtalk(*words, *more)
        assert (done.code, done.out) == (1, "") and len(done.err.splitlines()) == 1 and message in done.err


def test_the_papers_finishing(generate: Run, model: Model, sound: Path) -> None:
    _, rig = generate("--finishing", "paper", "--transcript", "we say it", "--emotion", "sad")
    expected = model.perform(sound, "we say it").decode("sad", finishing=PAPER).values
    np.testing.assert_allclose(rig, expected, atol=1e-5)


def test_what_is_missing_is_told_once_and_nothing_written(
    medtalk: Run, own: Path, small_backbones: dict[str, Path], sound: Path, tmp_path: Path, empty_caches: Path,
    network: list[str],
) -> None:  # fmt: skip
    (tmp_path / "second.wav").write_bytes(sound.read_bytes())
    words = ["generate", sound, tmp_path / "second.wav", "--bundle", own, "--offline", "-o", tmp_path]
    words += ["--backbone", f"emotion2vec={small_backbones['emotion2vec']}"]
    for more, name in ([], "base"), (["--transcript", ""], "hfl/chinese-roberta-wwm-ext"):
        done = medtalk(*words, *more)
        assert done.code == 1 and len(done.err.splitlines()) == 1 and not list(tmp_path.glob("*.csv"))
        assert f"The weights of {name} are not on this machine, and offline nothing is downloaded" in done.err
    roberta = ["--backbone", f"roberta={small_backbones['roberta']}", "--transcript", ""]
    assert medtalk(*words, *roberta).code == 0 and network == []


def test_the_bundle_tells_what_it_is(medtalk: Run, own: Path) -> None:
    facts = json.loads(medtalk("bundle", "info", own, "--json").out)
    assert facts["text_mode"] == "words" and facts["guidance"] == ["label", "text"]
    text = medtalk("bundle", "info", own).out
    assert "guidance: label, text\n" in text and "whisper base" in text and "untrained: clip_image_map\n" in text
    assert " metrics: -\n" in text
