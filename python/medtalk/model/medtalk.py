"""MEDTalk as a whole (Fig. 2a, Eq. 1 and 5): the parts under the names that the authors' weights have."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from medtalk.model.acm import AudioContentMap
from medtalk.model.cmf import CrossModalityFusion
from medtalk.model.config import ModelConfig
from medtalk.model.disentangle import Decoder, MotionEncoder
from medtalk.model.fusion import FusionEncoder, adjust
from medtalk.model.guidance import GuidanceMap
from medtalk.model.label import LabelEmbedding
from medtalk.model.word_encoder import WordEncoder
from medtalk.rig.channels import N_CHANNELS, S_UP

_UPPER = np.zeros(N_CHANNELS, np.float32)
_UPPER[S_UP] = 1.0


class MEDTalk(nn.Module):
    """All trained parts behind the backbones.

    emo_encoder E_e, cont_encoder E_c, decoder D, audio_content_map ACM, fusion_predictor CMF, emotion_embedding
    (labels), semantic_emotion_map E_fuse, clip_text_map P_text, clip_image_map P_image, and, in models with words of
    their own, word_encoder.
    """

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ModelConfig()
        self.emo_encoder = MotionEncoder(config)
        self.cont_encoder = MotionEncoder(config)
        self.decoder = Decoder(config)
        self.audio_content_map = AudioContentMap(config)
        self.fusion_predictor = CrossModalityFusion(config)
        self.emotion_embedding = LabelEmbedding(config)
        self.semantic_emotion_map = FusionEncoder(config)
        self.clip_text_map = GuidanceMap(config)
        self.clip_image_map = GuidanceMap(config)
        self.word_encoder = WordEncoder(config.text_features, config.dropout) if config.words else None

    def reconstruct(self, emotion_rig: Tensor, content_rig: Tensor) -> Tensor:
        """D(E_e(one rig), E_c(another)): self-reconstruction (Eq. 2) or an exchange (Eq. 3, 4), (..., 174) all."""
        return self.decoder(self.emo_encoder(emotion_rig), self.cont_encoder(content_rig))

    def content(self, features: Tensor, posteriors: Tensor) -> Tensor:
        """ACM(A): features of the sound (B, T, F) and phone posteriors (B, T, 35) -> content embedding (B, T, 256).

        A model whose ACM is as wide as the features alone does not look at the posteriors (the paper's plain way).
        """
        if self.config.content_features != features.shape[-1]:
            features = torch.cat([features, posteriors], dim=-1)
        return self.audio_content_map(features)

    def intensity(
        self, emotion_features: Tensor, tokens: Tensor, lengths: Tensor | None = None, times: Tensor | None = None
    ) -> Tensor:
        """Predicted intensity of each frame, (B, T), from emotion features (B, T, E) and word tokens (B, N, 8).

        `lengths` (B,) says how many frames of each row are real. A row of zeros in the tokens is padding.
        `times` (B, N, 2) are the words' starts and ends in seconds; -1 where they are not known.
        """
        if self.word_encoder is None:
            raise ValueError("this model has no words of its own: call fusion_predictor with ready-made text features")
        if lengths is None:
            lengths = torch.full(
                (emotion_features.shape[0],), emotion_features.shape[1], device=emotion_features.device
            )
        times = times if self.config.word_times else None
        text, absent = self.word_encoder(tokens, times, lengths)
        return self.fusion_predictor(emotion_features, text, absent, lengths, times)

    def emotion(self, vector: Tensor, intensity: Tensor) -> Tensor:
        """FIM's second half: eq. 9 and E_fuse. Vector (B, T or 1, 256), intensity (B, T) -> embedding (B, T, 256)."""
        return self.semantic_emotion_map(adjust(vector, intensity))

    def decode(self, content: Tensor, vector: Tensor, intensity: Tensor) -> Tensor:
        """Eq. 5 from the embeddings on: the rig (B, T, 174), before finishing."""
        rig = self.decoder(self.emotion(vector, intensity), content)
        if self.config.still_upper_face:
            calm = self.semantic_emotion_map(torch.zeros_like(content[:1, :1])).expand_as(content)
            rig = rig - self.decoder(calm, content) * torch.from_numpy(_UPPER).to(rig)
        return rig
