"""Figure 7: methods side by side at phones: one recording, one emotion, a row for each bundle under the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medtalk.bundle import load_bundle
from medtalk.errors import TrainingError
from medtalk.perform import Model, load
from medtalk.quality.articulation import articulation
from medtalk.quality.baselines import emotion_error, mouth_error, still
from medtalk.rig.formats import read_rig
from medtalk_train.figures.figure import Drawn
from medtalk_train.figures.heads import Row, Tile, drawn, gap_of, write_picture
from medtalk_train.figures.material import PLAIN, RAW, Line, Material
from medtalk_train.figures.moments import At, chosen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.perform import Performance

NUMBER, TITLE = 7, "Methods side by side"
_MOODS = ("angry", "disgust")  # of the paper's figure
_OWN = "MEDTalk"
_LINES = 8  # that are measured
_CAPTURES = (".npz", ".csv", ".txt")


def draw(material: Material, folder: Path) -> Drawn:
    """Draw a recording by every method in the paper's two emotions, and measure each over all lines."""
    line = (material.recordings or material.held or [material.sample])[0]
    at = chosen(line, (2, 1, 1, 1, 1))
    others = {name: _opened(name, other.folder, material) for name, other in material.methods.items()}
    models = {_OWN: others.get(_OWN, material.model), **others}
    abouts = {name: other.about for name, other in material.methods.items() if other.about}
    captured = _captured(material, line)
    lines = [line, *(each for each in material.lines if each is not line)][:_LINES]
    heard = {name: [material.perform(each, model=model) for each in lines] for name, model in models.items()}
    pictures, numbers = [], {}
    for mood in _MOODS:
        truth = line.taught(mood)
        rows = [_row("the teacher", (mood,), truth, at)]
        if captured is not None:
            rows.append(_row("captured", ("its own emotion",), captured, at))
        for name, model in models.items():
            faces = heard[name][0].decode(mood, finishing=PLAIN).values
            notes = (f"lips {mouth_error(faces, truth):.4f}", f"expression {emotion_error(faces, truth):.4f}")
            rows.append(
                _row(name, (*_facts(name, model), *([abouts[name]] if name in abouts else []), *notes), faces, at)
            )
        file = f"figure{NUMBER}-{mood}.webp"
        write_picture(folder / file, drawn(rows, [each.mouth for each in at]))
        pictures.append(file)
        numbers |= {f"{name}, {mood}": row for name, row in _measured(lines, heard, mood).items()}
    nothing_else = (
        "No other bundle was given (`--method NAME=BUNDLE`, `--table DIR`): there is nothing beside ours but the "
        "teacher.",
    )
    shown = (
        f"The line is {line.name}, in {' and in '.join(_MOODS)}. The first row is the teacher at the true phone times: "
        "the best that rules can do, and what the methods learned from. All rows have the same finishing, without "
        "blinks and life; a bundle that hears phones closes the lips by them after its decoder, as it does for users.",
        "Errors beside the heads are those of the finished rig of this line against the teacher. Those of the table "
        "are of the decoder's own rig, over all lines. The table also has a still mouth, the teacher's median, which "
        "is not drawn: a mouth that hardly moves has a small error too. The closures are events that a viewer sees: F1 "
        "of p, b, m in the finished rig.",
        *([_budget(abouts)] if abouts else []),
        *(() if material.methods else nothing_else),
    )
    return Drawn(NUMBER, TITLE, tuple(pictures), shown, numbers)


def _budget(abouts: Mapping[str, str]) -> str:
    """What the rows whose training had a budget can say; abouts: method -> "trained for 30 min"."""
    alike = {about: [name for name in abouts if abouts[name] == about] for about in abouts.values()}
    text = "; ".join(f"{', '.join(names)}: {about}" for about, names in alike.items())
    own = (
        "The bundle of the other figures is another one, trained without such a budget."
        if _OWN in abouts
        else "MEDTalk is the bundle of the other figures, which had no such budget: do not compare its row with these."
    )
    return f"The budget of Table 1 says how far a method comes in its time ({text}). {own}"


def _opened(name: str, place: Path, material: Material) -> Model:
    if not place.is_dir():
        raise TrainingError(f"The bundle of {name}, {place}, does not exist.", "Give --method NAME=BUNDLE.")
    own = load_bundle(place).backbones
    backbones = {each: path for each, path in material.backbones.items() if each in own}
    return load(place, threads=1, backbones=backbones, offline=material.offline)


def _facts(name: str, model: Model) -> tuple[str, ...]:
    return (model.bundle.name,) if model.bundle.name != name else ()


def _measured(
    lines: Sequence[Line], heard: Mapping[str, Sequence[Performance]], mood: str
) -> dict[str, dict[str, float]]:
    """Errors and closures of each method over the lines, and those of a still mouth."""
    found: dict[str, dict[str, float]] = {}
    truths = [line.taught(mood) for line in lines]
    for name, performances in heard.items():
        raw = [performance.decode(mood, finishing=RAW).values for performance in performances]
        table = articulation(
            (
                performance.decode(mood, finishing=PLAIN).values,
                [(phone.start, phone.end, phone.text) for phone in line.timed],
            )
            for performance, line in zip(performances, lines, strict=True)
        )
        found[name] = {
            "lips": _mean(mouth_error, raw, truths),
            "expression": _mean(emotion_error, raw, truths),
            "closure F1": table.seen["closure"].f1,
        }
    medians = [still(truth)["median"] for truth in truths]
    found["still mouth"] = {
        "lips": _mean(mouth_error, medians, truths),
        "expression": _mean(emotion_error, medians, truths),
    }
    return found


def _mean(error: Callable[[NDArray, NDArray], float], found: list[NDArray], truths: list[NDArray]) -> float:
    return float(sum(error(one, truth) for one, truth in zip(found, truths, strict=True)) / len(truths))


def _captured(material: Material, line: Line) -> NDArray | None:
    """The captured face beside a recording, if there is one: NAME.npz, .csv or .txt of its name."""
    if material.speech is None:
        return None
    places = (material.speech / f"{line.name}{ending}" for ending in _CAPTURES)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        return None
    values = read_rig(found).resample(60.0).values
    return values[: line.frames] if len(values) >= line.frames else None


def _row(name: str, notes: tuple[str, ...], values: NDArray, at: list[At]) -> Row:
    last = len(values) - 1
    faces = [values[min(each.frame, last)] for each in at]
    return Row(name, notes, tuple(Tile(face, each.phone, gap_of(face)) for face, each in zip(faces, at, strict=True)))
