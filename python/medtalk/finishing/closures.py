"""Closed lips and bitten lips: decided from the phone posteriors, laid over a rig (numpy only).

How far a jaw opens is a matter of degree, whether p b m close the lips is not. A mean of doubts leaves them half shut,
and a regression pushed upwards shuts them where nobody closes them. So the places where the lips close (p b m) or the
lower lip meets the teeth (f v) are decided: hysteresis over the summed posteriors and a shortest length, then a
trapezoid that opens faster than it closes. This step is ours. The authors' model has no phones, so it does not run
there. The teacher of lips lays its closures over its curves in the same way, with phones that are certain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medtalk.features.phones import PHONE_INDEX
from medtalk.rates import FPS
from medtalk.rig.channels import indices

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLOSING = 0.060
"""Seconds from open to closed."""
RELEASE = {"p": 0.030, "b": 0.035, "m": 0.045, "f": 0.045, "v": 0.045}
"""Seconds from closed to open: a plosive bursts."""
PRESS = {"p": 0.55, "b": 0.42, "m": 0.30}
"""How hard the lips press each other (lipsPressU)."""
BITE = {"f": 0.80, "v": 0.62}
"""How deep the lower lip goes under the teeth (lipBiteD)."""
CLOSED_FROM, BITTEN_FROM, LASTS_TO = 0.6, 0.5, 0.25
"""Posteriors at which a closure and a bite are decided, and down to which they last. On people held back .6 loses no
closure against .5; bites lose some."""
SHORTEST = 2
"""Frames; what is shorter is a doubt, not a closure."""
DOUBT = 0.35
"""Of a posterior that decides nothing: how far the lips near each other."""
JAW_SHUT, OPENING_SHUT = 0.06, 0.03
"""How far the jaw, and what parts the lips, may be open in a closure."""

_CLOSERS, _BITERS = tuple(PRESS), tuple(BITE)
_SEAL = indices("?_mouth_lipsTogether[DU]")
_PRESS = indices("?_mouth_lipsPressU")
_BITE = indices("?_mouth_lipBiteD")
_JAW = indices("C_jaw.Y")
_OPENING = indices(
    "?_mouth_lowerLipDepress", "?_mouth_upperLipRaise", "?_mouth_stretch", "?_mouth_funnel[DU]", "C_jaw_openExtreme"
)


@dataclass(frozen=True, eq=False)
class Closures:
    """How far the lips are closed, frame by frame. Immutable, its arrays too.

    Attributes:
        seal: (T,) 0 open to 1 closed.
        press: (T,) how hard the lips press each other.
        bite: (T,) how deep the lower lip is under the teeth.
        known: (T,) 0..1, where they take the place of a rig's own; None is everywhere.
    """

    seal: NDArray[np.float32]
    press: NDArray[np.float32]
    bite: NDArray[np.float32]
    known: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        for values in (self.seal, self.press, self.bite, self.known):
            if values is not None:
                values.flags.writeable = False

    def over(self, rig: NDArray[np.float32]) -> NDArray[np.float32]:
        """A rig (T, 174) with these closures in place of its own."""
        shown = self._everywhere(rig)
        return shown if self.known is None else np.asarray(rig + self.known[:, None] * (shown - rig), np.float32)

    def _everywhere(self, rig: NDArray[np.float32]) -> NDArray[np.float32]:
        out = np.array(rig, np.float32)
        shut = self.seal[:, None]
        for channels, most in ((_JAW, JAW_SHUT), (_OPENING, OPENING_SHUT)):
            out[:, channels] -= shut * np.maximum(out[:, channels] - most, 0.0)
        out[:, _SEAL] = shut
        out[:, _PRESS] = self.press[:, None]
        out[:, _BITE] = self.bite[:, None]
        return out


def decide(
    posteriors: NDArray[np.float32], heard: NDArray[np.float32] | None = None, closed_from: float = CLOSED_FROM
) -> Closures:
    """Closures of phone posteriors (T, 35), columns as in `medtalk.features.phones.PHONES`.

    `heard` are the ear's own where a transcript has sharpened them: doubts are the ear's. `closed_from` stands for
    `CLOSED_FROM`.
    """
    heard = posteriors if heard is None else heard
    times = np.arange(len(posteriors)) / FPS
    held: dict[str, NDArray] = {}
    doubt = {}
    for names, decided in ((_CLOSERS, closed_from), (_BITERS, BITTEN_FROM)):
        columns = [PHONE_INDEX[name] for name in names]
        shares = posteriors[:, columns]
        total = shares.sum(axis=1)
        spans = runs(total, decided)
        # each run is the phone that has most of it
        kinds = np.array([int(shares[first:last].sum(axis=0).argmax()) for first, last in spans], np.int64)
        for kind, name in enumerate(names):
            own = np.array([span for span, of in zip(spans, kinds, strict=True) if of == kind], np.float64)
            # a frame stands for the time around it
            held[name] = trapezoid(times, own.reshape(-1, 2) / FPS - 0.5 / FPS, RELEASE[name])
        doubt[names] = np.float32(DOUBT) * heard[:, columns].sum(axis=1)
    return compose(held, doubt[_CLOSERS], doubt[_BITERS])


def compose(held: Mapping[str, NDArray], near: NDArray | float = 0.0, touch: NDArray | float = 0.0) -> Closures:
    """Closures of how far each of p b m f v is held, (T,) from 0 to 1; elsewhere the lips near each other or the teeth
    by `near` and `touch`. A closure leaves nothing to bite."""
    seal = np.maximum(np.max([held[name] for name in _CLOSERS], axis=0), near)
    press = np.max([held[name] * PRESS[name] for name in _CLOSERS], axis=0)
    bite = np.max([held[name] * BITE[name] for name in _BITERS], axis=0)
    bite = np.maximum(bite, touch * BITE["v"]) * (1.0 - seal)
    return Closures(seal.astype(np.float32), press.astype(np.float32), bite.astype(np.float32))


def runs(posterior: NDArray, decided: float) -> list[tuple[int, int]]:
    """Frames [first, last) of the runs over `LASTS_TO` that reach `decided`, at least `SHORTEST` long."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], posterior > LASTS_TO, [False]]).astype(np.int8)))
    return [
        (int(first), int(last))
        for first, last in edges.reshape(-1, 2)
        if last - first >= SHORTEST and posterior[first:last].max() >= decided
    ]


def trapezoid(times: NDArray, spans: NDArray, release: float, closing: float = CLOSING) -> NDArray[np.float64]:
    """(T,) 1 within spans (N, 2) of seconds, half cosines over `closing` before and `release` after, the largest where
    they overlap."""
    out = np.zeros(len(times))
    for start, end in spans:
        first, last = np.searchsorted(times, [start - closing, end + release])
        near = times[first:last]
        distance = np.maximum(np.maximum((start - near) / closing, (near - end) / release), 0.0)
        out[first:last] = np.maximum(out[first:last], 0.5 + 0.5 * np.cos(np.pi * np.minimum(distance, 1.0)))
    return out
