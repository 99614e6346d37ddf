"""How large our mouth is beside captured faces: mean, deviation and 95th percentile of ARKit's shapes, and r of each.

A folder holds sounds, and beside each NAME.ogg, .wav or .flac its face: NAME.npz of tracked mouth shapes (values
(T, n), names, fps; FACEGOOD's names), or NAME.csv, .txt, .npz or .arkit.csv, a rig of 174 channels or ARKit's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.audio import Speech, read_speech
from medtalk.errors import TrainingError
from medtalk.quality.articulation import p95
from medtalk.rates import FPS
from medtalk.rig.arkit import to_arkit
from medtalk.rig.formats import read_rig
from medtalk.rig.sequence import RigSequence
from medtalk_train.measure.recordings import ENDINGS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPES: dict[str, tuple[str, ...]] = {
    "JawOpen": ("mouth_stretch_c",),
    "MouthClose": (),
    "MouthFunnel": ("mouth_funnel_",),
    "MouthPucker": ("mouth_pucker_",),
    "MouthLowerDown": ("mouth_lowerLipDepress_",),
    "MouthUpperUp": ("mouth_upperLipRaise_",),
    "MouthSmile": ("mouth_lipCornerPull_",),
    "MouthStretch": ("mouth_lipStretch_",),
}
"""ARKit's shape (the mean of its sides) -> how FACEGOOD's names of it begin."""
_STILL = 1e-3
_RIGS = (".arkit.csv", ".csv", ".txt", ".npz")


@dataclass(frozen=True)
class Capture:
    """A sound and the captured face of who spoke it: curves (T,) at 60 fps by name of `SHAPES`."""

    name: str
    speech: Speech
    curves: dict[str, NDArray]


def read_captures(folder: str | Path) -> list[Capture]:
    """The captures of a folder, by name.

    Raises:
        TrainingError: there are none, or a face is no rig.
    """
    folder = Path(folder)
    out = []
    for sound in sorted(path for path in folder.glob("*") if path.suffix in ENDINGS):
        face = next((p for ending in _RIGS if (p := sound.with_name(sound.stem + ending)).is_file()), None)
        if face is not None:
            out.append(Capture(sound.stem, read_speech(sound), _curves(face)))
    if not out:
        raise TrainingError(f"{folder} holds no captures.", "Give a folder of sounds with a rig or .npz beside each.")
    return out


def shapes(rig: RigSequence) -> dict[str, NDArray]:
    """Curves (T,) of a rig by name of `SHAPES`, left and right averaged."""
    names, weights = to_arkit(rig)
    bare = np.array([name.removesuffix("Left").removesuffix("Right") for name in names])
    return {shape: weights[:, bare == shape].mean(axis=1) for shape in SHAPES}


def beside_captures(show: Callable[[Speech], NDArray], captures: Sequence[Capture], title: str) -> dict[str, float]:
    """The figures by name, each beginning with `title`.

    Args:
        show: gives the rig (T, 174) at 60 fps of a sound.
        captures: not empty.

    Returns:
        For each shape "TITLE SHAPE captured mean" "... sd" "... p95", the same of "shown"; "... amplitude", the
        deviation shown over the one captured; and "... r", the correlation in a take, mean over takes. Shapes that no
        face has or that lie still in all of them are left out.
    """
    shown = [shapes(RigSequence(show(capture.speech), FPS)) for capture in captures]
    out: dict[str, float] = {}
    for shape in SHAPES:
        pairs = []
        for ours, capture in zip(shown, captures, strict=True):
            if shape in capture.curves:
                frames = min(len(ours[shape]), len(capture.curves[shape]))
                pairs.append((ours[shape][:frames], capture.curves[shape][:frames]))
        if not pairs:
            continue
        found, truth = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        if truth.std() < _STILL:
            continue
        for kind, curve in (("captured", truth), ("shown", found)):
            out |= {
                f"{title} {shape} {kind} mean": float(curve.mean()),
                f"{title} {shape} {kind} sd": float(curve.std()),
                f"{title} {shape} {kind} p95": p95(curve),
            }
        out[f"{title} {shape} amplitude"] = float(found.std() / truth.std())
        out[f"{title} {shape} r"] = float(np.mean([_r(a, b) for a, b in pairs]))
    return out


def _r(found: NDArray, truth: NDArray) -> float:
    return float(np.corrcoef(found, truth)[0, 1]) if min(found.std(), truth.std()) > 1e-6 else 0.0


def _curves(path: Path) -> dict[str, NDArray]:
    if path.suffix == ".npz":
        with np.load(path) as file:
            if "names" in file.files and any(str(name) == "mouth_stretch_c" for name in file["names"]):
                return _tracked([str(name) for name in file["names"]], file["values"], float(file["fps"]))
    return shapes(read_rig(path).resample(FPS))


def _tracked(names: list[str], values: NDArray, fps: float) -> dict[str, NDArray]:
    times = np.arange(int(len(values) * FPS / fps)) / FPS
    out = {}
    for shape, beginnings in SHAPES.items():
        columns = [i for i, name in enumerate(names) if beginnings and name.startswith(beginnings)]
        if columns:
            curve = values[:, columns].astype(np.float64).mean(axis=1)
            out[shape] = np.interp(times, np.arange(len(values)) / fps, curve)
    return out
