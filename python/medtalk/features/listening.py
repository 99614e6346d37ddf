"""How a compact bundle hears a sound of any length in bounded memory: in windows that overlap (numpy only).

Whisper's layers see their whole window, and its log-mel is cut off against the loudest value of the whole clip. So the
level and the log-mel belong to the clip, the layers to windows, of which the outer parts are thrown away: a state that
is kept has at least `SIDE` of sound around it (a test holds how near that comes to a single pass).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from medtalk import rates
from medtalk.audio import frame_count
from medtalk.features import whisper_mel
from medtalk.rates import RATE
from medtalk.watch import checkpoint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Run = Callable[[NDArray[np.float32]], tuple[NDArray[np.float32], ...]]

FPS = 50
"""States of Whisper's encoder in a second; state k is heard at k / 50 s."""
WINDOW = 12 * FPS
SIDE = 2 * FPS
"""States of a window, and how many of them at either end only serve the others."""
EDGE = FPS // 2
"""States of silence before and after a clip."""
LOUD_DBFS = -20.0
"""The level of the loud parts of every clip, since a microphone's gain says nothing about the words."""
MOST_GAIN_DB = 40.0


def listen(samples: NDArray[np.float32], run: Run, rate: int = rates.FPS) -> tuple[NDArray[np.float32], ...]:
    """Hear a clip.

    Args:
        samples: (n,) float32 at 16 kHz.
        run: the ear, from log-mel (M, 80) to one or more arrays (M / 2, width), 50 states a second.
        rate: frames a second that come out.

    Returns:
        The ear's arrays at `rate`, (T, width) each, T = n * rate // 16000, states linearly interpolated.
    """
    count = len(samples) * rate // RATE
    parts: list[tuple[NDArray[np.float32], ...]] = []
    for mel, first, start, end in windows(samples):
        heard = run(mel)
        # frames whose time lies in the part that is kept, between states start and end
        frames = np.arange(*(min(count, -(-max(0, at - EDGE) * rate // FPS)) for at in (start, end)))
        parts.append(tuple(at_places(values, frames * (FPS / rate) + EDGE - first) for values in heard))
    return tuple(np.concatenate(values) for values in zip(*parts, strict=True))


def windows(samples: NDArray[np.float32]) -> Iterator[tuple[NDArray[np.float32], int, int, int]]:
    """The windows of a clip: log-mel (M, 80), the state it begins with, the first state that is kept, and the end of
    these. State k of the clip is heard at (k - `EDGE`) / 50 s."""
    edge = EDGE * RATE // FPS
    padded = np.zeros(len(samples) + 2 * edge, np.float32)
    np.multiply(samples, gain(samples), out=padded[edge : edge + len(samples)])  # no second copy of a long sound
    mel = whisper_mel.log_mel(padded)
    del padded
    total = len(mel) // 2
    for first, last, start, end in spans(total):
        checkpoint(start / total)
        yield mel[2 * first : 2 * last], first, start, end


def spans(total: int) -> Iterator[tuple[int, int, int, int]]:
    """Windows over `total` states: the first and last state of each, and of the part of it that is kept."""
    step, first, start = WINDOW - 2 * SIDE, 0, 0
    while True:
        last = min(first + WINDOW, total)
        end = total if last == total else last - SIDE
        yield first, last, start, end
        if end == total:
            return
        first, start = first + step, end


def gain(samples: NDArray[np.float32]) -> np.float32:
    """The gain of the loud parts (95th percentile of 40 ms pieces) to `LOUD_DBFS`; nearly silent clips stay quiet."""
    width = RATE // 25
    whole = samples[: len(samples) // width * width].reshape(-1, width)
    if not len(whole):
        return np.float32(1.0)
    power = np.einsum("nw,nw->n", whole, whole) / width
    loud = 10.0 * np.log10(max(float(np.percentile(power, 95)), 1e-12))
    return np.float32(10.0 ** (min(LOUD_DBFS - loud, MOST_GAIN_DB) / 20.0))


def at_rate(values: NDArray[np.float32], count: int, rate: int = rates.FPS) -> NDArray[np.float32]:
    """States (S, width) of a whole clip as (count, width) at `rate` frames a second."""
    return at_places(values, np.arange(count) * (FPS / rate))


def at_places(values: NDArray[np.float32], places: NDArray) -> NDArray[np.float32]:
    """Rows of `values` at fractional places, linearly interpolated; the last row beyond the end."""
    below = np.minimum(places.astype(np.int64), len(values) - 1)
    above = np.minimum(below + 1, len(values) - 1)
    share = (places - below)[:, None]
    return np.asarray(values[below] * (1.0 - share) + values[above] * share, np.float32)


assert frame_count(RATE) == rates.FPS
