"""Where the frames of a live face go: Live Link (UDP), OSC (UDP) and lines of JSON on stdout.

A sender makes one packet of each frame and sends packets; when, is up to `Outlet`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from medtalk.senders.livelink import LiveLinkSender
from medtalk.senders.ndjson import JsonSender
from medtalk.senders.osc import LAYOUTS, OscSender
from medtalk.senders.outlet import Outlet
from medtalk.senders.udp import Address, Udp, read_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medtalk.live import Frames

__all__ = [
    "LAYOUTS",
    "Address",
    "JsonSender",
    "LiveLinkSender",
    "OscSender",
    "Outlet",
    "Sender",
    "Udp",
    "read_address",
]


class Sender(Protocol):
    """What an `Outlet` needs."""

    name: str
    """What messages call it."""

    def packets(self, frames: Frames, heard: Sequence[float]) -> list[bytes]:
        """One packet for each frame. heard: (N,) seconds since the stream began, by a clock that never jumps, at which
        the sound of each frame was heard."""
        ...

    def send(self, packet: bytes) -> None:
        """Send one. Whatever the network says is the sender's own affair; only `Closed` ends it."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...
