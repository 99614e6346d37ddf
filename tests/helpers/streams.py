"""Streams over a bare socket, as somebody writes them who has only the document."""

from __future__ import annotations

from typing import Any

import numpy as np

from medtalk_wire.protocol import Buffer, Message
from tests.helpers.sidecars import Raw


class RawStream:
    """A stream that is open, or about to be: sends what a test gives it, and keeps what comes."""

    def __init__(self, raw: Raw, rate: int = 16000, **body: Any) -> None:
        self.raw, self.rate = raw, rate
        self.request = raw.send(Message("stream_open", {"rate": rate, **body}))
        self.id = self.request.id
        self.at = 0
        self.opened: dict[str, Any] = {}
        self.state: dict[str, Any] = {"heard": 0, "done": 0, "lost": 0, "dropped": 0}
        self.frames: dict[int, np.ndarray] = {}
        self.heads: dict[int, np.ndarray] = {}
        self.firsts: list[int] = []
        """Of the messages with frames, in the order in which they came."""
        self.last: Message | None = None
        self.others: list[Message] = []

    def push(self, samples: np.ndarray, at: int | None = None, read: int | None = None) -> Message:
        """Send samples from `at` on, by default where the last ended; tells `read`, by default all that has come."""
        at = self.at if at is None else at
        buffers = [Buffer("samples", str(samples.dtype), samples.shape, np.ascontiguousarray(samples).tobytes())]
        self.at = max(self.at, at + len(samples))
        return self._audio(at, read, buffers)

    def tell(self, read: int | None = None) -> Message:
        """Send no sound."""
        return self._audio(self.at, read, [])

    def _audio(self, at: int, read: int | None, buffers: list[Buffer]) -> Message:
        read = max(self.frames, default=-1) + 1 if read is None else read
        return self.raw.send(Message("stream_audio", {"stream": self.id, "at": at, "read": read}, buffers=buffers))

    def guide(self, **body: Any) -> Message:
        """Send another guidance."""
        return self.raw.send(Message("stream_guide", {"stream": self.id, **body}))

    def close(self, **body: Any) -> Message:
        """Send that no more sound comes."""
        return self.raw.send(Message("stream_close", {"stream": self.id, **body}))

    def take(self) -> Message:
        """The next message, whatever it is."""
        message = self.raw.receive()
        if message.parent != self.id:
            self.others.append(message)
        elif message.type == "stream_opened":
            self.opened = dict(message.body)
        elif message.type == "stream_frames":
            self.state = dict(message.body)
            rig, head = message.buffer("rig"), message.buffer("head")
            if rig is not None:
                self.firsts.append(message.body["first"])
                numbers = range(message.body["first"], message.body["first"] + rig.shape[0])
                self.frames |= dict(zip(numbers, np.asarray(rig.view()), strict=True))
                if head is not None:
                    self.heads |= dict(zip(numbers, np.asarray(head.view()), strict=True))
        else:
            self.last = message
        return message

    def end(self) -> Message:
        """Take what comes up to the stream's last message, and give that; tells what was read meanwhile."""
        while self.last is None:
            if self.take().type == "stream_frames" and len(self.frames) % 50 == 0:
                self.tell()
        return self.last

    def rig(self) -> np.ndarray:
        """All frames (T, 174), of which none may be missing."""
        assert list(self.frames) == list(range(len(self.frames))), "in order, and none left out"
        return np.array(list(self.frames.values()))


def pieces(samples: np.ndarray, size: int) -> list[np.ndarray]:
    """The samples, cut."""
    return [samples[at : at + size] for at in range(0, len(samples), size)]
