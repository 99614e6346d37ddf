"""The sidecar's protocol and its client, in pure Python: the standard library, pyzmq and msgpack.

from medtalk_wire import Client, Settings, Sound, find_connection

with Client(find_connection()) as client:
    result = client.wait(client.generate(Sound.from_file("line.wav"), Settings(emotion="happy")))
"""

from medtalk_wire.client import Client
from medtalk_wire.connection import Connection, connection_folder, find_connection
from medtalk_wire.errors import (
    ProtocolError,
    RefusedError,
    RequestError,
    SidecarError,
    SilentError,
    UnreachableError,
)
from medtalk_wire.job import Job, Result
from medtalk_wire.protocol import PROTOCOL
from medtalk_wire.request import Settings, Sound

__all__ = [
    "PROTOCOL",
    "Client",
    "Connection",
    "Job",
    "ProtocolError",
    "RefusedError",
    "RequestError",
    "Result",
    "Settings",
    "SidecarError",
    "SilentError",
    "Sound",
    "UnreachableError",
    "connection_folder",
    "find_connection",
]
