"""Figure 8: descriptions and pictures in place of a label, on the head."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from medtalk.errors import BackboneError, GuidanceError, MissingExtraError
from medtalk.face.pillow import pillow
from medtalk.guidance import LABELS, Guidance
from medtalk.rig.channels import N_CHANNELS
from medtalk_train.figures.figure import Drawn
from medtalk_train.figures.heads import Row, Tile, drawn, gap_of, portrait, wrapped, write_picture
from medtalk_train.figures.material import PLAIN, Material
from medtalk_train.figures.moments import At, chosen
from medtalk_train.synthetic.teacher.emotion import compose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.perform import Performance

NUMBER, TITLE = 8, "Descriptions and pictures"
DESCRIPTIONS = (
    "beaming with joy",
    "furious, but fighting back tears",
    "slightly annoyed, hides it",
    "he has just seen a ghost",
)
_PIXELS, _WIDTH = 512, 28
_PORTRAYED = (
    "The pictures are nobody's: they are the head of this repository (CC0) in poses of the teacher's tables. That is "
    "the easiest case, as the reading of pictures was fitted to such faces; `benchmarks/pictures.py` has more of them. "
    "The numbers say how much of each picture is read as what it shows."
)


class Portrait(NamedTuple):
    """A picture that is drawn here: its name, the emotions of its face with their strengths, from which side."""

    name: str
    moods: dict[str, float]
    yaw: float


PORTRAITS = (
    Portrait("sadness, from the front", {"sad": 1.0}, 0.0),
    Portrait("disgust, from the side", {"disgust": 1.0}, 18.0),
    Portrait("half happy, half surprised", {"happy": 0.6, "surprised": 0.6}, -10.0),
)


def draw(material: Material, folder: Path) -> Drawn:
    """Draw the sample by descriptions, and by pictures where the bundle understands them here."""
    line = material.sample
    performance, at = material.perform(line), chosen(line)
    model, notes, pictures = material.model, [], []
    numbers: dict[str, dict[str, float]] = {}
    heads = [each.mouth for each in at]
    rows = []
    if "text" in model.guidance:
        for text in DESCRIPTIONS:
            row, numbers[text] = _shown(performance, model.guide(text=text), at, wrapped(f'"{text}"', _WIDTH))
            rows.append(row)
        pictures.append(f"figure{NUMBER}-text.webp")
        write_picture(folder / pictures[-1], drawn(rows, heads))
    else:
        notes.append("The bundle understands no descriptions.")
    rows = []
    for each in PORTRAITS:
        picture = portrait(portrait_of(each), _PIXELS, each.yaw)
        try:
            guidance = model.guide(image=_png(picture), name=each.name)
        except (BackboneError, MissingExtraError, GuidanceError) as error:
            notes.append(f"Pictures are left out: {error.message}")
            break
        row, numbers[each.name] = _shown(performance, guidance, at, wrapped(each.name, _WIDTH))
        rows.append(replace(row, picture=picture))
        leading = max(LABELS, key=lambda label: numbers[each.name].get(label, 0.0))
        if leading not in each.moods:
            notes.append(f"The picture *{each.name}* is misread: mostly as {leading}.")
    if rows:
        pictures.append(f"figure{NUMBER}-picture.webp")
        write_picture(folder / pictures[-1], drawn(rows, heads))
    if not pictures:
        raise GuidanceError("The bundle understands neither descriptions nor pictures.", "Give another one.")
    shown = (
        f'The line is {line.name} ("{line.text}"). What guides it stands at the left, and below that how it was '
        "understood.",
        *([_PORTRAYED] if rows else []),
        *notes,
    )
    return Drawn(NUMBER, TITLE, tuple(pictures), shown, numbers)


def portrait_of(portrait: Portrait) -> NDArray[np.float32]:
    """(174,) the face of a picture: a pose of the teacher's tables."""
    face = np.zeros((1, N_CHANNELS), np.float32)
    for mood, strength in portrait.moods.items():
        face = compose(face, LABELS.index(mood), strength)
    return face[0]


def _shown(
    performance: Performance, guidance: Guidance, at: list[At], name: tuple[str, ...]
) -> tuple[Row, dict[str, float]]:
    rig = performance.decode(guidance, finishing=PLAIN)
    weights = guidance.weights_of(performance)
    told = {label: round(float(weight), 3) for label, weight in sorted(weights.items(), key=lambda each: -each[1])}
    strength = guidance.meta().get("strength")
    read = [f"{label} {weight:.2f}" for label, weight in told.items()]
    notes = [*wrapped(", ".join(read), 28)]
    if isinstance(strength, float):
        told["strength"] = round(strength, 3)
        notes.append(f"strength {strength:.2f}")
    tiles = tuple(Tile(rig.values[each.frame], each.phone, gap_of(rig.values[each.frame])) for each in at)
    return Row("\n".join(name), tuple(notes), tiles), told


def _png(picture: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    pillow("Image").fromarray(picture).save(file, "PNG")
    return file.getvalue()
