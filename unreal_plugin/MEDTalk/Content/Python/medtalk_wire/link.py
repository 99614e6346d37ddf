"""One connection to one sidecar: a DEALER and the monitor of its socket. Nothing here waits or threads.

A link is made once. When its connection is lost, or the sidecar refuses it, the client closes it and makes another.
"""

from __future__ import annotations

import contextlib
import errno
import secrets
import struct
from collections.abc import Sequence
from typing import Any

import zmq

from medtalk_wire.connection import START, Connection
from medtalk_wire.errors import ProtocolError, RefusedError, SidecarError, UnreachableError

WAITING = 10_000
"""Messages that may lie unread. Beyond it they are lost, and asked for again: hours of progress while nobody polls."""

_USER = b"medtalk"
_EVENTS = (
    zmq.EVENT_CONNECTED
    | zmq.EVENT_CLOSED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)
# The other side closes the connection while it is made, without a word: it cannot read what our keys made. Once may be
# a sidecar that ends just then.
_HUNG_UP = (errno.EPIPE, errno.ECONNRESET, errno.ECONNABORTED)
_TRIES = 3


class Link:
    """`connected`: somebody has accepted the TCP connection. `ready`: and let us in. `lost`: and is gone since.

    `refusal` says why nothing will ever come of this link.
    """

    def __init__(self, context: zmq.Context, connection: Connection, routing_id: bytes, patience: float) -> None:
        """Begin to connect. `patience` is in seconds. Raises `UnreachableError` for an address that cannot be one."""
        self.connection = connection
        self.connected = self.ready = self.lost = False
        self.refusal: SidecarError | None = None
        self._hung_up, self._tries_again = 0, False
        with contextlib.ExitStack() as stack:
            try:
                self._socket = stack.enter_context(context.socket(zmq.DEALER))
                self._monitor = stack.enter_context(context.socket(zmq.PAIR))
                self._set(routing_id, patience)
                place = f"inproc://medtalk-{secrets.token_hex(8)}"
                self._socket.monitor(place, _EVENTS)
                stack.callback(self._socket.disable_monitor)
                self._monitor.connect(place)
                self._socket.connect(connection.address)
            except zmq.ZMQError as error:
                raise UnreachableError(f"{connection.address} cannot be connected to: {error}.", START) from error
            self._stack = stack.pop_all()

    def _set(self, routing_id: bytes, patience: float) -> None:
        socket, milliseconds = self._socket, int(1000 * min(max(patience, 0.001), 3600.0))
        socket.routing_id = routing_id  # the same for all links of a client: by it the sidecar knows whose a job is
        socket.linger = 0  # closing never waits for a sidecar
        # Few: what cannot go yet stays with the client, which can still take it back. Sounds would lie here as copies.
        socket.sndhwm = 16
        socket.rcvhwm = WAITING
        # With it, libzmq would throw away what came before a connection broke and was not read yet. We send nothing
        # into a connection that is not made anyway.
        socket.immediate = 0
        # A frame beyond it ends the connection: an hour of rig at 240 fps is 600 MB, more is a fault.
        socket.maxmsgsize = 1 << 30
        # A sidecar that is being started is met soon, and one that is not there costs nothing.
        socket.reconnect_ivl, socket.reconnect_ivl_max = 200, 1000
        # A program that accepts and never greets (a frozen sidecar, another server) is left and tried again.
        socket.handshake_ivl = milliseconds
        # Finds a cable that was pulled; the sidecar's answer may wait for one large frame, so for as long as we do.
        socket.heartbeat_ivl, socket.heartbeat_timeout = 2000, milliseconds
        # What the sidecar allows us between two whole messages: a large sound over a slow network is one message.
        socket.heartbeat_ttl = 60_000
        self._monitor.linger = 0
        # Without it libzmq's own thread would wait for us once a thousand events lie unread.
        self._monitor.rcvhwm = 0
        connection = self.connection
        if connection.server_key:
            socket.curve_serverkey = connection.server_key
            socket.curve_publickey = connection.public_key
            socket.curve_secretkey = connection.secret_key
        else:
            socket.plain_username = _USER
            socket.plain_password = connection.token.encode() or b"-"  # libzmq takes no empty one

    def look(self) -> None:
        """Take the monitor's new events."""
        with contextlib.suppress(zmq.Again):
            while True:
                event, value = struct.unpack("=Hi", self._monitor.recv_multipart(zmq.NOBLOCK)[0])
                self._note(event, value)

    def _note(self, event: int, value: int) -> None:
        if event == zmq.EVENT_CONNECTED:
            self.connected, self._tries_again = True, False
        elif event == zmq.EVENT_CLOSED:
            self.connected = False
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self.ready = True
        elif event == zmq.EVENT_DISCONNECTED and self.ready:
            self.lost = True
        elif event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            self._tries_again = True
            self._hung_up += value in _HUNG_UP
        if self.refusal is None and not self.ready:
            self.refusal = self._judge(event, value)

    def _judge(self, event: int, value: int) -> SidecarError | None:
        """The error of a sidecar that refuses us, if it does."""
        address, keyed = self.connection.address, bool(self.connection.server_key)
        if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            what = "our key" if keyed else "our token"
            hint = (
                "Have the client's public key put into its keys folder (clients/NAME.key), and start it again."
                if keyed
                else "Does the connection file belong to another sidecar? Start the sidecar again."
            )
            return RefusedError(f"The sidecar at {address} does not know {what} ({value}).", hint)
        if event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
            if value != zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
                return ProtocolError(f"What listens at {address} is not a sidecar (ZMTP error {value:#x}).", START)
            hint = "Leave the keys out." if keyed else "Give the folder of its keys."
            return RefusedError(f"The sidecar at {address} does not ask for {'keys' if keyed else 'a token'}.", hint)
        if event == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL and self._hung_up >= _TRIES:
            if keyed:
                why = "its key differs from our server.key, or it uses none"
                hint = "Copy its server.key again, or leave the keys out."
            else:
                why, hint = "it asks for keys, or is not a sidecar", "Give the folder of its keys."
            return RefusedError(f"What listens at {address} closes every connection: {why}.", hint)
        if event == zmq.EVENT_DISCONNECTED and not self._tries_again:
            # libzmq has given up: it understood nothing of what came.
            return ProtocolError(f"What listens at {address} is not a sidecar.", START)
        return None

    def send(self, frames: Sequence[Any]) -> bool:
        """Hand over a message; False if there is no room or no connection now."""
        try:
            # A copy: without one pyzmq starts a thread that watches over the buffers.
            self._socket.send_multipart(frames, zmq.NOBLOCK, copy=True)
        except zmq.Again:
            return False
        return True

    def receive(self) -> list[memoryview] | None:
        """The frames of the next message, without a copy; None if there is none. They live as long as they are used."""
        try:
            return [frame.buffer for frame in self._socket.recv_multipart(zmq.NOBLOCK, copy=False)]
        except zmq.Again:
            return None

    def wait(self, seconds: float, sending: bool) -> None:
        """Wait until something comes, or can be sent, but not longer than `seconds`."""
        poller = zmq.Poller()
        poller.register(self._monitor, zmq.POLLIN)
        poller.register(self._socket, zmq.POLLIN | (zmq.POLLOUT if sending else 0))
        poller.poll(int(1000 * seconds) + 1)

    def close(self) -> None:
        """Leave nothing behind."""
        self._stack.close()
