"""The sidecar's address, and what it asks of clients: connection files and keys (docs/protocol.md, Transport)."""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import zmq.auth
import zmq.utils.z85

from medtalk_wire.errors import UnreachableError
from medtalk_wire.files import write_whole
from medtalk_wire.process import is_alive
from medtalk_wire.protocol import PROTOCOL

START = "Start the sidecar with: medtalk serve."

_MAX_FILE_BYTES = 1 << 16
_MAX_TOKEN_BYTES = 255  # of a password in ZMTP PLAIN


@dataclass(frozen=True)
class Connection:
    """The address and credentials of a sidecar.

    `address` is "tcp://HOST:PORT" and may be given as "HOST:PORT"; another raises `UnreachableError`. A sidecar
    on this machine asks for `token`, one elsewhere for the three keys (40 characters of Z85 each). `file` is the
    connection file that this was read from; it changes with a restart.
    """

    address: str
    token: str = field(default="", repr=False)
    instance: str = ""
    server_key: bytes = b""
    public_key: bytes = b""
    secret_key: bytes = field(default=b"", repr=False)
    file: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", _address(self.address))


def connection_folder() -> Path:
    """The folder of connection files: the first of the places in docs/protocol.md that this machine has."""
    places = (("MEDTALK_RUNTIME", ""), ("XDG_RUNTIME_DIR", "medtalk"), ("LOCALAPPDATA", "medtalk/run"))
    for variable, below in places:
        if os.environ.get(variable):
            return Path(os.environ[variable], below)
    try:
        return Path.home() / ".local" / "state" / "medtalk"
    except RuntimeError as error:  # a user that the system does not know
        raise UnreachableError(
            "The connection file has no place: this user has no home folder.", "Set MEDTALK_RUNTIME."
        ) from error


def write_connection(
    path: str | Path, *, address: str, token: str, pid: int, version: str, instance: str, started: float
) -> None:
    """Write a connection file whole or not at all, for this user only. Makes its folder. Raises `OSError`."""
    content = {
        "address": address, "token": token, "pid": pid, "parent": os.getppid(), "version": version,
        "protocol": PROTOCOL, "instance": instance, "started": started,
    }  # fmt: skip
    write_whole(path, json.dumps(content), private=True)


def remove_connection(path: str | Path, instance: str) -> None:
    """Remove the connection file if it is still that of `instance`: another sidecar may have taken its place."""
    with contextlib.suppress(UnreachableError, OSError):
        if read_connection(path).instance == instance:
            Path(path).unlink()


def read_connection(path: str | Path) -> Connection:
    """The connection in the file `path`; `UnreachableError` where it is missing, damaged or not ours."""
    return _connection(Path(path), _read(Path(path)))


def find_connection(where: str | None = None, keys: str | Path | None = None) -> Connection:
    """The connection to the sidecar at `where`.

    None is the one on this machine that was started last, a path that ends in `.json` a connection file, `HOST:PORT`
    or `tcp://HOST:PORT` an address. `keys` is the folder with the keys for a sidecar that asks for them: `server.key`
    and one `NAME.key_secret`. Raises `UnreachableError` where nothing is found.
    """
    if where is not None and where.endswith(".json"):
        connection = read_connection(where)
    elif where is not None and keys is not None:
        connection = Connection(where)
    else:
        connection = _newest(_address(where) if where is not None else None, keyed=keys is not None)
    if keys is None:
        return connection
    server_key, public_key, secret_key = _read_keys(Path(keys))
    return replace(connection, server_key=server_key, public_key=public_key, secret_key=secret_key)


def _newest(address: str | None, keyed: bool) -> Connection:
    """The sidecar of this machine that was started last, or the one at `address`."""
    folder = connection_folder()
    candidates: list[tuple[float, Connection]] = []
    unusable = ""
    for path in sorted(folder.glob("*.json")):
        try:
            entry = _read(path)
            connection = _connection(path, entry)
        except UnreachableError as error:
            unusable = f" {error.message}"
            continue
        if not is_alive(entry["pid"]) or address not in (None, connection.address):
            continue
        if not (connection.token or keyed):
            unusable = f" The one at {connection.address} asks for keys."
        else:
            candidates.append((entry["started"], connection))
    if candidates:
        return max(candidates, key=lambda pair: pair[0])[1]
    if address is None:
        raise UnreachableError(f"No sidecar is running: no connection file in {folder}.{unusable}", START)
    raise UnreachableError(
        f"No connection file in {folder} has the token of a sidecar at {address}.{unusable}",
        f"{START} For one on another machine give the folder of its keys.",
    )


def _read(path: Path) -> dict[str, Any]:
    """The content of a connection file, checked: a file of somebody else could send our sounds anywhere."""
    # Without waiting, should a pipe lie there in place of a file.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
    try:
        with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise UnreachableError(f"{path} is not a file.", START)
            if os.name == "posix" and (state.st_uid != os.geteuid() or state.st_mode & 0o022):
                raise UnreachableError(
                    f"{path} is not trusted: it belongs to another user, or others can write to it.",
                    "Remove it and start the sidecar as yourself.",
                )
            if os.name == "posix" and state.st_mode & 0o044:
                raise UnreachableError(
                    f"{path} can be read by others, and its token would let them in: run chmod 600 {path}.",
                    "If somebody may have read it, restart the sidecar, which creates a new token.",
                )
            text = file.read(_MAX_FILE_BYTES)
    except OSError as error:
        reason = "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise UnreachableError(f"The connection file {path} {reason}.", START) from error
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        entry = None
    kinds = {"address": str, "token": str, "instance": str, "pid": int, "started": (int, float)}
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), kind) for name, kind in kinds.items()):
        raise UnreachableError(f"The connection file {path} is damaged.", START)
    return entry


def _connection(path: Path, entry: dict[str, Any]) -> Connection:
    """The connection in the content of the file `path`."""
    if not entry["token"].isascii() or len(entry["token"]) > _MAX_TOKEN_BYTES:
        raise UnreachableError(f"The connection file {path} is damaged: its token is malformed.", START)
    return Connection(entry["address"], entry["token"], entry["instance"], file=path.absolute())


def _address(where: str) -> str:
    """`where` as "tcp://HOST:PORT"."""
    match = re.fullmatch(r"(?:tcp://)?([\w.:%\[\]-]+):(\d{1,5})", where, re.ASCII)
    if not match or not 0 < int(match[2]) < 1 << 16:
        raise UnreachableError(
            f"{where!r} is not a sidecar address.", "Valid are HOST:PORT, tcp://HOST:PORT and a connection file.json."
        )
    host = "127.0.0.1" if match[1] == "localhost" else match[1]
    return f"tcp://{host}:{int(match[2])}"


def _read_keys(folder: Path) -> Iterator[bytes]:
    """The sidecar's public key, our public key and our secret key, from the folder of a client."""
    server = folder / "server.key"
    own = [path for path in sorted(folder.glob("*.key_secret")) if path.name != "server.key_secret" and path.is_file()]
    if not server.is_file() or len(own) != 1:
        there = ", ".join(path.name for path in (*folder.glob("server.key"), *own)) or "neither"
        clients = [str(path.parent) for path in sorted(folder.glob("*/server.key"))]
        raise UnreachableError(
            f"{folder} must hold server.key and one key of a client, NAME.key_secret; it holds {there}.",
            f"Give the folder of a client: {' or '.join(clients[:3])}."
            if clients
            else "Make keys with: medtalk keys new FOLDER --client NAME; give FOLDER/NAME.",
        )
    try:
        keys = (zmq.auth.load_certificate(server)[0], *zmq.auth.load_certificate(own[0]))
        if not all(key and len(zmq.utils.z85.decode(key)) == 32 for key in keys):
            raise ValueError("a key is not 40 characters of Z85")
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise UnreachableError(f"The keys in {folder} cannot be used: {error}.", "Copy them again.") from error
    return iter(key for key in keys if key)
