"""The held-out takes that a bundle is judged on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from medtalk.errors import TrainingError
from medtalk_train.captured.batches import Row
from medtalk_train.captured.cache import Cache
from medtalk_train.captured.data import CapturedData
from medtalk_train.captured.split import set_of
from medtalk_train.captured.takes import FaceTake
from medtalk_train.stages.ground import HeldTake

_SEED = 1
"""Not the recipe's: runs of several seeds are compared on the same takes."""


def sample(rows: Sequence[Row], count: int) -> list[Row]:
    """About so many of some takes, in their order, the same ones at each call.

    At least one of every data set, and there one with a description, with a picture, with both and with neither, as far
    as there are such, even if that makes more than `count`; the others in proportion, to the labels too.
    """
    groups: dict[tuple[int, bool, bool], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        groups[set_of(row.name), bool(row.description), bool(row.picture)].append(place)
    shares = dict.fromkeys(groups, 1)
    for _ in range(min(count, len(rows)) - len(groups)):
        shares[max(groups, key=lambda group: len(groups[group]) / (shares[group] + 1))] += 1
    rng, chosen = np.random.default_rng(_SEED), []
    for group, places in groups.items():
        mixed = sorted(rng.permutation(places).tolist(), key=lambda place: rows[place].label)
        at = (np.arange(shares[group]) + 0.5) * len(mixed) / shares[group]
        chosen += [mixed[int(k)] for k in at]
    return [rows[place] for place in sorted(chosen)]


def held_takes(rows: Sequence[Row], takes: Sequence[FaceTake], data: CapturedData, cache: Cache) -> Iterator[HeldTake]:
    """Each of the rows with the sound and the guidance of its take, read when it is needed.

    Raises TrainingError at once if a take is no longer among `takes`.
    """
    by_name = {take.name: take for take in takes if take.sound is not None}
    if gone := [row.name for row in rows if row.name not in by_name]:
        raise TrainingError(
            f"The data have changed since their features were computed: the take {gone[0]} is gone.",
            "Run medtalk-train features.",
        )
    return (_held_take(by_name[row.name], row, data, cache) for row in rows)


def _held_take(take: FaceTake, row: Row, data: CapturedData, cache: Cache) -> HeldTake:
    assert take.sound is not None
    return HeldTake(
        take.sound.read(),
        row.transcript,
        row.label,
        cache.open(row.rig),
        set=data.about["sets"][set_of(row.name)]["name"],
        labelled=3 in row.stages,
        description=take.description,
        picture=take.picture,
    )
