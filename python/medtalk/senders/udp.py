"""Datagrams to one address. What the network refuses is said once, and tried again with the next datagram."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from medtalk.errors import SettingError

_AGAIN_SECONDS = 1.0
"""How often a socket that fails is made anew: an address of this machine may be gone, such as with another Wi-Fi."""
_WELL_SECONDS = 2.0
"""Without a refusal for so long, datagrams arrive as far as anyone can tell: the answer to one comes after it."""
_NOBODY = (ConnectionRefusedError, ConnectionResetError)  # the latter is what Windows calls it
_MOST_LETTERS = 255  # of a host, by its standard


class Address(NamedTuple):
    """A host and its port, as a user gives them."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_address(text: str, option: str, port: int | None = None) -> Address:
    """The address in `HOST:PORT`, `HOST` (where `port` says which) or `[IPV6]:PORT`.

    Raises SettingError, which names the `option`, for anything else.
    """
    valid = "HOST:PORT" if port is None else f"HOST or HOST:PORT (usually {port})"
    wrong = SettingError(f"{option} is {text[:60]!r}; valid is {valid}.", f"Write {option} 127.0.0.1:{port or 9000}.")
    host, colon, number = text.strip().rpartition(":")
    if not colon or (host.count(":") and not host.endswith("]")) or number.endswith("]"):  # none, or within IPv6
        host, number = text.strip(), ""
    host = host.removeprefix("[").removesuffix("]")
    if not host or len(host) > _MOST_LETTERS or any(sign.isspace() or sign in "/[]" for sign in host):
        raise wrong
    if number == "" and port is not None and not text.strip().endswith(":"):
        return Address(host, port)
    if not (number.isascii() and number.isdecimal() and 0 < int(number[:6]) < 1 << 16):
        raise wrong
    return Address(host, int(number))


class Udp:
    """A socket that sends datagrams to `address`.

    The socket is connected, so that the other machine's answer that nobody listens there is heard. `tell` gets one line
    when sending begins to fail and one when it works again.
    Raises SettingError for a host whose name does not resolve.
    """

    def __init__(self, address: Address, tell: Callable[[str], None]) -> None:
        self.address = address
        self._tell = tell
        self._failing = False
        self._opened = self._refused = 0.0  # when
        try:
            found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise SettingError(
                f"The host {address.host} is not found ({why.rstrip('.')}).",
                "Give the IP address of the machine, such as 192.168.1.20; of this machine it is 127.0.0.1.",
            ) from error
        # A name may have both, such as localhost, and Unreal listens at the address of IPv4.
        self._family, _, _, _, self._place = min(found, key=lambda each: each[0] != socket.AF_INET)
        self._socket: socket.socket | None = None

    def send(self, packet: bytes) -> None:
        """Send a datagram, or find that it cannot be sent."""
        try:
            self._open().send(packet)
        except _NOBODY as error:
            # It answers an earlier datagram; this one has not been sent yet.
            self._fail(error)
            with contextlib.suppress(OSError):
                self._open().send(packet)
        except OSError as error:
            self._fail(error)
            if not isinstance(error, BlockingIOError) and time.perf_counter() - self._opened > _AGAIN_SECONDS:
                self.close()
        else:
            if self._failing and time.perf_counter() - self._refused > _WELL_SECONDS:
                self._failing = False
                self._tell(f"{self.address} takes the frames again.")

    def _fail(self, error: OSError) -> None:
        self._refused = time.perf_counter()
        if not self._failing:
            self._failing = True
            why = "nobody listens there" if isinstance(error, _NOBODY) else (error.strerror or str(error)).lower()
            self._tell(f"{self.address} does not take the frames ({why}). They are sent on.")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._opened = time.perf_counter()
            self._socket = socket.socket(self._family, socket.SOCK_DGRAM)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._socket.setblocking(False)
            self._socket.connect(self._place)
        return self._socket
