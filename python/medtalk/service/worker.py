"""The compute thread: one job after another, from sounds to rigs, with what was heard kept for the next time."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from medtalk.audio import Speech, read_speech
from medtalk.errors import MedtalkError, ServiceError, about
from medtalk.guidance import Guidance
from medtalk.limits import ServiceLimits
from medtalk.perform import VOICE, Model, Performance
from medtalk.rig import RigSequence
from medtalk.rig.channels import CHANNEL_HASH
from medtalk.service.cache import ByteCache
from medtalk.service.folders import read_inside
from medtalk.service.jobs import Job
from medtalk.service.log import log
from medtalk.service.schema import JobRequest, ReceivedSound
from medtalk.service.understood import Understood, digest
from medtalk.tags import spoken
from medtalk.take import hears_voice, informed, take
from medtalk.watch import stage
from medtalk_wire.protocol import Buffer

_NUMPY = {"int16": "<i2", "int32": "<i4", "float32": "<f4", "uint8": "u1"}
_LOW = 10  # niceness
_MAX_SPOKEN, _TIMED_BYTES = 800_000, 24  # bytes of words and phones in a header, and of each beside its text


@dataclass(frozen=True)
class Outcome:
    """The outcome of a job: the body and buffers of its `result`, or the error."""

    body: dict[str, Any]
    buffers: tuple[Buffer, ...] = ()
    error: MedtalkError | None = None
    sound_seconds: float = 0.0


class Worker(threading.Thread):
    """Works on the jobs submitted, in order, and calls `done(job, outcome)` after each, in its own thread.

    Sounds are read by their path in `folders` only, if there are any.
    """

    def __init__(
        self, model: Model, limits: ServiceLimits, done: Callable[[Job, Outcome], None], folders: Sequence[Path] = ()
    ) -> None:
        super().__init__(name="medtalk-worker", daemon=True)
        self.heard: ByteCache[Performance] = ByteCache(limits.max_cache_bytes)
        self.understood = Understood(model, limits)
        # The last sound with words: to align them takes longer than to decode, and a client that tries settings sends
        # the same words each time.
        self._worded: ByteCache[Performance] = ByteCache(min(1, limits.max_cache_bytes))
        self._model = model
        self._limits = limits
        self._folders = folders
        self._done = done
        self._gives_way = False
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()

    def submit(self, job: Job) -> None:
        """Work on `job` after those submitted before."""
        self._jobs.put(job)

    def finish(self, seconds: float) -> bool:
        """Let the thread end after the jobs submitted; whether it did, within so many seconds."""
        self._jobs.put(None)
        self.join(seconds)
        return not self.is_alive()

    def give_way(self) -> None:
        """Have the system prefer other threads, for good: streams are played in time, and jobs take what is left.

        Where nothing else runs, jobs take no longer. Linux only, as the priority of one thread is its own there.
        """
        if sys.platform == "linux" and not self._gives_way and self.native_id is not None:
            self._gives_way = True
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self.native_id, _LOW)

    def run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                with job.watch:
                    outcome = self._work(job)
            except MedtalkError as error:
                outcome = Outcome({}, error=error)
            except MemoryError:
                outcome = Outcome({}, error=ServiceError("internal", "There is not enough memory.", "Split the sound."))
            except Exception as error:
                log.exception("fault", extra={"facts": {"job": job.id}})
                message = f"MEDTalk failed: {type(error).__name__}: {error}."
                outcome = Outcome({}, error=ServiceError("internal", message, "Please report it, with the log."))
            self._done(job, outcome)
            del job, outcome  # not kept alive, with their sounds, until the next job comes

    def _work(self, job: Job) -> Outcome:
        request, settings = job.request, job.request.settings
        stage("read", 0.02)
        guidance = self._guidance(request)
        heard, performance, cached = self._hear(request)
        performance = informed(self._with_words(heard, performance, spoken(settings.transcript)), settings)
        rig = take(performance, guidance, settings)
        meta = dict(rig.meta)
        if request.sound is not None:
            meta["source"] = {**meta["source"], "name": request.sound.name}
        body = {
            "heard": heard,
            "frames": len(rig),
            "fps": rig.fps,
            "seconds": rig.seconds,
            "channel_hash": CHANNEL_HASH,
            "cached": cached,
            "timing": {"queued": job.started - job.received, "work": time.monotonic() - job.started},
            "meta": meta,
            **_spoken(rig),
        }
        buffers = [_buffer("rig", rig.values), _buffer("intensity", performance.intensity)]
        if rig.head is not None:
            buffers.append(_buffer("head", rig.head))
        return Outcome(body, tuple(buffers), sound_seconds=performance.seconds)

    def _hear(self, request: JobRequest) -> tuple[str, Performance, bool]:
        """The sound of a request, its name in the cache, and whether it was there.

        Without words in the request, they are those that the model transcribed, or unknown.
        """
        if request.sound is None:
            performance = self.heard.get(request.heard)
            if performance is None:
                raise ServiceError(
                    "not_heard", "This sound is not in the sidecar's cache.", "Send generate with the sound again."
                )
            return request.heard, performance, True
        settings = request.settings
        # Where no words are heard a language is an error, also for a sound that is in the cache.
        listens = settings.transcript is None and (self._model.bundle.hears_words or settings.language)
        heard, data = _identify(request.sound, self._limits, self._folders, settings.language if listens else None)
        performance = self.heard.get(heard)
        cached = performance is not None
        if performance is None:
            speech = _speech(request.sound, data, self._limits)
            words = None if settings.transcript is None else ""
            performance = self._model.perform(speech, words, language=settings.language or None)
            self.heard.put(heard, performance, performance.nbytes)
        return heard, performance, cached

    def _with_words(self, heard: str, performance: Performance, transcript: str | None) -> Performance:
        """The performance called `heard`, with the words of a transcript if there is one."""
        if transcript is None:
            return performance
        key = f"{heard} {transcript}"
        worded = self._worded.get(key)
        if worded is None:
            worded = performance.with_transcript(transcript)
            self._worded.put(key, worded, 1)
        return worded

    def _guidance(self, request: JobRequest) -> Guidance:
        """The guidance of a job."""
        if hears_voice(request.settings):
            self._model.prepare(VOICE)  # what is missing is reported before the sound is heard
        return self.understood.guidance(request.asked)


def _identify(
    sound: ReceivedSound, limits: ServiceLimits, folders: Sequence[Path], language: str | None
) -> tuple[str, Any]:
    """A name for exactly this sound, and its bytes; they are checked against the sum that the client gave.

    With a language, "" for any, it is the name of the sound as it is heard together with its words.
    """
    if sound.data is None:
        assert sound.path is not None
        data, shape, dtype = memoryview(read_inside(sound.path, folders, limits.audio)), None, None
    else:
        data, shape, dtype = memoryview(sound.data.data), sound.data.shape, sound.data.dtype
    found = digest(data)
    if sound.data is not None and found != sound.sha256:
        raise ServiceError("checksum", f"{sound.name} was damaged on the way.", "Send it again.")
    kind = ("pcm", sound.rate, shape, dtype) if sound.kind == "pcm" else ("file",)
    words = () if language is None else ("words", language)
    return hashlib.sha256(repr((found, sound.channel, *kind, *words)).encode()).hexdigest(), data


def _speech(sound: ReceivedSound, data: memoryview, limits: ServiceLimits) -> Speech:
    if sound.kind != "pcm":
        return read_speech(data, channel=sound.channel, limits=limits.audio, name=sound.name)
    assert sound.data is not None
    samples = np.frombuffer(data, _NUMPY[sound.data.dtype]).reshape(sound.data.shape)
    with about(sound.name):
        return Speech.from_array(samples, sound.rate, sound.name, sound.channel, limits.audio)


def _spoken(rig: RigSequence) -> dict[str, list[tuple[str, float, float]]]:
    """Words and phones as a result has them. Those of very long sounds do not fit a header: first the phones go."""
    words, phones = ([(each.text, each.start, each.end) for each in timed] for timed in (rig.words, rig.phones))
    size = sum(len(text.encode()) + _TIMED_BYTES for text, _, _ in words)
    if size > _MAX_SPOKEN:
        words, size = [], 0
    if size + sum(len(text.encode()) + _TIMED_BYTES for text, _, _ in phones) > _MAX_SPOKEN:
        phones = []
    return {"words": words, "phones": phones}


def _buffer(name: str, values: np.ndarray) -> Buffer:
    values = np.ascontiguousarray(values, "<f4")
    return Buffer(name, "float32", values.shape, values)
