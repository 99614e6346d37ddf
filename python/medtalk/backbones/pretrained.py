"""Common to the pretrained backbones: where one comes from, what it needs, and how a library loads it.

Loading has two steps. `locate` of an adapter finds the files, and is the only part that may reach the network; then the
library reads them from that place and nowhere else. `medtalk backbones pull` is the first step alone.
"""

from __future__ import annotations

import logging
import os
import random
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape, iglob
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.errors import AudioError, BackboneError, MedtalkError, MissingExtraError, SettingError
from medtalk.rates import RATE
from medtalk.watch import checkpoint

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

# The paper's choices (Sec. 4.1 and the authors' release), by the names that their libraries know.
WAV2VEC2 = "facebook/wav2vec2-base-960h"
EMOTION2VEC = "iic/emotion2vec_base"
EMOTION2VEC_PLUS = "iic/emotion2vec_plus_base"
WHISPER = "base"
ROBERTA = "hfl/chinese-roberta-wwm-ext"
CLIP = "ViT-B-32-quickgelu/openai"

FACE_LANDMARKER = "face_landmarker"
"""MediaPipe's, which sees the expression of a face for bundles of the kind compact."""

DTYPES = ("float32", "bfloat16", "float16")

_one_at_a_time = threading.RLock()


@dataclass(frozen=True)
class Pretrained:
    """Where a pretrained backbone comes from and how it computes.

    Attributes:
        name: what its library calls it; looked for in the library's usual cache, then on the network.
        path: folder or file with the weights; the cache and the network are left alone then.
        offline: never reach the network.
        device: "cpu", "cuda" or "cuda:N".
        dtype: "float32", "bfloat16" or "float16", of the weights and the work; results are float32 in any case.

    Raises:
        SettingError: a device or dtype that does not exist.
    """

    name: str
    path: Path | None = None
    offline: bool = False
    device: str = "cpu"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"cpu|cuda(:\d{1,3})?", self.device):
            raise SettingError(f"Unknown device {self.device!r}; valid are cpu, cuda and cuda:N.")
        if self.dtype not in DTYPES:
            raise SettingError(f"Unknown dtype {self.dtype!r}; valid are {', '.join(DTYPES)}.")

    def placement(self) -> tuple[torch.device, torch.dtype]:
        """Device and dtype as torch has them; `SettingError` for a device that is not there."""
        import torch

        if self.device != "cpu":
            index = int(self.device.partition(":")[2] or 0)
            if index >= torch.cuda.device_count():
                raise SettingError(f"Cannot use the device {self.device!r}: torch does not see it here.", 'Try "cpu".')
        return torch.device(self.device), getattr(torch, self.dtype)

    def local_path(self, *, file: bool = False) -> Path | None:
        """`path`, checked to be a folder (or a file), or None if there is none."""
        if self.path is None:
            return None
        path = Path(self.path)
        try:
            there = path.is_file() if file else path.is_dir()
        except (OSError, ValueError):  # a name that no file can have
            there = False
        if not there:
            kind = "file" if file else "folder"
            raise BackboneError(f"There is no {kind} {path} with the weights of {self.name}.", f"Give another {kind}.")
        return path

    def missing(self, reason: object = None) -> BackboneError:
        """The error for weights that are not cached and, unless this is offline, could not be downloaded."""
        if self.offline:
            return BackboneError(
                f"The weights of {self.name} are not on this machine, and offline nothing is downloaded.",
                f"Run `medtalk backbones pull {self.name}` where there is a network, or give the folder that "
                "holds them.",
            )
        return BackboneError(
            f"The weights of {self.name} are not on this machine and cannot be downloaded: {clause(reason)}.",
            f"Try `medtalk backbones pull {self.name}` again, or give the folder that holds them.",
        )


@contextmanager
def needs_extra() -> Iterator[None]:
    """Around imports of the extra `full`: `MissingExtraError` naming the package that is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"The pretrained backbones need {error.name}, which is not installed.",
            "Run pip install 'medtalk[full]', or use a bundle of the kind compact.",
        ) from error


def huggingface_folder(
    source: Pretrained, repository: str, weights: tuple[str, ...], others: tuple[str, ...], update: bool
) -> Path:
    """Folder of a Hugging Face repository, as `cached_or_downloaded` finds it.

    Args:
        source: the backbone; its `path` is ignored.
        repository: "owner/name" on the hub.
        weights: patterns of files, the first that the repository has is taken: safetensors are to go first.
        others: patterns of the other files that are needed.
        update: ask the network even for what is in the cache.
    """
    with needs_extra():
        from huggingface_hub import snapshot_download

    def look(local: bool) -> Path:
        for pattern in weights:
            folder = Path(snapshot_download(repository, allow_patterns=[*others, pattern], local_files_only=local))
            if any(folder.glob(pattern)):
                return folder
        raise FileNotFoundError(f"{repository} holds none of {', '.join(weights)}")

    return cached_or_downloaded(source, look, update)


def in_modelscope_cache(name: str) -> bool:
    """Whether weights of a model of this name lie in ModelScope's cache, perhaps not all of them.

    ModelScope itself can only be asked after it has loaded torch, which takes seconds.
    """
    cache = Path(os.environ.get("MODELSCOPE_CACHE") or "~/.cache/modelscope").expanduser()
    found = iglob(f"{escape(str(cache))}/**/*{name.rpartition('/')[2]}*/**/*.pt", recursive=True)
    return next(found, None) is not None


def cached_or_downloaded(source: Pretrained, look: Callable[[bool], Path], update: bool) -> Path:
    """What `look(local)` finds: in the cache, and if it is not there, or for an `update`, on the network.

    Cached weights are used as they are: no question to a hub each time, and no new weights unasked. `BackboneError` if
    they are nowhere; `look` may raise anything.
    """
    reason: Exception | None = None
    for local in (True,) if source.offline else (False,) if update else (True, False):
        checkpoint()
        try:
            return look(local)
        except Exception as error:  # of the hub, the network, the disk, or a name that cannot be one
            reason = error
    raise source.missing(reason) from reason


@contextmanager
def loading(source: Pretrained, path: Path) -> Iterator[None]:
    """For reading `path` with a library: each of its errors becomes one line, and the process stays `undisturbed`."""
    checkpoint()
    import torch

    try:
        with undisturbed():
            yield
    except (MedtalkError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise BackboneError(
            f"{path} cannot be used as {source.name}: {clause(error)}.",
            f"Run `medtalk backbones pull {source.name}` again, or give another folder.",
        ) from error
    checkpoint()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Put back what libraries change for the whole process while they load.

    That is torch's number of threads, the random states of torch, numpy and `random` (FunASR sets all of these), and
    the handlers and level of the root logger, at which only errors are logged meanwhile. Signals wait for the end.
    """
    import torch

    with _signals_wait(), _one_at_a_time:  # two at once would put back what the other had changed
        yield from _put_back(torch)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Ctrl-C and SIGTERM come after the block: a library's bare `except:` would swallow what they raise (FunASR has
    many around its imports), and the work would go on."""
    came: list[int] = []
    kept = {}
    if threading.current_thread() is threading.main_thread():  # no other one gets signals
        for number in (signal.SIGINT, signal.SIGTERM):
            if callable(handler := signal.getsignal(number)):
                kept[number] = handler
                signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def _put_back(torch: Any) -> Iterator[None]:
    threads, states, kept, root = torch.get_num_threads(), random.getstate(), np.random.get_state(), logging.getLogger()
    own = torch.random.get_rng_state()
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    handlers, level = root.handlers[:], root.level
    silent = logging.NullHandler()  # without a handler, logging.info would make one
    root.addHandler(silent)
    root.setLevel(max(level, logging.ERROR))
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
        random.setstate(states)
        np.random.set_state(kept)
        torch.random.set_rng_state(own)
        if gpus:
            torch.cuda.set_rng_state_all(gpus)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


def load_transformers(kind: Any, folder: Path, config: Any, unused: str) -> Any:
    """A model of transformers from a local folder, in evaluation mode.

    The library makes random weights for all that a checkpoint lacks; here that is a `BackboneError`, unless `unused`, a
    pattern, finds the weight's name: what no result depends on.
    """
    from transformers.utils import logging as voice

    level, bars = voice.get_verbosity(), voice.is_progress_bar_enabled()
    voice.set_verbosity_error()
    voice.disable_progress_bar()
    try:
        model, report = kind.from_pretrained(
            folder, config=config, local_files_only=True, ignore_mismatched_sizes=True, output_loading_info=True
        )
    finally:
        voice.set_verbosity(level)
        if bars:
            voice.enable_progress_bar()
    lacking = [*report["missing_keys"], *(entry[0] for entry in report["mismatched_keys"])]
    check_complete(folder, lacking, unused)
    return model.eval().requires_grad_(False)


def check_complete(path: Path, lacking: list[str], unused: str) -> None:
    """`BackboneError` if weights named in `lacking` are absent or of another shape, but for those found by `unused`."""
    needed = sorted(name for name in lacking if not re.search(unused, name))
    if needed:
        raise BackboneError(
            f"{path} lacks {len(needed)} of the weights, or has them in another shape: {', '.join(needed[:3])}"
            f"{', ...' if needed[3:] else ''}.",
            "Give weights of this kind of model.",
        )


def cancellable(model: nn.Module) -> None:
    """Let work in `model` end soon after the `medtalk.watch.Watch` that it is done under was cancelled."""
    for module in model.modules():
        module.register_forward_pre_hook(_checkpoint)


def _checkpoint(*_: object) -> None:
    checkpoint()


def check_samples(samples: NDArray, shortest: int) -> NDArray[np.float32]:
    """`samples` as (n,) float32; `AudioError` for another shape, values that are not finite, or fewer than needed."""
    array = np.asarray(samples, np.float32)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise AudioError(f"The sound is an array of shape {array.shape}; valid are finite samples (n,) at {RATE} Hz.")
    if len(array) < shortest:
        raise AudioError(
            f"The sound has {len(array)} samples; the backbone needs at least {shortest} at {RATE} Hz.",
            "Give a longer sound.",
        )
    return array


def to_numpy(values: Tensor) -> NDArray[np.float32]:
    """`values` as float32 on the CPU."""
    return values.detach().float().cpu().numpy()


def clause(reason: object) -> str:
    """A library's message as a part of a sentence: the first 200 characters on one line."""
    if isinstance(reason, UnpicklingError):  # its own words end in advice to execute the file
        reason = "it holds something other than weights"
    elif isinstance(reason, ConnectionError):  # ModelScope's lists all that it tried
        reason = "its server cannot be reached"
    elif isinstance(reason, KeyError):
        reason = f"it has no {reason}"
    elif isinstance(reason, BaseException) and not str(reason):
        reason = type(reason).__name__
    text = " ".join(str(reason).split())
    return (text[:200] + " ..." if len(text) > 200 else text).rstrip(".!")
