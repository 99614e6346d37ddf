"""The paper's frozen backbones, each computed once for each sound, sentence, description or picture and then kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.backbones.pretrained import Pretrained
from medtalk.errors import MedtalkError, TrainingError
from medtalk.files import sha256_file
from medtalk_train.captured.cache import Cache
from medtalk_train.captured.takes import LazyArray
from medtalk_train.settings import PretrainedOptions

if TYPE_CHECKING:
    from medtalk.backbones.clip import Clip
    from medtalk.backbones.emotion2vec import Emotion2vec
    from medtalk.backbones.roberta import Roberta
    from medtalk.backbones.wav2vec2 import Wav2Vec2
    from medtalk.backbones.whisper import Transcriber


class Frozen:
    """The backbones of a recipe over a cache. Nothing is loaded before it is needed, and nothing that is kept already.

    Each call gives the name of a file in the cache: float16 features, or of `transcript` UTF-8 bytes. An array's key is
    the hash of what it was computed from; its folder names the backbone by the hash of its files.
    """

    def __init__(self, options: PretrainedOptions, cache: Cache, device: str = "cpu") -> None:
        self.options, self.cache, self.device = options, cache, device
        self._identities: dict[str, str] = {}

    def locate(self) -> dict[str, str]:
        """Find every backbone, on the network if the recipe allows; {part: hash of its files}.

        Raises:
            BackboneError: one is nowhere.
            MissingExtraError: a library is not installed.
        """
        parts = ["wav2vec2", "emotion2vec", "roberta"]
        parts += [part for part in ("whisper", "clip") if getattr(self.options, part)]
        return {part: self._identity(part) for part in parts}

    def content(self, sound: LazyArray) -> str:
        """wav2vec2's state of a sound, (T, W) at 60 fps."""
        part = f"wav2vec2-{self._identity('wav2vec2')}-{self.options.layer}"
        return self._kept(part, sound, lambda: self._wav2vec2.features(sound.read()))

    def emotion(self, sound: LazyArray) -> str:
        """emotion2vec's features of a sound, (T, W) at 60 fps."""
        return self._kept(
            f"emotion2vec-{self._identity('emotion2vec')}", sound, lambda: self._emotion2vec.features(sound.read())
        )

    def transcript(self, sound: LazyArray) -> str:
        """Whisper's transcript of a sound, as text."""

        def words() -> np.ndarray:
            heard = self._whisper.transcribe(sound.read(), self.options.language or None).text
            return np.frombuffer(heard.encode(), np.uint8)

        part = f"whisper-{self._identity('whisper')}-{self.options.language}"
        name = self._of(sound, lambda: self.cache.file(part, sound.key(), words))
        return bytes(self.cache.open(name)).decode()

    def words(self, sentence: str) -> str:
        """RoBERTa's features of a sentence, (N, W); "" stands for unknown words."""
        part = f"roberta-{self._identity('roberta')}"
        return self.cache.file(part, _hash(sentence), lambda: _half(self._roberta.features(sentence)))

    def description(self, text: str) -> str:
        """CLIP's features of a description, (W,)."""
        part = f"clip-text-{self._identity('clip')}"
        return self.cache.file(part, _hash(text), lambda: _half(self._clip.encode_text(text)))

    def picture(self, path: Path) -> str:
        """CLIP's features of a picture, (W,)."""
        part = f"clip-image-{self._identity('clip')}"
        return self.cache.file(part, sha256_file(path), lambda: _half(self._clip.encode_image(path)))

    def source(self, part: str) -> Pretrained:
        """The source of a backbone: the folder or file of that name, if there is one, else its library's."""
        name = str(getattr(self.options, part))
        path = Path(name) if Path(name).exists() else None
        return Pretrained(name, path, self.options.offline, self.device)

    def name(self, part: str) -> str:
        """The name of a backbone in a bundle: of a folder only its last part, since its place concerns nobody else."""
        source = self.source(part)
        return source.name if source.path is None else source.path.resolve().name

    def _kept(self, part: str, sound: LazyArray, compute: Callable[[], np.ndarray]) -> str:
        return self._of(sound, lambda: self.cache.file(part, sound.key(), lambda: _half(compute())))

    @staticmethod
    def _of(sound: LazyArray, work: Callable[[], str]) -> str:
        """The result of `work`; an error of a backbone names the file of the sound."""
        try:
            return work()
        except MedtalkError as error:
            if str(sound.file) in error.message:
                raise
            raise TrainingError(f"{sound.file}: {error.message}", error.hint) from error

    def _identity(self, part: str) -> str:
        """The first twelve digits of a hash over the names and bytes of a backbone's files."""
        if part not in self._identities:
            from medtalk.backbones import clip, emotion2vec, roberta, wav2vec2
            from medtalk.backbones import whisper as transcript

            adapters = {"wav2vec2": wav2vec2, "emotion2vec": emotion2vec, "roberta": roberta, "clip": clip,
                        "whisper": transcript}  # fmt: skip
            place = adapters[part].locate(self.source(part))
            digest = hashlib.sha256()
            for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
                if file.is_file() and not file.name.startswith("."):
                    digest.update(f"{file.name} {sha256_file(file)}\n".encode())
            self._identities[part] = digest.hexdigest()[:12]
        return self._identities[part]

    @cached_property
    def _wav2vec2(self) -> Wav2Vec2:
        from medtalk.backbones.wav2vec2 import Wav2Vec2

        return Wav2Vec2(self.source("wav2vec2"), self.options.layer)

    @cached_property
    def _emotion2vec(self) -> Emotion2vec:
        from medtalk.backbones.emotion2vec import Emotion2vec

        return Emotion2vec(self.source("emotion2vec"))

    @cached_property
    def _whisper(self) -> Transcriber:
        from medtalk.backbones.whisper import Transcriber

        return Transcriber(self.source("whisper"))

    @cached_property
    def _roberta(self) -> Roberta:
        from medtalk.backbones.roberta import Roberta

        return Roberta(self.source("roberta"))

    @cached_property
    def _clip(self) -> Clip:
        from medtalk.backbones.clip import Clip

        return Clip(self.source("clip"))


def _half(features: np.ndarray) -> np.ndarray:
    return features.astype(np.float16)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
