"""The sidecar's client for the command line: its errors as MEDTalk's own."""

from __future__ import annotations

import itertools
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import medtalk_wire
from medtalk.errors import (
    AudioError,
    BackboneError,
    BundleError,
    GuidanceError,
    LimitError,
    MedtalkError,
    MissingExtraError,
    RigError,
    ServiceError,
    SettingError,
)
from medtalk.inputs import path_text
from medtalk.rig.channels import CHANNEL_HASH
from medtalk.service import PORT
from medtalk_wire import Client, Connection, RequestError, Result, Settings, SidecarError, Sound, UnreachableError

AUTO = "auto"
"""The address that means: whichever sidecar is found."""

_PAUSES = (0.5, 1.0, 2.0, 4.0, *[8.0] * 74)
"""Seconds to wait, one after the other, while the sidecar's queue is full: ten minutes in all."""

_LIBRARY_ERRORS = {
    kind.code: kind
    for kind in (
        AudioError,
        LimitError,
        RigError,
        BundleError,
        BackboneError,
        GuidanceError,
        SettingError,
        MissingExtraError,
    )
}


def find(server: str | None, keys: Path | None) -> Connection:
    """The connection to the sidecar at `server`, which is running.

    `server` and `keys` are as for `medtalk_wire.find_connection`; "auto" finds one, as None does, and a host without a
    port stands for the usual one.
    """
    if server is not None and re.fullmatch(r"(?!auto$)\w[\w.-]*(?<!\.json)", server):
        server = f"{server}:{PORT}"
    with _our_errors():
        connection = medtalk_wire.find_connection(None if server == AUTO else server, keys)
    # The client would wait for a sidecar that may just be starting; a person wants to know at once.
    if not _listens(connection):
        raise ServiceError(
            "unreachable", f"Nothing is listening at {connection.address}.", "Start the sidecar with: medtalk serve."
        )
    return connection


@contextmanager
def connected(connection: Connection) -> Iterator[Client]:
    """A client while the block runs; in it the sidecar's errors are MEDTalk's."""
    with _our_errors(), Client(connection, name="medtalk", channel_hash=CHANNEL_HASH) as client:
        yield client


def wait_until_gone(connection: Connection, seconds: float) -> None:
    """Wait for that sidecar to end; `ServiceError` if it still runs after `seconds`."""
    deadline = time.monotonic() + seconds
    while not _is_gone(connection):
        if time.monotonic() > deadline:
            raise ServiceError(
                "silent",
                f"The sidecar at {connection.address} agreed to end, but still runs after {seconds:g} s.",
                "Look at its log, or end its process.",
            )
        time.sleep(0.05)


def generate(
    client: Client, file: Path, settings: Settings, channel: int | None, tell: Callable[[float], None]
) -> Result:
    """Have a file's bytes animated, and wait for it; `tell` takes the fraction that is done.

    An error of the sound or of a setting is the one that the library raises; whatever is wrong with the sidecar or the
    way to it is a `ServiceError`.
    """
    from medtalk.audio import read_bytes

    with _our_errors(file):
        sound = Sound.from_bytes(read_bytes(file), name=path_text(file.name), channel=channel)
        for pause in itertools.chain(_PAUSES, [None]):
            try:
                # Ctrl-C and SIGTERM cancel it.
                return client.wait(client.generate(sound, settings), on_progress=lambda job: tell(job.fraction))
            except RequestError as error:
                if error.code != "queue_full" or pause is None:
                    raise
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")


@contextmanager
def _our_errors(file: Path | None = None) -> Iterator[None]:
    try:
        yield
    except SidecarError as error:
        message = error.message
        about = error.about
        if file is not None and about == path_text(file.name):  # all that the sidecar knows of it
            about = path_text(file)
            message = re.sub(rf"(?<!\w){re.escape(error.about)}(?!\w)", lambda _: about, message, count=1)
        raise _our_error(error, message, about) from error


def _our_error(error: SidecarError, message: str, about: str) -> MedtalkError:
    if isinstance(error, RequestError) and (kind := _LIBRARY_ERRORS.get(error.code)):
        return kind(message, error.hint, about)
    return ServiceError(error.code, message, error.hint, about)


def _is_gone(connection: Connection) -> bool:
    if connection.file is not None:
        with suppress(UnreachableError):  # the file was removed; that is the first thing it does
            if medtalk_wire.find_connection(str(connection.file)).instance != connection.instance:
                return True  # another one has started in its place
    return not _listens(connection)


def _listens(connection: Connection) -> bool:
    """Whether anything is listening at the address."""
    address = urlsplit(connection.address)
    try:
        socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=5.0).close()
    except OSError:
        return False
    return True
