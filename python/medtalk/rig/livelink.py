"""The table that the Live Link Face app records: a timecode, 52 blendshapes and nine rotations a line.

The rotations are radians: over a recording of the app a whole EyeLookDown is .55 of LeftEyePitch, and the roll of an
eye is its yaw times its pitch. Their signs are those of the same recording and of the rotator that Unreal's plugin for
ARKit makes: positive is to the character's right, down, and to its left shoulder, so each is ours the other way round.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from medtalk.errors import RigError
from medtalk.rig.arkit import ARKIT_NAMES, N_ARKIT
from medtalk.rig.sequence import HEAD_DEGREES, MAX_FILE_FPS, MAX_FRAMES
from medtalk.rig.tables import number_format, numbers_of

_ROTATIONS = tuple(f"{what}{axis}" for what in ("Head", "LeftEye", "RightEye") for axis in ("Yaw", "Pitch", "Roll"))
HEADER = ("Timecode", "BlendShapeCount", *ARKIT_NAMES, *_ROTATIONS)
_HEAD = slice(N_ARKIT, N_ARKIT + 3)  # of the columns behind the first two
_MOST_RADIANS = math.radians(HEAD_DEGREES)
_COUNT = N_ARKIT + len(_ROTATIONS)  # what the app calls blendshapes: 61
_BASE = 60  # timecode frames in a second, as the app counts them unless set otherwise
_BASES = (24, 25, 30, 60)
_TIMECODE = re.compile(r"(\d{1,6}):([0-5]?\d):([0-5]?\d)[:;](\d{1,6}(?:\.\d{1,15})?)")
_MAX_GAP_S = 1.0
_ROUNDING_S = 5e-5


def livelink_lines(weights: np.ndarray, fps: float, head: np.ndarray | None = None) -> Iterator[str]:
    """The lines of a recording of weights (T, 52), with a head that turns by (T, 3) degrees or is still.

    Whatever the frame rate, time is written as the app does at 60: hours, minutes, seconds, sixtieths with three
    decimals. The rotations of the eyes are 0: the gaze is in the EyeLook blendshapes.
    """
    yield ",".join(HEADER)
    row = number_format(N_ARKIT)
    still = [",0" * len(_ROTATIONS)]
    turns = still * len(weights) if head is None else (_turned(turn) for turn in rotations(head).tolist())
    for t, (frame, turned) in enumerate(zip(weights, turns, strict=True)):
        # Whole thousandths of a sixtieth, so that rounding cannot write a sixtieth number 60.
        ticks = round(t * _BASE * 1000 / fps)
        seconds, part = divmod(ticks, _BASE * 1000)
        code = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{part // 1000:02d}.{part % 1000:03d}"
        yield f"{code},{_COUNT},{row % tuple(frame.tolist())}{turned}"


def rotations(head: np.ndarray) -> np.ndarray:
    """HeadYaw, HeadPitch and HeadRoll (T, 3) in the app's radians of a head that turns by (T, 3) of our degrees."""
    return 0.0 - np.radians(head.astype(np.float64))


def _turned(turn: list[float]) -> str:
    """The cells of the rotations of a frame, whose head turns by so many radians."""
    cells = [f"{each:.9g}" for each in turn] + ["0"] * (len(_ROTATIONS) - 3)
    return "".join(f",{cell}" for cell in cells)


def parse_livelink(
    path: Path, lines: Iterable[tuple[int, str]], default: float
) -> tuple[np.ndarray, float, np.ndarray | None]:
    """(weights (T, 52) in our order, frame rate, turn of the head (T, 3) in degrees) of a recording's (number, line).

    Columns may come in any order and the names in any case; the rotations may be missing. Those of the eyes are not
    used, and a head whose rotations are all 0 is None: the app writes so where it was not asked to stream it. The app
    drops frames now and then: up to a second is filled by straight lines. How many timecode frames make a second is
    seen from a recording of a second or more; a shorter one is taken to have `default` frames a second.
    """
    source = iter(lines)
    number, header = next(source)
    names = [name.strip().lower() for name in header.split(",")]
    wanted = [name.lower() for name in HEADER[: 2 + N_ARKIT]]
    if missing := [HEADER[i] for i, name in enumerate(wanted) if name not in names]:
        raise RigError(
            f"{path}, line {number}: no column {missing[0]}.",
            "A Live Link Face recording has Timecode, BlendShapeCount and the 52 ARKit names.",
        )
    if len(set(names)) != len(names):
        raise RigError(f"{path}, line {number}: a column is there twice.")
    turns = [name.lower() for name in HEADER[2:][_HEAD]]
    turns = turns if set(turns) <= set(names) else []
    order = [names.index(name) for name in (*wanted[2:], *turns)]
    code, count = names.index("timecode"), names.index("blendshapecount")
    clock: list[tuple[int, float]] = []
    rows: list[list[float]] = []
    at: list[int] = []
    for number, line in source:
        cells = line.split(",")
        if len(cells) != len(names):
            raise RigError(
                f"{path}, line {number}: {len(cells)} columns; the header has {len(names)}.",
                "The file may be cut short there." if len(cells) < len(names) else "Only commas separate columns.",
            )
        if len(rows) == MAX_FRAMES:
            raise RigError(f"{path}: more than {MAX_FRAMES} frames, the most that a rig file may have.")
        match = _TIMECODE.fullmatch(cells[code].strip())
        if match is None:
            raise RigError(
                f"{path}, line {number}: {cells[code][:40]!r} is not a timecode.", "It must be like 00:00:01:30.000."
            )
        if cells[count].strip() not in (str(N_ARKIT), str(_COUNT)):
            raise RigError(
                f"{path}, line {number}: BlendShapeCount is {cells[count][:20]!r}; it must be {N_ARKIT} or {_COUNT}."
            )
        hours, minutes, seconds, frames = match.groups()
        clock.append((int(hours) * 3600 + int(minutes) * 60 + int(seconds), float(frames)))
        rows.append(numbers_of(path, number, [cells[i] for i in order]))
        at.append(number)
    if not rows:
        raise RigError(f"{path} has no frames, only a header.", "It may be cut short; make it again.")
    columns, fps = _regular(path, np.array(rows), _seconds(clock, default), at, default)
    head = np.clip(columns[:, _HEAD], -_MOST_RADIANS, _MOST_RADIANS)
    return columns[:, :N_ARKIT], fps, 0.0 - np.degrees(head) if head.any() else None


def _seconds(clock: list[tuple[int, float]], default: float) -> np.ndarray:
    """(T,) seconds of timecodes given as whole seconds and frames, of which there may be 24, 25, 30 or 60 a second."""
    whole, frames = np.array(clock).T
    same = np.diff(whole) == 0.0
    step = float(np.median(np.diff(frames)[same])) if same.any() else math.inf
    highest = math.floor(frames.max()) + 1
    if step > 1.5:  # the app writes every timecode frame; only our own sixtieths are written in larger steps
        bases: tuple[int, ...] = (_BASE,)
    elif whole[-1] - whole[0] >= 2:  # at least one second is there from its first frame to its last
        bases = _BASES
    else:
        bases = (round(default), _BASE)
    return whole + frames / next((base for base in bases if highest <= base), highest)


def _regular(
    path: Path, weights: np.ndarray, times: np.ndarray, at: list[int], default: float
) -> tuple[np.ndarray, float]:
    """Weights on an even grid of the recording's own frame rate, and that rate."""
    if len(times) == 1:
        return weights, default
    steps = np.diff(times)
    if (steps <= 0.0).any():
        later = int(np.flatnonzero(steps <= 0.0)[0]) + 1
        raise RigError(f"{path}, line {at[later]}: its timecode is not after the one before.", "Sort the lines.")
    usual = float(np.median(steps))
    if steps.max() > max(_MAX_GAP_S, 1.5 * usual):
        later = int(steps.argmax()) + 1
        raise RigError(
            f"{path}, line {at[later]}: {steps.max():.3g} s after the line before, too long a gap to fill.",
            f"At most {_MAX_GAP_S:g} s may be missing.",
        )
    # Counted step by step: the usual step is rounded, and over a long recording that would add up.
    frames = np.concatenate([[0.0], np.cumsum(np.maximum(1.0, np.round(steps / usual)))])
    span = float(times[-1] - times[0])
    fps = float(frames[-1]) / span
    nearest = float(round(fps))
    # A whole rate, or one of television's, is meant where the rounding of the timecode explains the difference.
    for rate in (nearest, nearest * 1000.0 / 1001.0):
        if rate > 0.0 and abs(frames[-1] / rate - span) <= _ROUNDING_S:
            fps = rate
            break
    if fps > MAX_FILE_FPS:
        raise RigError(f"{path}: {fps:g} frames a second; at most {MAX_FILE_FPS:g} are allowed.")
    if frames[-1] == len(frames) - 1:  # nothing was dropped: the frames as they are
        return weights, fps
    if frames[-1] >= MAX_FRAMES:
        raise RigError(f"{path}: more than {MAX_FRAMES} frames with those that were dropped.", "Cut it into parts.")
    grid = np.arange(int(frames[-1]) + 1)
    return np.stack([np.interp(grid, frames, column) for column in weights.T], axis=1), fps
