"""Blinks: when they come, how the lids move.

When. Bentivoglio et al. 1997 ("Analysis of blink rate patterns in normal subjects", Movement Disorders) counted a
mean of 17 blinks a minute at rest and 26 in conversation, and intervals between blinks are skewed to the right: many
short ones and a long tail, as a log-normal has. A face in front of a camera is calmer than one in conversation, so the
mean interval here is 3.2 s (19 a minute). Speakers blink at the ends of their phrases (Nakano and Kitazawa 2010,
"Eyeblink entrainment at breakpoints of speech", Experimental Brain Research), so a blink that is due near such an end
mostly waits for it or hurries to it. Listeners blink less, and how moods differ is ours. A large
shift of gaze brings a blink along (Evinger et al. 1994, "Not looking while leaping", Experimental Brain Research: 97 %
of those above 33 degrees), which then stands for one that was due.

How. VanderWerf et al. 2003 ("Eyelid movements: behavioral studies of blinking in humans under different stimulus
conditions", Journal of Neurophysiology): in a spontaneous blink the upper lid falls fast and rises two to three times
more slowly, slowing down towards the end. The eye turns slightly down meanwhile (Collewijn et al. 1985), which is seen
in the first and last moments only.

The numbers are ours, rounded from those papers. Times are real numbers, not frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medtalk.finishing.course import ease
from medtalk.finishing.gaze import Shift
from medtalk.rig.channels import indices

MEAN_INTERVAL = 3.2  # seconds from one blink to the next
PACE: dict[str, float] = {"fear": 1.25, "surprised": 1.1, "happy": 1.05, "angry": 0.85, "sad": 0.8}
"""How often a mood blinks, beside neutral."""
_LISTENING = 0.35  # longer is the interval while nobody speaks
_ALWAYS = 33.0  # degrees of a shift of gaze that never goes without a blink; smaller ones in proportion
SHORTEST_INTERVAL, _LONGEST_INTERVAL = 0.8, 7.5
_SPREAD = 0.55  # of the logarithm of the interval
_CLOSING = (0.060, 0.080)  # seconds
_SHUT = (0.018, 0.035)  # longer than a frame at 60 fps, so that some frame shows the eye shut
_OPENING = (0.120, 0.155)
_LAG = 0.008  # at most, of one eye behind the other
_DEPTH = (0.96, 1.0)

PHRASE_REACH = 1.0  # seconds from a phrase end from which a blink is drawn to it
_PHRASE_PULL = 0.75  # of the blinks within reach that follow
_PAUSE = 0.15  # seconds without voice that make an end of a phrase
MARGIN = 0.1  # seconds at both ends of a clip in which no blink runs
_CLOSED = 0.6  # an eye beyond this is shut already; sleepy or narrowed eyes stay below it
APART = 0.1  # seconds between a blink and another closure

_LIDS = indices("[LR]_eye_blink")
_LOWER_LIDS = indices("[LR]_eye_eyelidD")
_PRESS = indices("[LR]_eye_lidPress")
_SCRUNCH = indices("[LR]_eye_faceScrunch")
_GAZE_Y = indices("[LR]_eye.Y")
_LOWER_LID = 0.08  # the lower lid comes up a little
_EYE_DOWN = 0.05  # about 2 degrees


@dataclass(frozen=True)
class Blink:
    """One blink. `start` in seconds from the clip's begin; `closing`, `shut`, `opening` are how long each phase lasts.

    `depth` is how far the lids close (1 is shut), `lags` how many seconds the left and the right eye come late.
    """

    start: float
    closing: float
    shut: float
    opening: float
    depth: float
    lags: tuple[float, float]

    @property
    def end(self) -> float:
        """When both eyes are open again, in seconds."""
        return self.start + max(self.lags) + self.closing + self.shut + self.opening

    def closure(self, times: NDArray[np.float64], eye: int) -> NDArray[np.float64]:
        """How shut the left (0) or right (1) eye is at `times` in seconds: 0 open to `depth`, same shape."""
        since = times - self.start - self.lags[eye]
        falling = ease(since / self.closing)
        rising = np.clip((since - self.closing - self.shut) / self.opening, 0.0, 1.0)
        # Under the root-like warp the lid rises fast at first and settles slowly.
        return self.depth * falling * (1.0 - ease(rising**0.75))


def pace(mood: Mapping[str, float] | None) -> float:
    """How often a face of these weights of labels blinks, beside neutral."""
    total = sum((mood or {}).values())
    return sum(weight * PACE.get(label, 1.0) for label, weight in mood.items()) / total if mood and total else 1.0


def schedule(
    values: NDArray[np.float32],
    activity: NDArray[np.float32],
    fps: float,
    rng: np.random.Generator,
    shifts: Sequence[Shift] = (),
    pace: float = 1.0,
) -> list[Blink]:
    """The blinks of a clip, in order, none overlapping another or reaching past the clip's ends.

    Args:
        values: (T, 174) before blinking: where an eye is shut already there is no blink.
        activity: (T,) how surely somebody speaks, 0..1: ends of phrases attract blinks.
        fps: frames a second of both.
        rng: the only source of chance.
        shifts: of gaze, in order: large ones bring a blink along.
        pace: how often there is a blink, beside the usual; above 0.
    """
    last = (len(values) - 1) / fps - MARGIN
    ends = _phrase_ends(activity, fps)
    closed = list(_runs(is_shut(values)))
    blinks: list[Blink] = []
    along = [shift.time for shift in shifts if goes_along(shift, pace, rng)]

    def interval(after: float) -> float:
        ahead = activity[int(after * fps) : int((after + MEAN_INTERVAL) * fps) + 1]
        return interval_of(1.0 - float(ahead.mean()) if len(ahead) else 0.0, pace, rng)

    # The clip begins somewhere within an interval.
    due = MARGIN + interval(0.0) * rng.uniform()
    while True:
        earliest = blinks[-1].start + SHORTEST_INTERVAL if blinks else MARGIN
        # One that is due waits for a shift that comes soon.
        early = next((time for time in along if earliest <= time <= min(due + SHORTEST_INTERVAL, last)), None)
        if early is None and due >= last:
            return blinks
        when = _toward_phrase_end(due, ends, earliest, rng)
        if early is not None:
            when = due = early
            along = [time for time in along if time > early]
        blink = draw(when, rng)
        in_the_way = [
            end / fps for begin, end in closed if blink.start - APART < end / fps and begin / fps < blink.end + APART
        ]
        if in_the_way:  # the eyes have just been shut, which moistens them as well
            due = max(due, max(in_the_way)) + APART + 0.5 * interval(due)
            continue
        if blink.end <= last:
            blinks.append(blink)
        due = max(due, blink.start) + interval(blink.end)


def add_blinks(
    values: NDArray[np.float32],
    activity: NDArray[np.float32],
    fps: float,
    rng: np.random.Generator,
    shifts: Sequence[Shift] = (),
    pace: float = 1.0,
) -> NDArray[np.float32]:
    """Add blinks, as `schedule` has them, to a rig (T, 174) with its voice activity (T,); returns a new array.

    A lid moves from where the rig has it towards shut, so that wide and narrow eyes blink from where they are.
    """
    out = np.array(values, np.float32)
    for blink in schedule(values, activity, fps, rng, shifts, pace):
        first = int(blink.start * fps)
        rows = slice(first, min(int(np.ceil(blink.end * fps)) + 1, len(out)))
        lay_blink(out, blink, rows, np.arange(rows.start, rows.stop) / fps)
    return out


def lay_blink(out: NDArray[np.float32], blink: Blink, rows: slice, times: NDArray[np.float64]) -> None:
    """Shut the eyes of a rig, which is changed, in `rows`, which are shown at `times` in seconds."""
    for eye in (0, 1):
        shut = blink.closure(times, eye).astype(np.float32)
        lid, lower = out[rows, _LIDS[eye]], out[rows, _LOWER_LIDS[eye]]
        out[rows, _LIDS[eye]] = lid + shut * np.maximum(1.0 - lid, 0.0)
        out[rows, _LOWER_LIDS[eye]] = lower + _LOWER_LID * shut
        out[rows, _GAZE_Y[eye]] -= _EYE_DOWN * shut


def interval_of(silence: float, pace: float, rng: np.random.Generator) -> float:
    """Seconds from one blink to the next, in so large a share of silence, for a face of this pace."""
    longer = (1.0 + _LISTENING * silence) / pace
    drawn = float(rng.lognormal(np.log(MEAN_INTERVAL) - _SPREAD**2 / 2, _SPREAD))
    return float(np.clip(longer * drawn, SHORTEST_INTERVAL, max(_LONGEST_INTERVAL, 3.0 * longer)))


def goes_along(shift: Shift, pace: float, rng: np.random.Generator) -> bool:
    """Whether a shift of gaze brings a blink along."""
    return rng.uniform() < pace * shift.size / _ALWAYS


def pull(rng: np.random.Generator) -> tuple[bool, float]:
    """Whether a blink follows the end of a phrase near it, and how many seconds after that end."""
    return bool(rng.uniform() < _PHRASE_PULL), float(rng.uniform(0.0, 0.12))


def draw(start: float, rng: np.random.Generator) -> Blink:
    lag = float(rng.uniform(0.0, _LAG))
    return Blink(
        start,
        float(rng.uniform(*_CLOSING)),
        float(rng.uniform(*_SHUT)),
        float(rng.uniform(*_OPENING)),
        float(rng.uniform(*_DEPTH)),
        (0.0, lag) if rng.uniform() < 0.5 else (lag, 0.0),
    )


def _toward_phrase_end(due: float, ends: NDArray[np.float64], earliest: float, rng: np.random.Generator) -> float:
    """`due`, or shortly after the phrase end near it; never before `earliest`."""
    follows, after = pull(rng)  # drawn always: chance stays in step
    near = ends[(np.abs(ends - due) < PHRASE_REACH) & (ends >= earliest)]
    if follows and len(near):
        due = float(near[np.argmin(np.abs(near - due))]) + after
    return max(due, earliest)


def _phrase_ends(activity: NDArray[np.float32], fps: float) -> NDArray[np.float64]:
    """Seconds at which speech gives way to a pause, or to the end of the clip."""
    pauses = [(begin, end) for begin, end in _runs(activity < 0.5) if begin > 0 and (end - begin) / fps >= _PAUSE]
    return np.array([begin / fps for begin, _ in pauses])


def is_shut(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(T,) whether either eye is shut, pressed or screwed up."""
    return (
        (values[:, _LIDS].max(axis=1) > _CLOSED)
        | (values[:, _PRESS].max(axis=1) > _CLOSED)
        | (values[:, _SCRUNCH].max(axis=1) > _CLOSED)
    )


def _runs(mask: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield (first, one past the last) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
