"""What hears streams, put into a compact bundle, with its section of the model card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load

from medtalk.bundle import LIVE_GRAPH, LIVE_WEIGHTS, README, WEIGHTS, Bundle, write_bundle
from medtalk.errors import TrainingError
from medtalk.files import write_atomic
from medtalk.model.graphs import Networks
from medtalk_train.synthetic.live import METRICS, live_head
from medtalk_train.synthetic.live_graph import live_graph
from medtalk_train.synthetic.voice_card import with_section

_TITLE = "## Streams"
RECORDINGS = "recordings"
"""In `METRICS`, the figures that `add_figures` puts there."""


def add_live(bundle: Bundle, folder: str | Path) -> Bundle:
    """Put a live head (what `live.make` wrote into `folder`) into a bundle, in place of one there.

    Raises:
        TrainingError: there is none in `folder`, or it is of another ear.
        BundleError: the bundle came without its weights.
        OutputError: the bundle's folder cannot be written.
    """
    files: dict[str, bytes | Path] = {name: bundle.read(name) for name in bundle.manifest["files"]}
    files[README] = (bundle.folder / README).read_bytes()
    return write_bundle(bundle.folder, *with_live(bundle.manifest, files, Path(folder)))


def add_figures(folder: Path, figures: Mapping[str, float]) -> None:
    """Keep figures of recordings beside a live head, for the card."""
    about = json.loads((folder / METRICS).read_text("utf-8"))
    about = {**about, RECORDINGS: dict(figures)}
    write_atomic(folder / METRICS, lambda to: to.write_text(json.dumps(about, indent=1) + "\n", "utf-8"))


def with_live(
    fields: Mapping[str, Any], files: Mapping[str, bytes | Path], folder: Path
) -> tuple[dict[str, Any], dict[str, bytes | Path]]:
    """The manifest and the files of a bundle with the live head of a folder; its other graphs stay as they are."""
    try:
        about = json.loads((folder / METRICS).read_text("utf-8"))
        figures, options, real = about["metrics"], about["options"], about.get(RECORDINGS, {})
        section = _section(figures, real, options)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{folder} holds nothing that hears streams: {error}.", "Run medtalk-train live."
        ) from error
    ear = Networks.build(fields["sizes"], load(_bytes(files[WEIGHTS]))).ear
    graph = live_graph(ear, live_head(ear, folder), _bytes(files["listen.onnx"]))
    metrics = {name: value for name, value in fields["metrics"].items() if not name.startswith("live ")}
    metrics |= {f"live {name}": value for name, value in {**figures, **real}.items()}
    own: dict[str, bytes | Path] = {LIVE_GRAPH: graph, LIVE_WEIGHTS: (folder / LIVE_WEIGHTS).read_bytes()}
    card = with_section(_bytes(files[README]).decode(), _TITLE, section).encode()
    return {**fields, "metrics": metrics}, {**files, **own, README: card}


def _bytes(content: bytes | Path) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


def _section(figures: Mapping[str, float], real: Mapping[str, float], options: Mapping[str, Any]) -> str:
    seed, hours, steps, most = options["seed"], options["hours"], options["steps"], 20 * options["most_ahead"]
    own = 100.0 * options["own"]
    held = []
    for ahead in sorted({int(name.split()[1]) for name in figures}):
        parts = [f"look-ahead {ahead} ms: {what}" for what in ("frame accuracy", "features")]
        cells = [figures[f"{part}{when}"] for part in parts for when in (", before", "")]
        held.append(f"| {ahead} ms | {' | '.join(f'{cell:.3f}' for cell in cells)} |")
    names = [name for name in real if not name.endswith(", whole clip")]
    rows = "\n".join(f"| {name} | {real[name]:.3f} | {real[f'{name}, whole clip']:.3f} |" for name in names)
    table = f"""
The finished neutral mouth of real recordings with phone times (those of the figures above), in steps of 40 ms:

| | live, look-ahead 80 ms, 2 s kept | the whole clip at once |
|---|---|---|
{rows}
"""
    newline = "\n"
    return f"""{_TITLE}

`{LIVE_GRAPH}` hears speech while it comes: Whisper's layers step by step, over keys and values that it keeps, with a
head of its own (`{LIVE_WEIGHTS}`). It borrows Whisper's weights from `listen.onnx`, so it is small. Made by
`medtalk-train live` (seed {seed}, {hours:g} h of streams, {steps} steps), which fine-tunes the ear's head on the
training voices of the corpora above, as streams hear them with a look-ahead of 0 to {most} ms. Targets: the phones, and
the features that the ear's head gives for the whole utterance. Its weights are {own:g} % those of the ear's head, the
rest fine-tuned. Half was chosen on the recordings of `speech_dev` and on the people held back, so that figures on these
are no test of that choice. docs/training/live.md has more figures.

| voices held back, look-ahead | frames right, the ear's head | frames right | features' error, the ear's head | error |
|---|---|---|---|---|
{newline.join(held)}

The error of the features is a share of their variance; the truth is the ear that hears the whole utterance.
{table if rows else ""}"""
