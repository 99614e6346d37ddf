"""Phone times of English speech by PocketSphinx: with a known text (forced alignment), and without one.

PocketSphinx (BSD-2; the acoustic model is in the package) is old, but given the words it finds the phones to 9 ms
(median). Without the words it hears about half of the frames right, which is enough to notice a wrong text.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

import numpy as np

from medtalk.errors import TrainingError
from medtalk.features.phones import PHONES
from medtalk.rates import RATE
from medtalk_train.synthetic.corpus.phones import NotSpoken, Span, from_radio, timeline

Word = tuple[float, float, str]
"""Start in seconds, end in seconds, the word as written."""

_FRAME = 0.01  # s
_PADDINGS = (0.2, 0.25, 0.1, 0.0)  # s of silence around; the second pass can fail with one and succeed with another
_BEAMS = (None, "1e-80", "1e-120")
_PHONE_LOOP = {"beam": "1e-20", "pbeam": "1e-20", "lw": "2.0"}  # as PocketSphinx's documents advise

# misaki's letters in the phones of the CMU lexicon.
_ARPABET = {
    "A": "EY", "I": "AY", "O": "OW", "Q": "OW", "W": "AW", "Y": "OY", "ɑ": "AA", "a": "AE", "æ": "AE", "ɒ": "AA",
    "ʌ": "AH", "ə": "AH", "ᵊ": "AH", "ɐ": "AH", "ɔ": "AO", "o": "AO", "ɛ": "EH", "e": "EH", "ɜ": "ER", "ɪ": "IH",
    "ᵻ": "IH", "i": "IY", "ʊ": "UH", "u": "UW", "p": "P", "b": "B", "t": "T", "d": "D", "T": "T", "ɾ": "T", "k": "K",
    "ɡ": "G", "f": "F", "v": "V", "θ": "TH", "ð": "DH", "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH", "ʧ": "CH",
    "ʤ": "JH", "m": "M", "n": "N", "ŋ": "NG", "l": "L", "ɹ": "R", "j": "Y", "w": "W", "x": "K", "ʔ": "T",
}  # fmt: skip


class Aligner:
    """PocketSphinx and the pronunciation of words that its lexicon lacks.

    Raises TrainingError where pocketsphinx or hibari-tts is not installed.
    """

    def __init__(self) -> None:
        try:
            import pocketsphinx
            from hibari.g2p import G2P
        except ImportError as error:
            raise TrainingError(
                f"Phone times of real speech need {error.name}.", "Install: pip install pocketsphinx hibari-tts"
            ) from error
        self._sphinx = pocketsphinx
        self._g2p = G2P()
        self._decoders: dict[str | None, Any] = {}

    def align(self, samples: np.ndarray, text: str) -> tuple[list[Span], list[Word]]:
        """Phone spans of ``text`` in ``samples`` (float (n,), 16 kHz), contiguous from 0 to the end, and its words.

        Raises NotSpoken where the text has no words or does not fit the sound.
        """
        words = self._words(text)
        if not words:
            raise NotSpoken(f"there are no words in {text!r}", "no words")
        for beam in _BEAMS:
            for padding in _PADDINGS:
                found = self._attempt(samples, words, beam, padding)
                if found:
                    return found
        raise NotSpoken(f"{text!r} does not fit the sound", "no alignment")

    def hear(self, samples: np.ndarray) -> list[Span]:
        """Phone spans as heard without a text; the same shape as from `align`. Raises NotSpoken for silence."""
        decoder = self._listener
        _decode(decoder, samples, 0.2)
        found = [
            (item.start_frame * _FRAME - 0.2, (item.end_frame + 1) * _FRAME - 0.2, item.word)
            for item in decoder.seg() or ()
        ]
        if not found:
            raise NotSpoken("nothing is heard", "silence")
        seconds = len(samples) / RATE
        inside = [(max(a, 0.0), max(b, 0.0), name) for a, b, name in found if a < seconds]
        return timeline(inside, seconds, _pieces)

    @cached_property
    def _listener(self):
        path = self._sphinx.get_model_path("en-us/en-us-phone.lm.bin")
        return self._sphinx.Decoder(allphone=path, lm=None, loglevel="FATAL", bestpath=False, **_PHONE_LOOP)

    def _decoder(self, beam: str | None):
        if beam not in self._decoders:
            wide = {"beam": beam, "wbeam": beam, "pbeam": beam} if beam else {}
            self._decoders[beam] = self._sphinx.Decoder(lm=None, loglevel="FATAL", bestpath=False, **wide)
        return self._decoders[beam]

    def _words(self, text: str) -> list[tuple[str, str, str]]:
        """(word as written, name in the lexicon, phones by G2P) for every word; numbers are words too."""
        from hibari.g2p.normalize import normalize

        words = []
        for token in self._g2p.phonemize_tokens(self._g2p.tokenize(normalize(text))):
            phones = arpabet(token.phonemes or "")
            name = re.sub(r"[^a-z0-9']+", "-", token.text.lower()).strip("-'")
            if phones and name:
                words.append((token.text, name, phones))
        return words

    def _attempt(self, samples, words, beam, padding) -> tuple[list[Span], list[Word]] | None:
        decoder = self._decoder(beam)
        for _, name, phones in words:
            if decoder.lookup_word(name) is None:
                decoder.add_word(name, phones, True)
        try:
            decoder.set_align_text(" ".join(name for _, name, _ in words))
            _decode(decoder, samples, padding)
            decoder.set_alignment()  # refused where the first pass has not reached the last word
            _decode(decoder, samples, padding)
            found = [(word.name, [(phone.start, phone.duration, phone.name) for phone in word])
                     for word in decoder.get_alignment() or ()]  # fmt: skip
        except RuntimeError:
            return None
        names = [phones for name, phones in found if not name.startswith(("<", "[", "+"))]
        if len(names) != len(words):
            return None
        phones = [(start * _FRAME - padding, (start + duration) * _FRAME - padding, name)
                  for _, parts in found for start, duration, name in parts]  # fmt: skip
        try:
            spans = timeline([(max(a, 0.0), max(b, 0.0), name) for a, b, name in phones], len(samples) / RATE, _pieces)
        except NotSpoken:  # phones in the padding
            return None
        times = [
            (parts[0][0] * _FRAME - padding, sum(parts[-1][:2]) * _FRAME - padding, written)
            for parts, (written, _, _) in zip(names, words, strict=True)
        ]
        return spans, times


def arpabet(symbols: str) -> str:
    """misaki's symbols as phones of the CMU lexicon, such as ``HH AH L OW``; marks and pauses are dropped."""
    phones: list[str] = []
    for symbol in symbols:
        phone = _ARPABET.get(symbol)
        if phone == "R" and phones and phones[-1] in ("ER", "AH") and symbol == "ɹ":
            phones[-1] = "ER"  # ɜɹ, əɹ
        elif phone:
            phones.append(phone)
    return " ".join(phones)


def agreement(one: list[Span], other: list[Span]) -> float:
    """Share of the time in which either has speech, in which both have the same kind of phone (see `KINDS`), 0 to 1."""
    seconds = min(one[-1][1], other[-1][1])
    times = np.arange(_FRAME / 2, seconds, _FRAME)
    first, second = (_KIND[classes(spans, times)] for spans in (one, other))
    speech = (first != 0) | (second != 0)
    return float(np.mean(first[speech] == second[speech])) if speech.any() else 0.0


def classes(spans: list[Span], times: np.ndarray) -> np.ndarray:
    """Phone class (n,) at each of ``times`` in seconds."""
    ends = np.array([end for _, end, _ in spans])
    indices = np.array([index for _, _, index in spans])
    return indices[np.minimum(np.searchsorted(ends, times, side="right"), len(indices) - 1)]


# What sounds alike is one kind: a recogniser without words mixes these up on clean speech too.
KINDS = ("sil", "p b t d k g", "m n ng", "f v th dh", "s z", "sh zh", "l r er", "w oh uh uw ao", "y iy ih eh yr",
         "aa ae ah", "h")  # fmt: skip
_KIND = np.array([next(at for at, names in enumerate(KINDS) if name in names.split()) for name in PHONES])


def _pieces(name: str):
    label = name.lower()
    return from_radio("pau" if label == "sil" or name.startswith(("+", "<", "[")) else label)


def _decode(decoder, samples: np.ndarray, padding: float) -> None:
    quiet = np.zeros(round(padding * RATE), np.int16)
    data = np.concatenate([quiet, np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16), quiet])
    decoder.start_utt()
    decoder.process_raw(data.tobytes(), full_utt=True)
    decoder.end_utt()
