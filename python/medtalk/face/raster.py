"""Triangles to the samples of a picture that they cover: all at once, in numpy.

A triangle becomes spans of its rows, a span becomes fragments: a sample that a triangle covers, and how near it is
there. Triangles that share an edge leave no gap and share no sample.
"""

from __future__ import annotations

import numpy as np

BITS = 16
"""Of a fragment's key hold its triangle, those above its nearness: the larger key is the nearer fragment."""
_STEPS = float(1 << 40)  # of nearness, 0 to 1


def fragments(corners: np.ndarray, which: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """The samples (n,) int64, row by row of the picture, that triangles cover, and the keys (n,) int64 there.

    corners: (F, 3, 3), x and y in samples, y down, and nearness, 0 to 30, which must be straight on the screen.
    which: (f,) numbers of the triangles to take; below 65,536.
    """
    corners = corners[which].astype(np.float64)
    (ax, ay, aw), (bx, by, bw), (cx, cy, cw) = corners.transpose(1, 2, 0)
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    area = np.where(np.abs(area) < 1e-9, np.inf, area)  # a line is everywhere as near as its first corner
    # The plane of nearness over the picture; of a splinter it may be as steep as a wall.
    along = ((bw - aw) * (cy - ay) - (cw - aw) * (by - ay)) / area
    down = ((cw - aw) * (bx - ax) - (bw - aw) * (cx - ax)) / area
    start = aw - along * ax - down * ay
    low, high = corners[:, :, 2].min(1), corners[:, :, 2].max(1)

    by_height = np.take_along_axis(corners, np.argsort(corners[:, :, 1], axis=1)[:, :, None], axis=1)
    (x0, y0, _), (x1, y1, _), (x2, y2, _) = by_height.transpose(1, 2, 0)
    first, last = (np.clip(np.ceil(y - 0.5), 0, height).astype(np.int64) for y in (y0, y2))
    of, row = _spread(first, last)
    y = row + 0.5
    with np.errstate(divide="ignore", invalid="ignore"):  # an edge along a row is never asked for
        long_edge = x0[of] + (y - y0[of]) * ((x2 - x0) / (y2 - y0))[of]
        upper = x0[of] + (y - y0[of]) * ((x1 - x0) / (y1 - y0))[of]
        lower = x1[of] + (y - y1[of]) * ((x2 - x1) / (y2 - y1))[of]
    short_edge = np.where(y < y1[of], upper, lower)
    left, right = np.minimum(long_edge, short_edge), np.maximum(long_edge, short_edge)
    first, last = (np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64) for x in (left, right))

    # From sample to sample of a row the key grows by the same whole number.
    counts = np.maximum(last - first, 0)
    at_row, slope, low, high = (start + 0.5 * (along + down))[of] + down[of] * row, along[of], low[of], high[of]
    begin, end = (np.clip(at_row + slope * x, low, high) for x in (first, last - 1))
    key = _whole(begin) | which[of]
    step = _whole((end - begin) / np.maximum(counts - 1, 1))
    onward = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    samples = np.repeat(row * width + first, counts) + onward
    return samples, np.repeat(key, counts) + np.repeat(step, counts) * onward


def nearest(samples: np.ndarray, keys: np.ndarray, count: int) -> np.ndarray:
    """(count,) int64, the key of the nearest fragment of each sample, -1 where there is none."""
    best = np.full(count, -1, np.int64)
    np.maximum.at(best, samples, keys)
    return best


def triangles_of(keys: np.ndarray) -> np.ndarray:
    """(n,) int32, the triangles of keys, -1 where there is none."""
    return np.where(keys < 0, -1, keys & ((1 << BITS) - 1)).astype(np.int32)


def nearness_of(keys: np.ndarray) -> np.ndarray:
    """(n,) float32, how near keys are; 0 where there is none."""
    return np.maximum(keys >> BITS, 0).astype(np.float32) / np.float32(_STEPS)


def _whole(nearness: np.ndarray) -> np.ndarray:
    return (nearness * _STEPS).astype(np.int64) << BITS


def _spread(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All whole numbers from first[i] to before last[i], and the i of each, first."""
    counts = np.maximum(last - first, 0)
    of = np.repeat(np.arange(len(counts)), counts)
    return of, np.arange(len(of)) + (first - (np.cumsum(counts) - counts))[of]
