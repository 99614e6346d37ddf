"""Nodes for Blueprints: texts in, JSON out, because Python's nodes pass little else well.

The classes are defined while the editor starts. Everything else is imported when a node runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import unreal

_CATEGORY = {"Category": "MEDTalk"}
_last: Any = None  # the generation that was started last


@unreal.uclass()
class MEDTalkLibrary(unreal.BlueprintFunctionLibrary):
    """MEDTalk's nodes."""

    @unreal.ufunction(static=True, params=[str], ret=str, meta=_CATEGORY)
    def start_face_animation(request):
        """Starts to generate. Request is a JSON object: sounds, emotion, actor and more; see docs/unreal.md."""
        return _reply(lambda: _start(str(request)))

    @unreal.ufunction(static=True, ret=str, meta=_CATEGORY)
    def poll_face_animation():
        """The status of the last one: state (running, done, failed, cancelled), phase, fraction, text."""
        return _reply(lambda: {name: _result()[name] for name in ("state", "phase", "fraction", "text")})

    @unreal.ufunction(static=True, ret=str, meta=_CATEGORY)
    def cancel_face_animation():
        """Stops the one that runs; takes that are written stay."""
        return _reply(_cancel)

    @unreal.ufunction(static=True, ret=str, meta=_CATEGORY)
    def get_face_animation_result():
        """Everything about the last one: state, takes (sequence, keys, missing, clamped, warnings), failures."""
        return _reply(_result)


def _start(request: str) -> Mapping[str, Any]:
    global _last
    from medtalk_unreal import generate
    from medtalk_unreal.errors import PluginError
    from medtalk_unreal.request import Request

    try:
        content = json.loads(request)
    except (ValueError, RecursionError) as error:
        raise PluginError(f"The request is not valid JSON: {error}.") from error
    _last = generate.start(Request.read(content))
    return {"state": "running"}


def _result() -> Mapping[str, Any]:
    from medtalk_unreal import generate
    from medtalk_unreal.errors import PluginError

    if _last is None:
        raise PluginError("Nothing has been started yet.", "Use Start Face Animation first.")
    return generate.result(_last.status)


def _cancel() -> Mapping[str, Any]:
    from medtalk_unreal import generate

    generate.cancel()
    return _result()


def _reply(answer: Callable[[], Mapping[str, Any]]) -> str:
    """The answer as JSON; what goes wrong as `{"state": "failed", "error": line}`, because a node cannot raise."""
    from medtalk_unreal import ticks
    from medtalk_unreal.errors import PluginError

    try:
        return json.dumps(answer())
    except PluginError as error:
        return json.dumps({"state": "failed", "error": str(error)})
    except Exception as error:
        return json.dumps({"state": "failed", "error": str(ticks.fault(error))})
