"""A contact sheet: takes in rows, the same moments in columns, chosen by what is spoken (needs the extra `report`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from medtalk.errors import SettingError
from medtalk.face.draw import Camera, Drawing
from medtalk.face.pillow import font, pillow
from medtalk.files import write_atomic
from medtalk.quality.surface import surface
from medtalk.rig import rig_ending
from medtalk.watch import checkpoint

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from medtalk.rig import RigSequence, Timed
    from medtalk.rig.head import Head

KINDS = (("p", "b", "m"), ("f", "v"), ("uw", "w", "ao", "oh", "uh", "yr", "sh", "zh"), ("aa", "ae", "ah"),
         ("iy", "ih", "eh", "s", "z"))  # fmt: skip
"""What a sheet shows by itself: closed lips, bitten lips, round lips, open vowels, wide lips; and a pause."""
COLUMNS = 8
MOST_COLUMNS, MOST_ROWS = 40, 60
_PAUSE_S = 0.12  # a gap between phones from which on the mouth may come to rest
_LABEL, _MARGIN = 22, 8  # pixels
_INK, _SOFT, _PAPER = (232, 232, 236), (160, 164, 172), (24, 25, 29)
Take = tuple[str, "RigSequence"]


class Moment(NamedTuple):
    """A tile of a sheet: a phone, "pause" or "", and the seconds at which it is looked at."""

    label: str
    seconds: float


def moments(rig: RigSequence, columns: int = COLUMNS) -> list[Moment]:
    """So many moments of a rig that show the most: each kind of phone in turn, the longest ones first, and a pause.

    They are evenly spaced where the rig does not know its phones, and no more than it has frames. Raises SettingError
    for less than 1 or more than 40.
    """
    if not 1 <= columns <= MOST_COLUMNS:
        raise SettingError(f"{columns} columns; valid are 1 to {MOST_COLUMNS}.")
    found = [[_middle(phone) for phone in _longest_first(rig, kind)] for kind in KINDS]
    found.append(_pauses(rig)[:1])
    if not any(found):
        columns = min(columns, len(rig))
        return at_times(rig, [rig.seconds * (column + 0.5) / columns for column in range(columns)])
    chosen: list[Moment] = []
    while len(chosen) < columns and any(found):
        for kind in found:
            if kind and len(chosen) < columns:
                chosen.append(kind.pop(0))
    return sorted(chosen, key=lambda moment: moment.seconds)


def at_times(rig: RigSequence, times: Sequence[float]) -> list[Moment]:
    """The moments at `times`, in seconds, each with the phone that is spoken then.

    Raises SettingError for a time before the rig or after its end, and for more than 40.
    """
    for seconds in times:
        if not 0.0 <= seconds <= rig.seconds:  # also refuses NaN
            raise SettingError(f"There is no frame at {seconds:g} s; valid are 0 to {rig.seconds:g} s.")
    _check_count(len(times))
    return [Moment(_spoken(rig, seconds), float(seconds)) for seconds in times]


def at_phones(rig: RigSequence, phones: Sequence[str]) -> list[Moment]:
    """The longest of each of `phones`, in their order; one that is given twice has its two longest.

    Raises SettingError for a phone that the rig has not, or not so often, and for more than 40.
    """
    _check_count(len(phones))
    left = {name: [_middle(phone) for phone in _longest_first(rig, (name,))] for name in phones}
    left["pause"] = _pauses(rig)
    for name in phones:
        if phones.count(name) > len(left[name]):
            known = ", ".join(sorted({phone.text for phone in rig.phones}))
            often = f" {phones.count(name)} times" if phones.count(name) > 1 else ""
            hint = f"It has {known}." if known else "It knows none: give --times."
            raise SettingError(f"The rig does not have the phone {name[:20]!r}{often}.", hint)
    return [left[name].pop(0) for name in phones]


def alike(rigs: Sequence[RigSequence]) -> bool:
    """Whether rigs are of one sound, as far as their meta says, and of one length, so that a moment is one for all."""
    sources = [source for rig in rigs if isinstance(source := rig.meta.get("source"), dict)]
    sounds = {source.get("sha256") or source.get("name") for source in sources} - {None}
    spans = {repr(rig.meta.get("span")) for rig in rigs}
    lengths = [rig.seconds for rig in rigs]
    apart = max(lengths) - min(lengths)
    return len(sounds) <= 1 and len(spans) == 1 and apart <= 1.0 / min(rig.fps for rig in rigs) + 1e-6


def labelled(rig: RigSequence, columns: Sequence[Moment]) -> list[Moment]:
    """The moments that another take gave, each with what this rig speaks then, as far as it knows."""
    return [
        Moment(_spoken(rig, seconds) or ("pause" if rig.phones and label == "pause" else ""), seconds)
        for label, seconds in columns
    ]


def draw_sheet(
    head: Head, takes: Sequence[Take], rows: Sequence[Sequence[Moment]], camera: Camera, size: int = 200
) -> Picture:
    """The sheet: a row of moments for each of `takes`, (name, rig), with tiles of `size` pixels.

    Each tile says how far the lips are apart. A take that has ended has none. Raises SettingError for more rows or
    larger tiles than fit into a picture, MissingExtraError without Pillow.
    """
    drawing, Image = Drawing(head, camera, size, size), pillow("Image")
    columns = max(map(len, rows))
    if len(takes) > MOST_ROWS or len(takes) * columns * size * size > 1 << 27:
        raise SettingError(
            f"{len(takes)} x {columns} tiles of {size} pixels are too large a sheet.",
            "Give fewer takes, or a smaller --size.",
        )
    large, small = font(14), font(12)
    margin = _MARGIN + max(int(large.getlength(line)) for take in takes for line in (take[0], _mood(*take))) + _MARGIN
    width, high = margin + columns * (size + 2) + _MARGIN, size + _LABEL
    sheet = Image.new("RGB", (width, _MARGIN + len(takes) * high), _PAPER)
    pen = pillow("ImageDraw").Draw(sheet)
    for row, ((name, rig), chosen) in enumerate(zip(takes, rows, strict=True)):
        top = _MARGIN + row * high
        pen.text((_MARGIN, top + size / 2 - 9), name, _INK, large, anchor="lm")
        pen.text((_MARGIN, top + size / 2 + 9), _mood(name, rig), _SOFT, small, anchor="lm")
        for column, moment in enumerate(chosen):
            checkpoint((row * columns + column) / (len(takes) * columns))
            left, frame = margin + column * (size + 2), round(moment.seconds * rig.fps)
            if frame > len(rig):
                continue
            values, turn = rig.frame(frame)
            sheet.paste(Image.fromarray(drawing.draw(head.pose(values, turn))), (left, top))
            gap = max(float(surface(values[None]).gap[0]), 0.0)
            pen.text((left + size - 4, top + 9), f"{gap:.1f} mm", _SOFT, small, anchor="rm")
            pen.text((left + 4, top + size + 10), moment.label, _INK, large, anchor="lm")
            pen.text((left + size - 4, top + size + 10), f"{moment.seconds:.2f} s", _SOFT, small, anchor="rm")
    return sheet


def write_sheet(path: str | Path, sheet: Picture, *, force: bool = False) -> Path:
    """Write the sheet as a PNG, whole or not at all."""
    return write_atomic(path, lambda temporary: sheet.save(temporary, format="PNG", optimize=True), force=force)


def names_of(paths: Sequence[Path]) -> list[str]:
    """Short names for takes: those of their files, with the folders where two are called the same.

    Raises RigError for one without the ending of a rig file.
    """
    short = [path.name[: -len(rig_ending(path))] for path in paths]
    return [name if short.count(name) == 1 else str(path) for name, path in zip(short, paths, strict=True)]


def _check_count(count: int) -> None:
    if not 1 <= count <= MOST_COLUMNS:
        raise SettingError(f"{count} moments; valid are 1 to {MOST_COLUMNS}.")


def _longest_first(rig: RigSequence, names: Sequence[str]) -> list[Timed]:
    """The phones of these names, a first one of each before a second of any."""
    phones = sorted((phone for phone in rig.phones if phone.text in names), key=lambda phone: phone.start - phone.end)
    seen: dict[str, int] = {}
    turns = []
    for phone in phones:
        seen[phone.text] = turn = seen.get(phone.text, 0) + 1
        turns.append((turn, phone))
    return [phone for _, phone in sorted(turns, key=lambda each: each[0])]


def _pauses(rig: RigSequence) -> list[Moment]:
    """The middles of the gaps between phones, the longest first."""
    if not rig.phones:
        return []
    edges = [0.0, *(edge for phone in rig.phones for edge in phone[1:]), rig.seconds]
    gaps = [(end - start, 0.5 * (start + end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
    return [Moment("pause", middle) for length, middle in sorted(gaps, reverse=True) if length >= _PAUSE_S]


def _spoken(rig: RigSequence, seconds: float) -> str:
    """The phone that a rig speaks at a time, or ""."""
    return next((phone.text for phone in rig.phones if phone.start <= seconds < phone.end), "")


def _middle(phone: Timed) -> Moment:
    return Moment(phone.text, 0.5 * (phone.start + phone.end))


def _mood(name: str, rig: RigSequence) -> str:
    """The emotion of a take, unless its name says it; under a timeline that of the base, and how many spans."""
    spans = rig.meta.get("timeline")
    emotion = rig.meta.get("base" if isinstance(spans, list) else "emotion")
    mood = " + ".join(emotion) if isinstance(emotion, dict) else ""
    if isinstance(spans, list):
        mood = f"{mood}, {len(spans)} span{'' if len(spans) == 1 else 's'}".removeprefix(", ")
    return "" if mood == name else mood
