"""Moods over time: who leads when, what is refused, and that a timeline shows what its moods show alone."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import medtalk
from medtalk import Finishing, timeline
from medtalk.errors import GuidanceError, MedtalkError, SettingError
from medtalk.guidance import Guidance
from medtalk.marks import read_curve, read_timeline
from medtalk.perform import runs
from medtalk.take import checked, informed, take
from medtalk.timeline import spans_of
from medtalk_wire import Settings
from medtalk_wire.settings import FADE, MAX_SPANS

RAW = Finishing(smooth=False, blink=False, gaze=False, limits=False, life=False, head=False)


@pytest.fixture(scope="module")
def performance(sample: Path) -> medtalk.Performance:
    """The sample as the bundle that ships hears it, with its words."""
    return medtalk.load().perform(sample, sample.with_suffix(".txt").read_text("utf-8"))


def shares(performance: medtalk.Performance, spans: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Weights (T,) of each label of a timeline over neutral."""
    found: dict[str, np.ndarray] = {}
    for part in performance.model.guide(timeline=spans).parts(performance):
        found[part.label] = found.get(part.label, 0.0) + np.broadcast_to(part.weight, len(performance))
    return found


def at(values: np.ndarray, seconds: float) -> float:
    return float(values[round(seconds * 60)])


def test_the_span_that_began_last_leads_and_the_weights_sum_to_1(performance: medtalk.Performance) -> None:
    spans = [
        {"start": 0, "end": 4, "emotion": "sad"},
        {"start": 1, "end": 2, "emotion": "happy", "fade": 0.2},
        {"start": 2, "end": 3, "emotion": "angry", "fade": 0.4},
    ]
    found = shares(performance, spans)
    np.testing.assert_allclose(sum(found.values()), 1.0, atol=1e-6)
    assert at(found["sad"], 0.0) == at(found["sad"], 0.9) == at(found["sad"], 3.5) == 1.0
    assert at(found["happy"], 1.0) == pytest.approx(0.5) and at(found["happy"], 1.1) == pytest.approx(1.0)
    assert at(found["angry"], 2.0) == pytest.approx(0.5) == at(found["happy"], 2.0)  # no dip to what lies below
    assert at(found["sad"], 3.0) == pytest.approx(0.5) and at(found["neutral"], 4.0) == pytest.approx(0.5)
    assert at(found["neutral"], 4.5) == 1.0 and found["neutral"][: round(3.7 * 60)].max() == 0.0


def test_a_stream_asks_for_a_few_frames_at_a_time_and_spans_are_ordered_once(
    performance: medtalk.Performance, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, ordered = timeline._leads, []

    def counted(spans: Any) -> Any:
        ordered.append(len(spans))
        return order(spans)

    monkeypatch.setattr(timeline, "_leads", counted)
    spans = [{"start": 0.05 * k, "emotion": ("sad", "happy")[k % 2], "fade": 0.3} for k in range(60)]
    guided = performance.model.guide(timeline=spans)
    assert isinstance(guided, timeline.Timeline)

    def sad(times: np.ndarray) -> np.ndarray:
        own = [share * each.weights_of(performance).get("sad", 0.0) for each, share, _ in guided.shares_at(times)]
        return np.sum(own, axis=0)

    times = np.arange(200) / 60
    parts = [sad(times[at : at + 2]) for at in range(0, 200, 2)]
    assert np.allclose(np.concatenate(parts), sad(times), atol=1e-6) and np.ptp(sad(times)) > 0.2
    assert ordered == [60]


def test_gaps_show_the_takes_own_emotion_and_the_rest_what_each_mood_shows_alone(
    performance: medtalk.Performance,
) -> None:
    model = performance.model
    timeline = model.guide(
        "sad", timeline=[{"start": 1, "end": 2, "text": "in tears of joy"}, {"start": 3, "emotion": "happy"}]
    )
    rig = performance.decode(timeline, finishing=RAW)
    for seconds, alone in ((0.5, "sad"), (1.5, model.guide(text="in tears of joy")), (2.5, "sad"), (4.0, "happy")):
        frame = round(60 * seconds)
        np.testing.assert_array_equal(
            rig.values[frame], performance.decode(alone, finishing=RAW).values[frame], err_msg=str(seconds)
        )
    moods = [{"start": 1.0, "end": 2.0, "text": "in tears of joy"}, {"start": 3.0, "emotion": "happy"}]
    assert rig.meta["timeline"] == moods and sum(rig.meta["emotion"].values()) == pytest.approx(1.0)
    again = performance.decode(model.guide("sad", timeline=rig.meta["timeline"]), finishing=RAW)
    np.testing.assert_array_equal(again.values, rig.values)


def test_decode_takes_spans_and_says_what_they_heard(performance: medtalk.Performance) -> None:
    spans = [{"start": 1.0, "end": 2.0, "emotion": "auto"}]
    rig = performance.decode("sad", timeline=spans)
    guide = performance.model.guide("sad", timeline=medtalk.spans_of(spans))
    np.testing.assert_array_equal(rig.values, performance.decode(guide).values)
    assert rig.meta["base"] == {"sad": 1.0} and rig.meta["timeline"] == spans
    assert rig.meta["voice"] == performance.felt.meta()
    with pytest.raises(GuidanceError, match="a timeline already"):
        performance.decode(guide, timeline=spans)


def test_spans_of_one_mood_are_that_mood(performance: medtalk.Performance) -> None:
    """Whole and finished, with its head and its life."""
    spans = [{"start": 1, "end": 2, "emotion": "sad"}, {"start": 1.5, "emotion": "sad"}]
    rig, alone = performance.decode(performance.model.guide("sad", timeline=spans)), performance.decode("sad")
    np.testing.assert_allclose(rig.values, alone.values, atol=1e-5)
    assert rig.head is not None and alone.head is not None
    np.testing.assert_allclose(rig.head, alone.head, atol=1e-4)


def test_the_head_follows_the_moods(performance: medtalk.Performance) -> None:
    """A sad head hangs, and does so in its span only; it never jumps, even where the face does."""
    timeline = performance.model.guide(timeline=[{"start": 2, "end": 3.5, "emotion": "sad", "fade": 0}])
    head, neutral = performance.decode(timeline).head, performance.decode("neutral").head
    assert head is not None and neutral is not None
    lower = (neutral - head)[:, 1]
    assert lower[150:190].mean() > 3.0 * abs(lower[:60].mean()) and lower[150:190].mean() > 1.0
    assert np.abs(np.diff(head, axis=0)).max() < 1.5 * np.abs(np.diff(neutral, axis=0)).max() + 0.2


def test_the_intensity_of_a_span_is_a_number_or_points(performance: medtalk.Performance) -> None:
    points = [[1, 0.0], ["0:02", 2.0]]
    guide = performance.model.guide
    ramp = guide(timeline=[{"start": 0, "emotion": "happy", "intensity": points}])
    curve = np.interp(np.arange(len(performance)) / 60.0, [1, 2], [0, 2]).astype(np.float32)
    expected = performance.decode("happy", curve, RAW).values
    np.testing.assert_allclose(performance.decode(ramp, finishing=RAW).values, expected, atol=1e-6)
    strong = guide(timeline=[{"start": 0, "emotion": "happy", "intensity": 1.7}])
    expected = performance.decode("happy", 1.7, RAW).values
    np.testing.assert_allclose(performance.decode(strong, finishing=RAW).values, expected, atol=1e-6)


def test_a_fade_is_never_longer_than_its_span_and_may_be_none(performance: medtalk.Performance) -> None:
    found = shares(performance, [{"start": 1, "end": 1.2, "emotion": "happy", "fade": 5}])
    assert at(found["happy"], 1.1) == pytest.approx(1.0) and at(found["happy"], 0.9) == 0.0 == at(found["happy"], 1.3)
    found = shares(performance, [{"start": 1, "end": 2, "emotion": "happy", "fade": 0}])
    assert set(found["happy"]) == {0.0, 1.0} and np.flatnonzero(found["happy"]).tolist() == list(range(60, 120))


def test_a_part_is_decoded_where_it_shows_only(
    performance: medtalk.Performance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour with fifty spans costs little more than one emotion."""
    engine, frames = performance.model.engine, []
    decode = engine.decode

    def counted(content: Any, *more: Any) -> Any:
        frames.append(len(content))
        return decode(content, *more)

    moods = ("happy", "sad", "angry", "fear")
    spans = [{"start": k / 2, "end": k / 2 + 0.5, "emotion": moods[k % 4], "fade": 0.1} for k in range(9)]
    guidance = performance.model.guide(timeline=spans)
    monkeypatch.setattr(engine, "decode", counted)
    performance.decode("happy")
    alone = sum(frames)
    frames.clear()
    performance.decode(guidance)
    assert alone <= sum(frames) < 1.3 * alone


def test_runs() -> None:
    assert runs(np.array([True, False, True, True])) == [slice(0, 1), slice(2, 4)]
    assert runs(np.zeros(3, bool)) == []


def test_a_span_behind_the_end_is_refused_and_an_end_behind_it_cut(performance: medtalk.Performance) -> None:
    late = performance.model.guide(timeline=[{"start": 1, "end": 99, "emotion": "sad"}, {"start": 5, "emotion": "sad"}])
    with pytest.raises(SettingError, match=r"The timeline, span 2 starts at 5 s, but the sound ends at 4\.850 s"):
        performance.decode(late)
    assert shares(performance, [{"start": 1, "end": 99, "emotion": "sad"}])["sad"][-1] == 1.0


def test_times_are_of_the_whole_sound(performance: medtalk.Performance) -> None:
    settings = checked(Settings(timeline=[{"start": 2, "emotion": "happy"}], fps=30.0))
    guidance = performance.model.guide(timeline=settings.timeline)
    whole = take(performance, guidance, settings)
    part = take(performance, guidance, checked(Settings(timeline=settings.timeline, fps=30.0, span=(1.5, 3.0))))
    np.testing.assert_array_equal(part.values, whole.values[45:90])


WRONG: dict[str, tuple[Any, str]] = {
    "no list": ({"start": 1}, "valid is a list"),
    "text": ("happy", "valid is a list"),
    "no mapping": ([3], "span 1 is of type int"),
    "unknown name": ([{"start": 0, "emotion": "sad", "mood": 1}], "unknown name 'mood'; valid are start, end"),
    "no guidance": ([{"start": 0}], "span 1 has no guidance; valid is exactly one of emotion, text, image"),
    "two guidances": ([{"start": 0, "emotion": "sad", "text": "in tears"}], "has emotion and text; valid is exactly"),
    "unknown mood": ([{"start": 0, "emotion": "hungry"}], "span 1: unknown emotion 'hungry'; valid are angry, disgust"),
    "no start": ([{"emotion": "sad"}], "has no start"),
    "negative": ([{"start": -1, "emotion": "sad"}], "start is -1; valid are finite numbers, 0 or more"),
    "not a number": ([{"start": math.nan, "emotion": "sad"}], "start is nan"),
    "infinite": ([{"start": 1, "end": math.inf, "emotion": "sad"}], "end is inf"),
    "a bool": ([{"start": True, "emotion": "sad"}], "start is True"),
    "words for a time": ([{"start": "soon", "emotion": "sad"}], "valid are seconds, or minutes as in 1:02.5"),
    "end before start": ([{"start": 2, "end": 1, "emotion": "sad"}], "ends at 1 s, but starts at 2 s"),
    "no length": ([{"start": 2, "end": 2, "emotion": "sad"}], "valid is an end after the start"),
    "too strong": ([{"start": 2, "emotion": "sad", "intensity": 5}], "intensity is 5; valid are numbers from 0 to 4"),
    "points out of order": ([{"start": 0, "emotion": "sad", "intensity": [[2, 1], [1, 1]]}], "points out of order"),
    "points of three": ([{"start": 0, "emotion": "sad", "intensity": [[2, 1, 1]]}], "list of points"),
    "negative fade": ([{"start": 0, "emotion": "sad", "fade": -1}], "fade is -1; valid are numbers from 0 to 60"),
    "same start": ([{"start": 1, "emotion": "sad"}, {"start": 1, "emotion": "happy"}], "span 2 starts at 1 s, as does"),
    "too many": ([{"start": k, "emotion": "sad"} for k in range(MAX_SPANS + 1)], "at most 500 are read"),
    "too many points": (
        [{"start": 0, "emotion": "sad", "intensity": [[k, 1] for k in range(10_001)]}], "at most 10000 are read",
    ),
    "a picture that is a number": ([{"start": 0, "image": 3}], "image is of type int; valid is a file"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused_and_named(name: str) -> None:
    timeline, message = WRONG[name]
    with pytest.raises(MedtalkError) as caught:
        checked(Settings(timeline=timeline))
    assert message in str(caught.value) and isinstance(caught.value, SettingError | GuidanceError)


def test_a_guidance_that_cannot_be_used_names_its_span(performance: medtalk.Performance, tmp_path: Path) -> None:
    (tmp_path / "face.png").write_bytes(b"none")
    spans = [{"start": 0, "emotion": "sad"}, {"start": 1, "image": tmp_path / "face.png"}]
    with pytest.raises(MedtalkError, match="The timeline, span 2: "):
        performance.model.guide(timeline=spans)


# --- files


def test_a_csv_is_read_forgivingly(tmp_path: Path) -> None:
    file = tmp_path / "moods.csv"
    file.write_text(
        "\ufeffEmotion, START ,End,Fade,intensity,text\r\n"
        "happy,0:01.5,,0.25,1.2,\r\n"
        "\r\n"
        '"angry:0.7, sad:0.3",62,end,,"60=0.5 1:02=1",\r\n'
        ",3,4,,,in tears\r\n",
        "utf-8",
    )
    first, second, third = read_timeline(file)
    assert (first.start, first.end, first.fade, first.intensity) == (1.5, math.inf, 0.25, 1.2)
    assert second.emotion == "angry:0.7, sad:0.3" and second.intensity == ((60.0, 0.5), (62.0, 1.0))
    assert (third.text, third.emotion, third.end, third.fade, third.where) == (
        "in tears",
        None,
        4.0,
        FADE,
        "moods.csv, row 5",
    )


def test_semicolons_and_json(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("start;emotion\n1;happy:0.7,sad:0.3\n")
    spans = [{"start": 1, "end": None, "emotion": "happy:0.7,sad:0.3", "intensity": None}]
    for name, content in (("a.json", spans), ("b.JSON", {"spans": spans})):
        (tmp_path / name).write_text(json.dumps(content))
        assert read_timeline(tmp_path / name) == read_timeline(tmp_path / "a.csv") == spans_of(spans)


def test_decimal_commas_and_numbers_as_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('start;end;emotion;intensity;fade\n1,5;2;happy:0.5,sad:0.5;1,2;0,3\n'
                                    "0:03,5;;sad;3,5=0,4 4=1,2;\n")  # fmt: skip
    (tmp_path / "b.csv").write_text('start,end,emotion,intensity,fade\n"1,5",2,"happy:0.5,sad:0.5",1.2,0.3\n'
                                    "3.5,,sad,3.5=0.4 4=1.2,\n")  # fmt: skip
    (tmp_path / "c.json").write_text(json.dumps([
        {"start": "1.5", "end": 2, "emotion": "happy:0.5,sad:0.5", "intensity": "1.2", "fade": "0.3"},
        {"start": 3.5, "emotion": "sad", "intensity": [[3.5, "0.4"], [4, 1.2]]},
    ]))  # fmt: skip
    first, *others = (read_timeline(tmp_path / name) for name in ("a.csv", "b.csv", "c.json"))
    assert others == [first, first] and first[0].intensity == 1.2
    (tmp_path / "d.csv").write_text("0;0,5\n1,5;1\n")
    np.testing.assert_allclose(read_curve(tmp_path / "d.csv"), [[0, 0.5], [1.5, 1]])


FILES = {
    "no.txt": ("", "valid are .json .csv", SettingError),
    "empty.csv": ("", "empty.csv holds no spans", SettingError),
    "head.csv": ("start,end,emotion\n", "head.csv holds no spans", SettingError),
    "empty.json": ("[]", "empty.json holds no spans", SettingError),
    "spans.json": ('{"spans": []}', "spans.json holds no spans", SettingError),
    "comma.csv": ("start,end,emotion\n1,5,2,sad\n", "part the cells by semicolons", SettingError),
    "header.csv": ("start,mood\n1,sad\n", "row 1 has the column 'mood'; valid are start,end,emotion", SettingError),
    "twice.csv": ("start,start\n1,2\n", "names a column twice", SettingError),
    "wide.csv": ("start,emotion\n1,happy:0.7,sad:0.3\n", "row 2 has 3 cells for 2 columns", SettingError),
    "mood.csv": (
        "start,emotion\n1,sad\n2,hungry\n",
        "mood.csv, row 3: unknown emotion 'hungry'; valid are",
        GuidanceError,
    ),
    "back.csv": ("start,end,emotion\n0:04,0:02,sad\n", "back.csv, row 2 ends at 2 s, but starts at 4 s", SettingError),
    "level.csv": ("start,emotion,intensity\n1,sad,loud\n", "row 2: intensity is 'loud'", SettingError),
    "broken.json": ('[{"start": 1,\n]', "broken.json, line 2: not JSON", SettingError),
    "other.json": ('{"moods": []}', "other.json is not a timeline", SettingError),
    "span.json": ('[{"start": 1, "emotion": "sad"}, 7]', "span.json, span 2 is of type int", SettingError),
    "nan.json": ('[{"start": NaN, "emotion": "sad"}]', "span 1: start is nan", SettingError),
    "binary.csv": ("\udcff", "is not UTF-8 text", SettingError),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_wrong(name: str, tmp_path: Path) -> None:
    content, message, kind = FILES[name]
    (tmp_path / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(kind) as caught:
        read_timeline(tmp_path / name)
    assert message.lower() in str(caught.value).lower() and name in str(caught.value)
    assert caught.value.about in (str(tmp_path / name), "")


# --- the curve of the whole sound


def test_a_curve_of_points_replaces_or_multiplies(performance: medtalk.Performance, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("Time,Value\n0:01,0.5\n2,1.5\n")
    points = read_curve(tmp_path / "c.csv")
    curve = np.interp(np.arange(len(performance)) / 60.0, [1, 2], [0.5, 1.5]).astype(np.float32)
    guidance: Guidance = performance.model.guide("happy")
    for mode, expected in (
        ("replace", performance.with_intensity(curve).decode("happy")),
        ("multiply", performance.decode("happy", curve)),
    ):
        settings = checked(Settings("happy", curve=points, curve_mode=mode))
        rig = take(informed(performance, settings), guidance, settings)
        np.testing.assert_allclose(rig.values, expected.values, atol=1e-5)


def test_one_value_a_frame(tmp_path: Path, performance: medtalk.Performance) -> None:
    (tmp_path / "c.csv").write_text("\n".join(["1.5"] * len(performance)))
    settings = checked(Settings(curve=read_curve(tmp_path / "c.csv")))
    assert set(informed(performance, settings).intensity) == {1.5}


CURVES = {
    "": "holds no values",
    "time,value\n": "holds no values",
    "0,1\n1\n": "row 2 has 1 cells",
    "0,1,2\n": "row 1 has 3 cells",
    "0,1\n0,2\n": "row 2 is not later than the row before it",
    "0,1\n1,x\n": "row 2: the value 'x' is not a number",
    "0,1\n1,-2\n": "row 2: the value is -2",
    "0,1\n1,5\n": "row 2: the value is 5; valid are numbers from 0 to 4",
    "0,5,1\n": "part the cells by semicolons",
    "1\nnan\n": "row 2: the value is nan",
}


@pytest.mark.parametrize("content", CURVES)
def test_curves_that_are_wrong(content: str, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(content)
    with pytest.raises(SettingError, match=CURVES[content]) as caught:
        read_curve(tmp_path / "c.csv")
    assert caught.value.about == str(tmp_path / "c.csv")


def test_curves_that_do_not_fit_the_sound(performance: medtalk.Performance) -> None:
    wrong: list[tuple[Any, str]] = [
        (np.ones(10), "has 10 values; this sound has 291 frames"),
        ([[0, 1], [9, 1]], "has a point at 9 s; this sound lasts 4.860 s"),
    ]
    for curve, message in wrong:
        with pytest.raises(SettingError, match=message):
            informed(performance, checked(Settings(curve=curve)))
    with pytest.raises(SettingError, match="not in order"):
        checked(Settings(curve=[[1, 1], [0, 1]]))
    for mode in ("replace", "multiply"):
        with pytest.raises(SettingError, match="curve is 5 at frame 1; valid are numbers from 0 to 4"):
            checked(Settings(curve=[1.0, 5.0], curve_mode=mode))
        with pytest.raises(SettingError, match=r"curve at 2\.5 s is 1e\+30; valid are numbers from 0 to 4"):
            checked(Settings(curve=[[1, 1], [2.5, 1e30], [9, 1]], curve_mode=mode))
    with pytest.raises(SettingError, match=r"curve is 4\.5 at frame 0; valid are"):
        performance.with_intensity(np.full(len(performance), 4.5))
    with pytest.raises(SettingError, match="curve_mode is 'add'; valid are replace, multiply"):
        checked(Settings(curve_mode="add"))
