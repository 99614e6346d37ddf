"""The finishing of a stream: the same layer as `finish` has for a clip, while somebody speaks.

Chances, shapes and sizes are those of a clip, and every part still has a stream of chance of its own. What a clip knows
ahead is what differs: the head of each module beside this one (`live_timing`, `live_life`, `live_looks`, `live_head`)
says what comes late by how much, and docs/life.md what that comes to on recordings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medtalk.errors import RigError, SettingError
from medtalk.features.cues import Accent
from medtalk.finishing import (
    BLINK_STREAM,
    GAZE_STREAM,
    HEAD_STREAM,
    LIFE_STREAM,
    TIMING_STREAM,
    TREMOR_STREAM,
    Finishing,
)
from medtalk.finishing.causal import Voice
from medtalk.finishing.clamp import headroom, limit
from medtalk.finishing.closures import Closures
from medtalk.finishing.gaze import lay_looks
from medtalk.finishing.live_head import LiveHead
from medtalk.finishing.live_life import LiveLife
from medtalk.finishing.live_looks import LiveBlinks, LiveGaze, blink_pace
from medtalk.finishing.live_timing import LiveTiming
from medtalk.finishing.timing import Tremor, shake
from medtalk.rates import FPS
from medtalk.rig.channels import N_CHANNELS

AHEAD = 5
"""Frames ahead of the one that is finished that are of use."""


class LiveFinishing:
    """Finishes the frames of a stream as they come.

    A frame is made of all frames up to it, of the `ahead` frames after it, and of the accents and moods that came with
    it or before. So the frames are the same bit for bit however they are cut into calls, as long as these are the same:
    an accent or a mood counts from the first frame of the call that brings it.

    Attributes:
        ahead: frames beyond the new ones that it makes use of, at most 5.
    """

    def __init__(self, steps: Finishing, named: str = "", ahead: int = AHEAD) -> None:
        """Begin a stream.

        Args:
            steps: which of the steps, and their seed.
            named: what the mood is called that the stream begins with, on which chance depends.
            ahead: frames beyond the new ones that every call brings, but for those at the end of the stream.

        Raises:
            SettingError: ahead is below 0.
        """
        if ahead < 0:
            raise SettingError(f"{ahead} frames ahead are not valid; valid are whole numbers from 0.")
        self._steps, amounts = steps, steps.amounts
        self.ahead = min(ahead, AHEAD) if steps.life or steps.smooth else 0
        self._voice = Voice()
        seed = int(steps.seed)
        take = 0, crc32(named.encode())  # a clip's length is part of its seed, and a stream has none
        self._timing = None
        if steps.life or steps.smooth:
            self._timing = LiveTiming(steps, self.ahead, np.random.default_rng([seed, TIMING_STREAM]))
        self._tremor = Tremor(np.random.default_rng([seed, TREMOR_STREAM]), FPS)
        self._life = LiveLife((seed, LIFE_STREAM, *take), amounts) if steps.life else None
        self._gaze = LiveGaze(np.random.default_rng([seed, GAZE_STREAM, *take]))
        self._blinks = LiveBlinks(np.random.default_rng([seed, BLINK_STREAM, *take]))
        turns = steps.head and amounts.get("head", 1.0) > 0.0
        self._head = LiveHead((seed, HEAD_STREAM, *take), amounts.get("head", 1.0)) if turns else None

    def next(
        self,
        raw: ArrayLike,
        ahead_raw: ArrayLike | None = None,
        *,
        activity: ArrayLike,
        effort: ArrayLike,
        accents: Sequence[Accent] = (),
        lips: Closures | None = None,
        mood: Mapping[str, float] | None = None,
        strength: ArrayLike | None = None,
        shaking: ArrayLike | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Finish the frames that come next.

        Args:
            raw: (N, 174) as the decoder gives it; it is not changed.
            ahead_raw: (A, 174) what is known of the frames after them, and may be another next time. More than `ahead`
                are of no use; where there are fewer, the last frame goes on.
            activity: (N,) how surely somebody speaks, 0..1.
            effort: (N,) of the voice, about 1 in plain speech.
            accents: those that were found since the last call, in order; their time is mostly past.
            lips: closures of the N frames that were decided; None keeps the decoder's own.
            mood: weights of the labels now; None is neutral.
            strength: (N,) how strongly the mood shows, about 1 where it shows plainly, which the head answers to.
            shaking: (N,) how much brows and lids tremble, as a share of their level.

        Returns:
            (N, 174) float32, and how the head turns: (N, 3) float32 degrees as `RigSequence.head`, or None where the
            steps leave it still.

        Raises:
            RigError: the arrays do not fit each other or hold values that are not numbers.
        """
        rig, voice, loud, level, shaken, beyond = self._checked(raw, activity, effort, strength, shaking, ahead_raw)
        if not len(rig):
            return rig.copy(), None if self._head is None else np.zeros((0, 3), np.float32)
        steps, mood = self._steps, mood or {"neutral": 1.0}
        moments = [self._voice.next(each) for each in voice.tolist()]
        rig = rig.copy() if self._timing is None else self._timing.next(rig, beyond)
        tremor = steps.amounts.get("tremor", 1.0)
        if steps.life and tremor and shaken.any():
            shaken[shaken != 0.0] *= tremor * self._tremor.next(int(np.count_nonzero(shaken)))
            rig = shake(rig, shaken)
        if steps.limits:
            rig = headroom(rig)
        if lips is not None:
            rig = lips.over(rig)
        turn = None if self._head is None else self._head.next(moments, loud, voice, accents, mood, level)
        if self._life is not None:
            self._life.next(rig, moments, voice, loud, accents, mood)
        looks, shifts = self._gaze.next(moments)
        if steps.gaze:
            rig = lay_looks(rig, steps.amounts.get("gaze", 1.0) * looks, turn)
        often = blink_pace(steps.amounts.get("blinks", 1.0), mood)
        if steps.blink and often > 0.0:
            self._blinks.next(rig, moments, voice, shifts, often)
        return limit(rig) if steps.limits else rig, turn

    def _checked(
        self,
        raw: ArrayLike,
        activity: ArrayLike,
        effort: ArrayLike,
        strength: ArrayLike | None,
        shaking: ArrayLike | None,
        ahead_raw: ArrayLike | None,
    ) -> list[NDArray[np.float32]]:
        """The arrays as float32, in this order."""
        rig = np.asarray(raw, np.float32)
        if rig.ndim != 2 or rig.shape[1] != N_CHANNELS:
            raise RigError(f"Frames of shape {rig.shape} cannot be finished; valid is (N, {N_CHANNELS}).")
        found = [rig]
        for name, values in (("activity", activity), ("effort", effort), ("strength", strength), ("shaking", shaking)):
            curve = np.zeros(len(rig), np.float32) if values is None else np.array(values, np.float32)
            if curve.shape != rig.shape[:1]:
                raise RigError(f"The {name} of shape {curve.shape} does not fit {len(rig)} frames.")
            found.append(curve)
        beyond = np.zeros((0, N_CHANNELS), np.float32) if ahead_raw is None else np.asarray(ahead_raw, np.float32)
        if beyond.ndim != 2 or beyond.shape[1] != N_CHANNELS:
            raise RigError(f"Frames ahead of shape {beyond.shape} do not fit; valid is (A, {N_CHANNELS}).")
        found.append(beyond)
        if not all(np.isfinite(each).all() for each in found):
            raise RigError("The frames or what belongs to them hold values that are not numbers (NaN or infinite).")
        return found
