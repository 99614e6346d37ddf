"""What a bundle says of the takes that it was trained on: its manifest, and the notes of its model card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medtalk.guidance import LABELS
from medtalk.rates import FPS
from medtalk_train.captured.data import CapturedData
from medtalk_train.recipe import Recipe
from medtalk_train.stages.rebuilt import too_low

_GUIDES = ("clip_text_map", "clip_image_map")
"""The parts that stage 4 trains."""


def provenance(recipe: Recipe, data: CapturedData, metrics: Mapping[str, float]) -> dict[str, Any]:
    """`meta` of `export_paper`."""
    assert recipe.pretrained is not None
    learned = data.recorded()
    rows = [row for row in learned.rows if row.captured]
    rendered = len(learned.rows) - len(rows)
    trained = _GUIDES[: 1 + data.recorded(4).pictures] if recipe.pretrained.clip else ()
    emotions = Counter(LABELS[row.label] for row in rows)
    kinds = ", ".join(entry.kind or Path(entry.folder).name for entry in recipe.data)
    first = data.faces.summary() if recipe.ablation.disentangle else []
    undescribed = sum(not row.description for row in rows if 4 in row.stages) if trained else 0
    notes = [
        f"Made by `medtalk-train all --recipe RECIPE --work RUN`, seed {recipe.seed}. {len(data.held_back)} takes were "
        "held back for the figures.",
        ". ".join([*first, ""]).strip(),
        too_low(metrics),
        f"{undescribed} takes had no description; plain ones were made from their labels." if undescribed else "",
        recipe.notes.strip(),
    ]
    return {
        "name": recipe.name,
        "training_data": f"{kinds}: {len(rows)} takes, {sum(row.frames for row in rows) / FPS / 60:.1f} minutes of "
        f"{len({row.speaker for row in rows})} speakers ({', '.join(f'{k} {n}' for k, n in emotions.items())})"
        + (f", and {rendered} rendered faces" if rendered else ""),
        "metrics": metrics,
        "untrained": [part for part in _GUIDES if part not in trained],
        "notes": [note for note in notes if note],
    }
