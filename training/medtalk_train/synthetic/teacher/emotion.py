"""The teacher of emotion: how strongly the face feels, moment by moment, and what it then does.

The strength follows the voice (loudness, pitch, how excited the whole clip is) and the words; the same trajectory
serves all seven labels, so that sentences in different emotions stay frame-aligned (Sec. 3.2). The pose tables
(``assets/poses/emotions.json``) give the kinds of face that a label has.

A face is laid over articulation by headroom: it moves a channel from where it is towards its limit, and a face of
strength s does so s times over, so that no strength drives a channel out of its range. What changes within a line
(accents, micro-expressions) is not of the teacher: `medtalk.finishing` makes it, as the networks see frame by frame.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from medtalk.finishing.closures import BITE
from medtalk.guidance import LABELS
from medtalk.rates import FPS
from medtalk.rig.channels import AREAS, MAXIMUM, MINIMUM, N_CHANNELS
from medtalk_train.synthetic.teacher import affect
from medtalk_train.synthetic.teacher.poses import KINDS, MOST, channels_of, table, vector
from medtalk_train.synthetic.teacher.style import Style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from medtalk.features.alignment import AlignedWord

LOWEST, HIGHEST = 0.12, 1.5
GAIN = {"angry": 1.2, "disgust": 0.95, "fear": 0.8, "happy": 1.05, "neutral": 1.0, "sad": 0.75, "surprised": 1.1}
"""How far the mouth opens and spreads beside plain speech when the label is strongly felt (JALI's axis)."""
_YIELD = 0.95  # of what would part closed lips, or take the lip from the teeth
_ROUND = 0.4  # of the mouth's expression that gives way to rounded lips


def strength(
    prosody: NDArray, text: str = "", style: Style | None = None, words: Sequence[AlignedWord] | None = None
) -> NDArray[np.float32]:
    """How strongly the speaker feels, frame by frame.

    Args:
        prosody: (T, 16) of ``medtalk.features.prosody``.
        text: what is said; affect words lift the strength where they fall.
        words: of the text with their times, if these are known.
        style: the speaker; ``liveliness`` scales how far the strength moves.

    Returns:
        (T,) float32, about 0.2 in silence, 0.6 in plain speech, up to 1.5.
    """
    style = style or Style()
    columns = np.asarray(prosody, np.float64).T
    if not columns.shape[1]:
        return np.zeros(0, np.float32)
    loudness, pitch = columns[2], columns[5]
    speaking = np.clip(columns[14], 0.0, 1.0)
    heard = np.flatnonzero(columns[14] > 0.5)
    if not len(heard):
        return np.full(columns.shape[1], LOWEST, np.float32)
    moving = 0.30 * np.clip(loudness - loudness[heard].mean(), -0.7, 1.0) + 0.22 * np.clip(pitch, -1.0, 1.5) * speaking
    clip = 0.20 * np.clip(columns[13], -1.5, 1.5) + 0.12 * (columns[11] - 0.7) + 0.15 * (columns[15] - 0.6)
    lift = 0.40 * affect.curve(text, heard[0] / FPS, (heard[-1] + 1) / FPS, columns.shape[1], words=words)
    level = 0.56 + style.liveliness * moving + np.clip(clip, -0.3, 0.4) + lift
    level = level * (0.7 + 0.3 * _release(speaking))
    return np.clip(_smooth(level, 9), LOWEST, HIGHEST).astype(np.float32)


def compose(
    lips: NDArray[np.float32],
    label: int,
    strength: NDArray | float,
    style: Style | None = None,
    kinds: NDArray | None = None,
) -> NDArray[np.float32]:
    """Lay an emotion over articulation.

    A closure stays a closure in every emotion, and a bite a bite: what would open the lips gives way, while a smile
    stays. The whole mouth gives way to rounding.

    Args:
        lips: (T, 174) of ``lip_curves``.
        label: 0..6 as ``LABELS``.
        strength: (T,) or a number; 0 leaves the lips alone.
        kinds: (``KINDS``,) shares of the label's kinds of face, summing to 1; None takes all alike.

    Returns:
        (T, 174) float32 within the channels' ranges.
    """
    style = style or Style()
    amount = np.broadcast_to(np.asarray(strength, np.float32), len(lips))[:, None]
    faces = _faces()[label]
    pose = (faces.mean(axis=0) if kinds is None else np.asarray(kinds, np.float32) @ faces) * _factors(style)
    limit = np.where(pose < 0.0, MINIMUM, MAXIMUM)
    moved = np.flatnonzero(pose)
    share = np.clip(pose[moved] / limit[moved], 0.0, MOST)
    felt = np.zeros(lips.shape, np.float32)
    felt[:, moved] = 1.0 - (1.0 - share) ** amount
    closed, bitten, round_ = (
        np.clip(lips[:, channels].mean(axis=1, keepdims=True) / full, 0.0, 1.0)
        for channels, full in ((_closing(), 1.0), (_biting(), BITE["f"]), (_rounding(), 1.0))
    )
    felt[:, _mouth()] *= 1.0 - _ROUND * round_
    felt[:, _opening()] *= 1.0 - _YIELD * closed
    felt[:, _lower()] *= 1.0 - _YIELD * bitten
    said = lips.copy()
    said[:, _articulating()] *= 1.0 + (GAIN[LABELS[label]] - 1.0) * np.tanh(amount)
    said = np.clip(said, MINIMUM, MAXIMUM)
    return (said + (limit - said) * felt).astype(np.float32)


def draw_kinds(rng: np.random.Generator) -> NDArray[np.float32]:
    """(``KINDS``,) random shares of a label's kinds: most of the time mainly one of them, else all alike."""
    even = np.full(KINDS, 1.0 / KINDS)
    shares = even if rng.random() < 0.2 else rng.dirichlet(np.full(KINDS, 0.4))
    return shares.astype(np.float32)


def _release(values: NDArray, seconds: float = 0.35) -> NDArray:
    """Follows rises at once and falls slowly: a face does not drop its feeling in a short pause."""
    keep = float(np.exp(-1.0 / (seconds * FPS)))
    out, state = np.empty(len(values)), 0.0
    for i, value in enumerate(values):
        state = max(float(value), state * keep)
        out[i] = state
    return out


def _smooth(values: NDArray, width: int) -> NDArray:
    from scipy.ndimage import uniform_filter1d

    return uniform_filter1d(uniform_filter1d(values, width, mode="nearest"), width, mode="nearest")


def _factors(style: Style) -> NDArray[np.float32]:
    out = np.ones(N_CHANNELS, np.float32)
    out[AREAS["brow"]] *= style.brow
    out[AREAS["eye"]] *= style.eye
    out[_mouth()] *= style.mouth
    left, right = _sides()
    out[left] *= 1.0 + style.lean
    out[right] *= 1.0 - style.lean
    return out


@lru_cache(maxsize=1)
def _faces() -> NDArray[np.float32]:
    """(7, KINDS, 174): the kinds of face of each label, at strength 1."""
    faces = table("emotions")
    return np.stack([[vector(pose) for pose in faces[label].values()] for label in LABELS])


@lru_cache(maxsize=1)
def _mouth() -> NDArray:
    return np.concatenate([AREAS["mouth"], AREAS["jaw"]])


@lru_cache(maxsize=1)
def _articulating() -> list[int]:
    """The channels whose articulation an emotion widens or narrows."""
    return _all("C_jaw.Y", "lowerLipDepress", "upperLipRaise", "mouth_stretch", "cornerPull", "mouth_dimple")


@lru_cache(maxsize=1)
def _opening() -> list[int]:
    return _all("C_jaw.Y", "lowerLipDepress", "upperLipRaise", "mouth_stretch", "funnelU", "funnelD")


@lru_cache(maxsize=1)
def _lower() -> list[int]:
    """The channels that keep the lower lip from the teeth."""
    return _all("C_jaw.Y", "lowerLipDepress", "funnelD", "jaw_chinRaiseD")


@lru_cache(maxsize=1)
def _closing() -> list[int]:
    return _all("lipsTogetherU", "lipsTogetherD")


@lru_cache(maxsize=1)
def _biting() -> list[int]:
    return _all("lipBiteD")


@lru_cache(maxsize=1)
def _rounding() -> list[int]:
    return _all("purseU", "purseD")


def _all(*keys: str) -> list[int]:
    return [channel for key in keys for channel in channels_of(key)]


@lru_cache(maxsize=1)
def _sides() -> tuple[NDArray, NDArray]:
    from medtalk.rig.channels import CHANNELS

    left = [c.index for c in CHANNELS if c.control.startswith("CTRL_L_")]
    right = [c.index for c in CHANNELS if c.control.startswith("CTRL_R_")]
    return np.array(left), np.array(right)
