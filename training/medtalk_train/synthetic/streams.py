"""Speech as a stream hears it, on disk: what the live head learns from.

Utterances of the corpora, augmented, are put one after another, and frozen Whisper hears them as it does at run time:
step by step over keys and values that it keeps, with a look-ahead and a history that are drawn for each stream. Beside
it are the phones, and what the ear makes of each utterance as a whole. One file a stream; a cut run goes on where it
stopped.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from medtalk.errors import TrainingError
from medtalk.features import listening
from medtalk.features.live_mel import LiveMel
from medtalk.features.phones import PHONE_INDEX, SILENCE
from medtalk.files import write_atomic
from medtalk.model.ear import Ear
from medtalk.model.live_ear import Streaming, streamed
from medtalk.rates import RATE
from medtalk_train.synthetic import augment
from medtalk_train.synthetic.backbone import shares_of
from medtalk_train.synthetic.corpus.read import Corpus, Utterance
from medtalk_train.synthetic.states import NONSPEECH, frame_classes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk_train.settings import LiveOptions

log = logging.getLogger(__name__)

STEP = 2
"""States of a step."""
HOP = RATE // listening.FPS
"""Samples of a state."""
_CLEAN = 0.25  # share of the utterances that are heard as they are
_LEVEL_DB = 8.0  # spread of the streams' levels
_PAUSE = (0.0, 0.8)  # seconds between utterances
_ABOUT = "streams.json"


@dataclass(frozen=True)
class Stream:
    """What a stream gave, S states at 50 a second, two a step.

    states: (S, 2 width) float16, final ones. following: (S / 2, 2, 2 width), the two after each step's as it heard
    them. ahead: how many of those it heard. classes: (S,) phone classes. features: (S, F) of the ear that hears the
    whole, NaN between utterances.
    """

    states: NDArray[np.float16]
    following: NDArray[np.float16]
    ahead: int
    classes: NDArray[np.int64]
    features: NDArray[np.float16]

    @classmethod
    def read(cls, path: Path) -> Stream:
        try:
            with np.load(path) as found:
                parts = {name: found[name] for name in ("states", "following", "classes", "features")}
                return cls(ahead=int(found["ahead"]), **parts)
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(f"{path} is no stream: {error}.", "Run medtalk-train live --again.") from error


def hear(
    corpora: Sequence[Path], ear: Ear, folder: Path, options: LiveOptions, shares: Mapping[str, float] | None,
    seed: int, key: str,
) -> list[Path]:  # fmt: skip
    """Make the streams, and give their files.

    Args:
        corpora: folders of speech with phone times; only voices of their training split are heard.
        ear: Whisper's layers, and the head whose features the live head learns.
        folder: where to; streams that are there are kept if they were made of the same.
        shares: of each engine, as in `BackboneOptions`.
        key: of the ear and the corpora.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = {name: value for name, value in asdict(options).items() if name in options.OF_STREAMS}
    about = json.dumps({"made": made, "seed": seed, "key": key, "shares": dict(shares or {})}, indent=1)
    if not (folder / _ABOUT).exists() or (folder / _ABOUT).read_text("utf-8") != about:
        for old in folder.glob("*.npz"):
            old.unlink()
        write_atomic(folder / _ABOUT, lambda to: to.write_text(about, "utf-8"))
    voices = Voices([Corpus(corpus) for corpus in corpora], shares)
    count = max(2, round(options.hours * 3600.0 / options.stream))
    paths = [folder / f"{number:05d}.npz" for number in range(count)]
    for number, path in enumerate(paths):
        if path.exists():
            continue
        stream = heard_as(voices, ear, options, np.random.default_rng((seed, number)))
        write_atomic(path, partial(_write, stream=stream))
        if (number + 1) % 20 == 0:
            log.info("%d of %d streams", number + 1, count)
    return paths


class Voices:
    """The voices of a split of some corpora, and sounds in which nobody speaks, drawn by their engines' shares."""

    def __init__(self, corpora: Sequence[Corpus], shares: Mapping[str, float] | None, split: str = "train") -> None:
        self.items = [(corpus, item) for corpus in corpora for item in corpus.split(split)]
        if not self.items:
            raise TrainingError(f"There are no voices of the split {split}.", "Make a larger corpus.")
        spoken = dict(shares or {})
        self.silent = spoken.pop(NONSPEECH, 0.0)
        known = [item for _, item in self.items]
        self.chances = shares_of([item.engine for item in known], [item.samples for item in known], spoken)

    def draw(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], Utterance | None]:
        """A sound, augmented, and the utterance that it is, None if nobody speaks."""
        if rng.random() < self.silent:
            return augment.nonspeech(rng, int(rng.uniform(1.0, 4.0) * RATE)), None
        corpus, item = self.items[int(rng.choice(len(self.items), p=self.chances))]
        samples = corpus.audio(item)
        if rng.random() >= _CLEAN:
            samples = augment.sound(samples, rng, lambda n: np.resize(corpus.audio(int(rng.integers(len(corpus)))), n))
        return samples, item


def heard_as(
    voices: Voices, ear: Ear, options: LiveOptions, rng: np.random.Generator, how: Streaming | None = None
) -> Stream:
    """A stream of random utterances, heard in one way, or in one that is drawn."""
    total = round(options.stream * listening.FPS)
    sound = np.zeros(total * HOP, np.float32)
    classes = np.full(total, PHONE_INDEX[SILENCE], np.int64)
    features = np.full((total, ear.config.features), np.nan, np.float32)
    at = listening.EDGE
    while at < total:
        samples, item = voices.draw(rng)
        samples = samples[: (total - at) * HOP]
        sound[at * HOP : at * HOP + len(samples)] = samples
        own = _whole(ear, samples)
        span = slice(at, at + len(own))
        features[span] = own
        if item is not None:
            classes[span] = frame_classes(item.phones, len(own), listening.FPS)
        at += len(own) + 1 + int(rng.uniform(*_PAUSE) * listening.FPS)
    sound *= np.float32(10.0 ** (rng.normal(0.0, _LEVEL_DB) / 20.0))
    if how is None:
        ahead, history = int(rng.integers(0, options.most_ahead + 1)), int(rng.choice(options.histories))
        how = Streaming(STEP, ahead, history, int(rng.integers(0, len(ear.whisper.positions) - total)))
    states, following = streamed(ear.whisper, torch.from_numpy(LiveMel().push(sound)), how)
    count = len(states)
    return Stream(
        states.numpy().astype(np.float16), following.numpy().astype(np.float16), min(how.ahead, following.shape[1]),
        classes[:count], features[:count].astype(np.float16),
    )  # fmt: skip


@torch.inference_mode()
def _whole(ear: Ear, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """(S, F) features of an utterance as a whole."""

    def run(mel: NDArray[np.float32]) -> tuple[NDArray[np.float32]]:
        return (ear(torch.from_numpy(mel)[None])[0][0].numpy(),)

    return listening.listen(samples, run, listening.FPS)[0]


def _write(to: Path, stream: Stream) -> None:
    with to.open("wb") as file:  # numpy would add an ending to a path
        np.savez(file, **{name: getattr(stream, name) for name in Stream.__dataclass_fields__})
