"""Connection files and keys: who may read them, which one is taken, what is said when there is none."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import zmq.auth

from medtalk_wire import Connection, UnreachableError, connection_folder, files, find_connection, process
from medtalk_wire.connection import remove_connection, write_connection

posix = pytest.mark.skipif(os.name != "posix", reason="owners, modes and processes of POSIX")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of connection files."""
    monkeypatch.setenv("MEDTALK_RUNTIME", str(tmp_path / "run"))
    return tmp_path / "run"


def write(path: Path, port: int = 5717, **changed) -> Path:
    content = {
        "address": f"tcp://127.0.0.1:{port}", "token": "secret", "pid": os.getpid(), "version": "0.1.0",
        "instance": "i1", "started": time.time(),
    }  # fmt: skip
    write_connection(path, **{**content, **changed})  # pyright: ignore
    return path


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    places = {"MEDTALK_RUNTIME": "a", "XDG_RUNTIME_DIR": "b", "LOCALAPPDATA": "c"}
    for name, place in places.items():
        monkeypatch.setenv(name, str(tmp_path / place))
    expected = [tmp_path / "a", tmp_path / "b" / "medtalk", tmp_path / "c" / "medtalk" / "run"]
    for name, path in zip(places, expected, strict=True):
        assert connection_folder() == path
        monkeypatch.setenv(name, "")
    assert connection_folder() == Path.home() / ".local" / "state" / "medtalk"


def test_what_was_written_is_found(folder: Path) -> None:
    path = write(folder / "5717.json")
    content = json.loads(path.read_text())
    assert (content["protocol"], content["version"], content["pid"]) == ("1.6", "0.1.0", os.getpid())
    expected = Connection("tcp://127.0.0.1:5717", "secret", "i1", file=path)
    for where in (None, str(path), "127.0.0.1:5717", "tcp://127.0.0.1:5717", "localhost:5717"):
        assert find_connection(where) == expected


@posix
def test_only_the_owner_may_read(folder: Path) -> None:
    old = os.umask(0)
    try:
        path = write(folder / "5717.json")
        write(path)  # and the second time
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600 and folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == [path], "nothing is left beside it"


def test_a_file_that_cannot_be_written_leaves_nothing(folder: Path) -> None:
    path = write(folder / "5717.json")
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write(path, started=object())
    assert path.read_bytes() == before and list(folder.iterdir()) == [path]


def test_only_ones_own_file_is_removed(folder: Path) -> None:
    path = write(folder / "5717.json", instance="mine")
    remove_connection(path, "another")
    assert path.exists()
    remove_connection(path, "mine")
    assert not path.exists()
    remove_connection(path, "mine")
    path.write_text("damaged")
    remove_connection(path, "mine")
    assert path.exists()


def test_the_newest_is_taken(folder: Path) -> None:
    now = time.time()
    write(folder / "1.json", 1, started=now - 5)
    write(folder / "2.json", 2, started=now)
    write(folder / "3.json", 3, started=now - 9)
    assert find_connection().address == "tcp://127.0.0.1:2"
    assert find_connection("127.0.0.1:3").file == folder / "3.json"


@posix
def test_a_file_whose_sidecar_has_ended_is_passed_over(folder: Path) -> None:
    write(folder / "1.json", 1, started=time.time() - 5)
    dead = write(folder / "2.json", 2, pid=ended_process())
    assert find_connection().address == "tcp://127.0.0.1:1"
    with pytest.raises(UnreachableError, match="medtalk serve"):
        find_connection("127.0.0.1:2")
    assert find_connection(str(dead)).address == "tcp://127.0.0.1:2", "who names it wants it"


def test_a_sidecar_that_asks_for_keys_is_passed_over_without(folder: Path) -> None:
    write(folder / "1.json", 1, started=time.time() - 5)
    write(folder / "2.json", 2, token="")
    assert find_connection().address == "tcp://127.0.0.1:1"
    with pytest.raises(UnreachableError, match=r":2 asks for keys"):
        find_connection("127.0.0.1:2")


@posix
@pytest.mark.parametrize("mode", [0o602, 0o620, 0o666])
def test_a_file_that_others_may_write_is_refused(folder: Path, mode: int) -> None:
    path = write(folder / "5717.json")
    path.chmod(mode)
    for where in (str(path), None):
        with pytest.raises(UnreachableError, match="not trusted"):
            find_connection(where)


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o444])
def test_a_file_that_others_may_read_is_refused(folder: Path, mode: int) -> None:
    path = write(folder / "5717.json")
    path.chmod(mode)
    for where in (str(path), None):
        with pytest.raises(UnreachableError, match=f"run chmod 600 {path}"):
            find_connection(where)
    path.chmod(0o600)
    assert find_connection().file == path


@pytest.mark.process
@posix
@pytest.mark.parametrize("code", [0, 5])
def test_on_windows_the_file_is_made_private_first(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """By its own list of who may read it; where that cannot be made, there is no file."""
    monkeypatch.setattr(files, "_WINDOWS", True)
    monkeypatch.setenv("USERDOMAIN", "STUDIO")
    monkeypatch.setenv("USERNAME", "Anna B")
    program = tmp_path / "System32" / "icacls.exe"
    program.parent.mkdir()
    told = tmp_path / "words"
    program.write_text(f'#!/bin/sh\nfor word; do echo "$word"; done > {told}; wc -c < "$1" >> {told}\nexit {code}\n')
    program.chmod(0o700)
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    if code:
        with pytest.raises(OSError, match="icacls"):
            write(folder / "5717.json")
        assert list(folder.iterdir()) == []
    else:
        write(folder / "5717.json")
    file, *words, size = told.read_text().splitlines()
    assert Path(file).parent == folder and int(size) == 0, "nothing is in it yet"
    assert words == ["/inheritance:r", "/grant:r", r"STUDIO\Anna B:F"]


class Kernel:
    """What Windows would say of the processes that are here; 14 has ended and is not yet gone."""

    def __init__(self, name: str, use_last_error: bool) -> None:
        assert name == "kernel32" and use_last_error
        self.OpenProcess = self._open  # a function, to which the caller says what it returns

    class _Open:
        restype: object = None

        def __call__(self, access: int, inherit: bool, pid: ctypes.c_uint32) -> int | None:
            assert access == 0x1000 and not inherit and self.restype is ctypes.c_void_p
            return (1 << 40) + pid.value if pid.value in (14, os.getpid()) else None

    _open = _Open()

    def GetExitCodeProcess(self, handle: ctypes.c_void_p, code: Any) -> int:
        code._obj.value = 0 if handle.value == (1 << 40) + 14 else 259
        return 1

    def CloseHandle(self, handle: ctypes.c_void_p) -> int:
        return 1


def test_on_windows_the_dead_are_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WINDOWS", True)
    monkeypatch.setattr(ctypes, "WinDLL", Kernel, raising=False)
    monkeypatch.setattr(ctypes, "get_last_error", lambda: error, raising=False)
    error = 87
    now = time.time()
    write(folder / "1.json", 1, started=now - 5)
    write(folder / "2.json", 2, started=now, pid=12)
    write(folder / "3.json", 3, started=now, pid=14)
    assert find_connection().address == "tcp://127.0.0.1:1"
    error = 5  # 12 is there, and may not be asked
    assert find_connection().address == "tcp://127.0.0.1:2"


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="gives a file away, which only root can")
def test_a_file_of_another_user_is_refused(folder: Path) -> None:
    path = write(folder / "5717.json")
    os.chown(path, 12345, -1)
    for where in (str(path), None):
        with pytest.raises(UnreachableError, match="another user"):
            find_connection(where)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "{}", "\xff", "[" * 9999, '{"address": "tcp://127.0.0.1:1"}',
        json.dumps({"address": "ipc://x", "token": "t", "instance": "i", "pid": 1, "started": 1}),
        json.dumps({"address": "tcp://h:1", "token": "t" * 256, "instance": "i", "pid": 1, "started": 1}),
        json.dumps({"address": "tcp://h:1", "token": "\ud800", "instance": "i", "pid": 1, "started": 1}),
        json.dumps({"address": "tcp://h:1", "token": "t", "instance": "i", "pid": "1", "started": 1}),
    ],
)  # fmt: skip
def test_a_damaged_file_is_told(folder: Path, text: str) -> None:
    folder.mkdir(mode=0o700)
    path = folder / "5717.json"
    path.write_text(text, encoding="latin-1")
    path.chmod(0o600)
    with pytest.raises(UnreachableError):
        find_connection(str(path))
    good = write(folder / "good.json", 1)
    assert find_connection().file == good


@posix
def test_a_pipe_in_place_of_a_file_is_not_waited_for(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    os.mkfifo(folder / "5717.json", 0o600)
    with pytest.raises(UnreachableError, match="is not a file"):
        find_connection()


def test_nothing_there(folder: Path) -> None:
    for where, said in (
        (None, "No sidecar is running"),
        ("10.0.0.7:5717", "keys"),
        (str(folder / "x.json"), "not there"),
    ):
        with pytest.raises(UnreachableError, match=said) as raised:
            find_connection(where)
        assert "medtalk serve" in raised.value.hint


@pytest.mark.parametrize("where", ["host", "host:", ":1", "host:0", "host:65536", "ipc://x:1", "host:1/x", "a b:1", ""])
def test_an_address_that_makes_no_sense(folder: Path, where: str) -> None:
    with pytest.raises(UnreachableError, match="not a sidecar address"):
        find_connection(where)
    with pytest.raises(UnreachableError, match="not a sidecar address"):
        Connection(where)


def test_secrets_are_not_shown(folder: Path) -> None:
    connection = Connection("tcp://h:1", token="hidden", secret_key=b"hidden")
    assert "hidden" not in repr(connection) and "h:1" in repr(connection)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The folder of a client's keys."""
    folder = tmp_path / "keys"
    folder.mkdir()
    zmq.auth.create_certificates(folder, "server")
    zmq.auth.create_certificates(folder, "mia")
    return folder


def test_keys_are_read(folder: Path, keys: Path) -> None:
    connection = find_connection("10.0.0.7:5717", keys)
    assert connection.address == "tcp://10.0.0.7:5717" and connection.token == "" and connection.file is None
    assert connection.server_key == zmq.auth.load_certificate(keys / "server.key")[0]
    assert (connection.public_key, connection.secret_key) == zmq.auth.load_certificate(keys / "mia.key_secret")
    write(folder / "5717.json", token="")
    local = find_connection(keys=keys)
    assert local.file == folder / "5717.json" and local.secret_key == connection.secret_key


def test_keys_that_cannot_be_used_are_told(keys: Path) -> None:
    def said() -> str:
        with pytest.raises(UnreachableError) as raised:
            find_connection("10.0.0.7:5717", keys)
        return str(raised.value)

    shutil.copy(keys / "mia.key_secret", keys / "leo.key_secret")
    assert "leo.key_secret, mia.key_secret" in said()
    (keys / "leo.key_secret").unlink()
    for text in ("", "public-key = 'short'", 'public-key = "' + "~" * 40 + '"'):
        (keys / "mia.key_secret").write_text(text)
        assert "cannot be used" in said()
    shutil.copy(keys / "mia.key", keys / "mia.key_secret")  # the public half alone
    assert "cannot be used" in said()
    (keys / "server.key").unlink()
    assert "must hold server.key" in said() and "medtalk keys new" in said()
    shutil.rmtree(keys)
    assert "holds neither" in said()
