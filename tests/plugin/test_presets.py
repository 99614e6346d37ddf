"""Presets of the form: saved, used, deleted, remembered for each actor; personas; the mood of the voice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.clicking import asked, make, open_form
from tests.plugin.running import do, saved
from tests.plugin.takes import KEYED, a_sound, on_board


@pytest.fixture
def stage(desk: Any) -> Any:
    """A desk that has met its sidecar, with two MetaHumans, one of them selected."""
    from medtalk_unreal.sidecar import the_sidecar

    assert do(desk, the_sidecar.connect(lambda _: None)).error is None
    desk.add_metahuman("mh4", "Bob")
    desk.select_actors(desk.add_metahuman("mh4", "Ada"))
    return desk


def values(form: Any, *names: str) -> list[Any]:
    return [form.get_editor_property(name) for name in names]


def test_a_preset_is_saved_used_and_deleted(stage: Any) -> None:
    form = open_form(
        stage, [], emotion="sad", mood_intensity=2.0, head="Head of the face board", preset_name=" Gloomy "
    )
    stage.press(form, "save_preset")
    assert values(form, "preset", "preset_name", "status") == ["Gloomy", "", "The preset Gloomy is saved."]
    assert list(form.preset_choices()) == ["None", "Gloomy"]
    form.set_editor_properties(
        {"emotion": "happy", "mood_intensity": 1.0, "head": "Off", "start_frame": 7, "sound_end": 2.0}
    )
    stage.press(form, "use_preset")
    assert values(form, "emotion", "mood_intensity", "head") == ["sad", 2.0, "Head of the face board"]
    assert values(form, "start_frame", "sound_end") == [7, 2.0], "where the take lies is not a preset's"
    form.set_editor_property("emotion", "fear")
    stage.press(form, "save_preset")
    form.set_editor_property("emotion", "happy")
    stage.press(form, "use_preset")
    assert values(form, "emotion") == ["fear"], "saved over"
    stage.press(form, "delete_preset")
    assert values(form, "preset") == ["None"] and list(form.preset_choices()) == ["None"]
    assert stage.dialogs.messages == [] and stage.log.errors == []


@pytest.mark.parametrize(
    ("button", "fields", "said"),
    [
        ("use_preset", {}, "No preset is chosen. Choose one in Preset."),
        ("use_preset", {"preset": "Gone"}, "There is no preset called 'Gone'. Choose one in Preset."),
        ("delete_preset", {}, "There is no preset called 'None'. Choose one in Preset."),
        ("save_preset", {}, "The preset has no name. Write one in Save As."),
        ("save_preset", {"preset_name": "x" * 61}, "The name is too long. Write one in Save As."),
    ],
)
def test_a_preset_that_is_none(stage: Any, button: str, fields: dict[str, Any], said: str) -> None:
    stage.press(open_form(stage, [], **fields), button)
    assert [text for _, text in stage.dialogs.messages] == [said]


def test_an_actor_comes_back_with_its_preset(stage: Any, tmp_path: Path) -> None:
    form = open_form(stage, [], emotion="sad", preset_name="Gloomy")
    stage.press(form, "save_preset")
    make(stage, [a_sound(stage, tmp_path, 0.3)], preset="Gloomy", emotion="sad", sequence=stage.new_sequence(30))
    stage.select_actors(stage.object("/Game/Maps/Main.Main:PersistentLevel.BP_Bob_C_0"))
    make(stage, [a_sound(stage, tmp_path, 0.3)], emotion="happy", sequence=stage.new_sequence(30, "/Game/Two"))
    assert values(open_form(stage, []), "preset", "emotion") == ["None", "happy"], "Bob as the form was used last"
    stage.select_actors(stage.object("/Game/Maps/Main.Main:PersistentLevel.BP_Ada_C_0"))
    assert values(open_form(stage, []), "preset", "emotion") == ["Gloomy", "sad"]


def test_presets_that_are_damaged_or_of_a_later_version(stage: Any) -> None:
    from medtalk_unreal import presets

    file = saved(stage) / "presets.json"
    for content in ("{", "[]", '{"saved": 3, "actors": {"A": 1}}'):
        file.write_text(content, "utf-8")
        assert presets.load() == presets.Presets()
    file.write_text('{"saved": {"New": {"wings": true}}, "actors": {"BP_Ada": "New"}}', "utf-8")
    form = open_form(stage, [])
    assert values(form, "preset") == ["None"] and "The preset New no longer works" in values(form, "status")[0]
    form.set_editor_property("preset", "New")
    stage.press(form, "use_preset")
    assert "Unknown name 'wings'" in stage.dialogs.messages[0][1]


def test_a_persona_leads_the_take(stage: Any, sample: Path, serving: Any) -> None:
    from medtalk.persona import read_persona

    sequence, sound = stage.new_sequence(30), stage.add_sound(sample)
    form = open_form(stage, [sound])
    assert list(form.persona_choices()) == ["None", "host", "nervous", "officer", "weary"]
    make(stage, [sound], sequence=sequence, persona="officer")
    told = asked(serving.connection, sample, fps=30.0, persona=read_persona("officer"))
    found = on_board(stage, sequence, len(told), 30)
    assert abs(found[:, KEYED] - told[:, KEYED]).max() < 1e-6
    assert abs(told - asked(serving.connection, sample, fps=30.0)).max() > 1e-3


def test_without_a_mood_the_voice_leads_where_it_is_heard(editor: Any) -> None:
    from medtalk_unreal.request import Request
    from medtalk_unreal.settings import PluginSettings

    hears = PluginSettings(hears=True, personas={"host": {"emotion": "happy"}, "lively": {"intensity": 1.2}})
    assert (
        Request().heard(hears).emotion == "auto" and Request().heard(replace(hears, hears=False)).emotion == "neutral"
    )
    assert Request(emotion="sad").heard(hears).emotion == "sad"
    assert Request(persona="host").heard(hears).emotion == "", "the persona leads"
    assert Request(persona="lively").heard(hears).emotion == "auto"


def test_a_model_that_hears_no_moods_says_that_the_face_is_neutral(stage: Any, tmp_path: Path) -> None:
    sound = a_sound(stage, tmp_path, 0.3)
    assert make(stage, [sound]).endswith(" The face is neutral: this model hears no moods in voices.")
    assert not make(stage, [sound], emotion="neutral").endswith("in voices.")
