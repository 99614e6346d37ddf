"""Figure 5: the two spaces, flattened by t-SNE and measured: who is apart from whom, and what a linear layer reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.errors import TrainingError
from medtalk.face.sheet import KINDS
from medtalk.features.phones import PHONES, SILENCE
from medtalk.guidance import LABELS
from medtalk.rig.channels import S_EMO, S_LIP
from medtalk_train.figures.figure import Drawn, canvas, pixels
from medtalk_train.figures.heads import write_picture
from medtalk_train.figures.material import RAW, Line, Material
from medtalk_train.figures.moments import MOUTHS
from medtalk_train.figures.probes import carries, clumped, flattened, silhouette, tells
from medtalk_train.synthetic.states import frame_classes

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBER, TITLE = 5, "The spaces of emotion and content"
_LINES, _FRAMES = 24, 2800  # lines that are looked at, and faces of all of them
_SHOWN = 1200  # of which are flattened
_COLOURS = ("#c62828", "#6d8f1f", "#7b3fa0", "#ef9a1a", "#8a8f98", "#1f5fa8", "#17a398")  # of emotions
_MOUTH_COLOURS = ("#c62828", "#6d8f1f", "#7b3fa0", "#ef9a1a", "#1f5fa8")
_SPACES = {"E_e": "emotion space E_e", "E_c": "content space E_c"}


@dataclass(frozen=True, eq=False)
class Faces:
    """Faces of lines in every emotion.

    Attributes:
        rigs: (N, 174).
        labels: (N,) place in `LABELS`.
        mouths: (N,) place in `MOUTHS`.
        lines, voices: (N,) which line and which speaker.
    """

    rigs: NDArray[np.float32]
    labels: NDArray[np.int64]
    mouths: NDArray[np.int64]
    lines: NDArray[np.int64]
    voices: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


def draw(material: Material, folder: Path) -> Drawn:
    """Draw both spaces of a bundle over the teacher's faces of held-out lines, or over its own where there is no
    corpus."""
    taught = bool(material.held)
    faces = collect(material, _FRAMES)
    spaces = {
        "E_e": material.spaces.emotion(faces.rigs),
        "E_c": material.spaces.content(faces.rigs),
        "the rig": faces.rigs,
    }
    table = {name: measured(points, faces) for name, points in spaces.items()}
    name = f"figure{NUMBER}.webp"
    seen = np.sort(np.random.default_rng(0).permutation(len(faces))[:_SHOWN])
    flat = {key: flattened(spaces[key][seen]) for key in _SPACES}
    write_picture(folder / name, _picture(flat, faces, seen))
    clumps = clumped(flat["E_c"], faces.labels[seen])
    emotion, content = table["E_e"], table["E_c"]
    shown = (
        f"{len(faces)} faces of {len(np.unique(faces.lines))} lines by {len(np.unique(faces.voices))} voices, each "
        f"line in all seven emotions, {'as the teacher makes them' if taught else 'as the bundle makes them'}; "
        f"{len(seen)} of them are drawn. Colours are the emotion on the left, what the mouth does on the right.",
        "The picture looks like the paper's where emotions are clumps in E_e and mixed in E_c. "
        f"{_mixture(clumps)} The table says how far the spaces are apart: a linear probe reads the right emotion of "
        f"{emotion['emotion, accuracy']:.1%} of the faces from E_e and of {content['emotion, accuracy']:.1%} from E_c "
        f"(chance: {emotion['emotion, chance']:.1%}), and the movement of the lips can be read from E_e with an R2 of "
        f"{emotion['lips, R2']:.3f}. {_verdict(emotion, content)}",
        "Silhouettes are 1 for clumps far apart, 0 for a mixture. Probes are logistic and ridge regressions on the "
        f"space itself, not on the picture, judged on {_left_out(faces)} that they never met. *The rig* are the 174 "
        "channels themselves, for comparison.",
    )
    return Drawn(NUMBER, TITLE, (name,), shown, table)


def _mixture(clumps: float) -> str:
    """How mixed the emotions are in the picture of E_c."""
    if clumps < 0.02:
        return "In the picture of E_c no emotion stands by itself."
    return (
        f"That mixture is not complete: {clumps:.0%} of the faces in the picture of E_c lie in clumps of one emotion, "
        "where at least nine of the ten nearest faces share it."
    )


def _verdict(emotion: dict[str, float], content: dict[str, float]) -> str:
    told, lips = content["emotion, accuracy"] - content["emotion, chance"], emotion["lips, R2"]
    if told > 0.2 or lips > 0.3:
        return (
            "So the spaces are not free of each other: the decoder has learned to leave aside what does not belong, "
            "which Figure 6 shows."
        )
    return "So each space is nearly free of the other."


def collect(material: Material, count: int) -> Faces:
    """About so many spoken faces, spread over lines, emotions and time alike.

    Raises TrainingError where there are fewer than two lines.
    """
    lines = material.lines[:_LINES]
    if len(lines) < 2:
        raise TrainingError("Figure 5 needs two lines of speech.", "Give --corpus or --work, or --speech.")
    each = max(2, count // (len(lines) * len(LABELS)))
    voices = sorted({line.voice for line in lines})
    rows: list[tuple[NDArray, NDArray, int, int, int]] = []
    for number, line in enumerate(lines):
        mouths = _mouths(line)
        spoken = np.flatnonzero(mouths >= 0)
        if not len(spoken):
            continue
        at = spoken[np.linspace(0, len(spoken) - 1, min(each, len(spoken))).astype(int)]
        for label, name in enumerate(LABELS):
            rows.append((_face(material, line, name)[at], mouths[at], label, number, voices.index(line.voice)))
    if not rows:
        raise TrainingError("Nothing is spoken in these lines.", "Give others.")
    return Faces(
        rigs=np.concatenate([rig for rig, *_ in rows]),
        mouths=np.concatenate([mouths for _, mouths, *_ in rows]),
        **{  # type: ignore[arg-type]
            name: np.concatenate([np.full(len(row[0]), row[place], np.int64) for row in rows])
            for name, place in (("labels", 2), ("lines", 3), ("voices", 4))
        },
    )


def measured(points: NDArray, faces: Faces) -> dict[str, float]:
    """The figures of a space, (N, D), over faces."""
    groups = _groups(faces)
    emotion, mouth = tells(points, faces.labels, groups), tells(points, faces.mouths, groups)
    clips = faces.lines * len(LABELS) + faces.labels
    means = np.stack([points[clips == clip].mean(axis=0) for clip in np.unique(clips)])
    return {
        "silhouette by emotion": silhouette(points, faces.labels),
        "silhouette by emotion, means of clips": silhouette(means, np.unique(clips) % len(LABELS)),
        "silhouette by mouth": silhouette(points, faces.mouths),
        "emotion, accuracy": emotion.accuracy,
        "emotion, chance": emotion.chance,
        "mouth, accuracy": mouth.accuracy,
        "mouth, chance": mouth.chance,
        "lips, R2": carries(points, faces.rigs[:, S_LIP], groups),
        "face of emotion, R2": carries(points, faces.rigs[:, S_EMO], groups),
    }


def _groups(faces: Faces) -> NDArray[np.int64]:
    """What probes leave out: speakers, or lines where there are fewer than three."""
    return faces.voices if len(np.unique(faces.voices)) >= 3 else faces.lines


def _left_out(faces: Faces) -> str:
    return "speakers" if _groups(faces) is faces.voices else "lines"


def _mouths(line: Line) -> NDArray[np.int64]:
    """(T,) what the mouth does at each frame, -1 for silence and phones that are none of these."""
    of = np.full(len(PHONES), -1, np.int64)
    for number, phones in enumerate(KINDS):
        for phone in phones:
            if phone != SILENCE:
                of[PHONES.index(phone)] = number
    return of[frame_classes(line.phones, line.frames)]


def _face(material: Material, line: Line, label: str) -> NDArray[np.float32]:
    """(T, 174) a line in an emotion: the teacher's for lines of a corpus, else the bundle's own."""
    if material.held:
        return line.taught(label)
    return material.perform(line).decode(label, finishing=RAW).values


def _picture(spaces: dict[str, NDArray], faces: Faces, chosen: NDArray) -> Any:
    """Spaces in two dimensions, (N, 2) each, of the faces that are `chosen`."""
    figure = canvas(10.5, 9.6)
    axes = figure.subplots(len(spaces), 2, squeeze=False)
    for row, (key, flat) in zip(axes, spaces.items(), strict=True):
        for axis, of, names, colours, what in (
            (row[0], faces.labels, LABELS, _COLOURS, "emotion"),
            (row[1], faces.mouths, MOUTHS, _MOUTH_COLOURS, "mouth"),
        ):
            for number, name in enumerate(names):
                own = flat[of[chosen] == number]
                axis.scatter(*own.T, s=9, color=colours[number], label=name, linewidths=0, alpha=0.8)
            axis.set_title(f"{_SPACES[key]} by {what}", fontsize=12)
            axis.set_xticks([])
            axis.set_yticks([])
    for axis in axes[-1]:
        axis.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=4, frameon=False, markerscale=2.5, fontsize=10
        )
    return pixels(figure)
