"""The graphs of a compact bundle as torch modules: what is exported to ONNX, and what the torch engine runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from medtalk.errors import BundleError
from medtalk.model.config import ModelConfig
from medtalk.model.ear import Ear, EarConfig
from medtalk.model.medtalk import MEDTalk


class ListenGraph(nn.Module):
    """mel (B, M, 80) -> features (B, M / 2, F - 1), phone logits (B, M / 2, 35), states of the last layer but one."""

    def __init__(self, ear: Ear) -> None:
        super().__init__()
        self.ear = ear

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        states = self.ear.whisper(mel)
        features, logits = self.ear.head(states)
        return features, logits, voice_states(states)


def voice_states(states: Tensor) -> Tensor:
    """What emotions are heard in, (B, S, width), of Whisper's states (B, S, 2 width): the last layer but one."""
    return states[..., : states.shape[-1] // 2]


class VoiceGraph(nn.Module):
    """Mean state (B, width) -> weights of the labels (B, 7) that sum to 1, arousal (B,).

    Linear in the state. `kinds` are what the recordings tell apart; several of them may be one label (a bored voice is
    a neutral one).
    """

    labels: Tensor

    def __init__(self, width: int, labels: Tensor) -> None:
        """`labels` (K,) int64 is the label of each kind."""
        super().__init__()
        self.kinds = nn.Linear(width, len(labels))
        self.arousal = nn.Linear(width, 1)
        self.register_buffer("labels", nn.functional.one_hot(labels, 7).float())

    def forward(self, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.kinds(state).softmax(-1) @ self.labels, self.arousal(state)[:, 0]


class ContentGraph(nn.Module):
    """sound (B, T, F), phone posteriors (B, T, 35) -> content (B, T, 256)."""

    def __init__(self, model: MEDTalk) -> None:
        super().__init__()
        self.model = model

    def forward(self, sound: Tensor, posteriors: Tensor) -> Tensor:
        return self.model.content(sound, posteriors)


class IntensityGraph(nn.Module):
    """emotion_features (B, T, 51), tokens (B, N, 8) int64, word_times (B, N, 2) s or -1 -> intensity (B, T)."""

    def __init__(self, model: MEDTalk) -> None:
        super().__init__()
        self.model = model

    def forward(self, emotion_features: Tensor, tokens: Tensor, word_times: Tensor | None = None) -> Tensor:
        return self.model.intensity(emotion_features, tokens, times=word_times)


class LabelGraph(nn.Module):
    """label (L,) int64, the ids of `LabelEmbedding` -> emotion (L, 256)."""

    def __init__(self, model: MEDTalk) -> None:
        super().__init__()
        self.model = model

    def forward(self, label: Tensor) -> Tensor:
        return self.model.emotion_embedding(label)


class DecodeGraph(nn.Module):
    """content (B, T, 256), emotion (B, T, 256), intensity (B, T) -> rig (B, T, 174): eq. 9, E_fuse, D."""

    def __init__(self, model: MEDTalk) -> None:
        super().__init__()
        self.model = model

    def forward(self, content: Tensor, emotion: Tensor, intensity: Tensor) -> Tensor:
        return self.model.decode(content, emotion, intensity)


@dataclass(frozen=True)
class Networks:
    """All networks of a compact bundle, in evaluation mode."""

    ear: Ear
    model: MEDTalk

    def __post_init__(self) -> None:
        self.ear.eval()
        self.model.eval()

    # A module is born in training mode, and the exporter hands the outermost mode on to its parts: hence eval().
    @property
    def listen(self) -> nn.Module:
        return ListenGraph(self.ear).eval()

    @property
    def content(self) -> nn.Module:
        return ContentGraph(self.model).eval()

    @property
    def intensity(self) -> nn.Module:
        return IntensityGraph(self.model).eval()

    @property
    def label(self) -> nn.Module:
        return LabelGraph(self.model).eval()

    @property
    def decode(self) -> nn.Module:
        return DecodeGraph(self.model).eval()

    def sizes(self) -> dict[str, Any]:
        """`sizes` of `bundle.json`."""
        return {"ear": self.ear.config.to_dict(), "model": self.model.config.to_dict()}

    def state(self) -> dict[str, Tensor]:
        """Tensors of `weights.safetensors`, float16: `ear.` and `model.` before the modules' own names."""
        return {
            f"{part}.{name}": tensor.half().contiguous()
            for part, network in (("ear", self.ear), ("model", self.model))
            for name, tensor in network.state_dict().items()
        }

    def rounded(self) -> Networks:
        """The same networks as `build` makes of `state`: float32, rounded to float16."""
        return Networks.build(self.sizes(), self.state())

    @classmethod
    def build(cls, sizes: Mapping[str, Any], state: Mapping[str, Tensor] | None = None) -> Networks:
        """Networks of the given sizes, with the tensors of `state`, or random ones without.

        Raises:
            BundleError: sizes or tensors do not fit each other or this version.
        """
        try:
            ear = Ear(EarConfig(**sizes["ear"]))
            model = MEDTalk(ModelConfig.from_dict(sizes["model"]))
            if state is not None:
                ear.load_state_dict(_under("ear.", state))
                model.load_state_dict(_under("model.", state))
        except (KeyError, TypeError, RuntimeError) as error:
            raise BundleError(
                f"The bundle's sizes and weights do not fit: {str(error)[:200]}", "Export it again."
            ) from error
        return cls(ear, model)


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: torch.as_tensor(tensor) for name, tensor in state.items() if name.startswith(prefix)}
