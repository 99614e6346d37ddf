"""What a click does: forms, dialogs, reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.running import pid_of_sidecar, saved, tick_until
from tests.plugin.test_generate import add_sounds

TOOLS = "LevelEditor.MainMenu.Tools"
SOUNDS = "ContentBrowser.AssetContextMenu.SoundWave.MEDTalk"
BAR = "Sequencer.MainToolBar"


@pytest.fixture
def started(configured: Any) -> Any:
    """An editor with the plugin's menus."""
    import medtalk_unreal

    medtalk_unreal.startup()
    return configured


def form_of(editor: Any, kind: str) -> Any:
    """The form that is open in a tab."""
    return next(one for one in editor.tabs if type(one).__name__ == kind)


def report(editor: Any, kind: str = "MEDTalkReportForm") -> list[str]:
    return form_of(editor, kind).get_editor_property("report").splitlines()


def test_every_entry_can_be_clicked(started: Any) -> None:
    from medtalk_unreal import menus

    needs_more = ("again", "sequences", "animations", "look", "preview", "bake", "export")
    for entry in menus.ENTRIES:
        if entry.action not in ("test", "set_up", "start", "stop", "selftest", *needs_more):
            started.click(entry.menu, f"MEDTalk.{entry.action}")
    assert started.log.errors == []


def test_every_entry_has_an_icon_that_all_versions_have(started: Any) -> None:
    """Names that StarshipCoreStyle.cpp sets in 5.4 and in 5.8."""
    from medtalk_unreal import menus
    from tests.fake_unreal import inside

    both = """Plus Refresh Layout
         Duplicate Visible X Save FolderOpen Check Launch XCircle Search Settings Import""".split()
    for entry in menus.ENTRIES:
        style, name, _ = inside.icon(started, entry.menu, f"MEDTalk.{entry.action}")
        assert style == "EditorStyle" and name.removeprefix("Icons.") in both, entry


def test_the_menu_of_a_sound_has_one_entry_of_ours(started: Any) -> None:
    """Where Epic's own submenu is; the rest is in ours, and all of it goes with the plugin."""
    import medtalk_unreal

    ours = [name for name in started.menu_entries() if "MEDTalk" in name]
    assert [name for name in ours if name.startswith("ContentBrowser.AssetContextMenu.SoundWave/")] == [
        "ContentBrowser.AssetContextMenu.SoundWave/MEDTalk"
    ]
    assert [name.partition("/MEDTalk.")[2] for name in ours if name.startswith(f"{SOUNDS}/")] == [
        "generate", "again", "sequences", "animations", "preview"
    ]  # fmt: skip
    medtalk_unreal.shutdown()
    assert not [name for name in started.menu_entries() if "MEDTalk" in name]


def test_again_with_the_last_values(started: Any, tmp_path: Path) -> None:
    from medtalk_unreal import generate, settings

    started.select_actors(started.add_metahuman("mh4"))
    started.select_assets(*add_sounds(started, tmp_path, 0.5))
    started.click(SOUNDS, "MEDTalk.generate")
    form = form_of(started, "MEDTalkGenerateForm")
    form.set_editor_properties({"emotion": "sad", "frame_step": 2})
    started.press(form, "generate")
    tick_until(started, lambda: generate.running() is None, "the end")
    first = started.sequences()
    started.tabs.clear()
    started.open(None)
    started.select_assets(*add_sounds(started, tmp_path, 0.5, 0.4)[1:])
    started.click(SOUNDS, "MEDTalk.again")
    assert generate.running() is not None and started.tabs == [], "at once"
    tick_until(started, lambda: generate.running() is None, "the end")
    assert len(started.sequences()) == 2 and first[0] in started.sequences() and started.log.errors == []
    assert settings.load().form["emotion"] == "sad" and settings.load().form["frame_step"] == 2


def test_a_sequence_for_each_sound_does_not_stay_in_the_form(started: Any, tmp_path: Path) -> None:
    """It is what this entry does; the last values are those of the form."""
    from medtalk_unreal import generate

    started.select_actors(started.add_metahuman("mh4"))
    started.select_assets(*add_sounds(started, tmp_path, 0.5, 0.4))
    started.open(started.new_sequence(30))
    before = started.sequences()
    started.click(SOUNDS, "MEDTalk.sequences")
    tick_until(started, lambda: generate.running() is None, "the end")
    assert len(started.sequences()) == len(before) + 2
    started.open(started.object(before[0]))
    started.click(SOUNDS, "MEDTalk.again")
    tick_until(started, lambda: generate.running() is None, "the end")
    assert len(started.sequences()) == len(before) + 2, "both are in the one that is open"
    assert started.dialogs.messages == [] and started.log.errors == []


def test_one_for_each_sound_leaves_an_open_sequence_alone(started: Any, tmp_path: Path) -> None:
    from medtalk_unreal import generate

    started.select_actors(started.add_metahuman("mh4"))
    started.select_assets(*add_sounds(started, tmp_path, 0.5))
    shot = started.new_sequence(30)
    started.open(shot)
    started.click(SOUNDS, "MEDTalk.generate")
    form = form_of(started, "MEDTalkGenerateForm")
    form.set_editor_property("one_each", True)
    started.press(form, "generate")
    tick_until(started, lambda: generate.running() is None, "the end")
    assert len(started.sequences()) == 2 and len(shot.get_bindings()) == 0
    other = started.new_sequence(30, "/Game/Other")
    form.set_editor_property("sequence", other)
    started.press(form, "generate")
    assert "One for Each Sound makes new sequences." in started.dialogs.messages[0][1]


def test_an_anim_sequence_for_each_sound(started: Any, tmp_path: Path) -> None:
    from medtalk_unreal import generate

    started.select_assets(*add_sounds(started, tmp_path, 0.5, 0.4))
    started.click(SOUNDS, "MEDTalk.animations")
    assert "No face mesh is chosen." in started.dialogs.messages.pop()[1] and generate.running() is None
    started.log.lines.clear()
    started.select_actors(started.add_metahuman("mh4"))
    started.click(SOUNDS, "MEDTalk.animations")
    tick_until(started, lambda: generate.running() is None, "the end")
    assert [started.asset(f"/Game/MEDTalk/AS_line{number}") is not None for number in (0, 1)] == [True, True]
    assert started.sequences() == [] and started.log.errors == []


def test_from_an_audio_section_the_form_has_its_sound_its_place_and_its_face(started: Any, tmp_path: Path) -> None:
    from medtalk_unreal import choices

    (sound,) = add_sounds(started, tmp_path, 1.0)
    actor, sequence = started.add_metahuman("mh4"), started.new_sequence(24)
    started.add_board(sequence, actor)
    track = sequence.add_track(started.unreal.MovieSceneAudioTrack)
    section = track.add_section()
    section.set_sound(started.object(sound))
    section.set_range(48, 72)
    started.open(sequence)
    started.click(BAR, "MEDTalk.sequencer")
    form = form_of(started, "MEDTalkGenerateForm")
    assert "No audio section is selected" in str(form.get_editor_property("status")), "but the form is there"
    started.state.selected_sections = [section]
    started.click(BAR, "MEDTalk.sequencer")
    form = form_of(started, "MEDTalkGenerateForm")
    assert [wave.get_path_name() for wave in form.get_editor_property("sounds")] == [sound]
    assert form.get_editor_property("start_frame") == 48 and str(form.get_editor_property("status")) == "Ready."
    assert form.get_editor_property("sequence").get_path_name() == sequence.get_path_name()
    assert str(form.get_editor_property("target")) in (choices.CHOSEN, choices.IN_SEQUENCE)


def test_a_click_on_sounds_shows_them_in_the_form(started: Any, tmp_path: Path) -> None:
    sounds = add_sounds(started, tmp_path, 1.0, 0.5)
    started.select_assets(*sounds)
    started.click(SOUNDS, "MEDTalk.generate")
    form = form_of(started, "MEDTalkGenerateForm")
    assert [wave.get_path_name() for wave in form.get_editor_property("sounds")] == list(sounds)
    assert started.dialogs.shown == []


def test_from_the_click_to_the_keys(started: Any, tmp_path: Path) -> None:
    from medtalk_unreal import generate

    sounds = add_sounds(started, tmp_path, 1.0)
    started.select_actors(started.add_metahuman("mh4"))
    started.select_assets(*sounds)
    started.click(SOUNDS, "MEDTalk.generate")
    form = form_of(started, "MEDTalkGenerateForm")
    form.set_editor_property("emotion", "happy")
    started.press(form, "generate")
    assert started.dialogs.messages == []
    seen = set()
    tick_until(
        started,
        lambda: seen.add(str(form.get_editor_property("status"))) or generate.running() is None,
        "the end of the generation",
    )
    assert any(line.startswith("1 take written") for line in seen) and len(seen) > 3
    assert started.dialogs.messages == [], "a dialog was opened from the tick"
    started.click(TOOLS, "MEDTalk.generate")
    again = form_of(started, "MEDTalkGenerateForm")
    assert str(again.get_editor_property("emotion")) == "happy"


def test_without_tabs_the_form_is_a_dialog(started: Any, tmp_path: Path) -> None:
    from medtalk_unreal import generate

    started.state.tabs_work = False
    started.select_actors(started.add_metahuman("mh3"))
    started.select_assets(*add_sounds(started, tmp_path, 0.5))
    started.dialogs.forms.append(lambda form: True)
    started.click(SOUNDS, "MEDTalk.generate")
    assert len(started.dialogs.shown) == 1 and generate.running() is not None
    tick_until(started, lambda: generate.running() is None, "the end")
    assert started.log.errors == []
    started.dialogs.forms.append(lambda form: False)
    started.click(SOUNDS, "MEDTalk.generate")
    assert generate.running() is None


@pytest.mark.parametrize(
    ("faces", "sounds", "said"),
    [(1, 0, "No sound is selected"), (0, 1, "No MetaHuman is selected"), (2, 1, "2 MetaHumans are selected")],
)
def test_what_is_missing_is_one_line_in_a_dialog(
    started: Any, tmp_path: Path, faces: int, sounds: int, said: str
) -> None:
    from medtalk_unreal import generate

    started.select_actors(*(started.add_metahuman("mh4", name) for name in ("Ada", "Bob")[:faces]))
    started.select_assets(*add_sounds(started, tmp_path, *[1.0] * sounds))
    started.click(TOOLS, "MEDTalk.generate")
    started.press(form_of(started, "MEDTalkGenerateForm"), "generate")
    assert len(started.dialogs.messages) == 1 and said in started.dialogs.messages[0][1]
    assert generate.running() is None and len(started.log.errors) == 1


def test_from_the_sequencer_the_open_sequence_is_offered(started: Any, tmp_path: Path) -> None:
    from medtalk_unreal import choices

    sequence = started.new_sequence(24)
    started.open(sequence)
    started.click(BAR, "MEDTalk.sequencer")
    form = form_of(started, "MEDTalkGenerateForm")
    assert form.get_editor_property("sequence").get_path_name() == sequence.get_path_name()
    assert str(form.get_editor_property("target")) == choices.IN_SEQUENCE


def test_a_take_is_made_again_where_it_was_asked_for(started: Any, tmp_path: Path) -> None:
    """The form remembers a sequence's Start Frame, for that sequence alone."""
    from medtalk_unreal import settings

    sequence, other = started.new_sequence(24), started.new_sequence(24, "/Game/Other")
    settings.save(settings.PluginSettings(starts={sequence.get_path_name(): 48}))
    for opened, start in ((sequence, 48), (other, 0)):
        started.open(opened)
        started.click(BAR, "MEDTalk.sequencer")
        assert form_of(started, "MEDTalkGenerateForm").get_editor_property("start_frame") == start


def test_what_is_in_the_open_sequence_is_baked_and_exported(started: Any, tmp_path: Path) -> None:
    from medtalk.rig import read_rig
    from medtalk_unreal import generate

    for action in ("bake", "export"):
        started.click(TOOLS, f"MEDTalk.{action}")
        assert "No sequence is open." in started.dialogs.messages.pop()[1]
    started.select_actors(started.add_metahuman("mh4"))
    started.select_assets(*add_sounds(started, tmp_path, 1.0))
    started.click(SOUNDS, "MEDTalk.generate")
    started.press(form_of(started, "MEDTalkGenerateForm"), "generate")
    tick_until(started, lambda: generate.running() is None, "the end")
    started.log.lines.clear()
    for action in ("bake", "export"):
        started.click(TOOLS, f"MEDTalk.{action}")
    assert started.log.errors == [] and len(started.dialogs.messages) == 2
    assert started.asset("/Game/MEDTalk/AS_BP_Ada_line0") is not None
    (file,) = saved(started).glob("recorded/*/line0.npz")
    assert read_rig(file).values.shape == (30, 174) and file.with_suffix(".wav").is_file()


def test_the_cancel_button(started: Any, tmp_path: Path) -> None:
    from medtalk_unreal import generate

    started.select_actors(started.add_metahuman("mh4"))
    started.select_assets(*add_sounds(started, tmp_path, 1.0))
    started.click(SOUNDS, "MEDTalk.generate")
    form = form_of(started, "MEDTalkGenerateForm")
    started.press(form, "generate")
    started.tick(n=3)
    started.press(form, "cancel")
    assert generate.running() is None and str(form.get_editor_property("status")) == "Cancelled."


def test_test_connection_shows_its_steps(started: Any) -> None:
    started.click(TOOLS, "MEDTalk.test")
    kind = "MEDTalkConnectionForm"
    tick_until(started, lambda: report(started, kind)[-1:] == ["The connection works."], "the test's end")
    assert form_of(started, kind).get_name() == "MEDTalk-Connection"
    assert [line.split("'")[1] for line in report(started, kind)[:-1]] == [
        "Python", "package", "client", "start", "start", "greeting", "bundle"
    ]  # fmt: skip


def test_start_and_stop(started: Any) -> None:
    started.click(TOOLS, "MEDTalk.start")
    tick_until(started, lambda: report(started)[-1:] == ["The sidecar is running."], "the start")
    assert pid_of_sidecar(started)
    started.tabs.clear()
    started.click(TOOLS, "MEDTalk.stop")
    tick_until(started, lambda: report(started)[-1:] == ["The sidecar has ended."], "the stop")


def test_neither_stop_nor_self_test_disturb_a_generation(started: Any, tmp_path: Path) -> None:
    from medtalk_unreal import generate

    started.select_actors(started.add_metahuman("mh4"))
    started.select_assets(*add_sounds(started, tmp_path, 1.0))
    started.click(SOUNDS, "MEDTalk.generate")
    started.press(form_of(started, "MEDTalkGenerateForm"), "generate")
    started.click(TOOLS, "MEDTalk.stop")
    started.click(TOOLS, "MEDTalk.selftest")
    for _ in range(2):
        assert "Cancel it first." in started.dialogs.messages.pop()[1]
    started.click(TOOLS, "MEDTalk.start")  # and starting what is being started harms nothing
    tick_until(started, lambda: generate.running() is None, "the end")
    assert started.log.errors == ["MEDTalk: A face animation is being generated. Cancel it first."] * 2
    assert len([one for one in started.tabs if type(one).__name__ == "MEDTalkReportForm"]) == 1


def test_a_report_whose_tab_was_closed_goes_on_in_the_log(started: Any) -> None:
    started.click(TOOLS, "MEDTalk.test")
    started.tick(n=2)
    started.tabs.clear()
    tick_until(started, lambda: "The connection works." in started.log.text, "the test's end")
    assert started.log.errors == []


def test_the_settings_are_saved_with_ok_only(started: Any, tmp_path: Path) -> None:
    import unreal

    from medtalk_unreal import settings

    def fill(form: Any, ok: bool) -> bool:
        form.set_editor_property("python", unreal.FilePath("Tools/python.exe"))
        form.set_editor_property("max_seconds", 60.0)
        form.set_editor_property("device", "  ")
        return ok

    before = settings.load()
    started.dialogs.forms.append(lambda form: fill(form, False))
    started.click(TOOLS, "MEDTalk.settings")
    assert settings.load() == before
    started.dialogs.forms.append(lambda form: fill(form, True))
    started.click(TOOLS, "MEDTalk.settings")
    now = settings.load()
    assert now.python == (Path(started.project_dir) / "Tools/python.exe").as_posix()
    assert (now.max_seconds, now.device, now.bundle) == (60.0, "auto", before.bundle)


def test_a_fault_is_one_line_and_its_traceback_is_in_the_log(started: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import unreal

    monkeypatch.delattr(unreal, "LevelSequenceEditorBlueprintLibrary")
    started.click(TOOLS, "MEDTalk.generate")
    assert len(started.dialogs.messages) == 1 and "Something went wrong in MEDTalk" in started.dialogs.messages[0][1]
    assert "Traceback" in started.log.text and "AttributeError" in started.log.text


def test_the_self_test_is_a_click(started: Any) -> None:
    started.select_actors(started.add_metahuman("mh4"))
    started.click(TOOLS, "MEDTalk.selftest")
    tick_until(started, lambda: any("questions failed" in line for line in report(started)), "the self-test's end")
    (file,) = saved(started).glob("selftest-*.json")
    assert json.loads(file.read_text())["questions"]
