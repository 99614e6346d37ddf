"""What runs the networks of a bundle: ONNX Runtime (no torch needed) or torch, behind one small interface."""

from medtalk.engine.base import ENGINES, Engine, open_engine

__all__ = ["ENGINES", "Engine", "open_engine"]
