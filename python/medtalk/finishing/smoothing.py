"""Savitzky-Golay smoothing by area, which leaves the closures of the lips shut.

The paper smooths with window 5, order 2. That is right for the mouth, whose fastest gestures last about 0.1 s. Brows,
cheeks and nose move more slowly, so a longer window takes more of the network's tremble away at no cost. The filter
lowers narrow peaks, and for p, b, m and f the peak is the sound: a closure that reaches 0.8 instead of 1 is an open
mouth. So the peaks of the closing channels are lifted back to where they were.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from medtalk.errors import SettingError, require
from medtalk.rig.channels import AREAS, N_CHANNELS, indices

ORDER = 2
"""Order of the polynomial that is fitted in each window."""
WINDOWS: dict[str, int] = {
    "mouth": 5,
    "jaw": 5,
    "tongue": 5,
    "teeth": 5,
    "neck": 9,
    "nose": 9,
    "cheek": 9,
    "ear": 9,
    "brow": 9,
    "eye": 7,
    "switch": 5,
}
"""Window of each area, in frames at 60 fps: odd; 1 leaves the area as it is."""
PAPER_WINDOWS: dict[str, int] = dict.fromkeys(WINDOWS, 5)
"""The same everywhere, as the paper and the authors' release have it."""
CLOSURES = indices("?_mouth_lipsTogether?", "?_mouth_lipsPress?", "?_mouth_press?", "?_mouth_lipBite?")
"""Channels that shut the lips; their peaks are kept."""

_MAX_WINDOW = 61
_TOGETHER = 16  # channels
PEAK_HEIGHT = 0.3  # lower ones shut nothing
_PEAK_RISE = 0.15  # above what is around; less is tremble
_PEAK_SPAN, _FOOT_SPAN = 5, 17  # frames in which a peak is the highest, and in which its foot is sought
_LIFT_HALF = 3  # frames on either side of a peak over which it is lifted

assert set(WINDOWS) == set(AREAS), "every area has a window"


def check_windows(windows: Mapping[str, int]) -> None:
    """Raise SettingError unless every key is an area and every window an odd whole number from 1 to 61."""
    require(windows, Mapping, "smoothing", "a mapping from area to window")
    for area, window in windows.items():
        if area not in WINDOWS:
            raise SettingError(f"No area is called {area!r}; valid are {', '.join(WINDOWS)}.")
        if not isinstance(window, (int, np.integer)) or not (1 <= window <= _MAX_WINDOW and window % 2):
            raise SettingError(
                f"The smoothing window {window!r} of {area} is not valid; valid are odd numbers of frames from 1 "
                f"(no smoothing) to {_MAX_WINDOW}."
            )


def smooth(
    values: NDArray[np.float32], windows: Mapping[str, int] | None = None, closures: bool = True
) -> NDArray[np.float32]:
    """Smooth a rig.

    Args:
        values: (T, 174) at 60 fps, any T.
        windows: window by area, in frames, for the areas that are to differ from `WINDOWS`.
        closures: whether channels that shut the lips keep their peaks.

    Returns:
        (T, 174) float32. Both ends are continued by their last value.

    Raises:
        SettingError: an unknown area, or a window that is not odd.
    """
    windows = {**WINDOWS, **(windows or {})}
    check_windows(windows)
    assert values.ndim == 2 and values.shape[1] == N_CHANNELS
    out = np.array(values, np.float32)
    if not len(out):
        return out
    for window in set(windows.values()):
        if window <= ORDER + 1:  # three points fix a parabola: nothing would change
            continue
        columns = np.concatenate([AREAS[area] for area, own in windows.items() if own == window])
        for some in _few(columns):
            out[:, some] = savitzky_golay(values[:, some], window)
    if closures:
        for some in _few(CLOSURES):
            out[:, some] += lost_peaks(values[:, some], out[:, some])
    return out


def _few(columns: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """`columns` in parts: copies of all of them would be the most that a long rig takes."""
    return [columns[first : first + _TOGETHER] for first in range(0, len(columns), _TOGETHER)]


def savitzky_golay(values: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    """Columns (T, n), smoothed by a window; both ends are continued by their last value."""
    # The same as scipy.signal.savgol_filter(mode="nearest"), which a test holds it to; that import takes 0.7 s.
    from scipy.ndimage import convolve1d

    return np.asarray(convolve1d(values, weights(window), axis=0, mode="nearest"), np.float32)


@functools.cache
def weights(window: int) -> NDArray[np.float64]:
    """Weights that give the middle of the least-squares parabola over a window; symmetric, sum 1."""
    offsets = np.arange(window) - window // 2
    return np.linalg.pinv(np.vander(offsets, ORDER + 1, increasing=True))[0]


def peaks_reach() -> tuple[int, int]:
    """Frames before one on which what `lost_peaks` adds to it depends, and within which the peak itself is."""
    return _LIFT_HALF + _FOOT_SPAN // 2, _LIFT_HALF


def lost_peaks(raw: NDArray[np.float32], smoothed: NDArray[np.float32]) -> NDArray[np.float32]:
    """The addition to `smoothed` (T, n), 0 or more, that restores the peaks of `raw`: one soft bump for each."""
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    lift = np.zeros_like(raw)
    summit = raw >= maximum_filter1d(raw, _PEAK_SPAN, axis=0, mode="nearest")
    rise = raw - minimum_filter1d(raw, _FOOT_SPAN, axis=0, mode="nearest")
    peaks = summit & (raw > PEAK_HEIGHT) & (rise > _PEAK_RISE) & (raw > smoothed)
    bump = np.cos(np.pi / 2 * np.arange(-_LIFT_HALF, _LIFT_HALF + 1) / (_LIFT_HALF + 1)) ** 2
    for frame, column in np.argwhere(peaks):
        first, last = max(frame - _LIFT_HALF, 0), min(frame + _LIFT_HALF + 1, len(raw))
        part = bump[first - frame + _LIFT_HALF : last - frame + _LIFT_HALF]
        lost = raw[frame, column] - smoothed[frame, column]
        lift[first:last, column] = np.maximum(lift[first:last, column], lost * part)
    return lift
