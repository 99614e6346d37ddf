"""Where the eyes look in a stream, and when they blink: `gaze.plan` and `blink.schedule` as they go.

Who begins to speak glances away when the beginning is heard, .1 to .45 s later than in a clip. The end of a phrase is
sure after a pause of .15 s, so that blinks come so much later; as none can wait for an end that is not known, those
that are due within twice the time after it hurry to it. How long silence makes the interval follows from the silence
before, in place of that ahead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from medtalk.finishing import blink as lids
from medtalk.finishing import gaze
from medtalk.finishing.causal import Bell, Moment
from medtalk.finishing.course import ease
from medtalk.rates import FPS


class LiveGaze:
    """The looks of a stream."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._place, self._leaving, self._target, self._home = np.zeros((4, 2))
        self._jump = 0.0
        self._start, self._end = 0.0, -1.0  # of the fixation that is or was last
        self._jumped = True
        self._asked: tuple[float, NDArray[np.float64]] | None = None  # how long to glance away, and where
        self._away_until, self._looked_away = -np.inf, -np.inf
        self._by_chance = False
        self._due = self._wait(0.0, gaze.LISTENING)

    def next(self, moments: Sequence[Moment]) -> tuple[NDArray[np.float64], list[gaze.Shift | None]]:
        """Where the eyes look in the next frames, (N, 2) degrees, and which large jump begins in each."""
        looks, shifts = np.empty((len(moments), 2)), []
        for number, moment in enumerate(moments):
            self._glance(moment)
            shifts.append(self._move(moment.time))
            looks[number] = self._at(moment.time)
        return looks, shifts

    def _glance(self, moment: Moment) -> None:
        """Ask for a glance away, where it is time for one."""
        now, rng = moment.time, self._rng
        if moment.pause:
            shows, length, place = float(rng.uniform()), self._length(), gaze.away(rng, thought=True)
            if shows < gaze.planned(moment.pause):
                self._ask(now, length, place, False)
            self._due = self._wait(now, gaze.SPEAKING)
        elif moment.ended:
            self._due = self._wait(now, gaze.LISTENING)
            if self._by_chance and now < self._away_until:  # who ends looks at the listener
                self._away_until = now
        elif now >= self._due:
            length = self._length()
            self._ask(now, length, gaze.away(rng, thought=False), True)
            self._due = self._wait(now + length, gaze.SPEAKING if moment.speaking else gaze.LISTENING)

    def _ask(self, now: float, length: float, place: tuple[float, float], by_chance: bool) -> None:
        if now >= gaze.STRAIGHT and now > self._looked_away + gaze.APART:
            self._asked, self._by_chance = (length, np.array(place)), by_chance
            self._looked_away = now + length

    def _length(self) -> float:
        return float(self._rng.uniform(*gaze.LENGTH))

    def _wait(self, now: float, mean: float) -> float:
        """When the next glance is due. In a clip those go that a phrase ends in: here each is later by its length."""
        return now + self._length() + float(self._rng.exponential(mean))

    def _move(self, now: float) -> gaze.Shift | None:
        """Go on to `now`: to the next fixation, or away from this one."""
        if now >= self._end + self._jump:
            self._rest(self._end + self._jump)
        if now < self._end:
            if self._asked is not None:
                self._leave(now, self._asked[1])
                self._away_until, self._asked = now + self._asked[0], None
            elif self._start < self._away_until <= now:  # called back from a glance
                self._leave(now, self._home)
        if now >= self._end and not self._jumped:
            self._jumped = True
            size = float(np.hypot(*(self._target - self._leaving)))
            if size >= gaze.LARGE:
                return gaze.Shift(self._end, size)
        return None

    def _rest(self, start: float) -> None:
        """Begin the next fixation, at the target of the last jump."""
        start = max(start, 0.0)
        length, self._home, drift = gaze.rest(self._home, self._rng)
        if self._away_until > start:
            length = self._away_until - start
        self._place, self._target = self._target, self._home
        self._leaving = self._place + drift * min(length, 1.0)
        self._start, self._end, self._jumped = start, start + length, False
        self._jump = gaze.jump_of(self._target - self._leaving)[1]

    def _leave(self, now: float, target: NDArray[np.float64]) -> None:
        """Jump to a target at once, from where the eyes are."""
        self._leaving, self._end, self._target = self._at(now), now, target
        self._jump = gaze.jump_of(self._target - self._leaving)[1]

    def _at(self, now: float) -> NDArray[np.float64]:
        if now < self._end:
            return self._place + (self._leaving - self._place) * (
                (now - self._start) / max(self._end - self._start, 1e-6)
            )
        return self._leaving + (self._target - self._leaving) * ease(np.array([(now - self._end) / self._jump]))


class LiveBlinks:
    """The blinks of a stream."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._voice = Bell(0.5 * lids.MEAN_INTERVAL, order=1)
        self._silence = 0.0
        self._due: float | None = None  # by the interval
        self._at = np.inf  # sooner, at the end of a phrase
        self._earliest, self._shut = lids.MARGIN + lids.SHORTEST_INTERVAL, -np.inf
        self._blinks: list[lids.Blink] = []

    def next(
        self,
        rig: NDArray[np.float32],
        moments: Sequence[Moment],
        activity: NDArray[np.float32],
        shifts: Sequence[gaze.Shift | None],
        pace: float,
    ) -> None:
        """Let the eyes of the next frames of a rig (N, 174), which is changed, blink; `pace` is as in `schedule`."""
        shut, first = lids.is_shut(rig), moments[0].frame
        for number, moment in enumerate(moments):
            self._silence = 1.0 - self._voice.next(float(activity[number]))
            self._plan(moment, bool(shut[number]), shifts[number], pace)
        self._blinks = [blink for blink in self._blinks if blink.end > moments[0].time]
        for blink in self._blinks:
            rows = slice(
                max(int(blink.start * FPS) - first, 0), min(int(np.ceil(blink.end * FPS)) + 1 - first, len(rig))
            )
            if rows.start < rows.stop:
                lids.lay_blink(rig, blink, rows, np.arange(first + rows.start, first + rows.stop) / FPS)

    def _plan(self, moment: Moment, shut: bool, shift: gaze.Shift | None, pace: float) -> None:
        now, rng = moment.time, self._rng
        if self._due is None:  # the stream begins as if a blink had gone before
            self._due = self._earliest + 0.5 * self._interval(pace) * rng.uniform()
        if shut:
            self._shut = now
        along = shift is not None and lids.goes_along(shift, pace, rng)
        if moment.ended:
            follows, after = lids.pull(rng)
            if follows and self._due < now + 2.0 * lids.PHRASE_REACH:
                self._at = now + after
        if along and now >= self._earliest:
            self._due = now
        when = max(min(self._due, self._at), self._earliest)
        if now < when:
            return
        self._at = np.inf
        if now - self._shut < lids.APART:  # the eyes have just been shut, which moistens them as well
            self._due = max(self._due, now) + lids.APART + 0.5 * self._interval(pace)
            return
        blink = lids.draw(when, rng)
        self._blinks.append(blink)
        self._earliest = blink.start + lids.SHORTEST_INTERVAL
        self._due = max(self._due, blink.start) + self._interval(pace)

    def _interval(self, pace: float) -> float:
        return lids.interval_of(self._silence, pace, self._rng)


def blink_pace(amount: float, mood: Mapping[str, float]) -> float:
    """How often a face of a mood blinks, 0 for never."""
    return amount * lids.pace(mood)
