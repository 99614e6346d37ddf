"""How strongly a mood shows at each moment: how it answers the voice, comes up, fades, and stays in pauses.

The paper has one strength for all emotions, which CMF predicts (Sec. 3.3, eq. 8, 9), and which rises with loudness.
That fits anger. A quiet voice is no sign that somebody is less sad, a surprise does not last as long as the sentence,
and fear shakes. So each mood transforms CMF's curve in its own way. A strength of 1 is the pose of the mood as the
tables have it: plainly that mood. A curve of 0 stays 0, twice the curve is twice the strength.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medtalk.features.prosody import PROSODY
from medtalk.finishing.causal import Bell, Running, Voice
from medtalk.finishing.timing import Follow, follow
from medtalk.rates import FPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from medtalk.features.cues import Accent, Cues

PLAIN = 0.88
"""What CMF predicts for plain speech, on the average of speakers."""
PAUSING = 0.80
"""What it predicts for pauses, beside speech."""
LOUDER, LOUDER_WITHIN = 0.30, 0.95
"""Doublings of what it predicts for each doubling of vocal effort, of a whole clip and within one."""
MOUTH_DELAY = 0.06
"""Seconds by which the mouth comes after the strength; the upper face runs ahead (`medtalk.finishing.timing`)."""

_ANSWER = (0.6, 1.8)  # the least and most by which loudness and pitch together change the strength
_NEAR_S, _AROUND_S = 0.35, 2.5  # over which the voice is heard: at once, and where it pauses
_BEFORE_S, _AFTER_S = 0.12, 0.40  # how long an accent is felt
_BEFORE = round(_BEFORE_S * FPS)
_LEAST_S = 0.25  # of a pause, after which a phrase begins anew
_USUAL_ACCENTS, _USUAL_PHRASE_S = 0.12, 3.0  # of a stream's beginning: the mean of `_accents`, and between bursts


@dataclass(frozen=True)
class Dynamics:
    """How the strength of a mood behaves.

    Attributes:
        level: strength in plain speech.
        loud: how far it follows loudness: 1 as CMF's curve does, 0 not at all, below 0 a quiet voice shows more.
        pitch: doublings for each 6 semitones above the voice's usual pitch.
        accent: how much of the level a full accent adds.
        burst: share of the level that comes with the beginning of a phrase, and fades.
        fades: seconds in which a burst fades to a third.
        onset, offset: seconds in which the strength comes up and goes.
        pause: what stays in pauses, beside speech.
        shake: how much brows and lids tremble, as a share of their level.
    """

    level: float = 1.0
    loud: float = 1.0
    pitch: float = 0.0
    accent: float = 0.0
    burst: float = 0.0
    fades: float = 1.0
    onset: float = 0.2
    offset: float = 0.7
    pause: float = 0.8
    shake: float = 0.0


def strength(
    intensity: NDArray[np.float32], cues: Cues, prosody: NDArray[np.float32], dynamics: Dynamics
) -> NDArray[np.float32]:
    """The strength of a mood, (T,), 0 or more, linear in `intensity`.

    Args:
        intensity: (T,) as CMF predicts it or an animator draws it.
        cues: accents, phrases and effort of the voice.
        prosody: (T, 16) as `medtalk.features.prosody.prosody` gives it.
        dynamics: of the mood.
    """
    spoken = cues.activity.astype(np.float64)
    if not len(intensity) or not spoken.any():
        return dynamics.level / PLAIN * np.asarray(intensity, np.float32)
    effort = _held(np.log2(cues.effort.astype(np.float64)), spoken)
    usual = float(np.average(effort, weights=spoken))
    followed = LOUDER * usual + LOUDER_WITHIN * (effort - usual)
    pitch = _held(prosody[:, PROSODY.index("pitch_relative")].astype(np.float64), spoken)
    answer = np.clip(2.0 ** ((dynamics.loud - 1.0) * followed + dynamics.pitch * pitch), *_ANSWER)
    if dynamics.accent:
        answer *= 1.0 + dynamics.accent * _even(_accents(cues), spoken)
    if dynamics.burst:
        answer *= 1.0 + dynamics.burst * _even(_bursts(cues, dynamics.fades), spoken)
    stays = spoken + (1.0 - spoken) * dynamics.pause / PAUSING
    wished = dynamics.level / PLAIN * intensity * np.maximum(answer, 0.0) * stays
    shown = follow(wished, dynamics.onset * FPS, dynamics.offset * FPS)
    # What falls slowly stays above what is wished: the level remains as it was.
    level = float(wished @ spoken) / max(float(shown @ spoken), 1e-9)
    return (level * shown).astype(np.float32)


class LiveStrength:
    """The strength of a mood in a stream, while somebody speaks: what `strength` is of a clip.

    Means over the last half a minute of speech stand for those over the clip, and begin with what is usual. The voice
    is heard over the past alone, .15 s late; an accent counts from when it is found. With `follow` that is about what
    `delayed` adds to a clip's strength, which a stream's is not to have.
    """

    def __init__(self, dynamics: Dynamics) -> None:
        """`dynamics` of the mood."""
        self._dynamics, self._voice = dynamics, Voice()
        self._effort, self._pitch = _Held(), _Held()
        self._usual = Running(0.0)
        self._bump = _bump().tolist()
        self._bumps: list[tuple[int, float]] = []  # the frame that it begins in, and its size
        self._accents = Running(_USUAL_ACCENTS)
        phrases = _USUAL_PHRASE_S / dynamics.fades
        self._bursts = Running((1.0 - float(np.exp(-phrases))) / phrases)
        self._begun = -np.inf  # the last phrase after a pause
        self._levels: tuple[Running, Running] | None = None  # of what is wished, and of what is shown
        self._follow = Follow(dynamics.onset * FPS, dynamics.offset * FPS)

    def next(
        self,
        intensity: NDArray[np.float32],
        effort: NDArray[np.float32],
        pitch_relative: NDArray[np.float32],
        activity: NDArray[np.float32],
        accents: Sequence[Accent],
        first_frame: int,
    ) -> NDArray[np.float32]:
        """The strength of the next frames, (N,), 0 or more, linear in `intensity`.

        Args:
            intensity: (N,) as CMF predicts it or an animator draws it.
            effort: (N,) of the voice, about 1 in plain speech.
            pitch_relative: (N,) as `medtalk.features.prosody.PROSODY` has it.
            activity: (N,) how surely somebody speaks, 0..1.
            accents: those that were found since the last call.
            first_frame: the number of the first of these frames.
        """
        for accent in accents:
            begins = max(round(accent.time * FPS) - _BEFORE, first_frame)
            self._bumps.append((begins, accent.strength))
        self._bumps = [(begins, size) for begins, size in self._bumps if begins + len(self._bump) > first_frame]
        columns = (np.asarray(each, np.float64) for each in (intensity, effort, pitch_relative, activity))
        frames = zip(*(column.tolist() for column in columns), strict=True)
        return np.array([self._at(first_frame + n, *values) for n, values in enumerate(frames)], np.float32)

    def _at(self, frame: int, intensity: float, effort: float, pitch: float, spoken: float) -> float:
        dynamics, moment = self._dynamics, self._voice.next(spoken)
        if moment.pause >= _LEAST_S:
            self._begun = moment.time
        heard = float(np.log2(max(effort, 1e-3)))
        self._usual.add(heard, spoken)
        usual = self._usual.value
        followed = LOUDER * usual + LOUDER_WITHIN * (self._effort.next(heard, spoken, usual) - usual)
        pitch = self._pitch.next(pitch, spoken, 0.0)
        answer = 2.0 ** ((dynamics.loud - 1.0) * followed + dynamics.pitch * pitch)
        answer = min(max(answer, _ANSWER[0]), _ANSWER[1])
        if dynamics.accent:
            bump = max(
                (size * self._bump[frame - b] for b, size in self._bumps if 0 <= frame - b < len(self._bump)),
                default=0.0,
            )
            self._accents.add(bump, spoken)
            answer *= 1.0 + dynamics.accent * (bump - self._accents.value)
        if dynamics.burst:
            burst = float(np.exp(-(moment.time - self._begun) / dynamics.fades))
            self._bursts.add(burst, spoken)
            answer *= 1.0 + dynamics.burst * (burst - self._bursts.value)
        stays = spoken + (1.0 - spoken) * dynamics.pause / PAUSING
        wished = dynamics.level / PLAIN * intensity * max(answer, 0.0) * stays
        shown = self._follow.next(wished)
        if self._levels is None and wished > 0.0:
            self._levels = Running(wished), Running(wished)
        if self._levels is None:
            return shown
        # What falls slowly stays above what is wished: the level remains as it was.
        for level, value in zip(self._levels, (wished, shown), strict=True):
            level.add(value, spoken)
        return shown * self._levels[0].value / max(self._levels[1].value, 1e-9)


class _Held:
    """The mean of what is spoken nearby, as `_held` has it of a clip: about now, in a pause about then."""

    def __init__(self) -> None:
        self._near, self._around = (
            Bell(np.full(2, seconds / np.sqrt(6.0)), order=1) for seconds in (_NEAR_S, _AROUND_S)
        )

    def next(self, value: float, spoken: float, usual: float) -> float:
        """The next frame's; `usual` is what stands for it before anything was spoken."""
        pair = np.array([value * spoken, spoken])
        total, weight = self._near.next(pair) + 1e-2 * self._around.next(pair) + 1e-6 * np.array([usual, 1.0])
        return float(total / weight)


def delayed(strength: NDArray[np.float32], seconds: float = MOUTH_DELAY) -> NDArray[np.float32]:
    """A curve (T,) that comes later; its first value goes on before."""
    late = round(seconds * FPS)
    return np.concatenate([np.repeat(strength[:1], late), strength])[: len(strength)]


def _held(values: NDArray[np.float64], spoken: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T,) the mean of what is spoken nearby: about now, in a pause about then."""
    mean = float(np.average(values, weights=spoken))
    total, weight = 1e-6 * mean, 1e-6
    for seconds, share in ((_NEAR_S, 1.0), (_AROUND_S, 1e-2)):
        total = total + share * _mean(values * spoken, seconds)
        weight = weight + share * np.maximum(_mean(spoken, seconds), 0.0)  # rounding leaves less than 0
    return total / weight


def _even(values: NDArray[np.float64], spoken: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same, but 0 on the average of speech: it moves the strength and leaves the level alone."""
    return values - np.average(values, weights=spoken)


def _accents(cues: Cues) -> NDArray[np.float64]:
    """(T,) 0..1: up before each accent, and down after it."""
    out, bump = np.zeros(cues.frames), _bump()
    for time, size in cues.accents:
        first = round(time * FPS) - _BEFORE
        rows = slice(max(first, 0), min(first + len(bump), cues.frames))
        out[rows] = np.maximum(out[rows], size * bump[rows.start - first : rows.stop - first])
    return out


def _bump() -> NDArray[np.float64]:
    """How an accent is felt from `_BEFORE` frames before it on."""
    after = round(_AFTER_S * FPS)
    rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(_BEFORE) / _BEFORE)
    fall = 0.5 + 0.5 * np.cos(np.pi * np.arange(after + 1) / (after + 1))
    return np.concatenate([rise, fall])


def _bursts(cues: Cues, fades: float) -> NDArray[np.float64]:
    """(T,) 1 where a phrase begins after a pause, fading through it."""
    times = np.arange(cues.frames) / FPS
    begins = [start for start, _ in cues.phrases[:1]]
    begins += [start for (_, end), (start, _) in zip(cues.phrases, cues.phrases[1:], strict=False)
               if start - end >= _LEAST_S]  # fmt: skip
    if not begins:
        return np.zeros(cues.frames)
    last = np.searchsorted(begins, times, side="right") - 1
    since = times - np.asarray(begins)[np.maximum(last, 0)]
    return np.where(last < 0, 1.0, np.exp(-np.maximum(since, 0.0) / fades))


def _mean(values: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    from scipy.ndimage import uniform_filter1d

    width = max(1, round(seconds * FPS))
    return uniform_filter1d(uniform_filter1d(values, width, mode="nearest"), width, mode="nearest")
