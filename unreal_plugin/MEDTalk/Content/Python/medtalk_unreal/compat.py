"""Differences between Unreal 5.4 and 5.8: the code asks what is there, never which version runs."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import unreal

from medtalk_unreal.errors import PluginError

Asset = TypeVar("Asset", bound=unreal.Object)


def ticks() -> Any:
    """The time unit of a sequence's tick resolution, in which nothing is rounded to frames."""
    units = getattr(unreal, "MovieSceneTimeUnit", None) or unreal.SequenceTimeUnit  # pyright: ignore
    return units.TICK_RESOLUTION


def is_commandlet() -> bool:
    """Whether this is a cook or the like: an editor without windows and ticks."""
    return re.search(r"(^|\s)-run=", unreal.SystemLibrary.get_command_line(), re.IGNORECASE) is not None


def world() -> unreal.World:
    """The world of the level that is open."""
    return unreal.get_editor_subsystem(unreal.UnrealEditorSubsystem).get_editor_world()  # pyright: ignore


def playing() -> bool:
    """Whether the level is played in the editor: then nothing can be loaded or changed."""
    levels = unreal.get_editor_subsystem(unreal.LevelEditorSubsystem)
    return levels is not None and levels.is_in_play_in_editor()


def transacting() -> bool:
    """Whether an undo step of somebody else is open: the user drags something. A step of ours would be part of it."""
    library = unreal.SystemLibrary
    before = library.begin_transaction("MEDTalk", "MEDTalk", None)  # pyright: ignore
    if before > 0:
        library.end_transaction()
    elif before == 0:
        library.cancel_transaction(0)
    return before > 0


def actors() -> list[unreal.Actor]:
    """All actors of the level that is open."""
    return list(unreal.get_editor_subsystem(unreal.EditorActorSubsystem).get_all_level_actors())  # pyright: ignore


def load(path: str) -> Any:
    """The asset at a path, or None. Asked first whether it is there, because loading logs an error otherwise."""
    library = unreal.EditorAssetLibrary
    return library.load_asset(path) if path and library.does_asset_exist(path) else None


def load_as(kind: type[Asset], path: str, noun: str, hint: str) -> Asset:
    """The asset of a class at a path; `PluginError` where there is none, or one of another class.

    noun: what the user calls it. hint: what to do where it is of another class.
    """
    asset = load(path)
    if asset is None:
        hint_gone = "Was it renamed or deleted? Select it again."
        raise PluginError(f"The {noun} {path} is not in the project.", hint_gone, path)
    if not isinstance(asset, kind):
        raise PluginError(f"{path} is a {type(asset).__name__}, not a {kind.__name__}.", hint, path)
    return asset


def package(path: str) -> str:
    """`/Game/A/B.B` -> `/Game/A/B`."""
    return path.rsplit("/", 1)[0] + "/" + path.rsplit("/", 1)[-1].split(".")[0] if "/" in path else path


def rate(frame_rate: unreal.FrameRate) -> Fraction:
    """Frames a second of a FrameRate."""
    return Fraction(frame_rate.numerator, frame_rate.denominator)


def frame_rate(fps: float) -> unreal.FrameRate:
    """The FrameRate nearest to `fps`: 29.97 is 30000/1001."""
    for nearest in (Fraction(round(fps)), Fraction(round(fps * 1.001) * 1000, 1001)):
        if abs(nearest - Fraction(fps)) < 0.005:
            return unreal.FrameRate(nearest.numerator, nearest.denominator)
    other = Fraction(fps).limit_denominator(1000)
    return unreal.FrameRate(other.numerator, other.denominator)


def project_rate() -> Fraction:
    """Frames a second that the project gives to new sequences (Project Settings, Level Sequences)."""
    getter = getattr(unreal.SystemLibrary, "get_console_variable_string_value", None)
    text = getter("LevelSequence.DefaultDisplayRate") if getter else ""
    return parse_rate(text) or Fraction(30)


def parse_rate(text: str) -> Fraction | None:
    """Frames a second as a setting of Unreal has them: "30 fps", "30000/1001", "0.04s", "40ms"; None for others."""
    match = re.fullmatch(r"([\d.]+)(?:/([\d.]+))?(fps|s|ms)?", text.replace(" ", "").lower())
    try:
        rate = Fraction(match[1]) / Fraction(match[2] or 1) if match else Fraction(0)
        unit = match[3] if match else None
        return (1 if unit == "s" else 1000) / rate if unit in ("s", "ms") else rate or None
    except (ValueError, ZeroDivisionError):
        return None


def clock_by_audio(sequence: unreal.LevelSequence) -> None:
    """Let a sequence keep time by its sound: in the editor the picture follows what is heard."""
    source = getattr(getattr(unreal, "UpdateClockSource", None), "AUDIO", None)
    if source is not None and hasattr(sequence, "set_clock_source"):
        sequence.set_clock_source(source)


def mesh(component: unreal.SkeletalMeshComponent) -> unreal.SkeletalMesh | None:
    """The SkeletalMesh of a component, or None."""
    getter = getattr(component, "get_skeletal_mesh_asset", None)
    return getter() if getter else component.get_editor_property("skeletal_mesh")


def default_rig(component: unreal.SkeletalMeshComponent) -> unreal.Object | None:
    """The rig asset that the component or its mesh names for animation, or None.

    They may also name the class of a rig: then it is the asset that has made the class.
    """
    getter = getattr(component, "get_default_animating_rig", None)
    rig = getter() if getter else None
    asset = mesh(component)
    rig = rig or (asset.get_editor_property("default_animating_rig") if asset else None)
    return (load(package(rig.get_path_name())) or rig) if isinstance(rig, unreal.Class) else rig


def metahuman_face(actor: unreal.Actor) -> str:
    """The name of the face component, where the actor has a component that names it (5.6 and later); "" elsewhere."""
    return _metahuman_part(actor, "face_component_name")


def blueprint_parts(blueprint: unreal.Blueprint) -> list[unreal.Object]:
    """The components that a Blueprint gives its actors; none where this Unreal does not tell."""
    kind = getattr(unreal, "SubobjectDataSubsystem", None)
    subsystem = unreal.get_engine_subsystem(kind) if kind is not None else None
    if subsystem is None:
        return []
    library = unreal.SubobjectDataBlueprintFunctionLibrary
    handles = subsystem.k2_gather_subobject_data_for_blueprint(blueprint)
    parts = [library.get_object(library.get_data(handle)) for handle in handles]
    return [part for part in parts if part is not None]


def metahuman_body(actor: unreal.Actor) -> str:
    """The same of the body."""
    return _metahuman_part(actor, "body_component_name")


def _metahuman_part(actor: unreal.Actor, which: str) -> str:
    kind = getattr(unreal, "MetaHumanComponentUE", None)
    metahuman = actor.get_component_by_class(kind) if kind else None
    return str(metahuman.get_editor_property(which)) if metahuman else ""


def rig_class(asset: unreal.Object) -> unreal.Class | None:
    """The class of a Control Rig asset, or of a class itself; None for anything else, as for the assets that 5.8 adds.

    `get_control_rig_class` is deprecated in 5.8, so it comes last.
    """
    if isinstance(asset, unreal.Class):
        return asset
    for name in ("generated_class", "get_control_rig_class"):
        if (getter := getattr(asset, name, None)) and (kind := getter()) is not None:
            return kind
    return None


def rig_hierarchy(asset: Any) -> unreal.RigHierarchy | None:
    """The hierarchy of a Control Rig asset, or None where it cannot be read."""
    try:
        return asset.get_editor_property("hierarchy")
    except Exception:  # another kind of asset in a later version
        return None


def control_settings(hierarchy: unreal.RigHierarchy, key: unreal.RigElementKey) -> unreal.RigControlSettings | None:
    """The settings of a control, or None."""
    if getter := getattr(hierarchy, "get_control_settings", None):
        return getter(key)
    if finder := getattr(hierarchy, "find_control", None):
        return finder(key).settings
    controller = hierarchy.get_controller()
    return controller.get_control_settings(key) if controller else None


def face_boards() -> Iterator[str]:
    """Package paths of all assets of the project called `...Face_ControlBoard_CtrlRig`, in order."""
    return rigs_called(BOARD_ASSET)


def rigs_called(ending: str) -> Iterator[str]:
    """Package paths of all Control Rigs of the project whose name ends so (in lower case), in order."""
    registry = unreal.AssetRegistryHelpers.get_asset_registry()
    found: set[str] = set()
    for name in ("ControlRigBlueprint", "ControlRigRuntimeAsset"):  # the second from 5.8 on
        if kind := getattr(unreal, name, None):
            assets = registry.get_assets_by_class(kind.static_class().get_class_path_name(), True) or []
            found |= {str(data.package_name) for data in assets if str(data.asset_name).lower().endswith(ending)}
    yield from sorted(found)


BOARD_ASSET = "face_controlboard_ctrlrig"


def keys(channel: Any) -> list[unreal.MovieSceneScriptingFloatKey]:
    """The keys of a channel of floats (or booleans), in the order of time."""
    return list(channel.get_keys()) if channel.get_num_keys() else []


def can_import_keys() -> bool:
    """Whether the plugin RigMapper is on, and imports tables into sections (5.7 and later)."""
    return hasattr(getattr(unreal, "RigMapperEditorSubsystem", None), "convert_csv_to_control_rig_section")


def import_keys(section: Any, table: str, names: list[str]) -> bool:
    """Have RigMapper import the curves of these names from a CSV file; whether it did.

    It imports only what a definition passes on, so that one is made that does nothing else.
    """
    definition = unreal.RigMapperDefinition()  # pyright: ignore[reportAttributeAccessIssue]
    definition.set_editor_property("inputs", names)
    definition.set_editor_property("outputs", {name: name for name in names})
    mapper = unreal.RigMapperEditorSubsystem  # pyright: ignore[reportAttributeAccessIssue]
    return mapper.convert_csv_to_control_rig_section(unreal.FilePath(table), section, [definition])


def marked_frames(sequence: unreal.LevelSequence) -> list[tuple[int, str]]:
    """The marked frames of a sequence: ticks, and labels."""
    getter = getattr(sequence, "get_marked_frames_from_sequence", None)
    marks = getter(ticks()) if getter else sequence.get_marked_frames()  # pyright: ignore
    return [(mark.frame_number.value, str(mark.label)) for mark in marks]


def is_write_protected(asset: unreal.Object) -> bool:
    """Whether the file of an asset cannot be written, as where source control keeps it until it is checked out."""
    path = str(unreal.SystemLibrary.get_system_path(asset))
    try:
        return bool(path) and not Path(path).stat().st_mode & stat.S_IWUSR
    except OSError:  # not saved yet
        return False


def undo() -> None:
    """Takes the last undo step back. Python has no function for it; the console has."""
    unreal.SystemLibrary.execute_console_command(world(), "TRANSACTION UNDO")


def current_sequence() -> unreal.LevelSequence | None:
    """The sequence that is open in Sequencer, or None."""
    return unreal.LevelSequenceEditorBlueprintLibrary.get_current_level_sequence()


def focused_sequence() -> unreal.LevelSequence | None:
    """The sequence that is edited in Sequencer, which may be a shot of the one that is open; or None."""
    return unreal.LevelSequenceEditorBlueprintLibrary.get_focused_level_sequence()


def is_focused(sequence: unreal.LevelSequence) -> bool:
    """Whether this sequence is edited in Sequencer, by itself or as a shot of the one that is open."""
    focused = focused_sequence()
    return focused is not None and focused.get_path_name() == sequence.get_path_name()


def is_open(sequence: unreal.LevelSequence) -> bool:
    """Whether this sequence itself, not as a part of another one, is open in Sequencer."""
    current = current_sequence()
    return current is not None and current.get_path_name() == sequence.get_path_name()


def show(sequence: unreal.LevelSequence) -> bool:
    """Have Sequencer show a sequence; whether it does. Where that is edited as a part of another one, it stays so."""
    return is_focused(sequence) or unreal.LevelSequenceEditorBlueprintLibrary.open_level_sequence(sequence)


def open_path() -> str:
    """The path name of the sequence that is open in Sequencer, "" if there is none."""
    current = current_sequence()
    return current.get_path_name() if current is not None else ""


@dataclass(frozen=True)
class View:
    """What Sequencer shows: the path name of its sequence, "" for none, the parts that lead to the one that is edited,
    by the path names of their sections, and the tick of the playhead.
    """

    sequence: str
    parts: tuple[str, ...] = ()
    tick: int = 0

    @classmethod
    def now(cls) -> View:
        """What it shows now."""
        library, path = unreal.LevelSequenceEditorBlueprintLibrary, open_path()
        if not path:
            return cls("")
        parts = tuple(part.get_path_name() for part in library.get_sub_sequence_hierarchy())
        return cls(path, parts, library.get_global_position(ticks()).frame.frame_number.value)

    def again(self) -> None:
        """Have Sequencer show that once more."""
        if View.now() == self:
            return
        open_again(self.sequence)
        library = unreal.LevelSequenceEditorBlueprintLibrary
        if open_path() != self.sequence or not self.sequence:
            return
        there = unreal.MovieSceneSequencePlaybackParams(frame=unreal.FrameTime(unreal.FrameNumber(self.tick)))
        library.set_global_position(there, ticks())
        for path in self.parts:
            part = unreal.find_object(None, path)
            if isinstance(part, unreal.MovieSceneSubSection):
                library.focus_level_sequence(part)


def open_again(path: str) -> None:
    """Have the sequence of that path name open in Sequencer, for "" none."""
    if open_path() == path:
        return
    earlier = load(path)
    if earlier is not None:
        unreal.LevelSequenceEditorBlueprintLibrary.open_level_sequence(earlier)
    else:
        unreal.LevelSequenceEditorBlueprintLibrary.close_level_sequence()
