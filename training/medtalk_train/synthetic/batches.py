"""Batches of stages 1 to 3: the teacher's rigs, drawn as they are needed, beside the frozen features of the sound.

The lips of all sentences lie strung together in memory; the emotion is laid over a window when it is drawn, so no
label, strength or speaker is ever met twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from medtalk.errors import TrainingError
from medtalk.features.alignment import token_times
from medtalk.features.phones import N_PHONES
from medtalk.features.prosody import at_level, effort
from medtalk.features.words import NO_WORDS, tokenise
from medtalk.guidance import LABELS
from medtalk.rates import FPS, RATE
from medtalk.rig.channels import N_CHANNELS
from medtalk_train.stages.batches import BY_LABEL, SentenceBatch, near_in_length, pad, stack
from medtalk_train.synthetic.corpus.spoken import spoken
from medtalk_train.synthetic.teacher.emotion import compose, draw_kinds, strength
from medtalk_train.synthetic.teacher.lips import lip_curves
from medtalk_train.synthetic.teacher.style import Style

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.model.ear import Ear
    from medtalk_train.synthetic.corpus.read import Corpus, Utterance
    from medtalk_train.synthetic.states import States

_EFFORTS = (-2.0, 0.9)  # doublings of the mouth's opening that stage 1 shows, as far as voices go
_LEVELS_DB = (-20.0, 10.0)  # around which sentences are taken to be spoken in stages 2 to 4


class Script:
    """The teacher's lips of many sentences: `lips` (N, 174) float16, sentence k at frames starts[k]:starts[k + 1].

    `efforts` has one vocal effort a sentence, a number or (T,).
    """

    def __init__(self, utterances: Sequence[Utterance], efforts: Sequence[NDArray | float]) -> None:
        if not utterances:
            raise TrainingError(
                "There are no sentences to train on.", "Make a larger corpus, or features of more hours."
            )
        self.texts = [u.text for u in utterances]
        frames = [u.samples * FPS // RATE for u in utterances]
        self.starts = np.concatenate([[0], np.cumsum(frames)])
        self.lips = np.empty((int(self.starts[-1]), N_CHANNELS), np.float16)
        for k, utterance in enumerate(utterances):
            self.lips[self.span(k)] = lip_curves(utterance.phones, frames[k], effort=efforts[k])

    @classmethod
    def of_corpus(cls, corpus: Corpus, hours: float, seed: int = 0, split: str = "train") -> Script:
        """The first so many hours of the training voices, or those held back, in random efforts; their sound is not
        needed."""
        seconds, chosen = 0.0, []
        for utterance in corpus.split(split):
            if seconds >= hours * 3600:
                break
            seconds += utterance.samples / RATE
            chosen.append(utterance)
        rng = np.random.default_rng((seed, len(chosen)))
        return cls(chosen, (2.0 ** rng.uniform(*_EFFORTS, len(chosen))).tolist())

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def frames(self) -> int:
        return len(self.lips)

    def span(self, sentence: int) -> slice:
        """Frames of a sentence."""
        return slice(int(self.starts[sentence]), int(self.starts[sentence + 1]))

    def window(self, rng: np.random.Generator, frames: int) -> slice:
        """A window anywhere. It may span two sentences: they meet in silence, and what learns from windows sees frame
        by frame anyway."""
        frames = min(frames, self.frames)
        first = int(rng.integers(0, self.frames - frames + 1))
        return slice(first, first + frames)


class SpokenScript(Script):
    """A script with what the frozen ear heard: `content` (N, F), `posteriors` (N, 35), `prosody` (N, 16) float16, the
    `phones` (N,) that are spoken, and the teacher's `strength` (N,), the same for all emotions. `word_times` are those
    of each text's tokens, as `medtalk.features.alignment.token_times` gives them, all -1 where they are not known."""

    def __init__(self, states: States, ear: Ear, clips: Iterable[int]) -> None:
        from medtalk_train.synthetic.backbone import heard
        from medtalk_train.synthetic.states import frame_classes

        chosen = [states[i] for i in clips]
        # corpora have one level; the louder a recording, the wider the mouth
        shifts = np.random.default_rng(len(chosen)).uniform(*_LEVELS_DB, len(chosen))
        efforts = [effort(at_level(clip.prosody, shift)) for clip, shift in zip(chosen, shifts, strict=True)]
        super().__init__([clip.utterance for clip in chosen], efforts)
        parts = [heard(ear, clip.states, len(clip.prosody)) for clip in chosen]
        features = np.concatenate([features for features, _ in parts])
        self.content = np.concatenate([features, np.concatenate(efforts)[:, None]], axis=1).astype(np.float16)
        self.posteriors = np.concatenate([posteriors for _, posteriors in parts]).astype(np.float16)
        self.prosody = np.concatenate([clip.prosody for clip in chosen]).astype(np.float16)
        self.phones = np.concatenate([frame_classes(clip.utterance.phones, len(clip.prosody)) for clip in chosen])
        self.word_times: list[NDArray[np.float32]] = []
        strengths = []
        for clip in chosen:
            text, found = clip.utterance.text, spoken(clip.utterance)
            if found is None:
                self.word_times.append(np.full((len(tokenise(text)), 2), -1.0, np.float32))
            else:
                self.word_times.append(token_times(text, found, clip.utterance.seconds))
            strengths.append(strength(clip.prosody, text, words=None if found is None else found.words))
        self.strength = np.concatenate(strengths)
        if len(self.content) != self.frames:
            raise TrainingError("The states do not fit the corpora they name.", "Run medtalk-train features --again.")


@dataclass(frozen=True)
class Grids:
    """Stage 1: two emotions by two contents, (2, 2, B, L, 174).

    `grid[k, j]` is content j in emotion k. An emotion is a label in some mixture of its kinds of face, with a strength
    trajectory and a speaker, so a row of the grid really has one emotion and a column one content, and every exchange
    of Eq. 3 and 4 has an exact target.
    """

    script: Script
    batch: int
    frames: int
    max_strength: float
    lip_gain: float = 0.0

    def __call__(self, rng: np.random.Generator) -> Tensor:
        frames = min(self.frames, self.script.frames)
        out = np.empty((2, 2, self.batch, frames, N_CHANNELS), np.float32)
        for b in range(self.batch):
            lips = [self._lips(rng) for _ in range(2)]
            labels = rng.choice(len(LABELS), size=2, replace=False)
            for k in range(2):
                amount, style = random_strength(rng, frames, self.max_strength), Style.draw(rng)
                kinds = draw_kinds(rng)
                for j in range(2):
                    out[k, j, b] = compose(lips[j], int(labels[k]), amount, style, kinds)
        return torch.from_numpy(out)

    def _lips(self, rng: np.random.Generator) -> NDArray[np.float32]:
        gain = np.float32(1.0 + self.lip_gain * rng.uniform(-1.0, 1.0))
        return self.script.lips[self.script.window(rng, self.frames)].astype(np.float32) * gain


@dataclass(frozen=True)
class Windows:
    """Stage 2: (features of the sound (B, L, F), posteriors (B, L, 35), rig (B, L, 174) in a random emotion)."""

    script: SpokenScript
    batch: int
    frames: int
    max_strength: float
    known_share: float = 0.0
    """Share of windows whose phones are known, as a transcript tells them: nearly certain posteriors."""

    def __call__(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        spans = [self.script.window(rng, self.frames) for _ in range(self.batch)]
        rigs = [
            compose(
                self.script.lips[span].astype(np.float32),
                int(rng.integers(len(LABELS))),
                self.script.strength[span] * rng.uniform(0.0, self.max_strength),
                Style.draw(rng),
                draw_kinds(rng),
            )
            for span in spans
        ]
        return (
            stack([self.script.content[span] for span in spans]),
            stack([self._posteriors(span, rng) for span in spans]),
            stack(rigs),
        )

    def _posteriors(self, span: slice, rng: np.random.Generator) -> NDArray:
        posteriors = self.script.posteriors[span]
        if rng.random() >= self.known_share:
            return posteriors
        sure = rng.uniform(0.8, 1.0)
        return sure * np.eye(N_PHONES, dtype=np.float32)[self.script.phones[span]] + (1.0 - sure) * posteriors


@dataclass(frozen=True)
class Sentences:
    """Stage 3: whole sentences of similar length in random emotions."""

    script: SpokenScript
    batch: int
    longest: int
    """Frames; longer sentences are left out, as a cut one would have words that are not heard."""
    max_scale: float
    """Half of the clips get a scale drawn from 0 to this, the rest 1; 0 turns that off."""
    transcript_dropout: float
    times_dropout: float = 0.3
    """Share of the transcripts that are drawn without the times of their words."""
    styles: bool = False
    kinds: bool = False
    """Faces of random mixtures of a label's kinds; else all of its kinds alike, as one."""

    def __call__(self, rng: np.random.Generator) -> SentenceBatch:
        lengths = np.where([bool(text) for text in self.script.texts], np.diff(self.script.starts), self.longest + 1)
        chosen = near_in_length(lengths, self.longest, self.batch, rng)
        spans, texts = [self.script.span(int(k)) for k in chosen], [self.script.texts[k] for k in chosen]
        count, frames = len(spans), max(span.stop - span.start for span in spans)
        labels = rng.integers(len(LABELS), size=count)
        scale = np.ones(count, np.float32)
        if self.max_scale:
            scale = np.where(rng.random(count) < 0.5, rng.uniform(0.0, self.max_scale, count), 1.0).astype(np.float32)
        lengths = np.array([span.stop - span.start for span in spans])
        rigs, strengths = np.zeros((count, frames, N_CHANNELS), np.float32), np.zeros((count, frames), np.float32)
        kinds = np.stack([draw_kinds(rng) for _ in spans]) if self.kinds else None
        for b, span in enumerate(spans):
            teacher = self.script.strength[span]
            style = Style.draw(rng) if self.styles else Style()
            lips = self.script.lips[span].astype(np.float32)
            own = None if kinds is None else kinds[b]
            rigs[b, : lengths[b]] = compose(lips, int(labels[b]), teacher * scale[b], style, own)
            strengths[b, : lengths[b]] = teacher
        heard = rng.random(count) >= self.transcript_dropout
        timed = rng.random(count) >= self.times_dropout
        words = pad_tokens([tokenise(text) if h else NO_WORDS for text, h in zip(texts, heard, strict=True)])
        word_times = np.full((*words.shape[:2], 2), -1.0, np.float32)
        for b in np.flatnonzero(heard & timed):
            times = self.script.word_times[int(chosen[b])]
            word_times[b, : len(times)] = times
        content, posteriors, prosody = (
            stack(pad([values[span] for span in spans], frames))
            for values in (self.script.content, self.script.posteriors, self.script.prosody)
        )
        return SentenceBatch(
            content=content,
            posteriors=posteriors,
            emotion_features=torch.cat([prosody, posteriors], dim=-1),
            lengths=torch.from_numpy(lengths),
            mask=torch.from_numpy((np.arange(frames) < lengths[:, None]).astype(np.float32)),
            words=words,
            absent=words[..., 0] == 0,
            word_times=torch.from_numpy(word_times),
            label=torch.from_numpy(labels),
            kinds=torch.ones(count, 1) if kinds is None else torch.from_numpy(kinds),
            strength=torch.from_numpy(strengths),
            scale=torch.from_numpy(scale),
            rig=torch.from_numpy(rigs),
            description=torch.zeros(count, 0),
            picture=torch.zeros(count, 0),
            guide=torch.full((count,), BY_LABEL),
        )


def random_strength(rng: np.random.Generator, frames: int, largest: float) -> NDArray[np.float32]:
    """(T,) a smooth trajectory as speech might have it, for faces without sound: 0 to 1.5 times `largest`."""
    knots = frames // 20 + 2  # three a second
    curve = np.interp(np.arange(frames) / 20.0, np.arange(knots), rng.normal(0.0, 0.25, knots))
    return (np.clip(rng.uniform(0.1, 1.2) + curve, 0.0, 1.5) * rng.uniform(0.0, largest)).astype(np.float32)


def channel_spread(script: Script, seed: int, windows: int = 64, frames: int = 128) -> NDArray[np.float32]:
    """(174,) standard deviation of each channel over rigs in all emotions, for `RigLossOptions.standardise`."""
    grids = Grids(script, windows, frames, 1.0)(np.random.default_rng(seed))
    return grids.flatten(0, -2).std(0).numpy()


def pad_tokens(words: Sequence[NDArray[np.int64]]) -> Tensor:
    """Token rows (N_b, 8) of several texts -> (B, N, 8), padded with 0."""
    out = np.zeros((len(words), max(len(w) for w in words), words[0].shape[1]), np.int64)
    for b, tokens in enumerate(words):
        out[b, : len(tokens)] = tokens
    return torch.from_numpy(out)
