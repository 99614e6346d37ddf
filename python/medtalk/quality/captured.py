"""A rig beside a captured one of the same clip: how late its lips are, and how far its surface is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medtalk.errors import RigError
from medtalk.quality.baselines import mouth_error, still
from medtalk.quality.surface import Surface, blocks, lip_vertices, surface
from medtalk.rates import FPS
from medtalk.rig.head import load_head

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.rig.sequence import RigSequence

MOST_APART_S = 0.5
"""How much longer one of the two may be: more is another clip."""
_SMOOTH_FRAMES = 4.0  # sigma: two frames at 30 fps, as the authors of MTM have it
_HEIGHT_MM = 0.3  # what rises less is no extremum
_EVERY = 6  # frames of which the whole face is measured; the lips in all


def beside(rig: RigSequence, captured: RigSequence, shown: Surface | None = None) -> dict[str, float]:
    """The figures of a rig beside a captured one of the same clip, by name, each error with that of a still face.

    "MTM, ms" (`mtm_ms`); "LVE, mm" (MeshTalk's, Richard et al. 2021: the largest distance of a vertex of the lips, mean
    over frames); "vertex error, mm" (mean over skin and frames); "MLE" (Eq. 15, `baselines.mouth_error`); and "...,
    still face": the captured face held at its median. `shown` is the surface of `rig` where it is known already.

    Raises:
        RigError: one is half a second longer than the other.
    """
    ours, truth = rig.resample(float(FPS)).values, captured.resample(float(FPS)).values
    if abs(len(ours) - len(truth)) > MOST_APART_S * FPS:
        raise RigError(
            f"The rig lasts {len(ours) / FPS:.2f} s and the captured one {len(truth) / FPS:.2f} s.",
            "Give a captured take of the same clip.",
        )
    frames = min(len(ours), len(truth))
    ours, truth = ours[:frames], truth[:frames]
    held = still(truth)["median"]
    opening = (surface(ours) if shown is None else shown).gap[:frames]
    late = mtm_ms(opening, surface(truth).gap)
    out = {} if late is None else {"MTM, ms": late}
    for name, found in (("", ours), (", still face", held)):
        largest, mean = vertex_errors(found, truth)
        out |= {f"LVE, mm{name}": largest, f"vertex error, mm{name}": mean, f"MLE{name}": mouth_error(found, truth)}
    return out


def mtm_ms(found: NDArray, truth: NDArray) -> float | None:
    """Mean temporal misalignment of two lip openings (T,) at 60 fps: ms between matched extrema; None without any.

    Lee et al. 2025 ("Perceptually Accurate 3D Talking Head Generation", CVPR), who find 49 to 62 ms on VOCASET. As
    there the curves are smoothed, and an extremum of the truth goes with one of the same kind between its neighbours;
    here with the nearest, where theirs is found by dynamic time warping, which takes the square of the length.
    """
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    curves = [gaussian_filter1d(np.asarray(curve, np.float64), _SMOOTH_FRAMES) for curve in (found, truth)]
    ours, theirs = ([find_peaks(sign * c, prominence=_HEIGHT_MM)[0] for sign in (1, -1)] for c in curves)
    neighbours = np.concatenate([[0], np.sort(np.concatenate(theirs)), [len(truth) - 1]])
    late = []
    for own, other in zip(ours, theirs, strict=True):
        for frame in other:
            place = int(np.searchsorted(neighbours[1:-1], frame)) + 1
            near = own[(own >= neighbours[place - 1]) & (own <= neighbours[place + 1])]
            if len(near):
                late.append(np.abs(near - frame).min() * 1000.0 / FPS)
    return float(np.mean(late)) if late else None


def vertex_errors(found: NDArray, truth: NDArray) -> tuple[float, float]:
    """(mean over frames of the largest distance of the lips, mean distance of all skin) of rigs (T, 174), in mm."""
    head = load_head()
    skin, lips = np.flatnonzero(head.material == head.MATERIALS.index("skin")), lip_vertices()
    largest = np.concatenate([_apart(found[part], truth[part], lips).max(axis=1) for part in blocks(len(found))])
    some = np.concatenate(
        [_apart(found[part][::_EVERY], truth[part][::_EVERY], skin).mean(axis=1) for part in blocks(len(found))]
    )
    return float(largest.mean()), float(some.mean())


def _apart(found: NDArray, truth: NDArray, vertices: NDArray) -> NDArray[np.float32]:
    """(T, n) mm between the vertices of two rigs."""
    head = load_head()
    return np.linalg.norm(head.trace(found, vertices) - head.trace(truth, vertices), axis=-1)
