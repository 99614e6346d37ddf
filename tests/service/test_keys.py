import os
import shutil
import stat
from pathlib import Path

import pytest
import zmq
from zmq.auth import load_certificate
from zmq.utils import z85

from medtalk.errors import OutputError, SettingError
from medtalk.service.keys import new_keys, server_keys
from medtalk_wire import UnreachableError, find_connection

posix = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_keys_are_pairs_that_fit(tmp_path):
    folder = tmp_path / "keys"
    made = new_keys(folder)
    files = ["client/client.key_secret", "client/server.key", "clients/client.key", "server.key", "server.key_secret"]
    assert sorted(made) == [folder / name for name in files]
    assert everything(folder) == sorted([*files, "client", "clients"])
    keys = server_keys(folder)
    assert zmq.curve_public(keys.secret) == keys.public == load_certificate(folder / "server.key")[0]
    client_public, client_secret = load_certificate(folder / "client" / "client.key_secret")
    assert client_secret is not None and zmq.curve_public(client_secret) == client_public
    assert keys.clients == {z85.decode(client_public)}
    assert load_certificate(folder / "server.key")[1] is None
    assert load_certificate(folder / "clients" / "client.key") == (client_public, None)


@posix
def test_secrets_are_their_owners(tmp_path):
    old = os.umask(0)
    try:
        made = new_keys(tmp_path / "keys")
    finally:
        os.umask(old)
    assert [mode(path) for path in made if path.suffix == ".key_secret"] == [0o600, 0o600]
    assert {mode(tmp_path / "keys" / name) for name in (".", "clients", "client")} == {0o700}


def test_another_client_joins_and_the_sidecar_keeps_its_keys(tmp_path):
    new_keys(tmp_path)
    before = server_keys(tmp_path)
    made = new_keys(tmp_path, "anna")
    assert made == [tmp_path / name for name in ("anna/anna.key_secret", "clients/anna.key", "anna/server.key")]
    after = server_keys(tmp_path)
    assert (after.public, after.secret) == (before.public, before.secret)
    assert len(after.clients) == 2 and after.clients > before.clients


def test_a_client_is_handed_its_folder(tmp_path):
    """And who gives the folder of the sidecar's own keys is shown to it."""
    new_keys(tmp_path / "keys", "anna")
    new_keys(tmp_path / "keys", "bob")
    shutil.copytree(tmp_path / "keys" / "anna", tmp_path / "elsewhere")
    connection = find_connection("render7:5717", tmp_path / "elsewhere")
    keys = server_keys(tmp_path / "keys")
    assert connection.server_key == keys.public and z85.decode(connection.public_key) in keys.clients
    assert zmq.curve_public(connection.secret_key) == connection.public_key
    with pytest.raises(UnreachableError) as caught:
        find_connection("render7:5717", tmp_path / "keys")
    assert caught.value.hint == f"Give the folder of a client: {tmp_path}/keys/anna or {tmp_path}/keys/bob."


def test_keys_of_the_older_layout(tmp_path):
    """In which a client's secret key lay beside the sidecar's."""
    new_keys(tmp_path, "anna")
    (tmp_path / "anna" / "anna.key_secret").rename(tmp_path / "anna.key_secret")
    shutil.rmtree(tmp_path / "anna")
    before = server_keys(tmp_path)
    connection = find_connection("render7:5717", tmp_path)
    assert connection.server_key == before.public and {z85.decode(connection.public_key)} == before.clients
    with pytest.raises(OutputError, match="anna already has keys"):
        new_keys(tmp_path, "anna")
    new_keys(tmp_path, "bob")
    assert server_keys(tmp_path).clients > before.clients


@pytest.mark.parametrize("kept", ["anna/anna.key_secret", "clients/anna.key", "anna/server.key"])
def test_a_client_with_keys_is_refused(tmp_path, kept):
    for path in new_keys(tmp_path, "anna")[2:]:
        if path != tmp_path / kept:
            path.unlink()
    before = (tmp_path / kept).read_bytes()
    with pytest.raises(OutputError, match="anna already has keys"):
        new_keys(tmp_path, "anna")
    assert (tmp_path / kept).read_bytes() == before


@pytest.mark.parametrize("name", ["", "server", "Server", "clients", "a/b", "..", "a.b", "ä", "a" * 65, "a b"])
def test_names_that_are_refused(tmp_path, name):
    with pytest.raises(SettingError, match="A client cannot be called"):
        new_keys(tmp_path / "keys", name)
    assert everything(tmp_path) == []


@pytest.mark.parametrize("lost", ["server.key", "server.key_secret"])
def test_half_a_pair_is_refused(tmp_path, lost):
    new_keys(tmp_path)
    (tmp_path / lost).unlink()
    before = everything(tmp_path)
    with pytest.raises(OutputError, match="without its other half"):
        new_keys(tmp_path, "anna")
    assert everything(tmp_path) == before


def test_nothing_is_left_of_what_failed(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        new_keys(tmp_path / "missing" / "keys")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Cannot make keys"):
        new_keys(tmp_path / "file")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "clients").write_text("")  # in the way of the folder
    with pytest.raises(OutputError, match="Cannot make keys"):
        new_keys(tmp_path / "keys")
    assert everything(tmp_path) == ["file", "keys", "keys/clients"]


def test_a_sidecar_without_keys(tmp_path):
    with pytest.raises(SettingError, match="medtalk keys new"):
        server_keys(tmp_path / "missing")
    new_keys(tmp_path)
    (tmp_path / "clients" / "client.key").unlink()
    with pytest.raises(SettingError, match="nobody could connect"):
        server_keys(tmp_path)


@pytest.mark.parametrize("name", ["server.key_secret", "clients/client.key"])
@pytest.mark.parametrize("content", [b"", b"nonsense", b'public-key = "short"\nsecret-key = "short"', b"\xff\x00"])
def test_damaged_keys(tmp_path, name, content):
    new_keys(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SettingError, match="is not a key that medtalk made"):
        server_keys(tmp_path)


def test_a_public_key_in_place_of_the_secret_one(tmp_path):
    new_keys(tmp_path)
    (tmp_path / "server.key_secret").write_bytes((tmp_path / "server.key").read_bytes())
    with pytest.raises(SettingError, match="holds no secret key"):
        server_keys(tmp_path)


@posix
@pytest.mark.parametrize(("name", "bits"), [("server.key_secret", 0o644), ("clients", 0o777), (".", 0o770)])
def test_keys_that_others_can_reach_are_refused(tmp_path, name, bits):
    folder = tmp_path / "keys"
    new_keys(folder)
    (folder / name).chmod(bits)
    with pytest.raises(SettingError, match="chmod"):
        server_keys(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_in_place_of_a_key_is_not_waited_for(tmp_path: Path) -> None:
    new_keys(tmp_path / "keys", "anna")
    secret, own = tmp_path / "keys" / "server.key_secret", tmp_path / "keys" / "anna" / "anna.key_secret"
    for file in (secret, own):
        file.unlink()
        os.mkfifo(file, 0o600)
    with pytest.raises(SettingError, match="There is no key"):
        server_keys(tmp_path / "keys")
    with pytest.raises(UnreachableError, match=r"it holds server\.key"):
        find_connection("127.0.0.1:1", tmp_path / "keys" / "anna")
