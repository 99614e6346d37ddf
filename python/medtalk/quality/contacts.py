"""Lips that meet on p b m, and meet nobody else; teeth on the lip on f v: in millimetres, against phone times.

Where the events of `medtalk.quality.events` judge what the channels ask for, these judge what the surface shows: a seal
over an open jaw closes here as it does on the face, and a press that leaves a slit does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medtalk.quality.articulation import BITTEN, CLOSED, OPEN
from medtalk.quality.events import FOUND_WITHIN, SHORTEST, SILENCE, TRUE_WITHIN, runs, widened
from medtalk.rates import FPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.quality.surface import Surface

CONTACT_MM = 0.5
"""Lips nearer than this are shut: on a head that fills a screen of 1080 lines it is two of them."""
TEETH_MM = 6.5
"""From the lip to the edge of the teeth, within which the lip is bitten. At rest it is 10 mm and in speech without a
bite 8.4 or more; the f of a captured face comes to 6, ours to 2, its v to 4."""
LAG_WITHIN_MS = 300.0
"""How far a lag is looked for; what is further off is another word."""
_LEAST = 3  # closures that a lag needs: fewer fit by chance
_MOVING = 1e-3  # standard deviation, mm: less is rounding
_LEVEL = 0.02  # of the range of correlations: what is as good as the best


@dataclass(frozen=True)
class Contact:
    """A run of frames of one phone or of touching lips, in seconds, with its name or "".

    mm: the smallest distance there. right: found, or, of touching lips, spoken.
    """

    start: float
    end: float
    name: str
    mm: float
    right: bool


@dataclass(frozen=True)
class Contacts:
    """Closures and bites of one clip.

    Attributes:
        closures: p b m that are spoken; right where the lips touch within 2 frames of them.
        touches: the lips touching in speech; right with p b m f v or silence within 3 frames.
        bites: f v that are spoken; right where the lower lip reaches the teeth.
        durations: ms that the lips touch, of each closure that is found.
        lag: ms that the lips come after the phones (before them: under 0); None with fewer than 3 closures.
        minutes: of speech.
        gap: median mm between the lips in speech; `open_gap` in open vowels. None without any.
        open_shut: share of the frames of open vowels in which the lips touch.
    """

    closures: tuple[Contact, ...]
    touches: tuple[Contact, ...]
    bites: tuple[Contact, ...]
    durations: tuple[float, ...]
    lag: float | None
    minutes: float
    gap: float | None
    open_gap: float | None
    open_shut: float

    def figures(self) -> dict[str, float]:
        """Every figure by its name; what the clip cannot tell is left out."""
        return figures([self])


def contacts(shown: Surface, labels: NDArray) -> Contacts:
    """The contacts of a surface of T frames, with the name of the phone at each (`events.frame_phones`)."""
    gap, labels = shown.gap, labels[: len(shown)]
    speech = labels != SILENCE
    touching = (gap <= CONTACT_MM) & speech
    allowed = widened(np.isin(labels, [*CLOSED, *BITTEN, SILENCE]), TRUE_WITHIN)
    closing, opening = np.isin(labels, list(CLOSED)), np.isin(labels, list(OPEN))
    events = [(start, end) for start, end in runs(touching) if end - start >= SHORTEST]
    closures = _spoken(closing, labels, gap, CONTACT_MM)
    return Contacts(
        closures=closures,
        touches=tuple(
            Contact(start / FPS, end / FPS, "", float(gap[start:end].min()), bool(allowed[start:end].any()))
            for start, end in events
        ),
        bites=_spoken(np.isin(labels, list(BITTEN)), labels, shown.teeth, TEETH_MM),
        durations=tuple(1000.0 * (end - start) / FPS for start, end in events if _near(closing, start, end)),
        lag=lag_ms(gap, closing, speech) if len(closures) >= _LEAST else None,
        minutes=float(speech.sum() / FPS / 60),
        gap=_median(gap[speech]),
        open_gap=_median(gap[opening]),
        open_shut=float(touching[opening].mean()) if opening.any() else 0.0,
    )


def figures(clips: Sequence[Contacts]) -> dict[str, float]:
    """The figures of some clips together, by name; what they cannot tell is left out."""
    closures = [each for clip in clips for each in clip.closures]
    touches = [each for clip in clips for each in clip.touches]
    bites = [each for clip in clips for each in clip.bites]
    durations = [each for clip in clips for each in clip.durations]
    minutes = sum(clip.minutes for clip in clips)
    out: dict[str, float] = {}
    if closures:
        out["contact recall"] = float(np.mean([each.right for each in closures]))
        out["lip gap at p b m, mm"] = float(np.median([each.mm for each in closures]))
    if touches:
        out["contact precision"] = float(np.mean([each.right for each in touches]))
    if minutes:
        out["false contacts/min"] = sum(not each.right for each in touches) / minutes
        out["open vowels shut"] = float(np.average([c.open_shut for c in clips], weights=[c.minutes for c in clips]))
    for name, values in (
        ("contact duration, ms", durations),
        ("lip lag, ms", [clip.lag for clip in clips if clip.lag is not None]),
        ("lip gap in speech, mm", [clip.gap for clip in clips if clip.gap is not None]),
        ("lip gap in open vowels, mm", [clip.open_gap for clip in clips if clip.open_gap is not None]),
    ):
        if values:
            out[name] = float(np.median(values))
    if bites:
        out["teeth on lip recall"] = float(np.mean([each.right for each in bites]))
        out["teeth to lip at f v, mm"] = float(np.median([each.mm for each in bites]))
    return out


def lag_ms(gap: NDArray, closing: NDArray, speech: NDArray) -> float | None:
    """Ms by which the lips (gap (T,) in mm) come after the phones that close them (closing (T,)); None if one rests.

    The shift at which they correlate best, among frames of speech; where several are as good, their middle.
    """
    reach = round(LAG_WITHIN_MS / 1000 * FPS)
    wanted, gap = closing.astype(np.float64), np.minimum(gap.astype(np.float64), 10 * CONTACT_MM)
    shifts, scores = np.arange(-reach, reach + 1), []
    for shift in shifts:
        first, last = max(0, -shift), min(len(gap), len(gap) - shift)
        if last - first < 2:
            return None
        said, shown = slice(first, last), slice(first + shift, last + shift)
        both = speech[said] & speech[shown]
        pair = wanted[said][both], -gap[shown][both]
        moving = both.sum() > 1 and min(each.std() for each in pair) > _MOVING
        scores.append(float(np.corrcoef(*pair)[0, 1]) if moving else -1.0)
    score = np.array(scores)
    if score.max() <= 0.0:
        return None
    best = int(score.argmax())
    good = score >= score.max() - _LEVEL * (score.max() - score.min())
    first, last = next(run for run in runs(good) if run[0] <= best < run[1])
    return float(shifts[first:last].mean() * 1000.0 / FPS)


def _spoken(present: NDArray, labels: NDArray, distance: NDArray, most: float) -> tuple[Contact, ...]:
    out = []
    for start, end in runs(present):
        least = float(distance[max(0, start - FOUND_WITHIN) : end + FOUND_WITHIN].min())
        out.append(Contact(start / FPS, end / FPS, str(labels[start]), least, least <= most))
    return tuple(out)


def _near(closing: NDArray, start: int, end: int) -> bool:
    return bool(closing[max(0, start - TRUE_WITHIN) : end + TRUE_WITHIN].any())


def _median(values: NDArray) -> float | None:
    return float(np.median(values)) if len(values) else None
