"""The scratch folder of the self-test, and what its questions do there."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import unreal

from medtalk_unreal import compat, facerig
from medtalk_unreal.errors import PluginError

FOLDER = "/Game/MEDTalkSelfTest"
JAW, JAW_CURVE = "CTRL_C_jaw.Y", "CTRL_expressions_jawOpen"
_TICKS_TO_SHOW = 3  # the rig, then the face's animation blueprint


class SkippedError(PluginError):
    """The question needs something that is not there."""


def sequence() -> unreal.LevelSequence:
    """A new sequence."""
    return asset(unreal.LevelSequence, unreal.LevelSequenceFactoryNew())


def asset(kind: type, factory: unreal.Factory) -> Any:
    """A new asset in the folder."""
    tools = unreal.AssetToolsHelpers.get_asset_tools()
    package, name = tools.create_unique_asset_name(f"{FOLDER}/Scratch", "")
    made = tools.create_asset(name, package.rpartition("/")[0], kind, factory)
    if made is None:
        raise PluginError(f"No {kind.__name__} can be made in {FOLDER}.")
    return made


def keyed(actor: str, value: float) -> tuple[unreal.LevelSequence, facerig.FaceRig]:
    """A new sequence with the face in it, and one key of the jaw."""
    made = sequence()
    compat.show(made)  # without, Unreal logs an error when it makes the board
    face = facerig.make(made, facerig.resolve(None, needed(actor)))
    key(jaw(face.section), 0, value)
    return made, face


def again(path: str, actor: str) -> tuple[unreal.LevelSequence, facerig.FaceRig]:
    """A sequence of the folder and the face in it, after a tick."""
    found = compat.load(path)
    if found is None:
        raise PluginError(f"{path} is gone: somebody else deleted it.")
    return found, facerig.resolve(found, actor)


def jaw(section: unreal.MovieSceneSection) -> Any:
    """The channel of the jaw in a section of the board."""
    return facerig.section_channels(section)[JAW]


def key(channel: unreal.MovieSceneScriptingFloatChannel, tick: int, value: float) -> None:
    """A linear key."""
    channel.add_key(unreal.FrameNumber(tick), value, 0.0, compat.ticks(), unreal.MovieSceneKeyInterpolation.LINEAR)


def shown(path: str, actor: str, frame: int = 0) -> Generator[None, None, float]:
    """Steps to the value of the jaw's curve on the face while a sequence plays a frame in Sequencer.

    `SkippedError` if the editor does not animate the face: without a screen it may not.
    """
    library = unreal.LevelSequenceEditorBlueprintLibrary
    library.open_level_sequence(compat.load(path))
    there = unreal.MovieSceneSequencePlaybackParams(frame=unreal.FrameTime(unreal.FrameNumber(frame)))
    library.set_global_position(there)
    library.refresh_current_level_sequence()
    library.force_update()
    for _ in range(_TICKS_TO_SHOW):
        yield
    _, component, _ = facerig.resolve(None, actor).in_level
    value = component.get_curve_value(JAW_CURVE, 0.0)
    if value is None:
        raise SkippedError(
            f"{JAW_CURVE} cannot be read: is the face animated in this editor?", "Not so without a screen."
        )
    return value


def needed(actor: str) -> str:
    """The path name of a MetaHuman; `SkippedError` for none, and in a commandlet, where a board cannot be made."""
    if compat.is_commandlet():
        raise SkippedError("A commandlet has no Sequencer.")
    if not actor:
        raise SkippedError("There is no MetaHuman in the level.", "Open a level that has one.")
    return actor
