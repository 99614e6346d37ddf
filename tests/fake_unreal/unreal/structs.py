"""Structs of time, space and identity; their fields come from the signatures."""

from __future__ import annotations

import uuid
from typing import Any

from .values import StructBase


class FrameNumber(StructBase):
    """A whole frame. Nothing takes a plain int in its place."""

    def __add__(self, other: Any) -> Any:
        return FrameNumber(self._values["value"] + _frames(other))

    def __sub__(self, other: Any) -> Any:
        return FrameNumber(self._values["value"] - _frames(other))

    def __mul__(self, other: int) -> Any:
        return FrameNumber(self._values["value"] * other)


def _frames(value: Any) -> int:
    return value._values["value"] if isinstance(value, FrameNumber) else value


class FrameTime(StructBase):
    pass


class FrameRate(StructBase):
    pass


class Timecode(StructBase):
    pass


class Vector(StructBase):
    pass


class Vector2D(StructBase):
    pass


class Rotator(StructBase):
    pass


class Quat(StructBase):
    pass


class Transform(StructBase):
    """Place, rotation (a Quat) and scale."""


class CameraFilmbackSettings(StructBase):
    """Millimetres."""


class CameraTrackingFocusSettings(StructBase):
    pass


class CameraFocusSettings(StructBase):
    pass


class LinearColor(StructBase):
    pass


class Color(StructBase):
    pass


class Guid(StructBase):
    """Four ints; the text is the identity that a plugin keeps."""

    def to_string(self) -> str:
        return "".join(f"{part & 0xFFFFFFFF:08X}" for part in self._values.values())


def new_guid() -> Any:
    """A Guid that no other has."""
    return parse_guid(uuid.uuid4().hex)


def parse_guid(text: str) -> Any:
    """The Guid of 32 hexadecimal digits."""
    made = Guid()
    for name, at in zip("abcd", range(0, 32, 8), strict=True):
        part = int(text[at : at + 8], 16)
        made._values[name] = part - 2**32 if part >= 2**31 else part
    return made


class SoftObjectPath(StructBase):
    """A path to an asset that may not be loaded."""

    def __init__(self, path_string: Any = "") -> None:
        super().__init__(path_string)
        self._values["path_string"] = str(path_string)


class TopLevelAssetPath(StructBase):
    """`/Script/Engine.SoundWave` as a pair; one string is split."""

    def __init__(self, package_name: Any = "", asset_name: Any = "") -> None:
        package, dot, asset = str(package_name).rpartition(".")
        if dot and not str(asset_name):
            package_name, asset_name = package, asset
        super().__init__(str(package_name), str(asset_name))


class ARFilter(StructBase):
    pass


class MovieSceneMarkedFrame(StructBase):
    pass


class MovieSceneFrameRange(StructBase):
    pass


class MovieSceneSkeletalAnimationParams(StructBase):
    pass


class OptionalMovieSceneBlendType(StructBase):
    pass


class MovieSceneObjectBindingID(StructBase):
    pass


class MovieSceneSequencePlaybackParams(StructBase):
    pass


class SequencerScriptingRange(StructBase):
    """A range in frames of the sequence's tick resolution."""

    def has_start(self) -> bool:
        return self._values["has_start_value"]

    def has_end(self) -> bool:
        return self._values["has_end_value"]

    def get_start_frame(self) -> int:
        return self._values["inclusive_start"]

    def get_end_frame(self) -> int:
        return self._values["exclusive_end"]


class SmartReduceParams(StructBase):
    pass


class RichCurveKey(StructBase):
    pass


class AnimationCurveIdentifier(StructBase):
    """Name and kind of a curve."""

    def set_curve_identifier(self, name: Any, curve_type: Any) -> None:
        self._values.update(_name=name, _type=curve_type)

    def get_name(self) -> Any:
        return self._values["_name"]


class FilePath(StructBase):
    pass


class DirectoryPath(StructBase):
    pass


class ScriptSlateIcon(StructBase):
    pass


class EditorDialogLibraryObjectDetailsViewOptions(StructBase):
    pass
