"""The states of frozen Whisper for the corpora, on disk: the ear's head and stages 2 to 4 read it again and again.

The sound is augmented before it is heard, so that what is trained on it meets noisy rooms too. Sounds in which nobody
speaks lie among the sentences. Arrays are raw float16, one after another, with an index; a cut run goes on where it
stopped.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from medtalk.errors import TrainingError
from medtalk.features import listening, prosody
from medtalk.features.phones import PHONE_INDEX, SILENCE
from medtalk.files import sha256_file, write_atomic
from medtalk.model.ear import WhisperLayers
from medtalk.rates import FPS, RATE
from medtalk_train.synthetic import augment
from medtalk_train.synthetic.corpus.read import Corpus, Utterance

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

NONSPEECH = "nonspeech"
"""The engine of the sounds in which nobody speaks."""
_ABOUT, _INDEX, _STATES, _PROSODY = "states.json", "states.jsonl", "states.f16", "prosody.f16"
_CLEAN = 0.25  # share of the sentences that are heard as they are
_LEVEL_DB = 6.0  # spread of the recordings' levels


@dataclass(frozen=True)
class Hearing:
    """An utterance as Whisper heard it: states (S, 2 width) float16, 50 a second, and prosody (T, 16), 60 a second."""

    utterance: Utterance
    states: NDArray[np.float16]
    prosody: NDArray[np.float32]

    @property
    def classes(self) -> NDArray[np.int64]:
        """(S,) the phone class at each state's time."""
        return frame_classes(self.utterance.phones, len(self.states), listening.FPS)


class States:
    """States in folders, as `extract` wrote them; `states[i]` is a `Hearing`, whose states are mapped from the file.

    Raises TrainingError where there are none.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.utterances: list[Utterance] = []
        self._places: list[tuple[NDArray[np.float16], NDArray[np.float16]]] = []
        for folder in folders:
            self._add(folder)
        self.width = self._places[0][0].shape[1]

    def _add(self, folder: Path) -> None:
        try:
            about = json.loads((folder / _ABOUT).read_text("utf-8"))
            rows = [json.loads(line) for line in (folder / _INDEX).read_text("utf-8").splitlines()]
        except (OSError, ValueError) as error:
            raise TrainingError(f"There are no states in {folder}.", "Run medtalk-train features.") from error
        known = {u.id: u for u in Corpus(Path(about["corpus"])).items} if about["corpus"] else {}
        values = np.memmap(folder / _STATES, np.float16, "r").reshape(-1, about["width"])
        voices = np.memmap(folder / _PROSODY, np.float16, "r").reshape(-1, prosody.N_PROSODY)
        state = frame = 0
        for row in rows:
            self.utterances.append(known[row["id"]] if known else _nonspeech(row))
            self._places.append((values[state : state + row["states"]], voices[frame : frame + row["frames"]]))
            state, frame = state + row["states"], frame + row["frames"]

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> Hearing:
        values, voice = self._places[index]
        return Hearing(self.utterances[index], values, np.asarray(voice, np.float32))

    def split(self, name: str) -> list[int]:
        """Indices of the clips of "train" or "held"."""
        return [i for i, u in enumerate(self.utterances) if u.split == name]


def extract(
    corpus: Path | None,
    whisper: WhisperLayers,
    folder: Path,
    seed: int = 0,
    progress: bool = True,
    key: str = "",
    nonspeech: int = 0,
) -> Path:
    """Write the states of all utterances of a corpus, or without one of `nonspeech` sounds in which nobody speaks.

    Args:
        whisper: frozen layers.
        folder: where to; states that are there are kept if they were made of the same.
        key: of the weights of `whisper`.

    Returns:
        The folder, ready for `States`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = Corpus(corpus) if corpus else None
    about = {"corpus": str(corpus.resolve()) if corpus else None, "nonspeech": nonspeech, "whisper": key, "seed": seed,
             "width": 2 * whisper.positions.shape[1],
             "index": sha256_file(corpus / "index.jsonl") if corpus else None}  # fmt: skip
    done = _resume(folder, about)
    with (
        (folder / _INDEX).open("a", encoding="utf-8") as index,
        (folder / _STATES).open("ab") as values,
        (folder / _PROSODY).open("ab") as voices,
    ):
        for place in _progress(len(source) if source else nonspeech, done, progress):
            rng = np.random.default_rng((seed, place))
            if source is None:
                samples = augment.nonspeech(rng, int(rng.uniform(2.0, 6.0) * RATE))
                row = {"id": place, "split": "held" if place % 10 == 0 else "train"}
            else:
                utterance = source.items[place]
                samples, row = source.audio(utterance), {"id": utterance.id}
                if utterance.split == "train" and rng.random() >= _CLEAN:
                    samples = augment.sound(samples, rng, partial(_babble, source, rng))
            heard = states(whisper, samples).astype(np.float16)
            voice = prosody.prosody((samples * 10.0 ** (rng.normal(0.0, _LEVEL_DB) / 20.0)).astype(np.float32))
            values.write(heard.tobytes())
            voices.write(voice.astype(np.float16).tobytes())
            values.flush()  # numbers first: an index line always has them
            voices.flush()
            index.write(json.dumps({**row, "states": len(heard), "frames": len(voice)}) + "\n")
            index.flush()
    return folder


@torch.inference_mode()
def states(whisper: WhisperLayers, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """(S, 2 width) states of a clip, 50 a second, windowed as at run time."""
    return listening.listen(samples, lambda mel: (whisper(torch.from_numpy(mel)[None])[0].numpy(),), listening.FPS)[0]


def frame_classes(phones: Sequence[tuple[float, float, int]], count: int, rate: int = FPS) -> NDArray[np.int64]:
    """(count,) the phone class at each frame's time, `rate` frames a second."""
    starts = np.array([start for start, _, _ in phones])
    kinds = np.array([kind for _, _, kind in phones], np.int64)
    return kinds[np.maximum(np.searchsorted(starts, np.arange(count) / rate + 1e-9, side="right") - 1, 0)]


def _babble(corpus: Corpus, rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    return np.resize(corpus.audio(int(rng.integers(len(corpus)))), count)


def _nonspeech(row: Mapping[str, Any]) -> Utterance:
    samples = -(-row["frames"] * RATE // FPS)
    span = (0.0, samples / RATE, PHONE_INDEX[SILENCE])
    return Utterance(row["id"], NONSPEECH, NONSPEECH, "", row["split"], "", 0, samples, (span,))


def _resume(folder: Path, about: dict[str, Any]) -> int:
    """The number of clips that exist already; a torn end is cut off, states of something else are thrown away."""
    meta, index = folder / _ABOUT, folder / _INDEX
    if not meta.exists() or json.loads(meta.read_text("utf-8")) != about:
        for name in (_INDEX, _STATES, _PROSODY):
            (folder / name).write_bytes(b"")
        write_atomic(meta, lambda to: to.write_text(json.dumps(about, indent=1), "utf-8"))
        return 0
    whole = [line for line in index.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]
    index.write_text("".join(whole), "utf-8")
    rows = [json.loads(line) for line in whole]
    for name, count, width in ((_STATES, "states", about["width"]), (_PROSODY, "frames", prosody.N_PROSODY)):
        with (folder / name).open("r+b") as raw:
            raw.truncate(sum(row[count] for row in rows) * width * 2)
    return len(rows)


def _progress(count: int, done: int, shown: bool) -> Iterator[int]:
    from rich.progress import track

    for number in track(range(done, count), "states", disable=not shown):
        yield number
        if (number + 1) % 500 == 0:
            log.info("states of %d of %d clips", number + 1, count)
