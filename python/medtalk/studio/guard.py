"""Who may talk to the studio: its own page, opened by the address that only its user knows."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REFUSAL = "This is a medtalk studio. Open the address that it printed when it started.\n"
# Nothing from elsewhere runs or is loaded, and nobody else's page holds ours. Not every browser counts a socket to our
# own host as 'self'.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws://{host}; media-src blob:; "
    "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Guard:
    """Lets requests to `http://HOST/TOKEN/...` through to `app`; all others get status 403 and one line.

    The host must be our own, so that another name for this machine (DNS rebinding) opens nothing. What a page sends
    must come from our page: a browser names the origin of every POST and of every WebSocket, which no other rule of
    browsers keeps the pages of strangers from opening.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        """`host` is ours as a browser writes it, with the port."""
        self._app, self._host, self._origin = app, host, f"http://{host}"
        self._token = secrets.token_urlsafe(24)
        self._once = secrets.token_urlsafe(24)
        self._headers = {"Content-Security-Policy": _POLICY.format(host=host), **_HEADERS}

    @property
    def address(self) -> str:
        """The address of the page, for its user's eyes only."""
        return f"{self._origin}/{self._token}/"

    @property
    def once(self) -> str:
        """An address that leads to the page once: other users of the machine see what a browser is started with."""
        return f"{self._origin}/{self._once}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        answer = self._app
        if not self._comes_from_us(Headers(scope=scope), scope.get("method", "")):
            answer = PlainTextResponse(_REFUSAL, 403)
        else:
            first = scope["path"].split("/")[1]
            if scope["type"] == "http" and self._once and _same(first, self._once):
                self._once = ""
                answer = RedirectResponse(f"/{self._token}/", 303)
            elif _same(first, self._token):
                scope = {**scope, "root_path": f"/{self._token}"}
            else:
                answer = PlainTextResponse(_REFUSAL, 403)

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await answer(scope, receive, send_with_headers)

    def _comes_from_us(self, headers: Headers, method: str) -> bool:
        if headers.getlist("host") != [self._host]:
            return False
        # A GET of our own page has no Origin; a page of somebody else may not even do that.
        return all(each == self._origin for each in headers.getlist("origin")) and (
            method == "GET" or "origin" in headers
        )


def _same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode())
