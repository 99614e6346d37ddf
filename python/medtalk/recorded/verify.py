"""Recorded rigs made again and compared: whether an update changes the animation, and what it changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from medtalk.audio import read_speech
from medtalk.errors import CancelledError, MedtalkError, RigError, ServiceError
from medtalk.inputs import path_text
from medtalk.perform import load
from medtalk.recorded.comparison import USUAL, Comparison, Tolerance, compare, compare_curves
from medtalk.recorded.curves import LONG, WIDE, Curves, read_export
from medtalk.recorded.making import Maker, judged
from medtalk.recorded.recording import Recording, platform_facts, read_recording, write_recording
from medtalk.recorded.settings import overridden
from medtalk.rig import RIG_ENDINGS, RigSequence, rig_ending
from medtalk_board.targets import TARGETS
from medtalk_wire.settings import DEFAULT, Settings

if TYPE_CHECKING:
    from medtalk.audio import Speech

SAME, CHANGED, FAILED, UPDATED = "same", "changed", "failed", "updated"
MOST_HEADS = 100
"""Of those that moved farthest a page shows the heads: each has a megabyte."""
EXPORT_FRAMES = 1
"""How many frames an export of Unreal may have more or less: its sections begin and end at frames of the display."""

Make = Callable[[Path, Settings, "int | None"], RigSequence]
"""Makes the rig of a sound by settings, of a channel of it or of the mix."""


@dataclass(frozen=True)
class Terms:
    """How recorded rigs are verified. It travels to other processes.

    Attributes:
        tolerance: how far controls may be off.
        sounds: folder of sounds that do not lie where they did.
        given, asked: settings that take the place of the recorded ones: those of `given` that are named in `asked`.
        transcripts: the words by `.rig`, where "transcript" is asked for.
        exact: ask for the same bytes, where bundle, version and platform are those of the recording.
        update: where it has changed, record it again as it is now. Without other settings.
        force: update also files that are read-only.
        elsewhere: what makes them where that is not this processor: "a GPU", "another machine".
    """

    tolerance: Tolerance = USUAL
    sounds: Path | None = None
    given: Settings = DEFAULT
    asked: Collection[str] = ()
    transcripts: Mapping[Path, str | None] = field(default_factory=dict)
    exact: bool = False
    update: bool = False
    force: bool = False
    elsewhere: str = ""

    def tolerance_of(self, recording: Recording) -> Tolerance:
        """The tolerance for a recorded rig, which allows more where another kind of machine makes it."""
        across = f"made by {self.elsewhere}" if self.elsewhere else _another_processor(recording)
        return replace(self.tolerance, across=across)

    def settings(self, recording: Recording) -> Settings:
        """The settings by which a recorded rig is made."""
        if not self.asked:
            return recording.settings
        given = self.given
        if "transcript" in self.asked:
            given = replace(given, transcript=self.transcripts.get(recording.file, given.transcript))
        return overridden(recording.settings, given, self.asked)


USUALLY = Terms()


@dataclass(frozen=True)
class Verdict:
    """What became of a recorded rig.

    Attributes:
        file: its `.rig`.
        state: SAME, CHANGED, FAILED (it could not be made or read), or UPDATED.
        comparison: with what was made; None where that failed.
        recording: None where it cannot be read.
        rig: what was made, where that is a rig.
        sound: the file, where it was found.
        quality: the verdict on what was made; `before`, that on what was recorded.
        notes: what to know beside, such as another bundle.
        error: why it failed.
        seconds: that it took.
        loosened: which tolerance counted, and why, where it is not the usual one.
    """

    file: Path
    state: str
    comparison: Comparison | None = None
    recording: Recording | None = None
    rig: RigSequence | None = None
    sound: Path | None = None
    quality: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: MedtalkError | None = None
    seconds: float = 0.0
    loosened: str = ""

    @property
    def good(self) -> bool:
        """Whether there is nothing to look at."""
        return self.state in (SAME, UPDATED)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        out: dict[str, Any] = {"file": path_text(self.file), "state": self.state, "seconds": round(self.seconds, 3)}
        if self.comparison is not None:
            out["comparison"] = self.comparison.to_dict()
        if self.quality:
            out["quality"] = dict(self.quality)
        if self.loosened:
            out["loosened"] = self.loosened
        if self.notes:
            out["notes"] = list(self.notes)
        return out if self.error is None else {**out, "error": self.error.facts()}


def verify(file: Path, make: Make, terms: Terms = USUALLY) -> Verdict:
    """Make a recorded rig again and compare.

    Raises:
        ServiceError: the sidecar that makes them is out of reach: the next one would meet the same.
        CancelledError: it was cancelled.
    """
    started = time.perf_counter()
    recording: Recording | None = None
    sound: Path | None = None
    try:
        recording = read_recording(file)
        sound, another = _sound(recording, terms)
        rig = make(sound, terms.settings(recording), recording.channel)
        tolerance = terms.tolerance_of(recording)
        comparison = compare(recording.rig, rig, tolerance)
        notes = _notes(recording, rig)
        if terms.exact:
            elsewhere = bool(terms.elsewhere) or recording.platform != platform_facts()
            comparison, notes = _exactly(comparison, recording, rig, notes, elsewhere)
        quality = recording.quality
        if not comparison.identical or another:
            quality = judged(rig, read_speech(sound, channel=recording.channel))
        state = SAME if comparison.same else CHANGED
        if terms.update and (state == CHANGED or another):
            write_recording(
                file, rig, sound, recording.settings, channel=recording.channel, quality=quality,
                keep_sound=recording.sound.kept, force=terms.force,
            )  # fmt: skip
            state = UPDATED
    except (ServiceError, CancelledError):
        raise
    except (MedtalkError, OSError) as error:
        taken = time.perf_counter() - started
        return Verdict(file, FAILED, None, recording, None, sound, error=_ours(error, file), seconds=taken)
    taken = time.perf_counter() - started
    return Verdict(
        file, state, comparison, recording, rig, sound, quality, recording.quality, notes, None, taken,
        tolerance.loosened,
    )  # fmt: skip


@dataclass(frozen=True)
class Workshop:
    """Where recorded rigs are made again: a model, as `medtalk.load` takes it, and the terms. It travels."""

    terms: Terms = USUALLY
    bundle: Path | None = None
    device: str = "cpu"
    backbones: Mapping[str, Path] = field(default_factory=dict)
    offline: bool = False
    threads: int = 1

    def open(self) -> Verifier:
        """What verifies them, with its model loaded; raises what `medtalk.load` does."""
        return Verifier(self)


class Verifier:
    """Verifies recorded rigs with one model."""

    def __init__(self, shop: Workshop) -> None:
        self._terms = shop.terms
        self._maker = Maker(
            load(
                shop.bundle, threads=shop.threads, device=shop.device, backbones=shop.backbones, offline=shop.offline
            )
        )  # fmt: skip

    def make(self, file: Path) -> Verdict:
        """The verdict on a `.rig`."""
        return verify(file, self._maker, self._terms)


def verify_export(
    file: Path,
    exports: Path,
    tolerance: Tolerance = USUAL,
    sounds: Path | None = None,
    owners: dict[Path, Path] | None = None,
) -> Verdict:
    """Compare a recorded rig with what Unreal exported of it: a file, or that of its name or its sound's in a folder.

    Nothing is made, and its sound need not be there. owners: the exports in the folder that belong to another
    recorded rig, and its `.rig`; this one is added.
    """
    started = time.perf_counter()
    recording: Recording | None = None
    tolerance = replace(tolerance, frames=max(tolerance.frames, EXPORT_FRAMES))
    rig: RigSequence | None = None
    try:
        recording = read_recording(file)
        tolerance = replace(tolerance, across=_another_processor(recording))
        export = find_export(recording, exports)
        other = file if owners is None or not exports.is_dir() else owners.setdefault(export, file)
        if other != file:
            raise RigError(
                f"{path_text(export)} may be the export of {path_text(other)} or of {path_text(file)}.",
                "Verify their folders one by one, each with its own exports.",
            )
        found = read_export(export)
        if isinstance(found, Curves):
            comparison = compare_curves(recording.rig, found, tolerance)
        else:
            rig, comparison = found, compare(_as_exported(recording.rig, found), found, tolerance)
    except (MedtalkError, OSError) as error:
        taken = time.perf_counter() - started
        return Verdict(file, FAILED, recording=recording, error=_ours(error, file), seconds=taken)
    try:
        sound = recording.find_sound(sounds)
    except MedtalkError:  # it is not needed
        sound = None
    state = SAME if comparison.same else CHANGED
    taken = time.perf_counter() - started
    return Verdict(file, state, comparison, recording, rig, sound, notes=(f"compared with {path_text(export)}",),
                   seconds=taken, loosened=tolerance.loosened)  # fmt: skip


def find_export(recording: Recording, exports: Path) -> Path:
    """The export of a recorded rig: a file whatever it is called, or that of its name or its sound's below a folder.

    The plugin names a take by its sound.

    Raises:
        RigError: there is none, or several.
    """
    if not exports.is_dir():
        return exports
    named: dict[str, list[Path]] = {}
    for path in sorted(exports.rglob("*")):
        if path.is_file():
            named.setdefault(export_name(path), []).append(path)
    there = next((named[name] for name in export_names(recording) if name in named), [])
    if len(there) > 1:
        raise RigError(f"{there[0]} and {there[1]} are both exports of {recording.name}.", "Leave one of them.")
    if not there:
        wanted = f"Export it as {recording.name}.npz or {recording.name}{LONG}."
        raise RigError(f"{path_text(exports)} has no export of {recording.name}.", wanted)
    return there[0]


def export_names(recording: Recording) -> tuple[str, ...]:
    """What an export of a recorded rig may be called, in small letters: as it is, or as its sound."""
    return recording.name.casefold(), PurePosixPath(recording.sound.place).stem.casefold()


def export_name(path: Path) -> str:
    """What a file is an export of, in small letters; "" for no rig file."""
    lowered = path.name.lower()
    if not lowered.endswith((*RIG_ENDINGS, LONG, WIDE)) or lowered in RIG_ENDINGS:
        return ""
    return path.name[: -len(rig_ending(path))].casefold()


def _as_exported(recorded: RigSequence, found: RigSequence) -> RigSequence:
    """The recorded rig as far as the export can say it: no turn of the head, nothing that its board has no control for.

    The plugin writes into its exports which board it was, and what that lacked.
    """
    if found.head is None:
        recorded = replace(recorded, head=None)
    targets = TARGETS.get(str(found.meta.get("board", "")))
    if targets is None:
        return recorded
    missing = found.meta.get("missing")
    lacking = {*missing} if isinstance(missing, list) else set()
    resting = [index for index, name in enumerate(targets) if name is None or name in lacking]
    values = recorded.values.copy()
    values[:, resting] = 0.0
    return replace(recorded, values=values)


def _ours(error: MedtalkError | OSError, file: Path) -> MedtalkError:
    """An error of the system as one of a recorded rig: the others go on."""
    if isinstance(error, MedtalkError):
        return error
    where = path_text(error.filename or file)
    return RigError(f"{where} cannot be read: {error.strerror or error}.", "Check the file and its rights.", where)


def _another_processor(recording: Recording) -> str:
    """Where a rig was recorded, if by another kind of processor than this; "" for the same.

    Other versions of numpy and onnxruntime count as the same: an update of them must not loosen its own test.
    """
    then, now = (facts.partition(",")[0] for facts in (recording.platform, platform_facts()))
    return "" if then == now else f"recorded on {then[:60] or 'an unknown machine'}"


def _sound(recording: Recording, terms: Terms) -> tuple[Path, bool]:
    """The sound, and whether it is another one than was recorded, which an update takes."""
    try:
        return recording.find_sound(terms.sounds), False
    except MedtalkError as error:
        other = Path(error.about)
        if not terms.update or not other.is_file():
            raise
        return other, True


def _notes(recording: Recording, rig: RigSequence) -> tuple[str, ...]:
    """What is another than when it was recorded."""
    notes = []
    now = rig.meta.get("bundle", {})
    if now.get("sha256") != recording.bundle.get("sha256"):
        notes.append(f"another bundle: {_called(now)} instead of {_called(recording.bundle)}")
    version = rig.meta.get("medtalk", "")
    if version != recording.medtalk:
        notes.append(f"medtalk {version} instead of {recording.medtalk}")
    return tuple(notes)


def _called(bundle: Mapping[str, Any]) -> str:
    return f"{str(bundle.get('name', '?'))[:40]} ({str(bundle.get('sha256', '?'))[:8]})"


def _exactly(
    comparison: Comparison, recording: Recording, rig: RigSequence, notes: tuple[str, ...], elsewhere: bool
) -> tuple[Comparison, tuple[str, ...]]:
    """The comparison with the bytes compared too, where that can be asked for; else a note says why not."""
    if notes or elsewhere:
        why = "the bundle or the version is another one" if notes else f"it was recorded on {recording.platform}"
        return comparison, (*notes, f"not compared byte by byte: {why}")
    if comparison.identical and _bytes(rig) == _bytes(recording.rig):
        return comparison, notes
    return replace(comparison, identical=False, reasons=(*comparison.reasons, "the bytes differ")), notes


def _bytes(rig: RigSequence) -> tuple[bytes, bytes]:
    return rig.values.tobytes(), b"" if rig.head is None else rig.head.tobytes()


def speech_of(verdict: Verdict) -> Speech | None:
    """The sound of a verdict, where it was found and can be read."""
    if verdict.sound is None:
        return None
    try:
        return read_speech(verdict.sound, channel=None if verdict.recording is None else verdict.recording.channel)
    except MedtalkError:
        return None


def totals(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """How many there are of each state."""
    states = [verdict.state for verdict in verdicts]
    return {state: states.count(state) for state in (SAME, CHANGED, FAILED, UPDATED)}


def farthest(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts, those first that need a look: failed ones, then those whose controls moved farthest."""
    order = {FAILED: 0, CHANGED: 1, UPDATED: 2, SAME: 3}

    def distance(verdict: Verdict) -> float:
        moved = verdict.comparison.moved if verdict.comparison else ()
        return moved[0].largest / max(moved[0].tolerance, 1e-9) if moved else 0.0

    return sorted(verdicts, key=lambda each: (order[each.state], -distance(each), path_text(each.file)))


def on_heads(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those whose heads a page shows, the farthest first."""
    changed = [each for each in farthest(verdicts) if each.state in (CHANGED, UPDATED) and each.rig is not None]
    return changed[:MOST_HEADS]


def without_rigs(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts without the rigs that no page shows: those of thousands of lines would fill the memory."""
    kept = {*map(id, on_heads(verdicts))}
    return [each if id(each) in kept else replace(each, rig=None, recording=None) for each in verdicts]
