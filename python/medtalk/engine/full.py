"""The full MEDTalk: the paper's networks in torch on pretrained backbones, on any device. Needs the extra `full`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.audio import frame_count
from medtalk.backbones.pretrained import Pretrained, cancellable, needs_extra, to_numpy
from medtalk.bundle import GUIDANCE_MAPS, GUIDED_WAV2VEC2_WEIGHTS, WAV2VEC2_CONFIG, WAV2VEC2_WEIGHTS, WEIGHTS
from medtalk.engine.interface import Guided, Heard
from medtalk.errors import BackboneError, BundleError, GuidanceError, SettingError
from medtalk.guidance import Embedding, Felt, Guidance
from medtalk.rates import FPS, RATE
from medtalk.watch import stage

with needs_extra():
    import torch

from medtalk.backbones.chunks import CHUNK, at_rig_rate, spans
from medtalk.backbones.wav2vec2 import Wav2Vec2
from medtalk.engine.device import log, takeover_note, tensors, torch_device, within_memory
from medtalk.model.config import ModelConfig
from medtalk.model.guided import GuidedMEDTalk
from medtalk.model.medtalk import MEDTalk

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from medtalk.backbones.clip import Clip
    from medtalk.backbones.emotion2vec import Emotion2vec
    from medtalk.backbones.roberta import Roberta
    from medtalk.backbones.whisper import Transcriber
    from medtalk.bundle import Bundle

# Where the tensors of `weights.safetensors` belong.
MODEL, GUIDED, CONSTANT_TEXT = "model.", "clip.", "text.constant"

EMOTION_FPS = 50.0
"""Rate of emotion2vec's own frames."""
_SLACK = 5  # frames by which a clip's features may differ from its length: windows at its ends

# What a second of sound costs on a CPU, roughly: only for the progress that is shown while the backbone runs.
_WHISPER_SECONDS = 0.2

_LEAST_CHUNK = CHUNK // 4


class FullEngine:
    """The networks of a bundle of the kind medtalk; see `medtalk.engine.Engine` for the calls.

    Whisper, emotion2vec, RoBERTa and CLIP are loaded when they are first needed, so that a transcript and ready-made
    features need none of the first, second and last. Unlike a compact bundle's, an intensity may be below 0, as the
    authors' release leaves it.

    A sound is heard in chunks, so that an hour needs little more memory than its features: 660 MB for each of the two
    backbones, one after the other. Where a GPU has less, the chunks become smaller, and in the end the CPU takes over.
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
        self._note = ""
        with suppress(torch.OutOfMemoryError):
            self._open(torch_device(device, threads))
            return
        self._leave_gpu()

    def _open(self, device: torch.device) -> None:
        """Load the networks to `device`; backbones that were loaded on demand are released."""
        for name, kind in vars(type(self)).items():
            if isinstance(kind, cached_property):
                vars(self).pop(name, None)
        bundle = self._bundle
        self._device, self._chunk = device, CHUNK
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

    @property
    def note(self) -> str:
        return self._note

    @within_memory
    def hear(self, samples: NDArray, emotion_features: NDArray | None = None) -> Heard:
        ready = None if emotion_features is None else self._spread(emotion_features, len(samples))
        return self._hear([samples], ready)[0]

    def content(self, sound: NDArray, posteriors: NDArray) -> NDArray:
        raise NotImplementedError("networks on the paper's backbones know no phones")

    @within_memory
    def hear_batch(self, clips: Sequence[NDArray]) -> list[Heard]:
        return self._hear(clips)

    def _hear(self, clips: Sequence[NDArray], ready: NDArray | None = None) -> list[Heard]:
        """The features of the clips; `ready` are the emotion features (T, E) of the only one."""
        stage("listen", 0.25)
        contents = [self._contents(samples) for samples in clips]
        stage("listen", 0.85)
        emotions = self._emotion2vec.features_of(clips, self._chunk) if ready is None else [ready]
        return [
            Heard(content, features, guided=None if guided is None else self._guided_by(guided, features))
            for (content, guided), features in zip(contents, emotions, strict=True)
        ]

    def _contents(self, samples: NDArray) -> tuple[NDArray, NDArray | None]:
        """Content (T, 256) for labels, and for a text or picture where there are networks apart for these."""
        features = self._wav2vec2.features(samples, self._chunk)
        content = self._by_frame(self._model.audio_content_map, features)
        if self._guided is None:
            return content, None
        if self._guided_wav2vec2 is not None:
            features = self._guided_wav2vec2.features(samples, self._chunk)
        return content, self._by_frame(self._guided.audio_content_map, features)

    def _guided_by(self, content: NDArray, emotion_features: NDArray) -> Guided:
        assert self._guided is not None, "it gave the content"
        return Guided(content, self._by_frame(self._guided.intensity, emotion_features))

    @within_memory
    def hear_emotion(self, samples: NDArray, activity: NDArray) -> Felt:
        raise GuidanceError(
            "A bundle of the kind medtalk hears no emotions by itself.", "Run medtalk backbones pull emotion2vec_plus."
        )

    def transcribe(self, samples: NDArray, language: str | None = None) -> str:
        if language is not None:
            self.check_language(language)
        if "whisper" not in self._bundle.backbones:
            return ""
        stage("transcribe", 0.2, expected=_WHISPER_SECONDS * len(samples) / RATE)
        return self._whisper.transcribe(samples, language).text

    @within_memory
    def check_language(self, language: str) -> None:
        if "whisper" not in self._bundle.backbones:
            raise SettingError(
                f"The bundle {self._bundle.name} does not transcribe speech, so it takes no language.", "Leave it out."
            )
        self._whisper.code(language)

    @within_memory
    def prepare(self, part: str) -> None:
        if part in self._bundle.backbones:
            _ = {
                "whisper": lambda: self._whisper,
                "emotion2vec": lambda: self._emotion2vec,
                "roberta": lambda: self._roberta,
                "clip": lambda: self._clip,
            }[part]()

    @within_memory
    def intensity(self, emotion_features: NDArray, transcript: str, times: NDArray | None = None) -> NDArray:
        text = self._text(transcript)
        return self._by_frame(lambda frames: self._model.fusion_predictor(frames, text), emotion_features)

    @within_memory
    def label_vectors(self) -> NDArray:
        labels, kinds = self._config.labels, self._config.kinds
        vectors = self._model.emotion_embedding(torch.arange(labels * kinds, device=self._device))
        return to_numpy(vectors).reshape(labels, kinds, -1)

    @within_memory
    def guide_by_text(self, text: str, features: NDArray | None = None) -> Guidance:
        self._check_guidance("text", "texts")
        return self._embedding("text", text, self._clip.encode_text(text) if features is None else features)

    @within_memory
    def guide_by_image(self, picture: str | Path | bytes, name: str, features: NDArray | None = None) -> Guidance:
        self._check_guidance("image", "pictures")
        return self._embedding("image", name, self._clip.encode_image(picture) if features is None else features)

    def _check_guidance(self, kind: str, noun: str) -> None:
        if kind not in self._bundle.guidance:
            raise GuidanceError(
                f"The bundle {self._bundle.name} has no trained network for {noun}.",
                "Train stage 4 with such data, or make one from the authors' weights: `medtalk bundle import-official "
                "--label ... --clip clip_emotion.pth -o BUNDLE`.",
            )

    def _embedding(self, kind: str, name: str, features: NDArray) -> Guidance:
        features = _checked(features, f"CLIP's features of the {kind}", (self._config.guidance_features,))
        # Of our own training the maps lead to the same emotions as labels do; the authors' lead to networks apart.
        networks = self._model if self._guided is None else self._guided
        vector = to_numpy(getattr(networks, GUIDANCE_MAPS[kind])(self._in(features))[0])
        vector.flags.writeable = False
        return Embedding(kind, name, vector, self)

    @within_memory
    def decode(
        self, content: NDArray, emotion: NDArray, intensity: NDArray, guided: bool = False, seed: int = 0
    ) -> NDArray:
        model = self._guided if guided else self._model
        assert model is not None, "it gave the content"
        return self._by_frame(model.decode, content, emotion, intensity)

    def _by_frame(self, network: Callable[..., Tensor], *rows: NDArray) -> NDArray[np.float32]:
        """The output (T, ...) of a network that looks at one frame at a time for `rows` (T, ...), chunk by chunk."""
        chunks = spans(len(rows[0]), self._chunk, (0.0, 1.0))
        return np.concatenate(
            [to_numpy(network(*(self._in(row[start:end]) for row in rows))[0]) for start, end in chunks]
        )

    def _make_room(self) -> None:
        """Need less memory than before: half the chunks, and when they are small, that of the CPU."""
        if self._chunk > _LEAST_CHUNK:
            self._chunk //= 2
            log.warning("%s ran out of memory: trying chunks of %d frames.", self.device, self._chunk)
            torch.cuda.empty_cache()
        else:
            self._leave_gpu()

    def _leave_gpu(self) -> None:
        self._note = takeover_note(self._device)
        self._open(torch.device("cpu"))
        torch.cuda.empty_cache()

    def _text(self, transcript: str) -> Tensor:
        """The keys and values of CMF, (1, N, width): features of the words, or what stands for any words."""
        if self._constant_text is not None:
            return self._constant_text
        return self._in(self._roberta.features(transcript))

    @cached_property
    def _whisper(self) -> Transcriber:
        from medtalk.backbones.whisper import Transcriber

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
        model = bundled_wav2vec2(self._bundle, weights, self.device)
        if model.width != self._config.content_features:
            raise BundleError(
                f"The wav2vec2 of bundle {self._bundle.folder} is {model.width} wide, its networks need "
                f"{self._config.content_features}.",
                "Get it again.",
            )
        return model

    def _spread(self, rows: NDArray, samples: int) -> NDArray[np.float32]:
        """Ready-made features (N, E) at the rig's frames, (T, E)."""
        features = _checked(rows, "The features emotion2vec", (None, self._config.emotion_features))
        frames, usual = frame_count(samples), samples / RATE * EMOTION_FPS
        if len(features) != frames and abs(len(features) - usual) > _SLACK:
            raise SettingError(
                f"The features emotion2vec have {len(features)} frames; a sound of {samples / RATE:.2f} s has about "
                f"{usual:.0f} at {EMOTION_FPS:g} fps, or {frames} at {FPS} fps.",
                "Give those of this sound.",
            )
        return at_rig_rate(torch.from_numpy(features), samples)

    def _in(self, values: NDArray) -> Tensor:
        """With a batch axis of 1, on the device; a copy, as torch cannot hold read-only arrays."""
        return torch.tensor(values, device=self._device)[None]


def bundled_wav2vec2(bundle: Bundle, weights: str, device: str) -> Wav2Vec2:
    """The wav2vec2 whose weights lie in a bundle, up to the layer that the bundle names; `BundleError` if it cannot
    be used."""
    files = (bundle.file(WAV2VEC2_CONFIG), bundle.file(weights))
    layer = bundle.manifest.get("wav2vec2_layer", 0)
    try:
        if not isinstance(layer, int):
            raise BundleError(f"Bundle {bundle.folder} names no layer of wav2vec2.", "Get it again.")
        return Wav2Vec2(Pretrained("wav2vec2", device=device), layer, files)
    except (BackboneError, SettingError) as error:
        raise BundleError(
            f"The wav2vec2 of bundle {bundle.folder} cannot be used: {error.message}", "Get it again."
        ) from error


def _networks(bundle: Bundle, state: Mapping[str, Tensor]) -> tuple[ModelConfig, MEDTalk, GuidedMEDTalk | None]:
    """The networks of a bundle with their weights."""
    try:
        config = ModelConfig.from_dict(bundle.manifest["sizes"]["model"])
        if config.places or config.content_context:
            raise ValueError("its frames know their places or neighbours, and are to be computed chunk by chunk")
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
