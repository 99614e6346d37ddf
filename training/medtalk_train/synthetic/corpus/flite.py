"""Speech from flite: statistical and diphone voices made of human recordings, with the end of every phone."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

from medtalk.errors import TrainingError
from medtalk_train.synthetic.corpus.phones import NotSpoken, Span, from_radio, timeline

PACKAGES = "flite"
VOICES = ("slt", "rms", "awb", "kal16")
_TIME_LIMIT = 30.0  # s


def check() -> None:
    """Raises TrainingError, naming the Debian package, where flite is not installed."""
    if shutil.which("flite") is None:
        raise TrainingError("flite is not installed.", f"Install it: apt-get install {PACKAGES}")


def speak(
    text: str, voice: str = "slt", stretch: float = 1.0, settings: Mapping[str, float] | None = None
) -> tuple[np.ndarray, int, list[Span]]:
    """Speaks English ``text``; gives (float32 samples, samples a second, phone spans).

    ``stretch`` multiplies durations; ``settings`` are further float features of flite, such as ``f0_shift`` for slt,
    rms and awb or ``int_f0_target_mean`` (Hz) for kal16. Raises TrainingError where flite is missing,
    NotSpoken where it fails.
    """
    if voice not in VOICES:
        raise TrainingError(f"flite has no voice {voice!r}; valid are {', '.join(VOICES)}.")
    features = {"duration_stretch": stretch, **(settings or {})}
    options = [item for name, value in features.items() for item in ("--setf", f"{name}={value:.4f}")]
    with tempfile.TemporaryDirectory(prefix="medtalk-flite-") as folder:
        sound = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "-psdur", *options, "-t", text, "-o", str(sound)]
        check()
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=_TIME_LIMIT, check=False)
        except subprocess.TimeoutExpired as error:
            raise NotSpoken(f"flite took more than {_TIME_LIMIT:.0f} s for one sentence", "too slow") from error
        if result.returncode or not sound.exists():
            raise NotSpoken(f"flite failed: {result.stderr.strip()[:200] or result.returncode}", "engine failed")
        samples, rate = soundfile.read(sound, dtype="float32")
    ends = [(name, float(end)) for name, end in (item.rsplit(":", 1) for item in result.stdout.split())]
    starts = [0.0, *(end for _, end in ends[:-1])]
    segments = [(start, end, name) for start, (name, end) in zip(starts, ends, strict=True)]
    return samples, rate, timeline(segments, len(samples) / rate, from_radio)
