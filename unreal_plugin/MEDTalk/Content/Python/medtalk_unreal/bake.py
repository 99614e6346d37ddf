"""The face as an AnimSequence, for whoever plays it without Sequencer.

bake_sequence  Unreal itself plays the sequence and records the face: exact, needs the level and the control rig.
bake_curves    a rig becomes curves (`CTRL_expressions_...`) by our table: needs no level, so a commandlet can do it. A
               head that turns becomes HeadYaw, HeadPitch, HeadRoll and HeadControlSwitch, as Epic's own export has it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import unreal

from medtalk_board import head
from medtalk_board.expressions import PREFIX, expressions
from medtalk_unreal import compat, facerig
from medtalk_unreal.edits import Edit, asset_path, describe, edit, is_long, source_of
from medtalk_unreal.errors import PluginError
from medtalk_unreal.keys import reduce_keys
from medtalk_unreal.places import find_sequence
from medtalk_unreal.take import CHANNEL_NAMES, DEGREES, TITLE, Take


@dataclass(frozen=True)
class BakeReport:
    """asset: path of the AnimSequence. curves: how many expression curves it has. keys: of all of them. head: whether
    it has the curves of the head."""

    asset: str
    curves: int
    keys: int
    frames: int
    fps: float
    head: bool = False

    def lines(self) -> list[str]:
        """The report for the user."""
        lines = [f"{self.asset}: {self.curves} curves, {self.keys} keys, {self.frames} frames at {self.fps:g} fps."]
        if self.head:
            lines.append(
                f"{self.asset}: the head turns by {', '.join(head.CURVES)}, and {head.SWITCH} is 1. The face's "
                "animation blueprint must read them; an animation of the body may turn the head as well."
            )
        return lines


def beside(sequence: str, face: str = "") -> tuple[str, str]:
    """The default folder and name of the AnimSequence of a sequence. face: which of several MetaHumans it is."""
    folder, _, name = compat.package(sequence).rpartition("/")
    return folder, f"AS_{name.removeprefix('LS_')}" + (f"_{face}" if face else "")


def bake_sequence(
    sequence: str, actor: str | None, folder: str, name: str, frames: tuple[int, int] | None = None, fps: float = 0.0
) -> BakeReport:
    """Record the face of a MetaHuman in a sequence as the AnimSequence `name` in `folder`.

    actor: path name, None for the one in the sequence. frames: the first display frame and the one after the last, the
    playback range by default. fps: of the AnimSequence, the display rate by default. Raises `PluginError`.
    """
    level_sequence = find_sequence(sequence)
    face = facerig.resolve(level_sequence, actor)
    if face.binding is None or face.track is None:
        raise PluginError(
            f"{level_sequence.get_name()} has no control board for {face.name}.", "Generate a take first."
        )
    skeleton = face.in_level[2].get_editor_property("skeleton")
    path = asset_path(folder, name)
    options = _options(level_sequence, frames, fps)
    with edit(f"{TITLE}: bake {name}", steps=2) as change:
        change.step("The asset")
        anim = _animation(change, path, skeleton, compat.package(sequence))
        change.begin(anim)
        change.step("Unreal records the face")
        if not _export(level_sequence, anim, options, face.binding):
            raise PluginError(f"Unreal could not record the face of {face.name} in {level_sequence.get_name()}.")
        report = _report(path, anim, fps or float(compat.rate(level_sequence.get_display_rate())))
        if not report.curves:
            raise PluginError(
                f"Unreal recorded no expression of {face.name}.",
                "Is its control board track muted or overridden there?",
            )
    return report


def bake_curves(
    take: Take, skeleton: str, folder: str, name: str, tolerance: float = 0.0, generation: str = ""
) -> BakeReport:
    """Write a rig as the AnimSequence `name` in `folder`.

    skeleton: path of the face's Skeleton, or of its SkeletalMesh. tolerance: how far reduced keys may be off; 0 keeps
    all. generation: the face board whose tongue the MetaHuman has, "mh3" or "mh4"; by default that of the SkeletalMesh,
    else the newer. Raises `PluginError`.
    """
    bones = find_skeleton(skeleton)
    path = asset_path(folder, name)
    rate = compat.frame_rate(take.fps)
    rows, flat = len(take.rows), take.flat
    seconds = [float(row / compat.rate(rate)) for row in range(rows)]
    curves = expressions(generation or _generation(skeleton))
    with edit(f"{TITLE}: bake {name}", steps=len(curves) + 1, window=is_long(rows * len(curves))) as change:
        change.step("The asset")
        anim = _animation(change, path, bones, take.source)
        change.begin(anim)
        controller = anim.get_editor_property("controller")
        controller.open_bracket(TITLE, True)
        try:
            controller.remove_all_curves_of_type(unreal.RawCurveTrackTypes.RCT_FLOAT, True)
            controller.set_frame_rate(rate, True)
            controller.set_number_of_frames(unreal.FrameNumber(rows), True)
            for curve in curves:
                change.step(curve.name)
                columns = [flat[index :: len(CHANNEL_NAMES)] for index in curve.channels]
                values = [curve.at(sum(row)) for row in zip(*columns, strict=True)]
                _add_curve(anim, PREFIX + curve.name, seconds, values, tolerance)
            for turn, values in take.head_curves():
                _add_curve(anim, turn, seconds, values, tolerance * DEGREES)
        finally:
            controller.close_bracket(True)
        describe(anim, take.name, take.meta)
        report = _report(path, anim, take.fps)
    return report


def _add_curve(anim: unreal.AnimSequence, name: str, seconds: list[float], values: list[float], off: float) -> None:
    """Add a curve whose keys may be so far off."""
    kept = reduce_keys(seconds, values, off)
    unreal.AnimationLibrary.add_curve(anim, name, unreal.RawCurveTrackTypes.RCT_FLOAT, False)
    unreal.AnimationLibrary.add_float_curve_keys(anim, name, [seconds[at] for at in kept], [values[at] for at in kept])


def find_skeleton(path: str) -> unreal.Skeleton:
    """The Skeleton at a path, or of the SkeletalMesh there; `PluginError` where there is none."""
    asset = compat.load(path)
    if isinstance(asset, unreal.SkeletalMesh):
        asset = asset.get_editor_property("skeleton")
    if not isinstance(asset, unreal.Skeleton):
        raise PluginError(f"{path} is not a Skeleton.", "Give the path of the face's SkeletalMesh, or of its Skeleton.")
    return asset


def _generation(path: str) -> str:
    """The face board that the SkeletalMesh at a path names."""
    mesh = compat.load(path)
    rig = mesh.get_editor_property("default_animating_rig") if isinstance(mesh, unreal.SkeletalMesh) else None
    return facerig.board_of(rig).generation or "mh4"


def _animation(change: Edit, path: str, skeleton: unreal.Skeleton, source: str) -> unreal.AnimSequence:
    """The AnimSequence to write. One that was not baked here is left alone."""
    anim = compat.load(path)
    if anim is None:
        factory = unreal.AnimSequenceFactory()
        factory.set_editor_property("target_skeleton", skeleton)
        return change.make_asset(path, unreal.AnimSequence, factory, source)
    if not isinstance(anim, unreal.AnimSequence) or not source_of(anim):
        raise PluginError(f"{path} is already in the project, and was not baked here.", "Choose another name.")
    if anim.get_editor_property("skeleton") != skeleton:
        raise PluginError(f"{path} was baked for another skeleton.", "Choose another name.")
    return anim


def _options(sequence: unreal.LevelSequence, frames: tuple[int, int] | None, fps: float) -> unreal.AnimSeqExportOption:
    options = unreal.AnimSeqExportOption()
    usual: dict[str, Any] = {
        "export_transforms": True,
        "export_morph_targets": True,
        "export_attribute_curves": True,
        "export_material_curves": True,
        "evaluate_all_skeletal_mesh_components": True,
        "record_in_world_space": False,
        "interpolation": unreal.AnimInterpolationType.LINEAR,
        "curve_interpolation": unreal.RichCurveInterpMode.RCIM_LINEAR,
        "transact_recording": True,
    }
    for name, value in usual.items():
        with suppress(Exception):  # a version that has not this one does without
            options.set_editor_property(name, value)
    wanted: dict[str, Any] = {}
    if frames is not None:
        wanted |= {
            "use_custom_time_range": True,
            "custom_start_frame": unreal.FrameNumber(frames[0]),
            "custom_end_frame": unreal.FrameNumber(frames[1]),
            "custom_display_rate": sequence.get_display_rate(),
        }
    if fps:
        wanted |= {"use_custom_frame_rate": True, "custom_frame_rate": compat.frame_rate(fps)}
    for name, value in wanted.items():
        try:
            options.set_editor_property(name, value)
        except Exception as error:  # a range came with 5.5, a rate with 5.6
            said = "This version of Unreal can only bake whole sequences at their own rate."
            raise PluginError(said, "Leave frames and fps out.") from error
    return options


def _export(
    sequence: unreal.LevelSequence,
    anim: unreal.AnimSequence,
    options: unreal.AnimSeqExportOption,
    binding: unreal.MovieSceneBindingProxy,
) -> bool:
    if compat.is_open(sequence):  # spawned actors are there only in Sequencer
        library = unreal.ControlRigSequencerLibrary
        return library.export_anim_sequence_from_sequencer(anim, options, binding, False)
    return unreal.SequencerTools.export_anim_sequence(compat.world(), sequence, anim, options, binding, False)


def _report(path: str, anim: unreal.AnimSequence, fps: float) -> BakeReport:
    library = unreal.AnimationLibrary
    names = [str(name) for name in library.get_animation_curve_names(anim, unreal.RawCurveTrackTypes.RCT_FLOAT)]
    ours = [name for name in names if name.startswith(PREFIX)]
    keys = sum(len(library.get_float_keys(anim, name)[0]) for name in ours)
    turns = head.SWITCH.lower() in (name.lower() for name in names)
    return BakeReport(path, len(ours), keys, library.get_num_frames(anim), fps, turns)
