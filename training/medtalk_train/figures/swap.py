"""Figure 6: the emotions of two unrelated takes, exchanged by E_e, E_c and D, beside the teacher's truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.errors import TrainingError
from medtalk.guidance import LABELS
from medtalk.quality.baselines import emotion_error, mouth_error
from medtalk.quality.surface import surface
from medtalk_train.figures.figure import Drawn
from medtalk_train.figures.heads import Row, Tile, drawn, gap_of, write_picture
from medtalk_train.figures.material import Line, Material
from medtalk_train.figures.moments import At, shared
from medtalk_train.synthetic.teacher.emotion import compose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.engine.spaces import Spaces

NUMBER, TITLE = 6, "Emotions exchanged"
_SHOWN = ("angry", "happy")
_PAIRS = 24  # that are measured


def draw(material: Material, folder: Path) -> Drawn:
    """Draw two takes and their exchange; measure it over pairs of lines."""
    lines = material.lines
    if len(lines) < 2:
        raise TrainingError("Figure 6 needs two lines of speech.", "Give --corpus or --work, or --speech.")
    one = material.sample
    other = next((line for line in [*material.recordings, *lines] if line.voice != one.voice and line.text), lines[-1])
    frames = min(one.frames, other.frames)
    at_one, at_other = shared([one, other], frames)
    spaces = material.spaces
    own, theirs = one.taught(_SHOWN[0])[:frames], other.taught(_SHOWN[1])[:frames]
    rows = [
        _row(f"A, {_SHOWN[0]}", ("the teacher's take",), own, at_one),
        _row(f"B, {_SHOWN[1]}", ("the teacher's take",), theirs, at_other),
    ]
    for name, line, giver, takes, label, at in (
        ("A with B's emotion", one, other, (own, theirs), _SHOWN[1], at_one),
        ("B with A's emotion", other, one, (theirs, own), _SHOWN[0], at_other),
    ):
        made = exchanged(spaces, *takes)
        truth = compose(line.lips[:frames], LABELS.index(label), giver.strength[:frames])
        rows.append(_row(name, (f"content of {name[0]}, D", *_errors(made, truth, takes[0])), made, at))
        rows.append(_row(f"{name[0]}, {label}", ("the teacher's truth",), truth, at))
    name = f"figure{NUMBER}.webp"
    write_picture(folder / name, drawn(rows, [_head(*pair) for pair in zip(at_one, at_other, strict=True)]))
    numbers = measured(spaces, lines)
    swap, nothing = numbers["exchanged"], numbers["not exchanged"]
    pairs = f"{swap['pairs']:.0f} pairs of {'held-out lines' if material.held else 'lines'}"
    shown = (
        f"A is {one.name}, B is {other.name}: other words, another voice. Rows 3 and 5 have the emotion of the one on "
        "what the other says. Rows 4 and 6 are what the teacher makes of that line in that emotion, as strong as the "
        "one who gave it. Beside them are the errors, and in brackets those of the take as it was. Over each column is "
        "the phone that is spoken; under each head is that again, and how far the lips are apart. One phone looks "
        "different in A and B: the sounds around it, the effort of the voice and the emotion shape it.",
        f"Over {pairs}, the lips of an exchange are {swap['lips']:.4f} from the truth, and the expression is "
        f"{swap['expression']:.4f} from it. The take as it was, which does nothing, has {nothing['lips']:.4f} and "
        f"{nothing['expression']:.4f}. The lips' opening differs from the truth by {swap['lips apart, mm']:.1f} mm "
        f"({nothing['lips apart, mm']:.1f} mm).",
        "Truth and takes are of the same teacher that the decoder learned from. Faces that it never met come back less "
        "well; `medtalk restyle` says how well.",
    )
    return Drawn(NUMBER, TITLE, (name,), shown, numbers)


def exchanged(spaces: Spaces, take: NDArray, giver: NDArray) -> NDArray[np.float32]:
    """(T, 174) a take (T, 174) with the emotion of another, (T2, 174): its own frames, and the last one held."""
    emotion = spaces.emotion(giver)
    at = np.minimum(np.arange(len(take)), len(emotion) - 1)
    return spaces.decode(emotion[at], spaces.content(take))


def measured(spaces: Spaces, lines: list[Line]) -> dict[str, dict[str, float]]:
    """Mean errors of exchanges, of takes as they were, and of takes rebuilt from their own embeddings.

    Each line meets the next one of another voice. The giver's strength comes with its emotion, so the truth has it too.
    """
    found: dict[str, list[tuple[float, float, float]]] = {"exchanged": [], "not exchanged": [], "rebuilt": []}
    for number, line in enumerate(lines[:_PAIRS]):
        others = [each for each in lines if each is not line and each.voice != line.voice] or lines
        other = others[number % len(others)]
        if other is line:
            continue
        own, theirs = LABELS[number % len(LABELS)], LABELS[(3 * number + 1) % len(LABELS)]
        theirs = theirs if theirs != own else LABELS[(LABELS.index(own) + 1) % len(LABELS)]
        take, giver = line.taught(own), other.taught(theirs)
        at = np.minimum(np.arange(len(take)), len(giver) - 1)
        truth = compose(line.lips, LABELS.index(theirs), other.strength[at])
        for name, made, wanted in (
            ("exchanged", exchanged(spaces, take, giver), truth),
            ("not exchanged", take, truth),
            ("rebuilt", spaces.rebuild(take), take),
        ):
            found[name].append((mouth_error(made, wanted), emotion_error(made, wanted), _apart(made, wanted)))
    names = ("lips", "expression", "lips apart, mm")
    return {
        key: {**dict(zip(names, np.mean(rows, axis=0).tolist(), strict=True)), "pairs": float(len(rows))}
        for key, rows in found.items()
    }


def _apart(made: NDArray, truth: NDArray) -> float:
    """Mean difference of the lips' opening on the head, mm."""
    gaps = (np.maximum(surface(values).gap, 0.0) for values in (made, truth))
    return float(np.abs(np.subtract(*gaps)).mean())


def _head(one: At, other: At) -> str:
    """What stands over a column: its phone, or those of A and B."""
    return one.phone if one.phone == other.phone else f"A {one.phone}, B {other.phone}"


def _errors(made: NDArray, truth: NDArray, take: NDArray) -> tuple[str, str]:
    lips, nothing = mouth_error(made, truth), mouth_error(take, truth)
    expression, unchanged = emotion_error(made, truth), emotion_error(take, truth)
    return f"lips {lips:.4f} ({nothing:.4f})", f"expression {expression:.4f} ({unchanged:.4f})"


def _row(name: str, notes: tuple[str, ...], values: NDArray, at: list[At]) -> Row:
    tiles = tuple(Tile(values[each.frame], each.phone, gap_of(values[each.frame])) for each in at)
    return Row(name, notes, tiles)
