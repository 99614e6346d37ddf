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
