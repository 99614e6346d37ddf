"""Whisper (openai-whisper): the words of a voice, their language and their times."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtalk.backbones.pretrained import Pretrained, cancellable, check_samples, loading, needs_extra
from medtalk.errors import SettingError
from medtalk.watch import checkpoint

with needs_extra():
    import torch
    import whisper
    from whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class SpokenWord:
    """A word with its punctuation, as heard from `start` to `end` in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Transcript:
    """A transcript: the text, its language as a code ("zh", "en"), and the words in order, if requested."""

    text: str
    language: str
    words: tuple[SpokenWord, ...]


def locate(source: Pretrained, update: bool = False) -> Path:
    """File with the weights; `BackboneError` if there is none and none can be downloaded.

    Unless offline, a cached file whose bytes have changed is downloaded again, so `update` has nothing to add.
    """
    if file := source.local_path(file=True):
        return file
    checkpoint()
    if source.name not in whisper.available_models():
        raise SettingError(f"Unknown Whisper {source.name!r}; valid are {', '.join(whisper.available_models())}.")
    # whisper.load_model takes the name as well, but it may download a file again whose bytes have changed.
    url = whisper._MODELS[source.name]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "whisper"
    if not source.offline:
        try:
            return Path(str(whisper._download(url, str(cache), in_memory=False)))
        except Exception as error:  # of the network or the disk
            raise source.missing(error) from error
    file = cache / url.rsplit("/", 1)[1]
    if not file.is_file():
        raise source.missing()
    return file


class Transcriber:
    """A Whisper. It hears samples that are decoded already: the program ffmpeg is never needed."""

    def __init__(self, source: Pretrained) -> None:
        """Load from `source`, whose `path` is a `.pt` file. Both half precisions mean float16, and on a GPU only.

        Raises:
            SettingError: a name that Whisper does not have, or a device that is not there.
            BackboneError: weights that are missing or of another model.
            MissingExtraError: openai-whisper is not installed.
        """
        device, dtype = source.placement()
        file = locate(source)
        with loading(source, file):
            self._model: Any = whisper.load_model(str(file), device=str(device))
            if source.path is None:
                # Which attention heads follow the words in time: known for the published weights alone.
                self._model.set_alignment_heads(whisper._ALIGNMENT_HEADS[source.name])
            self._model.eval().requires_grad_(False)
        cancellable(self._model)
        self._half = device.type == "cuda" and dtype != torch.float32

    @torch.inference_mode()
    def transcribe(self, samples: NDArray[np.float32], language: str | None = None, times: bool = False) -> Transcript:
        """The words of a clip. The same sound always gives the same words.

        Args:
            samples: (n,) float32 at 16 kHz.
            language: as a code or an English name ("zh", "Chinese"); None finds it out from the first 30 s.
            times: give the words with their times, for which the decoder runs once more; else there are none.

        Raises:
            SettingError: a language that this model does not know.
        """
        code = None if language is None else self.code(language)
        sound = torch.tensor(check_samples(samples, 1))  # a copy: torch cannot hold read-only arrays
        with warnings.catch_warnings():
            # The device is the caller's choice, also where there is a GPU.
            warnings.filterwarnings("ignore", "Performing inference on CPU when CUDA is available")
            heard = self._model.transcribe(
                sound,
                language=code,
                word_timestamps=times,
                # Sampling, its other way out of a loop of repetitions, draws random numbers; with every half minute
                # heard by itself a loop ends there.
                temperature=0.0,
                condition_on_previous_text=False,
                fp16=self._half,
                verbose=None,
            )
        words = tuple(
            SpokenWord(word["word"].strip(), float(word["start"]), float(word["end"]))
            for segment in heard["segments"]
            for word in segment.get("words", ())
        )
        return Transcript(heard["text"].strip(), heard["language"], words)

    def code(self, language: str) -> str:
        """A language's code; `SettingError` unless this model knows it."""
        code = language.strip().lower()
        code = TO_LANGUAGE_CODE.get(code, code)
        known = list(LANGUAGES)[: self._model.num_languages] if self._model.is_multilingual else ["en"]
        if code not in known:
            raise SettingError(
                f"Whisper does not know the language {language[:40]!r}; valid are {', '.join(known)}.",
                "Leave it out to have it detected.",
            )
        return code
