"""Which takes are frame-aligned, and which pairs of them the overlap exchange (Eq. 3) can learn from.

Training and `check` both follow these rules; nothing is read here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ALIGNED_ENOUGH = 0.25
"""The share of the captured takes that must be frame-aligned for the overlap to learn from these alone. A single grid,
by two names that happen to be alike, would teach Eq. 3 two sentences, and the networks to know them by heart."""
_NEAR = 32


class Content(NamedTuple):
    """One sentence in several emotions, frame by frame.

    Attributes:
        frames: how many.
        takes: the place of the take of each label.
        places: of takes that were warped, by label, the frame (frames,) that stands at each of these.
    """

    frames: int
    takes: Mapping[int, int]
    places: Mapping[int, NDArray[np.int32]]


Grid = tuple[Content, Content]
"""Two contents with two labels or more in common."""


def contents(takes: Iterable[tuple[str, str, int, int]]) -> list[tuple[str, Content]]:
    """The contents of takes, each with its speaker.

    takes: speaker, group ("" for a take that is aligned with none), frames and label of each, in the order of their
    places.
    """
    found: dict[tuple[str, str, int], dict[int, int]] = defaultdict(dict)
    for place, (speaker, group, frames, label) in enumerate(takes):
        if group:
            found[speaker, group, frames].setdefault(label, place)
    return [(speaker, Content(frames, places, {})) for (speaker, _, frames), places in found.items()]


def grids(contents: Iterable[tuple[str, Content]]) -> list[Grid]:
    """Grids of contents, each led by its speaker: of one speaker each, where there are such."""
    by_speaker: dict[str, list[Content]] = defaultdict(list)
    for speaker, content in contents:
        if len(content.takes) > 1:
            by_speaker[speaker].append(content)
    own = [pair for usable in by_speaker.values() for pair in _pairs(usable)]
    return own or _pairs([content for usable in by_speaker.values() for content in usable])


def within(grids: Iterable[Grid]) -> set[int]:
    """The places of the takes of some grids."""
    return {take for grid in grids for content in grid for take in content.takes.values()}


def enough(grids: Iterable[Grid], takes: int) -> bool:
    """Whether the overlap may learn from the grids of so many captured takes alone."""
    return len(within(grids)) >= ALIGNED_ENOUGH * takes


def _pairs(contents: Sequence[Content]) -> list[Grid]:
    """Contents that share two labels or more, each with the `_NEAR` that follow it: all with all would be too many."""
    return [
        (one, other)
        for k, one in enumerate(contents)
        for other in contents[k + 1 : k + 1 + _NEAR]
        if len(one.takes.keys() & other.takes.keys()) > 1
    ]
