"""Strangers: whoever does not know the token, or comes from another page, gets one line and nothing else."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from medtalk.studio.server import listen
from tests.helpers.studios import Answer, Studio

REFUSAL = b"This is a medtalk studio. Open the address that it printed when it started.\n"


def refused(answer: Answer) -> bool:
    return answer.status == 403 and answer.body == REFUSAL


def test_the_page_comes_to_who_knows_the_token(studio: Studio) -> None:
    page = studio.get("")
    assert page.status == 200
    assert b"studio.js" in page.body
    assert page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/", "/start", "/take", "//", "/x/", "/é/start", "/..", "/%2e%2e/start"])
def test_without_the_token_there_is_nothing(studio: Studio, path: str) -> None:
    path = path.encode("ascii", "ignore").decode()
    assert refused(studio.raw("GET", path))
    assert refused(studio.raw("POST", path, b"{}"))


def test_a_token_that_is_nearly_right_opens_nothing(studio: Studio) -> None:
    path = urlsplit(studio.address).path
    for wrong in (path[:-2] + "/", path[:-1] + "A/", path.upper(), "/" + path.strip("/")[::-1] + "/"):
        assert refused(studio.raw("GET", wrong + "start"))


@pytest.mark.parametrize(
    "host",
    ["localhost:{port}", "studio.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:{port}.example", "", None],
)
def test_another_name_for_this_machine_opens_nothing(studio: Studio, host: str | None) -> None:
    """A name that a stranger's DNS lets point at this machine (DNS rebinding) is not ours."""
    path = urlsplit(studio.address).path
    answer = studio.raw("GET", path, headers={"Host": host and host.format(port=studio.server.port)})
    # HTTP itself asks for a host
    assert refused(answer) if host is not None else answer.status in (400, 403) and b"studio.js" not in answer.body


@pytest.mark.parametrize(
    "origin", ["http://stranger.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}", None]
)
def test_a_page_of_a_stranger_does_nothing_here(studio: Studio, sound: str, origin: str | None) -> None:
    shown = origin and origin.format(port=studio.server.port)
    path = urlsplit(studio.address).path
    assert refused(studio.raw("POST", path + "take", b'{"sound": "' + sound.encode() + b'"}', {"Origin": shown}))
    assert refused(studio.raw("POST", path + "keep?name=x.wav", b"RIFF", {"Origin": shown}))
    if shown is not None:
        assert refused(studio.raw("GET", path + "start", headers={"Origin": shown}))


def test_two_origins_or_hosts_are_one_too_many(studio: Studio) -> None:
    address = urlsplit(studio.address)
    with socket.create_connection(("127.0.0.1", studio.server.port)) as connection:
        lines = [
            f"GET {address.path}start HTTP/1.1", f"Host: {address.netloc}", f"Origin: {studio.origin}",
            "Origin: http://stranger.example", "Connection: close", "", "",
        ]  # fmt: skip
        connection.sendall("\r\n".join(lines).encode())
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
    assert answer.startswith(b"HTTP/1.1 403") and answer.endswith(REFUSAL)


def test_every_answer_shuts_the_page_off(studio: Studio) -> None:
    for answer in (studio.get(""), studio.get("start"), studio.get("nothing"), studio.raw("GET", "/")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "http" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in answer.headers


def test_the_address_of_the_browser_opens_the_page_once(studio: Studio) -> None:
    """A browser's command line can be read by other users of the machine."""
    path = urlsplit(studio.server.guard.once).path
    first = studio.raw("GET", path)
    assert (first.status, first.headers["location"]) == (303, urlsplit(studio.address).path)
    assert refused(studio.raw("GET", path))


def test_it_listens_on_this_machine_only(studio: Studio) -> None:
    with listen() as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
    assert studio.address.startswith("http://127.0.0.1:")


def test_other_protocols_get_nothing(studio: Studio) -> None:
    path = urlsplit(studio.address).path + "take"
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    assert studio.raw("GET", path, headers={**upgrade, "Sec-WebSocket-Key": "AAAA"}).status in (400, 405)
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE"):
        assert refused(studio.raw(method, path))
        assert studio.raw(method, path, headers={"Origin": studio.origin}).status == 405
