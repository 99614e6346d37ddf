"""Batches of the four stages from recorded faces: takes with what the frozen backbones made of them, read off the disk.

They are the batches that `synthetic.batches` draws from the teacher's faces, so the stages do not know which of the two
they learn from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from medtalk.errors import TrainingError
from medtalk.rig.channels import N_CHANNELS
from medtalk_train.captured.aligned import Content, Grid, contents, grids
from medtalk_train.captured.cache import Cache
from medtalk_train.stages.batches import (
    BY_IMAGE,
    BY_LABEL,
    BY_TEXT,
    Draw,
    SentenceBatch,
    near_in_length,
    pad,
    stack,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Row(NamedTuple):
    """A take after its features were computed; of arrays, the names of their files in the cache, "" for none."""

    name: str
    speaker: str
    label: int
    held: bool
    stages: list[int]
    group: str
    frames: int
    content: str
    emotion: str
    rig: str
    transcript: str
    words: str
    description: str
    picture: str

    @property
    def captured(self) -> bool:
        """Whether it has a sound; a face without one was rendered."""
        return bool(self.content)


class Recorded:
    """Some takes, and what all have in common: features of unknown words, and of each label's usual descriptions."""

    def __init__(
        self, cache: Cache, rows: Sequence[Row], no_words: str = "", described: Sequence[Sequence[str]] = ()
    ) -> None:
        if not rows:
            raise TrainingError("There are no takes to train on.", "Hold fewer speakers back.")
        self.cache, self.rows, self.no_words, self.described = cache, list(rows), no_words, described
        self.starts = np.concatenate([[0], np.cumsum([row.frames for row in rows])])

    @property
    def frames(self) -> int:
        return int(self.starts[-1])

    @property
    def pictures(self) -> bool:
        """Whether there is any picture of a face."""
        return any(row.picture for row in self.rows)

    def window(self, rng: np.random.Generator, frames: int) -> list[tuple[int, slice]]:
        """A window anywhere, as (take, frames of it); it may span several takes, as `Script.window` has it."""
        frames = min(frames, self.frames)
        first = int(rng.integers(0, self.frames - frames + 1))
        pieces = []
        for k in range(int(np.searchsorted(self.starts, first, "right")) - 1, len(self.rows)):
            start, end = max(first, self.starts[k]), min(first + frames, self.starts[k + 1])
            if start >= end:
                break
            pieces.append((k, slice(int(start - self.starts[k]), int(end - self.starts[k]))))
        return pieces

    def read(self, column: str, pieces: Sequence[tuple[int, slice]]) -> NDArray[np.float32]:
        """(frames, width) of "content", "emotion" or "rig" over the pieces of a window."""
        parts = [self.cache.open(getattr(self.rows[k], column))[span] for k, span in pieces]
        return np.concatenate(parts).astype(np.float32)

    def face(self, take: int, frames: NDArray[np.integer]) -> NDArray[np.float32]:
        """(len(frames), 174) of a take."""
        return self.cache.open(self.rows[take].rig)[frames].astype(np.float32)

    def passage(self, column: str, content: Content, label: int, frames: NDArray[np.integer]) -> NDArray[np.float32]:
        """(len(frames), width) of "content", "emotion" or "rig" where these frames of a content stand in its take with
        a label."""
        places = content.places.get(label)
        values = self.cache.open(getattr(self.rows[content.takes[label]], column))
        return values[frames if places is None else places[frames]].astype(np.float32)

    def whole(self, column: str, take: int) -> NDArray[np.float32]:
        """(T, width) of a whole take; a take's rig and features have as many frames as the shortest of them."""
        return self.read(column, [(take, slice(0, self.rows[take].frames))])

    @cached_property
    def spread(self) -> NDArray[np.float32]:
        """(174,) standard deviation of each channel."""
        count, total, squares = 0, np.zeros(N_CHANNELS), np.zeros(N_CHANNELS)
        for take in range(len(self.rows)):
            values = self.whole("rig", take).astype(np.float64)
            count, total, squares = count + len(values), total + values.sum(0), squares + np.square(values).sum(0)
        return np.sqrt(np.maximum(squares / count - np.square(total / count), 0.0)).astype(np.float32)

    @cached_property
    def still(self) -> NDArray[np.bool_]:
        """(174,) channels that no face moves from 0."""
        return np.logical_and.reduce([(self.whole("rig", take) == 0.0).all(axis=0) for take in range(len(self.rows))])

    @cached_property
    def aligned(self) -> list[Grid]:
        """Grids of takes that are frame-aligned as they are."""
        return grids(contents((row.speaker, row.group, row.frames, row.label) for row in self.rows))

    def warped(self, sentences: Sequence[Mapping[str, Any]]) -> list[Grid]:
        """Grids of those of these takes that `captured.warp` has aligned."""
        known = {row.name: take for take, row in enumerate(self.rows)}
        found = []
        for sentence in sentences:
            files = {known[name]: file for name, file in sentence["takes"].items() if name in known}
            takes = {self.rows[take].label: take for take in files}
            # a rig may be shorter than its sound
            places = {self.rows[take].label: np.minimum(self.cache.open(file), self.rows[take].frames - 1)
                      for take, file in files.items() if file}  # fmt: skip
            if takes:
                found.append((self.rows[min(files)].speaker, Content(sentence["frames"], takes, places)))
        return grids(found)


def around(length: int, frames: int, rng: np.random.Generator) -> NDArray[np.integer]:
    """A window of so many frames of a take. The networks see frame by frame: a take that is shorter begins again."""
    return (int(rng.integers(length)) + np.arange(frames)) % length


@dataclass(frozen=True)
class AlignedTakes:
    """The grids of stage 1 from takes that say the same in several emotions, frame by frame: as
    `synthetic.batches.Grids`."""

    takes: Recorded
    grids: Sequence[Grid]
    batch: int
    frames: int

    def __call__(self, rng: np.random.Generator) -> Tensor:
        out = np.empty((2, 2, self.batch, self.frames, N_CHANNELS), np.float32)
        for b in range(self.batch):
            contents = self.grids[int(rng.integers(len(self.grids)))]
            labels = rng.choice(sorted(contents[0].takes.keys() & contents[1].takes.keys()), size=2, replace=False)
            for j, content in enumerate(contents):
                at = around(content.frames, self.frames, rng)
                for k, label in enumerate(map(int, labels)):
                    out[k, j, b] = self.takes.passage("rig", content, label, at)
        return torch.from_numpy(out)


@dataclass(frozen=True)
class UnlikeTakes:
    """The pairs of stage 1, (2, B, L, 174): any take, the longer the more often, and another one. That has another
    emotion and another content if any has, else another emotion, else another content."""

    takes: Recorded
    batch: int
    frames: int

    def __call__(self, rng: np.random.Generator) -> Tensor:
        takes = self.takes
        labels = np.array([row.label for row in takes.rows])
        groups = np.array([row.group for row in takes.rows])
        share = np.diff(takes.starts) / takes.frames
        out = np.empty((2, self.batch, self.frames, N_CHANNELS), np.float32)
        for b in range(self.batch):
            one = int(rng.choice(len(takes.rows), p=share))
            others = np.arange(len(labels)) != one
            emotion, content = labels != labels[one], others & ((groups != groups[one]) | (groups == ""))
            choices = (emotion & content, emotion, content, others, ~others)  # the last where there is one take alone
            wanted = next(found for found in choices if found.any())
            other = int(rng.choice(np.flatnonzero(wanted), p=share[wanted] / share[wanted].sum()))
            for k, take in enumerate((one, other)):
                out[k, b] = takes.face(take, around(takes.rows[take].frames, self.frames, rng))
        return torch.from_numpy(out)


@dataclass(frozen=True)
class Passages:
    """Stage 2: (features (B, L, F), no posteriors (B, L, 0), rig (B, L, 174)), as `synthetic.batches.Windows`."""

    takes: Recorded
    batch: int
    frames: int

    def __call__(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        windows = [self.takes.window(rng, self.frames) for _ in range(self.batch)]
        content = stack([self.takes.read("content", pieces) for pieces in windows])
        return content, content[..., :0], stack([self.takes.read("rig", pieces) for pieces in windows])


@dataclass(frozen=True)
class WholeTakes:
    """Stages 3 and 4: whole takes of similar length, as `synthetic.batches.Sentences`."""

    takes: Recorded
    batch: int
    longest: int
    """Frames; longer takes are left out, as a cut one would have words that are not heard."""
    transcript_dropout: float
    guided: bool = False
    """Draw what guides a face (stage 4): a take's picture and its description by turns, whichever there are."""
    by_label: bool = False
    """But then let the labels guide them all."""

    def __call__(self, rng: np.random.Generator) -> SentenceBatch:
        takes = self.takes
        lengths = np.diff(takes.starts)
        chosen = near_in_length(lengths, self.longest, self.batch, rng)
        rows, lengths = [takes.rows[k] for k in chosen], lengths[chosen]
        count, frames = len(rows), int(lengths.max())
        heard = rng.random(count) >= self.transcript_dropout
        words = [takes.cache.open(row.words if h else takes.no_words) for row, h in zip(rows, heard, strict=True)]
        tokens = max(len(w) for w in words)
        content, emotion, rig = (
            stack(pad([takes.whole(column, int(k)) for k in chosen], frames))
            for column in ("content", "emotion", "rig")
        )
        description, picture, guide = self._guides(rows, rng)
        return SentenceBatch(
            content=content,
            posteriors=content[..., :0],
            emotion_features=emotion,
            lengths=torch.from_numpy(lengths),
            mask=torch.from_numpy((np.arange(frames) < lengths[:, None]).astype(np.float32)),
            words=stack(pad(words, tokens)),
            absent=torch.from_numpy(np.arange(tokens) >= np.array([len(w) for w in words])[:, None]),
            word_times=torch.full((count, tokens, 2), -1.0),
            label=torch.tensor([row.label for row in rows]),
            kinds=torch.ones(count, 1),
            strength=torch.zeros(count, frames),
            scale=torch.ones(count),
            rig=rig,
            description=description,
            picture=picture,
            guide=guide,
        )

    def _guides(self, rows: Sequence[Row], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Descriptions (B, G), pictures (B, G) and which of them guides (B,); nothing of it before stage 4."""
        if not self.guided:
            return torch.zeros(len(rows), 0), torch.zeros(len(rows), 0), torch.full((len(rows),), BY_LABEL)
        cache, usual = self.takes.cache, self.takes.described
        texts, pictures, guide = [], [], []
        for row in rows:
            text = row.description or usual[row.label][int(rng.integers(len(usual[row.label])))]
            texts.append(cache.open(text))
            pictures.append(cache.open(row.picture) if row.picture else np.zeros_like(texts[-1]))
            kinds = [BY_TEXT, BY_IMAGE] if row.picture else [BY_TEXT]
            kind = kinds[rng.integers(len(kinds))]
            guide.append(BY_LABEL if self.by_label else kind)
        return stack(texts), stack(pictures), torch.tensor(guide)


@dataclass(frozen=True)
class ByTurns:
    """Stage 4: batches of takes that labels guide, and of takes that anything else guides."""

    labelled: Draw
    guided: Draw
    share: float
    """Of the labelled."""

    def __call__(self, rng: np.random.Generator) -> SentenceBatch:
        return (self.labelled if rng.random() < self.share else self.guided)(rng)
