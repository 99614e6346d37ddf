"""What the bundle's motion is worth on real recordings: lips, emotion, intensity. Prints tables.

    python benchmarks/quality.py [--bundle DIR] [--reference ../shared/reference] [--json FILE]

Needs ``pip install -e .[train]`` (the measures live beside the training) and the project's reference folder: five
recordings with phone times, and a MetaHuman pose library. Neither is part of the repository.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import medtalk
from medtalk.finishing import Finishing
from medtalk.guidance import LABELS
from medtalk.model.intensity import intensity
from medtalk.rig.channels import NAMES, REGIONS, S_LIP, S_UP, indices
from medtalk_train.articulation import articulation

POSES = dict(angry="Anger", disgust="Disgust", fear="Fear", happy="Joy", sad="Sadness", surprised="Surprise")
SPEECH = ("conversational", "jfk", "sonnet")
STILL = Finishing(blink=False, gaze=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default=None, help="a bundle's folder; default the one that ships")
    parser.add_argument("--reference", type=Path, default=Path("../shared/reference"))
    parser.add_argument("--json", type=Path, default=None, help="write the figures here too")
    settings = parser.parse_args()
    model = medtalk.load(settings.bundle)
    folder = settings.reference / "speech_dev"
    phones = json.loads((folder / "phones.json").read_text())
    performances = {name: model.perform(folder / f"{name}.flac") for name in phones}
    figures = {
        "articulation": lips(performances, phones),
        "poses": poses(performances, settings.reference),
        "swap": swap(performances),
        "intensity": intensities(model, performances),
    }
    for title, rows in figures.items():
        show(title, rows)
    if settings.json:
        settings.json.write_text(json.dumps(figures, indent=1))


def lips(performances: dict, phones: dict) -> dict:
    """Articulation of the finished neutral output, whole and clip by clip (a short clip may lack a measure)."""
    rigs = {name: p.decode("neutral").values for name, p in performances.items()}
    rows = {"all": articulation([(rigs[name], phones[name]) for name in rigs]).to_dict()}
    for label in ("angry", "happy"):
        rigs = {name: p.decode(label).values for name, p in performances.items()}
        rows[label] = articulation([(rigs[name], phones[name]) for name in rigs]).to_dict()
    return rows


def poses(performances: dict, reference: Path) -> dict:
    """Cosine of the mean upper face (brow, eye, nose channels) with the pose library's mean pose of each emotion."""
    library = json.loads((reference / "poses" / "metahuman_pose_library.json").read_text())
    upper = indices("?_brow_*", "?_eye*", "?_nose*")
    keys = [name.replace("-", ".") for name in NAMES]
    wanted = {
        label: np.mean(
            [
                [p.get(key, 0.0) for key in keys]
                for name, p in library.items()
                if name.startswith(f"expressions/{word}-")
            ],
            axis=0,
        )[upper]
        for label, word in POSES.items()
    }
    rows = {}
    for label in POSES:
        rigs = [performances[name].decode(label, finishing=STILL).values for name in SPEECH]
        mean = np.mean([rig.mean(axis=0) for rig in rigs], axis=0)
        cosines = {other: _cosine(mean[upper], pose) for other, pose in wanted.items()}
        rows[label] = {**cosines, "nearest is own": max(cosines, key=cosines.__getitem__) == label}
    return rows


def swap(performances: dict) -> dict:
    """Change of emotion against neutral, over what speech does: lips (at most 1/3), all mouth channels, upper face."""
    rows = {}
    mouth = REGIONS["mouth"]
    neutral = {name: performances[name].decode("neutral", finishing=STILL).values for name in SPEECH}
    for label in LABELS:
        if label == "neutral":
            continue
        rigs = {name: performances[name].decode(label, finishing=STILL).values for name in SPEECH}
        rows[label] = {
            f"{where} change / spread": float(np.mean([
                np.abs(rigs[n] - neutral[n])[:, channels].mean() / neutral[n][:, channels].std(axis=0).mean()
                for n in SPEECH
            ]))
            for where, channels in (("S_lip", S_LIP), ("mouth", mouth))
        } | {"S_up change": float(np.mean([np.abs(rigs[n] - neutral[n])[:, S_UP].mean() for n in SPEECH]))}  # fmt: skip
    return rows


def intensities(model: medtalk.Model, performances: dict) -> dict:
    """Mean Int(R) (eq. 8) at multipliers 0 .. 1.5, the spread within clips, and what a louder recording does."""
    rows = {}
    for label in LABELS:
        means = [float(np.mean([felt(performances[n], label, x).mean() for n in SPEECH])) for x in (0.0, 0.5, 1.0, 1.5)]
        within = np.mean([felt(performances[n], label, 1.0).std() for n in SPEECH])
        rows[label] = {f"x{x}": m for x, m in zip((0, 0.5, 1, 1.5), means, strict=True)}
        rows[label] |= {"monotone": bool(np.all(np.diff(means) > 0)), "std within": float(within)}
    curves = {n: performances[n].intensity for n in SPEECH}
    from medtalk.audio import Speech

    sound = performances["sonnet"].speech
    louder = model.perform(Speech.from_array(np.clip(sound.samples * 2.0, -1.0, 1.0), 16000))
    loud = model.perform(Speech.from_array(_louder_half(sound.samples), 16000))
    half = len(loud.intensity) // 2
    plain = performances["sonnet"].intensity
    rows["curve"] = {
        "mean": float(np.mean([c.mean() for c in curves.values()])),
        "std within": float(np.mean([c.std() for c in curves.values()])),
        "whole clip +6 dB": float(louder.intensity.mean() / plain.mean()),
        "second half +8 dB": float(
            (loud.intensity[half:].mean() / loud.intensity[:half].mean()) / (plain[half:].mean() / plain[:half].mean())
        ),
    }
    return rows


def felt(performance: medtalk.Performance, label: str, multiplier: float) -> np.ndarray:
    """(T,) Int(R) of the decoded face."""
    return intensity(performance.decode(label, intensity=multiplier, finishing=STILL).values)


def _louder_half(samples: np.ndarray) -> np.ndarray:
    out = samples * 0.4
    out[len(out) // 2 :] *= 2.5
    return out


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-12))


def show(title: str, rows: dict) -> None:
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    table = Table("", *columns, title=title)
    for name, row in rows.items():
        table.add_row(name, *(_text(row.get(key)) for key in columns))
    Console(width=150).print(table)


def _text(value: object) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
