"""Key pairs of a sidecar that others may reach, and of the clients that it lets in.

A folder of keys:

    server.key              the sidecar's public key
    server.key_secret       for the sidecar alone
    clients/NAME.key        the public key of each client that is let in
    NAME/NAME.key_secret    for that client: the folder NAME is handed over to it
    NAME/server.key         a copy, for the client too

All are CURVE certificates in pyzmq's format. Secret files are their owner's alone from the moment they exist.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from zmq.auth import create_certificates, load_certificate
from zmq.utils import z85

from medtalk.errors import OutputError, SettingError
from medtalk.files import check_folder
from medtalk_wire.files import make_private

SERVER, _CLIENTS = "server", "clients"
_KEY_BYTES = 32


def new_keys(folder: str | Path, client: str = "client") -> list[Path]:
    """Make a key pair for `client` in `folder`, and the sidecar's own where there is none yet.

    The folder `folder`/`client` holds all that the client needs.

    Returns the files that were made. Raises `SettingError` for a name that cannot be a file's, `OutputError` for a
    client that has keys already and for whatever cannot be written; then nothing is left behind.
    """
    folder = Path(folder)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", client) or client.lower() in (SERVER, _CLIENTS):
        raise SettingError(
            f"A client cannot be called {client[:70]!r}; valid are 1 to 64 letters, digits, _ and -, "
            f"but not {SERVER} and {_CLIENTS}."
        )
    clients, handed = folder / _CLIENTS, folder / client
    server = folder / f"{SERVER}.key", folder / f"{SERVER}.key_secret"
    own = clients / f"{client}.key", handed / f"{client}.key_secret"
    older = folder / f"{client}.key_secret"  # where an older layout has it
    if taken := [path for path in (*own, older, handed) if path.exists()]:
        raise OutputError(
            f"The client {client} already has keys: {taken[0]} exists.", "Choose another --client, or remove it."
        )
    there = [path for path in server if path.exists()]
    if len(there) == 1:
        raise OutputError(f"{there[0]} exists without its other half.", "Restore that, or remove this one.")
    check_folder(folder)
    files: list[Path] = []
    try:
        for needed in (folder, clients, handed):
            if not needed.is_dir():
                needed.mkdir(mode=0o700)
                files.append(needed)
        for pair in (own,) if there else (server, own):
            _make_pair(*pair, files)
        files.append(handed / server[0].name)
        shutil.copyfile(server[0], files[-1])
    except BaseException as error:
        for path in reversed(files):
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OutputError(
                f"Cannot make keys in {folder}: {error.strerror or error}.", "Choose a folder that you can write to."
            ) from error
        raise
    return [path for path in files if not path.is_dir()]


@dataclass(frozen=True)
class ServerKeys:
    """The sidecar's pair (Z85) and the public keys of the clients that it lets in (32 bytes each)."""

    public: bytes
    secret: bytes = field(repr=False)
    clients: frozenset[bytes]


def server_keys(folder: str | Path) -> ServerKeys:
    """The keys in `folder` that a sidecar needs.

    Raises `SettingError` where one is missing or damaged, others could read or exchange one, or no client has a key.
    """
    folder = Path(folder)
    make = f"Make keys with: medtalk keys new {folder}"
    public, secret = _read(folder / f"{SERVER}.key_secret", make)
    if secret is None:
        raise SettingError(f"{folder / f'{SERVER}.key_secret'} holds no secret key.", make)
    clients = folder / _CLIENTS
    for place in (folder, clients):
        if _mode(place) & 0o022:
            raise SettingError(f"Others can put keys into {place}.", f"Run: chmod 700 {place}")
    files = sorted(clients.glob("*.key"))
    if not files:
        raise SettingError(f"No client has a key in {clients}, so nobody could connect.", make)
    known = frozenset(z85.decode(_read(file, "Restore or remove it.")[0]) for file in files)
    return ServerKeys(public, secret, known)


def _make_pair(public: Path, secret: Path, files: list[Path]) -> None:
    """Make a key pair under other names and move it to its place; `files` gets what is there for good."""
    workshop = Path(tempfile.mkdtemp(prefix=".medtalk-", dir=secret.parent))
    try:
        # The certificate is written into a file that is there already and keeps its mode.
        make_private(workshop / "new.key_secret")
        create_certificates(workshop, "new")
        for name, target in (("new.key_secret", secret), ("new.key", public)):
            os.replace(workshop / name, target)
            files.append(target)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _read(file: Path, hint: str) -> tuple[bytes, bytes | None]:
    """Public and secret key in a certificate."""
    if not file.is_file():  # a pipe would be waited for
        raise SettingError(f"There is no key {file}.", hint)
    try:
        public, secret = load_certificate(file)
        if any(len(z85.decode(key)) != _KEY_BYTES for key in (public, secret) if key is not None):
            raise ValueError
    except OSError as error:
        raise SettingError(f"Cannot read the key {file}: {error.strerror or error}.", hint) from error
    except (ValueError, KeyError, IndexError):  # the last two if it is not Z85
        raise SettingError(f"{file} is not a key that medtalk made.", hint) from None
    if secret is not None and _mode(file) & 0o077:
        raise SettingError(f"The secret key {file} can be read by others.", f"Run: chmod 600 {file}")
    return public, secret


def _mode(path: Path) -> int:
    """Permission bits, 0 where there are none."""
    return stat.S_IMODE(path.stat().st_mode) if os.name == "posix" and path.exists() else 0
