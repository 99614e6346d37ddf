"""What the face answers to: accents where a voice has bumps, phrases between pauses, nothing in silence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from medtalk.audio import read_speech
from medtalk.features.cues import Cues, cues, phrases
from medtalk.features.prosody import effort, prosody, voice_activity
from medtalk.rates import FPS, RATE

SYLLABLE = 0.25  # seconds
VOWELS = set("aa ae ah ao aw ay eh er ey ih iy ow oy uh uw".split())


def syllables(semitones: list[float], decibels: list[float] | None = None) -> np.ndarray:
    """A buzz at 140 Hz in syllables of 0.25 s, each so much higher and louder."""
    decibels = decibels or [0.0] * len(semitones)
    times = np.arange(round(SYLLABLE * RATE)) / RATE
    voice = []
    for higher, louder in zip(semitones, decibels, strict=True):
        phase = 2 * np.pi * 140.0 * 2 ** (higher / 12) * times
        buzz = sum(np.sin(k * phase) / k for k in range(1, 12))
        voice.append(0.1 * 10 ** (louder / 20) * np.sin(np.pi * times / SYLLABLE) * buzz)
    return np.concatenate(voice).astype(np.float32)


def heard(samples: np.ndarray) -> Cues:
    return cues(prosody(samples), voice_activity(samples))


def bumps(at: dict[int, float], count: int = 24) -> list[float]:
    return [at.get(number, 0.0) for number in range(count)]


def test_accents_are_where_the_pitch_is_high() -> None:
    found = heard(syllables(bumps({5: 4.0, 12: 2.5, 19: 5.0}))).accents
    assert [accent.time for accent in found] == pytest.approx([(n + 0.5) * SYLLABLE for n in (5, 12, 19)], abs=0.06)
    weak, middle, strong = sorted(accent.strength for accent in found)
    assert found[1].strength == weak and found[2].strength == strong and weak < middle - 0.05 < strong - 0.05


def test_accents_are_where_the_voice_is_loud() -> None:
    quiet = bumps({})
    (found,) = heard(syllables(quiet, bumps({9: 6.0}))).accents
    assert found.time == pytest.approx(9.5 * SYLLABLE, abs=0.06)
    (both,) = heard(syllables(bumps({9: 4.0}), bumps({9: 6.0}))).accents
    assert both.strength > found.strength + 0.2


def test_flat_speech_has_none() -> None:
    assert heard(syllables(bumps({}))).accents == ()


def test_noise_has_none() -> None:
    noise = (0.1 * np.random.default_rng(0).standard_normal(3 * RATE)).astype(np.float32)
    assert heard(noise).accents == ()


def test_an_octave_error_is_no_accent() -> None:
    columns = prosody(syllables(bumps({})))
    columns[300:306, 5] += 2.0  # twelve semitones
    assert cues(columns, columns[:, 14]).accents == ()


def test_phrases_lie_between_pauses() -> None:
    voice = np.zeros(120, np.float32)
    voice[10:40] = voice[45:60] = voice[70:90] = 1.0  # a gap of 5 frames and one of 10
    np.testing.assert_allclose(phrases(voice), [(10 / 60, 1.0), (70 / 60, 1.5)])
    assert phrases(np.ones(60, np.float32)) == ((0.0, 1.0),)


@pytest.mark.parametrize("frames", [0, 1, 7])
def test_silence_and_very_short_clips(frames: int) -> None:
    for found in (heard(np.zeros(-(-frames * RATE // FPS), np.float32)), Cues.none(frames)):
        assert (found.frames, found.accents, found.phrases) == (frames, (), ())
        assert found.effort.shape == found.activity.shape == (frames,)
    tone = syllables([0.0])[: -(-frames * RATE // FPS)]
    assert heard(tone).frames == frames


def test_they_cannot_be_changed() -> None:
    found = heard(syllables([0.0, 1.0]))
    with pytest.raises(ValueError, match="read-only"):
        found.effort[0] = 2.0


def test_accents_of_real_speech_lie_in_vowels(shared: Path) -> None:
    folder = shared / "speech_dev"
    phones = json.loads((folder / "phones.json").read_text("utf-8"))
    within, by_chance, strengths, spoken = [], [], [], 0.0
    for name in ("sonnet", "jfk", "audiobook"):
        columns = prosody(samples := read_speech(folder / f"{name}.flac").samples)
        found = cues(columns, voice_activity(samples))
        vowels = [(a - 0.02, b + 0.02) for a, b, phone in phones[name] if phone in VOWELS]
        within += [any(a <= accent.time <= b for a, b in vowels) for accent in found.accents]
        by_chance += [any(a <= frame / FPS <= b for a, b in vowels) for frame in np.flatnonzero(found.activity)]
        strengths += [accent.strength for accent in found.accents]
        spoken += sum(end - start for start, end in found.phrases)
        np.testing.assert_array_equal(found.effort, effort(columns))
    assert np.mean(within) > 0.9 > 0.65 > np.mean(by_chance)
    assert 0.5 < len(strengths) / spoken < 1.2
    assert min(strengths) > 0.2 and max(strengths) <= 1.0 and np.std(strengths) > 0.1
