"""The life of a face in a stream: the parts of `life`, planned as it goes.

accents  A beat starts at once when its accent is found: later than in a clip by the time that takes, and by the .2 s
         that a beat runs before its accent there.
squint   Narrower eyes follow effort .17 s late.
breath   A phrase cannot be foreseen. So the breath comes once a pause has lasted .4 s, by nostrils and neck alone: lips
         that part in the midst of a pause would close again.
pauses   A mouth moves once a pause has lasted 1.1 s, and lets go where speech begins.
drift    As in a clip.
micro    A flash is .1 s late.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medtalk.features.cues import Accent
from medtalk.finishing import life
from medtalk.finishing.causal import Bell, Moment
from medtalk.finishing.course import Course, ease
from medtalk.finishing.life import PARTS, Chance, Movement, Part
from medtalk.finishing.live_head import LATEST
from medtalk.rates import FPS

_FIRST_EVENT_S = 1.5  # in which a mouth moves once a pause has lasted


class LiveLife:
    """The life of a stream."""

    def __init__(self, seeds: tuple[int, ...], amounts: Mapping[str, float]) -> None:
        """`seeds` and `amounts` are as in `life.add_life`."""
        self._chance = {part: Chance(np.random.default_rng([*seeds, number])) for number, part in enumerate(PARTS)}
        self._amounts = {part: amounts.get(part, 1.0) for part in PARTS}
        self._moving: dict[str, list[Movement]] = {part: [] for part in ("accents", "breath", "pauses", "micro")}
        self._beat, self._flashed = -1.0, -life.MICROS_APART
        self._narrowed, self._sides = Bell(life.SQUINT_S), self._chance["squint"].sides(life.SQUINT_SPREAD)
        self._effort, self._efforts = Bell(life.MICRO_S), deque[float](maxlen=max(1, round(life.RISE_S * FPS)) + 1)
        self._rising = False
        self._breathed, self._next_event = True, life.EVENT_PAUSE
        self._wander = _Wander(self._chance["drift"].rng)

    def next(
        self,
        rig: NDArray[np.float32],
        moments: Sequence[Moment],
        activity: NDArray[np.float32],
        effort: NDArray[np.float32],
        accents: Sequence[Accent],
        mood: Mapping[str, float],
    ) -> None:
        """Add the life to the next frames of a rig (N, 174), which is changed; see `LiveFinishing.next`."""
        narrowed, noises = np.empty(len(rig)), np.empty((len(rig), 3 * len(life.WANDER)), np.float32)
        narrow = life.narrowed(effort.astype(np.float64), activity.astype(np.float64))
        for number, moment in enumerate(moments):
            for accent in accents if number == 0 else ():
                self._accent(accent, moment.time, mood)
            self._pause(moment)
            self._rise(moment, float(effort[number]) * float(activity[number]), float(activity[number]), mood)
            narrowed[number] = self._narrowed.next(float(narrow[number]))
            noises[number] = self._wander.at(moment.time)
        opened, first = life.opening(rig), moments[0].frame
        for part, amount in self._amounts.items():
            if amount <= 0.0:
                continue
            layer = Part(rig, FPS, amount, opened, first)
            if part == "squint":
                life.squint(layer, narrowed, self._sides)
            elif part == "drift":
                life.drift(layer, iter(noises.T))
            else:
                self._moving[part] = [each for each in self._moving[part] if each.end > moments[0].time]
                for movement in self._moving[part]:
                    layer.add(movement)

    def _accent(self, accent: Accent, now: float, mood: Mapping[str, float]) -> None:
        beats, movement = life.beat(accent, mood, accent.time - self._beat > life.BEATS_APART, self._chance["accents"])
        if movement is not None and now - accent.time <= LATEST:
            self._beat = accent.time if beats else self._beat
            self._start("accents", movement, now)

    def _pause(self, moment: Moment) -> None:
        """What comes in a pause, and goes where it ends."""
        now = moment.time
        if moment.pause:
            for part in ("breath", "pauses"):
                self._moving[part] = [
                    replace(each, gone=min(each.gone, now)) for each in self._moving[part] if each.course.start < now
                ]
        if moment.speaking or not moment.phrase:  # who never spoke is not in a pause
            self._breathed, self._next_event = False, life.EVENT_PAUSE
            return
        if not self._breathed and moment.since >= life.BREATH_PAUSE:
            self._breathed = True
            size, length, early = life.breath(self._chance["breath"])
            course = Course(now, 0.6 * length + early, 0.3 * length, 0.25)
            sides = self._chance["breath"].sides(0.08)
            if moment.phrase >= life.BREATH_PHRASE:
                self._start("breath", life.air(size, course, sides), now)
        if moment.since >= self._next_event:
            lasts = _FIRST_EVENT_S if self._next_event < life.EVENTS_S else life.EVENTS_S
            self._next_event = max(life.EVENTS_S, self._next_event + lasts)
            for movement in life.event(now, now + lasts, self._chance["pauses"]):
                self._start("pauses", movement, now)

    def _rise(self, moment: Moment, effort: float, activity: float, mood: Mapping[str, float]) -> None:
        """A small expression where the effort rises."""
        self._efforts.append(self._effort.next(effort))
        rising = self._efforts[-1] - self._efforts[0] > life.RISE and activity > 0.5
        if rising and not self._rising:
            free = moment.time - self._flashed >= life.MICROS_APART
            movement = life.flash(moment.time, mood, free, self._chance["micro"])
            if movement is not None:
                self._flashed = moment.time
                self._start("micro", movement, moment.time)
        self._rising = rising

    def _start(self, part: str, movement: Movement, now: float) -> None:
        """Begin a movement: not before now, and with its whole course."""
        course = movement.course
        self._moving[part].append(replace(movement, course=replace(course, start=max(course.start, now))))


class _Wander:
    """The noises of `life.drift` as they go on: knots at random, eased from one to the next."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng, shape = rng, (3 * len(life.WANDER), len(life.PERIODS))
        self._periods = np.array(life.PERIODS)
        self._phases = rng.uniform(size=shape)
        self._number = np.zeros(shape)  # of the knot before
        self._before, self._after = rng.standard_normal((2, *shape))
        self._sizes = np.sqrt(self._periods / (0.72 * self._periods.sum()))

    def at(self, time: float) -> NDArray[np.float64]:
        """All noises at a time in seconds that is not before the one asked for last."""
        place = time / self._periods + self._phases
        passed = place >= self._number + 1.0
        if passed.any():
            self._number[passed] += 1.0
            self._before[passed] = self._after[passed]
            self._after[passed] = self._rng.standard_normal(int(passed.sum()))
        eased = ease(place - self._number)
        return ((self._before + (self._after - self._before) * eased) * self._sizes).sum(axis=1)
