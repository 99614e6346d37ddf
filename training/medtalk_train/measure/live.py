"""How well an ear hears a stream: the finished mouth of real recordings that a live ear heard, and what a step costs.

Only the ear is live here. Prosody, closures and finishing know the whole clip, so that what is lost is lost by the ear.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.audio import Speech
from medtalk.bundle import LIVE_GRAPH
from medtalk.engine.compact_onnx import OnnxEngine
from medtalk.engine.interface import Heard
from medtalk.engine.live_ear import STEP, WINDOW, CachedEar, LiveEar, WindowEar
from medtalk.errors import BundleError, TrainingError
from medtalk.features import listening
from medtalk.features.phones import PHONES
from medtalk.features.prosody import effort, prosody
from medtalk.features.whisper_mel import HOP
from medtalk.perform import Model
from medtalk.quality.articulation import Articulation, articulation
from medtalk.rates import FPS, RATE
from medtalk.rig.channels import N_CHANNELS
from medtalk_train.measure.recordings import Recording, read_recordings
from medtalk_train.synthetic.corpus.read import Corpus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle
    from medtalk.engine.compact import CompactEngine

STEP_SAMPLES = 2 * HOP * STEP
"""40 ms."""
AHEADS = (0.0, 0.08, 0.16)


@dataclass(frozen=True)
class Way:
    """A way to hear: over windows, or over keys and values that are kept.

    history and ahead are seconds; `history` None is the whole clip at once.
    """

    kind: str
    history: float | None = None
    ahead: float = 0.0

    def ear(self, engine: CompactEngine) -> LiveEar:
        assert self.history is not None, "the whole clip needs no live ear"
        if self.kind == "windows":
            return WindowEar(engine, self.ahead, self.history)
        if engine.live_graph is None:
            raise BundleError("The bundle hears no streams: it has no live.onnx.", "Run medtalk-train live --bundle.")
        return CachedEar(engine.live_graph, self.ahead, round(self.history * listening.FPS))

    def __str__(self) -> str:
        if self.history is None:
            return self.kind
        return f"{self.kind}, {self.history:g} s, look-ahead {1000 * self.ahead:.0f} ms"


WHOLE, STILL = Way("whole clip"), Way("a still mouth")
LIVE = Way("kept", 2.0, 0.08)
"""What a bundle with `live.onnx` does if nobody says otherwise."""


def ways(kept: bool) -> list[Way]:
    """All that the table has; `kept` where the bundle can keep keys and values. Histories are compared at the usual
    look-ahead, look-aheads at the usual history."""
    kinds = {"windows": (WINDOW, (1.0, WINDOW, 3.0)), **({"kept": (2.0, (1.0, 2.0, 3.0))} if kept else {})}
    live = [
        Way(kind, history, ahead)
        for kind, (usual, histories) in kinds.items()
        for ahead in AHEADS
        for history in (histories if ahead == LIVE.ahead else (usual,))
    ]
    return [STILL, WHOLE, *sorted(live, key=lambda way: way != LIVE)]


class _Overheard(OnnxEngine):
    """An engine that hears clips as a stream."""

    def __init__(self, bundle: Bundle, way: Way) -> None:
        super().__init__(bundle, 1)
        self.way = way

    def hear(self, samples: NDArray, emotion_features: NDArray | None = None) -> Heard:
        if self.way.history is None:
            return super().hear(samples)
        voice = prosody(samples)
        parts = overhear(self.way.ear(self), samples)
        features, posteriors = (listening.at_rate(part, len(voice)) for part in parts)
        sound = np.concatenate([features, effort(voice)[:, None]], axis=1)
        told = np.concatenate([voice, posteriors], axis=1)
        return Heard(self.content(sound, posteriors), told, posteriors, sound)


def overhear(ear: LiveEar, samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The final features (S, F - 1) and posteriors (S, 35) of a clip that comes in steps of 40 ms, silence after it."""
    wanted = len(samples) // (2 * HOP) + 1
    features, posteriors, count, at = [], [], 0, 0
    while count < wanted:
        piece = samples[at : at + STEP_SAMPLES]
        heard = ear.hear(np.pad(piece, (0, STEP_SAMPLES - len(piece))))
        features.append(heard.features[: heard.final])
        posteriors.append(heard.posteriors[: heard.final])
        count, at = count + heard.final, at + STEP_SAMPLES
    return np.concatenate(features)[:wanted], np.concatenate(posteriors)[:wanted]


def listen_to(bundle: Bundle, way: Way, recordings: Sequence[Recording]) -> Articulation:
    """The finished neutral mouth of recordings that were heard this way."""
    if way == STILL:
        rigs = [np.zeros((len(each.speech.samples) * FPS // RATE, N_CHANNELS), np.float32) for each in recordings]
    else:
        model = Model(bundle, _Overheard(bundle, way))
        rigs = [model.perform(each.speech).decode("neutral").values for each in recordings]
    return articulation((rig, each.phones) for rig, each in zip(rigs, recordings, strict=True))


def cost(bundle: Bundle, way: Way, samples: NDArray[np.float32]) -> tuple[float, float]:
    """Median and 99th percentile of a core's milliseconds in a step of 40 ms; those of other programs do not count."""
    ear, took = way.ear(OnnxEngine(bundle, 1)), []
    for at in range(0, len(samples) - STEP_SAMPLES + 1, STEP_SAMPLES):
        begun = time.thread_time()
        ear.hear(samples[at : at + STEP_SAMPLES])
        took.append(1000.0 * (time.thread_time() - begun))
    half, most = np.percentile(took[min(25, len(took) // 2) :], [50, 99])
    return float(half), float(most)


def held_people(folder: Path) -> list[Recording]:
    """The voices that a corpus holds back."""
    corpus = Corpus(folder)
    return [
        Recording(
            f"{item.voice}-{item.id}",
            Speech.from_array(corpus.audio(item), RATE),
            tuple((start, end, PHONES[kind]) for start, end, kind in item.phones),
        )
        for item in corpus.split("held")
    ]


def row(found: Articulation) -> dict[str, float]:
    """The figures of the table."""
    figures = found.to_dict()
    names = ("closure F1", "closure recall", "closure precision", "closure false/min", "bite F1", "rounding F1")
    return {name: figures[name] for name in (*names, "open vowels shut", "AUC mean")}


def figures(bundle: Bundle, recordings: Sequence[Recording]) -> dict[str, float]:
    """What goes into a bundle: the default way beside the whole clip."""
    found = row(listen_to(bundle, LIVE, recordings))
    whole = row(listen_to(bundle, WHOLE, recordings))
    return {name: value for name, value in found.items()} | {f"{name}, whole clip": whole[name] for name in whole}


Figures = dict[str, dict[str, float]]


def evaluate(
    bundle: Bundle, speech: Path | None, people: Path | None, tell: Callable[[Figures], None] = lambda _: None
) -> Figures:
    """All figures of the table by the name of a way to hear and of what is heard, and what a step costs.

    Args:
        tell: gets what is known, again after each way: there are many of them.
        speech: a folder of recordings with phone times.
        people: a corpus, whose voices held back are heard.

    Raises:
        TrainingError: neither is given.
    """
    sets = {name: recordings for name, recordings in (
        ("recordings", read_recordings(speech) if speech else []), ("people", held_people(people) if people else []),
    ) if recordings}  # fmt: skip
    if not sets:
        raise TrainingError("There is nothing to listen to.", "Give --speech, or --held with a corpus.")
    sound = np.concatenate([each.speech.samples for each in next(iter(sets.values()))])[: 60 * RATE]
    out: Figures = {}
    for way in ways(LIVE_GRAPH in bundle.manifest["files"]):
        for name, recordings in sets.items():
            out[f"{way}; {name}"] = row(listen_to(bundle, way, recordings))
        if way.history is not None:
            half, most = cost(bundle, way, sound)
            out[f"{way}; step"] = {"ms, median": half, "ms, 99 %": most}
        tell(out)
    return out


def show(found: Figures) -> None:
    """Print the figures as tables."""
    from rich.console import Console

    for name in dict.fromkeys(key.split("; ")[1] for key in found):
        Console().print(name)
        rows = {key.split("; ")[0]: values for key, values in found.items() if key.endswith(f"; {name}")}
        heads = list(next(iter(rows.values())))
        lines = [["way to hear", *heads], ["---"] * (len(heads) + 1)]
        lines += [[way, *(f"{value:.3f}" for value in values.values())] for way, values in rows.items()]
        print("\n".join(f"| {' | '.join(line)} |" for line in lines))
