"""Methods side by side: figures that any bundle has, by its networks alone, whatever is finished after them.

What makes a face of our own better than its networks (closures and rest decided from phones, smoothing, life) is left
out, so that only what was learned is compared; "..., finished" has it in.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from medtalk.audio import Speech
from medtalk.bundle import WEIGHTS
from medtalk.errors import TrainingError
from medtalk.features.prosody import effort, prosody
from medtalk.guidance import LABELS
from medtalk.quality.articulation import articulation, jitter
from medtalk.quality.baselines import emotion_error, intensity_error, mouth_error, still, upper_face_deviations
from medtalk.rates import FPS, RATE
from medtalk.rig.channels import S_UP
from medtalk_train.measure.evaluate import RAW
from medtalk_train.synthetic.corpus.read import Corpus
from medtalk_train.synthetic.corpus.spoken import spoken
from medtalk_train.synthetic.teacher.emotion import compose, strength
from medtalk_train.synthetic.teacher.lips import lip_curves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle
    from medtalk.perform import Model, Performance
    from medtalk_train.measure.recordings import Recording
    from medtalk_train.stages.ground import Held

FINISHED = ", finished"
SHARE = 0.95
"""Of the upper face's variance, that its principal components are counted for."""
EVENTS = ("closure F1", "bite F1", "rounding F1", "AUC mean")
_STILL = 1e-8  # variance of a channel, below which nothing moves
_TIMED = 6  # clips
_ROUNDS = 3


class Clip(NamedTuple):
    """A held-back sound, and its true face: samples (n,) at 16 kHz, truth (T, 174) at 60 fps."""

    samples: NDArray
    transcript: str
    label: int
    truth: NDArray


@dataclass(frozen=True)
class Compared:
    """The figures of a method: of all clips together by name, and of each clip, in the order of the clips."""

    figures: Mapping[str, float]
    clips: Mapping[str, list[float]]


def clips_of(held: Held, count: int) -> list[Clip]:
    """What a ground holds back, at most so many: takes in their own emotion, sentences with the labels taking turns.

    Takes of sets whose labels were not taught are left out.

    Raises:
        TrainingError: nothing is held back.
    """
    out = []
    if held.takes is not None:
        taught = (take for take in held.takes if take.labelled)
        out = [Clip(take.sound, take.transcript, take.label, take.rig) for take in islice(taught, count)]
    elif held.corpus is not None:
        corpus = Corpus(held.corpus)
        for number, utterance in enumerate(corpus.split("held")[:count]):
            samples, found = corpus.audio(utterance), spoken(utterance)
            voice, label = prosody(samples), number % len(LABELS)
            lips = lip_curves(utterance.phones, len(voice), effort=effort(voice))
            felt = strength(voice, utterance.text, words=None if found is None else found.words)
            out.append(Clip(samples, utterance.text, label, compose(lips, label, felt)))
    if not out:
        raise TrainingError("Nothing is held back, so there is nothing to compare on.", "Make a larger corpus.")
    return out


def compare(model: Model, clips: Sequence[Clip], recordings: Sequence[Recording] = ()) -> Compared:
    """A bundle on clips against their truth, and the events of its mouth on recordings with phone times."""
    found = compare_rigs([networks(model, clip) for clip in clips], clips)
    if not recordings:
        return found
    performances = [model.perform(recording.speech) for recording in recordings]
    alone = [by_sound(each).decode("neutral", finishing=RAW).values for each in performances]
    whole = [each.decode("neutral").values for each in performances]
    figures = {**found.figures, **events(alone, recordings)}
    figures |= {f"{name}{FINISHED}": value for name, value in events(whole, recordings).items()}
    return Compared(figures, found.clips)


def compare_rigs(rigs: Iterable[NDArray], clips: Sequence[Clip]) -> Compared:
    """Rigs (T, 174), one for each clip, against its truth: "MLE", "MEE", "EIE", "FRD", "FRD absolute" (Eq. 15 to 18),
    "jitter" and "upper-face components"."""
    shown, each = [], []
    for rig, clip in zip(rigs, clips, strict=True):
        frames = min(len(rig), len(clip.truth))
        found, truth = np.asarray(rig[:frames]), clip.truth[:frames]
        deviations = upper_face_deviations(found, truth)
        shown.append(found)
        each.append({
            "MLE": mouth_error(found, truth),
            "MEE": emotion_error(found, truth),
            "EIE": intensity_error(found, truth),
            "FRD": float(deviations.mean()),
            "FRD absolute": float(np.abs(deviations).mean()),
        })  # fmt: skip
    of_clips = {name: [row[name] for row in each] for name in each[0]}
    figures = {name: float(np.mean(values)) for name, values in of_clips.items()}
    figures["jitter"] = jitter(shown)
    figures["upper-face components"] = components(shown, [clip.label for clip in clips])
    return Compared(figures, of_clips)


def networks(model: Model, clip: Clip) -> NDArray:
    """(T, 174) what the networks alone make of a clip in its emotion.

    The words reach the intensity, as in the paper (Eq. 9), and not the mouth: a transcript's phones would be an
    advantage that other methods do not have.
    """
    performance = model.perform(Speech.from_array(clip.samples, RATE), clip.transcript)
    return by_sound(performance).decode(LABELS[clip.label], finishing=RAW).values


def by_sound(performance: Performance) -> Performance:
    """A performance whose mouth knows the sound alone, with the intensity of its words.

    Nothing is decided by the phones: neither closures nor that lips rest in silence.
    """
    without = performance.with_transcript("")
    return replace(without, intensity=performance.intensity, closures=None, posteriors=None)


def events(rigs: Sequence[NDArray], recordings: Sequence[Recording]) -> dict[str, float]:
    """`EVENTS` of rigs (T, 174), one for each recording; an AUC that they cannot tell is left out."""
    table = articulation((rig, recording.phones) for rig, recording in zip(rigs, recordings, strict=True)).to_dict()
    return {name: table[name] for name in EVENTS if name in table}


def components(rigs: Sequence[NDArray], labels: Sequence[int]) -> float:
    """Principal components that `SHARE` of the upper face's variance needs, within each label; mean over labels.

    1 is a face that only grows stronger and weaker; 0 one that does not move, or has one frame. rigs: (T, 174) each.
    """
    counts = []
    for label in sorted(set(labels)):
        frames = np.concatenate([rig[:, S_UP] for rig, own in zip(rigs, labels, strict=True) if own == label])
        if len(frames) < 2:
            counts.append(0)
            continue
        variances = np.linalg.eigvalsh(np.cov(frames, rowvar=False, dtype=np.float64))[::-1]
        shares = np.cumsum(variances) / max(variances.sum(), _STILL)
        counts.append(int(np.searchsorted(shares, SHARE)) + 1 if variances.sum() > _STILL else 0)
    return float(np.mean(counts))


def lines(clips: Sequence[Clip], recordings: Sequence[Recording] = (), rules: bool = True) -> dict[str, Compared]:
    """What stands beside the methods: the truth's face held at its mean and its median, and the truth itself.

    rules: the truth is our teacher's, so that its lips at the true phone times are known of the recordings too.
    """
    out = {}
    for name in ("mean", "median", "truth"):
        found = compare_rigs([_line(clip.truth, name) for clip in clips], clips)
        if recordings and (rules or name != "truth"):
            taught = [recording.taught(int(recording.speech.seconds * FPS)) for recording in recordings]
            shown = events([_line(rig, name) for rig in taught], recordings)
            found = Compared({**found.figures, **shown}, found.clips)
        out[name] = found
    return out


def _line(truth: NDArray, name: str) -> NDArray:
    return truth if name == "truth" else still(truth)[name]


def size(bundle: Bundle) -> tuple[int, float]:
    """(parameters, MB in 32 bits) of what a bundle has learned: not of the frozen ear, nor of untrained parts."""
    from safetensors import safe_open

    untrained = tuple(f"{part}." for part in bundle.manifest.get("untrained", ()))
    count = 0
    with safe_open(bundle.file(WEIGHTS), "numpy") as weights:
        for name in weights.keys():  # noqa: SIM118 (it is no dictionary)
            inner = name.partition(".")[2]
            if not name.startswith("ear.") and not inner.startswith(untrained):
                count += int(np.prod(weights.get_slice(name).get_shape()))
    return count, 4e-6 * count


def speeds(models: Mapping[str, Model], clips: Sequence[Clip]) -> dict[str, float]:
    """Seconds of compute a second of speech, by method: the whole way from samples to a rig, a clip at a time.

    The methods take turns on each clip, and the median of several rounds counts, so that their ratios hold on a machine
    that is busy with something else.
    """
    clips = clips[:_TIMED]
    spent: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(_ROUNDS):
        once = dict.fromkeys(models, 0.0)
        for clip in clips:
            for name, model in models.items():
                start = time.perf_counter()
                networks(model, clip)
                once[name] += time.perf_counter() - start
        for name, seconds in once.items():
            spent[name].append(seconds)
    speech = sum(len(clip.samples) for clip in clips) / RATE
    return {name: float(np.median(seconds)) / speech for name, seconds in spent.items()}
