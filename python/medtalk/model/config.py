"""Sizes of a MEDTalk network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from medtalk.errors import BundleError


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of every part. The defaults are the compact model's, `ModelConfig.paper()` gives the authors'.

    channels: rig channels. latent, hidden: width of the embedding spaces and of the MLPs between.
    content_features: what ACM sees of a frame (compact: features of the ear, vocal effort, phone posteriors).
    emotion_features: what CMF sees of a frame (compact: prosody and phone posteriors).
    fusion_width, heads: CMF's attention; text_features must equal fusion_width, as keys and values enter unprojected.
    guidance_features: width of a text's or picture's features before P_text and P_image.
    label_hidden: width inside the label embedding. labels: emotions. kinds: of face that each label has, such as hot
    and cold anger (1 in the authors').
    places: whether CMF and the word encoder know where in the clip a frame or word is (the authors' CMF does not).
    content_context: how many frames to either side ACM sees, for coarticulation: wav2vec2's features know their
    neighbours, phones do not (0 in the authors', which sees frame by frame).
    word_times: whether CMF uses the words' times where they are known (the authors' CMF does not).
    still_upper_face: whether the upper face at intensity 0 is taken away from every frame. Speech does not move it, so
    what D leaves there is the error of its fit: without this a neutral face is slightly lopsided (the authors' has it).
    words: whether the model has its own word encoder; without one, text features are handed in ready-made.
    """

    channels: int = 174
    latent: int = 256
    hidden: int = 256
    content_features: int = 100
    emotion_features: int = 51
    text_features: int = 64
    fusion_width: int = 64
    heads: int = 4
    guidance_features: int = 64
    label_hidden: int = 512
    labels: int = 7
    kinds: int = 1
    dropout: float = 0.1
    places: bool = True
    content_context: int = 0
    word_times: bool = True
    still_upper_face: bool = False
    words: bool = True

    def __post_init__(self) -> None:
        if self.text_features != self.fusion_width:
            raise BundleError(
                f"text_features is {self.text_features} and fusion_width {self.fusion_width}; they must be equal."
            )
        if self.kinds < 1:
            raise BundleError(f"kinds is {self.kinds}; valid are whole numbers from 1.")
        if self.fusion_width % self.heads:
            raise BundleError(f"fusion_width {self.fusion_width} cannot be divided among {self.heads} heads.")

    @classmethod
    def paper(cls, width: int = 768) -> ModelConfig:
        """The authors' sizes; `width` is that of their three backbones (768; their parity fixture uses 48)."""
        return cls(content_features=width, emotion_features=width, text_features=width, fusion_width=width, heads=8,
                   guidance_features=512, places=False, word_times=False, words=False)  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelConfig:
        """The config that `to_dict` gave.

        Raises:
            BundleError: a name that is not a size of the model.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise BundleError(f"Unknown model sizes: {', '.join(unknown)}.", f"Valid are: {', '.join(sorted(known))}.")
        return cls(**values)
