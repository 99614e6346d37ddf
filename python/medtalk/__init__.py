"""MEDTalk for MetaHuman: a recording in, an emotional MetaHuman face rig out.

    import medtalk

    performance = medtalk.load().perform("line.wav")
    rig = performance.decode("angry", intensity=1.2)

The names of the public face are imported when they are first used, so that `import medtalk` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from medtalk.version import __version__

if TYPE_CHECKING:
    from medtalk.audio import Speech, read_speech
    from medtalk.errors import MedtalkError
    from medtalk.finishing import Finishing
    from medtalk.guidance import KINDS, MOODS
    from medtalk.limits import AudioLimits
    from medtalk.marks import read_curve, read_timeline
    from medtalk.perform import Model, Performance, load
    from medtalk.persona import read_persona
    from medtalk.rig import RigSequence, read_rig, write_rig
    from medtalk.saved import load_performance, save_performance
    from medtalk.timeline import Timeline, spans_of

_HOME = {
    "AudioLimits": "medtalk.limits",
    "Speech": "medtalk.audio",
    "read_speech": "medtalk.audio",
    "MedtalkError": "medtalk.errors",
    "Finishing": "medtalk.finishing",
    "KINDS": "medtalk.guidance",
    "MOODS": "medtalk.guidance",
    "Timeline": "medtalk.timeline",
    "read_curve": "medtalk.marks",
    "read_persona": "medtalk.persona",
    "read_timeline": "medtalk.marks",
    "spans_of": "medtalk.timeline",
    "Model": "medtalk.perform",
    "Performance": "medtalk.perform",
    "load": "medtalk.perform",
    "load_performance": "medtalk.saved",
    "save_performance": "medtalk.saved",
    "RigSequence": "medtalk.rig",
    "read_rig": "medtalk.rig",
    "write_rig": "medtalk.rig",
}

__all__ = [
    "KINDS",
    "MOODS",
    "AudioLimits",
    "Finishing",
    "MedtalkError",
    "Model",
    "Performance",
    "RigSequence",
    "Speech",
    "Timeline",
    "__version__",
    "load",
    "load_performance",
    "read_curve",
    "read_persona",
    "read_rig",
    "read_speech",
    "read_timeline",
    "save_performance",
    "spans_of",
    "write_rig",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'medtalk' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
