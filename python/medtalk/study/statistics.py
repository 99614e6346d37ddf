"""What votes say: means with intervals, shares, differences and tests, all by scipy.

Everybody judges every condition, so all is paired: a difference is taken within a participant and a clip. Votes are
numbers in a table (P, C) of participants and clips, with NaN where there is no vote.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95
"""Of all intervals."""
SIGNIFICANT = 0.05
"""Of a p, corrected by Holm: below this it shows a difference."""
RESAMPLES = 9999


def least_people(tests: int) -> int:
    """How many participants it takes until one of so many tests, corrected by Holm, can show a difference at all.

    The signed-rank test of n people gives no p below 2^(1-n), which is that of n people who are all on one side.
    """
    return next(n for n in count(2) if 2.0 ** (1 - n) * tests < SIGNIFICANT)


LEAST_PEOPLE = least_people(1)
"""No test is made of fewer participants: none could show anything."""


class Estimate(NamedTuple):
    """A value and its interval; the interval is NaN where it cannot be known."""

    value: float
    low: float
    high: float


def mean(table: np.ndarray) -> Estimate:
    """The mean of votes (P, C), with Student's interval over the participants' own means."""
    own = own_means(table)
    value = float(own.mean())
    if len(own) < 2:
        return Estimate(value, np.nan, np.nan)
    error = float(stats.sem(own))
    if error == 0.0:
        return Estimate(value, value, value)
    low, high = stats.t.interval(LEVEL, len(own) - 1, loc=value, scale=error)
    return Estimate(value, float(low), float(high))


def difference(table: np.ndarray, seed: int) -> Estimate:
    """The mean of paired differences (P, C), with the percentile interval of a bootstrap over participants and clips.

    Both are drawn anew, each with replacement and apart from the other (the pigeonhole bootstrap of Owen, 2007), so
    that the interval is about other people and other clips too. One clip, or one participant, is not drawn anew.
    """
    table = table[~np.isnan(table).all(axis=1)]
    value = float(np.nanmean(table))
    people, clips = (np.arange(size) for size in table.shape)
    if len(people) < 2:
        return Estimate(value, np.nan, np.nan)
    drawn = (people, clips) if len(clips) > 1 else (people,)

    def statistic(*rows: np.ndarray, axis: int = -1) -> np.ndarray:
        # both lie along the last axis, behind those of the resamples
        person = rows[0].astype(int)[..., :, None]
        clip = rows[1].astype(int)[..., None, :] if len(rows) > 1 else np.zeros(1, int)
        votes = table[person, clip]
        known = ~np.isnan(votes)
        # a draw without any vote, of the rarest, says nothing: the middle stands for it
        total = np.where(known, votes, 0.0).sum(axis=(-2, -1))
        count = known.sum(axis=(-2, -1))
        return np.where(count > 0, total / np.maximum(count, 1), value)

    done = stats.bootstrap(
        drawn, statistic, n_resamples=RESAMPLES, confidence_level=LEVEL, method="percentile", paired=False,
        vectorized=True, batch=500, rng=np.random.default_rng(seed),
    )  # fmt: skip
    return Estimate(value, float(done.confidence_interval.low), float(done.confidence_interval.high))


def share(chosen: int, votes: int) -> Estimate:
    """A share of votes with the exact binomial interval of Clopper and Pearson, as if all votes were independent."""
    interval = stats.binomtest(chosen, votes).proportion_ci(LEVEL, method="exact")
    return Estimate(chosen / votes, float(interval.low), float(interval.high))


def signed_rank(table: np.ndarray) -> float | None:
    """The p of Wilcoxon's signed-rank test of the participants' own mean differences; None for too few of them."""
    own = own_means(table)
    if len(own) < LEAST_PEOPLE:
        return None
    done: Any = stats.wilcoxon(own) if own.any() else None  # no difference at all has no rank
    return 1.0 if done is None else float(done.pvalue)


def friedman(tables: Sequence[np.ndarray]) -> float | None:
    """The p of Friedman's test of three or more conditions; None for fewer, and for too few participants.

    tables: (P, C) of each condition, of the same participants.
    """
    own = np.array([own_means(table, keep=True) for table in tables])
    own = own[:, ~np.isnan(own).any(axis=0)]
    if len(own) < 3 or own.shape[1] < LEAST_PEOPLE:
        return None
    return 1.0 if not np.ptp(own, axis=0).any() else float(stats.friedmanchisquare(*own).pvalue)


def holm(values: Sequence[float | None]) -> list[float | None]:
    """The p of several tests, corrected for their number by Holm; None stays None and does not count."""
    order = sorted((p, i) for i, p in enumerate(values) if p is not None)
    corrected: list[float | None] = [None] * len(values)
    highest = 0.0
    for rank, (p, i) in enumerate(order):
        highest = max(highest, min(1.0, p * (len(order) - rank)))
        corrected[i] = highest
    return corrected


def own_means(table: np.ndarray, keep: bool = False) -> np.ndarray:
    """The mean of each participant's votes, without those who have none, or NaN for them (`keep`)."""
    known = ~np.isnan(table)
    count = known.sum(axis=1)
    own = np.where(count > 0, np.where(known, table, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)
    own = np.round(own, 9)  # sums of the same votes in another order are ties
    return own if keep else own[count > 0]
