"""What a client asks for: a sound, and how it shall be animated."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import index
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from medtalk_wire.errors import RequestError
from medtalk_wire.protocol import ITEM_BYTES, Buffer, Message

PCM = ("int16", "int32", "float32")
"""The types of samples that travel."""

_MAX_FILE_BYTES = 2 << 30  # no sound; keeps a video that was picked by mistake out of memory
# How the values of each type may be called by an array's own buffer; int32 is "l" on Windows.
_CODES = {"uint8": "B", "int16": "h", "int32": "il", "float32": "f"}


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound for `Client.generate`. Make one with `from_file`, `from_bytes`, `from_pcm` or `on_server`.

    All take `channel` (0 is the first): that channel alone, in place of the mix of all. What cannot be a sound raises
    `RequestError` of the code `audio`, `limit` or `path`.
    """

    fields: Mapping[str, Any]
    buffer: Buffer | None = None

    @classmethod
    def from_file(cls, path: str | Path, *, channel: int | None = None) -> Sound:
        """A WAV, FLAC or OGG file of this machine; its bytes travel."""
        path = Path(path)
        try:
            if not path.is_file():
                raise RequestError(
                    "audio", f"{path} is {'not a file' if path.exists() else 'not there'}.", "Give a sound file."
                )
            if path.stat().st_size > _MAX_FILE_BYTES:
                raise RequestError("limit", f"{path} has more than {_MAX_FILE_BYTES} bytes.", "Give a shorter sound.")
            data = path.read_bytes()
        except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
            reason = getattr(error, "strerror", None) or error
            raise RequestError("audio", f"{path} cannot be read: {reason}.") from error
        return cls.from_bytes(data, path.name, channel=channel)

    @classmethod
    def from_bytes(cls, data: Any, name: str = "", *, channel: int | None = None) -> Sound:
        """The bytes of a WAV, FLAC or OGG file."""
        values = _values(data, "uint8", "audio", name or "The sound")
        return cls._travelling({"kind": "file"}, Buffer("file", "uint8", (len(values),), values), name, channel)

    @classmethod
    def from_pcm(
        cls, data: Any, rate: int, shape: Sequence[int], dtype: str, name: str = "", *, channel: int | None = None
    ) -> Sound:
        """Samples (n,) or (n, channels) of `int16`, `int32` or `float32` (full scale 1), `rate` a second.

        `data` is an array of that type, or its little-endian bytes in C order.
        """
        what = name or "The sound"
        if dtype not in PCM or not 1 <= len(shape) <= 2:
            raise RequestError(
                "audio", f"{what} has the shape {tuple(shape)} and the type {dtype}.",
                f"Valid are (n,) and (n, channels) of {', '.join(PCM)}.",
            )  # fmt: skip
        try:
            rate, size = index(rate), tuple(index(count) for count in shape)
        except TypeError as error:
            raise RequestError("audio", f"{what} has a rate or shape that is not whole: {rate}, {shape}.") from error
        values = _values(data, dtype, "audio", what)
        if min(size) < 0 or len(values) != math.prod(size) * ITEM_BYTES[dtype]:
            raise RequestError("audio", f"{what} has {len(values)} bytes; {size} of {dtype} are others.")
        buffer = Buffer("samples", dtype, size, values)
        return cls._travelling({"kind": "pcm", "rate": rate}, buffer, name, channel)

    @classmethod
    def on_server(cls, path: str | Path, *, channel: int | None = None) -> Sound:
        """A file that the sidecar reads itself: an absolute path on its machine, which need not be this one."""
        text = str(path)
        if not (PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute()):
            raise RequestError("path", f"{text!r} is not an absolute path.", "The sidecar has another working folder.")
        return cls({"kind": "path", "path": text, **({} if channel is None else {"channel": channel})})

    @classmethod
    def _travelling(cls, fields: dict[str, Any], buffer: Buffer, name: str, channel: int | None) -> Sound:
        if not buffer.data:
            raise RequestError("audio", f"{name or 'The sound'} is empty.", "Give a sound with a voice in it.")
        fields |= {"sha256": hashlib.sha256(buffer.data).hexdigest(), "name": name}
        return cls(fields if channel is None else {**fields, "channel": channel}, buffer)


@dataclass(frozen=True, eq=False)
class Settings:
    """How a sound is animated (docs/protocol.md, Settings).

    `emotion` is a label, a mixture as "happy:0.7,surprised:0.3", a map from label to weight, or "auto" for what is
    heard in the voice; a description `text`, or the bytes `image` of a PNG, JPEG or WEBP file called `image_name`,
    takes its place (`capabilities` of hello tell what the sidecar takes). `transcript` is what is said, "" for unknown;
    None lets a bundle that hears words listen for them, in `language` ("en", "" for any). `curve` (T,), an array of
    float32 or its bytes, takes the place of the heard intensity; `span` is (start, end) in seconds, end None for the
    end of the sound.
    """

    emotion: str | Mapping[str, float] = "neutral"
    text: str = ""
    image: bytes = b""
    image_name: str = ""
    transcript: str | None = None
    language: str = ""
    intensity: float = 1.0
    curve: Any = None
    span: tuple[float, float | None] | None = None
    fps: float = 60.0
    region: str = "full"
    smooth: bool = True
    blink: bool = True
    gaze: bool = True
    limits: bool = True
    seed: int = 0

    def fields(self) -> dict[str, Any]:
        """The settings as a request's body has them; `RequestError` `setting` for values that cannot be written."""
        try:
            fields: dict[str, Any] = {
                "guidance": self._guidance(),
                **({} if self.transcript is None else {"transcript": str(self.transcript)}),
                "language": str(self.language),
                "intensity": float(self.intensity),
                "fps": float(self.fps),
                "region": str(self.region),
                "finishing": {
                    "smooth": bool(self.smooth), "blink": bool(self.blink), "gaze": bool(self.gaze),
                    "limits": bool(self.limits), "seed": int(self.seed),
                },
            }  # fmt: skip
            if self.span is not None:
                start, end = self.span
                fields["span"] = [float(start), None if end is None else float(end)]
        except (TypeError, ValueError, AttributeError) as error:
            raise RequestError("setting", f"A setting is of a wrong type: {error}.") from error
        return fields

    def _guidance(self) -> dict[str, Any]:
        if self.text and self.image:
            raise RequestError("setting", "There is a text and a picture.", "Give one of the two.")
        if self.text:
            return {"kind": "text", "text": str(self.text)}
        if self.image:
            digest = hashlib.sha256(_values(self.image, "uint8", "setting", "The picture")).hexdigest()
            return {"kind": "image", "sha256": digest, "name": str(self.image_name)}
        if isinstance(self.emotion, str):
            auto = self.emotion.strip().lower() == "auto"
            return {"kind": "auto"} if auto else {"kind": "label", "emotion": self.emotion}
        weights = {str(label): float(weight) for label, weight in self.emotion.items()}
        return {"kind": "label", "emotion": weights}

    def buffers(self) -> list[Buffer]:
        """The picture and the intensity curve as the request's buffers, as far as there are such."""
        buffers = []
        if self.image:
            values = _values(self.image, "uint8", "setting", "The picture")
            buffers.append(Buffer("image", "uint8", (len(values),), values))
        if self.curve is not None:
            values = _values(self.curve, "float32", "setting", "The intensity curve")
            buffers.append(Buffer("intensity", "float32", (len(values) // ITEM_BYTES["float32"],), values))
        return buffers


DEFAULT = Settings()


def beyond(request: Message, limits: Mapping[str, Any], capabilities: Mapping[str, Any]) -> RequestError | None:
    """Why a sidecar of these limits and capabilities would not take the request, if so.

    Asked before it is sent: a message that is too large is dropped without a word.
    """
    sound = request.body.get("sound", {})
    name, kind = sound.get("name") or "The sound", sound.get("kind")
    kinds = capabilities.get("sounds")
    if kind and isinstance(kinds, list) and kind not in kinds:
        return RequestError(
            "unsupported", f"This sidecar takes no sound as {kind}.", f"It takes: {', '.join(map(str, kinds))}."
        )
    guidance, ways = request.body.get("guidance", {}), capabilities.get("guidance")
    way = guidance.get("kind")
    if way and isinstance(ways, list) and way not in ways:
        return RequestError(
            "unsupported", f"This sidecar's model takes no {way} as mood.", f"It takes: {', '.join(map(str, ways))}."
        )
    listens = request.type == "generate" and request.body.get("transcript") is None
    if listens and request.body.get("language") and not capabilities.get("words"):
        return RequestError("unsupported", "This sidecar hears no words, in any language.", "Leave it out.")
    special = {
        "image": (guidance.get("name") or "The picture", "max_image_bytes", "Make it smaller."),
        "intensity": ("The intensity curve", "max_bytes", "Give it in parts, or with a higher limit of the sidecar."),
    }
    usual = name, "max_bytes", "Give it as FLAC, in parts, or with a higher limit of the sidecar."
    for buffer in request.buffers:
        what, limit, hint = special.get(buffer.name, usual)
        if len(buffer.data) > (most := _limit(limits, limit)):
            return RequestError(
                "limit", f"{what} has {len(buffer.data)} bytes; this sidecar takes {most:.0f} at most.", hint
            )
    most = _limit(limits, "max_text")
    texts = {
        "transcript": request.body.get("transcript"),
        "emotion": guidance.get("emotion"),
        "text": guidance.get("text"),
        "picture's name": guidance.get("name"),
        "name": sound.get("name"),
        "language": request.body.get("language"),
    }
    for what, text in texts.items():
        if isinstance(text, str) and len(text.encode()) > most:
            return RequestError(
                "limit", f"The {what} has {len(text.encode())} bytes; this sidecar takes {most:.0f} at most."
            )
    return None


def _limit(limits: Mapping[str, Any], name: str) -> float:
    value = limits.get(name)
    return value if isinstance(value, (int, float)) else math.inf


def _values(data: Any, dtype: str, code: str, what: str) -> bytes:
    """The bytes of an array of `dtype`, or bytes as they are: a copy, for a request may be sent twice."""
    try:
        view = memoryview(data)
    except TypeError as error:
        raise RequestError(code, f"{what} is a {type(data).__name__}, no bytes and no array of {dtype}.") from error
    kind = view.format.lstrip("@=<")
    if kind not in ("B", "c", *_CODES[dtype]) or (kind in _CODES[dtype] and view.itemsize != ITEM_BYTES[dtype]):
        raise RequestError(code, f"{what} is an array of the type {view.format!r}; {dtype} is needed.")
    if view.nbytes % ITEM_BYTES[dtype]:
        raise RequestError(code, f"{what} has {view.nbytes} bytes, which are no whole number of {dtype}.")
    return data if isinstance(data, bytes) else view.tobytes()
