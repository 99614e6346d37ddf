"""How the head turns in a stream: what `head_motion` plans over a clip, planned as it goes.

A posture changes when a phrase is heard, a nod comes when its accent is found. Both are late by that, and a late nod
has no time to lift the head before it. The mood may change at any time: its bearing and its manner follow over seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from medtalk.features.cues import Accent
from medtalk.finishing.causal import Bell, Moment
from medtalk.finishing.course import ease
from medtalk.finishing.head_motion import (
    DRIFT,
    EFFORT_S,
    FOLLOW_S,
    HOLD_S,
    MANNERS,
    MOOD_S,
    MOST,
    NOD_APART_S,
    NODS,
    POSTURE,
    REACH,
    SETTLE_S,
    SHIFTS_APART,
    SIDE,
    SWAY,
    SWAY_DEGREES,
    SWAY_S,
    Drift,
    Manner,
    Nod,
    another_posture,
    log_effort,
    nod_on,
    raised,
    swing,
    turn_of,
)
from medtalk.rates import FPS

LATEST = 0.6
"""Seconds after an accent until which it is answered; later it would be a nod on another word."""
_LABELS = tuple(MANNERS)
_BEARINGS = np.array([manner.bearing for manner in MANNERS.values()])
_CALM = np.array(MANNERS["neutral"][1:])
_MANNERS = np.array([manner[1:] for manner in MANNERS.values()]) - _CALM
_ROOM = np.array(REACH)
_WARM_S = 4.0  # in which the sway comes up to its size, before the stream begins


class LiveHead:
    """The head of a stream."""

    def __init__(self, seed: tuple[int, ...], amount: float) -> None:
        """`seed` of all chance here; each part takes a stream of its own from it. `amount` multiplies all of it."""
        rngs = [np.random.default_rng([*seed, stream]) for stream in (POSTURE, NODS, SWAY, DRIFT, SIDE)]
        self._rngs, self._amount = rngs, amount
        self._drift = Drift(rngs[DRIFT])
        self._side = np.array([1.0, 1.0, 1.0]) * (1.0 if rngs[SIDE].uniform() < 0.5 else -1.0)
        self._side[1] = 1.0
        self._level, self._speaking = Bell(MOOD_S), Bell(SETTLE_S)
        self._effort, self._mood = Bell(np.array(EFFORT_S)), Bell(FOLLOW_S)
        self._manner = Bell(MOOD_S)
        self._sway = Bell(np.array(SWAY_S)[:, None], order=4)  # so steep that nothing is left that reads as a tremor
        self._sway_size = SWAY_DEGREES / _deviation(Bell(np.array(SWAY_S), order=4))
        for _ in range(round(_WARM_S * FPS)):
            self._swayed(1.0)
        self._posture, self._turned = np.zeros(3), np.zeros(3)  # the last one asked for; those that have been reached
        self._shifts: list[tuple[float, float, NDArray[np.float64]]] = []  # begin, seconds, degrees
        self._next_shift, self._last_shift = np.inf, -np.inf
        self._nods: list[tuple[Nod, bool]] = []
        self._last_nod = -np.inf

    def next(
        self,
        moments: Sequence[Moment],
        effort: NDArray[np.float32],
        activity: NDArray[np.float32],
        accents: Sequence[Accent],
        mood: Mapping[str, float],
        strength: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """How the head turns in the next frames, (N, 3) degrees as `RigSequence.head`; see `LiveFinishing.next`."""
        moved, held = np.empty((2, len(moments), 3))
        weights = np.array([mood.get(label, 0.0) for label in _LABELS])
        rises = log_effort(effort)
        for number, moment in enumerate(moments):
            level = min(max(self._level.next(float(strength[number])), 0.0), MOST)
            shares = self._mood.next(weights)
            manner = Manner((0.0, 0.0, 0.0), *(_CALM + self._manner.next(min(level, 1.0) * shares) @ _MANNERS).tolist())
            for accent in accents if number == 0 else ():
                self._answer(accent, moment.time, manner)
            self._hold(moment, manner.speed)
            speaking = self._speaking.next(float(activity[number]))
            near, around = self._effort.next(np.full(2, rises[number])).tolist()
            turn = float(swing(speaking)) * self._swayed(manner.speed) + self._held(moment.time)
            turn[1] += raised(near - around, speaking)
            for nod, lifts in self._nods:
                turn += turn_of(nod, np.array([moment.time]), lifts)[0]
            turn *= manner.reach
            turn[2] *= manner.roll
            moved[number], held[number] = turn, level * self._side * (shares @ _BEARINGS)
        now = moments[-1].time
        self._nods = [(nod, lifts) for nod, lifts in self._nods if nod.begin + nod.down + nod.back > now]
        moved += self._drift.at(np.array([moment.time for moment in moments]))
        return (self._amount * (_ROOM * np.tanh(moved / _ROOM) + held)).astype(np.float32)

    def _answer(self, accent: Accent, now: float, manner: Manner) -> None:
        """Nod on an accent, or not."""
        nod = nod_on(accent, manner, accent.time - self._last_nod >= NOD_APART_S, self._rngs[NODS])
        if nod is None or now - accent.time > LATEST:
            return
        self._last_nod = accent.time
        in_time = nod.begin - nod.down >= now
        self._nods.append((nod if in_time else nod._replace(begin=max(nod.begin, now)), in_time))

    def _hold(self, moment: Moment, speed: float) -> None:
        """Take another posture where a phrase begins, and now and then within a long one."""
        if moment.ended:
            self._next_shift = np.inf
        if not (moment.pause or moment.time >= self._next_shift):
            return
        self._next_shift = moment.time + self._rngs[POSTURE].uniform(*HOLD_S)
        if moment.time - self._last_shift >= SHIFTS_APART:
            self._last_shift = moment.time
            target, lasts = another_posture(self._posture, speed, self._rngs[POSTURE])
            self._shifts.append((moment.time, lasts, target - self._posture))
            self._posture = target

    def _held(self, now: float) -> NDArray[np.float64]:
        """(3,) degrees of posture."""
        while self._shifts and self._shifts[0][0] + self._shifts[0][1] <= now:
            self._turned = self._turned + self._shifts.pop(0)[2]
        turn = self._turned
        for begin, lasts, way in self._shifts:
            turn = turn + way * ease(np.array([(now - begin) / lasts]))
        return turn

    def _swayed(self, speed: float) -> NDArray[np.float64]:
        """(3,) degrees of sway in the next frame; a faster one has a wider band, in which noise is larger."""
        noise = self._rngs[SWAY].standard_normal(3)
        near, around = self._sway.next(np.stack([noise, noise]), speed)
        return self._sway_size * (near - around) / np.sqrt(speed)


def _deviation(bells: Bell) -> float:
    """Of the difference of two bells of white noise, which begin at rest."""
    bells.next(np.zeros(2))
    answer = [bells.next(np.full(2, float(not frame))) for frame in range(10 * FPS)]
    return float(np.sqrt(sum((near - around) ** 2 for near, around in np.array(answer))))
