"""The finishing of a live face until `medtalk.finishing.live` is there: limits and closures alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.finishing.clamp import headroom, limit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.finishing import Finishing
    from medtalk.finishing.closures import Closures


class PlainFinishing:
    ahead = 5

    def __init__(self, steps: Finishing) -> None:
        self._steps = steps

    def next(
        self, raw: NDArray[np.float32], ahead_raw: NDArray[np.float32], *, lips: Closures | None, **_: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        rig = headroom(raw) if self._steps.limits else raw
        rig = rig if lips is None else lips.over(rig)
        return (limit(rig) if self._steps.limits else rig), np.zeros((len(rig), 3), np.float32)
