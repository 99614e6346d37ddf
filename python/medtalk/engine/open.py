"""Which engine runs a bundle: the one place that knows the implementations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from medtalk.backbones.pretrained import FACE_LANDMARKER, Pretrained
from medtalk.engine.interface import Engine
from medtalk.errors import BackboneError, SettingError, require
from medtalk.limits import MAX_THREADS

if TYPE_CHECKING:
    from medtalk.bundle import Bundle

ENGINES = ("auto", "onnx", "torch")


def open_engine(
    bundle: Bundle,
    engine: str = "auto",
    threads: int | None = None,
    device: str = "auto",
    backbones: Mapping[str, str | Path] | None = None,
    offline: bool = False,
) -> Engine:
    """An engine for `bundle`.

    Args:
        bundle: a verified bundle.
        engine: "onnx", "torch" (needs the extra `full` or `train`), or "auto": what the bundle's kind is made for,
            and torch for a GPU.
        threads: how many cores one clip may use; None lets the engine choose.
        device: "cpu", "cuda" or "cuda:N", or "auto": what the engine is best at.
        backbones: folders with the weights of the bundle's pretrained backbones, by the names in its manifest, or the
            file of a compact bundle's "face_landmarker"; the others are looked for in the usual caches, then on the
            network, when they are first needed.
        offline: never reach the network.

    Raises:
        SettingError: another engine, a device that is not there, or a number of threads out of range.
        BackboneError: a folder for a backbone that the bundle does not have.
        MissingExtraError: the engine is not installed.
        BundleError: torch is to run a bundle that came without its weights.
    """
    require(threads, int | None, "threads", "a whole number or None")
    require(device, str, "The device", "auto, cpu, cuda or cuda:N")
    if threads is not None and not 1 <= threads <= MAX_THREADS:
        raise SettingError(f"threads is {threads}; valid are 1 to {MAX_THREADS}.", "Leave it out to use all cores.")
    if engine not in ENGINES:
        raise SettingError(f"Unknown engine {engine!r}; valid are {', '.join(ENGINES)}.")
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", device):
        raise SettingError(f"Unknown device {device!r}; valid are auto, cpu, cuda and cuda:N.")
    folders = {name: Path(folder) for name, folder in (backbones or {}).items()}
    known = (FACE_LANDMARKER,) if bundle.kind == "compact" else bundle.backbones
    if unknown := sorted(set(folders) - set(known)):
        raise BackboneError(
            f"The bundle {bundle.name} has no backbone called {unknown[0][:40]!r}; it has {', '.join(known) or 'none'}."
        )
    if bundle.kind != "compact" and engine == "onnx":
        raise SettingError("The engine onnx runs bundles of the kind compact only.", "Leave the engine out.")
    if bundle.kind == "baseline":
        from medtalk.engine.baseline import BaselineEngine

        return BaselineEngine(bundle, device, threads, folders, offline)
    if bundle.kind == "medtalk":
        from medtalk.engine.full import FullEngine

        return FullEngine(bundle, device, threads, folders, offline)
    on_gpu = device.startswith("cuda")
    if engine == "torch" or (engine == "auto" and on_gpu):
        from medtalk.engine.compact_torch import TorchEngine

        compact = TorchEngine(bundle, device if on_gpu else "cpu", threads)
    elif on_gpu:
        raise SettingError("The engine onnx computes on the CPU only.", "Leave the engine out, or the device.")
    else:
        from medtalk.engine.compact_onnx import OnnxEngine

        compact = OnnxEngine(bundle, threads)
    compact.face_landmarker = Pretrained(FACE_LANDMARKER, folders.get(FACE_LANDMARKER), offline)
    return compact
