"""Trains what hears an emotion in a voice: one linear map on the mean of Whisper's states, for `voice.onnx`.

    medtalk-train voice -o FOLDER --bundle BUNDLE --emotional EMODB --people SPEECH   # or the step `emotions` of a run

Actors of one corpus in one studio are all the data that we may use, so everything here serves strangers in other rooms:
plain speech of hundreds of people, and the actors through other microphones, tell which directions differ between
voices and rooms. The map ignores those (linear discriminants with their spread within the classes), as it ignores the
way from the actors' neutral voices to those of plain corpora. All kinds weigh alike, and a temperature that was fitted
on strangers of the other sex in other rooms, and raised, turns scores into probabilities.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soxr
import torch

from medtalk.audio import read_speech
from medtalk.bundle import VOICE_GRAPH
from medtalk.errors import TrainingError
from medtalk.features.prosody import voice_activity
from medtalk.features.voice import voice_state
from medtalk.files import write_atomic
from medtalk.guidance import LABELS
from medtalk.model.ear import WhisperLayers
from medtalk.model.graphs import VoiceGraph
from medtalk.rates import RATE
from medtalk_train.onnx_graph import graph_of
from medtalk_train.settings import EmotionOptions
from medtalk_train.synthetic import augment
from medtalk_train.synthetic.corpus.people import FOLDERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

METRICS, STATES = "metrics.json", "states.npz"
KINDS = {"W": "angry", "L": "bored", "E": "disgust", "A": "fear", "F": "happy", "N": "neutral", "T": "sad"}
"""Emotions of emodb by the sixth letter of a file's name."""
LABEL_OF = {**{kind: kind for kind in KINDS.values()}, "bored": "neutral"}
AROUSAL = {"angry": 1.0, "happy": 0.8, "fear": 0.6, "disgust": 0.2, "neutral": 0.0, "bored": -0.6, "sad": -1.0}
"""How aroused each kind is, after the circumplex (Russell 1980), neutral at 0."""
WOMEN = ("08", "09", "13", "14", "16")
"""Of the ten actors."""
BINS = (0.0, 0.5, 0.6, 0.75, 0.9, 1.0)
"""Edges of the calibration table."""
TOLERANCE = 1e-5
_NAME = re.compile(r"(\d\d)[ab]\d\d([WLEAFTN])[a-f]?")
_LEAST = 40  # clips; the states have 512 numbers
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clip:
    """A recording, or a copy of it through another room: its corpus ("" for the actors), kind, actor, copy number."""

    path: Path
    corpus: str
    kind: str
    actor: str = ""
    copy: int = 0


def clips(emotional: Path, people: Path, copies: int) -> list[Clip]:
    """All clips: emodb with its copies, and plain speech.

    Raises:
        TrainingError: there are no recordings with names as in emodb, or no plain speech.
    """
    acted = [(path, found) for path in sorted(emotional.rglob("*")) if (found := _NAME.fullmatch(path.stem))]
    kinds = {KINDS[found[2]] for _, found in acted}
    if len(acted) < _LEAST or kinds != set(KINDS.values()) or len({found[1] for _, found in acted}) < 3:
        raise TrainingError(
            f"{emotional} holds {len(acted)} recordings with names of emodb, such as 03a01Fa.ogg.",
            "Give its folder with all seven emotions of three actors or more.",
        )
    plain = [
        Clip(path, name, "neutral")
        for name in FOLDERS
        for path in sorted((people / name).glob("*"))
        if path.suffix in (".ogg", ".flac", ".wav")
    ]
    if len(plain) < _LEAST:
        raise TrainingError(
            f"{people} holds {len(plain)} recordings of plain speech.", f"Give a folder with {' and '.join(FOLDERS)}."
        )
    return plain + [
        Clip(path, "", KINDS[found[2]], found[1], copy) for copy in range(copies + 1) for path, found in acted
    ]


def sound(clip: Clip, seed: int) -> NDArray[np.float32]:
    """What is heard of a clip: the whole, a few seconds of plain speech, or a copy as another person elsewhere."""
    samples = read_speech(clip.path).samples
    rng = np.random.default_rng([seed, clip.copy, int(hashlib.sha256(clip.path.name.encode()).hexdigest()[:8], 16)])
    if clip.corpus:
        count = int(rng.uniform(2.0, 4.5) * RATE)
        start = int(rng.integers(0, max(1, len(samples) - count)))
        return samples[start : start + count]
    if not clip.copy:
        return samples
    other = soxr.resample(samples, RATE * float(np.exp(rng.uniform(-0.17, 0.17))), RATE)  # a taller or smaller person
    heard = augment.sound(np.asarray(other, np.float32), rng, lambda count: augment.coloured_noise(count, rng))
    return heard * np.float32(10.0 ** (rng.normal(0.0, 6.0) / 20.0))


def extract(all_clips: Sequence[Clip], whisper: WhisperLayers, seed: int) -> NDArray[np.float32]:
    """Mean states of the clips, (n, 512), on one thread."""
    lower = deepcopy(whisper)
    del lower.blocks[-1]  # nobody asks for the last layer, and the one before is the second half of what is left

    @torch.inference_mode()
    def run(mel: NDArray[np.float32]) -> NDArray[np.float32]:
        states = lower(torch.tensor(mel)[None])[0]
        return states[:, states.shape[1] // 2 :].numpy()

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        states = []
        for number, clip in enumerate(all_clips):
            if number % 250 == 0:
                log.info("%d of %d clips", number, len(all_clips))
            samples = sound(clip, seed)
            states.append(voice_state(samples, voice_activity(samples), run))
        return np.array(states)
    finally:
        torch.set_num_threads(threads)


class Set:
    """Clips with their states, standardised over the actors as they were recorded."""

    def __init__(self, all_clips: Sequence[Clip], states: NDArray) -> None:
        self.corpus = np.array([clip.corpus for clip in all_clips])
        self.actor = np.array([clip.actor for clip in all_clips])
        self.copy = np.array([clip.copy for clip in all_clips])
        self.kinds = sorted(KINDS.values())
        self.kind = np.array([self.kinds.index(clip.kind) for clip in all_clips])
        self.acted = self.corpus == ""
        self.label = np.array([LABELS.index(LABEL_OF[kind]) for kind in self.kinds])  # of each kind
        plain = states[self.acted & (self.copy == 0)].astype(np.float64)
        self.centre, self.scale = plain.mean(axis=0), plain.std(axis=0) + 1e-6
        self.values = (states - self.centre) / self.scale


@dataclass(frozen=True)
class Fit:
    """Scores of the kinds and the arousal are `values @ kinds + bias` and `values @ arousal + rest`."""

    kinds: NDArray
    bias: NDArray
    arousal: NDArray
    rest: float

    def weights(self, data: Set, which: NDArray, temperature: float) -> NDArray:
        """Probabilities of the labels (n, 7)."""
        scores = (data.values[which] @ self.kinds + self.bias) / temperature + _even(data)
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        return (raised / raised.sum(axis=1, keepdims=True)) @ np.eye(len(LABELS))[data.label]


def _even(data: Set) -> NDArray:
    """Log weights that give every label the same weight, however many kinds it has."""
    return -np.log(np.array([(data.label == label).sum() for label in data.label], np.float64))


def fit(data: Set, options: EmotionOptions, actors: Sequence[str] | None = None, plain: Sequence[str] = FOLDERS) -> Fit:
    """Linear discriminants from some actors (None: all) and some corpora of plain speech."""
    used = data.acted & (np.isin(data.actor, actors) if actors is not None else True)
    means = np.array([data.values[used & (data.kind == kind)].mean(axis=0) for kind in range(len(data.kinds))])
    apart = data.values[used] - means[data.kind[used]]
    within = apart.T @ apart / len(apart)
    calm, ways = means[data.kinds.index("neutral")], []
    for corpus in plain:
        others = data.values[data.corpus == corpus]
        if len(others):
            centre = others.mean(axis=0)
            within += options.people * np.cov(others - centre, rowvar=False)
            ways.append(centre - calm)
    ways += [one - other for number, one in enumerate(ways) for other in ways[:number]]
    for way in ways:
        within += options.people * np.outer(way, way) / len(ways)
    within += options.shrinkage * np.trace(within) / len(within) * np.eye(len(within))
    kinds = np.linalg.solve(within, means.T)
    bias = -0.5 * (means.T * kinds).sum(axis=0)
    target = np.array([AROUSAL[kind] for kind in data.kinds])
    between = means - means.mean(axis=0)
    arousal = np.linalg.solve(within + between.T @ between / len(means), between.T @ (target - target.mean()))
    calm_at = np.mean(
        [calm @ arousal, *(data.values[data.corpus == corpus].mean(axis=0) @ arousal for corpus in plain)]
    )
    angry_at = means[data.kinds.index("angry")] @ arousal
    arousal = arousal / max(angry_at - calm_at, 1e-6)
    return Fit(kinds, bias, arousal, float(-calm_at / max(angry_at - calm_at, 1e-6)))


def strangers(data: Set, options: EmotionOptions) -> Iterator[tuple[Fit, NDArray]]:
    """The hard test: fitted on the actors of one sex, judged on copies of the other sex in other rooms."""
    women = np.isin(data.actor, WOMEN)
    actors = sorted(set(data.actor[data.acted]))
    for of_women in (True, False):
        learned = [actor for actor in actors if (actor in WOMEN) == of_women]
        judged = data.acted & (data.copy > 0) & (women != of_women)
        if learned and judged.any():
            yield fit(data, options, learned), judged


def temperature(data: Set, options: EmotionOptions) -> float:
    """What the scores are divided by: fitted on `strangers`, times `options.caution`."""
    tests = list(strangers(data, options))

    def loss(value: float) -> float:
        found = [
            np.log(each.weights(data, judged, value)[np.arange(judged.sum()), data.label[data.kind[judged]]] + 1e-9)
            for each, judged in tests
        ]
        return -float(np.concatenate(found).mean())

    return options.caution * float(min(np.exp(np.linspace(-2.0, 5.0, 57)), key=loss))


def judge(data: Set, options: EmotionOptions, warmth: float, sure: float = 0.75) -> dict[str, float]:
    """Figures: recall by label where one actor, or a sex and its rooms, or a corpus of plain speech is left out."""
    metrics: dict[str, float] = {}

    def record(name: str, tests: Sequence[tuple[NDArray, NDArray]]) -> None:
        weights = np.concatenate([found for found, _ in tests])
        truth = np.concatenate([data.label[data.kind[judged]] for _, judged in tests])
        best, top = weights.argmax(axis=1), weights.max(axis=1)
        present = sorted(set(truth.tolist()))
        metrics[f"{name}: recall"] = float(np.mean([(best[truth == label] == label).mean() for label in present]))
        metrics[f"{name}: chance"] = 1.0 / len(present)
        metrics[f"{name}: sure"] = float((top >= sure).mean())
        metrics[f"{name}: right where sure"] = (
            float((best == truth)[top >= sure].mean()) if (top >= sure).any() else 0.0
        )
        for label in present:
            for heard in present:
                metrics[f"{name}: {LABELS[label]} as {LABELS[heard]}"] = float((best[truth == label] == heard).mean())
        for low, high in pairwise(BINS):
            inside = (top >= low) & (top < high + (high == 1.0))
            metrics[f"{name}: clips at {low:g}-{high:g}"] = float(inside.sum())
            metrics[f"{name}: right at {low:g}-{high:g}"] = (
                float((best == truth)[inside].mean()) if inside.any() else 0.0
            )

    actors = sorted(set(data.actor[data.acted]))
    tests = []
    for actor in actors:
        judged = data.acted & (data.actor == actor) & (data.copy == 0)
        tests.append((fit(data, options, [a for a in actors if a != actor]).weights(data, judged, warmth), judged))
    record("an actor left out", tests)
    if hard := [(each.weights(data, judged, warmth), judged) for each, judged in strangers(data, options)]:
        record("a sex left out, other rooms", hard)
        errors = []
        for each, judged in strangers(data, options):
            found = data.values[judged] @ each.arousal + each.rest
            wanted = np.array([AROUSAL[data.kinds[kind]] for kind in data.kind[judged]])
            errors.append(float(np.corrcoef(found, wanted)[0, 1]))
        metrics["arousal r, a sex left out, other rooms"] = float(np.mean(errors))
    for corpus in FOLDERS:
        judged = data.corpus == corpus
        if judged.any():
            found = fit(data, options, plain=[other for other in FOLDERS if other != corpus]).weights(
                data, judged, warmth
            )
            calm = LABELS.index("neutral")
            metrics[f"plain speech of {corpus}, left out: neutral"] = float((found.argmax(axis=1) == calm).mean())
            wrong = (found.max(axis=1) >= sure) & (found.argmax(axis=1) != calm)
            metrics[f"plain speech of {corpus}, left out: surely emotional"] = float(wrong.mean())
    return metrics


def graph_bytes(data: Set, found: Fit, warmth: float) -> bytes:
    """`voice.onnx`: state (1, 512) -> weights (1, 7), arousal (1,).

    Raises:
        TrainingError: the graph differs from what was fitted.
    """
    model = VoiceGraph(len(data.centre), torch.from_numpy(data.label))
    kinds, arousal = found.kinds / data.scale[:, None] / warmth, found.arousal / data.scale
    with torch.no_grad():
        model.kinds.weight.copy_(torch.from_numpy(kinds.T))
        model.kinds.bias.copy_(torch.from_numpy(found.bias / warmth + _even(data) - data.centre @ kinds))
        model.arousal.weight.copy_(torch.from_numpy(arousal[None]))
        model.arousal.bias.fill_(found.rest - float(data.centre @ arousal))
    example = torch.from_numpy(data.centre[None].astype(np.float32))
    graph = graph_of(model.eval(), (example,), {"state": {}}, {"weights": {}, "arousal": {}})
    from medtalk.engine.compact_onnx import onnxruntime  # which has switched its telemetry off

    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    some = np.arange(min(len(data.values), 50))
    expected = found.weights(data, some, warmth)
    given = (data.values[some] * data.scale + data.centre).astype(np.float32)
    weights = np.concatenate([np.asarray(session.run(None, {"state": state[None]})[0]) for state in given])
    if (worst := float(np.abs(weights - expected).max())) > 100 * TOLERANCE:
        raise TrainingError(f"The exported voice graph differs from its fit by {worst:.1e}.")
    return graph


def make(
    folder: Path, whisper: WhisperLayers, emotional: Path, people: Path, options: EmotionOptions, seed: int = 1
) -> dict[str, float]:
    """Hear all clips, fit, judge, and write `voice.onnx` and its figures into `folder`; returns these.

    The states are kept, so that a second fit of the same clips is a matter of seconds. `METRICS` is written last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    all_clips = clips(emotional, people, options.copies)
    key = hashlib.sha256(repr((seed, [(c.path.name, c.copy) for c in all_clips])).encode()).hexdigest()
    states = _kept(folder / STATES, key)
    if states is None:
        states = extract(all_clips, whisper, seed)
        with_key = {"states": states, "key": np.array(key)}
        write_atomic(folder / STATES, lambda to: _save(to, with_key))
    data = Set(all_clips, states)
    warmth = temperature(data, options)
    metrics = judge(data, options, warmth)
    metrics["temperature"] = warmth
    graph = graph_bytes(data, fit(data, options), warmth)
    metrics["onnx_bytes"] = float(len(graph))
    write_atomic(folder / VOICE_GRAPH, lambda to: to.write_bytes(graph))
    about = {"options": {"seed": seed, **asdict(options)}, "metrics": metrics}
    write_atomic(folder / METRICS, lambda to: to.write_text(json.dumps(about, indent=1) + "\n", "utf-8"))
    return metrics


def _save(to: Path, arrays: dict[str, NDArray]) -> None:
    with open(to, "wb") as stream:
        np.savez(stream, **arrays)  # pyright: ignore[reportArgumentType]


def _kept(path: Path, key: str) -> NDArray | None:
    """The states of the same clips, if they are here."""
    if not path.is_file():
        return None
    with np.load(path) as kept:
        return kept["states"] if str(kept["key"]) == key else None
