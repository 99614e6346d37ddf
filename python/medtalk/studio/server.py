"""The studio's life: a free port of this machine, a browser, Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn

from medtalk.errors import PortError
from medtalk.studio.app import make_app
from medtalk.studio.guard import Guard
from medtalk.studio.session import File, Session

HOST = "127.0.0.1"
_CONNECTIONS = 64  # at once, of all tabs
_LAST_ANSWERS = 1  # seconds
_MESSAGE_BYTES = 1 << 20  # of a message of a live stream; the largest is a second of sound
_ALIVE = 10.0  # seconds between two questions whether the tab of a live stream is still there, and for its answer


class Server:
    """A studio that listens on this machine only; `run` serves until `stop`.

    Args:
        listener: of `listen`.
        session: that does the work.
        sound: the one that the page opens with.
    """

    def __init__(self, listener: socket.socket, session: Session, sound: File | None = None) -> None:
        self._socket = listener
        self.port = self._socket.getsockname()[1]
        self.guard = Guard(make_app(session, sound), f"{HOST}:{self.port}")
        config = uvicorn.Config(
            self.guard, http="h11", ws="websockets-sansio", loop="asyncio", lifespan="off", log_config=None,
            access_log=False, server_header=False, proxy_headers=False, limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_LAST_ANSWERS, ws_max_size=_MESSAGE_BYTES, ws_ping_interval=_ALIVE,
            ws_ping_timeout=_ALIVE, ws_per_message_deflate=False,
        )  # fmt: skip
        self._server = _Uvicorn(config)
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL + 1)  # what strangers send, and faults that we log

    @property
    def address(self) -> str:
        """The address of the page, with its token."""
        return self.guard.address

    def open_browser(self) -> None:
        """Open the page in the user's browser, if there is a screen to show it."""
        if sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
            Thread(target=webbrowser.open, args=[self.guard.once], daemon=True).start()

    def stop(self) -> None:
        """Let `run` return. May be called from any thread and from a signal handler."""
        self._server.should_exit = True

    def run(self) -> None:
        """Serve until `stop`."""
        asyncio.run(self._server.serve([self._socket]))


class _Uvicorn(uvicorn.Server):
    """Without handlers of its own for signals: those of the command stay."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(port: int = 0) -> socket.socket:
    """A socket that only this machine reaches, at a port or at any free one (0).

    Raises:
        PortError: the port is taken, or cannot be used.
    """
    if not 0 <= port < 1 << 16:
        raise PortError(f"The port {port} is not valid; valid are 1 to 65535, and 0 for any.")
    try:
        # On Windows "reuse" would let two programs have one port.
        return socket.create_server((HOST, port), backlog=_CONNECTIONS)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortError(
                f"Port {port} is taken; another studio may be running there.",
                "Give another with --port, or leave it out for any free one.",
            ) from None
        raise PortError(f"Cannot listen on {HOST} port {port}: {error.strerror or error}.") from None
