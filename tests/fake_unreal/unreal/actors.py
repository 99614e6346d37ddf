"""The level: actors, components, meshes."""

from __future__ import annotations

from typing import Any

from .assets import package_of
from .bind import nullable
from .objects import EditorSubsystem, Level, Object, World
from .state import EDITOR
from .structs import CameraFilmbackSettings, Vector


class ActorComponent(Object):
    def get_owner(self) -> Any:
        found = self._outer
        while found is not None and not isinstance(found, Actor):
            found = found._outer
        return found


class SceneComponent(ActorComponent):
    """A part with a place; `_sockets` are its bones and sockets in the space of its actor, in centimetres."""

    def _bones(self) -> dict[str, tuple[float, float, float]]:
        return {}

    def does_socket_exist(self, socket_name: Any) -> bool:
        return str(socket_name).lower() in self._bones()

    def get_socket_location(self, socket_name: Any) -> Any:
        """The component's own place where there is no such socket, as in the engine (docs)."""
        at = self._bones().get(str(socket_name).lower(), (0.0, 0.0, 0.0))
        return Vector(*(a + b for a, b in zip(at, self.get_owner()._at, strict=True)))


class PrimitiveComponent(SceneComponent):
    pass


class MeshComponent(PrimitiveComponent):
    pass


class SkinnedMeshComponent(MeshComponent):
    def get_skinned_asset(self) -> Any:
        return self._mesh()

    def _mesh(self) -> Any:
        return self.__dict__.get("_asset")

    def _bones(self) -> dict[str, tuple[float, float, float]]:
        return self._mesh().__dict__.get("_bone_places", {}) if self._mesh() is not None else {}


class SkeletalMeshComponent(SkinnedMeshComponent):
    """A mesh in an actor."""

    _properties = "skeletal_mesh_asset"

    def _get_skeletal_mesh_asset(self) -> Any:
        return self._mesh()

    def get_skeletal_mesh_asset(self) -> Any:
        return self._mesh()

    @nullable("new_mesh")
    def set_skeletal_mesh_asset(self, new_mesh: Any) -> None:
        self._touch()
        self._asset = new_mesh

    def get_default_animating_rig(self) -> Any:
        return self._mesh()._values.get("default_animating_rig") if self._mesh() is not None else None

    def set_update_animation_in_editor(self, new_update_state: bool) -> None:
        self._updates = bool(new_update_state)

    def get_curve_value(self, curve_name: Any, default_value: float) -> Any:
        return EDITOR.curve_value(self, str(curve_name), default_value)


class MetaHumanComponentBase(ActorComponent):
    pass


class MetaHumanComponentUE(MetaHumanComponentBase):
    """Tells which component of a MetaHuman is what."""

    _properties = "face_component_name body_component_name"


class CameraComponent(SceneComponent):
    pass


class CineCameraComponent(CameraComponent):
    """Lens and film of a camera."""

    _properties = "current_focal_length filmback focus_settings"

    def _set_up(self) -> None:
        super()._set_up()
        film = CameraFilmbackSettings()
        film._values.update(sensor_width=23.76, sensor_height=13.365)
        self._values.update(current_focal_length=35.0, filmback=film)


class StreamableRenderAsset(Object):
    pass


class SkinnedAsset(StreamableRenderAsset):
    pass


class Skeleton(Object):
    pass


class SkeletalMesh(SkinnedAsset):
    """A mesh; `default_animating_rig` is a soft reference to a control rig asset."""

    _properties = "default_animating_rig post_process_anim_blueprint skeleton"


class Actor(Object):
    """A thing in the level. It is gone when it is destroyed or when the level is loaded anew."""

    _properties = "tags"

    def _set_up(self) -> None:
        self._components: list[Any] = []
        self._label = self._name
        self._spawned = False
        self._at = (0.0, 0.0, 0.0)

    def _component(self, kind: Any, name: str) -> Any:
        made = kind(self, name).__dict__["_self"]
        self._components.append(made)
        return made

    def _kill(self, why: str) -> None:
        super()._kill(why)
        for component in self._components:
            component._kill(why)

    def get_actor_label(self, create_if_none: bool) -> str:
        return self._label

    def set_actor_label(self, new_actor_label: str, mark_dirty: bool) -> None:
        self._touch()
        self._label = new_actor_label

    @nullable("component_class")
    def get_components_by_class(self, component_class: Any) -> Any:
        kind = component_class._python if component_class is not None else ActorComponent
        return [one for one in self._components if isinstance(one, kind)]

    @nullable("component_class")
    def get_component_by_class(self, component_class: Any) -> Any:
        kind = component_class._python if component_class is not None else ActorComponent
        return next((one for one in self._components if isinstance(one, kind)), None)

    def destroy_actor(self) -> None:
        remove(self, "the actor was destroyed")

    def get_level(self) -> Any:
        return self._outer


class SkeletalMeshActor(Actor):
    _properties = "skeletal_mesh_component"

    def _set_up(self) -> None:
        super()._set_up()
        self._component(SkeletalMeshComponent, "SkeletalMeshComponent0")

    def _get_skeletal_mesh_component(self) -> Any:
        return self._components[0]


class StaticMeshActor(Actor):
    pass


class CameraActor(Actor):
    pass


class CineCameraActor(CameraActor):
    def _set_up(self) -> None:
        super()._set_up()
        self._component(CineCameraComponent, "CameraComponent")

    def get_cine_camera_component(self) -> Any:
        return self._components[0]


def open_level(package: str) -> None:
    """A world with an empty level."""
    world = World(name=package.rpartition("/")[2]).__dict__["_self"]
    world._package = package
    EDITOR.world = world
    world._level = Level(world, "PersistentLevel").__dict__["_self"]


def place(kind: Any, name: str, label: str = "") -> Any:
    """A new actor in the level."""
    made = kind(EDITOR.world._level, name).__dict__["_self"]
    made._label = label or name
    EDITOR.actors.append(made)
    return made


def remove(actor: Any, why: str) -> None:
    """The actor is gone, and so is every wrapper of it and of its components."""
    if actor in EDITOR.actors:
        EDITOR.actors.remove(actor)
    if actor in EDITOR.selected_actors:
        EDITOR.selected_actors.remove(actor)
    actor._kill(why)


class LevelEditorSubsystem(EditorSubsystem):
    def is_in_play_in_editor(self) -> bool:
        return EDITOR.playing


class EditorActorSubsystem(EditorSubsystem):
    def get_all_level_actors(self) -> Any:
        """Without those that a sequence has spawned, and none while the level is played."""
        return [] if EDITOR.playing else [actor for actor in EDITOR.actors if not actor._spawned]

    def get_selected_level_actors(self) -> Any:
        return EDITOR.selected_actors

    def set_selected_level_actors(self, actors_to_select: Any) -> None:
        EDITOR.selected_actors = list(actors_to_select._items)

    def select_nothing(self) -> None:
        EDITOR.selected_actors = []

    def spawn_actor_from_class(self, actor_class: Any, location: Any, rotation: Any, transient: bool) -> Any:
        python = actor_class._python
        return place(python, EDITOR.state.unique_name(python.__name__))

    def spawn_actor_from_object(self, object_to_use: Any, location: Any, rotation: Any, transient: bool) -> Any:
        if not isinstance(object_to_use, SkeletalMesh):
            return EDITOR.spawn(object_to_use)
        made = place(SkeletalMeshActor, EDITOR.state.unique_name("SkeletalMeshActor"), object_to_use._name)
        made._components[0]._asset = object_to_use
        return made

    def destroy_actor(self, actor_to_destroy: Any) -> bool:
        remove(actor_to_destroy, "the actor was destroyed")
        return True


class UnrealEditorSubsystem(EditorSubsystem):
    def get_editor_world(self) -> Any:
        return EDITOR.world

    def get_game_world(self) -> Any:
        return None


class EditorLoadingAndSavingUtils(Object):
    @staticmethod
    def load_map(filename: str) -> Any:
        """The one map that there is; loading it makes its actors anew."""
        if package_of(filename).lower() != EDITOR.world._package.lower():
            EDITOR.log.add("Warning", f"Failed to load {filename}: there is no such map")
            return None
        EDITOR.reload_level()
        return EDITOR.world

    @staticmethod
    def save_dirty_packages(save_map_packages: bool, save_content_packages: bool) -> bool:
        return True
