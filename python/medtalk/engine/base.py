"""The interface between a performance and whatever runs the networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from medtalk.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle

ENGINES = ("auto", "onnx", "torch")


class Engine(Protocol):
    """The four graphs of a bundle over one clip at a time. All arrays are numpy, float32 unless said otherwise."""

    def content(self, mel: NDArray) -> tuple[NDArray, NDArray]:
        """Content embedding (T, 256) and phone posteriors (T, 35) of log-mel features (2 T, 80) (Sec. 3.3, ACM)."""
        ...

    def intensity(self, emotion_features: NDArray, tokens: NDArray) -> NDArray:
        """Intensity (T,), 0 or more, of emotion features (T, 51) and word tokens (N, 8) int64 (Sec. 3.3, CMF)."""
        ...

    def label_vectors(self) -> NDArray:
        """Emotion vectors (7, 256) of the labels, in the order of `medtalk.guidance.LABELS`."""
        ...

    def decode(self, content: NDArray, emotion: NDArray, intensity: NDArray) -> NDArray:
        """Raw rig (T, 174) from content (T, 256), emotion (T, 256) and intensity (T,): eq. 9, E_fuse, D."""
        ...


def open_engine(bundle: Bundle, engine: str = "auto", threads: int | None = None) -> Engine:
    """An engine for `bundle`.

    Args:
        bundle: a verified bundle.
        engine: "onnx", "torch" (needs the extra `full` or `train`), or "auto": what the bundle's kind is made for.
        threads: how many cores one clip may use; None lets the engine choose.

    Raises:
        SettingError: another engine, or a number of threads below 1.
        MissingExtraError: the engine is not installed.
    """
    if threads is not None and threads < 1:
        raise SettingError(f"threads is {threads}; valid are 1 and more.", "Leave it out to use all cores.")
    if engine in ("auto", "onnx"):
        from medtalk.engine.onnx import OnnxEngine

        return OnnxEngine(bundle, threads)
    if engine == "torch":
        from medtalk.engine.torch import TorchEngine

        return TorchEngine(bundle, threads=threads)
    raise SettingError(f"Unknown engine {engine!r}; valid are {', '.join(ENGINES)}.")
