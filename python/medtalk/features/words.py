"""Words of a transcript as numbers, without a vocabulary: every word is a set of hashed pieces (numpy only).

A word is looked up as a whole and by its runs of three letters, so that a form never met in training ("terrified")
still shares pieces with one that was ("terrifying"). Any language works; Chinese, Japanese and Korean signs count as
words of their own.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BUCKETS = 4096
"""Ids run from 0 to here: 0 is no piece, 1 the "no words" token, the rest are hashed."""
PIECES = 8
"""Ids a word: the whole word first, then up to seven runs of three letters."""
MAX_WORDS = 512
_NO_WORDS_ID = 1
_FIRST = 2
_SIGNS = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"  # kana, Han, Hangul
# Marks that say how something is said are words too.
_WORD = re.compile(rf"[{_SIGNS}]|(?:(?![{_SIGNS}])[^\W_])+(?:'(?:(?![{_SIGNS}])[^\W_])+)*|[!?]|\.\.\.")

NO_WORDS: NDArray[np.int64] = np.array([[_NO_WORDS_ID] + [0] * (PIECES - 1)], np.int64)
"""The token that stands for unknown words, (1, 8)."""
NO_WORDS.setflags(write=False)


def tokenise(transcript: str, most: int = MAX_WORDS) -> NDArray[np.int64]:
    """Ids of the words of a transcript.

    Returns:
        (N, 8) int64 in 0..4095, one row a word, padded with 0; at most `most` words, later ones are left out.
        A transcript without a word gives `NO_WORDS`.
    """
    words = split(transcript)[:most]
    if not words:
        return NO_WORDS.copy()
    out = np.zeros((len(words), PIECES), np.int64)
    for row, word in enumerate(words):
        pieces = _pieces(word)
        out[row, : len(pieces)] = [_FIRST + zlib.crc32(piece.encode()) % (BUCKETS - _FIRST) for piece in pieces]
    return out


def split(transcript: str) -> list[str]:
    """The words as they are hashed: folded to one case, curly apostrophes straight, ``!``, ``?`` and ``...`` kept."""
    return _WORD.findall(_folded(transcript))


def places(transcript: str) -> list[tuple[int, int]]:
    """Where in the transcript each word of `split` stands: its first character and the one after its last."""
    folded = _folded(transcript)
    begins, ends = [], []  # of each folded sign: folding changes lengths
    for start, end in _clusters(transcript):
        size = len(_folded(transcript[start:end]))
        begins += [start] * size
        ends += [end] * size
    if len(begins) != len(folded):  # some scripts compose signs that are none of them marks
        begins, ends = ([len(transcript) * k // len(folded) for k in range(k, len(folded) + k)] for k in (0, 1))
    return [(begins[match.start()], ends[match.end() - 1]) for match in _WORD.finditer(folded)]


def _clusters(text: str) -> list[tuple[int, int]]:
    """Signs with the marks that combine with them."""
    starts = [at for at, sign in enumerate(text) if at == 0 or not unicodedata.combining(sign)]
    return list(itertools.pairwise([*starts, len(text)]))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")


def _pieces(word: str) -> list[str]:
    runs = [f"<{word}>"[i : i + 3] for i in range(len(word))]
    if len(runs) > PIECES - 1:  # of a long word its beginning (stem) and its end
        runs = runs[:4] + runs[-3:]
    return [f"={word}", *runs]
