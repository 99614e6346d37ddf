"""The ear of a compact bundle while the sound is still coming: states of Whisper's layers, a few at a time.

The log-mel is computed once (`features.live_mel`). A state is final when enough was heard after it; those after it are
provisional, and come again. Final states never change, and depend on the sound alone, not on how it was cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from medtalk.engine.compact import softmax
from medtalk.features import whisper_mel
from medtalk.features.listening import EDGE
from medtalk.features.listening import FPS as STATES
from medtalk.features.live_mel import LiveMel
from medtalk.features.phones import N_PHONES
from medtalk.features.whisper_mel import N_MELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.engine.compact import CompactEngine
    from medtalk.engine.onnx_graph import OnnxGraph

HOP = whisper_mel.HOP
"""Samples that an ear takes whole multiples of: 10 ms at 16 kHz."""
WINDOW = 1.5
"""Seconds of sound that a window reaches back."""
HISTORY = 100
"""States whose keys and values are kept: 2 s."""
PLACES = 1500
"""Places that Whisper knows: 30 s."""
STEP = 2
"""States that are heard at a time, where steps are long enough."""
_STATE = 2 * HOP  # samples
_CATCH_UP = 8  # states of the past in a step, beside those of the present, while places begin anew
_HURRY = 50  # states that are heard at once at most
_AROUND = 2  # states to either side that the head looks at
_BESIDE = 3  # frames of log-mel of a chunk beyond two a state: two before it, one after it


class Heard50(NamedTuple):
    """States that are new or heard better than before, 50 a second.

    Attributes:
        first: the number of the first; state k is heard at k / 50 s.
        features: (S, F - 1).
        posteriors: (S, 35) of the phones.
        final: how many of them will not change; the others come again.
    """

    first: int
    features: NDArray[np.float32]
    posteriors: NDArray[np.float32]
    final: int


class LiveEar(Protocol):
    """Hears a sound as it comes."""

    @property
    def look_ahead(self) -> float:
        """Seconds of sound that a final state has after it."""
        ...

    def hear(self, samples: NDArray[np.float32], hurry: bool = False) -> Heard50:
        """The next samples, whole hops of `HOP` at 16 kHz.

        In a `hurry` all whole steps of them are heard at once, up to a second, which is quicker and not quite the same.
        """
        ...


def open_live_ear(engine: CompactEngine, look_ahead: float, step: float = STEP / STATES) -> LiveEar:
    """The ear of a bundle, with so many seconds of sound after what is final, for steps of so many seconds.

    It keeps keys and values where the bundle has the graph `live.onnx`, and hears windows anew where it has not.
    """
    states = min(max(1, round(step * STATES)), STEP)
    graph = engine.live_graph
    return WindowEar(engine, look_ahead, step=states) if graph is None else CachedEar(graph, look_ahead, step=states)


class _Frames:
    """The log-mel of a stream as far as it is needed, by the numbers of its frames; silence before the stream."""

    def __init__(self, kept: int) -> None:
        self._mel, self._kept = LiveMel(), kept
        self._values = self._mel.push(np.zeros(EDGE * _STATE, np.float32))
        self._first = -2 * EDGE

    def push(self, samples: NDArray[np.float32]) -> None:
        self._values = np.concatenate([self._values, self._mel.push(samples)])
        spare = len(self._values) - self._kept
        if spare > 0:
            self._values, self._first = self._values[spare:], self._first + spare

    def part(self, first: int, end: int) -> NDArray[np.float32]:
        """Frames (N, 80); those that the sound does not reach yet are as its last one."""
        known = np.concatenate([self._values, self._mel.clipped()])
        return known[np.clip(np.arange(first, end) - self._first, 0, len(known) - 1)]


class _SteppingEar:
    """Cuts a stream into steps, so that it matters nowhere how it came."""

    def __init__(self, look_ahead: float, step: int, past: int) -> None:
        """`past`: states whose log-mel is needed again."""
        self.look_ahead = look_ahead
        self._ahead, self._step = round(look_ahead * STATES), step
        self._pending = np.zeros(0, np.float32)
        self._frames = _Frames(2 * (past + self._ahead + _HURRY) + _BESIDE)
        self._newest = 0  # state, at the end of the sound
        self._final = min(0, 1 - self._ahead)  # states before it

    def hear(self, samples: NDArray[np.float32], hurry: bool = False) -> Heard50:
        """The next samples, whole hops of `HOP` at 16 kHz."""
        self._pending = np.concatenate([self._pending, samples])
        first, size, features, logits = self._final, self._step * _STATE, [], []
        if hurry:
            size *= max(min(len(self._pending), _HURRY * _STATE) // size, 1)
        while len(self._pending) >= size:
            self._frames.push(self._pending[:size])
            self._pending = self._pending[size:]
            self._newest += size // _STATE
            begun, self._final = self._final, self._newest - self._ahead + 1
            heard = self._states(begun)
            whole = len(self._pending) < size
            for values, part in zip((features, logits), heard, strict=True):
                values.append(part if whole else part[: self._final - begun])
        if not features:
            return self._nothing(max(first, 0))
        start = max(0, -first)  # the silence before the stream is nobody's business
        known, phones = np.concatenate(features)[start:], np.concatenate(logits)[start:]
        return Heard50(first + start, known, softmax(phones), max(self._final - first - start, 0))

    def _nothing(self, first: int) -> Heard50:
        shape = self._width
        return Heard50(first, np.zeros((0, shape), np.float32), np.zeros((0, N_PHONES), np.float32), 0)

    @property
    def _width(self) -> int:
        """How many features a state has."""
        raise NotImplementedError

    def _states(self, first: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features and logits of the states from `first` to the newest; those before `_final` are final now."""
        raise NotImplementedError


class WindowEar(_SteppingEar):
    """The ear of any compact bundle, over the last `history` seconds at each step."""

    def __init__(self, engine: CompactEngine, look_ahead: float, history: float = WINDOW, step: int = STEP) -> None:
        self._engine, self._history = engine, round(history * STATES)
        super().__init__(look_ahead, step, self._history)
        self._features = 0

    @property
    def _width(self) -> int:
        if not self._features:
            self._features = self._engine.listen_to(np.zeros((2, N_MELS), np.float32))[0].shape[1]
        return self._features

    def _states(self, first: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        end = self._newest + 1
        begin = max(min(first, end - self._history), -EDGE)
        features, logits = self._engine.listen_to(self._frames.part(2 * begin, 2 * end))
        return features[first - begin :], logits[first - begin :]


class CachedEar(_SteppingEar):
    """The ear of a bundle with `live.onnx`: a step hears what is new, over keys and values that it keeps.

    Whisper's places end at 30 s. Some seconds before, a second track begins at place 0, a history back, and hears a few
    states more in each step until it has caught up and takes over: no step has much more to do than another.
    """

    def __init__(self, graph: OnnxGraph, look_ahead: float, history: int = HISTORY, step: int = STEP) -> None:
        """`history`: states whose keys and values are kept."""
        super().__init__(look_ahead, step, 2 * history + EDGE)
        self._graph, self._history = graph, history
        self._sizes = _Sizes.of(graph)
        self._track = _Track(graph, self._sizes, history, -EDGE)
        self._next: _Track | None = None
        self._track.hear(self._frames, self._final, 1)

    @property
    def _width(self) -> int:
        return self._sizes.features

    def _states(self, first: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        end = self._newest + 1
        heard = self._track.hear(self._frames, self._final, end)
        if self._next is None and end + self._room() > self._track.places_end:
            self._next = _Track(self._graph, self._sizes, self._history, self._final - self._history)
        if self._next is not None:
            hurries = self._final - first > self._step
            reach = end if hurries else min(self._next.state + _CATCH_UP + self._ahead, end)
            self._next.hear(self._frames, reach - self._ahead, reach)
            if reach == end:
                self._track, self._next = self._next, None
        return heard

    def _room(self) -> int:
        """States that pass while a new track catches up."""
        steps = self._history // (_CATCH_UP - self._step) + 2
        return self._step * (steps + 1) + 2 * _HURRY


class _Sizes(NamedTuple):
    """Sizes of a graph."""

    layers: int
    heads: int
    width: int
    hidden: int
    features: int

    @classmethod
    def of(cls, graph: OnnxGraph) -> _Sizes:
        shapes = graph.inputs()
        try:
            _, layers, heads, width = shapes["keys"]
            _, hidden = shapes["hidden"]
        except (KeyError, ValueError):
            raise graph.unfit("has other inputs than this version knows.") from None
        features = graph.outputs().get("features", (None,))[-1]
        sizes = (layers, heads, width, hidden, features)
        if not all(isinstance(size, int) and size > 0 for size in sizes):
            raise graph.unfit(f"has the sizes {sizes}.")
        return cls(*sizes)  # pyright: ignore[reportArgumentType]


class _Track:
    """Keys and values of the final states of a stream, as Whisper hears it from one of them on."""

    def __init__(self, graph: OnnxGraph, sizes: _Sizes, history: int, first: int) -> None:
        """`first`: the state at place 0."""
        self.state = first
        self.places_end = first + PLACES
        self._graph, self._sizes, self._history, self._start = graph, sizes, history, first
        none = np.zeros((0, sizes.layers, sizes.heads, sizes.width), np.float32)
        self._keys, self._values = none, none
        self._hidden = np.zeros((_AROUND, sizes.hidden), np.float32)

    def hear(self, frames: _Frames, final: int, end: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features and logits of the states from `state` to `end`; those before `final` become final."""
        first, count, sizes = self.state, end - self.state, self._sizes
        kept = (count, sizes.layers, sizes.heads, sizes.width)
        features, logits, keys, values, hidden = self._graph.run(
            [(count, sizes.features), (count, N_PHONES), kept, kept, (count, sizes.hidden)],
            mel=frames.part(2 * first - 2, 2 * end + 1),
            places=np.arange(first - self._start, end - self._start),
            keys=self._keys,
            values=self._values,
            hidden=self._hidden,
        )
        known = final - first
        self._keys = np.concatenate([self._keys, keys[:known]])[-self._history :]
        self._values = np.concatenate([self._values, values[:known]])[-self._history :]
        self._hidden = np.concatenate([self._hidden, hidden[:known]])[-_AROUND:]
        self.state = final
        return features, logits
