"""The two rates of the project."""

RATE = 16_000
"""Samples a second of every sound that is heard."""
FPS = 60
"""Frames a second of what the networks make; a rig may be resampled afterwards."""
