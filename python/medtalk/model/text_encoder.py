"""The compact bundle's P_text: a description in words to an emotion and its strength (Sec. 3.4, text guidance)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from medtalk.errors import BundleError
from medtalk.features.words import BUCKETS, PIECES

WEAKEST, STRONGEST = 0.2, 2.0
"""Limits of the strength."""


@dataclass(frozen=True)
class TextEncoderConfig:
    """Sizes; the default has a quarter of a million weights."""

    width: int = 44
    """Of a word's vector."""
    hidden: int = 40
    """Of each GRU's state; there are two layers in two directions."""
    heads: int = 2
    """Of the attention that pools the words."""
    labels: int = 7
    dropout: float = 0.2
    words: int = 0
    """Of the table of meanings, if it has one."""
    meaning: int = 0
    """Numbers of a word of that table."""

    def to_dict(self) -> dict[str, int | float]:
        return asdict(self)


class TextEncoder(nn.Module):
    """Tokens to weights of the labels (B, 7) that sum to 1, and a strength (B,).

    The tokens are (B, N, 8) of `words.tokenise`, or with a table of meanings (B, N, 10) of `Meanings.tokenise`.

    The paper maps CLIP's features of the text to f^emo by an MLP. Here the answer is a mixture of the bundle's own
    label vectors, `weights @ label_vectors`, so that it lies in their space and can be shown to the user; the strength
    (1: plainly shown) multiplies the intensity. Two GRUs read the words in order, which decides "sad, not angry".
    What a word means beside its letters comes from a table of vectors, which no training changes.

    Every text of a batch has the same number of words: there is no padding, since a GRU would read it.
    """

    meanings: Tensor
    meaning_scale: Tensor

    def __init__(self, config: TextEncoderConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or TextEncoderConfig()
        both = 2 * config.hidden
        self.pieces = nn.Embedding(BUCKETS, config.width, padding_idx=0)
        # small at first: pieces never met in training then say little
        with torch.no_grad():
            self.pieces.weight.mul_(0.2)
        if config.words:
            self.register_buffer("meanings", torch.zeros(config.words + 1, config.meaning, dtype=torch.int8))
            self.register_buffer("meaning_scale", torch.ones(config.meaning))
            self.meant = nn.Sequential(
                nn.Linear(config.meaning, 64), nn.ReLU(), nn.Linear(64, config.width, bias=False)
            )
        self.order = nn.GRU(
            config.width, config.hidden, num_layers=2, bidirectional=True, batch_first=True, dropout=config.dropout
        )
        self.attention = nn.Linear(both, config.heads)
        self.mind = nn.Sequential(
            nn.Dropout(config.dropout), nn.Linear((config.heads + 1) * both, 64), nn.ReLU(), nn.Dropout(config.dropout)
        )
        self.label = nn.Linear(64, config.labels)
        self.strength = nn.Linear(64, 1)

    @classmethod
    def build(cls, sizes: Any, state: Mapping[str, Tensor]) -> TextEncoder:
        """The encoder of a bundle, in evaluation mode; `BundleError` if its sizes and weights do not fit."""
        try:
            encoder = cls(TextEncoderConfig(**sizes))
            encoder.load_state_dict(dict(state))
        except (TypeError, RuntimeError, ValueError) as error:
            raise BundleError(
                f"The sizes and weights of the bundle's text encoder do not fit: {str(error)[:200]}", "Export it again."
            ) from error
        return encoder.eval()

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        logits, log_strength = self.read(tokens)
        strength = log_strength.clamp(math.log(WEAKEST), math.log(STRONGEST)).exp()
        return logits.softmax(-1), strength

    def read(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the labels (B, 7) and the logarithm of the strength (B,), which training compares."""
        # eight pieces add up to a vector of their own size
        words = self.pieces(tokens[:, :, :PIECES]).sum(2) * PIECES**-0.5
        if self.config.words:
            found = self.meanings[tokens[:, :, PIECES:]].float().sum(2) * self.meaning_scale
            words = words + self.meant(found)
        states, _ = self.order(words)  # (B, N, 2 hidden)
        shares = self.attention(states).softmax(1)  # (B, N, heads)
        heard = (shares.transpose(1, 2) @ states).flatten(1)
        x = self.mind(torch.cat([heard, states.amax(1)], -1))
        return self.label(x), self.strength(x).squeeze(-1)
