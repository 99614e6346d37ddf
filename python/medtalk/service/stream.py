"""One stream as the sidecar has it: the sound that waits, the live face, the frames that are not read.

No thread and no socket: `Streams` calls it, holding its lock, but for `Step.work`, which computes.
"""

from __future__ import annotations

import time
from bisect import insort
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from medtalk.errors import LimitError, MedtalkError
from medtalk.service.stream_schema import StreamAudio, StreamOpen
from medtalk.timeline import Timeline
from medtalk_wire.protocol import Buffer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.guidance import Guidance
    from medtalk.limits import ServiceLimits
    from medtalk.live import Frames, Live
    from medtalk.timeline import Span

UNREAD_LIVE = 120
"""Frames that a live stream sends beyond those that were read: two seconds."""
STEERS = 64
"""Guidances that may wait in a stream, and answered ones that are remembered."""
_UNSENT_LIVE = 60  # frames that wait where those are not read
_TOGETHER = 120  # frames in a message, at most
_FEW = 2048  # samples of a block that others are added to
_NUMPY = {"int16": "<i2", "int32": "<i4", "float32": "<f4"}


class Steer(NamedTuple):
    """Another guidance, timeline or intensity, from the frame that shows sample `at` on; None stays as it is.

    `spans` are those of the timeline, with what they are guided by: none end the one before.
    """

    at: int
    base: Guidance | None
    spans: tuple[tuple[Span, Guidance], ...] | None
    intensity: float | None
    within: float

    def over(self, base: Guidance) -> Guidance | None:
        """What leads then if `base` does without a timeline; None if that stays as it is."""
        if self.spans:
            return Timeline(base, self.spans)
        return None if self.base is self.spans is None else base


class Chunk(NamedTuple):
    """Frames that were made at once. `dropped` frames were left out before them, in all."""

    first: int
    rig: NDArray[np.float32]
    head: NDArray[np.float32] | None
    dropped: int = 0

    @property
    def end(self) -> int:
        return self.first + len(self.rig)

    def cut(self, count: int) -> tuple[Chunk, Chunk]:
        """What lies behind the first `count` frames, and those."""
        first, rest = (
            self._replace(rig=self.rig[part], head=None if self.head is None else self.head[part])
            for part in (slice(count), slice(count, None))
        )
        return rest._replace(first=self.first + count), first

    def buffers(self) -> tuple[Buffer, ...]:
        """As a message has them."""
        arrays = {"rig": self.rig, "head": self.head}
        return tuple(Buffer(name, "float32", each.shape, each) for name, each in arrays.items() if each is not None)


@dataclass
class _Block:
    """Samples that wait: an array (n,) or (n, channels), or a gap of so many."""

    samples: NDArray | int
    came: float  # monotonic seconds

    def __len__(self) -> int:
        return self.samples if isinstance(self.samples, int) else len(self.samples)


@dataclass
class Step:
    """Work on a stream: steer it, skip what is too late, hear samples or a gap, or end it.

    `steers`: each with what leads then, None if that stays.
    `hurry`: hear all that is there at once.
    """

    live: Live
    steers: list[tuple[Steer, Guidance | None]]
    skipped: int
    parts: list[NDArray | int]
    hurry: bool
    ends: bool
    came: float
    chunks: list[Chunk] = field(default_factory=list)
    error: MedtalkError | None = None
    seconds: float = 0.0

    def work(self) -> None:
        """Compute the frames. Raises what `Live` does."""
        began = time.perf_counter()
        for steer, guidance in self.steers:
            self.live.guide(guidance, intensity=steer.intensity, within=steer.within)
        if self.skipped:
            self._keep(self.live.skip(self.skipped / self.live.rate))
        for part in self.parts:
            if isinstance(part, int):
                self._keep(self.live.skip(part / self.live.rate))
            else:
                self._keep(self.live.push(part, hurry=self.hurry))
        if self.ends:
            self._keep(self.live.finish())
        self.seconds = time.perf_counter() - began

    def _keep(self, frames: Frames) -> None:
        if len(frames):
            head = None if frames.head is None else np.ascontiguousarray(frames.head, "<f4")
            self.chunks.append(Chunk(frames.first, np.ascontiguousarray(frames.values, "<f4"), head))


class Stream:
    """What is known of a stream. Samples and frames are counted from its beginning."""

    def __init__(self, id: str, client: bytes, request: StreamOpen, limits: ServiceLimits) -> None:
        self.id, self.client, self.request = id, client, request
        self.window = round(limits.max_stream_seconds * request.rate)
        self.unread = min(UNREAD_LIVE, limits.max_stream_frames) if request.live else limits.max_stream_frames
        self._late = round(limits.max_stream_late * request.rate)
        self._channels = limits.audio.max_channels
        self.live: Live | None = None  # once it is open
        self.base: Guidance | None = None  # what leads now, without its timeline
        self.began = time.monotonic()
        self.busy = self.closing = self.finished = self.broken = False
        self.heard = self.done = self.lost = 0  # samples
        self.turn = 0.0  # when it last had one
        self.ready_since: float | None = None
        self.steps, self.work = 0, 0.0
        self._blocks: deque[_Block] = deque()
        self._steers: list[Steer] = []  # by their `at`, those of the same as they came
        self.tasks: deque[Callable[[], None]] = deque()  # to be understood
        self.asked: dict[str, int] = {}  # ids of stream_guide that were not answered, and the bytes of their pictures
        self.guided: deque[str] = deque(maxlen=STEERS)  # and of those that were
        # Frames
        self._read = self._sent = 0
        self._given = 0  # frames that were sent, each counted once
        self.dropped = 0  # left out before those that were sent
        self._out: deque[Chunk] = deque()  # to be sent
        self._again: deque[Chunk] = deque()  # to be sent again, before those
        self._kept: deque[Chunk] = deque()  # sent, and not read
        # Towards the client
        self.told = time.monotonic()  # when something was sent
        self.blocked = self.stale = False  # no room for a message; or there is something new to tell
        self.gone: float | None = None
        self.opened = False  # whether `stream_opened` was sent

    @property
    def frames(self) -> int:
        """Frames made."""
        return self._out[-1].end if self._out else self._sent

    @property
    def backlog(self) -> float:
        """Seconds of sound that wait."""
        return (self.heard - self.done) / self.request.rate

    def facts(self) -> dict[str, Any]:
        """`meta` of its messages."""
        assert self.live is not None
        name = (self.request.asked.settings.persona or {}).get("name")
        return {**self.live.facts(), **({"persona": name} if name else {})}

    # Sound

    def hear(self, audio: StreamAudio) -> None:
        """Take a message of sound. `LimitError` if it is beyond the credit."""
        self.read(audio.read)
        self._reach(audio.at, audio.end)
        new = audio.end - self.heard
        if audio.samples is None or new <= 0:
            return
        samples = np.frombuffer(audio.samples.data, _NUMPY[audio.samples.dtype]).reshape(audio.samples.shape)[-new:]
        self.heard += new
        last = self._blocks[-1].samples if self._blocks else 0
        like = not isinstance(last, int) and (last.dtype, last.shape[1:]) == (samples.dtype, samples.shape[1:])
        if not isinstance(last, int) and like and len(last) < _FEW:  # many little messages are few blocks
            self._blocks[-1].samples = np.concatenate([last, samples])
            return
        self._blocks.append(_Block(samples.copy(), time.monotonic()))  # it lies in a message, which shall not be kept

    def close(self, at: int | None) -> None:
        """No more sound comes. `at`: samples in all, None if not given. `LimitError` if that is beyond the credit."""
        if at is not None and not self.closing:
            self._reach(at, at)
        self.closing = True

    def _reach(self, at: int, end: int) -> None:
        """What is missing before sample `at` was lost."""
        if max(at, end) > self.done + self.window:
            raise LimitError(
                f"The stream was sent sound up to sample {end}; its credit ends at {self.done + self.window}.",
                "Send no more than is allowed.",
            )
        if (gap := at - self.heard) > 0:
            self.lost += gap
            self.heard = at
            if self._blocks and isinstance(self._blocks[-1].samples, int):
                self._blocks[-1].samples += gap
            else:
                self._blocks.append(_Block(gap, time.monotonic()))

    def steer(self, steer: Steer) -> None:
        """Steer it when its time has come."""
        insort(self._steers, steer, key=lambda each: each.at)

    @property
    def steering(self) -> int:
        """How many steers wait, to be understood or for their time."""
        return len(self.tasks) + len(self._steers)

    def ready(self) -> bool:
        """Whether a thread could work on it."""
        if self.live is None or self.busy or self.finished or self.broken:
            return False
        if not self.request.live and self.frames - self._read >= self.unread:
            return False  # nobody reads
        return bool(self._blocks) or self.closing

    def step(self) -> Step:
        """The next piece of work, for a stream that is `busy`; `did` follows."""
        assert self.live is not None
        one = max(int(self.live.step * self.request.rate), 1)
        behind = self.heard - self.done if self.request.live else 0
        skipped = behind - 2 * one if behind > self._late else 0
        self.lost += sum(len(part) for part in self._cut(skipped) if not isinstance(part, int))
        came = self._blocks[0].came if self._blocks else time.monotonic()
        hurry = behind - skipped > 2 * one  # a live face catches up; others are the same however busy the machine is
        parts = self._cut(self.request.rate if hurry else one)
        time_of = self.live.frames / 60.0
        steers = []
        while self._steers and self._steers[0].at / self.request.rate <= time_of:
            steer = self._steers.pop(0)
            self.base = self.base if steer.base is None else steer.base
            assert self.base is not None, "of one that is open"
            steers.append((steer, steer.over(self.base)))
        return Step(self.live, steers, skipped, parts, hurry, self.closing and not self._blocks, came)

    def _cut(self, count: int) -> list[NDArray | int]:
        """The next `count` samples of what waits, or less."""
        parts: list[NDArray | int] = []
        while count > 0 and self._blocks:
            block = self._blocks[0]
            if len(block) <= count:
                parts.append(self._blocks.popleft().samples)
            elif isinstance(block.samples, int):
                parts.append(count)
                block.samples -= count
            else:
                parts.append(block.samples[:count])
                block.samples = block.samples[count:]
            count -= parts[-1] if isinstance(parts[-1], int) else len(parts[-1])
        return parts

    def did(self, step: Step) -> None:
        """Take what came of a step. It is not `busy` any more."""
        self.busy = False
        self.steps += 1
        self.work += step.seconds
        self.done += step.skipped + sum(part if isinstance(part, int) else len(part) for part in step.parts)
        self.finished = self.finished or step.ends
        self._out.extend(step.chunks)
        self.stale = True
        # Nobody reads, or it was far behind: the newest are of use.
        while self.request.live and self._out and (late := self._out[-1].end - self._out[0].first - _UNSENT_LIVE) > 0:
            oldest = self._out.popleft()
            if late < len(oldest.rig):
                self._out.appendleft(oldest.cut(late)[0])

    # Frames

    def read(self, number: int) -> None:
        """The client has all frames before that number."""
        self._read = max(self._read, min(number, self._sent))
        while self._kept and self._kept[0].end <= self._read:
            self._kept.popleft()

    def again(self) -> None:
        """What was sent and not read is sent again."""
        while self._kept:
            self._again.appendleft(self._kept.pop())
        self.stale = True

    def peek(self) -> Chunk | None:
        """The next frames to send, if there are any and the client has credit; `pop` follows."""
        if self._again:
            return self._again[0]
        room = self.unread - sum(len(chunk.rig) for chunk in self._kept)
        if not self._out or room <= 0:
            return None
        if len(self._out[0].rig) > room:
            self._out.extendleft(self._out.popleft().cut(room))
        together = [self._out[0]]
        for chunk in list(self._out)[1:]:
            if chunk.first != together[-1].end or chunk.end - together[0].first > min(_TOGETHER, room):
                break
            together.append(chunk)
        heads = [chunk.head for chunk in together if chunk.head is not None]
        rig, head = np.concatenate([chunk.rig for chunk in together]), np.concatenate(heads) if heads else None
        return Chunk(together[0].first, rig, head, together[0].first - self._given)

    def pop(self, chunk: Chunk) -> None:
        """`chunk`, which `peek` gave, was sent."""
        if self._again:
            self._again.popleft()
        else:
            while self._out and self._out[0].end <= chunk.end:
                self._out.popleft()
            self._given += len(chunk.rig)
            self._sent, self.dropped = chunk.end, chunk.dropped
        self._kept.append(chunk)

    @property
    def next(self) -> int:
        """The number of the next frame to send."""
        chunks = self._again or self._out
        return chunks[0].first if chunks else self._sent

    @property
    def over(self) -> bool:
        """Whether all of it was sent."""
        return self.finished and not (self.busy or self.broken or self._out or self._again)

    def rest(self) -> list[Chunk]:
        """What was sent and not read, for a client that asks again after the end."""
        return list(self._kept)
