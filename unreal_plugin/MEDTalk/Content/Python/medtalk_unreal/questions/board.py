"""Questions about the face's control board and its track."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Any

import unreal

from medtalk_unreal import compat, facerig, heads
from medtalk_unreal.errors import PluginError
from medtalk_unreal.questions import Answer, Question
from medtalk_unreal.questions.scratch import JAW, JAW_CURVE, SkippedError, again, keyed, needed, sequence, shown
from medtalk_unreal.ticks import Steps

_CONTROL = JAW.partition(".")[0]


def _jaw_opens(actor: str) -> Steps:
    made, face = keyed(actor, 0.5)
    path, rig = made.get_path_name(), face.rig_path
    del made, face
    value = yield from shown(path, actor)
    if value < 0.0:
        raise PluginError(f"{JAW} 0.5 gives {JAW_CURVE} {value:g}: its sign is turned over on {rig}.")
    if not value:
        raise SkippedError(f"{JAW_CURVE} is {value}: is the face animated in this editor?", "Not so without a screen.")
    return {"opens": True, "value": value, "rig": rig}


def _parents_itself(actor: str) -> Answer:
    made, (owned, component, _) = sequence(), facerig.resolve(None, needed(actor)).in_level
    owner = made.add_possessable(owned)
    binding = made.add_possessable(component)
    parent = binding.get_parent()
    itself = parent.is_valid() and parent.get_id().to_string() == owner.get_id().to_string()
    return {"parents_itself": itself, "bindings": len(made.get_bindings())}


def _section_range(actor: str) -> Answer:
    section = keyed(actor, 0.0)[1].section
    bounds = section.has_start_frame(), section.has_end_frame()
    frames = [section.get_start_frame() if bounds[0] else None, section.get_end_frame() if bounds[1] else None]
    return {"has_start": bounds[0], "has_end": bounds[1], "range": frames, "layered_or_active": section.is_active()}


def _class_readable(actor: str) -> Answer:
    """From 5.8 on the section should not tell; the rig does."""
    made, face = keyed(actor, 0.0)
    found: Answer = {}
    for name in ("control_rig_class", "control_rig_asset_reference"):
        try:
            found[name] = str(face.section.get_editor_property(name))
        except Exception as error:
            found[name] = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    assert face.track is not None
    rig = facerig.rig_of(made, face.track)
    found["class_of_the_rig"] = rig.get_class().get_path_name() if rig is not None else None
    if rig is None:
        raise PluginError("Nothing tells the class of a rig: a second take finds no board.", str(found))
    return found


def _closed_rigs(actor: str) -> Answer:
    made = keyed(actor, 0.0)[0]
    unreal.LevelSequenceEditorBlueprintLibrary.close_level_sequence()
    return {"rigs": len(unreal.ControlRigSequencerLibrary.get_control_rigs(made))}


def _made(actor: str, what_is_open: str) -> Steps:
    """Steps that make a board while `what_is_open` ("nothing", "another", "this one"), and what Unreal does then.

    The plugin itself opens the sequence first; this asks whether it has to.
    """
    library = unreal.LevelSequenceEditorBlueprintLibrary
    rig_class = facerig.resolve(None, needed(actor)).rig_class
    if rig_class is None:
        raise SkippedError("The board has no class, of which a track could be made.")
    library.close_level_sequence()
    made = sequence()
    if what_is_open != "nothing":
        library.open_level_sequence(made if what_is_open == "this one" else sequence())
    path, current, selected = made.get_path_name(), compat.open_path(), len(library.get_selected_sections())
    del made, rig_class
    yield
    mark = _marked()
    made, face = compat.load(path), facerig.resolve(None, actor)
    assert face.rig_class is not None
    made.add_possessable(face.in_level[0])
    track = unreal.ControlRigSequencerLibrary.find_or_create_control_rig_track(
        compat.world(), made, face.rig_class, made.add_possessable(face.in_level[1]), False
    )
    found: Answer = {
        "made": track is not None,
        "sections_selected": len(library.get_selected_sections()) - selected,
        "opens_another": compat.open_path() != current,
    }
    del made, face, track
    yield
    return {**found, "errors": (yield from _errors_since(mark))}


def _marked() -> str:
    """A line in the log that can be found again; the line."""
    mark = f"MEDTalk: self-test {secrets.token_hex(8)}"
    unreal.log(mark)
    return mark


def _errors_since(mark: str) -> Generator[None, None, list[str] | None]:
    """Steps to the error lines of the editor's log file after a mark; None if the mark is not in it."""
    unreal.log_flush()
    yield
    logs = Path(unreal.Paths.convert_relative_path_to_full(unreal.Paths.project_log_dir())).glob("*.log")
    newest = max(logs, key=lambda file: file.stat().st_mtime, default=None)
    text = newest.read_text("utf-8-sig", "replace") if newest is not None else ""
    _, found, after = text.rpartition(mark)
    return [line.strip()[:300] for line in after.splitlines() if "Error: " in line] if found else None


def _masked(actor: str) -> Answer:
    face = keyed(actor, 0.0)[1]
    library: Any = unreal.ControlRigSequencerLibrary
    before = len(facerig.section_channels(face.section))
    library.set_controls_mask(face.section, [_CONTROL], False)
    hidden = not library.get_controls_mask(face.section, _CONTROL)
    left = facerig.section_channels(face.section)
    library.show_all_controls(face.section)
    return {
        "channels": before, "channels_while_hidden": len(left), "hidden_one_is_among_them": JAW in left,
        "mask_says_hidden": hidden, "channels_afterwards": len(facerig.section_channels(face.section)),
    }  # fmt: skip


def _head(actor: str) -> Answer:
    """Which controls turn the head: those of the face board, and those of the body's rig."""
    face = keyed(actor, 0.0)[1]
    names = {name.partition(".")[0] for name in facerig.section_channels(face.section)}
    owner, _, _ = face.in_level
    rigs = {}
    for component in owner.get_components_by_class(unreal.SkeletalMeshComponent):
        assert isinstance(component, unreal.SkeletalMeshComponent)
        rig = compat.default_rig(component)
        hierarchy = compat.rig_hierarchy(rig) if rig is not None else None
        keys = hierarchy.get_controls() if hierarchy is not None else []
        found = [key for key in keys if "head" in str(key.name).lower() or "neck" in str(key.name).lower()]
        rest = {
            str(key.name): str(hierarchy.get_global_transform(key, True).rotation)
            for key in found if hierarchy is not None and str(key.name) == heads.CONTROL
        }  # fmt: skip
        rigs[component.get_name()] = {
            "rig": rig.get_path_name() if rig is not None else None, "at_rest": rest,
            "controls": [str(key.name) for key in found][:40],
        }  # fmt: skip
    return {"of_the_board": sorted(name for name in names if "head" in name.lower()), "of_the_rigs": rigs}


def _hierarchy(actor: str) -> Answer:
    """The asset of the board: a Blueprint, or something newer without a class."""
    face = facerig.resolve(None, needed(actor))
    asset = compat.load(face.rig_path)
    if asset is None:
        raise SkippedError(f"The rig {face.rig_path} is no asset that can be loaded.")
    hierarchy = compat.rig_hierarchy(asset)
    kind = compat.rig_class(asset)
    return {
        "asset": type(asset).__name__, "class": kind.get_path_name() if kind is not None else None,
        "hierarchy": hierarchy is not None,
    }  # fmt: skip


def _found_again(actor: str) -> Steps:
    """A board in a sequence that was left and comes back, as the second take meets it."""
    path = keyed(actor, 0.25)[0].get_path_name()
    yield
    face = again(path, actor)[1]
    return {"found": face.track is not None, "channels": len(facerig.section_channels(face.section))}


QUESTIONS: dict[str, Question] = {
    "jaw": (f"Does {JAW} above 0 open the jaw?", _jaw_opens),
    "parent": ("Does add_possessable of a component parent itself?", _parents_itself),
    "section_range": ("Is a new Control Rig section bounded?", _section_range),
    "second_take": ("Is the board of an earlier take found again?", _found_again),
    "rig_class": ("Who tells the class of a rig?", _class_readable),
    "rig_asset": ("What is the asset of the board, and what does it tell?", _hierarchy),
    "closed_rigs": ("Does get_control_rigs find those of a closed sequence?", _closed_rigs),
    "made_while_closed": ("What does making a board log, no sequence open?", lambda actor: _made(actor, "nothing")),
    "made_in_another": ("And with another sequence open?", lambda actor: _made(actor, "another")),
    "made_while_open": ("And with this one open?", lambda actor: _made(actor, "this one")),
    "masked": ("Are controls that the section's filter hides still channels?", _masked),
    "head": ("Which controls turn the head?", _head),
}
