"""Frames as lines of JSON: a line about the stream, then one for each frame.

    {"medtalk": "1.0", "fps": 60, "delay": 0.12, "channels": ["CTRL_C_eye-translateX", ...], "head": ["HeadYaw", ...]}
    {"frame": 0, "time": 0.0, "values": [0.0, ...], "head": [0.0, 0.0, 0.0]}

`values` are in the order of `channels`. `head` is left out where nothing turns the head.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from medtalk.rates import FPS
from medtalk.rig.channels import CHANNEL_NAMES
from medtalk.rig.sequence import HEAD
from medtalk.senders.outlet import Closed
from medtalk.version import __version__

if TYPE_CHECKING:
    from medtalk.live import Frames

_DIGITS = 6  # of a value: finer than any rig shows


class JsonSender:
    """Writes frames to a binary `stream`; the first line at once. `head`: whether the head turns.

    A stream whose reader has gone ends it: `Closed`.
    """

    def __init__(self, stream: BinaryIO, delay: float, head: bool) -> None:
        self.name = "stdout"
        self._stream = stream
        about = {"medtalk": __version__, "fps": FPS, "delay": round(delay, 6), "channels": CHANNEL_NAMES}
        self.send(_line(about | ({"head": HEAD} if head else {})))

    def packets(self, frames: Frames, heard: Sequence[float]) -> list[bytes]:
        """One line for each frame; see `Sender`."""
        values = np.round(frames.values.astype(np.float64), _DIGITS).tolist()
        heads = [None] * len(values) if frames.head is None else np.round(frames.head.astype(float), _DIGITS).tolist()
        return [
            _line(
                {"frame": number, "time": round(number / FPS, _DIGITS), "values": row}
                | ({} if head is None else {"head": head})
            )
            for number, (row, head) in enumerate(zip(values, heads, strict=True), frames.first)
        ]

    def send(self, packet: bytes) -> None:
        try:
            self._stream.write(packet)
            self._stream.flush()
        except (BrokenPipeError, ValueError) as error:  # the other side, or this one, has closed it
            raise Closed from error
        except OSError as error:
            if error.errno == errno.EINVAL and os.name == "nt":  # what Windows says of a pipe that is closed
                raise Closed from error
            raise Closed(f"The frames cannot be written to {self.name}: {error.strerror or error}.") from error

    def close(self) -> None:
        pass


def _line(data: Mapping[str, object]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode() + b"\n"
