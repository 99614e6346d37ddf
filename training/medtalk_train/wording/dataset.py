"""Batches of descriptions as tokens; texts of one length share a batch, so that none is padded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from medtalk.features.meanings import PARTS, Meanings
from medtalk.features.words import NO_WORDS, PIECES, split, tokenise
from medtalk_train.wording.grammar import Grammar
from medtalk_train.wording.held_out import DESCRIBED, JUDGED, LATER, NEGATED
from medtalk_train.wording.phrases import CODES, Phrases


class Batch(NamedTuple):
    """Texts of equally many words."""

    tokens: NDArray[np.int64]  # (B, N, 8), or (B, N, 10) with meanings
    weights: NDArray[np.float32]  # (B, 7)
    strength: NDArray[np.float32]  # (B,)


@lru_cache(maxsize=1 << 16)
def _word(word: str) -> NDArray[np.int64]:
    return tokenise(word)


def tokens(words: list[str], meanings: Meanings | None = None) -> NDArray[np.int64]:
    """What `tokenise` gives for the text that these words of `split` came from, sooner."""
    ids = np.concatenate([_word(word) for word in words]) if words else NO_WORDS
    return np.concatenate([ids, meanings.rows(words)], axis=1) if meanings else ids


FORBIDDEN = frozenset(
    tuple(split(text))
    for text in [*(each.text for each in (*DESCRIBED, *LATER, *JUDGED)), *(each.denied for each in NEGATED)]
    if len(split(text)) > 1  # a label's own name has to be learned
)
"""The held-out texts word by word: a sentence that the grammar makes by chance is left out if it is one of them."""


Drawn = tuple[list[str], tuple[float, ...], float]
"""A description as words, weights, strength."""
SHARES = {"": 0.24, "plain": 0.08, "en": 0.24, **dict.fromkeys(CODES, 0.44 / len(CODES))}
"""Of the descriptions: of the English grammar, of what shows nothing in it, of each book of phrases."""


def draw(grammar: Grammar, count: int, rng: np.random.Generator, phrases: bool = False) -> list[Drawn]:
    """So many descriptions; none is a held-out one. With `phrases` from all books."""
    out = []
    books = {code: Phrases(code) for code in ("en", *CODES)} if phrases else {}
    names, shares = list(SHARES), np.cumsum(list(SHARES.values()))
    while len(out) < count:
        code = names[int(np.searchsorted(shares, rng.random() * shares[-1]))] if phrases else ""
        if code == "plain":
            text, weights, strength = grammar.unfelt(rng)
        elif code:
            text, weights, strength = books[code].draw(rng)
        else:
            text, weights, strength = (example := grammar.draw(rng)).text, example.weights, example.strength
        words = split(text)
        if tuple(words) not in FORBIDDEN:
            out.append((words, weights, strength))
    return out


def batches(
    drawn: Sequence[Drawn], ids: Sequence[NDArray[np.int64]], size: int, rng: np.random.Generator
) -> Iterator[Batch]:
    """Descriptions with the tokens of each in batches, in random order."""
    by_length: dict[int, list[int]] = {}
    for i, rows in enumerate(ids):
        by_length.setdefault(len(rows), []).append(i)
    groups = [places[at : at + size] for places in by_length.values() for at in range(0, len(places), size)]
    for group in (groups[i] for i in rng.permutation(len(groups))):
        yield Batch(
            np.stack([ids[i] for i in group]),
            np.array([drawn[i][1] for i in group], np.float32),
            np.array([drawn[i][2] for i in group], np.float32),
        )


def weaken(batch: NDArray[np.int64], share: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Drops so many of the pieces, and as many whole words' own ones: forms never met lack these, too.

    Of a word with a meaning all pieces are dropped twice as often, and at times the meaning: either has to do alone.
    """
    lost = rng.random(batch.shape) < share
    lost[..., 0] |= rng.random(batch.shape[:-1]) < share
    lost[..., 1] &= rng.random(batch.shape[:-1]) < 0.5  # something is left
    if batch.shape[-1] == PIECES + PARTS:
        chance = rng.random(batch.shape[:-1])
        lost[..., PIECES:] = (chance < 0.5 * share)[..., None]
        lost[..., :PIECES] |= ((chance > 1.0 - 2.0 * share) & (batch[..., PIECES] > 0))[..., None]
    return np.where(lost, 0, batch)
