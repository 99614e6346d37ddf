"""ONNX Runtime on the CPU: what the plain install runs compact bundles with."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

# The library starts to collect events for its maker when it is imported, and makes files in the user's home for them.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

from medtalk.bundle import GRAPHS, TEXT_GRAPH, VOICE_GRAPH
from medtalk.engine.compact import CompactEngine
from medtalk.errors import BundleError
from medtalk.features.phones import N_PHONES
from medtalk.guidance import LABELS
from medtalk.rig.channels import N_CHANNELS
from medtalk.watch import checkpoint, interruptible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle

_Shape = tuple[int | None, ...]
_Shapes = Sequence[_Shape]

_QUIET = 4  # what is wrong is raised as well, and warnings about graphs and devices mean nothing to a user
_ELSEWHERE = b"location"  # what a graph calls the name of another file with weights


class OnnxEngine(CompactEngine):
    """The graphs of a compact bundle in ONNX Runtime; see `medtalk.engine.Engine` for the calls."""

    device = "cpu"

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        super().__init__(bundle)
        onnxruntime.set_default_logger_severity(_QUIET)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _QUIET
        options.intra_op_num_threads = threads or 0  # 0: a thread a physical core
        options.inter_op_num_threads = 1
        # Threads that spin between two operators would burn a whole core beside the user's editor.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # The arena keeps the largest clip's activations for ever; memory matters more than a few per cent of speed.
        options.enable_cpu_mem_arena = False
        graphs = (*GRAPHS, *(name[:-5] for name in (TEXT_GRAPH, VOICE_GRAPH) if name in bundle.manifest["files"]))
        self._folder = bundle.folder
        self._sessions = {graph: self._open(bundle, f"{graph}.onnx", options) for graph in graphs}

    def _open(self, bundle: Bundle, name: str, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
        data = bundle.read(name)  # not by its path: only what was verified is run
        if _ELSEWHERE in data:
            raise BundleError(f"{name} of bundle {bundle.folder} has weights in another file.", "Use another bundle.")
        try:
            return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own exceptions have no common base but this
            raise BundleError(
                f"ONNX Runtime {onnxruntime.__version__} cannot load {name} of bundle {bundle.folder}: "
                f"{str(error)[:200]}",
                "Update onnxruntime or get the bundle again.",
            ) from error

    def label_vectors(self) -> NDArray:
        ids = np.arange(len(LABELS) * self._kinds)
        return self._run("label", [(len(ids), None)], label=ids)[0].reshape(len(LABELS), self._kinds, -1)

    def content(self, sound: NDArray, posteriors: NDArray) -> NDArray:
        shape = (1, len(sound), None)
        return self._run("content", [shape], sound=sound[None], posteriors=posteriors[None])[0][0]

    def _listen(self, mel: NDArray) -> tuple[NDArray, NDArray]:
        states = len(mel) // 2
        wanted = {"features": (1, states, None), "logits": (1, states, N_PHONES)}
        features, logits = self._run("listen", wanted, mel=mel[None])
        return features[0], logits[0]

    def _states(self, mel: NDArray) -> NDArray:
        return self._run("listen", {"states": (1, len(mel) // 2, None)}, mel=mel[None])[0][0]

    def _judge(self, state: NDArray) -> tuple[NDArray, float]:
        weights, arousal = self._run("voice", [(1, len(LABELS)), (1,)], state=state[None])
        return weights[0], float(arousal[0])

    def _intensity(self, emotion_features: NDArray, tokens: NDArray, times: NDArray) -> NDArray:
        inputs = {"emotion_features": emotion_features, "tokens": tokens, "word_times": times}
        shape = (1, len(emotion_features))
        return self._run("intensity", [shape], **{name: values[None] for name, values in inputs.items()})[0][0]

    def _describe(self, tokens: NDArray) -> tuple[NDArray, float]:
        weights, strength = self._run("text", [(1, len(LABELS)), (1,)], tokens=tokens[None])
        return weights[0], float(strength[0])

    def _decode(self, content: NDArray, emotion: NDArray, intensity: NDArray) -> NDArray:
        inputs = {"content": content, "emotion": emotion, "intensity": intensity}
        shape = (1, len(content), N_CHANNELS)
        return self._run("decode", [shape], **{name: values[None] for name, values in inputs.items()})[0][0]

    def _run(self, graph: str, wanted: _Shapes | Mapping[str, _Shape], **inputs: NDArray) -> list[NDArray]:
        """The outputs of a graph, all or those named; `BundleError` unless it takes these inputs and gives these
        shapes, None for any."""
        names, shapes = (list(wanted), list(wanted.values())) if isinstance(wanted, Mapping) else (None, wanted)
        options = onnxruntime.RunOptions()

        def stop() -> None:
            options.terminate = True  # looked at between two operators

        with interruptible(stop):
            try:
                outputs = cast("list[NDArray]", self._sessions[graph].run(names, inputs, options))
            except MemoryError:
                raise
            except Exception as error:  # ONNX Runtime's own exceptions have no common base but this
                checkpoint()  # raises the error that cancelling means
                if "allocate memory" in str(error) or "bad_alloc" in str(error):
                    raise MemoryError(f"The graph {graph} needs more memory.") from error
                raise self._unfit(graph, f"does not run: {str(error)[:200]}") from error
        actual = [np.shape(values) for values in outputs]
        fits = len(actual) == len(shapes) and all(
            len(one) == len(other) and all(size in (None, own) for own, size in zip(one, other, strict=True))
            for one, other in zip(actual, shapes, strict=True)
        )
        if not fits:
            raise self._unfit(graph, f"gives arrays of the shapes {str(actual)[:80]}, not {list(shapes)}.")
        return outputs

    def _unfit(self, graph: str, why: str) -> BundleError:
        return BundleError(f"The graph {graph}.onnx of bundle {self._folder} {why}", "Use another bundle.")
