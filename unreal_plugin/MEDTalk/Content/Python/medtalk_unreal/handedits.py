"""What the animator changed on a take since it was written, found and kept when the take is generated again.

The difference of a section's keys to those that were written into it is the animator's work. Of the versions that are
stored the one is meant that the section resembles. A section that was moved has all of its keys elsewhere; so that,
too, is read from the keys.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType

import unreal

from medtalk_unreal import compat, facerig, sections
from medtalk_unreal.keys import Curve
from medtalk_unreal.span import Span, ticks_per_frame
from medtalk_unreal.written import Written, store, stored

MODES = ("offset", "replace", "drop")
"""The difference is added to the new take; the edited values stay; the edits give way."""

_SEEN = 5e-4  # of the largest value of a channel, at least of 1: a smaller difference comes from the packing
_SAMPLED = 16  # channels that are looked at to find out how far a section was moved
_FITS = 0.5  # of the keys are where they were; with fewer, the keys are not those that were written
_FINEST = 100  # samples of a curve for each that is wanted
_NAMED = 8  # channels in a line for the user


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


# --- finding


def find(sequence: unreal.LevelSequence, section: unreal.MovieSceneSection) -> Found | None:
    """The take in a section, with what was changed on it; None where that cannot be told."""
    there = located(sequence, section)
    if there is None:
        return None
    written, first = there
    channels = facerig.section_channels(section)
    changes = _changes(sequence, channels, written, first)
    if any(channel.get_num_keys() for channel in channels.values()):
        changes |= {name: _with_behind(changes.get(name), *behind) for name, behind in written.behind.items()}
    return Found(written, first, changes)


def located(sequence: unreal.LevelSequence, section: unreal.MovieSceneSection) -> tuple[Written, int] | None:
    """What was written into a section, and the tick where the take begins now; None where that cannot be told."""
    resolution = compat.rate(sequence.get_tick_resolution())
    versions = [version.at(resolution) for version in stored(sequence, section)]
    channels = facerig.section_channels(section)
    names = {name for version in versions for name in _sample(version)}
    now = {name: _keyed(channels[name])[0] for name in names if name in channels}
    fits = [_fit(version, now) for version in versions]
    best = max(fits, key=lambda fit: fit[0], default=(0, 0))
    if not versions or (not best[0] and any(channel.get_num_keys() for channel in channels.values())):
        return None
    written = versions[fits.index(best)]
    return written, written.first + best[1]


def _keyed(channel: unreal.MovieSceneScriptingFloatChannel) -> tuple[Curve, bool]:
    """The keys of a channel, and whether straight lines are between them."""
    unit, keys = compat.ticks(), compat.keys(channel)
    ticks = [key.get_time(unit).frame_number.value for key in keys]
    straight = all(key.get_interpolation_mode() == unreal.RichCurveInterpMode.RCIM_LINEAR for key in keys[:-1])
    return Curve(str(channel.channel_name), ticks, [float(key.get_value()) for key in keys]), straight


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
    written: Written,
    first: int,
) -> dict[str, Change]:
    """Channel -> what was changed on it; none where the section has no keys at all any more."""
    found: dict[str, Change] = {}
    if any(channel.get_num_keys() for channel in channels.values()):
        for name, channel in channels.items():
            if change := _change(sequence, channel, written, first, written.curves.get(name)):
                found[name] = change
    return found


def _change(
    sequence: unreal.LevelSequence, channel: unreal.MovieSceneScriptingFloatChannel, written: Written, first: int,
    old: Curve | None,
) -> Change | None:  # fmt: skip
    """What was changed on a channel, for which `old` was written, or nothing."""
    count = channel.get_num_keys()
    if old is None and not count:
        return None
    if old is None:
        old = Curve(str(channel.channel_name), [0], [0.0])  # all of it is the animator's
    elif not count:
        return Change(old.ticks, [1.0] * len(old.ticks), [0.0] * len(old.ticks), emptied=True)
    elif written.straight and count == len(old.ticks) and _is_same(sequence, channel, old, first):
        return None
    curve, straight = _keyed(channel)
    ours = [at for at, tick in enumerate(curve.ticks) if first <= tick < first + written.length]
    ticks, values = [curve.ticks[at] - first for at in ours], [curve.values[at] for at in ours]
    bent = written.straight and not straight  # that shows between the keys
    if ticks == list(old.ticks) and not bent:
        by = [value - wanted for value, wanted in zip(values, old.values, strict=True)]
    else:
        ticks = sorted({*old.ticks, *ticks, *(_between(ticks) if bent else ())})
        values = _sampled(sequence, channel, [first + tick for tick in ticks], curve) if bent else None
        values = values or [curve.at(first + tick) for tick in ticks]
        by = [value - old.at(tick) for tick, value in zip(ticks, values, strict=True)]
    by = [each if abs(each) > _seen(old) else 0.0 for each in by]
    return Change(ticks, by, values) if any(by) else None


def _with_behind(change: Change | None, by: Curve, values: Curve) -> Change:
    """A channel's change with those that lie behind the end of the take; the first tick of these leads to them."""
    if change is None:
        return Change(by.ticks, [0.0, *by.values[1:]], values.values)
    if change.emptied:
        return change
    new = [at for at, tick in enumerate(by.ticks) if tick > change.ticks[-1]]
    return Change(
        [*change.ticks, *(by.ticks[at] for at in new)], [*change.by, *(by.values[at] for at in new)],
        [*change.values, *(values.values[at] for at in new)],
    )  # fmt: skip


def _is_same(
    sequence: unreal.LevelSequence, channel: unreal.MovieSceneScriptingFloatChannel, old: Curve, first: int
) -> bool:
    """Whether a channel shows what was written, at its keys and between them: without a look at the keys, each of which
    Unreal hands out as an object.
    """
    ticks = sorted({*old.ticks, *_between(old.ticks)})
    values = _sampled(sequence, channel, [first + tick for tick in ticks])
    seen = _seen(old)
    return values is not None and all(
        abs(value - old.at(tick)) <= seen for tick, value in zip(ticks, values, strict=True)
    )


def _between(ticks: Sequence[int]) -> list[int]:
    """The ticks in the middle between others."""
    return [(a + b) // 2 for a, b in pairwise(ticks)]


def _seen(curve: Curve) -> float:
    """The least difference that counts."""
    return _SEEN * max(1.0, *map(abs, curve.values))


def _sampled(
    sequence: unreal.LevelSequence, channel: unreal.MovieSceneScriptingFloatChannel, ticks: Sequence[int],
    curve: Curve | None = None,
) -> list[float] | None:  # fmt: skip
    """The values of a channel at ascending ticks, as Unreal has them. None where these lie on no grid that is coarse
    enough to be asked for, and where the values at the keys of `curve`, those of the channel, are not theirs.
    """
    a_frame = ticks_per_frame(sequence)
    if a_frame.denominator != 1:
        return None
    frame = math.floor(ticks[0] / a_frame)
    base = frame * a_frame.numerator
    step = math.gcd(a_frame.numerator, *(tick - base for tick in ticks))
    count = (ticks[-1] - base) // step + 1
    if count > _FINEST * len(ticks):
        return None
    rate = compat.rate(sequence.get_tick_resolution()) / step
    span = sequence.make_range(frame, math.ceil(count * step / a_frame))
    every = [float(value) for value in channel.evaluate_keys(span, unreal.FrameRate(rate.numerator, rate.denominator))]
    if len(every) < count:
        return None
    values = [every[(tick - base) // step] for tick in ticks]
    if curve is not None:
        keys = dict(zip(curve.ticks, curve.values, strict=True))
        if any(abs(keys.get(tick, value) - value) > _seen(curve) for tick, value in zip(ticks, values, strict=True)):
            return None
    return values


# --- keeping


class HandEdits:
    """The animator's changes to a take that is written again: on each channel's new values, and what becomes of them.

    mode: of MODES. first: tick of the start of the new take.
    """

    def __init__(self, found: Found | None, mode: str, first: int) -> None:
        self._changes = dict(found.changes) if found is not None else {}
        self._mode, self._first = mode, first
        self._met: dict[str, Change] = {}  # as far as the new take reaches
        self._wrote: set[str] = set()
        self._curves: dict[str, Curve] = dict(found.written.curves) if found is not None else {}
        self._behind = dict(found.written.behind) if found is not None else {}
        self._waits: dict[str, int] = {}  # channel -> how many changes lie behind the end

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
        self._behind.pop(curve.name, None)
        if self._mode == "drop" or change.emptied:
            self._met[curve.name] = change
            return curve if self._mode == "drop" else Curve(curve.name, [], [])
        last = curve.ticks[-1] - self._first
        inside = sum(tick <= last for tick in change.ticks)
        if any(change.by[:inside]):
            self._met[curve.name] = Change(change.ticks[:inside], change.by[:inside], change.values[:inside])
        self._keep_behind(curve, change)
        own = [self._first + tick for tick in change.ticks]
        # Beside the ticks of a change those before and behind it, where it is 0.
        near = {tick for at, tick in enumerate(own) if any(change.by[max(at - 1, 0) : at + 2])}
        near = {tick for tick in near if curve.ticks[0] <= tick <= curve.ticks[-1]}
        if not near:
            return curve
        ticks = sorted({*curve.ticks, *near})
        if self._mode == "offset":
            by = Curve(curve.name, own, change.by)
            return Curve(curve.name, ticks, [curve.at(tick) + by.at(tick) for tick in ticks])
        left, spans = Curve(curve.name, own, change.values), change.spans()
        edited = [any(start <= tick - self._first <= end for start, end in spans) for tick in ticks]
        values = [(left if stays else curve).at(tick) for tick, stays in zip(ticks, edited, strict=True)]
        return Curve(curve.name, ticks, values)

    def _keep_behind(self, curve: Curve, change: Change) -> None:
        """Keep what was changed behind the end of a curve, from the tick before on, for a take that is longer."""
        end = curve.ticks[-1] - self._first + (curve.ticks[1] - curve.ticks[0] if len(curve.ticks) > 1 else 1)
        later = [at for at, tick in enumerate(change.ticks) if tick >= end]
        if not any(change.by[at] for at in later):
            return
        some = slice(max(later[0] - 1, 0), None)
        ticks = change.ticks[some]
        by, values = Curve(curve.name, ticks, change.by[some]), Curve(curve.name, ticks, change.values[some])
        self._behind[curve.name] = by, values
        self._waits[curve.name] = sum(last >= end for _, last in change.spans())

    def store(
        self, sequence: unreal.LevelSequence, section: unreal.MovieSceneSection, found: Found | None, asked: int,
        span: Span, made: Mapping[str, Curve] | None = MappingProxyType({}), straight: bool = True,
    ) -> None:  # fmt: skip
        """Store what was written into the section of a take, and the version before it.

        asked: the start frame that was asked for. made: the curves whose keys lie elsewhere than those of the take;
        None where that is unknown, so that they are read. straight: the keys lead to each other in straight lines.
        """
        if sections.owner_of(sequence, section) is None:  # the one of the board, for want of an own
            return
        resolution = compat.rate(sequence.get_tick_resolution())
        if made is None:
            made = self._read(section, span)
        for name in (self._wrote - set(self._changes)) & {*made}:  # not where there are edits
            self.wrote(made[name])
        length = span.end - span.first
        written = Written(
            asked, span.start_frame, span.end_frame, span.first, length, resolution, straight, dict(self._curves),
            dict(self._behind),
        )  # fmt: skip
        store(sequence, section, written, found.written if found is not None else None)

    def _read(self, section: unreal.MovieSceneSection, span: Span) -> dict[str, Curve]:
        """The keys that were made for the curves."""
        channels, found = facerig.section_channels(section), {}
        for name in self._wrote:
            curve, _ = _keyed(channels[name])
            if ours := [at for at, tick in enumerate(curve.ticks) if span.first <= tick < span.end]:
                found[name] = Curve(name, [curve.ticks[at] for at in ours], [curve.values[at] for at in ours])
        return found

    def lines(self, take: str, ticks_per_frame: Fraction) -> list[str]:
        """What became of the edits, for the user: which channels, which frames."""
        lines = []
        if count := sum(self._waits.values()):
            what = "1 change lies" if count == 1 else f"{count} changes lie"
            more = f" and {len(self._waits) - _NAMED} more" if len(self._waits) > _NAMED else ""
            lines.append(
                f"{take}: {what} behind the end of the take, kept for one that is longer: "
                f"{', '.join([*self._waits][:_NAMED])}{more}."
            )
        if not self._met:
            return lines
        done = {"offset": "were added to the new take", "replace": "stay", "drop": "were removed (Hand Edits: Drop)"}
        named = [f"{name} ({self._frames(self._met[name], ticks_per_frame)})" for name in [*self._met][:_NAMED]]
        more = f" and {len(self._met) - _NAMED} more" if len(self._met) > _NAMED else ""
        return [f"{take}: your changes {done[self._mode]}: {', '.join(named)}{more}.", *lines]

    def _frames(self, change: Change, ticks_per_frame: Fraction) -> str:
        if change.emptied:
            return "no keys"
        spans = [tuple(math.floor((self._first + tick) / ticks_per_frame) for tick in span) for span in change.spans()]
        first, last = spans[0][0], spans[-1][1]
        return f"frames {first} to {last}" if last > first else f"frame {first}"
