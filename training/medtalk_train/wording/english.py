"""The little English that the grammar needs: verb forms, agreement, articles, adverbs, and slips of the keyboard."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

_IRREGULAR = {
    "be": ("is", "being"),
    "have": ("has", "having"),
    "do": ("does", "doing"),
    "lie": ("lies", "lying"),
    "die": ("dies", "dying"),
    "isn't": ("isn't", "not being"),
    "don't": ("doesn't", "not"),
}
_PLURAL = {"be": "are", "isn't": "aren't"}
_FIRST = {"be": "am", "isn't": "am not"}
_FORMED_LIKE_HIM = re.compile(r"\b(he|him|his|himself)\b")
_TO_CONJUGATE = re.compile(r"\[([a-z']+)\]")
_ARTICLE = re.compile(r"\b([Aa]) (?=(?!one\b|uni|use|eu)[aeiou]|hour|honest)")
_KEYS = "qwertyuiopasdfghjklzxcvbnm"


@dataclass(frozen=True)
class Subject:
    """Who the description is about."""

    name: str
    person: str
    """"s" as "he is", "p" as "they are", "i" as "I am"."""
    pronouns: tuple[str, str, str, str]
    """Forms for he, him, his, himself."""

    def conjugate(self, verb: str) -> str:
        """A verb in its base form, after this subject."""
        if self.person == "s":
            return third(verb)
        forms = _FIRST if self.person == "i" else {}
        return forms.get(verb, _PLURAL.get(verb, verb))

    def fit(self, text: str) -> str:
        """Conjugates the verbs in [brackets] and puts this person in place of he, him, his, himself."""
        text = _TO_CONJUGATE.sub(lambda found: self.conjugate(found[1]), text)
        forms: dict[str, str] = dict(zip(("he", "him", "his", "himself"), self.pronouns, strict=True))
        return _FORMED_LIKE_HIM.sub(lambda found: forms[found[1]], text)


def third(phrase: str) -> str:
    """`glare at them` -> `glares at them`."""
    verb, space, rest = phrase.partition(" ")
    if verb == "not":
        return f"does not {rest}"
    if verb in _IRREGULAR:
        verb = _IRREGULAR[verb][0]
    elif re.search(r"(s|x|z|ch|sh|o)$", verb):
        verb += "es"
    elif re.search(r"[^aeiou]y$", verb):
        verb = verb[:-1] + "ies"
    else:
        verb += "s"
    return verb + space + rest


def gerund(phrase: str) -> str:
    """`glare at them` -> `glaring at them`."""
    verb, space, rest = phrase.partition(" ")
    if verb == "not":
        return f"not {gerund(rest)}"
    if verb in _IRREGULAR:
        verb = _IRREGULAR[verb][1]
    elif re.search(r"[^eoy]e$", verb):
        verb = verb[:-1] + "ing"
    elif re.search(r"^[^aeiou]*(qu)?[aeiou][bdgklmnprt]$", verb):
        verb += verb[-1] + "ing"
    else:
        verb += "ing"
    return verb + space + rest


def adverb(adjective: str) -> str:
    """`angry` -> `angrily`."""
    for ending, made in (("ly", "ly"), ("ic", "ically"), ("ble", "bly"), ("le", "ly"), ("y", "ily"), ("ll", "lly")):
        if adjective.endswith(ending):
            return adjective[: -len(ending)] + made
    return adjective + "ly"


def comparative(adjective: str) -> str:
    """`angry` -> `angrier`, `afraid` -> `more afraid`."""
    if " " in adjective or len(re.findall(r"[aeiouy]+", adjective)) > 2 or len(adjective) > 6:
        return f"more {adjective}"
    if adjective.endswith("y"):
        return adjective[:-1] + "ier"
    if adjective in ("sad", "mad", "glad"):
        return adjective + adjective[-1] + "er"
    if len(re.findall(r"[aeiou]+", adjective)) == 1 and not adjective.endswith("ed"):
        return adjective + ("r" if adjective.endswith("e") else "er")
    return f"more {adjective}"


def articles(text: str) -> str:
    """`a angry man` -> `an angry man`."""
    return _ARTICLE.sub(r"\1n ", text)


def bare(phrase: str) -> str:
    """`a wrinkled nose` -> `wrinkled nose`."""
    return re.sub(r"^(a|an|the|his) ", "", phrase)


def mistype(word: str, rng: np.random.Generator) -> str:
    """A word with one slip: two letters swapped, one left out, doubled or wrong."""
    if len(word) < 5 or not word.isalpha():
        return word
    at = int(rng.integers(1, len(word) - 1))
    match int(rng.integers(4)):
        case 0:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case 1:
            return word[:at] + word[at + 1 :]
        case 2:
            return word[:at] + word[at] + word[at:]
        case _:
            return word[:at] + _KEYS[rng.integers(len(_KEYS))] + word[at + 1 :]


def made_up(rng: np.random.Generator) -> str:
    """A word that is none: names and terms that the encoder has never met should leave it cold."""
    word = ""
    for _ in range(rng.integers(1, 5)):
        word += "bcdfghjklmnprstvwz"[rng.integers(18)] + "aeiou"[rng.integers(5)]
        word += "lnrstk"[rng.integers(6)] if rng.random() < 0.4 else ""
    return word
