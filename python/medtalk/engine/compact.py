"""What the two engines of a compact bundle share: the features on either side of its graphs (numpy only)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.audio import FPS as RIG_FPS
from medtalk.audio import RATE
from medtalk.engine.base import GuideKind, Heard
from medtalk.errors import GuidanceError, SettingError
from medtalk.guidance import Mood
from medtalk.watch import stage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle

# What a second of sound costs in the ear, roughly: only for the progress that is shown while it runs.
_LISTEN_SECONDS = 0.015
_FULL = (
    "Use one of the kind medtalk with --bundle: `medtalk bundle import-official --label audio_semantic.pth --clip "
    "clip_emotion.pth -o BUNDLE` makes it from the authors' weights."
)


class CompactEngine:
    """Log-mel and prosody, hashed words; an engine adds the graphs. See `medtalk.engine.Engine` for the calls."""

    note = ""

    def __init__(self, bundle: Bundle) -> None:
        self._describes = "text" in bundle.guidance

    def hear(self, samples: NDArray, emotion_features: NDArray | None = None) -> Heard:
        from medtalk.backbones.prosody import effort, prosody

        if emotion_features is not None:
            raise SettingError("A compact bundle computes its own features and takes none ready-made.", _FULL)
        stage("listen", 0.65, expected=_LISTEN_SECONDS * len(samples) / RATE)
        features, posteriors = self.listen(samples)
        stage("listen", 0.85)
        voice = prosody(samples)
        sound = np.concatenate([features, effort(voice)[:, None]], axis=1)
        emotion_features = np.concatenate([voice, posteriors], axis=1)
        return Heard(self.content(sound, posteriors), emotion_features, posteriors, sound)

    def hear_batch(self, clips: Sequence[NDArray]) -> list[Heard]:
        return [self.hear(samples) for samples in clips]

    def transcribe(self, samples: NDArray, language: str | None = None) -> str:
        if language is not None:
            self.check_language(language)
        return ""

    def check_language(self, language: str) -> None:
        raise SettingError("A compact bundle hears no words, in any language.", "Leave it out; give a transcript.")

    def prepare(self, part: str) -> None:
        pass  # it has no pretrained backbones

    def intensity(self, emotion_features: NDArray, transcript: str, times: NDArray | None = None) -> NDArray:
        from medtalk.alignment import MAX_WORDS
        from medtalk.backbones.windows import by_windows
        from medtalk.backbones.words import NO_WORDS, tokenise

        tokens = tokenise(transcript, MAX_WORDS) if transcript else NO_WORDS
        if times is None:
            times = np.full((len(tokens), 2), -1.0, np.float32)
        return np.maximum(by_windows(self._intensity, emotion_features, tokens, times), 0.0)

    def guide(self, kind: GuideKind, what: str | Path | bytes | NDArray) -> Mood:
        from medtalk.backbones.words import latin, tokenise

        if kind != "text" or not self._describes:
            noun = "descriptions" if kind == "text" else "pictures"
            raise GuidanceError(f"This compact bundle understands no {noun}.", _FULL)
        if not isinstance(what, str):
            raise SettingError("A compact bundle computes its own features and takes none ready-made.", _FULL)
        if not latin(what):
            raise GuidanceError(
                f"This compact bundle understands nothing of {what[:40]!r}: it knows English words.",
                f"Describe it in English, or use a bundle that may read more. {_FULL}",
            )
        weights, strength = self._describe(tokenise(what))
        return Mood.of(what, weights.tolist(), strength)

    def decode(self, content: NDArray, emotion: NDArray, intensity: NDArray, guided: bool = False) -> NDArray:
        return self._decode(content, emotion, intensity)

    def listen(self, samples: NDArray) -> tuple[NDArray, NDArray]:
        """The ear alone: features (T, F - 1) and phone posteriors (T, 35) of a clip (n,) at 16 kHz."""
        from medtalk.backbones.listening import listen

        features, logits = listen(samples, self._listen, RIG_FPS)
        return features, softmax(logits)

    def content(self, sound: NDArray, posteriors: NDArray) -> NDArray:
        raise NotImplementedError

    def _listen(self, mel: NDArray) -> tuple[NDArray, NDArray]:
        """Whisper's log-mel (M, 80) -> features (M / 2, F - 1), phone logits (M / 2, 35)."""
        raise NotImplementedError

    def _intensity(self, emotion_features: NDArray, tokens: NDArray, times: NDArray) -> NDArray:
        """emotion features (T, 51), word tokens (N, 8) int64, their times (N, 2) in s or -1 -> (T,)."""
        raise NotImplementedError

    def _describe(self, tokens: NDArray) -> tuple[NDArray, float]:
        """word tokens (N, 8) int64 -> weights of the labels (7,), strength."""
        raise NotImplementedError

    def _decode(self, content: NDArray, emotion: NDArray, intensity: NDArray) -> NDArray:
        raise NotImplementedError


def softmax(logits: NDArray) -> NDArray:
    """Posteriors of logits (T, K)."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
