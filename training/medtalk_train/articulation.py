"""How well the mouth follows real speech: articulation AUCs, closures that close, jitter.

Frame-wise area under the ROC curve at 60 fps, lag 0, pooled over clips, against phone times:
close (p b m against other speech), jaw (open vowels against close sounds), round (rounded sounds), bite (f v).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medtalk.rig.channels import REGIONS
from medtalk_train.teacher.poses import channels_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

FPS = 60.0
PAUSES = frozenset({"sil", "sp", "spn", ""})
CLOSED = frozenset({"p", "b", "m"})
OPEN = frozenset("aa ae ah ao aw ay eh".split())
NARROW = frozenset("p b m f v th dh t d n s z sh zh ch jh k g ng iy uw y w".split())
ROUND = frozenset("uw uh ow w oy".split())
BITE = frozenset({"f", "v"})
MEASURES: dict[str, tuple[str, ...]] = {
    "close": ("lipsTogetherU", "lipsTogetherD", "lipsPressU"),
    "jaw": ("C_jaw.Y",),
    "round": ("purseU", "purseD", "funnelU", "funnelD", "towardsU", "towardsD"),
    "bite": ("lipBiteD",),
}

Phone = tuple[float, float, str]


@dataclass(frozen=True)
class Articulation:
    """AUC by measure, their mean, the share of closures that close, and the jitter."""

    close: float
    jaw: float
    round: float
    bite: float
    closures: float
    jitter: float

    @property
    def mean(self) -> float:
        return (self.close + self.jaw + self.round + self.bite) / 4.0

    def to_dict(self) -> dict[str, float]:
        return {
            "mean": self.mean, "close": self.close, "jaw": self.jaw, "round": self.round, "bite": self.bite,
            "closures": self.closures, "jitter": self.jitter,
        }  # fmt: skip


def measure(values: NDArray, name: str) -> NDArray:
    """(T,) a measure of ``MEASURES``: the mean of its channels."""
    return values[:, [c for key in MEASURES[name] for c in channels_of(key)]].mean(axis=1)


def articulation(clips: Iterable[tuple[NDArray, Sequence[Phone]]]) -> Articulation:
    """Articulation over clips of (rig (T, 174), phones with ARPAbet names).

    Raises:
        ValueError: no clip has both kinds of frames for a measure.
    """
    clips = list(clips)
    labels = np.concatenate([frame_phones(phones, len(values)) for values, phones in clips])
    aucs = {}
    kinds = (("close", CLOSED, None), ("jaw", OPEN, NARROW), ("round", ROUND, None), ("bite", BITE, None))
    for name, positive, negative in kinds:
        scores = np.concatenate([measure(values, name) for values, _ in clips])
        is_positive = np.isin(labels, list(positive))
        is_negative = np.isin(labels, list(negative)) if negative else ~is_positive & ~np.isin(labels, list(PAUSES))
        aucs[name] = auc(scores[is_positive], scores[is_negative])
    return Articulation(**aucs, closures=closures(clips), jitter=jitter([values for values, _ in clips]))


def closures(clips: Iterable[tuple[NDArray, Sequence[Phone]]], threshold: float = 0.5, reach: int = 2) -> float:
    """Share of p b m events in which the closure channels exceed the threshold within ``reach`` frames of the phone."""
    hits = []
    for values, phones in clips:
        close = measure(values, "close")
        for start, end, phone in phones:
            if phone in CLOSED:
                piece = close[max(0, int(start * FPS) - reach) : int(np.ceil(end * FPS)) + reach + 1]
                hits.append(bool(len(piece)) and float(piece.max()) > threshold)
    return float(np.mean(hits)) if hits else float("nan")


def jitter(clips: Sequence[NDArray]) -> float:
    """Mean absolute third difference of the mouth and jaw channels over their mean standard deviation."""
    channels = np.concatenate([REGIONS["mouth"], REGIONS["jaw"]])
    third = np.concatenate([np.abs(np.diff(values[:, channels], 3, axis=0)) for values in clips]).mean()
    return float(third / np.mean([values[:, channels].std(axis=0).mean() for values in clips]))


def frame_phones(phones: Sequence[Phone], frames: int) -> NDArray:
    """(T,) the phone at each frame's time; "" where none is."""
    times = np.arange(frames) / FPS
    starts = np.array([start for start, _, _ in phones])
    where = np.searchsorted(starts, times + 1e-9, side="right") - 1
    names = np.array([phone for _, _, phone in phones])
    ends = np.array([end for _, end, _ in phones])
    return np.where((where >= 0) & (times < ends[np.maximum(where, 0)]), names[np.maximum(where, 0)], "")


def auc(positive: NDArray, negative: NDArray) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counted half."""
    if not len(positive) or not len(negative):
        raise ValueError("AUC needs positives and negatives")
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([positive, negative]))
    n = len(positive)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * len(negative)))
