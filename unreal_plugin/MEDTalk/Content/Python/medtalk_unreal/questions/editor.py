"""Questions about the editor itself: what is there, and whether it lets the plugin work."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import unreal

from medtalk_unreal import livelink, reports
from medtalk_unreal.questions import Answer, Question
from medtalk_unreal.questions.scratch import SkippedError, sequence
from medtalk_unreal.ticks import Steps

_TICKS = 20
_DESCRIPTOR = Path(__file__).parents[4] / "MEDTalk.uplugin"


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


def _slate_ticks(_: str) -> Steps:
    gaps, last = [], time.perf_counter()
    for _tick in range(_TICKS):
        yield
        now = time.perf_counter()
        gaps.append(1000 * (now - last))
        last = now
    return {"ticks": _TICKS, "milliseconds_mean": sum(gaps) / len(gaps), "milliseconds_most": max(gaps)}


def _toast(_: str) -> Answer:
    """What a progress toast needs. None is shown here."""
    task = getattr(unreal, "EditorUtilityTask", None)
    names = ("finish_executing_task", "set_task_notification_text", "was_cancel_requested", "receive_begin_execution")
    subsystem = getattr(unreal, "EditorUtilitySubsystem", None)
    there = unreal.get_editor_subsystem(subsystem) if subsystem is not None else None
    return {
        "task": {name: hasattr(task, name) for name in names} if task is not None else None,
        "can_be_begun": hasattr(there, "register_and_execute_task"),
    }  # fmt: skip


def _clock(_: str) -> Answer:
    """Whether a new sequence can keep time by its sound."""
    source = getattr(unreal, "UpdateClockSource", None)
    made: Any = sequence()
    if source is None or not hasattr(made, "set_clock_source"):
        return {"by_sound": False}
    made.set_clock_source(source.AUDIO)
    return {"by_sound": made.get_clock_source() == source.AUDIO}


def _import(_: str) -> Answer:
    """Whether the experimental plugin RigMapper is there, whose import writes many keys at once."""
    subsystem = getattr(unreal, "RigMapperEditorSubsystem", None)
    return {
        "plugin": subsystem is not None,
        "imports": hasattr(subsystem, "convert_csv_to_control_rig_section"),
        "definition": hasattr(unreal, "RigMapperDefinition"),
    }


def _live_link(path: str) -> Answer:
    """What Python sees of Live Link, and the variables of a MetaHuman that the live preview sets."""
    actor: Any = unreal.find_object(None, path) if path else None
    return {
        "lacks": livelink.missing(),
        "subjects": livelink.subjects(),
        "variables": None if actor is None else livelink.variables(actor),
    }


def _packaging(_: str) -> Answer:
    """Whether the plugin asks for other plugins in games too, where the editor's own cannot be."""
    asked = json.loads(_DESCRIPTOR.read_text("utf-8-sig"))["Plugins"]
    return {"in_games_too": [one["Name"] for one in asked if one.get("TargetAllowList") != ["Editor"]]}


def questions(menus: Sequence[str]) -> dict[str, Question]:
    """Name -> question. menus: names of those that the plugin extends."""
    return {
        "details_tab": ("Does a Python object open in a tab?", _details_tab),
        "packages": ("Where do pyzmq and msgpack come from?", _packages),
        "sockets": ("Does pyzmq work inside the editor?", _sockets),
        "menus": ("Which of the menus that we extend are registered?", lambda _: _registered(menus)),
        "ticks": ("Does the editor tick, and how often?", _slate_ticks),
        "toast": ("Can a task show its progress in a toast?", _toast),
        "clock": ("Can a sequence keep time by its sound?", _clock),
        "import": ("Is the import of RigMapper there?", _import),
        "live_link": ("What is there for the live preview?", _live_link),
        "packaging": ("Which plugins would MEDTalk bring into a game?", _packaging),
    }
