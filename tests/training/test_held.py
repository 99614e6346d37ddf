"""Which takes are held back, and on which of these a bundle is judged."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from medtalk.errors import TrainingError
from medtalk_train.captured.batches import Recorded, Row, UnlikeTakes
from medtalk_train.captured.cache import Cache
from medtalk_train.captured.held import held_takes, sample
from medtalk_train.captured.split import set_of, split
from medtalk_train.captured.takes import FaceTake, LazyArray


def row(name: str, label: int = 0, group: str = "", **more: Any) -> Row:
    parts = {"description": "", "picture": "", "rig": "", **more}
    return Row(name=name, speaker="0/a", label=label, held=True, stages=[1, 2, 3, 4], group=group, frames=30,
               content="sound", emotion="", transcript="", words="", **parts)  # fmt: skip


def test_no_data_set_no_guidance_and_no_label_is_passed_over() -> None:
    """One large set, whose one picture and two descriptions no stride would meet, and a small one."""
    rows = [row(f"0/{k:03d}", k % 7, description="text" if k in (3, 150) else "", picture="file" if k == 77 else "")
            for k in range(300)]  # fmt: skip
    rows += [row(f"1/{k}", 2 + 3 * k) for k in range(2)]
    chosen = sample(rows, 84)
    assert len(chosen) == 84 and chosen == sample(rows, 84) and [r for r in rows if r in chosen] == chosen
    assert sum(set_of(r.name) for r in chosen) == 1 and sum(bool(r.picture) for r in chosen) == 1
    assert sum(bool(r.description) for r in chosen) == 1
    assert set(Counter(r.label for r in chosen if not set_of(r.name)).values()) <= {10, 11, 12, 13}
    assert {int(r.name[2:]) % 3 for r in chosen if not set_of(r.name)} == {0, 1, 2}, "not by a stride over names"
    assert sample(rows, 1000) == rows and sample([], 84) == []
    assert len(sample(rows, 2)) == 4, "one of each, all the same"


def take(name: str, sound: bool = True, label: int = 0, group: str = "") -> FaceTake:
    array = LazyArray(Path(name), lambda: name, lambda: np.zeros(160, np.float32))
    return FaceTake(name, array if sound else None, array, label, group=group)


def test_data_that_have_changed_since_the_features(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    rig = cache.file("rig", "a", lambda: np.zeros((3, 174), np.float32))
    data: Any = SimpleNamespace(about={"sets": [{"name": "studio"}]})
    rows = [row("0/a", 3, rig=rig), row("0/b", rig=rig)]
    held = list(held_takes(rows[:1], [take("0/a"), take("0/c")], data, cache))
    assert [(each.set, each.label, each.rig.shape) for each in held] == [("studio", 3, (3, 174))]
    for takes in ([take("0/a")], [take("0/a"), take("0/b", sound=False)]):
        with pytest.raises(TrainingError, match=r"have changed .*: the take 0/b is gone\. Run medtalk-train features"):
            held_takes(rows, takes, data, cache)


def test_a_few_rendered_faces_are_all_learned_from(caplog: pytest.LogCaptureFixture) -> None:
    def drawn(contents: list[str]) -> set[str]:
        takes = [take(f"{name}/{label}", False, label, name) for name in contents for label in range(2)]
        return {each.group.removeprefix("0/") for each, held in split([takes])[0] if held}

    names = [f"line {k}" for k in range(60)]
    held = sorted(drawn(names))
    others = [name for name in names if name not in held]
    assert 2 <= len(held) <= 12 and not caplog.records
    for few in (held[:1], held[:2], [held[0], others[0]]):
        with caplog.at_level(logging.WARNING):
            assert drawn(few) == set()
        assert f"data[0] has {len(few)} rendered sentences, too few to hold any of them back" in caplog.text
    caplog.clear()
    assert drawn([held[0], *others[:2]]) == {held[0]} and drawn(others[:2]) == set() and not caplog.records


@pytest.mark.parametrize(
    ("takes", "other"),
    [
        ([(0, "g"), (0, "h"), (1, "g"), (1, "h")], {3}),
        ([(0, "g"), (0, "h"), (1, "g")], {2}),
        ([(0, "g"), (0, "h"), (0, "")], {1, 2}),
        ([(0, "g"), (0, "g"), (0, "g")], {1, 2}),
        ([(0, ""), (0, "")], {1}),
        ([(0, "g")], {0}),
    ],
    ids=["another emotion and content", "another emotion", "another content", "another take", "no groups", "alone"],
)
def test_what_a_take_is_paired_with(tmp_path: Path, takes: list[tuple[int, str]], other: set[int]) -> None:
    """Each face is the number of its take."""
    cache = Cache(tmp_path)
    rows = []
    for number, (label, group) in enumerate(takes):
        face = np.full((30, 174), number, np.float32)
        rows.append(row(f"0/{number}", label, group, rig=cache.file("rig", f"{number}", lambda face=face: face)))
    draw = UnlikeTakes(Recorded(cache, rows), 40, 4)
    one, two = draw(np.random.default_rng(0)).numpy()[:, :, 0, 0].astype(int)
    assert {int(b) for a, b in zip(one, two, strict=True) if a == 0} == other
    assert len(takes) == 1 or (one != two).all()
