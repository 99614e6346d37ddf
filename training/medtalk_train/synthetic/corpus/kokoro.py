"""Speech from Kokoro-82M, a neural synthesiser with natural voices, with the time of every phone.

The model is an int8 ONNX file of 92 MB (Apache-2.0), the voices are tables of style vectors: row ``n`` is for a text of
``n`` + 1 symbols. The mean of two tables is a new speaker. The model says how long each symbol lasts; the times that
follow from it are late by a constant, which is subtracted here.
"""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache, partial
from pathlib import Path

import numpy as np

from medtalk.errors import TrainingError
from medtalk_train.synthetic.corpus.espeak import PACKAGES as ESPEAK_PACKAGES
from medtalk_train.synthetic.corpus.phones import NotSpoken, Span, from_kokoro, timeline

RATE = 24000
STYLE = 256  # numbers in a style vector
HINT = "Put it together: medtalk_train.synthetic.corpus.downloads.kokoro (see training/CORPUS.md)."
_UNIT = 600  # samples to a unit of the durations
_DURATIONS = "/encoder/Clip_output_0"
_LATE = 0.055  # s, measured
_LONGEST_JOIN = 3  # units; a longer space is a pause
_BEFORE, _AFTER = "ˈˌ", "ː̃ʰʲ"  # marks of the next and of the last phone
_SPACES = ' ;:,.!?—…"()“”'
_QUIET = 0.004  # of the peak; under it a phone beside a pause has ended
_STEP = 48  # samples between which this is looked for
_ESPEAK_SECONDS = 10.0

# espeak-ng's voices for the languages that Kokoro reads by espeak-ng's phones, and misaki's letters for what they tie.
ESPEAK_VOICES = {"es": "es", "fr": "fr-fr", "it": "it", "pt": "pt-br"}
_TIED = {"a^ɪ": "I", "a^ʊ": "W", "d^z": "ʣ", "d^ʒ": "ʤ", "e^ɪ": "A", "o^ʊ": "O", "ə^ʊ": "Q", "t^s": "ʦ",
         "t^ʃ": "ʧ", "ɔ^ɪ": "Y", "s^s": "s"}  # fmt: skip

Spoken = tuple[np.ndarray, int, list[Span]]


class Kokoro:
    """The model and its voices in ``folder``: ``model.onnx``, ``vocab.json``, ``voices/NAME.bin``.

    ``threads`` is how many the model may use. Raises TrainingError where a part is missing or damaged.
    """

    def __init__(self, folder: Path | str, threads: int = 1):
        import onnx
        import onnxruntime

        self.folder = Path(folder)
        model, vocabulary = self.folder / "model.onnx", self.folder / "vocab.json"
        for path in (model, vocabulary, self.folder / "voices"):
            if not path.exists():
                raise TrainingError(f"Kokoro lacks {path}.", HINT)
        try:
            graph = onnx.load(model)
            if all(_DURATIONS not in node.output for node in graph.graph.node):
                raise TrainingError(f"{model} is not Kokoro's model: it has no {_DURATIONS}.", HINT)
            graph.graph.output.append(onnx.helper.make_empty_tensor_value_info(_DURATIONS))
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = threads
            self._session = onnxruntime.InferenceSession(
                graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            self._symbols: dict[str, int] = json.loads(vocabulary.read_text("utf-8"))["vocab"]
        except TrainingError:
            raise
        except Exception as error:  # onnx and onnxruntime raise many kinds
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise TrainingError(f"Kokoro in {self.folder} cannot be read: {reason}", HINT) from error

    @cache  # noqa: B019 - the object lives as long as the program
    def voice(self, name: str) -> np.ndarray:
        """Style vectors (rows, 256) of a voice, or of the mean of several: ``af_bella+am_adam``."""
        tables = []
        for part in name.split("+"):
            path = self.folder / "voices" / f"{part}.bin"
            try:
                tables.append(np.fromfile(path, "<f4").reshape(-1, STYLE))
            except (OSError, ValueError) as error:
                raise TrainingError(f"Kokoro's voice {path} is missing or damaged.", HINT) from error
        rows = min(map(len, tables))
        return np.stack([table[:rows] for table in tables]).mean(axis=0)

    def speak(self, text: str, voice: str = "af_heart", language: str = "en-us", speed: float = 1.0) -> Spoken:
        """Speaks ``text``; gives (float32 samples, samples a second, phone spans).

        ``voice`` is a name or several with ``+`` between them, ``language`` one of en-us, en-gb, es, fr, it, pt;
        ``speed`` 1 is the usual. Raises NotSpoken for a text that the model cannot take.
        """
        symbols = phonemes(text, language)
        symbols = "".join(symbol for symbol in symbols if symbol in self._symbols)
        table = self.voice(voice)
        if not 0 < len(symbols) <= len(table):
            raise NotSpoken(f"{len(symbols)} symbols are not 1 to {len(table)}", "length")
        inputs = {
            "tokens": np.array([[0, *(self._symbols[symbol] for symbol in symbols), 0]], np.int64),
            "style": table[len(symbols) - 1 : len(symbols)],
            "speed": np.array([speed], np.float32),
        }
        sound, units = self._session.run(["audio", _DURATIONS], inputs)
        samples = np.asarray(sound, np.float32).ravel()
        segments = _trim(_segments(symbols, np.asarray(units).ravel()), samples)
        return samples, RATE, timeline(segments, len(samples) / RATE, partial(from_kokoro, language=language))


def phonemes(text: str, language: str) -> str:
    """Kokoro's symbols for ``text``. Raises TrainingError for another language, NotSpoken for foreign words."""
    if language in ("en-us", "en-gb"):
        return _english(language == "en-gb")(text)
    if language not in ESPEAK_VOICES:
        raise TrainingError(f"Kokoro reads en-us, en-gb, {', '.join(ESPEAK_VOICES)}, not {language!r}.")
    # espeak-ng drops the marks between clauses, which make Kokoro pause.
    parts = re.split(r"([;:,.!?—…]+)", re.sub(r"[¿¡]", "", text))
    read = [part[:1] if place % 2 else _espeak(part, ESPEAK_VOICES[language]) for place, part in enumerate(parts)]
    return re.sub(r"\s+([;:,.!?—…])\s*", r"\1 ", " ".join(part for part in read if part)).strip()


def _english(british: bool):
    try:
        from hibari.g2p import G2P
    except ImportError as error:
        raise TrainingError("Kokoro's English needs hibari-tts.", "Install it: pip install hibari-tts") from error
    return _load_english(G2P, british)


@cache
def _load_english(g2p, british: bool):
    return g2p(british=british)


def _espeak(clause: str, voice: str) -> str:
    if not clause.strip():
        return ""
    command = ["espeak-ng", "-q", "--ipa", "--tie=^", "-v", voice, clause.strip()]
    try:
        answer = subprocess.run(command, capture_output=True, timeout=_ESPEAK_SECONDS, check=True)
    except FileNotFoundError as error:
        raise TrainingError("espeak-ng is not installed.", f"Install it: apt-get install {ESPEAK_PACKAGES}") from error
    except subprocess.SubprocessError as error:
        raise NotSpoken(f"espeak-ng cannot read {clause!r}", "engine failed") from error
    symbols = " ".join(answer.stdout.decode("utf-8").split())
    if "(" in symbols:
        raise NotSpoken(f"espeak-ng finds foreign words in {clause!r}", "foreign words")
    for tied, letter in _TIED.items():
        symbols = symbols.replace(tied, letter)
    return symbols.replace("^", "").replace("-", "")


def _segments(symbols: str, units: np.ndarray) -> list[tuple[float, float, str]]:
    """Phones as (start s, end s, symbols with their marks); pauses are empty.

    ``units`` holds the durations of the start, every symbol and the end. A stress mark's time belongs to the vowel that
    follows, a length mark's to the phone before, that of a short space to the next phone.
    """
    edges = np.concatenate([[0.0], np.cumsum(units, dtype=np.float64)]) * _UNIT / RATE - _LATE
    segments: list[tuple[float, float, str]] = []
    start, place = float(edges[1]), 0
    while place < len(symbols):
        first = place
        while place < len(symbols) and symbols[place] in _SPACES:
            place += 1
        if place > first and (place == len(symbols) or units[first + 1 : place + 1].sum() > _LONGEST_JOIN):
            end = float(edges[place + 1])
            segments.append((start, end, ""))
            start = end
        first = place
        while place < len(symbols) and symbols[place] in _BEFORE:
            place += 1
        if place == len(symbols) or symbols[place] in _SPACES:
            continue
        place += 1
        while place < len(symbols) and symbols[place] in _AFTER:
            place += 1
        end = float(edges[place + 1])
        segments.append((start, end, symbols[first:place]))
        start = end
    return [(max(start, 0.0), max(end, 0.0), name) for start, end, name in segments]


def _trim(segments: list[tuple[float, float, str]], samples: np.ndarray) -> list[tuple[float, float, str]]:
    """Ends a phone before a pause where its sound ends: Kokoro draws the last phone of a sentence into the silence."""
    level = np.abs(samples[: len(samples) // _STEP * _STEP]).reshape(-1, _STEP).max(1, initial=0.0)
    loud = level > _QUIET * level.max(initial=1e-9)
    trimmed: list[tuple[float, float, str]] = []
    for at, (start, end, name) in enumerate(segments):
        if name and (at + 1 == len(segments) or not segments[at + 1][2]):
            first, last = int(start * RATE / _STEP), int(end * RATE / _STEP)
            heard = np.flatnonzero(loud[first:last])
            if len(heard):
                end = min(end, (first + int(heard[-1]) + 1) * _STEP / RATE)
        trimmed.append((start, end, name))
    return trimmed
