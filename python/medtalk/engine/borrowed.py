"""A graph that borrows weights of another: the ear that hears a stream has Whisper's from the one that hears clips.

`live.onnx` names weights of Whisper as `listen.onnx` does and leaves them out, nearly all of its 20 MB. Both are
protocol buffers, in which two messages one after the other are one message with the lists of both. So the weights are
taken from the one file as they lie there and put behind the other.
"""

from __future__ import annotations

from collections.abc import Iterator

_GRAPH, _INITIALIZER = 7, 5  # fields of ModelProto and GraphProto (onnx.proto)
_BYTES = 2  # the wire type of a message


def with_weights_of(lender: bytes, graph: bytes) -> bytes:
    """The model `graph` with all initializers of the model `lender` beside its own.

    Names must differ; the export takes care of that.

    Raises:
        ValueError: `lender` is not a protocol buffer.
    """
    weights = b"".join(
        _message(_INITIALIZER, lender[start:end])
        for first, last in _found(lender, _GRAPH, 0, len(lender))
        for start, end in _found(lender, _INITIALIZER, first, last)
    )
    return graph + _message(_GRAPH, weights)


def _found(data: bytes, number: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the messages of a field begin and end."""
    at = start
    while at < end:
        key, at = _number(data, at)
        kind = key & 7
        if kind == 0:
            _, at = _number(data, at)
            continue
        if kind == _BYTES:
            size, at = _number(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"the wire type {kind} at byte {at}")
        if at + size > end:
            raise ValueError(f"a field that ends behind its message at byte {at}")
        if key >> 3 == number and kind == _BYTES:
            yield at, at + size
        at += size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length number, and where it ends."""
    value = shift = 0
    while shift < 64:
        if at >= len(data):
            raise ValueError("it ends within a number")
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
        shift += 7
    raise ValueError(f"a number of more than 64 bits at byte {at}")


def _message(number: int, content: bytes) -> bytes:
    size, head = len(content), bytearray([number << 3 | _BYTES])
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    head.append(size)
    return bytes(head) + content
