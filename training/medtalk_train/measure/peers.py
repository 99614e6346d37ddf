"""The mouths that other programs make from the same sound: the benchmark prints them beside ours.

They need PyPI's `pocketsphinx` and `openfacefx` (extra `peers`). A benchmark without one of them prints a line in place
of its figures, see `Missing`.
"""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.audio import frame_count
from medtalk.errors import MedtalkError
from medtalk.finishing.closures import RELEASE, compose
from medtalk.quality.events import PAUSES, SILENCE, Phone
from medtalk.rates import FPS, RATE
from medtalk.rig.channels import N_CHANNELS
from medtalk.rig.formats import read_rig
from medtalk_train.measure.recordings import Recording, lips_of
from medtalk_train.synthetic.teacher.poses import channels_of, table, vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

VISEMES = {
    "sil": "sil", "PP": "m", "FF": "f", "TH": "th", "DD": "t", "kk": "k", "CH": "sh", "SS": "s", "nn": "n", "RR": "er",
    "aa": "aa", "E": "eh", "I": "iy", "O": "oh", "U": "uw",
}  # fmt: skip
"""OpenFaceFX's viseme -> the phone whose pose shows it on our rig. Its own way to ARKit seals no lips."""
LOUDEST_JAW = 0.3
_WAIT_SECONDS = 600


class Missing(MedtalkError):
    """A peer cannot run here: its library is not installed, its command failed, or it needs what is not known."""


@dataclass(frozen=True)
class Peer:
    """A way to move a mouth.

    show: gives the rig (T, 174) at 60 fps of a recording; raises `Missing`. needs: what it must know beside the sound,
    "", "text" or "phones".
    """

    show: Callable[[Recording], NDArray]
    needs: str = ""


def peers(commands: Mapping[str, str] | None = None) -> dict[str, Peer]:
    """Every peer by name: those that hear the sound alone, those that know its words, those that know its phone times.

    Args:
        commands: name -> command line, see `by_command`.
    """
    own = {name: by_command(line) for name, line in (commands or {}).items()}
    return {
        "energy jaw": Peer(energy_jaw),
        "PocketSphinx phones, our lips": Peer(pocketsphinx_lips),
        **{name: peer for name, peer in own.items() if not peer.needs},
        "OpenFaceFX, text": Peer(openfacefx_text, "text"),
        **{name: peer for name, peer in own.items() if peer.needs},
        "OpenFaceFX, true phones": Peer(openfacefx_phones, "phones"),
        "our lips, true phones": Peer(true_lips, "phones"),
    }


def true_lips(recording: Recording) -> NDArray:
    """Our teacher of lips at the true phone times: the ceiling of its kind."""
    _known(recording.phones, "phone times")
    return recording.taught(_frames(recording))


def energy_jaw(recording: Recording) -> NDArray:
    """The jaw follows the loudness (log energy of 25 ms, from 30 dB under the loudest), and nothing else moves."""
    samples, frames = recording.speech.samples, _frames(recording)
    half = RATE // 80
    padded = np.concatenate([np.zeros(half), samples.astype(np.float64) ** 2, np.zeros(half + RATE)])
    sums = np.concatenate([[0.0], np.cumsum(padded)])
    starts = (np.arange(frames) * RATE / FPS).astype(int)
    level = 10 * np.log10(np.maximum((sums[starts + 2 * half] - sums[starts]) / (2 * half), 0) + 1e-8)
    out = np.zeros((frames, N_CHANNELS), np.float32)
    if frames:
        out[:, channels_of("C_jaw.Y")[0]] = LOUDEST_JAW * np.clip((level - max(level.max(), -50.0)) / 30 + 1, 0, 1)
    return out


def pocketsphinx_lips(recording: Recording) -> NDArray:
    """Phones that PocketSphinx (a recogniser of the 1990s) decodes without any words, through our teacher of lips."""
    return lips_of(tuple(pocketsphinx_phones(recording.speech.samples)), recording.speech, _frames(recording))


def pocketsphinx_phones(samples: NDArray) -> list[Phone]:
    """Free phone decoding of sound (n,) at 16 kHz.

    Raises:
        Missing: pocketsphinx is not installed.
    """
    try:
        library: Any = import_module("pocketsphinx")
    except ImportError as error:
        raise Missing("pocketsphinx is not installed.", "pip install pocketsphinx") from error
    models = f"{library.get_model_path()}/en-us"
    decoder = library.Decoder(
        hmm=f"{models}/en-us", allphone=f"{models}/en-us-phone.lm.bin", lm=None, dict=None, lw=2.0, beam=1e-20,
        pbeam=1e-20, samprate=RATE, loglevel="FATAL",
    )  # fmt: skip
    decoder.start_utt()
    decoder.process_raw((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    segments = [(part.start_frame / 100, (part.end_frame + 1) / 100, part.word) for part in decoder.seg() or ()]
    return [(start, end, name.lower() if name.isalpha() else SILENCE) for start, end, name in segments]


def openfacefx_text(recording: Recording) -> NDArray:
    """OpenFaceFX with the words and no aligner: its own spread of the phones over the length of the sound."""
    _known(recording.text, "transcript")
    return _openfacefx(recording, lambda library: library.naive_segments(recording.text, recording.speech.seconds))


def openfacefx_phones(recording: Recording) -> NDArray:
    """OpenFaceFX with the true phone times: its ceiling."""
    _known(recording.phones, "phone times")

    def segments(library: Any) -> list:
        return [
            library.PhonemeSegment(SILENCE if name in PAUSES else name.upper(), max(start, 0.0), end)
            for start, end, name in recording.phones
            if end > 0
        ]

    return _openfacefx(recording, segments)


def _openfacefx(recording: Recording, segments: Callable[[Any], Sequence]) -> NDArray:
    try:
        library: Any = import_module("openfacefx")
    except ImportError as error:
        raise Missing("openfacefx is not installed.", "pip install openfacefx") from error
    times, weights = library.build_viseme_curves(segments(library), fps=FPS)
    at = np.arange(_frames(recording)) / FPS
    poses = np.stack([_pose(VISEMES[name]) for name in library.VISEMES])
    return (np.stack([np.interp(at, times, column) for column in np.asarray(weights).T], axis=1) @ poses).astype("f4")


def by_command(line: str) -> Peer:
    """A peer that is a command of the user's.

    Args:
        line: with {sound} for a WAV file at 16 kHz, {out} for a path without an ending, to which the command adds the
            ending of a rig that `medtalk.rig.formats.read_rig` reads (.csv, .arkit.csv, ...), and, if it wants them,
            {text} for the words. Not given to a shell.
    """

    def run(recording: Recording) -> NDArray:
        import soundfile

        if "{text}" in line:
            _known(recording.text, "transcript")
        with tempfile.TemporaryDirectory() as folder:
            sound, out = Path(folder) / "sound.wav", Path(folder) / "rig"
            soundfile.write(sound, recording.speech.samples, RATE, subtype="PCM_16")
            fill = {"{sound}": str(sound), "{out}": str(out), "{text}": recording.text or ""}
            words = [_filled(word, fill) for word in shlex.split(line)]
            try:
                done = subprocess.run(words, capture_output=True, text=True, timeout=_WAIT_SECONDS)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise Missing(f"{words[0]} did not run: {error}.") from error
            if done.returncode:
                output = (done.stderr.strip() or done.stdout.strip() or "it printed nothing").splitlines()[-1]
                raise Missing(f"{words[0]} failed with exit code {done.returncode}: {output}")
            rigs = sorted(path for path in Path(folder).iterdir() if path.name.startswith("rig."))
            if not rigs:
                raise Missing(f"{words[0]} wrote no {{out}}.csv or {{out}}.arkit.csv.")
            values = read_rig(rigs[0]).resample(FPS).values
        frames = _frames(recording)
        if len(values) < frames:  # the face stays as it was at the end
            values = np.concatenate([values, np.repeat(values[-1:], frames - len(values), axis=0)])
        return values[:frames]

    return Peer(run, "text" if "{text}" in line else "")


def _filled(word: str, fill: Mapping[str, str]) -> str:
    for name, value in fill.items():
        word = word.replace(name, value)
    return word


def _known(what: object, name: str) -> None:
    if not what:
        raise Missing(f"It needs the {name}, which this recording lacks.")


def _frames(recording: Recording) -> int:
    return frame_count(len(recording.speech.samples))


def _pose(phone: str) -> NDArray:
    """(174,) our pose of a phone, with the closure or bite that belongs to it."""
    held = {name: np.array([float(name == phone)]) for name in RELEASE}
    return compose(held).over(vector(table("visemes")[phone])[None])[0]
