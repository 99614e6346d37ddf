"""The sidecar's main loop: it reads and answers messages and never computes, so nobody waits for the compute thread."""

from __future__ import annotations

import math
import os
import secrets
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import zmq

from medtalk.audio import Speech
from medtalk.errors import BackboneError, CancelledError, MedtalkError, ServiceError, SettingError
from medtalk.guidance import LABELS, MOODS
from medtalk.limits import ServiceLimits
from medtalk.perform import load
from medtalk.persona import read_persona, shipped
from medtalk.rates import FPS, RATE
from medtalk.rig.channels import CHANNEL_HASH, CHANNEL_NAMES
from medtalk.service import PORT
from medtalk.service.answers import LONGEST_MESSAGE, refusal, stopping
from medtalk.service.cache import ByteCache
from medtalk.service.jobs import FairQueue, Job
from medtalk.service.listener import Listener, is_loopback
from medtalk.service.log import log, note
from medtalk.service.schema import SOUNDS, BadRequest, JobRequest, Request, read_request
from medtalk.service.settings import SETTINGS
from medtalk.service.stream import Stream
from medtalk.service.streams import Streams, no_stream
from medtalk.service.worker import Outcome, Worker
from medtalk.version import __version__
from medtalk_board.channels import REGIONS
from medtalk_wire.protocol import MAX_ID, STREAMS, Message, pack

PROGRESS_SECONDS = 0.15  # the protocol promises five a second
WAITING_SECONDS = 1.0
LOOK_SECONDS = 10.0
"""How often the connection file is checked."""
GONE_SECONDS = 10.0
"""How long the jobs of a client that cannot be reached are kept."""
FINISH_SECONDS, CANCEL_SECONDS = 3.0, 1.0
"""How long a job may go on, and then take to end, when the sidecar is asked to stop: together below 5 s."""

_BATCH = 64  # messages read before the clock is looked at again
_OVERHEAD = 1024  # bytes that a kept job takes beside its last message


@dataclass(frozen=True)
class ServiceSettings:
    """The options of `medtalk serve`; its help explains them."""

    host: str = "127.0.0.1"
    port: int = PORT
    bundle: Path | None = None
    device: str = "auto"
    threads: int | None = None
    idle_exit: float | None = None
    keys: Path | None = None
    sounds: Sequence[Path] = ()
    connection_file: Path | None = None
    metrics: int | None = None
    limits: ServiceLimits = field(default_factory=ServiceLimits)
    backbones: Mapping[str, Path] = field(default_factory=dict)
    offline: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.port < 1 << 16:
            raise SettingError(f"The port {self.port} is not valid; valid are 1 to 65535, and 0 for any.")
        if self.metrics is not None and not 1 <= self.metrics < 1 << 16:
            raise SettingError(f"The metrics port {self.metrics} is not valid; valid are 1 to 65535.")
        if self.idle_exit is not None and not (math.isfinite(self.idle_exit) and self.idle_exit > 0):
            raise SettingError(f"The idle time {self.idle_exit:g} is not valid; valid are seconds above 0.")
        for folder in self.sounds:
            if not folder.is_dir():
                raise SettingError(f"The sound folder {folder} does not exist.", "Give a folder.")
        for part, place in self.backbones.items():
            if not place.exists():
                hint = "Give the folder that holds its weights."
                raise BackboneError(f"The backbone {part} is not at {place}.", hint)


@dataclass(frozen=True)
class _Kept:
    """An ended job or stream: what it asked, and the frames of its last message; of a stream also those before it that
    were not read, and whose it was."""

    fingerprint: bytes
    last: list[Any]
    before: Sequence[list[Any]] = ()
    client: bytes | None = None


class Server:
    """A sidecar that is ready; `run` serves until `stop`. Use it as a context manager.

    Raises MedtalkError if it cannot start: no bundle, a port that is taken, an open address without keys.
    """

    def __init__(self, settings: ServiceSettings = ServiceSettings()) -> None:
        began = time.perf_counter()
        self.settings = settings
        self.instance = secrets.token_hex(16)
        self.address = ""
        self._began = time.monotonic()
        self._last_heard = self._looked = self._began
        self._queue = FairQueue()
        self._jobs: dict[str, Job] = {}  # that have not had their last message
        self._working: Job | None = None
        self._kept: ByteCache[_Kept] = ByteCache(settings.limits.max_result_bytes)
        self._unread: dict[bytes, list[tuple[zmq.MessageTracker, int]]] = {}  # results on their way, by client
        self._done: deque[tuple[Job, Outcome]] = deque()
        self._stops = 0
        self._stopping_since: float | None = None
        self._metrics = None
        # Where client and sidecar are on different machines, a path means another file.
        folders = tuple(folder.resolve() for folder in settings.sounds)
        self._folders = folders if folders or is_loopback(settings.host) else None
        with ExitStack() as stack:
            # First, so that a second sidecar is refused at once, and clients that come early wait inside.
            self._wake, self._waker = map(stack.enter_context, socket.socketpair())
            self._wake.setblocking(False)
            self._waker.setblocking(False)
            largest = max(settings.limits.audio.max_bytes, settings.limits.max_image_bytes)
            self._listener = Listener(settings.host, settings.port, settings.keys, largest, self.stop)
            stack.callback(self._listener.close)
            self.address = self._listener.address
            self._socket = self._listener.socket
            self._model = load(
                settings.bundle,
                threads=settings.threads,
                device=settings.device,
                backbones=settings.backbones,
                offline=settings.offline,
            )
            self._guidance = self._model.guidance
            self._hears = self._model.hears_emotion()
            # The first sound would pay for libraries that load when first used.
            rng = np.random.default_rng(0)
            warm = Speech.from_array(0.1 * rng.standard_normal(RATE), 44100, "warm-up")
            self._model.perform(warm, "").decode().resample(30.0)
            if settings.metrics is not None:
                from medtalk.service.metrics import Metrics

                self._metrics = Metrics(settings.metrics)
                stack.callback(self._metrics.close)
            self._worker = Worker(self._model, settings.limits, self._report, folders)
            self._streams = Streams(
                self._model, settings.limits, self._worker.understood, self._offer, self._wake_up, self._stream_ended
            )
            if self._metrics:
                self._streams.latency = self._metrics.latency.observe
            self._listener.publish(self.instance, settings.connection_file)
            self._stack = stack.pop_all()
        self._worker.start()
        self._streams.start()
        self.ready_seconds = time.perf_counter() - began
        note("ready", address=self.address, bundle=self._model.bundle.name, seconds=round(self.ready_seconds, 3))

    def ready_line(self) -> str:
        """The line that the command prints when it is ready."""
        return (
            f"medtalk serve: {self.address}, bundle {self._model.bundle.name}, {self._model.engine.device}, "
            f"ready in {self.ready_seconds:.2f} s"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stop(self) -> None:
        """Let `run` return: the job that is worked on may end within 3 s; called again, it is cancelled at once.

        May be called from any thread and from a signal handler.
        """
        self._stops += 1
        self._wake_up()

    def run(self) -> None:
        """Serve until `stop`, a `shutdown` request, or the idle time.

        Raises `ServiceError` after it has stopped because clients could no longer be let in.
        """
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._wake, zmq.POLLIN)
        with self._woken_by_signals():
            while not self._ended():
                ready = dict(poller.poll(self._wait_ms()))
                if self._wake.fileno() in ready:
                    self._sleep_again()
                while self._done:
                    self._end(*self._done.popleft())
                if self._socket in ready:
                    self._receive()
                self._tell_progress()
                self._streams.tend()
                self._start_next()
                self._stay_found()
        self._listener.check()

    def close(self) -> bool:
        """Release everything, the connection file first. False if the compute thread would not end."""
        self._listener.unpublish()
        if self._working is not None:
            self._working.watch.cancel()
        ended = self._worker.finish(CANCEL_SECONDS)
        played = self._streams.close(CANCEL_SECONDS)
        self._stack.close()
        return ended and played

    # -- waiting

    @contextmanager
    def _woken_by_signals(self) -> Iterator[None]:
        """While the block runs, a signal ends the waiting, also one that comes just before it begins."""
        if threading.current_thread() is not threading.main_thread():  # of another program: signals are its own affair
            yield
            return
        before = signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)

    def _wake_up(self) -> None:
        with suppress(OSError):  # the pipe is full, which wakes just as well, or closed, as nobody sleeps any more
            self._waker.send(b".")

    def _sleep_again(self) -> None:
        with suppress(BlockingIOError):
            while self._wake.recv(4096):
                pass

    def _wait_ms(self) -> int:
        """Milliseconds until something is due that no message announces."""
        now = time.monotonic()
        due = [self._looked + LOOK_SECONDS]
        due += [job.last_sent + WAITING_SECONDS for job in self._queue]
        if self._working is not None and self._open(self._working):
            due.append(self._working.last_sent + PROGRESS_SECONDS)
        if self._stopping_since is not None:
            due.append(now + PROGRESS_SECONDS)
        if (soon := self._streams.due()) is not None:
            due.append(soon)
        if self.settings.idle_exit is not None and self._idles():
            due.append(self._last_heard + self.settings.idle_exit)
        return max(0, math.ceil(1000.0 * (min(due) - now)))

    def _stay_found(self) -> None:
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._listener.publish_again()

    def _idles(self) -> bool:
        return not (self._jobs or self._working or len(self._streams))

    def _ended(self) -> bool:
        """Whether to return from `run`; takes the steps towards it."""
        now, idle = time.monotonic(), self.settings.idle_exit
        if idle is not None and self._idles() and now - self._last_heard >= idle:
            note("idle", seconds=idle)
            return True
        if not self._stops:
            return False
        if self._stopping_since is None:
            self._stopping_since = now
            note("stopping", queued=len(self._queue))
            self._streams.stop()
            for job in list(self._queue):
                self._queue.remove(job)
                self._finish(job, stopping())
        if self._working is None:
            return True
        patience = 0.0 if self._stops > 1 else FINISH_SECONDS
        if now - self._stopping_since < patience:
            return False
        if self._open(self._working):
            self._finish(self._working, stopping())
        return True  # `close` cancels it, and waits for the compute thread

    # -- messages in

    def _receive(self) -> None:
        for _ in range(_BATCH):
            try:
                client, *frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._last_heard = time.monotonic()
            self._streams.heard_from(client.bytes)
            try:
                self._answer(client.bytes, [frame.buffer for frame in frames])
            except Exception as error:  # a fault of ours: this message is lost, the sidecar is not
                log.exception("fault", extra={"facts": {"client": client.bytes.hex()}})
                message = f"The sidecar failed: {type(error).__name__}: {error}."
                self._send(client.bytes, refusal("", ServiceError("internal", message, "Please report it.")))

    def _answer(self, client: bytes, frames: list[memoryview]) -> None:
        try:
            request = read_request(frames, self.settings.limits, self._folders, self._guidance)
        except BadRequest as bad:
            self._refuse(client, bad.parent, bad.error, bad.stream)
            return
        if request.type in ("generate", "decode"):
            self._admit(client, request)
            return
        if request.type in STREAMS:
            self._stream(client, request)
            return
        if request.type == "hello" and request.body.channel_hash not in ("", CHANNEL_HASH):
            problem = ServiceError(
                "channels",
                f"Your channel table differs from this sidecar's ({CHANNEL_HASH[:12]}).",
                "Install the same version of MEDTalk on both sides.",
            )
            self._refuse(client, request.id, problem)
            return
        if request.type == "cancel" and self._streams.cancel(client, request.body.job):
            self._send(
                client, Message("cancel_reply", {"job": request.body.job, "state": "cancelled"}, parent=request.id)
            )
            return
        answers = {"hello": self._hello, "ping": self._ping, "cancel": self._cancel, "shutdown": self._shutdown}
        self._send(client, Message(f"{request.type}_reply", answers[request.type](request.body), parent=request.id))

    def _hello(self, body: Any) -> dict[str, Any]:
        note("hello", client=body.client[:100])
        bundle = self._model.bundle
        return {
            "version": __version__,
            "instance": self.instance,
            "pid": os.getpid(),
            "bundle": {"name": bundle.name, "kind": bundle.manifest["kind"], "sha256": bundle.sha256},
            "device": self._model.engine.device,
            "channels": list(CHANNEL_NAMES),
            "channel_hash": CHANNEL_HASH,
            "fps": float(FPS),
            "labels": list(LABELS),
            "moods": list(MOODS),
            "regions": list(REGIONS),
            "personas": {name: read_persona(name) for name in shipped()},
            "limits": self.settings.limits.as_reply(),
            "capabilities": {
                "sounds": list(SOUNDS if self._folders is not None else SOUNDS[:-1]),
                "guidance": list(self._guidance),
                "hears": self._hears,
                "words": "whisper" in bundle.backbones,
                "settings": list(SETTINGS),
                "streams": self._streams.plays,
            },
        }

    def _ping(self, body: Any) -> dict[str, Any]:
        return {
            "instance": self.instance,
            "uptime": time.monotonic() - self._began,
            "queued": len(self._queue),
            "working": int(self._working is not None),
        }

    def _shutdown(self, body: Any) -> dict[str, Any]:
        self.stop()
        return {"instance": self.instance}

    def _cancel(self, body: Any) -> dict[str, Any]:
        job = self._jobs.get(body.job)
        if job is not None:
            self._give_up(job, CancelledError("The job was cancelled.", "Ask again with another id."))
            return {"job": body.job, "state": "cancelled"}
        return {"job": body.job, "state": "finished" if self._kept.get(body.job) else "unknown"}

    # -- streams

    def _stream(self, client: bytes, request: Request) -> None:
        """Answer a request about a stream."""
        asked = request.body
        kept = self._kept.get(request.id if request.type == "stream_open" else asked.stream)
        try:
            if request.type == "stream_open":
                if request.id in self._jobs or (kept and kept.fingerprint != asked.fingerprint):
                    raise ServiceError(
                        "id_reused", f"{request.id} is the id of another job.", "Make a new id for each."
                    )
                if kept is None and self._stops:
                    raise stopping()
                if kept is None:
                    self._streams.open(client, request.id, asked)
                    self._worker.give_way()
            if kept is not None:
                if kept.client != client or request.type not in ("stream_open", "stream_close"):
                    raise no_stream()
                for frames in (*kept.before, kept.last):
                    self._send_result(client, frames)
            elif request.type == "stream_audio":
                self._streams.hear(client, asked)
            elif request.type == "stream_guide":
                self._streams.guide(client, request.id, asked)
            elif request.type == "stream_close":
                self._streams.finish(client, asked)
        except MedtalkError as error:
            self._refuse(client, request.id, error, getattr(asked, "stream", "")[:MAX_ID])

    def _stream_ended(self, stream: Stream, code: str, messages: list[Message]) -> None:
        self._last_heard = time.monotonic()  # the idle time begins
        if self._metrics:
            self._metrics.streams.labels(code).inc()
            self._metrics.stream_frames.inc(stream.frames)
            self._metrics.stream_dropped.inc(stream.dropped)
            self._metrics.stream_lost.inc(stream.lost / stream.request.rate)
        if messages:
            *before, last = map(pack, messages)
            size = _OVERHEAD + sum(map(_nbytes, (*before, last)))
            self._kept.put(stream.id, _Kept(stream.request.fingerprint, last, before, stream.client), size)

    def _offer(self, client: bytes, message: Message) -> bool | None:
        """Send without waiting, or not at all: False if there is no room now, None if the client is gone."""
        try:
            self._socket.send_multipart([client, *pack(message)], zmq.NOBLOCK)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            return None
        return True

    # -- jobs

    def _admit(self, client: bytes, request: Request) -> None:
        asked = request.body
        job, kept = self._jobs.get(request.id), self._kept.get(request.id)
        known = job.request.fingerprint if job else kept.fingerprint if kept else asked.fingerprint
        problem = None
        if known != asked.fingerprint or request.id in self._streams:
            problem = ServiceError(
                "id_reused", f"{request.id} is the id of another job.", "Make a new id for each job."
            )
        elif job is None and kept is None:
            problem = stopping() if self._stops else self._full(client, asked)
        if problem is not None:
            self._refuse(client, request.id, problem)
        elif kept is not None:
            self._send(client, Message("accepted", {"ahead": 0}, parent=request.id))
            self._send_result(client, kept.last)
        elif job is not None:
            self._queue.move(job, client)
            job.client, job.gone = client, None
            self._accept(job)
        else:
            job = Job(request.id, client, asked)
            self._jobs[job.id] = job
            self._queue.put(job)
            note("accepted", job=job.id, type=asked.type, client=client.hex(), queued=len(self._queue))
            self._accept(job)

    def _full(self, client: bytes, asked: JobRequest) -> ServiceError | None:
        """The error if there is no room for one more job of that client, else None."""
        limits, mine = self.settings.limits, self._queue.of(client)
        mine_bytes = sum(job.request.nbytes for job in mine)
        problem = ""
        if len(mine) >= limits.max_client_queue:
            problem = f"{len(mine)} jobs of this client are waiting, the limit for one client."
        elif mine and mine_bytes + asked.nbytes > limits.max_client_queue_bytes:
            problem = (
                f"{mine_bytes >> 20} MiB of sounds of this client are waiting; this one is beyond the limit "
                "for one client."
            )
        elif len(self._queue) >= limits.max_queue:
            problem = f"{len(self._queue)} jobs are waiting, the limit."
        elif len(self._queue) and self._queue.bytes + asked.nbytes > limits.max_queue_bytes:
            problem = f"{self._queue.bytes >> 20} MiB of sounds are waiting; this one is beyond the limit."
        return ServiceError("queue_full", problem, "Ask again later.") if problem else None

    def _open(self, job: Job) -> bool:
        """Whether its last message has not been sent. A job that was given up may have a successor of the same id."""
        return self._jobs.get(job.id) is job

    def _refuse(self, client: bytes, job: str, error: MedtalkError, stream: str = "") -> None:
        note("refused", job=job, client=client.hex(), code=error.code, message=error.message[:LONGEST_MESSAGE])
        if self._metrics:
            self._metrics.refused.labels(error.code).inc()
        self._send(client, refusal(job, error, stream))

    def _accept(self, job: Job) -> None:
        job.last_sent = time.monotonic()
        self._send(job.client, Message("accepted", {"ahead": self._ahead(job)}, parent=job.id))

    def _ahead(self, job: Job) -> int:
        return 0 if job is self._working else self._queue.ahead(job) + (self._working is not None)

    def _start_next(self) -> None:
        if self._working is None and not self._stops and (job := self._queue.take()) is not None:
            job.started = job.last_sent = time.monotonic()
            self._working = job
            self._worker.submit(job)
        if self._metrics:
            self._metrics.queued.set(len(self._queue))

    def _tell_progress(self) -> None:
        now = time.monotonic()
        for job in list(self._queue):
            if now - job.last_sent >= WAITING_SECONDS:
                self._progress(job, now, "queued", 0.0)
        job = self._working
        if job is not None and self._open(job) and now - job.last_sent >= PROGRESS_SECONDS:
            self._progress(job, now, job.watch.phase or "read", job.watch.fraction())

    def _progress(self, job: Job, now: float, phase: str, fraction: float) -> None:
        job.last_sent = now
        body = {"phase": phase, "fraction": fraction, "ahead": self._ahead(job)}
        if self._send(job.client, Message("progress", body, parent=job.id)):
            job.gone = None
        elif job.gone is None:
            job.gone = now
        elif now - job.gone >= GONE_SECONDS:
            # Not kept: a client that comes back, and asks again, has not cancelled anything.
            self._give_up(job, CancelledError("The client is gone."), keep=False)

    def _give_up(self, job: Job, error: MedtalkError, keep: bool = True) -> None:
        """End a job that waits or is worked on, now; what the compute thread makes of it is dropped."""
        self._queue.remove(job)
        job.watch.cancel()
        self._finish(job, error, keep)

    def _report(self, job: Job, outcome: Outcome) -> None:
        """Called by the compute thread."""
        self._done.append((job, outcome))
        self._wake_up()

    def _end(self, job: Job, outcome: Outcome) -> None:
        """The compute thread is done with a job."""
        self._working = None
        self._last_heard = time.monotonic()  # the idle time begins
        if self._metrics:
            self._metrics.work.labels(job.request.type).observe(self._last_heard - job.started)
            self._metrics.wait.observe(job.started - job.received)
            self._metrics.sound.inc(outcome.sound_seconds)
            self._metrics.hits.inc(int(outcome.body.get("cached", False)))
            self._metrics.cache.set(self._worker.heard.bytes)
        if self._open(job):
            self._finish(job, outcome.error or outcome)

    def _finish(self, job: Job, end: Outcome | MedtalkError, keep: bool = True) -> None:
        """Send a job's last message, and keep it to be asked for again."""
        del self._jobs[job.id]
        if isinstance(end, Outcome):
            last = Message("result", end.body, parent=job.id, buffers=end.buffers)
            code = "ok"
        else:
            last, code = refusal(job.id, end), end.code
        note("ended", job=job.id, type=job.request.type, code=code, seconds=round(time.monotonic() - job.received, 4))
        if self._metrics:
            self._metrics.jobs.labels(job.request.type, code).inc()
        frames = pack(last)
        self._send_result(job.client, frames)
        # Some errors would be others, or none, the next time.
        if keep and code not in ("stopping", "not_heard", "internal", "path"):
            self._kept.put(job.id, _Kept(job.request.fingerprint, frames), _OVERHEAD + _nbytes(frames))

    # -- messages out

    def _send(self, client: bytes, message: Message) -> bool:
        """Send without waiting; False if the client has gone. One that does not read may lose it, and ask again."""
        return self._send_frames(client, pack(message)) is not None

    def _send_result(self, client: bytes, frames: list[Any]) -> None:
        """Send a last message, unless the client has left too many unread already: it would fill our memory."""
        unread = [(tracker, size) for tracker, size in self._unread.pop(client, []) if not tracker.done]
        if sum(size for _, size in unread) <= self.settings.limits.max_result_bytes:
            tracker = self._send_frames(client, frames)
            if tracker is not None and not tracker.done:
                unread.append((tracker, _nbytes(frames)))
        if unread:
            self._unread[client] = unread

    def _send_frames(self, client: bytes, frames: list[Any]) -> zmq.MessageTracker | None:
        """Send; what tells whether the frames have left (large ones go without a copy), or None for a lost client."""
        *most, last = [client, *frames]
        try:
            sent = [self._socket.send(frame, zmq.NOBLOCK | zmq.SNDMORE, copy=False, track=True) for frame in most]
            sent.append(self._socket.send(last, zmq.NOBLOCK, copy=False, track=True))
            return zmq.MessageTracker(*sent)
        except zmq.Again:
            return zmq.MessageTracker()  # it is there, and busy; nothing of this waits
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            return None


def _nbytes(frames: list[Any]) -> int:
    return sum(memoryview(frame).nbytes for frame in frames)
