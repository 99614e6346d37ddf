"""Questions about several sections on the track of a board: how they blend, and what lies outside of them."""

from __future__ import annotations

from typing import Any

import unreal

from medtalk_unreal import compat, facerig
from medtalk_unreal.questions import Answer, Question
from medtalk_unreal.questions.scratch import JAW, SkippedError, again, jaw, key, keyed
from medtalk_unreal.ticks import Steps

_CONTROL = JAW.partition(".")[0]
_FIRST, _SECOND = 0.2, 0.4  # of the jaw in the two sections
_BLENDS = ("ABSOLUTE", "OVERRIDE", "ADDITIVE", "RELATIVE")
_END = 30  # frames
_TAG = "MEDTalk.selftest"


def _blend_types() -> dict[str, Any]:
    return {name: value for name in _BLENDS if (value := getattr(unreal.MovieSceneBlendType, name, None)) is not None}


def _blend(section: unreal.MovieSceneSection) -> str:
    found = section.get_blend_type()
    return str(getattr(found, "blend_type", found)).rpartition(".")[2].partition(":")[0].strip("<> ")


def _names(section: unreal.MovieSceneSection) -> list[str]:
    return [str(channel.channel_name) for channel in section.get_all_channels()]


def _added(face: facerig.FaceRig) -> unreal.MovieSceneSection:
    section = face.track.add_section() if face.track is not None else None
    if section is None:
        raise SkippedError("No second section can be added to the board's track.")
    section.set_range(0, _END)
    return section


def _second(actor: str) -> Answer:
    _, face = keyed(actor, _FIRST)
    section = face.track.add_section() if face.track is not None else None
    if section is None:
        return {"added": False}
    found: Answer = {
        "added": True, "bounded": section.has_start_frame() and section.has_end_frame(),
        "blend_of_the_first": _blend(face.section), "blend_of_the_second": _blend(section),
        "rows": [face.section.get_row_index(), section.get_row_index()],
        "channels": len(facerig.section_channels(section)),
        "other_channels": [name for name in _names(section) if not name.startswith("CTRL_")][:20],
    }  # fmt: skip
    supported = {}
    for name, kind in _blend_types().items():
        section.set_blend_type(kind)
        supported[name.lower()] = section.get_blend_type().blend_type == kind
    section.set_range(10, 20)
    found["range_taken"] = [section.get_start_frame(), section.get_end_frame()] == [10, 20]
    section.set_row_index(1)
    return {**found, "blends": supported, "row_taken": section.get_row_index() == 1}


def _names_again(actor: str) -> Answer:
    """Whether a new section gets the name of one that was deleted; the plugin remembers a take's section by it."""
    face = keyed(actor, 0.0)[1]
    section = _added(face)
    name = section.get_name()
    assert face.track is not None
    face.track.remove_section(section)
    del section
    return {"the_same": _added(face).get_name() == name}


def _tags(actor: str) -> Answer:
    """Whether Undo takes back what a sequence remembers of its takes, as it takes back their keys."""
    made, face = keyed(actor, 0.0)
    library = unreal.EditorAssetLibrary
    with unreal.ScopedEditorTransaction("MEDTalk self-test"):
        made.modify()
        face.section.modify()
        library.set_metadata_tag(made, _TAG, "written")
    compat.undo()
    return {"undone": str(library.get_metadata_tag(made, _TAG)) != "written"}


def _blends(actor: str) -> Steps:
    """Steps to what two sections make of the jaw together, for each way to blend."""
    made, face = keyed(actor, _FIRST)
    face.section.set_range(0, _END)
    section = _added(face)
    key(jaw(section), 0, _SECOND)
    path, names = made.get_path_name(), list(_blend_types())
    del made, face, section
    found: Answer = {"first": _FIRST, "second": _SECOND, "alone": (yield from _value(path, actor, 10, "none"))}
    for name in names:
        found[name.lower()] = yield from _value(path, actor, 10, name)
    return found


def _value(path: str, actor: str, frame: int, blend: str) -> Steps:
    """Steps to the jaw at a frame, while the second section blends so ("none": it is switched off)."""
    made, face = again(path, actor)
    assert face.track is not None
    second = list(face.track.get_sections())[-1]
    second.set_is_active(blend != "none")
    if blend != "none":
        second.set_blend_type(_blend_types()[blend])
        if second.get_blend_type().blend_type != _blend_types()[blend]:
            return "not supported"
    del second, face
    unreal.LevelSequenceEditorBlueprintLibrary.open_level_sequence(made)
    del made
    yield
    return _evaluated(path, actor, frame)


def _evaluated(path: str, actor: str, frame: int) -> float:
    """The jaw's control at a display frame of the sequence that is open."""
    made, face = again(path, actor)
    rig = facerig.live_rig(made, face)
    if rig is None:
        raise SkippedError("Sequencer runs no rig: is there a screen?")
    library: Any = unreal.ControlRigSequencerLibrary
    at = [unreal.FrameNumber(frame)]
    points = library.get_local_control_rig_vector2_ds(made, rig, _CONTROL, at)
    return round(points[0].y, 4)


def _outside(actor: str) -> Steps:
    """Steps to what the jaw does before, inside and after a section with two ends."""
    made, face = keyed(actor, _SECOND)
    face.section.set_range(_END, 2 * _END)
    path = made.get_path_name()
    del face
    unreal.LevelSequenceEditorBlueprintLibrary.open_level_sequence(made)
    del made
    yield
    found: Answer = {"value": _SECOND}
    for name, frame in (("before", 10), ("inside", _END + 10), ("after", 2 * _END + 10)):
        found[name] = _evaluated(path, actor, frame)
        yield
    return found


def _weight(actor: str) -> Steps:
    """Steps to whether the weight of an additive section scales it: the intensity of an emotion."""
    made, face = keyed(actor, _FIRST)
    face.section.set_range(0, _END)
    section = _added(face)
    section.set_blend_type(unreal.MovieSceneBlendType.ADDITIVE)
    key(jaw(section), 0, _SECOND)
    channels: dict[str, Any] = {str(channel.channel_name): channel for channel in section.get_all_channels()}
    weight = next((channels[name] for name in channels if name.lower() == "weight"), None)
    if weight is None:
        return {"weight": False}
    whole = weight.get_default() if weight.has_default() else None
    weight.set_default(0.5)
    path = made.get_path_name()
    del face, section, channels, weight
    unreal.LevelSequenceEditorBlueprintLibrary.open_level_sequence(made)
    del made
    yield
    half = _evaluated(path, actor, 10)
    return {"weight": True, "default": whole, "half": half, "scales": abs(half - _FIRST - _SECOND / 2) < 1e-3}


QUESTIONS: dict[str, Question] = {
    "second_section": ("What is a second section on the track of a board?", _second),
    "section_names": ("Does a new section get the name of a deleted one?", _names_again),
    "tags": ("Does Undo take back the metadata of a sequence?", _tags),
    "blends": ("How do two sections blend?", _blends),
    "outside": ("What does a section do outside of its ends?", _outside),
    "weight": ("Does the weight of an additive section scale it?", _weight),
}
