"""Messages: there and back without loss, and nonsense is always a `ProtocolError`. And the document says the same."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtalk_wire.errors import ProtocolError
from medtalk_wire.protocol import (
    ERROR_CODES,
    ITEM_BYTES,
    MAX_BUFFERS,
    MAX_HEADER_BYTES,
    PROTOCOL,
    REQUESTS,
    Buffer,
    Message,
    new_id,
    pack,
    unpack,
)

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats(allow_nan=False)
    | st.text() | st.binary(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
    max_leaves=8,
)  # fmt: skip


@st.composite
def buffers(draw: st.DrawFn) -> Buffer:
    dtype, shape = draw(st.sampled_from(sorted(ITEM_BYTES))), draw(st.lists(st.integers(0, 4), min_size=1, max_size=2))
    size = ITEM_BYTES[dtype] * shape[0] * (shape[1] if len(shape) == 2 else 1)
    return Buffer(draw(st.text()), dtype, tuple(shape), draw(st.binary(min_size=size, max_size=size)))


@given(
    st.text(), st.dictionaries(st.text(), plain), st.text(), st.text(),
    st.lists(buffers(), max_size=MAX_BUFFERS, unique_by=lambda buffer: buffer.name),
)  # fmt: skip
def test_there_and_back(type, body, id, parent, buffers) -> None:
    message = Message(type, body, id, parent, tuple(buffers))
    assert unpack(pack(message)) == message
    assert unpack([memoryview(frame) for frame in pack(message)]) == message


def test_values_are_seen_through_a_buffer() -> None:
    view = Buffer("rig", "float32", (2, 3), struct.pack("<6f", *range(6))).view()
    assert view.tolist() == [[0, 1, 2], [3, 4, 5]] and view[1, 2] == 5


@given(st.lists(st.binary(max_size=200), max_size=3))
def test_nonsense_is_no_message(frames) -> None:
    with pytest.raises(ProtocolError):
        unpack(frames)


header = {"protocol": PROTOCOL, "id": "a", "parent": "", "type": "ping", "body": {}, "buffers": []}
described = {"name": "x", "dtype": "uint8", "shape": [3], "byte_order": "little"}


@given(st.sampled_from(sorted(header)), plain, st.lists(st.binary(max_size=4), max_size=2))
def test_a_header_with_one_strange_field(name, value, frames) -> None:
    """It is read or refused, and nothing else."""
    try:
        message = unpack([msgpack.packb({**header, name: value}), *frames])
    except ProtocolError:
        return
    assert isinstance(message.type, str) and isinstance(message.body, dict) and len(message.buffers) == len(frames)


@given(st.sampled_from(sorted(described)), plain, st.binary(max_size=4))
def test_a_buffer_with_one_strange_field(name, value, data) -> None:
    try:
        message = unpack([msgpack.packb({**header, "buffers": [{**described, name: value}]}), data])
    except ProtocolError:
        return
    assert len(message.buffers) == 1


@pytest.mark.parametrize("protocol", ["2.0", "0.9", "10.0", "1", "one.two", "", None, 1.0])
def test_another_major_version_is_refused(protocol) -> None:
    with pytest.raises(ProtocolError, match=r"version|speaks"):
        unpack([msgpack.packb({**header, "protocol": protocol})])


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [bytes(MAX_HEADER_BYTES + 1)],
        [msgpack.packb([])],
        [msgpack.packb({**header, "buffers": [described]})],
        [msgpack.packb(header), b"abc"],
        [msgpack.packb({**header, "buffers": [described]}), b"ab"],
        [msgpack.packb({**header, "buffers": [described, described]}), b"abc", b"abc"],
        [msgpack.packb({**header, "buffers": [{**described, "byte_order": "big"}]}), b"abc"],
        [msgpack.packb({**header, "buffers": [{**described, "shape": [1, 1, 3]}]}), b"abc"],
        [msgpack.packb({**header, "buffers": [{**described, "shape": [-3]}]}), b"abc"],
        [msgpack.packb({**header, "buffers": [{**described, "dtype": ["uint8"]}]}), b"abc"],
    ],
)
def test_frames_that_do_not_fit_together(frames) -> None:
    with pytest.raises(ProtocolError):
        unpack(frames)


def test_ids_are_long_and_differ() -> None:
    ids = {new_id() for _ in range(100)}
    assert len(ids) == 100 and all(re.fullmatch(r"[A-Za-z0-9_-]{32,64}", id) for id in ids)


# The document


@pytest.fixture(scope="module")
def document(root: Path) -> str:
    return (root / "docs" / "protocol.md").read_text(encoding="utf-8")


def section(document: str, title: str) -> str:
    """The text under a heading, up to the next of the same depth or above."""
    depth = title.split(" ")[0]
    _, _, rest = document.partition(f"\n{title}\n")
    assert rest, f"no heading {title}"
    return re.split(rf"\n#{{1,{len(depth)}}} ", rest)[0]


def first_column(table: str) -> list[str]:
    """The words in code style in the first column of all rows."""
    return [word for row in re.findall(r"^\| ([^|]+) \|", table, re.M) for word in re.findall(r"`([^`]+)`", row)]


def test_the_documents_version_is_ours(document: str) -> None:
    assert re.findall(r"^Version \*\*(.+)\*\*$", document, re.M) == [PROTOCOL]
    assert f'`"{PROTOCOL}"`' in section(document, "## Messages")


def test_the_documents_requests_are_ours(document: str) -> None:
    messages = section(document, "## Messages")
    table = messages[messages.index("| request | answers |") :].split("\n\n")[0]
    assert sorted(first_column(table)) == sorted(REQUESTS)
    for request in REQUESTS:
        assert section(document, f"### {request}")


def test_the_documents_error_codes_are_ours(document: str) -> None:
    assert sorted(first_column(section(document, "## Error codes"))) == sorted(ERROR_CODES)
