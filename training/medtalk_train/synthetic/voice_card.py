"""What hears emotions in voices, put into a compact bundle, with its section of the model card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from medtalk.bundle import README, VOICE_GRAPH
from medtalk.errors import TrainingError
from medtalk.guidance import LABELS
from medtalk_train.synthetic.emotions import BINS, METRICS

_TITLE = "## Emotions in voices"
_ACTOR, _SEX = "an actor left out", "a sex left out, other rooms"


def with_section(card: str, title: str, section: str) -> str:
    """A card with a section in place of the one of the same title, or at its end."""
    before, _, after = card.partition(title)
    _, mark, later = after.partition("\n## ")
    return f"{before.rstrip()}\n\n{section}" + (f"\n{mark[1:]}{later}" if mark else "")


def with_voice(
    fields: Mapping[str, Any], files: Mapping[str, bytes | Path], folder: Path
) -> tuple[dict[str, Any], dict[str, bytes | Path]]:
    """The manifest and the files of a bundle with what `emotions.make` wrote into a folder.

    Raises:
        TrainingError: there is none.
    """
    try:
        about = json.loads((folder / METRICS).read_text("utf-8"))
        graph, figures, seed = (folder / VOICE_GRAPH).read_bytes(), about["metrics"], about["options"]["seed"]
        section = _section(figures, seed)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{folder} holds nothing that hears emotions: {error}.", "Run medtalk-train voice -o FOLDER."
        ) from error
    plain = [name for name in figures if " as " not in name and " at " not in name and not name.endswith("bytes")]
    metrics = {**fields["metrics"], **{f"voice {name}": figures[name] for name in plain}}
    before = files[README]
    card = (before if isinstance(before, bytes) else before.read_bytes()).decode()
    card = with_section(card, _TITLE, section).encode()
    return {**fields, "metrics": metrics}, {**files, VOICE_GRAPH: graph, README: card}


def _section(figures: Mapping[str, float], seed: int) -> str:
    labels = [label for label in LABELS if f"{_SEX}: {label} as {label}" in figures]
    head = f"| acted | {' | '.join(labels)} |\n|{'---|' * (len(labels) + 1)}"
    shares = {label: [figures[f"{_SEX}: {label} as {heard}"] for heard in labels] for label in labels}
    rows = "\n".join(f"| {label} | {' | '.join(f'{share:.2f}' for share in row)} |" for label, row in shares.items())
    steps = "\n".join(
        f"| {low:g} to {high:g} | {figures[f'{_SEX}: clips at {low:g}-{high:g}']:.0f} "
        f"| {figures[f'{_SEX}: right at {low:g}-{high:g}']:.2f} |"
        for low, high in pairwise(BINS)
    )
    calm = "\n".join(f"| {name} | {value:.3f} |" for name, value in figures.items() if name.startswith("plain speech"))

    def line(name: str) -> str:
        chance, recall = figures[f"{name}: chance"], figures[f"{name}: recall"]
        sure, right = figures[f"{name}: sure"], figures[f"{name}: right where sure"]
        return f"| {name} | {recall:.3f} | {chance:.3f} | {sure:.2f} | {right:.3f} |"

    arousal = figures["arousal r, a sex left out, other rooms"]
    return f"""{_TITLE}

`{VOICE_GRAPH}` hears the emotion of a clip and its arousal in the mean of Whisper's third layer: linear discriminants,
made by the step `emotions` of `medtalk-train` (seed {seed}). Data: emodb (535 German sentences by ten actors, CC0 1.0,
Burkhardt et al. 2005, published by audEERING), and plain speech of LibriSpeech (CC BY 4.0) and of Picovoice's
speech-to-intent benchmark (Apache-2.0). A bored voice counts as neutral. There are no surprised voices in the data:
it never hears surprise. It is sure where a label has a weight of 0.75 or more; if not, the face is neutral.

| judged on emodb with | recall, mean of six labels | chance | sure | right where sure |
|---|---|---|---|---|
{line(_ACTOR)}
{line(_SEX)}

"Other rooms" are copies through other microphones, rooms and noise, of taller or smaller people; the actors of one sex
are judged by what was fitted on the other's. Arousal has r {arousal:.2f} there.
What was acted (rows) as it was heard in that test:

{head}
{rows}

| weight of the strongest label | clips | right |
|---|---|---|
{steps}

| plain speech, by what was fitted without that corpus | share |
|---|---|
{calm}

Expect less of strangers in another language: all of the above is one corpus of acted German, and anger and joy, both
loud and high, are often taken for each other.
"""
