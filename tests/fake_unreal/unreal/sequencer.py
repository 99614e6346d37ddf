"""Level sequences and their bindings."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .assets import Factory
from .bind import nullable
from .enums import UpdateClockSource
from .state import EDITOR, copied
from .structs import (
    FrameNumber,
    FrameRate,
    MovieSceneObjectBindingID,
    SequencerScriptingRange,
    new_guid,
)
from .timing import from_seconds, in_ticks, in_unit, rate, to_frame, to_seconds, to_ticks
from .tracks import MovieSceneSignedObject
from .values import StructBase, Text


class Binding:
    """An object in a sequence: what it is bound to by path, its parent, its tracks."""

    def __init__(self, guid: Any, name: str, path: str, kind: Any) -> None:
        self.guid = guid
        self.name = name
        self.title = ""
        self.path = path
        self.kind = kind  # Class
        self.parent = ""
        self.template: Any = None  # what a spawnable spawns: an object of its class
        self.tracks: list[Any] = []

    def _copied(self) -> Binding:
        made = Binding(self.guid, self.name, self.path, self.kind)
        made.__dict__.update(copied(self.__dict__))
        return made

    def bound(self, sequence: Any) -> Any:
        """What Sequencer finds: a spawnable's actor is there while its sequence is edited, its parts are of that."""
        if self.template is not None:
            return EDITOR.spawned.get(self.guid.to_string())
        parent = sequence._bindings.get(self.parent)
        if parent is not None and parent.template is not None:
            actor = parent.bound(sequence)
            return next(
                (one for one in (actor._components if actor is not None else ()) if one._name == self.name), None
            )
        return EDITOR.find_object(self.path)


def _is_actor(thing: Any) -> bool:
    return thing is not None and "_components" in thing.__dict__


def _tracks_of(tracks: list[Any], kind: Any, exact: bool = False) -> list[Any]:
    python = kind._python
    return [track for track in tracks if (type(track) is python if exact else isinstance(track, python))]


class MovieSceneBindingProxy(StructBase):
    """A binding as Python sees it: a sequence and a Guid, good as long as both are there."""

    def _binding(self) -> Binding | None:
        sequence = self._values["sequence"]
        return sequence._bindings.get(self._values["binding_id"].to_string()) if sequence is not None else None

    def _proxy(self, guid: str) -> Any:
        return proxy(self._values["sequence"], guid)

    def is_valid(self) -> bool:
        return self._binding() is not None

    def get_id(self) -> Any:
        return self._values["binding_id"]

    def get_name(self) -> str:
        found = self._binding()
        return found.name if found else ""

    def set_name(self, name: str) -> None:
        self._change("name", name)

    def get_display_name(self) -> Any:
        found = self._binding()
        return Text((found.title or found.name) if found else "")

    def set_display_name(self, display_name: Any) -> None:
        self._change("title", str(display_name))

    def _change(self, name: str, value: Any) -> None:
        if self._binding() is not None:
            self._values["sequence"]._touch()
            setattr(self._binding(), name, value)

    def get_parent(self) -> Any:
        found = self._binding()
        return self._proxy(found.parent) if found and found.parent else MovieSceneBindingProxy()

    def set_parent(self, parent_binding: Any) -> None:
        if parent_binding._binding() is not None:
            self._change("parent", parent_binding._values["binding_id"].to_string())

    def get_child_possessables(self) -> Any:
        own = self._values["binding_id"].to_string()
        return [self._proxy(guid) for guid, one in self._values["sequence"]._bindings.items() if one.parent == own]

    def get_tracks(self) -> Any:
        found = self._binding()
        return found.tracks if found else []

    def find_tracks_by_type(self, track_type: Any) -> Any:
        found = self._binding()
        return _tracks_of(found.tracks, track_type) if found else []

    def find_tracks_by_exact_type(self, track_type: Any) -> Any:
        found = self._binding()
        return _tracks_of(found.tracks, track_type, exact=True) if found else []

    def add_track(self, track_type: Any) -> Any:
        found, sequence = self._binding(), self._values["sequence"]
        if found is None or sequence._read_only:
            return None
        sequence._touch()
        found = self._binding()
        made = track_type._python(sequence).__dict__["_self"]
        found.tracks.append(made)  # type: ignore[union-attr]
        return made

    def remove_track(self, track_to_remove: Any) -> None:
        found = self._binding()
        if found is not None and track_to_remove in found.tracks:
            self._values["sequence"]._touch()
            self._binding().tracks.remove(track_to_remove)  # type: ignore[union-attr]

    def remove(self) -> None:
        sequence, own = self._values["sequence"], self._values["binding_id"].to_string()
        if sequence is None or own not in sequence._bindings:
            return
        sequence._touch()
        gone = {own} | {guid for guid, one in sequence._bindings.items() if one.parent == own}
        for guid in gone:
            del sequence._bindings[guid]

    def get_possessed_object_class(self) -> Any:
        """Of a spawnable only where that is a custom binding, which is a possessable (5.5 and later)."""
        found = self._binding()
        return found.kind if found else None

    def get_object_template(self) -> Any:
        found = self._binding()
        return found.template if found else None


def proxy(sequence: Any, guid: str) -> Any:
    """The binding of a Guid's text."""
    made = MovieSceneBindingProxy()
    made._values.update(binding_id=sequence._bindings[guid].guid.copy(), sequence=sequence)
    made._own()
    return made


class MovieSceneSequence(MovieSceneSignedObject):
    """A sequence; new ones have 24000 ticks a second, show 30 frames and play five seconds."""

    def _set_up(self) -> None:
        self._tick, self._display = Fraction(24000), Fraction(30)
        self._playback = (0, 120000)
        self._bindings: dict[str, Binding] = {}
        self._tracks: list[Any] = []
        self._marks: list[Any] = []
        self._read_only = self._playback_locked = False
        self._clock = UpdateClockSource.TICK

    def _sequence(self) -> Any:
        return self

    def _all_tracks(self) -> list[Any]:
        return [*self._tracks, *(track for one in self._bindings.values() for track in one.tracks)]

    def _kill(self, why: str) -> None:
        super()._kill(why)
        for track in self._all_tracks():
            track._kill(why)

    def _play(self, start: int, end: int) -> None:
        if self._read_only or self._playback_locked:
            return
        self._touch()
        self._playback = (start, max(start, end))

    def get_display_rate(self) -> Any:
        return FrameRate(self._display.numerator, self._display.denominator)

    def set_display_rate(self, display_rate: Any) -> None:
        self._touch()
        self._display = rate(display_rate)

    def get_tick_resolution(self) -> Any:
        return FrameRate(self._tick.numerator, self._tick.denominator)

    def set_tick_resolution(self, tick_resolution: Any) -> None:
        """Keys, sections and the playback range move along."""
        self._touch()
        scale = rate(tick_resolution) / self._tick
        self._playback = (round(self._playback[0] * scale), round(self._playback[1] * scale))
        for section in (section for track in self._all_tracks() for section in track._sections):
            section._touch()
            section._range = tuple(None if one is None else round(one * scale) for one in section._range)
            for data in section._channels.values():
                data.at_tick = None
                for key in data.keys.values():
                    key[0] = round(key[0] * scale)
        self._tick = rate(tick_resolution)

    def set_tick_resolution_directly(self, tick_resolution: Any) -> None:
        self._touch()
        self._tick = rate(tick_resolution)

    def get_playback_start(self) -> int:
        return to_frame(self, self._playback[0])

    def get_playback_end(self) -> int:
        return to_frame(self, self._playback[1])

    def get_playback_start_seconds(self) -> float:
        return to_seconds(self, self._playback[0])

    def get_playback_end_seconds(self) -> float:
        return to_seconds(self, self._playback[1])

    def set_playback_start(self, start_frame: int) -> None:
        self._play(to_ticks(self, start_frame), self._playback[1])

    def set_playback_end(self, end_frame: int) -> None:
        self._play(self._playback[0], to_ticks(self, end_frame))

    def set_playback_start_seconds(self, start_time: float) -> None:
        self._play(from_seconds(self, start_time), self._playback[1])

    def set_playback_end_seconds(self, end_time: float) -> None:
        self._play(self._playback[0], from_seconds(self, end_time))

    def set_view_range_start(self, start_time_in_seconds: float) -> None:
        self._view_start = start_time_in_seconds

    def set_view_range_end(self, end_time_in_seconds: float) -> None:
        self._view_end = end_time_in_seconds

    def set_work_range_start(self, start_time_in_seconds: float) -> None:
        self._work_start = start_time_in_seconds

    def set_work_range_end(self, end_time_in_seconds: float) -> None:
        self._work_end = end_time_in_seconds

    def get_view_range_start(self) -> float:
        return self.__dict__.get("_view_start", 0.0)

    def get_view_range_end(self) -> float:
        return self.__dict__.get("_view_end", 5.0)

    def get_work_range_start(self) -> float:
        return self.__dict__.get("_work_start", 0.0)

    def get_work_range_end(self) -> float:
        return self.__dict__.get("_work_end", 5.0)

    def is_playback_range_locked(self) -> bool:
        return self._playback_locked

    def set_playback_range_locked(self, locked: bool) -> None:
        self._playback_locked = locked

    def is_read_only(self) -> bool:
        return self._read_only

    def set_read_only(self, read_only: bool) -> None:
        self._read_only = read_only

    def add_track(self, track_type: Any) -> Any:
        if self._read_only:
            return None
        self._touch()
        made = track_type._python(self).__dict__["_self"]
        self._tracks.append(made)
        return made

    def get_tracks(self) -> Any:
        return self._tracks

    def find_tracks_by_type(self, track_type: Any) -> Any:
        return _tracks_of(self._tracks, track_type)

    def find_tracks_by_exact_type(self, track_type: Any) -> Any:
        return _tracks_of(self._tracks, track_type, exact=True)

    def remove_track(self, track: Any) -> bool:
        if track not in self._tracks:
            return False
        self._touch()
        self._tracks.remove(track)
        return True

    def add_possessable(self, object_to_possess: Any) -> Any:
        """Finds the binding of an object or makes one; that of a component is a child of its actor's, which it makes.

        (FindOrAddBinding of the engine: second look, section 3)
        """
        if self._read_only:
            return MovieSceneBindingProxy()
        for guid, one in self._bindings.items():
            if one.path == object_to_possess._path():
                return proxy(self, guid)
        spawned = object_to_possess.__dict__.get("_spawned_by", "")
        if spawned in self._bindings:  # the engine knows its spawnables by an annotation (memory)
            return proxy(self, spawned)
        owner = object_to_possess._outer
        parent = self.add_possessable(owner).get_id().to_string() if _is_actor(owner) else ""
        self._touch()
        title = getattr(object_to_possess, "_label", "") or object_to_possess._name
        made = Binding(new_guid(), title, object_to_possess._path(), object_to_possess.get_class())
        made.parent = parent
        self._bindings[made.guid.to_string()] = made
        return proxy(self, made.guid.to_string())

    def add_spawnable_from_class(self, class_to_spawn: Any) -> Any:
        """Needs no Sequencer (UMovieSceneSequenceExtensions::AddSpawnableFromClass calls CreateSpawnable)."""
        if self._read_only or not _is_actor(class_to_spawn._default()):
            return MovieSceneBindingProxy()
        self._touch()
        made = Binding(new_guid(), class_to_spawn._name, "", class_to_spawn)
        made.template = class_to_spawn._python(self, f"{class_to_spawn._name}_Template").__dict__["_self"]
        made.template._made_by = class_to_spawn
        self._bindings[made.guid.to_string()] = made
        return proxy(self, made.guid.to_string())

    def get_clock_source(self) -> Any:
        return self._clock

    def set_clock_source(self, clock_source: Any) -> None:
        self._touch()
        self._clock = clock_source

    def get_bindings(self) -> Any:
        return [proxy(self, guid) for guid in self._bindings]

    def get_possessables(self) -> Any:
        return [proxy(self, guid) for guid, one in self._bindings.items() if one.template is None]

    def get_spawnables(self) -> Any:
        return [proxy(self, guid) for guid, one in self._bindings.items() if one.template is not None]

    def find_binding_by_name(self, name: str) -> Any:
        for guid, one in self._bindings.items():
            if one.name == name:
                return proxy(self, guid)
        return MovieSceneBindingProxy()

    def find_binding_by_id(self, binding_id: Any) -> Any:
        guid = binding_id.to_string()
        return proxy(self, guid) if guid in self._bindings else MovieSceneBindingProxy()

    def get_binding_id(self, binding: Any) -> Any:
        made = MovieSceneObjectBindingID()
        made._values["guid"] = binding._values["binding_id"].copy()
        return made

    @nullable("context")
    def locate_bound_objects(self, binding: Any, context: Any) -> Any:
        """A component is found in its context, the actor; a spawnable is not found at all (second look, bindings)."""
        found = binding._binding()
        if found is None or context is None or found.template is not None:
            return []
        parts = context.__dict__.get("_components", ())
        if found.parent and (part := next((one for one in parts if one._name == found.name), None)) is not None:
            return [part]
        thing = EDITOR.find_object(found.path)
        return [] if thing is None else [thing]

    def make_range(self, start_frame: int, duration: int) -> Any:
        made = SequencerScriptingRange()
        start, end = to_ticks(self, start_frame), to_ticks(self, start_frame + duration)
        made._values.update(has_start_value=True, has_end_value=True, inclusive_start=start, exclusive_end=end)
        return made

    def add_marked_frame_to_sequence(self, marked_frame: Any, time_unit: Any) -> int:
        self._touch()
        tick = in_ticks(self, marked_frame._values["frame_number"], 0.0, time_unit)
        marked_frame._values["frame_number"] = FrameNumber(tick)
        self._marks.append(marked_frame)
        return len(self._marks) - 1

    def get_marked_frames_from_sequence(self, time_unit: Any) -> Any:
        found = []
        for mark in self._marks:
            frame, _ = in_unit(self, mark._values["frame_number"]._values["value"], time_unit)
            found.append(mark.copy())
            found[-1]._values["frame_number"] = FrameNumber(frame)
        return found

    def add_marked_frame(self, marked_frame: Any) -> int:
        """Its frame number counts ticks."""
        self._touch()
        self._marks.append(marked_frame)
        return len(self._marks) - 1

    def get_marked_frames(self) -> Any:
        return self._marks

    def find_marked_frame_by_label(self, label: str) -> int:
        return next((i for i, mark in enumerate(self._marks) if mark._values["label"] == label), -1)

    def delete_marked_frame(self, delete_index: int) -> None:
        self._touch()
        del self._marks[delete_index]


class LevelSequence(MovieSceneSequence):
    pass


class LevelSequenceFactoryNew(Factory):
    """New sequences have the rate of the project's settings (ULevelSequenceProjectSettings, a console variable)."""

    def _make(self, kind: type) -> Any:
        made = kind()
        said = str(EDITOR.console_variables.get("LevelSequence.DefaultDisplayRate", "30fps"))
        made.__dict__["_self"]._display = Fraction(said.replace("fps", "").strip())
        return made
