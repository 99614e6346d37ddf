"""The addresses of the studio: the page and its files, sounds in, takes out, and the socket of live streams."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from medtalk.audio import read_speech
from medtalk.errors import CancelledError, LimitError, MedtalkError, OutputError, RigError, ServiceError
from medtalk.face import packed, page
from medtalk.face.judged import judge
from medtalk.rig import RIG_ENDINGS, write_rig
from medtalk.rig.head import head_bytes
from medtalk.service.log import log
from medtalk.studio.controls import PAGE_ENDING, controls
from medtalk.studio.live import serve
from medtalk.studio.session import File, Session, Take

WEB = Path(__file__).parent / "web"
MAX_JSON_BYTES = 16 << 20
"""Of what a tab asks for a take: a curve of an hour, written as numbers, has 4 MB."""
_DISCARDED = 64 << 20
"""Bytes of a body that are read although they are too many: a client that still sends may not see the answer."""
# in the order in which they need each other
_SCRIPTS = ("settings.js", "engine.js", "curve.js", "spans.js", "microphone.js", "schedule.js", "live.js", "form.js",
            "toolbar.js", "livepanel.js", "studio.js")  # fmt: skip
_BLOB = "application/octet-stream"


def make_app(session: Session, sound: File | None = None) -> Starlette:
    """The studio as an ASGI application, to be put behind a `Guard`.

    sound: the one that the page opens with.
    """
    about = {**controls(session.model, session.limits), "sound": sound and {"id": sound.sha256, "name": sound.name}}

    async def index(_: Request) -> Response:
        return FileResponse(WEB / "studio.html")

    def file(path: Path) -> Callable[[Request], Awaitable[Response]]:
        async def send(_: Request) -> Response:
            return FileResponse(path)

        return send

    def text(make: Callable[[], str], media_type: str) -> Callable[[Request], Awaitable[Response]]:
        async def send(_: Request) -> Response:
            return Response(make(), media_type=media_type)

        return send

    async def start(_: Request) -> Response:
        return JSONResponse({"board": page.board(), **about})

    async def head(_: Request) -> Response:
        return Response(head_bytes(), media_type=_BLOB)

    async def keep(request: Request) -> Response:
        """The bytes of a sound or picture, as the body; what it is, and its name, stand in the query."""
        name = request.query_params.get("name", "")[:200] or "The file"
        limits = session.limits
        limit = limits.max_image_bytes if request.query_params.get("kind") == "picture" else limits.audio.max_bytes
        kept = session.put(await asyncio.to_thread(File.of, name, await _body(request, limit, name)))
        return JSONResponse({"id": kept.sha256, "name": kept.name})

    async def play(request: Request) -> Response:
        """A sound that was kept, as the player takes it."""
        kept = session.file(request.query_params.get("id"))
        return Response(await asyncio.to_thread(packed.pack_sound, kept.data, kept.name), media_type=_BLOB)

    async def take(request: Request) -> Response:
        asked = await _asked(request)
        # to be judged it waits like an export, and takes no change's place
        judged = session.file(asked.get("sound")) if "judged" in request.query_params else None
        made = await session.take(asked, _tab(request), live=judged is None)
        return Response(await asyncio.to_thread(_pack, made, "take", judged, 1), media_type=_BLOB)

    async def export(request: Request) -> Response:
        asked = await _asked(request)
        ending = request.query_params.get("ending", "")
        if ending not in (*RIG_ENDINGS, PAGE_ENDING):
            raise RigError(
                f"There is no export to {ending[:40]!r}.", f"Valid are {' '.join(RIG_ENDINGS)} {PAGE_ENDING}"
            )
        kept = session.file(asked.get("sound"))
        made = await session.take(asked, _tab(request), live=False)
        stem = Path(kept.name).stem or "take"
        folder = _new_folder()
        try:
            await asyncio.to_thread(_export, made, kept, folder / f"take{ending}")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        cleaning = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
        return FileResponse(folder / f"take{ending}", media_type=_BLOB, filename=stem + ending, background=cleaning)

    async def live(socket: WebSocket) -> None:
        await serve(socket, session)

    async def voice(_: Request) -> Response:
        return JSONResponse(await session.hears_emotion())

    async def progress(request: Request) -> Response:
        return JSONResponse(session.progress(_tab(request)))

    return Starlette(
        routes=[
            Route("/", index),
            Route("/studio.css", file(WEB / "studio.css")),
            Route("/studio.js", text(script, "text/javascript")),
            Route("/recorder.js", file(WEB / "recorder.js")),
            Route("/player.js", text(page.script, "text/javascript")),
            Route("/player.css", text(page.style, "text/css")),
            Route("/head", head),
            Route("/start", start),
            Route("/keep", keep, methods=["POST"]),
            Route("/sound", play),
            Route("/take", take, methods=["POST"]),
            Route("/export", export, methods=["POST"]),
            WebSocketRoute("/live", live),
            Route("/voice", voice),
            Route("/progress", progress),
        ],
        exception_handlers={MedtalkError: _refuse, ClientDisconnect: _gone, Exception: _fault},
    )


def script() -> str:
    """The script of the studio: its classes, as one text."""
    return '"use strict";\n' + "\n".join((WEB / name).read_text("utf-8") for name in _SCRIPTS)


def _tab(request: Request) -> str:
    return request.query_params.get("tab", "")[:64].replace(" ", "")


async def _body(request: Request, limit: int, what: str) -> bytes:
    """The body of a request; one of more than `limit` bytes is refused as soon as that is known, and never kept."""
    too_long = LimitError(f"{what} has more than {limit} bytes, the limit.", "Give a shorter or smaller one.")
    length = int(request.headers.get("content-length", 0))
    if length > max(limit, _DISCARDED):
        raise too_long
    data, size = bytearray(), 0
    async for part in request.stream():
        size += len(part)
        if size <= limit:
            data += part
        elif size > max(limit, _DISCARDED):
            raise too_long
    if size > limit:
        raise too_long
    return bytes(data)


async def _asked(request: Request) -> dict[str, Any]:
    try:
        asked = json.loads(await _body(request, MAX_JSON_BYTES, "The request"))
    except (ValueError, RecursionError) as error:
        raise ServiceError("bad_message", f"The request is not JSON: {error}.") from None
    if not isinstance(asked, dict):
        raise ServiceError("bad_message", "The request is not a JSON object.")
    return asked


def _pack(take: Take, name: str, judged: File | None, level: int = 9) -> bytes:
    """The take as a blob, with what is wrong with it if it is judged beside its sound, which takes longer."""
    marks, summary = ([], []) if judged is None else judge(take.rig, read_speech(judged.data, name=judged.name))
    return packed.pack_take(take.rig, name, marks=marks, summary=summary, intensity=take.intensity, level=level)


def _new_folder() -> Path:
    """A folder for an export, which is removed when it was sent."""
    try:
        return Path(tempfile.mkdtemp(prefix="medtalk-studio-"))
    except OSError as error:
        raise OutputError(f"No export can be written: {error.strerror or error}.", "Free some space.") from error


def _export(take: Take, sound: File, path: Path) -> None:
    if path.name.endswith(PAGE_ENDING):
        stem = Path(sound.name).stem
        page.write_page(path, [_pack(take, stem, sound)], packed.pack_sound(sound.data, sound.name), stem)
    else:
        write_rig(path, take.rig)


async def _refuse(_: Request, error: Exception) -> Response:
    """An error of the engine, as JSON; after a body that was not read, the connection has to end."""
    assert isinstance(error, MedtalkError)
    status = 413 if isinstance(error, LimitError) else 409 if isinstance(error, CancelledError) else 400
    return JSONResponse(error.facts(), status, headers={"Connection": "close"} if status == 413 else None)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # which nobody reads


async def _fault(_: Request, error: Exception) -> Response:
    log.error("fault", exc_info=error)
    message = f"The studio failed: {type(error).__name__}: {error}."
    return JSONResponse(ServiceError("internal", message, "Please report it.").facts(), 500)
