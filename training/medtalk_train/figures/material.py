"""What the figures show: a bundle, and lines of speech with their phones, by which the teacher knows the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from medtalk.audio import Speech, read_speech
from medtalk.errors import TrainingError
from medtalk.features.phones import PHONES, SILENCE
from medtalk.features.prosody import effort, prosody
from medtalk.finishing import Finishing
from medtalk.guidance import LABELS
from medtalk.perform import Model, load
from medtalk.rates import FPS, RATE
from medtalk.rig import RigSequence, Timed
from medtalk_train.measure.recordings import read_recordings, spans_of
from medtalk_train.synthetic.corpus.read import Corpus
from medtalk_train.synthetic.corpus.spoken import spoken
from medtalk_train.synthetic.teacher.emotion import compose, strength
from medtalk_train.synthetic.teacher.lips import lip_curves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.engine.spaces import Spaces
    from medtalk.features.alignment import AlignedWord
    from medtalk.perform import Performance
    from medtalk_train.synthetic.corpus.phones import Span

PLAIN = Finishing(blink=False, gaze=False, head=False, life=False)
"""What the figures show of a model: no blink hides a brow, no life moves one."""
RAW = Finishing(smooth=False, blink=False, gaze=False, limits=False, life=False)
"""The decoder's own rig, which the teacher's faces are compared with."""
SAMPLE = "the sample"
_MOST_HELD = 48  # lines of a corpus: to align the words of all would take minutes


@dataclass(frozen=True, eq=False)
class Line:
    """A line of speech.

    Attributes:
        name: what it is called in a figure.
        voice: who speaks, by which probes are split.
        speech: the sound.
        text: what is said, "" if unknown.
        phones: (start s, end s, class), contiguous.
        words: with their times, as far as they are known.
    """

    name: str
    voice: str
    speech: Speech
    text: str
    phones: tuple[Span, ...]
    words: tuple[AlignedWord, ...] | None = None

    @property
    def frames(self) -> int:
        """T, at 60 fps."""
        return self.speech.frames

    @cached_property
    def lips(self) -> NDArray[np.float32]:
        """(T, 174) the teacher's lips."""
        return lip_curves(self.phones, self.frames, effort=effort(prosody(self.speech.samples)))

    @cached_property
    def strength(self) -> NDArray[np.float32]:
        """(T,) how strongly the teacher's face feels."""
        return strength(prosody(self.speech.samples), self.text, words=self.words)

    def taught(self, label: str) -> NDArray[np.float32]:
        """(T, 174) the teacher's face in an emotion."""
        return compose(self.lips, LABELS.index(label), self.strength)

    @property
    def timed(self) -> tuple[Timed, ...]:
        """Its phones by name, without silences."""
        return tuple(Timed(PHONES[kind], start, end) for start, end, kind in self.phones if PHONES[kind] != SILENCE)

    def rig(self, values: NDArray) -> RigSequence:
        """A rig of it that knows its phones."""
        return RigSequence(values, FPS, {}, (), self.timed)


class Other(NamedTuple):
    """Another bundle of a figure: its folder, and a line that stands under its name."""

    folder: Path
    about: str = ""


@dataclass(frozen=True, eq=False)
class Material:
    """A bundle, and what it is shown on.

    Attributes:
        bundle: its folder; None is the one that ships.
        corpus: folder of a corpus, whose held-out voices are shown.
        speech: folder of recordings with phone times.
        methods: other bundles by the name that they have in a figure; one called MEDTalk stands for the bundle there.
        backbones: folders or files of pretrained backbones; "face_landmarker" sees pictures.
        offline: never reach the network.
    """

    bundle: Path | None = None
    corpus: Path | None = None
    speech: Path | None = None
    methods: Mapping[str, Other] = field(default_factory=dict)
    backbones: Mapping[str, str | Path] = field(default_factory=dict)
    offline: bool = False

    @cached_property
    def model(self) -> Model:
        """The bundle, loaded."""
        return load(self.bundle, threads=1, backbones=self.backbones, offline=self.offline)

    @cached_property
    def spaces(self) -> Spaces:
        """Its E_e, E_c and D."""
        from medtalk.engine.spaces import Spaces

        return Spaces(self.model.bundle)

    @cached_property
    def sample(self) -> Line:
        """The sentence that ships with medtalk; its phones are those that the shipped ear finds with its words."""
        path = Path(str(files("medtalk_assets"))) / "audio" / "sample.wav"
        speech, text = read_speech(path), path.with_suffix(".txt").read_text("utf-8").strip()
        performance = load(threads=1).perform(speech, text)
        heard = tuple((phone.start, phone.end, phone.text) for phone in performance.phones)
        return Line(SAMPLE, "slt", speech, text, tuple(_spans(heard, speech.seconds)), _words(performance))

    @cached_property
    def recordings(self) -> list[Line]:
        """The recordings of the folder `speech`, those with words first; none without a folder."""
        if self.speech is None:
            return []
        lines = []
        ear = load(threads=1)
        for each in read_recordings(self.speech):
            words = _words(ear.perform(each.speech, each.text)) if each.text else None
            phones = tuple(spans_of(each.phones, each.speech.seconds))
            lines.append(Line(each.name, each.name, each.speech, each.text or "", phones, words))
        return sorted(lines, key=lambda line: not line.text)

    @cached_property
    def held(self) -> list[Line]:
        """The held-out utterances of the corpus, English first, the voices taking turns; none without a corpus."""
        if self.corpus is None:
            return []
        corpus = Corpus(self.corpus)
        utterances = corpus.split("held")
        if not utterances:
            raise TrainingError(f"The corpus {self.corpus} holds no voices back.", "Make a larger one.")
        turns: dict[str, int] = {}
        ordered = []
        for each in utterances:
            turns[each.voice] = turns.get(each.voice, 0) + 1
            ordered.append((not each.language.startswith("en"), turns[each.voice], len(ordered), each))
        lines = []
        for *_, each in sorted(ordered, key=lambda row: row[:3])[:_MOST_HELD]:
            found = spoken(each)
            speech = Speech.from_array(corpus.audio(each), RATE, f"{each.voice} {each.id}")
            words = None if found is None else found.words
            lines.append(Line(speech.name, each.voice, speech, each.text, each.phones, words))
        return lines

    @property
    def lines(self) -> list[Line]:
        """What there is to measure on: held-out lines of the corpus, else the sample and the recordings."""
        return self.held or [self.sample, *self.recordings]

    def perform(self, line: Line, words: bool = True, model: Model | None = None) -> Performance:
        """A line as a model hears it, with or without its words."""
        return (model or self.model).perform(line.speech, line.text if words else "")


def _words(performance: Performance) -> tuple[AlignedWord, ...]:
    """The words of a performance with their times."""
    from medtalk.features.alignment import align

    assert performance.heard.posteriors is not None, "the bundle that ships has phones"
    return align(performance.heard.posteriors, performance.transcript).words


def _spans(phones: tuple[tuple[float, float, str], ...], seconds: float) -> list[Span]:
    from medtalk_train.synthetic.corpus.phones import timeline

    return timeline(phones, seconds, lambda name: ((name, 1.0),))
