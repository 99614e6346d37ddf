"""Where the eyes look: fixations and jumps, glances away, and eyes that stay on their target while the head turns.

Fixations. An eye holds still for 0.3 to 2.5 s, drifts slowly meanwhile, and jumps by a degree or two, from one place
of the listener's face to another. The durations are skewed to the right, here log-normal; the duration of a jump grows
with its size (Bahill, Clark and Stark 1975, "The main sequence", Mathematical Biosciences: about 20 ms and 2 ms for
each degree), and its course is close to that of least jerk.

Glances. Who begins to speak looks away and plans what to say, and ends looking at the listener (Kendon 1967, "Some
functions of gaze-direction in social interaction", Acta Psychologica; Ho, Foulsham and Kingstone 2015, "Speaking and
listening with the eyes", PLoS ONE). So some phrases after a pause begin with a glance away, that starts before them;
within long speech there is one now and then, and few while listening. Those before a phrase go up as often as down,
all go to a side (Sugita and Fukuchi 2023, "Good interviewers avert their gaze", Journal of Information Processing: up
and to a side before speaking). How long and how often is ours, since there is a viewer in front of the camera: Andrist,
Mutlu and Gleicher 2013 ("Conversational gaze aversion for virtual agents") timed people.

Head. The vestibulo-ocular reflex turns the eyes against the head, so the eye's angle is the target's less the head's.

Both eyes turn together, and the upper lid follows up and down. The eye controls are L_eye and R_eye, whose X is +1
where either eye looks to the character's left; what 1 is in degrees stands in `medtalk.rig.head_table`. Times are real
numbers, not frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medtalk.finishing.course import ease
from medtalk.rig.channels import indices
from medtalk.rig.head_table import EYE_DEGREES

REACH = (2.8, 1.6)
"""Degrees to either side, and up or down, within which the eyes move about the listener's face."""
AWAY = (6.0, 12.0)
"""Degrees of a glance away."""
MOST = 25.0
"""Degrees that eyes turn at most in a head that turns: beyond, people turn the head or the body."""
LARGE = 4.0
"""Degrees from which a jump is a shift of gaze, which blinks may follow."""
_FIXATION = (0.3, 2.5)  # seconds
_FIXATION_MEDIAN, _FIXATION_SPREAD = 0.9, 0.6  # and spread of the logarithm
_STEP = np.array([1.12, 0.5])  # degrees, standard deviation of a jump's target, sideways and up or down
_KEPT = 0.4  # of the old direction in the new one: the eyes come home rather than wander off
_DRIFT = 0.12  # degrees a second, standard deviation
_JUMP = (0.030, 0.075)  # seconds, shortest and longest

_PAUSES, _PLANNED = (0.3, 0.5, 1.2), (0.0, 0.3, 0.6)  # seconds of a pause, and how often a phrase after it begins so
_EARLY = (0.10, 0.45)  # seconds before the phrase
LENGTH = (0.6, 1.5)  # seconds
APART = 1.2  # seconds between two glances
STRAIGHT = 0.15  # seconds at the beginning of a clip
SPEAKING, LISTENING = 7.0, 14.0  # seconds from one glance to the next, on average

_EYES_X = indices("[LR]_eye.X")
_EYES_Y = indices("[LR]_eye.Y")
_UPPER_LIDS = indices("[LR]_eye_eyelidU")  # below 0 raises the lid
_LID_FOLLOW = 0.5


_Glance = tuple[float, float, tuple[float, float]]  # start and end in seconds, place in degrees


@dataclass(frozen=True)
class Fixation:
    """The eyes rest from `start` to `end` in seconds, from `place` to `leaving`, and then jump for `jump` seconds.

    Places are (sideways, up) in degrees; + is to the character's left, and up.
    """

    start: float
    end: float
    place: tuple[float, float]
    leaving: tuple[float, float]
    jump: float


@dataclass(frozen=True)
class Shift:
    """A large jump of the eyes: when it starts, in seconds, and its size in degrees."""

    time: float
    size: float


def plan(
    seconds: float, phrases: Sequence[tuple[float, float]], rng: np.random.Generator
) -> tuple[list[Fixation], list[Shift]]:
    """The fixations of a clip, in order and without gaps, and the large jumps between them.

    Args:
        seconds: length of the clip; it begins looking straight on.
        phrases: (start, end) in seconds, that speech is in.
        rng: the only source of chance.
    """
    fixations: list[Fixation] = []
    shifts: list[Shift] = []
    glances = _glances(seconds, phrases, rng)
    begin, place, home = 0.0, np.zeros(2), np.zeros(2)
    while begin <= seconds:
        length, home, drift = rest(home, rng)
        target = home
        while glances and glances[0][1] <= begin:  # its time went by in the one before
            glances.pop(0)
        if glances and glances[0][0] <= begin:
            length = glances[0][1] - begin
        elif glances and glances[0][0] < begin + length + _JUMP[1]:
            length = glances[0][0] - begin
            target = np.array(glances[0][2])
        leaving = place + drift * min(length, 1.0)
        size, jump = jump_of(target - leaving)
        fixations.append(Fixation(begin, begin + length, tuple(place), tuple(leaving), jump))  # pyright: ignore[reportArgumentType]
        if size >= LARGE and begin + length < seconds:
            shifts.append(Shift(begin + length, size))
        place, begin = target, begin + length + jump
    return fixations, shifts


def rest(home: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """How many seconds a look rests, where it goes on the listener's face then, and its drift in degrees a second.

    `home` is where it went last, (2,) degrees.
    """
    length = float(np.clip(rng.lognormal(np.log(_FIXATION_MEDIAN), _FIXATION_SPREAD), *_FIXATION))
    home = np.clip(_KEPT * home + rng.normal(0.0, 1.0, 2) * _STEP, (-REACH[0], -REACH[1]), REACH)
    return length, home, rng.normal(0.0, _DRIFT, 2)


def jump_of(way: NDArray[np.float64]) -> tuple[float, float]:
    """Degrees and seconds of a jump by so many degrees (2,)."""
    size = float(np.hypot(*way))
    return size, float(np.clip(0.020 + 0.0022 * size, *_JUMP))


def _glances(seconds: float, phrases: Sequence[tuple[float, float]], rng: np.random.Generator) -> list[_Glance]:
    """The glances away, in order and apart."""
    found: list[_Glance] = []
    ended = -1.0  # of the phrase before: the first one begins a turn
    for start, end in [*phrases, (seconds, seconds)]:
        found += _now_and_then(max(ended, 0.0), start, LISTENING, rng)
        shows, early, length = float(rng.uniform()), float(rng.uniform(*_EARLY)), float(rng.uniform(*LENGTH))
        place = away(rng, thought=True)
        if start < seconds and shows < planned(start - ended):
            begin = max(start - early, STRAIGHT)
            found.append((begin, begin + length, place))
        found += _now_and_then(start, end, SPEAKING, rng)
        ended = end
    kept: list[_Glance] = []
    for glance in sorted(found):
        if glance[0] >= STRAIGHT and (not kept or glance[0] > kept[-1][1] + APART):
            kept.append(glance)
    return kept


def _now_and_then(first: float, until: float, mean: float, rng: np.random.Generator) -> list[_Glance]:
    """Glances from `first` to `until` in seconds, on average one in `mean` seconds; who ends looks at the listener."""
    found: list[_Glance] = []
    begin = first + float(rng.exponential(mean))
    while begin < until:
        end = begin + float(rng.uniform(*LENGTH))
        place = away(rng, thought=False)
        if end < until:
            found.append((begin, end, place))
        begin = end + float(rng.exponential(mean))
    return found


def planned(pause: float) -> float:
    """How often a phrase begins with a glance away after so many seconds of pause."""
    return float(np.interp(pause, _PAUSES, _PLANNED))


def away(rng: np.random.Generator, thought: bool) -> tuple[float, float]:
    """A place to look at that is not the listener, in degrees."""
    size, side, lift = float(rng.uniform(*AWAY)), float(rng.choice([-1.0, 1.0])), float(rng.uniform())
    up = np.radians(35.0 if lift < 0.55 else -30.0) if thought else np.radians(8.0 if lift < 0.4 else -15.0)
    return side * size * float(np.cos(up)), size * float(np.sin(up))


def directions(fixations: Sequence[Fixation], frames: int, fps: float) -> NDArray[np.float64]:
    """Where the eyes look at each frame: (frames, 2) degrees, sideways (+ to the character's left) and up."""
    times = np.arange(frames) / fps
    out = np.zeros((frames, 2))
    for number, fixation in enumerate(fixations):
        place, leaving = np.array(fixation.place), np.array(fixation.leaving)
        first, jumps, ends = np.searchsorted(times, [fixation.start, fixation.end, fixation.end + fixation.jump])
        held = (times[first:jumps, None] - fixation.start) / max(fixation.end - fixation.start, 1e-6)
        out[first:jumps] = place + (leaving - place) * held
        target = np.array(fixations[number + 1].place) if number + 1 < len(fixations) else leaving
        out[jumps:ends] = leaving + (target - leaving) * ease((times[jumps:ends, None] - fixation.end) / fixation.jump)
    return out


def add_gaze(
    values: NDArray[np.float32],
    fixations: Sequence[Fixation],
    fps: float,
    amount: float = 1.0,
    turn: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Add a plan of looks to a rig (T, 174); returns a new array.

    Args:
        values: the rig.
        fixations: as `plan` makes them.
        fps: frames a second.
        amount: of the looks, 1 is usual; the eyes turn against the head whatever it is.
        turn: of the head, (T, 3) degrees: yaw to the character's left, pitch up, roll. None is a still head.
    """
    return lay_looks(values, amount * directions(fixations, len(values), fps), turn)


def lay_looks(
    values: NDArray[np.float32], look: NDArray[np.float64], turn: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Add looks (T, 2) in degrees to a rig (T, 174), in a head that turns by (T, 3); returns a new array."""
    out = np.array(values, np.float32)
    if turn is not None:
        look = np.clip(look - turn[:, :2], -MOST, MOST)
    sideways = (look[:, :1] / EYE_DEGREES["sideways"]).astype(np.float32)
    up = np.where(look[:, 1:] > 0.0, look[:, 1:] / EYE_DEGREES["up"], look[:, 1:] / EYE_DEGREES["down"])
    up = up.astype(np.float32)
    out[:, _EYES_X] += sideways
    out[:, _EYES_Y] += up
    out[:, _UPPER_LIDS] -= _LID_FOLLOW * up
    return out
