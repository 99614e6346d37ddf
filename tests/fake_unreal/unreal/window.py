"""Sequencer itself: which sequence is open, where the playhead stands."""

from __future__ import annotations

from typing import Any

from .enums import MovieSceneTimeUnit
from .objects import BlueprintFunctionLibrary, EditorSubsystem
from .state import EDITOR
from .structs import FrameNumber, MovieSceneSequencePlaybackParams


class LevelSequenceEditorBlueprintLibrary(BlueprintFunctionLibrary):
    """Sequencer: one root sequence is open, one is in focus."""

    @staticmethod
    def open_level_sequence(level_sequence: Any) -> bool:
        if EDITOR.commandlet:
            return False
        EDITOR.sequence = EDITOR.focused = level_sequence
        EDITOR.selected_sections, EDITOR.parts = [], []
        EDITOR.position = 0.0
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
        EDITOR.selected_sections, EDITOR.parts = [], []

    @staticmethod
    def refresh_current_level_sequence() -> None:
        """Draws the window anew."""

    @staticmethod
    def force_update() -> None:
        EDITOR.evaluated = EDITOR.position

    @staticmethod
    def is_level_sequence_locked() -> bool:
        return EDITOR.sequence_locked

    @staticmethod
    def set_lock_level_sequence(lock: bool) -> None:
        EDITOR.sequence_locked = lock

    @staticmethod
    def get_selected_bindings() -> Any:
        return []

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

    @staticmethod
    def get_bound_objects(object_binding: Any) -> Any:
        if EDITOR.focused is None:
            return []
        found = EDITOR.focused._bindings.get(object_binding._values["guid"].to_string())
        thing = found.bound() if found else None
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
