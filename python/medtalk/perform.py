"""The public face of generation: a `Model` hears a sound once, the `Performance` it gives decodes as often as asked.

All that depends on the sound alone (content, posteriors, intensity) is computed by `Model.perform`; decoding with
another emotion, an edited intensity or other finishing touches no audio and takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property, partial
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.audio import Speech, read_speech
from medtalk.backbones.pretrained import EMOTION2VEC_PLUS, Pretrained, in_modelscope_cache
from medtalk.bundle import Bundle, load_bundle
from medtalk.dynamics import delayed, strength
from medtalk.engine import Engine, Guided, Heard, open_engine
from medtalk.errors import BackboneError, GuidanceError, MissingExtraError, SettingError, require
from medtalk.features.alignment import MAX_WORDS as MAX_TRANSCRIPT_WORDS
from medtalk.features.alignment import align, token_times
from medtalk.features.cues import Cues, cues
from medtalk.features.prosody import N_PROSODY, prosody
from medtalk.finishing import Finishing, closures, finish, presence, turn_of_head
from medtalk.finishing.closures import Closures
from medtalk.guidance import (
    LABELS,
    NEUTRAL,
    Description,
    Felt,
    Guidance,
    Part,
    beside,
    check_kinds,
    check_text,
    guidance_of,
)
from medtalk.kinds import drift
from medtalk.limits import MAX_INTENSITY, AudioLimits, check_range, check_region
from medtalk.moods import in_labels
from medtalk.rates import FPS, RATE
from medtalk.rig import RigSequence, Timed
from medtalk.rig.channels import N_CHANNELS, in_region
from medtalk.rig.sequence import frozen
from medtalk.timeline import Span, Timeline, spans_of
from medtalk.version import __version__
from medtalk.watch import stage
from medtalk_wire.settings import AUTO

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from medtalk.backbones.emotion2vec import VoiceEmotion
    from medtalk.engine.compact_onnx import OnnxEngine
    from medtalk.live import Live

BATCH_SECONDS = 30.0
"""The longest sound that `Model.perform_all` has heard together with others: one fills a GPU then."""
_BATCH, _ALIKE = 16, 1.25  # sounds heard together, and how much longer than the shortest the longest of them may be

VOICE = "emotion2vec_plus"
"""The backbone that hears an emotion in the voice, for any bundle, as `load(backbones=...)` and `prepare` call it."""

# What a second of sound costs, roughly: only for the progress that is shown meanwhile.
_DECODE_SECONDS, _VOICE_SECONDS = 0.0008, 0.1


def load(
    bundle: str | Path | None = None,
    engine: str = "auto",
    threads: int | None = None,
    device: str = "auto",
    backbones: Mapping[str, str | Path] | None = None,
    offline: bool = False,
) -> Model:
    """Load a model.

    Args:
        bundle: folder of a bundle; None is the one that ships with medtalk.
        engine: "auto", "onnx" or "torch"; see `medtalk.engine.open_engine`.
        threads: cores for one clip; None lets the engine choose.
        device: "cpu", "cuda" or "cuda:N" (needs the extra `full`), or "auto".
        backbones: folders with weights of pretrained backbones: of those that the bundle names ("emotion2vec",
            "roberta", "clip", and the file of "whisper"), and of "emotion2vec_plus", which hears the emotion for
            `decode("auto")`; of "face_landmarker", the file that sees pictures for a compact bundle. The
            others are taken from the usual caches, or downloaded, when they are first needed.
        offline: never reach the network.

    Raises:
        BundleError: the bundle is missing, changed or made for another version.
        SettingError: the engine, the device, the number of threads or a backbone is not valid.
        MissingExtraError: what runs this kind of bundle is not installed.
    """
    require(backbones, Mapping | None, "backbones", "a mapping from name to folder")
    loaded, folders = load_bundle(bundle), dict(backbones or {})
    for name, folder in folders.items():
        require(folder, str | PathLike, f"The folder of the backbone {name}", "a path")
    ear = folders.pop(VOICE, None)
    opened = open_engine(loaded, engine, threads, device, folders, offline)
    return Model(loaded, opened, None if ear is None else Path(ear), offline)


class Model:
    """A loaded bundle, ready to hear sounds. Make one with `medtalk.load`."""

    def __init__(self, bundle: Bundle, engine: Engine, voice: Path | None = None, offline: bool = False) -> None:
        """`voice` is the folder of the backbone "emotion2vec_plus"; see `load`."""
        self.bundle = bundle
        self.engine = engine
        self.kind_vectors = engine.label_vectors()  # (7, K, 256)
        self.label_vectors = self.kind_vectors.mean(axis=1)
        self._voice = Pretrained(EMOTION2VEC_PLUS, voice, offline, engine.device)

    @property
    def guidance(self) -> tuple[str, ...]:
        """The kinds of guidance here: those of the bundle, "image" where MediaPipe is installed, and "auto" where the
        bundle or FunASR hears emotions."""
        kinds = self.bundle.guidance
        if "image" not in kinds and self.bundle.kind == "compact" and find_spec("mediapipe"):
            kinds = (*kinds, "image")
        return (*kinds, AUTO) if self.bundle.hears_emotion or find_spec("funasr") else kinds

    def hears_emotion(self) -> bool:
        """Whether all that `decode("auto")` needs is on this machine. Nothing is downloaded."""
        return not self._plus_leads() or self._has_plus()

    def _has_plus(self) -> bool:
        """Whether all that emotion2vec_plus needs is on this machine."""
        try:
            if self._voice.local_path() or "_ear" in vars(self):  # given, or loaded
                return True
            if not find_spec("funasr") or not in_modelscope_cache(self._voice.name):
                return False
            from medtalk.backbones.emotion2vec import locate

            locate(replace(self._voice, offline=True))
        except (BackboneError, MissingExtraError):
            return False
        return True

    def _plus_leads(self) -> bool:
        """Whether emotion2vec_plus hears the emotion: it is given or here, or the bundle cannot."""
        return self._voice.path is not None or not self.bundle.hears_emotion or self._has_plus()

    def prepare(self, *parts: str) -> None:
        """Load pretrained backbones now, not when first needed, so that what is missing is reported before any work.

        Args:
            parts: "emotion2vec", "roberta", "whisper", "clip", "face_landmarker", "emotion2vec_plus"; what the bundle
                does not need is passed over.

        Raises:
            BackboneError: one is missing or does not fit.
            MissingExtraError: what runs it is not installed.
        """
        for part in parts:
            if part == VOICE:
                if self._plus_leads():
                    _ = self._ear
            else:
                self.engine.prepare(part)

    @cached_property
    def _ear(self) -> VoiceEmotion:
        try:
            from medtalk.backbones.emotion2vec import VoiceEmotion

            return VoiceEmotion(self._voice)
        except MissingExtraError as error:  # any bundle comes here, also one that needs no backbones else
            raise MissingExtraError(error.message, "Run pip install 'medtalk[full]', or name an emotion.") from error

    def _felt(self, speech: Speech, activity: NDArray[np.float32]) -> Felt:
        stage("listen", 0.9, expected=_VOICE_SECONDS * speech.seconds)
        plus = self._plus_leads()
        if not activity.any():
            return Felt(_CALM, VOICE if plus else self.bundle.name, silent=True)
        if plus:
            return Felt(MappingProxyType(self._ear.weights(speech.samples, activity)), VOICE)
        return self.engine.hear_emotion(speech.samples, activity)

    def _felt_words(self, felt: Felt, transcript: str) -> Felt:
        """What is felt, with what the words say where our own bundle heard it and they name a feeling."""
        if not transcript or felt.arousal is None or "text" not in self.bundle.guidance:
            return felt
        said = self.engine.guide_by_text(transcript)
        if not isinstance(said, Description) or said.guess or set(said.weights) == {NEUTRAL}:
            return felt
        return felt.with_words(in_labels(said.weights))

    def guide(
        self,
        emotion: str | Mapping[str, float] | None = None,
        *,
        text: str | None = None,
        image: str | Path | bytes | None = None,
        features: ArrayLike | None = None,
        name: str | None = None,
        timeline: Sequence[Any] | None = None,
    ) -> Guidance:
        """A guidance for `Performance.decode`, as this model understands it.

        Args:
            emotion: labels, or "auto", as `decode` takes them. Beside a text or picture, labels with weights: the text
                or picture has what they leave of 1.
            text: a description in words.
            image: a PNG, JPEG or WEBP file, or the bytes of one. At most one of text and image is given.
            features: CLIP's features (512,) of the text or picture, so that CLIP need not run; neither is read then.
            name: what to call the picture in `meta`; None takes the file's name.
            timeline: moods over time, over all that; neutral if there is nothing else. Spans as
                `medtalk.timeline.spans_of` takes them.

        Raises:
            GuidanceError: the bundle follows no such guidance, or the emotion, text or picture cannot be used.
            SettingError: features of another shape, or an impossible span.
            BackboneError: CLIP is missing or does not fit.
        """
        if timeline is not None:
            alone = emotion is None and text is None and image is None
            base = self.guide(NEUTRAL if alone else emotion, text=text, image=image, features=features, name=name)
            return Timeline.of(base, spans_of(timeline), self._guide_span)
        array = None if features is None else np.asarray(features)
        if text is not None and image is None:
            guidance = self.engine.guide_by_text(check_text(text), array)
        elif image is not None and text is None:
            require(image, str | PathLike | bytes, "The picture", "a path or the bytes of a file", GuidanceError)
            shown = name if name is not None else "" if isinstance(image, bytes) else Path(image).name
            guidance = self.engine.guide_by_image(image, shown, array)
        elif text is None and emotion is not None:
            return guidance_of(emotion)
        else:
            raise GuidanceError("A guidance is an emotion, or one text or picture.", "Give emotion=, text= or image=.")
        return guidance if emotion is None else beside(guidance, emotion)

    def _guide_span(self, span: Span) -> Guidance:
        return self.guide(span.emotion, text=span.text or None, image=span.image or None, name=span.image_name or None)

    def live(
        self,
        emotion: str | Mapping[Any, float] | Guidance = NEUTRAL,
        *,
        text: str | None = None,
        image: str | Path | bytes | None = None,
        intensity: float = 1.0,
        look_ahead: float = 0.08,
        step: float = 0.04,
        rate: int = RATE,
        finishing: Finishing = Finishing(),
        region: str = "full",
        kinds: Mapping[str, str] | None = None,
        timeline: Sequence[Any] | None = None,
        name: str = "live",
    ) -> Live:
        """A face that follows a sound while it comes: `push` samples, and frames come out.

        Args:
            emotion, text, image: as `guide` takes them. A text or picture has what the weights of labels leave of 1;
                neutral, which is the default, leaves all. "auto" needs the whole sound.
            intensity: multiplies the predicted intensity, 0 to 4.
            look_ahead: seconds of sound that are waited for beyond what is shown, 0 to 0.5: more see better.
            step: seconds of sound that are heard at a time, 0.02 to 0.2.
            rate: samples a second, 8000 to 192000.
            finishing, region, kinds: as of `Performance.decode`.
            timeline: moods over time, over the emotion, in seconds of the stream.
            name: what messages and `meta` call the sound.

        Raises:
            SettingError: a setting that is not valid.
            GuidanceError: of `guide`, or a guidance that needs the whole sound.
            BundleError: a bundle that cannot be played live; the kind compact can.
        """
        from medtalk.live import Live

        base = guidance_of(emotion)
        if text is not None or image is not None:
            if isinstance(emotion, Guidance):
                raise GuidanceError("Beside a text or picture stand labels with weights.", "Write happy:0.3.")
            beside = None if emotion == NEUTRAL else emotion
            base = self.guide(beside, text=text, image=image)
        if timeline is not None:
            base = Timeline.of(base, spans_of(timeline), self._guide_span)
        return Live(
            self.engine,
            self.bundle,
            self.kind_vectors,
            self.guide,
            base,
            intensity=intensity,
            look_ahead=look_ahead,
            step=step,
            rate=rate,
            finishing=finishing,
            region=region,
            kinds=check_kinds(kinds or {}),
            name=name,
        )

    def perform(
        self,
        sound: str | Path | Speech,
        transcript: str | None = None,
        *,
        channel: int | None = None,
        limits: AudioLimits = AudioLimits(),
        emotion2vec: ArrayLike | None = None,
        language: str | None = None,
    ) -> Performance:
        """Hear a sound: the part of the work that no later decoding repeats.

        Args:
            sound: a file (WAV, FLAC, OGG) or a `Speech`.
            transcript: what is said, for an intensity that knows the words. None lets a bundle that hears words by
                Whisper find it out, others take it for blank; blank text means unknown.
            channel: take this channel of a file (0 is the first) instead of the mix of all.
            limits: what a file may be.
            emotion2vec: features of the sound from that backbone, (N, E), 50 a second, so that it need not run; for
                bundles that need it.
            language: that is spoken, for Whisper: a code or an English name ("zh", "Chinese"); None finds it out.

        Raises:
            AudioError: the sound cannot be read or used.
            BackboneError: a pretrained backbone that the bundle needs is missing or does not fit.
            SettingError: features of another shape or sound, or a language that is not known.
        """
        _check_words(transcript, language)
        stage("read", 0.05)
        speech = sound if isinstance(sound, Speech) else read_speech(sound, channel=channel, limits=limits)
        text = self.engine.transcribe(speech.samples, language) if transcript is None else transcript
        heard = self.engine.hear(speech.samples, None if emotion2vec is None else np.asarray(emotion2vec))
        return self._performance(speech, text, heard)

    def perform_all(
        self,
        sounds: Sequence[str | Path | Speech],
        transcripts: Sequence[str | None] | None = None,
        *,
        channel: int | None = None,
        limits: AudioLimits = AudioLimits(),
        language: str | None = None,
    ) -> list[Performance]:
        """Hear several sounds, each as `perform` does; a GPU works on short ones of similar length together.

        Args:
            sounds: files or `Speech`es.
            transcripts: of each sound; None stands for None for all.
            channel: take this channel of the files.
            limits: what a file may be.
            language: that is spoken in all of them.

        Raises:
            SettingError: another number of transcripts than of sounds; and all that `perform` raises.
        """
        require(sounds, list | tuple, "sounds", "a list of sounds")
        require(transcripts, list | tuple | None, "transcripts", "a list of texts")
        texts = [None] * len(sounds) if transcripts is None else list(transcripts)
        for text in texts:
            _check_words(text, language)
        if len(texts) != len(sounds):
            raise SettingError(f"There are {len(texts)} transcripts for {len(sounds)} sounds.", "Give one for each.")
        if self.engine.device == "cpu":  # two sounds at once take as long there as one after the other
            return [
                self.perform(sound, text, channel=channel, limits=limits, language=language)
                for sound, text in zip(sounds, texts, strict=True)
            ]
        stage("read", 0.05)
        speeches = [
            sound if isinstance(sound, Speech) else read_speech(sound, channel=channel, limits=limits)
            for sound in sounds
        ]
        performances: dict[int, Performance] = {}
        for group in _batches([speech.seconds for speech in speeches]):
            heard = self.engine.hear_batch([speeches[number].samples for number in group])
            for number, own in zip(group, heard, strict=True):
                speech, text = speeches[number], texts[number]
                text = self.engine.transcribe(speech.samples, language) if text is None else text
                performances[number] = self._performance(speech, text, own)
        return [performances[number] for number in range(len(sounds))]

    def _performance(self, speech: Speech, transcript: str, heard: Heard) -> Performance:
        from medtalk.features.prosody import voice_activity

        text = transcript.strip()
        guided = heard.guided and Guided(_read_only(heard.guided.content), _read_only(heard.guided.intensity))
        heard = Heard(
            _read_only(heard.content),
            _read_only(heard.emotion_features),
            None if heard.posteriors is None else _read_only(heard.posteriors),
            None if heard.sound is None else _read_only(heard.sound),
            guided,
        )
        activity = voice_activity(speech.samples)
        if heard.posteriors is not None:  # phones that are heard in a silent pause are none
            activity *= presence.activity(heard.posteriors)
        activity = _read_only(activity)
        return Performance(
            model=self,
            speech=speech,
            transcript=text,
            heard=heard,
            activity=activity,
            voice=cache(partial(self._felt, speech, activity)),
            **self._with_words(heard, text, speech, activity),
        )

    def _with_words(self, heard: Heard, text: str, speech: Speech, activity: NDArray[np.float32]) -> dict[str, Any]:
        """The attributes of a `Performance` that depend on the words of a text."""
        words = self._words_in(heard, text, speech, activity)
        quiet = "" if activity.any() else f"No speech is heard in {speech.name}: the face rests."
        return {**words, "note": speech.note or quiet or words["note"]}

    def _words_in(self, heard: Heard, text: str, speech: Speech, activity: NDArray[np.float32]) -> dict[str, Any]:
        if heard.posteriors is None or heard.sound is None:
            intensity = _read_only(self.engine.intensity(heard.emotion_features, text))
            known = self._words_over(text, speech) if text and self.bundle.hears_words else _NO_WORDS
            return {"content": heard.content, "posteriors": None, "intensity": intensity, **known}
        alignment = align(heard.posteriors, text)
        fits = any(word.fits for word in alignment.words)
        times = token_times(text, alignment, speech.seconds, MAX_TRANSCRIPT_WORDS) if text else None
        spoken = presence.gate(activity)[:, None]
        return {
            "content": _read_only(self.engine.content(heard.sound, alignment.posteriors)) if fits else heard.content,
            "posteriors": _read_only(alignment.posteriors),
            "intensity": _read_only(self.engine.intensity(heard.emotion_features, text, times)),
            "closures": closures.decide(alignment.posteriors * spoken, heard.posteriors * spoken),
            "words": alignment.timed_words,
            "places": alignment.places,
            "phones": alignment.timed_phones,
            "note": alignment.note,
        }

    def _words_over(self, text: str, speech: Speech) -> dict[str, Any]:
        """Words for a model without phones: the ear of the bundle that ships finds them, and they close the lips."""
        _, posteriors = self._borrowed_ear.listen(speech.samples)
        alignment = align(posteriors, text)
        spans = np.array([(word.start, word.end) for word in alignment.timed_words]).reshape(-1, 2)
        # A closure at the edge of a word begins before it and ends after it.
        spoken = closures.trapezoid(np.arange(len(posteriors)) / FPS, spans, closures.CLOSING).astype(np.float32)
        lips = replace(closures.decide(alignment.posteriors), known=spoken)
        return {
            "closures": lips,
            "words": alignment.timed_words,
            "places": alignment.places,
            "phones": alignment.timed_phones,
            "note": alignment.note,
        }

    @cached_property
    def _borrowed_ear(self) -> OnnxEngine:
        from medtalk.engine.compact_onnx import OnnxEngine

        return OnnxEngine(load_bundle())


@dataclass(frozen=True, eq=False)
class Performance:
    """A sound as a model heard it: everything that decoding needs, at 60 fps. Immutable.

    Attributes:
        model: the model that heard it.
        speech: the sound.
        transcript: what was said, as it was given or heard; "" if unknown.
        heard: what the model heard without knowing any words.
        content: content embedding, (T, 256).
        posteriors: phone posteriors, (T, 35), columns as in `medtalk.features.phones.PHONES`, sharpened where the
            transcript fits the sound; None where a bundle has no phones.
        closures: where the lips close, decided from the phones; None where none are known.
        words, phones: what is spoken when, as far as that is known: the words of the transcript that were found in the
            sound, and the phones by name, without silences.
        places: of `words`, the characters of each in the transcript, first and end.
        note: one line where the sound is silent or the transcript does not fit it, else "".
        intensity: how strongly the emotion shows, (T,) (eq. 8 predicts it, eq. 9 uses it); a compact bundle's is 0 or
            more.
        activity: how surely somebody speaks, (T,), 0..1.
        voice: gives what is heard in the voice, the work done at its first call; performances made from this one share
            it.
    """

    model: Model
    speech: Speech
    transcript: str
    heard: Heard
    content: NDArray[np.float32]
    posteriors: NDArray[np.float32] | None
    intensity: NDArray[np.float32]
    activity: NDArray[np.float32]
    voice: Callable[[], Felt]
    closures: Closures | None = None
    words: tuple[Timed, ...] = ()
    phones: tuple[Timed, ...] = ()
    note: str = ""
    places: tuple[tuple[int, int], ...] = ()

    def __len__(self) -> int:
        """T, the number of frames."""
        return len(self.content)

    @property
    def seconds(self) -> float:
        """Length of the sound in seconds."""
        return self.speech.seconds

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it takes, but for its model."""
        heard, guided = self.heard, self.heard.guided
        arrays = [self.content, self.posteriors, self.intensity, self.activity]
        arrays += [heard.content, heard.posteriors, heard.emotion_features, heard.sound]
        if guided is not None:
            arrays += [guided.content, guided.intensity]
        size = sum(array.nbytes for array in arrays if array is not None)
        return self.speech.nbytes + size + 4 * len(self.transcript)

    @property
    def voice_emotion(self) -> Mapping[str, float]:
        """Weights of the labels that are heard in the voice, summing to 1, sure or not (`felt`).

        Raises:
            BackboneError, MissingExtraError: of `felt`.
        """
        return self.felt.weights

    @property
    def felt(self) -> Felt:
        """What the bundle hears in the voice and reads in the transcript, or emotion2vec_plus hears where its weights
        are here; computed when first asked.

        Raises:
            BackboneError: the bundle hears no emotions, and the weights of emotion2vec_plus are missing or do not fit.
            MissingExtraError: the same, and the extra `full` is not installed.
        """
        return self.model._felt_words(self.voice(), self.transcript)

    @cached_property
    def prosody(self) -> NDArray[np.float32]:
        """Prosody features of the sound, (T, 16), as `medtalk.features.prosody.PROSODY` names them."""
        if self.heard.posteriors is not None:  # a compact bundle hears the emotion in them
            return self.heard.emotion_features[:, :N_PROSODY]
        return _read_only(prosody(self.speech.samples))

    @cached_property
    def cues(self) -> Cues:
        """What the face answers to in the voice: accents, phrases, effort."""
        return cues(self.prosody, self.activity)

    @property
    def label_vectors(self) -> NDArray[np.float32]:
        """The model's emotion vectors of the labels, (7, 256), each the mean of its kinds of face."""
        return self.model.label_vectors

    @property
    def kind_vectors(self) -> NDArray[np.float32]:
        """The model's emotion vectors of the K kinds of face of each label, (7, K, 256)."""
        return self.model.kind_vectors

    def with_transcript(self, transcript: str) -> Performance:
        """The same performance with other words known, "" for none: lips and intensity follow them, the rest stays.

        The words make no difference to a bundle whose `hears_words` is false.
        """
        require(transcript, str, "The transcript", "a text")
        text = transcript.strip()
        if text == self.transcript:
            return self
        return replace(self, transcript=text, **self.model._with_words(self.heard, text, self.speech, self.activity))

    def with_intensity(self, curve: ArrayLike) -> Performance:
        """The same performance with an edited intensity curve, (T,), 0 to 4."""
        edited = _read_only(self._curve(curve, "The intensity curve", MAX_INTENSITY))
        guided = self.heard.guided and replace(self.heard.guided, intensity=edited)
        return replace(self, intensity=edited, heard=replace(self.heard, guided=guided))

    def decode(
        self,
        emotion: str | Mapping[Any, float] | Guidance = "neutral",
        intensity: ArrayLike = 1.0,
        finishing: Finishing = Finishing(),
        region: str = "full",
        kinds: Mapping[str, str] | None = None,
        timeline: Sequence[Any] | None = None,
    ) -> RigSequence:
        """The rig of this performance in an emotion. Does no audio work, but for the first "auto".

        Args:
            emotion: a label, a mixture such as "happy:0.7,surprised:0.3", a mapping from label to weight, a text or
                picture as `Model.guide` understood it, a mapping from guidances and labels to weights, or "auto" for
                `voice_emotion`. The rigs of a mixture are mixed, so that half of happy shows half of the smile.
            intensity: multiplies the predicted intensity, as the strength of a description does: a number or a curve
                (T,), 0 to 4.
            finishing: smoothing, life, blinks, gaze, head, limits and their seed. Closures that were decided from the
                phones are always laid over the rig.
            region: "full", "mouth" or "upper" (brows, eyes, nose, cheeks); channels outside it are 0, and the head
                turns with the full face only.
            kinds: the kind of face that leads in a label, as `medtalk.guidance.KINDS` names it, such as
                {"angry": "cold"}; in other labels chance chooses by the seed, unless the mood has one. Without
                `finishing.life` all kinds of a label show alike.
            timeline: moods over time, over the emotion: spans such as {"start": 1.5, "end": 3, "emotion": "sad"}, as
                `medtalk.spans_of` takes them and `medtalk.read_timeline` reads them.

        Returns:
            (T, 174) at 60 fps; `meta` says what it was made from. A sound without any voice gives a resting face.

        Raises:
            GuidanceError: an unknown label or kind, impossible weights, or a text or picture that another model
                understood.
            SettingError: an intensity, region or span that is not valid.
            BackboneError, MissingExtraError: of `voice_emotion`.
        """
        require(finishing, Finishing, "finishing", "a Finishing")
        check_region(region)
        kinds = check_kinds(kinds or {})
        guidance = guidance_of(emotion)
        if timeline is not None:
            guidance = Timeline.of(guidance, spans_of(timeline), self.model._guide_span)
        guidance = guidance.heard_in(self)
        scale = self._curve(intensity, "intensity", MAX_INTENSITY)
        weights = guidance.weights_of(self)
        raw = np.zeros((len(self), N_CHANNELS), np.float32)
        shaking = np.zeros(len(self), np.float32)
        strong = np.zeros(len(self), np.float32)
        lips = None
        if self.activity.any():  # else nobody speaks: whatever the networks hear is noise
            lips = self.closures
            parts = guidance.parts(self)
            felts: dict[Any, tuple[Any, NDArray[np.float32]]] = {}  # spans of one mood feel alike
            for number, part in enumerate(parts, start=1):
                stage("decode", 0.9 + 0.05 * number / len(parts), expected=_DECODE_SECONDS * self.seconds)
                weight = np.broadcast_to(np.asarray(part.weight, np.float32), len(self))
                alike = part.label, part.kind, part.dynamics
                if alike not in felts or not part.label:
                    felts[alike] = self._felt(part, finishing, kinds)
                vectors, felt = felts[alike]
                felt = felt * scale * part.strength
                for run in runs(weight > 0.0):  # of an hour with many spans, each decodes its own frames only
                    raw[run] += weight[run, None] * self._decode(part, vectors(run), felt[run], run, finishing.seed)
                shaking += weight * part.dynamics.shake
                strong += weight * felt
        stage("decode", 1.0)
        # Chance and life are those of the take's own mood: an edited span changes nothing elsewhere.
        usual = guidance.base.weights_of(self) if isinstance(guidance, Timeline) else weights
        mood = in_labels(usual) if scale.any() else None
        moods = [(share, in_labels(own)) for share, own in guidance.moods(self)]
        named = max(usual, key=usual.__getitem__) if usual and mood else ""
        turn = None
        if region == "full":
            turn = turn_of_head(self.cues, mood or {}, strong, finishing, FPS, moods, named)
        values = finish(raw, self.activity, finishing, FPS, lips, self.cues, turn, mood, shaking, named)
        meta = self._meta(weights, intensity, finishing, region)
        if kinds:
            meta["kinds"] = kinds
        fields = guidance.meta()
        if isinstance(guidance, Timeline):
            meta["base"] = guidance.base.weights_of(self)
        if note := f"{meta.get('note', '')} {fields.pop('note', '')}".strip():
            meta["note"] = note
        return RigSequence(frozen(in_region(values, region)), FPS, meta | fields, self.words, self.phones, turn)

    def _felt(
        self, part: Part, finishing: Finishing, kinds: Mapping[str, str]
    ) -> tuple[Callable[[slice], NDArray[np.float32]], NDArray[np.float32]]:
        """What a part shows: what gives the emotion vectors (N, 256) of a run of N frames, and its strength (T,)."""
        intensity = self.intensity
        if part.engine is not None and self.heard.guided is not None:
            intensity = self.heard.guided.intensity
        if not finishing.life:
            mean = part.vectors.mean(axis=0)
            return lambda run: np.broadcast_to(mean, (run.stop - run.start, len(mean))), intensity
        part = part._replace(kind=kinds.get(part.label, part.kind))
        own = LABELS.index(part.label) if part.label else len(LABELS)  # so that no label changes another's chance
        rng = np.random.default_rng([finishing.seed, _KIND_STREAM, own, len(self)])
        shares = drift(len(self), len(part.vectors), rng, part.leader, part.far)
        felt = delayed(strength(intensity, self.cues, self.prosody, part.dynamics))
        return lambda run: shares[run] @ part.vectors, felt

    def _decode(
        self, part: Part, vectors: NDArray[np.float32], felt: NDArray[np.float32], run: slice, seed: int
    ) -> NDArray[np.float32]:
        """The raw rig (N, 174) of a part in a run of N frames, of its vectors (N, 256) and strength (N,)."""
        engine = self.model.engine
        if part.engine not in (None, engine):
            raise GuidanceError("The guidance was made by another model.", "Make it with this performance's own.")
        guided = self.heard.guided if part.engine is not None else None
        content = (self.content if guided is None else guided.content)[run]
        raw = engine.decode(content, vectors, felt, guided is not None, seed)
        if self.posteriors is not None:  # where nobody speaks the mouth keeps its mood, and articulates nothing
            quiet = 1.0 - presence.gate(self.activity)[run]
            at = np.flatnonzero(quiet)
            calm = engine.decode(content[at], vectors[at], 0.0 * felt[at], guided is not None)
            raw[np.ix_(at, presence.ARTICULATION)] -= quiet[at, None] * calm[:, presence.ARTICULATION]
        return raw

    def _curve(self, values: ArrayLike, what: str, largest: float) -> NDArray[np.float32]:
        """`values`, one number or one a frame, checked, as (T,) float32."""
        curve = check_range(values, what, largest)
        if curve.shape not in ((), (len(self),)):
            raise SettingError(f"{what} has shape {curve.shape}; valid are one number or ({len(self)},), one a frame.")
        return np.array(np.broadcast_to(curve, len(self)))

    def _meta(
        self, weights: Mapping[str, float], intensity: ArrayLike, finishing: Finishing, region: str
    ) -> dict[str, Any]:
        constant = np.ndim(intensity) == 0
        meta = {
            "medtalk": __version__,
            "bundle": {"name": self.model.bundle.name, "sha256": self.model.bundle.sha256},
            "source": self.speech.facts(),
            "transcript": self.transcript,
            "emotion": dict(weights),
            "intensity": float(np.asarray(intensity)) if constant else "curve",
            "finishing": asdict(finishing),
            "region": region,
        }
        bundle, note = self.model.bundle, f"{self.note} {self.model.engine.note}".strip()
        if self.transcript and not bundle.hears_words:
            note = f"The transcript has no effect: the bundle {bundle.name} does not use transcripts. {note}".strip()
        if note:
            meta["note"] = note
        return meta


_KIND_STREAM = 20
_NO_WORDS: Mapping[str, Any] = MappingProxyType({"closures": None, "words": (), "places": (), "phones": (), "note": ""})
_CALM: Mapping[str, float] = MappingProxyType({NEUTRAL: 1.0})


def _check_words(transcript: object, language: object) -> None:
    require(transcript, str | None, "The transcript", "a text or None")
    require(language, str | None, "The language", "a code or a name or None")


def _batches(seconds: Sequence[float]) -> list[list[int]]:
    """Numbers of the sounds that are heard together, shorter ones first."""
    groups: list[list[int]] = []
    for number in sorted(range(len(seconds)), key=seconds.__getitem__):
        last = groups[-1] if groups else []
        alike = last and seconds[number] <= min(BATCH_SECONDS, _ALIKE * seconds[last[0]]) and len(last) < _BATCH
        if alike:
            last.append(number)
        else:
            groups.append([number])
    return groups


def runs(wanted: NDArray[np.bool_]) -> list[slice]:
    """The stretches of frames that are wanted, in order."""
    edges = np.flatnonzero(np.diff(wanted, prepend=False, append=False))
    return [slice(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def _read_only(values: NDArray) -> NDArray[np.float32]:
    out = np.ascontiguousarray(values, np.float32)
    if out.flags.writeable:
        out.flags.writeable = False
    return out
