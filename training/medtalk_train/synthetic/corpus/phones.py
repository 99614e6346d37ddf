"""From the phone names of each synthesiser to the 35 phone classes of the acoustic encoder.

Every function gives *pieces*: ``((class name, share of the phone's time), ...)``. Affricates are a closure and a
fricative, diphthongs two vowels. A symbol that nothing covers raises `UnknownPhone`: the caller rejects and counts that
utterance, so no sound is ever lost in silence.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from functools import cache

from medtalk.features.phones import PHONE_INDEX, SILENCE

Pieces = tuple[tuple[str, float], ...]
Span = tuple[float, float, int]
"""Start in seconds, end in seconds, index of the phone class."""

FIRST_VOWEL = 0.58  # the first vowel of a diphthong lasts longer than its glide
CLOSURE = 0.45  # the silent part of an affricate
_SHORTEST = 1e-4  # s; engines emit phones of no length, which sound like nothing


class NotSpoken(Exception):
    """One sentence that an engine could not speak well enough; ``reason`` is a short word to count by."""

    def __init__(self, message: str, reason: str):
        super().__init__(message)
        self.reason = reason


class UnknownPhone(NotSpoken):
    """A phone symbol that no table covers; ``symbol`` and ``engine`` say which."""

    def __init__(self, symbol: str, engine: str):
        super().__init__(f"unknown {engine} phone {symbol!r}", "unknown phone")
        self.symbol, self.engine = symbol, engine

    def __reduce__(self):  # or a worker process could not hand it over
        return UnknownPhone, (self.symbol, self.engine)


_VOWELS = set(["aa", "ae", "ah", "ao", "eh", "er", "ih", "iy", "oh", "uh", "uw", "yr"])


def _pieces(names: str | list[str]) -> Pieces:
    """Pieces with the usual shares: two vowels 58/42, a closure and a fricative 45/55, otherwise equal parts."""
    classes = names.split() if isinstance(names, str) else names
    for name in classes:
        assert name in PHONE_INDEX, name
    if len(classes) == 2:
        vowels = [name in _VOWELS for name in classes]
        if all(vowels):
            return (classes[0], FIRST_VOWEL), (classes[1], 1.0 - FIRST_VOWEL)
        if not any(vowels) and classes[0] in ("t", "d", "p"):
            return (classes[0], CLOSURE), (classes[1], 1.0 - CLOSURE)
    return tuple((name, 1.0 / len(classes)) for name in classes)


# flite and the American festival voices: radio phones, as in the CMU lexicon.
_RADIO = {
    "pau": SILENCE, "h#": SILENCE, "brth": SILENCE, "ssil": SILENCE, "#": SILENCE,
    "aa": "aa", "ae": "ae", "ah": "ah", "ao": "ao", "aw": "aa uh", "ax": "ah", "axr": "er", "ay": "aa ih",
    "eh": "eh", "er": "er", "ey": "eh ih", "ih": "ih", "ix": "ih", "iy": "iy", "ow": "oh uh", "oy": "ao ih",
    "uh": "uh", "uw": "uw", "b": "b", "ch": "t sh", "d": "d", "dh": "dh", "dx": "d", "el": "ah l", "em": "ah m",
    "en": "ah n", "f": "f", "g": "g", "hh": "h", "hv": "h", "jh": "d zh", "k": "k", "l": "l", "m": "m", "n": "n",
    "nx": "n", "ng": "ng", "p": "p", "r": "r", "s": "s", "sh": "sh", "t": "t", "th": "th", "v": "v", "w": "w",
    "y": "y", "z": "z", "zh": "zh",
}  # fmt: skip

# The stroke "_" parts two vowels by a glottal stop: the mouth keeps its shape, as for h. "ch" is the velar fricative.
_CZECH = {
    "#": SILENCE, "_": "h", "a": "aa", "b": "b", "c": "t s", "c~": "t sh", "ch": "h", "d": "d", "d~": "d",
    "dz": "d z", "dz~": "d zh", "e": "eh", "f": "f", "g": "g", "h": "h", "i": "iy", "j": "y", "k": "k", "l": "l",
    "m": "m", "n": "n", "n*": "ng", "n~": "n", "o": "oh", "p": "p", "r": "r", "r~": "zh", "r~*": "sh", "s": "s",
    "s~": "sh", "t": "t", "t~": "t", "u": "uw", "v": "v", "z": "z", "z~": "zh",
}  # fmt: skip

# "nf" is the n before f and v, already shaped by the lower lip.
_ITALIAN = {
    "#": SILENCE, "i": "iy", "e": "eh", "E": "eh", "a": "aa", "o": "oh", "O": "ao", "u": "uw", "j": "y", "w": "w",
    "p": "p", "t": "t", "k": "k", "b": "b", "d": "d", "g": "g", "f": "f", "s": "s", "S": "sh", "v": "v", "z": "z",
    "Z": "zh", "ts": "t s", "tS": "t sh", "dz": "d z", "dZ": "d zh", "m": "m", "n": "n", "J": "n", "ng": "ng",
    "nf": "n", "l": "l", "L": "l", "r": "r",
}  # fmt: skip

_FINNISH = {
    "#": SILENCE, "##": SILENCE, "a": "aa", "e": "eh", "i": "iy", "o": "oh", "u": "uw", "y": "yr", "@": "ae",
    "7": "yr", "&": "ah", "p": "p", "t": "t", "k": "k", "b": "b", "d": "d", "g": "g", "f": "f", "T": "th", "D": "dh",
    "s": "s", "S": "sh", "z": "z", "Z": "zh", "h": "h", "v": "v", "m": "m", "n": "n", "N": "ng", "l": "l", "L": "l",
    "r": "r", "j": "y", "w": "w",
}  # fmt: skip

_CATALAN = {
    "pau": SILENCE, "#": SILENCE, "_": SILENCE, "ax": "ah", "a": "aa", "e": "eh", "E": "eh", "i": "iy", "o": "oh",
    "O": "ao", "u": "uw", "j": "y", "w": "w", "uw": "w", "y": "y", "b": "b", "B": "b", "d": "d", "D": "dh",
    "dZ": "d zh", "dz": "d z", "f": "f", "g": "g", "G": "g", "k": "k", "l": "l", "L": "l", "m": "m", "n": "n",
    "J": "n", "N": "ng", "p": "p", "r": "r", "rr": "r", "s": "s", "S": "sh", "t": "t", "tS": "t sh", "ts": "t s",
    "v": "v", "z": "z", "Z": "zh",
}  # fmt: skip

FESTIVAL_SETS = {"radio": _RADIO, "czech": _CZECH, "italian": _ITALIAN, "finnish": _FINNISH, "catalan": _CATALAN}

# IPA after stress, length, nasality and secondary articulation are stripped. Sounds outside English take the class with
# the nearest mouth shape; where lips do not tell (x, uvulars, glottal stop) they take h, which lets the neighbours
# shape the mouth.
_IPA = {
    "p": "p", "b": "b", "β": "b", "m": "m", "ɱ": "m", "f": "f", "ɸ": "f", "v": "v", "ʋ": "v", "θ": "th", "ð": "dh",
    "t": "t", "ʈ": "t", "c": "t", "d": "d", "ɖ": "d", "ɟ": "d", "n": "n", "ɲ": "n", "ɳ": "n", "s": "s", "z": "z",
    "ʃ": "sh", "ʂ": "sh", "ɕ": "sh", "ç": "sh", "ʒ": "zh", "ʐ": "zh", "ʑ": "zh", "k": "k", "q": "k", "ɡ": "g",
    "g": "g", "ɣ": "g", "ŋ": "ng", "l": "l", "ɫ": "l", "ʎ": "l", "ɭ": "l", "ɬ": "l", "r": "r", "ɹ": "r", "ɾ": "r",
    "ɽ": "r", "ɻ": "r", "w": "w", "ʍ": "w", "j": "y", "ʝ": "y", "ɥ": "yr", "h": "h", "ɦ": "h", "x": "h", "χ": "h",
    "ħ": "h", "ʁ": "h", "ʔ": "h", "ʕ": "h", "ɴ": "ng", "ɰ": "w",
    "a": "aa", "ɑ": "aa", "æ": "ae", "ɐ": "ah", "ʌ": "ah", "ə": "ah", "ɘ": "ah", "ɤ": "ah", "ɒ": "ao", "ɔ": "ao",
    "e": "eh", "ɛ": "eh", "ɜ": "er", "ɝ": "er", "ɚ": "er", "ɞ": "er", "i": "iy", "ɪ": "ih", "ᵻ": "ih", "ɨ": "ih",
    "ɯ": "ih", "o": "oh", "ʊ": "uh", "ɵ": "uh", "u": "uw", "ʉ": "uw", "ᵿ": "uh", "y": "yr", "ʏ": "yr", "ø": "yr",
    "œ": "yr", "ɶ": "yr",
}  # fmt: skip

# espeak-ng's own habits by language: (letters, what they stand for).
_HABITS: dict[str, dict[str, str]] = {
    "en": {"a": "ae", "ɾ": "d", "aɪ": "aa ih", "aʊ": "aa uh", "aː": "aa", "aa": "aa"},
    "de": {"ɜ": "ah", "ɔø": "ao ih"},
    "pt": {"æ": "ah", "y": "ih"},
    "ru": {"y": "ih", "ɵ": "oh"},
    "hi": {"c": "t sh", "ɟ": "d zh"},
    "ja": {"ɯ": "uh", "u": "uh", "ɸ": "h"},  # the lips come near each other and hardly forward, and never to the teeth
    "tr": {"c": "k", "ɟ": "g"},
    "cmn": {"nɡ": "ng", "o-": "ah", "ər": "er", "i.": "ih", "i̪": "ih", "s.": "sh", "ʲ": "y"},
}
_AFFRICATES = {
    "tʃ": "t sh", "dʒ": "d zh", "ts": "t s", "dz": "d z", "tɕ": "t sh", "dʑ": "d zh", "ts.": "t sh", "tʂ": "t sh",
    "dʐ": "d zh", "pf": "p f", "r̝": "zh", "r̝̊": "sh",
}  # fmt: skip
_MARKS = "ˈˌ.ʰʲʷˠˤᵝːˑ:;^`'’‿|-~\"_!"


def from_radio(label: str) -> Pieces:
    """Pieces of a phone of flite or of festival's American voices."""
    return _from_table(label, "radio")


@cache
def _from_table(label: str, phone_set: str) -> Pieces:
    table = FESTIVAL_SETS[phone_set]
    name = label
    if name not in table:
        name = name.rstrip(":")  # long vowels and consonants
    if name not in table and phone_set in ("italian", "catalan"):
        name = name.rstrip("12")  # stress
    if name not in table:
        raise UnknownPhone(label, f"festival ({phone_set})")
    return _pieces(table[name])


def from_festival(label: str, phone_set: str) -> Pieces:
    """Pieces of a festival phone; ``phone_set`` is one of `FESTIVAL_SETS`."""
    return _from_table(label, phone_set)


@cache
def from_ipa(label: str, language: str = "en") -> Pieces:
    """Pieces of an espeak-ng phoneme in IPA, such as ``tʃ``, ``aɪə`` or ``ɑːɹ``.

    ``language`` is the voice's language: espeak-ng writes some letters with another meaning in some of them. Empty
    labels and language switches such as ``(en)`` are silence.
    """
    text = unicodedata.normalize("NFD", label).replace("c\u0327", "ç").strip()
    if not text or text.startswith("(") or text in ("_", "_:", "||", "??"):
        return ((SILENCE, 1.0),)
    if text == "ʲ":  # espeak-ng times the glide after a soft consonant by itself
        return (("y", 1.0),)
    family = language.split("-")[0]
    habits = _HABITS.get(family, {})
    if family == "cmn":
        text = _mandarin(text)
    names: list[str] = []
    place = 0
    while place < len(text):
        for length in (3, 2, 1):
            part = text[place : place + length]
            found = habits.get(part) or _AFFRICATES.get(part) or _IPA.get(part)
            if found and len(part) == length:
                names += found.split()
                place += length
                break
        else:
            letter = text[place]
            if not (letter in _MARKS or letter.isdigit() or unicodedata.combining(letter)):
                raise UnknownPhone(label, f"espeak-ng ({language})")
            place += 1
    if not names:
        return ((SILENCE, 1.0),)
    return _pieces([name for at, name in enumerate(names) if at == 0 or name != names[at - 1]])


# misaki's letters for Kokoro, in IPA; lower-case ones are as in IPA.
_KOKORO = {"A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "T": "ɾ", "S": "s", "ᵊ": "ə", "ʣ": "dz",
           "ʤ": "dʒ", "ʦ": "ts", "ʧ": "tʃ", "ʥ": "dʑ", "ʨ": "tɕ"}  # fmt: skip


def from_kokoro(label: str, language: str = "en-us") -> Pieces:
    """Pieces of one of Kokoro's symbols with its marks, such as ``ˈA`` or ``ʧ``; an empty label is silence."""
    return from_ipa("".join(_KOKORO.get(symbol, symbol) for symbol in label), language)


def _mandarin(text: str) -> str:
    """Without the tones (digits, and ɜ for the third) and without the h of aspiration after a stop."""
    text = "".join(letter for letter in text.replace("ɜ", "") if not letter.isdigit())
    return text.removesuffix("h") if len(text) > 1 and text[0] in "ptk" else text


def timeline(
    segments: Iterable[tuple[float, float, str]], seconds: float, pieces: Callable[[str], Pieces]
) -> list[Span]:
    """Phone classes of a whole utterance, contiguous from 0 to ``seconds``.

    ``segments`` are (start s, end s, symbol) in order of time; gaps become silence, overlaps are cut, silence after
    ``seconds`` is dropped. Raises `UnknownPhone` through ``pieces``, and NotSpoken where a sound begins after the end.
    """
    silence = PHONE_INDEX[SILENCE]
    spans: list[Span] = []

    def add(start: float, end: float, index: int) -> None:
        if end - start < _SHORTEST:
            return
        if spans and spans[-1][2] == index == silence:
            spans[-1] = (spans[-1][0], end, index)
        else:
            spans.append((start, end, index))

    now = 0.0
    for start, end, symbol in segments:
        parts = pieces(symbol)
        if start > seconds and parts[0][0] != SILENCE:
            raise NotSpoken("the phones last longer than the sound", "phones longer than sound")
        start, end = max(start, now), min(end, seconds)
        if end - start < _SHORTEST:
            continue
        add(now, start, silence)
        # A gap too short to be written belongs to this phone.
        at = spans[-1][1] if spans else 0.0
        length = end - at
        for name, share in parts:
            add(at, at + share * length, PHONE_INDEX[name])
            at = spans[-1][1] if spans else at
        spans[-1] = (spans[-1][0], end, spans[-1][2])
        now = end
    add(now, seconds, silence)
    if spans:
        spans[-1] = (spans[-1][0], seconds, spans[-1][2])
    return spans
