"""Descriptions in twelve languages from phrase books: whole scenes, sayings and dialogue, and small grammars.

A book is a file of `languages/`. A line is ``HEAD: item; item; ...``; an indented one goes on with the line before.
``LABEL KIND STRENGTH`` heads the entries of a label: `adj` and `noun` go into the frames of that name, `fact` (a scene,
a face, an idiom) and `say` (what the face says) stand alone. ``degree FACTOR`` heads words of degree. In a frame {X} is
the entry; `not` and `without` deny it, `but` says {A} and denies {B}, `and` mixes them. `plain` shows nothing.

The English book has no frames: `grammar.Grammar` knows far more English than these.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import numpy as np

from medtalk.guidance import LABELS
from medtalk_train.wording import english
from medtalk_train.wording.lexicon import one_hot, rows

CODES = ("de", "fr", "es", "it", "pt", "nl", "pl", "ru", "zh", "ja", "ko")
"""Of the languages beside English."""
NAMES = (
    "German", "French", "Spanish", "Italian", "Portuguese", "Dutch", "Polish", "Russian", "Chinese", "Japanese",
    "Korean",
)  # fmt: skip
_SPACELESS = ("zh", "ja")
_NEUTRAL, _SAD, _HAPPY = (LABELS.index(name) for name in ("neutral", "sad", "happy"))

Made = tuple[str, tuple[float, ...], float]
"""A text, weights of the labels, strength."""


@dataclass
class Book:
    """What a file of `languages/` holds."""

    code: str
    entries: dict[tuple[str, str], list[tuple[str, float]]] = field(default_factory=dict)
    """By label and kind: a phrase with its strength."""
    frames: dict[str, list[str]] = field(default_factory=dict)
    degrees: list[tuple[str, float]] = field(default_factory=list)

    def words(self) -> list[str]:
        """Every phrase of it."""
        texts = [text for group in self.entries.values() for text, _ in group]
        frames = [re.sub(r"\{\w\}", " ", frame) for group in self.frames.values() for frame in group]
        return [*texts, *frames, *(word for word, _ in self.degrees)]


@cache
def book(code: str) -> Book:
    """The phrase book of a language."""
    text = files("medtalk_train.wording").joinpath("languages", f"{code}.txt").read_text("utf-8")
    out = Book(code)
    for line in rows("\n".join(line for line in text.splitlines() if not line.startswith("#"))):
        head, _, rest = line.partition(": ")
        items = rest.split("; ")
        match head.split():
            case [label, kind, strength]:
                out.entries.setdefault((label, kind), []).extend((item, float(strength)) for item in items)
            case ["degree", factor]:
                out.degrees += [(item, float(factor)) for item in items]
            case [kind]:
                out.frames[kind] = items
    assert {label for label, _ in out.entries} == set(LABELS), code
    return out


class Phrases:
    """Draws descriptions from one book."""

    def __init__(self, code: str) -> None:
        self._book = book(code)
        self._code = code

    def draw(self, rng: np.random.Generator) -> Made:
        """A random description."""
        made = self._whole(rng) if self._code == "en" else self._drawn(rng)
        text, weights, strength = made
        if rng.random() < 0.3:
            text = text[:1].upper() + text[1:]
        if self._code not in (*_SPACELESS, "ko"):
            if rng.random() < 0.05:
                text = " ".join(english.mistype(word, rng) if rng.random() < 0.25 else word for word in text.split(" "))
            if rng.random() < 0.06:  # typed on a keyboard without the signs
                text = "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))
        chance = rng.random()
        if chance < 0.3:
            text += ("。" if self._code in _SPACELESS else ".") if chance < 0.2 else ("!" if chance < 0.27 else "...")
        return text, weights, strength

    def _whole(self, rng: np.random.Generator) -> Made:
        """Scenes and sayings of English, alone, two at once, or beside something plain."""
        label = LABELS[rng.integers(7)]
        text, strength = self._saying(label, rng)
        if rng.random() < 0.2:
            other, more = self._saying(label, rng)
            joint = (", ", ". ", " and ", ": ")[rng.integers(4)]
            text, strength = f"{text}{joint}{other}", (strength + more) / 2
        elif rng.random() < 0.3:
            frame = _AROUND[rng.integers(len(_AROUND))]
            text = frame.format(text)
        if rng.random() < 0.5:  # the label does not depend on the person
            person = _PEOPLE[rng.integers(len(_PEOPLE))]
            text = re.sub(
                r"\b(he|she|his|her|him|himself|herself)\b", lambda found: person.get(found[1], found[1]), text
            )
        return text, one_hot(label), strength

    def _saying(self, label: str, rng: np.random.Generator) -> tuple[str, float]:
        text, strength = self._entry(label, "say" if rng.random() < 0.28 else "fact", rng)
        return text, strength

    def _drawn(self, rng: np.random.Generator) -> Made:
        label = LABELS[rng.integers(7)]
        chance = rng.random()
        if chance < 0.4:
            return self._framed(label, rng)
        if chance < 0.62:
            text, strength = self._entry(label, "fact", rng)
            if rng.random() < 0.25:
                other, weights, more = self._framed(label, rng)
                text, strength = self._joined(text, other), (strength + more) / 2
            return text, one_hot(label), strength
        if chance < 0.68:
            text, strength = self._entry(label, "say", rng)
            return text + ("!" if rng.random() < 0.5 and label != "neutral" else ""), one_hot(label), strength
        if chance < 0.78:
            return self._denied(label, rng)
        if chance < 0.93:
            return self._two(label, rng)
        plain = self._pick(self._book.frames["plain"], rng)
        if rng.random() < 0.3:
            text, weights, strength = self._framed(label, rng)
            return self._joined(plain, text), weights, strength
        return plain, one_hot("neutral"), 0.9

    def _framed(self, label: str, rng: np.random.Generator) -> Made:
        """An adjective or a noun in a frame, with or without a degree."""
        kind = "adj" if rng.random() < 0.72 else "noun"
        text, strength = self._entry(label, kind, rng)
        if kind == "adj" and rng.random() < 0.45:
            text, strength = self._graded(text, strength, label, rng)
        return self._pick(self._book.frames[kind], rng).replace("{X}", text), one_hot(label), strength

    def _graded(self, text: str, strength: float, label: str, rng: np.random.Generator) -> tuple[str, float]:
        word, factor = self._book.degrees[rng.integers(len(self._book.degrees))]
        gap = "" if self._code in _SPACELESS else " "
        return f"{word}{gap}{text}", strength * (1.0 if label == "neutral" else factor)

    def _denied(self, label: str, rng: np.random.Generator) -> Made:
        """Of an adjective or a noun: neutral; of gladness also somewhat sad."""
        kind, frames = ("adj", "not") if rng.random() < 0.7 else ("noun", "without")
        text, _ = self._entry(label, kind, rng)
        weights = np.zeros(7)
        if label == "neutral":
            return text, one_hot("neutral"), 0.9
        if label == "happy":
            weights[_SAD] = 0.45
        weights[_NEUTRAL] = 1.0 - weights.sum()
        text = self._pick(self._book.frames[frames], rng).replace("{X}", text)
        if rng.random() < 0.25:
            calm, _ = self._entry("neutral", "adj", rng)
            return self._joined(text, calm), one_hot("neutral"), 0.8
        return text, tuple(weights.tolist()), 0.75

    def _two(self, label: str, rng: np.random.Generator) -> Made:
        """One instead of another, or both."""
        other = LABELS[(LABELS.index(label) + int(rng.integers(1, 7))) % 7]
        (a, strength), (b, _) = self._entry(label, "adj", rng), self._entry(other, "adj", rng)
        but = rng.random() < 0.5
        if rng.random() < 0.3:
            a, strength = self._graded(a, strength, label, rng)
        frame = self._pick(self._book.frames["but" if but else "and"], rng)
        share = 0.95 if but else 0.55
        weights = tuple(share * x + (1 - share) * y for x, y in zip(one_hot(label), one_hot(other), strict=True))
        if but:
            weights = one_hot(label)
        return frame.replace("{A}", a).replace("{B}", b), weights, strength

    def _joined(self, one: str, two: str) -> str:
        joint = {"zh": "，", "ja": "、"}.get(self._code, ", ")
        return f"{one}{joint}{two}"

    def _entry(self, label: str, kind: str, rng: np.random.Generator) -> tuple[str, float]:
        return self._pick(self._book.entries[label, kind], rng)

    @staticmethod
    def _pick(things: Sequence, rng: np.random.Generator):
        return things[int(rng.integers(len(things)))]


_AROUND = (
    "as if {}", "imagine: {}", "the moment when {}", "play it like this: {}", "{}, close-up", "scene two: {}",
    "he thinks: {}", "she says: {}", "like someone who thinks {}", "it is the evening and {}", "{}, at last",
    "{}, in front of everyone", "because {}", "now {}", "after a long day, {}", "yesterday {}",
    "just then {}", "{} again",
)  # fmt: skip
_PEOPLE: tuple[dict[str, str], ...] = (
    dict(he="she", his="her", him="her", himself="herself"), dict(she="he", her="his", herself="himself"),
    dict(he="the king", she="the queen"), dict(he="my brother", she="my sister"), dict(he="the old man", she="Anna"),
    dict(he="the boy", she="the girl"), dict(he="the soldier", she="the nurse"), dict(he="Tom", she="Maria"),
    dict(he="I", she="I", his="my", her="my", him="me"), dict(he="the character", she="the character"),
)  # fmt: skip
