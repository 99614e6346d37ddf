"""Words and phones of a result."""

from __future__ import annotations

import msgpack
import numpy as np

from medtalk.rig import RigSequence, Timed
from medtalk.service.worker import _spoken
from medtalk_wire.protocol import MAX_HEADER_BYTES


def rig(words: int, phones: int) -> RigSequence:
    def row(count: int, text: str) -> tuple[Timed, ...]:
        return tuple(Timed(text, k * 0.1, k * 0.1 + 0.1) for k in range(count))

    return RigSequence(np.zeros((1, 174)), 60.0, {}, row(words, "wörd"), row(phones, "sh"))


def test_times_travel_with_the_rig() -> None:
    assert _spoken(rig(1, 2)) == {"words": [("wörd", 0.0, 0.1)], "phones": [("sh", 0.0, 0.1), ("sh", 0.1, 0.2)]}


def test_an_hour_of_words_fits_the_header() -> None:
    """More than fits is left out, the phones first."""
    for words, phones, left in ((9_000, 20_000, (9_000, 20_000)), (9_000, 40_000, (9_000, 0)), (90_000, 5, (0, 5))):
        body = _spoken(rig(words, phones))
        assert (len(body["words"]), len(body["phones"])) == left
        assert len(msgpack.packb(body)) < MAX_HEADER_BYTES - 200_000  # type: ignore[arg-type]
