"""A trained baseline to a bundle that `generate`, `preview`, `sheet` and `bake` run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from medtalk_train.baselines.learning import Learned, read

if TYPE_CHECKING:
    from medtalk.bundle import Bundle
    from medtalk_train.run import Run


def export(learned: Learned | Path, run: Run, folder: Path, metrics: Mapping[str, float]) -> Bundle:
    """Write a bundle of the kind baseline.

    Args:
        learned: what `learn` gave, or its folder.
        run: that it learned on; its ear goes into the bundle.
        folder: where to; replaced as a whole if it exists.
        metrics: figures for the manifest and the card.
    """
    learned = read(learned) if isinstance(learned, Path) else learned
    raise NotImplementedError
