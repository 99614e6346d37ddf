import numpy as np
import pytest

from medtalk.features import prosody as module
from medtalk.features.prosody import N_PROSODY, PROSODY, at_level, effort, pitch_track, prosody, voice_activity
from medtalk.rates import RATE
from tests.helpers.sounds import babble


def voice(pitch: float | np.ndarray, seconds: float = 2.0, level: float = 0.2) -> np.ndarray:
    """A buzz with harmonics, on and off three times a second."""
    n = int(seconds * RATE)
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(pitch, n)) / RATE
    buzz = sum(np.sin(k * phase) / k for k in range(1, 12))
    gate = (np.sin(2 * np.pi * 1.5 * np.arange(n) / RATE) > -0.3).astype(float)
    return (level * gate * buzz / 2).astype(np.float32)


def column(values: np.ndarray, name: str) -> np.ndarray:
    return values[:, PROSODY.index(name)]


@pytest.mark.parametrize("hertz", [70, 95, 140, 220, 330, 430])
def test_pitch_of_a_buzz(hertz: float) -> None:
    pitch, voicing = pitch_track(voice(hertz))
    voiced = voicing > 0.8
    assert voiced.mean() > 0.3
    assert np.median(pitch[voiced]) == pytest.approx(hertz, rel=0.02)
    assert np.mean(np.abs(pitch[voiced] / hertz - 1) < 0.05) > 0.9


def test_noise_is_unvoiced() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 0.1
    assert np.median(pitch_track(noise)[1]) < 0.3


@pytest.mark.parametrize("samples", [0, 5, 267, 800, 16000, 40001])
def test_shape_and_finiteness_at_any_length(samples: int) -> None:
    values = prosody(voice(150.0, 3.0)[:samples])
    assert values.shape == (samples * 60 // RATE, N_PROSODY) and values.dtype == np.float32
    assert np.isfinite(values).all() and np.abs(values).max(initial=0.0) <= 3.0


def test_a_louder_recording_raises_the_absolute_columns_only() -> None:
    plain, loud = prosody(voice(150)), prosody(voice(150, level=0.4))
    assert (column(loud, "level") - column(plain, "level")).mean() == pytest.approx(6.02 / 12, abs=0.02)
    np.testing.assert_allclose(column(loud, "loudness_relative"), column(plain, "loudness_relative"), atol=1e-3)
    np.testing.assert_allclose(column(loud, "pitch_relative"), column(plain, "pitch_relative"), atol=1e-2)


def test_lively_pitch_spreads_more() -> None:
    n = 3 * RATE
    swing = 150 * 2 ** (0.4 * np.sin(2 * np.pi * 0.7 * np.arange(n) / RATE))
    lively, flat = (column(prosody(voice(pitch, 3.0)), "pitch_spread")[0] for pitch in (swing, 150.0))
    assert lively > flat + 0.3


def test_activity_follows_the_voice() -> None:
    samples = np.concatenate([np.zeros(RATE, np.float32), voice(150, 1.0), np.zeros(RATE, np.float32)])
    activity = voice_activity(samples)
    assert activity[:50].max() < 0.1 and activity[130:].max() < 0.1 and activity[70:80].mean() > 0.9


def test_silence_is_constant() -> None:
    values = prosody(np.zeros(RATE, np.float32))
    assert (values == values[0]).all() and not voice_activity(np.zeros(RATE, np.float32)).any()


def test_long_sounds_are_cut_into_blocks_without_a_seam() -> None:
    samples = np.tile(voice(150, 2.0), 80)  # 9600 frames, over the block size
    pitch, _ = pitch_track(samples)
    one = pitch_track(samples[: 40 * RATE])[0]
    np.testing.assert_allclose(pitch[: len(one) - 10], one[:-10], rtol=1e-3)
    assert len(PROSODY) == module.N_PROSODY


def test_the_mouth_opens_with_vocal_effort() -> None:
    """JALI's axis: from 18 dB under to 6 dB over plain speech it opens at least twice as far."""
    samples = babble(6.0)
    plain = samples * np.float32(10 ** (-21 / 20) / np.sqrt(np.mean(samples**2)))
    quiet, loud = (effort(prosody(plain * np.float32(10 ** (db / 20)))).mean() for db in (-18, 6))
    assert loud > 2.0 * quiet > 0.5
    swell = plain * np.linspace(0.3, 1.0, len(plain), dtype=np.float32)
    curve = effort(prosody(swell))
    assert curve[240:].max() > 1.2 * curve[:120].max()


def test_effort_has_bounds_and_is_plain_in_silence() -> None:
    curve = effort(prosody(babble(3.0) * np.float32(1.0)))
    assert curve.dtype == np.float32 and curve.min() > 0.2 and curve.max() < 2.2
    np.testing.assert_array_equal(effort(prosody(np.zeros(16000, np.float32))), 1.0)
    assert effort(prosody(np.zeros(0, np.float32))).shape == (0,)


def test_a_whisper_stays_small() -> None:
    voiced = babble(4.0)
    noise = np.random.default_rng(0).standard_normal(len(voiced)).astype(np.float32)
    envelope = np.sqrt(np.convolve(voiced**2, np.ones(400) / 400, "same"))
    whispered = noise * envelope * np.float32(np.sqrt(np.mean(voiced**2)) / np.sqrt(np.mean((noise * envelope) ** 2)))
    loud, small = (effort(prosody(samples)).mean() for samples in (voiced, whispered))
    assert small < 0.75 * loud


def test_another_level_is_as_if_it_had_been_recorded_so() -> None:
    samples = babble(3.0)
    louder = prosody(samples * np.float32(10 ** (6 / 20)))
    np.testing.assert_allclose(at_level(prosody(samples), 6.0), louder, atol=2e-3)
    assert at_level(prosody(samples), 500.0).max() <= 3.0
