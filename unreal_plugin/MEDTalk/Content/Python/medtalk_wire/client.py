"""The client of the sidecar: for scripts, which wait, and for an editor, which polls from its tick and never waits.

There is no thread: everything happens inside the calls of one thread, and no call but `wait` and `poll(seconds)` waits.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import zmq

from medtalk_wire.connection import Connection
from medtalk_wire.errors import RequestError, SidecarError
from medtalk_wire.exchange import Exchange
from medtalk_wire.job import Job
from medtalk_wire.protocol import Buffer
from medtalk_wire.request import Sound, body_of, buffers_of, stream_body_of
from medtalk_wire.settings import DEFAULT, Settings
from medtalk_wire.stream import STREAM, Stream

_FAREWELL = 0.5  # seconds in which a cancellation leaves, or is answered: whoever is interrupted may close at once


class Client:
    """Asks the sidecar at `connection`; it connects with the first request.

    `name` stands in the sidecar's log. With `channel_hash` (SHA-256 of the channels' names joined by line feeds) a
    sidecar of other channels gets no job: all fail with the code `channels`. A job of which nothing is heard for
    `patience` seconds fails; time in which nobody polls does not count. For one thread; close it.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        name: str = "medtalk_wire",
        channel_hash: str | None = None,
        patience: float = 10.0,
        context: zmq.Context | None = None,
    ) -> None:
        if not patience > 0:
            raise ValueError("patience must be above 0 seconds")
        used = context or zmq.Context()
        self._exchange = Exchange(used, connection, name, channel_hash, patience)
        # Not left to the garbage collector, which may take the context before its sockets, and wait for them for ever.
        self._leave = weakref.finalize(self, _leave, self._exchange, None if context else used)

    def generate(self, sound: Sound, settings: Settings = DEFAULT) -> Job:
        """Have a sound animated; the job's result is a `Result`. `RequestError` for settings that cannot be written.

        What is beyond the sidecar's limits fails without being sent, with the code `limit` or `unsupported`.
        """
        buffers = [sound.buffer] if sound.buffer else []
        return self._ask("generate", {"sound": sound.fields, **body_of(settings)}, [*buffers, *buffers_of(settings)])

    def decode(self, heard: str, settings: Settings = DEFAULT) -> Job:
        """Have a sound that was heard before (`Result.heard`) animated otherwise; `not_heard` if it is gone."""
        return self._ask("decode", {"heard": heard, **body_of(settings)}, buffers_of(settings))

    def stream(
        self,
        settings: Settings = DEFAULT,
        *,
        rate: int = 16000,
        dtype: str = "int16",
        channels: int = 1,
        live: bool = False,
        look_ahead: float = 0.08,
        step: float = 0.04,
        name: str = "",
    ) -> Stream:
        """Have a face while somebody speaks: push sound into the stream, take frames out of it.

        `rate` is in samples a second; `dtype` and `channels` say what bytes are that are pushed. `live`: the sound
        comes in real time, and what is late is left out; else nothing is, and sound may come faster. A frame waits for
        `look_ahead` seconds of sound, and up to `step` more. `RequestError` for settings that a stream does not take.
        """
        body = {
            "rate": _whole(rate), "live": bool(live), "look_ahead": float(look_ahead), "step": float(step),
            "name": name, **stream_body_of(settings),
        }  # fmt: skip
        buffers = buffers_of(settings)
        stream = Stream(self._ask, self.poll, self.cancel, body, buffers, dtype, channels)
        self._ask(STREAM, body, buffers, stream)
        return stream

    def hello(self) -> Job:
        """Ask what the sidecar is and can do; the result is the reply's body."""
        return self._ask("hello", self._exchange.hello)

    def ping(self) -> Job:
        """Ask for a sign of life; the result is the reply's body."""
        return self._ask("ping", {})

    def shutdown(self) -> Job:
        """Ask the sidecar to end; the result is the reply's body."""
        return self._ask("shutdown", {})

    def cancel(self, job: Job) -> None:
        """Ask for the job's end. It comes in `poll`: the error `cancelled`, or the result if that was faster."""
        self._exchange.cancel(job)

    def poll(self, seconds: float = 0.0) -> None:
        """Take what has come, send what waits. Waits `seconds` at most for something to come; by default not at all."""
        end = time.monotonic() + seconds
        while not self._exchange.turn():
            left = min(end - time.monotonic(), 0.1)  # in short spells, for the clock has to go on
            if left <= 0:
                return
            self._exchange.wait(left)

    def wait(self, job: Job, on_progress: Callable[[Job], None] | None = None) -> Any:
        """The job's result; its error is raised. `on_progress(job)` is called whenever something of the job changed.

        An exception in between (Ctrl-C) cancels the job and is raised again.
        """
        if not job.ended and not self._exchange.knows(job):
            raise ValueError("the job belongs to another client")
        seen = None
        try:
            while not job.ended:
                self.poll(0.1)
                now = (job.state, job.phase, job.fraction, job.ahead)
                if on_progress and now != seen:
                    on_progress(job)
                seen = now
        except BaseException:
            self.cancel(job)
            end = time.monotonic() + _FAREWELL
            while not job.ended and time.monotonic() < end:
                self.poll(0.1)
            raise
        if job.error:
            raise job.error
        return job.result

    def close(self) -> None:
        """Leave without waiting. Jobs that have not ended fail; the sidecar cancels them when it finds us gone."""
        self._leave()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, type: str, body: Mapping[str, Any], buffers: Sequence[Buffer] = (), job: Job | None = None) -> Job:
        if not self._leave.alive:
            raise SidecarError("The client is closed.", "Create a new one.")
        return self._exchange.ask(type, body, buffers, job)


def _whole(rate: Any) -> int:
    """A rate that is a whole number, whatever its type; `RequestError` otherwise."""
    try:
        whole = int(rate)
        if whole == rate:
            return whole
    except (TypeError, ValueError, OverflowError):  # no number, NaN, infinity
        pass
    raise RequestError("setting", f"rate is {str(rate)[:40]}; valid are whole samples a second.")


def _leave(exchange: Exchange, context: zmq.Context | None) -> None:
    """Close everything, once: sockets first."""
    exchange.fail_all(RequestError("cancelled", "The client was closed before the job ended."))
    if context:
        context.term()
