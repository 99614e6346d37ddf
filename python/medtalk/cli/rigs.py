"""The makers of the rigs of `generate`: a model in this process, or the sidecar. Both do it by the same settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from medtalk.errors import MedtalkError
from medtalk.guidance import read_picture
from medtalk.rig import RigSequence, Timed
from medtalk.tags import spoken
from medtalk.timeline import Span, within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.guidance import Guidance
    from medtalk.perform import Model, Performance
    from medtalk_wire import Settings

Tell = Callable[[float], None]
"""Takes the fraction of the work that is done, 0 to 1."""


class Rigs(Protocol):
    """A maker of rigs, for a `with` block. `heard` is the performance of the last one, where it is at hand."""

    heard: Performance | None

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def make(self, sound: Path, transcript: str | None, tell: Tell) -> RigSequence:
        """The rig of a sound; `transcript` None has the words transcribed.

        Raises:
            MedtalkError: an error of the sound or a setting. A `ServiceError` is of the sidecar, or of the
                way to it, and the next sound would meet it too.
        """
        ...


class LocalRigs:
    """A model of this process, by checked settings.

    `ready` has the file of ready-made features of each sound, if there are any (`medtalk.cli.ready_made`).
    """

    def __init__(self, model: Model, settings: Settings, channel: int | None, ready: Mapping[Path, Path]) -> None:
        self._model, self._channel, self._ready = model, channel, ready
        self._settings = replace(settings, transcript=None)  # each sound brings its own
        self._guidance: Guidance | None = None
        self.heard: Performance | None = None

    def __enter__(self) -> Self:
        from medtalk.cli.ready_made import all_have

        for library in ("scipy.fft", "scipy.ndimage", "soundfile", "soxr"):
            import_module(library)  # else at first use, and counted into the first sound's time
        if not all_have(self._features_name, self._ready):
            self._guide({})  # what is wrong with it is reported before any work is done
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def make(self, sound: Path, transcript: str | None, tell: Tell) -> RigSequence:
        from medtalk.cli.ready_made import read_features
        from medtalk.take import informed, take
        from medtalk.watch import telling

        features = read_features(self._ready[sound]) if self._ready else {}
        settings = replace(self._settings, transcript=transcript)
        with telling(tell):
            self.heard = performance = self._model.perform(
                sound, spoken(transcript), channel=self._channel, emotion2vec=features.get("emotion2vec"),
                language=self._settings.language or None,
            )  # fmt: skip
            return take(informed(performance, settings), self._guide(features), settings)

    @property
    def _features_name(self) -> str:
        return "clip_text" if self._settings.text else "clip_image"

    def _guide(self, features: Mapping[str, NDArray]) -> Guidance:
        """The guidance: made once, unless a sound brings features of its own for it."""
        from medtalk.take import guided

        settings = self._settings
        own: Any = features.get(self._features_name) if settings.text or settings.image else None
        if own is None and self._guidance is not None:
            return self._guidance
        guidance = guided(self._model, settings, own)
        if own is None:
            self._guidance = guidance
        return guidance


def _travelling(span: Span) -> dict[str, Any]:
    """A span with the bytes of its picture."""
    with within(span.where):
        return span.mapping() | ({"image": read_picture(span.image)[1]} if span.image else {})


class SidecarRigs:
    """The sidecar at `server`, with the keys in a folder (`remote.find`), by checked settings."""

    def __init__(self, server: str, keys: Path | None, settings: Settings, channel: int | None) -> None:
        if settings.image:
            name, data = read_picture(settings.image)
            settings = replace(settings, image=data, image_name=Path(name).name)
        self._spans = [span.where for span in settings.timeline or ()]
        if settings.timeline is not None:
            settings = replace(settings, timeline=[_travelling(span) for span in settings.timeline])
        self._settings = settings
        self.heard: Performance | None = None
        self._server, self._keys, self._channel = server, keys, channel

    def __enter__(self) -> Self:
        from medtalk.cli import remote  # a run of this process needs no sockets

        with ExitStack() as stack:
            self._client = stack.enter_context(remote.connected(remote.find(self._server, self._keys)))
            self._client.wait(self._client.hello())  # before anything is read: is somebody there, with our channels?
            self._open = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def make(self, sound: Path, transcript: str | None, tell: Tell) -> RigSequence:
        import numpy as np

        from medtalk.cli import remote

        settings = replace(self._settings, transcript=transcript)
        try:
            result = remote.generate(self._client, sound, settings, self._channel, tell)
        except MedtalkError as error:  # the sidecar knows no file of the spans
            error.message = re.sub(r"[Tt]he timeline, span (\d+)", self._span, error.message)
            raise
        words, phones = (tuple(Timed(*each) for each in timed) for timed in (result.words, result.phones))
        head = None if result.head is None else np.asarray(result.head)
        return RigSequence(np.asarray(result.rig), result.fps, result.meta, words, phones, head)

    def _span(self, named: re.Match[str]) -> str:
        """How this process calls the span that the sidecar names by its number."""
        number = int(named[1])
        return self._spans[number - 1] if 0 < number <= len(self._spans) else named[0]
