"""Words by their meaning: the rows of a table of vectors that a word looks up (numpy only).

A word that the table lacks looks up the longest known beginning of it, and what is left where that is known too:
"traurigsten" is read as "traurig", "Lottogewinn" as "lotto" and "gewinn". Signs of Chinese, Japanese and Korean, which
`words.split` gives one by one, look up the longest known run that they stand in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from medtalk.features.words import split, tokenise

PARTS = 2
"""Rows that a word may look up."""
_SHORTEST, _SHARE = 3, 0.6  # letters of a beginning, and its share of the word
_RUN = 8  # signs


class Meanings:
    """Where the words of a table stand.

    Args:
        words: of the table, in its order; row 0 is none of them, the first word has row 1.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._rows = {word: row for row, word in enumerate(words, 1)}
        self._of = lru_cache(maxsize=1 << 16)(self._parts)

    def rows(self, words: Sequence[str]) -> NDArray[np.int64]:
        """The rows (N, 2) of the words of a text, as `words.split` gives them; 0 for none; (1, 2) of no word."""
        out = np.zeros((max(len(words), 1), PARTS), np.int64)
        at = 0
        while at < len(words):
            run = self._run(words[at : at + _RUN])
            if run > 1:
                out[at : at + run, 0] = self._rows["".join(words[at : at + run])]
            else:
                found = self._of(words[at])
                out[at, : len(found)] = found
            at += run
        return out

    def tokenise(self, text: str) -> NDArray[np.int64]:
        """Ids of the words of a text with their rows, (N, 8 + 2); see `words.tokenise`."""
        ids = tokenise(text)
        return np.concatenate([ids, self.rows(split(text)[: len(ids)])], axis=1)

    def __contains__(self, word: str) -> bool:
        return word in self._rows

    def _run(self, words: Sequence[str]) -> int:
        """How many signs from here on stand in the table as one word, 1 for any other word."""
        signs = next((i for i, word in enumerate(words) if len(word) > 1 or word < "\u3040"), len(words))
        return next((size for size in range(signs, 1, -1) if "".join(words[:size]) in self._rows), 1)

    def _parts(self, word: str) -> tuple[int, ...]:
        if word in self._rows:
            return (self._rows[word],)
        for size in range(len(word) - 1, _SHORTEST - 1, -1):
            if word[:size] not in self._rows:
                continue
            if len(word) - size > _SHORTEST and word[size:] in self._rows:
                return self._rows[word[:size]], self._rows[word[size:]]
            if size >= _SHARE * len(word):
                return (self._rows[word[:size]],)
        return ()
