"""What the bundle's motion is worth on real recordings, beside its peers: lips, rest, captured faces, emotion.

    python benchmarks/quality.py [--bundle DIR] [--speech tests/data] [--transcripts FILE] [--captures DIR ...]
        [--peer NAME='command {sound} {out}' ...] [--reference DIR] [--json FILE]

Needs ``pip install -e .[train]`` (the measures live beside the training), and for all of the peers ``pip install
pocketsphinx openfacefx``. The recordings of tests/data are part of the repository; any folder with phone times will do.
A peer of your own is a command that reads the WAV file {sound} and writes a rig, {out}.csv or {out}.arkit.csv; {text}
gives it the words. --reference, or the environment variable MEDTALK_REFERENCE, is a folder with a MetaHuman pose
library in `poses`, which is not part of the repository; without either the table of poses is left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import medtalk
from medtalk.errors import MedtalkError
from medtalk.finishing import Finishing
from medtalk.guidance import LABELS
from medtalk.model.intensity import intensity
from medtalk.quality import motion
from medtalk.quality.baselines import still
from medtalk.quality.contacts import contacts, figures
from medtalk.quality.events import SILENCE, frame_phones
from medtalk.quality.surface import surface
from medtalk.rates import RATE
from medtalk.rig.channels import AREAS, CHANNEL_NAMES, S_LIP, S_UP, indices
from medtalk_train.measure import nonspeech
from medtalk_train.measure.bars import BARS, faults
from medtalk_train.measure.captures import SHAPES, beside_captures, read_captures
from medtalk_train.measure.evaluate import mouth, on_recordings, show
from medtalk_train.measure.peers import Missing, Peer, peers
from medtalk_train.measure.recordings import REFERENCE, Recording, read_recordings, reference

POSES = dict(angry="Anger", disgust="Disgust", fear="Fear", happy="Joy", sad="Sadness", surprised="Surprise")
STILL = Finishing(blink=False, gaze=False, life=False)
DATA = Path(__file__).parents[1] / "tests" / "data"
LIPS = {
    "closure F1": "close F1", "closure recall": "recall", "closure precision": "precision",
    "closure false/min": "false/min", "closure lag, frames": "lag", "bite F1": "bite F1", "bite false/min": "false/min",
    "rounding F1": "round F1", "open vowels shut": "vowels shut", "AUC mean": "AUC", "jaw p95": "jaw p95",
    "MLE / still mouth, phones known": "MLE / still", "jitter": "jitter",
}  # fmt: skip
"""Figure -> heading of the table of lips."""
ON_THE_HEAD = {
    "contact recall": "recall", "contact precision": "precision", "false contacts/min": "false/min",
    "lip lag, ms": "lag, ms", "contact duration, ms": "shut, ms", "lip gap at p b m, mm": "p b m, mm",
    "lip gap in open vowels, mm": "vowels, mm", "open vowels shut": "vowels shut",
    "lip gap error, mm": "gap error, mm", "teeth on lip recall": "teeth on lip", "teeth to lip at f v, mm": "f v, mm",
    "lip motion in silence": "in silence", "loudness r": "loudness r", "SLCC": "SLCC",
}  # fmt: skip
"""Figure of `medtalk.quality` -> heading of the table in millimetres."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default=None, help="a bundle's folder; default the one that ships")
    parser.add_argument("--speech", type=Path, default=DATA, help="recordings with phones.json")
    parser.add_argument("--transcripts", type=Path, default=None, help="JSON, {name: text}; or beside the recordings")
    parser.add_argument("--captures", type=Path, action="append", default=[], help="sounds with captured faces")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND", help="a peer of your own")
    parser.add_argument("--reference", type=Path, default=None, help="default: $MEDTALK_REFERENCE")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here too")
    settings = parser.parse_args()
    try:
        figures = measure(settings)
    except MedtalkError as error:
        sys.exit(f"error: {error}")
    if settings.json:
        settings.json.write_text(json.dumps(figures, indent=1))


def measure(settings: argparse.Namespace) -> dict:
    """Every table by its title, printed as it is made."""
    library = reference("poses", settings.reference)
    model = medtalk.load(settings.bundle)
    recordings = read_recordings(settings.speech, settings.transcripts)
    others = peers(dict(_named(entry) for entry in settings.peer))
    out: dict[str, dict] = {}

    def tell(title: str, rows: dict) -> None:
        out[title] = rows
        show_table(title, rows)

    ours = on_recordings(model, recordings)
    seen = lips(ours, others, recordings)
    tell("lips", seen)
    tell("lips in millimetres on the head", on_the_head(model, others, recordings, seen))
    tell("events in every emotion and in noise", elsewhere(ours))
    # what cannot run has been told of already
    resting = nobody_speaks(model, {name: peer for name, peer in others.items() if name in seen and not peer.needs})
    tell("jaw p95 where nobody speaks", {title: _short(row) for title, row in resting.items()})
    for folder in settings.captures:
        tell(f"beside captured faces, {folder.name}", captured(model, others, folder))
    figures = ours | resting["ours"]
    tell("bars", {what: {"misses": "; ".join(faults(figures, bars)) or "none"} for what, bars in BARS.items()})
    performances = {recording.name: model.perform(recording.speech) for recording in recordings}
    if library:
        tell("poses", poses(performances, library))
    else:
        print(f"poses: left out, as neither --reference nor {REFERENCE} names a folder")
    tell("swap", swap(performances))
    tell("intensity", intensities(model, performances))
    return out


def lips(ours: Mapping[str, float], others: Mapping[str, Peer], recordings: Sequence[Recording]) -> dict:
    """`LIPS` of our bundle, with and without transcripts, and of every peer that can run."""
    rows = {"ours, sound alone": {heading(name): ours.get(name) for name in LIPS}}
    if any(name.endswith("with transcript") for name in ours):
        rows["ours, with transcript"] = {heading(name): ours.get(f"{name}, with transcript") for name in LIPS}
    for title, peer in others.items():
        try:
            found = mouth([peer.show(recording) for recording in recordings], recordings)
            rows[title] = {heading(name): found.get(name) for name in LIPS}
        except Missing as error:
            print(f"{title}: left out. {error}")
    return rows


def on_the_head(
    model: medtalk.Model, others: Mapping[str, Peer], recordings: Sequence[Recording], ran: Mapping[str, object]
) -> dict:
    """`ON_THE_HEAD` of our bundle, of the peers that ran, and of a mouth that holds the median of the truth."""
    rows = {"ours, sound alone": [show(model, recording.speech) for recording in recordings]}
    if all(recording.text for recording in recordings):
        rows["ours, with transcript"] = [show(model, recording.speech, recording.text) for recording in recordings]
    rows |= {name: [peer.show(recording) for recording in recordings] for name, peer in others.items() if name in ran}
    truths = [recording.taught(len(rig)) for rig, recording in zip(rows["ours, sound alone"], recordings, strict=True)]
    rows["still mouth"] = [still(truth)["median"] for truth in truths]
    return {title: _millimetres(rigs, truths, recordings) for title, rigs in rows.items()}


def _millimetres(
    rigs: Sequence[np.ndarray], truths: Sequence[np.ndarray], recordings: Sequence[Recording]
) -> dict[str, float | None]:
    """A row: the truth of "lip gap error" is the teacher's lips at the true phone times."""
    clips, errors, moved, louder = [], [], [], []
    shown = [surface(rig) for rig in rigs]
    for face, truth, recording in zip(shown, truths, recordings, strict=True):
        said = frame_phones(recording.phones, len(face))
        clips.append(contacts(face, said))
        errors.append(float(np.abs(face.gap - surface(truth).gap).mean()))
        moved.append(motion.stillness(face.speed, said != SILENCE))
        louder.append(motion.loudness_r(face.speed, recording.speech.samples, said != SILENCE))
    found: dict[str, float | None] = {**figures(clips), "lip gap error, mm": float(np.mean(errors))}
    found["lip motion in silence"] = _mean(moved)
    found["loudness r"] = _mean(louder)
    found["SLCC"] = motion.slcc(
        (recording.speech.samples, face.speed) for face, recording in zip(shown, recordings, strict=True)
    )
    return {heading: found.get(name) for name, heading in ON_THE_HEAD.items()}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def heading(name: str) -> str:
    """Of a column: headings of one table must differ."""
    kind = name.split()[0]
    return f"{kind} {LIPS[name]}" if LIPS[name] in ("false/min", "lag", "recall", "precision") else LIPS[name]


def elsewhere(ours: Mapping[str, float]) -> dict:
    """F1 of the events by emotion, and in noise."""
    rows: dict[str, dict] = {}
    for name, value in ours.items():
        kind, _, where = name.partition(" F1, ")
        if where and "transcript" not in where:
            rows.setdefault(where, {})[f"{kind} F1"] = value
    neutral = {f"{kind} F1": ours[f"{kind} F1"] for kind in ("closure", "bite", "rounding")}
    return {"neutral": neutral, **rows}


def nobody_speaks(model: medtalk.Model, others: Mapping[str, Peer]) -> dict:
    """The jaw's 95th percentile on the nine sounds, of ours and of peers that need no more than a sound."""
    sounds = {
        name: Recording(name, medtalk.Speech.from_array(sound, RATE), ()) for name, sound in nonspeech.sounds().items()
    }
    rows = {"ours": nonspeech.rest_of({name: show(model, sound.speech) for name, sound in sounds.items()})}
    for title, peer in others.items():
        try:
            rows[title] = nonspeech.rest_of({name: peer.show(sound) for name, sound in sounds.items()})
        except Missing as error:
            print(f"{title}: left out where nobody speaks. {error}")
    return rows


def _short(row: Mapping[str, float]) -> dict[str, float]:
    return {name.removeprefix("jaw p95, "): value for name, value in row.items()}


def captured(model: medtalk.Model, others: Mapping[str, Peer], folder: Path) -> dict:
    """Mean, deviation, 95th percentile and r of ARKit's shapes on captured takes, ours and energy's."""
    captures = read_captures(folder)
    found = beside_captures(lambda speech: show(model, speech), captures, "ours")
    energy = beside_captures(lambda speech: others["energy jaw"].show(Recording("", speech, ())), captures, "energy")
    kinds = ("captured mean", "captured sd", "captured p95", "shown mean", "shown sd", "shown p95", "amplitude", "r")
    rows = {shape: {kind: found.get(f"ours {shape} {kind}") for kind in kinds} for shape in SHAPES}
    rows["JawOpen"]["r of energy jaw"] = energy.get("energy JawOpen r")
    return {shape: row for shape, row in rows.items() if row["r"] is not None}


def _named(entry: str) -> tuple[str, str]:
    name, equals, command = entry.partition("=")
    if not (name and equals and command):
        sys.exit(f"error: --peer {entry!r} is not NAME=COMMAND.")
    return name, command


def poses(performances: dict, folder: Path) -> dict:
    """Cosine of the mean upper face (brow, eye, nose channels) with the pose library's mean pose of each emotion."""
    library = json.loads((folder / "metahuman_pose_library.json").read_text())
    upper = indices("?_brow_*", "?_eye*", "?_nose*")
    keys = [name.replace("-", ".") for name in CHANNEL_NAMES]
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
        rigs = [performances[name].decode(label, finishing=STILL).values for name in performances]
        mean = np.mean([rig.mean(axis=0) for rig in rigs], axis=0)
        cosines = {other: _cosine(mean[upper], pose) for other, pose in wanted.items()}
        rows[label] = {**cosines, "nearest is own": max(cosines, key=cosines.__getitem__) == label}
    return rows


def swap(performances: dict) -> dict:
    """Change of emotion against neutral, over what speech does: lips (at most 1/3), all mouth channels, upper face."""
    rows = {}
    neutral = {name: performances[name].decode("neutral", finishing=STILL).values for name in performances}
    for label in LABELS:
        if label == "neutral":
            continue
        rigs = {name: performances[name].decode(label, finishing=STILL).values for name in performances}
        rows[label] = {
            f"{where} change / spread": float(np.mean([
                np.abs(rigs[n] - neutral[n])[:, channels].mean() / neutral[n][:, channels].std(axis=0).mean()
                for n in rigs
            ]))
            for where, channels in (("S_lip", S_LIP), ("mouth", AREAS["mouth"]))
        } | {"S_up change": float(np.mean([np.abs(rigs[n] - neutral[n])[:, S_UP].mean() for n in rigs]))}  # fmt: skip
    return rows


def intensities(model: medtalk.Model, performances: dict) -> dict:
    """Mean Int(R) (eq. 8) at multipliers 0 .. 1.5, the spread within clips, and what a louder recording does."""
    rows = {}
    for label in LABELS:
        heard = performances.values()
        means = [float(np.mean([felt(each, label, x).mean() for each in heard])) for x in (0.0, 0.5, 1.0, 1.5)]
        within = np.mean([felt(each, label, 1.0).std() for each in heard])
        rows[label] = {f"x{x}": m for x, m in zip((0, 0.5, 1, 1.5), means, strict=True)}
        rows[label] |= {"monotone": bool(np.all(np.diff(means) > 0)), "std within": float(within)}
    curves = {n: performances[n].intensity for n in performances}
    longest = max(performances.values(), key=lambda performance: performance.seconds)
    sound, plain = longest.speech, longest.intensity
    louder = model.perform(medtalk.Speech.from_array(np.clip(sound.samples * 2.0, -1.0, 1.0), RATE))
    loud = model.perform(medtalk.Speech.from_array(_louder_half(sound.samples), RATE))
    half = len(loud.intensity) // 2
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


def show_table(title: str, rows: dict) -> None:
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    table = Table("", *columns, title=title)
    for name, row in rows.items():
        table.add_row(name, *(_text(row.get(key)) for key in columns))
    Console(width=190).print(table)


def _text(value: object) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
