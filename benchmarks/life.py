"""How alive a face is on real recordings: emotions as a viewer names them, dynamics, accents, blinks, the head, cost.

    python -m benchmarks.life [--bundle DIR] [--speech tests/data] [--reference DIR] [--json FILE]

Every figure stands beside the same face without its life layer (``--no-life --no-head``), which is what the networks
alone make. --reference, or the environment variable MEDTALK_REFERENCE, is a folder with a MetaHuman pose library in
`poses`, on which the judge of emotions is fitted (`medtalk_train.measure.faces`); without either that table is left
out. Needs ``pip install -e .[train]``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import medtalk
from benchmarks.quality import DATA, show_table
from medtalk import Performance
from medtalk.audio import Speech
from medtalk.errors import MedtalkError
from medtalk.features.alignment import MAX_WORDS, align, token_times
from medtalk.finishing import Finishing
from medtalk.guidance import LABELS, NEUTRAL
from medtalk.quality import motion
from medtalk.quality.articulation import jitter
from medtalk.quality.contacts import contacts
from medtalk.quality.contacts import figures as contact_figures
from medtalk.quality.events import SILENCE, frame_phones
from medtalk.quality.surface import Surface, surface
from medtalk.rates import FPS, RATE
from medtalk.rig.channels import S_UP
from medtalk_train.measure.faces import FaceJudge
from medtalk_train.measure.recordings import REFERENCE, Recording, read_recordings, reference

ALIVE = Finishing()
PLAIN = Finishing(life=False, head=False)
_BEAT_S = 0.25  # how near an accent a beat of brows or head is its own
_BROW_MM, _NOD_DEGREES = 0.35, 0.8  # what a viewer sees of a beat
_SHIFTS = (1.37, 2.71, 4.19, 5.83)  # seconds, by which accents are moved to see what chance gives
_WORD = "terrible"  # of feeling, put in the place of others
_SURFACES = ("corners", "brows", "lids", "gap")
_PART = 0.98  # of the variance, which five components of a captured upper face hold


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default=None, help="a bundle's folder; default the one that ships")
    parser.add_argument("--speech", type=Path, default=DATA, help="recordings with phones.json")
    parser.add_argument("--reference", type=Path, default=None, help="default: $MEDTALK_REFERENCE")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here too")
    settings = parser.parse_args()
    try:
        found = measure(settings.bundle, settings.speech, settings.reference)
    except MedtalkError as error:
        sys.exit(f"error: {error}")
    if settings.json:
        settings.json.write_text(json.dumps(found, indent=1))


def measure(bundle: str | None, speech: Path, folder: Path | None) -> dict[str, dict]:
    """Every table by its title, printed as it is made."""
    model = medtalk.load(bundle)
    recordings = read_recordings(speech)
    heard = [model.perform(recording.speech, recording.text) for recording in recordings]
    out: dict[str, dict] = {}

    def tell(title: str, rows: dict) -> None:
        out[title] = rows
        show_table(title, rows)

    library = reference("poses", folder)
    if library:
        tell("emotion seen, by emotion asked: share of the recordings", named(heard, FaceJudge.fit(library)))
    else:
        print(f"emotions seen: left out, as neither --reference nor {REFERENCE} names a folder")
    tell("each emotion on the head", {label: on_the_head(heard, recordings, label) for label in LABELS})
    tell("movement of the upper face", {label: moved(heard, label) for label in LABELS})
    tell("life", {"alive": life(heard, ALIVE), "networks alone": life(heard, PLAIN)})
    tell("intensity and its causes", {"as shipped": causes(model, heard)})
    tell("cost", cost(model, heard))
    return out


def named(heard: Sequence[Performance], judge: FaceJudge) -> dict[str, dict]:
    """How often each asked label is seen as each, over recordings; and the right ones of the networks alone."""
    rows = {}
    for label in LABELS:
        seen = [judge.label(each.decode(label, finishing=ALIVE).values) for each in heard]
        plain = [judge.label(each.decode(label, finishing=PLAIN).values) for each in heard]
        frames = [judge.scores(each.decode(label, finishing=ALIVE).values[::6]).argmax(axis=1) for each in heard]
        rows[label] = {other: seen.count(other) / len(seen) for other in LABELS} | {
            "right, networks alone": plain.count(label) / len(plain),
            "right, frame by frame": float((np.concatenate(frames) == LABELS.index(label)).mean()),
        }
    return rows


def on_the_head(heard: Sequence[Performance], recordings: Sequence[Recording], label: str) -> dict[str, float]:
    """Mean change against neutral in mm, contacts, channels at a limit, jitter."""
    changes, clips, neutral, limits, trembles = [], [], [], {1.0: [], 2.0: []}, []
    for each, recording in zip(heard, recordings, strict=True):
        said = frame_phones(recording.phones, len(each))
        own, calm = (each.decode(emotion, finishing=ALIVE).values for emotion in (label, NEUTRAL))
        shown, rest = surface(own), surface(calm)
        changes.append([_feature(shown, name)[said != SILENCE].mean() - _feature(rest, name)[said != SILENCE].mean()
                        for name in _SURFACES])  # fmt: skip
        clips.append(contacts(shown, said))
        neutral.append(contacts(rest, said))
        trembles.append(jitter([own]))
        for strength, shares in limits.items():
            shares.append(motion.limit_share(each.decode(label, strength, ALIVE).values))
    mine, calm = contact_figures(clips), contact_figures(neutral)
    return {
        **{f"{name}, mm": float(value) for name, value in zip(_SURFACES, np.mean(changes, axis=0), strict=True)},
        "contact F1": _f1(mine),
        "against neutral": _f1(mine) - _f1(calm),
        "at a limit, 1": float(np.mean(limits[1.0])),
        "at a limit, 2": float(np.mean(limits[2.0])),
        "jitter": float(np.mean(trembles)),
    }


def moved(heard: Sequence[Performance], label: str) -> dict[str, float]:
    """Principal components and asymmetry, alive and of the networks alone; what another seed changes."""
    own = [each.decode(label, finishing=ALIVE) for each in heard]
    plain = [each.decode(label, finishing=PLAIN) for each in heard]
    other = [each.decode(label, finishing=Finishing(seed=1)) for each in heard]
    between = [rig.values[:, S_UP].mean(axis=0) for rig in own]
    changes = [np.abs(a.values - b.values)[:, S_UP].mean() for a, b in zip(own, other, strict=True)]
    return {
        "components": components([rig.values for rig in own]),
        "networks alone": components([rig.values for rig in plain]),
        "asymmetry, mm": float(np.mean([surface(rig.values).apart.mean() for rig in own])),
        "asymmetry, networks alone": float(np.mean([surface(rig.values).apart.mean() for rig in plain])),
        "seeds differ": float(np.mean(changes)),
        "sentences differ": float(np.mean(np.std(between, axis=0))),
    }


def components(rigs: Sequence[np.ndarray]) -> int:
    """Principal components that hold `_PART` of the variance of the upper face, without blinks."""
    values = np.concatenate([rig[:, S_UP] - rig[:, S_UP].mean(axis=0) for rig in rigs])
    open_eyes = np.concatenate([_open(rig) for rig in rigs])
    share = np.linalg.svd(values[open_eyes], compute_uv=False) ** 2
    return int(np.searchsorted(np.cumsum(share) / share.sum(), _PART)) + 1


def life(heard: Sequence[Performance], finishing: Finishing) -> dict[str, float]:
    """Accents, blinks, head and lips at rest, over all recordings and labels."""
    brows, brows_chance, nods, nods_chance = [], [], [], []
    blinks, minutes, speeds, still = 0, 0.0, [], []
    for each in heard:
        times = np.array([accent.time for accent in each.cues.accents])
        for label in LABELS:
            rig = each.decode(label, finishing=finishing)
            shown = surface(rig.values)
            height = shown.brows.mean(axis=1)
            brows.append(_beats(height, times, _BROW_MM))
            brows_chance += [_beats(height, (times + s) % each.seconds, _BROW_MM) for s in _SHIFTS]
            if rig.head is not None:
                nods.append(_beats(rig.head[:, 1], times, _NOD_DEGREES))
                nods_chance += [_beats(rig.head[:, 1], (times + s) % each.seconds, _NOD_DEGREES) for s in _SHIFTS]
                speeds.append(np.linalg.norm(np.diff(rig.head, axis=0), axis=1) * FPS)
            blinks += len(motion.blinks(shown.lids))
            minutes += len(rig) / FPS / 60.0
            rest = motion.stillness(shown.speed, each.activity > 0.5)
            still += [] if rest is None else [rest]
    seconds = sum(each.seconds for each in heard)
    return {
        "accents/s": sum(len(each.cues.accents) for each in heard) / seconds,
        "brow beats": float(np.mean(brows)),
        "by chance": float(np.mean(brows_chance)),
        "nods": float(np.mean(nods)) if nods else 0.0,
        "nods by chance": float(np.mean(nods_chance)) if nods else 0.0,
        "blinks/min": blinks / minutes,
        "head, deg/s": float(np.concatenate(speeds).mean()) if speeds else 0.0,
        "head p95, deg/s": float(np.percentile(np.concatenate(speeds), 95)) if speeds else 0.0,
        "lips in silence": float(np.mean(still)) if still else 0.0,
    }


def causes(model: medtalk.Model, heard: Sequence[Performance]) -> dict[str, float]:
    """r of the predicted intensity with vocal effort in speech; lift at a word of feeling against elsewhere."""
    r, at, away = [], [], []
    for each in heard:
        speaking = each.activity > 0.5
        r.append(float(np.corrcoef(each.intensity[speaking], each.cues.effort[speaking])[0, 1]))
        if not each.transcript or each.heard.posteriors is None:
            continue
        alignment = align(each.heard.posteriors, each.transcript)
        times = token_times(each.transcript, alignment, each.seconds, MAX_WORDS)
        words = each.transcript.split()
        for number in range(2, len(words) - 2, 5):
            if len(words) != len(times) or times[number, 0] < 0:
                continue
            text = " ".join([*words[:number], _WORD, *words[number + 1 :]])
            lift = model.engine.intensity(each.heard.emotion_features, text, times) - each.intensity
            clock = np.arange(len(lift)) / FPS
            inside = (clock >= times[number, 0]) & (clock <= times[number, 1])
            far = (clock < times[number, 0] - 0.5) | (clock > times[number, 1] + 0.5)
            at.append(lift[inside].mean())
            away.append(np.abs(lift[far]).mean())
    out = {"r with effort": float(np.mean(r))}
    if at:
        out |= {"lift at the word": float(np.mean(at)), "elsewhere": float(np.mean(away))}
        out["times"] = out["lift at the word"] / max(out["elsewhere"], 1e-6)
    return out


def cost(model: medtalk.Model, heard: Sequence[Performance]) -> dict[str, dict[str, float]]:
    """Milliseconds to decode a kept 30 s performance in another emotion, medians of nine; and the ratio."""
    samples = np.concatenate([each.speech.samples for each in heard])
    kept = model.perform(Speech.from_array(np.resize(samples, 30 * RATE), RATE))
    rows: dict[str, dict[str, float]] = {}
    for name, finishing in (("networks alone", PLAIN), ("alive", ALIVE)):
        kept.decode("sad", finishing=finishing)
        spent = []
        for turn in range(9):
            start = time.perf_counter()
            kept.decode(LABELS[turn % 7], finishing=finishing)
            spent.append(time.perf_counter() - start)
        rows[name] = {"ms": 1000.0 * float(np.median(spent))}
    rows["alive"]["ratio"] = rows["alive"]["ms"] / rows["networks alone"]["ms"]
    return rows


def _beats(curve: np.ndarray, times: np.ndarray, least: float) -> float:
    """Share of the times within `_BEAT_S` of which a curve rises and falls, or falls and rises, by `least`."""
    reach = round(_BEAT_S * FPS)
    hits = []
    for at in np.round(times * FPS).astype(int):
        near = curve[max(at - 2 * reach, 0) : at + 2 * reach + 1]
        middle = curve[max(at - reach, 0) : at + reach + 1]
        if len(near) > 2 and len(middle):
            edges = (near[0], near[-1])
            up, down = middle.max() - max(edges), min(edges) - middle.min()
            hits.append(max(up, down) >= least)
    return float(np.mean(hits)) if hits else 0.0


def _feature(shown: Surface, name: str) -> np.ndarray:
    return {"corners": shown.spread, "brows": shown.brows.mean(axis=1), "lids": shown.lids.mean(axis=1),
            "gap": shown.gap}[name]  # fmt: skip


def _open(rig: np.ndarray) -> np.ndarray:
    """(T,) frames outside of blinks and a little around them."""
    from scipy.ndimage import binary_dilation

    shut = np.zeros(len(rig), bool)
    for first, last in motion.blinks(surface(rig).lids):
        shut[first:last] = True
    return np.logical_not(binary_dilation(shut, iterations=12))


def _f1(figures: Mapping[str, float]) -> float:
    recall, precision = figures.get("contact recall", 0.0), figures.get("contact precision", 0.0)
    return 2.0 * recall * precision / max(recall + precision, 1e-9)


if __name__ == "__main__":
    main()
