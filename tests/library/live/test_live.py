"""A live face: the same frames however the sound is cut, at their times, in bounded memory; errors say what is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import medtalk
from medtalk.errors import AudioError, GuidanceError, SettingError
from medtalk.finishing import Finishing
from medtalk.live import Live
from medtalk.live.states import BACK
from medtalk.rig.channels import AREAS
from tests.helpers.sounds import babble
from tests.library.live.conftest import Played

PLAIN = Finishing(life=False, blink=False, gaze=False, head=False)
ODD = (1, 7, 3000, 331, 15999, 0)


def test_the_cuts_of_the_sound_change_nothing(model: medtalk.Model, played: Played) -> None:
    sound = babble(2.0)
    regular = played(model.live("happy"), sound, (640,))
    assert regular.shape == (120, 174)
    assert np.array_equal(played(model.live("happy"), sound, ODD), regular)


def test_nor_do_those_of_stereo_at_another_rate(model: medtalk.Model, played: Played) -> None:
    left = np.interp(np.arange(88200) / 44100, np.arange(32000) / 16000, babble(2.0))
    sound = np.stack([left, 0.5 * left], axis=1)
    whole = (32767 * np.clip(sound, -1.0, 1.0)).astype(np.int16)
    regular = played(model.live(rate=44100), whole, (1764,))
    assert regular.shape == (120, 174)
    assert np.array_equal(played(model.live(rate=44100), whole, ODD), regular)


def test_frames_come_when_their_sound_has_been_heard(model: medtalk.Model) -> None:
    live = model.live(look_ahead=0.1, step=0.06)
    assert live.delay == pytest.approx(0.16)
    for _ in range(50):
        live.push(np.zeros(500, np.float32))
        # the last frame that was given is at most the delay behind the sound, and never within the look-ahead
        behind = live.seconds - (live.frames - 1) / 60
        assert live.frames == 0 or 0.1 - 1e-9 <= behind < live.delay + 1 / 60 + 1e-9
    frames = live.push(np.zeros(16000, np.float32))
    assert np.allclose(frames.times, np.arange(frames.first, frames.first + len(frames)) / 60)
    rest = live.finish()
    assert rest.first + len(rest) == int(live.seconds * 60) == live.frames


def test_what_decisions_look_back_on_is_there_in_a_hurry_too(model: medtalk.Model) -> None:
    live = model.live(look_ahead=0.5)
    live.push(babble(4.0))
    given = live.frames
    live.push(babble(1.0), hurry=True)
    assert live.frames > given + 50 and live._states._first <= (given - BACK) * 50 / 60


def test_at_another_rate_the_filter_counts_as_delay(model: medtalk.Model) -> None:
    live = model.live(rate=48000)
    assert 4 / 60 + 0.04 < live.delay <= 4 / 60 + 0.0426, "four whole frames fit into 80 ms"
    live.push(np.zeros(round(0.082 * 48000), np.float32))
    assert live.frames == 0
    live.push(np.zeros(round(0.001 * 48000), np.float32))
    assert live.frames == 1


@pytest.mark.parametrize("count", [0, 1, 200, 641])
def test_a_stream_of_hardly_anything_ends_well(model: medtalk.Model, count: int) -> None:
    live = model.live()
    given = len(live.push(babble(1.0)[:count])) + len(live.finish())
    assert given == count * 60 // 16000
    with pytest.raises(SettingError, match="has ended"):
        live.push(np.zeros(1))
    with pytest.raises(SettingError, match="has ended"):
        live.finish()
    with pytest.raises(SettingError, match="has ended"):
        live.guide("sad")


def test_what_is_not_a_number_is_silence_and_counted(model: medtalk.Model, played: Played) -> None:
    sound = babble(1.0)
    holed = sound.copy()
    holed[4000:4100] = np.nan
    holed[9000] = np.inf
    silent = sound.copy()
    silent[4000:4100] = silent[9000] = 0.0
    live = model.live()
    assert np.array_equal(played(live, holed, (640,)), played(model.live(), silent, (640,)))
    assert live.faults == {"not_numbers": 101, "lost": 0}
    assert live.facts()["live"]["faults"]["not_numbers"] == 101


def test_lost_sound_is_heard_as_silence_and_time_stays_true(model: medtalk.Model) -> None:
    live = model.live()
    live.push(babble(1.0))
    live.skip(2.5)
    live.push(babble(1.0))
    live.finish()
    assert live.seconds == pytest.approx(4.5)
    assert live.frames == 270
    assert live.faults["lost"] == 1


def test_in_a_hurry_no_frame_is_left_out(model: medtalk.Model) -> None:
    live, sound = model.live("sad"), babble(5.0)
    live.push(sound[:16000])
    hurried = live.push(sound[16000:], hurry=True)
    rest = live.finish()
    assert (hurried.first + len(hurried), live.frames) == (rest.first, 300)
    assert np.isfinite(hurried.values).all()


def _held(live: Live) -> int:
    """Bytes of the arrays, and numbers in the lists, that a stream keeps of its own."""
    seen: set[int] = set()

    def of(value: object) -> int:
        if id(value) in seen:
            return 0
        seen.add(id(value))
        if isinstance(value, np.ndarray):
            return value.nbytes
        if isinstance(value, dict):
            return sum(of(each) for each in value.values())
        if isinstance(value, list | tuple | set) or type(value).__name__ == "deque":
            return 8 * len(value) + sum(of(each) for each in value)  # pyright: ignore
        inside = type(value).__module__.startswith(("medtalk.live", "medtalk.finishing", "medtalk.dynamics"))
        ear = type(value).__module__ in ("medtalk.engine.live_ear", "medtalk.features.live_mel")
        return of(vars(value)) if (inside or ear) and hasattr(value, "__dict__") else 0

    return of(live)


def test_nothing_grows(model: medtalk.Model) -> None:
    live, sound = model.live("happy"), babble(3.0)
    for _ in range(2):  # windows are full then
        live.push(sound)
    first = _held(live)
    for _ in range(5):
        live.push(sound)
        live.skip(10.0)
        live.guide("angry", within=1.0)
        live.guide("happy")
        live.push(sound[:640])
    live.push(sound)
    assert _held(live) < 1.2 * first


def test_a_change_of_mood_does_not_jump(shipped: medtalk.Model, played: Played, sample: Path) -> None:
    sound = medtalk.read_speech(sample).samples[:40000]
    face = np.concatenate([AREAS["cheek"], AREAS["eye"], AREAS["brow"]])
    fixed = {mood: played(shipped.live(mood, finishing=PLAIN), sound)[:, face] for mood in ("neutral", "happy")}
    apart = np.abs(fixed["happy"] - fixed["neutral"])[100:].max()

    def changed(within: float) -> float:
        live, found, begun = shipped.live("neutral", finishing=PLAIN), [], 0
        for at in range(0, len(sound), 640):
            if at == 16000:
                begun = live.frames
                live.guide("happy", within=within)
            found.append(live.push(sound[at : at + 640]).values)
        values = np.concatenate([*found, live.finish().values])[:, face]
        assert np.array_equal(values[: begun - 6], fixed["neutral"][: begun - 6])
        assert np.allclose(values[begun + 60 :], fixed["happy"][begun + 60 :], atol=1e-4)
        return float(np.abs(np.diff(values, axis=0))[begun - 6 : begun + 50].max())

    assert apart > 0.2
    usual = np.abs(np.diff(fixed["happy"], axis=0))[20:].max()  # what the voice moves
    assert changed(0.0) > usual + 0.1 * apart
    assert changed(0.5) < usual + 0.06 * apart  # over 30 frames: at its steepest 1.5 / 30 of the way in a frame


def test_changes_may_come_at_any_time(shipped: medtalk.Model) -> None:
    live, sound, found = shipped.live("neutral", finishing=PLAIN), babble(3.0), []
    for number, at in enumerate(range(0, len(sound), 640)):
        found.append(live.push(sound[at : at + 640]).values)
        live.guide(("happy", "angry", "sad", "surprised:0.4,fear:0.4")[number % 4], within=0.8)
    brows = np.concatenate(found)[:, AREAS["brow"]]
    assert np.abs(np.diff(brows, axis=0)).max() < 0.1
    assert len(live._mood.faces(np.arange(live.frames, live.frames + 1))) <= 7
    with pytest.raises(SettingError, match="within"):
        live.guide("sad", within=-1.0)


def test_moods_in_time_lead_from_their_moment_on(model: medtalk.Model, played: Played) -> None:
    sound = babble(3.0)
    spans = [{"start": 1.0, "end": 2.0, "emotion": "angry", "fade": 0.2}]
    shown = played(model.live("happy", timeline=spans, finishing=PLAIN), sound)
    happy, angry = (played(model.live(mood, finishing=PLAIN), sound) for mood in ("happy", "angry"))
    assert np.allclose(shown[:50], happy[:50], atol=1e-6)
    assert np.allclose(shown[70:110], angry[70:110], atol=1e-6)
    assert np.allclose(shown[130:], happy[130:], atol=1e-6)


def test_a_new_guidance_ends_the_timeline(model: medtalk.Model, played: Played) -> None:
    sound = babble(2.0)
    spans = [{"start": 0.5, "end": 1.5, "emotion": "angry"}]
    guided, kept = (model.live("happy", timeline=spans, finishing=PLAIN) for _ in range(2))
    guided.guide("sad", within=0.0)
    kept.guide(intensity=1.0, within=0.0)
    assert np.array_equal(played(guided, sound), played(model.live("sad", finishing=PLAIN), sound))
    assert np.array_equal(played(kept, sound), played(model.live("happy", timeline=spans, finishing=PLAIN), sound))


def test_a_stronger_intensity_shows_more(shipped: medtalk.Model, played: Played) -> None:
    sound = babble(2.0)
    none, plain = (played(shipped.live("angry", intensity=level, finishing=PLAIN), sound) for level in (0.0, 1.0))
    live = shipped.live("angry", finishing=PLAIN)
    live.guide(intensity=0.0, within=0.0)
    assert np.array_equal(played(live, sound), none)
    assert live.facts()["intensity"] == 0.0
    assert np.abs(plain - none).max() > 0.2


def test_the_region_and_the_head(model: medtalk.Model, played: Played) -> None:
    sound = babble(1.0)
    live = model.live(region="mouth")
    assert not live.head
    assert not played(live, sound)[:, AREAS["brow"]].any()
    live = model.live()
    turned = live.push(sound)
    assert live.head and turned.head is not None and turned.head.shape == (len(turned), 3)


@pytest.mark.parametrize(
    "setting",
    [
        {"look_ahead": 2.0}, {"look_ahead": -0.1}, {"look_ahead": float("nan")}, {"step": 0.0}, {"step": 0.5},
        {"rate": 4000}, {"rate": 400_000}, {"rate": 44100.5}, {"rate": float("inf")}, {"region": "ear"},
        {"intensity": 5.0},
    ],
)  # fmt: skip
def test_a_setting_that_is_not_valid_is_said(model: medtalk.Model, setting: dict) -> None:
    with pytest.raises(SettingError, match="valid are"):
        model.live(**setting)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"rate": "16000"}, "rate is '16000'; valid is 8000 to 192000 samples a second."),
        ({"rate": True}, "rate is True; valid is 8000 to 192000 samples a second."),
        ({"step": "0.04"}, "step is '0.04'; valid is 0.02 to 0.2 seconds."),
        ({"timeline": 7}, "The timeline is of type int; valid is a list of spans."),
    ],
)
def test_a_setting_of_the_wrong_type_is_said(model: medtalk.Model, setting: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError) as caught:
        model.live(**setting)
    assert str(caught.value) == said


def test_a_guidance_that_needs_the_whole_sound_is_refused(model: medtalk.Model) -> None:
    wanted: list[dict[str, Any]] = [{"emotion": "auto"}, {"timeline": [{"start": 1.0, "emotion": "auto"}]}]
    for refused in wanted:
        with pytest.raises(GuidanceError, match="whole sound"):
            model.live(**refused)
        with pytest.raises(GuidanceError, match="whole sound"):
            model.live().guide(**refused)
    with pytest.raises(GuidanceError, match="Unknown emotion"):
        model.live().guide("hapy")


def test_samples_that_cannot_be_taken_are_refused_whole(model: medtalk.Model) -> None:
    live = model.live()
    for samples, about in (
        (np.full(20000, 5000.0), "full scale is 1"),
        (np.zeros((2, 3, 4)), "shape"),
        (["a"], "type"),
        (np.zeros((10, 99)), r"99 channels; valid are 1 to 8\.$"),
        (np.zeros((2, 16000)), "16000 channels; valid are 1 to 8. Rows are samples, .*: transpose the array"),
    ):
        with pytest.raises(AudioError, match=about):
            live.push(samples)
    assert live.seconds == 0.0
    live.push(np.zeros((100, 2)))
    with pytest.raises(AudioError, match="as before 2"):
        live.push(np.zeros(100))
    with pytest.raises(SettingError, match="valid are"):
        live.skip(-1.0)
