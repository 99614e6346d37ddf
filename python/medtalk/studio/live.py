"""A live stream of a tab: sound of its microphone comes in, frames of the face go out, over a WebSocket.

The page sends

    {"open": {"rate": 48000, "tab": NAME, SETTINGS}}   text, first: settings as for a take, without a sound
    samples                     binary: float32, little-endian, one channel, full scale 1
    {"lost": 0.25}              text: so many seconds of sound that it could not send
    {"guide": {SETTINGS}}       text: another mood, description, picture or intensity, from the next frame on
    {"end": {"name": "x.wav"}}  text, last

and gets

    {"opened": {"delay": 0.12, "rate": 48000, "fps": 60}}
    frames                      binary: uint32 number of the first, N, 1 where somebody speaks or 0; then (N, 177)
                                float32: the channels and the turn of the head
    {"guided": {}} or {"refused": ERROR}    for each guide, in order
    {"dropped": 0.4}            seconds of sound, in all, that were never heard because too much of it waited
    {"ended": {"sound": {"id", "name"}, "streamed": ID, "seconds"}}   what was streamed is kept, as sound and take
    {"error": ERROR}            and the end

Nothing waits without end. Where some steps of sound wait they are heard in a hurry; where more than `BEHIND` waits, all
but the newest is lost, and counts as silence, so that the face is never later than that. Who does not read the frames
is not sent more of them, and its sound waits.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from medtalk.errors import CancelledError, MedtalkError, ServiceError
from medtalk.finishing import Finishing
from medtalk.guidance import NEUTRAL
from medtalk.rates import FPS
from medtalk.service.log import log
from medtalk.studio.session import File, Session
from medtalk.studio.streamed import Streamed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.live import Frames, Live
    from medtalk.perform import Model
    from medtalk_wire.settings import Settings

STREAMS = 4
"""At once, of all tabs; each takes a good part of a core."""
BEHIND = 0.5
"""Seconds of sound that may wait to be heard."""
HURRY = 2.5
"""Steps of sound that wait, from which on they are heard at once."""
PATIENCE = 10.0
"""Seconds without any message after which a stream ends: a tab that is asleep holds no place."""
_LONGEST = 1.0  # seconds of sound in a message
_MOST_LOST = 60.0  # seconds that a page may say it has lost at once
_MESSAGES = 1000  # that may wait; of a page that is behind by as much as it can be there are a tenth of that

_Given = TypeVar("_Given")


async def serve(socket: WebSocket, session: Session) -> None:
    """Stream for a tab until it ends the stream, goes away, or sends what it should not."""
    await socket.accept()
    stream = _Stream(socket, session)
    with suppress(WebSocketDisconnect):
        try:
            await stream.run()
        except MedtalkError as error:
            await stream.tell(error=error.facts())
        except WebSocketDisconnect:
            return
        except Exception as error:
            log.error("fault", exc_info=error)
            message = f"The studio failed: {type(error).__name__}: {error}."
            await stream.tell(error=ServiceError("internal", message, "Please report it.").facts())
        if socket.application_state is WebSocketState.CONNECTED:
            await socket.close()


class _Stream:
    """What waits for the network, and what came of it."""

    def __init__(self, socket: WebSocket, session: Session) -> None:
        self._socket, self._session = socket, session
        self._waiting: deque[NDArray[np.float32] | float | Settings | dict[str, Any] | Exception] = deque()
        self._came = asyncio.Event()
        self._samples = 0  # of sound that waits
        self._dropped = 0.0
        self._rate = 0
        # `push` takes milliseconds of computing, in which other tabs are answered
        self._thread = ThreadPoolExecutor(1, "medtalk-live")

    async def run(self) -> None:
        asked = await self._opening()
        tab = str(asked.pop("tab", ""))[:64]
        rate = self._rate = _whole(asked.pop("rate", None), "rate")
        settings = self._settings(asked)
        streams = self._session.streams
        if (older := streams.pop(tab, None)) is not None:
            older(CancelledError("Another stream of this tab has taken its place."))
        if len(streams) >= STREAMS:
            raise ServiceError(
                "queue_full", f"{len(streams)} streams run already, the most at once.", "Stop one in another tab."
            )
        streams[tab] = self._put
        reading = None
        try:
            live = await self._do(lambda: _open(self._session, settings, rate))
            await self.tell(opened={"delay": live.delay, "rate": rate, "fps": FPS})
            reading = asyncio.create_task(self._read())
            await self._work(live)
        finally:
            if reading is not None:
                reading.cancel()
            if streams.get(tab) == self._put:
                del streams[tab]
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def tell(self, **what: Any) -> None:
        """Say something to the page, if it is there."""
        if self._socket.application_state is WebSocketState.CONNECTED:
            await self._socket.send_text(json.dumps(what))

    async def _do(self, work: Callable[[], _Given]) -> _Given:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # --- what comes

    async def _message(self) -> dict[str, Any] | bytes:
        """The next message: what a text says, or the bytes."""
        try:
            message = await asyncio.wait_for(self._socket.receive(), PATIENCE)
        except TimeoutError:
            raise ServiceError("silent", f"No sound came for {PATIENCE:g} s.", "Start again.") from None
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        if message.get("text") is None:
            return message.get("bytes") or b""
        try:
            said = json.loads(message["text"])
        except (ValueError, RecursionError) as error:
            raise ServiceError("bad_message", f"The message is not JSON: {error}.") from None
        if not isinstance(said, dict) or len(said) != 1:
            raise ServiceError("bad_message", "The message is not a JSON object with one name.")
        return said

    async def _opening(self) -> dict[str, Any]:
        said = await self._message()
        asked = said.get("open") if isinstance(said, dict) else None
        if not isinstance(asked, dict):
            raise ServiceError("bad_message", "A stream begins with the message open.")
        return dict(asked)

    async def _read(self) -> None:
        """Put everything that comes where the network finds it."""
        try:
            while True:
                said = await self._message()
                self._check_number()
                if isinstance(said, bytes):
                    self._hear(self._sound(said))
                elif "lost" in said:
                    self._put(_seconds(said["lost"]))
                elif "guide" in said:
                    self._put(self._guide(said["guide"]))
                elif "end" in said:
                    return self._put({"end": said["end"]})
                else:
                    raise ServiceError("bad_message", f"There is no message {next(iter(said))[:40]!r} in a stream.")
        except Exception as error:  # the one that works on all this ends by it
            self._put(error)

    def _put(self, item: Any) -> None:
        self._waiting.append(item)
        self._came.set()

    def _check_number(self) -> None:
        if len(self._waiting) >= _MESSAGES:
            self._waiting.clear()
            raise ServiceError("bad_message", f"{_MESSAGES} messages wait, the most at once.", "Send fewer.")

    def _sound(self, data: bytes) -> NDArray[np.float32]:
        if len(data) % 4 or len(data) > 4 * _LONGEST * self._rate:
            raise ServiceError(
                "bad_message", f"{len(data)} bytes are not float32 samples of at most {_LONGEST:g} s of sound."
            )
        return np.frombuffer(data, "<f4")

    def _hear(self, samples: NDArray[np.float32]) -> None:
        """Let sound wait; if that is too much, only this is left of it, and a gap in its place."""
        if self._samples + len(samples) > BEHIND * self._rate:
            kept: deque[Any] = deque()
            lost = 0
            for item in self._waiting:
                if isinstance(item, np.ndarray):
                    lost += len(item)
                else:
                    kept.append(item)
            self._dropped += lost / self._rate
            self._waiting, self._samples = kept, 0
            self._waiting.append(lost / self._rate)
        self._samples += len(samples)
        self._put(samples)

    def _settings(self, asked: object) -> Settings:
        if not isinstance(asked, dict):
            raise ServiceError("bad_message", "Settings are a JSON object.")
        request = self._session.request(asked, "decode")
        if request.settings.curve is not None:
            raise ServiceError("unsupported", "A live stream takes no intensity curve.", "Set a number.")
        if (picture := request.asked.picture) is not None:
            from medtalk.backbones.picture import check_picture

            data = bytes(picture.data.data)
            check_picture(picture.name or "The picture", data, self._session.limits.max_pixels)
            return replace(request.settings, image=data)
        return request.settings

    def _guide(self, asked: object) -> Settings | dict[str, Any]:
        try:
            return self._settings(asked)
        except MedtalkError as error:
            return {"refused": error}

    # --- what is made of it

    async def _next(self) -> Any:
        """The next thing that waits; of sound, all that lies together."""
        while not self._waiting:
            self._came.clear()
            await self._came.wait()
        item = self._waiting.popleft()
        if not isinstance(item, np.ndarray):
            return item
        pieces, count = [item], len(item)
        while self._waiting and isinstance(self._waiting[0], np.ndarray):
            pieces.append(self._waiting.popleft())  # type: ignore[arg-type]
            count += len(pieces[-1])
        self._samples -= count
        return np.concatenate(pieces)

    async def _work(self, live: Live) -> None:
        kept, told = Streamed(self._rate), 0.0
        while True:
            item = await self._next()
            if isinstance(item, Exception):
                raise item
            if isinstance(item, np.ndarray):
                kept.hear(item)
                hurry = len(item) > HURRY * live.step * self._rate
                frames = await self._do(lambda sound=item, hurry=hurry: live.push(sound, hurry))
                await self._show(frames, kept, live.speaking)
            elif isinstance(item, float):
                kept.hear(np.zeros(round(item * self._rate), np.float32))
                await self._show(await self._do(lambda seconds=item: live.skip(seconds)), kept, False)
            elif isinstance(item, dict):
                if "end" in item:
                    await self._show(await self._do(live.finish), kept, False)
                    return await self.tell(ended=await self._keep(kept, live, item["end"]))
                await self.tell(refused=item["refused"].facts())
            else:
                await self._change(live, item)
            if self._dropped != told:
                told = self._dropped
                await self.tell(dropped=round(told, 3))

    async def _show(self, frames: Frames, kept: Streamed, speaking: bool) -> None:
        if not len(frames):
            return
        kept.see(frames)
        rows = np.zeros((len(frames), frames.values.shape[1] + 3), "<f4")
        rows[:, :-3] = frames.values
        if frames.head is not None:
            rows[:, -3:] = frames.head
        await self._socket.send_bytes(struct.pack("<III", frames.first, len(frames), speaking) + rows.tobytes())

    async def _change(self, live: Live, settings: Settings) -> None:
        try:
            await self._do(lambda: live.guide(**_mood(self._session.model, settings)))
        except MedtalkError as error:
            await self.tell(refused=error.facts())
        else:
            await self.tell(guided={})

    async def _keep(self, kept: Streamed, live: Live, asked: object) -> dict[str, Any]:
        """Keep what was streamed, as a sound and a take of the session."""
        name = asked.get("name") if isinstance(asked, dict) else None
        named = str(name or "live.wav")[:200]
        take = await self._do(lambda: kept.take(live.facts(), named))
        if take is None:
            return {"sound": None, "streamed": None, "seconds": 0.0}
        sound = await self._do(lambda: File.of(named, kept.sound()))
        self._session.put(sound)
        return {
            "sound": {"id": sound.sha256, "name": sound.name},
            "streamed": self._session.keep_streamed(take),
            "seconds": take.rig.seconds,
        }


def _open(session: Session, settings: Settings, rate: int) -> Live:
    assert isinstance(settings.finishing, Finishing), "of checked settings"
    kinds = (settings.persona or {}).get("kinds")
    return session.model.live(
        rate=rate, finishing=settings.finishing, region=settings.region, kinds=kinds, **_mood(session.model, settings)
    )


def _mood(model: Model, settings: Settings) -> dict[str, Any]:
    """What of the settings may change while a stream runs, as `Live.guide` takes it. Raises what `Model.guide` does."""
    emotion: Any = settings.emotion
    if settings.text or settings.image:
        emotion = model.guide(
            emotion, text=settings.text or None, image=settings.image or None, name=settings.image_name or None
        )
    return {
        "emotion": NEUTRAL if emotion is None else emotion,
        "intensity": settings.intensity,
        "timeline": settings.timeline,
    }


def _whole(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value != int(value):
        raise ServiceError("bad_message", f"The {name} of a stream is not a whole number.")
    return int(value)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= _MOST_LOST:
        raise ServiceError("bad_message", f"lost is not a number of seconds from 0 to {_MOST_LOST:g}.")
    return float(value)
