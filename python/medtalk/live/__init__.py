"""The same face while somebody speaks: samples in as they come, frames out a tenth of a second later."""

from __future__ import annotations

from medtalk.live.stream import Frames, Live

__all__ = ["Frames", "Live"]
