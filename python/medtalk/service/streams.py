"""All streams of the sidecar: threads that play them, and what the main loop does (docs/protocol.md, Streams).

The main loop calls every method but those of the threads. Nothing that computes is done in it, or with the lock held:
threads of their own hear and decode, one step of one stream at a time, and another one understands texts and pictures.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING

from medtalk.errors import CancelledError, LimitError, MedtalkError, ServiceError
from medtalk.rates import FPS
from medtalk.rig.channels import CHANNEL_HASH
from medtalk.service.answers import refusal, stopping
from medtalk.service.log import log, note
from medtalk.service.stream import STEERS, Chunk, Steer, Stream
from medtalk.service.stream_schema import StreamAudio, StreamClose, StreamGuide, StreamOpen
from medtalk.service.understood import Understood
from medtalk_wire.protocol import Message

if TYPE_CHECKING:
    from medtalk.limits import ServiceLimits
    from medtalk.perform import Model

TOLD_SECONDS = 1.0
"""The protocol promises a word each second."""
GONE_SECONDS = 10.0
"""How long the stream of a client that cannot be reached is kept."""
AGAIN_SECONDS = 0.02
"""When a message for which there was no room is tried again."""
PATIENT_SECONDS = 0.5
"""How long a stream that is not live waits for live ones at most."""
_THREADS = 4
# Seconds for which a thread may keep Python to itself while another wants it; 5 ms are usual. A step wants it some
# twenty times: with a job beside, one in a hundred frames came 30 ms later.
_INTERVAL = 0.001


class Streams:
    """The open streams.

    `send(client, message)` gives True, False where there is no room now, and None for a client that is gone. `wake` has
    the main loop come by; `ended(stream, code, messages)` gets the last messages of a stream, which its client
    may not have read.
    """

    def __init__(
        self,
        model: Model,
        limits: ServiceLimits,
        understood: Understood,
        send: Callable[[bytes, Message], bool | None],
        wake: Callable[[], None],
        ended: Callable[[Stream, str, list[Message]], None],
    ) -> None:
        self._model, self._limits, self._understood = model, limits, understood
        self._send, self._wake, self._ended = send, wake, ended
        self.plays = limits.max_streams > 0 and model.bundle.kind == "compact"
        self._open: dict[str, Stream] = {}
        self._words: dict[bytes, float] = {}  # when something was last heard of the clients of streams
        self._lock = threading.Condition()
        self._stops = False
        self._interval = sys.getswitchinterval()
        self._done: deque[Callable[[], None]] = deque()  # for the main loop
        self._turns: SimpleQueue[str | None] = SimpleQueue()  # a stream, for each of its tasks
        self.latency: Callable[[float], None] = lambda seconds: None
        """Called with the seconds from a step's first sample to its frames."""
        threads = max(1, min(_THREADS, (os.cpu_count() or 1) // 2)) if self.plays else 0
        self._threads = [
            threading.Thread(target=self._play, name=f"medtalk-streams-{number}", daemon=True)
            for number in range(threads)
        ]
        if self.plays:
            self._threads.append(threading.Thread(target=self._understand, name="medtalk-guidances", daemon=True))

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def close(self, seconds: float) -> bool:
        """End the threads; whether they did, within so many seconds."""
        with self._lock:
            self._stops = True
            self._lock.notify_all()
        self._turns.put(None)
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, id: str) -> bool:
        return id in self._open

    # Requests. Each raises `MedtalkError` to refuse; what it says to the client else, it sends.

    def open(self, client: bytes, id: str, request: StreamOpen) -> None:
        """Open a stream, or go on with one whose client asks again."""
        stream = self._open.get(id)
        if stream is not None:
            if stream.client != client or stream.request.fingerprint != request.fingerprint:
                raise ServiceError("id_reused", f"{id} is the id of another stream.", "Make a new id for each stream.")
            with self._lock:
                stream.gone, stream.blocked = None, False
                stream.again()
                stream.opened = False
            return
        if not self.plays:
            name = self._model.bundle.name
            raise ServiceError(
                "unsupported", f"The bundle {name} plays no streams here.", "Start it with one of the kind compact."
            )
        mine = sum(stream.client == client for stream in self._open.values())
        if mine >= self._limits.max_client_streams:
            raise ServiceError("queue_full", f"{mine} streams of this client are open, the limit.", "Close one first.")
        if len(self._open) >= self._limits.max_streams:
            raise ServiceError("queue_full", f"{len(self._open)} streams are open, the limit.", "Ask again later.")
        stream = Stream(id, client, request, self._limits)
        self._open[id] = stream
        self._words[client] = time.monotonic()
        facts = {"rate": request.rate, "live": request.live, "look_ahead": request.look_ahead, "step": request.step}
        note("stream", stream=id, client=client.hex(), name=request.name[:100], open=len(self._open), **facts)
        if len(self._open) == 1:
            self._interval = sys.getswitchinterval()
            sys.setswitchinterval(_INTERVAL)
        self._ask(stream, lambda: self._prepare(stream))

    def hear(self, client: bytes, audio: StreamAudio) -> None:
        """Sound for a stream."""
        stream = self._of(client, audio.stream)
        try:
            with self._lock:
                if stream.closing and audio.end > stream.heard:
                    raise ServiceError("no_stream", "The stream was closed; it takes no more sound.", "Open another.")
                stream.hear(audio)
                self._lock.notify()
        except LimitError as error:
            self._end(stream, error)

    def guide(self, client: bytes, id: str, guide: StreamGuide) -> None:
        """Another guidance for a stream."""
        stream = self._of(client, guide.stream)
        if id in stream.guided:  # asked again
            self._send(client, Message("stream_guided", {"stream": stream.id}, parent=id))
            return
        if id in stream.asked:
            return
        if stream.steering >= STEERS:
            raise ServiceError("queue_full", f"{STEERS} guidances of this stream wait.", "Ask again later.")
        size = guide.asked.nbytes
        wait = sum(sum(each.asked.values()) for each in self._open.values() if each.client == client)
        if wait and size and wait + size > self._limits.max_client_queue_bytes:
            raise ServiceError("queue_full", f"{wait} bytes of this client's pictures wait.", "Ask again later.")
        stream.asked[id] = size
        self._ask(stream, lambda: self._steer(stream, id, guide))

    def finish(self, client: bytes, close: StreamClose) -> None:
        """No more sound comes for a stream."""
        stream = self._of(client, close.stream)
        try:
            with self._lock:
                stream.close(close.at)
                self._lock.notify()
        except LimitError as error:
            self._end(stream, error)

    def cancel(self, client: bytes, id: str) -> bool:
        """End a stream of this client at once; whether there was one."""
        stream = self._open.get(id)
        if stream is None or stream.client != client:
            return False
        self._end(stream, CancelledError("The stream was cancelled.", "Open another."))
        return True

    def heard_from(self, client: bytes) -> None:
        """A client has said something."""
        if client in self._words:
            self._words[client] = time.monotonic()

    def stop(self) -> None:
        """End all, for the sidecar ends."""
        for stream in list(self._open.values()):
            self._end(stream, stopping())

    def _of(self, client: bytes, id: str) -> Stream:
        stream = self._open.get(id)
        if stream is None or stream.client != client:
            raise no_stream()
        return stream

    # The main loop

    def tend(self) -> None:
        """Send what there is, and end what has ended."""
        while self._done:
            self._done.popleft()()
        now = time.monotonic()
        for stream in list(self._open.values()):
            self._tell(stream, now)
            if self._open.get(stream.id) is not stream:
                continue
            quiet = now - self._words.get(stream.client, now)
            if quiet >= self._limits.max_stream_quiet:
                message = f"Nothing was heard of the stream's client for {quiet:.0f} s."
                self._end(stream, ServiceError("no_stream", message, "Open another."))
            elif stream.gone is not None and now - stream.gone >= GONE_SECONDS:
                self._end(stream, CancelledError("The client is gone."), keep=False)

    def due(self) -> float | None:
        """When `tend` has to come by though nothing wakes the main loop (monotonic seconds); None for never."""
        if not self._open:
            return None
        return min(stream.told + (AGAIN_SECONDS if stream.blocked else TOLD_SECONDS) for stream in self._open.values())

    def _tell(self, stream: Stream, now: float) -> None:
        """Send a stream's client what is new."""
        if stream.blocked and now - stream.told < AGAIN_SECONDS:
            return
        if stream.live is not None and not stream.opened:
            stream.opened = self._sent(stream, now, self._greeting(stream))
            if not stream.opened:
                return
        while True:
            with self._lock:
                stale, stream.stale = stream.stale, False
                chunk, over = stream.peek(), stream.over
                state = {"heard": stream.heard, "done": stream.done, "lost": stream.lost}
            if chunk is None:
                if over:
                    self._finish(stream)
                    return
                if (stale and stream.opened) or now - stream.told >= TOLD_SECONDS:
                    body = {"first": stream.next, **state, "dropped": stream.dropped}
                    self._sent(stream, now, Message("stream_frames", body, parent=stream.id))
                return
            if not self._sent(stream, now, frames_of(stream.id, chunk, state)):
                return
            with self._lock:
                stream.pop(chunk)

    def _greeting(self, stream: Stream) -> Message:
        assert stream.live is not None
        with self._lock:
            body = {
                "rate": stream.request.rate, "fps": float(FPS), "delay": stream.live.delay, "head": stream.live.head,
                "channel_hash": CHANNEL_HASH, "window": stream.window, "unread": stream.unread, "next": stream.next,
                "heard": stream.heard, "done": stream.done, "meta": stream.facts(),
            }  # fmt: skip
        return Message("stream_opened", body, parent=stream.id)

    def _sent(self, stream: Stream, now: float, message: Message) -> bool:
        """Send a stream's client a message; False if it has to wait."""
        stream.told = now
        sent = self._send(stream.client, message)
        if sent:
            stream.gone, stream.blocked = None, False
            return True
        stream.blocked = True
        stream.stale = True
        if sent is None and stream.gone is None:
            stream.gone = now
        return False

    def _finish(self, stream: Stream) -> None:
        """All of a stream was sent but its last message."""
        assert stream.live is not None
        frames, faults = stream.live.frames, dict(stream.live.faults)
        faults.pop("lost")  # it counts pieces; the message has samples
        body = {
            "frames": frames, "samples": stream.heard, "seconds": stream.heard / stream.request.rate,
            "lost": stream.lost, "dropped": stream.dropped + frames - stream.next,
            "faults": faults, "meta": stream.facts(),
        }  # fmt: skip
        self._leave(stream, "ok", Message("stream_closed", body, parent=stream.id), keep=True)

    def _end(self, stream: Stream, error: MedtalkError, keep: bool = True) -> None:
        """End a stream by an error."""
        self._leave(stream, error.code, refusal(stream.id, error), keep and error.code not in ("stopping", "internal"))

    def _leave(self, stream: Stream, code: str, last: Message, keep: bool) -> None:
        del self._open[stream.id]
        if not self._open:
            sys.setswitchinterval(self._interval)
        with self._lock:
            stream.finished = True  # no thread begins another step
            stream.tasks.clear()
            rest = stream.rest()
            state = {"heard": stream.heard, "done": stream.done, "lost": stream.lost}
        if not any(other.client == stream.client for other in self._open.values()):
            self._words.pop(stream.client, None)
        self._send(stream.client, last)
        note(
            "stream ended", stream=stream.id, code=code, seconds=round(time.monotonic() - stream.began, 3),
            samples=stream.heard, frames=stream.frames, lost=stream.lost, dropped=stream.dropped, steps=stream.steps,
            work_ms=round(1000.0 * stream.work / max(stream.steps, 1), 2),
        )  # fmt: skip
        messages = [frames_of(stream.id, chunk, state) for chunk in rest] if code == "ok" else []
        for id in stream.asked:
            self._send(stream.client, refusal(id, no_stream(), stream.id))
        self._ended(stream, code, [*messages, last] if keep else [])

    # The threads

    def _later(self, what: Callable[[], None]) -> None:
        """Have the main loop do something."""
        self._done.append(what)
        self._wake()

    def _ask(self, stream: Stream, task: Callable[[], None]) -> None:
        """Have the thread do it that understands, unless the stream ends before."""
        with self._lock:
            stream.tasks.append(task)
        self._turns.put(stream.id)

    def _understand(self) -> None:
        """The thread that opens streams and understands what leads them."""
        while (id := self._turns.get()) is not None:
            with self._lock:
                stream = self._open.get(id)
                task = stream.tasks.popleft() if stream is not None and stream.tasks else None
            del stream
            if task is not None:
                task()
            del task

    def _prepare(self, stream: Stream) -> None:
        """Make a stream's live face."""
        asked, request = stream.request.asked, stream.request
        try:
            base = self._understood.base(asked)
            live = self._model.live(
                self._understood.timed(base, asked),
                intensity=asked.settings.intensity,
                look_ahead=request.look_ahead,
                step=request.step,
                rate=request.rate,
                finishing=asked.settings.finishing,  # pyright: ignore
                region=asked.settings.region,
                kinds=(asked.settings.persona or {}).get("kinds"),
                name=request.name or "stream",
            )
        except Exception as error:
            self._break(stream, error)
            return
        with self._lock:
            stream.base, stream.live = base, live
            self._lock.notify()
        self._wake()

    def _steer(self, stream: Stream, id: str, guide: StreamGuide) -> None:
        """Understand another guidance for a stream."""
        try:
            base = self._understood.base(guide.asked) if guide.guided else None
            spans = self._understood.spans(guide.asked) if guide.timed else None
        except Exception as error:
            problem = fault(error, stream)
            self._later(lambda: self._answer(stream, id, refusal(id, problem, stream.id)))
            return
        with self._lock:
            stream.steer(Steer(guide.at, base, spans, guide.intensity, guide.within))
        self._later(lambda: self._answer(stream, id, Message("stream_guided", {"stream": stream.id}, parent=id)))

    def _answer(self, stream: Stream, id: str, message: Message) -> None:
        if self._open.get(stream.id) is not stream:
            return  # that it has ended was the answer
        del stream.asked[id]
        if message.type != "error":
            stream.guided.append(id)
        self._send(stream.client, message)

    def _fail(self, stream: Stream, error: MedtalkError) -> None:
        if self._open.get(stream.id) is stream:
            self._end(stream, error)

    def _play(self) -> None:
        """A thread that plays: a step of one stream, then a step of the next."""
        while True:
            with self._lock:
                while (stream := self._next()) is None and not self._stops:
                    self._lock.wait()
                if self._stops or stream is None:
                    return
                stream.busy, stream.turn, stream.ready_since = True, time.monotonic(), None
            try:
                self._step(stream)
            except Exception as error:
                self._break(stream, error)
            del stream

    def _step(self, stream: Stream) -> None:
        with self._lock:
            step = stream.step()
        step.work()
        with self._lock:
            stream.did(step)
            self._lock.notify()
        if step.chunks:
            self.latency(time.monotonic() - step.came)
        if step.chunks or step.ends or not stream.request.live:
            self._wake()

    def _break(self, stream: Stream, error: Exception) -> None:
        """A stream cannot be played on."""
        stream.broken = True
        problem = fault(error, stream)
        self._later(lambda: self._fail(stream, problem))

    def _next(self) -> Stream | None:
        """The stream that has waited longest: of the live ones, or of the others if one of them has waited too long."""
        now = time.monotonic()
        chosen: list[Stream | None] = [None, None]
        for stream in self._open.copy().values():
            if not stream.ready():
                stream.ready_since = None
                continue
            stream.ready_since = stream.ready_since or now
            best = chosen[stream.request.live]
            if best is None or stream.turn < best.turn:
                chosen[stream.request.live] = stream
        other, live = chosen
        if other is not None and (live is None or now - (other.ready_since or now) >= PATIENT_SECONDS):
            return other
        return live


def frames_of(id: str, chunk: Chunk, state: dict[str, int]) -> Message:
    """The message of some frames of a stream."""
    body = {"first": chunk.first, **state, "dropped": chunk.dropped}
    return Message("stream_frames", body, parent=id, buffers=chunk.buffers())


def no_stream() -> ServiceError:
    """What is said of a stream that is not open, or not this client's."""
    return ServiceError("no_stream", "There is no such stream of this client; it may have ended.", "Open another.")


def fault(error: Exception, stream: Stream) -> MedtalkError:
    """The error that the client gets for an exception."""
    if isinstance(error, MedtalkError):
        return error
    if isinstance(error, MemoryError):
        return ServiceError("internal", "There is not enough memory.", "Close other streams.")
    log.exception("fault", extra={"facts": {"stream": stream.id}}, exc_info=error)
    message = f"MEDTalk failed: {type(error).__name__}: {error}."
    return ServiceError("internal", message, "Please report it, with the log.")
