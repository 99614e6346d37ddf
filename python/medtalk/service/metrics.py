"""Counters for Prometheus, served on loopback when asked for. Needs the extra `metrics`."""

from __future__ import annotations

from medtalk.errors import MissingExtraError, SettingError

try:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
except ModuleNotFoundError as error:
    raise MissingExtraError(
        "--metrics needs prometheus-client, which is not installed.", "Run pip install 'medtalk[metrics]'."
    ) from error


class Metrics:
    """What `http://127.0.0.1:PORT/metrics` tells. Raises SettingError for a port that cannot be had."""

    def __init__(self, port: int) -> None:
        registry = CollectorRegistry()
        self.jobs = Counter("medtalk_jobs", "Jobs that ended, by type and code.", ["type", "code"], registry=registry)
        self.work = Histogram("medtalk_work_seconds", "Seconds of work a job.", ["type"], registry=registry)
        self.wait = Histogram("medtalk_wait_seconds", "Seconds that a job waited.", registry=registry)
        self.sound = Counter("medtalk_sound_seconds", "Seconds of sound animated.", registry=registry)
        self.hits = Counter("medtalk_cache_hits", "Sounds that were known already.", registry=registry)
        self.queued = Gauge("medtalk_queued_jobs", "Jobs that wait.", registry=registry)
        self.cache = Gauge("medtalk_cache_bytes", "Bytes of sounds that were heard.", registry=registry)
        self.refused = Counter("medtalk_refused", "Requests refused, by code.", ["code"], registry=registry)
        try:
            self._server, self._thread = start_http_server(port, "127.0.0.1", registry)
        except (OSError, OverflowError) as error:
            raise SettingError(f"Cannot serve metrics on port {port}: {error}.", "Give another port.") from error

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
