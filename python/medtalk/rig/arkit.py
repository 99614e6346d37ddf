"""To and from the 52 blendshapes of ARKit.

Each blendshape, at 1, sets a few channels of the board; `from_arkit` adds them up. `to_arkit` goes back by least
squares with every weight in 0..1, solved exactly: only a few blendshapes share channels (at most three at a time), so
the problem falls into small groups, and in each the right choice of weights that rest at 0 or at 1 is found by trying
all of them, for all frames at once.

Two things about the lips are not sums:

* lipsTogether on the board is how near the lips are to each other, whatever the jaw does; MouthClose is how much
  of JawOpen the lips make up for. They touch where the two are equal, and pass through each other where MouthClose is
  larger. So MouthClose is written as lipsTogether times JawOpen, and read as a part of JawOpen.
* No blendshape bites. A bite of the lower lip is written as that lip rolled in and lifted to the teeth by MouthClose,
  under a raised upper lip. As much as all three are there is read as a bite.

What no blendshape can say (most of the lips' finer channels) is lost on the way. Weights that are read and written
again come back, but for what passes the limits of the board, a MouthClose above JawOpen, and at most .011 of MouthClose
under a jaw at rest (`STILL_JAW`).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from medtalk.errors import RigError, require
from medtalk.rig.channels import CHANNELS, MAXIMUM, MINIMUM, N_CHANNELS, indices
from medtalk.rig.sequence import FPS, RigSequence

# In the order of the columns that the Live Link Face app writes.
_EYE = "EyeBlink EyeLookDown EyeLookIn EyeLookOut EyeLookUp EyeSquint EyeWide"
_REST = (
    "JawForward JawRight JawLeft JawOpen MouthClose MouthFunnel MouthPucker MouthRight MouthLeft MouthSmile@ "
    "MouthFrown@ MouthDimple@ MouthStretch@ MouthRollLower MouthRollUpper MouthShrugLower MouthShrugUpper MouthPress@ "
    "MouthLowerDown@ MouthUpperUp@ BrowDown@ BrowInnerUp BrowOuterUp@ CheekPuff CheekSquint@ NoseSneer@ TongueOut"
)
ARKIT_NAMES: tuple[str, ...] = (
    *(f"{name}{side}" for side in ("Left", "Right") for name in _EYE.split()),
    *(name.replace("@", side) for name in _REST.split() for side in (("Left", "Right") if "@" in name else ("",))),
)
N_ARKIT = 52

# Blendshape -> channel patterns and what they are set to at 1. "Left" and "Right" of the names with "@" are the L and
# R of the patterns; a pattern without a side sets both.
_TABLE: dict[str, dict[str, float]] = {
    "EyeBlink@": {"@_eye_blink": 1.0},
    "EyeWide@": {"@_eye_blink": -1.0},
    "EyeLookUp@": {"@_eye.Y": 1.0},
    "EyeLookDown@": {"@_eye.Y": -1.0},
    "EyeLookOutLeft": {"L_eye.X": 1.0},  # +1 is to the character's left for either eye
    "EyeLookInLeft": {"L_eye.X": -1.0},
    "EyeLookInRight": {"R_eye.X": 1.0},
    "EyeLookOutRight": {"R_eye.X": -1.0},
    "EyeSquint@": {"@_eye_squintInner": 1.0},
    "JawForward": {"C_jaw_fwdBack": -1.0},
    "JawRight": {"C_jaw.X": 1.0},
    "JawLeft": {"C_jaw.X": -1.0},
    "JawOpen": {"C_jaw.Y": 1.0},
    "MouthClose": {"?_mouth_lipsTogether[DU]": 1.0},
    "MouthFunnel": {"?_mouth_funnel[DU]": 1.0},
    "MouthPucker": {"?_mouth_purse[DU]": 1.0, "?_mouth_funnel[DU]": 0.75, "?_mouth_towards[DU]": 0.41},
    "MouthRight": {"C_mouth.X": -1.0},
    "MouthLeft": {"C_mouth.X": 1.0},
    "MouthSmile@": {"@_mouth_cornerPull": 1.0},
    "MouthFrown@": {"@_mouth_cornerDepress": 1.0},
    "MouthDimple@": {"@_mouth_dimple": 1.0},
    "MouthStretch@": {"@_mouth_stretch": 1.0},
    "MouthRollLower": {"?_mouth_lipsRollD": 1.0, "?_mouth_lipsRollU": 0.5},
    "MouthRollUpper": {"?_mouth_lipsRollU": 1.0},
    "MouthShrugLower": {"?_jaw_ChinRaiseD": 1.0},
    "MouthShrugUpper": {"?_jaw_ChinRaiseU": 1.0},
    "MouthPress@": {"@_mouth_press[DU]": 1.0},
    "MouthLowerDown@": {"@_mouth_lowerLipDepress": 1.0},
    "MouthUpperUp@": {"@_mouth_upperLipRaise": 1.0},
    "BrowDown@": {"@_brow_down": 1.0},
    "BrowInnerUp": {"?_brow_raiseIn": 1.0, "?_brow_lateral": 1.0},
    "BrowOuterUp@": {"@_brow_raiseIn": 1.0, "@_brow_raiseOut": 1.0},
    "CheekPuff": {"?_mouth_suckBlow": 1.0, "?_mouth_lipsBlow": 1.0},
    "CheekSquint@": {"@_eye_cheekRaise": 1.0},
    "NoseSneer@": {"@_nose.Y": 1.0},
    "TongueOut": {"C_tongue.Y": -0.82, "C_tongue_inOut": -0.76, "C_tongue_roll.Y": -0.24, "C_tongue_narrowWide": 0.62},
}


def _matrix() -> np.ndarray:
    """(174, 52) float64: what each blendshape at 1 sets."""
    matrix = np.zeros((N_CHANNELS, N_ARKIT))
    for name, pose in _TABLE.items():
        for side, short in (("Left", "L"), ("Right", "R")) if "@" in name else (("", ""),):
            column = ARKIT_NAMES.index(name.replace("@", side))
            for pattern, value in pose.items():
                matrix[indices(pattern.replace("@", short)), column] = value
    matrix.flags.writeable = False
    return matrix


ARKIT_MATRIX = _matrix()
"""(174, 52) float64, read-only: `values = weights @ ARKIT_MATRIX.T` before the board's limits."""

ARKIT: dict[str, tuple[str, ...]] = {
    channel.name: tuple(ARKIT_NAMES[i] for i in np.flatnonzero(ARKIT_MATRIX[channel.index])) for channel in CHANNELS
}
"""Channel name -> the blendshapes that set it."""

assert len(set(ARKIT_NAMES)) == len(ARKIT_NAMES) == N_ARKIT, "52 blendshapes, each name once"
assert ARKIT_MATRIX.any(axis=0).all(), "every blendshape sets something"

STILL_JAW = 0.04
"""Under this JawOpen lips rest, and MouthClose over JawOpen is noise over noise: the seal that is read falls to 0,
smoothly. The jaw of a spoken p, b or m is about this far open."""

# What no blendshape sets -> the weights that show it, added at 1 to those of the table.
_BITE = "?_mouth_lipBiteD"
_BITE_RAISE = 0.4
_SHOWN: dict[str, dict[str, float]] = {
    _BITE: {"MouthRollLower": 1.0, "MouthUpperUp@": _BITE_RAISE},
    "?_mouth_lipsPressU": {"MouthPress@": 0.5},
}


def _shown() -> np.ndarray:
    """(52, 174) float64: the weights that each channel of `_SHOWN` at 1 adds; what has no side, half from either."""
    matrix = np.zeros((N_ARKIT, N_CHANNELS))
    for pattern, weights in _SHOWN.items():
        for name, weight in weights.items():
            for side, short in (("Left", "L"), ("Right", "R")) if "@" in name else (("", "?"),):
                channels = indices(pattern.replace("?", short))
                matrix[ARKIT_NAMES.index(name.replace("@", side)), channels] = weight / len(channels)
    return matrix


_SHOWN_MATRIX = _shown()
_JAW, _CLOSE, _ROLL = (ARKIT_NAMES.index(name) for name in ("JawOpen", "MouthClose", "MouthRollLower"))
_BITES = indices(_BITE)
_RAISES = [ARKIT_NAMES.index(f"MouthUpperUp{side}") for side in ("Left", "Right")]

# C_eye turns both eyes, but a blendshape belongs to one, so the two are added before fitting.
_BOTH_EYES = tuple(
    (int(indices(f"{side}_eye.{axis}")[0]), int(indices(f"C_eye.{axis}")[0])) for side in "LR" for axis in "XY"
)
# Of weights that fit equally well (JawLeft with JawRight) the smallest are meant; far below float32 otherwise.
_RIDGE = 1e-9
_NOTHING = 1e-9  # under this a weight is what is left of rounding, which a file would spell out
_ROWS = 1 << 10  # frames that are fitted together, whatever the length of the rig


def _groups() -> tuple[np.ndarray, ...]:
    """The sets of blendshapes that share channels, directly or through others: (G, K) blendshapes for each size K."""
    left, groups = set(range(N_ARKIT)), []
    while left:
        shapes = {left.pop()}
        while True:
            rows = ARKIT_MATRIX[:, sorted(shapes)].any(axis=1)
            grown = set(np.flatnonzero(ARKIT_MATRIX[rows].any(axis=0)).tolist())
            if grown == shapes:
                break
            shapes = grown
        left -= shapes
        groups.append(sorted(shapes))
    sizes = sorted({len(group) for group in groups})
    return tuple(np.array([group for group in groups if len(group) == size]) for size in sizes)


def _cases(gram: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]:
    """For groups with the products `gram` (G, K, K), each choice of weights that rest at 0, at 1 or at neither:
    (those at neither (K,), the others' weights (K,), what solves the rest (G, F, F))."""
    cases = []
    for case in product((0.0, 1.0, None), repeat=gram.shape[-1]):
        free = np.array([limit is None for limit in case])
        cases.append((free, np.array([limit or 0.0 for limit in case]), np.linalg.inv(gram[:, free][:, :, free])))
    return tuple(cases)


_GROUPS = _groups()
_GRAMS = tuple(
    (ARKIT_MATRIX.T @ ARKIT_MATRIX + _RIDGE * np.eye(N_ARKIT))[group[:, :, None], group[:, None, :]]
    for group in _GROUPS
)
_CASES = tuple(map(_cases, _GRAMS))


def to_arkit(rig: RigSequence) -> tuple[tuple[str, ...], np.ndarray]:
    """A rig as ARKit blendshapes: `ARKIT_NAMES` and the weights (T, 52) float32, 0..1, that come closest to it.

    MouthClose is at most JawOpen, and equal to it where the lips touch.
    """
    require(rig, RigSequence, "The rig", "a RigSequence", RigError)
    return ARKIT_NAMES, arkit_weights(rig.values)


def arkit_weights(values: np.ndarray) -> np.ndarray:
    """The weights (T, 52) of `to_arkit` for channels (T, 174)."""
    weights = np.empty((len(values), N_ARKIT), np.float32)
    for first in range(0, len(values), _ROWS):
        rows = slice(first, first + _ROWS)
        weights[rows] = _fitted(values[rows].astype(np.float64))
    return weights


def _fitted(wanted: np.ndarray) -> np.ndarray:
    """`arkit_weights` of (T, 174) float64, which it changes."""
    for eye, both in _BOTH_EYES:
        wanted[:, eye] = np.clip(wanted[:, eye] + wanted[:, both], -1.0, 1.0)
    weights = np.zeros((len(wanted), N_ARKIT))
    pull = wanted @ ARKIT_MATRIX
    for columns, gram, cases in zip(_GROUPS, _GRAMS, _CASES, strict=True):
        weights[:, columns] = _bounded_least_squares(pull[:, columns], gram, cases)
    bite = np.clip(wanted[:, _BITES].mean(axis=1), 0.0, 1.0)
    # Seal and bite both lift the lower lip, together no further than the jaw is open.
    weights[:, _CLOSE] = (1.0 - (1.0 - weights[:, _CLOSE]) * (1.0 - bite)) * weights[:, _JAW]
    weights += np.maximum(wanted, 0.0) @ _SHOWN_MATRIX.T
    weights[weights < _NOTHING] = 0.0
    return np.minimum(weights, 1.0)


def from_arkit(values: np.ndarray, fps: float = FPS, meta: Mapping[str, Any] | None = None) -> RigSequence:
    """ARKit weights (T, 52), in the order of `ARKIT_NAMES`, as a rig within the limits of the board.

    A blendshape that is alone sets what the table says. MouthClose counts against JawOpen: lipsTogether is 1 where the
    two are equal, however small they are, down to `STILL_JAW`. The paper's data took MouthClose as it is, as
    `ARKIT_MATRIX` alone does.
    Raises RigError for another shape or weights that are not finite.
    """
    try:
        weights = np.array(values, np.float64)
    except (TypeError, ValueError) as error:
        raise RigError(f"ARKit weights must be numbers, (T, {N_ARKIT}).") from error
    if weights.ndim != 2 or weights.shape[1] != N_ARKIT or not len(weights):
        raise RigError(f"ARKit weights must be (T, {N_ARKIT}) with T >= 1; these are {weights.shape}.")
    if not np.isfinite(weights).all():
        frame, shape = np.argwhere(~np.isfinite(weights))[0]
        raise RigError(f"ARKit weights must be finite; {ARKIT_NAMES[shape]} of frame {frame} is not.")
    seal = _seal(weights[:, _JAW], weights[:, _CLOSE])
    raised = weights[:, _RAISES].min(axis=1) / _BITE_RAISE
    bite = np.maximum(np.minimum(np.minimum(weights[:, _ROLL], raised), seal), 0.0)
    weights[:, _CLOSE] = (seal - bite) / np.maximum(1.0 - bite, 1e-6)
    weights[:, _ROLL] -= bite
    weights[:, _RAISES] -= _BITE_RAISE * bite[:, None]
    board = weights @ ARKIT_MATRIX.T
    board[:, _BITES] += bite[:, None]
    return RigSequence(np.clip(board, MINIMUM, MAXIMUM), fps, meta or {})


def _seal(jaw: np.ndarray, close: np.ndarray) -> np.ndarray:
    """(T,) how near the lips are to each other, 0..1, from JawOpen and MouthClose.

    A MouthClose without an open jaw, which some tools write for shut lips, is a seal as well.
    """
    either = np.maximum(jaw, close)
    fade = np.clip(either / STILL_JAW, 0.0, 1.0)
    share = np.clip(close / np.maximum(jaw, 1e-6), 0.0, 1.0)
    return share * fade * fade * (3.0 - 2.0 * fade)


def _bounded_least_squares(pull: np.ndarray, gram: np.ndarray, cases: Any) -> np.ndarray:
    """Weights (T, G, K) in 0..1 that bring G groups of K blendshapes closest to what is wanted, exactly.

    pull: (T, G, K), how much of each blendshape is wanted. At the minimum some weights are at a limit and the rest
    solve the ordinary problem; K <= 3, so all 3**K cases are solved and the best that keeps the limits is taken, frame
    by frame.
    """
    best = np.zeros(pull.shape)
    least = np.full(pull.shape[:2], np.inf)
    for free, fixed, inverse in cases:
        trial = np.broadcast_to(fixed, pull.shape).copy()
        rest = pull[:, :, free] - gram[:, free] @ fixed
        trial[:, :, free] = np.einsum("gfh,tgh->tgf", inverse, rest)
        cost = np.einsum("tgk,tgk->tg", np.einsum("gkl,tgl->tgk", gram, trial) - 2.0 * pull, trial)
        better = (cost < least) & ((trial >= 0.0) & (trial <= 1.0)).all(axis=2)
        best[better], least[better] = trial[better], cost[better]
    return best
