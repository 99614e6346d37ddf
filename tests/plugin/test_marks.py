"""Moods over time: marked frames of a sequence, from labels to spans to keys, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medtalk_wire.settings import AUTO
from tests.fake_unreal import inside
from tests.helpers.sidecars import Sidecar
from tests.plugin.clicking import asked, make, press, status
from tests.plugin.takes import KEYED, on_board
from tests.plugin.test_generate import add_sounds, run


def mark(sequence: Any, **labels: str) -> None:
    """Marked frames `f30="angry"` in display frames."""
    for frame, label in labels.items():
        inside.mark(sequence, int(frame.removeprefix("f")), label)


def spans(sequence: Any, start_frame: int = 0, seconds: float = 10.0, **values: Any) -> list[dict[str, Any]]:
    from medtalk_unreal import marks
    from medtalk_unreal.settings import PluginSettings

    return marks.timeline(sequence, start_frame, seconds, PluginSettings(**values))


def test_each_mood_lasts_to_the_next(editor: Any) -> None:
    sequence = editor.new_sequence(30)
    mark(sequence, f60="happy:0.5, sad:0.2", f30="angry", f90="/", f120=" Surprised ")
    assert spans(sequence) == [
        {"start": 1.0, "end": 2.0, "emotion": "angry"},
        {"start": 2.0, "end": 3.0, "emotion": "happy:0.5, sad:0.2"},
        {"start": 4.0, "emotion": "Surprised"},
    ]


def test_what_is_marked_before_the_sound_and_behind_it(editor: Any) -> None:
    sequence = editor.new_sequence((30000, 1001))
    mark(sequence, f5="sad", f10="angry", f1061="fear", f1200="happy")
    first, second = spans(sequence, start_frame=1001, seconds=3.0)
    assert first == {"start": 0.0, "end": pytest.approx(60 * 1.001 / 30, abs=1e-4), "emotion": "angry"}
    assert second == {"start": first["end"], "emotion": "fear"}
    assert spans(sequence, 1001, 1.0) == [{"start": 0.0, "emotion": "angry"}]
    assert [span["emotion"] for span in spans(sequence, 0, 0.2)] == ["sad"]
    assert spans(sequence, 0, 0.1) == [], "the mood of the form leads up to the first mark"


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("A", "The marked frame at 45 of Shot has the label 'A', which is no mood. Valid are neutral, angry, disgust"),
        ("", "has the label '', which is no mood"),
        ("happy:0.5,joyous", "which is no mood"),
        ("happy:much", "whose weight is no number of 0 or more"),
        ("happy:-1", "whose weight is no number of 0 or more"),
        ("auto", "which is no mood"),
    ],
)
def test_other_labels_are_refused(editor: Any, label: str, said: str) -> None:
    from medtalk_unreal.errors import PluginError

    sequence = editor.new_sequence(30)
    mark(sequence, f30="angry", f45=label)
    with pytest.raises(PluginError) as caught:
        spans(sequence, start_frame=12)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_the_voice_where_the_sidecar_hears_it(editor: Any) -> None:
    sequence = editor.new_sequence(30)
    mark(sequence, f0="auto")
    assert spans(sequence, guidance=["label", AUTO]) == [{"start": 0.0, "emotion": "auto"}]


def test_the_keys_are_those_of_the_timeline(desk: Any, serving: Sidecar, sample: Path) -> None:
    desk.select_actors(desk.add_metahuman("mh4"))
    sequence = desk.new_sequence(30)
    mark(sequence, f130="angry", f160="/", f190="happy:0.8")
    form = {"emotion": "sad", "start_frame": 100, "marked_frames": True}
    line = make(desk, [desk.add_sound(sample)], sequence=sequence, **form)
    assert line.startswith("1 take written, ")
    timeline = [{"start": 1.0, "end": 2.0, "emotion": "angry"}, {"start": 3.0, "emotion": "happy:0.8"}]
    rig = asked(serving.connection, sample, fps=30.0, emotion="sad", timeline=timeline)
    found = on_board(desk, sequence, len(rig), 30, 100)
    np.testing.assert_allclose(found[:, KEYED], rig[:, KEYED], rtol=0, atol=1e-6)
    plain = asked(serving.connection, sample, fps=30.0, emotion="sad")
    np.testing.assert_allclose(found[:15, KEYED], plain[:15, KEYED], rtol=0, atol=1e-5)
    assert np.abs(found - plain)[110:140].max() > 0.05, "and they are not those of the form's mood alone"


def named(text: str, seconds: float = 10.0, **values: Any) -> list[dict[str, Any]]:
    from medtalk_unreal import marks
    from medtalk_unreal.settings import PluginSettings

    return marks.written(text, seconds, PluginSettings(**values))


def test_moods_are_named_by_seconds(editor: Any) -> None:
    assert named("0-2 angry, 2-5 happy:0.5, 5- sad") == [
        {"start": 0.0, "end": 2.0, "emotion": "angry"},
        {"start": 2.0, "end": 5.0, "emotion": "happy:0.5"},
        {"start": 5.0, "emotion": "sad"},
    ]
    assert named(" .5 - 2. Happy:0.7 + sad:0.3 ,1-9.25fear") == [
        {"start": 0.5, "end": 2.0, "emotion": "Happy:0.7,sad:0.3"},
        {"start": 1.0, "end": 9.25, "emotion": "fear"},
    ], "an overlap is fine"
    assert named("3- auto", guidance=["label", AUTO]) == [{"start": 3.0, "emotion": "auto"}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("angry", "Moods Over Time: 'angry' is no mood over time. Write seconds and moods as in 0-2 angry, 2- happy:"),
        ("0-2 angry,", "Moods Over Time: '' is no mood over time."),
        ("0-2", "'0-2' is no mood over time."),
        ("1-2-3 sad", "'1-2-3 sad' has the label '-3 sad', which is no mood."),
        ("-1-2 sad", "'-1-2 sad' is no mood over time."),
        ("0-2 joyous", "Moods Over Time: '0-2 joyous' has the label 'joyous', which is no mood. Valid are neutral"),
        ("0-2 sad:0.5+", "has the label 'sad:0.5+', which is no mood"),
        ("0- /", "has the label '/', which is no mood"),
        ("0- auto", "has the label 'auto', which is no mood"),
        ("0-2 sad:inf", "whose weight is no number of 0 or more. Valid are neutral"),
        ("2-1 sad", "'2-1 sad' ends before it has begun. Write the earlier second first."),
        ("2-2 sad", "'2-2 sad' ends before it has begun."),
        ("0-1 sad, 0.0- fear", "two moods begin at 0 s. Join them by +, as in happy:0.7+sad:0.3."),
        ("0-1 sad, 10- fear", "'10- fear' begins behind the end of the sound, at 10 s."),
        (",".join(f"{second}- sad" for second in range(501)), "has 501 moods; at most 500 are allowed."),
    ],
)
def test_other_moods_over_time_are_refused(editor: Any, text: str, said: str) -> None:
    from medtalk_unreal.errors import PluginError

    with pytest.raises(PluginError) as caught:
        named(text)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_the_keys_are_those_of_the_moods_that_the_form_names(desk: Any, serving: Sidecar, sample: Path) -> None:
    desk.select_actors(desk.add_metahuman("mh4"))
    sequence = desk.new_sequence(30)
    form = {"emotion": "sad", "moods_over_time": "1-2 angry, 3- happy:0.6+surprised:0.2"}
    make(desk, [desk.add_sound(sample)], sequence=sequence, **form)
    timeline = [{"start": 1.0, "end": 2.0, "emotion": "angry"}, {"start": 3.0, "emotion": "happy:0.6,surprised:0.2"}]
    rig = asked(serving.connection, sample, fps=30.0, emotion="sad", timeline=timeline)
    np.testing.assert_allclose(on_board(desk, sequence, len(rig), 30)[:, KEYED], rig[:, KEYED], rtol=0, atol=1e-6)


def test_of_moods_over_time_each_sound_has_those_that_it_reaches(configured: Any, tmp_path: Path) -> None:
    """What lies behind the end of the longest one is a slip; and marked frames are another way to the same."""
    from dataclasses import replace

    from medtalk_unreal import generate
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.request import Request

    sounds = add_sounds(configured, tmp_path, 0.5, 1.0)
    request = Request(sounds=sounds, actor=configured.add_metahuman().get_path_name(), moods_over_time="0.7- sad")
    status = run(configured, request)
    assert (status.state, len(status.reports), status.failures) == ("done", 2, [])
    with pytest.raises(PluginError, match=r"'1\.7- sad' begins behind the end of the sound, at 1 s"):
        generate.start(replace(request, moods_over_time="1.7- sad"))
    with pytest.raises(PluginError, match=r"Marked Frames and Moods Over Time are both set\. Choose one\."):
        generate.start(replace(request, marked_frames=True))
    assert "moods_over_time" not in request.to_remember(), "they are of one sound"


def test_nothing_is_sent_for_marks_that_are_no_moods(desk: Any, sample: Path) -> None:
    desk.select_actors(desk.add_metahuman("mh4"))
    sequence = desk.new_sequence(30)
    sound = desk.add_sound(sample)
    for said in ("has no marked frames. Mark frames and label them", "has the label 'take 2', which is no mood"):
        form = press(desk, [sound], sequence=sequence, marked_frames=True)
        assert said in f"{status(form)} {desk.dialogs.messages}"
        mark(sequence, f10="take 2")
    form = press(desk, [sound], sequence=None, marked_frames=True)
    assert "Marked Frames needs a Level Sequence that is there." in f"{status(form)} {desk.dialogs.messages}"
    from medtalk_unreal import generate

    assert generate.running() is None and desk.sequences() == ["/Game/Cinematics/Shot"]
