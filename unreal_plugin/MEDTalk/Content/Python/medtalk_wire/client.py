"""The client of the sidecar: for scripts, which wait, and for an editor, which polls from its tick and never waits.

There is no thread: everything happens inside the calls of one thread, and no call but `wait` and `poll(seconds)` waits.

What can go wrong is answered as docs/protocol.md says under Loss. A connection that is made begins with `hello`, and
only its reply lets jobs go; a connection that is lost is made again and the open jobs are sent again under their ids.
A job about which nothing is heard makes the client ask for a sign of life (`ping`) and look into the connection file; a
sidecar that answers the ping and knows nothing of the job has lost it, and gets it again. A message that is none of
this protocol fails all open jobs.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import zmq

from medtalk_wire.connection import START, Connection, read_connection
from medtalk_wire.errors import ProtocolError, RequestError, SidecarError, SilentError, UnreachableError
from medtalk_wire.job import Job, Result, field, read_error
from medtalk_wire.link import WAITING, Link
from medtalk_wire.protocol import JOBS, MAX_HEADER_BYTES, Buffer, Message, pack, unpack
from medtalk_wire.request import Settings, Sound

QUIET = 2.0
"""Seconds without a word about a job, after which the client asks."""
SOON = 0.5
"""Seconds between two tries while there is no connection."""
SLOWEST = 10e6
"""Bytes a second of the slowest network that a sound may have to go over before it is answered."""
LOSSES = 5
"""Times that the connection may break while a job is worked on: more, and the job itself is the cause."""


@dataclass(eq=False)
class _Open:
    """A job that has not ended, and what the client must know to bring it to its end."""

    job: Job
    frames: list[Any]
    texts: Mapping[str, str]
    word: float  # of the client's clock: when something was heard about the job, or it was begun
    word_time: float  # the same as time.time()
    sent_to: str = ""  # instance of the sidecar
    losses: int = 0
    cancel: list[Any] | None = None  # the message that cancels it, once that is wanted

    @property
    def bytes(self) -> int:
        return sum(len(frame) for frame in self.frames)


class Client:
    """Asks the sidecar at `connection`.

    `name` stands in its log. With `channel_hash` (SHA-256 of the channels' names joined by line feeds) a sidecar of
    other channels is refused: every job fails with the code `channels`. `patience` is in seconds: a job of which
    nothing is heard for that long fails; time in which nobody polls does not count. It connects with the first
    request. To be used from one thread, and closed.
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
        self.connection = connection
        self.patience = patience
        self._name, self._channel_hash = name, channel_hash
        self._own_context = context is None
        self._context = context or zmq.Context()
        self._routing_id = secrets.token_hex(16).encode()
        self._open: dict[str, _Open] = {}
        self._outbox: deque[tuple[list[Any], _Open | None]] = deque()
        self._link: Link | None = None
        self._link_after = 0.0  # when the next link may be made
        self._refusal: SidecarError | None = None  # by a sidecar that let us in before: it may have started anew
        self._greeting: Message | None = None  # the hello that waits for its reply
        self._server: Mapping[str, Any] | None = None  # the body of that reply, while the connection lasts
        self._instance = ""
        self._probe: tuple[str, float] = ("", 0.0)  # id of the last ping, and when it was sent
        self._asked = 0.0  # when the last sign of life was asked for
        self._heard = 0.0  # when the sidecar said anything, as time.time()
        self._clock, self._ticked = 0.0, time.monotonic()
        self._news = 0
        self._closed = False

    # -- asking --------------------------------------------------------------------------------------------------------

    def generate(self, sound: Sound, settings: Settings = Settings()) -> Job:
        """Have a sound animated; the job's result is a `Result`. `RequestError` for settings that cannot be written.

        What is beyond the sidecar's limits fails without being sent, with the code `limit` or `unsupported`.
        """
        body = {"sound": dict(sound.fields), **settings.fields()}
        return self._ask("generate", body, [*([sound.buffer] if sound.buffer else []), *settings.buffers()])

    def decode(self, heard: str, settings: Settings = Settings()) -> Job:
        """Have a sound that was heard before (`Result.heard`) animated otherwise; the error `not_heard` if it is gone."""
        return self._ask("decode", {"heard": heard, **settings.fields()}, settings.buffers())

    def hello(self) -> Job:
        """Ask what the sidecar is and can do; the result is the reply's body."""
        return self._ask("hello", self._hello_body())

    def ping(self) -> Job:
        """Ask for a sign of life; the result is the reply's body."""
        return self._ask("ping")

    def shutdown(self) -> Job:
        """Ask the sidecar to end; the result is the reply's body."""
        return self._ask("shutdown")

    def cancel(self, job: Job) -> None:
        """Ask for the job's end. It ends with the error `cancelled`, or with its result if that was faster."""
        entry = self._open.get(job.id)
        if entry is None or entry.cancel:
            return
        entry.cancel = pack(Message("cancel", {"job": job.id}))
        entry.word, entry.word_time = self._clock, time.time()
        if entry.sent_to and job.type in JOBS:
            self._outbox.append((entry.cancel, None))
            self._flush()
        else:
            self._end(entry, _cancelled())

    # -- getting -------------------------------------------------------------------------------------------------------

    def poll(self, seconds: float = 0.0) -> None:
        """Take what has come and send what waits. Waits at most `seconds` for something to come; by default not at all."""
        end = time.monotonic() + seconds
        while not self._turn():
            left = min(end - time.monotonic(), 0.1)  # the clock must go on
            if left <= 0:
                return
            if self._link:
                self._link.wait(left, bool(self._outbox) and self._link.ready)
            else:
                time.sleep(left)

    def wait(self, job: Job, on_progress: Callable[[Job], None] | None = None) -> Any:
        """The job's result, or its error raised. `on_progress(job)` is called when something of it has changed.

        An exception in between (Ctrl-C) cancels the job and goes on.
        """
        seen = None
        try:
            while not job.ended:
                if job.id not in self._open:
                    raise ValueError("the job is of another client")
                self.poll(0.1)
                state = (job.state, job.phase, job.fraction, job.ahead)
                if on_progress and state != seen:
                    on_progress(job)
                seen = state
        except BaseException:
            self.cancel(job)
            end = time.monotonic() + SOON  # for the message to leave: whoever catches this may close at once
            while not job.ended and time.monotonic() < end:
                self.poll(0.1)
            raise
        if job.error:
            raise job.error
        return job.result

    def close(self) -> None:
        """Leave at once. Jobs that have not ended fail, and the sidecar cancels them in a while."""
        if self._closed:
            return
        self._closed = True
        self._fail_all(RequestError("cancelled", "The client was closed before the job ended."))
        if self._own_context:
            self._context.term()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- one turn ------------------------------------------------------------------------------------------------------

    def _turn(self) -> bool:
        """Everything that can be done now, without waiting; whether something has changed."""
        news = self._news
        # Silence is counted in small steps: after an hour in which nobody polled, the sidecar still has its patience.
        now = time.monotonic()
        self._clock += min(now - self._ticked, 1.0, self.patience / 10)
        self._ticked = now
        if self._link is None and self._open and self._clock >= self._link_after:
            self._connect()
        if self._link:
            self._link.look()
            if self._link.ready and self._greeting is None and self._server is None:
                self._greet()
            if self._take() and self._link:  # a failure among the messages has closed it
                if self._link.refusal:
                    self._refused(self._link.refusal)
                elif self._link.lost:
                    self._lose()
        self._judge()
        self._flush()
        return self._news != news

    def _take(self) -> bool:
        """Take the messages that have come; False if there may be more."""
        for _ in range(WAITING):  # a sidecar gone mad must not keep an editor in here
            frames = self._link.receive() if self._link else None
            if frames is None:
                return True
            try:
                self._note(unpack(frames))
            except ProtocolError as error:
                self._fail_all(error)
        return False

    def _note(self, message: Message) -> None:
        """Take one message; `ProtocolError` if it makes none of our jobs but the whole conversation impossible."""
        self._heard = time.time()
        entry = self._open.get(message.parent)
        if self._greeting and message.parent == self._greeting.id:
            self._greeted(message)
        elif message.type == "error" and not message.parent:
            self._fail_all(read_error(message))  # it could not read something of ours, and cannot say what
        elif message.type == "ping_reply" and message.parent == self._probe[0]:
            self._alive(field(message, "instance", str))
        elif message.type == "cancel_reply":
            cancelled = self._open.get(field(message, "job", str))
            if cancelled and cancelled.cancel and message.body.get("state") == "unknown":
                self._end(cancelled, _cancelled())
        elif entry:
            self._advance(entry, message)

    def _advance(self, entry: _Open, message: Message) -> None:
        """Take a message about a job."""
        job = entry.job
        # A sidecar that accepts a job again and again and does nothing is silent.
        if not (message.type == "accepted" and job.state == "accepted"):
            entry.word, entry.word_time = self._clock, self._heard
        try:
            job.take(message)
        except ProtocolError as error:
            job.fail(error)
        if isinstance(job.result, Result) and self._channel_hash not in (None, job.result.channel_hash):
            job.result = None
            job.fail(self._other_channels())
        self._news += 1
        if job.ended:
            del self._open[job.id]

    # -- the connection ------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        """Make a new link, to where the connection file says now. Not more often than every `SOON`."""
        fresh = self._reread()
        if self._refusal and not fresh:
            self._link_after = self._clock + SOON
            return
        self._drop_link()
        self._refusal = None
        self._link_after = self._clock + SOON
        self.connection = fresh or self.connection
        try:
            self._link = Link(self._context, self.connection, self._routing_id, self.patience)
        except UnreachableError as error:
            self._fail_all(error)

    def _reread(self) -> Connection | None:
        """The connection if its file tells another one now: the sidecar was started anew."""
        if self.connection.file is None:
            return None
        try:
            now = read_connection(self.connection.file)
        except UnreachableError:
            return None
        fresh = replace(self.connection, address=now.address, token=now.token, instance=now.instance)
        return fresh if fresh != self.connection else None

    def _refused(self, error: SidecarError) -> None:
        """The sidecar does not let us in. If it did before, it was started anew, and will tell its token in a moment."""
        if self.connection.file and (self._instance or not self.connection.token):
            self._drop_link()
            self._refusal = error
        else:
            self._refusal = error
            self._link_after = self._clock
            fresh = self._reread()
            if not fresh:
                self._fail_all(error)
            else:
                self._connect()

    def _lose(self) -> None:
        """The connection broke."""
        self._drop_link()
        for entry in list(self._open.values()):
            entry.losses += entry.job.state == "accepted"
            if entry.losses >= LOSSES:
                self._end(entry, UnreachableError(
                    f"The connection to the sidecar at {self.connection.address} broke {LOSSES} times while it worked "
                    "on this job.", "Its log may tell why. Try a shorter sound.",
                ))  # fmt: skip

    def _drop_link(self) -> None:
        if self._link:
            self._link.close()
        self._link = self._server = self._greeting = None
        self._outbox.clear()

    def _hello_body(self) -> dict[str, Any]:
        return {"client": self._name, **({"channel_hash": self._channel_hash} if self._channel_hash else {})}

    def _greet(self) -> None:
        self._greeting = Message("hello", self._hello_body())
        self._outbox.append((pack(self._greeting), None))

    def _greeted(self, message: Message) -> None:
        """The sidecar has answered our hello: now the jobs may go."""
        if message.type == "error":
            self._fail_all(read_error(message))
            return
        instance, channel_hash = field(message, "instance", str), field(message, "channel_hash", str)
        field(message, "limits", dict), field(message, "capabilities", dict)
        if self._channel_hash not in (None, channel_hash):
            self._fail_all(self._other_channels())
            return
        self._greeting, self._server, self._instance = None, message.body, instance
        self._outbox.clear()
        for entry in list(self._open.values()):
            if entry.sent_to not in ("", instance):
                if entry.job.type == "shutdown":  # what was asked for has happened; do not end its successor
                    entry.job.state, entry.job.result = "done", {"instance": entry.sent_to}
                    del self._open[entry.job.id]
                    continue
                entry.job.start_again()
                entry.word, entry.word_time = self._clock, self._heard
            self._queue(entry)
        self._news += 1

    # -- silence -------------------------------------------------------------------------------------------------------

    def _judge(self) -> None:
        """Ask about jobs of which nothing is heard, and give up those of which nothing was heard for too long."""
        if not self._open:
            if self._link and not self._link.ready:
                self._drop_link()  # nobody needs it; the next job looks for the sidecar anew
            return
        upload = sum(entry.bytes for entry in self._open.values() if entry.job.state == "sent") / SLOWEST
        for entry in list(self._open.values()):
            if self._clock - entry.word > self.patience + (upload if entry.job.state == "sent" else 0.0):
                self._end(entry, _cancelled() if entry.cancel else self._silence(entry))
        ready = self._link is not None and self._link.ready
        quiet = min((entry.word for entry in self._open.values()), default=self._clock)
        if self._clock - max(quiet, self._asked) < (QUIET if ready else SOON):
            return
        self._asked = self._clock
        if self._reread():
            self._connect()
        elif self._server is None and self._greeting and not self._outbox:
            self._outbox.append((pack(self._greeting), None))
        elif self._server is not None and not self._outbox:
            ping = Message("ping", {})
            self._probe = (ping.id, self._clock)
            self._outbox.append((pack(ping), None))

    def _alive(self, instance: str) -> None:
        """The sidecar lives. What was sent before the ping and has not been answered is lost, for all goes in order."""
        if instance != self._instance:
            self._server = None  # and so it is greeted
            return
        for entry in self._open.values():
            if entry.word <= self._probe[1] - SOON and entry.sent_to:
                self._queue(entry)

    def _silence(self, entry: _Open) -> SidecarError:
        """Why nothing is heard about a job."""
        address, since = self.connection.address, time.strftime("%H:%M:%S", time.localtime(entry.word_time))
        if self._refusal:
            return self._refusal
        if self._link is None or not self._link.connected:
            what = "is gone" if self._instance else "cannot be reached"
            return UnreachableError(f"The sidecar at {address} {what}: nobody listens there since {since}.", START)
        if self._heard > entry.word_time:
            return SilentError(
                f"The sidecar at {address} answers, but has said nothing of this {entry.job.type} since {since}.",
                "Its log may tell why. Ask again.",
            )
        return SilentError(
            f"The sidecar at {address} has said nothing since {since}.",
            "Is it frozen? Try `medtalk ping`; if that fails, end it and start it again with `medtalk serve`.",
        )

    # -- jobs ----------------------------------------------------------------------------------------------------------

    def _ask(self, type: str, body: Mapping[str, Any] | None = None, buffers: list[Buffer] | None = None) -> Job:
        """Begin a job, and send it if that can be done now."""
        if self._closed:
            raise SidecarError("The client is closed.", "Make another one.")
        message = Message(type, body or {}, buffers=buffers or ())
        try:
            frames = pack(message)
        except (ValueError, TypeError, OverflowError) as error:  # half a character, a number of 65 bits
            raise RequestError("setting", f"The request cannot be written: {error}.") from error
        job = Job(type, message.id)
        texts = {"transcript": str(message.body.get("transcript", "")), "kind": "", "name": ""}
        sound = message.body.get("sound", {})
        texts |= {"kind": sound.get("kind", ""), "name": sound.get("name", "")}
        entry = self._open[job.id] = _Open(job, frames, texts, self._clock, time.time())
        if self._server is not None:
            self._queue(entry)
        self._turn()
        return job

    def _queue(self, entry: _Open) -> None:
        """Put a job into the outbox, or its cancellation; or end it, if the sidecar would not take it."""
        if entry.cancel:
            if entry.sent_to != self._instance:
                self._end(entry, _cancelled())
            else:
                self._outbox.append((entry.cancel, None))
        elif error := self._beyond(entry):
            self._end(entry, error)
        else:
            self._outbox.append((entry.frames, entry))
