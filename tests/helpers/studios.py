"""A studio that runs in a thread of the test, and what asks it as no browser would."""

from __future__ import annotations

import gzip
import http.client
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import numpy as np
from websockets.sync.client import ClientConnection, connect

from medtalk.limits import ServiceLimits
from medtalk.perform import Model
from medtalk.studio.server import Server, listen
from medtalk.studio.session import Session

PATIENCE = 60
"""Seconds after which a test gives up: a guard against hanging, not a measure."""


class Answer(NamedTuple):
    """What a studio answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def unpack(blob: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and the arrays of a blob of `medtalk.face.packed`."""
    data = gzip.decompress(blob)
    (length,) = struct.unpack("<I", data[:4])
    header = json.loads(data[4 : 4 + length])
    arrays = {
        name: np.frombuffer(data, each["dtype"], int(np.prod(each["shape"])), 4 + length + each["offset"]).reshape(
            each["shape"]
        )
        for name, each in header["arrays"].items()
    }
    return header, arrays


class Studio:
    """A running studio; use it as a context manager."""

    def __init__(self, model: Model, sound: Path | None = None, limits: ServiceLimits | None = None) -> None:
        self.session, self._listener = Session(model, limits or ServiceLimits()), listen()
        kept = sound and self.session.keep(sound.name, sound.read_bytes())
        self.server = Server(self._listener, self.session, kept)
        self.address = self.server.address
        self._thread = Thread(target=self.server.run)

    def __enter__(self) -> Studio:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self._listener.close()
        assert self.session.close()

    @property
    def origin(self) -> str:
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    def raw(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str | None] | None = None
    ) -> Answer:
        """Ask for a whole path, with the token or without; a header of None is left out, also the Host."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        given: dict[str, str | None] = {"Host": urlsplit(self.address).netloc}
        given |= {"Origin": self.origin} if method == "POST" else {}
        given |= {"Content-Length": str(len(body))} if body is not None else {}
        given |= headers or {}
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in given.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        found = Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        connection.close()
        return found

    def get(self, path: str, **query: str) -> Answer:
        return self.raw("GET", self._path(path, query))

    def post(self, path: str, body: bytes | dict[str, Any], **query: str) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.raw("POST", self._path(path, query), data)

    def keep(self, data: bytes, name: str, **query: str) -> str:
        """The id of a file that the studio now keeps."""
        answer = self.post("keep", data, name=name, **query)
        assert answer.status == 200, answer.body
        return answer.json["id"]

    def stream(self, path: str = "", origin: str | None = "ours") -> ClientConnection:
        """A socket of a live stream, as a page opens it; `path` in place of its own, and another origin or None.
        Whoever asks for it closes it."""
        parts = urlsplit(self.address)
        headers = {} if origin is None else {"Origin": self.origin if origin == "ours" else origin}
        opening: Any = connect(
            f"ws://{parts.netloc}{path or parts.path + 'live'}", additional_headers=headers, compression=None,
            open_timeout=PATIENCE, max_size=None,
        )  # fmt: skip
        return opening.__enter__()

    def _path(self, path: str, query: Mapping[str, str]) -> str:
        return urlsplit(self.address).path + path + (f"?{urlencode(query)}" if query else "")
