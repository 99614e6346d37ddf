"""Feeds what reads messages with bytes that atheris makes up.

`python -m tests.helpers.fuzz_messages CORPUS -runs=100000` begins with the good messages, which it puts into the folder
CORPUS. The options are libFuzzer's. What it finds is written to a file which, given in place of CORPUS, shows it again.
"""

import copy
import random
import resource
import sys
import warnings
from pathlib import Path

import atheris
import msgpack

with atheris.instrument_imports(  # pyright: ignore[reportAttributeAccessIssue]
    include=[
        "medtalk.service.schema",
        "medtalk.service.settings",
        "medtalk.service.stream_schema",
        "medtalk.guidance",
        "medtalk_wire.protocol",
    ]
):
    from medtalk.service.schema import BadRequest, read_request
    from medtalk_wire.errors import ProtocolError
    from medtalk_wire.protocol import unpack

from tests.helpers.messages import LIMITS, SETTINGS, VALID, check_refusal

BETWEEN = b"\xc1\xc1"
"""Stands between two frames: no msgpack has it."""
ODD = [None, True, -1, 0, 1 << 40, 1e300, float("nan"), "", "x" * 300, b"x", [], {}, [[]], {"": []}, SETTINGS]


MOST_MEMORY = 1 << 30
"""Bytes of address space. libFuzzer's own limit sees the peak of the program that started this one too."""


def read(data: bytes) -> None:
    """The frames in `data` are a request, or are refused as they should be, by the sidecar and by the client."""
    frames = data.split(BETWEEN)
    try:
        read_request([memoryview(frame) for frame in frames], LIMITS, ())
    except BadRequest as bad:
        check_refusal(bad)
    try:
        unpack(frames)
    except ProtocolError as error:
        assert len(str(error).splitlines()) == 1


def change(data: bytes, most: int, seed: int) -> bytes:
    """Something like `data`, of `most` bytes: either some bytes are others, or a value inside the header is."""
    chance = random.Random(seed)
    if chance.random() < 0.5:
        header, *buffers = data.split(BETWEEN)
        try:
            changed = BETWEEN.join([spoilt(header, chance), *buffers])
        except Exception:  # it is no msgpack, for which there are many kinds of errors
            changed = b""
        if 0 < len(changed) <= most:
            return changed
    return atheris.Mutate(data, most)


def spoilt(header: bytes, chance: random.Random) -> bytes:
    """The map `header` with something odd, or something that belongs elsewhere, at some place, or nothing there."""
    tree = msgpack.unpackb(header, strict_map_key=False)
    places = [(tree, key) for key in tree]
    for inner, key in places:  # grows meanwhile
        value = inner[key]
        if isinstance(value, (dict, list)):
            places += [(value, key) for key in (value if isinstance(value, dict) else range(len(value)))]
    inner, key = chance.choice(places)
    if chance.random() < 0.1:
        del inner[key]
    else:
        other, at = chance.choice(places)
        inner[key] = copy.deepcopy(chance.choice([*ODD, other[at]]))
    return bytes(msgpack.packb(tree) or b"")


def main() -> None:
    warnings.simplefilter("error")
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    corpus = Path(sys.argv[1])
    if corpus.is_dir():
        for name, frames in VALID.items():
            (corpus / name).write_bytes(BETWEEN.join(frames))
    atheris.Setup(sys.argv, read, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
