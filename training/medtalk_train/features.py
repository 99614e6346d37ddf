"""Frozen features of a corpus on disk: what stages 2 to 4 read instead of running the backbone again and again.

The sound is augmented before it is heard, lightly, so that the mappings trained on these features meet noisy rooms
too. Arrays are raw float16, one after another, with an index; a cut run goes on where it stopped.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from medtalk.backbones import mel, prosody
from medtalk.backbones.mel import RATE, RIG_FPS
from medtalk.backbones.phones import N_PHONES
from medtalk_train import augment
from medtalk_train.backbone import load_backbone
from medtalk_train.corpus.read import Corpus, Utterance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from medtalk.backbones.acoustic import AcousticEncoder


@dataclass(frozen=True)
class Clip:
    """Features of one utterance: (T, F), (T, 35) and (T, 16), float32."""

    utterance: Utterance
    content: NDArray[np.float32]
    posteriors: NDArray[np.float32]
    prosody: NDArray[np.float32]


class Features:
    """Features in a folder, written by :func:`extract`; ``features[i]`` is a :class:`Clip`."""

    def __init__(self, folder: Path) -> None:
        about = json.loads((folder / "features.json").read_text(encoding="utf-8"))
        self.width: int = about["width"]
        corpus = Corpus(Path(about["corpus"]))
        by_id = {u.id: u for u in corpus.items}
        rows = [json.loads(line) for line in (folder / "features.jsonl").read_text(encoding="utf-8").splitlines()]
        self.utterances: list[Utterance] = [by_id[row["id"]] for row in rows]
        frames = [row["frames"] for row in rows]
        self.starts = np.concatenate([[0], np.cumsum(frames)])
        self._values = np.memmap(
            folder / "features.f16",
            np.float16,
            "r",
            shape=(int(self.starts[-1]), self.width + N_PHONES + prosody.N_PROSODY),
        )

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> Clip:
        values = np.asarray(self._values[self.starts[index] : self.starts[index + 1]], np.float32)
        content, posteriors, voice = np.split(values, [self.width, self.width + N_PHONES], axis=1)
        return Clip(self.utterances[index], content, posteriors, voice)

    def split(self, name: str) -> list[int]:
        """Indices of the clips of "train" or "held"."""
        return [i for i, u in enumerate(self.utterances) if u.split == name]


def extract(corpus: Path, backbone: Path, folder: Path, hours: float, seed: int = 0, progress: bool = True) -> Path:
    """Write the features of the first ``hours`` of training utterances and of up to a tenth as much held-out ones.

    Returns:
        The folder, ready for :class:`Features`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    encoder = load_backbone(backbone)
    source = Corpus(corpus)
    chosen = _first(source.split("train"), hours) + _first(source.split("held"), max(hours / 10.0, 0.01))
    about = {"corpus": str(corpus.resolve()), "width": encoder.config.width, "hours": hours, "seed": seed,
             "backbone_time": backbone.stat().st_mtime}  # fmt: skip
    width = encoder.config.width + N_PHONES + prosody.N_PROSODY
    index, values = folder / "features.jsonl", folder / "features.f16"
    (folder / "complete").unlink(missing_ok=True)
    done = _resume(folder, about, width)
    with index.open("a", encoding="utf-8") as rows, values.open("ab") as raw:
        for number, utterance in enumerate(_progress(chosen[done:], progress), done):
            frames = utterance.samples * RIG_FPS // RATE
            array = clip_features(encoder, source, utterance, np.random.default_rng((seed, number)))
            assert array.shape == (frames, width)
            raw.write(array.astype(np.float16).tobytes())
            raw.flush()
            rows.write(json.dumps({"id": utterance.id, "frames": frames}) + "\n")
            rows.flush()
    (folder / "complete").touch()
    return folder


def clip_features(
    encoder: AcousticEncoder, corpus: Corpus, utterance: Utterance, rng: np.random.Generator | None
) -> NDArray[np.float32]:
    """(T, F + 35 + 16) features of one utterance; augmented when given a generator."""
    samples = corpus.audio(utterance)
    if rng is None:
        bands = mel.log_mel(samples)
    else:
        samples = (samples * 10.0 ** (rng.normal(-2.0, 5.0) / 20.0)).astype(np.float32)
        bands = augment.features(samples, rng, lambda n: np.resize(corpus.audio(corpus.items[0]), n), 0.6)
    with torch.inference_mode():
        content, logits = encoder(torch.from_numpy(bands)[None])
        posteriors = logits.softmax(-1)
    return np.concatenate([content[0].numpy(), posteriors[0].numpy(), prosody.prosody(samples)], axis=1)


def _first(items: Sequence[Utterance], hours: float) -> list[Utterance]:
    total, out = 0, []
    for utterance in items:
        if total >= hours * 3600 * RATE:
            break
        total += utterance.samples
        out.append(utterance)
    return out


def _resume(folder: Path, about: dict, width: int) -> int:
    """How many utterances are there already; a torn end is cut off, features of other settings are thrown away."""
    meta, index, values = folder / "features.json", folder / "features.jsonl", folder / "features.f16"
    if not meta.exists() or json.loads(meta.read_text(encoding="utf-8")) != about:
        index.write_text("")
        values.write_bytes(b"")
        meta.write_text(json.dumps(about, indent=1), encoding="utf-8")
        return 0
    lines = index.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    index.write_text("".join(whole), encoding="utf-8")
    size = sum(json.loads(line)["frames"] for line in whole) * width * 2
    with values.open("r+b") as raw:
        raw.truncate(size)
    return len(whole)


def _progress(items: list[Utterance], shown: bool):
    from rich.progress import track

    started = time.monotonic()
    yield from track(items, "features", disable=not shown)
    if shown and items:
        print(f"features of {len(items)} utterances in {time.monotonic() - started:.0f} s")
