"""The parts of a live face by themselves: the way in, what is usual in a voice, closures that do not jump, moods."""

from __future__ import annotations

import numpy as np
import pytest

import medtalk
from medtalk.dynamics import PAUSING
from medtalk.features.phones import PHONE_INDEX
from medtalk.features.prosody import PROSODY, prosody
from medtalk.live.decoding import Pausing
from medtalk.live.intake import Intake
from medtalk.live.lips import CLOSES, OPENS, RunningLips
from medtalk.live.running import Histogram, Mean
from medtalk.live.states import BACK, States
from medtalk.live.voice import RunningVoice
from tests.helpers.sounds import babble


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000, 192000, 11127])
def test_the_way_in_keeps_times_and_tones(rate: int) -> None:
    seconds = np.arange(rate) / rate
    tones = sum(np.sin(2 * np.pi * hertz * seconds) for hertz in (220.0, 1000.0, 2900.0)) / 3
    intake = Intake(rate, "a sound")
    mono = intake.mono(intake.check(tones))
    out = np.concatenate([intake.take(mono[:777]), intake.take(mono[777:]), intake.take(mono[:0], last=True)])
    assert len(out) == 16000 == intake.samples
    at = np.arange(16000) / 16000
    wanted = sum(np.sin(2 * np.pi * hertz * at) for hertz in (220.0, 1000.0, 2900.0)) / 3
    assert np.abs(out - wanted)[200:-200].max() < 0.01


def test_what_is_above_the_band_does_not_fold_into_it() -> None:
    intake = Intake(48000, "a sound")
    whistle = np.sin(2 * np.pi * 11000.0 * np.arange(48000) / 48000).astype(np.float32)
    assert np.abs(intake.take(whistle)[200:]).max() < 0.003


def test_a_histogram_finds_quantiles_and_forgets() -> None:
    rng = np.random.default_rng(0)
    found = Histogram(-100.0, 0.0, 0.5, -20.0, 5.0, 10.0, 1000.0)
    found.add(rng.normal(-40.0, 4.0, 5000))
    assert found.quantile(0.95) == pytest.approx(-40.0 + 1.645 * 4.0, abs=0.5)
    assert found.moments() == pytest.approx((-40.0, 4.0), abs=0.5)
    found.add(rng.normal(-60.0, 4.0, 5000))
    assert found.quantile(0.5) == pytest.approx(-60.0, abs=1.0)
    mean = Mean(0.0, 1.0, 50.0)
    mean.add(np.full(500, 3.0))
    assert mean.value == pytest.approx(3.0, abs=0.01)


def test_a_running_voice_comes_to_the_columns_of_the_clip() -> None:
    sound = babble(8.0)
    voice = RunningVoice()
    for at in range(0, len(sound), 640):
        voice.hear(sound[at : at + 640])
        voice.learn(np.ones(voice.known - voice.learned, np.float32), voice.now())
    now, whole = voice.now(), prosody(sound)
    rows = slice(now.first, now.first + len(now.prosody) - 70)
    found, wanted = now.prosody[: rows.stop - rows.start], whole[rows]
    off: dict[str, float] = dict(zip(PROSODY, np.abs(found - wanted).mean(axis=0).tolist(), strict=True))
    exact = {"loudness_absolute", "voicing", "pitch_absolute", "tilt"}
    assert all(off[column] < 1e-4 for column in exact), off
    assert all(each < 0.25 for each in off.values()), off


def test_a_loud_voice_is_known_as_such_within_half_a_second() -> None:
    sound, voice = np.float32(3.0) * babble(4.0), RunningVoice()
    usual = voice.usual().level
    for at in range(0, 9600, 640):
        voice.hear(sound[at : at + 640])
        now = voice.now()
        voice.learn(now.activity[voice.learned - now.first :], now)
    wanted = 12.0 * prosody(sound)[0, PROSODY.index("level")] - 26.0
    assert wanted - usual > 8.0
    assert wanted - voice.usual().level < 3.0


def test_the_intensity_sinks_in_silence_and_comes_back_smoothly() -> None:
    spoken = np.zeros(600, np.float32)
    spoken[:60], spoken[400:] = 0.9, 0.9
    found = Pausing().next(spoken)
    pausing = Pausing()
    pieces = [pausing.next(spoken[at : at + 7]) for at in range(0, 600, 7)]
    assert np.array_equal(np.concatenate(pieces), found)
    assert np.allclose(found[:149], PAUSING) and np.allclose(found[245:400], found[399])
    assert found[399] < 0.3 * PAUSING
    assert np.allclose(found[420:], PAUSING)
    assert np.diff(found[:400]).max() <= 0.0 and np.abs(np.diff(found)).max() < 0.1


def test_lips_close_within_three_frames_and_never_jump() -> None:
    lips, shown = RunningLips(0.08), []
    posteriors = np.zeros((200, 35), np.float32)
    posteriors[100:112, PHONE_INDEX["b"]] = 0.95
    for given in range(0, 190, 2):  # nothing is known of what comes
        low = max(given - 60, 0)
        shown.append(lips.next(posteriors[low : given + 2], given - low, 2).seal)
    seal = np.concatenate(shown)
    steps = np.diff(seal)
    assert steps.max() <= CLOSES + 1e-6 and steps.min() >= -OPENS - 1e-6
    assert not seal[:95].any() and (seal[104:111] > 0.9).all() and not seal[125:].any()


@pytest.mark.parametrize("look_ahead", [0.08, 0.5])
def test_states_reach_as_far_back_as_frames_are_asked_for(model: medtalk.Model, look_ahead: float) -> None:
    live = model.live(look_ahead=look_ahead)
    live.push(babble(1.0))
    for _ in range(4):
        given = live.frames
        live.push(babble(1.0), hurry=True)
        states: States = live._states
        assert states._first * 60 <= max(given - BACK, 0) * 50  # those that were asked for are still there
    features, _ = states.at(np.array([0, 1]))
    assert np.array_equal(features[0], features[1])  # long gone: the first that is kept, not one from the end
