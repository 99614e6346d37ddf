"""The life of a face beside its speech and its mood, every part by its name.

accents  Brows and upper lids beat with pitch accents. Cavé et al. 1996 ("About the relationship between eyebrow
         movements and F0 variations", ICSLP) found 71 % of the quick brow movements on rises of pitch; brows go first
         and are highest with the syllable that stands out (Kim, Cvejic and Davis 2014, "Tracking eyebrows and head
         gestures associated with spoken prosody", Speech Communication). Angry and disgusted faces mostly frown. How
         many accents have a beat, a third, is ours.
squint   The eyes narrow with vocal effort.
breath   Before a phrase that follows a pause the lips part, the nostrils widen and the neck works: inhalations within
         a turn are quick (Hammarsten et al. 2015, Lund working papers).
pauses   Lips press, corners settle, a tongue wets the lips, a swallow: 0.98 a minute in healthy adults (Bulmer et al.
         2021, "Evaluation of spontaneous swallow frequency"). Few and slow, since lips are still in a pause.
drift    Brows, lids and corners wander over seconds, either side by itself, with more power in what is slower.
micro    A short flash on one side of the face where the effort rises: at most half a second, with an onset under 0.26 s
         (Yan et al. 2013, "How fast are the leaked facial expressions", Journal of Nonverbal Behavior).

Sizes are ours, in board units. A value moves by a share of what is left to its limit, so nothing is clipped. What
could part closed lips is withheld as far as they are closed. Times are real numbers, not frames.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from medtalk.features.cues import Accent, Cues
from medtalk.finishing.closures import BITE
from medtalk.finishing.course import Course, ease
from medtalk.rig.channels import AREAS, CHANNELS, MAXIMUM, MINIMUM, indices

_BEAT_CHANCE, _BEAT_SIZE = (0.12, 0.50), (0.16, 0.42)  # of an accent: at no strength, and more at full strength
BEATS_APART = 0.45  # seconds
_LEAD = (0.06, 0.10)  # seconds from the top of a beat to that of its accent
_LID_CHANCE = 0.2  # of an accent without a beat
_LIVELY = {"surprised": 1.2, "happy": 1.15, "angry": 1.1, "disgust": 0.9, "sad": 0.6}
"""How large the beats of a mood are; 1 in the others."""
_EFFORT = (1.1, 2.0)  # from which eyes narrow, and at which they do so most
_SQUINT = 0.20
SQUINT_S, SQUINT_SPREAD = 0.12, 0.15  # deviation of the bell that smooths it, and of the difference of the sides
BREATH_PAUSE, BREATH_PHRASE = 0.4, 0.3  # seconds without voice before a phrase, and of a phrase worth a breath
EVENT_PAUSE, EVENTS_S = 1.1, 5.0  # seconds that a pause needs for a press or corners, and from one to the next
EDGE = 0.28  # seconds at the ends of a pause that belong to speech
_WETTING_S, _SWALLOW_S = 1.0, 0.8  # seconds that tongue and throat need
_SWALLOWS = 1.0 / 15.0  # a second of pause: one a minute where a quarter of it is pause
_BLOCK = 1 << 14  # frames that are moved together: copies of an hour would be large
_LET_GO_S = 0.2  # in which a movement goes that something comes between
WANDER = (0.07, 0.06, 0.05, 0.05, 0.03)
"""Sizes of what wanders: inner and outer brows, upper lids, squint, corners."""
# What moves, which of `WANDER` moves it, where that is above or below 0, and how far. None is twice in one.
_WANDERING = (
    (
        ("brow_raiseIn", "brow_raiseOut", "eye_eyelidU", "eye_squintInner", "mouth_cornerPull"),
        range(5),
        1.0,
        (1.0,) * 5,
    ),
    (("brow_down", "eye_eyelidU", "mouth_cornerDepress"), (0, 2, 4), -1.0, (0.5, -1.0, 0.7)),
    (("brow_down",), (1,), -1.0, (0.5,)),
)
PERIODS = (11.0, 5.0, 2.3)  # seconds between the knots of a drift
RISE, RISE_S = 0.25, 0.25  # of effort within so many seconds
MICRO_S = 0.05  # deviation of the bell that smooths effort before
_MICRO_CHANCE, MICROS_APART = 0.4, 4.0
_MICRO: dict[str, tuple[dict[str, float], ...]] = {
    "neutral": ({"brow_raiseOut": 0.22}, {"mouth_dimple": 0.14, "eye_squintInner": 0.10}, {"eye_squintInner": 0.22}),
    "angry": ({"nose.Y": 0.24, "eye_squintInner": 0.2}, {"brow_down": 0.25, "eye_squintInner": 0.15}),
    "disgust": ({"nose.Y": 0.28}, {"nose_nasolabialDeepen": 0.25, "eye_squintInner": 0.2}),
    "fear": ({"brow_raiseIn": 0.25, "eye_eyelidU": -0.2}, {"mouth_stretch": 0.12, "neck_stretch": 0.2}),
    "happy": ({"mouth_cornerPull": 0.18, "eye_cheekRaise": 0.18}, {"mouth_dimple": 0.2}, {"brow_raiseOut": 0.22}),
    "sad": ({"brow_raiseIn": 0.25}, {"mouth_cornerDepress": 0.16}, {"eye_eyelidU": 0.12}),
    "surprised": ({"brow_raiseOut": 0.25, "eye_eyelidU": -0.2}, {"brow_raiseIn": 0.25}),
}

_AT = {channel.short: channel.index for channel in CHANNELS}
_CORNERS = indices("?_mouth_corner*", "?_mouth_dimple")
_LIPS = np.setdiff1d(np.concatenate([AREAS[area] for area in ("mouth", "jaw", "tongue")]), _CORNERS)
_SEAL, _BITE = indices("?_mouth_lipsTogether[DU]"), indices("?_mouth_lipBiteD")


class Chance:
    """The chance of one part: a generator, and what movements draw from it."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def sides(self, spread: float) -> tuple[float, float]:
        """How much of a movement the left and the right side have."""
        lean = float(np.clip(self.rng.normal(0.0, spread), -2.0 * spread, 2.0 * spread))
        return 1.0 + lean, 1.0 - lean


@dataclass(frozen=True)
class Movement:
    """A pose that comes and goes: channels, named without their side, and how far they move on the left and the right.

    From `gone` seconds on it is let go, whatever its course: something came between.
    """

    course: Course
    pose: Mapping[str, float]
    sides: tuple[float, float] = (1.0, 1.0)
    gone: float = np.inf

    @property
    def end(self) -> float:
        return min(self.course.end, self.gone + _LET_GO_S)


@dataclass(frozen=True, eq=False)
class Part:
    """What one part moves: frames of a rig (N, 174) from number `first` on, and how much of the part there is.

    `open` is how far the lips are from a closure, (N,) 0 closed or bitten to 1.
    """

    rig: NDArray[np.float32]
    fps: float
    amount: float
    open: NDArray[np.float32]
    first: int = 0

    def add(self, movement: Movement | None) -> None:
        """Lay a movement over the rig."""
        if movement is None:
            return
        rows = movement.course.rows(len(self.rig), self.fps, self.first)
        if rows.start == rows.stop:
            return
        times = np.arange(self.first + rows.start, self.first + rows.stop) / self.fps
        curve = movement.course.at(times)
        if movement.gone < np.inf:
            curve = curve * (1.0 - ease((times - movement.gone) / _LET_GO_S))
        self.move(tuple(movement.pose), curve[:, None] * list(movement.pose.values()), rows, movement.sides)

    def move(
        self,
        names: tuple[str, ...],
        curves: NDArray,
        rows: slice = slice(None),
        sides: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        """Move channels, or both sides of each, by so much of the room that they have, at the frames of `rows`.

        `curves` are (N, n), one for each name, or (N, 2 n) with those of the left sides first.
        """
        at, side, of, lips = _channels(names)
        of = of if curves.shape[1] == len(names) else slice(None)
        shares = (self.amount * np.array((*sides, 1.0))[side]).astype(curves.dtype)
        for start in range(0, len(curves), _BLOCK):
            some = slice((rows.start or 0) + start, (rows.start or 0) + min(start + _BLOCK, len(curves)))
            value = self.rig[some, at]
            change = np.minimum(np.maximum(shares * curves[start : start + _BLOCK, of], -1.0), 1.0)
            room = np.where(change > 0.0, MAXIMUM[at] - value, value - MINIMUM[at])
            if lips.any():
                change = change * np.where(lips, self.open[some, None], np.float32(1.0))
            self.rig[some, at] += (change * np.minimum(np.maximum(room, 0.0), 1.0)).astype(np.float32)


@cache
def _channels(names: tuple[str, ...]) -> tuple[NDArray, list[int], list[int], NDArray]:
    """The channels of names, left sides first; of each its side (2 is neither), its name, and whether it is a lip's."""
    found = [(f"{'LR'[side]}_{name}", side, n) for side in (0, 1) for n, name in enumerate(names) if name not in _AT]
    found += [(name, 2, n) for n, name in enumerate(names) if name in _AT]
    at = np.array([_AT[channel] for channel, _, _ in found])
    return at, [side for _, side, _ in found], [n for _, _, n in found], np.isin(at, _LIPS)


@dataclass(frozen=True, eq=False)
class _Scene(Part):
    """A whole rig (T, 174) that a part adds to, with what it answers to and its chance."""

    cues: Cues = field(kw_only=True)
    mood: Mapping[str, float] = field(kw_only=True)
    chance: Chance = field(kw_only=True)

    @property
    def seconds(self) -> float:
        return len(self.rig) / self.fps

    @cached_property
    def pauses(self) -> list[tuple[float, float]]:
        """(start, end) in seconds of what lies before, between and after the phrases."""
        edges = [0.0, *(edge for phrase in self.cues.phrases for edge in phrase), self.seconds]
        return list(zip(edges[::2], edges[1::2], strict=True))


def beat(accent: Accent, mood: Mapping[str, float], free: bool, chance: Chance) -> tuple[bool, Movement | None]:
    """Whether the brows beat with an accent, and what moves; `free` is whether no beat is just before."""
    lively = sum(weight * _LIVELY.get(label, 1.0) for label, weight in mood.items()) or 1.0
    stern = mood.get("angry", 0.0) + mood.get("disgust", 0.0)
    # All chance is drawn for every accent, so that one beat more moves no other.
    beats, frowns, lifts, one_sided = chance.rng.uniform(size=4)
    share = _BEAT_CHANCE[0] + _BEAT_CHANCE[1] * accent.strength
    size = (_BEAT_SIZE[0] + _BEAT_SIZE[1] * accent.strength) * lively * float(chance.rng.lognormal(0.0, 0.25))
    length = chance.between(0.25, 0.35) + 0.10 * accent.strength
    top = accent.time - chance.between(*_LEAD)
    sides = chance.sides(0.12) if one_sided > 0.15 else ((1.2, 0.4) if one_sided > 0.075 else (0.4, 1.2))
    course = Course(top - 0.4 * length, 0.4 * length, 0.0, 0.6 * length)
    if beats < share and free:
        if frowns < 0.85 * stern:
            pose = {"brow_down": 0.8 * size, "brow_lateral": 0.5 * size, "eye_squintInner": size / 3}
        else:
            pose = {"brow_raiseIn": 0.8 * size, "brow_raiseOut": size, "eye_eyelidU": -size / 4}
        return True, Movement(course, pose, sides)
    return False, Movement(course, {"eye_eyelidU": -0.4 * size}) if lifts < _LID_CHANCE else None


def _accents(scene: _Scene) -> None:
    last = -1.0
    for accent in scene.cues.accents:
        beats, movement = beat(accent, scene.mood, accent.time - last > BEATS_APART, scene.chance)
        last = accent.time if beats else last
        scene.add(movement)


def narrowed(effort: NDArray, activity: NDArray) -> NDArray:
    """How much the eyes narrow with effort, 0..1, before it is smoothed over `SQUINT_S`."""
    return np.clip((effort - _EFFORT[0]) / (_EFFORT[1] - _EFFORT[0]), 0.0, 1.0) * activity


def squint(part: Part, narrowed: NDArray, sides: tuple[float, float]) -> None:
    """Narrow the eyes by `narrowed`, (N,) and smooth."""
    curve = _SQUINT * narrowed
    if curve.any():
        part.move(("eye_squintInner", "eye_cheekRaise"), np.stack([curve, 0.5 * curve], axis=1), sides=sides)


def _squint(scene: _Scene) -> None:
    from scipy.ndimage import gaussian_filter1d

    most = narrowed(scene.cues.effort, scene.cues.activity).astype(np.float32)
    squint(scene, gaussian_filter1d(most, SQUINT_S * scene.fps, mode="nearest"), scene.chance.sides(SQUINT_SPREAD))


def air(size: float, course: Course, sides: tuple[float, float]) -> Movement:
    """What a breath in moves beside the lips: nostrils and neck."""
    neck = {"neck_mastoidContract": 2.5 * size, "neck_stretch": size, "neck_throatExhaleInhale": 4.0 * size}
    return Movement(course, {"nose.X": 2.0 * size, **neck}, sides)


def breath(chance: Chance) -> tuple[float, float, float]:
    """The size of a breath, how many seconds the lips part for it, and how much earlier it begins."""
    return chance.between(0.05, 0.09), chance.between(0.20, 0.24), chance.between(0.15, 0.35)


def _breath(scene: _Scene) -> None:
    for (begin, end), phrase in zip(scene.pauses, scene.cues.phrases, strict=False):  # the last pause leads to none
        size, length, early = breath(scene.chance)
        if end - begin < BREATH_PAUSE or phrase[1] - phrase[0] < BREATH_PHRASE:
            continue
        # The lips stay a little open, and speech takes over.
        lips = Course(end - length, 0.6 * length, 0.4 * length, 0.12)
        pose = {"C_jaw.Y": size, "mouth_lowerLipDepress": 0.4 * size, "mouth_upperLipRaise": 0.3 * size}
        scene.add(Movement(lips, pose))
        inhaling = Course(end - length - min(early, 0.5 * (end - begin)), 0.6 * length + early, 0.3 * length, 0.25)
        scene.add(air(size, inhaling, scene.chance.sides(0.08)))


def _pauses(scene: _Scene) -> None:
    if not scene.cues.phrases:  # who never speaks is not in a pause
        return
    for begin, end in scene.pauses:
        if end - begin < EVENT_PAUSE:
            continue
        edges = np.linspace(begin + EDGE, end - EDGE - 0.1, 1 + max(1, round((end - begin) / EVENTS_S))).tolist()
        for first, last in itertools.pairwise(edges):
            for movement in event(first, last, scene.chance):
                scene.add(movement)


def event(first: float, last: float, chance: Chance) -> list[Movement]:
    """What a mouth does between two times of a pause, or nothing."""
    found: list[Movement] = []
    kind, swallows, where = chance.rng.uniform(size=3)
    length, sides = min(chance.between(0.9, 1.5), last - first), chance.sides(0.3)
    # The less time, the less motion: lips are slow in a pause.
    size = chance.between(0.7, 1.3) * min(length / 1.2, 1.0)
    course = Course(first + where * (last - first - length), 0.45 * length, 0.05 * length, 0.5 * length)
    if kind < 0.25:
        press = {"mouth_pressU": 0.14 * size, "mouth_pressD": 0.14 * size, "mouth_lipsPressU": 0.1 * size}
        found.append(Movement(course, press))
    elif kind < 0.6:
        found.append(Movement(course, {"mouth_cornerPull": 0.05 * size, "mouth_dimple": 0.06 * size}, sides))
    elif kind < 0.75 and last - first >= _WETTING_S:
        wet = {"mouth_lipsRollD": 0.2 * size, "C_tongue_tip.Y": 0.3 * size, "C_tongue_inOut": -0.1 * size}
        found.append(Movement(course, wet))
    if last - first >= _SWALLOW_S and swallows < 1.0 - np.exp(-_SWALLOWS * (last - first)):
        throat = Course(first + (1.0 - where) * (last - first - _SWALLOW_S), 0.25, 0.1, _SWALLOW_S - 0.35)
        found.append(Movement(throat, {"C_neck_swallow": 0.7, "neck_digastricUpDown": 0.2}))
    return found


def drift(part: Part, noises: Iterator[NDArray[np.float32]]) -> None:
    """Let brows, lids and corners wander by three noises (N,) of deviation 1 for each of `WANDER`."""
    sides: tuple[list[NDArray], list[NDArray]] = ([], [])
    for size in WANDER:
        together = next(noises)
        for curves in sides:
            curves.append(size * (0.8 * together + 0.6 * next(noises)))
    for names, numbers, sign, shares in _WANDERING:
        curves = np.stack([curves[number] for curves in sides for number in numbers], axis=1)
        part.move(names, np.array(shares * 2, np.float32) * np.maximum(sign * curves, 0.0))


def _drift(scene: _Scene) -> None:
    drift(scene, (_noise(scene) for _ in range(3 * len(WANDER))))


def _noise(scene: _Scene) -> NDArray[np.float32]:
    """(T,) of a slow noise of deviation 1: knots at random, eased from one to the next."""
    frames = np.arange(len(scene.rig)) / scene.fps
    total = np.zeros(len(frames))
    for period in PERIODS:
        phase = float(scene.chance.rng.uniform())
        knots = scene.chance.rng.standard_normal(int(scene.seconds / period) + 3)
        place = frames / period + phase
        before = place.astype(np.intp)
        total += np.sqrt(period) * (knots[before] + (knots[before + 1] - knots[before]) * ease(place - before))
    return (total / np.sqrt(0.72 * sum(PERIODS))).astype(np.float32)


def flash(start: float, mood: Mapping[str, float], free: bool, chance: Chance) -> Movement | None:
    """A small expression where the effort rises, or none; `free` is whether none was just before."""
    labels = [label for label in mood if label in _MICRO and mood[label] > 0.0] or ["neutral"]
    weights = np.array([mood.get(label, 0.0) for label in labels])
    weights = weights / weights.sum() if weights.sum() else np.ones(len(labels)) / len(labels)
    shows, which, left = chance.rng.uniform(size=3)
    label = labels[int(chance.rng.choice(len(labels), p=weights))]
    length, size, other = chance.between(0.18, 0.40), chance.between(0.6, 1.1), chance.between(0.0, 0.35)
    if shows >= _MICRO_CHANCE or not free:
        return None
    pose = _MICRO[label][int(which * len(_MICRO[label]))]
    sides = (1.0, other) if left < 0.5 else (other, 1.0)
    course = Course(start - 0.05, min(0.4 * length, 0.2), 0.1 * length, 0.5 * length)
    return Movement(course, {name: size * value for name, value in pose.items()}, sides)


def _micro(scene: _Scene) -> None:
    from scipy.ndimage import gaussian_filter1d

    step = max(1, round(RISE_S * scene.fps))
    effort = gaussian_filter1d(scene.cues.effort * scene.cues.activity, MICRO_S * scene.fps, mode="nearest")
    rising = (effort[step:] - effort[:-step] > RISE) & (scene.cues.activity[step:] > 0.5)
    starts = (np.flatnonzero(rising[1:] & ~rising[:-1]) + 1 + step) / scene.fps
    last = -MICROS_APART
    for start in starts.tolist():
        movement = flash(start, scene.mood, start - last >= MICROS_APART, scene.chance)
        if movement is not None:
            last = start
            scene.add(movement)


_PLAY: dict[str, Callable[[_Scene], None]] = {
    "accents": _accents, "squint": _squint, "breath": _breath, "pauses": _pauses, "drift": _drift, "micro": _micro,
}  # fmt: skip
PARTS = tuple(_PLAY)
"""The parts of the life layer."""


def add_life(
    values: NDArray[np.float32],
    cues: Cues,
    fps: float,
    seeds: tuple[int, ...],
    amounts: Mapping[str, float] | None = None,
    mood: Mapping[str, float] | None = None,
) -> NDArray[np.float32]:
    """Add the life to a rig (T, 174), after its closures; returns a new array.

    Args:
        values: the rig.
        cues: of T frames.
        fps: frames a second of both.
        seeds: from which every part draws a stream of its own, so that the amount of one moves no other.
        amounts: of each part, 0 or more; 1 where it is left out.
        mood: weights of the labels; None is neutral.
    """
    out = np.array(values, np.float32)
    amounts, mood = amounts or {}, mood or {"neutral": 1.0}
    opened = opening(out)
    for number, (part, play) in enumerate(_PLAY.items()):
        amount = amounts.get(part, 1.0)
        if amount > 0.0 and len(out):
            chance = Chance(np.random.default_rng([*seeds, number]))
            play(_Scene(out, fps, amount, opened, cues=cues, mood=mood, chance=chance))
    return out


def opening(rig: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the lips of a rig (T, 174) are from a closure: (T,) 0 closed or bitten to 1."""
    bitten = rig[:, _BITE].max(axis=1) / min(BITE.values())
    return np.asarray(1.0 - np.clip(np.maximum(rig[:, _SEAL].max(axis=1), bitten), 0.0, 1.0), np.float32)
