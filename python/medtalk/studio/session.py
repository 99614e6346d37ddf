"""What the tabs of a studio work on: their sounds and pictures, and the jobs that wait for the worker."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgpack
import numpy as np

from medtalk.errors import BackboneError, CancelledError, LimitError, MedtalkError, ServiceError
from medtalk.limits import ServiceLimits
from medtalk.perform import VOICE, Model
from medtalk.rig import RigSequence, Timed
from medtalk.service.cache import ByteCache
from medtalk.service.jobs import FairQueue, Job
from medtalk.service.schema import BadRequest, JobRequest, read_request
from medtalk.service.worker import Outcome, Worker
from medtalk.take import hears_voice
from medtalk_wire.protocol import Buffer, Message, new_id, pack
from medtalk_wire.settings import Settings

CANCEL_SECONDS = 1.0
"""How long a job may take to end when the studio is closed."""
STREAMED_BYTES = 256 << 20
"""Of takes that were streamed; those that were used least are forgotten in time."""


@dataclass(frozen=True)
class File:
    """A sound or picture that a tab gave: its bytes, their name and their SHA-256."""

    name: str
    data: bytes
    sha256: str

    @classmethod
    def of(cls, name: str, data: bytes) -> File:
        """With its sum, which takes a second of a long sound: nothing for the thread of an event loop."""
        return cls(name, data, hashlib.sha256(data).hexdigest())


@dataclass(frozen=True)
class Take:
    """What a tab gets: the rig, and the intensity (T,) that it was decoded by, 60 a second."""

    rig: RigSequence
    intensity: np.ndarray


class Session:
    """The studio's work, one job at a time. Its methods are for the thread of one event loop.

    Args:
        model: that does it, for all tabs.
        limits: those of the sidecar.
    """

    def __init__(self, model: Model, limits: ServiceLimits) -> None:
        self.model, self.limits = model, limits
        self._files: ByteCache[File] = ByteCache(max(limits.max_client_queue_bytes, limits.audio.max_bytes))
        self.streams: dict[str, Callable[[MedtalkError], None]] = {}  # what ends the live stream of a tab
        self._streamed: ByteCache[Take] = ByteCache(STREAMED_BYTES)
        self._queue = FairQueue()
        self._working: Job | None = None
        self._ends: dict[Job, asyncio.Future[Outcome]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._worker = Worker(model, limits, self._report)
        self._worker.start()

    def keep(self, name: str, data: bytes) -> File:
        """As `put`, for the bytes of a short file."""
        return self.put(File.of(name, data))

    def put(self, file: File) -> File:
        """Keep a file under its SHA-256; those that were used least are forgotten in time.

        `LimitError` for one that is larger than all that is kept.
        """
        if len(file.data) > self._files.limit:
            raise LimitError(
                f"{file.name} has {len(file.data)} bytes; the studio keeps {self._files.limit}.", "Make it shorter."
            )
        self._files.put(file.sha256, file, len(file.data))
        return file

    def file(self, sha256: object) -> File:
        """A file that was kept; `ServiceError` if it is no longer."""
        file = self._files.get(sha256) if isinstance(sha256, str) else None
        if file is None:
            raise ServiceError("not_heard", "The studio no longer keeps this file.", "Open it again.")
        return file

    def keep_streamed(self, take: Take) -> str:
        """Keep a take that was streamed; its id, by which `take` gives it again."""
        name = secrets.token_hex(16)
        self._streamed.put(name, take, take.rig.values.nbytes)
        return name

    async def take(self, asked: Mapping[str, Any], tab: str, *, live: bool) -> Take:
        """The take that a tab asks for.

        Args:
            asked: `sound`, and perhaps `picture`, the SHA-256 of files that are kept, as is `image` in a span of
                `timeline`; perhaps `curve`, a list of numbers, and `streamed`, the id of a take that is kept as it was
                streamed; all else as in the body of `generate` (docs/protocol.md, Settings).
            tab: who asks.
            live: it takes the place of the tab's own live take that still waits, and of one that still hears another
                sound.

        Raises:
            MedtalkError: a setting, sound or picture that cannot be used. `CancelledError` if a newer one took its
                place.
        """
        asked = dict(asked)
        streamed = asked.pop("streamed", None)
        request = self.request(asked)
        if streamed is not None:
            return self._again(streamed, request.settings)
        if hears_voice(request.settings) and not await self.hears_emotion():
            # a download would keep all tabs waiting
            raise BackboneError(
                "The weights that hear the emotion in a voice are not on this machine.",
                f"Run medtalk backbones pull {VOICE}, and reload the page.",
            )
        job = Job(new_id(), f"{tab} {'live' if live else 'file'}".encode(), request)
        if live:
            self._supersede(job)
        if len(self._queue) >= self.limits.max_queue:
            raise ServiceError("queue_full", f"The queue of {len(self._queue)} is full.", "Try again later.")
        self._loop = asyncio.get_running_loop()
        self._ends[job] = end = self._loop.create_future()
        self._queue.put(job)
        self._start_next()
        try:
            outcome = await end
        finally:
            del self._ends[job]
        if outcome.error is not None:
            raise outcome.error
        return _take(outcome)

    async def hears_emotion(self) -> bool:
        """Whether this machine has all that hears the emotion in a voice."""
        return await asyncio.to_thread(self.model.hears_emotion)

    def progress(self, tab: str) -> dict[str, Any]:
        """What is done for the tab right now, and how much of it, 0 to 1; "" for nothing."""
        job = self._working
        if job is None or job.client.decode().split(" ")[0] != tab:
            return {"phase": "", "fraction": 0.0}
        return {"phase": job.watch.phase, "fraction": job.watch.fraction()}

    def close(self) -> bool:
        """Give up all work. False if the compute thread would not end."""
        for job in list(self._queue):
            self._give_up(job, "The studio is closing.")
        if self._working is not None:
            self._working.watch.cancel()
        return self._worker.finish(CANCEL_SECONDS)

    def request(self, asked: Mapping[str, Any], kind: str = "generate") -> JobRequest:
        """The request of a tab as the sidecar reads it, with all its checks: of kind "generate" with the sound, of kind
        "decode" the settings alone."""
        body, buffers = dict(asked), []
        if kind == "generate":
            sound = self.file(body.pop("sound", None))
            buffers.append(Buffer("file", "uint8", (len(sound.data),), sound.data))
            body["sound"] = {"kind": "file", "sha256": sound.sha256, "name": sound.name}
        else:
            body["heard"] = ""
        if (wanted := body.pop("picture", None)) is not None:
            picture = self.file(wanted)
            buffers.append(Buffer("image", "uint8", (len(picture.data),), picture.data))
            guidance = body.get("guidance")
            more = {"kind": "image", "sha256": picture.sha256, "name": picture.name}
            body["guidance"] = {**(guidance if isinstance(guidance, dict) else {}), **more}
        if isinstance(timeline := body.get("timeline"), list):
            body["timeline"], pictures = self._spans(timeline)
            if pictures:
                buffers.append(Buffer("images", "uint8", (len(pictures),), pictures))
        if (curve := body.pop("curve", None)) is not None:
            try:
                values = np.array(curve, "<f4").reshape(-1)
            except (TypeError, ValueError):
                raise ServiceError("bad_message", "The curve is not a list of numbers.") from None
            buffers.append(Buffer("intensity", "float32", values.shape, values))
        try:
            frames = [memoryview(frame).cast("B") for frame in pack(Message(kind, body, buffers=buffers))]
        except (OverflowError, ValueError, TypeError, msgpack.PackException) as error:
            raise ServiceError("bad_message", f"The request cannot be read: {error}.") from None
        try:
            return read_request(frames, self.limits, None, self.model.guidance).body
        except BadRequest as bad:
            raise bad.error from None

    def _again(self, streamed: object, settings: Settings) -> Take:
        """A take that was streamed, in the frame rate and of the part that are asked for."""
        take = self._streamed.get(streamed) if isinstance(streamed, str) else None
        if take is None:
            raise ServiceError("not_heard", "The studio no longer keeps what was streamed.", "Change a setting.")
        rig = take.rig.resample(settings.fps)
        return replace(take, rig=rig if settings.span is None else rig.slice(*settings.span))

    def _spans(self, timeline: list[Any]) -> tuple[list[Any], bytes]:
        """The spans of a timeline as the sidecar reads them, and their pictures, one after the other."""
        spans, pictures = [], []
        for span in timeline:
            if isinstance(span, dict) and span.get("image"):
                file = self.file(span["image"])
                pictures.append(file.data)
                span = {**span, "image": {"sha256": file.sha256, "bytes": len(file.data), "name": file.name}}
            spans.append(span)
        return spans, b"".join(pictures)

    def _supersede(self, job: Job) -> None:
        for older in self._queue.of(job.client):
            self._give_up(older, "A newer change took its place.")
        working = self._working
        if working is not None and working.client == job.client:
            assert working.request.sound is not None and job.request.sound is not None
            if working.request.sound.sha256 != job.request.sound.sha256:  # else it is quick, and something to see
                working.watch.cancel()

    def _give_up(self, job: Job, why: str) -> None:
        self._queue.remove(job)
        self._settle(job, Outcome({}, error=CancelledError(why)))

    def _start_next(self) -> None:
        if self._working is None and (job := self._queue.take()) is not None:
            job.started = time.monotonic()
            self._working = job
            self._worker.submit(job)

    def _report(self, job: Job, outcome: Outcome) -> None:
        """Called by the compute thread."""
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop has ended, and nobody waits
            self._loop.call_soon_threadsafe(self._end, job, outcome)

    def _end(self, job: Job, outcome: Outcome) -> None:
        self._working = None
        self._settle(job, outcome)
        self._start_next()

    def _settle(self, job: Job, outcome: Outcome) -> None:
        end = self._ends.get(job)
        if end is not None and not end.done():
            end.set_result(outcome)


def _take(outcome: Outcome) -> Take:
    body, buffers = outcome.body, {buffer.name: buffer for buffer in outcome.buffers}
    words, phones = (tuple(Timed(*each) for each in body[name]) for name in ("words", "phones"))
    head = np.asarray(buffers["head"].data) if "head" in buffers else None
    rig = RigSequence(np.asarray(buffers["rig"].data), body["fps"], body["meta"], words, phones, head)
    return Take(rig, np.asarray(buffers["intensity"].data))
