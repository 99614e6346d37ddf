from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import savgol_filter

from medtalk.errors import SettingError
from medtalk.finishing.smoothing import CLOSURES, PAPER_WINDOWS, WINDOWS, smooth
from medtalk.rig.channels import AREAS, N_CHANNELS, indices

CLOSING = indices("L_mouth_lipsTogetherU")[0]
OTHER = indices("L_mouth_stretch")[0]


def jitter(values: np.ndarray) -> float:
    columns = np.concatenate([AREAS["mouth"], AREAS["jaw"]])
    return float(np.abs(np.diff(values[:, columns], 3, axis=0)).mean() / values[:, columns].std(axis=0).mean())


def noise(frames: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.2, 0.2, (frames, N_CHANNELS)).astype(np.float32)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 8, 200])
def test_it_is_the_savitzky_golay_of_scipy_by_region(frames: int) -> None:
    values = noise(frames)  # below the height of any closure
    out = smooth(values)
    assert out.shape == values.shape and out.dtype == np.float32
    for region, window in WINDOWS.items():
        columns = AREAS[region]
        given = values[:, columns]
        if frames == 1:
            assert np.allclose(out[:, columns], given, atol=1e-6)
        else:
            # scipy's own edge rule refuses clips shorter than the window: continue the ends by hand.
            padded = np.pad(given, ((window, window), (0, 0)), mode="edge")
            expected = np.asarray(savgol_filter(padded, window, 2, axis=0, mode="nearest"))[window:-window]
            assert np.allclose(out[:, columns], expected, atol=1e-6)


def test_it_keeps_parabolas_and_does_not_change_its_input() -> None:
    values = np.repeat(np.linspace(-0.5, 0.5, 60)[:, None] ** 2, N_CHANNELS, axis=1).astype(np.float32)
    before = values.copy()
    assert np.allclose(smooth(values)[10:-10], values[10:-10], atol=1e-6)
    assert np.array_equal(values, before)


def test_the_papers_way_keeps_no_closures() -> None:
    values = (np.abs(noise(60)) * 5.0).astype(np.float32)
    expected = np.asarray(savgol_filter(values, 5, 2, axis=0, mode="nearest"))
    assert np.allclose(smooth(values, PAPER_WINDOWS, closures=False), expected, atol=1e-6)
    assert not np.allclose(smooth(values, PAPER_WINDOWS), expected, atol=1e-2)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("place", [0, 1, 20, 38, 39])
def test_closures_keep_their_peak_and_others_do_not(width: int, place: int) -> None:
    values = np.zeros((40, N_CHANNELS), np.float32)
    peak = np.clip(1.0 - np.abs(np.arange(40) - place) / width, 0.0, None)
    values[:, CLOSING] = values[:, OTHER] = peak
    out = smooth(values, dict.fromkeys(WINDOWS, 7))
    assert out[place, CLOSING] == pytest.approx(1.0, abs=1e-5)
    assert out[place, OTHER] < 0.99
    assert out[:, CLOSING].max() < 1.001
    # The lift is a bump, not a spike on its own: beyond it nothing changes.
    far = np.abs(np.arange(40) - place) > 3
    assert np.array_equal(out[far, CLOSING], out[far, OTHER])


def test_two_closures_close_together_both_stay() -> None:
    values = np.zeros((40, N_CHANNELS), np.float32)
    values[18, CLOSING] = values[22, CLOSING] = 0.9
    out = smooth(values)[:, CLOSING]
    assert out[18] == pytest.approx(0.9, abs=1e-5) and out[22] == pytest.approx(0.9, abs=1e-5)
    assert out[20] < 0.6


def test_tremble_of_a_closing_channel_is_not_kept() -> None:
    rng = np.random.default_rng(0)
    values = np.zeros((200, N_CHANNELS), np.float32)
    values[:, CLOSING] = values[:, OTHER] = 0.6 + rng.uniform(-0.05, 0.05, 200)
    out = smooth(values)
    assert np.array_equal(out[:, CLOSING], out[:, OTHER])


def test_windows_are_settings() -> None:
    values = noise(50)
    out = smooth(values, {"mouth": 1, "brow": 21})
    assert np.array_equal(out[:, AREAS["mouth"]], values[:, AREAS["mouth"]])
    assert out[:, AREAS["brow"]].std() < smooth(values)[:, AREAS["brow"]].std() * 0.8
    for bad in ({"lips": 5}, {"mouth": 4}, {"mouth": 0}, {"mouth": -3}, {"mouth": 5.0}, {"mouth": 63}):
        with pytest.raises(SettingError, match="valid are"):
            smooth(values, bad)  # pyright: ignore[reportArgumentType]


def test_the_closing_channels_are_of_the_mouth() -> None:
    assert len(CLOSURES) == 14 and set(CLOSURES) <= set(AREAS["mouth"])


def test_a_captured_take_gets_calmer_without_losing_closures(shared: Path) -> None:
    take = np.loadtxt(shared / "recorded" / "angry_gd04_001_021.txt", delimiter=",", dtype=np.float32)
    rough = take + np.random.default_rng(0).normal(0.0, 0.01, take.shape).astype(np.float32)
    out = smooth(rough)
    assert jitter(out) < 0.45 * jitter(rough)
    assert np.all(out[:, CLOSURES].max(axis=0) > take[:, CLOSURES].max(axis=0) - 0.05)
