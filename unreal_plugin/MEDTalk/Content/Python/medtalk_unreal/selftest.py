"""The open questions of the plugin, which only a real editor can answer, tried in a scratch folder, as a JSON report.

Everything is put back: the scratch folder is deleted, the sequence that was open is opened again. The level is not
changed. The face questions need a MetaHuman: the selected one, else the first of the level.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

import unreal

from medtalk_unreal import compat, facerig, forms, reports
from medtalk_unreal.errors import PluginError
from medtalk_unreal.settings import folder
from medtalk_unreal.ticks import Steps, fault

SCRATCH = "/Game/MEDTalkSelfTest"
KEYS, ARRAY_KEYS = 2000, 50
"""Keys that are written to take the time. A key of the array setters may take a thousand times as long."""
_JAW, _JAW_CURVE = "CTRL_C_jaw.Y", "CTRL_expressions_jawOpen"
_TICKS = 20

Answer = dict[str, Any]
Tell = Callable[[str], None]


class SkippedError(PluginError):
    """The question needs something that is not there."""


def steps(menus: Sequence[str], tell: Tell) -> Generator[None, None, Answer]:
    """Steps of the whole test; the report, which also lies in `Saved/MEDTalk/selftest.json`.

    menus: names of those that the plugin extends. `tell` hears of each answer.
    """
    library = unreal.EditorAssetLibrary
    before = compat.open_path()
    if library.does_directory_exist(SCRATCH):
        raise PluginError(f"There is a folder {SCRATCH} already.", "Delete it, it is left of an earlier self-test.")
    report: Answer = {
        "engine": unreal.SystemLibrary.get_engine_version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "command_line": unreal.SystemLibrary.get_command_line(),
        "unattended": unreal.SystemLibrary.is_unattended(),
        "questions": {},
    }
    asked = questions(menus)
    try:
        actor = _actor()
        report["face"] = _about(actor)
        for name, (text, question) in asked.items():
            answer = yield from _asked(question, actor)
            report["questions"][name] = {"question": text, **answer}
            tell(f"{name}: {_short(answer)}")
            yield
    finally:
        _restore(before)
    failed = [name for name, answer in report["questions"].items() if answer["outcome"] == "failed"]
    report["ok"] = not failed
    path = folder() / "selftest.json"
    path.write_text(json.dumps(report, indent=1), "utf-8")
    tell(f"{len(failed)} of {len(asked)} questions failed{': ' + ', '.join(failed) if failed else ''}. "
         f"The report is {path}.")  # fmt: skip
    return report


def _asked(question: Callable[[str], Answer | Steps], actor: str) -> Generator[None, None, Answer]:
    """Steps to the answer: `outcome` is "answered", "skipped" or "failed"."""
    start = time.perf_counter()
    try:
        steps = question(actor)
        answer = steps if isinstance(steps, dict) else (yield from steps)
        outcome = {"outcome": "answered", **answer}
    except SkippedError as error:
        outcome = {"outcome": "skipped", "why": str(error)}
    except PluginError as error:
        outcome = {"outcome": "failed", "why": str(error)}
    except Exception as error:
        outcome = {"outcome": "failed", "why": str(fault(error))}
    return {**outcome, "seconds": round(time.perf_counter() - start, 4)}


# --- the questions


def _jaw_opens(actor: str) -> Steps:
    sequence, face = _keyed(actor, 0.5)
    library = unreal.LevelSequenceEditorBlueprintLibrary
    library.open_level_sequence(sequence)
    library.refresh_current_level_sequence()
    library.force_update()
    rig = face.rig_path
    del sequence, face
    for _ in range(3):  # the rig, then the face's animation blueprint
        yield
    _, component, _ = facerig.resolve(None, actor).in_level
    value = component.get_curve_value(_JAW_CURVE, 0.0)
    if value is not None and value < 0.0:
        raise PluginError(f"{_JAW} 0.5 gives {_JAW_CURVE} {value:g}: its sign is turned over on {rig}.")
    if not value:
        raise SkippedError(f"{_JAW_CURVE} is {value}: is the face animated in this editor?", "Not so without a screen.")
    return {"opens": True, "value": value, "rig": rig}


def _add_key_twice(actor: str) -> Answer:
    _, face = _keyed(actor, 0.25)
    channel = facerig.section_channels(face.section)[_JAW]
    before = channel.get_num_keys()
    _key(channel, 0, 0.75)
    keys = compat.keys(channel)
    return {"keys_before": before, "keys_after": len(keys), "values": [key.get_value() for key in keys]}


def _speed(actor: str) -> Answer:
    sequence, face = _keyed(actor, 0.0)
    channel = facerig.section_channels(face.section)[_JAW]
    start = time.perf_counter()
    for frame in range(KEYS):
        _key(channel, 1000 * frame, 0.5)
    by_key = time.perf_counter() - start
    unreal.LevelSequenceEditorBlueprintLibrary.open_level_sequence(sequence)
    rig = facerig.live_rig(sequence, face)
    by_array = None
    if rig is not None:
        frames = [unreal.FrameNumber(1000 * frame) for frame in range(ARRAY_KEYS)]
        points = [unreal.Vector2D(0.0, 0.5)] * ARRAY_KEYS
        start = time.perf_counter()
        unreal.ControlRigSequencerLibrary.set_local_control_rig_vector2_ds(
            sequence, rig, _JAW.partition(".")[0], frames, points, compat.ticks()
        )
        by_array = 1e6 * (time.perf_counter() - start) / ARRAY_KEYS
    return {"microseconds_per_key_channels": 1e6 * by_key / KEYS, "microseconds_per_key_arrays": by_array}


def _undo(actor: str) -> Answer:
    sequence, face = _keyed(actor, 0.25)
    before = facerig.section_channels(face.section)[_JAW].get_num_keys()
    with unreal.ScopedEditorTransaction("MEDTalk self-test"):
        face.section.modify()
        _key(facerig.section_channels(face.section)[_JAW], 4000, 0.75)
    compat.undo()
    again = facerig.resolve(sequence, actor)
    after = facerig.section_channels(again.section)[_JAW].get_num_keys()
    if after != before:
        raise PluginError("The console command TRANSACTION UNDO undoes nothing: a failed take leaves its keys.")
    return {"undone": True}


def _parents_itself(actor: str) -> Answer:
    sequence, (owned, component, _) = _sequence(), facerig.resolve(None, _needed(actor)).in_level
    owner = sequence.add_possessable(owned)
    binding = sequence.add_possessable(component)
    parent = binding.get_parent()
    itself = parent.is_valid() and parent.get_id().to_string() == owner.get_id().to_string()
    return {"parents_itself": itself, "bindings": len(sequence.get_bindings())}


def _section_range(actor: str) -> Answer:
    face = facerig.make(_sequence(), facerig.resolve(None, _needed(actor)))
    section = face.section
    bounds = section.has_start_frame(), section.has_end_frame()
    frames = [section.get_start_frame() if bounds[0] else None, section.get_end_frame() if bounds[1] else None]
    return {"has_start": bounds[0], "has_end": bounds[1], "range": frames, "layered_or_active": section.is_active()}


def _array_while_closed(actor: str) -> Answer:
    sequence, face = _keyed(actor, 0.0)
    unreal.LevelSequenceEditorBlueprintLibrary.close_level_sequence()
    rig = facerig.live_rig(sequence, face)
    if rig is None:
        return {"rig_found": False, "written": False}
    control, frame = _JAW.partition(".")[0], unreal.FrameNumber(0)
    unreal.ControlRigSequencerLibrary.set_local_control_rig_vector2d(
        sequence, rig, control, frame, unreal.Vector2D(0.0, 0.5), compat.ticks()
    )
    values = [key.get_value() for key in compat.keys(facerig.section_channels(face.section)[_JAW])]
    return {"rig_found": True, "written": 0.5 in values}


def _details_tab(_: str) -> Answer:
    """The tab that shows this report: none is opened here, because the tick is not the place for it."""
    if unreal.SystemLibrary.is_unattended():
        raise SkippedError("There are no tabs to see here.")
    return {"opened": reports.report_is_open()}


def _packages(_: str) -> Answer:
    import msgpack
    import zmq

    def place(module: Any) -> str:
        path = str(module.__file__).replace("\\", "/")
        return "pip at editor start" if "/PipInstall/" in path else "plugin" if "/MEDTalk/" in path else path

    return {
        "zmq": zmq.__version__, "zmq_from": place(zmq),
        "msgpack": ".".join(map(str, msgpack.version)), "msgpack_from": place(msgpack),
    }  # fmt: skip


def _sockets(_: str) -> Steps:
    import zmq

    with zmq.Context() as context, context.socket(zmq.PAIR) as one, context.socket(zmq.PAIR) as other:
        one.linger = other.linger = 0
        port = one.bind_to_random_port("tcp://127.0.0.1")
        other.connect(f"tcp://127.0.0.1:{port}")
        other.send(b"hello")
        for _poll in range(200):
            if one.poll(0):
                return {"echo": one.recv() == b"hello"}
            yield
            time.sleep(0.001)
    return {"echo": False}


def _registered(menus: Sequence[str]) -> Answer:
    registered = unreal.ToolMenus.get().is_menu_registered
    return {menu: registered(menu) for menu in menus}


def _exported(actor: str) -> tuple[bool, unreal.AnimSequence]:
    """What Unreal records of a face with an open jaw in 30 frames, and whether it says that it did."""
    sequence, face = _keyed(actor, 0.5)
    sequence.set_playback_start(0)
    sequence.set_playback_end(30)
    factory = unreal.AnimSequenceFactory()
    factory.set_editor_property("target_skeleton", face.in_level[2].get_editor_property("skeleton"))
    animation = _asset(unreal.AnimSequence, factory)
    options = unreal.AnimSeqExportOption()
    options.set_editor_property("evaluate_all_skeletal_mesh_components", True)
    assert face.binding is not None
    done = unreal.SequencerTools.export_anim_sequence(compat.world(), sequence, animation, options, face.binding, False)
    return done, animation


def _export(actor: str) -> Answer:
    done, animation = _exported(actor)
    library = unreal.AnimationLibrary
    names = [str(name) for name in library.get_animation_curve_names(animation, unreal.RawCurveTrackTypes.RCT_FLOAT)]
    value = library.get_float_value_at_time(animation, _JAW_CURVE, 0.0) if _JAW_CURVE in names else None
    return {"done": done, "curves": len(names), "jaw": value, "names": names[:400]}


def _load_animation(actor: str) -> Answer:
    """The third way to keys, for the time it takes: what was recorded, solved back onto the board."""
    _, animation = _exported(actor)
    face = facerig.make(_sequence(), facerig.resolve(None, actor))
    start = time.perf_counter()
    done = unreal.ControlRigSequencerLibrary.load_anim_sequence_into_control_rig_section(
        face.section, animation, face.in_level[1], unreal.FrameNumber(0)
    )
    seconds = time.perf_counter() - start
    keys = sum(channel.get_num_keys() for channel in facerig.section_channels(face.section).values())
    return {"done": done, "keys": keys, "microseconds_per_key": 1e6 * seconds / keys if keys else None}


def _slate_ticks(_: str) -> Steps:
    gaps, last = [], time.perf_counter()
    for _tick in range(_TICKS):
        yield
        now = time.perf_counter()
        gaps.append(1000 * (now - last))
        last = now
    return {"ticks": _TICKS, "milliseconds_mean": sum(gaps) / len(gaps), "milliseconds_most": max(gaps)}


def questions(menus: Sequence[str]) -> dict[str, tuple[str, Callable[[str], Answer | Steps]]]:
    """Name -> the question in words, and what answers it; it takes the path name of a MetaHuman, or ""."""
    return {
        "jaw": (f"Does {_JAW} above 0 open the jaw?", _jaw_opens),
        "add_key_twice": ("What does a second add_key on a frame do?", _add_key_twice),
        "undo": ("Is what we take back taken back?", _undo),
        "speed": ("How long do channel keys and array setters take?", _speed),
        "parent": ("Does add_possessable of a component parent itself?", _parents_itself),
        "section_range": ("Is a new Control Rig section bounded?", _section_range),
        "closed_sequence": ("Do array setters write into a closed sequence?", _array_while_closed),
        "details_tab": ("Does a Python object open in a tab?", _details_tab),
        "packages": ("Where do pyzmq and msgpack come from?", _packages),
        "sockets": ("Does pyzmq work inside the editor?", _sockets),
        "menus": ("Which of the menus that we extend are registered?", lambda _: _registered(menus)),
        "export": ("Which curves does an export to AnimSequence write?", _export),
        "load_animation": ("How long does an AnimSequence take onto the board?", _load_animation),
        "ticks": ("Does the editor tick, and how often?", _slate_ticks),
    }


# --- the scratch folder


def _sequence() -> unreal.LevelSequence:
    return _asset(unreal.LevelSequence, unreal.LevelSequenceFactoryNew())


def _asset(kind: type, factory: unreal.Factory) -> Any:
    tools = unreal.AssetToolsHelpers.get_asset_tools()
    package, name = tools.create_unique_asset_name(f"{SCRATCH}/Scratch", "")
    asset = tools.create_asset(name, package.rpartition("/")[0], kind, factory)
    if asset is None:
        raise PluginError(f"No {kind.__name__} can be made in {SCRATCH}.")
    return asset


def _keyed(actor: str, value: float) -> tuple[unreal.LevelSequence, facerig.FaceRig]:
    """A scratch sequence with the face in it, and one key of the jaw."""
    sequence = _sequence()
    face = facerig.make(sequence, facerig.resolve(None, _needed(actor)))
    _key(facerig.section_channels(face.section)[_JAW], 0, value)
    return sequence, face


def _key(channel: unreal.MovieSceneScriptingFloatChannel, tick: int, value: float) -> None:
    channel.add_key(unreal.FrameNumber(tick), value, 0.0, compat.ticks(), unreal.MovieSceneKeyInterpolation.LINEAR)


def _actor() -> str:
    """The path name of a MetaHuman, "" if there is none."""
    faces = forms.selected_faces() or [actor for actor in compat.actors() if facerig.find_face(actor) is not None]
    return _path(faces[0]) if faces else ""


def _needed(actor: str) -> str:
    if not actor:
        raise SkippedError("There is no MetaHuman in the level.", "Open a level that has one.")
    return actor


def _about(actor: str) -> Answer | None:
    if not actor:
        return None
    try:
        face = facerig.resolve(None, actor)
    except PluginError as error:
        return {"actor": actor, "why": str(error)}
    board = face.board
    return {
        "actor": actor, "rig": face.rig_path, "generation": board.generation if board else None,
        "missing": list(board.missing) if board else None, "warnings": list(face.warnings),
    }  # fmt: skip


def _restore(before: str) -> None:
    if compat.open_path().startswith(SCRATCH):
        unreal.LevelSequenceEditorBlueprintLibrary.close_level_sequence()
    if unreal.EditorAssetLibrary.does_directory_exist(SCRATCH):
        unreal.EditorAssetLibrary.delete_directory(SCRATCH)
    if compat.load(before) is not None:
        compat.open_again(before)


def _path(thing: unreal.Object | None) -> str:
    return thing.get_path_name() if thing is not None else ""


def _short(answer: Answer) -> str:
    shown = {name: value for name, value in answer.items() if name not in ("outcome", "seconds", "names")}
    return f"{answer['outcome']}, " + ", ".join(f"{name} {value}" for name, value in shown.items())
