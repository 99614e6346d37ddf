"""How the strength of a mood answers a voice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import medtalk
from medtalk.dynamics import Dynamics, LiveStrength, delayed, strength
from medtalk.features.cues import Accent, Cues
from medtalk.features.prosody import N_PROSODY, PROSODY
from medtalk.moods import RECIPES
from medtalk.rates import FPS
from medtalk_board.moods import MOODS

T = 12 * FPS


def a_voice(effort: float = 1.0, accents: tuple[tuple[float, float], ...] = ()) -> Cues:
    """12 s: silence, speech from 1 to 6 s and from 8 to 11 s."""
    from medtalk.features.cues import Accent, phrases

    times = np.arange(T) / FPS
    spoken = (((times >= 1.0) & (times < 6.0)) | ((times >= 8.0) & (times < 11.0))).astype(np.float32)
    return Cues(T, tuple(Accent(*each) for each in accents), phrases(spoken), np.full(T, effort, np.float32), spoken)


def shown(mood: str, intensity: np.ndarray | float = 0.88, effort: float = 1.0, accents=()) -> np.ndarray:  # type: ignore[no-untyped-def]
    curve = np.broadcast_to(np.float32(intensity), T).astype(np.float32)
    return strength(curve, a_voice(effort, accents), np.zeros((T, N_PROSODY), np.float32), RECIPES[mood].dynamics)


def between(values: np.ndarray, first: float, last: float) -> np.ndarray:
    return values[round(first * FPS) : round(last * FPS)]


@pytest.mark.parametrize("mood", MOODS)
def test_a_plain_voice_shows_the_mood_plainly(mood: str) -> None:
    spoken = a_voice().activity > 0.5
    assert shown(mood)[spoken].mean() == pytest.approx(RECIPES[mood].dynamics.level, rel=0.05)


@pytest.mark.parametrize("mood", MOODS)
def test_it_is_linear_in_the_curve(mood: str) -> None:
    curve = 0.9 + 0.3 * np.sin(np.arange(T) / 40.0)
    once = shown(mood, curve)
    np.testing.assert_array_equal(shown(mood, 0.0), 0.0)
    np.testing.assert_allclose(shown(mood, 2.0 * curve), 2.0 * once, rtol=1e-5)
    assert np.all(once >= 0.0) and np.isfinite(once).all()


def test_a_quiet_voice_is_not_less_sad() -> None:
    """CMF predicts less of a quiet voice. Sadness does not follow it, anger does even more."""
    quiet, loud = 0.88 * 2.0**-0.45, 0.88 * 2.0**0.3  # efforts .35 and 2, as CMF hears them
    for mood in ("sad", "bored"):
        assert shown(mood, quiet, 0.35).mean() >= shown(mood).mean()
        assert shown(mood, quiet, 0.35).mean() >= shown(mood, loud, 2.0).mean()
    for mood in ("angry", "excited"):
        level = RECIPES[mood].dynamics.level
        assert shown(mood, quiet, 0.35).mean() < level * quiet / 0.88
        assert shown(mood, loud, 2.0)[a_voice().activity > 0.5].mean() > level * loud / 0.88


def test_a_mood_stays_in_pauses() -> None:
    for mood in MOODS:
        values = shown(mood, np.where(a_voice().activity > 0.5, 0.88, 0.8 * 0.88))
        pause, speech = between(values, 7.2, 7.8).mean(), between(values, 2.0, 6.0).mean()
        assert 0.35 < pause / speech < 1.01, mood
    sad, surprised = (between(shown(mood), 7.2, 7.8).mean() for mood in ("sad", "surprised"))
    assert sad > surprised


def test_a_surprise_is_a_start_that_fades_to_a_residue() -> None:
    values = shown("surprised")
    start, later = between(values, 1.1, 1.5).max(), between(values, 4.5, 5.9).mean()
    assert start > 1.4 * later > 0.0
    assert between(values, 8.1, 8.5).max() > 1.3 * later  # and with the next phrase again


def test_joy_bounces_on_accents_and_keeps_its_level() -> None:
    spoken = a_voice().activity > 0.5
    still, lively = shown("happy"), shown("happy", accents=((3.0, 1.0), (4.5, 0.6)))
    assert between(lively, 3.0, 3.4).max() > 1.2 * between(still, 3.0, 3.4).max()
    assert between(lively, 2.2, 2.7).max() < between(still, 2.2, 2.7).max()
    assert lively[spoken].mean() == pytest.approx(still[spoken].mean(), rel=0.01)


def test_onset_and_offset_have_the_speed_of_a_face() -> None:
    """A curve that jumps up at 3 s and down at 4.5 s: 10 to 90 % takes 0.05 to 0.3 s up, 0.2 to 1.5 s down."""
    times = np.arange(T) / FPS
    curve = np.where((times >= 3.0) & (times < 4.5), 1.0, 0.0)
    for mood in MOODS:
        values = strength(
            curve.astype(np.float32), a_voice(), np.zeros((T, N_PROSODY), np.float32),
            Dynamics(onset=RECIPES[mood].dynamics.onset, offset=RECIPES[mood].dynamics.offset),
        )  # fmt: skip
        top = values.max()
        rise = (np.argmax(values > 0.9 * top) - np.argmax(values > 0.1 * top)) / FPS
        after = values[round(4.5 * FPS) :]
        fall = (np.argmax(after < 0.1 * top) - np.argmax(after < 0.9 * top)) / FPS
        assert 0.05 <= rise <= 0.3 and 0.2 <= fall <= 1.5 and rise < fall, mood
        assert np.all(values[times < 3.0] == 0.0)


def test_without_a_voice_the_curve_is_all_there_is() -> None:
    curve = np.linspace(0.0, 1.0, 60, dtype=np.float32)
    silent = strength(curve, Cues.none(60), np.zeros((60, N_PROSODY), np.float32), Dynamics())
    np.testing.assert_allclose(silent, curve / 0.88, rtol=1e-6)
    assert not len(strength(curve[:0], Cues.none(0), np.zeros((0, N_PROSODY), np.float32), Dynamics()))


def test_delayed() -> None:
    assert delayed(np.array([1, 2, 3, 4], np.float32), 2 / FPS).tolist() == [1, 1, 1, 2]
    assert delayed(np.array([1], np.float32), 1.0).tolist() == [1]


@pytest.mark.parametrize("mood", MOODS)
def test_a_real_voice(sample: Path, mood: str) -> None:
    performance = medtalk.load().perform(sample, "")
    values = strength(performance.intensity, performance.cues, performance.prosody, RECIPES[mood].dynamics)
    spoken = performance.activity > 0.5
    values /= RECIPES[mood].dynamics.level
    assert 0.7 < values[spoken].mean() < 1.3 and values.max() < 2.5
    assert np.abs(np.diff(values)).max() < 0.14  # a frame


# In a stream


def streamed(
    cues: Cues,
    intensity: np.ndarray,
    dynamics: Dynamics,
    cut: tuple[int, ...] = (2, 3),
    pitch: np.ndarray | None = None,
) -> np.ndarray:
    """`LiveStrength` in calls of so many frames; an accent is found .2 s after its time, and begins a call."""
    live, due = LiveStrength(dynamics), {}
    for accent in cues.accents:
        due.setdefault(round((accent.time + 0.2) * FPS), []).append(accent)
    stops, out, at, call = [*sorted(due), cues.frames], [], 0, 0
    pitch = np.zeros(cues.frames, np.float32) if pitch is None else pitch
    while at < cues.frames:
        rows = slice(at, min(at + cut[call % len(cut)], next(stop for stop in stops if stop > at)))
        out.append(live.next(intensity[rows], cues.effort[rows], pitch[rows], cues.activity[rows], due.get(at, ()), at))
        at, call = rows.stop, call + 1
    return np.concatenate(out)


def plain(mood: str, effort: float = 1.0, accents=(), intensity: float = 0.88, **other) -> np.ndarray:  # type: ignore[no-untyped-def]
    return streamed(a_voice(effort, accents), np.full(T, intensity, np.float32), RECIPES[mood].dynamics, **other)


@pytest.mark.parametrize("mood", MOODS)
def test_a_plain_voice_shows_the_mood_plainly_in_a_stream(mood: str) -> None:
    spoken = a_voice().activity > 0.5
    assert plain(mood)[spoken].mean() == pytest.approx(RECIPES[mood].dynamics.level, rel=0.12)


@pytest.mark.parametrize("mood", ["fear", "surprised", "happy"])
def test_a_stream_is_the_same_however_it_is_cut_and_linear(mood: str) -> None:
    rng, accents = np.random.default_rng(0), ((2.0, 0.8), (3.1, 0.5), (9.0, 1.0))
    cues = a_voice(1.3, accents)
    curve = rng.uniform(0.5, 1.2, T).astype(np.float32)
    pitch = rng.normal(0.0, 0.3, T).astype(np.float32)
    once = streamed(cues, curve, RECIPES[mood].dynamics, (3,), pitch)
    assert once.dtype == np.float32 and once.shape == (T,) and (once >= 0.0).all()
    for cut in ((1,), (2,), (7,), (60,), (5, 1, 31)):
        np.testing.assert_array_equal(streamed(cues, curve, RECIPES[mood].dynamics, cut, pitch), once)
    np.testing.assert_allclose(streamed(cues, 2 * curve, RECIPES[mood].dynamics, (3,), pitch), 2 * once, rtol=1e-5)
    assert not streamed(cues, 0 * curve, RECIPES[mood].dynamics).any()


def test_a_stream_answers_the_voice_as_a_clip_does() -> None:
    quiet, loud = 0.88 * 2.0**-0.45, 0.88 * 2.0**0.3
    spoken = a_voice().activity > 0.5
    assert plain("sad", 0.35, intensity=quiet)[spoken].mean() > plain("sad", 2.0, intensity=loud)[spoken].mean()
    assert (
        plain("angry", 0.35, intensity=quiet)[spoken].mean() < 0.7 * plain("angry", 2.0, intensity=loud)[spoken].mean()
    )
    surprise = plain("surprised")
    start, later = between(surprise, 1.1, 1.5).max(), between(surprise, 4.5, 5.9).mean()
    assert start > 1.4 * later > 0.0 and between(surprise, 8.1, 8.5).max() > 1.3 * later
    lively = plain("happy", accents=((3.0, 1.0),))
    assert between(lively, 3.2, 3.6).max() > 1.2 * between(plain("happy"), 3.2, 3.6).max()
    np.testing.assert_array_equal(between(lively, 0.0, 3.2), between(plain("happy"), 0.0, 3.2))
    for mood in MOODS:
        ours, theirs = plain(mood), shown(mood)
        pause = between(ours, 7.2, 7.8).mean() / between(ours, 2.0, 6.0).mean()
        clips = between(theirs, 7.2, 7.8).mean() / between(theirs, 2.0, 6.0).mean()
        assert pause == pytest.approx(clips, abs=0.1), mood


def test_a_stream_without_a_voice_rests_at_a_pauses_level() -> None:
    cues, curve = Cues.none(600), np.full(600, 0.7, np.float32)
    for mood in ("neutral", "sad"):
        dynamics = RECIPES[mood].dynamics
        values = streamed(cues, curve, dynamics)
        np.testing.assert_allclose(values, dynamics.level / 0.88 * 0.7 * dynamics.pause / 0.8, rtol=0.05)
    none = curve[:0]
    assert not len(LiveStrength(Dynamics()).next(none, none, none, none, (), 0))


def test_a_stream_remembers_no_more_after_minutes() -> None:
    import pickle

    live, voice = LiveStrength(RECIPES["happy"].dynamics), np.tile(a_voice().activity, 20)
    sizes = []
    for minute in range(4):
        accents = [Accent(60.0 * minute + second, 0.5) for second in range(60)]
        first = 60 * FPS * minute
        spoken = voice[first : first + 60 * FPS]
        assert np.isfinite(live.next(spoken, 1.0 + spoken, 0 * spoken, spoken, accents, first)).all()
        live.next(spoken[:0], spoken[:0], spoken[:0], spoken[:0], (), first + 60 * FPS)
        sizes.append(len(pickle.dumps(live)))
    assert max(sizes) < 1.2 * sizes[0]


@pytest.mark.parametrize("mood", MOODS)
def test_a_real_voice_in_a_stream(sample: Path, mood: str) -> None:
    """The same mood as in the clip: its level, its course, and no jumps."""
    performance, dynamics = medtalk.load().perform(sample, ""), RECIPES[mood].dynamics
    clip = strength(performance.intensity, performance.cues, performance.prosody, dynamics)
    pitch = performance.prosody[:, PROSODY.index("pitch_relative")]
    ours = streamed(performance.cues, performance.intensity, dynamics, pitch=pitch)
    spoken = performance.activity > 0.5
    assert ours[spoken].mean() == pytest.approx(clip[spoken].mean(), rel=0.2)
    assert np.corrcoef(ours[spoken], clip[spoken])[0, 1] > 0.7
    assert np.abs(np.diff(ours)).max() < 0.16 * dynamics.level * (1.0 + dynamics.burst)
