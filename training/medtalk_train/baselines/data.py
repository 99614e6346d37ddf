"""What the baselines learn from: passages of the sentences that MEDTalk's stage 3 sees, and what validates it.

Two inputs that only MEDTalk has are left out: the random scale of its intensity, and the shares of its
label's kinds of face. What remains is the face that the evaluation takes for the truth.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from medtalk.guidance import LABELS
from medtalk.rig.channels import N_CHANNELS
from medtalk_train.captured.batches import Grid, Recorded, WholeTakes
from medtalk_train.captured.ground import CapturedGround
from medtalk_train.stages.batches import Draw, SentenceBatch, stack
from medtalk_train.stages.ground import CLIPS, Ground
from medtalk_train.synthetic.batches import Sentences, SpokenScript
from medtalk_train.synthetic.ground import SyntheticGround
from medtalk_train.synthetic.teacher.emotion import compose

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

WATCHED = 24
"""Sentences of the validation, by which a training ends early."""
_FEW = 4  # sentences, too few to stop anything by
_TENTH = 10


class Clips(NamedTuple):
    """Passages of up to L frames, padded with 0 where a sentence is shorter than others."""

    content: Tensor  # (B, L, F) what is said: features, and phone posteriors where there are any
    emotion: Tensor  # (B, L, E) how it sounds
    label: Tensor  # (B, 7) one-hot
    rig: Tensor  # (B, L, 174)
    mask: Tensor  # (B, L) 1 for real frames


class Exchange(NamedTuple):
    """Two passages side by side (the first axis), and what each would be with the emotion of the other."""

    content: Tensor  # (2, B, L, F)
    emotion: Tensor  # (2, B, L, E)
    label: Tensor  # (2, B, 7)
    own: Tensor  # (2, B, L, 174) content k in emotion k
    crossed: Tensor  # (2, B, L, 174) content k in emotion 1 - k


@dataclass(frozen=True)
class Passages:
    """A passage of so many frames out of each sentence of a draw, anywhere in it."""

    draw: Draw
    frames: int

    def __call__(self, rng: np.random.Generator) -> Clips:
        return passages(self.draw(rng), self.frames, rng)


def passages(batch: SentenceBatch, frames: int, rng: np.random.Generator) -> Clips:
    """`Clips` of so many frames out of whole sentences, fewer where all of these are shorter."""
    frames = min(frames, batch.mask.shape[1])
    firsts = [int(rng.integers(0, max(int(length) - frames, 0) + 1)) for length in batch.lengths]

    def cut(values: Tensor) -> Tensor:
        rows = [row[first : first + frames] for row, first in zip(values, firsts, strict=True)]
        return torch.stack([F.pad(row, (0, 0, 0, frames - len(row))) for row in rows])

    return Clips(
        cut(torch.cat([batch.content, batch.posteriors], dim=-1)),
        cut(batch.emotion_features),
        F.one_hot(batch.label.long(), len(LABELS)).float(),
        cut(batch.rig),
        cut(batch.mask[..., None])[..., 0],
    )


def filled(clips: Clips, frames: int) -> Clips:
    """The first so many frames of clips, filled up with frames that are not real."""
    content, emotion, rig, mask = (
        F.pad(values[:, :frames], (0, 0, 0, max(frames - values.shape[1], 0)))
        for values in (clips.content, clips.emotion, clips.rig, clips.mask[..., None])
    )
    return Clips(content, emotion, clips.label, rig, mask[..., 0])


def sentences(ground: Ground) -> Draw:
    """Batches of whole sentences to learn from."""
    if isinstance(ground, CapturedGround):
        return _split(ground)[0]
    draw = ground.sentences()
    assert isinstance(draw, Sentences)
    return replace(draw, max_scale=0.0, kinds=False)


def watched(ground: Ground) -> list[SentenceBatch]:
    """Batches of whole sentences for the validation, the same at each call: never learned from, never judged on.

    Of the synthetic ground, sentences beyond the hours that the recipe takes, else held-out voices beyond those of the
    evaluation. Of captured takes, a tenth by name, which these methods then do not learn from. Where there are too few,
    a warning says that the training's own stand in.
    """
    draw = sentences(ground)
    assert isinstance(draw, Sentences | WholeTakes)
    if isinstance(ground, CapturedGround):
        beside: Draw | None = _split(ground)[1]
    else:
        assert isinstance(ground, SyntheticGround) and isinstance(draw, Sentences)
        script = _beside(ground)
        beside = None if script is None else replace(draw, script=script)
    if beside is None:
        log.warning("nothing is left over to stop the training by: sentences that it learns from do")
    batches = max(1, WATCHED // draw.batch)
    return [(beside or draw)(np.random.default_rng((_TENTH, number))) for number in range(batches)]


def exchanges(ground: Ground, batch: int, frames: int) -> Draw | None:
    """Batches of `Exchange`; None where no takes say the same in several emotions.

    Captured takes are aligned as they are, or by their sound (`captured.warp`), as EmoTalk's paper has it.
    """
    if isinstance(ground, SyntheticGround):
        return _Taught(ground.data.spoken, batch, frames)
    assert isinstance(ground, CapturedGround)
    takes = _split(ground)[0].takes
    grids = takes.aligned or takes.warped(ground.data.about["warped"])
    return Aligned(takes, grids, batch, frames) if grids else None


def _beside(ground: SyntheticGround) -> SpokenScript | None:
    states, data = ground.data.states, ground.data
    train = np.random.default_rng(ground.recipe.seed).permutation(states.split("train"))
    spoken = [int(i) for i in train[len(data.spoken) :] if states.utterances[int(i)].text]
    found = spoken or states.split("held")[CLIPS:]
    return SpokenScript(states, data.ear, found[:WATCHED]) if len(found) >= _FEW else None


def _split(ground: CapturedGround) -> tuple[WholeTakes, WholeTakes | None]:
    """The takes to learn from, and those that stop the training; None where there are none of these."""
    draw = ground.sentences()
    assert isinstance(draw, WholeTakes)
    takes = draw.takes
    chosen = [int(hashlib.sha256(row.name.encode()).hexdigest(), 16) % _TENTH == 0 for row in takes.rows]
    if not 0 < sum(chosen) < len(chosen):
        return draw, None
    learned, beside = (
        Recorded(takes.cache, [row for row, k in zip(takes.rows, chosen, strict=True) if k is kept], takes.no_words,
                 takes.described)
        for kept in (False, True)
    )  # fmt: skip
    return replace(draw, takes=learned), replace(draw, takes=beside)


@dataclass(frozen=True)
class _Taught:
    """Two contents with the label and strength of the other: the teacher makes the face of either emotion exactly."""

    script: SpokenScript
    batch: int
    frames: int

    def __call__(self, rng: np.random.Generator) -> Exchange:
        script, frames = self.script, min(self.frames, self.script.frames)
        spans = [[script.window(rng, frames) for _ in range(self.batch)] for _ in range(2)]
        labels = np.stack([rng.choice(len(LABELS), 2, replace=False) for _ in range(self.batch)], axis=1)  # (2, B)

        def faces(other: int) -> Tensor:
            return torch.stack([stack([self._face(spans[k][b], spans[k ^ other][b], int(labels[k ^ other, b]))
                                       for b in range(self.batch)]) for k in range(2)])  # fmt: skip

        def heard(values: NDArray) -> Tensor:
            return torch.stack([stack([values[span] for span in row]) for row in spans])

        posteriors = heard(script.posteriors)
        return Exchange(
            torch.cat([heard(script.content), posteriors], dim=-1),
            torch.cat([heard(script.prosody), posteriors], dim=-1),
            F.one_hot(torch.from_numpy(labels), len(LABELS)).float(),
            faces(0),
            faces(1),
        )

    def _face(self, said: slice, felt: slice, label: int) -> NDArray[np.float32]:
        return compose(self.script.lips[said].astype(np.float32), label, self.script.strength[felt])


@dataclass(frozen=True)
class Aligned:
    """Two contents that takes say in two emotions each, frame by frame."""

    takes: Recorded
    grids: Sequence[Grid]
    batch: int
    frames: int

    def __call__(self, rng: np.random.Generator) -> Exchange:
        pairs = [self.grids[int(rng.integers(len(self.grids)))] for _ in range(self.batch)]
        labels = np.stack([rng.choice(sorted(a.takes.keys() & b.takes.keys()), 2, replace=False) for a, b in pairs])
        lengths = np.array([[content.frames for content in pair] for pair in pairs])  # (B, 2), as `labels`
        frames = min(self.frames, int(lengths.min()))
        firsts = rng.integers(0, lengths - frames + 1)

        def read(column: str, other: int = 0) -> Tensor:
            return torch.stack([
                stack([self.takes.passage(column, pair[k], int(labels[b, k ^ other]), firsts[b, k] + np.arange(frames))
                       for b, pair in enumerate(pairs)])
                for k in range(2)
            ])  # fmt: skip

        label = F.one_hot(torch.from_numpy(labels.T.copy()), len(LABELS)).float()
        return Exchange(read("content"), read("emotion"), label, read("rig"), read("rig", 1))


def scale_of(draw: Draw, batches: int = 8) -> Tensor:
    """Real frames of some batches, (N, 174), that the spread of the channels is taken from."""
    found = [draw(np.random.default_rng((N_CHANNELS, number))) for number in range(batches)]
    return torch.cat([batch.rig[batch.mask > 0] for batch in found])
