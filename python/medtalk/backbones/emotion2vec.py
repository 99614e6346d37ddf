"""emotion2vec (FunASR): how a voice sounds, at the rig's frame rate (Sec. 3.3, Fusion Intensity Modeling), and which
emotion a voice shows."""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.audio import RATE
from medtalk.backbones.pretrained import (
    EMOTION2VEC_PLUS,
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
from medtalk.guidance import LABELS, NEUTRAL, SYNONYMS
from medtalk.watch import checkpoint

with needs_extra():
    import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

# FunASR evaluates this text of a model's configuration as Python, so nothing passes but lists of convolutions such as
# "[(512, 10, 5)] + [(512,3,2)] * 4".
_CONVOLUTIONS = re.compile(r"\[ *\(\d{1,4}(, *\d{1,4}){2}\)(, *\(\d{1,4}(, *\d{1,4}){2}\))* *\]( *\* *\d{1,2})?")
WINDOW_SECONDS = 30
"""What `VoiceEmotion` judges at once; its work grows with the square of this."""
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
    # The published weights lack the decoder, which serves training alone.
    return _build(folder, weights, unused=r"\.decoder\.|^proj\.").model


def _build(folder: Path, weights: Path, unused: str) -> Any:
    """FunASR's AutoModel of a folder, which may lack weights whose names `unused` finds."""
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
    check_complete(folder, _LACKING.findall(said.getvalue()), unused)  # what is lacking is only printed
    return auto


class VoiceEmotion:
    """An emotion2vec_plus of FunASR: which emotion a voice shows. Loading it disturbs the process as little."""

    def __init__(self, source: Pretrained) -> None:
        """Load from `source`.

        Raises:
            SettingError: a device that is not there.
            BackboneError: weights that are missing or of another model, or of one that tells no emotions.
            MissingExtraError: FunASR is not installed.
        """
        device, dtype = source.placement()
        folder = locate(source)
        with loading(source, folder):
            config, weights = _files(folder)
            _check_config(config)
            auto = _build(folder, weights, unused=r"\.decoder\.")
            model, names = auto.model, getattr(auto.kwargs.get("tokenizer"), "token_list", [])
            self._labels = [_label(name) for name in names]
            if model.proj is None or not any(self._labels):
                raise BackboneError(
                    f"{folder} holds an emotion2vec that tells no emotions.", f"Give one as {EMOTION2VEC_PLUS}."
                )
            self._model = model.to(device, dtype).eval().requires_grad_(False)
            self._unused = [place for place, name in enumerate(names) if name.startswith("unuse")]
        cancellable(self._model)
        self._normalise: bool = bool(model.cfg.get("normalize"))
        self._device, self._dtype = device, dtype

    def weights(self, samples: NDArray[np.float32], activity: NDArray[np.float32]) -> dict[str, float]:
        """Weights of the labels heard in a clip, summing to 1, those above 0 in the order of `LABELS`.

        A longer clip is judged in equal windows of at most 30 s, and a window counts as much as there is voice in it:
        so time grows with the length, and pauses have no say. What the model calls "other" or unknown is left out;
        where nothing else is heard, as in silence, the voice is neutral.

        Args:
            samples: (n,) float32 at 16 kHz.
            activity: (T,) how surely somebody speaks at each frame, 0..1.
        """
        count = max(1, math.ceil(len(samples) / (WINDOW_SECONDS * RATE)))
        scores = np.zeros(len(self._labels))
        for sound, voice in zip(np.array_split(samples, count), np.array_split(activity, count), strict=True):
            checkpoint()
            if share := float(voice.sum()):
                scores += share * self._scores(sound)
        felt = {wanted: 0.0 for wanted in LABELS}
        for label, score in zip(self._labels, scores.tolist(), strict=True):
            if label:
                felt[label] += score
        total = sum(felt.values())
        return {label: score / total for label, score in felt.items() if score > 0.0} if total else {NEUTRAL: 1.0}

    @torch.inference_mode()
    def _scores(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """What the model gives each of its own labels, summing to 1."""
        sound = torch.tensor(samples, device=self._device)  # a copy: torch cannot hold read-only arrays
        if self._normalise:
            sound = torch.nn.functional.layer_norm(sound, sound.shape)
        try:
            heard = self._model.extract_features(sound[None].to(self._dtype), padding_mask=None)["x"]
        finally:
            self._model.alibi_biases.clear()  # else its largest table of distances is kept for ever
        logits = self._model.proj(heard.mean(dim=1))[0].double()
        logits[self._unused] = -math.inf
        return logits.softmax(dim=0).cpu().numpy()


def _label(name: str) -> str:
    """Our label for FunASR's, such as "开心/happy"; "" for one that we have no like of: other, unknown."""
    word = name.rpartition("/")[2].strip().lower()
    label = SYNONYMS.get(word, word)
    return label if label in LABELS else ""
