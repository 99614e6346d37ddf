"""Feeds what reads messages with bytes that atheris makes up: `python tests/service/fuzz_messages.py CORPUS -runs=100000`.

It begins with the good messages, which it puts into the folder CORPUS. All options are libFuzzer's; what it finds is
written to a file that, given in place of CORPUS, shows the fault again.
"""

import random
import sys
import warnings
from pathlib import Path
from typing import Any

import atheris
import msgpack

with atheris.instrument_imports(include=["medtalk.service.schema", "medtalk.guidance", "medtalk_wire.protocol"]):
    from medtalk.service.schema import BadRequest, read_request
    from medtalk_wire.errors import ProtocolError
    from medtalk_wire.protocol import pack, unpack

from tests.service.messages import LIMITS, SETTINGS, VALID, check_refusal

BETWEEN = b"\xc1\xc1"
"""Stands between two frames: bytes that no msgpack has."""

_ODD = [None, True, -1, 0, 1 << 40, 1e300, float("nan"), "", "x" * 300, b"x", [], {}, [[]], {"": []}, SETTINGS]


def read(data: bytes) -> None:
    """What comes in is a request or is refused as it should be, by the sidecar and by the client."""
    frames = data.split(BETWEEN)
    try:
        read_request([memoryview(frame) for frame in frames], LIMITS, ())
    except BadRequest as bad:
        check_refusal(bad)
    try:
        pack(unpack(frames))
    except ProtocolError as error:
        assert len(str(error).splitlines()) == 1


def change(data: bytes, most: int, seed: int) -> bytes:
    """Other bytes; every second time another tree in the same message, which bytes that change seldom give."""
    chance = random.Random(seed)
    frames = data.split(BETWEEN)
    try:
        assert chance.random() < 0.5
        header = msgpack.unpackb(frames[0], strict_map_key=False)
        inner = header
        while True:
            key = chance.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))
            if not (isinstance(inner[key], (dict, list)) and inner[key]) or chance.random() < 0.3:
                break
            inner = inner[key]
        inner[key] = chance.choice([*_ODD, *every(header)])
        frames[0] = msgpack.packb(header)
    except Exception:  # not a tree
        return atheris.Mutate(data, most)
    return BETWEEN.join(frames)[:most]


def every(tree: Any) -> list[Any]:
    """All values inside `tree`."""
    inner = list(tree.values()) if isinstance(tree, dict) else tree if isinstance(tree, list) else []
    return [*inner, *(value for part in inner for value in every(part))]


def main() -> None:
    warnings.simplefilter("error")
    if (corpus := Path(sys.argv[1])).is_dir():
        for name, frames in VALID.items():
            (corpus / name).write_bytes(BETWEEN.join(frames))
    atheris.Setup(sys.argv, read, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
