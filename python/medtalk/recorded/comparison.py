"""Two rigs beside each other: what moved most and when, control by control, on the head, and by the lips' events."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from medtalk.errors import SettingError
from medtalk.quality.articulation import jitter
from medtalk.quality.baselines import paper_metrics
from medtalk.quality.captured import mtm_ms, vertex_errors
from medtalk.quality.contacts import Contact, Contacts, contacts
from medtalk.quality.events import frame_phones
from medtalk.quality.report import Finding, in_word
from medtalk.quality.surface import surface
from medtalk.rates import FPS
from medtalk.rig import AREAS, CHANNELS
from medtalk.rig.head import load_head
from medtalk.rig.sequence import HEAD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.recorded.curves import Curves
    from medtalk.rig import RigSequence

CONTROL = 0.01
"""How far a control may be off: what Epic's own test of its animations allows."""
TURN_DEGREES = 0.2
"""How far the turn of the head may be off: it moves the tip of the nose by a third of a millimetre."""
CONTROL_ACROSS, TURN_ACROSS, ACROSS_S = 0.05, 0.5, 2.0 / FPS
"""What is allowed where another kind of machine made the rig: by how much, and within how many seconds.

It rounds otherwise, and the ear's 8-bit weights make more of that: a closure may begin a frame or two earlier.
"""
SLACK_MM = 0.1
"""How far lips that come over or under the bar of a contact must have moved for it to be an event: less is noise."""
TURN = "head"
"""The area of the turn of the head, beside the areas of the face."""
_MOST_POSES = 60  # of which the whole face is measured: those that differ most


@dataclass(frozen=True)
class Tolerance:
    """How far controls may be off.

    Attributes:
        control: in general; None is what is usual.
        areas: by area; that of the turn of the head is in degrees.
        frames: by how many the lengths may differ.
        across: how another kind of machine made the rig than the recorded one, such as "made by a GPU"; "" where it did
            not. Where `control` is None, more is allowed then.
    """

    control: float | None = None
    areas: Mapping[str, float] = field(default_factory=dict)
    frames: int = 0
    across: str = ""

    def of(self, area: str) -> float:
        """The tolerance of an area."""
        if area in self.areas:
            return self.areas[area]
        if area == TURN:
            return TURN_ACROSS if self.across else TURN_DEGREES
        return self.control if self.control is not None else CONTROL_ACROSS if self.across else CONTROL

    @property
    def seconds(self) -> float:
        """How much earlier or later a control may have its values."""
        return ACROSS_S if self.across and self.control is None else 0.0

    @property
    def loosened(self) -> str:
        """What is allowed more than usual, and why; "" for nothing."""
        parts = [f"{CONTROL_ACROSS:g} within {round(ACROSS_S * FPS)} frames"] if self.seconds else []
        parts += [f"{TURN_ACROSS:g}° of the head"] if TURN not in self.areas else []
        return f"{' and '.join(parts)} allowed: {self.across}" if self.across and parts else ""


USUAL = Tolerance()


def read_tolerance(entries: Iterable[str], frames: int = 0) -> Tolerance:
    """The tolerance of entries such as "0.02", for all controls, and "brow:0.05"; "head:1" is in degrees.

    Raises SettingError for anything else.
    """
    control, areas = None, {}
    for entry in entries:
        area, colon, number = entry.strip().rpartition(":")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if not 0.0 <= value < np.inf or (colon and area not in (*AREAS, TURN)):
            raise SettingError(
                f"The tolerance is {entry[:40]!r}; valid are a number from 0 and AREA:NUMBER.",
                f"Areas are {', '.join(AREAS)} and {TURN} (in degrees).",
            )
        if colon:
            areas[area] = value
        else:
            control = value
    return Tolerance(control, areas, frames)


@dataclass(frozen=True)
class Moved:
    """How a control, or a curve, differs.

    largest, rms, mean: of the absolute difference; of the turn of the head in degrees. seconds: where it is largest.
    Where a value may come earlier or later (`Tolerance.seconds`), largest is what is left of it then.
    """

    name: str
    area: str
    largest: float
    rms: float
    mean: float
    seconds: float
    tolerance: float

    @property
    def over(self) -> bool:
        """Whether it is more than allowed."""
        return self.largest > self.tolerance


@dataclass(frozen=True)
class Place:
    """Where the surface of the head moved farthest: by how many mm, near which landmark, when."""

    mm: float
    near: str
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """What `compare` finds.

    Attributes:
        moved: every control that differs at all: farthest over its tolerance first.
        areas: largest, RMS and mean difference of each area.
        events: what the lips did and do no more, and the other way round, by time.
        reasons: what else is another: frames, frame rate, a head that turns.
        figures: the errors beside the recorded rig, and its jitter and that of the other one.
        place: where the head moved farthest; None where it did not.
        identical: every value is the same, bit by bit.
    """

    moved: tuple[Moved, ...] = ()
    areas: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    events: tuple[Finding, ...] = ()
    reasons: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    place: Place | None = None
    identical: bool = False

    @property
    def over(self) -> tuple[Moved, ...]:
        """The controls that differ by more than is allowed."""
        return tuple(each for each in self.moved if each.over)

    @property
    def same(self) -> bool:
        """Whether the two are the same within the tolerance."""
        return not (self.over or self.events or self.reasons)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "same": self.same,
            "identical": self.identical,
            "reasons": list(self.reasons),
            "moved": [asdict(each) for each in self.over],
            "largest": asdict(self.moved[0]) if self.moved else None,
            "areas": {
                area: dict(zip(("largest", "rms", "mean"), each, strict=True)) for area, each in self.areas.items()
            },
            "events": [asdict(each) for each in self.events],
            "figures": dict(self.figures),
            "head": None if self.place is None else asdict(self.place),
        }


def compare(recorded: RigSequence, found: RigSequence, tolerance: Tolerance = USUAL) -> Comparison:
    """Two rigs. Of other frame rates they are compared at the lower one, of other lengths as far as both go."""
    reasons = [*_of_time(recorded, found, tolerance)]
    if (recorded.head is None) != (found.head is None):
        reasons.append(f"the head {'turns no more' if found.head is None else 'turns, which it did not'}")
    rate = min(recorded.fps, found.fps)
    before, after = _together(recorded.resample(rate), found.resample(rate))
    names, areas = [each.short for each in CHANNELS], [each.area for each in CHANNELS]
    columns = [before.values, after.values]
    if before.head is not None and after.head is not None:
        names, areas = [*names, *HEAD], [*areas, *[TURN] * len(HEAD)]
        columns = [np.hstack([before.values, before.head]), np.hstack([after.values, after.head])]
    found_moved = _moved(names, areas, columns[0], columns[1], rate, tolerance)
    if not found_moved:
        return Comparison(reasons=tuple(reasons), identical=not reasons)
    seen, now = _together(recorded.resample(float(FPS)), found.resample(float(FPS)))
    shown = surface(seen.values), surface(now.values)
    events: tuple[Finding, ...] = ()
    if recorded.phones and recorded.meta.get("region") != "upper":
        labels = frame_phones([(p.start, p.end, p.text.lower()) for p in recorded.phones], len(seen))
        lips = [_Lips(contacts(each, labels), each.gap) for each in shown]
        events = tuple(_events(lips[0], lips[1], recorded))
    return Comparison(
        found_moved,
        _areas(areas, columns[0], columns[1]),
        events,
        tuple(reasons),
        _figures(seen.values, now.values, shown[0].gap, shown[1].gap),
        _place(seen.values, now.values),
    )


def compare_curves(recorded: RigSequence, found: Curves, tolerance: Tolerance = USUAL) -> Comparison:
    """A rig and curves of expressions that Unreal exported, of which what is left out is 0."""
    from medtalk.recorded.curves import of_rig, rate_of

    fps = found.fps or rate_of(len(found.values), recorded)
    reasons = [f"the frame rate is {fps:g} instead of {recorded.fps:g}"] if fps > recorded.fps else []
    rig = recorded.resample(min(fps, recorded.fps))
    if abs(len(rig) - len(found.values)) > tolerance.frames:
        reasons.append(f"{len(found.values)} frames instead of {len(rig)}")
    own = of_rig(rig)
    frames = min(len(rig), len(found.values))
    column = {name: found.values[:frames, index] for index, name in enumerate(found.names)}
    kept = [index for index, name in enumerate(own.names) if own.areas[index] != TURN or name in column]
    names, areas = [own.names[index] for index in kept], [own.areas[index] for index in kept]
    before = own.values[:frames, kept]
    after = np.stack([column.get(name, np.zeros(frames, np.float32)) for name in names], axis=1)
    moved = _moved(names, areas, before, after, rig.fps, tolerance)
    return Comparison(moved, _areas(areas, before, after), reasons=tuple(reasons), identical=not (moved or reasons))


def _of_time(recorded: RigSequence, found: RigSequence, tolerance: Tolerance) -> Iterable[str]:
    if recorded.fps != found.fps:
        if not tolerance.frames:
            yield f"the frame rate is {found.fps:g} instead of {recorded.fps:g}"
        rate = min(recorded.fps, found.fps)
        frames = [max(1, round(len(each) * rate / each.fps)) for each in (recorded, found)]
        if abs(frames[0] - frames[1]) > max(1, tolerance.frames):
            yield f"it lasts {found.seconds:.2f} s instead of {recorded.seconds:.2f} s"
    elif abs(len(recorded) - len(found)) > tolerance.frames:
        yield f"{len(found)} frames instead of {len(recorded)}"


def _together(first: RigSequence, second: RigSequence) -> tuple[RigSequence, RigSequence]:
    """Both as long as the shorter one."""
    frames = min(len(first), len(second))
    return tuple(  # type: ignore[return-value]
        each if len(each) == frames else type(each)(
            each.values[:frames], each.fps, each.meta, (), (), None if each.head is None else each.head[:frames]
        )
        for each in (first, second)
    )  # fmt: skip


def _moved(
    names: Sequence[str], areas: Sequence[str], before: NDArray, after: NDArray, fps: float, tolerance: Tolerance
) -> tuple[Moved, ...]:
    apart = np.abs(after.astype(np.float64) - before)
    rms, mean = np.sqrt((apart**2).mean(axis=0)), apart.mean(axis=0)
    far = _beyond(before, after, math.ceil(tolerance.seconds * fps - 1e-6)) if tolerance.seconds else apart
    largest, where = far.max(axis=0), far.argmax(axis=0)
    moved = [
        Moved(
            names[c], areas[c], float(largest[c]), float(rms[c]), float(mean[c]), float(where[c] / fps),
            tolerance.of(areas[c]),
        )
        for c in np.flatnonzero(rms).tolist()
    ]  # fmt: skip
    return tuple(sorted(moved, key=lambda each: (-each.largest / max(each.tolerance, 1e-9), each.name)))


def _beyond(before: NDArray, after: NDArray, frames: int) -> NDArray:
    """How far each of two lies outside of what the other one does within some frames; the larger of the two."""
    size = 2 * frames + 1

    def outside(one: NDArray, other: NDArray) -> NDArray:
        low, high = minimum_filter1d(other, size, axis=0), maximum_filter1d(other, size, axis=0)
        return np.maximum(np.maximum(low - one, one - high), 0.0)

    return np.maximum(outside(before, after), outside(after, before)).astype(np.float64)


def _areas(areas: Sequence[str], before: NDArray, after: NDArray) -> dict[str, tuple[float, float, float]]:
    apart = np.abs(after.astype(np.float64) - before)
    out = {}
    for area in dict.fromkeys(areas):
        own = apart[:, [index for index, each in enumerate(areas) if each == area]]
        out[area] = float(own.max()), float(np.sqrt((own**2).mean())), float(own.mean())
    return out


class _Lips(NamedTuple):
    """The contacts of a rig, and the gap of its lips (T,) in mm."""

    contacts: Contacts
    gap: NDArray

    def nearest(self, each: Contact) -> float:
        """How near the lips come in the frames of a contact of the other rig."""
        return float(self.gap[round(each.start * FPS) : round(each.end * FPS)].min())


def _events(before: _Lips, after: _Lips, recorded: RigSequence) -> Iterable[Finding]:
    """Closures and bites that were and are no more, or came; false contacts that came or went; by time."""
    then, now = before.contacts, after.contacts
    found = [
        *_lost(then.closures, now.closures, recorded, "closure", "the lips stay {:.1f} mm apart now",
               "the lips close now"),
        *_lost(then.bites, now.bites, recorded, "bite", "the lower lip stays {:.1f} mm from the teeth now",
               "the lip is bitten now"),
    ]  # fmt: skip
    for kind, come, here, there in (
        ("new false contact", "touch now", after, before),
        ("false contact gone", "touch no more", before, after),
    ):
        for each in here.contacts.touches:
            if not each.right and there.nearest(each) - each.mm >= SLACK_MM:
                what = in_word(each, recorded.words, f"the lips {come}, without p b m", "in")
                found.append(Finding(each.start, each.end, kind, what))
    return sorted(found, key=lambda each: (each.start, each.kind))


def _lost(
    before: Sequence[Contact], after: Sequence[Contact], rig: RigSequence, kind: str, lost: str, gained: str
) -> Iterable[Finding]:
    for then, now in zip(before, after, strict=True):  # of the same phones
        if then.right == now.right or abs(then.mm - now.mm) < SLACK_MM:
            continue
        what = lost.format(now.mm) if then.right else gained
        where = in_word(then, rig.words, then.name)
        yield Finding(then.start, then.end, f"{kind} {'lost' if then.right else 'gained'}", f"{where}: {what}")


def _figures(before: NDArray, after: NDArray, gap_before: NDArray, gap_after: NDArray) -> dict[str, float]:
    """Errors by the paper's names and in mm, the recorded rig being the truth; jitter of both."""
    largest, mean = vertex_errors(after, before)
    errors = paper_metrics([(after, before)])
    out = {name: errors[name] for name in ("MLE", "MEE", "EIE", "FRD")}
    out |= {"LVE, mm": largest, "vertex error, mm": mean}
    if (late := mtm_ms(gap_after, gap_before)) is not None:
        out["MTM, ms"] = late
    return out | {"jitter recorded": jitter([before]), "jitter": jitter([after])}


def _place(before: NDArray, after: NDArray) -> Place | None:
    apart = np.abs(after - before).sum(axis=1)
    frames = np.sort(np.argsort(-apart, kind="stable")[:_MOST_POSES])
    head = load_head()
    skin = np.flatnonzero(head.material == head.MATERIALS.index("skin"))
    mm = np.linalg.norm(head.trace(after[frames], skin) - head.trace(before[frames], skin), axis=-1)
    frame, vertex = np.unravel_index(int(mm.argmax()), mm.shape)
    if not (farthest := float(mm[frame, vertex])):
        return None
    point = head.vertices[skin[vertex]]
    near = min(
        head.marks, key=lambda name: float(np.linalg.norm(head.vertices[head.marks[name]] - point, axis=1).min())
    )
    return Place(farthest, " ".join(reversed(near.split("_"))), float(frames[frame]) / FPS)
