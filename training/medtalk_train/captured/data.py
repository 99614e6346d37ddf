"""What the step `features` has made of a run's takes, by stage, and apart from what is held back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from medtalk.errors import TrainingError
from medtalk_train.captured.batches import Recorded, Row
from medtalk_train.captured.cache import Cache
from medtalk_train.captured.faces import Faces, choose
from medtalk_train.stages.resume import COMPLETE, need

TAKES = "takes.json"


class CapturedData:
    """The features of the takes, each part read when it is first needed."""

    def __init__(self, cache: Cache, work: Path) -> None:
        self._cache, self._folder = cache, work / "features"
        self._recorded: dict[tuple[int, ...], Recorded] = {}

    @cached_property
    def about(self) -> Mapping[str, Any]:
        """`TAKES`."""
        need(self._folder / COMPLETE, "features")
        about = json.loads((self._folder / TAKES).read_text("utf-8"))
        if "warped" not in about:
            raise TrainingError("The features were made by an older version.", "Run medtalk-train features.")
        return about

    def recorded(self, *stages: int) -> Recorded:
        """The takes to learn from, in some stages or in any."""
        if stages not in self._recorded:
            rows = [Row(**row) for row in self.about["takes"]]
            self._recorded[stages] = self._of([row for row in rows if not row.held and _serves(row, stages)])
        return self._recorded[stages]

    def held(self, stage: int) -> Recorded | None:
        """The takes of a stage that are not to learn from, if there are any."""
        rows = [row for row in self.held_back if _serves(row, (stage,))]
        return self._of(rows) if rows else None

    @cached_property
    def faces(self) -> Faces:
        """What stage 1 learns from."""
        return self._faces(False)

    @cached_property
    def held_faces(self) -> Faces:
        """The like of it that is held back."""
        return self._faces(True, self.faces.overlap)

    def _faces(self, held: bool, overlap: str = "") -> Faces:
        rows = [row for row in (Row(**row) for row in self.about["takes"]) if row.held == held and 1 in row.stages]
        kinds = [[row for row in rows if row.captured], [row for row in rows if not row.captured]]
        captured, rendered = (self._of(kind) if kind else None for kind in kinds)
        return choose(captured, rendered, self.about["warped"], overlap)

    def _of(self, rows: list[Row]) -> Recorded:
        return Recorded(self._cache, rows, self.about["no_words"], self.about["described"])

    @cached_property
    def held_back(self) -> list[Row]:
        """The takes that are not to learn from."""
        return [row for row in (Row(**row) for row in self.about["takes"]) if row.held]


def _serves(row: Row, stages: tuple[int, ...]) -> bool:
    """Whether a take is of one of the stages, or of any if none is named."""
    return bool(set(row.stages) & set(stages or row.stages))
