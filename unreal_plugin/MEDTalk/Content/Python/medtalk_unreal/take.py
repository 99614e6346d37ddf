"""A take: one rig with its sound, as keys on the face board of a MetaHuman in a Level Sequence."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import groupby
from typing import Any

import unreal

from medtalk_board import head
from medtalk_board.channels import CHANNEL_NAMES, REGIONS, in_region
from medtalk_board.head import BONE, Axes
from medtalk_board.targets import TARGETS
from medtalk_unreal import audiotrack, camera, compat, earlier, facerig, handedits, heads, layers, places, rivals
from medtalk_unreal.earlier import Earlier
from medtalk_unreal.edits import Edit, describe, edit, is_long
from medtalk_unreal.errors import PluginError
from medtalk_unreal.facerig import FaceRig
from medtalk_unreal.handedits import MODES, HandEdits
from medtalk_unreal.keys import WRITERS, ChannelWriter, ImportWriter, check_writer
from medtalk_unreal.pen import Pen
from medtalk_unreal.places import Where
from medtalk_unreal.sections import Owner, Section
from medtalk_unreal.span import Span, rates, tick_of, ticks_per_frame

TITLE = "MEDTalk"
DEGREES = 40.0
"""Of an eye at 1 on the board: keys of the head may be as far off as those of the eyes."""
_WIDTH = len(CHANNEL_NAMES)
CHOICES: Mapping[str, Collection[str]] = {
    "process_mask": REGIONS,
    "writer": WRITERS,
    "layers": ("one", layers.EMOTION),
    "hand_edits": MODES,
    "head": ("off", "control", "body"),
    "frame_rate": ("project", "24", "25", "30", "48", "50", "60"),
}
"""Fields of a target that have a few valid values."""


@dataclass(frozen=True)
class Take:
    """A rig to write: `rows` (T, 174) float32 at `fps`; `sound` the path of the SoundWave it belongs to, if any; `meta`
    what the sidecar tells of how it was made; `head` (T, 3) float32 how the head turns, as `medtalk_wire.Result` has
    it, or None. It was made of the part of the sound from `sound_start` to `sound_end` seconds, 0 for its end. `base`
    is the same rig without its emotion, for layers, or None. `made_of` is what it belongs to, where that is not its
    sound.
    """

    name: str
    rows: memoryview
    fps: float
    sound: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    head: memoryview | None = None
    sound_start: float = 0.0
    sound_end: float = 0.0
    base: memoryview | None = None
    made_of: str = ""

    def __post_init__(self) -> None:
        rows = self.rows
        if rows.format != "f" or rows.ndim != 2 or not len(rows) or rows.nbytes != 4 * _WIDTH * len(rows):
            raise PluginError(f"A take is a rig of float32 (T, {_WIDTH}); this is {rows.format} {rows.shape}.")
        if not 0 < self.fps <= 1000:
            raise PluginError(f"A take of {self.fps:g} frames a second is not possible.")
        if not all(map(math.isfinite, self.flat)):
            raise PluginError(f"The rig of {self.name} has values that are not numbers.", "Nothing was written.")
        base = self.base
        if base is not None and (
            base.format != "f" or base.shape != rows.shape or not all(map(math.isfinite, _flat(base)))
        ):
            raise PluginError(f"The face of {self.name} without its emotion does not fit.", "Nothing was written.")
        turn = self.head
        if turn is not None and (turn.format != "f" or turn.shape != (len(rows), 3)):
            raise PluginError(f"A head turns by float32 ({len(rows)}, 3); this is {turn.format} {turn.shape}.")

    def head_curves(self) -> list[tuple[str, list[float]]]:
        """The curves of the head: names of `medtalk_board.head` and values in degrees, none for a still head."""
        if self.head is None:
            return []
        return [*zip(head.CURVES, self.turns(), strict=True), (head.SWITCH, [1.0] * len(self.rows))]

    def turns(self, axes: Axes = BONE) -> list[list[float]]:
        """How the head turns: yaw, pitch and roll of a rotator in some axes, in degrees; none for a still head."""
        if self.head is None:
            return []
        flat = self.head.cast("B").cast("f").tolist()
        if not all(map(math.isfinite, flat)):
            raise PluginError(f"The head of {self.name} has values that are not numbers.", "Nothing was written.")
        rows = [head.rotator(*flat[at : at + 3], axes=axes) for at in range(0, len(flat), 3)]
        return [list(column) for column in zip(*rows, strict=True)]

    def heard(self, seconds: float) -> float:
        """How many seconds of a sound of `seconds` belong to the take."""
        return min(self.sound_end or seconds, seconds) - self.sound_start

    @property
    def source(self) -> str:
        """The source of a sequence that is created for the take."""
        return self.belongs or self.name

    @property
    def belongs(self) -> str:
        """What a section of the take is known by beside its name."""
        return self.made_of or compat.package(self.sound or "")

    @property
    def flat(self) -> memoryview[float]:
        """All values, row by row."""
        return _flat(self.rows)


def _flat(rows: memoryview) -> memoryview[float]:
    return rows.cast("B").cast("f")


@dataclass(frozen=True)
class Target(Where):
    """The place of a take.

    start_frame: in display frames. frame_step: only every so many frames of the rig get keys. process_mask: "full",
    "mouth" or "upper"; other controls keep what they have. tolerance: how far reduced keys may be off; 0 keeps all.
    writer: a key of `keys.WRITERS`. layers: "one", or "emotion" for the emotion as a layer above the mouth. hand_edits:
    what becomes of the animator's changes to an earlier take. head: what turns the head. mute_animation: animation
    sections of the face that lie in the span of the take are made inactive.
    """

    start_frame: int = 0
    frame_step: int = 1
    process_mask: str = "full"
    tolerance: float = 0.002
    writer: str = "channels"
    layers: str = "one"
    hand_edits: str = "offset"
    head: str = "off"
    mute_animation: bool = False

    def __post_init__(self) -> None:
        for name, valid in CHOICES.items():
            if getattr(self, name) not in valid:
                raise PluginError(f"The {name.replace('_', ' ')} must be one of {', '.join(valid)}.")
        if self.layers == layers.EMOTION and self.writer == "arrays":
            raise PluginError("The array setters cannot write layers.", "Set Writer to Channel keys.")
        if self.frame_step < 1:
            raise PluginError(f"The frame step is {self.frame_step}; it must be at least 1.")
        if not 0 <= self.tolerance < math.inf:
            raise PluginError(f"The tolerance is {self.tolerance:g}; it must be 0 or more.")


@dataclass(frozen=True)
class TakeReport:
    """A written take. sequence: its asset path. keys: how many. missing: channels that this board has not. clamped:
    channel -> in how many keys it was held at the board's limit. Display frames; the last one belongs to the take.
    head: how many of the keys turn the head, and head_by on what. edits: lines on what became of the animator's
    changes, and layers on where the emotion is. next_frame: the start to ask for if a take shall follow; it does not
    depend on where the animator has moved this one.
    """

    take: str
    sequence: str
    keys: int
    missing: tuple[str, ...]
    clamped: Mapping[str, int]
    warnings: tuple[str, ...]
    first_frame: int
    last_frame: int
    head: int = 0
    head_by: str = ""
    edits: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    next_frame: int = 0

    def lines(self) -> list[str]:
        """The report for the user, without the warnings."""
        frames = f"frames {self.first_frame} to {self.last_frame}"
        lines = [f"{self.take}: {self.keys} keys in {self.sequence}, {frames}.", *self.layers, *self.edits]
        if self.head:
            lines.append(f"{self.take}: {self.head} of them turn the head, {self.head_by}")
        if self.missing:
            lines.append(f"{self.take}: not on this board: {', '.join(self.missing)}.")
        if self.clamped:
            held = ", ".join(f"{name} ({count} keys)" for name, count in self.clamped.items())
            lines.append(f"{self.take}: held at the limits of the board: {held}.")
        return lines


def check_target(target: Target, name: str, sound: str, seconds: float = 0.0) -> Fraction | None:
    """Frames a second of the sequence that is there for a take called `name` of a SoundWave; None for a new one.

    seconds: how much of the sound is heard; 0 where nobody knows. Raises `PluginError` where no take could be written;
    nothing is made.
    """
    check_writer(target.writer)
    place = places.find(target, name, compat.package(sound))
    sequence, face = place.sequence, place.face
    if sequence is None:
        return None
    if target.writer == "arrays":
        places.check_by_itself(sequence)
    owner = Owner(name, compat.package(sound))
    first = tick_of(_start(place, target, owner), sequence)
    span = Span.of(1, 1000.0, seconds, first, sequence)  # of the sound alone
    if target.replace:
        # The layer of an earlier take is written again, or gives way.
        earlier.section_of(sequence, face, replace(owner, layer=layers.EMOTION), target.start_frame)
        wave = _sound(sound)
        if wave is not None:
            audiotrack.own(sequence, face.name, name, wave, target.start_frame)
        if target.writer == "import":
            _check_import(sequence, face, owner, span, target)
    _check_span(sequence, face, span.start_frame, span.end_frame, target.mute_animation)
    return rates(sequence)[0]


def target_place(target: Target, name: str, sound: str) -> tuple[unreal.LevelSequence | None, int]:
    """The sequence that is there for a take called `name` of a SoundWave, None for a new one; and the display frame
    where the take will begin.

    Raises `PluginError` where no take could be written.
    """
    place = places.find(target, name, compat.package(sound))
    return place.sequence, _start(place, target, Owner(name, compat.package(sound)))


def write_take(take: Take, target: Target) -> TakeReport:
    """Write a take, whole or not at all, as one undo step.

    Raises `PluginError` where it cannot be written, `CancelledError` if the user cancels.
    """
    place = places.find(target, take.name, take.source)
    sound = _sound(take.sound)
    seconds = take.heard(float(sound.get_editor_property("duration"))) if sound else 0.0
    owner = Owner(take.name, take.belongs)
    layered = target.layers == layers.EMOTION and take.base is not None
    emotion = replace(owner, layer=layers.EMOTION)
    warnings: list[str] = []
    there, above, span = Earlier(), Earlier(), None
    view = compat.View.now()
    if place.sequence is not None:
        there = _earlier(place.sequence, place.face, owner, sound, target)
        above = _earlier(place.sequence, place.face, emotion, None, target)
        span = _span(place.sequence, take, there, target, seconds)
        warnings += _check_span(place.sequence, place.face, span.start_frame, span.end_frame, target.mute_animation)
        if compat.is_write_protected(place.sequence):
            warnings.append(
                f"The file of {place.sequence.get_name()} is write-protected: check it out to save the take."
            )
        warnings += earlier.notes(there, take.name, target.hand_edits)
    values = len(take.rows) // target.frame_step * len(in_region(target.process_mask))
    with edit(
        f"{TITLE}: {take.name}",
        steps=len(in_region(target.process_mask)) + 2 + 3 * (take.head is not None),
        window=is_long(values) or target.writer == "arrays",
    ) as change:
        change.step("The sequence")
        # One that an attempt before has left empty is as good as new.
        new = place.sequence is None or (not target.sequence and not list(place.sequence.get_bindings()))
        sequence = place.sequence or places.make_sequence(change, target, place.path, take.source)
        if target.writer == "arrays":
            places.open_in_sequencer(sequence)
        elif place.face.track is None:
            compat.show(sequence)  # Unreal makes a rig's track for the sequence that it shows
        span = span or _span(sequence, take, there, target, seconds)
        change.begin(sequence)
        face = places.make_face(target, place, sequence)
        warnings = [*face.warnings, *warnings]
        if target.mute_animation:
            warnings += rivals.mute_animation(face, span.start_frame, span.end_frame - 1)
        face, hidden = _show_controls(face, there.section, target)
        section, lines = earlier.place(sequence, face, there, owner, span, _channels(face, target))
        warnings += hidden + lines
        _make_room(sequence, span, new)
        if target.camera:
            warnings += camera.frame(sequence, face, span.start_frame, span.end_frame)
        if sound is not None:
            warnings += earlier.lay_sound(sequence, face, there, take.name, sound, span, take.sound_start)
        if len(set(span.ticks)) < len(span.ticks):
            warnings.append(
                "The tick resolution of the sequence is coarser than the take; some of its frames are lost."
            )
        face, hidden = _show_controls(face, section, target)
        warnings += hidden
        writer = WRITERS[target.writer](sequence, face, section)
        edits = HandEdits(there.found, target.hand_edits, span.first)
        tolerance = target.tolerance / 2 if layered else target.tolerance  # the two parts are off together
        pen = Pen(change, writer, edits, span, there.end(span), target.frame_step, tolerance)
        keys, added = _write_keys(change, pen, face, take, target, layered)
        keys += writer.finish()
        told: list[str] = []
        if layered:
            more, told = _write_layer(change, pen, sequence, face, section, emotion, above, added, span, target)
            keys += more
        elif target.replace:
            warnings += layers.drop(sequence, face.track, emotion, target.start_frame)
        if target.replace:
            in_body, at = replace(owner, layer=heads.LAYER), target.start_frame
            warnings += heads.give_way(pen, sequence, face, section, there, in_body, at, target.head)
        turned, how, left = _write_head(change, pen, sequence, face, section, owner, take, span, target)
        keys += turned
        warnings += left
        straight = target.writer == "channels"
        edits.store(sequence, section, there.found, target.start_frame, span, writer.made, straight)
        describe(sequence, take.name, take.meta)
    _show(sequence, new, view)
    return TakeReport(
        take.name, place.path, keys, _missing(face, target), pen.clamped, tuple(warnings),
        span.start_frame, span.end_frame - 1, turned, how,
        tuple(edits.lines(take.name, ticks_per_frame(sequence))), tuple(told),
        target.start_frame + span.end_frame - span.start_frame,
    )  # fmt: skip


# --- looking


def _check_span(sequence: unreal.LevelSequence, face: FaceRig, start: int, end: int, muted: bool = False) -> list[str]:
    """Notes on other animation of the face there. Raises `PluginError` for one that prevents keys."""
    wrong, notes = rivals.conflicts(face, start, end - 1, muted)
    if wrong:
        raise PluginError(
            wrong[0], "Make its section inactive (right-click it, Properties, Is Active), or remove it, then try again."
        )
    low, high = sequence.get_playback_start(), sequence.get_playback_end()
    if sequence.is_playback_range_locked() and (start < low or end > high):
        raise PluginError(
            f"The take needs frames {start} to {end - 1}; the playback range of {sequence.get_name()} is locked at "
            f"{low} to {high - 1}.",
            "Unlock the playback range in Sequencer, or choose another start.",
        )
    return notes


def _check_import(sequence: unreal.LevelSequence, face: FaceRig, owner: Owner, span: Span, target: Target) -> None:
    """Raise `PluginError` where the section of an earlier take has keys that do not give way to the new one."""
    section = earlier.section_of(sequence, face, owner, target.start_frame)
    if section is None:
        return
    there = handedits.located(sequence, section)
    length, first = tick_of(span.end_frame, sequence) - span.first, span.first
    if there is not None:
        length, first = max(length, there[0].length), there[1]
    names = [name for index in in_region(target.process_mask) if (name := face.board.targets[index])]
    ImportWriter(sequence, face, section).check_room(names, first, first + length)


def _sound(path: str | None) -> unreal.SoundWave | None:
    """The SoundWave at a path, or None for no path."""
    if not path:
        return None
    return compat.load_as(unreal.SoundWave, compat.package(path), "sound", "Select the SoundWave itself.")


def _earlier(
    sequence: unreal.LevelSequence, face: FaceRig, owner: Owner, sound: unreal.SoundWave | None, target: Target
) -> Earlier:
    """What this take is to replace."""
    return earlier.look(sequence, face, owner, sound, target.start_frame) if target.replace else Earlier()


def _start(place: places.Place, target: Target, owner: Owner) -> int:
    """The display frame where a take will begin. Raises `PluginError` where it cannot."""
    sequence, start = place.sequence, target.start_frame
    if sequence is None:
        return start
    tick_of(start, sequence)
    section = earlier.section_of(sequence, place.face, owner, start) if target.replace else None
    if section is None:
        earlier.check_room(sequence, place.face, start)
        return start
    return earlier.start_frame(sequence, section, start)


def _span(sequence: unreal.LevelSequence, take: Take, there: Earlier, target: Target, seconds: float) -> Span:
    return Span.of(len(take.rows), take.fps, seconds, there.first(sequence, target.start_frame), sequence)


def _channels(face: FaceRig, target: Target) -> list[str]:
    """The channels that a take writes, where the board has them."""
    names = [name for index in in_region(target.process_mask) if (name := face.board.targets[index])]
    return [*names, *(heads.BOARD if target.head == "control" else ())]


def _missing(face: FaceRig, target: Target) -> tuple[str, ...]:
    """The channels of the take that the board lacks."""
    wanted = TARGETS[face.board.generation]
    channels = [index for index in in_region(target.process_mask) if face.board.targets[index] is None]
    return tuple(name for index in channels if (name := wanted[index]))


# --- making


def _show_controls(
    face: FaceRig, section: unreal.MovieSceneSection | None, target: Target
) -> tuple[FaceRig, list[str]]:
    """The face with a section that takes all keys of a take, and what the user should know of that."""
    if section is None:
        return face, []
    face, hidden = facerig.show_controls(face, section, in_region(target.process_mask))
    what = f"The filter of the section of {face.name} hid {hidden} controls of the take; they are shown again."
    return face, [what] if hidden else []


def _make_room(sequence: unreal.LevelSequence, span: Span, new: bool) -> None:
    """Let the playback range hold the take."""
    grow = [
        (sequence.set_playback_end, new or sequence.get_playback_end() < span.end_frame, span.end_frame),
        (sequence.set_playback_start, new or sequence.get_playback_start() > span.start_frame, span.start_frame),
    ]
    if span.end_frame <= sequence.get_playback_start():
        grow.reverse()  # the end must at no time come before the start
    for setter, wanted, frame in grow:
        if wanted:
            setter(frame)
    if new:
        fps = compat.rate(sequence.get_display_rate())
        start, end = float(span.start_frame / fps), float(span.end_frame / fps)
        sequence.set_view_range_start(start - 0.1)
        sequence.set_view_range_end(end + 0.1)
        sequence.set_work_range_start(start - 0.1)
        sequence.set_work_range_end(end + 0.1)


def _write_keys(
    change: Edit, pen: Pen, face: FaceRig, take: Take, target: Target, layered: bool
) -> tuple[int, dict[str, list[float]]]:
    """Write the keys of all controls; how many, and for a take with layers what the emotion adds on each channel."""
    board, limits, flat, keys = face.board, facerig.limits(face), take.flat, 0
    under = _flat(take.base) if layered and take.base is not None else None
    added: dict[str, list[float]] = {}
    wanted = [(index, board.targets[index]) for index in in_region(target.process_mask)]
    for control, channels in groupby(wanted, key=lambda one: (one[1] or "").partition(".")[0]):
        curves = []
        for index, name in channels:
            change.step(f"{take.name}: {control}")
            if not name:
                continue
            values = flat[index::_WIDTH].tolist()
            if under is None:
                curves += pen.curves(name, values, *limits[index])
                continue
            parts = layers.split(values, under[index::_WIDTH].tolist(), *limits[index])
            curves += pen.curves(name, parts.base, *limits[index])
            added[name] = parts.added
            if parts.clamped:
                pen.clamped[name] = parts.clamped
        keys += pen.write(curves)
    return keys, added


def _write_layer(
    change: Edit, pen: Pen, sequence: unreal.LevelSequence, face: FaceRig, base: Section, owner: Owner, above: Earlier,
    added: Mapping[str, list[float]], span: Span, target: Target,
) -> tuple[int, list[str]]:  # fmt: skip
    """Write the emotion above the section of the take; how many keys, and lines for the user."""
    change.step(f"{owner.take}: the emotion")
    section = layers.place(sequence, face, above, owner, span, base)
    face, _ = facerig.show_controls(face, section, in_region(target.process_mask))
    edits = HandEdits(above.found, target.hand_edits, span.first)
    own = pen.beside(ChannelWriter(sequence, face, section), edits, above.end(span))
    keys = layers.write(own, edits, added)
    edits.store(sequence, section, above.found, target.start_frame, span)
    changes = edits.lines(f"{owner.take} (emotion)", ticks_per_frame(sequence))
    return keys, [*layers.lines(section, owner), *changes]


def _write_head(
    change: Edit, pen: Pen, sequence: unreal.LevelSequence, face: FaceRig, section: Section, owner: Owner, take: Take,
    span: Span, target: Target,
) -> tuple[int, str, list[str]]:  # fmt: skip
    """Write the keys of what turns the head: how many, on what, and what the user should know if there are none."""
    if take.head is None or target.head == "off":
        return 0, "", []
    take.turns()  # numbers, before anything is made
    try:
        if target.head == "body":
            owner = replace(owner, layer=heads.LAYER)
            head = heads.of_body(sequence, face, owner, span, target.replace)
        else:
            head = heads.of_board(face, section)
    except PluginError as error:
        return 0, "", [str(error)]
    notes = [*earlier.notes(head.there, f"{owner.take} (head)", target.hand_edits), *head.lines]
    writer, keys = ChannelWriter(sequence, face, head.section), 0
    if target.head == "body":
        edits = HandEdits(head.there.found, target.hand_edits, span.first)
        pen = pen.beside(writer, edits, head.there.end(span))
    else:
        edits, pen = None, pen.beside(writer)
    for name, values in zip(head.channels, take.turns(head.axes), strict=True):
        change.step(f"{take.name}: {head.control}")
        keys += pen.write(pen.curves(name, values, scale=DEGREES))
    if edits is None:
        return keys, head.how, []
    edits.store(sequence, head.section, head.there.found, target.start_frame, span)
    return keys, head.how, [*notes, *edits.lines(f"{owner.take} (head)", ticks_per_frame(sequence))]


def _show(sequence: unreal.LevelSequence, new: bool, view: compat.View) -> None:
    """Let the user see what was written: Sequencer shows what it did before, and if that was none, a new sequence."""
    if new and not view.sequence and not unreal.SystemLibrary.is_unattended():
        compat.show(sequence)
    else:
        view.again()
    if compat.current_sequence() is not None:
        unreal.LevelSequenceEditorBlueprintLibrary.refresh_current_level_sequence()
