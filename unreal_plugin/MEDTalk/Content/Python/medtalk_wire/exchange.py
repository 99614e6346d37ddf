"""The exchange between a client and the sidecar: connecting, greeting, sending, silence. Nothing here waits.

What can go wrong is answered as docs/protocol.md says under Loss. A connection that is made begins with `hello`, and
only its reply lets jobs go; a connection that is lost is made again and the open jobs are sent again under their ids.
A job of which nothing is heard makes us ask for a sign of life (`ping`) and look into the connection file; a sidecar
that answers the ping and still says nothing of the job has lost it, and gets it again. A message that is none of this
protocol fails all open jobs, or only its own if just the body is wrong; one about an ended job is ignored.

A stream is a job that is asked for by `stream_open`; what it has to say then is sent when nothing else waits.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import zmq

from medtalk_wire.connection import START, Connection, read_connection
from medtalk_wire.errors import ProtocolError, RequestError, SidecarError, SilentError, UnreachableError
from medtalk_wire.job import Job, Result, field, read_error
from medtalk_wire.link import WAITING, Link
from medtalk_wire.protocol import JOBS, MAX_HEADER_BYTES, Buffer, Message, new_id, pack, unpack
from medtalk_wire.request import beyond
from medtalk_wire.stream import STREAM, Stream

QUIET = 2.0
"""Seconds without a word of a job, after which the client asks."""
SOON = 0.5
"""Seconds between two tries while there is no connection."""
SLOWEST = 10e6
"""Bytes a second of the slowest network: so much longer is waited for an answer to the sounds that are on their way."""
LOSSES = 5
"""Times that the connection may break while a job is worked on: more, and the job itself is the cause."""


@dataclass(eq=False)
class _Open:
    """A job that has not ended, and what the client needs to bring it to its end."""

    job: Job
    request: Message
    frames: Sequence[Any]
    bytes: int
    word: float  # when something was heard of the job, or it was begun, by the client's clock
    word_time: float  # and as time.time()
    sent_to: str = ""  # instance of the sidecar
    losses: int = 0
    cancel: Message | None = None  # once its end is wanted


class Exchange:
    """Brings jobs to their end: `ask` and `cancel` begin something, `turn` does all that can be done at a moment.

    `hello` is the body of our greeting. The parameters are those of `Client`.
    """

    def __init__(
        self, context: zmq.Context, connection: Connection, name: str, channel_hash: str | None, patience: float
    ) -> None:
        self.connection = connection
        self.patience = patience
        self._channel_hash = channel_hash or None
        self.hello = {"client": name, **({"channel_hash": channel_hash} if channel_hash else {})}
        self._context = context
        self._routing_id = secrets.token_hex(16).encode()

        self._open: dict[str, _Open] = {}
        self._outbox: deque[tuple[Sequence[Any], _Open | None]] = deque()  # before the greeting only the greeting
        self._link: Link | None = None
        self._link_after = 0.0  # not before this is another link made
        self._refusal: SidecarError | None = None  # by a sidecar that may just have been restarted
        self._greeting: Message | None = None  # the hello that waits for its reply
        self._server: Mapping[str, Any] | None = None  # the body of that reply, as long as the link lasts
        self._instance = ""  # the last one that we met
        self._probe: tuple[str, float] | None = None  # id of the last ping, and when it was sent

        self._clock, self._ticked = 0.0, time.monotonic()
        self._asked = 0.0  # when the client last did something about silence
        self._heard, self._heard_time = 0.0, 0.0  # when the sidecar last said anything
        self._full = False  # whether the link had no room for what a stream has to say
        self._news = 0  # counts what a caller of `poll` may wait for

    def ask(self, type: str, body: Mapping[str, Any], buffers: Sequence[Buffer] = (), job: Job | None = None) -> Job:
        """Begin a job, and send it if that can be done now. `job` is one that was made for it."""
        job = job or Job(type, new_id())
        request = Message(type, body, job.id, buffers=buffers)
        try:
            frames = pack(request)
        except (ValueError, TypeError, OverflowError) as error:  # half a character, a seed of 65 bits
            raise RequestError("setting", f"The request cannot be written: {error}.") from error
        if not self._open:  # what came of earlier tries does not count
            self._link_after, self._refusal = self._clock, None
        size = sum(len(frame) for frame in frames)
        entry = _Open(job, request, frames, size, self._clock, time.time())
        self._open[request.id] = entry
        if len(frames[0]) > MAX_HEADER_BYTES:
            self._end(
                entry, RequestError("limit", f"The texts of the request have more than {MAX_HEADER_BYTES} bytes.")
            )
        elif self._server is not None:
            self._queue(entry)
        self.turn()
        return entry.job

    def cancel(self, job: Job) -> None:
        """Ask for the job's end. It comes in `poll`: the error `cancelled`, or the result if that was faster."""
        entry = self._open.get(job.id)
        if entry is None or entry.cancel:
            return
        entry.cancel = Message("cancel", {"job": job.id})
        entry.word, entry.word_time = self._clock, time.time()
        if not entry.sent_to or job.type not in (*JOBS, STREAM):
            self._end(entry, _cancelled())
        elif self._server is not None:
            self._queue(entry)
            self._flush()

    def turn(self) -> bool:
        """Take what has come, send what waits, without waiting; whether there is news."""
        news = self._news
        # Silence is counted in small steps, after everything that has come was taken: if nobody polled for an hour,
        # the sidecar has all its patience still.
        now = time.monotonic()
        self._clock += min(now - self._ticked, 1.0, self.patience / 10)
        self._ticked = now
        if self._link is None and self._open and self._clock >= self._link_after:
            self._connect()
        if self._link:
            self._link.look()  # first, so that all that came before a loss is taken before the loss
        if self._take():
            self._tend()
            self._judge()
        self._flush()
        self._pump()
        return self._news != news

    def wait(self, seconds: float) -> None:
        """Wait until something comes or can be sent, `seconds` at most."""
        if self._link:
            self._link.wait(seconds, sending=bool(self._outbox or self._full) and self._link.ready)
        else:
            time.sleep(seconds)

    def knows(self, job: Job) -> bool:
        """Whether the job is one of ours that has not ended."""
        return job.id in self._open

    def fail_all(self, error: SidecarError) -> None:
        """Nothing can be had from this connection: leave it. The next request makes another."""
        self._drop()
        for entry in list(self._open.values()):
            self._end(entry, error)

    def _take(self) -> bool:
        """Take the messages that have come; False if there may be more."""
        for _ in range(WAITING):  # a sidecar gone mad must not keep an editor in here
            frames = self._link.receive() if self._link else None
            if frames is None:
                return True
            try:
                self._note(unpack(frames))
            except ProtocolError as error:
                self.fail_all(error)
        return False

    def _note(self, message: Message) -> None:
        """Take a message. `ProtocolError` if nothing good can come of the whole connection."""
        self._heard, self._heard_time = self._clock, time.time()
        if self._greeting and message.parent == self._greeting.id:
            self._greeted(message)
        elif self._probe and message.parent == self._probe[0] and message.type == "ping_reply":
            self._lives(field(message, "instance", str))
        elif message.type == "error" and not message.parent:
            self.fail_all(read_error(message))  # it could not read something of ours, and so cannot say what
        elif message.type == "cancel_reply":
            entry = self._open.get(field(message, "job", str))
            if entry and entry.cancel and message.body.get("state") == "unknown":
                self._end(entry, _cancelled())
        elif entry := self._open.get(message.parent) or self._of_stream(message):
            self._advance(entry, message)

    def _of_stream(self, message: Message) -> _Open | None:
        """The stream that a refusal is about: of its sound, or of its end, for which no job is kept."""
        stream = message.body.get("stream")
        return self._open.get(stream) if message.type == "error" and isinstance(stream, str) else None

    def _advance(self, entry: _Open, message: Message) -> None:
        """Take a message about a job."""
        job = entry.job
        # A sidecar that accepts a job over and over, and does no more, is silent.
        if not (message.type == "accepted" and job.state == "accepted"):
            entry.word, entry.word_time = self._clock, self._heard_time
        try:
            job.take(message)
            if isinstance(job.result, Result) and self._channel_hash not in (None, job.result.channel_hash):
                job.fail(self._other_channels())
        except ProtocolError as error:
            job.fail(error)
        self._news += 1
        if isinstance(job, Stream):
            if message.type == "stream_frames":
                entry.losses = 0  # it may go on for hours
            if job.wants_again and self._server is not None:
                job.wants_again = False
                self._queue(entry)
        if job.ended:
            del self._open[job.id]

    # The connection

    def _connect(self) -> None:
        """Make a link to where the connection file says now."""
        self._link_after = self._clock + SOON
        fresh = self._reread()
        if self._refusal and not fresh:
            return
        self._drop()
        self._refusal = None
        self.connection = fresh or self.connection
        try:
            self._link = Link(self._context, self.connection, self._routing_id, self.patience)
        except UnreachableError as error:
            self.fail_all(error)

    def _reread(self) -> Connection | None:
        """The connection in its file, if that is another one now: a sidecar was started."""
        if self.connection.file is None:
            return None
        try:
            now = read_connection(self.connection.file)
        except UnreachableError:
            return None
        fresh = replace(self.connection, address=now.address, token=now.token, instance=now.instance)
        return fresh if fresh != self.connection else None

    def _tend(self) -> None:
        """Act on the state of the link."""
        link = self._link
        if link is None:
            return
        if link.refusal:
            self._drop()
            # One that let us in before was restarted, and will write its token in a moment.
            started = self.connection.file and (self._instance or not self.connection.instance)
            if started or self._reread():
                self._refusal = link.refusal
            else:
                self.fail_all(link.refusal)
        elif link.lost:
            self._drop()
            for entry in list(self._open.values()):
                entry.losses += entry.job.state == "accepted"
                if entry.losses >= LOSSES:
                    self._end(entry, self._too_many_losses())
        elif link.ready and not (self._greeting or self._server):
            self._greeting = Message("hello", self.hello)
            self._outbox.append((pack(self._greeting), None))

    def _drop(self) -> None:
        """Leave the link, and what goes with it."""
        if self._link:
            self._link.close()
        self._link = self._greeting = self._server = self._probe = None
        self._outbox.clear()

    def _greeted(self, message: Message) -> None:
        """The sidecar has answered our hello: now the jobs may go."""
        if message.type == "error":
            return self.fail_all(read_error(message))
        instance, channel_hash = field(message, "instance", str), field(message, "channel_hash", str)
        for name in ("limits", "capabilities"):
            field(message, name, dict)
        if self._channel_hash not in (None, channel_hash):
            return self.fail_all(self._other_channels())
        self._greeting, self._server, self._instance = None, message.body, instance
        self._outbox.clear()
        self._news += 1
        for entry in list(self._open.values()):
            if entry.sent_to not in ("", instance):
                if entry.job.type == "shutdown":  # it has ended, as was asked; its successor shall not
                    entry.job.finish({"instance": entry.sent_to})
                    del self._open[entry.job.id]
                    continue
                entry.job.start_again()
                entry.word, entry.word_time = self._clock, self._heard_time
                if entry.job.ended:
                    del self._open[entry.job.id]
                    continue
            self._queue(entry)

    # Silence

    def _judge(self) -> None:
        """Ask about jobs of which nothing is heard, and give up those of which nothing was heard for too long."""
        upload = sum(entry.bytes for entry in self._open.values() if entry.job.state == "sent") / SLOWEST
        for entry in list(self._open.values()):
            if self._clock - entry.word > self.patience + (upload if entry.job.state == "sent" else 0.0):
                self._end(entry, _cancelled() if entry.cancel else self._silence(entry))
        ready = self._link is not None and self._link.ready
        if not self._open:
            if not ready:
                self._drop()  # nobody needs it
            return
        quiet = max(min(entry.word for entry in self._open.values()), self._asked)
        if self._clock - quiet < (QUIET if ready else SOON):
            return
        self._asked = self._clock
        if self._reread():
            self._connect()
        elif ready and not self._outbox:
            message = self._greeting
            if message is None:
                message = Message("ping", {})
                self._probe = (message.id, self._clock)
            self._outbox.append((pack(message), None))

    def _lives(self, instance: str) -> None:
        """A ping was answered. What was sent before it and is silent still was lost, for everything goes in order."""
        assert self._probe
        if instance != self._instance:
            self._server = None  # and so it is greeted again
            self._outbox.clear()
            return
        for entry in list(self._open.values()):
            if entry.sent_to and entry.word < self._probe[1] and self._clock - entry.word >= QUIET:
                self._queue(entry)
        self._probe = None

    def _silence(self, entry: _Open) -> SidecarError:
        """The error for a job without news."""
        who = f"The sidecar at {self.connection.address}"
        since = time.strftime("%H:%M:%S", time.localtime(entry.word_time))
        if self._refusal:
            return self._refusal
        if self._link is None or not self._link.connected:
            what = "is gone" if self._instance else "cannot be reached"
            return UnreachableError(f"{who} {what}: nothing is listening there; waiting since {since}.", START)
        if self._heard > self._clock - self.patience / 2:
            return SilentError(
                f"{who} is alive, but has sent nothing about this {entry.job.type.split('_')[0]} since {since}.",
                "Its log may say why.",
            )
        return SilentError(
            f"{who} has sent nothing since {since}.",
            "Is it frozen? Try `medtalk ping`; if that fails, end it and start it again with `medtalk serve`.",
        )

    # Jobs

    def _queue(self, entry: _Open) -> None:
        """Put a job into the outbox, or its cancellation; or end it if the sidecar would not take it."""
        assert self._server
        if entry.cancel is None:
            if error := beyond(entry.request, self._server["limits"], self._server["capabilities"]):
                self._end(entry, error)
            else:
                self._outbox.append((entry.frames, entry))
        elif entry.sent_to == self._instance:
            self._outbox.append((pack(entry.cancel), None))
        else:
            self._end(entry, _cancelled())  # this sidecar does not know of the job

    def _flush(self) -> None:
        """Send what can be sent."""
        while self._outbox and self._link and self._link.ready:
            frames, entry = self._outbox[0]
            if entry is None or not (entry.job.ended or entry.cancel):
                if not self._link.send(frames):
                    return
                if entry:
                    entry.sent_to = self._instance
                if entry and isinstance(entry.job, Stream):
                    entry.job.asked()
            self._outbox.popleft()

    def _pump(self) -> None:
        """Send what the streams have to say, as far as it goes; after all that waits, which may ask for them."""
        streams = [entry for entry in self._open.values() if isinstance(entry.job, Stream) and entry.sent_to]
        self._full = False
        if not streams or self._server is None or self._outbox:
            return
        for entry in streams:
            assert isinstance(entry.job, Stream)
            while not entry.cancel and (message := entry.job.peek()) is not None:
                if not (self._link and self._link.ready and self._link.send(pack(message))):
                    self._full = True
                    return
                entry.job.pop(message)

    def _end(self, entry: _Open, error: SidecarError) -> None:
        del self._open[entry.job.id]
        entry.job.fail(error)
        self._news += 1

    def _other_channels(self) -> RequestError:
        return RequestError(
            "channels",
            f"The sidecar at {self.connection.address} has a different channel table than this program.",
            "Install the same version of MEDTalk on both sides.",
        )

    def _too_many_losses(self) -> UnreachableError:
        return UnreachableError(
            f"The connection to the sidecar at {self.connection.address} broke {LOSSES} times during this job.",
            "Its log may say why. Try a shorter sound.",
        )


def _cancelled() -> RequestError:
    return RequestError("cancelled", "The job was cancelled.")
