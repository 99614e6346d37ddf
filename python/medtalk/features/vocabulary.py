"""The words that a bundle's text encoder knows, and what of a description it can therefore not have understood.

The encoder answers anything: of words that it never met it guesses, from their letters. So a description in a language
that it has not learned is not left to it, nor one that is mostly of words that nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Literal, NamedTuple

from medtalk.features.languages import votes
from medtalk.features.meanings import Meanings
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
    doubt: str = ""
    """The same line for a text without a word for a feeling: said if the encoder finds none in the whole, either."""
    named: bool = True
    """Whether a word of it names a feeling, or a face or gesture that shows one."""


class Vocabulary:
    """The words of an encoder's training, as `medtalk.features.words.split` folds them.

    Args:
        feelings: each names a feeling, or a face, gesture or part of the face that shows one.
        others: other words that express one, in a phrase.
        plain: words of grammar and everyday words, which express none.
        languages: the same three kinds of other languages that it understands, each as words with spaces between.
        meanings: the words of the encoder's table of meanings, with spaces between.
    """

    def __init__(
        self,
        feelings: Collection[str],
        others: Iterable[str],
        plain: Iterable[str],
        languages: Mapping[str, Mapping[str, str]] | None = None,
        meanings: str = "",
    ) -> None:
        self._exact = _kinds(feelings, others, plain)
        self._forms: dict[str, _Kind] = {stem(word): kind for word, kind in self._exact.items()}
        self._slips: dict[str, str] = {
            form: word for word in feelings if len(word) >= _SLIP for form in _shortened(word)
        }
        self._languages = {
            name: _with_stems(_kinds(*(groups[kind].split() for kind in ("feelings", "others", "plain"))))
            for name, groups in (languages or {}).items()
        }
        self.meanings = Meanings(meanings.split()) if meanings else None
        """Of the encoder; None of one that was made before there were any."""

    def read(self, text: str) -> Reading:
        """A description as the encoder is to read it, slips of the keyboard mended."""
        tokens = split(text)[:MAX_WORDS]
        words = [word for word in tokens if word[0].isalpha()]
        names = {word.casefold() for word in re.findall(r"\w+", text) if word[0].isupper()}
        language, unknown_language = self._language(words)
        if unknown_language is not None:
            return Reading("", f"{self._foreign(unknown_language)} {_TAKEN}")
        if language:
            return self._read_foreign(text, words, language)
        never = [word for word in dict.fromkeys(words) if not self._kind(word) and not _listed(word)]
        meant = {word: self._meant(word) for word in never if word not in names or word == words[0]}
        kinds = [self._kind(meant.get(word, word)) for word in words]
        feelings, others, unknown = (kinds.count(kind) for kind in ("feeling", "other", None))
        strange = [word for word in never if meant.get(word, word) == word and not self._elsewhere(word)]
        doubt = ""
        if not words or (not feelings and unknown + len(strange) > 2 * others):
            doubt = _nothing(text)
            if not self.meanings or 2 * sum(not self._met(word) for word in strange) >= len(set(words)):
                return Reading("", doubt)
        mended = {word: right for word, right in meant.items() if word != right}
        notes = [f'"{word}" is read as "{right}".' for word, right in mended.items()][:_LISTED]
        # Beside a word for a feeling, names and other words of English are not worth a note, nor a few of any kind.
        strange = [word for word in strange if word not in names]
        if len(strange) >= max(feelings + others, 1) and not doubt:
            listed = ", ".join(f'"{word[:_SHOWN]}"' for word in strange[:_LISTED])
            notes.append(f"Not understood in the description: {listed}.")
        return Reading(
            " ".join(mended.get(word, word) for word in tokens) if mended else text,
            " ".join(notes),
            doubt,
            feelings > 0,
        )

    def _read_foreign(self, text: str, words: list[str], language: str) -> Reading:
        """A description in a language other than English that the encoder knows."""
        known = self._languages[language]
        kinds = [_form(word, known) for word in words]
        met = sum(bool(kind) or self._met(word) for word, kind in zip(words, kinds, strict=True))
        clear = "feeling" in kinds or "other" in kinds or 2 * met > len(words)
        return Reading(text, "", "" if clear else _nothing(text), "feeling" in kinds)

    def _language(self, words: list[str]) -> tuple[str, str | None]:
        """The language that it understands, "" for English; and one that it does not, "" for any, None for none."""
        spoken = votes(words)
        known = {
            name: sum(
                word in kinds or name in votes([word]) or bool(_form(word, kinds) and not _listed(word))
                for word in words
            )
            for name, kinds in self._languages.items()
        }
        english = sum(word in self._exact for word in words)
        feelings = any(self._kind(word) == "feeling" for word in words)
        best = max(known, key=known.__getitem__, default="")
        strange, most = next(((name, n) for name, n in spoken.most_common() if name not in known), ("", 0))
        rivals = [name for name, n in spoken.items() if n == most and name not in known]
        understood = max(known.get(best, 0), english)
        if most > understood or (most == understood == english > 0 and not feelings and not known):
            return "", strange if len(rivals) == 1 else ""
        more = known.get(best, 0) > english or (known.get(best, 0) == english > 0 and not feelings)
        # words that English shares, such as "a", speak for no other language where the rest are English
        return (best if more and (2 * known[best] > len(words) or not all(map(_listed, words))) else ""), None

    def _foreign(self, language: str) -> str:
        """What is said of a language that it does not understand."""
        names = ["English", *self._languages]
        if len(names) == 1:
            seems = f"seems to be {language}" if language else "does not seem to be English"
            return f"The description {seems}; descriptions are understood in English only."
        seems = f"The description seems to be {language}" if language else "The language of the description is unknown"
        return f"{seems}; understood are {', '.join(names[:-1])} and {names[-1]}."

    def _elsewhere(self, word: str) -> bool:
        """Whether another language that it understands has it."""
        return any(word in kinds for kinds in self._languages.values())

    def _met(self, word: str) -> bool:
        """Whether the English dictionary or the table of meanings has it."""
        return _listed(word) or (len(word) > 2 and bool(self.meanings and word in self.meanings))

    def _kind(self, word: str) -> _Kind | None:
        """Of a word or a form of it; None of one that is not known."""
        short = stem(word) if len(word) >= _STEM else word
        return self._exact.get(word) or self._exact.get(short) or self._forms.get(short)

    def _meant(self, word: str) -> str:
        """The word for a feeling that is one slip of the keyboard away, else the same."""
        shortened = _shortened(word) if _STEM <= len(word) <= MAX_LETTERS else []
        return next((self._slips[form] for form in shortened if form in self._slips), word)


def _with_stems(kinds: dict[str, _Kind]) -> dict[str, _Kind]:
    """With what is left of longer words without their ending, after a sign that no word has."""
    stems: dict[str, _Kind] = {
        f"<{word[:-cut]}": kind for word, kind in kinds.items() for cut in (1, 2) if len(word) - cut >= _STEM
    }
    return stems | kinds


def _form(word: str, kinds: Mapping[str, _Kind]) -> _Kind | None:
    """The kind of a word of another language, or of one that differs in its ending."""
    stems = (f"<{word[:end]}" for end in range(len(word), max(len(word) - 3, _STEM - 1), -1))
    return kinds.get(word) or next((kinds[stem] for stem in stems if stem in kinds), None)


_TAKEN = "It is treated as neutral."


def _nothing(text: str) -> str:
    shown = " ".join(text.split())
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    return f'Nothing in "{shown}" names a feeling that MEDTalk knows. {_TAKEN}'


def _kinds(feelings: Iterable[str], others: Iterable[str], plain: Iterable[str]) -> dict[str, _Kind]:
    kinds: tuple[tuple[_Kind, Iterable[str]], ...] = (("plain", plain), ("other", others), ("feeling", feelings))
    return {word: kind for kind, words in kinds for word in words}


def stem(word: str) -> str:
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
