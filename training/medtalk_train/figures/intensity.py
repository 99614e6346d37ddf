"""Figure 4: the intensity that is predicted, over the words of a clip, and the face at three moments of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from medtalk.rates import FPS
from medtalk_train.figures.figure import Drawn, canvas, pixels
from medtalk_train.figures.heads import picture_of, write_picture
from medtalk_train.figures.material import PLAIN, Line, Material
from medtalk_train.synthetic.teacher.affect import word_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBER, TITLE = 4, "Intensity under the words"
_SECONDS = 6.5  # of a longer recording that are shown
_APART_S = 0.6  # between two heads
_MARGIN_S = 0.1  # before the first word
_MOODS = ("happy", "angry")
_WITH, _WITHOUT, _TEACHER, _FEELING = "#b3261e", "#1f5fa8", "#9aa0a6", "#b3261e"


class _Curves(NamedTuple):
    line: Line
    mood: str
    known: NDArray  # (T,) with the words
    unknown: NDArray  # (T,) without
    faces: NDArray  # (T, 174)
    start: float
    end: float


def draw(material: Material, folder: Path) -> Drawn:
    """Draw the sample, and the recording whose words feel most, if there is one."""
    lines = [material.sample]
    worded = [line for line in (material.recordings or material.held) if line.words]
    if worded:
        lines.append(max(worded, key=lambda line: max(weight for _, weight in word_weights(line.text))))
    panels = [_curves(material, line, mood) for line, mood in zip(lines, _MOODS, strict=False)]
    figure = canvas(11.0, 4.6 * len(panels))
    for part, panel in zip(figure.subfigures(len(panels), 1, squeeze=False)[:, 0], panels, strict=True):
        _panel(part, panel)
    name = f"figure{NUMBER}.webp"
    write_picture(folder / name, pixels(figure))
    numbers = {panel.line.name: lift(panel.line, panel.known, panel.unknown) for panel in panels}
    moods = " and ".join(f"*{panel.mood}* ({panel.line.name})" for panel in panels)
    shown = (
        "The curve is what CMF predicts (Eq. 8), red with the transcript and blue without. The dashed line is the "
        "teacher's, from which it learned. Words stand where they are spoken, words of feeling in red. The heads are "
        f"in {moods}, at the moments of the dotted lines.",
        "The numbers are how far the transcript lifts the curve, at words of feeling and elsewhere in the speech. The "
        "teacher's lift is .12 to .40 at such words and fades within 0.3 s. Where the two numbers are alike, the words "
        "raise the clip as a whole, not the place where they fall.",
        *_worse(numbers),
    )
    return Drawn(NUMBER, TITLE, (name,), shown, numbers)


def _worse(numbers: Mapping[str, Mapping[str, float]]) -> list[str]:
    """What the words spoil, in words."""
    told = []
    for name, row in numbers.items():
        known, unknown = (row.get(f"r with the teacher, {which}") for which in ("words known", "unknown"))
        if known is not None and unknown is not None and known < unknown:
            told.append(
                f"In {name} the curve follows the teacher less well with the words than without: r is {known:.3f} "
                f"against {unknown:.3f}. There the words do not help the curve as a whole."
            )
    return told


def lift(line: Line, known: NDArray, unknown: NDArray) -> dict[str, float]:
    """How far the transcript lifts the intensity at words of feeling and elsewhere, and the teacher's r with both."""
    feeling, spoken = _marks(line)
    change = known - unknown
    found = {
        name: float(change[where].mean()) for name, where in (("at words of feeling", feeling),
                                                                ("elsewhere", spoken & ~feeling)) if where.any()
    }  # fmt: skip
    truth = line.strength[: len(known)]
    for name, curve in (("r with the teacher, words known", known), ("r with the teacher, unknown", unknown)):
        if curve.std() > 1e-9 and truth.std() > 1e-9:
            found[name] = float(np.corrcoef(curve, truth)[0, 1])
    return found


def _marks(line: Line) -> tuple[NDArray, NDArray]:
    """Frames of words of feeling, and of all words."""
    feeling, spoken = (np.zeros(line.frames, bool) for _ in range(2))
    for word in line.words or ():
        if word.fits:
            span = slice(int(word.start * FPS), int(word.end * FPS) + 1)
            spoken[span] = True
            feeling[span] |= _feels(word.text)
    return feeling, spoken


def _feels(word: str) -> bool:
    return any(weight > 0.0 for _, weight in word_weights(word))


def _curves(material: Material, line: Line, mood: str) -> _Curves:
    known, unknown = (material.perform(line, words) for words in (True, False))
    faces = known.decode(mood, finishing=PLAIN).values
    start, end = 0.0, line.speech.seconds
    if end > _SECONDS:  # where the words feel most
        width = round(_SECONDS * FPS)
        felt = np.convolve(_marks(line)[0].astype(float), np.ones(width), "valid")
        best = np.flatnonzero(felt == felt.max())
        start = float(best[len(best) // 2]) / FPS
        begun = (word.start - _MARGIN_S for word in line.words or () if word.fits)
        start = next((each for each in begun if start <= each <= end - _SECONDS), start)  # with a whole word
        end = start + _SECONDS
    return _Curves(line, mood, known.intensity, unknown.intensity, faces, start, end)


def moments(curve: NDArray, spoken: NDArray, first: int, last: int) -> list[int]:
    """Three frames between two: the strongest, the weakest of the speech, and one in the middle of them, in order."""
    apart = round(_APART_S * FPS)
    frames = np.arange(first, last)
    inside = spoken[first:last] if spoken[first:last].any() else np.ones(last - first, bool)
    allowed = frames[inside]
    chosen = [int(allowed[curve[allowed].argmax()])]
    for wanted in (curve[allowed].min(), 0.5 * (curve[allowed].min() + curve[allowed].max())):
        far = allowed[np.min(np.abs(allowed[:, None] - np.array(chosen)), axis=1) >= apart]
        if len(far):
            chosen.append(int(far[np.abs(curve[far] - wanted).argmin()]))
    return sorted(chosen)


def _panel(part: Any, panel: _Curves) -> None:
    first, last = round(panel.start * FPS), min(round(panel.end * FPS), len(panel.known))
    _, spoken = _marks(panel.line)
    at = moments(panel.known, spoken[: len(panel.known)], first, last)
    axes = part.subplot_mosaic([[f"head{n}" for n in range(3)], ["curve"] * 3], height_ratios=[1.5, 1.2])
    times = np.arange(len(panel.known)) / FPS
    curve = axes["curve"]
    curve.plot(times, panel.line.strength[: len(times)], color=_TEACHER, linestyle="--", linewidth=1.2, label="teacher")
    curve.plot(times, panel.unknown, color=_WITHOUT, linewidth=1.6, label="words unknown")
    curve.plot(times, panel.known, color=_WITH, linewidth=1.8, label="words known")
    low = min(0.0, float(panel.known[first:last].min()))
    high = 1.1 * float(max(curve[first:last].max() for curve in (panel.known, panel.unknown, panel.line.strength)))
    row = 0.13 * (high - low)
    curve.set_ylim(low - 2.6 * row, high)
    curve.set_xlim(panel.start, panel.end)
    for number, word in enumerate(word for word in panel.line.words or () if word.fits):
        middle = 0.5 * (word.start + word.end)
        if panel.start <= word.start and word.end <= panel.end:
            feels = _feels(word.text)
            curve.axvspan(word.start, word.end, color=_FEELING if feels else "0.5", alpha=0.10, linewidth=0)
            height = low - (0.8 + 0.95 * (number % 2)) * row
            ink, weight = (_FEELING, "bold") if feels else ("0.15", "normal")
            curve.text(middle, height, word.text, ha="center", va="center", fontsize=10, color=ink, fontweight=weight)
    for number in range(3):
        head = axes[f"head{number}"]
        head.axis("off")
        if number < len(at):
            head.imshow(picture_of(panel.faces[at[number]], 300))
            head.set_title(f"{at[number] / FPS:.2f} s, intensity {panel.known[at[number]]:.2f}", fontsize=10)
            curve.axvline(at[number] / FPS, color="0.3", linestyle=":", linewidth=1.2)
    curve.set_yticks([tick for tick in np.arange(0.0, high, 0.25) if tick >= low])
    curve.set_ylabel("intensity")
    curve.set_xlabel("seconds")
    curve.legend(loc="lower right", bbox_to_anchor=(1.0, 0.97), fontsize=9, ncols=3, frameon=False)
    for side in ("top", "right"):
        curve.spines[side].set_visible(False)
    part.suptitle(f"{panel.line.name}, {panel.mood}", fontsize=11)
