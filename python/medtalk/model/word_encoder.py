"""The compact text encoder (torch): hashed words to features that CMF attends to, in place of RoBERTa (Sec. 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from medtalk.features.words import BUCKETS
from medtalk.model.places import N_PLACES, places, word_places


class WordEncoder(nn.Module):
    """Tokens (B, N, 8) of `words.tokenise` -> text features (B, N, width).

    A word is the sum of its pieces' vectors; a convolution over three words lets it see its neighbours ("not happy"),
    and its place in the clip, or in the sentence where its time is not known, is added, so that CMF's frames can find
    the words spoken around them.
    """

    def __init__(self, width: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.pieces = nn.Embedding(BUCKETS, width, padding_idx=0)
        self.neighbours = nn.Conv1d(width, width, 3, padding=1)
        self.place = nn.Linear(N_PLACES, width, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width)

    def forward(
        self, tokens: Tensor, times: Tensor | None = None, frames: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Text features (B, N, width) and which of them are no words, (B, N) bool. Every row needs one word.

        `times` (B, N, 2) are the words' starts and ends in seconds, -1 where not known, in clips of `frames` (B,).
        """
        absent, x = self._words(tokens)
        counts = (~absent).sum(1)
        if times is None or frames is None:
            where = places(counts, tokens.shape[1])
        else:
            where = word_places(counts, times, frames)
        return self.norm(x + self.place(where)), absent

    def _words(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        absent = tokens[..., 0] == 0
        # pieces 1/sqrt(8): sums of eight unit vectors keep unit size
        words = self.pieces(tokens).sum(2) * (tokens.shape[2] ** -0.5)
        near = torch.relu(self.neighbours(words.transpose(1, 2)).transpose(1, 2))
        return absent, words + self.dropout(near)
