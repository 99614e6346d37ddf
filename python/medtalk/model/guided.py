"""The authors' networks for guidance by a text or picture (Sec. 3.4), as their clip_emotion.pth has them.

They are a whole of their own, with a content space, a decoder and an intensity apart from those for labels: nothing of
the one fits the other. Our own training keeps them together in `medtalk.model.medtalk`.
"""

from __future__ import annotations

from torch import Tensor, nn

from medtalk.model.acm import AudioContentMap
from medtalk.model.config import ModelConfig
from medtalk.model.disentangle import Decoder, MotionEncoder
from medtalk.model.fusion import FusionEncoder, adjust
from medtalk.model.guidance import GuidanceMap
from medtalk.model.mlp import MLP


class GuidedMEDTalk(nn.Module):
    """The parts under the names that the authors' weights have.

    emo_encoder E_e, cont_encoder E_c, decoder D, audio_content_map ACM, fusion_predictor (an MLP in CMF's place, which
    hears emotion2vec and no words), semantic_emotion_map E_fuse, clip_text_map P_text, clip_image_map P_image.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.emo_encoder = MotionEncoder(config)
        self.cont_encoder = MotionEncoder(config)
        self.decoder = Decoder(config)
        self.audio_content_map = AudioContentMap(config)
        self.fusion_predictor = MLP(config.emotion_features, config.hidden, 1)
        self.semantic_emotion_map = FusionEncoder(config)
        self.clip_text_map = GuidanceMap(config)
        self.clip_image_map = GuidanceMap(config)

    def intensity(self, emotion_features: Tensor) -> Tensor:
        """Emotion features (B, T, emotion_features) -> intensity (B, T)."""
        return self.fusion_predictor(emotion_features).squeeze(-1)

    def decode(self, content: Tensor, vector: Tensor, intensity: Tensor) -> Tensor:
        """Eq. 9, E_fuse, D: content (B, T, 256), vector (B, T or 1, 256), intensity (B, T) -> rig (B, T, 174)."""
        return self.decoder(self.semantic_emotion_map(adjust(vector, intensity)), content)
