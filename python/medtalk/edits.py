"""Hand edits of a take, kept beside it: what somebody changed on a rig, so that it can be done again on a new one.

A file of edits is JSON that a reviewer can read: for each control the stretches that were changed, with the values
before and after. On another rig of the same line the difference is added (offset), or the edited values stay (replace).
Where the rig under an edit is another one than when it was made, the edit is kept, and a conflict says so.

The meta of a rig says which edits it has, by their hashes: they are not added twice, and what is changed on such a rig
is kept after them in their file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.errors import RigError, SettingError, about
from medtalk.files import write_atomic
from medtalk.inputs import path_text, read_input
from medtalk.rig import CHANNELS, RigSequence
from medtalk.rig.channels import CHANNEL_NAMES
from medtalk.rig.sequence import HEAD, frozen

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT, VERSION = "medtalk-edits", 1
ENDING = ".edits.json"
MODES = ("offset", "replace")
SEEN = 1e-3
"""A smaller difference is of rounding, not of a hand."""
MOVED = 0.05
"""How far a rig may be another one under an edit before that is a conflict: of a control's range."""
_GAP_S = 0.1  # stretches that are nearer to one another are one
_FADE_S = 0.1  # an edit that ends abruptly comes and goes in this time
_DIGITS = 5
_MAX_BYTES = 256 << 20
_INDEX = {name: index for index, name in enumerate((*CHANNEL_NAMES, *HEAD))}
_HEAD_DEGREES, _HEAD_MOVED = 90.0, 2.0  # how far a head may turn, and how far is another one under an edit


@dataclass(frozen=True, eq=False)
class Stretch:
    """A change of one control, or of the turn of the head. start: seconds of its first frame; before, after: (N,)
    values at the file's rate."""

    channel: str
    start: float
    before: NDArray[np.float32]
    after: NDArray[np.float32]


@dataclass(frozen=True)
class Edits:
    """The changes of a rig of `fps`; `base` is the hash of the rig that they were made on."""

    fps: float
    base: str
    stretches: tuple[Stretch, ...] = ()

    @property
    def channels(self) -> tuple[str, ...]:
        """The controls that were changed, in the order of the board."""
        return tuple(sorted({each.channel for each in self.stretches}, key=_INDEX.__getitem__))

    def held(self, marks: Sequence[str]) -> int:
        """How many of the first changes a rig with these marks has."""
        found, sha = 0, hashlib.sha256()
        for number, row in enumerate(_rows(self.stretches), start=1):
            sha.update(row.encode())
            if sha.hexdigest() in marks:
                found = number
        return found

    @property
    def mark(self) -> str:
        """The hash of the changes, by which a rig says in its meta that it has them."""
        return hashlib.sha256("".join(_rows(self.stretches)).encode()).hexdigest()


@dataclass(frozen=True)
class Conflict:
    """An edit whose ground is another one: seconds, and how far the rig had moved there at most.

    `message` says what is in the way, and what became of the edit.
    """

    channel: str
    start: float
    end: float
    moved: float
    message: str

    def __str__(self) -> str:
        return f"{_short(self.channel)}, {self.start:.2f} to {self.end:.2f} s: {self.message}"


@dataclass(frozen=True)
class Applied:
    """A rig with edits, and the conflicts that were met."""

    rig: RigSequence
    conflicts: tuple[Conflict, ...] = field(default=())


def capture(base: RigSequence, edited: RigSequence, earlier: Edits | None = None) -> Edits:
    """What was changed on a rig.

    Args:
        base: as it was made.
        edited: as it is now; another frame rate is brought to that of `base`.
        earlier: what was kept of the line before. The changes of it that `base` has come first, at their frame rate.

    Raises:
        SettingError: the two are not of one take: their lengths differ by more than a frame. Or changes of an earlier
            capture would be lost: `base` has some that are not in `earlier`, or is another rig without them.
    """
    marks = _marks(base)
    held = 0 if earlier is None else earlier.held(marks)
    if marks and not held:
        raise SettingError(
            "The rig has hand edits already, which would be missing.",
            "Give the file of them as the one to write, or a rig that was made without them.",
        )
    if earlier is not None and earlier.stretches and not held and earlier.base != rig_hash(base):
        raise SettingError(
            "Changes on another rig are kept there, and would be lost.",
            "Capture on a rig that was baked with them (--edits), or give the file another name.",
        )
    if earlier is not None and held:
        base, (first, ground) = base.resample(earlier.fps), (earlier.stretches[:held], earlier.base)
    else:
        first, ground = (), rig_hash(base)
    if abs(base.seconds - edited.seconds) > 1.5 / min(base.fps, edited.fps):
        raise SettingError(
            f"The edited rig lasts {edited.seconds:.2f} s, the other one {base.seconds:.2f} s.",
            "Give the two of one take; for another recording see `medtalk retime`.",
        )
    (of_base, of_edited) = _columns(base), _columns(edited)
    shared = min(of_base.shape[1], of_edited.shape[1])  # not every format holds the turn of the head
    # What only another frame rate has changed is no edit.
    now, as_now = (_columns(each.resample(base.fps)) for each in (edited, base.resample(edited.fps)))
    frames = min(len(of_base), len(now), len(as_now))
    before, difference = of_base[:frames, :shared], now[:frames, :shared] - as_now[:frames, :shared]
    changed = np.abs(difference) > SEEN
    after = np.where(changed, before + difference, before)
    names = (*CHANNEL_NAMES, *HEAD)
    stretches = [
        Stretch(names[index], first / base.fps, before[first:end, index], after[first:end, index])
        for index in np.flatnonzero(changed.any(axis=0))
        for first, end in _runs(changed[:, index], round(_GAP_S * base.fps))
    ]
    return Edits(base.fps, ground, (*first, *stretches))


def apply(rig: RigSequence, edits: Edits, mode: str = "offset") -> Applied:
    """A rig with edits made on it, held within the controls' ranges. Those that it has already are passed over.

    Args:
        rig: of the same line; another frame rate is fine.
        edits: of `capture` or `read_edits`.
        mode: "offset" adds the difference, "replace" has the edited values stay.

    Raises:
        SettingError: an unknown mode.
    """
    if mode not in MODES:
        raise SettingError(f"The mode is {mode[:40]!r}; valid are {', '.join(MODES)}.")
    values = _columns(rig).copy()
    conflicts: list[Conflict] = []
    same, marks = edits.base == rig_hash(rig), _marks(rig)
    for each in edits.stretches[edits.held(marks) :]:
        index = _INDEX[each.channel]
        own = each.start + np.arange(len(each.before)) / edits.fps
        at = np.flatnonzero((rig.times > own[0] - _FADE_S) & (rig.times < own[-1] + _FADE_S))
        end = float(own[-1])
        if index >= values.shape[1]:
            what = "the rig has no turn of the head; the edit is left out"
            conflicts.append(Conflict(each.channel, float(own[0]), end, 0.0, what))
            continue
        if own[0] > rig.seconds:
            what = f"the rig ends at {rig.seconds:.2f} s; the edit is left out"
            conflicts.append(Conflict(each.channel, float(own[0]), end, 0.0, what))
            continue
        times = rig.times[at]
        ground = np.interp(times, own, each.before)
        inside = (times >= own[0]) & (times <= own[-1])
        moved = float(np.abs(values[at, index] - ground)[inside].max(initial=0.0))
        low, high, much = _limits(index)
        if not same and moved > much:
            what = f"the rig is another one there now, by up to {moved:.2f}; the edit is kept"
            conflicts.append(Conflict(each.channel, float(own[0]), end, moved, what))
        elif end > rig.seconds:
            what = f"the rig ends at {rig.seconds:.2f} s; the rest of the edit is left out"
            conflicts.append(Conflict(each.channel, float(own[0]), end, moved, what))
        weight = np.interp(times, [own[0] - _FADE_S, own[0], end, end + _FADE_S], [0.0, 1.0, 1.0, 0.0])
        wanted = np.interp(times, own, each.after)
        if mode == "offset":
            values[at, index] += weight * (wanted - ground)
        else:
            values[at, index] += weight * (wanted - values[at, index])
        values[at, index] = np.clip(values[at, index], low, high)
    head = None if rig.head is None else frozen(values[:, len(CHANNEL_NAMES) :].copy())
    if edits.stretches:
        marks = [*(mark for mark in marks if not edits.held([mark])), edits.mark]
    meta = {**rig.meta, "edits": marks} if marks else rig.meta
    done = replace(rig, values=frozen(values[:, : len(CHANNEL_NAMES)].copy()), meta=meta, head=head)
    return Applied(done, tuple(conflicts))


def _marks(rig: RigSequence) -> list[str]:
    """Of the edits that a rig has."""
    marks = rig.meta.get("edits")
    return [mark for mark in marks if isinstance(mark, str)] if isinstance(marks, list) else []


def _columns(rig: RigSequence) -> NDArray[np.float32]:
    """(T, 174), or (T, 177) with the turn of the head in degrees."""
    return rig.values if rig.head is None else np.hstack([rig.values, rig.head])


def _limits(index: int) -> tuple[float, float, float]:
    """The range of a column, and how far it moves before the ground of an edit is another one."""
    if index >= len(CHANNELS):
        return -_HEAD_DEGREES, _HEAD_DEGREES, _HEAD_MOVED
    channel = CHANNELS[index]
    return channel.minimum, channel.maximum, MOVED * (channel.maximum - channel.minimum)


def _short(name: str) -> str:
    index = _INDEX[name]
    return name if index >= len(CHANNELS) else CHANNELS[index].short


def rig_hash(rig: RigSequence) -> str:
    """SHA-256 of a rig's values, at four digits: the same after it went through any text file."""
    return hashlib.sha256(np.round(rig.values, 4).astype("<f4").tobytes()).hexdigest()


def write_edits(path: str | Path, edits: Edits, *, force: bool = False) -> Path:
    """Write edits as JSON, a stretch in a line, whole or not at all."""
    head = json.dumps({"format": FORMAT, "version": VERSION, "fps": edits.fps, "base": edits.base})[:-1]
    text = f'{head}, "stretches": [\n' + ",\n".join(_rows(edits.stretches)) + "\n]}\n"
    return write_atomic(path, lambda temporary: temporary.write_text(text, "utf-8", newline="\n"), force=force)


def read_edits(path: str | Path) -> Edits:
    """The edits in a file; `SettingError` if it is not a file of edits, is damaged or has another version."""
    data, shown = read_input(path, "file of edits", SettingError, _MAX_BYTES), path_text(path)
    with about(shown):
        try:
            return _edits(json.loads(data))
        except RigError as error:
            raise SettingError(f"{shown}: {error.message}", error.hint) from None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise SettingError(
                f"{shown} is not a file of edits ({error}).", "Make one with `medtalk edits capture`."
            ) from None


def _edits(content: Mapping[str, Any]) -> Edits:
    if content["format"] != FORMAT or content["version"] != VERSION:
        raise ValueError(f"it is {content['format']!r} of version {content['version']!r}")
    stretches: list[Stretch] = []
    for each in content["stretches"]:
        before, after = (np.asarray(each[name], np.float32) for name in ("before", "after"))
        good = before.ndim == 1 and before.shape == after.shape and len(before) and float(each["start"]) >= 0.0
        if each["channel"] not in _INDEX:
            raise RigError(f"Unknown control {str(each['channel'])[:60]!r}.", "See `medtalk channels`.")
        if not (good and np.isfinite(before).all() and np.isfinite(after).all()):
            raise ValueError(f"the stretch of {each['channel']} at {each['start']} s")
        stretches.append(Stretch(each["channel"], float(each["start"]), before, after))
    if not float(content["fps"]) > 0.0:
        raise ValueError("fps")
    return Edits(float(content["fps"]), str(content["base"]), tuple(stretches))


def _rows(stretches: Sequence[Stretch]) -> list[str]:
    """Each as JSON: the same before and after it was in a file."""
    return [
        json.dumps(
            {"channel": each.channel, "start": round(each.start, 6), "before": _plain(each.before),
             "after": _plain(each.after)}
        )
        for each in stretches
    ]  # fmt: skip


def _plain(values: NDArray[np.float32]) -> list[float]:
    return [round(float(value), _DIGITS) for value in values]


def _runs(changed: NDArray[np.bool_], gap: int) -> Sequence[tuple[int, int]]:
    """First frame and end of each stretch, those that are nearer than `gap` frames as one."""
    at = np.flatnonzero(changed)
    parts = np.split(at, np.flatnonzero(np.diff(at) > gap) + 1)
    return [(int(part[0]), int(part[-1]) + 1) for part in parts]
