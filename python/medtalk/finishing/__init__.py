"""From the decoder's rig to one that an animator can use: timing, smoothing, headroom, closures, life, gaze, blinks,
limits, in this order.

Closures and blinks come after smoothing, which would round them, and limits last, because everything before adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medtalk.errors import RigError, SettingError, require
from medtalk.features.cues import Cues, phrases
from medtalk.finishing.blink import add_blinks, pace
from medtalk.finishing.clamp import headroom, limit
from medtalk.finishing.closures import Closures
from medtalk.finishing.gaze import add_gaze, plan
from medtalk.finishing.head_motion import Moods, head_turn
from medtalk.finishing.life import PARTS, add_life
from medtalk.finishing.smoothing import PAPER_WINDOWS, check_windows, smooth
from medtalk.finishing.timing import retime, tremble
from medtalk.rates import FPS
from medtalk.rig.channels import N_CHANNELS
from medtalk.watch import checkpoint
from medtalk_wire import settings

__all__ = ["AMOUNTS", "PAPER", "Finishing", "finish", "turn_of_head"]

AMOUNTS = (*PARTS, "asymmetry", "tremor", "head", "gaze", "blinks")
"""What of the life of a face has an amount."""
MOST = 2.0
"""The largest amount; 1 is usual."""

# Each draws from a stream of its own, so that switching one off does not change the others.
BLINK_STREAM, GAZE_STREAM, LIFE_STREAM, HEAD_STREAM = 1, 2, 3, 4
TIMING_STREAM, TREMOR_STREAM = 21, 22


@dataclass(frozen=True)
class Finishing(settings.Finishing):
    """The finishing steps of a take, checked: SettingError for a seed or window that is not valid."""

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, (int, np.integer)) or self.seed < 0:
            raise SettingError(f"The seed {self.seed!r} is not valid; valid are whole numbers from 0.")
        for step in ("smooth", "blink", "gaze", "limits", "closures", "life", "head"):
            require(getattr(self, step), bool, step, "True or False")
        check_windows(self.smoothing)
        check_amounts(self.amounts)
        require(self.lean, Real, "lean", "a number from -1 to 1")
        if not -1.0 <= self.lean <= 1.0:
            raise SettingError(f"The lean {self.lean:g} is not valid; valid are numbers from -1 to 1.")
        object.__setattr__(self, "smoothing", dict(self.smoothing))  # a copy, which can be written as JSON
        object.__setattr__(self, "amounts", {part: float(amount) for part, amount in self.amounts.items()})


def check_amounts(amounts: Mapping[str, float]) -> None:
    """Raise SettingError unless every key is one of `AMOUNTS` and every amount a number from 0 to 2."""
    require(amounts, Mapping, "amounts", "a mapping from a part of the life to its amount")
    for part, amount in amounts.items():
        if part not in AMOUNTS:
            raise SettingError(f"No part of the life is called {part!r}; valid are {', '.join(AMOUNTS)}.")
        require(amount, int | float | np.number, f"The amount of {part}", "a number from 0 to 2")
        if not 0.0 <= amount <= MOST:
            raise SettingError(f"The amount {amount:g} of {part} is not valid; valid are numbers from 0 to {MOST:g}.")


PAPER = Finishing(
    blink=False, gaze=False, limits=False, smoothing=PAPER_WINDOWS, closures=False, life=False, head=False
)
"""The finishing of the paper and the authors' release alone: Savitzky-Golay, window 5, order 2, on every channel."""


def turn_of_head(
    cues: Cues,
    mood: Mapping[str, float],
    strength: NDArray[np.float32],
    steps: Finishing,
    fps: float = FPS,
    moods: Moods | None = None,
    named: str = "",
) -> NDArray[np.float32] | None:
    """How the head turns, (T, 3) degrees as `RigSequence.head`; None where the steps leave it still.

    mood: weights of the labels. strength: (T,) how strongly they show, about 1 where they show plainly. moods: the same
    over time, where they change, as `head_turn` takes them. named: as in `finish`.
    """
    amount = steps.amounts.get("head", 1.0)
    if not steps.head or not amount:
        return None
    seed = (int(steps.seed), HEAD_STREAM, *_take(cues.activity, mood, named))
    return head_turn(cues, mood, strength, fps, seed, amount, moods)


def finish(
    values: ArrayLike,
    activity: ArrayLike,
    steps: Finishing = Finishing(),
    fps: float = FPS,
    lips: Closures | None = None,
    cues: Cues | None = None,
    turn: NDArray[np.float32] | None = None,
    mood: Mapping[str, float] | None = None,
    shaking: NDArray[np.float32] | None = None,
    named: str = "",
) -> NDArray[np.float32]:
    """Finish a rig.

    Args:
        values: (T, 174), as the decoder gives it; it is not changed.
        activity: (T,) how surely somebody speaks at each frame, 0..1.
        steps: which of them, and their seed.
        fps: frames a second of both, finite and above 0.
        lips: closures that were decided, laid over the rig whatever the steps; None keeps the decoder's own.
        cues: what the face answers to in the voice; None knows the activity alone.
        turn: of the head, (T, 3) degrees as `RigSequence.head`, against which the eyes turn; None is a still head.
        mood: weights of the labels, by which amounts differ; None is neutral.
        shaking: (T,) how much brows and lids tremble, as a share of their level; None is not at all.
        named: what the mood is called, on which chance depends; "" takes the label that leads in `mood`.

    Returns:
        (T, 174) float32.

    Raises:
        RigError: the arrays do not fit each other or hold values that are not numbers.
        SettingError: fps is not valid.
    """
    rig, voice = np.asarray(values, np.float32), np.asarray(activity, np.float32)
    if rig.ndim != 2 or rig.shape[1] != N_CHANNELS or voice.shape != rig.shape[:1]:
        raise RigError(
            f"A rig of shape {rig.shape} with an activity of shape {voice.shape} cannot be finished; valid are "
            f"(T, {N_CHANNELS}) and (T,)."
        )
    if not (np.isfinite(rig).all() and np.isfinite(voice).all()):
        raise RigError("The rig or its voice activity holds values that are not numbers (NaN or infinite).")
    if cues is not None and cues.frames != len(rig):
        raise RigError(f"A rig of {len(rig)} frames does not fit cues of {cues.frames}.")
    if turn is not None and np.shape(turn) != (len(rig), 3):
        raise RigError(f"A turn of shape {np.shape(turn)} does not fit; valid is ({len(rig)}, 3) degrees.")
    if not (np.isfinite(fps) and fps > 0):
        raise SettingError(f"{fps} frames a second is not valid; it must be above 0.")
    if not len(rig):
        return rig.copy()
    if cues is None:
        cues = replace(Cues.none(len(rig)), phrases=phrases(voice, fps), activity=voice.copy())
    if steps.life:
        rng, sides = np.random.default_rng([steps.seed, TIMING_STREAM]), steps.amounts.get("asymmetry", 1.0)
        rig = retime(rig, fps, rng, steps.lean, sides)
    if steps.smooth:
        rig = smooth(rig, steps.smoothing, steps.closures)
        checkpoint(0.7)
    else:
        rig = rig.copy()
    tremor = steps.amounts.get("tremor", 1.0)
    if steps.life and shaking is not None and tremor and shaking.any():  # after smoothing, which would take it away
        rig = tremble(rig, tremor * shaking, fps, np.random.default_rng([steps.seed, TREMOR_STREAM]))
    if steps.limits:
        rig = headroom(rig)
    if lips is not None:
        rig = lips.over(rig)
    take = _take(voice, mood, named)
    if steps.life:
        rig = add_life(rig, cues, fps, (int(steps.seed), LIFE_STREAM, *take), steps.amounts, mood)
        checkpoint(0.75)
    # The looks are planned even where they do not show, since blinks go with them.
    fixations, shifts = plan(len(rig) / fps, cues.phrases, np.random.default_rng([steps.seed, GAZE_STREAM, *take]))
    if steps.gaze:
        rig = add_gaze(rig, fixations, fps, steps.amounts.get("gaze", 1.0), turn)
        checkpoint(0.8)
    often = steps.amounts.get("blinks", 1.0) * pace(mood)
    if steps.blink and often > 0.0:
        rig = add_blinks(rig, voice, fps, np.random.default_rng([steps.seed, BLINK_STREAM, *take]), shifts, often)
        checkpoint(0.9)
    if steps.limits:
        rig = limit(rig)
    return rig


def _take(voice: NDArray[np.float32], mood: Mapping[str, float] | None, named: str) -> tuple[int, int]:
    """A seed: another sound or another mood is another take, as no two faces of a scene blink at the same frames.

    Of the sound its length alone: a copy in another format has other last bits, and is the same take.
    """
    leading = named or (max(mood, key=lambda label: mood[label]) if mood else "")
    return len(voice), crc32(leading.encode())
