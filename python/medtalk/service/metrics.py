"""Counters for Prometheus, served on loopback when asked for. Needs the extra `metrics`."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress

from medtalk.errors import MissingExtraError, SettingError

try:
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
except ModuleNotFoundError as error:
    raise MissingExtraError(
        "--metrics needs prometheus-client, which is not installed.", "Run pip install 'medtalk[metrics]'."
    ) from error

_SECONDS = 5.0  # for a connection to ask and read; idle ones cost nothing but a file, and not for long
_CONNECTIONS = 32  # at once


class Metrics:
    """What `http://127.0.0.1:PORT/metrics` serves. Raises SettingError for a port that cannot be used."""

    def __init__(self, port: int) -> None:
        self._registry = registry = CollectorRegistry()
        self.jobs = Counter("medtalk_jobs", "Jobs that ended, by type and code.", ["type", "code"], registry=registry)
        self.work = Histogram("medtalk_work_seconds", "Seconds of work per job.", ["type"], registry=registry)
        self.wait = Histogram("medtalk_wait_seconds", "Seconds that a job waited.", registry=registry)
        self.sound = Counter("medtalk_sound_seconds", "Seconds of sound animated.", registry=registry)
        self.hits = Counter("medtalk_cache_hits", "Sounds found in the cache.", registry=registry)
        self.queued = Gauge("medtalk_queued_jobs", "Jobs waiting.", registry=registry)
        self.cache = Gauge("medtalk_cache_bytes", "Bytes of sounds in the cache.", registry=registry)
        self.refused = Counter("medtalk_refused", "Requests refused, by code.", ["code"], registry=registry)
        self.streams = Counter("medtalk_streams", "Streams that ended, by code.", ["code"], registry=registry)
        self.stream_frames = Counter("medtalk_stream_frames", "Frames of streams made.", registry=registry)
        self.stream_dropped = Counter("medtalk_stream_dropped_frames", "Frames of streams left out.", registry=registry)
        self.stream_lost = Counter(
            "medtalk_stream_lost_seconds", "Seconds of sound that streams missed.", registry=registry
        )
        self.latency = Histogram(
            "medtalk_stream_step_seconds", "Seconds from the sound of a step to its frames.", registry=registry,
            buckets=(0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0),
        )  # fmt: skip
        self._connections = 0
        try:
            listener = socket.create_server(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise SettingError(f"Cannot serve metrics on port {port}: {error}.", "Give another port.") from error
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda *_: None)  # no file is left for a connection: it is closed, untold
        self._ended = asyncio.Event()
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=[self._serve(listener)], name="medtalk-metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self, listener: socket.socket) -> None:
        server = await asyncio.start_server(self._answer, sock=listener, limit=1 << 13)
        await self._ended.wait()
        server.close()
        for task in (others := asyncio.all_tasks() - {asyncio.current_task()}):
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request a connection; whatever it asks for, it is answered with the metrics."""
        self._connections += 1
        try:
            if self._connections > _CONNECTIONS:
                return
            # A client that is slow, gone, or speaks no HTTP.
            with suppress(TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                async with asyncio.timeout(_SECONDS):
                    await reader.readuntil(b"\r\n\r\n")
                    body = generate_latest(self._registry)
                    head = f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE_LATEST}\r\nContent-Length: {len(body)}\r\n"
                    writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
                    await writer.drain()
        finally:
            self._connections -= 1
            writer.close()
