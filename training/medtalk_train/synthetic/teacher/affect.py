"""Words that carry feeling: how far each lifts the intensity where it is spoken. Our own short list, by word stem."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medtalk.features.alignment import AlignedWord
from medtalk.rates import FPS

_WHOLE = "hell sick sad joy die lie lies lied win stop cry cried cries glad god".split()
_STRENGTHENING = "very so really too extremely absolutely totally completely utterly".split()

# stem: weight. A word counts when it begins with the stem; the longest stem wins.
STEMS: dict[str, float] = {
    **dict.fromkeys(
        "hate furious rage terribl horribl disgust awful amaz wonderful incredibl fantastic love terrif horrif scream "
        "murder kill disaster nightmare beautiful brilliant ecstatic miserabl devastat heartbroken outrag revolt "
        "unbelievabl shock panic despis detest ador thrill".split(),
        1.0,
    ),
    **dict.fromkeys(
        "angry anger afraid fear scared scary frighten happy happi joyful sadness sorrow weep tears grief alone lonely "
        "dead death dying lost wrong filthy rotten stink vomit nasty dirty great excite excit delight laugh proud "
        "surpris astonish sudden wow danger help never always please sorry hurt pain enemy war victory fool "
        "stupid idiot damn devil evil cruel betray liar cheat threat hope dream freedom ashamed shame regret "
        "worst best worr dread hopeless gorgeous sweet friend darling".split(),
        0.6,
    ),
    **dict.fromkeys(_WHOLE, 0.6),
    **dict.fromkeys(_STRENGTHENING, 0.3),
}
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


def word_weights(text: str) -> list[tuple[str, float]]:
    """The words of a text with their weights, 0 for most."""
    return [(word, _weight(word.lower())) for word in _WORD.findall(text)]


def curve(
    text: str, start: float, end: float, frames: int, fps: float = FPS, words: Sequence[AlignedWord] | None = None
) -> NDArray[np.float64]:
    """(T,) lift of the intensity through a text.

    ``words`` say when each is spoken. Without them the text is spoken from ``start`` to ``end`` s, its words spread by
    their letters.
    """
    out = np.zeros(frames)
    times = np.arange(frames) / fps
    for weight, first, last in _spread(text, start, end) if words is None else _timed(words):
        if weight:
            distance = np.maximum(np.maximum(first - times, times - last), 0.0)
            out = np.maximum(out, weight * np.where(distance < 0.3, 0.5 + 0.5 * np.cos(np.pi * distance / 0.3), 0.0))
    return out


def _timed(words: Sequence[AlignedWord]) -> list[tuple[float, float, float]]:
    return [(_weight(word.text.lower()), word.start, word.end) for word in words if word.fits]


def _spread(text: str, start: float, end: float) -> list[tuple[float, float, float]]:
    """(weight, start s, end s) of the words of a text, each as long as its letters."""
    words = word_weights(text)
    if not words or end <= start:
        return []
    ends = np.cumsum([len(word) + 1.0 for word, _ in words])
    ends = start + ends * ((end - start) / ends[-1])
    starts = [start, *ends[:-1]]
    return [(weight, first, last) for (_, weight), first, last in zip(words, starts, ends, strict=True)]


def _weight(word: str) -> float:
    if word in _WHOLE or word in _STRENGTHENING:
        return STEMS[word]
    for size in range(len(word), 3, -1):
        if (stem := word[:size]) in STEMS and stem not in _WHOLE and stem not in _STRENGTHENING:
            return STEMS[stem]
    return 0.0
