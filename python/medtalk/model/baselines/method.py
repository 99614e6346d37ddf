"""What the methods of Table 1 have in common: what they hear, how they take an emotion, and the rig that they give.

All hear the features that MEDTalk hears, and take one of its seven labels where their papers have a style or a
speaker (paper, Sec. 4.1).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medtalk.errors import BundleError
from medtalk.finishing import PAPER, Finishing
from medtalk.guidance import LABELS
from medtalk.rig.channels import N_CHANNELS

PLAIN = replace(PAPER, smooth=False)
"""Nothing after the network."""
STILL = 1e-4
"""The deviation up to which a channel counts as still."""
_MOST = 4096
_AGAIN = "Export it again."


@dataclass(frozen=True)
class Sizes:
    """Sizes of a method.

    content: what it hears of a frame: features of the ear and phone posteriors, or wav2vec2's features. emotion: what
    it hears an emotion in: prosody and posteriors, or emotion2vec's features. width, heads, layers, hidden: of its
    transformer and the layers between. context: how many frames to either side its sound encoder sees, where the
    papers train wav2vec2's own transformer. dropout: in training.
    """

    content: int
    emotion: int
    width: int = 128
    heads: int = 4
    layers: int = 1
    hidden: int = 256
    context: int = 12
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():  # of the manifest of a bundle, which may come from anywhere
            whole = isinstance(getattr(type(self), name, 1), int)
            if type(value) not in ((int,) if whole else (int, float)) or not 0 <= value <= _MOST:
                raise BundleError(f"The size {name} of a baseline is {value!r:.40}; valid are 0 to {_MOST}.", _AGAIN)
        self.check_positive("content", "emotion", "width", "heads", "layers", "hidden")
        if self.width % (2 * self.heads):
            raise BundleError(f"The width {self.width} cannot be halved among {self.heads} heads.", _AGAIN)

    def check_positive(self, *names: str) -> None:
        """`BundleError` if a size of these is 0."""
        if lacking := [name for name in names if not getattr(self, name)]:
            raise BundleError(f"The size {lacking[0]} of a baseline is 0; valid are whole numbers from 1.", _AGAIN)

    def check_order(self, small: str, large: str) -> None:
        """`BundleError` if one size is not below another."""
        if getattr(self, small) >= getattr(self, large):
            raise BundleError(f"The size {small} of a baseline is not below its {large}.", _AGAIN)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The sizes that `to_dict` gave; `BundleError` for names or values that are none."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise BundleError(
                f"Unknown size {unknown[0][:40]!r} of a baseline.", f"Valid are: {', '.join(sorted(known))}."
            )
        try:
            return cls(**values)
        except TypeError as error:
            raise BundleError(f"The sizes of a baseline are incomplete: {error}.", _AGAIN) from error


S = TypeVar("S", bound=Sizes)


class SoundEncoder(nn.Module):
    """Features of a sound (B, T, inputs) -> (B, T, width), each frame with its neighbours.

    Stands where the papers have the trained transformer layers of wav2vec2: what comes in is frozen here, for all
    methods and for MEDTalk alike, so each gets a convolution of the reach that ACM has.
    """

    def __init__(self, inputs: int, sizes: Sizes) -> None:
        super().__init__()
        self.inward = nn.Linear(inputs, sizes.width)
        self.around = nn.Conv1d(sizes.width, sizes.width, 2 * sizes.context + 1, padding=sizes.context)
        self.norm = nn.LayerNorm(sizes.width)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """`mask` (B, T) is 1 for real frames: beyond them there is nothing, as beyond the end of a sound."""
        x = F.gelu(self.inward(features))
        x = x if mask is None else x * mask[..., None]
        return self.dropout(self.norm(x + F.gelu(self.around(x.transpose(1, 2)).transpose(1, 2))))


class Method(nn.Module, ABC, Generic[S]):
    """A method of Table 1. In and out at 60 fps; `label` are weights of the labels (B, 7), one-hot in training.

    The networks themselves see and give standardised channels; `rest` and `spread` (174,) are the mean and deviation
    of each channel in the data. A channel that is still there stays at its rest.
    """

    name: ClassVar[str]
    kind: ClassVar[type[Sizes]]
    """The class of its sizes."""
    finishing: ClassVar[Finishing] = PLAIN
    """What its own paper does to the curves after the network."""
    hears_emotion: ClassVar[bool] = False
    """Whether it listens to the emotion features at all."""
    rest: Tensor
    spread: Tensor

    def __init__(self, sizes: S) -> None:
        super().__init__()
        self.sizes = sizes
        self.style = nn.Linear(len(LABELS), sizes.width, bias=False)  # of a one-hot label: its embedding
        self.register_buffer("rest", torch.zeros(N_CHANNELS))
        self.register_buffer("spread", torch.ones(N_CHANNELS))

    @classmethod
    def sized(cls, size: str, content: int, emotion: int) -> Sizes:
        """Its sizes: "compact", which a CPU trains in minutes, or "paper", as published where that is known."""
        compact = cls.kind(content, emotion)
        return compact if size == "compact" else replace(compact, **cls.paper())

    @classmethod
    @abstractmethod
    def paper(cls) -> dict[str, Any]:
        """The sizes of its paper, as far as they differ from the compact ones."""

    @abstractmethod
    def animate(self, content: Tensor, emotion: Tensor, label: Tensor, seed: int = 0) -> Tensor:
        """Generate rigs (B, T, 174) by the method's own way of generation, for any T, without gradients.

        Args:
            content: (B, T, sizes.content).
            emotion: (B, T, sizes.emotion); only of a method that `hears_emotion` does it matter.
            label: (B, 7) weights of the labels.
            seed: of what chance there is; a method without chance ignores it.
        """

    def fit(self, rigs: Tensor) -> None:
        """Take `rest` and `spread` from rigs (..., 174)."""
        flat = rigs.reshape(-1, N_CHANNELS)
        self.rest.copy_(flat.mean(0))
        deviation = flat.std(0)
        self.spread.copy_(torch.where(deviation > STILL, deviation, torch.zeros_like(deviation)))

    def standard(self, rig: Tensor) -> Tensor:
        """Rig (..., 174) in deviations from its rest; 0 where a channel is still."""
        moving = self.spread > 0
        return torch.where(moving, (rig - self.rest) / torch.where(moving, self.spread, 1.0), 0.0)

    def rig(self, standard: Tensor) -> Tensor:
        """The reverse of `standard`."""
        return self.rest + self.spread * standard


def build(method: type[Method], sizes: Mapping[str, Any], state: Mapping[str, Tensor] | None = None) -> Method:
    """A method of the given sizes, with the tensors of `state`, or random ones without.

    Raises:
        BundleError: sizes or tensors do not fit each other or this version.
    """
    try:
        network = method(method.kind.from_dict(sizes))
        if state is not None:
            network.load_state_dict(dict(state))
    except (RuntimeError, TypeError) as error:
        raise BundleError(f"The sizes and weights of a baseline do not fit: {str(error)[:160]}", _AGAIN) from error
    return network
