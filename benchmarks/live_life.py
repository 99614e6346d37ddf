"""How alive a face is in a stream, beside the same face finished as a clip: rates, sizes, what comes late, cost.

    python -m benchmarks.live_life [--bundle DIR] [--speech tests/data] [--seeds N] [--found .2] [--json FILE]

Both are made of the same decoded frames, so that what differs is the finishing alone (`medtalk.finishing.live`). Steps
have 2 and 3 frames, as they come at 40 ms, and an accent is found --found seconds after its time. The first table is of
real recordings in the seven labels; the second of twenty minutes of made-up turns over a face at rest, since recordings
are short and glances few. Needs ``pip install -e .[train]``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np

import medtalk
from benchmarks.life import _BROW_MM, _NOD_DEGREES, _SHIFTS, _beats
from benchmarks.quality import DATA, show_table
from medtalk import Performance, perform
from medtalk.errors import MedtalkError
from medtalk.features.cues import Accent, Cues, phrases
from medtalk.finishing import Finishing, finish, turn_of_head
from medtalk.finishing.closures import Closures
from medtalk.finishing.life import EVENT_PAUSE
from medtalk.finishing.live import LiveFinishing
from medtalk.guidance import LABELS
from medtalk.quality import motion
from medtalk.quality.articulation import jitter
from medtalk.quality.events import runs
from medtalk.quality.surface import surface
from medtalk.rates import FPS
from medtalk.rig.channels import AREAS, N_CHANNELS, indices
from medtalk.rig.head_table import EYE_DEGREES
from medtalk_train.measure.recordings import read_recordings

_STEPS = (2, 3)  # frames of a step of 40 ms
_LATE = (0.0, 0.2, 0.4)  # seconds after an accent at which a beat is looked for: the best of them counts
_AWAY_DEGREES, _AWAY_S = 5.0, 0.3  # from which a look is a glance
_EYES = indices("L_eye.X", "L_eye.Y")
_MOUTH = indices("?_mouth_press[UD]", "?_mouth_lipsRollD", "C_neck_swallow")
_EVENT = 0.01  # board units, from which a mouth at rest does something
_LAGS = range(-30, 61)  # frames around an accent in which the top of a beat is looked for


class Raw(NamedTuple):
    """Decoded frames (T, 174) and what their finishing is given."""

    values: np.ndarray
    cues: Cues
    lips: Closures | None
    mood: dict[str, float]
    strength: np.ndarray
    shaking: np.ndarray
    named: str


class Shown(NamedTuple):
    values: np.ndarray
    head: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default=None, help="a bundle's folder; default the one that ships")
    parser.add_argument("--speech", type=Path, default=DATA, help="recordings with phones.json")
    parser.add_argument("--seeds", type=int, default=3, help="takes of each recording and label")
    parser.add_argument("--found", type=float, default=0.2, help="seconds after an accent until it is found")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here too")
    settings = parser.parse_args()
    try:
        found = measure(settings.bundle, settings.speech, settings.seeds, settings.found)
    except MedtalkError as error:
        sys.exit(f"error: {error}")
    if settings.json:
        settings.json.write_text(json.dumps(found, indent=1))


def measure(bundle: str | None, speech: Path, seeds: int, found: float) -> dict[str, dict]:
    """Every table by its title, printed as it is made."""
    model = medtalk.load(bundle)
    heard = [model.perform(recording.speech, recording.text) for recording in read_recordings(speech)]
    raws = [decoded(each, label) for each in heard for label in LABELS]
    spent: list[float] = []
    takes = {"clip": [[clip(raw, Finishing(seed=seed)) for raw in raws] for seed in range(seeds)]}
    for ahead in (5, 4, 2, 0):
        takes[f"live, {ahead} frames ahead"] = [
            [live(raw, Finishing(seed=seed), ahead, found, spent) for raw in raws] for seed in range(seeds)
        ]
    out = {"recordings": {name: on_recordings(raws, several) for name, several in takes.items()}}
    show_table("recordings, seven labels", out["recordings"])
    turns = [made_up(seed) for seed in range(seeds)]
    out["turns"] = {
        "clip": on_turns(turns, [clip(raw, Finishing(seed=n)) for n, raw in enumerate(turns)]),
        "live": on_turns(turns, [live(raw, Finishing(seed=n), 4, found, spent) for n, raw in enumerate(turns)]),
    }
    show_table("20 minutes of turns, at rest", out["turns"])
    out["cost"] = {
        "live": dict(zip(("p50, ms", "p95, ms", "p99, ms"), np.percentile(spent, (50, 95, 99)), strict=True))
    }
    show_table("cost of a call of 2 or 3 frames", out["cost"])
    return out


def decoded(performance: Performance, label: str) -> Raw:
    """What `Performance.decode` gives its finishing."""
    kept: dict[str, tuple] = {}

    def turn(*given):  # type: ignore[no-untyped-def]
        kept["turn"] = given
        return turn_of_head(*given)

    def end(*given):  # type: ignore[no-untyped-def]
        kept["end"] = given
        return finish(*given)

    with mock.patch.object(perform, "turn_of_head", turn), mock.patch.object(perform, "finish", end):
        performance.decode(label)
    values, _, _, _, lips, cues, _, mood, shaking, named = kept["end"]
    return Raw(values.copy(), cues, lips, mood, kept["turn"][2].copy(), shaking.copy(), named)


def clip(raw: Raw, steps: Finishing) -> Shown:
    turn = turn_of_head(raw.cues, raw.mood, raw.strength, steps, FPS, None, raw.named)
    values = finish(
        raw.values, raw.cues.activity, steps, FPS, raw.lips, raw.cues, turn, raw.mood, raw.shaking, raw.named
    )
    assert turn is not None
    return Shown(values, turn)


def live(raw: Raw, steps: Finishing, ahead: int, found: float, spent: list[float]) -> Shown:
    """The same in calls of 2 and 3 frames; `spent` gets the milliseconds of each."""
    finishing = LiveFinishing(steps, raw.named, ahead)
    waiting = [(int(np.ceil((accent.time + found) * FPS)), accent) for accent in raw.cues.accents]
    values, turns, at, number = [], [], 0, 0
    while at < len(raw.values):
        rows = slice(at, min(at + _STEPS[number % len(_STEPS)], len(raw.values)))
        ripe = [accent for due, accent in waiting if due <= at]
        waiting = [each for each in waiting if each[0] > at]
        lips = None
        if raw.lips is not None:
            known = None if raw.lips.known is None else raw.lips.known[rows].copy()
            lips = Closures(raw.lips.seal[rows].copy(), raw.lips.press[rows].copy(), raw.lips.bite[rows].copy(), known)
        start = time.perf_counter()
        some, turn = finishing.next(
            raw.values[rows], raw.values[rows.stop : rows.stop + ahead], activity=raw.cues.activity[rows],
            effort=raw.cues.effort[rows], accents=ripe, lips=lips, mood=raw.mood, strength=raw.strength[rows],
            shaking=raw.shaking[rows],
        )  # fmt: skip
        spent.append(1000.0 * (time.perf_counter() - start))
        values.append(some)
        turns.append(turn)
        at, number = rows.stop, number + 1
    return Shown(np.concatenate(values), np.concatenate(turns))


def on_recordings(raws: Sequence[Raw], takes: Sequence[Sequence[Shown]]) -> dict[str, float]:
    """Beats, nods, head, jitter and asymmetry over all takes."""
    beats, chance, nods, by_chance, speeds, ranges, apart, rises, falls = [], [], [], [], [], [], [], [], []
    blinks, glanced, minutes = 0, 0, 0.0
    for several in takes:
        for raw, take in zip(raws, several, strict=True):
            shown, times = surface(take.values), np.array([accent.time for accent in raw.cues.accents])
            height, seconds = shown.brows.mean(axis=1), len(take.values) / FPS
            for curve, least, own, random, around in (
                (height, _BROW_MM, beats, chance, rises), (-take.head[:, 1], _NOD_DEGREES, nods, by_chance, falls)
            ):  # fmt: skip
                own.append([_beats(curve, times + late, least) for late in _LATE])
                random += [_beats(curve, (times + shift) % seconds, least) for shift in _SHIFTS]
                around += [curve[np.clip(round(at * FPS) + np.array(_LAGS), 0, len(curve) - 1)] for at in times]
            speeds.append(np.linalg.norm(np.diff(take.head, axis=0), axis=1) * FPS)
            ranges.append(np.ptp(take.head, axis=0))
            apart.append(shown.apart.mean())
            blinks += len(motion.blinks(shown.lids))
            glanced += glances(take)
            minutes += seconds / 60.0
    beaten, nodded = np.array(beats).mean(axis=0), np.array(nods).mean(axis=0)
    every = [take.values for several in takes for take in several]
    return {
        "brow beats": float(beaten.max()), "by chance": float(np.mean(chance)), "top, s": _top(rises),
        "nods": float(nodded.max()), "nods by chance": float(np.mean(by_chance)), "lowest, s": _top(falls),
        "blinks/min": blinks / minutes, "glances/min": glanced / minutes,
        "head, deg/s": float(np.concatenate(speeds).mean()),
        "head p95": float(np.percentile(np.concatenate(speeds), 95)),
        "yaw, deg": float(np.mean(ranges, axis=0)[0]), "pitch, deg": float(np.mean(ranges, axis=0)[1]),
        "jitter": jitter(every), "brow jitter": _jerk(every, AREAS["brow"]), "asymmetry, mm": float(np.mean(apart)),
    }  # fmt: skip


def on_turns(raws: Sequence[Raw], takes: Sequence[Shown]) -> dict[str, float]:
    """Rates while speaking and listening, where they lie, and what a mouth does in pauses."""
    found: dict[str, list[float]] = {}
    for raw, take in zip(raws, takes, strict=True):
        spoken = np.asarray(raw.cues.activity > 0.5)
        starts = np.array([first for first, _ in motion.blinks(surface(take.values).lids)])
        looks = np.array([first for first, _ in _glanced(take)], int)
        pauses = [(a, b) for a, b in runs(~spoken) if b - a >= EVENT_PAUSE * FPS]
        moving = (np.abs(take.values[:, _MOUTH]) > _EVENT).any(axis=1)
        ends = np.array([end for _, end in raw.cues.phrases]) * FPS
        near = [((starts >= end - 6) & (starts < end + 30)).sum() for end in ends]
        speed = motion.head_speed(take.head)
        minutes = len(take.values) / FPS / 60.0
        for name, value in {
            "blinks/min": len(starts) / minutes,
            "speaking": spoken[starts].sum() / (spoken.sum() / FPS / 60.0),
            "listening": (~spoken[starts]).sum() / ((~spoken).sum() / FPS / 60.0),
            "within .5 s after a phrase": float(np.sum(near)) / len(starts),
            "glances/min": len(looks) / minutes,
            "of them before a phrase or in it": float((spoken | np.roll(spoken, -30))[looks].mean()),
            "events a long pause": len(pauses) and sum(len(runs(moving[a:b])) for a, b in pauses) / len(pauses),
            "moving in long pauses": float(np.concatenate([moving[a:b] for a, b in pauses]).mean()),
            "moving in speech": float(moving[spoken].mean()),
            "head, deg/s speaking": float(speed[spoken].mean()),
            "head, deg/s listening": float(speed[~spoken].mean()),
            "yaw sd": float(take.head[:, 0].std()), "pitch sd": float(take.head[:, 1].std()),
        }.items():  # fmt: skip
            found.setdefault(name, []).append(float(value))
    return {name: float(np.mean(values)) for name, values in found.items()}


def _top(curves: Sequence[np.ndarray]) -> float:
    """Seconds from an accent to the top of the mean of what moves around it."""
    return _LAGS[int(np.mean(curves, axis=0).argmax())] / FPS


def glances(take: Shown) -> int:
    return len(_glanced(take))


def _glanced(take: Shown) -> list[tuple[int, int]]:
    """(first frame, frame after the last) of each glance away of the eyes in the room, whatever the head does."""
    eyes = take.values[:, _EYES].astype(np.float64)
    sideways = EYE_DEGREES["sideways"] * eyes[:, 0] + take.head[:, 0]
    up = np.where(eyes[:, 1] > 0.0, EYE_DEGREES["up"], EYE_DEGREES["down"]) * eyes[:, 1] + take.head[:, 1]
    away = np.hypot(sideways, up) > _AWAY_DEGREES
    return [(first, last) for first, last in runs(away) if last - first >= _AWAY_S * FPS]


def _jerk(rigs: Sequence[np.ndarray], channels: np.ndarray) -> float:
    """Mean of the absolute second difference a frame, of channels in 1000ths of the board."""
    return 1000.0 * float(np.mean([np.abs(np.diff(rig[:, channels], 2, axis=0)).mean() for rig in rigs]))


def made_up(seed: int) -> Raw:
    """Twenty minutes of turns: phrases of 1 to 4 s, pauses of .3 s and more, one in six of them long."""
    rng = np.random.default_rng(seed)
    frames = 20 * 60 * FPS
    spoken = np.zeros(frames, np.float32)
    accents, at = [], 1.0
    while at < frames / FPS - 6.0:
        length = rng.uniform(1.0, 4.0)
        spoken[round(at * FPS) : round((at + length) * FPS)] = 1.0
        beats = at + np.cumsum(rng.uniform(0.6, 1.6, 8))
        accents += [Accent(float(each), float(rng.uniform(0.22, 0.9))) for each in beats if each < at + length - 0.2]
        at += length + (rng.uniform(2.0, 12.0) if rng.uniform() < 1 / 6 else 0.3 + rng.exponential(0.6))
    noise = np.interp(np.arange(frames), np.arange(0, frames, 12), rng.normal(0.0, 0.35, -(-frames // 12)))
    cues = Cues(frames, tuple(accents), phrases(spoken), (2.0**noise).astype(np.float32), spoken)
    still = np.zeros((frames, N_CHANNELS), np.float32)
    return Raw(
        still, cues, None, {"neutral": 1.0}, np.ones(frames, np.float32), np.zeros(frames, np.float32), "neutral"
    )


if __name__ == "__main__":
    main()
