"""Torch: a compact bundle's networks as plain modules, on any device. Needs the extra `full` or `train`."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


class TorchEngine(CompactEngine):
    """The networks of a compact bundle in torch; see `medtalk.engine.Engine` for the calls."""

    def __init__(self, bundle: Bundle, device: str = "cpu", threads: int | None = None) -> None:
        """`threads` sets torch's number of threads for the whole process."""
        super().__init__(bundle)
        self._device = place(device, threads)
        sizes = bundle.manifest.get("sizes", {})
        networks = Networks.build(sizes, tensors(bundle, WEIGHTS, self._device))
        words = tensors(bundle, TEXT_WEIGHTS, self._device) if TEXT_WEIGHTS in bundle.manifest["files"] else None
        self._text = TextEncoder.build(sizes.get("text"), words).to(self._device) if words is not None else None
        self._networks = Networks(networks.acoustic.to(self._device), networks.model.to(self._device))
        for network in filter(None, (self._networks.acoustic, self._networks.model, self._text)):
            for module in network.modules():
                module.register_forward_pre_hook(_checkpoint)

    @torch.inference_mode()
    def label_vectors(self) -> NDArray:
        return _out(self._networks.label(torch.arange(self._networks.model.config.labels, device=self._device)))

    @property
    def device(self) -> str:
        return str(self._device)

    @torch.inference_mode()
    def _content(self, mel: NDArray) -> tuple[NDArray, NDArray]:
        content, posteriors = self._networks.content(self._in(mel)[None])
        return _out(content[0]), _out(posteriors[0])

    @torch.inference_mode()
    def _intensity(self, emotion_features: NDArray, tokens: NDArray) -> NDArray:
        return _out(self._networks.intensity(self._in(emotion_features)[None], self._in(tokens)[None])[0])

    @torch.inference_mode()
    def _describe(self, tokens: NDArray) -> tuple[NDArray, float]:
        assert self._text is not None, "what describes says so"
        weights, strength = self._text(self._in(tokens)[None])
        return _out(weights[0]), float(strength[0])

    @torch.inference_mode()
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
