"""The JSON of weights that NVIDIA's Audio2Face exports, with ARKit's names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from medtalk.errors import RigError
from medtalk.rig.arkit import ARKIT_NAMES, N_ARKIT
from medtalk.rig.tables import number_format

ROWS = "weightMat"
NAMES = tuple(name[0].lower() + name[1:] for name in ARKIT_NAMES)
"""As Audio2Face and Apple write them: eyeBlinkLeft."""


def audio2face_lines(weights: np.ndarray, fps: float) -> Iterator[str]:
    """The lines of weights (T, 52) in the order of `ARKIT_NAMES`. `trackPath`, the sound, is not known here."""
    rate = int(fps) if fps == int(fps) else fps  # 30, as others write it, not 30.0
    head = {"exportFps": rate, "trackPath": "", "numPoses": N_ARKIT, "numFrames": len(weights), "facsNames": NAMES}
    yield f'{json.dumps(head)[:-1]}, "{ROWS}": ['
    row, last = f"[{number_format(N_ARKIT)}]", len(weights) - 1
    for t, frame in enumerate(weights):
        yield row % tuple(frame.tolist()) + ("," if t < last else "")
    yield "]}"


def parse_audio2face(path: Path, document: Mapping[str, Any], default: float) -> tuple[np.ndarray, float]:
    """(weights (T, 52) in our order, frame rate) of what such a file holds.

    Names may come in any order and case. Others than ARKit's are passed over: some tools add the tongue and the head.
    A file without `exportFps` has `default` frames a second.
    """
    names, weights, fps = document.get("facsNames"), document.get(ROWS), document.get("exportFps", default)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or weights is None:
        raise RigError(f'{path} is JSON, but not of Audio2Face: that has "facsNames" and "{ROWS}".')
    for key, count, what in (("numPoses", len(names), "names"), ("numFrames", len(weights), "frames")):
        if document.get(key, count) != count:
            raise RigError(
                f'{path}: "{key}" is {str(document[key])[:20]}, but it holds {count} {what}.',
                "It may be cut short; make it again.",
            )
    if weights.shape[1] != len(names):
        raise RigError(f"{path}: its frames have {weights.shape[1]} values for {len(names)} names.")
    if isinstance(fps, bool) or not isinstance(fps, int | float):
        raise RigError(f'{path}: "exportFps" must be a number.')
    found = {name.strip().lower(): column for column, name in enumerate(names)}
    if len(found) != len(names):
        raise RigError(f"{path}: a name of a pose is there twice.")
    if missing := [name for name in NAMES if name.lower() not in found]:
        raise RigError(f"{path}: no pose is called {missing[0]}.", "It must hold the 52 ARKit names.")
    return weights[:, [found[name.lower()] for name in NAMES]], float(fps)
