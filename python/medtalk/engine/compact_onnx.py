"""ONNX Runtime on the CPU: what the plain install runs compact bundles with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from medtalk.bundle import GRAPHS, TEXT_GRAPH, VOICE_GRAPH
from medtalk.engine.compact import CompactEngine
from medtalk.engine.onnx_graph import OnnxGraph, Shape, onnxruntime
from medtalk.features.phones import N_PHONES
from medtalk.guidance import LABELS
from medtalk.rig.channels import N_CHANNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle

__all__ = ["OnnxEngine", "onnxruntime"]


class OnnxEngine(CompactEngine):
    """The graphs of a compact bundle in ONNX Runtime; see `medtalk.engine.Engine` for the calls."""

    device = "cpu"

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        super().__init__(bundle)
        graphs = (*GRAPHS, *(name[:-5] for name in (TEXT_GRAPH, VOICE_GRAPH) if name in bundle.manifest["files"]))
        self._graphs = {graph: OnnxGraph(bundle, f"{graph}.onnx", threads) for graph in graphs}

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

    def _run(self, graph: str, wanted: Sequence[Shape] | Mapping[str, Shape], **inputs: NDArray) -> list[NDArray]:
        return self._graphs[graph].run(wanted, **inputs)
