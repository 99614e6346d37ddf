"""The controls of the page, made of the declarations of the settings: a new knob appears by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_origin

from medtalk.audio import SOUND_ENDINGS
from medtalk.finishing.smoothing import WINDOWS
from medtalk.guidance import LABELS
from medtalk.limits import ServiceLimits
from medtalk.perform import Model
from medtalk.rig import RIG_ENDINGS
from medtalk_wire.settings import MAX_TEXT, Finishing, Knob, Settings, knobs

OWN = ("emotion", "text", "image", "curve", "timeline")
"""Settings that have a control of their own in the page: sliders, a picture, a curve that is drawn, spans."""
NOT_CONTROLS = {
    "image_name": "the name of the file that is dropped",
    "span": "the page plays a part of the take, and an export may be of that part",
}
"""Settings without a control, and why."""
PAGE_ENDING = ".html"
"""The ending of an export that is a page, as of `medtalk preview`."""


def controls(model: Model, limits: ServiceLimits) -> dict[str, Any]:
    """What the page needs to know before it asks for a take, as JSON."""
    shown = [knob for knob in knobs(Settings) if knob.name not in (*OWN, *NOT_CONTROLS)]
    return {
        "labels": list(LABELS),
        "guidance": list(model.guidance),
        "knobs": [_control(knob) for knob in shown],
        "finishing": [_control(knob) for knob in knobs(Finishing)],
        "endings": [*RIG_ENDINGS, PAGE_ENDING],
        "sounds": list(SOUND_ENDINGS),
        "limits": {
            "sound": limits.audio.max_bytes,
            "picture": limits.max_image_bytes,
            "text": MAX_TEXT,
        },
    }


def _control(knob: Knob) -> dict[str, Any]:
    """A knob as JSON; `kind` says which control it gets, `parts` the names in a map with their usual values."""
    kinds = {bool: "switch", float: "number", int: "whole", str: "text"}
    kind = "choice" if knob.choices else "map" if get_origin(knob.kind) is Mapping else kinds[knob.kind]
    control = {
        "name": knob.name,
        "kind": kind,
        "default": knob.default,
        "help": knob.help,
        "optional": knob.optional,
        "choices": list(knob.choices),
        "limits": knob.limits and [float(limit) for limit in knob.limits],
    }
    return {**control, "parts": WINDOWS} if knob.name == "smoothing" else control
