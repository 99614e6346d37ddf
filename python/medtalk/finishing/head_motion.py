"""How the head turns while somebody speaks: yaw, pitch and roll in degrees.

What it is made of, each from a stream of chance of its own:

postures  where the head is held, another one for each phrase: wide, smooth shifts after pauses (the "postural shifts"
          of Hadar, Steiner and Rose 1984, "The relationship between head movements and speech dysfluencies").
nods      on a part of the pitch accents, down and back within .3 to .6 s. The lowest point comes a little before the
          peak of the pitch, and a nod takes the louder accents rather than the others.
sway      slow movement with the voice. Munhall et al. 2004 ("Visual prosody and speech intelligibility", Psychological
          Science) found that head movement follows pitch and loudness closely.
drift     what is left in silence: slow and small, with the breath.
bearing   where a mood holds the head.

Hadar, Steiner, Grant and Rose 1983 ("Kinematics of head movements accompanying speech during conversation", Human
Movement Science) sort such movements into classes by their speed. Here a slow one is below 1.8 Hz, a nod below 3.7 Hz;
faster ones are left out, as they read as a tremor. Busso et al. 2007 ("Rigid head motion in expressive speech
animation", IEEE Transactions on Audio, Speech and Language Processing) found that activation, range and speed tell
emotions apart: more in anger and joy than in neutral speech, slow in sadness. All numbers are ours. Times are real
numbers, not frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from medtalk.finishing.course import ease

if TYPE_CHECKING:
    from medtalk.features.cues import Accent, Cues

Value = TypeVar("Value", float, NDArray[np.float64])
Moods = Sequence[tuple[float | NDArray, Mapping[str, float]]]
"""Weights of the labels over time: shares that sum to 1, each a number or one a frame (T,), with the weights there."""
REACH = (16.0, 13.0, 10.0)
"""Degrees of yaw, pitch and roll that the head approaches and does not pass, by more than a mood's bearing."""


class Manner(NamedTuple):
    """How a mood holds and moves the head.

    Attributes:
        bearing: degrees of yaw and roll to one side, which chance chooses, and of pitch: (yaw, pitch, roll).
        reach: multiplies all movement. speed: of shifts, nods and sway. nods: multiplies how many accents have one.
        roll: multiplies movement about the axis of the nose.
    """

    bearing: tuple[float, float, float] = (0.0, 0.0, 0.0)
    reach: float = 1.0
    speed: float = 1.0
    nods: float = 1.0
    roll: float = 1.0


MANNERS: Mapping[str, Manner] = {
    "neutral": Manner(),
    "angry": Manner((0.0, -4.0, 0.0), 1.3, 1.35, 1.3, 0.7),  # the brow goes forward, short and sharp
    "disgust": Manner((4.5, 1.5, -2.0), 0.85, 0.85, 0.8),  # away from it, the chin up
    "fear": Manner((2.0, 2.5, -1.5), 0.7, 1.3, 0.6),  # back, and hardly a nod
    "happy": Manner((1.0, 1.5, 3.0), 1.35, 1.1, 1.1, 1.5),
    "sad": Manner((1.5, -6.0, 2.0), 0.5, 0.65, 0.5),
    "surprised": Manner((0.0, 4.5, 1.0), 1.1, 1.15, 0.9),  # back and up
}
"""By label. What no label says is neutral."""

POSTURE, NODS, SWAY, DRIFT, SIDE = range(5)  # streams

_SHIFT_DEGREES = np.array([2.3, 1.3, 1.4])  # standard deviation of a posture
_SHIFT_KEPT = 0.4  # of the old posture in the new one
_SHIFT_S = (0.5, 0.9)
_SHIFT_LEAD_S = 0.15  # before a phrase begins: the head turns with the breath in
SHIFTS_APART = 1.0  # a head that shifts twice a second looks about
HOLD_S = (2.2, 4.5)  # in a long phrase there is another shift after so long

_NOD_SHARE = (0.25, 0.75)  # of accents that have one, from the weakest to the strongest
_NOD_DEGREES = (2.0, 5.0)
_NOD_SPREAD = 0.25  # of the logarithm of its size
_NOD_S = (0.34, 0.56)
_NOD_DOWN = 0.42  # of its time
_NOD_FASTEST = 55.0  # degrees a second at its peak: a larger nod takes longer
NOD_APART_S = 0.5
_NOD_LEAD = (0.03, 0.035)  # seconds from its lowest point to the accent: mean and standard deviation
_NOD_ASIDE = 0.22  # of its size, sideways and in roll
_NOD_UP = 0.15  # of the nods go up instead: the head is raised on the accent
_LIFT = 0.18  # of its size, in the other direction, before it

SWAY_DEGREES = np.array([1.3, 0.8, 0.75])
SWAY_S = (0.16, 0.7)  # deviations of the two bells whose difference it is: about .2 to 1 Hz
_EFFORT_DEGREES = 1.1  # up, for a voice twice as strong as around it
EFFORT_S = (0.12, 1.5)  # deviations of the bells over which the voice is heard: now, and around
_DRIFT_DEGREES = np.array([0.8, 0.5, 0.45])
_DRIFT_HZ = (0.03, 0.16)
_DRIFT_WAVES = 5  # of each axis, none a multiple of another
_BREATH_DEGREES, _BREATH_S = 0.16, 3.8
_QUIET = 0.12  # of the sway that is left in silence
SETTLE_S = 0.25
_EASE_PEAK = 1.875  # the greatest slope of a movement of least jerk, against its mean
MOOD_S = 0.8  # a bearing follows its mood no faster
FOLLOW_S = 0.3  # the spread of its change to another mood
MOST = 1.5  # the strongest that a bearing answers to


def head_turn(
    cues: Cues,
    weights: Mapping[str, float],
    strength: NDArray[np.float32],
    fps: float,
    seed: tuple[int, ...],
    amount: float = 1.0,
    moods: Moods | None = None,
) -> NDArray[np.float32]:
    """How the head turns in a clip.

    Args:
        cues: of the voice.
        weights: of the labels; what is missing to 1 is neutral.
        strength: (T,) how strongly the mood shows; about 1 is plainly.
        fps: frames a second.
        seed: of all chance here; each part takes a stream of its own from it.
        amount: multiplies all of it, 0 to 2.
        moods: what `weights` are the mean of, where they change in the clip; the bearing follows them.

    Returns:
        (T, 3) float32: yaw (to the character's left), pitch (up), roll (to its right shoulder).
    """
    from scipy.ndimage import gaussian_filter1d

    frames = cues.frames
    if not frames:
        return np.zeros((0, 3), np.float32)
    times = np.arange(frames) / fps
    rngs = [np.random.default_rng([*seed, stream]) for stream in (POSTURE, NODS, SWAY, DRIFT, SIDE)]
    level = np.clip(gaussian_filter1d(np.asarray(strength, np.float64), MOOD_S * fps, mode="nearest"), 0.0, MOST)
    manner = _manner(weights, float(level.mean()))
    speaking = gaussian_filter1d(np.asarray(cues.activity, np.float64), SETTLE_S * fps, mode="nearest")

    moved = swing(speaking)[:, None] * _sway(frames, fps / manner.speed, rngs[SWAY])
    moved[:, 1] += _with_voice(cues, speaking, fps)
    moved += _postures(times, cues, manner, rngs[POSTURE]) + _nods(times, cues, manner, rngs[NODS])
    moved *= manner.reach
    moved[:, 2] *= manner.roll
    moved += Drift(rngs[DRIFT]).at(times)
    reach = np.array(REACH)
    side = 1.0 if rngs[SIDE].uniform() < 0.5 else -1.0
    held = sum(_over_time(share, fps) * _bearing(own, side) for share, own in moods or [(1.0, weights)])
    moved = reach * np.tanh(moved / reach) + level[:, None] * held
    return (amount * moved).astype(np.float32)


def _manner(weights: Mapping[str, float], level: float) -> Manner:
    """How the head moves in a mixture of moods that shows as strongly as `level`: weak ones are nearer to neutral."""
    shares = {label: weight * min(level, 1.0) for label, weight in weights.items() if label in MANNERS}
    plain = 1.0 - sum(shares.values())
    columns = zip(*(MANNERS[label][1:] for label in ("neutral", *shares)), strict=True)
    return Manner((0.0, 0.0, 0.0), *(float(np.dot([plain, *shares.values()], column)) for column in columns))


def _over_time(share: float | NDArray, fps: float) -> float | NDArray:
    """A mood's share as a column (T, 1): the head follows another mood more slowly than the face does."""
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(share, FOLLOW_S * fps, mode="nearest")[:, None] if np.ndim(share) else share


def _bearing(weights: Mapping[str, float], side: float) -> NDArray[np.float64]:
    """(3,) degrees in which a mixture of moods holds the head; a side of -1 is the other one."""
    held = np.zeros(3)
    for label, weight in weights.items():
        if label in MANNERS:
            held += weight * np.array(MANNERS[label].bearing)
    return held * (side, 1.0, side)


def _postures(times: NDArray, cues: Cues, manner: Manner, rng: np.random.Generator) -> NDArray[np.float64]:
    """(T, 3) the posture at each time."""
    out = np.zeros((len(times), 3))
    posture = np.zeros(3)
    for begin in _shifts(cues, rng):
        target, lasts = another_posture(posture, manner.speed, rng)
        out += (target - posture) * ease((times - begin) / lasts)[:, None]
        posture = target
    return out


def _shifts(cues: Cues, rng: np.random.Generator) -> list[float]:
    """When the posture changes: before each phrase, and now and then within a long one."""
    begins: list[float] = []
    for start, end in cues.phrases:
        at = start - _SHIFT_LEAD_S
        while at < end - 1.0 or at < start:
            if not begins or at - begins[-1] >= SHIFTS_APART:
                begins.append(at)
            at = max(at, start) + rng.uniform(*HOLD_S)
    return begins


def another_posture(
    posture: NDArray[np.float64], speed: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], float]:
    """The posture (3,) that comes after another, and how many seconds the head takes to get there."""
    target = _SHIFT_KEPT * posture + rng.normal(0.0, 1.0, 3) * _SHIFT_DEGREES
    return target, rng.uniform(*_SHIFT_S) / speed


class Nod(NamedTuple):
    """A nod: when it begins, how many seconds it takes down and back, and degrees (3,) at its lowest point."""

    begin: float
    down: float
    back: float
    turn: NDArray[np.float64]


def nods(cues: Cues, manner: Manner, rng: np.random.Generator) -> list[Nod]:
    """The nods of a clip."""
    found: list[Nod] = []
    last = -np.inf
    for accent in cues.accents:
        nod = nod_on(accent, manner, accent.time - last >= NOD_APART_S, rng)
        if nod is not None:
            last = accent.time
            found.append(nod)
    return found


def nod_on(accent: Accent, manner: Manner, free: bool, rng: np.random.Generator) -> Nod | None:
    """The nod of an accent, or none; `free` is whether no nod is just before."""
    # All is drawn for each accent, so that one nod more or less leaves the others as they are.
    takes, up, late, lasts = rng.uniform(), rng.uniform(), rng.normal(*_NOD_LEAD), rng.uniform(*_NOD_S)
    size, aside = rng.normal(0.0, _NOD_SPREAD), rng.normal(0.0, _NOD_ASIDE, 2)
    share = _NOD_SHARE[0] + (_NOD_SHARE[1] - _NOD_SHARE[0]) * accent.strength
    if takes >= share * manner.nods or not free:
        return None
    degrees = np.exp(size) * (_NOD_DEGREES[0] + (_NOD_DEGREES[1] - _NOD_DEGREES[0]) * accent.strength)
    degrees = min(degrees, 1.3 * _NOD_DEGREES[1])
    down = max(_NOD_DOWN * lasts / manner.speed, _EASE_PEAK * manner.reach * degrees / _NOD_FASTEST)
    lasts = down / _NOD_DOWN
    turn = degrees * np.array([aside[0], 0.7 if up < _NOD_UP else -1.0, aside[1]])
    return Nod(accent.time - late - down, down, lasts - down, turn)


def _nods(times: NDArray, cues: Cues, manner: Manner, rng: np.random.Generator) -> NDArray[np.float64]:
    out = np.zeros((len(times), 3))
    for nod in nods(cues, manner, rng):
        near = slice(*np.searchsorted(times, [nod.begin - nod.down, nod.begin + nod.down + nod.back]))
        out[near] += turn_of(nod, times[near])
    return out


def turn_of(nod: Nod, times: NDArray[np.float64], lifts: bool = True) -> NDArray[np.float64]:
    """(N, 3) degrees that a nod turns the head by at `times` (N,) in seconds; `lifts` is whether it lifts it before."""
    since = times - nod.begin
    fall = ease(since / nod.down) * (1.0 - ease((since - nod.down) / nod.back))
    if lifts:
        lift = ease((since + nod.down) / nod.down) * (1.0 - ease(since / (0.6 * nod.down)))
        fall = fall - _LIFT * lift
    return nod.turn * fall[:, None]


def _sway(frames: int, fps: float, rng: np.random.Generator) -> NDArray[np.float64]:
    from scipy.ndimage import gaussian_filter1d

    fast, slow = (deviation * fps for deviation in SWAY_S)
    noise = rng.normal(0.0, 1.0, (frames, 3))
    low, lower = (gaussian_filter1d(noise, deviation, axis=0, mode="reflect") for deviation in (fast, slow))
    # Its variance, of white noise: the integral of the square of the difference of the two bells.
    variance = (1.0 / fast + 1.0 / slow - 2.0 * np.sqrt(2.0 / (fast**2 + slow**2))) / (2.0 * np.sqrt(np.pi))
    return SWAY_DEGREES * (low - lower) / np.sqrt(variance)


def swing(speaking: Value) -> Value:
    """How much of the sway there is, of how surely somebody speaks."""
    return _QUIET + (1.0 - _QUIET) * speaking


def log_effort(effort: NDArray) -> NDArray[np.float64]:
    """Doublings of effort that the head answers to."""
    return np.log2(np.maximum(np.asarray(effort, np.float64), 0.1))


def raised(rise: float | NDArray, speaking: float | NDArray) -> NDArray[np.float64]:
    """Degrees of pitch for an effort so many doublings above that around it."""
    return _EFFORT_DEGREES * speaking * np.minimum(np.maximum(rise, -1.5), 1.5)


def _with_voice(cues: Cues, speaking: NDArray, fps: float) -> NDArray[np.float64]:
    """(T,) degrees of pitch: up with effort, against the voice around."""
    from scipy.ndimage import gaussian_filter1d

    near, around = (gaussian_filter1d(log_effort(cues.effort), each * fps, mode="nearest") for each in EFFORT_S)
    return raised(near - around, speaking)


class Drift:
    """What is left of the movement in silence, at any time."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rates, self._phases = rng.uniform(*_DRIFT_HZ, (_DRIFT_WAVES, 3)), rng.uniform(0.0, 1.0, (_DRIFT_WAVES, 3))
        self._breath = rng.uniform()

    def at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 3) degrees at `times` (N,) in seconds."""
        waves = np.sin(2.0 * np.pi * (times[:, None, None] * self._rates + self._phases)).sum(axis=1)
        out = _DRIFT_DEGREES * np.sqrt(2.0 / _DRIFT_WAVES) * waves
        out[:, 1] += _BREATH_DEGREES * np.sin(2.0 * np.pi * (times / _BREATH_S + self._breath))
        return out
