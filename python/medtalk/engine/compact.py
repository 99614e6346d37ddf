"""Common to the two engines of a compact bundle: the features on either side of its graphs (numpy only)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.backbones.pretrained import FACE_LANDMARKER, Pretrained
from medtalk.bundle import LIVE_GRAPH, TEXT_WORDS
from medtalk.engine.interface import Heard
from medtalk.errors import BundleError, GuidanceError, SettingError
from medtalk.guidance import LABELS, NEUTRAL, Description, Felt, Guidance, Picture
from medtalk.rates import FPS, RATE
from medtalk.rig.channels import N_CHANNELS
from medtalk.watch import checkpoint, stage
from medtalk_board.moods import MIXED, MIXED_SYNONYMS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.backbones.face_landmarker import FaceLandmarker
    from medtalk.bundle import Bundle
    from medtalk.engine.onnx_graph import OnnxGraph
    from medtalk.features.vocabulary import Vocabulary

Ear = Callable[["NDArray"], "tuple[NDArray, NDArray]"]

# What a second of sound costs in the ear, roughly: only for the progress that is shown while it runs.
_LISTEN_SECONDS = 0.015
_DECODED = 1 << 13  # frames
_MOST_KINDS = 64
_MOSTLY = 0.5  # of an expression; where less is explained, a note says so
_SURE = 0.6  # from which weight on a feeling is found in a description that has no word for one
_FULL = (
    "Use one of the kind medtalk with --bundle: `medtalk bundle import-official --label audio_semantic.pth --clip "
    "clip_emotion.pth -o BUNDLE` makes it from the authors' weights."
)


class CompactEngine:
    """Log-mel and prosody, hashed words; an engine adds the graphs. See `medtalk.engine.Engine` for the calls."""

    note = ""
    face_landmarker = Pretrained(FACE_LANDMARKER)
    """Sees the expression in a picture, when one is first given; `open_engine` says where its file is."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._describes = "text" in bundle.guidance
        self._kinds = _kinds(bundle)  # of face that each label has

    def hear(self, samples: NDArray, emotion_features: NDArray | None = None) -> Heard:
        if emotion_features is not None:
            raise SettingError("A compact bundle computes its own features and accepts no ready-made ones.", _FULL)
        sound, posteriors, emotion_features = acoustics(samples, self._listen)
        return Heard(self.content(sound, posteriors), emotion_features, posteriors, sound)

    def hear_batch(self, clips: Sequence[NDArray]) -> list[Heard]:
        return [self.hear(samples) for samples in clips]

    def transcribe(self, samples: NDArray, language: str | None = None) -> str:
        if language is not None:
            self.check_language(language)
        return ""

    def check_language(self, language: str) -> None:
        raise SettingError(
            "A compact bundle does not transcribe speech, so it takes no language.",
            "Leave the language out, and give a transcript.",
        )

    def prepare(self, part: str) -> None:
        if part == FACE_LANDMARKER:  # its only pretrained backbone
            _ = self._landmarker

    def intensity(self, emotion_features: NDArray, transcript: str, times: NDArray | None = None) -> NDArray:
        from medtalk.engine.windows import by_windows
        from medtalk.features.alignment import MAX_WORDS
        from medtalk.features.words import NO_WORDS, tokenise

        tokens = tokenise(transcript, MAX_WORDS) if transcript else NO_WORDS
        if times is None:
            times = np.full((len(tokens), 2), -1.0, np.float32)
        return np.maximum(by_windows(self._intensity, emotion_features, tokens, times), 0.0)

    def hear_emotion(self, samples: NDArray, activity: NDArray) -> Felt:
        from medtalk.features.voice import voice_state

        state = voice_state(samples, activity, self._states)
        weights, arousal = self._judge(state)
        return Felt(dict(zip(LABELS, weights.tolist(), strict=True)), self._bundle.name, arousal)

    def guide_by_text(self, text: str, features: NDArray | None = None) -> Guidance:
        from medtalk.features.vocabulary import Reading
        from medtalk.features.words import tokenise

        if not self._describes:
            raise GuidanceError("This compact bundle does not understand descriptions.", _FULL)
        if features is not None:
            raise SettingError("A compact bundle computes its own features and accepts no ready-made ones.", _FULL)
        name = text.strip(" .!").lower()
        if (mood := MIXED_SYNONYMS.get(name, name)) in MIXED:  # the encoder answers in labels, which show it faintly
            return Description(text, {mood: 1.0}, 1.0)
        # A bundle that was made before its words were kept guesses at all.
        read = self._vocabulary.read(text) if self._vocabulary else Reading(text)
        if not read.text:
            return Description(text, {NEUTRAL: 1.0}, 1.0, read.note)
        meanings = self._vocabulary.meanings if self._vocabulary else None
        weights, strength = self._describe(meanings.tokenise(read.text) if meanings else tokenise(read.text))
        if read.doubt and (int(weights.argmax()) == LABELS.index(NEUTRAL) or weights.max() < _SURE):
            return Description(text, {NEUTRAL: 1.0}, 1.0, read.doubt)
        guess = (
            f"No word in the description names a feeling: {LABELS[weights.argmax()]} is a guess." if read.doubt else ""
        )
        return Description.of(text, weights.tolist(), strength, f"{read.note} {guess}".strip(), not read.named)

    def guide_by_image(self, picture: str | Path | bytes, name: str, features: NDArray | None = None) -> Guidance:
        from medtalk.features.expression import expression

        if features is not None:
            raise SettingError("A compact bundle computes its own features and accepts no ready-made ones.", _FULL)
        called = name or "the picture"
        face = self._landmarker.read(picture, called)
        seen = expression(face.shapes)
        notes = []
        if face.faces > 1:
            notes.append(f"{face.faces} faces are seen in {called}; the largest is taken.")
        if seen.explained < _MOSTLY and NEUTRAL not in seen.weights:  # of a face at rest there is nothing to explain
            notes.append(f"The labels explain {seen.explained:.0%} of the expression in {called}.")
        weights = {label: seen.weights[label] for label in LABELS if label in seen.weights}
        return Picture(name, weights, seen.strength, seen.explained, " ".join(notes))

    @cached_property
    def _landmarker(self) -> FaceLandmarker:
        from medtalk.backbones.face_landmarker import FaceLandmarker

        return FaceLandmarker(self.face_landmarker)

    @cached_property
    def _vocabulary(self) -> Vocabulary | None:
        from medtalk.features.vocabulary import Vocabulary

        kept = TEXT_WORDS in self._bundle.manifest["files"]
        return Vocabulary(**json.loads(self._bundle.read(TEXT_WORDS))) if kept else None

    def decode(
        self, content: NDArray, emotion: NDArray, intensity: NDArray, guided: bool = False, seed: int = 0
    ) -> NDArray:
        # Each frame is decoded alone, and what lies between the layers of an hour takes 2 GB.
        out = np.empty((len(content), N_CHANNELS), np.float32)
        for start in range(0, len(out), _DECODED):
            checkpoint(start / len(out))
            part = slice(start, start + _DECODED)
            out[part] = self._decode(content[part], emotion[part], intensity[part])
        return out

    def listen(self, samples: NDArray) -> tuple[NDArray, NDArray]:
        """The ear alone: features (T, F - 1) and phone posteriors (T, 35) of a clip (n,) at 16 kHz."""
        return listened(samples, self._listen)

    def listen_to(self, mel: NDArray) -> tuple[NDArray, NDArray]:
        """The ear alone, of a log-mel (M, 80): features (M / 2, F - 1), phone logits (M / 2, 35)."""
        return self._listen(mel)

    @cached_property
    def live_graph(self) -> OnnxGraph | None:
        """The graph that hears streams step by step, None where the bundle has none. It always runs in ONNX Runtime
        and on one core: a step is small."""
        if LIVE_GRAPH not in self._bundle.manifest["files"]:
            return None
        from medtalk.engine.onnx_graph import OnnxGraph

        return OnnxGraph(self._bundle, LIVE_GRAPH, threads=1, lender="listen.onnx")

    def content(self, sound: NDArray, posteriors: NDArray) -> NDArray:
        raise NotImplementedError

    def _listen(self, mel: NDArray) -> tuple[NDArray, NDArray]:
        """Whisper's log-mel (M, 80) -> features (M / 2, F - 1), phone logits (M / 2, 35)."""
        raise NotImplementedError

    def _states(self, mel: NDArray) -> NDArray:
        """Whisper's log-mel (M, 80) -> the states (M / 2, width) that emotions are heard in."""
        raise NotImplementedError

    def _judge(self, state: NDArray) -> tuple[NDArray, float]:
        """Mean state (width,) -> weights of the labels (7,), arousal."""
        raise NotImplementedError

    def _intensity(self, emotion_features: NDArray, tokens: NDArray, times: NDArray) -> NDArray:
        """emotion features (T, 51), word tokens (N, 8) int64, their times (N, 2) in s or -1 -> (T,)."""
        raise NotImplementedError

    def _describe(self, tokens: NDArray) -> tuple[NDArray, float]:
        """word tokens (N, 8) int64 -> weights of the labels (7,), strength."""
        raise NotImplementedError

    def _decode(self, content: NDArray, emotion: NDArray, intensity: NDArray) -> NDArray:
        raise NotImplementedError


def listened(samples: NDArray, ear: Ear) -> tuple[NDArray, NDArray]:
    """What an ear makes of a clip (n,) at 16 kHz: features (T, F - 1) and phone posteriors (T, 35)."""
    from medtalk.features.listening import listen

    features, logits = listen(samples, ear, FPS)
    return features, softmax(logits)


def acoustics(samples: NDArray, ear: Ear) -> tuple[NDArray, NDArray, NDArray]:
    """What networks behind our own ear hear of a clip (n,) at 16 kHz.

    Args:
        samples: the clip.
        ear: Whisper's log-mel (M, 80) -> features (M / 2, F - 1), phone logits (M / 2, 35).

    Returns:
        The sound, features with the vocal effort, (T, F); phone posteriors (T, 35); what emotion is heard in, prosody
        and posteriors, (T, 51).
    """
    from medtalk.features.prosody import effort, prosody

    stage("listen", 0.65, expected=_LISTEN_SECONDS * len(samples) / RATE)
    features, posteriors = listened(samples, ear)
    stage("listen", 0.85)
    voice = prosody(samples)
    sound = np.concatenate([features, effort(voice)[:, None]], axis=1)
    return sound, posteriors, np.concatenate([voice, posteriors], axis=1)


def _kinds(bundle: Bundle) -> int:
    """How many kinds of face each label of a bundle has; one in bundles that do not say."""
    sizes = bundle.manifest.get("sizes")
    model = sizes.get("model") if isinstance(sizes, dict) else None
    kinds = model.get("kinds", 1) if isinstance(model, dict) else 1
    if type(kinds) is not int or not 1 <= kinds <= _MOST_KINDS:
        raise BundleError(
            f"Bundle {bundle.folder} has {str(kinds)[:20]!r} kinds of face a label; valid are 1 to {_MOST_KINDS}.",
            "Use another bundle.",
        )
    return kinds


def softmax(logits: NDArray) -> NDArray:
    """Posteriors of logits (T, K)."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
