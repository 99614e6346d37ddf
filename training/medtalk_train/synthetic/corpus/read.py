"""Reads a corpus that `write.fill` wrote, or is still writing.

FOLDER/audio.i16 holds all sound (raw little-endian int16, mono, 16 kHz), FOLDER/index.jsonl one line an utterance.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medtalk.errors import TrainingError
from medtalk.rates import FPS, RATE
from medtalk_train.synthetic.corpus.phones import Span


@dataclass(frozen=True)
class Utterance:
    """One line of the index.

    ``start`` and ``samples`` count samples in audio.i16; ``phones`` are (start s, end s, class), contiguous from 0 to
    the end; ``split`` is "train" or, for voices that training never hears, "held".
    """

    id: int
    engine: str
    voice: str
    language: str
    split: str
    text: str
    start: int
    samples: int
    phones: tuple[Span, ...]

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return self.samples / RATE

    @property
    def frames(self) -> int:
        """Rig frames at 60 a second, as `medtalk.audio.frame_count` counts them."""
        return self.samples * FPS // RATE


class Corpus:
    """A corpus on disk, its sound mapped into memory. A torn last line, as left by a cut run, is not seen.

    Raises TrainingError where the folder holds no corpus.
    """

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        index, audio = self.folder / "index.jsonl", self.folder / "audio.i16"
        if not index.exists() or not audio.exists():
            raise TrainingError(f"{self.folder} holds no corpus.", "Make one: medtalk-train corpus")
        self.items: list[Utterance] = []
        total = audio.stat().st_size // 2
        for line in index.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            try:
                row = json.loads(line)
                phones = tuple((float(a), float(b), int(c)) for a, b, c in row.pop("phones"))
                item = Utterance(**row, phones=phones)
            except (ValueError, TypeError, KeyError) as error:
                raise TrainingError(f"Line {len(self.items) + 1} of {index} is damaged: {error}.") from error
            if item.start + item.samples > total:
                break
            self.items.append(item)
        if not self.items:
            raise TrainingError(f"The corpus in {self.folder} is empty.", "Make one: medtalk-train corpus")
        self._audio = np.memmap(audio, dtype="<i2", mode="r", shape=(total,))

    def __len__(self) -> int:
        return len(self.items)

    def audio(self, item: Utterance | int) -> np.ndarray:
        """Sound of an utterance, or of the one at that place in ``items``: float32 (n,) at 16 kHz within -1 to 1."""
        if isinstance(item, int):
            item = self.items[item]
        return self._audio[item.start : item.start + item.samples].astype(np.float32) / 32768.0

    def split(self, name: str) -> list[Utterance]:
        """The utterances of split "train" or "held"."""
        if name not in ("train", "held"):
            raise TrainingError(f"Split {name!r} is unknown; valid are train, held.")
        return [item for item in self.items if item.split == name]

    def by_language(self, split: str | None = None) -> dict[str, list[Utterance]]:
        """The utterances of a split, or all, by the language of their text; languages in order of their names."""
        found: dict[str, list[Utterance]] = {}
        for item in self.items if split is None else self.split(split):
            found.setdefault(item.language, []).append(item)
        return dict(sorted(found.items()))
