"""The paper's metrics (Eq. 15-18), and the mouths that do not move which any bundle must beat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from medtalk.model.intensity import FACTOR, intensity
from medtalk.rig.channels import S_EMO, S_LIP, S_UP

if TYPE_CHECKING:
    from numpy.typing import NDArray


def mouth_error(found: NDArray, truth: NDArray) -> float:
    """MLE (Eq. 15): mean absolute error over S_lip of rigs (T, 174), a channel and frame."""
    return float(np.abs(found - truth)[:, S_LIP].mean())


def emotion_error(found: NDArray, truth: NDArray) -> float:
    """MEE (Eq. 16): mean absolute error over S_emo of rigs (T, 174), a channel and frame."""
    return float(np.abs(found - truth)[:, S_EMO].mean())


def intensity_error(found: NDArray, truth: NDArray) -> float:
    """EIE (Eq. 17): mean absolute error of Int(R), the L1 norm over S_int (Eq. 8), of rigs (T, 174).

    Without the factor .1 of the authors' release, which Eq. 8 does not have.
    """
    return float(np.abs(intensity(found) - intensity(truth)).mean() / FACTOR)


def upper_face_deviations(found: NDArray, truth: NDArray) -> NDArray:
    """(channels of S_up,) of rigs (T, 174): Eq. 18 before its mean, the truth's deviation in time less that found."""
    return truth[:, S_UP].std(axis=0) - found[:, S_UP].std(axis=0)


def paper_metrics(pairs: Iterable[tuple[NDArray, NDArray]]) -> dict[str, float]:
    """The figures over clips of (found, truth), rigs (T, 174) both; means over clips.

    "MLE" "MEE" "EIE" "FRD" (Eq. 15-18, FRD with its sign: near 0 is best), "FRD absolute" (in which neither channels
    nor clips cancel), "MLE still mouth, mean" "... median" "... zero" (the truth's mouth held still at its mean or
    median in the clip, or at rest), and "MLE / still mouth" against the median, the best of the three: under 1 a
    bundle is worth more than a mouth that does not move.

    Raises:
        ValueError: there are no clips.
    """
    rows = []
    for found, truth in pairs:
        deviations = upper_face_deviations(found, truth)
        row = {
            "MLE": mouth_error(found, truth),
            "MEE": emotion_error(found, truth),
            "EIE": intensity_error(found, truth),
            "FRD": float(deviations.mean()),
            "FRD absolute": float(np.abs(deviations).mean()),
        }
        rows.append(row | {f"MLE still mouth, {name}": mouth_error(rig, truth) for name, rig in still(truth).items()})
    if not rows:
        raise ValueError("the paper's metrics need clips")
    out = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return out | ratio(out["MLE"], out["MLE still mouth, median"])


def still(truth: NDArray) -> dict[str, NDArray]:
    """Rigs (T, 174) that hold the truth's mean, its median, and rest."""
    return {
        "mean": np.broadcast_to(truth.mean(axis=0), truth.shape),
        "median": np.broadcast_to(np.median(truth, axis=0), truth.shape),
        "zero": np.zeros_like(truth),
    }


def ratio(error: float, held: float) -> dict[str, float]:
    """{"MLE / still mouth": ...}; nothing where the truth's mouth is itself still."""
    return {"MLE / still mouth": error / held} if held > 1e-9 else {}
