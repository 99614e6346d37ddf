"""Batches of descriptions as tokens; texts of one length share a batch, so that none is padded."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from medtalk.features.words import NO_WORDS, PIECES, split, tokenise
from medtalk_train.wording.grammar import Grammar
from medtalk_train.wording.held_out import DESCRIBED, LATER, NEGATED


class Batch(NamedTuple):
    """Texts of equally many words."""

    tokens: NDArray[np.int64]  # (B, N, 8)
    weights: NDArray[np.float32]  # (B, 7)
    strength: NDArray[np.float32]  # (B,)


@lru_cache(maxsize=1 << 16)
def _word(word: str) -> NDArray[np.int64]:
    return tokenise(word)


def tokens(words: list[str]) -> NDArray[np.int64]:
    """What `tokenise` gives for the text that these words of `split` came from, sooner."""
    return np.concatenate([_word(word) for word in words]) if words else NO_WORDS


FORBIDDEN = frozenset(
    tuple(split(text))
    for text in [*(each.text for each in (*DESCRIBED, *LATER)), *(each.denied for each in NEGATED)]
    if len(split(text)) > 1  # a label's own name has to be learned
)
"""The held-out texts word by word: a sentence that the grammar makes by chance is left out if it is one of them."""


def draw(grammar: Grammar, count: int, rng: np.random.Generator) -> list[tuple[list[str], tuple[float, ...], float]]:
    """So many descriptions as words, weights, strength; none is a held-out one."""
    out = []
    while len(out) < count:
        example = grammar.draw(rng)
        words = split(example.text)
        if tuple(words) not in FORBIDDEN:
            out.append((words, example.weights, example.strength))
    return out


def batches(grammar: Grammar, count: int, size: int, rng: np.random.Generator) -> Iterator[Batch]:
    """About so many new descriptions in batches, in random order."""
    by_length: dict[int, list[int]] = {}
    drawn = draw(grammar, count, rng)
    for i, (words, _, _) in enumerate(drawn):
        by_length.setdefault(max(len(words), 1), []).append(i)
    groups = [places[at : at + size] for places in by_length.values() for at in range(0, len(places), size)]
    for group in (groups[i] for i in rng.permutation(len(groups))):
        yield Batch(
            np.stack([tokens(drawn[i][0]) for i in group]),
            np.array([drawn[i][1] for i in group], np.float32),
            np.array([drawn[i][2] for i in group], np.float32),
        )


def weaken(batch: NDArray[np.int64], share: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Drops so many of the pieces, and as many whole words' own ones: forms never met lack these, too."""
    lost = rng.random(batch.shape) < share
    lost[..., 0] |= rng.random(batch.shape[:-1]) < share
    lost[..., 1] &= batch.shape[-1] == PIECES and rng.random(batch.shape[:-1]) < 0.5  # something is left
    return np.where(lost, 0, batch)
