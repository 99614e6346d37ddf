"""A client's request as it travels: a sound, and the settings of a take."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import index
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, get_args

from medtalk_wire.errors import RequestError
from medtalk_wire.protocol import ITEM_BYTES, STREAMS, Buffer, Message
from medtalk_wire.settings import AUTO, DEFAULT, SPAN_FIELDS, Finishing, Settings, knobs

PCM = ("int16", "int32", "float32")
"""The types of samples that travel."""
LIVE = ("guidance", "intensity", "timeline", "persona", "region", "finishing")
"""The settings that a stream has."""

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
        values = values_of(data, "uint8", "audio", name or "The sound")
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
        values = values_of(data, dtype, "audio", what)
        if min(size) < 0 or len(values) != math.prod(size) * ITEM_BYTES[dtype]:
            raise RequestError("audio", f"{what} has {len(values)} bytes, not those of {size} of {dtype}.")
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


def body_of(settings: Settings) -> dict[str, Any]:
    """The settings as a request's body has them; `RequestError` `setting` for values that cannot be written."""
    try:
        body = {**_plain(settings), "guidance": _guidance(settings)}
        if settings.span is not None:
            start, end = settings.span
            body["span"] = [float(start), None if end is None else float(end)]
        if settings.timeline is not None:
            body["timeline"] = [_span(span) for span in settings.timeline]
        return body
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RequestError("setting", f"A setting is of a wrong type: {error}.") from error


def stream_body_of(settings: Settings) -> dict[str, Any]:
    """The settings as the body of a `stream_open` has them; `RequestError` `setting` for those of a whole sound."""
    body = body_of(settings)
    usual = body_of(DEFAULT)
    for name in [name for name in body if name not in LIVE]:
        if body.pop(name) != usual.get(name):
            raise RequestError("setting", f"A stream takes no {name}, which is of a whole sound.", "Leave it out.")
    if settings.curve is not None:
        raise RequestError("setting", "A stream takes no intensity curve, which is of a whole sound.", "Leave it out.")
    return body


def buffers_of(settings: Settings) -> list[Buffer]:
    """The picture, those of the timeline, and the intensity curve, where there are such, as the request's buffers."""
    buffers = []
    if settings.image:
        values = values_of(settings.image, "uint8", "setting", "The picture")
        buffers.append(Buffer("image", "uint8", (len(values),), values))
    if pictures := b"".join(_picture(span) for span in settings.timeline or () if span.get("image")):
        buffers.append(Buffer("images", "uint8", (len(pictures),), pictures))
    if settings.curve is not None:
        values = values_of(settings.curve, "float32", "setting", "The intensity curve")
        shape = getattr(settings.curve, "shape", ())
        shape = tuple(shape) if len(shape) == 2 else (len(values) // ITEM_BYTES["float32"],)
        buffers.append(Buffer("intensity", "float32", shape, values))
    return buffers


GUIDANCE_FIELDS = ("emotion", "text", "image", "image_name")
"""Fields of `Settings` that travel as `guidance`; the curve travels as a buffer, every other field by its name."""


def flat(body: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a body by their names, those of `finishing` as `finishing.NAME`."""
    plain = {name: value for name, value in body.items() if name not in ("guidance", "finishing")}
    return plain | {f"finishing.{name}": value for name, value in body.get("finishing", {}).items()}


_NAMES = {
    *(knob.name for knob in knobs(Settings) if knob.name not in GUIDANCE_FIELDS),
    *(f"finishing.{knob.name}" for knob in knobs(Finishing)),
}
_UPDATE = "Update MEDTalk there, or leave it out."
_SETTINGS_OF_1_3 = (
    "transcript language intensity span fps region finishing.smooth finishing.blink finishing.gaze finishing.limits "
    "finishing.seed"
).split()
"""What sidecars know that do not list it (`capabilities.settings` of docs/protocol.md)."""


def _plain(settings: Settings | Finishing) -> dict[str, Any]:
    """The fields that travel by their name, each of its own type. What is None is left out."""
    body: dict[str, Any] = {}
    for knob in knobs(type(settings)):
        value = getattr(settings, knob.name)
        if knob.name not in (*GUIDANCE_FIELDS, "curve", "span", "timeline") and not (value is None and knob.optional):
            body[knob.name] = _as(knob.kind, value, knob.name)
    if isinstance(settings, Settings):
        body["finishing"] = _plain(settings.finishing)
    return body


def _as(kind: Any, value: Any, name: str) -> Any:
    """`value` as a type that travels, with nothing lost; numbers of numpy are numbers."""
    if kind is Any:
        return json.loads(json.dumps(value))
    if isinstance(value, Mapping):
        return {str(key): _as(get_args(kind)[1], each, name) for key, each in value.items()}
    is_bool = type(value).__name__ in ("bool", "bool_")
    if is_bool == (kind is bool) and not (isinstance(value, str) and kind is not str):
        if kind is bool:
            return bool(value)
        if kind is int:
            return index(value)  # pyright: ignore[reportArgumentType]
        if kind is float:
            return float(value)
        if kind is str and isinstance(value, str):
            return value
    raise TypeError(f"{name} is {value!r:.40}")


def _span(span: Mapping[str, Any]) -> dict[str, Any]:
    """A span of a timeline; in place of its picture, what finds and checks it in the buffer `images`."""
    if unknown := [name for name in span if name not in SPAN_FIELDS]:
        valid = f"Valid are {', '.join(SPAN_FIELDS)}."
        raise RequestError("setting", f"A span has the unknown name {str(unknown[0])[:40]!r}.", valid)
    body = {name: _travels(value) for name, value in span.items() if name not in ("image", "image_name")}
    if span.get("image"):
        data = _picture(span)
        name = str(span.get("image_name", ""))
        body["image"] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "name": name}
    return body


def _picture(span: Mapping[str, Any]) -> bytes:
    return values_of(span["image"], "uint8", "setting", "The picture")


def _travels(value: Any) -> Any:
    """A value of a span as a message takes it; numbers of numpy are numbers."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _travels(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_travels(each) for each in value]
    if type(value).__name__ in ("bool", "bool_"):
        raise TypeError(f"a span has {value!r:.40}")
    return float(value)


def _guidance(settings: Settings) -> dict[str, Any]:
    emotion: Any = settings.emotion
    if emotion is not None and not isinstance(emotion, str):
        emotion = {str(label): float(weight) for label, weight in emotion.items()}
    labels = {} if emotion is None else {"labels": emotion}
    if settings.text and settings.image:
        raise RequestError("setting", "Text and picture are both set.", "Clear one.")
    if settings.text:
        return {"kind": "text", "text": str(settings.text), **labels}
    if settings.image:
        digest = hashlib.sha256(values_of(settings.image, "uint8", "setting", "The picture")).hexdigest()
        return {"kind": "image", "sha256": digest, "name": str(settings.image_name), **labels}
    if emotion is None and settings.persona is not None:
        emotion = settings.persona.get("emotion")
    auto = isinstance(emotion, str) and emotion.strip().lower() == AUTO
    return {"kind": AUTO} if auto else {"kind": "label", "emotion": "neutral" if emotion is None else emotion}


def beyond(request: Message, limits: Mapping[str, Any], capabilities: Mapping[str, Any]) -> RequestError | None:
    """The error that a sidecar of these limits and capabilities would answer, if any.

    Asked before it is sent: a message that is too large is dropped without a word.
    """
    if request.type in STREAMS and capabilities.get("streams") is not True:
        return RequestError("unsupported", "This sidecar plays no streams.", "Update MEDTalk there, or its bundle.")
    sound = request.body.get("sound", {})
    name, kind = sound.get("name") or "The sound", sound.get("kind")
    kinds = capabilities.get("sounds")
    if kind and isinstance(kinds, list) and kind not in kinds:
        return RequestError(
            "unsupported",
            f"This sidecar does not accept sounds as {kind}.",
            f"It accepts: {', '.join(map(str, kinds))}.",
        )
    guidance, ways = request.body.get("guidance", {}), capabilities.get("guidance")
    way = guidance.get("kind")
    if way and isinstance(ways, list) and way not in ways:
        return RequestError(
            "unsupported",
            f"This sidecar's model does not accept guidance of kind {way}.",
            f"It accepts: {', '.join(map(str, ways))}.",
        )
    known = capabilities.get("settings", _SETTINGS_OF_1_3)
    usual = flat(body_of(DEFAULT))
    for setting, value in flat(request.body).items():
        if value is False and setting.startswith("finishing."):
            continue  # a sidecar that does not know a step does not take it either
        if setting in _NAMES and value != usual.get(setting) and setting not in known:
            return RequestError("unsupported", f"This sidecar has no setting {setting}.", _UPDATE)
    if guidance.get("labels") is not None and "guidance.labels" not in known:
        return RequestError("unsupported", "This sidecar cannot mix labels with a text or picture.", _UPDATE)
    if "[" in (request.body.get("transcript") or "") and "transcript.tags" not in known:
        return RequestError("unsupported", "This sidecar reads no tags in a transcript.", _UPDATE)
    listens = request.type == "generate" and request.body.get("transcript") is None
    if listens and request.body.get("language") and not capabilities.get("words"):
        return RequestError(
            "unsupported", "This sidecar does not transcribe speech, so it takes no language.", "Leave it out."
        )
    special = {
        "image": (guidance.get("name") or "The picture", "max_image_bytes", "Make it smaller."),
        "images": ("The pictures of the timeline", "max_bytes", "Make them smaller."),
        "intensity": ("The intensity curve", "max_bytes", "Send it in parts, or raise the sidecar's limit."),
    }
    usual = name, "max_bytes", "Send it as FLAC or in parts, or raise the sidecar's limit."
    for buffer in request.buffers:
        what, limit, hint = special.get(buffer.name, usual)
        if len(buffer.data) > (most := _limit(limits, limit)):
            return RequestError(
                "limit", f"{what} has {len(buffer.data)} bytes; this sidecar accepts at most {most:.0f}.", hint
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
                "limit", f"The {what} has {len(text.encode())} bytes; this sidecar accepts at most {most:.0f}."
            )
    return None


def _limit(limits: Mapping[str, Any], name: str) -> float:
    value = limits.get(name)
    return value if isinstance(value, (int, float)) else math.inf


def sample_type(data: Any, usual: str) -> str:
    """The type of an array of samples; `usual` for bytes. `RequestError` `audio` for another."""
    try:
        kind, size = memoryview(data).format.lstrip("@=<"), memoryview(data).itemsize
    except TypeError as error:
        raise RequestError("audio", f"The sound is a {type(data).__name__}, neither bytes nor an array.") from error
    if kind in ("B", "c"):
        return usual
    for dtype in PCM:
        if kind in _CODES[dtype] and size == ITEM_BYTES[dtype]:
            return dtype
    raise RequestError("audio", f"The sound is an array of the type {kind!r}.", f"Valid are {', '.join(PCM)}.")


def values_of(data: Any, dtype: str, code: str, what: str) -> bytes:
    """The bytes of an array of `dtype`, or bytes as they are: a copy, for a request may be sent twice."""
    try:
        view = memoryview(data)
    except TypeError as error:
        raise RequestError(
            code, f"{what} is a {type(data).__name__}, neither bytes nor an array of {dtype}."
        ) from error
    kind = view.format.lstrip("@=<")
    if kind not in ("B", "c", *_CODES[dtype]) or (kind in _CODES[dtype] and view.itemsize != ITEM_BYTES[dtype]):
        raise RequestError(code, f"{what} is an array of the type {view.format!r}; {dtype} is needed.")
    if view.nbytes % ITEM_BYTES[dtype]:
        raise RequestError(code, f"{what} has {view.nbytes} bytes, not a whole number of {dtype}.")
    return data if isinstance(data, bytes) else view.tobytes()
