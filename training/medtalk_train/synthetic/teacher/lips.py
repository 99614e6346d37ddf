"""The teacher of lips: phone times to mouth, jaw and tongue curves.

Coarticulation by dominance (Cohen and Massaro 1993): every phone pulls each group of channels towards its pose with a
weight that falls off exponentially with the distance in time, slower ahead of the phone for the jaw and the rounding
of lips (anticipation) than behind. Closures (p b m) and bites (f v) are not gradual: trapezoids that win over
everything else, and open faster than they close. Vocal effort scales how far the mouth opens (JALI's axis; Edwards et
al. 2016), and before a phrase the mouth opens a little to breathe in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from medtalk.features.phones import PHONE_INDEX, PHONES, VOWELS
from medtalk.finishing.closures import RELEASE, compose, trapezoid
from medtalk.rates import FPS
from medtalk.rig.channels import N_CHANNELS
from medtalk_train.synthetic.teacher.poses import channels_of, table, vector
from medtalk_train.synthetic.teacher.style import Style

if TYPE_CHECKING:
    from numpy.typing import NDArray

BREATH = 0.06
"""How far the jaw opens for the breath before a phrase."""
_BREATH_PAUSE = 0.40  # seconds of silence before which nobody needs one
_BREATH_LASTS = 0.30  # seconds, up to the phrase


@dataclass(frozen=True)
class Group:
    """Channels that move together: their time constants in seconds ahead of and behind a phone, and phone weights."""

    keys: tuple[str, ...]
    ahead: float
    behind: float
    weights: dict[str, float]
    default: float = 1.0


GROUPS = (
    Group(("C_jaw.Y",), 0.060, 0.055,
          {"h": 0.08, "k": 0.5, "g": 0.5, "ng": 0.5, "l": 0.6, "r": 0.6, "w": 0.8, "s": 1.3, "z": 1.3,
           "sh": 1.3, "zh": 1.3, "f": 0.9, "v": 0.9, "p": 0.8, "b": 0.8, "m": 0.8, "sil": 0.8}),
    Group(("funnelU", "funnelD", "purseU", "purseD", "towardsU", "towardsD"), 0.100, 0.070,
          {"uw": 1.3, "uh": 1.1, "oh": 1.3, "ao": 1.3, "yr": 1.3, "w": 1.6, "r": 0.6, "er": 0.7, "sh": 0.8, "zh": 0.8,
           "h": 0.03, "t": 0.1, "d": 0.1, "n": 0.1, "k": 0.1, "g": 0.1, "ng": 0.1, "p": 0.12, "b": 0.12, "m": 0.12,
           "l": 0.15, "s": 0.3, "z": 0.3, "th": 0.2, "dh": 0.2, "f": 0.3, "v": 0.3, "sil": 0.5}),
    Group(("mouth_stretch", "cornerPull", "mouth_dimple"), 0.070, 0.060,
          {"h": 0.03, "p": 0.15, "b": 0.15, "m": 0.15, "k": 0.2, "g": 0.2, "ng": 0.2, "sil": 0.5}, default=0.8),
    Group(("lowerLipDepress", "upperLipRaise", "jaw_chinRaiseD", "tightenD"), 0.055, 0.050,
          {"h": 0.1, "k": 0.4, "g": 0.4, "ng": 0.4, "sil": 0.7}, default=0.9),
    Group(("C_tongue.Y", "C_tongue_inOut", "C_tongue_tip.Y", "C_tongue_narrowWide", "C_tongue_roll.Y"), 0.040, 0.040,
          {"h": 0.05, "p": 0.1, "b": 0.1, "m": 0.1, "f": 0.1, "v": 0.1, "w": 0.3, "sil": 0.5}),
)  # fmt: skip

_PARTING_KEYS = ("C_jaw.Y", "lowerLipDepress", "upperLipRaise")


def lip_curves(
    phones: Sequence[tuple[float, float, int]],
    frames: int,
    style: Style | None = None,
    effort: NDArray | float = 1.0,
) -> NDArray[np.float32]:
    """Mouth motion of a sentence.

    Args:
        phones: (start s, end s, class of ``phones.PHONES``), in order.
        frames: T at 60 fps.
        style: the speaker; without one the average speaker.
        effort: how far the mouth opens, a number or one a frame (T,), as `medtalk.features.prosody.effort` hears it;
            spreading follows its square root. Rounding tells vowels apart in a low voice too, and stays.

    Returns:
        (T, 174) float32, zero in all channels but the mouth's, jaw's and tongue's.
    """
    style = style or Style()
    out = np.zeros((frames, N_CHANNELS), np.float32)
    if not phones or not frames:
        return out
    spans = np.asarray([(start, end) for start, end, _ in phones], np.float64)
    kinds = np.asarray([kind for _, _, kind in phones], np.int64)
    times = np.arange(frames) / FPS
    ahead = spans[None, :, 0] - times[:, None]  # (T, P) > 0: the phone is still to come
    behind = times[:, None] - spans[None, :, 1]
    poses, resolved = _poses(), _groups()

    for (channels, weights), group in zip(resolved, GROUPS, strict=True):
        distance = np.maximum(ahead, 0.0) / group.ahead + np.maximum(behind, 0.0) / group.behind
        dominance = weights[kinds] * np.exp(-distance)
        dominance /= dominance.sum(axis=1, keepdims=True) + 1e-9
        out[:, channels] = dominance @ poses[kinds][:, channels]

    effort = np.broadcast_to(np.asarray(effort, np.float32), frames)[:, None]
    out[:, _all(_PARTING_KEYS)] *= effort
    out[:, _all(GROUPS[2].keys)] *= np.sqrt(effort)
    jaw = channels_of("C_jaw.Y")
    out[:, jaw] = np.maximum(out[:, jaw], _breath(spans, kinds, times)[:, None])
    out[:, jaw] *= style.jaw
    out[:, _all(GROUPS[1].keys)] *= style.rounding
    out[:, _all(GROUPS[2].keys)] *= style.spreading
    held = {name: trapezoid(times, spans[kinds == PHONE_INDEX[name]], RELEASE[name]) for name in RELEASE}
    return _smooth(compose(held).over(out))


def _breath(spans: NDArray, kinds: NDArray, times: NDArray) -> NDArray:
    """(T,) the jaw in the breaths before phrases that follow a pause."""
    out = np.zeros(len(times))
    silence = PHONE_INDEX["sil"]
    for (start, end), kind in zip(spans[:-1], kinds[:-1], strict=True):
        if kind == silence and end - start >= _BREATH_PAUSE:
            into = np.clip((times - end + _BREATH_LASTS) / _BREATH_LASTS, 0.0, 1.0)
            out = np.maximum(out, BREATH * np.sin(np.pi * into) ** 2)
    return out


def _smooth(values: NDArray[np.float32]) -> NDArray[np.float32]:
    padded = np.concatenate([values[:1], values, values[-1:]])
    return (0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]).astype(np.float32)


def _all(keys: Sequence[str]) -> list[int]:
    return [channel for key in keys for channel in channels_of(key)]


@lru_cache(maxsize=1)
def _poses() -> NDArray[np.float32]:
    """(35, 174): the pose of each phone class."""
    visemes = table("visemes")
    assert set(visemes) == set(PHONES) and set(VOWELS) < set(visemes)
    return np.stack([vector(visemes[name]) for name in PHONES])


@lru_cache(maxsize=1)
def _groups() -> list[tuple[list[int], NDArray]]:
    return [(_all(g.keys), np.array([g.weights.get(name, g.default) for name in PHONES])) for g in GROUPS]
