"""The life of a face beside its speech and its mood, every part by its name."""

from __future__ import annotations

PARTS = ("accents", "squint", "breath", "pauses", "drift", "micro")
"""The parts of the life layer."""
