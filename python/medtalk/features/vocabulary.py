"""The words that a bundle's text encoder knows, and what of a description it can therefore not have understood.

The encoder answers anything: of words that it never met it guesses, from their letters. So a description in another
language is not left to it, nor one that names no feeling, face or gesture and is mostly of words that it never met.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple

from medtalk.features.languages import foreign
from medtalk.features.pronunciation import MAX_LETTERS, pronounce
from medtalk.features.words import MAX_WORDS, split

_SHOWN, _LISTED = 60, 5  # characters of a text, and unknown words, that a note shows
_STEM, _SLIP = 4, 5  # letters from which on a word may be a form of another, and be meant where a slip was typed
_WITH_Y = re.compile(r"(?:iness|ily|ied|ies|iest|ier)$")
_ENDING = re.compile(r"(?:ness|less|fully|ful|ingly|edly|ically|ly|ing|ed|est|ers?|es|ish|'s|s|e)$")

_Kind = Literal["feeling", "other", "plain"]


class Reading(NamedTuple):
    """A description as the encoder reads it."""

    text: str
    """The text to read; "" where it would understand nothing, and a neutral face is the answer."""
    note: str = ""
    """One line for the user on what was not understood, and on what was taken instead; "" for nothing worth saying."""


class Vocabulary:
    """The words of an encoder's training, as `medtalk.features.words.split` folds them.

    Args:
        feelings: each names a feeling, or a face, gesture or part of the face that shows one.
        others: other words that express one, in a phrase.
        plain: words of grammar and everyday words, which express none.
    """

    def __init__(self, feelings: Collection[str], others: Iterable[str], plain: Iterable[str]) -> None:
        kinds: tuple[tuple[_Kind, Iterable[str]], ...] = (("plain", plain), ("other", others), ("feeling", feelings))
        self._exact: dict[str, _Kind] = {word: kind for kind, words in kinds for word in words}
        self._forms: dict[str, _Kind] = {_stem(word): kind for word, kind in self._exact.items()}
        self._slips: dict[str, str] = {
            form: word for word in feelings if len(word) >= _SLIP for form in _shortened(word)
        }

    def read(self, text: str) -> Reading:
        """A description as the encoder is to read it, slips of the keyboard mended."""
        tokens = split(text)[:MAX_WORDS]
        words = [word for word in tokens if word[0].isalpha()]
        language, spoken = foreign(words)
        english = sum(word in self._exact for word in words)
        names = {word.casefold() for word in re.findall(r"\w+", text) if word[0].isupper()}
        never = [word for word in dict.fromkeys(words) if not self._kind(word) and not _listed(word)]
        meant = {word: self._meant(word) for word in never if word not in names or word == words[0]}
        kinds = [self._kind(meant.get(word, word)) for word in words]
        feelings, others, unknown = (kinds.count(kind) for kind in ("feeling", "other", None))
        if spoken > english or (spoken == english > 0 and not feelings):
            seems = f"seems to be {language}" if language else "does not seem to be English"
            return Reading("", f"The description {seems}; descriptions are understood in English only. {_TAKEN}")
        strange = [word for word in never if meant.get(word, word) == word]
        if not words or (not feelings and unknown + len(strange) > 2 * others):
            shown = " ".join(text.split())
            shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
            return Reading("", f'Nothing in "{shown}" names a feeling that MEDTalk knows. {_TAKEN}')
        mended = {word: right for word, right in meant.items() if word != right}
        notes = [f'"{word}" is read as "{right}".' for word, right in mended.items()][:_LISTED]
        # Beside a word for a feeling, names and other words of English are not worth a note, nor a few of any kind.
        strange = [word for word in strange if word not in names]
        if len(strange) >= max(feelings + others, 1):
            listed = ", ".join(f'"{word[:_SHOWN]}"' for word in strange[:_LISTED])
            notes.append(f"Not understood in the description: {listed}.")
        return Reading(" ".join(mended.get(word, word) for word in tokens) if mended else text, " ".join(notes))

    def _kind(self, word: str) -> _Kind | None:
        """Of a word or a form of it; None of one that is not known."""
        stem = _stem(word) if len(word) >= _STEM else word
        return self._exact.get(word) or self._exact.get(stem) or self._forms.get(stem)

    def _meant(self, word: str) -> str:
        """The word for a feeling that is one slip of the keyboard away, else the same."""
        shortened = _shortened(word) if _STEM <= len(word) <= MAX_LETTERS else []
        return next((self._slips[form] for form in shortened if form in self._slips), word)


_TAKEN = "It is treated as neutral."


def _stem(word: str) -> str:
    """The stem that the forms of a word share, roughly: of "terrified", "terrifying", "terrifies"."""
    word = _WITH_Y.sub("y", word)
    for _ in range(2):
        short = _ENDING.sub("", word)
        if len(short) < 3:
            break
        word = _WITH_Y.sub("y", short)
    return word[:-1] if word[-2:-1] == word[-1:] else word


def _shortened(word: str) -> list[str]:
    """The word, and what is left of it without one letter but the first; words one slip apart share one of these."""
    return [word, *(word[:at] + word[at + 1 :] for at in range(1, len(word)))]


def _listed(word: str) -> bool:
    """Whether the English dictionary has it."""
    return all(part.known for part in pronounce(word))
