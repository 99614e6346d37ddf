"""Cross-Modality Fusion (Sec. 3.3, Fig. 2b): sound asks, words answer, one intensity a frame comes out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from medtalk.model.attention import CrossAttention
from medtalk.model.config import ModelConfig
from medtalk.model.places import N_PLACES, places, word_bias


class CrossModalityFusion(nn.Module):
    """Emotion features (B, T, emotion_features) and text features (B, N, text_features) -> intensity (B, T).

    Frames are the queries, text tokens the keys and values. Frames of another width than the attention are brought to
    it by a linear layer, and in our models they also carry their place in the clip, as a frame has to find *its* word.
    Where the words' times are known, a frame listens to the words around it.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.fusion_width
        same = config.emotion_features == width
        self.query_map = nn.Identity() if same else nn.Linear(config.emotion_features, width)
        self.word_times = config.word_times
        self.query_place = nn.Linear(N_PLACES, width, bias=False) if config.places else None
        self.cross_attn = CrossAttention(width, config.heads, config.dropout)
        self.norm1 = nn.LayerNorm(width)
        self.linear = nn.Linear(width, width)
        self.dropout = nn.Dropout(config.dropout)
        self.norm2 = nn.LayerNorm(width)
        self.predictor = nn.Linear(width, 1)

    def forward(
        self,
        frames: Tensor,
        text: Tensor,
        absent: Tensor | None = None,
        lengths: Tensor | None = None,
        times: Tensor | None = None,
    ) -> Tensor:
        """Intensity of each frame.

        Args:
            frames: (B, T, emotion_features).
            text: (B, N, text_features), N >= 1.
            absent: (B, N) bool, true where a row has no such token (padding); at least one a row must be present.
            lengths: (B,) frames of each row that are real, T for all if not given.
            times: (B, N, 2) start and end of each token in seconds, -1 where they are not known.
        """
        x = self.query_map(frames)
        if self.query_place is not None:
            if lengths is None:
                lengths = torch.full((frames.shape[0],), frames.shape[1], device=frames.device)
            x = x + self.query_place(places(lengths, frames.shape[1]))
        bias = word_bias(times, frames.shape[1]) if times is not None and self.word_times else None
        x = self.norm1(x + self.cross_attn(x, text, absent, bias))
        x = self.norm2(x + self.dropout(self.linear(x)))
        return self.predictor(x).squeeze(-1)
