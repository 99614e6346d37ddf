"""emotion2vec (FunASR): how a voice sounds, at the rig's frame rate (Sec. 3.3, Fusion Intensity Modeling), and which
emotion a voice shows."""

from __future__ import annotations

import io
import json
import logging
import math
import os
import re
import warnings
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.backbones.banded import Band, run_block
from medtalk.backbones.chunks import CHUNK, Convolutions, Waveform, add_positions, at_rig_rate, spans
from medtalk.backbones.pretrained import (
    EMOTION2VEC,
    EMOTION2VEC_PLUS,
    Pretrained,
    cached_or_downloaded,
    cancellable,
    check_complete,
    loading,
    needs_extra,
)
from medtalk.errors import BackboneError
from medtalk.guidance import LABELS, NEUTRAL, SYNONYMS
from medtalk.rates import RATE
from medtalk.watch import checkpoint

with needs_extra():
    import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

# FunASR evaluates this text of a model's configuration as Python, so nothing passes but lists of convolutions such as
# "[(512, 10, 5)] + [(512,3,2)] * 4".
_CONVOLUTIONS = re.compile(r"\[ *\(\d{1,4}(, *\d{1,4}){2}\)(, *\(\d{1,4}(, *\d{1,4}){2}\))* *\]( *\* *\d{1,2})?")
# What the published ones have in common, and `Emotion2vec.features` relies on.
_COMMON = {"extractor_mode": "layer_norm", "use_alibi_encoder": True, "learned_alibi": False, "layer_norm_first": False}
_EPSILON = 1e-5  # of the variance, as in torch's layer_norm
WINDOW_SECONDS = 30
"""Seconds that `VoiceEmotion` judges at once; its work grows with the square of this."""
_log = logging.getLogger("medtalk")
_LACKING = re.compile(r"Warning, miss key in ckpt: ([^,\s]+)")


def locate(source: Pretrained, update: bool = False) -> Path:
    """Folder with the configuration and weights; `BackboneError` if there is none and none can be downloaded.

    `update` asks the network even for what is in the cache.
    """
    if folder := source.local_path():
        return folder
    # Read when it is imported. Else it asks five times for a list of files, for half a minute without a network.
    os.environ.setdefault("MODELSCOPE_API_MAX_RETRIES", "1")
    with needs_extra():
        from modelscope import snapshot_download

    def look(local: bool) -> Path:
        log = logging.getLogger("modelscope_hub")
        level = log.level
        log.setLevel(logging.ERROR)  # it warns of each of its tries; one line says what came of them
        try:
            folder = Path(snapshot_download(source.name, local_files_only=local))
        finally:
            log.setLevel(level)
        _files(folder)  # a download that was stopped leaves some of them
        return folder

    return cached_or_downloaded(source, look, update)


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
            _check_kind(folder, _check_config(config))
            model = _load(folder, weights)
            self._model = model.to(device, dtype).eval().requires_grad_(False)
        cancellable(self._model)
        self.width: int = int(model.cfg.embed_dim)
        self._epsilon = _EPSILON if model.cfg.get("normalize") else None
        self._device, self._dtype = device, dtype
        audio = model.modality_encoders["AUDIO"]
        _, kernels, strides = zip(*audio.feature_enc_layers, strict=True)
        self._stack = Convolutions.of(kernels, strides)
        depth = audio.modality_cfg.conv_pos_depth
        self._context: int = depth * (max(3, audio.modality_cfg.conv_pos_width // depth) // 2)

    def features(self, samples: NDArray[np.float32], chunk: int = CHUNK) -> NDArray[np.float32]:
        """Features of a whole clip, in a time that grows with its length.

        FunASR's own result up to a minute; beyond, frames do not see what is farther away than `medtalk.backbones.
        banded` says. Memory is that of a chunk, and of one state (N, width) a frame at 50 fps.

        Args:
            samples: (n,) float32 at 16 kHz, 400 or more for the usual model.
            chunk: frames worked on at once; the features are the same for any number.

        Returns:
            (T, width) float32 at 60 fps, T = int(n * 60 / 16000).
        """
        return self.features_of([samples], chunk)[0]

    @torch.inference_mode()
    def features_of(self, clips: Sequence[NDArray[np.float32]], chunk: int = CHUNK) -> list[NDArray[np.float32]]:
        """`features` of several clips at once, as they are of each alone; they should be about as long."""
        sounds = [Waveform(samples, self._stack.field, self._epsilon, self._device) for samples in clips]
        counts = [self._stack.frames(len(sound)) for sound in sounds]
        frames = torch.zeros((len(clips), max(counts), self.width), device=self._device, dtype=self._dtype)
        for number, sound in enumerate(sounds):
            self._embed(sound, frames[number, : counts[number]], chunk, (0.0, 0.3))
        absent = None
        if min(counts) < max(counts):
            absent = (
                torch.arange(max(counts), device=self._device) >= torch.tensor(counts, device=self._device)[:, None]
            )
        self._attend(frames, chunk, absent)
        return [at_rig_rate(frames[n, :count], len(sounds[n]), chunk) for n, count in enumerate(counts)]

    def _embed(self, sound: Waveform, states: Tensor, chunk: int, part: tuple[float, float]) -> None:
        """Fill in the states (N, width) of a clip as they enter the first block."""
        audio = self._model.modality_encoders["AUDIO"]
        middle = (part[0] + part[1]) / 2
        for start, end in spans(len(states), chunk, (part[0], middle)):
            heard = sound.piece(*self._stack.samples(start, end)).to(self._dtype)
            states[start:end] = audio.project_features(audio.local_encoder(heard[None]))[0]
        add_positions(
            states,
            audio.relative_positional_encoder,
            audio.context_encoder.norm,
            self._context,
            chunk,
            (middle, part[1]),
        )

    def _attend(self, frames: Tensor, chunk: int, absent: Tensor | None) -> None:
        """All blocks over the states (B, N, width), in place."""
        audio = self._model.modality_encoders["AUDIO"]
        blocks = [*audio.context_encoder.blocks, *self._model.blocks]
        extra = audio.context_encoder.norm(audio.extra_tokens).repeat(len(frames), 1, 1)
        bands = self._bands(frames.shape[1])
        for number, block in enumerate(blocks):
            part = (0.3 + 0.7 * number / len(blocks), 0.3 + 0.7 * (number + 1) / len(blocks))
            run_block(block, frames, extra, bands[number % len(bands)], chunk, part, absent)

    def _bands(self, frames: int) -> list[Band]:
        """What distance takes: of each block, or one for all."""
        from funasr.models.emotion2vec.base import get_alibi

        audio = self._model.modality_encoders["AUDIO"]
        slopes = -get_alibi(2, audio.modality_cfg.num_alibi_heads)[:, 0, 1].to(self._device)
        scales = audio.alibi_scale.clamp_min(0).float().flatten(1)  # (blocks or 1, heads or 1)
        return [Band(slopes * scale, frames) for scale in scales]


def _files(folder: Path) -> tuple[Path, Path]:
    """Configuration and weights in a folder as FunASR lays it out; `BackboneError` if one is not there."""
    names = {"config": "config.yaml", "init_param": "model.pt"}
    description = folder / "configuration.json"
    if description.is_file():
        paths = json.loads(description.read_text("utf-8")).get("file_path_metas", {})
        names.update({key: paths[key] for key in names if isinstance(paths.get(key), str)})
    for name in names.values():
        if not (folder / name).is_file():
            raise BackboneError(f"{folder} has no {name}.", "Give a folder with an emotion2vec in FunASR's layout.")
    return folder / names["config"], folder / names["init_param"]


def _check_config(file: Path) -> Any:
    """The configuration of the model; `BackboneError` for one of another model, or one that is not harmless."""
    from omegaconf import OmegaConf

    config: Any = OmegaConf.load(file)
    if config.get("model") != "Emotion2vec":
        raise BackboneError(f"{file} describes a model of the kind {config.get('model')}, not Emotion2vec.")
    convolutions = str(config.model_conf.modalities.audio.feature_encoder_spec)
    if len(convolutions) > 400 or not all(map(_CONVOLUTIONS.fullmatch, convolutions.strip().split(" + "))):
        raise BackboneError(
            f"{file} describes its convolutions as {convolutions[:60]!r}, which is not a list of convolutions.",
            "Do not use this folder.",
        )
    return config.model_conf


def _check_kind(folder: Path, config: Any) -> None:
    """`BackboneError` for an emotion2vec that computes in another way than the published ones."""
    options = {**config.modalities.audio, "layer_norm_first": config.layer_norm_first}
    for key, valid in {**_COMMON, "num_alibi_heads": config.num_heads}.items():
        if options.get(key) != valid:
            raise BackboneError(
                f"{folder} holds an emotion2vec whose {key} is {options.get(key)}; valid is {valid}.",
                f"Give a published one, such as {EMOTION2VEC}.",
            )
    if not options["num_extra_tokens"]:
        raise BackboneError(f"{folder} holds an emotion2vec without extra tokens.", f"Give one such as {EMOTION2VEC}.")


def import_funasr() -> Any:
    """FunASR's AutoModel. The first import takes seconds, since it imports every model that there is."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):  # it prints advice about ffmpeg
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
    build, output = import_funasr(), io.StringIO()
    with redirect_stdout(output):
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
    check_complete(folder, _LACKING.findall(output.getvalue()), unused)  # what is lacking is only printed
    return auto


class VoiceEmotion:
    """An emotion2vec_plus of FunASR: which emotion a voice shows. Loading it disturbs the process as little."""

    def __init__(self, source: Pretrained) -> None:
        """Load from `source`.

        Raises:
            SettingError: a device that is not there.
            BackboneError: weights that are missing or of another model, or of one that does not recognize emotions.
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
                    f"{folder} holds an emotion2vec that does not recognize emotions.",
                    f"Give one such as {EMOTION2VEC_PLUS}.",
                )
            self._model = model.to(dtype).eval().requires_grad_(False)
            self._unused = [place for place, name in enumerate(names) if name.startswith("unuse")]
        cancellable(self._model)
        self._normalise: bool = bool(model.cfg.get("normalize"))
        self._device, self._dtype = device, dtype
        with suppress(torch.OutOfMemoryError):
            self._model.to(device)
            return
        self._leave_gpu()

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
        weights = {wanted: 0.0 for wanted in LABELS}
        for label, score in zip(self._labels, scores.tolist(), strict=True):
            if label:
                weights[label] += score
        total = sum(weights.values())
        return {label: score / total for label, score in weights.items() if score > 0.0} if total else {NEUTRAL: 1.0}

    def _scores(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores of the model's own labels, summing to 1; computed on the CPU where a GPU's memory is not enough."""
        try:
            return self._judge(samples)
        except torch.OutOfMemoryError:
            if self._device.type == "cpu":
                raise
        self._leave_gpu()
        return self._judge(samples)

    def _leave_gpu(self) -> None:
        _log.warning("%s ran out of memory: the CPU judges the voice.", self._device)
        self._device = torch.device("cpu")
        self._model.to(self._device)
        torch.cuda.empty_cache()

    @torch.inference_mode()
    def _judge(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
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
