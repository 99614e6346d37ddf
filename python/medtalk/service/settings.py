"""The settings of a request, typed and checked: of a job, and of a stream (`docs/protocol.md`, Settings)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple, get_type_hints

import msgspec
import numpy as np
from numpy.typing import NDArray

from medtalk.errors import GuidanceError, LimitError, ServiceError
from medtalk.guidance import check_text, emotion_weights, is_auto
from medtalk.limits import ServiceLimits
from medtalk.rates import FPS
from medtalk.take import checked
from medtalk.timeline import Span, spans_of, within
from medtalk_wire.protocol import Buffer
from medtalk_wire.request import GUIDANCE_FIELDS, flat
from medtalk_wire.settings import AUTO, DEFAULT, Settings

SHA256 = re.compile(r"[0-9a-f]{64}")
GUIDANCE = ("label", "text", "image", AUTO)
# Messages and hints for guidance that the model, or this Python, does not support.
_LACKING = {
    "text": ("The bundle does not understand descriptions", "Give a label."),
    "image": (
        "The bundle does not understand pictures",
        "Run pip install 'medtalk[picture]' on the machine that computes, or start it with another --bundle DIR.",
    ),
    AUTO: (
        "The emotion in a voice cannot be heard",
        "Run pip install 'medtalk[full]' on the machine that computes, or give a label.",
    ),
}


class GuidanceFields(msgspec.Struct):
    kind: str = "label"
    emotion: Any = "neutral"
    labels: Any = None
    text: str = ""
    sha256: str = ""
    name: str = ""


class SpanPicture(msgspec.Struct):
    bytes: int
    sha256: str = ""
    name: str = ""


# The fields of `Settings` that travel by their name, typed as they are declared there.
_NAMED = tuple(each.name for each in fields(Settings) if each.name not in (*GUIDANCE_FIELDS, "curve"))
_TYPES = get_type_hints(Settings)
FIELDS = [
    ("guidance", GuidanceFields, msgspec.field(default_factory=GuidanceFields)),
    *((name, _TYPES[name], getattr(DEFAULT, name)) for name in _NAMED),
]
"""Those and the guidance, for the structs of requests."""
_KNOBS = flat({**dict.fromkeys(_NAMED), "finishing": asdict(DEFAULT.finishing)})
SETTINGS = ("guidance.labels", "transcript.tags", *_KNOBS)
"""The settings that this sidecar knows, for `capabilities`."""


@dataclass(frozen=True)
class ReceivedPicture:
    """A picture on its way in, as the bytes of its file."""

    name: str
    data: Buffer
    sha256: str


class Asked(NamedTuple):
    """Checked settings; where a picture leads, `picture` has the sum to check it by, and `pictures` those of the
    timeline's spans, None for a span without one."""

    settings: Settings
    picture: ReceivedPicture | None
    pictures: tuple[ReceivedPicture | None, ...]

    @property
    def nbytes(self) -> int:
        """Of all their pictures."""
        return sum(picture.data.shape[0] for picture in (self.picture, *self.pictures) if picture)


def read_settings(body: Any, named: dict[str, Buffer], limits: ServiceLimits, guidance: Sequence[str]) -> Asked:
    """The settings of a struct with `FIELDS`. Their buffers are taken out of `named`. Raises `MedtalkError`."""
    _check_guidance(body.guidance.kind, guidance)
    curve = named.pop("intensity", None)
    picture = _picture(body.guidance, named.pop("image", None), limits) if body.guidance.kind == "image" else None
    spans, pictures = _timeline(body.timeline, named.pop("images", None), limits)
    for span in spans or ():
        with within(span.where):
            _check_guidance("text" if span.text else "image" if span.image else _kind(span.emotion), guidance)
    return Asked(_settings(body, picture, spans, curve, limits), picture, pictures)


def _kind(emotion: object) -> str:
    return AUTO if is_auto(emotion) else "label"


def _check_guidance(kind: str, valid: Sequence[str]) -> None:
    if kind not in valid:
        lacking = _LACKING.get(kind)
        what, hint = lacking or (f"There is no guidance of kind {kind[:40]!r}", "")
        raise ServiceError("unsupported", f"{what}; valid here are {', '.join(valid)}.", hint)


def _picture(fields: GuidanceFields, data: Buffer | None, limits: ServiceLimits) -> ReceivedPicture:
    name = fields.name or "The picture"
    if len(fields.name.encode()) > limits.max_text:
        raise LimitError(f"The name of the picture is longer than {limits.max_text} bytes.", "Shorten it.")
    if data is None or data.dtype != "uint8" or len(data.shape) != 1:
        raise ServiceError("bad_message", "Guidance of kind image needs the buffer image, uint8 of shape (n,).")
    if not SHA256.fullmatch(fields.sha256):
        raise ServiceError("bad_message", "The picture's sha256 is not 64 hexadecimal digits in lower case.")
    size = data.shape[0]
    if size == 0:
        raise GuidanceError(f"{name} is empty.", "Give a PNG, JPEG or WEBP file.")
    if size > limits.max_image_bytes:
        raise LimitError(f"{name} has {size} bytes; the limit is {limits.max_image_bytes}.", "Make it smaller.")
    return ReceivedPicture(fields.name, data, fields.sha256)


def _timeline(
    timeline: Sequence[Any] | None, images: Buffer | None, limits: ServiceLimits
) -> tuple[tuple[Span, ...] | None, tuple[ReceivedPicture | None, ...]]:
    """The checked spans of a timeline and their pictures, which lie one after the other in the buffer `images`."""
    if timeline is None:
        return None, ()
    data = memoryview(b"") if images is None else memoryview(images.data).cast("B")
    filled, pictures, at = [], [], 0
    for number, span in enumerate(timeline, start=1):
        picture = None
        if isinstance(span, dict) and span.get("image"):
            where = f"The timeline, span {number}"
            with within(where):
                fields = msgspec.convert(span["image"], SpanPicture)
                size = max(fields.bytes, 0)
                part = Buffer("image", "uint8", (size,), data[at : at + size])
                picture = _picture(GuidanceFields(name=fields.name, sha256=fields.sha256), part, limits)
                if at + size > len(data):
                    raise ServiceError("bad_message", "The buffer images is shorter than the pictures.")
            at += size
            span = {**span, "image": bytes(picture.data.data), "image_name": fields.name}
        filled.append(span)
        pictures.append(picture)
    if at != len(data) or (images is not None and (images.dtype != "uint8" or len(images.shape) != 1)):
        raise ServiceError("bad_message", "The buffer images must be the uint8 of the timeline's pictures, no more.")
    return spans_of(filled), tuple(pictures)


def _settings(
    body: Any,
    picture: ReceivedPicture | None,
    spans: Sequence[Span] | None,
    curve: Buffer | None,
    limits: ServiceLimits,
) -> Settings:
    guidance: GuidanceFields = body.guidance
    kind = guidance.kind
    named, mixed = _emotion(guidance.emotion), None if guidance.labels is None else _emotion(guidance.labels)
    if mixed is not None and kind not in ("text", "image"):
        raise ServiceError("bad_message", f"Guidance of kind {kind} takes no labels beside it.")
    emotion = {"label": named, AUTO: AUTO}.get(kind, mixed)
    description = guidance.text if kind == "text" else ""
    texts = {
        "transcript": body.transcript or "",
        "emotion": "".join(emotion or ""),  # of a map, its labels
        "text": description,
        "language": body.language,
    }
    for what, text in texts.items():
        if len(text.encode()) > limits.max_text:
            raise LimitError(f"The {what} has {len(text)} characters; the limit is {limits.max_text} bytes.", "Cut it.")
    return checked(
        Settings(
            emotion=emotion_weights(emotion) if kind == "label" and emotion is not None else emotion,
            text=check_text(description) if kind == "text" else "",
            image=picture.data.data if picture else b"",
            image_name=picture.name if picture else "",
            curve=None if curve is None else _curve(curve, limits),
            **{**{name: getattr(body, name) for name in _NAMED}, "timeline": spans},
        )
    )


def _emotion(value: Any) -> str | dict[str, float]:
    try:
        return msgspec.convert(value, str | dict[str, float])
    except msgspec.ValidationError:
        raise ServiceError("bad_message", "The emotion must be a text or a map from label to weight.") from None


def _curve(curve: Buffer, limits: ServiceLimits) -> NDArray[np.float32]:
    if curve.dtype != "float32" or curve.shape[1:] not in ((), (2,)):
        raise ServiceError("bad_message", "The buffer intensity must be float32 of shape (T,) or (N, 2).")
    if curve.shape[0] > limits.audio.max_seconds * FPS:
        raise LimitError(
            f"The intensity curve has {curve.shape[0]} values; the limit is {limits.audio.max_seconds * FPS:g}.",
            "Give one value for each 60 fps frame of the whole sound.",
        )
    return np.frombuffer(curve.data, "<f4").reshape(curve.shape)
