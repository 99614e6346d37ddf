"""A MetaHuman that a sequence spawns from its Blueprint: nothing needs to be in the level."""

from __future__ import annotations

from dataclasses import replace

import unreal

from medtalk_unreal import compat, facerig
from medtalk_unreal.errors import PluginError
from medtalk_unreal.facerig import FaceRig

_BLUEPRINT = "Choose the Blueprint of a MetaHuman, BP_ and its name."


def name_of(blueprint: str) -> str:
    """The name of the MetaHuman of a Blueprint."""
    return compat.package(blueprint).rpartition("/")[2]


def actor_class(blueprint: str) -> unreal.Class:
    """The class of the actors of the Blueprint at a path. Raises `PluginError` where it makes none with a face."""
    asset = compat.load_as(unreal.Blueprint, compat.package(blueprint), "Blueprint", _BLUEPRINT)
    kind = unreal.EditorAssetLibrary.load_blueprint_class(compat.package(blueprint))
    if kind is None or not isinstance(unreal.get_default_object(kind), unreal.Actor):
        raise PluginError(f"{name_of(blueprint)} is not the Blueprint of an actor.", _BLUEPRINT)
    parts = compat.blueprint_parts(asset)
    named = any(type(part).__name__.startswith("MetaHuman") for part in parts)  # then it names its face itself
    if parts and not named and facerig.face_among(parts) is None:
        raise PluginError(f"{name_of(blueprint)} has no MetaHuman face.", _BLUEPRINT)
    return kind


def resolve(sequence: unreal.LevelSequence | None, blueprint: str) -> FaceRig:
    """The face of a Blueprint's MetaHuman in a sequence, as it is; without a track where `make` must spawn it.

    Raises `PluginError` for a Blueprint that makes no actor.
    """
    kind = actor_class(blueprint)
    binding = _binding(sequence, kind) if sequence is not None else None
    found = facerig.of_binding(sequence, binding) if sequence is not None and binding is not None else None
    return replace(found or facerig.NOBODY, name=name_of(blueprint))


def make(sequence: unreal.LevelSequence, blueprint: str) -> FaceRig:
    """The face of a Blueprint's MetaHuman, which is spawned in the sequence if it is not yet.

    Sequencer must be able to show the sequence: there alone it is spawned. Raises `PluginError` where that fails, and
    for a MetaHuman without a face.
    """
    name, kind = name_of(blueprint), actor_class(blueprint)
    if not compat.show(sequence):
        raise PluginError(
            f"{name} cannot be spawned: {sequence.get_name()} cannot be opened in Sequencer.",
            "Run it in the editor, not as a commandlet.",
        )
    binding = _binding(sequence, kind) or add(sequence, kind, name)
    face = facerig.of_binding(sequence, binding)
    if face is None:
        raise PluginError(f"{name} has no MetaHuman face.", _BLUEPRINT)
    return replace(face, name=name)


def add(sequence: unreal.LevelSequence, kind: unreal.Class, name: str) -> unreal.MovieSceneBindingProxy:
    """A new binding that spawns an actor of a class, called `name`, in the sequence that Sequencer shows.

    Raises `PluginError` where Unreal makes none.
    """
    subsystem = unreal.get_editor_subsystem(unreal.LevelSequenceEditorSubsystem)
    if subsystem is not None and hasattr(subsystem, "add_spawnable_from_class"):
        binding = subsystem.add_spawnable_from_class(sequence, kind)
    else:
        binding = sequence.add_spawnable_from_class(kind)  # before 5.6
    if binding is None or not binding.is_valid():
        raise PluginError(f"Unreal could not spawn {name} in {sequence.get_name()}.")
    binding.set_name(name)
    binding.set_display_name(name)
    unreal.LevelSequenceEditorBlueprintLibrary.force_update()
    return binding


def _binding(sequence: unreal.LevelSequence, kind: unreal.Class) -> unreal.MovieSceneBindingProxy | None:
    """The binding of an actor of a class, spawned or in the level: who is there already is not spawned again."""
    wanted = kind.get_path_name()
    for binding in sequence.get_bindings():
        template = binding.get_object_template()  # None for what is in the level
        own = template.get_class() if template is not None else binding.get_possessed_object_class()
        if own is not None and own.get_path_name() == wanted:
            return binding
    return None
