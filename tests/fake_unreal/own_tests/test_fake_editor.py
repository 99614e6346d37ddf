"""The stand-in editor dies where the real one dies, and forgets nothing that it should keep."""

from __future__ import annotations

import threading
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fake_unreal.editor import Editor
from tests.helpers.sounds import babble


def jaw(section: Any) -> Any:
    return section.get_channel("CTRL_C_jaw.Y")


# Life and death -----------------------------------------------------------------------------------------------------


def test_nothing_of_unreal_off_the_game_thread(editor: Editor, unreal: Any, crash: type[BaseException]) -> None:
    caught: list[str] = []
    calls = [
        lambda: unreal.log("x"),
        lambda: unreal.FrameNumber(1),
        lambda: unreal.SystemLibrary.get_command_line(),
        lambda: unreal.AssetExportTask(),
        lambda: unreal.ScopedSlowTask(1).__enter__(),
    ]

    def run() -> None:
        for call in calls:
            try:
                call()
            except crash as error:
                caught.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(caught) == len(calls)


def test_what_is_gone_is_deadly(editor: Editor, unreal: Any, sequence: Any, crash: type[BaseException]) -> None:
    actor, other = editor.add_metahuman(), editor.add_actor()
    face, channel = editor.face_of(actor), jaw(editor.add_board(sequence, actor))
    assert unreal.SystemLibrary.is_valid(other)
    editor.delete(other)
    assert not unreal.SystemLibrary.is_valid(other)
    with pytest.raises(crash):
        other.get_actor_label()
    editor.reload_level()
    for gone in (actor, face):
        with pytest.raises(crash):
            gone.get_name()
        with pytest.raises(crash):
            unreal.SystemLibrary.get_path_name(gone)
    assert [one.get_actor_label() for one in editor.state.actors] == ["BP_Ada"]
    binding = sequence.get_bindings()[1]
    assert len(sequence.locate_bound_objects(binding, editor.state.world)) == 1  # found again by its path
    editor.delete(sequence)
    for use in (sequence.get_tracks, channel.get_num_keys):
        with pytest.raises(crash):
            use()


def test_what_plugin_code_took_dies_with_the_tick(editor: Editor, unreal: Any, crash: type[BaseException]) -> None:
    editor.new_sequence(package="/Game/A").add_possessable(editor.add_actor())
    kept: list[Any] = []

    def take(seconds: float) -> None:
        sequence = unreal.load_asset("/Game/A")
        assert sequence is unreal.load_asset("/Game/A") and sequence == editor.asset("/Game/A")
        kept.extend([sequence, sequence.get_bindings()[0], sequence.get_bindings(), unreal.AssetExportTask()])
        assert kept[1].is_valid() and len(kept[2]) == 1

    handle = unreal.register_slate_post_tick_callback(take)
    with pytest.raises(crash, match="kept after the tick"):
        editor.tick()
    unreal.unregister_slate_post_tick_callback(handle)
    for use in (kept[0].get_name, kept[1].is_valid, lambda: kept[2][0], kept[3].get_name):
        with pytest.raises(crash, match="earlier tick"):
            use()
    assert unreal.SystemLibrary.is_valid(kept[0])  # it lives; only the wrapper must not be kept


def test_what_is_kept_is_deadly_although_it_is_never_used(
    editor: Editor, unreal: Any, crash: type[BaseException]
) -> None:
    """By steps that wait for the next tick, by a list; not by those who let go, nor by an error that was dealt with."""
    editor.new_sequence(package="/Game/A").add_possessable(editor.add_actor())
    kept: list[Any] = []

    def steps(lets_go: bool) -> Iterator[None]:
        binding = unreal.load_asset("/Game/A").get_bindings()[0]
        if lets_go:
            del binding
        yield

    def waits(lets_go: bool) -> None:
        kept.append(steps(lets_go))
        next(kept[-1])

    def raises() -> None:
        held = unreal.load_asset("/Game/A")
        try:
            raise ValueError(held.get_name())
        except ValueError as error:
            held = (held, error)  # a frame and an error that hold each other

    for deadly in (lambda: waits(False), lambda: kept.append(unreal.load_asset("/Game/A"))):
        with pytest.raises(crash, match="kept after the tick"), editor.plugin_code():
            deadly()
    for harmless in (lambda: waits(True), lambda: kept.append(unreal.LevelSequence), raises):
        with editor.plugin_code():
            harmless()


def test_a_modal_in_a_tick_is_deadly_and_in_a_click_it_is_answered(
    editor: Editor, unreal: Any, crash: type[BaseException]
) -> None:
    def ask(seconds: float = 0.0) -> Any:
        return unreal.EditorDialog.show_message("T", "text", unreal.AppMsgType.YES_NO, unreal.AppReturnType.NO)

    handle = unreal.register_slate_post_tick_callback(ask)
    with pytest.raises(crash, match="tick"):
        editor.tick()
    unreal.unregister_slate_post_tick_callback(handle)
    editor.dialogs.answers = [unreal.AppReturnType.YES]
    with editor.plugin_code():
        assert ask() is unreal.AppReturnType.YES and ask() is unreal.AppReturnType.NO
    editor.state.unattended = True
    assert ask() is unreal.AppReturnType.NO and len(editor.dialogs.messages) == 2


@pytest.mark.parametrize("what", ["one", "several", "export"])
def test_every_modal_window_is_deadly_in_a_tick(
    editor: Editor, unreal: Any, crash: type[BaseException], what: str, tmp_path: Path
) -> None:
    sound, library = editor.add_samples("/Game/A", bytes(100)), unreal.EditorDialog
    editor.dialogs.forms = [lambda thing: True] * 2

    def shows(seconds: float = 0.0) -> bool:
        if what == "export":
            task = unreal.AssetExportTask()
            task.set_editor_properties({"object": sound, "filename": str(tmp_path / "a.wav"), "automated": False})
            return unreal.Exporter.run_asset_export_task(task)
        if what == "one":
            return library.show_object_details_view("T", sound, unreal.EditorDialogLibraryObjectDetailsViewOptions())
        return library.show_objects_details_view("T", [sound], unreal.EditorDialogLibraryObjectDetailsViewOptions())

    with editor.plugin_code():
        assert shows(), "a click is the place for it"
    handle = unreal.register_slate_post_tick_callback(shows)
    with pytest.raises(crash, match="tick"):
        editor.tick()
    unreal.unregister_slate_post_tick_callback(handle)


def test_ticks_stop_while_python_waits_behind_a_window_and_faults_are_logged(editor: Editor, unreal: Any) -> None:
    """The engine's CanTickPython forbids them while a script is on the stack. (PinWright; second look, B9)"""
    ticks: list[float] = []

    def count(seconds: float) -> None:
        ticks.append(seconds)
        editor.tick()  # as a progress bar lets the editor draw
        raise ValueError("oh")

    def user(form: Any) -> bool:
        editor.tick(n=3)
        return True

    unreal.register_slate_post_tick_callback(count)
    editor.dialogs.forms.append(user)
    with editor.plugin_code():
        assert unreal.EditorDialog.show_object_details_view("Settings", editor.add_actor())
    assert ticks == []
    editor.tick()
    assert len(ticks) == 1
    assert len(editor.log.errors) == 1 and "ValueError: oh" in editor.log.errors[0]


def test_objects_are_counted_until_garbage_is_collected(editor: Editor, unreal: Any, section: Any) -> None:
    """A key that a call returns is an object, as is a channel. (MovieSceneScriptingChannel.h: second look, B7)"""
    unreal.SystemLibrary.collect_garbage()
    before = editor.objects
    assert before > 0, "it happens at the end of the frame"
    editor.tick()
    assert editor.objects == 0 and editor.most_objects >= before
    channel = section.get_channel("CTRL_C_jaw.Y")
    for frame in range(100):
        channel.add_key(unreal.FrameNumber(frame), 0.5)
    assert editor.objects == 101
    channel.get_keys()
    assert editor.objects == 201


def test_a_slow_task_can_be_cancelled_where_it_said_so(editor: Editor, unreal: Any) -> None:
    editor.state.cancel_slow_task_after = 2
    for can_cancel in (True, False):
        done = 0
        with unreal.ScopedSlowTask(5, "Work") as task:
            task.make_dialog(can_cancel)
            while done < 5 and not task.should_cancel():
                task.enter_progress_frame(1)
                done += 1
        assert done == (2 if can_cancel else 5)


# Assets, menus, classes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_sound_is_exported_as_it_is(editor: Editor, unreal: Any, tmp_path: Path, channels: int) -> None:
    pcm = (babble(0.1) * 32767).astype("<i2").repeat(channels).tobytes()
    sound = editor.add_samples("/Game/Sounds/A", pcm, 16000, channels)
    task = unreal.AssetExportTask()
    task.set_editor_properties({"object": sound, "filename": str(tmp_path / "a.wav"), "automated": True})
    task.set_editor_property("exporter", unreal.SoundExporterWAV())
    assert unreal.Exporter.run_asset_export_task(task) == (channels <= 2)
    if channels > 2:
        task.set_editor_property("exporter", unreal.SoundSurroundExporterWAV())
        assert unreal.Exporter.run_asset_export_task(task) and len(list(tmp_path.glob("a_*.wav"))) == channels
        return
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getframerate()) == (channels, 16000)
        assert file.readframes(file.getnframes()) == pcm


def test_assets_by_path_and_by_class(editor: Editor, unreal: Any) -> None:
    tools = unreal.AssetToolsHelpers.get_asset_tools()
    made = tools.create_asset("A", "/Game/New", unreal.LevelSequence, unreal.LevelSequenceFactoryNew())
    assert made.get_path_name() == "/Game/New/A.A" and unreal.load_asset("/game/new/a.A") == made
    assert tools.create_asset("A", "/Game/New", unreal.LevelSequence, unreal.LevelSequenceFactoryNew()) is None
    assert tools.create_unique_asset_name("/Game/New/A", "") == ("/Game/New/A1", "A1")
    registry = unreal.AssetRegistryHelpers.get_asset_registry()
    kind = unreal.LevelSequence.static_class().get_class_path_name()
    assert [str(data.package_name) for data in registry.get_assets_by_class(kind)] == ["/Game/New/A"]
    editor.state.loading_assets = True
    assert len(registry.get_assets_by_class(kind)) == 0
    assert unreal.load_asset("/Game/New/A", unreal.SoundWave) is None


def test_a_restart_keeps_what_is_saved_and_nothing_else(editor: Editor, unreal: Any, sequence: Any) -> None:
    actor, closed = editor.add_actor(), []
    unreal.register_slate_post_tick_callback(lambda seconds: None)
    unreal.register_python_shutdown_callback(lambda: closed.append(True))
    unreal.ToolMenus.get().extend_menu("Own").add_section("Section")
    editor.open(sequence)
    editor.restart()
    assert closed == [True] and not editor.state.post_ticks and not editor.state.shutdowns
    assert unreal.ToolMenus.get().find_menu("Own") is None
    assert unreal.LevelSequenceEditorBlueprintLibrary.get_current_level_sequence() is None
    assert editor.sequences() == ["/Game/Cinematics/Shot"]
    assert not unreal.SystemLibrary.is_valid(actor) and editor.state.actors[0].get_actor_label() == "Cube"


def test_maps_and_files_that_cannot_be_written(editor: Editor, unreal: Any, sequence: Any) -> None:
    editor.add_actor()
    load = unreal.EditorLoadingAndSavingUtils.load_map
    assert load("/Game/Nowhere") is None and load("/Game/Maps/Main").get_path_name() == "/Game/Maps/Main.Main"
    save = unreal.EditorAssetLibrary.save_loaded_asset
    assert save(sequence) and editor.state.saved == {"/Game/Cinematics/Shot": 1}
    editor.make_read_only("/Game/Cinematics/Shot")
    assert not save(sequence) and "read-only" in editor.log.warnings[-1]
    editor.rename(sequence, "/Game/Cinematics/Shot2")
    assert sequence.get_path_name() == "/Game/Cinematics/Shot2.Shot2" and save(sequence)


def test_a_class_of_python(editor: Editor, unreal: Any) -> None:
    @unreal.uclass()
    class MEDTalkProbe(unreal.Object):
        count = unreal.uproperty(int, meta={"DisplayPriority": "1"})
        sound = unreal.uproperty(unreal.SoundWave)
        names = unreal.uproperty(unreal.Array(str))

        def _post_init(self) -> None:
            self.count = 3

        @unreal.ufunction(meta={"CallInEditor": "true"})
        def more(self) -> None:
            self.count += 1

    @unreal.uclass()
    class MEDTalkNodes(unreal.BlueprintFunctionLibrary):
        @unreal.ufunction(static=True, params=[str], ret=str)
        def twice(text: str) -> Any:  # type: ignore[misc]
            return text * 2 if text else None

    probe = unreal.new_object(MEDTalkProbe)
    editor.press(probe, "more")
    assert probe.count == 4 and probe.get_editor_property("count") == 4 and probe.sound is None
    with pytest.raises(TypeError):
        probe.count = "4"
    probe.names = ("a", "b")
    assert list(probe.names) == ["a", "b"]
    assert editor.blueprint("MEDTalkNodes", "twice", "ab") == "abab"
    assert editor.blueprint("MEDTalkNodes", "twice", "") is None and len(editor.log.errors) == 1
    with pytest.raises(Exception, match="overrides nothing"):
        unreal.uclass()(type("Bad", (unreal.Object,), {"x": unreal.ufunction(override=True)(lambda self: None)}))


def test_menus_are_clicked_as_they_are_made(editor: Editor, unreal: Any) -> None:
    menu = unreal.ToolMenus.get().extend_menu("LevelEditor.MainMenu.Tools")
    for name, kind in (("Shown", unreal.MultiBlockType.MENU_ENTRY), ("Hidden", unreal.MultiBlockType.NONE)):
        entry = unreal.ToolMenuEntry(name=name, owner=unreal.ToolMenuOwner("Ours"), type=kind)
        entry.set_label("Label")
        entry.set_string_command(unreal.ToolMenuStringCommandType.PYTHON, "", "import unreal; unreal.log('clicked')")
        menu.add_menu_entry("Section", entry)
    assert editor.menu_entries() == ["LevelEditor.MainMenu.Tools/Shown"]
    editor.click("LevelEditor.MainMenu.Tools", "Shown")
    assert editor.log.of("Display") == ["clicked"]
    unreal.ToolMenus.get().unregister_owner_by_name("Ours")
    with pytest.raises(AssertionError):
        editor.click("LevelEditor.MainMenu.Tools", "Shown")
    assert unreal.ToolMenus.get().find_menu("Sequencer.MainToolBar") is None


def test_a_baked_animation_has_the_curves_of_the_board(
    editor: Editor, unreal: Any, sequence: Any, section: Any
) -> None:
    for frame, value in ((0, 0.0), (30, 1.0)):
        interpolation = unreal.MovieSceneKeyInterpolation.LINEAR
        jaw(section).add_key(unreal.FrameNumber(frame), value, interpolation=interpolation)
    factory = unreal.AnimSequenceFactory()
    mesh = editor.face_of(editor.state.actors[0]).get_skeletal_mesh_asset()
    factory.set_editor_property("target_skeleton", mesh.get_editor_property("skeleton"))
    tools = unreal.AssetToolsHelpers.get_asset_tools()
    animation = tools.create_asset("Baked", "/Game", unreal.AnimSequence, factory)
    options, binding = unreal.AnimSeqExportOption(), sequence.get_bindings()[1]
    assert unreal.SequencerTools.export_anim_sequence(
        editor.state.world, sequence, animation, options, binding, create_link=False
    )
    value = unreal.AnimationLibrary.get_float_value_at_time(animation, "CTRL_expressions_jawOpen", 0.5)
    assert value == pytest.approx(0.5, abs=1e-6)
    assert unreal.AnimationLibrary.get_sequence_length(animation) == 5.0
    editor.open(sequence)
    unreal.LevelSequenceEditorBlueprintLibrary.set_global_position(
        unreal.MovieSceneSequencePlaybackParams(frame=unreal.FrameTime(unreal.FrameNumber(15)))
    )
    face = editor.face_of(editor.state.actors[0])
    editor.tick()
    assert face.get_curve_value("CTRL_expressions_jawOpen", 0.0) == pytest.approx(0.5, abs=1e-6)
