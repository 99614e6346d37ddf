"""The methods that the paper is compared with (Table 1), each written from its own paper, at 174 channels."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from medtalk.bundle import METHODS
from medtalk.model.baselines.diffposetalk import DiffPoseTalk
from medtalk.model.baselines.emoface import EmoFace
from medtalk.model.baselines.emotalk import EmoTalk
from medtalk.model.baselines.faceformer import FaceFormer
from medtalk.model.baselines.method import Method

BASELINES: Mapping[str, type[Method]] = MappingProxyType(
    {method.name: method for method in (FaceFormer, EmoTalk, EmoFace, DiffPoseTalk)}
)
"""The class of each method, by the name that a bundle has for it."""
assert tuple(BASELINES) == METHODS
