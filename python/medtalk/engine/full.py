"""The full MEDTalk: the paper's networks in torch on pretrained backbones, on any device. Needs the extra `full`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.audio import FPS, RATE, frame_count
from medtalk.backbones.pretrained import Pretrained, at_rig_rate, cancellable, needs_extra, to_numpy
from medtalk.bundle import GUIDANCE_MAPS, GUIDED_WAV2VEC2_WEIGHTS, WAV2VEC2_CONFIG, WAV2VEC2_WEIGHTS, WEIGHTS
from medtalk.engine.base import Guided, GuideKind, Heard
from medtalk.errors import BackboneError, BundleError, GuidanceError, SettingError
from medtalk.watch import stage

with needs_extra():
    import torch

from medtalk.backbones.wav2vec2 import Wav2Vec2
from medtalk.engine.torch import place, tensors
from medtalk.model.config import ModelConfig
from medtalk.model.guided import GuidedMEDTalk
from medtalk.model.medtalk import MEDTalk

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from medtalk.backbones.clip import Clip
    from medtalk.backbones.emotion2vec import Emotion2vec
    from medtalk.backbones.roberta import Roberta
    from medtalk.backbones.transcript import Transcriber
    from medtalk.bundle import Bundle

# Where the tensors of `weights.safetensors` belong.
MODEL, GUIDED, CONSTANT_TEXT = "model.", "clip.", "text.constant"

EMOTION_FPS = 50.0
"""Rate of emotion2vec's own frames."""
_SLACK = 5  # frames by which a clip's features may differ from its length: windows at its ends

# What a second of sound costs on a CPU, roughly: only for the progress that is shown while a backbone runs.
_WAV2VEC2_SECONDS, _EMOTION2VEC_SECONDS, _WHISPER_SECONDS = 0.03, 0.15, 0.2


class FullEngine:
    """The networks of a bundle of the kind medtalk; see `medtalk.engine.Engine` for the calls.

    Whisper, emotion2vec, RoBERTa and CLIP are loaded when they are first needed, so that a transcript and ready-made
    features need none of the first, second and last. Unlike a compact bundle's, an intensity may be below 0, as the
    authors' release leaves it.
    """

    def __init__(
        self,
        bundle: Bundle,
        device: str = "auto",
        threads: int | None = None,
        backbones: Mapping[str, Path] | None = None,
        offline: bool = False,
    ) -> None:
        """`threads` sets torch's number of threads for the whole process. See `medtalk.engine.open_engine`."""
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self._bundle, self._folders, self._offline = bundle, dict(backbones or {}), offline
        self._device = place(device, threads)
        self._wav2vec2_layer = bundle.manifest.get("wav2vec2_layer", 0)
        state = tensors(bundle, WEIGHTS, self._device)
        self._config, self._model, self._guided = _networks(bundle, state)
        for network in (self._model, self._guided):
            if network is not None:
                network.to(self._device).eval().requires_grad_(False)
                cancellable(network)
        self._constant_text = None if bundle.hears_words else state[CONSTANT_TEXT][None]  # (1, N, width)
        self._wav2vec2 = self._load_wav2vec2(WAV2VEC2_WEIGHTS)
        own = GUIDED_WAV2VEC2_WEIGHTS in bundle.manifest["files"]
        self._guided_wav2vec2 = self._load_wav2vec2(GUIDED_WAV2VEC2_WEIGHTS) if own else None

    @property
    def device(self) -> str:
        return str(self._device)

    @torch.inference_mode()
    def hear(self, samples: NDArray, emotion_features: NDArray | None = None) -> Heard:
        seconds = len(samples) / RATE
        given = None if emotion_features is None else self._spread(emotion_features, len(samples))
        stage("listen", 0.25, expected=_WAV2VEC2_SECONDS * seconds)
        features = self._wav2vec2.features(samples)
        content = self._model.audio_content_map(self._in(features))
        if given is None:
            stage("listen", 0.85, expected=_EMOTION2VEC_SECONDS * seconds)
            felt = self._emotion2vec.features(samples)
        else:
            felt = given
        guided = None
        if self._guided is not None:
            if self._guided_wav2vec2 is not None:
                features = self._guided_wav2vec2.features(samples)
            guided = Guided(
                to_numpy(self._guided.audio_content_map(self._in(features))[0]),
                to_numpy(self._guided.intensity(self._in(felt))[0]),
            )
        return Heard(to_numpy(content[0]), felt, guided=guided)

    def transcribe(self, samples: NDArray, language: str | None = None) -> str:
        if "whisper" in self._bundle.backbones:
            stage("transcribe", 0.2, expected=_WHISPER_SECONDS * len(samples) / RATE)
            return self._whisper.transcribe(samples, language).text
        if language is not None:
            raise SettingError(f"The bundle {self._bundle.name} hears words in no language.", "Leave it out.")
        return ""

    def prepare(self, part: str) -> None:
        if part in self._bundle.backbones:
            getattr(self, f"_{part}")

    @torch.inference_mode()
    def intensity(self, emotion_features: NDArray, transcript: str) -> NDArray:
        text = self._text(transcript)
        return to_numpy(self._model.fusion_predictor(self._in(emotion_features), text)[0])

    @torch.inference_mode()
    def label_vectors(self) -> NDArray:
        return to_numpy(self._model.emotion_embedding(torch.arange(self._config.labels, device=self._device)))

    @torch.inference_mode()
    def guide(self, kind: GuideKind, what: str | Path | bytes | NDArray) -> NDArray:
        if kind not in self._bundle.guidance:
            noun = "texts" if kind == "text" else "pictures"
            raise GuidanceError(
                f"The bundle {self._bundle.name} holds no trained network for {noun}.",
                "Train stage 4 with such data, or make one from the authors' weights: `medtalk bundle import-official "
                "--label ... --clip clip_emotion.pth -o BUNDLE`.",
            )
        if isinstance(what, np.ndarray):
            features = _checked(what, f"CLIP's features of the {kind}", (self._config.guidance_features,))
        elif kind == "text":
            features = self._clip.encode_text(str(what))
        else:
            features = self._clip.encode_image(what)
        # Of our own training the maps lead to the same emotions as labels do; the authors' lead to networks apart.
        networks = self._model if self._guided is None else self._guided
        return to_numpy(getattr(networks, GUIDANCE_MAPS[kind])(self._in(features))[0])

    @torch.inference_mode()
    def decode(self, content: NDArray, emotion: NDArray, intensity: NDArray, guided: bool = False) -> NDArray:
        model = self._guided if guided else self._model
        assert model is not None, "guide() gave a vector"
        return to_numpy(model.decode(*(self._in(values) for values in (content, emotion, intensity)))[0])

    def _text(self, transcript: str) -> Tensor:
        """The keys and values of CMF, (1, N, width): features of the words, or what stands for any words."""
        if self._constant_text is not None:
            return self._constant_text
        return self._in(self._roberta.features(transcript))

    @cached_property
    def _whisper(self) -> Transcriber:
        from medtalk.backbones.transcript import Transcriber

        return Transcriber(self._source("whisper"))

    @cached_property
    def _roberta(self) -> Roberta:
        from medtalk.backbones.roberta import Roberta

        return self._fitting(Roberta(self._source("roberta")), "roberta", self._config.text_features)

    @cached_property
    def _emotion2vec(self) -> Emotion2vec:
        from medtalk.backbones.emotion2vec import Emotion2vec

        return self._fitting(Emotion2vec(self._source("emotion2vec")), "emotion2vec", self._config.emotion_features)

    @cached_property
    def _clip(self) -> Clip:
        from medtalk.backbones.clip import Clip

        return self._fitting(Clip(self._source("clip")), "clip", self._config.guidance_features)

    def _source(self, part: str) -> Pretrained:
        return Pretrained(
            self._bundle.backbones[part], self._folders.get(part), offline=self._offline, device=self.device
        )

    def _fitting(self, backbone: Any, part: str, width: int) -> Any:
        if backbone.width != width:
            where = self._folders.get(part) or self._bundle.backbones[part]
            raise BackboneError(
                f"The features of {where} are {backbone.width} wide; the bundle {self._bundle.name} needs {width}.",
                f"Give the {part} that it was trained with: {self._bundle.backbones[part]}.",
            )
        return backbone

    def _load_wav2vec2(self, weights: str) -> Wav2Vec2:
        files = (self._bundle.file(WAV2VEC2_CONFIG), self._bundle.file(weights))
        layer = self._wav2vec2_layer
        try:
            if not isinstance(layer, int):
                raise BundleError(f"Bundle {self._bundle.folder} names no layer of wav2vec2.", "Get it again.")
            model = Wav2Vec2(Pretrained("wav2vec2", device=self.device), layer, files)
        except (BackboneError, SettingError) as error:
            raise BundleError(
                f"The wav2vec2 of bundle {self._bundle.folder} cannot be used: {error.message}", "Get it again."
            ) from error
        if model.width != self._config.content_features:
            raise BundleError(
                f"The wav2vec2 of bundle {self._bundle.folder} is {model.width} wide, its networks need "
                f"{self._config.content_features}.",
                "Get it again.",
            )
        return model

    def _spread(self, given: NDArray, samples: int) -> NDArray[np.float32]:
        """Ready-made features (N, E) at the rig's frames, (T, E)."""
        features = _checked(given, "The features emotion2vec", (None, self._config.emotion_features))
        frames, usual = frame_count(samples), samples / RATE * EMOTION_FPS
        if len(features) != frames and abs(len(features) - usual) > _SLACK:
            raise SettingError(
                f"The features emotion2vec have {len(features)} frames; a sound of {samples / RATE:.2f} s has about "
                f"{usual:.0f} at {EMOTION_FPS:g} fps, or {frames} at {FPS} fps.",
                "Give those of this sound.",
            )
        return to_numpy(at_rig_rate(torch.tensor(features)[None], samples)[0])

    def _in(self, values: NDArray) -> Tensor:
        """With a batch axis of 1, on the device; a copy, as torch cannot hold read-only arrays."""
        return torch.tensor(values, device=self._device)[None]


def _networks(bundle: Bundle, state: Mapping[str, Tensor]) -> tuple[ModelConfig, MEDTalk, GuidedMEDTalk | None]:
    """The networks of a bundle with their weights."""
    try:
        config = ModelConfig.from_dict(bundle.manifest["sizes"]["model"])
        model, guided = MEDTalk(config), None
        report = model.load_state_dict(_under(MODEL, state), strict=False)
        own = _under(GUIDED, state)
        # In the authors' weights the networks for guidance are apart; in ours there are those that were trained.
        spare = tuple(f"{part}." for kind, part in GUIDANCE_MAPS.items() if own or kind not in bundle.guidance)
        lacking = [name for name in report.missing_keys if not name.startswith(spare)]
        if lacking or report.unexpected_keys:
            raise RuntimeError(f"{MODEL}{[*lacking, *report.unexpected_keys][0]}")
        if own:
            guided = GuidedMEDTalk(config)
            guided.load_state_dict(own)
        text = None if bundle.hears_words else state[CONSTANT_TEXT]
        if text is not None and (text.ndim != 2 or text.shape[1] != config.text_features or not len(text)):
            raise RuntimeError(f"{CONSTANT_TEXT} has the shape {tuple(text.shape)}")
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise BundleError(
            f"The sizes and weights of bundle {bundle.folder} do not fit: {str(error)[:200]}", "Import it again."
        ) from error
    return config, model, guided


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in state.items() if name.startswith(prefix)}


def _checked(values: NDArray, what: str, shape: tuple[int | None, ...]) -> NDArray[np.float32]:
    """`values` as finite float32 of `shape`, where None is any number."""
    array = np.asarray(values)
    fits = array.ndim == len(shape) and all(s in (None, n) for s, n in zip(shape, array.shape, strict=True))
    if not fits or array.dtype.kind not in "fiu" or not array.size:
        valid = ", ".join("N" if n is None else str(n) for n in shape)
        raise SettingError(f"{what} are {array.dtype} of shape {array.shape}; valid are numbers ({valid}).")
    if not np.isfinite(array).all():
        raise SettingError(f"{what} hold values that are not finite.", "Compute them again.")
    return array.astype(np.float32)
