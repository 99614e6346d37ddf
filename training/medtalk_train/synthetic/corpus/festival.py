"""Speech from festival: diphone and statistical voices of several languages, with the time of every phone.

Starting festival and loading a voice costs more than a sentence, so `speak_all` speaks many in one process.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from medtalk.errors import TrainingError
from medtalk_train.synthetic.corpus.phones import NotSpoken, Span, from_festival, timeline


@dataclass(frozen=True)
class Voice:
    """One festival voice: Debian package, phone set, language of its rules, text encoding, folder of the voice."""

    name: str
    package: str
    phone_set: str
    language: str
    encoding: str = "latin-1"


VOICES = {
    voice.name: voice
    for voice in (
        Voice("cmu_us_slt_arctic_hts", "festvox-us-slt-hts", "radio", "en"),
        Voice("kal_diphone", "festvox-kallpc16k", "radio", "en"),
        Voice("ked_diphone", "festvox-kdlpc16k", "radio", "en"),
        Voice("czech_dita", "festvox-czech-dita", "czech", "cs", "iso-8859-2"),
        Voice("czech_krb", "festvox-czech-krb", "czech", "cs", "iso-8859-2"),
        Voice("czech_machac", "festvox-czech-machac", "czech", "cs", "iso-8859-2"),
        Voice("czech_ph", "festvox-czech-ph", "czech", "cs", "iso-8859-2"),
        Voice("lp_diphone", "festvox-italp16k", "italian", "it"),
        Voice("pc_diphone", "festvox-itapc16k", "italian", "it"),
        Voice("suo_fi_lj_diphone", "festvox-suopuhe-lj", "finnish", "fi"),
        Voice("hy_fi_mv_diphone", "festvox-suopuhe-mv", "finnish", "fi"),
        Voice("upc_ca_ona_hts", "festvox-ca-ona-hts", "catalan", "ca"),
    )
}
PACKAGES = "festival festival-czech festival-it festival-ca " + " ".join(voice.package for voice in VOICES.values())
VOICE_FOLDER = Path("/usr/share/festival/voices")
_SECONDS_EACH, _SECONDS_START = 10.0, 30.0

Spoken = tuple[np.ndarray, int, list[Span]]


def check() -> None:
    """Raises TrainingError, naming the Debian packages, where festival or one of its voices is not installed."""
    missing = [voice.package for voice in VOICES.values() if not any(VOICE_FOLDER.glob(f"*/{voice.name}"))]
    if shutil.which("festival") is None:
        raise TrainingError("festival is not installed.", f"Install it: apt-get install {PACKAGES}")
    if missing:
        raise TrainingError("Voices of festival are missing.", f"Install: apt-get install {' '.join(missing)}")


def speak(text: str, voice: str = "cmu_us_slt_arctic_hts", stretch: float = 1.0) -> Spoken:
    """Speaks one sentence; gives (float32 samples, samples a second, phone spans)."""
    result = speak_all([(text, stretch)], voice)[0]
    if isinstance(result, NotSpoken):
        raise result
    return result


def speak_all(sentences: Sequence[tuple[str, float]], voice: str) -> list[Spoken | NotSpoken]:
    """Speaks (text, duration stretch) pairs with one voice in one process.

    Gives for each what `speak` gives, or the NotSpoken that says why it could not be spoken. Raises TrainingError where
    festival or the voice is missing.
    """
    if voice not in VOICES:
        raise TrainingError(f"festival voice {voice!r} is unknown; valid are {', '.join(VOICES)}.")
    with tempfile.TemporaryDirectory(prefix="medtalk-festival-") as name:
        folder = Path(name)
        _run(sentences, VOICES[voice], folder)
        results: list[Spoken | NotSpoken] = []
        for index in range(len(sentences)):
            try:
                results.append(_read(folder / str(index), VOICES[voice]))
            except NotSpoken as error:
                results.append(error)
    return results


def _run(sentences: Sequence[tuple[str, float]], voice: Voice, folder: Path) -> None:
    """Writes N.wav and N.lab for every sentence that festival can speak; one failure does not stop the rest."""
    lines = [f"(voice_{voice.name})", f'(fclose (fopen "{folder}/ready" "w"))']
    for index, (text, stretch) in enumerate(sentences):
        clean = text.replace("\\", " ").replace('"', " ").encode(voice.encoding, "ignore").decode(voice.encoding)
        lines += [
            f"(Parameter.set 'Duration_Stretch {stretch:.4f})",
            f'(unwind-protect (begin (set! u (utt.synth (Utterance Text "{clean}")))'
            f' (utt.save.segs u "{folder}/{index}.lab") (utt.save.wave u "{folder}/{index}.wav" \'riff)) nil)',
        ]
    script = folder / "speak.scm"
    script.write_bytes("\n".join(lines).encode(voice.encoding))
    limit = _SECONDS_START + _SECONDS_EACH * len(sentences)
    try:
        result = subprocess.run(["festival", "-b", str(script)], capture_output=True, timeout=limit, check=False)
    except FileNotFoundError as error:
        raise TrainingError("festival is not installed.", f"Install it: apt-get install {PACKAGES}") from error
    except subprocess.TimeoutExpired:
        return  # some letters send a voice into an endless loop: what was spoken before counts
    if not (folder / "ready").exists():
        reason = result.stderr.decode("utf-8", "replace").strip().splitlines()
        raise TrainingError(
            f"festival cannot load the voice {voice.name} ({reason[0] if reason else 'no reason given'}).",
            f"Install it: apt-get install {voice.package}",
        )


def _read(path: Path, voice: Voice) -> Spoken:
    sound, labels = path.with_suffix(".wav"), path.with_suffix(".lab")
    if not sound.exists() or not labels.exists():
        raise NotSpoken(f"festival voice {voice.name} could not speak a sentence", "engine failed")
    samples, rate = soundfile.read(sound, dtype="float32")
    segments: list[tuple[float, float, str]] = []
    start = 0.0
    for line in labels.read_text("latin-1").splitlines():
        parts = line.split()
        if len(parts) == 3:  # end in seconds, a colour, the phone; the header has other shapes
            segments.append((start, float(parts[0]), parts[2]))
            start = segments[-1][1]
    seconds = len(samples) / rate
    return samples, rate, timeline(segments, seconds, partial(from_festival, phone_set=voice.phone_set))
