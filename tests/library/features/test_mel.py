import numpy as np
import pytest

from medtalk.features import mel
from medtalk.rates import RATE


def tone(hertz: float, seconds: float = 1.0, amplitude: float = 0.5) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def speechlike(seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    envelope = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * np.arange(int(seconds * RATE)) / RATE)
    return (0.1 * envelope * rng.standard_normal(len(envelope))).astype(np.float32)


@pytest.mark.parametrize("samples", [0, 1, 266, 267, 16000, 16001, 123457])
def test_two_frames_for_each_rig_frame(samples: int) -> None:
    assert mel.decibels(np.zeros(samples, np.float32)).shape == (2 * (samples * 60 // RATE), 80)


def test_a_click_peaks_in_the_frame_at_its_time() -> None:
    samples = np.zeros(2 * RATE, np.float32)
    samples[RATE] = 0.9
    energy = mel.decibels(samples).sum(axis=1)
    loud = np.flatnonzero(energy > energy.min() + 1.0)
    assert loud.mean() == pytest.approx(mel.MEL_FPS, abs=0.5)  # one second in, symmetric around it


def test_frames_do_not_drift_over_ten_minutes() -> None:
    samples = np.zeros(600 * RATE, np.float32)
    samples[[599 * RATE, 599 * RATE + RATE // 3]] = 1.0  # a third of a second is 40 frames
    frames = np.array([599 * 120, 599 * 120 + 40])
    cut = mel.windows(samples, frames, 120, mel.WINDOW)
    assert cut.argmax(axis=1).tolist() == [mel.WINDOW // 2, mel.WINDOW // 2]


def test_tone_lights_its_own_band() -> None:
    power = mel.decibels(tone(1000))[60]
    centre = int(np.argmax(power))
    hertz = np.linspace(0, RATE / 2, 257)[np.argmax(mel.filterbank()[:, centre])]
    assert hertz == pytest.approx(1000, abs=60)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = speechlike(3.0)
    whole = mel.decibels(samples)
    monkeypatch.setattr(mel, "_BLOCK", 37)
    np.testing.assert_allclose(mel.decibels(samples), whole, atol=1e-4)
