"""The teacher of emotion: how strongly the face feels, moment by moment, and what it then does.

The strength follows the voice (loudness, pitch, how excited the whole clip is) and the words; the same trajectory
serves all seven labels, so that sentences in different emotions stay frame-aligned (Sec. 3.2). The pose tables
(``assets/poses/emotions.json``) give the face, small flashes on accents the micro-expressions.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from medtalk.guidance import LABELS
from medtalk.rates import FPS
from medtalk.rig.channels import AREAS, MAXIMUM, MINIMUM, N_CHANNELS
from medtalk_train.synthetic.teacher import affect
from medtalk_train.synthetic.teacher.poses import channels_of, table, vector
from medtalk_train.synthetic.teacher.style import Style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from medtalk.features.alignment import AlignedWord

LOWEST, HIGHEST = 0.12, 1.5
MORE_FROM = 0.8  # strength above which the "more" poses come in
_FLASHES = ("brow_raiseIn", "brow_raiseOut", "brow_down", "eye_squintInner", "eye_cheekRaise", "nose.Y", "mouth_dimple")


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
    lips: NDArray[np.float32], label: int, strength: NDArray | float, style: Style | None = None, flashes: bool = True
) -> NDArray[np.float32]:
    """Lay an emotion over articulation.

    A lip closure stays a closure in every emotion: what would open the lips gives way to it, while a smile stays. The
    whole mouth gives way to rounding.

    Args:
        lips: (T, 174) of ``lip_curves``.
        label: 0..6 as ``LABELS``.
        strength: (T,) or a number; 0 leaves the lips alone.

    Returns:
        (T, 174) float32 within the channels' ranges.
    """
    style = style or Style()
    amount = np.broadcast_to(np.asarray(strength, np.float32), len(lips))[:, None]
    base, more = _emotions()[label]
    face = (amount * base + np.maximum(amount - MORE_FROM, 0.0) * more) * _factors(style)
    if flashes:
        face = face + _micro_expressions(amount[:, 0], style)
    closure = lips[:, _closing()].mean(axis=1, keepdims=True)
    rounding = lips[:, _rounding()].mean(axis=1, keepdims=True)
    face[:, _mouth()] *= 1.0 - 0.35 * np.clip(rounding, 0.0, 1.0)
    face[:, _opening()] *= 1.0 - 0.85 * closure
    return np.clip(lips + face, MINIMUM, MAXIMUM).astype(np.float32)


def _micro_expressions(strength: NDArray, style: Style) -> NDArray[np.float32]:
    """(T, 174) brief one-sided movements, 0.2 to 0.5 s, most of them where the strength rises: about one in 1.5 s."""
    rng = np.random.default_rng(style.seed)
    frames = len(strength)
    out = np.zeros((frames, N_CHANNELS), np.float32)
    if not frames:
        return out
    rising = np.maximum(np.gradient(strength), 0.0) + 1e-3 if frames > 1 else np.ones(1)
    chance = rising / rising.sum()
    for at in rng.choice(frames, size=int(rng.poisson(frames / 90.0)), p=chance):
        half = int(rng.integers(6, 15))
        bump = 0.5 + 0.5 * np.cos(np.pi * np.arange(-half, half + 1) / (half + 1))
        left, right = channels_of(_FLASHES[rng.integers(len(_FLASHES))])
        low, high = max(0, at - half), min(frames, at + half + 1)
        size = 0.10 * style.liveliness * strength[at] * bump[low - at + half : high - at + half]
        side = float(rng.uniform(-0.6, 0.6))
        out[low:high, left] += size * (1.0 + min(side, 0.0))
        out[low:high, right] += size * (1.0 - max(side, 0.0))
    return out


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
def _emotions() -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    faces = table("emotions")
    return [(vector(faces[label]), vector(faces.get(f"{label} more", {}))) for label in LABELS]


@lru_cache(maxsize=1)
def _mouth() -> NDArray:
    return np.concatenate([AREAS["mouth"], AREAS["jaw"]])


@lru_cache(maxsize=1)
def _opening() -> list[int]:
    keys = ("C_jaw.Y", "lowerLipDepress", "upperLipRaise", "mouth_stretch", "funnelU", "funnelD")
    return [c for key in keys for c in channels_of(key)]


@lru_cache(maxsize=1)
def _closing() -> list[int]:
    return [*channels_of("lipsTogetherU"), *channels_of("lipsTogetherD")]


@lru_cache(maxsize=1)
def _rounding() -> list[int]:
    return [c for key in ("purseU", "purseD") for c in channels_of(key)]


@lru_cache(maxsize=1)
def _sides() -> tuple[NDArray, NDArray]:
    from medtalk.rig.channels import CHANNELS

    left = [c.index for c in CHANNELS if c.control.startswith("CTRL_L_")]
    right = [c.index for c in CHANNELS if c.control.startswith("CTRL_R_")]
    return np.array(left), np.array(right)
