"""Torch: one of the methods that the paper is compared with (Table 1), behind the interface of MEDTalk's networks.

Such a method has no content, intensity or emotion spaces. So its content is all that it hears, its emotion vectors are
the labels themselves, and its intensity is 1. Another intensity shows so much of what the label changes on its neutral
face: 0.5 shows half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from medtalk.backbones.pretrained import Pretrained
from medtalk.bundle import WAV2VEC2_WEIGHTS, WEIGHTS
from medtalk.engine.compact import acoustics
from medtalk.engine.device import takeover_note, tensors, torch, torch_device, within_memory
from medtalk.engine.interface import Heard
from medtalk.errors import BackboneError, BundleError, GuidanceError, SettingError
from medtalk.features.phones import N_PHONES
from medtalk.features.prosody import N_PROSODY
from medtalk.guidance import LABELS, NEUTRAL
from medtalk.model.baselines import BASELINES
from medtalk.model.baselines.method import build
from medtalk.model.baselines.transformer import Layer
from medtalk.model.ear import Ear, EarConfig
from medtalk.watch import checkpoint, stage

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from medtalk.backbones.emotion2vec import Emotion2vec
    from medtalk.bundle import Bundle
    from medtalk.guidance import Felt, Guidance

NETWORK, EAR = "network.", "ear."
"""What the names of tensors begin with in the weights of a bundle."""
_LABELS = np.eye(len(LABELS), dtype=np.float32)


class BaselineEngine:
    """The network of a bundle of the kind baseline; see `medtalk.engine.Engine` for the calls.

    Where the memory of a GPU is not enough, the CPU takes over.
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
        self._bundle, self._folders, self._offline, self.note = bundle, dict(backbones or {}), offline, ""
        with suppress(torch.OutOfMemoryError):
            self._open(torch_device(device, threads))
            return
        self._make_room()

    def _open(self, device: torch.device) -> None:
        bundle, self._device = self._bundle, device
        state, sizes = tensors(bundle, WEIGHTS, device), bundle.manifest.get("sizes")
        try:
            if not isinstance(sizes, dict) or not isinstance(sizes.get("network"), dict):
                raise BundleError("It has no sizes.")
            network = build(BASELINES[bundle.manifest["method"]], sizes["network"], _under(NETWORK, state))
            ear = _ear(sizes["ear"], _under(EAR, state)) if "ear" in sizes else None
        except BundleError as error:
            raise BundleError(f"Bundle {bundle.folder} cannot be used: {error.message}", "Export it again.") from error
        self._network = network.to(device).eval().requires_grad_(False)
        for module in self._network.modules():
            if isinstance(module, Layer):
                module.register_forward_pre_hook(_checkpoint)
        self._hearing = _OwnEar(ear, device) if ear is not None else self._backbones()
        given, sizes = self._hearing.widths, self._network.sizes
        if (sizes.content, sizes.emotion if self._network.hears_emotion else given[1]) != given:
            raise BundleError(
                f"The network of bundle {bundle.folder} and what hears for it do not fit: {sizes.content} and "
                f"{sizes.emotion} features, and {given[0]} and {given[1]}.",
                "Export it again.",
            )

    def _backbones(self) -> _Backbones:
        emotion = self._network.sizes.emotion if self._network.hears_emotion else 0
        return _Backbones(self._bundle, emotion, self._folders, self._offline, self.device)

    def _make_room(self) -> None:
        self.note = takeover_note(self._device)
        self._open(torch.device("cpu"))
        torch.cuda.empty_cache()

    @property
    def device(self) -> str:
        return str(self._device)

    @within_memory
    def hear(self, samples: NDArray, emotion_features: NDArray | None = None) -> Heard:
        if emotion_features is not None:
            raise SettingError("A baseline accepts no ready-made features.", "Leave them out.")
        content, emotion = self._hearing(samples)
        if not self._network.hears_emotion:
            emotion = content[:, :0]
        # No posteriors: closures and lips that rest in silence are our additions to MEDTalk, and of no other method.
        return Heard(np.concatenate([content, emotion], axis=1), emotion if emotion.size else content[:, :1])

    def hear_batch(self, clips: Sequence[NDArray]) -> list[Heard]:
        return [self.hear(samples) for samples in clips]

    def content(self, sound: NDArray, posteriors: NDArray) -> NDArray:
        raise NotImplementedError("a baseline takes no other phones than it hears")

    def transcribe(self, samples: NDArray, language: str | None = None) -> str:
        if language is not None:
            self.check_language(language)
        return ""

    def check_language(self, language: str) -> None:
        raise SettingError("A baseline does not transcribe speech, so it takes no language.", "Leave it out.")

    def prepare(self, part: str) -> None:
        if part in self._bundle.backbones and isinstance(self._hearing, _Backbones):
            self._hearing.prepare()

    def intensity(self, emotion_features: NDArray, transcript: str, times: NDArray | None = None) -> NDArray:
        return np.ones(len(emotion_features), np.float32)

    def hear_emotion(self, samples: NDArray, activity: NDArray) -> Felt:
        raise GuidanceError(
            "A baseline hears no emotions by itself.",
            "Run medtalk backbones pull emotion2vec_plus, or name an emotion.",
        )

    def label_vectors(self) -> NDArray:
        return _LABELS[:, None].copy()

    def guide_by_text(self, text: str, features: NDArray | None = None) -> Guidance:
        self._refuse("descriptions")

    def guide_by_image(self, picture: str | Path | bytes, name: str, features: NDArray | None = None) -> Guidance:
        self._refuse("pictures")

    def _refuse(self, what: str) -> NoReturn:
        raise GuidanceError(
            f"The bundle {self._bundle.name} is a baseline ({self._network.name}), which knows labels and no {what}.",
            f"Name an emotion ({', '.join(LABELS)}), or use another bundle.",
        )

    @within_memory
    def decode(
        self, content: NDArray, emotion: NDArray, intensity: NDArray, guided: bool = False, seed: int = 0
    ) -> NDArray:
        wide = self._network.sizes.content + self._network.hears_emotion * self._network.sizes.emotion
        if content.shape[1] != wide:  # of a saved take that somebody has changed
            raise BundleError(f"The bundle {self._bundle.name} hears {wide} features, not {content.shape[1]}.")
        label = emotion.mean(axis=0)  # all rows are alike, as a label has one kind of face
        shown = self._animate(content, label, seed)
        if (intensity == 1.0).all() or label[LABELS.index(NEUTRAL)] == 1.0:
            return shown
        calm = self._animate(content, _LABELS[LABELS.index(NEUTRAL)], seed)
        return calm + intensity[:, None] * (shown - calm)

    def _animate(self, content: NDArray, label: NDArray, seed: int) -> NDArray:
        heard, width = self._in(content), self._network.sizes.content
        rig = self._network.animate(heard[..., :width], heard[..., width:], self._in(label), seed)
        return rig[0].cpu().numpy()

    def _in(self, values: NDArray) -> Tensor:
        return torch.tensor(values, device=self._device)[None]  # a copy: torch cannot hold read-only arrays


class _OwnEar:
    """The ear of compact bundles, as the synthetic ground has it. See `_Backbones`."""

    def __init__(self, ear: Ear, device: torch.device) -> None:
        self._ear, self._device = ear.to(device), device
        self.widths = (ear.config.features + 1 + N_PHONES, N_PROSODY + N_PHONES)
        for module in ear.modules():
            module.register_forward_pre_hook(_checkpoint)

    def __call__(self, samples: NDArray) -> tuple[NDArray, NDArray]:
        sound, posteriors, emotion = acoustics(samples, self._listen)
        return np.concatenate([sound, posteriors], axis=1), emotion

    def _listen(self, mel: NDArray) -> tuple[NDArray, NDArray]:
        features, logits = self._ear(torch.tensor(mel, device=self._device)[None])
        return features[0].cpu().numpy(), logits[0].cpu().numpy()


class _Backbones:
    """wav2vec2 out of the bundle, as the captured ground has it, and emotion2vec where a method hears emotions.

    A clip (n,) at 16 kHz gives content (T, F) and emotion (T, E) features; `widths` are F and E.
    """

    def __init__(self, bundle: Bundle, emotion: int, folders: Mapping[str, Path], offline: bool, device: str) -> None:
        """`emotion` is the width of emotion2vec, 0 for none."""
        from medtalk.engine.full import bundled_wav2vec2

        name = bundle.backbones.get("emotion2vec", "")
        if emotion and not name:
            raise BundleError(f"Bundle {bundle.folder} does not name its backbone emotion2vec.", "Export it again.")
        self._wav2vec2 = bundled_wav2vec2(bundle, WAV2VEC2_WEIGHTS, device)
        self._source = Pretrained(name, folders.get("emotion2vec"), offline, device)
        self.widths = (self._wav2vec2.width, emotion)

    def __call__(self, samples: NDArray) -> tuple[NDArray, NDArray]:
        stage("listen", 0.5)
        content = self._wav2vec2.features(samples)
        stage("listen", 0.85)
        return content, self._emotion2vec.features(samples) if self.widths[1] else content[:, :0]

    def prepare(self) -> None:
        """Load what is not in the bundle."""
        _ = self._emotion2vec

    @cached_property
    def _emotion2vec(self) -> Emotion2vec:
        from medtalk.backbones.emotion2vec import Emotion2vec

        found = Emotion2vec(self._source)
        if found.width != self.widths[1]:
            raise BackboneError(
                f"The features of {self._source.path or self._source.name} are {found.width} wide; the bundle needs "
                f"{self.widths[1]}.",
                f"Give the emotion2vec that it was trained with: {self._source.name}.",
            )
        return found


def _ear(sizes: object, state: Mapping[str, Tensor]) -> Ear:
    try:
        ear = Ear(EarConfig(**sizes))  # pyright: ignore[reportCallIssue]
        ear.load_state_dict(dict(state))
    except (TypeError, ValueError, RuntimeError) as error:
        raise BundleError(f"Its ear does not fit: {str(error)[:160]}") from error
    return ear.eval().requires_grad_(False)


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _checkpoint(*_: object) -> None:
    checkpoint()
