"""What a space knows, in numbers: silhouettes, and linear probes that are judged on speakers or sentences left out.

By scikit-learn. A picture of a space shows what its method likes to show; a linear probe says what the next layer of a
network could read from it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from medtalk.errors import TrainingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FOLDS = 4
_MOST = 2500  # points of a silhouette, which compares all with all
_RIDGE = 1.0  # of standardised columns
_ITERATIONS = 400
_NEAREST, _ALIKE = 10, 0.9  # neighbours of a point, and how many of them make it one of a clump


class Probe(NamedTuple):
    """A probe's share of right answers on groups left out, and what guessing the commonest answer has."""

    accuracy: float
    chance: float


def silhouette(points: NDArray, classes: NDArray, seed: int = 0) -> float:
    """Mean silhouette of points (N, D) by class (N,): 1 where classes are clumps apart, 0 where they mix, below 0 where
    a point is nearer to another class. Raises TrainingError unless there are two classes."""
    from sklearn.metrics import silhouette_score

    _two(classes)
    return float(
        silhouette_score(points, classes, sample_size=_MOST if len(points) > _MOST else None, random_state=seed)
    )


def clumped(points: NDArray, classes: NDArray) -> float:
    """Share of points (N, D) of whose nearest ten at least nine are of their own class (N,)."""
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=min(_NEAREST, len(points) - 1)).fit(points).kneighbors(return_distance=False)
    return float(((classes[near] == classes[:, None]).mean(axis=1) >= _ALIKE).mean())


def tells(points: NDArray, classes: NDArray, groups: NDArray) -> Probe:
    """How well a logistic regression on points (N, D) tells their class (N,), groups (N,) left out in turn.

    Raises TrainingError unless there are two classes and two groups.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    _two(classes)
    right, usual = 0, 0
    for train, test in _folds(groups):
        if len(np.unique(classes[train])) < 2:
            raise TrainingError("A part of the lines lacks all classes but one.", "Give more lines.")
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=_ITERATIONS))
        with _quietly():
            probe.fit(points[train], classes[train])
        right += int((probe.predict(points[test]) == classes[test]).sum())
        values, counts = np.unique(classes[train], return_counts=True)
        usual += int((classes[test] == values[counts.argmax()]).sum())
    return Probe(right / len(points), usual / len(points))


def carries(points: NDArray, values: NDArray, groups: NDArray) -> float:
    """R2 of a ridge regression from points (N, D) to values (N, K), groups (N,) left out in turn; 0 is the mean.

    Columns of the values count by how much they move.
    """
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    error, spread = 0.0, 0.0
    for train, test in _folds(groups):
        probe = make_pipeline(StandardScaler(), Ridge(_RIDGE)).fit(points[train], values[train])
        error += float(((probe.predict(points[test]).reshape(values[test].shape) - values[test]) ** 2).sum())
        spread += float(((values[test] - values[train].mean(axis=0)) ** 2).sum())
    if spread <= 1e-12:
        raise TrainingError("The values do not move, so there is nothing to read.", "Give lines of speech.")
    return 1.0 - error / spread


def flattened(points: NDArray, seed: int = 0) -> NDArray[np.float32]:
    """Points (N, D) in two dimensions, (N, 2), by t-SNE; the same every time."""
    from sklearn.manifold import TSNE

    perplexity = min(30.0, max(2.0, (len(points) - 1) / 3.0))
    with _quietly():
        return np.asarray(TSNE(perplexity=perplexity, init="pca", random_state=seed, n_jobs=1).fit_transform(points))


def _folds(groups: NDArray) -> Iterator[tuple[NDArray, NDArray]]:
    from sklearn.model_selection import GroupKFold

    count = len(np.unique(groups))
    if count < 2:
        raise TrainingError("Probes need two lines or speakers, to be judged on one that they never met.", "Give more.")
    yield from GroupKFold(min(_FOLDS, count)).split(groups, groups=groups)


def _two(classes: NDArray) -> None:
    if len(np.unique(classes)) < 2:
        raise TrainingError("There is one class only, so there is nothing to tell apart.", "Give more lines.")


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the warning of a fit that was stopped in time: a probe that is nearly fitted is a probe."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", FutureWarning)
        yield
