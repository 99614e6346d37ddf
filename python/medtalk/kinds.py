"""Which kind of a label's face shows when: one leads, another comes up, over seconds (numpy only).

A deterministic decoder gives one face for one vector, and nobody holds one face through a line. So the vectors of a
label's kinds are mixed with weights that drift. They are convex: training has seen such mixtures. One kind of a
label is far from it, as contempt is from anger: it comes up, and leads only where it is asked for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medtalk.rates import FPS

_LEADS, _PREFERRED = 1.4, 2.6  # how far the leader is ahead, in logits: about two thirds, and nine tenths
_FAR = -1.2  # of the kind that is far from its label
_WANDER = 1.1
_PERIODS = (4.5, 8.0, 15.0)  # seconds, roughly


def drift(
    frames: int, kinds: int, rng: np.random.Generator, preferred: int | None = None, far: int | None = None
) -> NDArray[np.float32]:
    """Weights (frames, kinds) at 60 fps, 0 or more, that sum to 1 at each frame.

    Args:
        frames: T.
        kinds: K.
        rng: the only source of chance: it chooses the leader and the drift.
        preferred: the kind that leads; None lets chance choose.
        far: the kind that does not lead by chance; None for none.
    """
    return LiveDrift(kinds, rng, preferred, far).next(frames)


class LiveDrift:
    """The drift of a stream, which goes on for ever: the same weights as `drift` has, however they are asked for."""

    def __init__(
        self, kinds: int, rng: np.random.Generator, preferred: int | None = None, far: int | None = None
    ) -> None:
        """As in `drift`. Set `frame` to begin elsewhere than at the first one."""
        chosen = int(rng.choice([kind for kind in range(kinds) if kind != far]))
        self._periods = np.array(_PERIODS)[:, None, None] * rng.uniform(0.8, 1.25, (len(_PERIODS), 1, kinds))
        self._phases = rng.uniform(0.0, 1.0, self._periods.shape)
        self._leads = chosen if preferred is None else preferred, _LEADS if preferred is None else _PREFERRED
        self._far = far if preferred is None else None
        self.frame = 0

    def next(self, frames: int) -> NDArray[np.float32]:
        """The weights (frames, kinds) of the frames that come next."""
        times = (self.frame + np.arange(frames))[:, None] / FPS
        self.frame += frames
        waves = np.sin(2.0 * np.pi * (times / self._periods + self._phases)).sum(axis=0)
        logits = _WANDER * np.sqrt(2.0 / len(_PERIODS)) * waves
        if self._far is not None:
            logits[:, self._far] += _FAR
        leader, ahead = self._leads
        logits[:, leader] += ahead
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
