"""Rigs whose faults are known: a sentence that closes, opens and rests where it should, and ways to spoil it."""

from __future__ import annotations

import numpy as np

from medtalk.finishing.closures import compose, trapezoid
from medtalk.rig.channels import indices
from medtalk.rig.sequence import RigSequence, Timed

PHONES = tuple(
    Timed(name, round(0.5 + 0.15 * k, 2), round(0.65 + 0.15 * k, 2))
    for k, name in enumerate("m aa t b ae k f ao s p iy v eh n b aa l p uw".split())
)
"""From .5 to 3.35 s of 4 s."""
WORDS = (Timed("mat", 0.5, 0.95), Timed("back", 0.95, 1.4), Timed("force", 1.4, 1.85), Timed("people", 1.85, 3.35))
FRAMES, SECONDS = 240, 4.0
JAW = indices("C_jaw.Y")
SEAL = indices("?_mouth_lipsTogether[DU]")
BITE = indices("?_mouth_lipBiteD")
BLINK = indices("?_eye_blink")


def speaking(without: tuple[str, ...] = ()) -> RigSequence:
    """4 s at 60 fps of a jaw that is open in speech, with the closures of the phones but those of `without`."""
    times = np.arange(FRAMES) / 60
    values = np.zeros((FRAMES, 174), np.float32)
    spoken = trapezoid(times, np.array([[PHONES[0].start, PHONES[-1].end]]), 0.1, 0.1)
    values[:, JAW] = (spoken * (0.2 + 0.1 * np.sin(2 * np.pi * times / 0.3)))[:, None]
    held = {
        name: trapezoid(
            times, np.array([p[1:] for p in PHONES if p.text == name and name not in without]).reshape(-1, 2), 0.045
        )
        for name in "pbmfv"
    }
    blink = trapezoid(times, np.array([[2.0, 2.05]]), 0.12)
    values = compose(held).over(values)
    values[:, BITE] = np.minimum(1.3 * values[:, BITE], 1.0)  # on the teeth, also for a v
    values[:, BLINK] = blink[:, None]
    return RigSequence(values, 60.0, phones=PHONES, words=WORDS)


def changed(rig: RigSequence, start: float, end: float, channels: np.ndarray, value: float) -> RigSequence:
    """The rig with channels set from `start` to `end` seconds."""
    values = rig.values.copy()
    values[round(start * rig.fps) : round(end * rig.fps), channels] = value
    return RigSequence(values, rig.fps, rig.meta, rig.words, rig.phones)


def shifted(rig: RigSequence, frames: int) -> RigSequence:
    """The rig later by so many frames; its words and phones stay."""
    return RigSequence(np.roll(rig.values, frames, axis=0), rig.fps, rig.meta, rig.words, rig.phones)
