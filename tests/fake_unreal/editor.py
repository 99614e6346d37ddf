"""The editor as a test handles it: what the user does, what happens around the plugin, what came of it."""

from __future__ import annotations

import contextlib
import importlib
import runpy
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

FAKE = Path(__file__).parent
PLUGIN = FAKE.parents[1] / "unreal_plugin" / "MEDTalk" / "Content" / "Python"
PATIENCE = 60.0
_kept: dict[str, ModuleType] = {}


def _ours(name: str) -> bool:
    return name in ("unreal", "medtalk_unreal") or name.startswith(("unreal.", "medtalk_unreal."))


def forget(keep: bool = False) -> None:
    """Takes `unreal` and the plugin out of sys.modules; the stand-in itself is loaded only once."""
    for name in [name for name in sys.modules if _ours(name)]:
        module = sys.modules.pop(name)
        if keep and not name.startswith("medtalk_unreal"):
            _kept[name] = module


@contextlib.contextmanager
def stand_in(engine: str = "", *plugins: str) -> Iterator[Any]:
    """`import unreal` is the stand-in, whatever else is installed, and the plugin can be imported.

    engine: the version that it plays, "5.4" to "5.8"; by default that of MEDTALK_ENGINE, else 5.6.
    plugins: those of Unreal that are enabled beyond the usual ones, as "RigMapper".
    """
    paths = [str(FAKE), str(PLUGIN)]
    forget()
    sys.path[:0] = paths
    try:
        sys.modules.update(_kept)
        module, engines = importlib.import_module("unreal"), importlib.import_module("unreal.engines")
        with engines.play(module, engine or engines.chosen(), *plugins):
            yield module
    finally:
        for path in paths:
            sys.path.remove(path)
        forget(keep=True)


class Editor:
    """An open editor with an empty map `/Game/Maps/Main`, in a project of its own.

    `add_...` and `new_sequence` give objects; what takes one takes its path as well.
    What a test takes from `unreal` itself stays good; what plugin code takes during a tick, a click or a button dies
    with that, as the rules of the plugin want it.
    """

    def __init__(self, unreal: Any, project_dir: Path) -> None:
        self.unreal = unreal
        project_dir.mkdir(parents=True, exist_ok=True)
        version = unreal.playing.PLAYING.version
        (project_dir / "Show.uproject").write_text(f'{{"FileVersion": 3, "EngineAssociation": "{version}"}}\n')
        self.state = unreal.state.start(project_dir)
        self.state.dialogs = unreal.dialogs.Dialogs()
        self.state.importer = unreal.sounds.import_sound
        self.state.curve_value = unreal.animation.curve_value
        self.state.bake = unreal.animation.bake
        self.state.reload_level = self.reload_level
        unreal.actors.open_level("/Game/Maps/Main")

    # what there is ------------------------------------------------------------------------------------------------

    @property
    def project_dir(self) -> Path:
        return self.state.project_dir

    @property
    def log(self) -> Any:
        return self.state.log

    @property
    def dialogs(self) -> Any:
        return self.state.dialogs

    @property
    def calls(self) -> Any:
        """How often each function of `unreal` was called from outside."""
        return self.state.calls

    @property
    def tabs(self) -> list[Any]:
        """The objects whose details are open in a tab."""
        return self.state.open_tabs

    @property
    def undo_steps(self) -> list[str]:
        return [name for name, _ in self.state.undo_stack]

    @property
    def redo_steps(self) -> list[str]:
        return [name for name, _ in self.state.redo_stack]

    @property
    def toasts(self) -> list[str]:
        """The notifications that were shown."""
        return self.state.toasts

    @property
    def objects(self) -> int:
        """How many objects of Unreal were made, keys and channels too, since garbage was collected."""
        return self.state.objects

    @property
    def most_objects(self) -> int:
        """The most that `objects` ever was."""
        return self.state.most_objects

    def asset(self, path: str) -> Any:
        """The asset at a path, or None."""
        return self.unreal.assets.find(path)

    def object(self, path: str) -> Any:
        """The asset, actor or component of a path name. AssertionError where there is none."""
        found = self.state.find_object(path)
        if found is None:
            raise AssertionError(f"there is no {path}")
        return found

    def assets(self, folder: str = "/Game") -> list[str]:
        """The packages under a folder."""
        return sorted(a._package for a in self.state.assets.values() if a._package.startswith(folder + "/"))

    def sequences(self) -> list[str]:
        """The packages of all level sequences."""
        kind = self.unreal.LevelSequence
        return sorted(asset._package for asset in self.state.assets.values() if isinstance(asset, kind))

    # what a test puts there ---------------------------------------------------------------------------------------

    def add_metahuman(self, board: str = "mh4", name: str = "Ada", rig: bool = True, body_rig: bool = False) -> Any:
        """A MetaHuman in the level: actor `BP_<name>` with Body and Face; without `rig` its mesh names no face rig, and
        without `body_rig` that of the body names none.
        """
        unreal = self.unreal
        mesh = self.asset(f"/Game/MetaHumans/{name}/Face/SKM_{name}_Face")
        if mesh is None:
            mesh = self._register(unreal.actors.SkeletalMesh(), f"/Game/MetaHumans/{name}/Face/SKM_{name}_Face")
            # A MetaHuman looks along Y, its left is along X (bones and sides: public code; sizes: a usual head).
            mesh._bone_places = {"facial_l_eye": (3.2, 9.0, 160.0), "facial_r_eye": (-3.2, 9.0, 160.0)}
            skeleton = self.asset("/Game/MetaHumans/Common/Face/Face_Archetype_Skeleton") or self._register(
                unreal.actors.Skeleton(), "/Game/MetaHumans/Common/Face/Face_Archetype_Skeleton"
            )
            mesh._values["skeleton"] = skeleton
            if rig:
                mesh._values["default_animating_rig"] = self.add_rig(board)
        body = self.asset("/Game/MetaHumans/Common/Body/SKM_Body") or self._register(
            unreal.actors.SkeletalMesh(), "/Game/MetaHumans/Common/Body/SKM_Body"
        )
        if body_rig:
            body._values["default_animating_rig"] = self.add_rig("body")

        def build(actor: Any) -> None:
            actor._component(unreal.actors.SceneComponent, "Root")
            actor._component(unreal.actors.SkeletalMeshComponent, "Body")._asset = body
            actor._component(unreal.actors.SkeletalMeshComponent, "Face")._asset = mesh
            if board == "mh4":
                component = actor._component(unreal.actors.MetaHumanComponentUE, "MetaHuman")
                component._values.update(face_component_name="Face", body_component_name="Body")

        return self._place(unreal.actors.Actor, f"BP_{name}_C_0", f"BP_{name}", build)

    def add_blueprint(self, board: str = "mh4", name: str = "Ada", face: bool = True, actor: bool = True) -> Any:
        """A MetaHuman's Blueprint, `BP_<name>`: the asset; without `face` one without a face, without `actor` one of no
        actor at all.
        """
        unreal = self.unreal
        package = f"/Game/MetaHumans/{name}/BP_{name}"
        made = self._register(unreal.Blueprint(), package)
        python = unreal.actors.Actor if actor else unreal.actors.ActorComponent
        made._class = unreal.objects.new_class(f"BP_{name}_C", python, f"{package}.BP_{name}_C")
        if face:
            placed = self.add_metahuman(board, name)
            made._class._build = placed.__dict__["_build"]
            self.delete(placed)
        return made

    def add_spawned(self, board: str = "mh4", name: str = "Ada") -> Any:
        """A MetaHuman that a sequence has spawned: it can be selected, but is not an actor of the level."""
        actor = self.add_metahuman(board, name)
        self._named(actor)._spawned = True
        return actor

    def add_live_link(self, actor: Any, subject: str = "ARKitFaceSubj", used: str = "UseARKitFace") -> None:
        """The variables of a MetaHuman's Blueprint for Live Link, by their names; "" for one that it has not."""
        kinds = self.unreal.signatures.type_of
        one = self._named(actor)
        wanted = {subject: kinds("LiveLinkSubjectName"), used: kinds("bool")}
        wanted.pop("", None)
        one.__dict__["_kinds"] = {**one._kinds, **wanted}
        one.__dict__["_ways"] = {**one._ways, **dict.fromkeys(wanted, "RW")}

    def add_face_actor(self, board: str = "mh4", name: str = "Lone") -> Any:
        """A SkeletalMeshActor with the face mesh of a MetaHuman."""
        self.delete(self.add_metahuman(board, name))
        mesh = self.asset(f"/Game/MetaHumans/{name}/Face/SKM_{name}_Face")

        def build(actor: Any) -> None:
            actor._components[0]._asset = mesh

        return self._place(self.unreal.actors.SkeletalMeshActor, f"SkeletalMeshActor_{name}", name, build)

    def add_actor(self, name: str = "Cube") -> Any:
        """An actor without any mesh."""
        return self._place(self.unreal.actors.StaticMeshActor, name, name, lambda actor: None)

    def add_rig(self, board: str = "mh4", path: str = "") -> Any:
        """The asset of a face board of a generation, by default at its usual path; "" is a rig that is no board."""
        path = path or self.unreal.boards.RIGS[board]
        found = self.asset(path)
        if found is None:
            found = self._register(self.unreal.controlrig.ControlRigBlueprint(), path)._of(board)._finish()
        return found

    def add_runtime_rig(self, board: str = "mh4", path: str = "") -> Any:
        """The asset of a face board that is no Blueprint, as 5.8 can have it."""
        path = path or self.unreal.boards.RIGS[board]
        return self._register(self.unreal.ControlRigRuntimeAsset(), path)._of(board)._finish()

    def limit(self, rig: Any, control: str, lowest: Any, highest: Any, free: bool = False) -> None:
        """The user gives a control of a face rig limits of its own (a number for each axis); `free`: switched off."""
        from dataclasses import replace

        board = self.unreal.boards.controls(rig._board)[control.lower()]
        rig._limited[control.lower()] = replace(board, lowest=tuple(lowest), highest=tuple(highest), free=free)

    def add_fk_rig(self, sequence: Any, binding: Any) -> Any:
        """An FK rig on a binding, as users have it by accident; its track."""
        kind = self.unreal.objects.new_class(
            "FKControlRig", self.unreal.controlrig.FKControlRig, "/Script/ControlRig.FKControlRig"
        )
        kind._board = ""
        track = binding.add_track(self.unreal.MovieSceneControlRigParameterTrack)
        return track._put(kind)

    def add_sound(self, path: Path | str, package: str | None = None, source: Path | str | None = None) -> Any:
        """A SoundWave with the samples of a sound file; `source`: the import path in it, by default that file."""
        import soundfile

        samples, rate = soundfile.read(str(path), dtype="int16", always_2d=True)
        name = str(path if source is None else source)
        return self.add_samples(
            package or f"/Game/Sounds/{Path(path).stem}", samples.tobytes(), rate, samples.shape[1], name
        )

    def add_samples(self, package: str, pcm: bytes, rate: int = 48000, channels: int = 1, source: str = "") -> Any:
        """A SoundWave of 16-bit samples, interleaved."""
        return self._register(self.unreal.SoundWave(), package)._fill(pcm, rate, channels, source)

    def new_sequence(self, fps: float | tuple[int, int] = 30, package: str = "/Game/Cinematics/Shot") -> Any:
        """A level sequence with a display rate, not open."""
        from fractions import Fraction

        made = self._register(self.unreal.LevelSequence(), package)
        made._display = Fraction(*fps) if isinstance(fps, tuple) else Fraction(fps)
        return made

    def face_of(self, actor: Any) -> Any:
        """The Face component of a MetaHuman."""
        return next(component for component in actor._components if component._name == "Face")

    def add_board(self, sequence: Any, actor: Any) -> Any:
        """A user's face board in a sequence: bindings of the actor and its Face, the rig's track; its section."""
        face = self.face_of(actor)
        binding = sequence.add_possessable(face)
        rig = face._asset._values["default_animating_rig"]._class
        track = binding.add_track(self.unreal.MovieSceneControlRigParameterTrack)
        return track._put(rig)._sections[0]

    def _register(self, asset: Any, package: str) -> Any:
        return self.unreal.assets.register(asset.__dict__["_self"], package)

    def _place(self, kind: Any, name: str, label: str, build: Callable[[Any], None]) -> Any:
        actor = self.unreal.actors.place(kind, name, label)
        actor._build = build
        build(actor)
        return actor

    def _named(self, thing: Any) -> Any:
        return self.object(thing) if isinstance(thing, str) else thing

    # what the user does -------------------------------------------------------------------------------------------

    def select_actors(self, *actors: Any) -> None:
        self.state.selected_actors = [self._named(actor) for actor in actors]

    def select_assets(self, *assets: Any) -> None:
        self.state.selected_assets = [self._named(asset) for asset in assets]

    def open(self, sequence: Any) -> None:
        """Opens a sequence in Sequencer; None closes it."""
        self.state.sequence = self.state.focused = self._named(sequence)
        self.unreal.window.evaluate()

    def select_sections(self, *sections: Any) -> None:
        """In the open Sequencer."""
        self.state.selected_sections = list(sections)

    def select_bindings(self, *bindings: Any) -> None:
        """In the open Sequencer."""
        self.state.selected_bindings = list(bindings)

    def move(self, actor: Any, to: tuple[float, float, float]) -> None:
        """The user moves an actor, in centimetres."""
        self._named(actor)._at = to

    def focus(self, sequence: Any) -> None:
        """The sequence is edited as a shot of the one that is open."""
        self.state.focused = self._named(sequence)
        self.unreal.window.evaluate()

    def menu_entries(self) -> list[str]:
        """Every entry of every menu, as `menu/entry`."""
        return self.unreal.menus.all_entries()

    def click(self, menu: str, entry: str) -> None:
        """The user chooses an entry of a menu. AssertionError where there is none, or where it is greyed out."""
        found = self.unreal.menus.entries(menu)
        if entry not in found:
            raise AssertionError(f"{menu} has no entry {entry!r}, only {sorted(found)}")
        what, context = found[entry], self.unreal.menus.context()
        if isinstance(what, self.unreal.ToolMenuEntry):
            self.unreal.system.run_python(self.unreal.menus.command_of(what))
            return
        with self.plugin_code():
            if not (what.is_visible(context) and what.can_execute(context)):
                raise AssertionError(f"the entry {entry!r} of {menu} cannot be chosen")
            try:
                what.execute(context)
            except Exception as error:
                self.log.add("Error", f"{type(error).__name__}: {error}")

    def press(self, thing: Any, button: str) -> None:
        """A CallInEditor button of an object in a details view."""
        item = type(thing)._functions[button]
        if not item.meta.get("CallInEditor"):
            raise AssertionError(f"{button} is no button")
        with self.plugin_code():
            try:
                item.function(thing)
            except Exception as error:
                self.log.add("Error", f"{type(error).__name__}: {error}")

    def close_tab(self, thing: Any) -> None:
        self.state.open_tabs.remove(thing)

    def blueprint(self, library: str, function: str, *arguments: Any) -> Any:
        """A node of a Python function library in a Blueprint."""
        return self.unreal._uclass.call(self.state.classes[library], function, *arguments)

    def undo(self) -> str:
        """Ctrl+Z; the name of the step that was taken back."""
        return self.state.undo()

    def redo(self) -> str:
        """Ctrl+Y; the name of the step that was done again."""
        return self.state.redo()

    # what happens -------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def plugin_code(self) -> Iterator[None]:
        """Inside, objects live as short as in a tick."""
        depth, self.state.depth = self.state.depth, 0
        try:
            with self.state.plugin_code():
                yield
        finally:
            self.state.depth = depth

    def tick(self, seconds: float = 0.016, n: int = 1) -> None:
        """n frames of the editor."""
        for _ in range(n):
            if self.state.transaction is not None:
                raise self.unreal.state.EditorCrash("a transaction stayed open over a tick")
            self.state.evaluated = self.state.position
            self.state.run_ticks(seconds)
            if self.state.garbage_waits:
                self.state.garbage_waits, self.state.objects = False, 0

    def tick_until(self, done: Callable[[], Any], patience: float = PATIENCE, every: float = 0.005) -> Any:
        """Ticks, in real time, until `done` gives something true; that. AssertionError after `patience` seconds."""
        end = time.monotonic() + patience
        while not (found := done()):
            if time.monotonic() > end:
                raise AssertionError(f"not within {patience} s; the log ends:\n{self.log.text[-2000:]}")
            time.sleep(every)
            self.tick(every)
        return found

    def start_plugin(self) -> None:
        """Runs the plugin's init_unreal.py as the editor does at its start."""
        with self.plugin_code():
            runpy.run_path(str(PLUGIN / "init_unreal.py"))

    def shut_down(self) -> None:
        """The editor closes: the shutdown callbacks run."""
        for handle, callback in list(self.state.shutdowns.items()):
            self.state.shutdowns.pop(handle, None)
            with self.plugin_code():
                callback()
        self.state.post_ticks.clear()
        self.state.pre_ticks.clear()

    def restart(self) -> None:
        """Closes and starts again: assets and actors stay, Python, menus, tabs, undo and Sequencer start anew."""
        self.shut_down()
        for name in [name for name in sys.modules if name.split(".")[0] == "medtalk_unreal"]:
            del sys.modules[name]
        self.state.subsystems.clear()
        self.state.classes.clear()
        self.state.undo_stack.clear()
        self.state.redo_stack.clear()
        self.state.open_tabs.clear()
        self.state.sequence = self.state.focused = None
        self.reload_level()

    def reload_level(self) -> None:
        """The map is loaded anew: every actor is another one, under the same names."""
        old, selected = list(self.state.actors), [actor._name for actor in self.state.selected_actors]
        world = self.state.world
        for actor in old:
            self.unreal.actors.remove(actor, "the level was loaded anew")
        world._kill("the level was loaded anew")
        self.unreal.actors.open_level(world._package)
        for actor in old:
            made = self._place(type(actor), actor._name, actor._label, actor.__dict__.get("_build", lambda one: None))
            if actor._name in selected:
                self.state.selected_actors.append(made)

    def delete(self, thing: Any) -> None:
        """An asset or an actor is deleted."""
        thing = self._named(thing)
        if isinstance(thing, self.unreal.Actor):
            self.unreal.actors.remove(thing, "the actor was deleted")
        else:
            self.unreal.assets.destroy(thing, "the asset was deleted")

    def rename(self, asset: Any, to: str) -> None:
        """An asset gets another path."""
        if not self.unreal.EditorAssetLibrary.rename_asset(self._named(asset)._path(), to):
            raise AssertionError(f"{asset} cannot become {to}")

    def make_read_only(self, package: str) -> None:
        """The asset's file cannot be written."""
        self.state.read_only.add(package)

    # what came of it ----------------------------------------------------------------------------------------------

    def sections(self, sequence: Any) -> list[Any]:
        """All sections of control rig tracks in a sequence."""
        kind = self.unreal.MovieSceneControlRigParameterTrack
        tracks = self._named(sequence)._all_tracks()
        return [section for track in tracks if isinstance(track, kind) for section in track._sections]

    def keys(self, section: Any, channel: str) -> list[tuple[int, Any]]:
        """(tick, value) of each key of a channel, in the order of time."""
        data = section._channels[channel]
        return list(zip(data.times(), data.values(), strict=True))

    def keyed(self, section: Any) -> Sequence[str]:
        """The channels of a section that have keys."""
        return [name for name, data in section._channels.items() if data.keys]

    def values_at(self, section: Any, channel: str, ticks: Sequence[float]) -> list[Any]:
        """What a channel's keys say at some ticks."""
        return section._channels[channel].at_all(ticks)
