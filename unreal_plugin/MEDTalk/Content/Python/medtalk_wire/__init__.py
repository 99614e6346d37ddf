"""The sidecar's protocol and its client, in pure Python: the standard library, pyzmq and msgpack.

from medtalk_wire import Client, Settings, Sound, find_connection

with Client(find_connection()) as client:
    result = client.wait(client.generate(Sound.from_file("line.wav"), Settings(emotion="happy")))

The names are imported when they are first used: `medtalk_board` beside it needs neither pyzmq nor msgpack.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from medtalk_wire.request import Sound
    from medtalk_wire.settings import Finishing, Settings
    from medtalk_wire.stream import Frames, Stream

__all__ = [
    "PROTOCOL",
    "Client",
    "Connection",
    "Finishing",
    "Frames",
    "Job",
    "ProtocolError",
    "RefusedError",
    "RequestError",
    "Result",
    "Settings",
    "SidecarError",
    "SilentError",
    "Sound",
    "Stream",
    "UnreachableError",
    "connection_folder",
    "find_connection",
]

_HOME = {
    "client": "Client",
    "connection": "Connection connection_folder find_connection",
    "errors": "ProtocolError RefusedError RequestError SidecarError SilentError UnreachableError",
    "job": "Job Result",
    "protocol": "PROTOCOL",
    "request": "Sound",
    "settings": "Finishing Settings",
    "stream": "Frames Stream",
}


def __getattr__(name: str) -> Any:
    for module, names in _HOME.items():
        if name in names.split():
            return getattr(import_module(f"medtalk_wire.{module}"), name)
    raise AttributeError(f"module 'medtalk_wire' has no attribute {name!r}")
