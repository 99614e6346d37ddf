"""What ruins a training though every file can be read: rigs that are late, hardly move or are clipped, an actor who
does not rest at 0, two people under one name. Each line has the figure by which it was found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.audio import frame_count
from medtalk.features.prosody import pitch_track
from medtalk.guidance import LABELS
from medtalk.rates import FPS
from medtalk.rig import indices
from medtalk.rig.arkit import ARKIT_MATRIX
from medtalk.rig.channels import AREAS, CHANNEL_NAMES, CHANNELS, MAXIMUM, MINIMUM
from medtalk_train.captured.takes import ravdess
from medtalk_train.captured.takes.lag import ALONE, Lag, correlations, lag, loudness, together
from medtalk_train.captured.takes.neutral import PAUSE_DB, rest
from medtalk_train.captured.takes.take import FaceTake, counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

STILL = 1e-3
"""A channel that moves less in a whole take stands still."""
TINY = 0.06
"""A face hardly moves if its most moving channel moves less: in speech a jaw alone moves by .15 and more."""
JAW = 0.02
"""A jaw that moves less is still, while somebody speaks for `SPEECH` seconds."""
SPEECH = 0.6
STUCK = 1.5
"""Seconds at the end of its range after which a channel was clipped: no facial expression is held at its extreme that
long."""
REST = 0.15
"""How far a channel of a neutral face at rest may be from 0."""
FEWEST_NEUTRAL = 3
"""Takes of a speaker below which the face at rest is not judged: some are lines without a pause."""
AREA_MOVES = 0.03
"""How far the most moving channel of an area must move in some take, or the area is still in the data."""
# Semitones between the neutral voices of two people, and how clearly they must be separated. Measured on the ten
# actors of emodb: none is taken for two, and 13 of 15 pairs whose medians are 7 and more apart are found. Other
# emotions move one actor's voice as far as that, and are no ground to judge by.
APART, GAP, GAP_TO_SPREAD = 6.0, 3.0, 0.6
POSES = 0.3
"""How far a channel of the neutral poses of one speaker in two folders may differ."""

_NEUTRAL = LABELS.index("neutral")
_GAZE = indices("[LR]_eye", "C_eye")
# Lips lie on each other as long as nobody speaks, gaze rests where the camera stands, and where several blendshapes of
# ARKit add up on one channel, it ends at its limit though no shape of the solve does.
_SUMS = np.maximum((ARKIT_MATRIX > 0.0).sum(1), (ARKIT_MATRIX < 0.0).sum(1)) > 1
_CLOSED = indices("[LR]_mouth_lipsTogether[DU]", "[LR]_mouth_press[DU]", "[LR]_mouth_sticky*", "C_mouth_sticky[DU]")
_AWAY = np.zeros(len(CHANNELS), bool)
_AWAY[[*_CLOSED, *AREAS["switch"], *_GAZE]] = True
_JAW = indices("C_jaw.Y")
_HIGH, _LOW = MAXIMUM - 1e-3, np.where(MINIMUM < 0.0, MINIMUM + 1e-3, -np.inf)


@dataclass(frozen=True, eq=False)
class Look:
    """What is kept of a take that was read.

    Attributes:
        take: which.
        frames: of the rig at 60 fps, as far as its sound goes.
        swing: (174,) between the 2nd and 98th percentile of each channel.
        curve: see `lag.correlations`; None if there is none.
        rest: (174,) the face at rest.
        stuck: (174,) the longest time in seconds that a channel spends at the end of its range.
        spoken: seconds in which a voice is heard.
        pitch: median of the voice in semitones; None where there is too little.
    """

    take: FaceTake
    frames: int
    swing: NDArray
    curve: NDArray | None
    rest: NDArray
    stuck: NDArray
    spoken: float
    pitch: float | None

    @classmethod
    def at(cls, take: FaceTake, values: NDArray, samples: NDArray | None) -> Look:
        """values: (T, 174) at 60 fps. samples: (n,) at 16 kHz; None without a sound."""
        low, high = np.percentile(values, (2.0, 98.0), axis=0)
        spoken, pitch = 0.0, None
        if samples is not None:
            spoken = float((loudness(samples) > -PAUSE_DB).sum()) / FPS
            if take.label == _NEUTRAL:  # the others are not judged by it, and it takes the longest
                hertz, voicing = pitch_track(samples)
                voiced = voicing > 0.5
                pitch = float(12.0 * np.log2(np.median(hertz[voiced]))) if voiced.sum() >= FPS // 3 else None
        frames = len(values) if samples is None else min(len(values), frame_count(len(samples)))
        curve = None if samples is None else correlations(values, samples)
        stuck = _longest((values >= _HIGH) | (values <= _LOW)) / FPS
        return cls(take, frames, high - low, curve, rest(values, samples), stuck, spoken, pitch)


def of_take(look: Look) -> Iterator[str]:
    """What is wrong with the motion of one rig; no line repeats another."""
    widest = int(look.swing.argmax())
    most = float(look.swing[widest])
    if most < STILL:
        yield "stands still: no channel moves"
    elif most < TINY:
        yield f"hardly moves: {CHANNEL_NAMES[widest]} moves most, by only {most:.3f} of 1"
    elif (jaw := look.swing[_JAW].max()) < JAW and look.spoken >= SPEECH:
        yield f"has a jaw that moves by only {jaw:.3f} while somebody speaks for {look.spoken:.1f} s"
    stuck = np.where(_AWAY | _SUMS, 0.0, look.stuck)
    if look.swing.max() >= STILL and (over := np.flatnonzero(stuck >= STUCK)).size:
        worst = int(stuck.argmax())
        more = f", and {counted(over.size - 1, 'more channel')}" if over.size > 1 else ""
        yield f"is clipped: {CHANNEL_NAMES[worst]} stays at the end of its range for {stuck[worst]:.1f} s{more}"


def of_timing(looks: Sequence[Look]) -> tuple[Lag, list[tuple[Look, Lag]], list[Look]]:
    """The shift that all takes have in common, the takes that are late by themselves, each with its shift, and those of
    which it is undetermined."""
    heard = [look for look in looks if look.take.sound is not None]
    known = [look for look in heard if look.curve is not None]
    common = together([look.curve for look in known if look.curve is not None], sum(look.frames for look in known))
    alone = [(look, lag(look.curve, look.frames)) for look in heard]
    usual = common.frames if common.late and common.frames is not None else 0
    odd = [(look, found) for look, found in alone if found.late and abs((found.frames or 0) - usual) > 6]
    return common, odd, [look for look, found in alone if found.frames is None]


def undetermined(looks: Sequence[Look], heard: int) -> str:
    """The note on takes of which it is undetermined whether they are late; `heard` is how many there are with a
    sound."""
    short = [look for look in looks if look.frames < ALONE]
    why = [f"{len(short)} last less than {ALONE / FPS:g} s"] if short else []
    if others := [look for look in looks if look.frames >= ALONE]:
        curves = [float(look.curve.max()) for look in others if look.curve is not None]
        best = f" (r {max(curves):.2f} at the most)" if curves else ""
        why.append(f"{len(others)} do not follow the loudness clearly{best}")
    return f"undetermined whether {len(looks)} of {counted(heard, 'rig')} are late: {', '.join(why)}"


def of_names(looks: Sequence[Look], kind: str) -> Iterator[tuple[Path, str]]:
    """Files or folders in which two people seem to have one name."""
    for look in looks:
        numbers = ravdess.numbers(look.take.file.stem) if kind == "ravdess" else None
        folders = [part for part in look.take.file.parts[:-1] if part.lower().startswith("actor_")]
        if numbers and folders and folders[-1][6:].isdigit() and int(folders[-1][6:]) != int(numbers[-1]):
            yield look.take.file, f"is named after actor {numbers[-1]}, but is in {folders[-1]}"
    for speaker, own in _by_speaker([look for look in looks if look.take.label == _NEUTRAL]).items():
        if not speaker:
            continue
        if two := _two_voices([look.pitch for look in own if look.pitch is not None]):
            low, high = (2.0 ** (each / 12.0) for each in two)
            yield (
                own[0].take.file.parent,
                f"has two voices under the name {speaker}: the pitch of its neutral takes is about {low:.0f} Hz or "
                f"{high:.0f} Hz",
            )
            continue
        folders_of: dict[Path, list[NDArray]] = defaultdict(list)
        for look in own:
            folders_of[look.take.rig.file.parent].append(look.rest)
        for (one, a), (other, b) in combinations(sorted(folders_of.items()), 2):
            differ = np.abs(np.median(a, axis=0) - np.median(b, axis=0))
            differ[_GAZE] = 0.0
            if min(len(a), len(b)) >= 2 and differ.max() > POSES:
                channel = CHANNEL_NAMES[int(differ.argmax())]
                yield (
                    other,
                    f"has another face under the name {speaker} than {one.name} has: at rest, {channel} differs by "
                    f"{differ.max():.2f} between their neutral takes",
                )
                break


def of_rest(looks: Sequence[Look]) -> Iterator[str]:
    """Notes on the neutral poses of the speakers: who does not rest at 0, and of whom it is undetermined.

    A bias is there in every take, so a channel counts by the quarter of the takes in which it is closest to 0.
    """
    lacking, standing, by_speaker = [], [], _by_speaker(looks)
    unknown = len(by_speaker.pop("", []))
    for speaker, own in sorted(by_speaker.items()):
        rests = [look.rest for look in own if look.take.label == _NEUTRAL]
        if len(rests) < FEWEST_NEUTRAL:
            lacking.append(speaker)
            continue
        pose = np.quantile(np.abs(rests), 0.25, axis=0, method="lower")
        pose[_AWAY] = pose[AREAS["tongue"]] = 0.0
        if pose.max() > REST:
            standing.append((float(pose.max()), speaker, CHANNEL_NAMES[int(pose.argmax())], len(rests)))
    if standing:
        far, speaker, channel, count = max(standing)
        more = f" and {counted(len(standing) - 1, 'more speaker')} do not" if len(standing) > 1 else " does not"
        yield (
            f"{speaker}{more} rest at 0: {channel} is at {far:.2f} in the quiet frames of {count} neutral takes; "
            "`calibrate: true` takes that out"
        )
    if lacking:
        names = ", ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if len(lacking) > 3 else "")
        yield f"undetermined whether the face of {names} rests at 0: fewer than {FEWEST_NEUTRAL} neutral takes"
    if unknown:
        yield f"undetermined whether the face of {counted(unknown, 'take')} rests at 0: no speaker is named"


def of_areas(looks: Sequence[Look]) -> Iterator[str]:
    """Notes on the areas of the face in which nothing moves in any take."""
    most = np.max([look.swing for look in looks], axis=0)
    for area in ("brow", "eye", "nose", "mouth", "jaw"):
        if area in AREAS and (far := float(most[AREAS[area]].max())) < AREA_MOVES:
            yield f"nothing moves in the area {area}: no channel of it moves by more than {far:.3f} in any take"


def mouth_moves(look: Look) -> bool:
    """Whether the take teaches lips anything."""
    return bool(look.swing[AREAS["jaw"]].max() >= JAW or look.swing[AREAS["mouth"]].max() >= TINY)


def _by_speaker(looks: Sequence[Look]) -> dict[str, list[Look]]:
    out: dict[str, list[Look]] = defaultdict(list)
    for look in looks:
        out[look.take.speaker].append(look)
    return out


def _two_voices(pitches: Sequence[float]) -> tuple[float, float] | None:
    """The medians of two clearly separate groups of voices, in semitones, at least two takes each; None for one."""
    ordered = np.sort(pitches)
    for k in range(2, len(ordered) - 1):
        low, high = ordered[:k], ordered[k:]
        gap, spread = high[0] - low[-1], max(np.ptp(low), np.ptp(high))
        if np.median(high) - np.median(low) >= APART and gap >= max(GAP, GAP_TO_SPREAD * spread):
            return float(np.median(low)), float(np.median(high))
    return None


def _longest(true: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(C,) the longest run of True in each column of (T, C)."""
    run, most = np.zeros(true.shape[1], np.int64), np.zeros(true.shape[1], np.int64)
    for row in true:
        run = (run + 1) * row
        np.maximum(most, run, out=most)
    return most
