"""The finishing of a stream: the same however it is cut, beside a clip's, and for ever."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtalk.errors import RigError, SettingError
from medtalk.features.cues import Accent, Cues, phrases
from medtalk.finishing import Finishing, finish
from medtalk.finishing.blink import MARGIN, MEAN_INTERVAL, SHORTEST_INTERVAL
from medtalk.finishing.causal import Bell, Running, Voice
from medtalk.finishing.closures import decide
from medtalk.finishing.head_motion import MANNERS, REACH
from medtalk.finishing.live import AHEAD, LiveFinishing
from medtalk.finishing.smoothing import CLOSURES, smooth
from medtalk.finishing.timing import UNITS, Follow, follow, retime
from medtalk.rates import FPS
from medtalk.rig.channels import AREAS, MAXIMUM, MINIMUM, N_CHANNELS, indices
from medtalk.rig.head_table import EYE_DEGREES

LIDS = indices("[LR]_eye_blink")
BROWS = indices("[LR]_brow_raise*")
MOUTH = np.concatenate([AREAS[area] for area in ("mouth", "jaw", "tongue", "teeth")])
PARTS = ("accents", "squint", "breath", "pauses", "drift", "micro")
NO_LIFE = Finishing(amounts={**dict.fromkeys(PARTS, 0.0), "head": 0.0, "gaze": 0.0, "blinks": 0.0})
Cut = Sequence[int]


@dataclass
class Stream:
    """What a stream brings, whole."""

    raw: np.ndarray
    activity: np.ndarray
    effort: np.ndarray
    accents: tuple[Accent, ...] = ()
    found: float = 0.2  # seconds after its time an accent comes
    moods: dict[int, dict[str, float]] = field(default_factory=lambda: {0: {"neutral": 1.0}})  # from a frame on
    strength: float = 1.0
    shaking: float = 0.0
    posteriors: np.ndarray | None = None

    def play(
        self, steps: Finishing = Finishing(), cut: Cut = (2, 3), ahead: int = 4, live: LiveFinishing | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The finished frames and turns. Calls also end before frames that bring an accent or a mood."""
        live = live or LiveFinishing(steps, "neutral", ahead)
        due = {}
        for accent in self.accents:
            due.setdefault(max(int(np.ceil((accent.time + self.found) * FPS)), 0), []).append(accent)
        stops = sorted({*due, *self.moods, len(self.raw)})
        values, turns, at, call, mood = [], [], 0, 0, {}
        while at < len(self.raw):
            end = min(at + cut[call % len(cut)], next(stop for stop in stops if stop > at))
            mood = self.moods.get(at, mood)
            rows, frames = slice(at, end), np.ones(end - at, np.float32)
            some, turn = live.next(
                self.raw[rows], self.raw[end : end + ahead], activity=self.activity[rows], effort=self.effort[rows],
                accents=due.get(at, ()), mood=mood, strength=self.strength * frames, shaking=self.shaking * frames,
                lips=None if self.posteriors is None else decide(self.posteriors[rows]),
            )  # fmt: skip
            values.append(some)
            turns.append(np.zeros((len(some), 3)) if turn is None else turn)
            at, call = end, call + 1
        return np.concatenate(values), np.concatenate(turns)


def spoken(seconds: float, phrase: float = 2.5, pause: float = 0.7) -> np.ndarray:
    """Phrases and pauses in turn, beginning with half a second of silence."""
    times = np.arange(round(seconds * FPS)) / FPS - 0.5
    return ((times >= 0.0) & (times % (phrase + pause) < phrase)).astype(np.float32)


def talk(seconds: float = 12.0, seed: int = 0, **other) -> Stream:  # type: ignore[no-untyped-def]
    """A face that moves, and a voice with accents."""
    rng, frames = np.random.default_rng(seed), round(seconds * FPS)
    knots = rng.uniform(0.0, 0.7, (frames // 8 + 2, N_CHANNELS))
    raw = np.stack([np.interp(np.arange(frames) / 8, np.arange(len(knots)), column) for column in knots.T], axis=1)
    raw[:, indices("[LR]_eye*", "[LR]_brow*")] *= 0.4
    effort = 2.0 ** np.interp(
        np.arange(frames) / 12, np.arange(frames // 12 + 2), rng.normal(0.0, 0.4, frames // 12 + 2)
    )
    accents = tuple(Accent(0.9 + 0.8 * n, 0.3 + 0.1 * (n % 6)) for n in range(int((seconds - 2.0) / 0.8)))
    return Stream(raw.astype(np.float32), spoken(seconds), effort.astype(np.float32), accents, **other)


def at_rest(activity: np.ndarray, **other) -> Stream:  # type: ignore[no-untyped-def]
    frames = len(activity)
    return Stream(np.zeros((frames, N_CHANNELS), np.float32), activity, np.ones(frames, np.float32), **other)


def blink_starts(values: np.ndarray) -> np.ndarray:
    """Frames at which an eye of a face at rest begins to be shut by half."""
    shut = values[:, LIDS].max(axis=1) > 0.5
    return np.flatnonzero(shut[1:] & ~shut[:-1]) + 1


@pytest.mark.parametrize("ahead", [0, 4, 5])
def test_the_same_frames_however_they_are_cut(ahead: int) -> None:
    stream = talk(5.0, shaking=0.1)
    stream.moods = {0: {"neutral": 1.0}, 90: {"angry": 0.6, "sad": 0.4}, 201: {"fear": 1.0}}
    steps = Finishing(seed=3, lean=0.3, amounts={"pauses": 2.0, "micro": 2.0})
    values, turns = stream.play(steps, (1,), ahead)
    assert values.std(axis=0).max() > 0.1 and np.ptp(turns, axis=0).min() > 1.0
    for cut in [(2,), (3,), (7,), (60,)]:
        others, other_turns = stream.play(steps, cut, ahead)
        np.testing.assert_array_equal(others, values)
        np.testing.assert_array_equal(other_turns, turns)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 2**63 - 1), st.integers(0, 7))
def test_the_same_however_they_are_cut_and_whatever_the_seed(cut: list[int], seed: int, ahead: int) -> None:
    stream = talk(3.0)
    values, turns = stream.play(Finishing(seed=seed), (3,), ahead)
    others, other_turns = stream.play(Finishing(seed=seed), cut, ahead)
    np.testing.assert_array_equal(others, values)
    np.testing.assert_array_equal(other_turns, turns)


def test_more_that_is_known_ahead_and_an_empty_call_change_nothing() -> None:
    stream, live = talk(3.0), LiveFinishing(Finishing(), "neutral", 4)
    expected, _ = stream.play(Finishing(), (2, 3), 4)
    got, at = [], 0
    while at < len(stream.raw):
        rows = slice(at, at + 2)
        due = [each for each in stream.accents if at <= np.ceil((each.time + 0.2) * FPS) < at + 2]
        empty, none = live.next(stream.raw[:0], stream.raw[at : at + 9], activity=[], effort=[])
        assert empty.shape == (0, N_CHANNELS) and none is not None and none.shape == (0, 3)
        given_: dict[str, Any] = {
            "activity": stream.activity[rows],
            "effort": stream.effort[rows],
            "strength": np.ones(2),
        }
        got.append(live.next(stream.raw[rows], stream.raw[at + 2 : at + 40], accents=due, **given_)[0])
        at += 2
    np.testing.assert_allclose(np.concatenate(got)[:50], expected[:50], atol=1e-6)  # up to the first accent


def test_the_seed_and_the_mood_are_other_takes() -> None:
    stream = talk(6.0)
    usual = stream.play()
    again, other = stream.play(), stream.play(Finishing(seed=1))
    named = stream.play(live=LiveFinishing(Finishing(), "sad", 4))
    np.testing.assert_array_equal(usual[0], again[0])
    for values, turns in (other, named):
        assert np.abs(values - usual[0])[:, LIDS].max() > 0.5 and np.abs(turns - usual[1]).max() > 1.0


# Timing and smoothing


def clipped(stream: Stream, steps: Finishing = NO_LIFE) -> np.ndarray:
    """The same as a clip, its frames before the limits too."""
    voice = stream.activity
    cues = Cues(len(voice), (), phrases(voice), stream.effort.copy(), voice.copy())
    return finish(stream.raw, voice, steps, cues=cues)


@pytest.mark.parametrize("ahead", [2, 4, 5])
def test_the_mouth_is_that_of_a_clip(ahead: int) -> None:
    """Its window reaches two frames ahead. The end of the stream goes on with its last frame, as that of a clip."""
    stream = talk(6.0)
    still = np.setdiff1d(MOUTH, [*CLOSURES])
    np.testing.assert_allclose(stream.play(NO_LIFE, ahead=ahead)[0][:, still], clipped(stream)[:, still], atol=1e-4)


def test_peaks_of_closures_stay() -> None:
    for ahead, least in ((5, 0.99), (4, 0.99), (2, 0.95)):
        stream = at_rest(spoken(6.0))
        peaks = np.arange(40, 340, 23)
        for width, share in ((0, 1.0), (1, 0.55)):
            for side in (-1, 1):
                stream.raw[peaks + side * width, CLOSURES[0]] = share
        out, clip = stream.play(NO_LIFE, ahead=ahead)[0], clipped(stream)
        assert out[peaks, CLOSURES[0]].min() > least
        assert out[peaks, CLOSURES[0]].min() > smooth(stream.raw, closures=False)[peaks, CLOSURES[0]].max() + 0.1
        np.testing.assert_allclose(out[:, CLOSURES[0]], clip[:, CLOSURES[0]], atol=0.02 if ahead >= 4 else 0.25)
        rough = stream.play(replace(NO_LIFE, closures=False), ahead=ahead)[0]
        assert rough[peaks, CLOSURES[0]].max() < 0.9


def test_closures_that_were_decided_are_laid_over() -> None:
    stream = talk(4.0)
    stream.posteriors = np.zeros((len(stream.raw), 35), np.float32)
    stream.posteriors[:, 0] = 1.0
    lips = decide(stream.posteriors)
    out, _ = stream.play(NO_LIFE)
    np.testing.assert_allclose(out[:, indices("?_mouth_lipsPressU")[0]], lips.press, atol=1e-6)


@pytest.mark.parametrize(("ahead", "late"), [(5, 8.5), (1, 8.5), (0, 9.5)])
def test_a_unit_is_a_clips_and_late_by_what_is_not_known_ahead(ahead: int, late: float) -> None:
    """The same curve, one frame ahead at most."""
    stream = talk(10.0)
    out, clip = stream.play(NO_LIFE, ahead=ahead)[0], clipped(stream)
    for unit in UNITS.values():
        ours, theirs = (each[:, unit.channels].mean(axis=1) for each in (out, clip))
        lags = {
            lag: np.corrcoef(theirs[30 : len(theirs) - 30], ours[30 + lag : len(ours) - 30 + lag])[0, 1]
            for lag in range(-3, 14)
        }
        best = max(lags, key=lambda lag: lags[lag])
        assert 0 <= best <= late and lags[best] > 0.98
        assert ours.std() == pytest.approx(theirs.std(), rel=0.1)


def test_without_life_nothing_is_retimed_and_without_smoothing_nothing_is_smoothed() -> None:
    stream = talk(3.0)
    plain = Finishing(life=False, head=False, gaze=False, blink=False, limits=False, closures=False)
    full = np.setdiff1d(np.arange(N_CHANNELS), [*AREAS["brow"], *AREAS["eye"]])
    np.testing.assert_allclose(stream.play(plain)[0][:, full], smooth(stream.raw, closures=False)[:, full], atol=1e-5)
    five = stream.play(plain, ahead=5)[0]
    np.testing.assert_allclose(five, smooth(stream.raw, closures=False), atol=1e-5)
    untouched = replace(plain, smooth=False)
    np.testing.assert_array_equal(stream.play(untouched)[0], stream.raw)
    assert LiveFinishing(untouched).ahead == 0 and LiveFinishing(plain).ahead == AHEAD
    wide = replace(plain, smoothing={"jaw": 1, "brow": 61})
    out = stream.play(wide)[0]
    np.testing.assert_array_equal(out[:, AREAS["jaw"]], stream.raw[:, AREAS["jaw"]])
    assert np.abs(np.diff(out[:, BROWS], axis=0)).mean() < 0.5 * np.abs(np.diff(stream.raw[:, BROWS], axis=0)).mean()


def test_sides_differ_as_in_a_clip() -> None:
    stream = at_rest(np.ones(1200, np.float32))
    stream.raw[:, BROWS] = 0.5
    steps = replace(NO_LIFE, lean=0.4, seed=7)
    out, clip = stream.play(steps)[0], retime(stream.raw, FPS, np.random.default_rng([7, 21]), 0.4)
    np.testing.assert_allclose(out[:, BROWS], clip[:, BROWS], atol=2e-3)
    assert np.ptp(out[:, BROWS[0]] - out[:, BROWS[1]]) > 0.005


def test_a_provisional_frame_that_was_wrong_makes_no_jump() -> None:
    """Each call is told that the face goes elsewhere next; what is shown moves by a part of that, brows by less."""
    frames, live = 240, LiveFinishing(replace(NO_LIFE, amounts={**NO_LIFE.amounts, "asymmetry": 0.0}), ahead=4)
    quiet: dict[str, Any] = {"activity": np.ones(2, np.float32), "effort": np.ones(2, np.float32)}
    out = []
    for call in range(frames // 2):
        wrong = np.full((4, N_CHANNELS), 0.3 + (0.2 if call % 2 else -0.2), np.float32)
        out.append(live.next(np.full((2, N_CHANNELS), 0.3, np.float32), wrong, **quiet)[0])
    values = np.concatenate(out)
    mouth, brows = values[:, indices("C_jaw.Y", "[LR]_mouth_stretch")], values[:, BROWS]
    assert 0.0 < np.abs(mouth - 0.3).max() < 0.4 * 0.2 and np.abs(np.diff(mouth, axis=0)).max() < 0.6 * 0.2
    assert 0.0 < np.abs(brows - 0.3).max() < 0.12 * 0.2 and np.abs(np.diff(brows, axis=0)).max() < 0.2 * 0.2


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60), st.floats(1.0, 20.0), st.floats(1.0, 60.0))
@settings(max_examples=30, deadline=None)
def test_follow_goes_on(values: list[float], rise: float, fall: float) -> None:
    going = Follow(rise, fall)
    np.testing.assert_allclose([going.next(each) for each in values], follow(np.array(values), rise, fall), atol=1e-9)


# Life


def part(name: str, amount: float = 1.0) -> Finishing:
    """One part of the life alone."""
    return replace(NO_LIFE, amounts={**NO_LIFE.amounts, name: amount})


def test_brows_beat_when_an_accent_is_found() -> None:
    stream = at_rest(np.ones(60 * FPS, np.float32))
    stream.accents = tuple(Accent(1.0 + 1.5 * n, 0.9) for n in range(38))
    out = stream.play(part("accents"), (60,))[0][:, BROWS].max(axis=1)
    tops = [out[round((a.time + 0.2) * FPS) :][:45] for a in stream.accents]
    beaten = [top for top in tops if top.max() > 0.1]
    assert 0.35 < len(beaten) / len(tops) < 0.85  # as a clip, .12 + .5 * .9
    assert np.median([top.argmax() for top in beaten]) / FPS == pytest.approx(0.15, abs=0.05)
    before = np.concatenate([out[round(a.time * FPS) : round((a.time + 0.19) * FPS)] for a in stream.accents])
    assert before.max() < 0.02
    late = replace(stream, found=0.8)  # would be a beat on another word
    assert late.play(part("accents"), (60,))[0][:, BROWS].max() < 0.02


def test_an_accent_that_is_told_before_its_time_has_a_clips_beat() -> None:
    stream = at_rest(np.ones(20 * FPS, np.float32), found=-0.5)
    stream.accents = tuple(Accent(1.0 + 1.5 * n, 0.9) for n in range(12))
    tops = []
    out = stream.play(part("accents"))[0][:, BROWS].max(axis=1)
    for accent in stream.accents:
        near = out[round((accent.time - 0.4) * FPS) : round((accent.time + 0.5) * FPS)]
        tops += [near.argmax() / FPS - 0.4] if near.max() > 0.1 else []
    assert len(tops) > 3 and np.median(tops) == pytest.approx(-0.08, abs=0.03)


def test_what_a_mouth_does_in_a_pause_is_let_go_where_speech_begins() -> None:
    activity = spoken(240.0, 2.0, 4.0)
    stream, swallow = at_rest(activity), indices("C_neck_swallow")[0]
    out = stream.play(replace(part("pauses"), seed=2), (60,))[0]
    moves = np.abs(out[:, MOUTH]).max(axis=1) + out[:, swallow]
    times = np.arange(len(out)) / FPS - 0.5
    in_pause = times % 6.0 - 2.0  # seconds since the pause began
    assert moves[(times > 0) & (in_pause > 0.0) & (in_pause < 1.0)].max() == 0.0
    assert (moves[in_pause > 1.2] > 0.02).mean() > 0.1
    speaking = (in_pause < -0.25 - 1.5) & (in_pause > -1.75)  # from .25 s after the phrase began
    assert moves[speaking].max(initial=0.0) == 0.0
    assert np.abs(np.diff(out[:, MOUTH], axis=0)).max() < 0.04 and np.abs(np.diff(out[:, swallow])).max() < 0.13
    assert not at_rest(np.zeros(30 * FPS, np.float32)).play(part("pauses", 2.0), (60,))[0][:, MOUTH].any()


def test_a_breath_comes_in_a_pause_and_leaves_the_lips() -> None:
    out = at_rest(spoken(60.0, 2.0, 1.0)).play(part("breath"), (60,))[0]
    neck = out[:, indices("[LR]_neck_stretch")].max(axis=1)
    times = np.arange(len(out)) / FPS - 0.5
    assert not out[:, MOUTH].any()
    tops = [neck[(times >= 3.0 * n + 2.0) & (times < 3.0 * n + 3.3)].max() for n in range(18)]
    assert min(tops) > 0.03 and neck[(times % 3.0 > 0.3) & (times % 3.0 < 2.3)].max() == 0.0
    assert not at_rest(spoken(30.0, 2.0, 0.3)).play(part("breath"), (60,))[0][:, indices("[LR]_neck_stretch")].any()


def test_silence_lives_with_still_lips() -> None:
    out, turns = at_rest(np.zeros(60 * FPS, np.float32)).play(Finishing(seed=4), (60,))
    corners = indices("?_mouth_cornerPull", "?_mouth_cornerDepress")
    assert len(blink_starts(out)) > 8 and out[:, indices("[LR]_brow_*")].std(axis=0).max() > 0.01
    assert not np.delete(out, [*indices("[LR]_eye*", "?_brow_*"), *corners], axis=1).any()
    speed = np.linalg.norm(np.diff(turns, axis=0), axis=1) * FPS
    assert 0.1 < speed.mean() < 3.0 and speed.max() < 8.0


def test_the_drift_has_a_clips_size_and_pace() -> None:
    long = at_rest(np.zeros(240 * FPS, np.float32))
    ours = long.play(part("drift"), (60,))[0][:, indices("L_brow_raiseOut")[0]]
    theirs = np.concatenate(
        [finish(long.raw, long.activity, replace(part("drift"), seed=seed))[:, indices("L_brow_raiseOut")[0]]
         for seed in range(3)]
    )  # fmt: skip
    assert ours.mean() == pytest.approx(theirs.mean(), rel=0.35)
    assert np.abs(np.diff(ours)).mean() == pytest.approx(np.abs(np.diff(theirs)).mean(), rel=0.25)


def test_squint_and_flashes_follow_effort() -> None:
    stream = at_rest(np.ones(120 * FPS, np.float32))
    stream.effort[:] = np.where(np.arange(len(stream.effort)) % 300 < 150, 0.8, 1.9)
    squint = indices("[LR]_eye_squintInner")
    eyes = stream.play(part("squint"), (60,))[0][:, squint].mean(axis=1)
    loud = np.arange(len(eyes)) % 300 > 200
    assert eyes[loud].min() > 0.1 and eyes[np.arange(len(eyes)) % 300 < 140][300:].min() < 0.01
    assert np.abs(np.diff(eyes)).max() < 0.02
    shown = stream.play(replace(part("micro"), seed=1), (60,))[0].max(axis=1) > 0.05
    starts = np.flatnonzero(shown[1:] & ~shown[:-1])
    assert 4 <= len(starts) <= 24 and np.diff(starts).min() > 3.5 * FPS
    assert ((starts % 300 > 150) & (starts % 300 < 185)).all()


# Eyes


def test_blinks_have_a_clips_rate_and_come_at_ends_of_phrases() -> None:
    seconds = 900.0
    activity = spoken(seconds)
    starts = blink_starts(at_rest(activity).play(Finishing(life=False, gaze=False, head=False), (60,))[0])
    assert 15 < 60.0 * len(starts) / seconds < 24
    assert np.diff(starts).min() >= SHORTEST_INTERVAL * FPS - 2
    since = (starts / FPS - 0.5) % 3.2 - 2.5  # seconds since the end of the phrase
    assert np.mean((since > 0.1) & (since < 0.4)) > 0.35


def test_no_stream_begins_with_a_blink() -> None:
    firsts = []
    for seed in range(12):
        stream = at_rest(np.concatenate([spoken(0.4), np.ones(6 * FPS, np.float32)]))
        stream.activity[6:12] = 1.0  # a noise, whose end is no phrase's
        starts = blink_starts(stream.play(Finishing(seed=seed, life=False, head=False), (60,))[0])
        firsts += [starts[0] / FPS] if len(starts) else []
    assert min(firsts) > MARGIN + SHORTEST_INTERVAL and np.mean(firsts) < 2.5 and len(firsts) > 8


def test_silence_and_moods_blink_at_their_own_pace() -> None:
    steps = Finishing(life=False, gaze=False, head=False)

    def rate(level: float, mood: str = "neutral", steps: Finishing = steps) -> float:
        stream = at_rest(np.full(600 * FPS, level, np.float32), moods={0: {mood: 1.0}})
        return len(blink_starts(stream.play(steps, (60,))[0])) / 10

    speech = rate(1.0)
    assert speech == pytest.approx(60.0 / MEAN_INTERVAL, rel=0.15) and rate(0.0) < 0.92 * speech
    assert rate(1.0, "sad") < 0.95 * speech < rate(1.0, "fear")
    assert rate(1.0, steps=replace(steps, amounts={"blinks": 0.0})) == 0.0


def test_no_blink_while_the_eyes_are_shut_already() -> None:
    stream = at_rest(spoken(120.0))
    shut = np.arange(len(stream.raw)) % 240 < 120
    stream.raw[shut, indices("R_eye_lidPress")[0]] = 0.9
    starts = blink_starts(stream.play(Finishing(life=False, gaze=False, head=False), (60,))[0])
    assert len(starts) > 15 and not shut[starts - 5].any()  # it may have begun when they shut


def directions(values: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """(T,) degrees from straight on, in the room."""
    eyes = values[:, indices("L_eye.X", "L_eye.Y")].astype(np.float64)
    up = np.where(eyes[:, 1] > 0.0, EYE_DEGREES["up"], EYE_DEGREES["down"]) * eyes[:, 1] + turns[:, 1]
    return np.hypot(EYE_DEGREES["sideways"] * eyes[:, 0] + turns[:, 0], up)


def test_who_begins_after_a_pause_often_glances_away_and_comes_back() -> None:
    steps = Finishing(life=False, blink=False, head=False)
    values, turns = at_rest(spoken(600.0, 3.0, 1.5)).play(steps, (60,))
    away = directions(values, turns) > 5.0
    since = (np.arange(len(away)) / FPS - 0.5) % 4.5
    begun = away[(since > 0.2) & (since < 0.6)].mean()
    assert 0.3 < begun < 0.75 and away[(since > 2.2) & (since < 3.0)].mean() < 0.3
    calm = at_rest(np.zeros(600 * FPS, np.float32)).play(steps, (60,))
    assert 0.01 < (directions(*calm) > 5.0).mean() < 0.15
    runs = np.diff(np.flatnonzero(np.diff(away.astype(int))))[::2] / FPS
    assert 0.4 < np.median(runs) < 1.6


def test_the_eyes_jump_rest_and_keep_their_target_while_the_head_turns() -> None:
    stream = talk(30.0)
    stream.raw[:] = 0.0
    steps = Finishing(life=False, blink=False)
    values, turns = stream.play(steps)
    still, _ = stream.play(replace(steps, head=False))
    eyes, lone = (each[:, indices("L_eye.X")[0]] * EYE_DEGREES["sideways"] for each in (values, still))
    np.testing.assert_allclose(eyes + turns[:, 0], lone, atol=1e-3)
    moving = np.abs(np.diff(lone)) > 0.1
    assert 0.01 < moving.mean() < 0.2 and np.abs(np.diff(lone)).max() < 7.0


# Head


@pytest.mark.parametrize("mood", list(MANNERS))
def test_a_head_stays_within_what_heads_do(mood: str) -> None:
    stream = talk(24.0, strength=2.0, moods={0: {mood: 1.0}})
    _, turns = stream.play(Finishing(life=False, smooth=False, limits=False), (60,))
    bearing = 1.5 * np.abs(MANNERS[mood].bearing)
    assert (np.abs(turns) <= np.array(REACH) + bearing).all()
    speed = np.linalg.norm(np.diff(turns, axis=0), axis=1) * FPS
    assert speed.max() < 110.0 and speed.mean() > 2.0
    assert np.abs(np.diff(turns, 2, axis=0)).max() * FPS**2 < 2500.0, "degrees a second, a second"
    power = np.abs(np.fft.rfft((turns - turns.mean(0)) * np.hanning(len(turns))[:, None], axis=0)) ** 2
    assert power[np.fft.rfftfreq(len(turns), 1.0 / FPS) > 4.0].sum() < 0.02 * power.sum()


def test_a_mood_may_change_at_any_time() -> None:
    """The head follows within seconds; nothing jumps more than it would have."""
    stream = talk(20.0)
    stream.raw[:] = 0.0
    calm, calm_turns = stream.play(cut=(60,))
    stream.moods = {0: {"neutral": 1.0}, 601: {"sad": 1.0}}
    sad, sad_turns = stream.play(cut=(60,))
    np.testing.assert_array_equal(sad[:601], calm[:601])
    np.testing.assert_array_equal(sad_turns[:601], calm_turns[:601])
    apart = sad_turns - calm_turns
    assert np.abs(np.diff(apart[595:612], axis=0)).max() * FPS < 12.0 and np.abs(apart[-240:]).max() > 3.0
    assert np.abs(np.diff(sad_turns, 2, axis=0)).max() * FPS**2 < 2500.0
    assert apart[-240:, 1].mean() < 0.6 * MANNERS["sad"].bearing[1]
    later = (round(10.0 * FPS) + 3 * FPS, 20 * FPS)
    speeds = [np.linalg.norm(np.diff(each[slice(*later)], axis=0), axis=1).mean() for each in (sad_turns, calm_turns)]
    assert speeds[0] < 0.75 * speeds[1]


def test_a_head_that_listens_is_nearly_still() -> None:
    activity = np.where(np.arange(60 * FPS) < 30 * FPS, spoken(60.0), 0.0).astype(np.float32)
    stream = replace(talk(60.0), activity=activity)
    stream.accents = tuple(accent for accent in stream.accents if accent.time < 29.0)
    plays = [stream.play(Finishing(seed=n, life=False, smooth=False, limits=False), (60,))[1] for n in range(3)]
    moves = [np.linalg.norm(np.diff(turns, axis=0), axis=1) * FPS for turns in plays]
    talks, listens = (np.mean([one[part].mean() for one in moves]) for part in (slice(60, 1800), slice(1980, None)))
    assert 6.0 < talks < 18.0 and 0.1 < listens < 0.3 * talks


def test_nods_come_when_their_accent_is_found() -> None:
    stream = at_rest(np.ones(60 * FPS, np.float32))
    with_, head = replace(stream, accents=tuple(Accent(1.0 + 1.5 * n, 0.8) for n in range(38))), Finishing(life=False)
    pitch = with_.play(head, (60,))[1][:, 1] - stream.play(head, (60,))[1][:, 1]
    after = [pitch[round((a.time + 0.2) * FPS) :][:60] for a in with_.accents]
    moved = [one for one in after if np.abs(one).max() > 0.8]
    assert 0.3 < len(moved) / len(after) < 0.9
    assert np.median([np.abs(one).argmax() for one in moved]) / FPS == pytest.approx(0.2, abs=0.07)


# For ever


def test_an_hour_needs_no_more_memory_than_a_minute() -> None:
    live, stream = LiveFinishing(Finishing(), ahead=4), talk(60.0)
    sizes = []
    for _ in range(5):
        values, _turns = stream.play(cut=(60,), live=live)
        assert np.isfinite(values).all()
        sizes.append(len(pickle.dumps(live)))
    assert max(sizes[1:]) < 1.02 * sizes[0] < 1_000_000


def test_it_ends_with_fewer_frames_ahead() -> None:
    stream = talk(2.0)
    values, _ = stream.play(ahead=5)
    assert len(values) == len(stream.raw) and np.isfinite(values).all()
    one = at_rest(np.ones(1, np.float32)).play()
    assert one[0].shape == (1, N_CHANNELS)


def test_every_step_can_be_switched_off() -> None:
    stream = talk(5.0)
    stream.raw *= 2.0
    usual = stream.play(cut=(30,))[0]
    for steps in ("smooth", "blink", "gaze", "limits", "life", "closures", "head"):
        other = stream.play(replace(Finishing(), **{steps: False}), (30,))
        assert not np.array_equal(other[0], usual), steps
    assert (usual >= MINIMUM).all() and (usual <= MAXIMUM).all()
    live = LiveFinishing(Finishing(head=False))
    assert live.next(stream.raw[:3], activity=np.ones(3), effort=np.ones(3))[1] is None


def test_what_does_not_fit_is_refused() -> None:
    live, good = LiveFinishing(Finishing()), np.zeros((3, N_CHANNELS))
    voice: dict[str, Any] = {"activity": np.ones(3), "effort": np.ones(3)}
    with pytest.raises(SettingError, match="-1 frames ahead"):
        LiveFinishing(Finishing(), ahead=-1)
    for raw in (good[:, 1:], good[0]):
        with pytest.raises(RigError, match=r"valid is \(N, 174\)"):
            live.next(raw, **voice)
    with pytest.raises(RigError, match=r"valid is \(A, 174\)"):
        live.next(good, good[:, 1:], **voice)
    with pytest.raises(RigError, match="activity of shape"):
        live.next(good, activity=np.ones(2), effort=np.ones(3))
    for bad in ({"raw": good + np.nan}, {"effort": np.full(3, np.inf)}, {"ahead_raw": good + np.nan}):
        with pytest.raises(RigError, match="not numbers"):
            live.next(**{"raw": good, **voice, **bad})
    first = live.next(good, **voice)[0]  # what was refused left nothing behind
    np.testing.assert_array_equal(first, LiveFinishing(Finishing()).next(good, **voice)[0])


# What a stream has in place of a clip


def test_phrases_are_those_of_a_clip() -> None:
    rng = np.random.default_rng(0)
    activity = np.repeat(rng.uniform(size=300) > 0.5, rng.integers(1, 25, 300)).astype(np.float32)
    activity[-20:] = 0.0
    voice, found, begun = Voice(), [], 0.0
    for each in activity.tolist():
        moment = voice.next(each)
        begun = moment.time if moment.pause else begun
        if moment.ended:
            found.append((begun, begun + moment.phrase))
    np.testing.assert_allclose(found, phrases(activity), atol=1e-9)


def test_a_bell_has_its_spread_and_its_delay() -> None:
    for order in (1, 2, 4):
        bell = Bell(0.5, order)
        bell.next(0.0)
        answer = np.array([bell.next(float(frame == 0)) for frame in range(600)])
        times = np.arange(600) / FPS
        mean = (answer * times).sum()
        assert answer.sum() == pytest.approx(1.0, abs=0.01)
        assert np.sqrt((answer * (times - mean) ** 2).sum()) == pytest.approx(0.5, rel=0.05)
        assert mean == pytest.approx(0.5 * np.sqrt(order), rel=0.06)


def test_a_running_mean_begins_with_what_is_usual_and_forgets() -> None:
    mean = Running(1.0, counts=1.0, seconds=5.0)
    assert mean.value == 1.0
    for _ in range(600):
        mean.add(9.0, 0.0)
    assert mean.value == 1.0  # what is not heard does not count
    for _ in range(60):
        mean.add(3.0, 1.0)
    assert 1.8 < mean.value < 2.2
    for _ in range(3000):
        mean.add(3.0, 1.0)
    assert mean.value == pytest.approx(3.0, abs=0.01)
