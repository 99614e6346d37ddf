"""Performances in files: what was heard, so that a sound need not be heard again, nor be there at all.

A performance lies in a `.npz`, beside the rig that was made of it if there is one: `read_rig` reads the rig of such a
file as of any other. Entries of a performance are named `heard.NAME`; nothing is pickled.
"""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from medtalk.audio import RATE, Speech, frame_count
from medtalk.engine import Guided, Heard
from medtalk.errors import AudioError, BundleError, GuidanceError, MedtalkError, OutputError, RigError, about
from medtalk.features.prosody import prosody
from medtalk.files import write_atomic
from medtalk.finishing.closures import Closures
from medtalk.guidance import LABELS, Felt
from medtalk.inputs import open_input
from medtalk.perform import Model, Performance
from medtalk.rig import RigSequence, Timed
from medtalk.rig.formats import HEARD, npz_arrays
from medtalk.rig.sequence import MAX_FRAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

VERSION = 1
MAX_BYTES = 4 << 30
"""Of a file, and of all arrays in it."""
MAX_FACTS = 16 << 20
"""Characters of what is not an array: words and phones of hours."""
_ROWS = {"content": 0, "emotion_features": 0, "posteriors": 35, "heard_posteriors": 35, "sound": 0, "prosody": 16,
         "guided_content": 256}  # fmt: skip
_CURVES = ("intensity", "activity", "guided_intensity", "seal", "press", "bite", "known")
_CONTENT, _WIDEST = 256, 4096
_HALF = ("content", "guided_content", "emotion_features")
"""Arrays that float16 is enough for, where they are what a network of the authors' made of a sound. Other
bundles keep all as it was, so that a take decodes to the same numbers."""


class KeptSpeech(Speech):
    """A sound of which only what was heard is left: it has no samples."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        for name in ("name", "source_rate", "source_channels", "note"):
            object.__setattr__(self, name, facts[name])
        self.__dict__.update(sha256=facts["sha256"], _seconds=float(facts["seconds"]))

    def __repr__(self) -> str:
        return f"KeptSpeech({self.name}, {self.seconds:.3f} s)"

    @property
    def samples(self) -> np.ndarray:  # pyright: ignore[reportIncompatibleVariableOverride]
        raise AudioError(f"The samples of {self.name} were not kept with the take.", "Generate it from the sound.")

    @property
    def seconds(self) -> float:
        return self.__dict__["_seconds"]

    @property
    def frames(self) -> int:
        return frame_count(round(self.seconds * RATE))

    @property
    def nbytes(self) -> int:
        return 0


def save_performance(
    path: str | Path, performance: Performance, rig: RigSequence | None = None, *, force: bool = False
) -> Path:
    """Write a performance to a `.npz`, whole or not at all, with a rig that was made of it. Returns the path.

    The emotion of the voice is kept where the model hears it without a download. Raises OutputError for another
    ending, or if the file cannot be written.
    """
    if not str(path).lower().endswith(".npz"):
        raise OutputError(f"{path} cannot keep what was heard.", "Give a .npz file.")
    arrays = {} if rig is None else npz_arrays(rig)
    arrays |= {f"{HEARD}{name}": array for name, array in _arrays(performance).items()}
    arrays[f"{HEARD}facts"] = np.array(json.dumps(_facts(performance), ensure_ascii=False))

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)

    return write_atomic(path, write, force=force)


def load_performance(path: str | Path, model: Model) -> Performance:
    """The performance in a file, for the model that heard it.

    It decodes as the one that was saved, and takes other words where the bundle has phones; its sound has no samples.

    Raises:
        RigError: the file holds no performance, or is not whole.
        BundleError: another model heard it.
    """
    with open_input(path, "take", RigError, MAX_BYTES) as (stream, _, shown), about(shown):
        try:
            found = _read(stream, shown)
            if found is not None:
                return _performance(*found, model, shown)
        except (MedtalkError, OSError):
            raise
        except zipfile.BadZipFile as error:
            stream.seek(0)
            if stream.read(2) == b"PK":
                raise RigError(f"{shown} is not a complete take ({error}).", "Generate it again.") from error
        except Exception as error:  # bytes from anywhere: whatever zipfile, json or numpy stumbles over
            raise RigError(f"{shown} is not a complete take ({type(error).__name__}).", "Generate it again.") from error
        raise RigError(f"{shown} holds no performance.", "Generate it with --keep-heard.")


def _arrays(performance: Performance) -> dict[str, NDArray]:
    heard, lips = performance.heard, performance.closures
    found: dict[str, NDArray | None] = {
        "emotion_features": heard.emotion_features,
        "intensity": performance.intensity,
        "activity": performance.activity,
    }
    if heard.posteriors is not None and heard.sound is not None:  # the content follows from these
        found |= {"heard_posteriors": heard.posteriors, "sound": heard.sound}
        if performance.posteriors is not heard.posteriors:
            found["posteriors"] = performance.posteriors
    else:
        found |= {"content": performance.content, "prosody": prosody(performance.speech.samples)}
    if heard.guided is not None:
        found |= {"guided_content": heard.guided.content, "guided_intensity": heard.guided.intensity}
    if lips is not None:
        found |= {name: getattr(lips, name) for name in ("seal", "press", "bite", "known")}
    half = _HALF if performance.model.bundle.kind == "medtalk" else ()
    return {
        name: array.astype(np.float16 if name in half else np.float32)
        for name, array in found.items()
        if array is not None
    }


def _facts(performance: Performance) -> dict[str, Any]:
    speech, bundle = performance.speech, performance.model.bundle
    names = ("name", "sha256", "seconds", "source_rate", "source_channels", "note")
    return {
        "version": VERSION,
        "bundle": {"name": bundle.name, "sha256": bundle.sha256},
        "speech": {name: getattr(speech, name) for name in names},
        "transcript": performance.transcript,
        "words": performance.words,
        "phones": performance.phones,
        "places": performance.places,
        "note": performance.note,
        "voice": _felt(performance.voice()) if performance.model.hears_emotion() else None,
    }


def _read(stream: BinaryIO, shown: str) -> tuple[dict[str, Any], dict[str, NDArray]] | None:
    """The facts and arrays of a performance, every size checked before it is read; None where there is none."""
    with zipfile.ZipFile(stream) as archive:
        entries = {entry.filename for entry in archive.infolist() if entry.filename.startswith(HEARD)}
        if f"{HEARD}facts.npy" not in entries:
            return None
        frames, total = 0, 0
        for entry in sorted(entries):
            name = entry.removeprefix(HEARD).removesuffix(".npy")
            with archive.open(entry) as file:
                version = np.lib.format.read_magic(file)
                header = (
                    np.lib.format.read_array_header_1_0 if version == (1, 0) else (np.lib.format.read_array_header_2_0)
                )
                shape, _, dtype = header(file)
            if name == "facts":
                fits = shape == () and dtype.kind == "U" and dtype.itemsize <= 4 * MAX_FACTS
            else:
                frames = frames or (shape[0] if shape else 0)
                total += math.prod(shape) * dtype.itemsize
                wide = _ROWS.get(name, 1) or (shape[1] if len(shape) == 2 else 0)
                valid = (frames,) if name in _CURVES else (frames, wide) if name in _ROWS else None
                fits = shape == valid and 0 < frames <= MAX_FRAMES and wide <= _WIDEST and dtype in ("<f2", "<f4")
            if not fits or total > MAX_BYTES:
                raise RigError(f"{shown}: {name[:40]!r} is not that of a performance, or is too large.")
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as archive:
        facts = json.loads(str(archive[f"{HEARD}facts"]))
        names = [entry.removeprefix(HEARD).removesuffix(".npy") for entry in entries if entry != f"{HEARD}facts.npy"]
        arrays = {name: np.asarray(archive[f"{HEARD}{name}"], np.float32) for name in names}
    if facts.get("version") != VERSION:
        raise RigError(
            f"{shown} holds a performance of version {facts.get('version')}; this MEDTalk reads {VERSION}.",
            "Generate it again.",
        )
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise RigError(f"{shown}: {name} has values that are not finite.", "Generate it again.")
        array.flags.writeable = False
    return facts, arrays


def _performance(facts: Mapping[str, Any], arrays: dict[str, NDArray], model: Model, shown: str) -> Performance:
    theirs, bundle = facts["bundle"], model.bundle
    if theirs["sha256"] != bundle.sha256:
        raise BundleError(
            f"{shown} was heard by the bundle {theirs['name']} ({theirs['sha256'][:12]}), not by {bundle.name} "
            f"({bundle.sha256[:12]}).",
            "Give that one with --bundle, or generate the take again.",
        )
    speech = KeptSpeech(facts["speech"])
    own, sound = arrays.get("heard_posteriors"), arrays.get("sound")
    posteriors = arrays.get("posteriors", own)
    if own is not None and sound is not None and posteriors is not None:
        try:
            heard_content = _frozen(model.engine.content(sound, own))
            content = heard_content if posteriors is own else _frozen(model.engine.content(sound, posteriors))
        except BundleError as error:
            raise RigError(f"What {shown} keeps does not fit its bundle.", "Generate it again.") from error
    else:
        content = heard_content = arrays["content"]
        if content.shape[1] != _CONTENT and bundle.kind != "baseline":  # whose engine knows how wide it is
            raise RigError(f"What {shown} keeps does not fit its bundle.", "Generate it again.")
    guided = Guided(arrays["guided_content"], arrays["guided_intensity"]) if "guided_content" in arrays else None
    performance = Performance(
        model=model,
        speech=speech,
        transcript=facts["transcript"],
        heard=Heard(heard_content, arrays["emotion_features"], own, sound, guided),
        content=content,
        posteriors=posteriors,
        intensity=arrays["intensity"],
        activity=arrays["activity"],
        voice=_voice(facts["voice"], speech.name),
        closures=Closures(arrays["seal"], arrays["press"], arrays["bite"], arrays.get("known"))
        if "seal" in arrays
        else None,
        words=tuple(Timed(*each) for each in facts["words"]),
        phones=tuple(Timed(*each) for each in facts["phones"]),
        note=facts["note"],
        places=tuple((int(first), int(end)) for first, end in facts["places"]),
    )
    if "prosody" in arrays:
        vars(performance)["prosody"] = arrays["prosody"]  # which is computed from the samples else
    return performance


def _felt(felt: Felt) -> dict[str, Any]:
    return {**vars(felt), "weights": dict(felt.weights)}


def _voice(kept: Mapping[str, Any] | None, name: str) -> Callable[[], Felt]:
    """What gives the emotion that was heard; it raises where none was."""
    if kept is not None:
        felt = Felt(**kept)
        if not (set(felt.weights) <= set(LABELS) and abs(sum(felt.weights.values()) - 1.0) < 1e-3):
            raise ValueError("weights")  # not what `Felt` keeps
        return lambda: felt

    def refuse() -> Felt:
        raise GuidanceError(
            f"The emotion of the voice was not kept with {name}.", "Generate it where auto works, or name an emotion."
        )

    return refuse


def _frozen(values: NDArray) -> NDArray[np.float32]:
    values.flags.writeable = False
    return values
