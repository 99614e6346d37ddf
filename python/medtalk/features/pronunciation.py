"""Pronunciations of the words of an English text, as phone classes: by the CMU dictionary, else by their letters.

Words of other scripts get no pronunciation; of other languages that are written in Latin letters, an English one, which
`medtalk.features.alignment` finds not to fit the sound.
"""

from __future__ import annotations

import gzip
import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.features.phones import PHONE_INDEX, VOWELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_PRONUNCIATIONS = 6
"""The most ways of speaking a word that are considered."""
MAX_LETTERS, MAX_DIGITS = 40, 24
"""Longer words and numbers are not spoken words: they get no pronunciation."""

LETTERS = "abcdefghijklmnopqrstuvwxyz'"
REACH = 4
"""Letters on either side that decide what a letter stands for."""
CODES = "_pbmfvTDtdnszSZkgNlrwyhaAcOeRiIoUuY"
"""One sign for each phone class, in their order: how the dictionary is written."""


@dataclass(frozen=True)
class Pronounced:
    """A word of a text.

    Attributes:
        text: as it is written, without punctuation around it.
        start, end: its characters in the text, ``text == whole[start:end]``.
        pronunciations: ways to speak it, each one or more phone classes (indices of `PHONES`, never silence), the
            likeliest first. Empty where none is known.
        known: whether the dictionary has it (numbers and spelled letters count as known).
    """

    text: str
    start: int
    end: int
    pronunciations: tuple[tuple[int, ...], ...]
    known: bool


def pronounce(text: str) -> list[Pronounced]:
    """The words of a text in their order; a text of symbols alone has none. Time is linear in the text's length."""
    return [
        Pronounced(text[start:end], start, end, *_spoken(text[start:end].replace("\u2019", "'")))
        for start, end in _tokens(text)
    ]


def english(words: Sequence[Pronounced]) -> bool:
    """Whether a text can be English: most of its words are in the dictionary. Texts of a few words get their chance."""
    known = sum(word.known for word in words)
    return known >= 0.7 * len(words) if len(words) >= 6 else known > 0 or any(w.pronunciations for w in words)


# --- from text to words

_NUMBER = r"[$£€]?\d+(?:[.,:]\d+)*(?:st|nd|rd|th|s)?%?(?![^\W\d_])"
_INITIALS = r"(?:[^\W\d_]\.){2,}"
_LETTER_RUN = r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*['\u2019]?"
_TOKEN = re.compile(rf"{_NUMBER}|{_INITIALS}|['\u2019]?{_LETTER_RUN}|\d+|[&%+=@]")


def _tokens(text: str) -> Iterable[tuple[int, int]]:
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        token = match[0].replace("\u2019", "'")
        if token.startswith("'") and token.lower() not in _ELIDED:  # a quotation mark
            start += 1
        if token.endswith("'") and not token.lower().endswith(("s'", "in'")):
            end -= 1
        # of a shortened title the full stop belongs to it
        if text[start:end].lower() in _SHORT and text[end : end + 1] == ".":
            end += 1
        yield start, end


_ELIDED = {"'tis": "it is", "'twas": "it was", "'em": "them", "'til": "until", "'cause": "because", "'bout": "about",
           "'round": "around", "'n'": "and", "'n": "and"}  # fmt: skip
_SHORT = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "prof": "professor", "st": "saint", "jr": "junior",
    "sr": "senior", "vs": "versus", "etc": "et cetera", "capt": "captain", "lt": "lieutenant", "col": "colonel",
    "gen": "general", "sgt": "sergeant", "rev": "reverend", "gov": "governor", "sen": "senator", "mt": "mount",
    "ave": "avenue", "blvd": "boulevard", "approx": "approximately", "dept": "department", "inc": "incorporated",
    "ltd": "limited", "corp": "corporation", "co": "company",
}  # fmt: skip
_SIGNS = {"&": "and", "%": "percent", "+": "plus", "=": "equals", "@": "at"}


@lru_cache(maxsize=20_000)
def _spoken(token: str) -> tuple[tuple[tuple[int, ...], ...], bool]:
    """Pronunciations of a token, and whether the dictionary knows it."""
    if len(token) > MAX_LETTERS:
        return (), False
    readings = list(_readings(token))
    options = [_reading(reading) for reading in readings]
    spoken = dict.fromkeys(codes for several, _ in options for codes in several)
    spoken = dict.fromkeys(itertools.chain(spoken, *map(_reduced, spoken)))
    chosen = [tuple(CODES.index(code) for code in codes) for codes in spoken if codes]
    return tuple(chosen[:MAX_PRONUNCIATIONS]), bool(options) and options[0][1]


def _readings(token: str) -> Iterable[list[str]]:
    """The words, small and without accents, that a token may be read as."""
    if token[-1:].isdigit() or token[:1] in "$£€" or re.match(r"\d", token):
        yield from _number_readings(token)
        return
    if token in _SIGNS:
        yield [_SIGNS[token]]
        return
    plain = _plain(token)
    if not plain:
        return
    short = plain.rstrip(".")
    if short in _SHORT and (token.endswith(".") or short in ("mr", "mrs", "dr", "vs", "etc")):
        yield _SHORT[short].split()
        if short not in ("st", "dr", "co", "gen", "ave", "mt", "inc", "sen"):
            return
    spelled = [f"{letter}." for letter in short if letter.isalpha()]
    if "." in token:
        yield spelled
        return
    capitals = token.isupper() and 1 < len(short) <= 5
    if capitals and _look_up(short) is None:
        yield spelled
    yield [short]
    if capitals:
        yield spelled


def _plain(token: str) -> str:
    """Small Latin letters, apostrophes and full stops; "" if there are letters of another script."""
    text = unicodedata.normalize("NFKD", token.casefold().replace("ß", "ss").replace("æ", "ae").replace("ø", "o"))
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    return text if re.fullmatch(r"[a-z'.]+", text) else ""


def _reading(words: list[str]) -> tuple[list[str], bool]:
    """Ways to speak some words one after the other, as codes, and whether all are in the dictionary."""
    several = [_word(word) for word in words]
    known = all(known for _, known in several)
    if len(several) == 1:
        return list(several[0][0]), known
    return ["".join(ways[0] for ways, _ in several if ways)], known


def _word(word: str) -> tuple[list[str], bool]:
    if word in _ELIDED:  # the beginning is not spoken
        whole = "".join(_word(part)[0][0] for part in _ELIDED[word].split())
        return [whole[2:] if word in ("'cause", "'til") else whole[1:]], True
    if (codes := _look_up(word)) is not None:
        return codes, True
    if word.endswith("in'"):  # goin'
        return [_drop_g(way) for way in _word(word[:-1] + "g")[0]], True
    for ending in ("'s", "s'"):
        if word.endswith(ending) and len(word) > 2:
            ways, known = _word(word.removesuffix("'s").removesuffix("'"))
            return ([way + _plural(way) for way in ways] if ending == "'s" else ways), known
    letters = word.replace(".", "").replace("'", "")
    return ([letters_model()(letters)] if letters else []), False


def _drop_g(way: str) -> str:
    return way[:-1] + _codes("n") if way.endswith(_codes("ng")) else way


def _plural(way: str) -> str:
    if way[-1:] in _codes("s", "z", "sh", "zh"):
        return _codes("ah", "z")
    return _codes("s") if way[-1:] in _codes("p", "t", "k", "f", "th") else _codes("z")


def _reduced(way: str) -> Iterable[str]:
    """A word as spoken in haste or by the British: without the r before a consonant, without a closing t or d."""
    vowels, r = _codes(*VOWELS), _codes("r")
    soft = "".join(
        code for at, code in enumerate(way) if code != r or at == 0 or way[at - 1] not in vowels
        or way[at + 1 : at + 2] in tuple(vowels)
    )  # fmt: skip
    if soft != way:
        yield soft
    for each in dict.fromkeys((way, soft)):
        if len(each) > 2 and each[-1] in _codes("t", "d") and each[-2] not in vowels + r:
            yield each[:-1]
    if len(way) <= 4 and len(way) > 1 and way[0] == _codes("h"):  # him, her, have
        yield way[1:]


# --- numbers

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen".split()
)
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_GROUPS = ["", "thousand", "million", "billion", "trillion"]
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
             "twelve": "twelfth"}  # fmt: skip
_MONEY = {"$": "dollar", "£": "pound", "€": "euro"}


def _number_readings(token: str) -> Iterable[list[str]]:
    sign = token[0] if token[0] in _MONEY else ""
    percent = ["percent"] if token.endswith("%") else []
    body = token.removeprefix(sign).removesuffix("%")
    ending = re.sub(r"[\d.,:]", "", body)
    body = body.removesuffix(ending)
    digits = re.sub(r"\D", "", body)
    if not digits or len(digits) > MAX_DIGITS:
        return
    try:
        int(digits)
    except ValueError:  # digits of other scripts that are not decimal digits, such as superscripts
        return
    grouped = re.fullmatch(r"\d{1,3}(,\d{3})+", body) is not None
    if ending in ("st", "nd", "rd", "th"):
        yield _ordinal(_cardinal(int(digits)))
    elif ending == "s":  # the 1990s
        words = _year(digits) or _cardinal(int(digits))
        yield [*words[:-1], words[-1].removesuffix("y") + "ies" if words[-1].endswith("y") else words[-1] + "s"]
    elif ":" in body:
        yield [word for part in body.split(":") for word in (_cardinal(int(part)) if part.strip("0") else ["o'clock"])]
    elif "." in body and not grouped and body.count(".") == 1:
        whole, part = (re.sub(r"\D", "", piece) for piece in body.split("."))
        if sign and len(part) == 2:
            yield [*_cardinal(int(whole or 0)), _units(sign, int(whole or 0)), *(["and"] if int(part) else []),
                   *([*_cardinal(int(part)), "cents" if sign != "£" else "pence"] if int(part) else [])]  # fmt: skip
        yield [*_cardinal(int(whole or 0)), "point", *(_ONES[int(digit)] for digit in part), *percent,
               *([_units(sign, 2)] if sign else [])]  # fmt: skip
    else:
        units = [_units(sign, int(digits))] if sign else percent
        if not grouped and not units and (year := _year(digits)):
            yield year
        yield [*_cardinal(int(digits)), *units]
        if int(digits) > 100:
            yield [*_cardinal(int(digits), "and"), *units]
        if len(digits) > 2 and not units and not grouped:
            yield [_ONES[int(digit)] for digit in digits]


def _units(sign: str, count: int) -> str:
    return _MONEY[sign] + ("" if count == 1 else "s")


def _cardinal(number: int, joint: str = "") -> list[str]:
    """A number in words; `joint` is what the British say after hundreds."""
    if number >= 1000 ** len(_GROUPS):
        return [_ONES[int(digit)] for digit in str(number)]
    if number == 0:
        return ["zero"]
    words: list[str] = []
    for place in reversed(range(len(_GROUPS))):
        part = number // 1000**place % 1000
        if part:
            words += _below_thousand(part, joint)
            words += [_GROUPS[place]] if place else []
    return words


def _below_thousand(number: int, joint: str) -> list[str]:
    hundreds, rest = divmod(number, 100)
    words = [_ONES[hundreds], "hundred"] if hundreds else []
    if rest and words and joint:
        words.append(joint)
    if rest >= 20:
        words.append(_TENS[rest // 10])
        rest %= 10
    return [*words, _ONES[rest]] if rest else words


def _ordinal(words: list[str]) -> list[str]:
    last = words[-1]
    return [*words[:-1], _ORDINALS.get(last, last[:-1] + "ieth" if last.endswith("y") else last + "th")]


def _year(digits: str) -> list[str]:
    """1998 as nineteen ninety-eight; [] if it is not a year."""
    if len(digits) != 4 or not 1100 <= int(digits) < 2100 or int(digits) % 1000 < 10:
        return []
    first, last = divmod(int(digits), 100)
    if last == 0:
        return [*_cardinal(first), "hundred"]
    return [*_cardinal(first), *(["o.", _ONES[last]] if last < 10 else _cardinal(last))]


# --- the dictionary


def _codes(*names: str) -> str:
    return "".join(CODES[PHONE_INDEX[name]] for name in names)


def codes(classes: Iterable[int]) -> str:
    """Phone classes as signs of `CODES`."""
    return "".join(CODES[index] for index in classes)


@lru_cache(maxsize=1)
def _dictionary() -> tuple[bytes, NDArray[np.intp]]:
    """The lines of `words.txt.gz`, and where each begins."""
    data = gzip.decompress(_folder().joinpath("words.txt.gz").read_bytes())
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    return data, np.concatenate([[0], ends + 1])


def _look_up(word: str) -> list[str] | None:
    data, starts = _dictionary()
    key = word.encode() + b" "
    low, high = 0, len(starts) - 1
    while low < high:
        middle = (low + high) // 2
        line = data[starts[middle] : starts[middle + 1]]
        if line[: line.index(b" ") + 1] < key:
            low = middle + 1
        else:
            high = middle
    line = data[starts[low] :][:200].split(b"\n", 1)[0] if low < len(starts) - 1 else b""
    return line[len(key) :].decode().split() if line.startswith(key) else None


def _folder() -> Path:
    return Path(str(files("medtalk_assets"))) / "english"


class Letters:
    """What the letters of an unknown word stand for: a small network looks at four letters on either side of each."""

    def __init__(self, window: NDArray, hidden: NDArray, chunk: NDArray, bias: NDArray, chunks: Sequence[str]) -> None:
        """Weights of the window's letters (9, 29, H), of the hidden layer (H,), of what a letter may stand for (H, C),
        (C,); `chunks` are these C strings of `CODES`."""
        self._window, self._hidden = window.astype(np.float32), hidden.astype(np.float32)
        self._chunk, self._bias, self._chunks = chunk.astype(np.float32), bias.astype(np.float32), list(chunks)

    @staticmethod
    def windows(word: str) -> NDArray[np.int64]:
        """(n, 9) of an n letter word: 0 beyond its ends, 1.. letters, the last number for any other sign."""
        ids = [LETTERS.find(letter) % (len(LETTERS) + 1) + 1 for letter in word]
        padded = np.pad(np.array(ids, np.int64), REACH)
        return np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH + 1)

    def __call__(self, word: str) -> str:
        """The word's phone classes as signs of `CODES`."""
        rows = self.windows(word)
        hidden = self._window[np.arange(2 * REACH + 1), rows].sum(1) + self._hidden
        best = (np.maximum(hidden, 0.0) @ self._chunk + self._bias).argmax(1)
        return "".join(self._chunks[k] for k in best)

    def save(self, path: Path) -> None:
        """Write them as float16."""
        half = np.float16
        np.savez_compressed(
            path,
            chunks=np.array(self._chunks),
            window=self._window.astype(half),
            hidden=self._hidden.astype(half),
            chunk=self._chunk.astype(half),
            bias=self._bias.astype(half),
        )


@lru_cache(maxsize=1)
def letters_model() -> Letters:
    """The network that ships."""
    with np.load(_folder() / "letters.npz") as saved:
        return Letters(saved["window"], saved["hidden"], saved["chunk"], saved["bias"], saved["chunks"].tolist())
