"""The emotion `auto`: what emotion2vec_plus hears in the voice leads, with bundles of every kind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import medtalk
from medtalk.backbones.emotion2vec import VoiceEmotion, import_funasr
from medtalk.backbones.pretrained import Pretrained, undisturbed
from medtalk.errors import BackboneError, GuidanceError
from medtalk.finishing import Finishing
from medtalk.guidance import LABELS, SYNONYMS
from medtalk.perform import Model, Performance
from medtalk.rates import RATE
from medtalk.rig import read_rig
from tests.helpers import checkpoints
from tests.helpers.sounds import babble

RAW = Finishing(smooth=False, blink=False, gaze=False, limits=False, life=False)
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def plus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small emotion2vec_plus."""
    import_funasr()  # quietly
    torch.manual_seed(9)
    return checkpoints.make_emotion2vec(tmp_path_factory.mktemp("plus") / "p", labels=checkpoints.VOICE_LABELS)


@pytest.fixture(scope="module")
def ear(plus: Path) -> VoiceEmotion:
    return VoiceEmotion(Pretrained("p", plus, offline=True))


@pytest.fixture(scope="module")
def model(tiny_bundle: Path, plus: Path) -> Model:
    return medtalk.load(tiny_bundle, backbones={"emotion2vec_plus": plus}, offline=True)


@pytest.fixture
def performance(model: Model, sound: Path) -> Performance:
    return model.perform(sound)


def librarys(folder: Path, samples: np.ndarray) -> dict[str, float]:
    """What FunASR itself says, in our labels: of its nine, "other" and "<unk>" are left out."""
    with undisturbed():
        auto = import_funasr()(
            model=str(folder), device="cpu", disable_update=True, disable_log=True, disable_pbar=True
        )
        said = auto.generate(samples, granularity="utterance", extract_embedding=False)[0]
    named = dict(zip([label.split("/")[-1] for label in said["labels"]], said["scores"], strict=True))
    felt = {SYNONYMS.get(name, name): score for name, score in named.items() if name not in ("other", "<unk>")}
    return {label: felt[label] / sum(felt.values()) for label in LABELS}


def test_what_is_heard_is_the_librarys(ear: VoiceEmotion, plus: Path, network: list[str]) -> None:
    samples = babble(3.0)
    weights = ear.weights(samples, np.ones(180, np.float32))
    assert tuple(weights) == LABELS and len({round(weight, 4) for weight in weights.values()}) > 3
    expected = librarys(plus, samples)
    assert weights == pytest.approx(expected, abs=1e-5) and sum(weights.values()) == pytest.approx(1.0)
    assert ear._model.alibi_biases == {} and network == []


def test_a_long_sound_is_judged_in_windows_as_there_is_voice(
    ear: VoiceEmotion, plus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medtalk.backbones.emotion2vec.WINDOW_SECONDS", 1)
    loud, low = babble(1.0, seed=3), babble(1.0, seed=4)[::-1].copy() ** 3
    samples = np.concatenate([loud, np.zeros(RATE, np.float32), low])
    activity = np.repeat([1.0, 0.0, 0.25], 60).astype(np.float32)
    parts = [librarys(plus, part) for part in (loud, low)]
    assert max(abs(parts[0][label] - parts[1][label]) for label in LABELS) > 1e-3
    # within a window "other" and unknown take their share before the windows are weighed
    heard = [ear._scores(part) for part in (loud, low)]
    mixed = 0.8 * heard[0] + 0.2 * heard[1]
    felt = {label: mixed[place] for place, label in enumerate(ear._labels) if label}
    expected = {label: score / sum(felt.values()) for label, score in felt.items()}
    assert ear.weights(samples, activity) == pytest.approx(expected, abs=1e-6)
    assert ear.weights(samples, np.zeros(180, np.float32)) == {"neutral": 1.0}


def test_a_gpu_without_room_leaves_it_to_the_cpu(
    ear: VoiceEmotion, plus: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crowded(*inputs: object) -> None:
        if own._device.type == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory.")

    own, samples, voice = VoiceEmotion(Pretrained("p", plus)), babble(1.0), np.ones(60, np.float32)
    own._model.blocks[0].register_forward_pre_hook(crowded)
    monkeypatch.setattr(own, "_device", torch.device("cuda", 0))
    monkeypatch.setattr(torch, "tensor", lambda values, device, real=torch.tensor: real(values))
    assert own.weights(samples, voice) == ear.weights(samples, voice) and own._device.type == "cpu"
    assert [record.getMessage() for record in caplog.records] == ["cuda:0 ran out of memory: the CPU judges the voice."]


def test_labels_that_are_not_used_count_nothing(plus: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(plus, tmp_path / "p"))
    names = ["unuse_0/angry", *checkpoints.VOICE_LABELS[1:]]
    (folder / "tokens.txt").write_text("\n".join(names) + "\n", "utf-8")
    weights = VoiceEmotion(Pretrained("p", folder)).weights(babble(1.0), np.ones(60, np.float32))
    assert "angry" not in weights and len(weights) == 6 and sum(weights.values()) == pytest.approx(1.0)


def test_only_other_is_heard(plus: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(plus, tmp_path / "p"))
    state = torch.load(folder / "base.pt", weights_only=True)["model"]
    state["proj.bias"][checkpoints.VOICE_LABELS.index("其他/other")] = 1e4
    torch.save({"model": state}, folder / "base.pt")
    assert VoiceEmotion(Pretrained("p", folder)).weights(babble(1.0), np.ones(60, np.float32)) == {"neutral": 1.0}


def test_auto_leads(performance: Performance, plus: Path, network: list[str]) -> None:
    rig = performance.decode("auto", finishing=RAW)
    assert rig.meta["emotion"] == dict(performance.voice_emotion) and rig.meta["guidance"] == {"voice": "auto"}
    assert rig.meta["emotion"] == pytest.approx(librarys(plus, performance.speech.samples.copy()), abs=1e-5)
    given = performance.decode(performance.voice_emotion, finishing=RAW)
    np.testing.assert_allclose(rig.values, given.values, atol=1e-6)
    assert "guidance" not in given.meta
    assert performance.decode(" Auto ").meta["guidance"] == {"voice": "auto"} and network == []


def test_the_voice_is_judged_once(performance: Performance, monkeypatch: pytest.MonkeyPatch) -> None:
    first = performance.voice_emotion
    monkeypatch.setattr(VoiceEmotion, "weights", lambda *_: pytest.fail("judged again"))
    others = performance, performance.with_intensity(np.ones(len(performance))), performance.with_transcript("oh")
    assert all(other.voice_emotion is first for other in others)


def test_a_bundle_of_the_kind_medtalk(
    full_bundle: Path, small_backbones: dict[str, Path], plus: Path, sound: Path, performance: Performance
) -> None:
    folders = {part: small_backbones[part] for part in ("emotion2vec", "clip")}
    model = medtalk.load(full_bundle, backbones={**folders, "emotion2vec_plus": plus}, offline=True)
    assert model.guidance == ("label", "text", "image", "auto")
    assert model.perform(sound).voice_emotion == pytest.approx(dict(performance.voice_emotion))


def test_silence_is_neutral(plus: Path, silence: Path) -> None:
    model = medtalk.load(backbones={"emotion2vec_plus": plus}, offline=True)  # its ear knows silence
    assert model.perform(silence).voice_emotion == {"neutral": 1.0}


@pytest.mark.parametrize("emotion", ["auto:0.5", "auto,sad", "sad:0.5, AUTO:0.5", {"auto": 1.0}])
def test_auto_stands_alone(performance: Performance, emotion: Any) -> None:
    with pytest.raises(GuidanceError, match="stands alone"):
        performance.decode(emotion)


def test_weights_that_are_missing_or_do_not_fit(
    tiny_bundle: Path, small_backbones: dict[str, Path], plus: Path, tmp_path: Path, empty_caches: Path,
    network: list[str],
) -> None:  # fmt: skip
    with pytest.raises(BackboneError, match="iic/emotion2vec_plus_base are not on this machine, and offline"):
        medtalk.load(tiny_bundle, offline=True).prepare("emotion2vec_plus")
    with pytest.raises(BackboneError, match="an emotion2vec that does not recognize emotions"):
        VoiceEmotion(Pretrained("p", small_backbones["emotion2vec"]))
    folder = Path(shutil.copytree(plus, tmp_path / "p"))
    state = torch.load(folder / "base.pt", weights_only=True)["model"]
    torch.save({"model": {name: t for name, t in state.items() if name != "proj.weight"}}, folder / "base.pt")
    with pytest.raises(BackboneError, match=r"lacks 1 of the weights.*proj\.weight"):
        VoiceEmotion(Pretrained("p", folder))
    config = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump({**config, "tokenizer": "NoTokenizer"}))
    with pytest.raises(BackboneError, match="cannot be used"):
        VoiceEmotion(Pretrained("p", folder))
    with pytest.raises(BackboneError, match="no backbone called 'emotion2vec'"):
        medtalk.load(tiny_bundle, backbones={"emotion2vec": plus})
    assert network == []


# --- the command line


def test_the_command(
    medtalk: Run, tiny_bundle: Path, plus: Path, sound: Path, performance: Performance, tmp_path: Path,
    network: list[str],
) -> None:  # fmt: skip
    words = ["generate", sound, "--bundle", tiny_bundle, "--offline", "-o", tmp_path / "a.npz", "--emotion", "AUTO",
             "--backbone", f"emotion2vec_plus={plus}"]  # fmt: skip
    felt = performance.voice_emotion
    done = medtalk(*words)
    assert (done.code, done.err) == (0, "") and f", heard as {max(felt, key=lambda label: felt[label])}, " in done.out
    told = json.loads(medtalk(*words, "--json").out)
    assert told["guidance"] == {"voice": "auto"} and told["emotion"] == pytest.approx(dict(felt))
    np.testing.assert_allclose(read_rig(tmp_path / "a.npz").values, performance.decode("auto").values, atol=1e-5)
    assert network == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--emotion", "auto:0.5"], "stands alone"),
        (["--emotion", "auto,sad"], "stands alone"),
        (["--emotion", "auto", "--text", "sad"], "auto cannot be mixed with a text or picture"),
        (["--emotion", "auto"], "iic/emotion2vec_plus_base are not on this machine, and offline nothing is downloaded"),
        (["--emotion", "auto", "--backbone", "emotion2vec_plus=nowhere"], "There is no folder nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_line_before_any_sound(
    medtalk: Run, tiny_bundle: Path, tmp_path: Path, empty_caches: Path, more: list[str], message: str
) -> None:
    words = ["generate", "none.wav", "nor.wav", "--bundle", tiny_bundle, "--offline", "-o", tmp_path]
    done = medtalk(*words, *more)
    assert done.code == 1 and done.out == "" and len(done.err.splitlines()) == 1 and message in done.err


def test_whether_it_can_be_heard_here(tiny_bundle: Path, plus: Path, empty_caches: Path, network: list[str]) -> None:
    model = medtalk.load(tiny_bundle)
    assert not model.hears_emotion(), "nothing is in the cache"
    snapshot = empty_caches / "modelscope" / "models" / "iic--emotion2vec_plus_base" / "snapshots" / "master"
    snapshot.mkdir(parents=True)
    (snapshot / "model.pt").touch()
    assert not model.hears_emotion(), "a download that was stopped"
    shutil.copytree(plus, snapshot, dirs_exist_ok=True)
    assert model.hears_emotion()
    assert medtalk.load(tiny_bundle, backbones={"emotion2vec_plus": plus}).hears_emotion()
    assert not medtalk.load(tiny_bundle, backbones={"emotion2vec_plus": plus / "nowhere"}).hears_emotion()
    assert network == []
