"""Torch: a compact bundle's networks as plain modules, on any device. Needs the extra `full` or `train`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

from medtalk.bundle import TEXT_WEIGHTS, WEIGHTS
from medtalk.engine.compact import CompactEngine
from medtalk.errors import BundleError, MissingExtraError, SettingError

try:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file
except ModuleNotFoundError as error:
    raise MissingExtraError(
        f"The torch engine needs {error.name}, which is not installed.",
        "Run pip install 'medtalk[full]', or use a bundle of the kind compact and the engine \"onnx\".",
    ) from error

from medtalk.model.graphs import Networks
from medtalk.model.text_encoder import TextEncoder
from medtalk.watch import checkpoint

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from medtalk.bundle import Bundle

log = logging.getLogger("medtalk")
_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")


class OnDevice(Protocol):
    """An engine that can do with less memory than its GPU has."""

    _device: torch.device

    def _make_room(self) -> None: ...


def within_memory(work: Callable[Concatenate[Any, _Given], _Made]) -> Callable[Concatenate[Any, _Given], _Made]:
    """Work of an engine without gradients, done again after its `_make_room` wherever a GPU's memory was not enough."""

    @wraps(work)
    def done(self: OnDevice, *args: _Given.args, **kwargs: _Given.kwargs) -> _Made:
        while True:
            try:
                with torch.inference_mode():
                    return work(self, *args, **kwargs)
            except torch.OutOfMemoryError:
                if self._device.type == "cpu":
                    raise
            self._make_room()  # only here, where what the error held on to is free

    return done


class TorchEngine(CompactEngine):
    """The networks of a compact bundle in torch; see `medtalk.engine.Engine` for the calls.

    Where the memory of a GPU is not enough, the CPU takes over.
    """

    def __init__(self, bundle: Bundle, device: str = "cpu", threads: int | None = None) -> None:
        """`threads` sets torch's number of threads for the whole process."""
        super().__init__(bundle)
        with suppress(torch.OutOfMemoryError):
            self._open(place(device, threads))
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
        self.note = taken_over(self._device)
        self._open(torch.device("cpu"))
        torch.cuda.empty_cache()

    @torch.inference_mode()
    def label_vectors(self) -> NDArray:
        return _out(self._networks.label(torch.arange(self._networks.model.config.labels, device=self._device)))

    @property
    def device(self) -> str:
        return str(self._device)

    @within_memory
    def content(self, sound: NDArray, posteriors: NDArray) -> NDArray:
        return _out(self._networks.content(self._in(sound)[None], self._in(posteriors)[None])[0])

    @within_memory
    def _listen(self, mel: NDArray) -> tuple[NDArray, NDArray]:
        features, logits = self._networks.listen(self._in(mel)[None])
        return _out(features[0]), _out(logits[0])

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


def place(device: str, threads: int | None) -> torch.device:
    """The device by its name, checked, with torch's threads set for the whole process unless `threads` is None."""
    if threads is not None:
        torch.set_num_threads(threads)
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise SettingError(f"Cannot use the device {device!r}: torch sees no CUDA GPU here.", 'Try "cpu".')
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:  # what torch raises for a device that is not there
        raise SettingError(f"Cannot use the device {device!r}: {str(error)[:120]}", 'Try "cpu".') from error
    return found


def taken_over(device: torch.device) -> str:
    """The line, logged too, that tells of a GPU without enough memory."""
    note = f"The memory of {device} was not enough: the CPU has taken over."
    log.warning(note)
    return note


def tensors(bundle: Bundle, name: str, device: torch.device) -> dict[str, Tensor]:
    """All tensors of a safetensors file of `bundle`."""
    try:
        return load_file(bundle.file(name), device=str(device))
    except SafetensorError as error:
        raise BundleError(f"Cannot read {name} of bundle {bundle.folder}: {error}.", "Get it again.") from error


def _checkpoint(*_: object) -> None:
    checkpoint()


def _out(values: Tensor) -> NDArray:
    return values.cpu().numpy()
