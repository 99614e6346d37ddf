"""Networks in torch on a device: finding it, loading tensors onto it, and doing with less memory than a GPU has."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

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

if TYPE_CHECKING:
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


def torch_device(device: str, threads: int | None) -> torch.device:
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
