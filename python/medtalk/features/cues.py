"""What in a voice the face answers to: pitch accents, phrases and vocal effort (numpy and scipy only).

An accent is a syllable that stands out. Syllables are found as de Jong and Wempe 2009 do ("Praat script to detect
syllable nuclei", Behavior Research Methods): voiced peaks of loudness with a dip of 2 dB on either side. How far one
stands out is the sum of its pitch above the voice around it (Terken 1991, "Fundamental frequency and perceived
prominence", JASA) and its loudness above its neighbours' (Kochanski et al. 2005, "Loudness predicts prominence", JASA).
Lengths are left out, since they need phones. The weights are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from medtalk.features.prosody import PROSODY, effort
from medtalk.rates import FPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAUSE = 0.15
"""Seconds without voice that part two phrases."""
_DIP_DB = 2.0  # on either side of a nucleus
_VOICED = 0.5
_NEAR_S = 0.08  # around a nucleus, in which its pitch is looked for
_AROUND_S = 1.25  # to either side: the voice beside which a syllable stands out
APART = 0.28
"""Seconds between two accents: a word or more."""
_SEMITONES, _DECIBELS = 4.5, 5.0  # above what is around, both of which together make a full accent
_PITCH_SHARE = 0.65
_OCTAVE_FROM = 9.0  # semitones: a tracker's octave error rather than a voice
_ACCENTED = 0.22  # strength from which a syllable is accented


class Accent(NamedTuple):
    """A syllable that stands out: the time of its nucleus in seconds, and by how much, 0..1."""

    time: float
    strength: float


@dataclass(frozen=True, eq=False)
class Cues:
    """What the face answers to in a voice, at 60 fps. Immutable, its arrays too.

    Attributes:
        frames: T, the number of frames.
        accents: in order.
        phrases: (start, end) in seconds of the stretches of speech between pauses of 0.15 s or more.
        effort: (T,) float32 as `medtalk.features.prosody.effort` gives it, about 1 in plain speech.
        activity: (T,) float32 how surely somebody speaks, 0..1.
    """

    frames: int
    accents: tuple[Accent, ...]
    phrases: tuple[tuple[float, float], ...]
    effort: NDArray[np.float32]
    activity: NDArray[np.float32]

    def __post_init__(self) -> None:
        self.effort.flags.writeable = self.activity.flags.writeable = False

    @classmethod
    def none(cls, frames: int) -> Cues:
        """Of a sound without voice."""
        return cls(frames, (), (), np.ones(frames, np.float32), np.zeros(frames, np.float32))


def cues(prosody: NDArray[np.float32], activity: NDArray[np.float32]) -> Cues:
    """The cues of a clip.

    Args:
        prosody: (T, 16) as `medtalk.features.prosody.prosody` gives it.
        activity: (T,) how surely somebody speaks, 0..1.
    """
    voice = np.array(activity, np.float32)
    if not voice.any():
        return Cues.none(len(voice))
    return Cues(len(voice), accents(prosody, voice), phrases(voice), effort(prosody), voice)


def phrases(activity: NDArray[np.float32], fps: float = FPS) -> tuple[tuple[float, float], ...]:
    """(start, end) in seconds of speech between pauses of 0.15 s or more, from (T,) activity."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], activity >= 0.5, [False]]).astype(np.int8)))
    spans: list[tuple[float, float]] = []
    for first, last in edges.reshape(-1, 2) / fps:
        joined = bool(spans) and first - spans[-1][1] < PAUSE - 1e-9
        start = spans.pop()[0] if joined else float(first)
        spans.append((start, float(last)))
    return tuple(spans)


def accents(
    prosody: NDArray[np.float32], activity: NDArray[np.float32], since: int = 0, ended: bool = True
) -> tuple[Accent, ...]:
    """The accents of a clip, as `cues` has them.

    Args:
        prosody, activity: as of `cues`.
        since: the frame from which on they are wanted.
        ended: whether the sound ends with the clip, so that the last syllable is whole.
    """
    from scipy.ndimage import gaussian_filter1d

    columns = dict(zip(PROSODY, np.asarray(prosody, np.float64).T, strict=True))
    loudness = gaussian_filter1d(10.0 * columns["loudness_relative"], 1.5, mode="nearest")
    semitones = 6.0 * columns["pitch_relative"]
    voiced = (columns["voicing"] > _VOICED) & (activity > 0.5)
    nuclei = np.array([peak for peak in _peaks(loudness, ended) if voiced[peak]], np.int64)
    loud = loudness[nuclei]
    around, apart = round(_AROUND_S * FPS), round(APART * FPS)
    strengths = np.zeros(len(nuclei))
    for number in range(int(np.searchsorted(nuclei, since - apart)), len(nuclei)):
        at = nuclei[number]
        first, last = np.searchsorted(nuclei, [at - around, at + around + 1])
        boost = loud[number] - loud[first:last].mean()
        rise = _rise(semitones, voiced, int(at))
        strengths[number] = _PITCH_SHARE * rise + (1.0 - _PITCH_SHARE) * float(np.clip(boost / _DECIBELS, -1.0, 1.0))
    found = []
    for number in range(int(np.searchsorted(nuclei, since)), len(nuclei)):
        at = nuclei[number]
        first, last = np.searchsorted(nuclei, [at - apart, at + apart + 1])
        if strengths[number] >= max(_ACCENTED, strengths[first:last].max()):
            found.append(Accent(int(at) / FPS, float(strengths[number])))
    return tuple(found)


def _rise(semitones: NDArray, voiced: NDArray, at: int) -> float:
    """How far the pitch of the syllable at a frame stands above the voice around it, -1..1."""
    near, around = round(_NEAR_S * FPS), round(_AROUND_S * FPS)
    own, wide = slice(max(at - near, 0), at + near + 1), slice(max(at - around, 0), at + around + 1)
    above = semitones[own][voiced[own]] - np.median(semitones[wide][voiced[wide]])
    above = np.where(np.abs(above) > _OCTAVE_FROM, above - 12.0 * np.round(above / 12.0), above)
    # The upper quartile: a stray octave in a frame or two is no accent.
    return float(np.clip(np.quantile(above, 0.75) / _SEMITONES, -1.0, 1.0))


def _peaks(loudness: NDArray, ended: bool = True) -> list[int]:
    """Frames of the peaks of (T,) dB with a dip of `_DIP_DB` on either side; the ends of the clip count as dips, the
    last one where the sound has `ended`."""
    found: list[int] = []
    top, low, rising = 0, 0, True
    for frame, level in enumerate(loudness.tolist()):
        if rising:
            if level > loudness[top]:
                top = frame
            elif level < loudness[top] - _DIP_DB:
                found.append(top)
                low, rising = frame, False
        elif level < loudness[low]:
            low = frame
        elif level > loudness[low] + _DIP_DB:
            top, rising = frame, True
    return [*found, top] if ended and rising and len(loudness) else found
