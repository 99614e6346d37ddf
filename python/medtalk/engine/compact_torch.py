"""Torch: a compact bundle's networks as plain modules, on any device. Needs the extra `full` or `train`."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from medtalk.bundle import TEXT_WEIGHTS, VOICE_GRAPH, WEIGHTS
from medtalk.engine.compact import CompactEngine
from medtalk.engine.device import takeover_note, tensors, torch, torch_device, within_memory
from medtalk.guidance import LABELS
from medtalk.model.graphs import Networks, voice_states
from medtalk.model.text_encoder import TextEncoder
from medtalk.watch import checkpoint

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession
    from torch import Tensor

    from medtalk.bundle import Bundle


class TorchEngine(CompactEngine):
    """The networks of a compact bundle in torch; see `medtalk.engine.Engine` for the calls.

    Where the memory of a GPU is not enough, the CPU takes over.
    """

    def __init__(self, bundle: Bundle, device: str = "cpu", threads: int | None = None) -> None:
        """`threads` sets torch's number of threads for the whole process."""
        super().__init__(bundle)
        with suppress(torch.OutOfMemoryError):
            self._open(torch_device(device, threads))
            return
        self._make_room()

    def _open(self, device: torch.device) -> None:
        bundle, self._device = self._bundle, device
        sizes = bundle.manifest.get("sizes", {})
        networks = Networks.build(sizes, tensors(bundle, WEIGHTS, self._device))
        words = tensors(bundle, TEXT_WEIGHTS, self._device) if TEXT_WEIGHTS in bundle.manifest["files"] else None
        self._text = TextEncoder.build(sizes.get("text"), words).to(self._device) if words is not None else None
        self._networks = Networks(networks.ear.to(self._device), networks.model.to(self._device))
        for network in filter(None, (self._networks.ear, self._networks.model, self._text)):
            for module in network.modules():
                module.register_forward_pre_hook(_checkpoint)

    def _make_room(self) -> None:
        self.note = takeover_note(self._device)
        self._open(torch.device("cpu"))
        torch.cuda.empty_cache()

    @torch.inference_mode()
    def label_vectors(self) -> NDArray:
        ids = torch.arange(len(LABELS) * self._kinds, device=self._device)
        return _out(self._networks.label(ids)).reshape(len(LABELS), self._kinds, -1)

    @property
    def device(self) -> str:
        return str(self._device)

    @within_memory
    def content(self, sound: NDArray, posteriors: NDArray) -> NDArray:
        return _out(self._networks.content(self._in(sound)[None], self._in(posteriors)[None])[0])

    @within_memory
    def _listen(self, mel: NDArray) -> tuple[NDArray, NDArray]:
        features, logits, _ = self._networks.listen(self._in(mel)[None])
        return _out(features[0]), _out(logits[0])

    @within_memory
    def _states(self, mel: NDArray) -> NDArray:
        return _out(voice_states(self._networks.ear.whisper(self._in(mel)[None]))[0])

    def _judge(self, state: NDArray) -> tuple[NDArray, float]:
        weights, arousal = self._voice.run(None, {"state": state[None]})
        return np.asarray(weights)[0], float(np.asarray(arousal)[0])

    @cached_property
    def _voice(self) -> InferenceSession:
        from medtalk.engine.compact_onnx import onnxruntime  # a linear map needs no torch

        return onnxruntime.InferenceSession(self._bundle.read(VOICE_GRAPH), providers=["CPUExecutionProvider"])

    @within_memory
    def _intensity(self, emotion_features: NDArray, tokens: NDArray, times: NDArray) -> NDArray:
        inputs = (self._in(values)[None] for values in (emotion_features, tokens, times))
        return _out(self._networks.intensity(*inputs)[0])

    @within_memory
    def _describe(self, tokens: NDArray) -> tuple[NDArray, float]:
        assert self._text is not None, "what describes says so"
        weights, strength = self._text(self._in(tokens)[None])
        return _out(weights[0]), float(strength[0])

    @within_memory
    def _decode(self, content: NDArray, emotion: NDArray, intensity: NDArray) -> NDArray:
        inputs = (self._in(values)[None] for values in (content, emotion, intensity))
        return _out(self._networks.decode(*inputs)[0])

    def _in(self, values: NDArray) -> Tensor:
        return torch.tensor(values, device=self._device)  # a copy: torch cannot hold read-only arrays


def _checkpoint(*_: object) -> None:
    checkpoint()


def _out(values: Tensor) -> NDArray:
    return values.cpu().numpy()
