"""The quality of a take: figures, and findings, each with its time and a reason, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from medtalk.features.prosody import voice_activity
from medtalk.quality import motion
from medtalk.quality.articulation import jitter, p95
from medtalk.quality.captured import beside
from medtalk.quality.contacts import Contact, Contacts, contacts
from medtalk.quality.events import SILENCE, frame_phones
from medtalk.quality.surface import Surface, surface
from medtalk.rates import FPS, RATE
from medtalk.rig.channels import S_LIP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.audio import Speech
    from medtalk.rig.sequence import RigSequence, Timed

MOST_LAG_MS = 1000.0 / 30.0
"""A frame at 30 fps: what animators ask of contacts, and what viewers begin to see (`training`: 2 frames at 60)."""
MOST_MOTION = 0.10
"""Of the lips in a pause, beside those in speech (95th percentiles)."""
SEEN_MM_S = 4.0
"""Lips slower than that seem to rest, whatever they do in speech."""
MOST_JITTER = 0.12
"""The bar that a bundle must reach before it ships."""
MOST_AT_LIMIT, LONG_AT_LIMIT = 0.04, 0.5
"""Share of all frames and channels at a limit from which a face looks clipped, and share of the frames of one channel
that then is stuck."""
LONGEST_STARE_S = 15.0
"""A face that does not blink for so long stares: people blink every 3 to 4 s, 12 s at the longest."""
STILL_MM_S = 4.0
"""Lips that stay under this while somebody speaks (95th percentile) do not speak."""
FRAMES_OFF = 1
"""How many frames a rig may differ from its sound: rounding."""

Phones = Literal["rig", "transcript", "heard", "none"]
"""Where the phones come from by which the lips are judged: the rig, a transcript, the model's own ear, or nowhere."""
_JUDGED: dict[Phones, str] = {
    "rig": "by the rig's own phones",
    "transcript": "by its transcript",
    "heard": "by phones that the model heard",
    "none": "without phones",
}

_RESTING: dict[str, tuple[str, ...]] = {"full": (), "mouth": ("no blinks",), "upper": ("still lips",)}
"""What is no fault in a rig of a part of the face, since the rest of it was asked to rest."""
_ERRORS: dict[str, tuple[str, ...]] = {
    "full": ("LVE, mm", "vertex error, mm", "MLE"),
    "mouth": ("LVE, mm", "MLE"),
    "upper": (),
}
"""The errors beside a captured face by which a rig of a part of the face may be judged."""


@dataclass(frozen=True)
class Finding:
    """A place to look at: from `start` to `end` in seconds, what kind, and why in words."""

    start: float
    end: float
    kind: str
    message: str

    def __str__(self) -> str:
        hundredths = round(100.0 * self.start)
        return f"{hundredths // 6000:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d} {self.message}"


@dataclass(frozen=True)
class Report:
    """What `report` finds.

    Attributes:
        figures: value by name; the name has the unit, and what cannot be known is left out.
        findings: by time; those of the whole take are at 0.
        limits: share of the frames that a channel is at a limit, by name, largest first.
        phones: by what the lips were judged.
    """

    figures: dict[str, float]
    findings: tuple[Finding, ...]
    limits: dict[str, float]
    phones: Phones

    @property
    def good(self) -> bool:
        """Whether there is nothing to look at."""
        return not self.findings

    @property
    def judged(self) -> str:
        """By what the lips were judged, in words: "good" by a model's own phones is partly its own opinion."""
        return _JUDGED[self.phones]

    @property
    def summary(self) -> str:
        """A line: "good" and by which phones, or what to look at."""
        counts = Counter(finding.kind for finding in self.findings)
        kinds = (f"{kind} × {count}" if count > 1 else kind for kind, count in counts.most_common())
        return f"good, {self.judged}" if self.good else f"look here: {', '.join(kinds)}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "good": self.good,
            "summary": self.summary,
            "phones": self.phones,
            "figures": self.figures,
            "findings": [asdict(finding) for finding in self.findings],
            "limits": self.limits,
        }


def report(
    rig: RigSequence,
    speech: Speech | None = None,
    phones: Sequence[Timed] | None = None,
    captured: RigSequence | None = None,
    words: Sequence[Timed] | None = None,
    *,
    transcribed: bool = False,
) -> Report:
    """Measure a take.

    Args:
        rig: of any frame rate; it is measured at 60.
        speech: its sound, for pauses and loudness.
        phones: what is spoken when, as `Performance.phones` or in ARPAbet, without silences; None takes the rig's own.
            Without any, what the lips should do is not judged; nor where the rig is of the upper face alone.
        captured: a captured face of the same clip, see `medtalk.quality.captured.beside`.
        words: for the messages; None takes the rig's own.
        transcribed: `phones` were found by a transcript; else the model heard them.

    Raises:
        RigError: the captured rig is of another clip.
    """
    region = rig.meta.get("region", "full")
    spoken = rig.phones if phones is None else tuple(phones)
    words = rig.words if words is None else tuple(words)
    resampled = rig.resample(float(FPS))
    values = resampled.values
    shown = surface(values)
    labels = frame_phones([(p.start, p.end, p.text.lower()) for p in spoken], len(values)) if spoken else None
    talking = _talking(labels, speech, len(values))
    figures: dict[str, float] = {}
    findings: list[Finding] = []
    origin: Phones = "none"
    if labels is not None and region != "upper":
        origin = "rig" if phones is None else "transcript" if transcribed else "heard"
        found = contacts(shown, labels)
        figures |= found.figures()
        findings += _of_contacts(found, words, rig.seconds)
    figures |= _figures(values, shown, speech, talking) | _of_head(resampled.head, talking)
    if speech is not None:
        whole = len(speech.samples) * FPS // RATE  # as many frames as the networks make of a sound
        figures["frames too many"] = float(len(rig) - round(whole * rig.fps / FPS))
    if captured is not None:
        figures |= beside(rig, captured, shown)
        findings += _of_errors(figures, _ERRORS.get(region, ()), rig.seconds)
    limits = motion.at_limit(values)
    findings += [
        each for each in _of_motion(figures, shown, talking, limits, rig) if each.kind not in _RESTING.get(region, ())
    ]
    findings.sort(key=lambda finding: (finding.start, finding.end))
    return Report(figures, tuple(findings), limits, origin)


def _talking(labels: NDArray | None, speech: Speech | None, frames: int) -> NDArray | None:
    """(T,) bool where somebody speaks, from the phones or else from the sound; None if neither is known."""
    if labels is not None:
        return labels != SILENCE
    if speech is None:
        return None
    heard = voice_activity(speech.samples)[:frames] >= 0.5
    return np.pad(heard, (0, frames - len(heard)))


def _figures(values: NDArray, shown: Surface, speech: Speech | None, talking: NDArray | None) -> dict[str, float]:
    out = {
        "corner spread range, mm": float(np.ptp(np.percentile(shown.spread, (5, 95)))),
        "brow height range, mm": float(np.ptp(np.percentile(shown.brows.mean(axis=1), (5, 95)))),
        "brow height, mm": float(np.median(shown.brows)),
        "lid opening, mm": float(np.median(shown.lids)),
        "asymmetry, mm": float(shown.apart.mean()),
        "blinks/min": 60.0 * FPS * len(motion.blinks(shown.lids)) / len(shown),
        "longest without a blink, s": float(np.ptp(motion.stare(shown.lids))) / FPS,
        "jitter": jitter([values]),
        "at a limit": motion.limit_share(values),
        "lips sd": float(values[:, S_LIP].std(axis=0).mean()),
    }
    if talking is not None and talking.any():
        out["lip speed in speech, mm/s"] = p95(shown.speed[talking])
        if (moved := motion.stillness(shown.speed, talking)) is not None:
            out["lip motion in silence"] = moved
        if speech is not None and (r := motion.loudness_r(shown.speed, speech.samples, talking)) is not None:
            out["loudness r"] = r
    return out


def _of_head(head: NDArray | None, talking: NDArray | None) -> dict[str, float]:
    """Figures of a head that turns (T, 3), degrees at 60 fps."""
    if head is None:
        return {}
    speed = motion.head_speed(head)
    out = {"head range, deg": float(np.ptp(head, axis=0).max()), "head peak speed, deg/s": float(speed.max())}
    if talking is not None and talking.any():
        out["head speed in speech, deg/s"] = float(speed[talking].mean())
    return out


def _of_contacts(found: Contacts, words: Sequence[Timed], seconds: float) -> Iterator[Finding]:
    for each in found.closures:
        if not each.right:
            what = f"{in_word(each, words, each.name)}: the lips stay {each.mm:.1f} mm apart"
            yield Finding(each.start, each.end, "missing closure", what)
    for each in found.touches:
        if not each.right:
            what = in_word(each, words, "lips shut without p b m", "in")
            yield Finding(each.start, each.end, "false contact", what)
    for each in found.bites:
        if not each.right:
            what = f"{in_word(each, words, each.name)}: the lower lip stays {each.mm:.1f} mm from the teeth"
            yield Finding(each.start, each.end, "missing bite", what)
    if found.lag is not None and abs(found.lag) > MOST_LAG_MS:
        late = "late" if found.lag > 0 else "early"
        yield Finding(0.0, seconds, f"lips {late}", f"the lips come {abs(found.lag):.0f} ms too {late}")


def _of_motion(
    figures: dict[str, float], shown: Surface, talking: NDArray | None, limits: dict[str, float], rig: RigSequence
) -> Iterator[Finding]:
    speed = figures.get("lip speed in speech, mm/s")
    if speed is not None and talking is not None:
        if speed < STILL_MM_S:
            yield Finding(0.0, rig.seconds, "still lips", f"the lips hardly move in speech ({speed:.1f} mm/s)")
        for first, last in motion.pauses(talking):
            moved = p95(shown.speed[first:last])
            if moved > max(MOST_MOTION * speed, SEEN_MM_S):
                what = f"the lips move in a pause ({moved:.0f} mm/s, {speed:.0f} in speech)"
                yield Finding(first / FPS, last / FPS, "motion in silence", what)
    if figures["jitter"] > MOST_JITTER:
        yield Finding(0.0, rig.seconds, "jitter", f"the mouth trembles (jitter {figures['jitter']:.2f})")
    first, last = motion.stare(shown.lids)
    if (lasting := (last - first) / FPS) >= LONGEST_STARE_S:
        end = rig.seconds if last == len(shown) else last / FPS
        yield Finding(first / FPS, end, "no blinks", f"no blink for {lasting:.0f} s")
    stuck = [name for name, share in limits.items() if share >= LONG_AT_LIMIT]
    if figures["at a limit"] > MOST_AT_LIMIT or stuck:
        worst = ", ".join(f"{name} {share:.0%}" for name, share in list(limits.items())[:3])
        yield Finding(0.0, rig.seconds, "at a limit", f"channels sit at their limits: {worst} of the frames")
    off = figures.get("frames too many", 0.0)
    if abs(off) > FRAMES_OFF:
        many = f"{abs(off):.0f} frames {'more' if off > 0 else 'fewer'} than its sound has ({off / rig.fps:+.2f} s)"
        yield Finding(0.0, rig.seconds, "length", f"the rig has {many}")


def _of_errors(figures: dict[str, float], names: Sequence[str], seconds: float) -> Iterator[Finding]:
    """What is no nearer to a captured face than that face held still."""
    worse = [
        f"{name.removesuffix(', mm')} {figures[name]:.3g}{' mm' * name.endswith(', mm')} (still {still:.3g})"
        for name in names
        if figures[name] > (still := figures[f"{name}, still face"])
    ]
    if worse:
        what = f"errors are larger than a still face's: {', '.join(worse)}"
        yield Finding(0.0, seconds, "worse than a still face", what)


def in_word(each: Contact, words: Sequence[Timed], what: str, link: str = "of") -> str:
    """`what`, with the word in the middle of it, where one is known."""
    middle = 0.5 * (each.start + each.end)
    word = next((word.text for word in words if word.start <= middle <= word.end), None)
    return what if word is None else f'{what} {link} "{word}"'
