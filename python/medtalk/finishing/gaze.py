"""Small movements of the eyes, so that a face does not stare.

An eye at rest holds still for 0.3 to 2.5 s, drifts slowly meanwhile, and then jumps by a degree or two. The durations
of fixations are skewed to the right, here log-normal; the duration of a jump grows with its size (Bahill, Clark and
Stark 1975, "The main sequence", Mathematical Biosciences: about 20 ms and 2 ms for each degree), and its course is
close to that of least jerk. Both eyes turn together. The upper lid follows the eye up and down.

The eye controls are L_eye and R_eye, whose X is +1 where either eye looks to the character's left, so the same value
turns both the same way. At 1 an eye has turned about 40 degrees. Times are real numbers, not frames.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medtalk.rig.channels import indices

REACH = (0.07, 0.045)
"""Farthest that a movement goes sideways and up or down, in board units: about 2.8 and 1.8 degrees."""
_DEGREES = 40.0  # at board value 1
_FIXATION = (0.3, 2.5)  # seconds
_FIXATION_MEDIAN, _FIXATION_SPREAD = 0.9, 0.6  # and spread of the logarithm
_STEP = np.array([0.028, 0.014])  # standard deviation of a jump's target, sideways and up or down
_KEPT = 0.4  # of the old direction in the new one: the eyes come home rather than wander off
_DRIFT = 0.003  # board units a second, standard deviation
_JUMP = (0.030, 0.060)  # seconds, shortest and longest

_EYES_X = indices("[LR]_eye.X")
_EYES_Y = indices("[LR]_eye.Y")
_UPPER_LIDS = indices("[LR]_eye_eyelidU")  # below 0 raises the lid
_LID_FOLLOW = 0.5


def directions(frames: int, fps: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Where the eyes look at each frame: (frames, 2), sideways (+ to the character's left) and up, in board units.

    The clip begins looking straight on.
    """
    times = np.arange(frames) / fps
    out = np.zeros((frames, 2))
    reach = np.array(REACH)
    place, begin = np.zeros(2), 0.0  # at the end of a jump, which is the start of a fixation
    while frames and begin <= times[-1]:
        fixation = float(np.clip(rng.lognormal(np.log(_FIXATION_MEDIAN), _FIXATION_SPREAD), *_FIXATION))
        drift = rng.normal(0.0, _DRIFT, 2)
        leaving = np.clip(place + drift * fixation, -reach, reach)
        target = np.clip(_KEPT * place + rng.normal(0.0, 1.0, 2) * _STEP, -reach, reach)
        jump = float(np.clip(0.020 + 0.0022 * _DEGREES * np.hypot(*(target - leaving)), *_JUMP))

        still = (times >= begin) & (times < begin + fixation)
        out[still] = place + (leaving - place) * ((times[still, None] - begin) / fixation)
        moving = (times >= begin + fixation) & (times < begin + fixation + jump)
        x = (times[moving, None] - begin - fixation) / jump
        out[moving] = leaving + (target - leaving) * x**3 * (10.0 - 15.0 * x + 6.0 * x * x)
        place, begin = target, begin + fixation + jump
    return out


def add_gaze(values: NDArray[np.float32], fps: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Add small eye movement to a rig (T, 174); returns a new array."""
    out = np.array(values, np.float32)
    look = directions(len(out), fps, rng).astype(np.float32)
    out[:, _EYES_X] += look[:, :1]
    out[:, _EYES_Y] += look[:, 1:]
    out[:, _UPPER_LIDS] -= _LID_FOLLOW * look[:, 1:]
    return out
