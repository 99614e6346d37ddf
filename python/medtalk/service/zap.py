"""Authentication: ZeroMQ asks (ZAP 1.0, RFC 27) before it finishes a handshake, and a thread of ours answers.

A plain thread: pyzmq's own authenticator needs an event loop that Windows has only with another package.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable, Collection, Sequence

import zmq

_PLACE = "inproc://zeromq.zap.01"  # where libzmq asks
_VERSION = b"1.0"


class Doorkeeper(threading.Thread):
    """Lets in clients with one of the `known` credentials, until the context ends.

    `mechanism` is b"PLAIN", with credentials (user, password), or b"CURVE", with (public key of 32 bytes,). Should the
    thread end before, `broken` says why, and `on_break` was called in it.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        domain: bytes,
        mechanism: bytes,
        known: Collection[tuple[bytes, ...]],
        on_break: Callable[[], None],
    ) -> None:
        super().__init__(name="medtalk-doorkeeper", daemon=True)
        self.broken: BaseException | None = None
        self._asked = (domain, mechanism)
        self._known = known
        self._on_break = on_break
        self._socket = context.socket(zmq.REP)
        self._socket.linger = 0
        self._socket.bind(_PLACE)

    def run(self) -> None:
        try:
            while True:
                self._socket.send_multipart(self._answer(self._socket.recv_multipart()))
        except zmq.ContextTerminated:
            pass
        except BaseException as error:
            self.broken = error
            self._on_break()
        finally:
            self._socket.close()

    def _answer(self, frames: Sequence[bytes]) -> list[bytes]:
        """The reply to a request: version, id, domain, address, routing id, mechanism, credentials."""
        version, number, domain, _, _, mechanism, *credentials = [*frames, *[b""] * 6][: max(len(frames), 6)]
        good = version == _VERSION and (domain, mechanism) == self._asked and self._knows(credentials)
        status, text = (b"200", b"OK") if good else (b"400", b"No access")
        return [_VERSION, number, status, text, b"", b""]

    def _knows(self, credentials: Sequence[bytes]) -> bool:
        # How long it takes must not tell how much of a token was right.
        return any(
            len(each) == len(credentials) and all(map(hmac.compare_digest, each, credentials)) for each in self._known
        )
