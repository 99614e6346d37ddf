"""What the animator changed on a take since it was written, found and kept when the take is generated again.

With each section the sequence stores the keys that were written into it: as 16-bit numbers, packed, in the metadata of
the asset, so that they go where the asset goes. The difference of the section's keys to them is the animator's work.
The last two versions are stored, because Undo takes keys back, but not the metadata of an asset (for all we know); the
one that the section resembles is meant.

A section that was moved has all of its keys elsewhere; so that, too, is read from the keys.
"""

from __future__ import annotations

import base64
import json
import math
import sys
import zlib
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

import unreal

from medtalk_unreal import compat, facerig, sections
from medtalk_unreal.keys import Curve
from medtalk_unreal.span import Span, ticks_per_frame

MODES = ("offset", "replace", "drop")
"""The difference is added to the new take; the edited values stay; the edits give way."""

_TAG = "MEDTalk.written."  # of a section, with its path in the sequence behind it
_VERSIONS = 2
_SEEN = 5e-4  # of the largest value of a channel, at least of 1: a smaller difference comes from the packing
_FULL = 32767
_SAMPLED = 16  # channels that are looked at to find out how far a section was moved
_FITS = 0.5  # of the keys are where they were; with fewer, the keys are not those that were written
_FINEST = 100  # samples of a curve for each that is wanted
_NAMED = 8  # channels in a line for the user


@dataclass(frozen=True)
class Written:
    """What a run wrote into a section. asked: the start frame that it was asked for. start_frame, end_frame: how the
    section was laid, in display frames. first: tick of the start of the take, of `resolution` a second; the ticks of
    the curves count from there. length: of the take in ticks.
    """

    asked: int
    start_frame: int
    end_frame: int
    first: int
    length: int
    resolution: Fraction
    curves: Mapping[str, Curve] = field(default_factory=dict)

    def at(self, resolution: Fraction) -> Written:
        """The same in a sequence whose tick resolution was changed."""
        if resolution == self.resolution:
            return self
        scale = resolution / self.resolution

        def scaled(curve: Curve) -> Curve:
            return Curve(curve.name, [round(tick * scale) for tick in curve.ticks], curve.values)

        curves = {name: scaled(curve) for name, curve in self.curves.items()}
        first, length = round(self.first * scale), round(self.length * scale)
        return replace(self, first=first, length=length, resolution=resolution, curves=curves)


@dataclass(frozen=True)
class Change:
    """What was changed on a channel. The ticks count from the start of the take; `by` is the difference at each, 0
    where none is seen; `values` are the animator's. emptied: all of its keys were deleted.
    """

    ticks: Sequence[int]
    by: Sequence[float]
    values: Sequence[float]
    emptied: bool = False

    def spans(self) -> list[tuple[int, int]]:
        """First and last tick of each stretch that was changed."""
        found: list[tuple[int, int]] = []
        before = False
        for tick, by in zip(self.ticks, self.by, strict=True):
            if by and before:
                found[-1] = found[-1][0], tick
            elif by:
                found.append((tick, tick))
            before = bool(by)
        return found


@dataclass(frozen=True)
class Found:
    """A take in a section as it is now: its last version, the tick of its start, and what was changed on it."""

    written: Written
    first: int
    changes: Mapping[str, Change]

    @property
    def moved(self) -> bool:
        """Whether the animator has moved the section."""
        return self.first != self.written.first


# --- finding


def find(sequence: unreal.LevelSequence, section: unreal.MovieSceneSection) -> Found | None:
    """The take in a section, with what was changed on it; None where that cannot be told."""
    there = located(sequence, section)
    if there is None:
        return None
    written, first = there
    channels = facerig.section_channels(section)
    now = {name: curve_of(channel) for name, channel in channels.items()}
    return Found(written, first, _changes(sequence, channels, now, written, first))


def located(sequence: unreal.LevelSequence, section: unreal.MovieSceneSection) -> tuple[Written, int] | None:
    """What was written into a section, and the tick where the take begins now; None where that cannot be told."""
    resolution = compat.rate(sequence.get_tick_resolution())
    versions = [version.at(resolution) for version in _stored(sequence, section)]
    channels = facerig.section_channels(section)
    names = {name for version in versions for name in _sample(version)}
    now = {name: curve_of(channels[name]) for name in names if name in channels}
    fits = [_fit(version, now) for version in versions]
    best = max(fits, key=lambda fit: fit[0], default=(0, 0))
    if not versions or (not best[0] and any(channel.get_num_keys() for channel in channels.values())):
        return None
    written = versions[fits.index(best)]
    return written, written.first + best[1]


def curve_of(channel: unreal.MovieSceneScriptingFloatChannel) -> Curve:
    """The keys of a channel."""
    unit, keys = compat.ticks(), compat.keys(channel)
    ticks = [key.get_time(unit).frame_number.value for key in keys]
    return Curve(str(channel.channel_name), ticks, [float(key.get_value()) for key in keys])


def _sample(version: Written) -> list[str]:
    """Some channels: those with the most keys."""
    return sorted(version.curves, key=lambda name: -len(version.curves[name].ticks))[:_SAMPLED]


def _fit(version: Written, now: Mapping[str, Curve]) -> tuple[int, int]:
    """How many of the keys of some channels are as they were written, and how far the section was moved; 0 for keys
    that are elsewhere.
    """
    both = [(version.curves[name], now[name]) for name in _sample(version) if name in now and now[name].ticks]
    votes = Counter(new.ticks[end] - version.first - old.ticks[end] for old, new in both for end in (0, -1))
    best = (0, 0)
    for shift in dict.fromkeys([0, *(shift for shift, _ in votes.most_common(4))]):
        there = exact = count = 0
        for old, new in both:
            values = dict(zip(new.ticks, new.values, strict=True))
            at = [values.get(version.first + shift + tick) for tick in old.ticks]
            there += sum(value is not None for value in at)
            seen = _seen(old)
            exact += sum(a is not None and abs(a - b) <= seen for a, b in zip(at, old.values, strict=True))
            count += min(len(old.ticks), len(new.ticks))
        if there >= _FITS * count and exact + there > best[0]:
            best = exact + there, shift
    return best


def _changes(
    sequence: unreal.LevelSequence,
    channels: Mapping[str, unreal.MovieSceneScriptingFloatChannel],
    now: Mapping[str, Curve],
    written: Written,
    first: int,
) -> dict[str, Change]:
    """Channel -> what was changed on it; none where the section has no keys at all any more."""
    if not any(curve.ticks for curve in now.values()):
        return {}
    found = {}
    modes = {name: _modes(channels[name]) for name, curve in now.items() if len(curve.ticks) > 1}
    usual = Counter(modes.values()).most_common(1)[0][0] if modes else frozenset()
    for name, curve in now.items():
        ours = [at for at, tick in enumerate(curve.ticks) if first <= tick < first + written.length]
        ticks = [curve.ticks[at] - first for at in ours]
        old = written.curves.get(name)
        if old is None:
            if not ticks:
                continue
            old = Curve(name, [0], [0.0])  # a channel that the take has not: all of it is the animator's
        elif not curve.ticks:
            found[name] = Change(old.ticks, [1.0] * len(old.ticks), [0.0] * len(old.ticks), emptied=True)
            continue
        elif ticks == list(old.ticks):
            values = [curve.values[at] for at in ours]
            same = max(abs(a - b) for a, b in zip(values, old.values, strict=True)) <= _seen(old)
            if same and modes.get(name, usual) == usual:
                continue
        bent = modes.get(name, usual) != usual  # other tangents show between the keys
        wanted = sorted({*old.ticks, *ticks, *(_between(ticks) if bent else ())})
        values = _sampled(sequence, channels[name], curve, [first + tick for tick in wanted])
        by = [value - old.at(tick) for tick, value in zip(wanted, values, strict=True)]
        by = [each if abs(each) > _seen(old) else 0.0 for each in by]
        if any(by):
            found[name] = Change(wanted, by, values)
    return found


def _modes(channel: unreal.MovieSceneScriptingFloatChannel) -> frozenset[str]:
    """How the keys of a channel are led into the next."""
    return frozenset(str(key.get_interpolation_mode()) for key in compat.keys(channel))


def _between(ticks: Sequence[int]) -> list[int]:
    """The ticks in the middle between others."""
    return [(a + b) // 2 for a, b in pairwise(ticks)]


def _seen(curve: Curve) -> float:
    """The least difference that counts."""
    return _SEEN * max(1.0, *map(abs, curve.values))


def _sampled(
    sequence: unreal.LevelSequence,
    channel: unreal.MovieSceneScriptingFloatChannel,
    curve: Curve,
    ticks: Sequence[int],
) -> list[float]:
    """The values of a channel at ascending ticks, as Unreal has them; where they lie on no grid that is coarse enough
    to be asked for, straight lines between the keys.
    """
    a_frame = ticks_per_frame(sequence)
    straight = [curve.at(tick) for tick in ticks]
    if a_frame.denominator != 1 or not curve.ticks:
        return straight
    frame = math.floor(ticks[0] / a_frame)
    base = frame * a_frame.numerator
    step = math.gcd(a_frame.numerator, *(tick - base for tick in ticks))
    count = (ticks[-1] - base) // step + 1
    if count > _FINEST * len(ticks):
        return straight
    rate = compat.rate(sequence.get_tick_resolution()) / step
    span = sequence.make_range(frame, math.ceil(count * step / a_frame))
    values = [float(value) for value in channel.evaluate_keys(span, unreal.FrameRate(rate.numerator, rate.denominator))]
    return [values[(tick - base) // step] for tick in ticks] if len(values) >= count else straight


# --- keeping


class HandEdits:
    """The animator's changes to a take that is written again: on each channel's new values, and what becomes of them.

    mode: of MODES. first: tick of the start of the new take.
    """

    def __init__(self, found: Found | None, mode: str, first: int) -> None:
        self._changes = dict(found.changes) if found is not None else {}
        self._mode, self._first = mode, first
        self._met: list[str] = []
        self._wrote: set[str] = set()
        self._curves: dict[str, Curve] = dict(found.written.curves) if found is not None else {}

    def wrote(self, curve: Curve) -> None:
        """Note the keys of the take itself, before edits, to be stored."""
        self._wrote.add(curve.name)
        self._curves[curve.name] = Curve(curve.name, [tick - self._first for tick in curve.ticks], list(curve.values))

    def on_channel(self, name: str) -> bool:
        """Whether the animator changed a channel."""
        return name in self._changes

    def left_out(self, name: str) -> None:
        """Note that the take has no keys on a channel."""
        self._curves.pop(name, None)

    def on(self, curve: Curve) -> Curve:
        """A channel's curve with the edits that were made on it; the same where there are none. It may have no keys."""
        change = self._changes.get(curve.name)
        if change is None:
            return curve
        self._met.append(curve.name)
        if self._mode == "drop":
            return curve
        if change.emptied:
            return Curve(curve.name, [], [])
        own = [self._first + tick for tick in change.ticks]
        # Beside the ticks of a change those before and behind it, where it is 0.
        near = {tick for at, tick in enumerate(own) if any(change.by[max(at - 1, 0) : at + 2])}
        ticks = sorted({*curve.ticks, *(tick for tick in near if curve.ticks[0] <= tick <= curve.ticks[-1])})
        if self._mode == "offset":
            by = Curve(curve.name, own, change.by)
            return Curve(curve.name, ticks, [curve.at(tick) + by.at(tick) for tick in ticks])
        left, spans = Curve(curve.name, own, change.values), change.spans()
        edited = [any(start <= tick - self._first <= end for start, end in spans) for tick in ticks]
        values = [(left if stays else curve).at(tick) for tick, stays in zip(ticks, edited, strict=True)]
        return Curve(curve.name, ticks, values)

    def store(
        self, sequence: unreal.LevelSequence, section: unreal.MovieSceneSection, found: Found | None, asked: int,
        span: Span, exact: bool = True,
    ) -> None:  # fmt: skip
        """Store what was written into the section of a take, and the version before it.

        asked: the start frame that was asked for. exact: the keys are those of the curves; else they are read.
        """
        if sections.owner_of(sequence, section) is None:  # the one of the board, for want of an own
            return
        resolution = compat.rate(sequence.get_tick_resolution())
        if not exact:
            self._read(section, span)
        written = Written(
            asked, span.start_frame, span.end_frame, span.first, span.end - span.first, resolution, self._curves
        )
        versions = [written, *([found.written] if found is not None else [])]
        text = json.dumps([_packed(version) for version in versions[:_VERSIONS]])
        unreal.EditorAssetLibrary.set_metadata_tag(sequence, _TAG + sections.path_of(section), text)

    def _read(self, section: unreal.MovieSceneSection, span: Span) -> None:
        """Take the keys that were made for the curves, which lie elsewhere; but not where there are edits."""
        channels = facerig.section_channels(section)
        for name in self._wrote - set(self._changes):
            curve = curve_of(channels[name])
            ours = [at for at, tick in enumerate(curve.ticks) if span.first <= tick < span.end]
            ticks, values = [curve.ticks[at] for at in ours], [curve.values[at] for at in ours]
            self.wrote(Curve(name, ticks, values))

    def lines(self, take: str, ticks_per_frame: Fraction) -> list[str]:
        """What became of the edits, for the user: which channels, which frames."""
        if not self._met:
            return []
        done = {"offset": "were added to the new take", "replace": "stay", "drop": "gave way (Hand Edits: Drop)"}
        named = [f"{name} ({self._frames(self._changes[name], ticks_per_frame)})" for name in self._met[:_NAMED]]
        more = f" and {len(self._met) - _NAMED} more" if len(self._met) > _NAMED else ""
        return [f"{take}: your changes {done[self._mode]}: {', '.join(named)}{more}."]

    def _frames(self, change: Change, ticks_per_frame: Fraction) -> str:
        if change.emptied:
            return "no keys"
        spans = [tuple(math.floor((self._first + tick) / ticks_per_frame) for tick in span) for span in change.spans()]
        first, last = spans[0][0], spans[-1][1]
        return f"frames {first} to {last}" if last > first else f"frame {first}"


# --- storing


def _stored(sequence: unreal.LevelSequence, section: unreal.MovieSceneSection) -> list[Written]:
    """The versions that are stored with a section, the newest first; none where there are none that can be read."""
    try:
        text = str(unreal.EditorAssetLibrary.get_metadata_tag(sequence, _TAG + sections.path_of(section)))
        return [_unpacked(version) for version in json.loads(text or "[]")]
    except (KeyError, TypeError, ValueError, zlib.error):
        return []


def _packed(written: Written) -> dict[str, Any]:
    names, steps, values = {}, array("i"), array("h")
    for name, curve in written.curves.items():
        largest = max(map(abs, curve.values), default=0.0) or 1.0
        names[name] = [len(curve.ticks), largest]
        steps.extend(b - a for a, b in zip([0, *curve.ticks], curve.ticks, strict=False))
        values.extend(round(value / largest * _FULL) for value in curve.values)
    data = b"".join(map(_little, (steps, values)))
    rate = [written.resolution.numerator, written.resolution.denominator]
    return {
        "asked": written.asked, "start_frame": written.start_frame, "end_frame": written.end_frame,
        "first": written.first, "length": written.length, "resolution": rate, "names": names,
        "keys": base64.b85encode(zlib.compress(data, 9)).decode("ascii"),
    }  # fmt: skip


def _unpacked(packed: Mapping[str, Any]) -> Written:
    facts = dict(packed)
    names, data = facts.pop("names"), zlib.decompress(base64.b85decode(facts.pop("keys")))
    count = sum(number for number, _ in names.values())
    steps, values = array("i", data[: 4 * count]), array("h", data[4 * count :])
    if sys.byteorder == "big":
        steps.byteswap()
        values.byteswap()
    curves, at = {}, 0
    for name, (number, largest) in names.items():
        some = slice(at, at + number)
        at += number
        curves[name] = Curve(name, list(accumulate(steps[some])), [value / _FULL * largest for value in values[some]])
    return Written(**{**facts, "resolution": Fraction(*facts["resolution"])}, curves=curves)


def _little(numbers: array[int]) -> bytes:
    """The bytes of numbers, the least significant first."""
    if sys.byteorder == "big":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return numbers.tobytes()
