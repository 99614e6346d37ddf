"""The interface between a performance and the engine that runs the networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.guidance import Felt, Guidance


@dataclass(frozen=True, eq=False)
class Guided:
    """A sound as heard by the networks for a text or picture, where these are apart from those for labels.

    Attributes:
        content: content embedding, (T, 256).
        intensity: (T,).
    """

    content: NDArray
    intensity: NDArray


@dataclass(frozen=True, eq=False)
class Heard:
    """All that depends on a sound alone, at 60 fps.

    Attributes:
        content: content embedding, (T, 256) (Sec. 3.3, ACM), by the sound alone; of a baseline all that it hears.
        emotion_features: what intensity is predicted from, (T, E): prosody and posteriors (E = 51) in a compact bundle,
            emotion2vec's (E = 768) in one of the kind medtalk.
        posteriors: phone posteriors, (T, 35); None where a bundle has no phones.
        sound: what ACM hears beside the posteriors, (T, F), for `Engine.content`; None where a bundle has no phones.
        guided: the same as networks for a text or picture hear it; None where there are none apart.
    """

    content: NDArray
    emotion_features: NDArray
    posteriors: NDArray | None = None
    sound: NDArray | None = None
    guided: Guided | None = None


class Engine(Protocol):
    """The networks of a bundle over one clip at a time. All arrays are numpy, float32 unless said otherwise.

    A call under a `medtalk.watch.Watch` reports its stages and ends with `CancelledError` soon after that is cancelled.
    """

    @property
    def device(self) -> str:
        """The device: "cpu", "cuda:0"."""
        ...

    @property
    def note(self) -> str:
        """A note for the user, such as that a GPU's memory was not enough; "" for none."""
        ...

    def hear(self, samples: NDArray, emotion_features: NDArray | None = None) -> Heard:
        """Hear a whole clip.

        Args:
            samples: (n,) at 16 kHz; T = int(n * 60 / 16000) frames come out.
            emotion_features: the emotion backbone's features (N, E), spread evenly over the clip, if it is not to run.

        Raises:
            SettingError: given features of another width or another clip, or for an engine that takes none.
            BackboneError: a pretrained backbone that is needed is missing or does not fit.
        """
        ...

    def hear_batch(self, clips: Sequence[NDArray]) -> list[Heard]:
        """`hear` of several clips, which a GPU may work on together; they should be short and about as long."""
        ...

    def content(self, sound: NDArray, posteriors: NDArray) -> NDArray:
        """Content embedding (T, 256) of `Heard.sound` with other posteriors (T, 35), such as a transcript's."""
        ...

    def transcribe(self, samples: NDArray, language: str | None = None) -> str:
        """The words of a clip (n,) at 16 kHz, in a language ("zh", "Chinese"; None finds it out).

        "" where nothing is said, or where the bundle cannot transcribe.

        Raises:
            SettingError: a language that is not known, or any language for a bundle that cannot transcribe.
            BackboneError: Whisper is missing or does not fit.
        """
        ...

    def check_language(self, language: str) -> None:
        """Raise what `transcribe` would, before it has anything to do."""
        ...

    def intensity(self, emotion_features: NDArray, transcript: str, times: NDArray | None = None) -> NDArray:
        """Intensity (T,) of `Heard.emotion_features`; "" stands for unknown words (Sec. 3.3, CMF).

        `times` (N, 2) are those of the transcript's tokens, as `medtalk.features.alignment.token_times` gives them;
        the authors' networks do not use them.

        Raises:
            BackboneError: a pretrained backbone that reads words is missing or does not fit.
        """
        ...

    def hear_emotion(self, samples: NDArray, activity: NDArray) -> Felt:
        """The emotion in the voice of a clip (n,) at 16 kHz; `activity` (T,) says how surely somebody speaks.

        Only of a bundle that `hears_emotion`.
        """
        ...

    def prepare(self, part: str) -> None:
        """Load a pretrained backbone of the bundle now, not when it is first needed; nothing for one that it lacks.

        Raises:
            BackboneError: it is missing or does not fit.
            MissingExtraError: its library is not installed.
        """
        ...

    def label_vectors(self) -> NDArray:
        """Emotion vectors (7, K, 256) of the K kinds of face of each label, in the order of `medtalk.guidance.LABELS`.

        K is 1 for the authors' networks. Of a baseline they are (7, 1, 7), the labels themselves.
        """
        ...

    def guide_by_text(self, text: str, features: NDArray | None = None) -> Guidance:
        """The guidance of a description (Sec. 3.4).

        Args:
            text: the description.
            features: CLIP's features (512,) of it, so that CLIP need not run.

        Raises:
            GuidanceError: the bundle does not understand descriptions.
            SettingError: features of another shape, or for an engine that takes none.
            BackboneError: CLIP is missing or does not fit.
        """
        ...

    def guide_by_image(self, picture: str | Path | bytes, name: str, features: NDArray | None = None) -> Guidance:
        """The guidance of a picture, a file or its bytes, as `guide_by_text`; `name` is for `meta`.

        Raises:
            GuidanceError: the bundle does not understand pictures, or this one cannot be read.
        """
        ...

    def decode(
        self, content: NDArray, emotion: NDArray, intensity: NDArray, guided: bool = False, seed: int = 0
    ) -> NDArray:
        """Raw rig (T, 174) from content (T, 256), emotion (T, 256) and intensity (T,): eq. 9, E_fuse, D.

        `guided` says that the emotion is from a text or picture and the rest from `Heard.guided`. `seed` is of the
        chance in networks that have any.
        """
        ...
