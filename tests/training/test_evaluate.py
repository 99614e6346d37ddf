"""`evaluate` on a model that is made up: what it is asked, and what is made of its answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from medtalk.audio import Speech
from medtalk.features.phones import PHONES
from medtalk.guidance import LABELS
from medtalk.quality.articulation import CLOSED, MEASURES
from medtalk.rig.channels import S_LIP, indices
from medtalk_train.measure.evaluate import (
    HeldSentence,
    against_captures,
    against_teacher,
    by_language,
    on_recordings,
)
from medtalk_train.measure.nonspeech import in_noise
from medtalk_train.measure.recordings import Recording, lips_of
from medtalk_train.stages.ground import HeldTake
from medtalk_train.synthetic.corpus.read import Utterance
from medtalk_train.synthetic.teacher.emotion import compose
from medtalk_train.synthetic.teacher.lips import lip_curves
from tests.training.mouths import FRAMES, taught
from tests.training.mouths import PHONES as SAID

CLOSING = indices(*MEASURES["close"])
SAMPLES = np.random.default_rng(0).normal(0, 0.1, FRAMES * 800 // 3).astype("f4")


def model(show: Callable[[np.ndarray, str | None, str], np.ndarray]) -> Any:
    """One that shows a sound, told its transcript, in an emotion by a function."""

    def perform(speech: Speech, transcript: str | None = None) -> Any:
        def decode(label: str, **_: object) -> Any:
            return SimpleNamespace(values=show(speech.samples, transcript, label))

        return SimpleNamespace(decode=decode)

    return SimpleNamespace(perform=perform)


def recordings(text: str | None) -> list[Recording]:
    return [Recording("said", Speech.from_array(SAMPLES, 16000), SAID, text)]


def one_closure_less(rig: np.ndarray) -> np.ndarray:
    out = rig.copy()
    start, end, _ = next(phone for phone in SAID if phone[2] in CLOSED)
    out[max(0, round(start * 60) - 8) : round(end * 60) + 8, CLOSING] = 0.0
    return out


def test_with_and_without_the_words() -> None:
    """A model that needs the transcript."""
    reads = model(lambda samples, transcript, label: taught() if transcript == "words" else 0 * taught())
    found = on_recordings(reads, recordings("words"))
    assert found["closure F1"] == 0.0 and found["closure F1, with transcript"] == pytest.approx(1.0)
    assert found["MLE / still mouth, phones known"] > 0.5 > found["MLE / still mouth, phones known, with transcript"]
    assert not any("with transcript" in name for name in on_recordings(reads, recordings(None)))


def test_closures_that_an_emotion_loses() -> None:
    """Three closures are spoken; sad shows two of them, so its F1 is .8."""
    sad = model(lambda samples, transcript, label: one_closure_less(taught()) if label == "sad" else taught())
    found = on_recordings(sad, recordings(None))
    assert sum(name in CLOSED for _, _, name in SAID) == 3
    assert found["closure F1"] == found["closure F1, angry"] == pytest.approx(1.0)
    assert found["closure F1, sad"] == pytest.approx(0.8) and found["closure F1 lost to emotion"] == pytest.approx(0.2)


def test_in_noise() -> None:
    """A model that half gates whatever is as loud as the noisy sound."""
    noisy = in_noise(SAMPLES, 10.0)

    def show(samples: np.ndarray, transcript: str | None, label: str) -> np.ndarray:
        return taught() * (0.4 if np.allclose(samples, noisy, atol=1e-4) else 1.0)

    found = on_recordings(model(show), recordings(None))
    assert found["jaw sd, noise 10 dB / clean"] == pytest.approx(0.4, rel=1e-4)
    assert found["closure F1, noise 10 dB"] == 0.0 < found["closure F1"]


def test_against_the_teacher_the_labels_take_turns() -> None:
    """One that shows what the teacher does, whatever the label, is without error; one that is always angry is not."""
    phones = [(start, end, PHONES.index(name)) for start, end, name in SAID]
    lips, strength = lip_curves(phones, FRAMES), np.linspace(0.4, 1.0, FRAMES).astype("f4")

    def sentence(label_of: Callable[[str], str]) -> HeldSentence:
        def decode(label: str, **_: object) -> Any:
            return SimpleNamespace(values=compose(lips, LABELS.index(label_of(label)), strength))

        performance: Any = SimpleNamespace(decode=decode)
        return HeldSentence(performance, performance, lips, strength)

    right, angry = (against_teacher([sentence(f)] * 7) for f in (lambda label: label, lambda _: "angry"))
    assert max(abs(right[name]) for name in ("MLE", "MEE", "EIE", "FRD", "FRD absolute")) < 1e-7
    assert min(angry["MEE"], angry["EIE"], angry["FRD absolute"]) > 1e-3
    held = np.median(lips, axis=0)
    neutral = np.abs(lips - held)[:, S_LIP].mean()
    assert right["MLE still mouth, median"] == pytest.approx(neutral, rel=0.2), "emotions move the lips a little"


def test_languages_beside_english() -> None:
    """French is shown by its true phones, English backwards."""
    phones = tuple((start, end, PHONES.index(name)) for start, end, name in SAID)
    rng = np.random.default_rng(1)
    sounds = {language: rng.normal(0, 0.1, 48000).astype("f4") for language in ("en-us", "fr-fr")}
    held = [Utterance(k, "tone", "v", language, "held", "", 0, 48000, phones) for k, language in enumerate(sounds)]
    corpus: Any = SimpleNamespace(audio=lambda utterance: sounds[utterance.language])

    def show(samples: np.ndarray, transcript: str | None, label: str) -> np.ndarray:
        return taught() if np.allclose(samples, sounds["fr-fr"]) else taught()[::-1]

    found = by_language(model(show), corpus, held)
    assert found["AUC mean, fr"] > 0.95 > 0.8 > found["AUC mean, en"]
    assert found["AUC, fr / en"] == pytest.approx(found["AUC mean, fr"] / found["AUC mean, en"])
    assert found["speech seconds, fr"] == pytest.approx(3 - 2 * 0.12, abs=0.3) and "AUC, en / en" not in found


def test_the_lips_of_a_sentence(speech_data: Path) -> None:
    """ARPAbet's affricates and diphthongs are two mouth shapes, pauses and unknown sounds rest."""
    rig = lips_of(((-0.2, 0.1, "sil"), (0.1, 0.4, "aw1"), (0.4, 0.6, "spn"), (0.6, 0.8, "ch")), 1.0, 60)
    rounded = rig[:, indices(*MEASURES["round"])].mean(axis=1)
    assert rounded[21] > 2 * rounded[9] and rig[12, indices("C_jaw.Y")[0]] > 0.2
    assert rig.shape == (60, 174) and np.isfinite(rig).all()


def guided(follows: tuple[str, ...] = ("label", "text", "image")) -> Any:
    """A model that shows the taught face, larger by what guides it: by labels half as large again, by a text as large,
    by a picture twice as large."""
    size = {"by label": 1.5, "a text": 1.0, "a picture": 2.0}

    def perform(speech: Speech, transcript: str | None = None) -> Any:
        def decode(guide: str, **_: object) -> Any:
            return SimpleNamespace(values=taught() * size["by label" if guide in LABELS else guide])

        return SimpleNamespace(decode=decode)

    def guide(text: str = "", image: Path | None = None) -> str:
        return "a text" if text else "a picture"

    return SimpleNamespace(perform=perform, guide=guide, bundle=SimpleNamespace(guidance=follows))


def held(name: str, labelled: bool = True, truth: float = 1.0, **more: Any) -> HeldTake:
    return HeldTake(SAMPLES, "", 0, truth * taught(), set=name, labelled=labelled, **more)


def test_takes_by_data_set_and_by_what_guides_them() -> None:
    """The true face is as large as taught in one set, and half as large in the other, which taught no labels."""
    takes = [held("studio"), held("studio", description="cross"), held("actors", False, 0.5, picture=Path("face.png"))]
    found = against_captures(guided(), takes)
    size = np.abs(taught())[:, S_LIP].mean()
    expected = {
        "MLE": 0.5, "MLE, studio": 0.5, "MLE, actors": 1.0, "MLE, by text": 0.0, "MLE, studio, by text": 0.0,
        "MLE, by picture": 1.5, "MLE, actors, by picture": 1.5,
    }  # fmt: skip
    assert {name: found[name] / size for name in expected} == pytest.approx(expected, abs=1e-6)
    assert [found[f"takes{suffix}"] for suffix in ("", ", studio", ", actors", ", by text", ", by picture")] == [
        2.0, 2.0, 1.0, 1.0, 1.0,
    ]  # fmt: skip
    mles = {name.removeprefix("MLE") for name in found if name.startswith("MLE,") or name == "MLE"}
    for suffix in mles:  # beside each the mouths that do not move
        assert {f"MLE still mouth, {kind}{suffix}" for kind in ("mean", "median", "zero")} <= set(found)
        assert {f"{name}{suffix}" for name in ("MEE", "EIE", "FRD", "MLE / still mouth")} <= set(found)
    assert "MLE, actors, by text" not in found and "MLE, studio, by picture" not in found


def test_one_data_set_needs_no_name_and_a_bundle_is_asked_what_it_follows() -> None:
    one = [held("studio", description="cross", picture=Path("face.png"))]
    assert {name for name in against_captures(guided(), one) if name.startswith("MEE")} == {
        "MEE", "MEE, by text", "MEE, by picture",
    }  # fmt: skip
    assert {name for name in against_captures(guided(("label",)), one) if name.startswith("MEE")} == {"MEE"}
    alone = against_captures(guided(), [held("actors", labelled=False)])
    assert alone["takes"] == 1.0, "where no set taught labels, all are judged by them"
