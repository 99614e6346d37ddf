"""Where the frames of a live face go: Live Link (UDP), OSC (UDP) and lines of JSON on stdout.

A sender makes one packet of each frame and sends packets; when, is up to `Outlet`.
"""

from __future__ import annotations

from medtalk.senders.livelink import LiveLinkSender
from medtalk.senders.ndjson import JsonSender
from medtalk.senders.osc import LAYOUTS, OscSender
from medtalk.senders.outlet import Closed, Outlet, Sender
from medtalk.senders.udp import Address, Udp, read_address

__all__ = [
    "LAYOUTS",
    "Address",
    "Closed",
    "JsonSender",
    "LiveLinkSender",
    "OscSender",
    "Outlet",
    "Sender",
    "Udp",
    "read_address",
]
