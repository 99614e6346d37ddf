"""A client's job, which can be watched, and its result."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medtalk_wire.errors import ProtocolError, RequestError, SidecarError
from medtalk_wire.protocol import JOBS, Message

MAX_TIMED = 100_000
"""The most words, and phones, of a result."""
_ANSWERS = {"stream_guide": "stream_guided"}
N_CHANNELS = 174
"""Columns of a rig."""


@dataclass(frozen=True, eq=False)
class Result:
    """A rig and what it was made from.

    `rig` (frames, 174) float32 at `fps`; `intensity` (T,) float32, the curve of the whole sound at 60 fps before the
    multiplier. Both are views of what came, without a copy. `heard` names the sound for `Client.decode`. `words` and
    `phones` are what is spoken when, as (text, start, end) in seconds from the rig's first frame; empty if not known.
    `head` (frames, 3) float32 is how the head turns: yaw to its left, pitch up and roll to its right shoulder, in
    degrees; None where it is still.
    """

    rig: memoryview
    intensity: memoryview
    frames: int
    fps: float
    seconds: float
    heard: str
    cached: bool
    channel_hash: str
    meta: Mapping[str, Any]
    timing: Mapping[str, Any]
    words: Sequence[tuple[str, float, float]] = ()
    phones: Sequence[tuple[str, float, float]] = ()
    head: memoryview | None = None

    @classmethod
    def read(cls, message: Message) -> Result:
        """The result in a `result` message; `ProtocolError` where something of it is missing."""
        rig, intensity = message.buffer("rig"), message.buffer("intensity")
        frames = field(message, "frames", int)
        if rig is None or rig.dtype != "float32" or rig.shape != (frames, N_CHANNELS) or frames < 1:
            raise ProtocolError(f"The result's rig is not float32 ({frames}, {N_CHANNELS}).")
        if intensity is None or intensity.dtype != "float32" or len(intensity.shape) != 1 or intensity.shape[0] < 1:
            raise ProtocolError("The result's intensity is not float32 (T,).")
        head = message.buffer("head")
        if head is not None and (head.dtype != "float32" or head.shape != (frames, 3)):
            raise ProtocolError(f"The result's head is not float32 ({frames}, 3).")
        return cls(
            rig.view(), intensity.view(), frames, field(message, "fps", float), field(message, "seconds", float),
            field(message, "heard", str), field(message, "cached", bool), field(message, "channel_hash", str),
            field(message, "meta", dict), field(message, "timing", dict), _timed(message, "words"),
            _timed(message, "phones"), None if head is None else head.view(),
        )  # fmt: skip


class Job:
    """One request and its state. The client changes it, in `Client.poll` and in no other place.

    `state` is "sent", "accepted", "done" or "failed"; `phase` and `fraction` (0 to 1) are of its progress, `ahead` the
    jobs before it. Then `result`: a `Result` (the reply's body for hello, ping and shutdown), or `error`.
    """

    def __init__(self, type: str, id: str) -> None:
        self.type, self.id = type, id
        self.state, self.phase, self.fraction, self.ahead = "sent", "", 0.0, 0
        self.result: Any = None
        self.error: SidecarError | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("done", "failed")

    def take(self, message: Message) -> None:
        """Take over what a message says of the job; a type that is not known changes nothing."""
        if message.type == "error":
            self.fail(read_error(message))
        elif self.type not in JOBS:
            if message.type in (f"{self.type}_reply", _ANSWERS.get(self.type)):
                self.finish(dict(message.body))
        elif message.type == "accepted":
            self.state, self.ahead = "accepted", field(message, "ahead", int)
        elif message.type == "progress":
            fraction = field(message, "fraction", float)
            if not 0 <= fraction <= 1:
                raise ProtocolError(f"The progress is {fraction}, outside 0 to 1.")
            self.state, self.fraction = "accepted", fraction
            self.phase, self.ahead = field(message, "phase", str), field(message, "ahead", int)
        elif message.type == "result":
            self.finish(Result.read(message))

    def finish(self, result: Any) -> None:
        """End the job with its result."""
        self.state, self.fraction, self.result = "done", 1.0, result

    def fail(self, error: SidecarError) -> None:
        """End the job with `error`."""
        self.state, self.result, self.error = "failed", None, error

    def start_again(self) -> None:
        """Another sidecar does the job, from its beginning."""
        self.state, self.phase, self.fraction, self.ahead = "sent", "", 0.0, 0


def field(message: Message, name: str, kind: type) -> Any:
    """A field of a message's body; `ProtocolError` if it is missing or of another type."""
    value = message.body.get(name)
    if kind is float and type(value) is int:
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ProtocolError(f"The {message.type}'s {name} is a {type(value).__name__}, not a {kind.__name__}.")
    return value


def _timed(message: Message, name: str) -> tuple[tuple[str, float, float], ...]:
    """Words or phones of a result; none from a sidecar of protocol 1.1."""
    if name not in message.body:
        return ()
    rows = field(message, name, list)
    good = len(rows) <= MAX_TIMED and all(
        isinstance(row, list)
        and len(row) == 3
        and isinstance(row[0], str)
        and all(type(second) in (int, float) for second in row[1:])
        and 0 <= row[1] <= row[2] < math.inf
        for row in rows
    )
    if not good:
        raise ProtocolError(f"The result's {name} are not a list of texts with their start and end.")
    return tuple((text, float(start), float(end)) for text, start, end in rows)


def read_error(message: Message) -> RequestError:
    """The error in an `error` message."""
    code, text, hint = (field(message, name, str) for name in ("code", "message", "hint"))
    subject = message.body.get("about", "")
    return RequestError(code, text, hint, subject if isinstance(subject, str) else "")
