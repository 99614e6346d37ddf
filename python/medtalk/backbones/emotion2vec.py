"""emotion2vec (FunASR): how a voice sounds, at the rig's frame rate (Sec. 3.3, Fusion Intensity Modeling)."""

from __future__ import annotations

import contextlib
import io
import json
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtalk.backbones.pretrained import (
    Pretrained,
    at_rig_rate,
    cancellable,
    check_complete,
    check_samples,
    found,
    loading,
    needs_extra,
    to_numpy,
)
from medtalk.errors import BackboneError

with needs_extra():
    import torch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# FunASR evaluates this text of a model's configuration as Python, so nothing passes but lists of convolutions such as
# "[(512, 10, 5)] + [(512,3,2)] * 4".
_CONVOLUTIONS = re.compile(r"\[ *\(\d{1,4}(, *\d{1,4}){2}\)(, *\(\d{1,4}(, *\d{1,4}){2}\))* *\]( *\* *\d{1,2})?")
_LACKING = re.compile(r"Warning, miss key in ckpt: ([^,\s]+)")


def locate(source: Pretrained, update: bool = False) -> Path:
    """Folder with the configuration and weights; `BackboneError` if there is none and none can be fetched.

    `update` asks the network even for what is in the cache.
    """
    if folder := source.given():
        return folder
    with needs_extra():
        from modelscope import snapshot_download

    def look(local: bool) -> Path:
        folder = Path(snapshot_download(source.name, local_files_only=local))
        _files(folder)  # a download that was stopped leaves some of them
        return folder

    return found(source, look, update)


class Emotion2vec:
    """An emotion2vec of FunASR. Loading it leaves the process's threads, random states and log as they were.

    Attributes:
        width: of a feature.
    """

    def __init__(self, source: Pretrained) -> None:
        """Load from `source`.

        Raises:
            SettingError: a device that is not there.
            BackboneError: weights that are missing or of another model.
            MissingExtraError: FunASR is not installed.
        """
        device, dtype = source.placement()
        folder = locate(source)
        with loading(source, folder):
            config, weights = _files(folder)
            _check_config(config)
            model = _load(folder, weights)
            self._model = model.to(device, dtype).eval().requires_grad_(False)
        cancellable(self._model)
        self.width: int = int(model.cfg.embed_dim)
        self._normalise: bool = bool(model.cfg.get("normalize"))
        self._device, self._dtype = device, dtype
        self._shortest = 1
        for _, kernel, stride in reversed(model.modality_encoders["AUDIO"].feature_enc_layers):
            self._shortest = (self._shortest - 1) * stride + kernel

    @torch.inference_mode()
    def features(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of a whole clip; memory grows with the square of its length.

        Args:
            samples: (n,) float32 at 16 kHz, 400 or more for the usual model.

        Returns:
            (T, width) float32 at 60 fps, T = int(n * 60 / 16000).
        """
        checked = check_samples(samples, self._shortest)
        sound = torch.tensor(checked, device=self._device)  # a copy: torch cannot hold read-only arrays
        if self._normalise:
            sound = torch.nn.functional.layer_norm(sound, sound.shape)
        try:
            heard = self._model.extract_features(sound[None].to(self._dtype), padding_mask=None)["x"]
        finally:
            # The model keeps its largest table of distances, (heads, frames, frames), for ever: 11 GB after 5 minutes.
            self._model.alibi_biases.clear()
        return to_numpy(at_rig_rate(heard, len(checked))[0])


def _files(folder: Path) -> tuple[Path, Path]:
    """Configuration and weights in a folder as FunASR lays it out; `BackboneError` if one is not there."""
    names = {"config": "config.yaml", "init_param": "model.pt"}
    description = folder / "configuration.json"
    if description.is_file():
        told = json.loads(description.read_text("utf-8")).get("file_path_metas", {})
        names.update({key: told[key] for key in names if isinstance(told.get(key), str)})
    for name in names.values():
        if not (folder / name).is_file():
            raise BackboneError(f"{folder} has no {name}.", "Give a folder with an emotion2vec as FunASR keeps it.")
    return folder / names["config"], folder / names["init_param"]


def _check_config(file: Path) -> None:
    """`BackboneError` for a configuration of another model, or one that is not harmless."""
    from omegaconf import OmegaConf

    config: Any = OmegaConf.load(file)
    if config.get("model") != "Emotion2vec":
        raise BackboneError(f"{file} describes a model of the kind {config.get('model')}, not Emotion2vec.")
    convolutions = str(config.model_conf.modalities.audio.feature_encoder_spec)
    if len(convolutions) > 400 or not all(map(_CONVOLUTIONS.fullmatch, convolutions.strip().split(" + "))):
        raise BackboneError(
            f"{file} describes its convolutions as {convolutions[:60]!r}, which is no list of them.",
            "Do not use this folder.",
        )


def import_funasr() -> Any:
    """FunASR's AutoModel. The first import takes seconds, since it imports every model that there is."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # it prints advice about ffmpeg
        warnings.simplefilter("ignore")  # one that is an error would be a model that it cannot import
        with needs_extra():
            from funasr import AutoModel

            # FunASR only notes what it cannot import, as distutils where Python has none and setuptools is missing.
            from funasr.models.emotion2vec import model as _  # noqa: F401
    return AutoModel


def _load(folder: Path, weights: Path) -> Any:
    build, said = import_funasr(), io.StringIO()
    with contextlib.redirect_stdout(said):
        auto = build(
            model=str(folder),
            init_param=str(weights),
            device="cpu",
            ncpu=torch.get_num_threads(),
            disable_update=True,
            disable_log=True,
            disable_pbar=True,
            trust_remote_code=False,  # else a folder's configuration may have its own code run and packages installed
            ignore_init_mismatch=False,
            log_level="ERROR",
        )
    # What is lacking is only printed. The published weights lack the decoder, which serves training alone.
    check_complete(folder, _LACKING.findall(said.getvalue()), unused=r"\.decoder\.|^proj\.")
    return auto.model
