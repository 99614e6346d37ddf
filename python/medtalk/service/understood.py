"""What the model makes of texts and pictures, kept: to decode by one again costs nothing. For all threads."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import replace

from medtalk.errors import ServiceError
from medtalk.guidance import NEUTRAL, Embedding, Guidance, Picture, beside, guidance_of
from medtalk.limits import ServiceLimits
from medtalk.perform import Model
from medtalk.service.cache import ByteCache
from medtalk.service.settings import Asked, ReceivedPicture
from medtalk.timeline import Span, Timeline
from medtalk.watch import checkpoint

_GUIDANCES = 256
"""Texts and pictures that are kept."""
_HASH_BLOCK = 8 << 20  # bytes between two looks at whether the job was cancelled


class Understood:
    """The guidances of requests."""

    def __init__(self, model: Model, limits: ServiceLimits) -> None:
        self._model = model
        self._limits = limits
        self._guidances: ByteCache[Guidance] = ByteCache(_GUIDANCES)  # each counts 1
        self._lock = threading.Lock()

    def guidance(self, asked: Asked) -> Guidance:
        """The guidance that settings ask for, with their timeline. Raises `MedtalkError`."""
        return self.timed(self.base(asked), asked)

    def base(self, asked: Asked) -> Guidance:
        """The same without the timeline."""
        settings = asked.settings
        emotion = settings.emotion
        if emotion is None and not (settings.text or asked.picture):
            emotion = NEUTRAL
        return self._understood(emotion, settings.text, asked.picture)

    def timed(self, base: Guidance, asked: Asked) -> Guidance:
        """The timeline of settings over `base`, or that alone."""
        return base if asked.settings.timeline is None else Timeline(base, self.spans(asked))

    def spans(self, asked: Asked) -> tuple[tuple[Span, Guidance], ...]:
        """The spans of the timeline of settings, with what they are guided by; none without one."""
        pictures, nothing = iter(asked.pictures), guidance_of(NEUTRAL)

        def guidance(span: Span) -> Guidance:
            return self._understood(span.emotion, span.text, next(pictures))

        return Timeline.of(nothing, asked.settings.timeline or (), guidance).spans

    def _understood(
        self, emotion: str | Mapping[str, float] | None, text: str, picture: ReceivedPicture | None
    ) -> Guidance:
        """The guidance of labels, of a text or picture, or of both; what the model makes of the latter is kept."""
        if not (text or picture):
            assert emotion is not None
            return guidance_of(emotion)
        data = None if picture is None else _file(picture, self._limits)
        key = f"image {picture.sha256}" if picture else f"text {text}"
        with self._lock:
            guidance = self._guidances.get(key)
        if guidance is None:
            guidance = self._model.guide(text=text or None, image=data)
            with self._lock:
                self._guidances.put(key, guidance, 1)
        if picture and isinstance(guidance, Embedding | Picture):
            guidance = replace(guidance, name=picture.name)  # the same picture may come by another name
        return guidance if emotion is None else beside(guidance, emotion)


def _file(picture: ReceivedPicture, limits: ServiceLimits) -> bytes:
    """The bytes of a picture, checked as far as can be without decoding it."""
    from medtalk.backbones.picture import check_picture

    data, name = bytes(picture.data.data), picture.name or "The picture"
    if digest(memoryview(data)) != picture.sha256:
        raise ServiceError("checksum", f"{name} was damaged on the way.", "Send it again.")
    check_picture(name, data, limits.max_pixels)
    return data


def digest(data: memoryview) -> str:
    """The SHA-256 of bytes; ends early if the job is cancelled."""
    found = hashlib.sha256()
    for at in range(0, data.nbytes, _HASH_BLOCK):
        checkpoint()
        found.update(data[at : at + _HASH_BLOCK])
    return found.hexdigest()
