"""Whatever bytes come in: a typed request, or one `BadRequest`. Never another exception, a crash or much memory."""

from __future__ import annotations

import copy
import math
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medtalk.errors import MedtalkError
from medtalk.service.schema import BadRequest, Request
from medtalk_wire.errors import ProtocolError
from medtalk_wire.protocol import MAX_HEADER_BYTES, REQUESTS, unpack
from tests.helpers.messages import (
    SAMPLES,
    SAMPLES_BUFFER,
    VALID,
    header,
    pcm,
    read,
    refused,
    request,
)

pytestmark = pytest.mark.slow

many = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])


def either(frames: list[Any]) -> Request | MedtalkError:
    """The request in `frames`, or why they are refused; any other exception is a failed test.

    The client's own reader must take them as calmly.
    """
    with suppress(ProtocolError):
        unpack(frames)
    try:
        return read(frames)
    except BadRequest as bad:
        return bad.error


def packed(fields: list[tuple[str, Any]]) -> bytes:
    """A msgpack map of these fields in this order, the same one twice if so; bytes are taken as packed already."""
    data = bytes([0x80 | len(fields)])
    for name, value in fields:
        data += msgspec.msgpack.encode(name) + (value if isinstance(value, bytes) else msgspec.msgpack.encode(value))
    return data


def places(tree: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside `tree`."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield (*at, key)
        yield from places(value, (*at, key))


def value_at(tree: Any, at: tuple[Any, ...]) -> Any:
    for key in at:
        tree = tree[key]
    return tree


def changed(tree: Any, at: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    """A copy of `tree` in which `change(inner, key)` was done at that place."""
    tree = copy.deepcopy(tree)
    change(value_at(tree, at[:-1]), at[-1])
    return tree


def replaced(tree: Any, at: tuple[Any, ...], value: Any) -> Any:
    return changed(tree, at, lambda inner, key: inner.__setitem__(key, value))


# -- bytes and trees of all kinds


@many
@given(st.lists(st.binary(max_size=300), max_size=7))
def test_any_bytes(frames: list[bytes]) -> None:
    either(frames)


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(1 << 63), (1 << 64) - 1), st.floats(), st.text(max_size=20),
    st.binary(max_size=20), st.sampled_from(["1.0", "label", "pcm", "file", "path", "float32", "little", *REQUESTS]),
    st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=12)),
    st.builds(msgpack.Timestamp, st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 999_999_999)),
)  # fmt: skip
FIELDS = sorted({place[-1] for kind in VALID.values() for place in places(msgpack.unpackb(kind[0])) if place}, key=str)
KEYS = st.one_of(st.sampled_from([field for field in FIELDS if isinstance(field, str)]), st.text(max_size=5))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(KEYS, inner, max_size=4),
        st.dictionaries(st.one_of(st.integers(-9, 9), st.floats(), st.binary(max_size=3)), inner, max_size=2),
    ),
    max_leaves=12,
)


@many
@given(TREES, st.lists(st.binary(max_size=30), max_size=4))
def test_any_tree_as_a_header(tree: Any, buffers: list[bytes]) -> None:
    either([msgpack.packb(tree), *buffers])


@many
@given(st.sampled_from(REQUESTS), TREES, st.lists(TREES, max_size=3), st.lists(st.binary(max_size=30), max_size=3))
def test_any_tree_as_body_and_buffers(kind: str, body: Any, buffers: list[Any], data: list[bytes]) -> None:
    either([msgpack.packb(header(kind, body, buffers)), *data])


@many
@given(st.sampled_from(sorted(VALID)), st.data())
def test_good_requests_with_two_places_changed(name: str, data: st.DataObject) -> None:
    frames = VALID[name]
    head = msgpack.unpackb(frames[0])
    for _ in range(2):
        head = replaced(head, data.draw(st.sampled_from(list(places(head)))), data.draw(TREES))
    either([msgpack.packb(head), *frames[1:]])


# -- good requests, spoilt in every place

ODD = (
    None, True, -1, 0, 1, 1 << 31, -(1 << 63), (1 << 64) - 1, 0.0, -0.0, 1.5, -1e-300, 5e-324, 1e39, 1e308,
    math.nan, math.inf, -math.inf, "", "x", "\0", "\n\x1b[31m\u2028\u202e", "é" * 40_000, "9" * 100_000, "../" * 50_000,
    b"", b"\xff\xff", [], [[]], [0] * 50_000, [math.nan, None], {}, {"": {}}, {"x": 1}, {1: 2}, {b"\xff": []},
    msgpack.ExtType(5, b"x"), msgpack.Timestamp(1 << 40, 1),
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(VALID))
def test_every_field_with_every_odd_value(name: str) -> None:
    frames = VALID[name]
    head = msgpack.unpackb(frames[0])
    for at in places(head):
        for value in ODD:
            either([msgpack.packb(replaced(head, at, value)), *frames[1:]])


ANOTHER_TYPE = {
    str: (1, 1.5, True, b"x", ["x"], {"x": "x"}),
    bool: (0, 1.0, None, "true", [True]),
    int: (True, 1.5, None, "1", b"\1", [1]),
    float: (True, None, "1", "nan", [1.0]),
    list: (1, None, "x", {"x": 1}),
    dict: (1, None, "x", [["x", 1]]),
}
OPTIONAL = {("body", "span"), ("span", 1), ("sound", "channel")}
"""Where nil is valid."""
LEFT_OUT = {("stream_guide", "guidance"), ("stream_guide", "intensity"), ("stream_close", "at")}
"""And where it means what leaving the field out does."""


@pytest.mark.parametrize("name", sorted(VALID))
def test_a_field_of_another_type_is_a_bad_message(name: str) -> None:
    frames = VALID[name]
    head = msgpack.unpackb(frames[0])
    for at in places(head):
        for value in ANOTHER_TYPE[type(value_at(head, at))]:
            optional = at[-2:] in OPTIONAL or (name, at[-1]) in LEFT_OUT
            if (value is None and optional) or (at[-1] == "emotion" and isinstance(value, str)):
                continue
            error = refused([msgpack.packb(replaced(head, at, value)), *frames[1:]])
            assert error.code == "bad_message", (at, value)


@pytest.mark.parametrize("name", sorted(VALID))
def test_every_field_left_out(name: str) -> None:
    frames = VALID[name]
    head = msgpack.unpackb(frames[0])
    needed = {("id",), ("type",), ("body",), ("body", "job"), ("body", "sound"), ("body", "heard"),
              ("body", "sound", "kind")}  # fmt: skip
    for at in places(head):
        got = either([msgpack.packb(changed(head, at, lambda inner, key: inner.pop(key))), *frames[1:]])
        if at in needed:
            assert isinstance(got, MedtalkError) and got.code == "bad_message", at
    for key in ("name", "dtype", "shape", "byte_order"):
        for place in range(len(frames) - 1):
            without = changed(head, ("buffers", place, key), lambda inner, key: inner.pop(key))
            assert refused([msgpack.packb(without), *frames[1:]]).code == "bad_message"


@pytest.mark.parametrize("name", sorted(VALID))
def test_a_header_cut_at_every_byte_or_with_one_flipped(name: str) -> None:
    frames = VALID[name]
    for end in range(len(frames[0])):
        assert refused([frames[0][:end], *frames[1:]]).code == "bad_message"
        flipped = bytearray(frames[0])
        for bit in range(8):
            flipped[end] ^= 1 << bit
            either([bytes(flipped), *frames[1:]])
            flipped[end] ^= 1 << bit
    assert refused([frames[0] + b"\0", *frames[1:]]).code == "bad_message"


def test_fields_that_come_twice() -> None:
    head = header("generate", {"sound": pcm()}, [SAMPLES_BUFFER[0]])
    for name in head:
        for value in ODD:
            for pair in ([(name, head[name]), (name, value)], [(name, value), (name, head[name])]):
                rest = [(key, head[key]) for key in head if key != name]
                data = packed([(key, msgpack.packb(value)) for key, value in [*pair, *rest]])
                either([data, SAMPLES])
    body = packed([("sound", pcm()), ("seed", 1), ("sound", "x"), ("fps", 30.0), ("fps", "x")])
    assert refused([packed([*head.items(), ("body", body)]), SAMPLES]).code == "bad_message"


# -- deep, wide and lying: nothing may overflow the stack or take the memory

SHELLS = {"lists": b"\x91", "maps": b"\x81\xa1a", "keys": b"\x81", "wide lists": b"\xdd\x00\x00\x00\x01"}


@pytest.mark.parametrize("depth", [200, 800, 990, 10_000, 100_000])
@pytest.mark.parametrize("shell", sorted(SHELLS))
def test_deep_nesting_anywhere(shell: str, depth: int) -> None:
    deep = SHELLS[shell] * depth + b"\xc0"
    good = header("generate", {"sound": pcm()}, [SAMPLES_BUFFER[0]])
    assert len(deep) < MAX_HEADER_BYTES

    def check(head: list[tuple[str, Any]], *, ignored: bool) -> None:
        got = either([packed(head), SAMPLES])
        if not ignored or depth > 1000 or shell == "keys":
            assert isinstance(got, MedtalkError) and got.code == "bad_message", got
        elif depth == 200:
            assert isinstance(got, Request), got

    for name in good:
        check([*((key, value) for key, value in good.items() if key != name), (name, deep)], ignored=False)
    check([*good.items(), ("unknown", deep)], ignored=True)
    buffer = packed([*SAMPLES_BUFFER[0].items(), ("unknown", deep)])
    for name in SAMPLES_BUFFER[0]:
        other = packed([(key, value) for key, value in SAMPLES_BUFFER[0].items() if key != name] + [(name, deep)])
        check([*good.items(), ("buffers", b"\x91" + other)], ignored=False)
    check([*good.items(), ("buffers", b"\x91" + buffer)], ignored=True)
    for body in (
        [("sound", pcm()), ("unknown", deep)],
        [("sound", packed([*pcm().items(), ("unknown", deep)]))],
        [("sound", pcm()), ("guidance", packed([("kind", "label"), ("unknown", deep)]))],
        [("sound", pcm()), ("finishing", packed([("unknown", deep)]))],
    ):
        check([*good.items(), ("body", packed(body))], ignored=True)
    for body in (
        [("sound", deep)],
        [("sound", pcm()), ("span", deep)],
        [("sound", pcm()), ("guidance", packed([("emotion", deep)]))],
        [("sound", pcm()), ("guidance", packed([("emotion", packed([("happy", deep)]))]))],
    ):
        check([*good.items(), ("body", packed(body))], ignored=False)
    assert refused([deep]).code == "bad_message"


def bombs() -> Iterator[tuple[str, bytes]]:
    """Headers that are small and say that they are large, or whose content is many small things."""
    room = 1 << 17
    claims = {"list": b"\xdd", "map": b"\xdf", "str": b"\xdb", "bin": b"\xc6", "ext": b"\xc9"}
    inner = {
        f"{name} of {count}": code + struct.pack(">I", count) + b"\x05"
        for name, code in claims.items()
        for count in (1 << 20, 1 << 28, (1 << 32) - 1)
    }
    inner |= {f"lists of {count} nested": (b"\xdd" + struct.pack(">I", count)) * 900 for count in (1000, 1 << 19)}
    small = {"maps": b"\x80", "floats": b"\xcb" + bytes(8), "texts": b"\xa1x", "times": b"\xd6\xff\0\0\0\1"}
    inner |= {
        f"very many {what}": b"\xdd" + struct.pack(">I", room // len(item)) + item * (room // len(item))
        for what, item in small.items()
    }
    count = room // 8
    labels = b"".join(b"\xa6%06d\x01" % number for number in range(count))
    inner["very many labels"] = b"\xdf" + struct.pack(">I", count) + labels
    good = header("generate", {"sound": pcm()}, [SAMPLES_BUFFER[0]])
    for what, bomb in inner.items():
        for name in good:
            yield f"{what} as {name}", packed([*good.items(), (name, bomb)])
        yield f"{what} in buffers", packed([*good.items(), ("buffers", b"\x91" + bomb)])
        yield (
            f"{what} as shape",
            packed([*good.items(), ("buffers", b"\x91" + packed([*SAMPLES_BUFFER[0].items(), ("shape", bomb)]))]),
        )
        emotion = packed([("sound", pcm()), ("guidance", packed([("emotion", bomb)]))])
        yield f"{what} as emotion", packed([*good.items(), ("body", emotion)])


def test_small_messages_take_little_memory() -> None:
    count = 0
    tracemalloc.start()
    try:
        for what, data in bombs():
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            assert refused([data, SAMPLES]).code in ("bad_message", "limit"), what
            taken = tracemalloc.get_traced_memory()[1] - before
            assert taken < 128 * len(data) + (1 << 20), what  # a small object for each byte, and some ground
            count += 1
    finally:
        tracemalloc.stop()
    assert count > 150


def test_a_header_has_a_limit() -> None:
    fill = MAX_HEADER_BYTES - len(request("hello", {"client": "x" * 70_000})[0]) + 70_000
    assert read(request("hello", {"client": "x" * fill})).type == "hello"
    assert refused(request("hello", {"client": "x" * (fill + 1)})).code == "bad_message"
    assert refused([]).code == refused([b""]).code == "bad_message"
