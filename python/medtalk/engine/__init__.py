"""The engines, which run the networks of a bundle behind one small interface.

A compact bundle runs in ONNX Runtime (no torch needed) or torch, one of the kind medtalk in torch on pretrained
backbones, one of the kind baseline in torch.
"""

from medtalk.engine.interface import Engine, Guided, Heard
from medtalk.engine.open import ENGINES, open_engine

__all__ = ["ENGINES", "Engine", "Guided", "Heard", "open_engine"]
