"""Sequencer itself: which sequence is open, where the playhead stands."""

from __future__ import annotations

from typing import Any

from .actors import place, remove
from .enums import MovieSceneTimeUnit
from .objects import BlueprintFunctionLibrary, EditorSubsystem
from .sequencer import MovieSceneBindingProxy
from .state import EDITOR
from .structs import FrameNumber, MovieSceneSequencePlaybackParams


class LevelSequenceEditorBlueprintLibrary(BlueprintFunctionLibrary):
    """Sequencer: one root sequence is open, one is in focus."""

    @staticmethod
    def open_level_sequence(level_sequence: Any) -> bool:
        if EDITOR.commandlet:
            return False
        EDITOR.sequence = EDITOR.focused = level_sequence
        EDITOR.selected_sections, EDITOR.selected_bindings, EDITOR.parts = [], [], []
        EDITOR.position = 0.0
        evaluate()
        return True

    @staticmethod
    def get_current_level_sequence() -> Any:
        return EDITOR.sequence

    @staticmethod
    def get_focused_level_sequence() -> Any:
        return EDITOR.focused

    @staticmethod
    def close_level_sequence() -> None:
        EDITOR.sequence = EDITOR.focused = None
        EDITOR.selected_sections, EDITOR.selected_bindings, EDITOR.parts = [], [], []
        evaluate()

    @staticmethod
    def refresh_current_level_sequence() -> None:
        """Draws the window anew."""

    @staticmethod
    def force_update() -> None:
        EDITOR.evaluated = EDITOR.position
        evaluate()

    @staticmethod
    def is_level_sequence_locked() -> bool:
        return EDITOR.sequence_locked

    @staticmethod
    def set_lock_level_sequence(lock: bool) -> None:
        EDITOR.sequence_locked = lock

    @staticmethod
    def get_selected_bindings() -> Any:
        return EDITOR.selected_bindings

    @staticmethod
    def get_selected_sections() -> Any:
        return EDITOR.selected_sections

    @staticmethod
    def get_sub_sequence_hierarchy() -> Any:
        return EDITOR.parts

    @staticmethod
    def focus_level_sequence(sub_section: Any) -> None:
        """One step down, into a part of what is edited."""
        if sub_section._sequence() == EDITOR.focused and sub_section._part is not None:
            EDITOR.parts = [*EDITOR.parts, sub_section]
            EDITOR.focused = sub_section._part
            evaluate()

    @staticmethod
    def get_bound_objects(object_binding: Any) -> Any:
        if EDITOR.focused is None:
            return []
        found = EDITOR.focused._bindings.get(object_binding._values["guid"].to_string())
        thing = found.bound(EDITOR.focused) if found else None
        return [] if thing is None else [thing]

    @staticmethod
    def set_global_position(playback_params: Any, time_unit: Any) -> None:
        _move(playback_params, time_unit)

    @staticmethod
    def set_local_position(playback_params: Any, time_unit: Any) -> None:
        _move(playback_params, time_unit)

    @staticmethod
    def get_global_position(time_unit: Any) -> Any:
        return _position(time_unit)

    @staticmethod
    def get_local_position(time_unit: Any) -> Any:
        return _position(time_unit)

    @staticmethod
    def set_current_time(new_frame: int) -> None:
        EDITOR.position = float(new_frame)

    @staticmethod
    def get_current_time() -> int:
        return int(EDITOR.position)


def evaluate() -> None:
    """Spawns what the sequences that are shown spawn, and takes away the rest."""
    shown = [one for one in (EDITOR.sequence, EDITOR.focused) if one is not None]
    wanted = {
        guid: binding
        for sequence in shown
        for guid, binding in sequence._bindings.items()
        if binding.template is not None
    }
    for guid in [guid for guid in EDITOR.spawned if guid not in wanted]:
        remove(EDITOR.spawned.pop(guid), "Sequencer took the spawned actor away")
    for guid, binding in wanted.items():
        if guid not in EDITOR.spawned:
            kind = binding.kind
            actor = place(kind._python, EDITOR.state.unique_name(kind._name), binding.name)
            kind.__dict__.get("_build", lambda one: None)(actor)
            actor._spawned, actor._spawned_by, actor._made_by = True, guid, kind
            EDITOR.spawned[guid] = actor


def _move(params: Any, unit: Any) -> None:
    if EDITOR.sequence is None:
        return
    said = params._values["frame"]._values
    frames = said["frame_number"]._values["value"] + said["sub_frame"]
    if unit is MovieSceneTimeUnit.TICK_RESOLUTION:
        frames = float(frames * EDITOR.sequence._display / EDITOR.sequence._tick)
    EDITOR.position = float(frames)


def _position(unit: Any) -> Any:
    made = MovieSceneSequencePlaybackParams()
    frames = EDITOR.position
    if unit is MovieSceneTimeUnit.TICK_RESOLUTION and EDITOR.sequence is not None:
        frames = float(frames * EDITOR.sequence._tick / EDITOR.sequence._display)
    made._values["frame"]._values.update(frame_number=FrameNumber(int(frames)), sub_frame=frames - int(frames))
    return made


class LevelSequenceEditorSubsystem(EditorSubsystem):
    """Adds actors as a drag into Sequencer does: with Body and Face and their rigs."""

    def add_spawnable_from_class(self, sequence: Any, class_to_spawn: Any) -> Any:
        """Only in the sequence that is edited (source of ULevelSequenceEditorSubsystem::AddSpawnableFromClass)."""
        if EDITOR.focused is None:
            return MovieSceneBindingProxy()
        if EDITOR.focused != sequence:
            what = f"AddSpawnableFromClass requires that the requested sequence {sequence._name} be open in the editor"
            EDITOR.log.add("Error", f"LogLevelSequenceEditor: Error: {what}")
            return MovieSceneBindingProxy()
        made = sequence.add_spawnable_from_class(class_to_spawn)
        evaluate()
        return made

    def add_actors(self, actors: Any) -> Any:
        sequence = EDITOR.focused
        if sequence is None:
            return []
        made = []
        for actor in actors:
            made.append(sequence.add_possessable(actor))
            for component in actor._components:
                if component._name in ("Face", "Body"):
                    sequence.add_possessable(component)
        return made
