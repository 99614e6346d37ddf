"""Long sounds, window by window."""

from __future__ import annotations

import numpy as np
import pytest

from medtalk.engine.windows import LONGEST, by_windows
from medtalk.features.words import MAX_WORDS, tokenise


def around(features: np.ndarray, tokens: np.ndarray, times: np.ndarray) -> np.ndarray:
    """A network whose intensity is the feature, and 1 more while any word is spoken whose time is known."""
    assert len(features) <= LONGEST and 1 <= len(tokens) == len(times) <= MAX_WORDS
    now = np.arange(len(features)) / 60.0
    spoken = [(now >= start) & (now < end) for start, end in times if start >= 0]
    return features[:, 0] + np.any(spoken, axis=0) if spoken else features[:, 0]


@pytest.mark.parametrize("frames", [1, 60, 899, 900, 901, 1019, 1020, 1021, 1300, 1440, 7777])
def test_windows_are_the_whole_where_the_network_is_local(frames: int) -> None:
    features = np.random.default_rng(0).random((frames, 3)).astype(np.float32)
    starts = np.arange(0.5, frames / 60.0, 1.7)
    times = np.stack([starts, starts + 0.4], 1).astype(np.float32) if len(starts) else np.full((1, 2), -1.0, np.float32)
    tokens = tokenise("word " * len(times), len(times))
    now = np.arange(frames) / 60.0
    expected = features[:, 0] + sum((now >= a) & (now < b) for a, b in times if a >= 0)
    found = by_windows(around, features, tokens, times)
    assert found.shape == (frames,)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_no_word_of_a_long_text_is_lost() -> None:
    frames, count = 36_000, 2_000
    seen: set[int] = set()

    def note(features: np.ndarray, tokens: np.ndarray, times: np.ndarray) -> np.ndarray:
        assert (times == -1).all()
        seen.update(tokens[:, 1].tolist())
        return np.ones(len(features))

    tokens = np.arange(count * 8).reshape(count, 8)
    found = by_windows(note, np.zeros((frames, 1), np.float32), tokens, np.full((count, 2), -1.0, np.float32))
    assert seen == set(tokens[:, 1].tolist()) and np.allclose(found, 1.0)
