"""The interface between a performance and whatever runs the networks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from medtalk.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle

ENGINES = ("auto", "onnx", "torch")
MAX_THREADS = 256
"""Each is a thread of the system in each of four sessions: a slip of the finger would take the whole machine."""


class Engine(Protocol):
    """The four graphs of a bundle over one clip at a time. All arrays are numpy, float32 unless said otherwise.

    A call under a `medtalk.watch.Watch` ends with `CancelledError` soon after that is cancelled.
    """

    @property
    def device(self) -> str:
        """Where it computes: "cpu", "cuda:0"."""
        ...

    def content(self, mel: NDArray) -> tuple[NDArray, NDArray]:
        """Content embedding (T, 256) and phone posteriors (T, 35) of log-mel features (2 T, 80) (Sec. 3.3, ACM)."""
        ...

    def intensity(self, emotion_features: NDArray, tokens: NDArray) -> NDArray:
        """Intensity (T,), 0 or more, of emotion features (T, 51) and word tokens (N, 8) int64 (Sec. 3.3, CMF)."""
        ...

    def label_vectors(self) -> NDArray:
        """Emotion vectors (7, 256) of the labels, in the order of `medtalk.guidance.LABELS`."""
        ...

    def text(self, tokens: NDArray) -> tuple[NDArray, float]:
        """Label weights (7,) that sum to 1 and strength of a description's tokens (N, 8) int64 (Sec. 3.4).

        Only of a bundle whose `guidance` has "text".
        """
        ...

    def decode(self, content: NDArray, emotion: NDArray, intensity: NDArray) -> NDArray:
        """Raw rig (T, 174) from content (T, 256), emotion (T, 256) and intensity (T,): eq. 9, E_fuse, D."""
        ...


def open_engine(
    bundle: Bundle, engine: str = "auto", threads: int | None = None, device: str = "auto"
) -> Engine:
    """An engine for `bundle`.

    Args:
        bundle: a verified bundle.
        engine: "onnx", "torch" (needs the extra `full` or `train`), or "auto": what the bundle's kind is made for,
            and torch for a GPU.
        threads: how many cores one clip may use; None lets the engine choose.
        device: "cpu", "cuda" or "cuda:N", or "auto": what the engine is best at.

    Raises:
        SettingError: another engine, a device that is not there, or a number of threads out of range.
        MissingExtraError: the engine is not installed.
    """
    if threads is not None and not 1 <= threads <= MAX_THREADS:
        raise SettingError(f"threads is {threads}; valid are 1 to {MAX_THREADS}.", "Leave it out to use all cores.")
    if engine not in ENGINES:
        raise SettingError(f"Unknown engine {engine!r}; valid are {', '.join(ENGINES)}.")
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", device):
        raise SettingError(f"Unknown device {device!r}; valid are auto, cpu, cuda and cuda:N.")
    on_gpu = device.startswith("cuda")
    if engine == "torch" or (engine == "auto" and on_gpu):
        from medtalk.engine.torch import TorchEngine

        return TorchEngine(bundle, device if on_gpu else "cpu", threads)
    if on_gpu:
        raise SettingError("The engine onnx computes on the CPU only.", "Leave the engine out, or the device.")
    from medtalk.engine.onnx import OnnxEngine

    return OnnxEngine(bundle, threads)
