"""The generate form: what it offers, and what it makes of it."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fake_unreal import inside


@pytest.fixture
def form(editor: Any) -> Any:
    import unreal

    from medtalk_unreal import filling, forms, settings
    from medtalk_unreal.request import Request

    made = unreal.new_object(forms.MEDTalkGenerateForm)
    filling.fill(made, Request(), settings.load())
    return made


def change(**values: Any) -> None:
    from medtalk_unreal import settings

    settings.save(replace(settings.load(), **values))


def test_it_says_back_what_was_put_in(editor: Any, form: Any) -> None:
    from medtalk_unreal import filling, settings
    from medtalk_unreal.request import Request

    actor, sequence = editor.add_metahuman("mh4"), editor.new_sequence(30)
    editor.select_actors(actor)
    wanted = Request(
        emotion="sad", mixture="happy:0.5,sad:0.5", mood_intensity=1.5, sequence_folder="/Game/Takes", start_frame=1001,
        frame_step=2, blink=False, gaze=False, process_mask="mouth", tolerance=0.01, replace=False, writer="arrays",
        marked_frames=True, persona="host", layers="emotion", hand_edits="drop", head="body", camera=True,
        frame_rate="24", sequence_name="S_{sound}", one_each=True, sound_channel="left", moods_over_time="0-2 sad",
    )  # fmt: skip
    filling.fill(form, wanted, settings.load())
    form.set_editor_property("sequence", sequence)
    read = filling.read(form)
    assert read.mood_intensity == pytest.approx(1.5) and read.tolerance == pytest.approx(0.01)
    assert replace(read, actor="", sequence="", mood_intensity=1.5, tolerance=0.01) == wanted
    assert (read.actor, read.sequence) == (actor.get_path_name(), sequence.get_path_name())


def test_the_defaults(form: Any) -> None:
    from medtalk_unreal import choices, filling
    from medtalk_unreal.request import Request

    form.set_editor_property("target", choices.IN_SEQUENCE)
    read = filling.read(form)
    assert replace(read, mood_intensity=1.0, tolerance=0.002) == Request()


def test_the_choices_are_those_that_the_sidecar_told(form: Any) -> None:
    from medtalk_unreal import settings

    assert list(form.emotion_choices()) == ["From the voice", *settings.LABELS]
    change(labels=["calm", "wild"], regions=["full", "mouth"])
    assert list(form.emotion_choices()) == ["From the voice", "calm", "wild"]
    assert list(form.mask_choices()) == ["Full Face", "Mouth Only"]


def test_text_and_picture_are_offered_if_the_sidecar_takes_them(form: Any) -> None:
    import unreal

    from medtalk_unreal import choices, filling, settings
    from medtalk_unreal.request import Request

    def filled() -> Request:
        filling.fill(form, Request(), settings.load())
        form.set_editor_properties(
            {"target": choices.IN_SEQUENCE, "text": " so sad ", "image": unreal.FilePath("/pictures/face.png")}
        )
        return filling.read(form)

    assert (filled().text, filled().image) == ("", "")
    assert not form.get_editor_property("takes_text")
    change(guidance=["label", "text", "image"])
    assert (filled().text, filled().image) == ("so sad", "/pictures/face.png")


def test_what_was_used_last_is_shown_again_where_it_still_fits(editor: Any) -> None:
    from medtalk_unreal import settings
    from medtalk_unreal.request import Request

    request = Request(emotion="sad", frame_step=3, sounds=("/Game/A",), actor="B", sequence="/Game/C")
    change(form=request.to_remember())
    assert Request.remembered(settings.load()) == Request(emotion="sad", frame_step=3)
    placed = Request(start_frame=1001, sound_start=1.0, sound_end=2.0, moods_over_time="1- sad")
    assert "start_frame" not in placed.to_remember(), "another sequence begins elsewhere"
    change(form=vars(replace(placed, sounds=())))
    assert Request.remembered(settings.load()) == Request(), "nor as an earlier version remembered it"
    change(form={"emotion": "sad", "writer": "pen"})
    assert Request.remembered(settings.load()) == Request()
    change(form={"emotion": 3, "blink": False, "of_a_later_version": 1})
    assert Request.remembered(settings.load()) == Request(blink=False)


@pytest.mark.parametrize("in_project", [False, True])
def test_a_file_that_was_picked_is_found(editor: Any, form: Any, tmp_path: Path, in_project: bool) -> None:
    """Unreal gives it relative to the project, or to the folder of its own program."""
    import unreal

    from medtalk_unreal import choices, filling

    file = (Path(editor.project_dir) / "refs" if in_project else tmp_path / "elsewhere") / "face.png"
    file.parent.mkdir()
    file.write_bytes(b"")
    base = editor.project_dir if in_project else editor.state.binaries
    given = os.path.relpath(file, base)
    assert not os.path.isabs(given)
    form.set_editor_properties({"takes_image": True, "target": choices.IN_SEQUENCE, "image": unreal.FilePath(given)})
    assert Path(filling.read(form).image).resolve() == file.resolve()
    assert "RelativeToGameDir" in inside.metas(type(form))["image"]


def test_actors_without_a_face_do_not_count(editor: Any, form: Any) -> None:
    from medtalk_unreal import choices, filling

    actor = editor.add_metahuman("mh3")
    editor.select_actors(actor, editor.add_actor("Lamp"))
    form.set_editor_property("target", choices.SELECTED)
    assert filling.read(form).actor == actor.get_path_name()


def test_every_setting_of_a_take_is_in_the_form_or_there_is_a_reason(form: Any) -> None:
    from medtalk_unreal.request import NOT_IN_UNREAL, Request
    from medtalk_wire.settings import Finishing, Settings

    epic = {"intensity": "mood_intensity", "region": "process_mask"}
    for each in (*dataclasses.fields(Settings), *dataclasses.fields(Finishing)):
        name = epic.get(each.name, each.name)
        if each.name == "finishing":
            continue
        assert hasattr(Request(), name) == (each.name not in NOT_IN_UNREAL), each.name
        if each.name not in NOT_IN_UNREAL:
            form.get_editor_property(name)


def test_a_request_is_what_the_sidecar_is_asked(editor: Any) -> None:
    from medtalk_unreal.request import Request
    from medtalk_wire.settings import Finishing, Settings

    request = Request(
        emotion="sad", text="in tears", mood_intensity=1.5, process_mask="mouth", blink=False, seed=7, smooth=False,
        language="en",
    )  # fmt: skip
    asked = request.wire_settings(b"", 30.0, " We say it. ")
    assert asked.finishing == Finishing(smooth=False, blink=False, seed=7, head=False), "a body turns its own head"
    assert replace(request, head="control").wire_settings(b"", 30.0, "").finishing.head
    plain = dataclasses.replace(asked, finishing=Finishing())
    expected = Settings(
        text="in tears", intensity=1.5, region="mouth", language="en", transcript="We say it.", fps=30.0
    )  # fmt: skip
    assert vars(plain) == vars(expected)
    assert replace(request, mixture="happy:0.3").wire_settings(b"", 30.0, "").emotion == "happy:0.3", "a mixture"


def test_the_blueprint_of_a_metahuman_is_said_back_and_not_remembered(editor: Any, form: Any) -> None:
    """Another shot has another face."""
    from medtalk_unreal import choices, filling, settings
    from medtalk_unreal.request import Request

    rig = editor.add_rig("mh4")  # any Blueprint
    filling.fill(form, Request(blueprint=rig.get_path_name()), settings.load())
    form.set_editor_property("target", choices.IN_SEQUENCE)
    read = filling.read(form)
    assert read.blueprint == rig.get_path_name() == read.target().blueprint
    assert "blueprint" not in read.to_remember()


def test_a_take_gets_what_it_needs_of_the_request(editor: Any) -> None:
    from medtalk_unreal.request import Request
    from medtalk_unreal.take import Target

    wanted = {
        "layers": "emotion", "hand_edits": "replace", "head": "body", "blueprint": "/Game/BP", "camera": True,
        "frame_rate": "48", "sequence_name": "A_{face}", "mute_animation": True, "sequence_folder": "/Game/{folder}",
    }  # fmt: skip
    assert Request(**wanted).target() == Target(**wanted)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("layers", "two", "The layers must be one of one, emotion."),
        ("hand_edits", "keep", "The hand edits must be one of offset, replace, drop."),
        ("head", "on", "The head must be one of off, control, body."),
        ("frame_rate", "23", "The frame rate must be one of project, 24, 25, 30, 48, 50, 60."),
        ("sound_channel", "centre", "The sound channel must be one of mix, left, right."),
        ("sequence_name", "LS_{actor}", "The sequence name 'LS_{actor}' has {actor}. Valid are {face} and {sound}."),
        (
            "sequence_name",
            "LS_{sound",
            "The sequence name 'LS_{sound' has a brace without its other one. Valid are {face} and {sound}.",
        ),
        ("sequence_name", " ", "The sequence name is empty. Valid are {face} and {sound}."),
        ("sequence_folder", "/Game/{sound}", "The sequence folder '/Game/{sound}' has {sound}. Valid is {folder}."),
    ],
)
def test_a_request_with_a_value_that_is_none_says_what_is_valid(editor: Any, name: str, value: str, said: str) -> None:
    from medtalk_unreal import settings
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.request import Request

    with pytest.raises(PluginError) as error:
        Request.read({name: value}).check(settings.load())
    assert str(error.value) == said
    change(form={name: value, "blink": False})
    assert Request.remembered(settings.load()) == Request(), "and a form like that begins anew"


@pytest.mark.parametrize(("before", "now"), [(True, "control"), (False, "off")])
def test_a_head_that_was_only_on_or_off_is_still_read(editor: Any, before: bool, now: str) -> None:
    from medtalk_unreal import settings
    from medtalk_unreal.request import Request

    assert Request.read({"head": before}).head == now
    change(form={"head": before, "blink": False})
    assert Request.remembered(settings.load()) == Request(head=now, blink=False)
