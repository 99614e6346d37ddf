"""How well a mouth follows speech whose phone times are known: events, AUCs, amplitude, rest and jitter.

`events` says what a viewer sees; the AUC (area under the ROC curve, frame by frame at 60 fps, lag 0, pooled over clips)
says how well the curves rank the frames. The AUC knows neither amplitude nor false alarms, so never read it alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from medtalk.quality import events
from medtalk.quality.events import Events, Phone, frame_phones
from medtalk.rig.channels import AREAS, S_LIP, indices

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLOSED = frozenset({"p", "b", "m"})
BITTEN = frozenset({"f", "v"})
# ARPAbet's ow and oy, and the two rounded vowels of our own classes that it lacks.
ROUND = frozenset("uw uh ow w oy oh yr".split())
OPEN = frozenset("aa ae ah ao aw ay eh".split())
NARROW = frozenset("p b m f v th dh t d n s z sh zh ch jh k g ng iy uw y w".split())
MEASURES: dict[str, tuple[str, ...]] = {
    "close": ("?_mouth_lipsTogether[DU]", "?_mouth_lipsPressU"),
    "jaw": ("C_jaw.Y",),
    "round": ("?_mouth_purse[DU]", "?_mouth_funnel[DU]", "?_mouth_towards[DU]"),
    "bite": ("?_mouth_lipBiteD",),
}
"""Measure -> the patterns of its channels, as `medtalk.rig.channels.indices` takes them."""
KINDS: dict[str, tuple[str, frozenset[str], float]] = {
    "closure": ("close", CLOSED, 0.5),
    "bite": ("bite", BITTEN, 0.3),
    "rounding": ("round", ROUND, 0.2),
}
"""Kind of event -> its measure, its phones, and the threshold from which a viewer sees it."""


@dataclass(frozen=True)
class Articulation:
    """The table of a rig's mouth against phone times.

    Attributes:
        seen: events of each of `KINDS` at its threshold.
        best: the same at the threshold of the highest F1.
        minutes: of speech.
        open_vowels_shut: share of the frames of open vowels in which the lips are closed.
        rest_jaw: 95th percentile of the jaw in pauses; 0 where there are none.
        auc: of "close" (p b m against other speech), "jaw" (open vowels against close sounds), "round" and "bite"; one
            that lacks either side is left out.
        jaw: mean, standard deviation and 95th percentile of the jaw in speech.
        lips: mean standard deviation of the channels of S_LIP, within clips.
        jitter: see `jitter`.
    """

    seen: dict[str, Events]
    best: dict[str, Events]
    minutes: float
    open_vowels_shut: float
    rest_jaw: float
    auc: dict[str, float]
    jaw: tuple[float, float, float]
    lips: float
    jitter: float
    mean_auc: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean_auc", float(np.mean(list(self.auc.values()))) if self.auc else float("nan"))

    def to_dict(self) -> dict[str, float]:
        """Every figure by its name. What the clips cannot tell (an AUC without positives) is left out."""
        out: dict[str, float] = {}
        for kind, found in self.seen.items():
            highest = self.best[kind]
            out |= {
                f"{kind} F1": found.f1,
                f"{kind} recall": found.recall,
                f"{kind} precision": found.precision,
                f"{kind} false/min": found.false / max(self.minutes, 1e-9),
                f"{kind} lag, frames": found.lag,
                f"{kind} best F1": highest.f1,
                f"{kind} best at": highest.threshold,
            }
        out |= {"open vowels shut": self.open_vowels_shut, "rest jaw p95": self.rest_jaw}
        if self.auc:
            out["AUC mean"] = self.mean_auc
        out |= {f"AUC {name}": value for name, value in self.auc.items()}
        out |= dict(zip(("jaw mean", "jaw sd", "jaw p95"), self.jaw, strict=True))
        return out | {"lips sd": self.lips, "jitter": self.jitter}


def measure(values: NDArray, name: str) -> NDArray:
    """(T,) a measure of `MEASURES`: the mean of its channels in a rig (T, 174)."""
    return values[:, indices(*MEASURES[name])].mean(axis=1)


def articulation(clips: Iterable[tuple[NDArray, Sequence[Phone]]]) -> Articulation:
    """The table over clips of (rig (T, 174) at 60 fps, phones).

    Raises:
        ValueError: there are no frames.
    """
    rigs, truth = [], []
    for values, phones in clips:
        rigs.append(values)
        truth.append(frame_phones(phones, len(values)))
    if not sum(map(len, rigs)):
        raise ValueError("articulation needs clips")
    curves = {name: [measure(values, name) for values in rigs] for name in MEASURES}
    pooled = {name: np.concatenate(parts) for name, parts in curves.items()}
    labels = np.concatenate(truth)
    speech = labels != events.SILENCE
    seen, best = {}, {}
    for kind, (name, phones, threshold) in KINDS.items():
        pairs = list(zip(curves[name], truth, strict=True))
        seen[kind], best[kind] = events.count(pairs, phones, threshold), events.best(pairs, phones)
    aucs = {}
    for name, positive, negative in (
        ("close", CLOSED, None),
        ("jaw", OPEN, NARROW),
        ("round", ROUND, None),
        ("bite", BITTEN, None),
    ):
        yes = np.isin(labels, list(positive))
        no = speech & ~yes if negative is None else np.isin(labels, list(negative))
        if yes.any() and no.any():
            aucs[name] = auc(pooled[name][yes], pooled[name][no])
    shut, vowels, jaw = pooled["close"] > KINDS["closure"][2], np.isin(labels, list(OPEN)), pooled["jaw"]
    spoken = jaw[speech] if speech.any() else jaw
    return Articulation(
        seen=seen,
        best=best,
        minutes=float(speech.sum() / events.FPS / 60),
        open_vowels_shut=float(shut[vowels].mean()) if vowels.any() else 0.0,
        rest_jaw=p95(jaw[~speech]) if not speech.all() else 0.0,
        auc=aucs,
        jaw=(float(spoken.mean()), float(spoken.std()), p95(spoken)),
        lips=float(np.mean([values[:, S_LIP].std(axis=0).mean() for values in rigs])),
        jitter=jitter(rigs),
    )


def jitter(clips: Sequence[NDArray]) -> float:
    """Mean absolute third difference of the mouth and jaw channels over their mean standard deviation.

    0 for a mouth that does not move; clips of rigs (T, 174).
    """
    channels = np.concatenate([AREAS["mouth"], AREAS["jaw"]])
    third = np.concatenate([np.abs(np.diff(values[:, channels], 3, axis=0)) for values in clips])
    spread = np.mean([values[:, channels].std(axis=0).mean() for values in clips])
    return float(third.mean() / spread) if spread > 1e-9 and third.size else 0.0


def auc(positive: NDArray, negative: NDArray) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counted half.

    Raises:
        ValueError: one of them is empty.
    """
    if not len(positive) or not len(negative):
        raise ValueError("AUC needs positives and negatives")
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([positive, negative]))
    n = len(positive)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * len(negative)))


def p95(values: NDArray) -> float:
    """95th percentile."""
    return float(np.percentile(values, 95))
