"""The sound that a rig file belongs to: where it lies, where in it the rig begins, and if their lengths differ."""

from __future__ import annotations

import os
from pathlib import Path

from medtalk.audio import SOUND_ENDINGS
from medtalk.rig import RigSequence, rig_ending

_SLACK_S = 0.05
"""Rigs hold whole frames, and one of 24 fps may be half a frame longer or shorter than its sound."""


def own_sound(path: str | Path, rig: RigSequence) -> Path | None:
    """The sound of the rig file at `path`, if it lies in the same folder.

    It is the file that the rig was made from, by the name in its meta. A rig without meta (.csv, .txt) has the sound of
    its own name: take.wav beside take.csv. None where there is no such file.
    """
    file = Path(path)
    source = rig.meta.get("source")
    name = source.get("name") if isinstance(source, dict) else None
    if isinstance(name, str) and name and name == os.path.basename(name):
        names = [name]
    else:
        stem = file.name[: -len(rig_ending(file))]
        names = [stem + ending for ending in SOUND_ENDINGS]
    found = (file.parent / each for each in names)
    return next((each for each in found if os.path.isfile(each)), None)


def starts_at(rig: RigSequence, seconds: float) -> float:
    """At which second of a sound of `seconds` the rig begins: 0, unless it was made of a part of just such a sound."""
    span, source = rig.meta.get("span"), rig.meta.get("source")
    whole = source.get("seconds") if isinstance(source, dict) else None
    if not isinstance(span, list) or not span or not isinstance(span[0], int | float):
        return 0.0
    return float(span[0]) if isinstance(whole, int | float) and abs(whole - seconds) <= _SLACK_S else 0.0


def length_note(rig: RigSequence, seconds: float) -> str:
    """One line if a sound of so many seconds is longer or shorter than the rig, else ""."""
    if abs(rig.seconds - seconds) <= max(_SLACK_S, 1.0 / rig.fps):
        return ""
    longer, shorter = ("sound", "rig") if seconds > rig.seconds else ("rig", "sound")
    return (
        f"The sound lasts {seconds:.2f} s and the rig {rig.seconds:.2f} s. Both start together, neither is stretched: "
        f"the {shorter} ends before the {longer}."
    )
