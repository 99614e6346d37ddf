"""Tracks and sections."""

from __future__ import annotations

from typing import Any

from .bind import nullable
from .channels import ChannelData, wrap_channel
from .enums import MovieSceneBlendType, MovieSceneCompletionMode
from .objects import Object
from .state import EDITOR
from .structs import (
    Color,
    FrameNumber,
    MovieSceneObjectBindingID,
    MovieSceneSkeletalAnimationParams,
    OptionalMovieSceneBlendType,
)
from .timing import from_seconds, to_frame, to_seconds, to_ticks
from .values import Text


class MovieSceneSignedObject(Object):
    pass


class MovieSceneDecorationContainerObject(MovieSceneSignedObject):
    pass


class MovieSceneSection(MovieSceneDecorationContainerObject):
    """A span of a track, in ticks, [start, end); None: unbounded."""

    _properties = "is_active is_locked section_range"

    def _set_up(self) -> None:
        self._channels: dict[str, ChannelData] = {}
        self._range: tuple[int | None, int | None] = (None, None)
        self._row = 0
        self._mode = MovieSceneCompletionMode.KEEP_STATE
        self._blend = MovieSceneBlendType.ABSOLUTE
        self._tint = (0, 0, 0, 0)
        self._hidden: set[str] = set()  # controls that the section's filter leaves out, in lower case
        self._values.update(is_active=True, is_locked=False)

    def _track(self) -> Any:
        return self._outer

    def _sequence(self) -> Any:
        return self._outer._sequence()

    def _try_modify(self) -> bool:
        """What the engine asks before it changes a section: a locked one stays as it is, in silence."""
        if self._values["is_locked"] or self._sequence()._read_only:
            return False
        self._touch()
        return True

    def _bounds(self, start: int | None, end: int | None) -> None:
        if start is not None and end is not None and end < start:
            EDITOR.log.add("Error", f"Invalid range specified: {start} to {end}")
        elif self._try_modify():
            self._range = (start, end)

    def _bound(self, index: int, what: str) -> int:
        found = self._range[index]
        if found is None:
            raise Exception(f"Specified section '{self._name}' does not have {what} frame")
        return found

    def set_range(self, start_frame: int, end_frame: int) -> None:
        self._bounds(to_ticks(self._sequence(), start_frame), to_ticks(self._sequence(), end_frame))

    def set_range_seconds(self, start_time: float, end_time: float) -> None:
        self._bounds(from_seconds(self._sequence(), start_time), from_seconds(self._sequence(), end_time))

    def get_start_frame(self) -> int:
        return to_frame(self._sequence(), self._bound(0, "a start"))

    def get_end_frame(self) -> int:
        return to_frame(self._sequence(), self._bound(1, "an end"))

    def get_start_frame_seconds(self) -> float:
        return to_seconds(self._sequence(), self._bound(0, "a start"))

    def get_end_frame_seconds(self) -> float:
        return to_seconds(self._sequence(), self._bound(1, "an end"))

    def set_start_frame(self, start_frame: int) -> None:
        self._bounds(to_ticks(self._sequence(), start_frame), self._range[1])

    def set_end_frame(self, end_frame: int) -> None:
        self._bounds(self._range[0], to_ticks(self._sequence(), end_frame))

    def set_start_frame_seconds(self, start_time: float) -> None:
        self._bounds(from_seconds(self._sequence(), start_time), self._range[1])

    def set_end_frame_seconds(self, end_time: float) -> None:
        self._bounds(self._range[0], from_seconds(self._sequence(), end_time))

    def has_start_frame(self) -> bool:
        return self._range[0] is not None

    def has_end_frame(self) -> bool:
        return self._range[1] is not None

    def set_start_frame_bounded(self, is_bounded: bool) -> None:
        playback = self._sequence()._playback[0]
        self._bounds(
            (self._range[0] if self._range[0] is not None else playback) if is_bounded else None, self._range[1]
        )

    def set_end_frame_bounded(self, is_bounded: bool) -> None:
        playback = self._sequence()._playback[1]
        self._bounds(
            self._range[0], (self._range[1] if self._range[1] is not None else playback) if is_bounded else None
        )

    def is_locked(self) -> bool:
        return self._values["is_locked"]

    def set_is_locked(self, is_locked: bool) -> None:
        self._touch()
        self._values["is_locked"] = is_locked

    def is_active(self) -> bool:
        return self._values["is_active"]

    def set_is_active(self, is_active: bool) -> None:
        if self._try_modify():
            self._values["is_active"] = is_active

    def set_row_index(self, new_row_index: int) -> None:
        self._touch()
        self._row = new_row_index

    def get_row_index(self) -> int:
        return self._row

    def set_blend_type(self, blend_type: Any) -> None:
        """One that the track does not support is not taken, in silence (engine's behaviour)."""
        if blend_type.name in self._outer._blend_types and self._try_modify():
            self._blend = blend_type

    def get_blend_type(self) -> Any:
        return OptionalMovieSceneBlendType(self._blend, True)

    def set_color_tint(self, color_tint: Any) -> None:
        self._touch()
        self._tint = tuple(color_tint._values[part] for part in "rgba")

    def get_color_tint(self) -> Any:
        red, green, blue, alpha = self._tint
        return Color(b=blue, g=green, r=red, a=alpha)

    def set_completion_mode(self, completion_mode: Any) -> None:
        self._touch()
        self._mode = completion_mode

    def get_completion_mode(self) -> Any:
        return self._mode

    def _shown(self) -> list[str]:
        """The channels that calls see: those of controls that are filtered out are not enabled (second look, B5)."""
        hidden = set() if EDITOR.hidden_are_channels else self._hidden
        return [name for name in self._channels if name.partition(".")[0].lower() not in hidden]

    def get_all_channels(self) -> Any:
        return [wrap_channel(self, name) for name in self._shown()]

    def get_channel(self, channel_name: Any) -> Any:
        for name in self._shown():
            if name.lower() == str(channel_name).lower():
                return wrap_channel(self, name)
        return None

    def get_channels_by_type(self, channel_type: Any) -> Any:
        found = [wrap_channel(self, name) for name in self._shown()]
        return [channel for channel in found if isinstance(channel, channel_type._python)]


class MovieSceneTrack(MovieSceneDecorationContainerObject):
    """Sections of one kind."""

    _section_class: Any = MovieSceneSection
    _blend_types: Any = ("ABSOLUTE",)

    def _set_up(self) -> None:
        self._sections: list[Any] = []
        self._title = ""
        self._rows: dict[int, str] = {}
        self._to_key: Any = None

    def _sequence(self) -> Any:
        return self._outer

    def _add(self) -> Any:
        made = self._section_class(self).__dict__["_self"]
        self._sections.append(made)
        return made

    def _kill(self, why: str) -> None:
        super()._kill(why)
        for section in self._sections:
            section._kill(why)

    def add_section(self) -> Any:
        if self._sequence()._read_only:
            return None
        self._touch()
        return self._add()

    def get_sections(self) -> Any:
        return self._sections

    def remove_section(self, section: Any) -> None:
        self._touch()
        if section in self._sections:
            self._sections.remove(section)
        if self._to_key == section:
            self._to_key = None

    def get_section_to_key(self) -> Any:
        if self._to_key is not None:
            return self._to_key
        return self._sections[0] if self._sections else None

    @nullable("section")
    def set_section_to_key(self, section: Any) -> None:
        self._touch()
        self._to_key = section

    def set_track_row_display_name(self, name: Any, row_index: int) -> None:
        self._touch()
        self._rows[row_index] = str(name)

    def get_track_row_display_name(self, row_index: int) -> Any:
        return Text(self._rows.get(row_index, ""))

    def set_display_name(self, name: Any) -> None:
        self._touch()
        self._title = str(name)

    def get_display_name(self) -> Any:
        return Text(self._title or type(self).__name__.removeprefix("MovieScene").removesuffix("Track"))


class MovieSceneNameableTrack(MovieSceneTrack):
    _properties = "display_name"

    def _get_display_name(self) -> Any:
        return Text(self._title)


class MovieSceneAudioSection(MovieSceneSection):
    """A sound in a sequence. Its range does not follow the sound."""

    def _set_up(self) -> None:
        super()._set_up()
        self._sound: Any = None
        self._offset = FrameNumber(0)
        self._looping = True
        self._quiet = False
        self._range = (0, 24000)

    def set_sound(self, sound: Any) -> None:
        if self._try_modify():
            self._sound = sound

    def get_sound(self) -> Any:
        return self._sound

    def set_start_offset(self, start_offset: Any) -> None:
        if self._try_modify():
            self._offset = start_offset

    def get_start_offset(self) -> Any:
        return self._offset

    def set_looping(self, looping: bool) -> None:
        if self._try_modify():
            self._looping = looping

    def get_looping(self) -> bool:
        return self._looping

    def set_suppress_subtitles(self, suppress_subtitles: bool) -> None:
        if self._try_modify():
            self._quiet = suppress_subtitles

    def get_suppress_subtitles(self) -> bool:
        return self._quiet


class MovieSceneAudioTrack(MovieSceneNameableTrack):
    _section_class = MovieSceneAudioSection


class MovieSceneSkeletalAnimationSection(MovieSceneSection):
    """An animation in a sequence."""

    _properties = "params"

    def _set_up(self) -> None:
        super()._set_up()
        self._values["params"] = MovieSceneSkeletalAnimationParams()


class MovieSceneCommonAnimationTrack(MovieSceneNameableTrack):
    pass


class MovieSceneSkeletalAnimationTrack(MovieSceneCommonAnimationTrack):
    _section_class = MovieSceneSkeletalAnimationSection


class MovieSceneCameraCutSection(MovieSceneSection):
    """Which camera the sequence shows."""

    def _set_up(self) -> None:
        super()._set_up()
        self._camera: Any = None

    def set_camera_binding_id(self, camera_binding_id: Any) -> None:
        if self._try_modify():
            self._camera = camera_binding_id

    def get_camera_binding_id(self) -> Any:
        return self._camera if self._camera is not None else MovieSceneObjectBindingID()


class MovieSceneCameraCutTrack(MovieSceneNameableTrack):
    _section_class = MovieSceneCameraCutSection


class MovieScene3DTransformSection(MovieSceneSection):
    """Channels of doubles: Location in centimetres, Rotation in degrees about X (roll), Y (pitch), Z (yaw), Scale."""

    def _set_up(self) -> None:
        super()._set_up()
        for part in ("Location", "Rotation", "Scale"):
            self._channels |= {f"{part}.{axis}": ChannelData("double") for axis in "XYZ"}


class MovieScenePropertyTrack(MovieSceneNameableTrack):
    pass


class MovieScene3DTransformTrack(MovieScenePropertyTrack):
    _section_class = MovieScene3DTransformSection


class MovieSceneSubSection(MovieSceneSection):
    """Another sequence as a part of this one."""

    def _set_up(self) -> None:
        super()._set_up()
        self._part: Any = None

    def set_sequence(self, sequence: Any) -> None:
        if self._try_modify():
            self._part = sequence

    def get_sequence(self) -> Any:
        return self._part


class MovieSceneSubTrack(MovieSceneNameableTrack):
    _section_class = MovieSceneSubSection


class MovieSceneCinematicShotTrack(MovieSceneSubTrack):
    pass
