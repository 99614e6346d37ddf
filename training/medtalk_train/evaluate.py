"""How good a bundle is: the paper's metrics against the teacher on held-out voices, articulation on real speech."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.backbones.prosody import prosody
from medtalk.engine import open_engine
from medtalk.errors import TrainingError
from medtalk.guidance import LABELS
from medtalk.model.intensity import intensity
from medtalk.performance import Model
from medtalk.rig.channels import S_EMO, S_LIP, S_UP
from medtalk_train.articulation import articulation
from medtalk_train.corpus.read import Corpus
from medtalk_train.run import CLIPS
from medtalk_train.teacher.emotion import compose, strength
from medtalk_train.teacher.lips import lip_curves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle
    from medtalk.engine import Engine
    from medtalk_train.corpus.read import Utterance

METRICS = ("MLE", "MEE", "EIE", "FRD")
NEUTRAL = LABELS.index("neutral")


@dataclass(frozen=True)
class Heard:
    """A held-out sentence as the bundle heard it, and the teacher's view of it."""

    content: NDArray  # (T, 256)
    with_words: NDArray  # (T,) intensity
    without_words: NDArray  # (T,)
    lips: NDArray  # (T, 174)
    strength: NDArray  # (T,)


def evaluate(
    bundle: Bundle, corpus: str | Path | None = None, speech: str | Path | None = None, clips: int = CLIPS
) -> dict[str, float]:
    """All metrics by name.

    Args:
        bundle: what to judge.
        corpus: a generated corpus; gives MLE, MEE, EIE, FRD, the emotion swap and the use of words on held-out voices.
        speech: a folder of recordings with `phones.json` ({name: [[start s, end s, ARPAbet phone], ...]}); gives the
            articulation of the finished neutral output.
        clips: how many held-out sentences.

    Raises:
        TrainingError: neither is given, or the corpus holds no voices back.
    """
    if corpus is None and speech is None:
        raise TrainingError("There is nothing to evaluate on.", "Give a corpus or a folder of speech with phone times.")
    engine = open_engine(bundle)
    out: dict[str, float] = {}
    if corpus is not None:
        source = Corpus(corpus)
        held = source.split("held")[:clips]
        if not held:
            raise TrainingError(f"The corpus {corpus} holds no voices back.", "Make a larger one.")
        sentences = [_hear(engine, source, utterance) for utterance in held]
        out |= against_teacher(engine, sentences) | emotion_swap(engine, sentences) | use_of_words(sentences)
    if speech is not None:
        out |= articulation_on(Model(bundle, engine), Path(speech))
    return out


def evaluate_takes(
    bundle: Bundle,
    takes: Iterable[tuple[NDArray, str, int, NDArray]],
    backbones: Mapping[str, str | Path] | None = None,
    offline: bool = False,
    speech: str | Path | None = None,
) -> dict[str, float]:
    """MLE, MEE, EIE, FRD (Eq. 15-18) on recorded takes, each in its own emotion; means over takes.

    Args:
        bundle: what to judge.
        takes: sound (n,) at 16 kHz, transcript ("" if unknown), label and rig (T, 174) of each.
        backbones, offline: see `medtalk.engine.open_engine`.
        speech: as for `evaluate`.
    """
    engine = open_engine(bundle, backbones=backbones, offline=offline)
    vectors = engine.label_vectors()
    rows = []
    for samples, transcript, label, truth in takes:
        heard = engine.hear(samples)
        emotion = np.ascontiguousarray(np.broadcast_to(vectors[label], (len(heard.content), vectors.shape[1])))
        found = engine.decode(heard.content, emotion, engine.intensity(heard.emotion_features, transcript))
        frames = min(len(found), len(truth))
        rows.append(_errors(found[:frames], truth[:frames]))
    out = dict(zip(METRICS, np.mean(rows, axis=0).tolist(), strict=True))
    return out | (articulation_on(Model(bundle, engine), Path(speech)) if speech is not None else {})


def _errors(found: NDArray, truth: NDArray) -> tuple[float, ...]:
    """`METRICS` of a rig (T, 174)."""
    error = np.abs(found - truth)
    return (
        error[:, S_LIP].mean(),
        error[:, S_EMO].mean(),
        np.abs(intensity(found) - intensity(truth)).mean(),
        (truth[:, S_UP].std(axis=0) - found[:, S_UP].std(axis=0)).mean(),
    )


def _hear(engine: Engine, corpus: Corpus, utterance: Utterance) -> Heard:
    samples = corpus.audio(utterance)
    heard = engine.hear(samples)
    return Heard(
        heard.content,
        engine.intensity(heard.emotion_features, utterance.text),
        engine.intensity(heard.emotion_features, ""),
        lip_curves(utterance.phones, len(heard.content)),
        strength(prosody(samples), utterance.text),
    )


def against_teacher(engine: Engine, sentences: Sequence[Heard]) -> dict[str, float]:
    """MLE, MEE, EIE, FRD (Eq. 15-18), the labels taking turns; means over clips. FRD near 0 is best, on either side."""
    vectors = engine.label_vectors()
    rows = []
    for number, heard in enumerate(sentences):
        label = number % len(LABELS)
        truth = compose(heard.lips, label, heard.strength, flashes=False)
        found = _decode(engine, heard, vectors[label])
        rows.append(_errors(found, truth))
    return dict(zip(METRICS, np.mean(rows, axis=0).tolist(), strict=True))


def emotion_swap(engine: Engine, sentences: Sequence[Heard]) -> dict[str, float]:
    """What only another emotion changes, against neutral: lips over what speech moves them, and the upper face."""
    vectors = engine.label_vectors()
    lips, upper = [], []
    for number, heard in enumerate(sentences):
        neutral = _decode(engine, heard, vectors[NEUTRAL])
        other = [label for label in range(len(LABELS)) if label != NEUTRAL][number % (len(LABELS) - 1)]
        change = np.abs(_decode(engine, heard, vectors[other]) - neutral)
        lips.append(change[:, S_LIP].mean() / max(float(neutral[:, S_LIP].std(axis=0).mean()), 1e-9))
        upper.append(change[:, S_UP].mean())
    return {"swap lips / speech": float(np.mean(lips)), "swap upper face": float(np.mean(upper))}


def use_of_words(sentences: Sequence[Heard]) -> dict[str, float]:
    """How well the intensity follows the teacher's strength with and without the transcript (correlation, error)."""
    teacher = np.concatenate([heard.strength for heard in sentences])
    out = {}
    for name, found in (
        ("words", np.concatenate([heard.with_words for heard in sentences])),
        ("no words", np.concatenate([heard.without_words for heard in sentences])),
    ):
        moving = found.std() > 1e-9 and teacher.std() > 1e-9
        out[f"intensity r, {name}"] = float(np.corrcoef(found, teacher)[0, 1]) if moving else 0.0
        out[f"intensity error, {name}"] = float(np.abs(found - teacher).mean())
    return out


def articulation_on(model: Model, folder: Path) -> dict[str, float]:
    """Articulation AUCs, closures and jitter of the finished neutral output on recordings with phone times."""
    path = folder / "phones.json"
    if not path.is_file():
        raise TrainingError(f"There is no {path}.", "Give a folder of recordings with phone times.")
    clips = []
    for name, phones in json.loads(path.read_text("utf-8")).items():
        sound = next((p for p in sorted(folder.glob(f"{name}.*")) if p.suffix in (".flac", ".wav", ".ogg")), None)
        if sound is None:
            raise TrainingError(f"{path} names {name}, but there is no such recording beside it.")
        clips.append((model.perform(sound).decode("neutral").values, [(a, b, phone) for a, b, phone in phones]))
    return {f"articulation {name}": value for name, value in articulation(clips).to_dict().items()}


def _decode(engine: Engine, heard: Heard, vector: NDArray) -> NDArray:
    emotion = np.broadcast_to(vector, (len(heard.content), len(vector)))
    return engine.decode(heard.content, np.ascontiguousarray(emotion), heard.with_words)
