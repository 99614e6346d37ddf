"""A little sidecar that is run as a program: it speaks the protocol and behaves, or misbehaves, as its arguments say.

    little_sidecar.py CONNECTION_FILE BEHAVIOUR [--port N] [--token T] [--keys FOLDER]

It prints one line for each message that it gets: the type and the id.
"""

import argparse
import json
import os
import secrets
import socket
import struct
import time
from collections.abc import Callable

import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

from medtalk_wire.connection import write_connection
from medtalk_wire.protocol import Buffer, Message, pack, unpack

CHANNEL_HASH = "c0" * 32
FRAMES = 3


class LittleStream:
    """A stream: what was heard, and what was sent and read of its frames."""

    def __init__(self, request: Message, behaviour: str) -> None:
        self.request, self.rate = request, request.body["rate"]
        self.window = 4000 if behaviour == "stream-narrow" else 10 * self.rate
        self.heard = self.lost = self.sent = self.read = self.dropped = self.opens = 0
        self.ends_at: int | None = None


class Sidecar:
    """Answers until it is asked to end. A behaviour is a word; one that is not known is that of a good sidecar."""

    def __init__(self, make_router: Callable[[], zmq.Socket], behaviour: str, instance: str) -> None:
        self.make_router, self.behaviour, self.instance = make_router, behaviour, instance
        self.router = make_router()
        self.seen: dict[str, int] = {}
        self.working: dict[str, tuple[bytes, Message, int]] = {}
        self.streams: dict[str, LittleStream] = {}
        self.ended = False

    def send(self, to: bytes, request: Message, type: str, body: dict, *buffers: Buffer, protocol: str = "1.0") -> None:
        answer = Message(type, body, parent=request.id, buffers=buffers, protocol=protocol)
        self.router.send_multipart([to, *pack(answer)])

    def run(self) -> None:
        while not self.ended:
            if self.router.poll(50):
                to, *frames = self.router.recv_multipart()
                request = unpack(frames)
                print(request.type, request.id, flush=True)
                getattr(self, request.type)(to, request)
            for id, (to, request, step) in list(self.working.items()):
                self.progress(to, request, min(0.99, step / 20))
                self.working[id] = (to, request, step + 1)
                if step == 20 and self.behaviour == "work":
                    del self.working[id]
                    self.result(to, request)

    def hello(self, to: bytes, request: Message) -> None:
        if self.behaviour == "hello-error":
            return self.send(to, request, "error", {"code": "internal", "message": "No.", "hint": "Look."})
        small = self.behaviour == "small"
        body = {
            "version": "0.1.0", "instance": self.instance, "pid": os.getpid(), "fps": 60.0, "device": "cpu",
            "channel_hash": "ff" * 32 if self.behaviour == "channels" else CHANNEL_HASH,
            "limits": {"max_bytes": 1000, "max_text": 100, "max_image_bytes": 500} if small else {},
            "capabilities": {
                "sounds": ["pcm", "file"] if small else ["pcm", "file", "path"], "guidance": ["label", "image"],
                "streams": self.behaviour != "no-streams",
            },
        }  # fmt: skip
        if self.behaviour == "times":
            body["capabilities"]["settings"] = ["intensity", "timeline"]
        if self.behaviour == "hello-without-limits":
            del body["limits"]
        self.send(to, request, "hello_reply", body, protocol="2.0" if self.behaviour == "version" else "1.0")

    def ping(self, to: bytes, request: Message) -> None:
        body = {"instance": self.instance, "uptime": 1.0, "queued": 0, "working": len(self.working)}
        self.send(to, request, "ping_reply", body)

    def shutdown(self, to: bytes, request: Message) -> None:
        self.send(to, request, "shutdown_reply", {"instance": self.instance})
        self.ended = True

    def cancel(self, to: bytes, request: Message) -> None:
        job = request.body["job"]
        if self.behaviour == "mute-to-cancel":
            return
        known = self.working.pop(job, None)
        self.send(to, request, "cancel_reply", {"job": job, "state": "cancelled" if known else "unknown"})
        if known:
            self.send(to, known[1], "error", {"code": "cancelled", "message": "It was cancelled.", "hint": ""})

    def decode(self, to: bytes, request: Message) -> None:
        self.generate(to, request)

    def generate(self, to: bytes, request: Message) -> None:
        """One behaviour after the other; what falls through is answered well."""
        count = self.seen[request.id] = self.seen.get(request.id, 0) + 1
        match self.behaviour:
            case "loses-request" if count == 1:
                return None
            case "deaf":
                return None
            case "error":
                error = {"code": "guidance", "message": "No such\nemotion.", "hint": "Try happy."}
                return self.send(to, request, "error", error)
            case "full" if len(self.seen) <= 2:  # the first two jobs
                error = {
                    "code": "queue_full",
                    "message": "256 jobs are waiting, the limit.",
                    "hint": "Ask again later.",
                }
                return self.send(to, request, "error", error)
            case "error-without-parent":
                error = {"code": "bad_message", "message": "Unreadable.", "hint": ""}
                return self.router.send_multipart([to, *pack(Message("error", error))]) and None
            case "garbage":
                return self.router.send_multipart([to, b"\xc1 no msgpack"]) and None
            case "later-version":
                self.send(to, request, "accepted", {"ahead": 0}, protocol="1.7")
        self.send(to, request, "accepted", {"ahead": 0})
        match self.behaviour:
            case "mute" | "mute-to-cancel" | "die-accepted" | "breaks":
                pass
            case "work" | "works-on":
                self.working[request.id] = (to, request, 0)
            case "bad-progress" if request.body.get("transcript") == "bad":
                self.send(to, request, "progress", {"phase": "listen", "fraction": "much", "ahead": 0})
            case "loses-result" if count == 1:
                self.progress(to, request, 0.5)
            case _:
                self.progress(to, request, 0.5)
                if self.behaviour == "strange":
                    self.send(to, request, "weather", {"sunny": True})
                    self.send(to, Message("ping", {}, id="nobody"), "ping_reply", {"instance": "?"})
                if self.behaviour != "die-progress":
                    self.result(to, request)
                if self.behaviour == "talks-on":
                    self.progress(to, request, 0.7)
                    self.send(to, request, "error", {"code": "internal", "message": "Late.", "hint": ""})
        if self.behaviour.startswith("die-"):
            raise SystemExit(1)
        if self.behaviour == "breaks":
            self.router.close(1000)
            self.router = self.make_router()

    # Streams: frames come for all sound that was heard, and the values of each are its number.

    def stream_open(self, to: bytes, request: Message) -> None:
        stream = self.streams.get(request.id)
        if self.behaviour == "stream-refused":
            return self.send(to, request, "error", {"code": "queue_full", "message": "Full.", "hint": ""})
        if stream is None:
            stream = self.streams[request.id] = LittleStream(request, self.behaviour)
        stream.opens += 1
        if self.behaviour == "stream-deaf":
            return None
        stream.sent = stream.read
        body = {
            "rate": stream.rate, "fps": 60.0, "delay": 0.12, "head": True, "channel_hash": CHANNEL_HASH,
            "window": stream.window, "unread": 24, "next": stream.sent, "heard": stream.heard, "done": stream.heard,
            "meta": {"instance": self.instance, "asked": dict(request.body)},
        }  # fmt: skip
        self.send(to, request, "stream_opened", body)
        self.frames(to, stream)
        return None

    def stream_audio(self, to: bytes, request: Message) -> None:
        stream = self.of(to, request)
        if stream is None or self.behaviour == "stream-deaf":
            return
        samples = request.buffer("samples")
        at, count = request.body["at"], samples.shape[0] if samples else 0
        print("sound", f"{at}+{count}", flush=True)
        stream.read = max(stream.read, request.body["read"])
        assert at + count <= stream.heard + stream.window, "beyond the credit"
        stream.lost += max(0, at - stream.heard)
        stream.heard = max(stream.heard, at + count)
        if self.behaviour == "stream-dies" and stream.heard >= 8000:
            raise SystemExit(1)
        if self.behaviour == "stream-ends" and stream.heard >= 8000:
            del self.streams[stream.request.id]
            return self.send(to, stream.request, "error", {"code": "no_stream", "message": "Over.", "hint": ""})
        if self.behaviour == "stream-breaks" and stream.heard >= 8000:
            self.behaviour = "good"
            stream.sent += 3  # lost on their way, as this sound is
            stream.heard = at
            self.router.close(0)
            self.router = self.make_router()
            return None
        self.frames(to, stream)
        return None

    def stream_guide(self, to: bytes, request: Message) -> None:
        if self.of(to, request) is None:
            return
        if request.body.get("guidance", {}).get("emotion") == "hapy":
            error = {"code": "guidance", "message": "No.", "hint": "", "stream": request.body["stream"]}
            return self.send(to, request, "error", error)
        print("guided", json.dumps(request.body), flush=True)
        return self.send(to, request, "stream_guided", {"stream": request.body["stream"]})

    def stream_close(self, to: bytes, request: Message) -> None:
        if (stream := self.of(to, request)) is not None:
            at = stream.ends_at = request.body["at"]
            stream.lost += at - stream.heard
            stream.heard = at
            self.frames(to, stream)

    def of(self, to: bytes, request: Message) -> "LittleStream | None":
        stream = self.streams.get(request.body["stream"])
        if stream is None:
            error = {"code": "no_stream", "message": "No such stream.", "hint": "", "stream": request.body["stream"]}
            self.send(to, request, "error", error)
        return stream

    def frames(self, to: bytes, stream: "LittleStream") -> None:
        """Send the frames of what was heard, as many as the client takes, and the end if that is it."""
        body = {"heard": stream.heard, "done": stream.heard, "lost": stream.lost}
        made = stream.heard * 60 // stream.rate
        while stream.sent < min(made, stream.read + 24):
            first, last = stream.sent, min(made, stream.read + 24, stream.sent + 3)
            stream.sent = last
            if self.behaviour == "stream-loses" and first >= 15:
                self.behaviour = "good"
                continue
            if self.behaviour == "stream-drops" and first >= 15:
                self.behaviour, stream.dropped = "good", last - first
                continue
            numbers = [float(number) for number in range(first, last) for _ in range(174)]
            rig = Buffer("rig", "float32", (last - first, 174), struct.pack(f"<{len(numbers)}f", *numbers))
            head = struct.pack(f"<{3 * (last - first)}f", *range(3 * (last - first)))
            if self.behaviour == "stream-bad":
                rig = Buffer("rig", "float32", (1, 3), head[:12])
            self.send(
                to, stream.request, "stream_frames", {"first": first, **body, "dropped": stream.dropped},
                rig, Buffer("head", "float32", (last - first, 3), head),
            )  # fmt: skip
        if stream.sent < made or stream.ends_at is None:
            self.send(to, stream.request, "stream_frames", {"first": stream.sent, **body, "dropped": stream.dropped})
        elif self.behaviour == "stream-loses-end":
            self.behaviour = "good"
        else:
            body = {
                "frames": made, "samples": stream.heard, "seconds": stream.heard / stream.rate, "lost": stream.lost,
                "dropped": stream.dropped, "faults": {}, "meta": {},
            }  # fmt: skip
            self.send(to, stream.request, "stream_closed", body)

    def progress(self, to: bytes, request: Message, fraction: float) -> None:
        self.send(to, request, "progress", {"phase": "listen", "fraction": fraction, "ahead": 0})

    def result(self, to: bytes, request: Message) -> None:
        """A rig whose values are 0, 1, 2, ..."""
        frames = FRAMES - 1 if self.behaviour == "bad-result" and request.body.get("transcript") == "bad" else FRAMES
        rig = struct.pack(f"<{FRAMES * 174}f", *range(FRAMES * 174))
        buffers = [
            Buffer("rig", "float32", (FRAMES, 174), rig),
            Buffer("intensity", "float32", (2,), struct.pack("<2f", 0.5, 1.5)),
        ]
        body = {
            "heard": "h1", "frames": frames, "fps": 60.0, "seconds": 0.05, "cached": False,
            "channel_hash": "ff" * 32 if self.behaviour == "result-channels" else CHANNEL_HASH,
            "timing": {"queued": 0.0, "work": 0.1}, "meta": {"instance": self.instance, "asked": dict(request.body)},
        }  # fmt: skip
        if request.body.get("transcript") == "timed":
            body |= {"words": [["timed", 0, 0.05]], "phones": [["t", 0.0, 0.02], ["aa", 0.02, 0.05]]}
        if self.behaviour == "bad-words" and request.body.get("transcript") == "bad":
            body["words"] = [["backwards", 2.0, 1.0]]
        self.send(to, request, "result", body, *buffers)


def no_sidecar(file: str, behaviour: str, token: str) -> None:
    """Another kind of server: one that answers anything with a line of HTTP, or that hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        announce(file, server.getsockname()[1], token, "web")
        while True:
            peer, _ = server.accept()
            with peer:
                peer.recv(64)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 8 if behaviour == "http" else b"")


def announce(file: str, port: int, token: str, instance: str) -> None:
    write_connection(
        file, address=f"tcp://127.0.0.1:{port}", token=token, pid=os.getpid(), version="0.1.0", instance=instance,
        started=time.time(),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("behaviour")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default=secrets.token_hex(8))
    parser.add_argument("--keys")
    words = parser.parse_args()
    if words.behaviour in ("http", "hangs-up"):
        return no_sidecar(words.file, words.behaviour, words.token)
    context = zmq.Context()
    guard = ThreadAuthenticator(context)
    guard.start()
    if words.keys:
        guard.configure_curve(domain="*", location=os.path.join(words.keys, "clients"))
    else:
        guard.configure_plain(domain="*", passwords={"medtalk": words.token})

    def make_router() -> zmq.Socket:
        router = context.socket(zmq.ROUTER)
        router.setsockopt(zmq.ROUTER_HANDOVER, 1)
        if words.keys:
            keys = zmq.auth.load_certificate(os.path.join(words.keys, "server.key_secret"))
            router.curve_publickey, router.curve_secretkey = keys
            router.curve_server = True
        else:
            router.plain_server = True
        while True:
            try:
                router.bind(f"tcp://127.0.0.1:{words.port}")
                break
            except zmq.ZMQError:  # the one before is still closing
                time.sleep(0.01)
        words.port = int(router.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0").rsplit(":", 1)[1])
        return router

    sidecar = Sidecar(make_router, words.behaviour, secrets.token_hex(4))
    announce(words.file, words.port, "" if words.keys else words.token, sidecar.instance)
    try:
        sidecar.run()
    finally:
        sidecar.router.close(1000)
        guard.stop()
        context.term()


if __name__ == "__main__":
    main()
