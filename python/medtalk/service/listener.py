"""The sidecar's ZeroMQ socket, its access control and the connection file."""

from __future__ import annotations

import ipaddress
import os
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import zmq

from medtalk.errors import ConnectionFileError, PortError, ServiceError, SettingError
from medtalk.service.keys import server_keys
from medtalk.service.log import note
from medtalk.service.zap import Doorkeeper
from medtalk.version import __version__
from medtalk_wire.connection import connection_folder, remove_connection, write_connection
from medtalk_wire.errors import UnreachableError
from medtalk_wire.protocol import MAX_HEADER_BYTES

_DOMAIN = b"medtalk"
_USER = b"medtalk"
_LAST_MESSAGES_MS = 500
_FILES = 8192


class Listener:
    """A bound ROUTER (`socket`) at `address`, behind a token on loopback or behind CURVE keys.

    `on_break` is called, in another thread, if it can no longer let clients in; then `check` raises.

    Raises SettingError for an address that cannot be used, or that is open to others without keys.
    """

    def __init__(self, host: str, port: int, keys: Path | None, max_bytes: int, on_break: Callable[[], None]) -> None:
        if keys is None and not is_loopback(host):
            raise SettingError(
                f"{host} is not a loopback address; a sidecar that others can reach needs keys.",
                "Make them with medtalk keys new DIR, and give --keys DIR.",
            )
        curve = None if keys is None else server_keys(keys)
        self.token = secrets.token_hex(32) if curve is None else ""
        self._file: Path | None = None
        self._instance, self._started = "", 0.0
        self._context = zmq.Context()
        mechanism, known = b"PLAIN", {(_USER, self.token.encode())}
        if curve is not None:
            mechanism, known = b"CURVE", {(key,) for key in curve.clients}
        self._doorkeeper = Doorkeeper(self._context, _DOMAIN, mechanism, known, on_break)
        self._doorkeeper.start()
        self.socket = self._context.socket(zmq.ROUTER)
        try:
            self._set(self.socket, max_bytes)
            self.socket.zap_domain = _DOMAIN
            # Off by default, and then anybody who knows our public key gets in if the authentication thread is gone.
            self.socket.zap_enforce_domain = True
            if curve is None:
                self.socket.plain_server = True
            else:
                self.socket.curve_server = True
                self.socket.curve_publickey, self.socket.curve_secretkey = curve.public, curve.secret
            self.address = self._bind(host, port)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _set(router: zmq.Socket[bytes], max_bytes: int) -> None:
        router.router_mandatory = True  # reports that a client is gone, instead of silently dropping its messages
        router.router_handover = True  # a client that reconnects keeps its name
        router.maxmsgsize = max(max_bytes, MAX_HEADER_BYTES)  # default: no limit
        router.rcvhwm = 16  # messages a client that wait to be read; each may be large. Default 1000
        router.sndhwm = 256  # a minute of progress, for an editor that sleeps. Default 1000
        router.backlog = 128
        router.handshake_ivl = 5000  # ms for a stranger to say who it is. Default 30 s
        # Default off: a client that is frozen, or whose machine is gone, would stay for ever. Milliseconds; long,
        # because a large sound on a slow network is one message, and nothing else passes beside it.
        router.heartbeat_ivl, router.heartbeat_timeout, router.heartbeat_ttl = 5000, 60_000, 60_000

    def _bind(self, host: str, port: int) -> str:
        host = host.strip("[]")
        self.socket.ipv6 = ":" in host
        shown = f"[{host}]" if ":" in host else host
        try:
            self.socket.bind(f"tcp://{shown}:{port or '*'}")
        except zmq.ZMQError as error:
            if error.errno == zmq.EADDRINUSE:
                raise PortError(
                    f"Port {port} is taken; a sidecar may be running there already (check with medtalk ping).",
                    "Give another with --port, or 0 for any free one.",
                ) from None
            raise PortError(f"Cannot listen on {shown} port {port}: {error.strerror}.") from None
        endpoint = self.socket.get(zmq.LAST_ENDPOINT)
        assert isinstance(endpoint, bytes)
        return endpoint.rstrip(b"\0").decode()

    def _file_name(self) -> str:
        host, _, port = self.address.removeprefix("tcp://").rpartition(":")
        # A port may be had once at each address of this machine.
        return f"{port}.json" if host == "127.0.0.1" else f"{host.strip('[]').replace(':', '-')}_{port}.json"

    def publish(self, instance: str, file: Path | None = None) -> None:
        """Write the connection file; `ConnectionFileError` if that fails."""
        try:
            path = file or connection_folder() / self._file_name()
        except UnreachableError as error:
            raise ConnectionFileError(error.message, error.hint) from None
        self._started = time.time()
        try:
            self._write(path, instance)
        except OSError as error:
            raise ConnectionFileError(
                f"Cannot write the connection file {path}: {error.strerror or error}.",
                "Give another with --connection-file.",
            ) from error
        self._file, self._instance = path, instance

    def _write(self, path: Path, instance: str) -> None:
        # Nobody can connect to "any address"; on this machine loopback reaches it.
        address = self.address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        write_connection(
            path,
            address=address,
            token=self.token,
            pid=os.getpid(),
            version=__version__,
            instance=instance,
            started=self._started,
        )

    def publish_again(self) -> None:
        """Write the connection file again if it is gone: cleaned away, it would leave us out of reach."""
        if self._file is None or os.path.lexists(self._file) or not self._file.absolute().parent.parent.is_dir():
            return  # in the last case a whole project was removed, and must not appear again
        try:
            self._write(self._file, self._instance)
            note("published", file=str(self._file))
        except OSError as error:  # the next time, perhaps
            note("unpublished", file=str(self._file), message=str(error))

    def unpublish(self) -> None:
        """Remove the connection file, unless another sidecar has put its own there."""
        if self._file is not None:
            remove_connection(self._file, self._instance)
            self._file = None

    def check(self) -> None:
        """Raise `ServiceError` if clients can no longer be let in."""
        if (error := self._doorkeeper.broken) is not None:
            raise ServiceError(
                "internal",
                f"The sidecar has ended because it could no longer let clients in: {type(error).__name__}: {error}.",
                "Start it again, and please report it.",
            )

    def close(self) -> None:
        """Stop listening, after the last messages have had a moment to leave."""
        self.unpublish()
        if not self._context.closed:
            self.socket.close(linger=_LAST_MESSAGES_MS)
            self._context.term()  # which ends the doorkeeper
            self._doorkeeper.join()


def allow_files() -> None:
    """Let this process have as many files open as it may, up to `_FILES`; each connection is one.

    Where no file is left, ZeroMQ tries in vain to accept a connection, with all its might, until another one ends.
    """
    if sys.platform == "win32":  # which has no such limit
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS may know of a further limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
