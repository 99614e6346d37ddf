"""Trains the compact bundle's text encoder and writes weights, ONNX graph and figures.

    medtalk-train text -o FOLDER          # under half an hour on one core; or the step `wording` of a run

The result is the same for the same seed. The grammar and the books of phrases make the sentences as they are needed;
nothing is downloaded. The table of meanings is that of the bundle that ships, or of a file.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F

from medtalk.bundle import TEXT_GRAPH, TEXT_WEIGHTS, TEXT_WORDS, load_bundle
from medtalk.errors import TrainingError
from medtalk.features.meanings import Meanings
from medtalk.features.words import tokenise
from medtalk.files import write_atomic
from medtalk.guidance import LABELS
from medtalk.model.text_encoder import TextEncoder, TextEncoderConfig
from medtalk_train.onnx_graph import graph_of
from medtalk_train.settings import WordingOptions
from medtalk_train.wording.dataset import Drawn, batches, draw, weaken
from medtalk_train.wording.dataset import tokens as tokens_of
from medtalk_train.wording.grammar import Grammar
from medtalk_train.wording.judge import Encode, drawn, judge
from medtalk_train.wording.meanings import Table
from medtalk_train.wording.vocabulary import vocabulary

METRICS = "metrics.json"
TOLERANCE = 1e-5
"""Largest difference between the graph and torch."""
_log = logging.getLogger(__name__)
Read = Callable[[str], NDArray[np.int64]]
"""A text to tokens."""


def train(
    options: WordingOptions,
    seed: int = 1,
    config: TextEncoderConfig | None = None,
    table: Table | None = None,
    start: Mapping[str, Tensor] | None = None,
) -> TextEncoder:
    """A trained encoder, in evaluation mode; without a table it knows words by their letters alone.

    With `start`, the weights of an encoder of the same sizes, it goes on from them.
    """
    torch.manual_seed(seed)
    table = table or Table.none()
    meanings = Meanings(table.words) if table.words else None
    config = config or TextEncoderConfig()
    if meanings:
        config = replace(config, words=len(table.words), meaning=table.rows.shape[1])
    model = TextEncoder(config)
    if start is not None:
        if meanings and "meanings" not in start:  # what it has learned is not disturbed at first
            torch.nn.init.zeros_(list(model.meant.parameters())[-1])
        fresh = {name: value for name, value in model.state_dict().items() if name.startswith("mean")}
        model.load_state_dict({**start, **{name: value for name, value in fresh.items() if name not in start}})
    if meanings:
        model.meanings.copy_(torch.from_numpy(table.rows))
        model.meaning_scale.copy_(torch.from_numpy(table.scale))
    grammar = Grammar(seed, without=options.without)
    kept = [p for name, p in model.named_parameters() if not name.startswith("pieces")]
    optimizer = torch.optim.AdamW(
        # decay would wear down the vectors of rare pieces
        [{"params": model.pieces.parameters(), "weight_decay": 0.0}, {"params": kept, "weight_decay": options.decay}],
        lr=options.rate,
    )
    # lengths do not divide evenly, so an epoch has some batches more than texts / batch: the schedule goes by texts
    total, done = options.texts * options.epochs, 0
    drawn: list[Drawn] = []
    ids: list[NDArray[np.int64]] = []
    for epoch in range(options.epochs):
        rng = np.random.default_rng([seed, epoch])
        begun, losses = time.perf_counter(), []
        model.train()
        if epoch % options.fresh == 0:
            drawn = draw(grammar, options.texts, rng, phrases=True)
            ids = [tokens_of(words, meanings) for words, _, _ in drawn]
        for batch in batches(drawn, ids, options.batch, rng):
            _schedule(optimizer, options.rate, done / total)
            tokens = torch.from_numpy(weaken(batch.tokens, options.piece_dropout, rng))
            weights, strength = torch.from_numpy(batch.weights), torch.from_numpy(batch.strength)
            logits, log_strength = model.read(tokens)
            label_loss = F.cross_entropy(logits, weights)
            # how strong a neutral face is matters little
            matters = 1.0 - 0.7 * weights[:, LABELS.index("neutral")]
            misses = F.smooth_l1_loss(log_strength, strength.log(), beta=0.2, reduction="none")
            strength_loss = (matters * misses).mean()
            loss = label_loss + options.strength_weight * strength_loss
            optimizer.zero_grad(set_to_none=True)
            # a small batch of a rare length counts for as much as its texts
            (loss * (len(strength) / options.batch)).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            done += len(strength)
            losses.append((label_loss.item(), strength_loss.item()))
        means = np.mean(losses, 0)
        _log.info("epoch %d: label %.4f strength %.4f, %.0f s", epoch + 1, *means, time.perf_counter() - begun)
    return model.eval()


def _schedule(optimizer: torch.optim.Optimizer, rate: float, part: float) -> None:
    factor = min(part / 0.08, 1.0) * 0.5 * (1.0 + np.cos(np.pi * max(part - 0.08, 0.0) / 0.92))
    for group in optimizer.param_groups:
        group["lr"] = rate * max(float(factor), 1e-3)


def graph_bytes(model: TextEncoder, meanings: Meanings | None = None) -> bytes:
    """The encoder as an ONNX file: `tokens` (1, N, 8 or 10) int64 -> `weights` (1, 7), `strength` (1,); any N from 1.

    Raises:
        TrainingError: the graph differs from torch.
    """
    read = meanings.tokenise if meanings else tokenise
    example = torch.from_numpy(read("not angry at all, just tired"))[None]
    graph = graph_of(model, (example,), {"tokens": {1: "words"}}, {"weights": {}, "strength": {}})
    difference = check_graph(model, graph, read)
    if difference > TOLERANCE:
        raise TrainingError(f"The exported text encoder differs from torch by {difference:.1e}, not {TOLERANCE:g}.")
    return graph


def check_graph(model: TextEncoder, graph: bytes, read: Read = tokenise) -> float:
    """Largest difference between the graph and torch over several lengths."""
    run, worst = _session(graph), 0.0
    for text in ("", "angry", "slightly annoyed", "she looks sad, not angry " * 30):
        tokens = read(text)
        with torch.no_grad():
            expected = model(torch.from_numpy(tokens)[None])
        found = run(tokens)
        worst = max(worst, *(float(np.abs(a.numpy() - b).max()) for a, b in zip(expected, found, strict=True)))
    return worst


def _session(graph: bytes) -> Callable[[NDArray[np.int64]], list[NDArray[np.float32]]]:
    from medtalk.engine.compact_onnx import onnxruntime  # which has switched its telemetry off

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def run(tokens: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        return [np.asarray(each) for each in session.run(None, {"tokens": tokens[None]})]

    return run


def encoder(graph: bytes, meanings: Meanings | None = None) -> Encode:
    """A text to weights (7,) and strength, by the graph, on one thread."""
    run, read = _session(graph), meanings.tokenise if meanings else tokenise

    def encode(text: str) -> tuple[NDArray[np.float32], float]:
        weights, strength = run(read(text))
        return weights[0], float(strength[0])

    return encode


def make(
    folder: Path,
    options: WordingOptions,
    seed: int = 1,
    table: Table | None = None,
    start: Mapping[str, Tensor] | None = None,
) -> dict[str, float]:
    """Train an encoder on one thread, judge it, and write it with its figures; returns these.

    Without `table` it takes that of the bundle that ships.

    `METRICS` is written last: where it is, all is.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        begun = time.perf_counter()
        table = Table.of(load_bundle()) if table is None else table
        meanings = Meanings(table.words) if table.words else None
        model = train(options, seed, table=table, start=start)
        seconds = time.perf_counter() - begun
    finally:
        torch.set_num_threads(threads)
    graph, weights = graph_bytes(model, meanings), save(dict(model.state_dict()))
    encode = encoder(graph, meanings)
    metrics = judge(encode, Grammar(seed, held_out=True))
    metrics |= drawn(encode, Grammar(seed), 2000, "grammar_seen")
    if options.without:
        unseen = Grammar(seed, without=options.without, only_without=True)
        metrics |= drawn(encode, unseen, 2000, "unseen_words")
    metrics |= {"train_seconds": seconds, "weights_bytes": float(len(weights)), "onnx_bytes": float(len(graph))}
    metrics["encode_ms"] = _milliseconds(encode)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / TEXT_WEIGHTS, lambda to: to.write_bytes(weights))
    write_atomic(folder / TEXT_GRAPH, lambda to: to.write_bytes(graph))
    words = json.dumps({**vocabulary(), "meanings": " ".join(table.words)}, indent=0, ensure_ascii=False)
    write_atomic(folder / TEXT_WORDS, lambda to: to.write_text(words + "\n", "utf-8"))
    about = {"options": {"seed": seed, **asdict(options)}, "config": model.config.to_dict(), "metrics": metrics}
    write_atomic(folder / METRICS, lambda to: to.write_text(json.dumps(about, indent=1) + "\n", "utf-8"))
    return metrics


def _milliseconds(encode: Encode) -> float:
    text = "she is fighting back tears but tries to smile"
    times = []
    for _ in range(200):
        begun = time.perf_counter()
        encode(text)
        times.append(time.perf_counter() - begun)
    return 1000.0 * float(np.median(times))
