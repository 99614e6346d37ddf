"""What a compact bundle says of the corpora that it was trained on: its manifest, and the notes of its model card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medtalk_train.recipe import Recipe
from medtalk_train.synthetic.corpus.credits import CREDITS

_PARTS = {"voices": "natural voices", "people": "recordings of people"}
"""In the words of CORPUS.md."""


def provenance(recipe: Recipe, corpora: Sequence[Path], metrics: Mapping[str, float]) -> dict[str, Any]:
    """`meta` of `export_bundle`, from the folders of the corpora that a run has."""
    abouts = [json.loads((corpus / "corpus.json").read_text("utf-8")) for corpus in corpora]
    hours = [f"{n:.1f} h of {engine}" for about in abouts for engine, n in about["hours_by_engine"].items()]
    lacking = [what for name, what in _PARTS.items() if name not in {corpus.name for corpus in corpora[1:]}]
    return {
        "name": recipe.name,
        "training_data": f"speech with phone times ({', '.join(hours)}); faces made by rules, no captured one",
        "metrics": metrics,
        "untrained": ["clip_text_map", "clip_image_map"],
        "notes": [
            f"Made by `medtalk-train all --recipe {recipe.name} --whisper WHISPER` and what "
            f"docs/training/compact.md names beside it, seed {recipe.seed}. Figures of closures, bites, "
            "rounding, AUC and all that is called known are of the finished neutral output on real recordings with "
            "phone times. MLE, MEE, EIE and FRD are measured against the rules' own faces, on synthetic voices "
            "that training never heard.",
            "What a viewer sees of the emotions, how the face lives after the networks, and what is still stiff: "
            "docs/life.md, measured by `python -m benchmarks.life`.",
            *(CREDITS[engine] for about in abouts for engine in about["hours_by_engine"] if engine in CREDITS),
            *([f"Trained without: {' and '.join(lacking)} (training/CORPUS.md)."] if lacking else []),
            *([recipe.notes.strip()] if recipe.notes else []),
        ],
    }
