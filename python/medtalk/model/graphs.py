"""The four graphs of a compact bundle as torch modules: what is exported to ONNX, and what the torch engine runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from medtalk.backbones.acoustic import AcousticConfig, AcousticEncoder
from medtalk.errors import BundleError
from medtalk.model.config import ModelConfig
from medtalk.model.medtalk import MEDTalk

SIZES = ("acoustic", "model")
"""Keys of `sizes` in `bundle.json`, and prefixes of the tensors in `weights.safetensors`."""


class ContentGraph(nn.Module):
    """mel (B, 2 T, 80) -> content (B, T, 256), phone posteriors (B, T, 35)."""

    def __init__(self, acoustic: AcousticEncoder, model: MEDTalk) -> None:
        super().__init__()
        self.acoustic, self.model = acoustic, model

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        features, logits = self.acoustic(mel)
        posteriors = logits.softmax(-1)
        return self.model.content(features, posteriors), posteriors


class IntensityGraph(nn.Module):
    """emotion_features (B, T, 51), tokens (B, N, 8) int64 -> intensity (B, T)."""

    def __init__(self, model: MEDTalk) -> None:
        super().__init__()
        self.model = model

    def forward(self, emotion_features: Tensor, tokens: Tensor) -> Tensor:
        return self.model.intensity(emotion_features, tokens)


class LabelGraph(nn.Module):
    """label (L,) int64 -> emotion (L, 256)."""

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

    acoustic: AcousticEncoder
    model: MEDTalk

    def __post_init__(self) -> None:
        self.acoustic.eval()
        self.model.eval()

    # A module is born in training mode, and the exporter hands the outermost mode on to its parts: hence eval().
    @property
    def content(self) -> nn.Module:
        return ContentGraph(self.acoustic, self.model).eval()

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
        return {"acoustic": self.acoustic.config.to_dict(), "model": self.model.config.to_dict()}

    def state(self) -> dict[str, Tensor]:
        """Tensors of `weights.safetensors`: `acoustic.` and `model.` before the modules' own names."""
        return {
            **{f"acoustic.{name}": tensor.contiguous() for name, tensor in self.acoustic.state_dict().items()},
            **{f"model.{name}": tensor.contiguous() for name, tensor in self.model.state_dict().items()},
        }

    @classmethod
    def build(cls, sizes: Mapping[str, Any], state: Mapping[str, Tensor] | None = None) -> Networks:
        """Networks of the given sizes, with the tensors of `state`, or random ones without.

        Raises:
            BundleError: sizes or tensors do not fit each other or this version.
        """
        try:
            acoustic = AcousticEncoder(AcousticConfig.from_dict(sizes["acoustic"]))
            model = MEDTalk(ModelConfig.from_dict(sizes["model"]))
            if state is not None:
                acoustic.load_state_dict(_under("acoustic.", state))
                model.load_state_dict(_under("model.", state))
        except (KeyError, TypeError, RuntimeError) as error:
            raise BundleError(
                f"The bundle's sizes and weights do not fit: {str(error)[:200]}", "Export it again."
            ) from error
        return cls(acoustic, model)


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: torch.as_tensor(tensor) for name, tensor in state.items() if name.startswith(prefix)}
