"""Speech from espeak-ng through its C library, with the time of every phone.

espeak-ng is a formant synthesiser: less like a human than the others, but it speaks many languages, with dozens of
voice variants, fast. Its library keeps a state for the whole process that every utterance changes a little, and it
cannot be stopped from outside. So `speak_all` lets a fresh process speak a list: the same list gives the same sound, in
bounded time.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from io import BytesIO

import numpy as np

from medtalk.errors import TrainingError
from medtalk_train.synthetic.corpus.phones import NotSpoken, Span, from_ipa, timeline

PACKAGES = "espeak-ng libespeak-ng1 espeak-ng-data"
_SYNCHRONOUS = 2
_PHONEME_EVENTS, _PHONEME_IPA, _DONT_EXIT = 0x0001, 0x0002, 0x8000
_EVENT_END, _EVENT_PHONEME = 0, 7
_RATE, _PITCH, _RANGE = 1, 3, 4
_POSITION_CHARACTER = 1
_UTF8 = 1
_MOST_SECONDS = 20.0  # a runaway utterance is stopped here
_TIME_START, _TIME_EACH = 30.0, 5.0  # s a process may take

_VOICELESS_STOPS = ("p", "t", "k", "c", "q", "ʈ")
_LONGEST_CLOSURE = 0.080  # s
_SHORTEST_REST = 0.015  # s which the phone before a closure keeps
_QUIET_WINDOW = 45  # samples
_QUIET_LEVEL = 0.006  # of the peak

Spoken = tuple[np.ndarray, int, list[Span]]


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """The library; at most one in a process."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1"
        try:
            self._library = ctypes.CDLL(name)
        except OSError as error:
            raise TrainingError("espeak-ng is not installed.", f"Install it: apt-get install {PACKAGES}") from error
        options = _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT
        self.rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, options)
        if self.rate <= 0:
            raise TrainingError("The data of espeak-ng are missing.", f"Install them: apt-get install {PACKAGES}")
        self._blocks: list[np.ndarray] = []
        self._marks: list[tuple[int, str]] = []
        self._count = 0
        self._callback = _CALLBACK(self._collect)  # kept, or the library would call freed memory
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples, count: int, events) -> int:
        if samples and count > 0:
            self._blocks.append(np.ctypeslib.as_array(samples, (count,)).astype(np.int16))
            self._count += count
        place = 0
        while events[place].type != _EVENT_END:
            event = events[place]
            if event.type == _EVENT_PHONEME:
                # The field holds 8 bytes and may be cut within a letter.
                self._marks.append((event.sample, event.id.string.decode("utf-8", "ignore")))
            place += 1
        return int(self._count > _MOST_SECONDS * self.rate)

    def speak(self, text: str, voice: str = "en-us", rate: int = 165, pitch: int = 50, pitch_range: int = 50) -> Spoken:
        """Speaks ``text``; gives (int16 samples, samples a second, phone spans).

        ``voice`` is an espeak-ng language with an optional variant (``de+f3``), ``rate`` words a minute, ``pitch`` and
        ``pitch_range`` 0 to 99. Raises TrainingError for a voice that is not there, UnknownPhone for a strange symbol.
        """
        library = self._library
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise TrainingError(f"espeak-ng has no voice {voice!r}.", f"Install: apt-get install {PACKAGES}")
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, pitch_range)):
            library.espeak_SetParameter(parameter, int(value), 0)
        self._blocks, self._marks, self._count = [], [], 0
        data = text.encode() + b"\0"
        library.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, _POSITION_CHARACTER, 0, _UTF8, None, None)
        samples = np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.int16)
        language = voice.split("+")[0]
        segments = _segments(self._marks, samples, self.rate)
        spans = timeline(segments, len(samples) / self.rate, partial(from_ipa, language=language))
        return samples, self.rate, spans


def check() -> None:
    """Raises TrainingError, naming the Debian packages, where espeak-ng is not installed."""
    speak_all([])


def speak(text: str, voice: str = "en-us", **settings: int) -> Spoken:
    """Speaks one sentence in a process of its own; arguments and result are those of `Espeak.speak`."""
    result = speak_all([(text, voice, settings)])[0]
    if isinstance(result, NotSpoken):
        raise result
    return result


def speak_all(requests: Sequence[tuple[str, str, dict[str, int]]]) -> list[Spoken | NotSpoken]:
    """Speaks (text, voice, settings of `Espeak.speak`) in one fresh process.

    Gives for each what `Espeak.speak` gives (samples as float32), or the NotSpoken that says why it could not be
    spoken. Raises TrainingError where espeak-ng, its data or a voice is missing.
    """
    command = [sys.executable, "-m", __name__ if __name__ != "__main__" else "medtalk_train.synthetic.corpus.espeak"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    limit = _TIME_START + _TIME_EACH * len(requests)
    question = json.dumps(list(requests)).encode()
    try:
        answer = subprocess.run(
            command, input=question, capture_output=True, timeout=limit, check=False, env=environment
        )
        output = answer.stdout
    except subprocess.TimeoutExpired as expired:
        output = expired.stdout or b""  # what was spoken before the one that hangs counts
    stream = BytesIO(output)
    results: list[Spoken | NotSpoken] = []
    for line in iter(stream.readline, b""):
        head = json.loads(line)
        if "missing" in head:
            raise TrainingError(*head["missing"])
        if "refused" in head:
            results.append(NotSpoken(*head["refused"]))
            continue
        data = stream.read(2 * head["samples"])
        if len(data) < 2 * head["samples"]:
            break
        samples = np.frombuffer(data, "<i2").astype(np.float32) / 32768.0
        results.append((samples, head["rate"], [(a, b, c) for a, b, c in head["phones"]]))
    while len(results) < len(requests):
        results.append(NotSpoken("espeak-ng stopped before this sentence", "engine failed"))
    return results


def _serve() -> None:
    """The other end of `speak_all`: JSON in; for each sentence a JSON line, then int16 samples out."""
    requests = json.load(sys.stdin)
    output = sys.stdout.buffer

    def write(head: dict, data: bytes = b"") -> None:
        output.write(json.dumps(head).encode() + b"\n" + data)
        output.flush()

    try:
        engine = Espeak()
        for text, voice, settings in requests:
            try:
                samples, rate, phones = engine.speak(text, voice, **settings)
            except NotSpoken as error:
                write({"refused": [str(error), error.reason]})
            else:
                write({"samples": len(samples), "rate": rate, "phones": phones}, samples.astype("<i2").tobytes())
    except TrainingError as error:
        write({"missing": [error.message, error.hint]})


def _segments(marks: list[tuple[int, str]], samples: np.ndarray, rate: int) -> list[tuple[float, float, str]]:
    """Phones as (start s, end s, label) with every voiceless stop begun at its closure instead of its burst."""
    quiet = _quiet(samples)
    starts = [min(sample, len(samples)) for sample, _ in marks]
    for index, (_, label) in enumerate(marks):
        if not label.startswith(_VOICELESS_STOPS):
            continue
        earliest = starts[index] - int(_LONGEST_CLOSURE * rate)
        if index:
            # Silence before a stop is its closure, as far as a closure can last: the rest of a pause stays a pause.
            earliest = max(earliest, starts[index - 1] + int(_SHORTEST_REST * rate))
        start = starts[index]
        while start > max(earliest, 0) and quiet[start - 1]:
            start -= 1
        starts[index] = start
    ends = [*starts[1:], len(samples)]
    if marks:
        # What is silent after the last phone is a pause.
        end = len(samples)
        while end > starts[-1] and quiet[end - 1]:
            end -= 1
        ends[-1] = end
    return [(a / rate, b / rate, label) for a, b, (_, label) in zip(starts, ends, marks, strict=True)]


def _quiet(samples: np.ndarray) -> np.ndarray:
    """True where the 2 ms up to and with a sample are nearly silent, against the peak of the clip.

    The window looks back only: the burst right after a closure must not hide the closure's end.
    """
    if not len(samples):
        return np.zeros(0, bool)
    level = np.abs(samples.astype(np.float32))
    total = np.concatenate([np.zeros(_QUIET_WINDOW, np.float64), np.cumsum(level, dtype=np.float64)])
    mean = (total[_QUIET_WINDOW:] - total[:-_QUIET_WINDOW]) / _QUIET_WINDOW
    return mean < _QUIET_LEVEL * level.max()


if __name__ == "__main__":
    _serve()
