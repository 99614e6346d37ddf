"""Headless: a job file in, a result file out, and the editor ends.

    UnrealEditor-Cmd PROJECT.uproject -ExecutePythonScript=".../medtalk_unreal/headless.py" -unattended -nosplash

The environment variable MEDTALK_JOB names the job file, a JSON object:

    {"map": "/Game/Maps/Stage",                          opened first, may be left out
     "requests": [{"sounds": ["/Game/Voice/Line1"], "actor": "Ada", "emotion": "happy"}],
     "bakes": [{"sequence": "/Game/Shots/One"},          faces of sequences to be recorded as AnimSequences
               {"results": "D:/vo/rigs", "actor": "Ada"}], an asset for each line of a folder of results
     "exports": [{"sequence": "/Game/Shots/One"}],       sequences whose takes are to be written as .npz and .wav
     "selftest": false,                                  also run the self-test; `ok` is false if a question fails
     "result": "C:/work/result.json"}                    where to write the result; beside the job file if left out

A request has the names of `request.Request`; `actor` may also be the actor's label, and one of its `sounds` a folder.
Bakes and exports are done after the requests, and have the names `sequence`, `actor`, `folder` and `name`; a bake of
`results` has those of `order.Order`. What was written is saved. `ok` in the result says whether all went well, not the
editor's exit code, which counts errors of the whole project.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import unreal

from medtalk_unreal import bake, compat, generate, lines, readback, sound, ticks
from medtalk_unreal.errors import PluginError
from medtalk_unreal.order import Order
from medtalk_unreal.request import Request
from medtalk_unreal.sidecar import the_sidecar
from medtalk_unreal.work import Work
from medtalk_wire.files import write_whole

VARIABLE = "MEDTALK_JOB"
_NAMES = {"map": str, "requests": list, "bakes": list, "exports": list, "selftest": bool, "result": str}
_OF_A_SEQUENCE = ("sequence", "actor", "folder", "name")  # names of a bake and of an export
_REGISTRY_SECONDS = 1800.0  # a large project, seen for the first time


def run() -> None:
    """Do the job that the environment names; the editor ends after it."""
    name = os.environ.get(VARIABLE, "")
    if not name:
        unreal.log_error(f"MEDTalk: the environment variable {VARIABLE} does not name a job file.")
        return
    path = Path(name)
    outcome: dict[str, Any] = {
        "ok": False, "error": "", "requests": [], "bakes": [], "exports": [],
        "engine": unreal.SystemLibrary.get_engine_version(),
    }  # fmt: skip
    report = path.with_suffix(".result.json")
    try:
        job = _read(path)
        report = Path(job.get("result") or report)
        report.unlink(missing_ok=True)  # that of an earlier run must not be taken for ours
        steps = _steps(job, outcome)
    except (PluginError, OSError) as error:
        steps = _failing(error)

    def ended(task: ticks.Task) -> None:
        all_done = [*outcome["requests"], *outcome["bakes"], *outcome["exports"]]
        passed = outcome.get("selftest", {}).get("ok", True)
        outcome["ok"] = task.error is None and passed and all(done["state"] == "done" for done in all_done)
        outcome["error"] = str(task.error or "")
        if task.error is not None:
            unreal.log_error(f"MEDTalk: {task.error}")
        the_sidecar.close()
        _write(report, outcome)
        if not compat.is_commandlet():
            unreal.EditorPythonScripting.set_keep_python_script_alive(False)
            unreal.SystemLibrary.quit_editor()

    if compat.is_commandlet():
        ticks.drain(steps, ended)
    else:
        unreal.EditorPythonScripting.set_keep_python_script_alive(True)
        ticks.begin(steps, ended)


def _steps(job: Mapping[str, Any], outcome: dict[str, Any]) -> ticks.Steps:
    patience = ticks.Patience(_REGISTRY_SECONDS)
    while unreal.AssetRegistryHelpers.get_asset_registry().is_loading_assets():
        if patience.over:
            raise PluginError("The editor has not found all assets within half an hour.")
        yield
    if job.get("map") and not unreal.EditorLoadingAndSavingUtils.load_map(job["map"]):
        raise PluginError(f"The map {job['map']} cannot be opened.", "Give its path in the form /Game/Maps/Name.")
    yield
    for content in job.get("requests", []):
        outcome["requests"].append((yield from _request(content)))
    for content in job.get("bakes", []):
        yield
        of_results = isinstance(content, dict) and "results" in content
        done = (yield from _results(content)) if of_results else _of_a_sequence(content, _bake)
        outcome["bakes"].append(done)
    for content in job.get("exports", []):
        yield
        outcome["exports"].append(_of_a_sequence(content, _export))
    if job.get("selftest"):
        from medtalk_unreal import menus, selftest

        outcome["selftest"] = yield from selftest.steps(menus.MENUS, lambda line: unreal.log(f"MEDTalk: {line}"))
        if not outcome["selftest"]["ok"]:
            unreal.log_error("MEDTalk: questions of the self-test failed.")  # which the exit code shows


def _request(content: Any) -> Generator[None, None, Mapping[str, Any]]:
    """Steps that do one request; its result. A request that fails does not keep the next ones from being done."""
    try:
        request = Request.read(content)
        sounds = tuple(path for name in request.sounds for path in _sounds(name))
        request = replace(request, sounds=sounds, actor=_actor_path(request.actor))
        generation = generate.Generation(request)
    except PluginError as error:
        unreal.log_error(f"MEDTalk: {error}")
        return {"state": "failed", "text": str(error), "takes": [], "failures": []}
    yield from _to_its_end(generation)
    result = generate.result(generation.status)
    if request.bulk:  # each asset is saved already
        return result if not result["failures"] else {**result, "state": "failed"}
    for path in {take.get("sequence") or take["asset"] for take in result["takes"]}:
        if not unreal.EditorAssetLibrary.save_asset(path, False):
            return {**result, "state": "failed", "text": f"{path} cannot be saved. Is it checked out?"}
    return result if not result["failures"] else {**result, "state": "failed"}


def _results(content: Mapping[str, Any]) -> Generator[None, None, Mapping[str, Any]]:
    """Steps that bake a folder of results; what became of it. Lines that fail make it fail, after all are done."""
    try:
        order = Order.read(content)
        baking = lines.Baking(replace(order, actor=_actor_path(order.actor)))
        baking.check()
    except PluginError as error:
        unreal.log_error(f"MEDTalk: {error}")
        return {"state": "failed", "text": str(error), "made": [], "kept": [], "edited": [], "failed": []}
    yield from _to_its_end(baking)
    result = lines.result(baking)
    return result if not result["failed"] else {**result, "state": "failed"}


def _to_its_end(work: Work) -> ticks.Steps:
    """Steps of work, which ends with them however it is."""
    task = ticks.Task(work.steps(), work.ended)
    try:
        while not task.ended:
            task.advance()
            yield
    finally:
        task.cancel()


def _sounds(path: str) -> list[str]:
    """The SoundWave at a path, or those in the folder there. Raises `PluginError` for a folder that has none."""
    library = unreal.EditorAssetLibrary
    if library.does_asset_exist(path) or not library.does_directory_exist(path):
        return [path]
    found = sound.in_folder(path)
    if not found:
        raise PluginError(f"The folder {path} has no SoundWave.", "Import the sounds first.")
    return found


def _of_a_sequence(content: Any, action: Callable[..., Mapping[str, Any]]) -> Mapping[str, Any]:
    """The result of a bake or an export."""
    try:
        if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
            raise PluginError(
                "A bake or an export must be a JSON object with text values.", f"Valid are {', '.join(_OF_A_SEQUENCE)}."
            )
        for name in content:
            if name not in _OF_A_SEQUENCE:
                raise PluginError(f"Unknown name {name[:60]!r}.", f"Valid are {', '.join(_OF_A_SEQUENCE)}.")
        sequence, actor, folder, name = (content.get(name, "") for name in _OF_A_SEQUENCE)
        return {"state": "done", "text": "", **action(sequence, _actor_path(actor) or None, folder, name)}
    except Exception as error:
        failure = error if isinstance(error, PluginError) else ticks.fault(error)
        unreal.log_error(f"MEDTalk: {failure}")
        return {"state": "failed", "text": str(failure)}


def _bake(sequence: str, actor: str | None, folder: str, name: str) -> Mapping[str, Any]:
    usual_folder, usual_name = bake.beside(sequence)
    report = bake.bake_sequence(sequence, actor, folder or usual_folder, name or usual_name)
    if not unreal.EditorAssetLibrary.save_asset(report.asset, False):
        raise PluginError(f"{report.asset} cannot be saved.", "Is it checked out?")
    return asdict(report)


def _export(sequence: str, actor: str | None, folder: str, name: str) -> Mapping[str, Any]:
    files = readback.export(sequence, actor, folder or readback.default_folder(sequence), name)
    return {"files": [file.as_posix() for file in files]}


def _actor_path(text: str) -> str:
    """The path name of the actor that has this label, name or path name; "" for ""."""
    if not text:
        return ""
    names = {
        one.get_path_name(): (one.get_actor_label(), one.get_name(), one.get_path_name()) for one in compat.actors()
    }
    paths = [path for path, known in names.items() if text in known]
    if not paths and "." in text:
        return text  # the path name of one that a sequence spawns
    if len(paths) != 1:
        many = f"{len(paths)} actors of the level are" if paths else "No actor of the level is"
        raise PluginError(f"{many} called {text!r}.", "Give the actor's path name.")
    return paths[0]


def _read(path: Path) -> dict[str, Any]:
    try:
        job = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise PluginError(f"The job file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise PluginError(f"The job file {path} is not valid JSON: {error}.") from error
    if not isinstance(job, dict):
        raise PluginError(f"The job file {path} does not hold a JSON object.", f"Its names are {', '.join(_NAMES)}.")
    for name, value in job.items():
        if name not in _NAMES:
            raise PluginError(f"Unknown name {name[:60]!r} in the job file.", f"Valid are {', '.join(_NAMES)}.")
        if not isinstance(value, _NAMES[name]):
            raise PluginError(f"{name} in the job file must be a {_NAMES[name].__name__}.")
    return job


def _failing(error: Exception) -> ticks.Steps:
    yield
    raise PluginError(str(error))


def _write(path: Path, outcome: Mapping[str, Any]) -> None:
    try:
        write_whole(path, json.dumps(outcome, indent=1))
        unreal.log(f"MEDTalk: the result is in {path}.")
    except OSError as error:
        unreal.log_error(f"MEDTalk: the result cannot be written to {path}: {error.strerror}.")


if __name__ == "__main__":
    # The editor runs this file as a program. The module is another one, which all others import.
    from medtalk_unreal import headless

    headless.run()
