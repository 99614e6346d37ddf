"""The self-test: open questions of the plugin, which only a real editor can answer, tried in a scratch folder.

The report is a JSON file for each version of the engine, for users to send. Everything is put back: the scratch folder
is deleted, Sequencer shows again what it showed. The level is not changed. The face questions need a MetaHuman: the
selected one, else the first of the level.
"""

from __future__ import annotations

import json
import platform
import re
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import unreal

from medtalk_unreal import compat, facerig, filling
from medtalk_unreal.errors import PluginError
from medtalk_unreal.questions import Answer
from medtalk_unreal.questions.every import all_of_them
from medtalk_unreal.questions.scratch import FOLDER, SkippedError
from medtalk_unreal.settings import folder
from medtalk_unreal.ticks import Steps, fault
from medtalk_wire.files import write_whole

Tell = Callable[[str], None]

_DESCRIPTOR = Path(__file__).parents[3] / "MEDTalk.uplugin"


def steps(menus: Sequence[str], tell: Tell) -> Generator[None, None, Answer]:
    """Steps of the whole test; the report, which also lies at `report_path()`.

    menus: names of those that the plugin extends. `tell` hears of each answer.
    """
    if unreal.EditorAssetLibrary.does_directory_exist(FOLDER):
        raise PluginError(f"There is a folder {FOLDER} already.", "Delete it, it is left of an earlier self-test.")
    before = compat.View.now()
    report: Answer = {
        "engine": unreal.SystemLibrary.get_engine_version(),
        "plugin": _plugin_version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "command_line": unreal.SystemLibrary.get_command_line(),
        "unattended": unreal.SystemLibrary.is_unattended(),
        "questions": {},
    }
    asked = all_of_them(menus)
    try:
        actor = _actor()
        report["face"] = _about(actor)
        for name, (text, question) in asked.items():
            _write({**report, "ok": False, "asking": name})  # what remains if the editor dies of it
            answer = yield from ask(question, actor)
            report["questions"][name] = {"question": text, **answer}
            tell(f"{name}: {_short(answer)}")
            yield
    finally:
        _restore(before)
    failed = [name for name, answer in report["questions"].items() if answer["outcome"] == "failed"]
    report["ok"] = not failed
    _write(report)
    tell(f"{len(failed)} of {len(asked)} questions failed{': ' + ', '.join(failed) if failed else ''}. "
         f"The report is {report_path()}. Please send it.")  # fmt: skip
    return report


def report_path() -> Path:
    """The report's file: one for each version of the engine, so that several can be compared."""
    version = re.match(r"[\d.]+", unreal.SystemLibrary.get_engine_version())
    return folder() / f"selftest-{version[0] if version else 'unknown'}.json"


def ask(question: Callable[[str], Answer | Steps], actor: str) -> Generator[None, None, Answer]:
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


def _actor() -> str:
    """The path name of a MetaHuman, "" if there is none."""
    faces = filling.selected_faces() or [actor for actor in compat.actors() if facerig.find_face(actor) is not None]
    return _path(faces[0]) if faces else ""


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


def _restore(before: compat.View) -> None:
    if compat.open_path().startswith(FOLDER):
        unreal.LevelSequenceEditorBlueprintLibrary.close_level_sequence()
    if unreal.EditorAssetLibrary.does_directory_exist(FOLDER):
        unreal.EditorAssetLibrary.delete_directory(FOLDER)
    before.again()


def _write(report: Answer) -> None:
    path = report_path()
    try:
        write_whole(path, json.dumps(report, indent=1, default=str))
    except OSError as error:
        raise PluginError(
            f"The report {path} cannot be written: {error.strerror}.", "Free some space, or allow it."
        ) from error


def _plugin_version() -> str:
    try:
        return str(json.loads(_DESCRIPTOR.read_text("utf-8-sig"))["VersionName"])
    except (OSError, ValueError, KeyError):
        return ""


def _path(thing: unreal.Object | None) -> str:
    return thing.get_path_name() if thing is not None else ""


def _short(answer: Answer) -> str:
    shown = {name: value for name, value in answer.items() if name not in ("outcome", "seconds", "names")}
    return f"{answer['outcome']}, " + ", ".join(f"{name} {value}" for name, value in shown.items())
