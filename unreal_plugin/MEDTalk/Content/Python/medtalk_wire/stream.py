"""A client's stream: sound goes in as it is made, frames come out (docs/protocol.md, Streams). Nothing here waits by
itself, and nothing knows about sockets: `Exchange` carries the messages that `peek` gives, and brings those for `take`.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from medtalk_wire.errors import ProtocolError, RequestError
from medtalk_wire.job import N_CHANNELS, Job, field, read_error
from medtalk_wire.protocol import ITEM_BYTES, Buffer, Message, new_id
from medtalk_wire.request import PCM, sample_type, values_of

STREAM = "stream_open"
"""The type of a stream's request, and of the job that a `Stream` is."""
SECONDS = 10.0
"""Of sound that may wait here until the sidecar has told how much it takes."""
LATE = 0.5
"""Seconds of sound that a live stream lets wait here; what is older is left out."""
PIECE = 0.25
"""The most seconds of sound in a message: credit comes in small pieces."""
ALIVE = 1.0
"""Seconds after which a stream says that it is there, if it has nothing else to say."""


class Frames(NamedTuple):
    """Some frames of a stream, one after the other: frame `first` + i shows the sound at `times[i]`.

    `rig` (N, 174) float32, in the order of the sidecar's channels; `head` (N, 3) float32 is how the head turns: yaw to
    its left, pitch up and roll to its right shoulder, in degrees; None where it is still. Both are views, not copies.
    """

    first: int
    rig: memoryview
    head: memoryview | None

    @property
    def times(self) -> list[float]:
        """Seconds of the stream, for each frame."""
        return [number / 60.0 for number in range(self.first, self.first + len(self.rig))]


class _Piece(NamedTuple):
    """Samples on their way, from number `at` on."""

    at: int
    buffer: Buffer

    @property
    def end(self) -> int:
        return self.at + self.buffer.shape[0]


class Stream(Job):
    """A face while somebody speaks. Make one with `Client.stream`; it is a job that ends when it is closed.

    `state` is "sent", "accepted" once it is open, "done", or "failed" with its `error`. `delay` is the seconds of sound
    that a frame waits for. `lost` are samples that were heard as silence, `dropped` frames that were left out. Then
    `result` is the body of `stream_closed`.
    """

    def __init__(
        self,
        ask: Callable[..., Job],
        poll: Callable[[float], None],
        cancel: Callable[[Job], None],
        body: dict[str, Any],
        buffers: Sequence[Buffer],
        dtype: str,
        channels: int,
    ) -> None:
        if dtype not in PCM or channels < 1:
            raise RequestError(
                "audio", f"The stream has {channels} channels of {dtype}.", f"Valid are 1 and more of {', '.join(PCM)}."
            )
        self._ask, self._poll, self._cancel = ask, poll, cancel
        self._body, self._buffers = body, buffers
        self.rate: int = body["rate"]
        self.live: bool = body["live"]
        self._dtype, self._channels = dtype, channels
        self._begin()

    def _begin(self) -> None:
        super().__init__(STREAM, new_id())
        self.delay, self.head = float(self._body["look_ahead"] + self._body["step"]), False
        self.meta: Any = {}
        self.lost = self.dropped = 0
        self._at = 0  # the number of the next sample that is pushed
        self._waiting: deque[_Piece] = deque()  # not sent
        self._sent: deque[_Piece] = deque()  # sent, and perhaps not heard
        self._told = 0  # the sample up to which the sidecar was told something
        self._done = 0
        self._window = round(SECONDS * self.rate)
        self._unread = 100
        self._closing = self._close_sent = False
        self._resuming = True  # until the sidecar says what it has heard: nothing at first
        self.wants_again = False
        self._ready: deque[Frames] = deque()
        self._next = 0  # the number of the next frame that is expected
        self._read = self._read_told = 0  # frames that were taken, and as the sidecar knows
        self._spoke = 0.0  # time.monotonic() of the last message

    # What a program does with it

    @property
    def seconds(self) -> float:
        """Of sound that was pushed."""
        return self._at / self.rate

    @property
    def room(self) -> float:
        """Seconds of sound that may be pushed now: none while so much waits that the sidecar takes no more."""
        return math.inf if self.live else max(0.0, (self._done + self._window - self._at) / self.rate)

    def push(self, data: Any) -> None:
        """Give the next samples: an array of int16, int32 or float32 (full scale 1), (n,) or (n, channels), or bytes.

        Bytes, and arrays of one dimension, have the stream's channels one after the other. Where the stream is not
        live, it takes all or raises `RequestError` `queue_full` if there is no `room`: take frames, then try again. A
        live one always takes it, and leaves out what waits for longer than half a second. Raises the stream's error.
        """
        self._check()
        if self._closing:
            raise RequestError("setting", "The stream was closed; it takes no more sound.", "Open another.")
        dtype = sample_type(data, self._dtype)
        values = values_of(data, dtype, "audio", "The sound")
        shape = getattr(data, "shape", None)
        channels = shape[1] if shape is not None and len(shape) == 2 else self._channels
        width = ITEM_BYTES[dtype] * channels
        if not channels or len(values) % width or (shape is not None and len(shape) > 2):
            raise RequestError("audio", f"The sound has {len(values)} bytes, not a whole number of {channels} {dtype}.")
        if self.room <= 0.0:
            raise RequestError(
                "queue_full",
                f"{(self._at - self._done) / self.rate:.1f} s of sound wait.",
                "Take frames, and push it when there is room.",
            )
        most = width * max(1, int(PIECE * self.rate))
        for start in range(0, len(values), most):
            part = values[start : start + most]
            count = len(part) // width
            buffer = Buffer("samples", dtype, (count,) if channels == 1 else (count, channels), part)
            self._waiting.append(_Piece(self._at, buffer))
            self._at += count
        while self.live and self._waiting and self._waiting[0].end < self._at - LATE * self.rate:
            self._waiting.popleft()  # the next piece's `at` shows that it is missing
        self._poll(0.0)

    def skip(self, seconds: float) -> None:
        """So much sound is missing here, as a device has lost it: it counts as silence, and time stays true."""
        self._check()
        self._at += max(0, round(seconds * self.rate))

    def frames(self, seconds: float = 0.0) -> list[Frames]:
        """The frames that have come since, in order. Waits at most `seconds` for some; by default not at all.

        Raises the stream's error, after the frames that came before it. [] where nothing has come, or it has ended.
        """
        end = time.monotonic() + seconds
        self._poll(0.0)
        while not (self._ready or self.ended) and (left := end - time.monotonic()) > 0:
            self._poll(left)
        taken = list(self._ready)
        self._ready.clear()
        if taken:
            self._read = taken[-1].first + len(taken[-1].rig)
            if not self.ended and self._read - self._read_told >= self._unread // 4:
                self._poll(0.0)  # there may be frames that wait for this
        elif self.error:
            raise self.error
        return taken

    def rest(self) -> Iterator[Frames]:
        """Close it, and give all frames that are left, as they come. Raises the stream's error."""
        self.close()
        while (found := self.frames(0.1)) or not self.ended:
            yield from found

    def guide(
        self,
        emotion: Any = None,
        *,
        text: str = "",
        image: bytes = b"",
        intensity: float | None = None,
        timeline: Sequence[Any] | None = None,
        within: float = 0.3,
        now: bool = False,
    ) -> Job:
        """Another guidance for the sound that is pushed from now on, cross-faded `within` so many seconds.

        What is not given stays as it is, but a new emotion, text or image ends the timeline before, unless one is given
        as well; so does a timeline of []. `now`: already for sound that waits.
        The job that comes back is done when the sidecar has understood it, or has the error.
        """
        from medtalk_wire.request import body_of, buffers_of
        from medtalk_wire.settings import Settings

        self._check()
        settings = Settings(emotion=emotion, text=text, image=image, timeline=timeline)
        whole = body_of(settings)
        body = {"stream": self.id, "within": float(within), **({} if now else {"at": self._at})}
        if emotion is not None or text or image:
            body["guidance"] = whole["guidance"]
        if intensity is not None:
            body["intensity"] = float(intensity)
        if timeline is not None:
            body["timeline"] = whole["timeline"]
        return self._ask("stream_guide", body, buffers_of(settings))

    def close(self) -> None:
        """Say that no more sound comes. The rest of the frames does; then the stream has `ended`."""
        if not (self.ended or self._closing):
            self._closing = True
            self._poll(0.0)

    def reopen(self) -> None:
        """Open it anew after an error, with the settings that it had: sound and frames are counted from 0 again."""
        if not self.ended:
            raise RequestError("setting", "The stream is still open.", "Cancel it first, or make another.")
        self._begin()
        self._ask(STREAM, self._body, self._buffers, self)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        """End it at once, if it has not ended: frames that have not come are given up."""
        if not self.ended:
            self._cancel(self)

    def _check(self) -> None:
        if self.error:
            raise self.error

    # What the exchange does with it

    def asked(self) -> None:
        """`stream_open` was sent: what was heard has to be told before sound is sent."""
        self._resuming = True
        self._spoke = time.monotonic()

    def peek(self) -> Message | None:
        """The next message to send, if there is one; `pop` follows when it was sent."""
        if self.ended:
            return None
        most = self._done + self._window
        if self._resuming:
            pass
        elif self._waiting:
            piece = self._waiting[0]
            if piece.end <= most:
                return self._audio(piece.at, piece.buffer)
            if (reached := min(piece.at, most)) > self._told:  # a gap, and no credit for what lies behind it
                return self._audio(reached)
        elif self._closing and not self._close_sent:
            if self._at <= most:
                return Message("stream_close", {"stream": self.id, "at": self._at})
            if most > self._told:
                return self._audio(most)
        due = self._read - self._read_told >= max(1, self._unread // 4)
        if due or time.monotonic() - self._spoke >= ALIVE:
            return self._audio(0)
        return None

    def pop(self, message: Message) -> None:
        """`message`, which `peek` gave, was sent."""
        self._spoke = time.monotonic()
        if message.type == "stream_close":
            self._close_sent = True
            return
        self._read_told = self._read
        self._told = max(self._told, message.body["at"])
        if message.buffers:
            piece = self._waiting.popleft()
            self._told = piece.end
            self._sent.append(piece)

    def _audio(self, at: int, *buffers: Buffer) -> Message:
        return Message("stream_audio", {"stream": self.id, "at": at, "read": self._read}, buffers=buffers)

    def take(self, message: Message) -> None:
        """Take over what a message says; a type that is not known changes nothing."""
        if message.type == "error":
            self.fail(read_error(message))
        elif message.type == "stream_opened":
            self._opened(message)
        elif message.type == "stream_frames":
            self._take_frames(message)
        elif message.type == "stream_closed":
            frames, dropped = field(message, "frames", int), field(message, "dropped", int)
            if frames > self._next + dropped - self.dropped:
                self.wants_again = True
                return
            self.lost, self.dropped = field(message, "lost", int), dropped
            self.finish(dict(message.body))

    def _opened(self, message: Message) -> None:
        self.delay, self.head = field(message, "delay", float), field(message, "head", bool)
        self._window, self._unread = field(message, "window", int), field(message, "unread", int)
        self.meta = field(message, "meta", dict)
        if self.state == "sent":
            self.state = "accepted"
        self._progress(message)
        if self._resuming:
            self._resuming = self._close_sent = False
            self._told = field(message, "heard", int)
            while self._sent:
                self._waiting.appendleft(self._sent.pop())

    def _take_frames(self, message: Message) -> None:
        first, dropped = field(message, "first", int), field(message, "dropped", int)
        self._progress(message)
        rig, head = message.buffer("rig"), message.buffer("head")
        if rig is None:
            return
        count = rig.shape[0]
        if rig.dtype != "float32" or rig.shape != (count, N_CHANNELS):
            raise ProtocolError(f"The stream's rig is not float32 (N, {N_CHANNELS}).")
        if head is not None and (head.dtype != "float32" or head.shape != (count, 3)):
            raise ProtocolError("The stream's head is not float32 (N, 3).")
        have = self._next - first  # frames that came before, and come again
        if have >= count:
            return
        if first - self._next > dropped - self.dropped:  # some were lost on the way, not left out
            self.wants_again = True
            return
        self.dropped = dropped
        have = max(0, have)
        self._next = first + count
        self._ready.append(
            Frames(first + have, _rows(rig, have, N_CHANNELS), None if head is None else _rows(head, have, 3))
        )

    def _progress(self, message: Message) -> None:
        """Credit, and what was heard."""
        heard, self._done = field(message, "heard", int), max(self._done, field(message, "done", int))
        self.lost = message.body.get("lost", self.lost)
        while self._sent and self._sent[0].end <= heard:
            self._sent.popleft()

    def start_again(self) -> None:
        """Another sidecar is there: it knows nothing of this stream."""
        self.fail(
            RequestError(
                "no_stream",
                "The sidecar was started again, and the stream has ended with the one before.",
                "Open it again.",
            )
        )


def _rows(buffer: Buffer, start: int, width: int) -> memoryview:
    """The rows of a buffer from `start` on, without a copy."""
    rows = buffer.shape[0] - start
    return memoryview(buffer.data).cast("B")[4 * width * start :].cast("f", (rows, width))  # pyright: ignore
