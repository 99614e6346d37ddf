"""ONNX Runtime on the CPU: what the plain install runs compact bundles with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

import numpy as np

# The library starts to collect events for its maker when it is imported, and makes files in the user's home for them.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

from medtalk.bundle import GRAPHS, TEXT_GRAPH
from medtalk.engine.compact import CompactEngine
from medtalk.errors import BundleError
from medtalk.guidance import LABELS
from medtalk.watch import checkpoint, interruptible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle

_ERRORS_ONLY = 3  # warnings about graphs and devices mean nothing to a user


class OnnxEngine(CompactEngine):
    """The graphs of a compact bundle in ONNX Runtime; see `medtalk.engine.Engine` for the calls."""

    device = "cpu"

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        super().__init__(bundle)
        onnxruntime.set_default_logger_severity(_ERRORS_ONLY)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        options.intra_op_num_threads = threads or 0  # 0: a thread a physical core
        options.inter_op_num_threads = 1
        # Threads that spin between two operators would burn a whole core beside the user's editor.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # The arena keeps the largest clip's activations for ever; memory matters more than a few per cent of speed.
        options.enable_cpu_mem_arena = False
        try:
            self._sessions = {
                graph: onnxruntime.InferenceSession(
                    str(bundle.file(f"{graph}.onnx")), options, providers=["CPUExecutionProvider"]
                )
                for graph in (*GRAPHS, *(["text"] if TEXT_GRAPH in bundle.manifest["files"] else []))
            }
        except BundleError:
            raise
        except Exception as error:  # ONNX Runtime's own exceptions have no common base but this
            raise BundleError(
                f"ONNX Runtime {onnxruntime.__version__} cannot load bundle {bundle.folder}: {str(error)[:200]}",
                "Update onnxruntime or get the bundle again.",
            ) from error

    def label_vectors(self) -> NDArray:
        return self._run("label", label=np.arange(len(LABELS)))[0]

    def content(self, sound: NDArray, posteriors: NDArray) -> NDArray:
        return self._run("content", sound=sound[None], posteriors=posteriors[None])[0][0]

    def _listen(self, mel: NDArray) -> tuple[NDArray, NDArray]:
        features, logits = self._run("listen", mel=mel[None])
        return features[0], logits[0]

    def _intensity(self, emotion_features: NDArray, tokens: NDArray, times: NDArray) -> NDArray:
        inputs = {"emotion_features": emotion_features, "tokens": tokens, "word_times": times}
        return self._run("intensity", **{name: values[None] for name, values in inputs.items()})[0][0]

    def _describe(self, tokens: NDArray) -> tuple[NDArray, float]:
        weights, strength = self._run("text", tokens=tokens[None])
        return weights[0], float(strength[0])

    def _decode(self, content: NDArray, emotion: NDArray, intensity: NDArray) -> NDArray:
        return self._run("decode", content=content[None], emotion=emotion[None], intensity=intensity[None])[0][0]

    def _run(self, graph: str, **inputs: NDArray) -> list[NDArray]:
        options = onnxruntime.RunOptions()

        def stop() -> None:
            options.terminate = True  # looked at between two operators

        with interruptible(stop):
            try:
                return cast("list[NDArray]", self._sessions[graph].run(None, inputs, options))
            except Exception:  # ONNX Runtime's own exceptions have no common base but this
                checkpoint()  # raises the error that cancelling means
                raise
