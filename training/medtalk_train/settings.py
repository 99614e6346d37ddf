"""The settings of a recipe, section by section, and what each is if a recipe does not name it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from medtalk.backbones.pretrained import CLIP, EMOTION2VEC, ROBERTA, WAV2VEC2, WHISPER

if TYPE_CHECKING:
    from medtalk.model.ear import EarConfig


@dataclass(frozen=True)
class Ablation:
    """Table 3: what to leave out."""

    overlap: bool = True
    """Overlap exchange (Eq. 3) in stage 1."""
    cycle: bool = True
    """Cycle exchange (Eq. 4) in stage 1."""
    disentangle: bool = True
    """Stage 1 at all; without it the decoder learns from pairs of sound and rig in stages 2 and 3."""
    intensity: bool = True
    """Intensity frame by frame; without it the emotion vector is the same over the clip."""
    text: bool = True
    """Words for the intensity; without it every clip has the "no words" token."""


@dataclass(frozen=True)
class RigLossOptions:
    """Terms added to the plain mean square error of a rig; all zero is the paper's."""

    event_weight: float = 0.0
    """Lip channels weigh 1 + this * |target|: closures, bites and rounding are rare, and a plain mean forgets them."""
    velocity_weight: float = 0.0
    """Weight of the square error of frame-to-frame differences: sharp onsets stay sharp."""
    standardise: float = 0.0
    """Channels weigh by the inverse of their spread, limited to this factor either way: small movements count too."""
    closures: float = 0.0
    """Weight of the square by which a closure or bite stays under 85 % of its target, where that is above 0.5, and by
    which one shows where there is none: a floor and a ceiling, over the same denominator as the error."""


@dataclass(frozen=True)
class StageOptions:
    """Options of all stages."""

    epochs: int = 10
    steps: int = 100
    """Batches an epoch."""
    batch: int = 16
    """Windows (stage 1, 2) or sentences (stage 3, 4) a batch."""
    frames: int = 192
    """Length of a window; stages 3 and 4 leave out sentences longer than four of them."""
    rate: float = 1e-3
    """Adam's learning rate."""
    decay: float = 0.9
    """StepLR: the rate is multiplied by this ..."""
    decay_every: int = 1
    """... after so many epochs: the paper's drop rate r is 10 (Sec. 4.1), its authors' release has 1."""
    max_strength: float = 1.7
    """Emotion strengths are multiplied by up to this, so that run-time intensities up to 1.5 were met in training."""
    loss: RigLossOptions = field(default_factory=RigLossOptions)


@dataclass(frozen=True)
class Stage1Options(StageOptions):
    """Cross reconstruction: `epochs` of self-reconstruction, then the two exchanges."""

    epochs: int = 15
    overlap_epochs: int = 15
    cycle_epochs: int = 15
    rate: float = 1e-4
    decay: float = 0.995
    hours: float = 2.0
    """How much of the corpus gives its lips."""
    keep_earlier: bool = False
    """Later phases keep the losses of the earlier ones instead of replacing them."""
    lip_gain: float = 0.0
    """Lips are scaled by a factor drawn from 1 +- this, for speakers who move more or less."""


@dataclass(frozen=True)
class Stage2Options(StageOptions):
    """Audio content mapping."""

    similarity_weight: float = 0.1
    whole_similarity: bool = False
    """One cosine over all frames of a clip together, as in the authors' release, not the mean of one a frame."""
    posteriors_into_acm: bool = False
    """ACM sees the phone posteriors beside the features of the ear."""
    feature_dropout: float = 0.0
    """Share of the ear's features withheld from ACM in training: what it builds on them for synthetic voices alone does
    not carry over to real ones."""
    effort: bool = True
    """ACM sees how loudly somebody speaks; without it a shout opens the mouth as a whisper does."""
    known_share: float = 0.0
    """Share of windows whose phones are known, so that ACM follows a transcript's phones too."""


@dataclass(frozen=True)
class Stage3Options(StageOptions):
    """Fusion intensity modelling."""

    epochs: int = 20
    similarity_weight: float = 0.1
    whole_similarity: bool = False
    intensity_weight: float = 0.1
    strength_weight: float = 0.0
    """Weight of the predicted intensity's square error against the teacher's own strength: anchors the curve's scale
    (1 is plainly felt), which Eq. 11 leaves free."""
    intensity_scale_augmentation: float = 0.0
    """Half of the clips get the teacher's strength and the predicted intensity times a factor drawn from 0 to this:
    what --intensity does at run time. 0 is off."""
    transcript_dropout: float = 0.5
    """Share of clips whose words are withheld."""
    styles: bool = False
    """Targets of random speakers instead of the average one."""
    blinks: bool = False
    """Lids that close count in the intensity of captured faces (Eq. 8, 11), as in the paper and its authors' release.
    Without it they do not: a blink would be the strongest moment of many takes, and is not felt. It makes no difference
    to the synthetic corpus, whose faces never blink: there they always count."""


@dataclass(frozen=True)
class Stage4Options(StageOptions):
    """Guidance by descriptions."""

    epochs: int = 15
    similarity_weight: float = 0.1
    whole_similarity: bool = False
    label_share: float = 0.0
    """Share of the batches that are guided by labels, so that E_fuse does not unlearn them: takes of stage 3, which
    taught the labels."""


@dataclass(frozen=True)
class FeatureOptions:
    """How much of what the frozen backbone heard stages 2 to 4 learn from."""

    hours: float = 2.0


@dataclass(frozen=True)
class BackboneOptions:
    """The head of our own ear."""

    steps: int = 2000
    batch: int = 16
    """Windows a step."""
    seconds: float = 2.0
    """Length of a window."""
    rate: float = 2e-3
    """AdamW's largest learning rate; it warms up over 10 % of the steps and falls along a cosine."""
    weight_decay: float = 0.05
    average: float = 0.995
    """Decay of the moving average of the weights."""
    noise: float = 0.3
    """Gaussian noise on the states, in standard deviations of each."""
    smoothing: float = 0.05
    """Label smoothing."""
    nonspeech: int = 400
    """Sounds in which nobody speaks."""
    shares: Mapping[str, float] | None = None
    """Share of the windows from each engine of the corpora ("people", "kokoro", "espeak" ...); None is as much as there
    is of each."""
    layers: int = 4
    """Of Whisper; the head sees the last two."""
    hidden: int = 192
    features: int = 64
    dropout: float = 0.1

    def ear(self) -> EarConfig:
        """Sizes of the ear."""
        from medtalk.model.ear import EarConfig  # which needs torch

        return EarConfig(layers=self.layers, hidden=self.hidden, features=self.features, dropout=self.dropout)


@dataclass(frozen=True)
class LiveOptions:
    """The head of the ear that hears a stream."""

    OF_STREAMS: ClassVar = ("hours", "stream", "most_ahead", "histories")
    """What the streams are made of; the rest is about learning from them."""
    hours: float = 1.0
    """Of sound, as streams hear it."""
    stream: float = 24.0
    """Seconds of a stream."""
    most_ahead: int = 8
    """The look-ahead of a stream is drawn from 0 to so many states, 20 ms each: one head serves all."""
    histories: tuple[int, ...] = (50, 100, 150)
    """States that a stream attends to, one of these."""
    steps: int = 1500
    batch: int = 16
    """Windows a step."""
    seconds: float = 2.0
    """Length of a window."""
    rate: float = 1e-3
    """AdamW's largest learning rate; it warms up over 10 % of the steps and falls along a cosine."""
    weight_decay: float = 0.05
    average: float = 0.99
    """Decay of the moving average of the weights."""
    noise: float = 0.2
    """Gaussian noise on the states, in standard deviations of each."""
    smoothing: float = 0.05
    """Label smoothing."""
    features_weight: float = 0.5
    """Weight of the features' square error, in units of their variance, beside the phones' cross-entropy: the networks
    behind the ear have learned on the features of the other head."""
    own: float = 0.5
    """Share of the ear's head in the weights that come out. Half and half knows what is new and has not forgotten what
    was known: on real recordings it is better than either (as of Wortsman et al. 2022, Robust fine-tuning)."""


@dataclass(frozen=True)
class WordingOptions:
    """The text encoder of a compact bundle: descriptions in words to labels and strength."""

    epochs: int = 14
    texts: int = 100_000
    """In each epoch."""
    fresh: int = 3
    """Epochs after which there are new ones: to make them takes longer than to learn from them."""
    batch: int = 256
    rate: float = 5e-3
    """Highest of a schedule that rises and falls once."""
    decay: float = 1e-2
    piece_dropout: float = 0.12
    """Share of the words' pieces that are left out."""
    strength_weight: float = 1.0
    """Of the strength's loss beside the labels'."""
    without: float = 0.0
    """Share of the lexicon that is never shown, to measure words that were never met."""


@dataclass(frozen=True)
class EmotionOptions:
    """What hears emotions in voices, in a compact bundle."""

    copies: int = 1
    """Of each acted sentence, by another person in another room."""
    people: float = 0.5
    """How far differences between people and rooms are ignored."""
    shrinkage: float = 0.5
    """Ridge, in units of the mean spread."""
    caution: float = 1.6
    """Raises the temperature beyond what fits strangers of the same corpus."""


@dataclass(frozen=True)
class PretrainedOptions:
    """The paper's frozen backbones (Sec. 4.1): of each the name that its library knows, or its folder."""

    wav2vec2: str = WAV2VEC2
    layer: int = 0
    """The state of wav2vec2 that ACM hears: 0 is what enters the transformer, as in the authors' release, whose twelve
    layers act on nothing. A layer in the middle, such as 9, knows what is said around a frame, and costs the time of
    the layers up to it."""
    emotion2vec: str = EMOTION2VEC
    roberta: str = ROBERTA
    whisper: str = WHISPER
    """Transcribes takes whose words are not known; "" leaves them unknown. A name or a .pt file."""
    language: str = ""
    """What Whisper takes for spoken; "" finds it out for each take."""
    clip: str = CLIP
    """"" trains no guidance by descriptions and pictures."""
    offline: bool = False
    """Never reach the network."""
    cache: str = ""
    """A folder of features that several runs share; "" keeps them in the run's own."""


@dataclass(frozen=True)
class DataOptions:
    """A set of takes to train on; see `medtalk_train.captured.takes`."""

    folder: str = ""
    """Where it lies. The synthetic corpus is the run's own if this is left out."""
    kind: str = ""
    """One of `medtalk_train.recipe.KINDS`; "" finds it out. "rendered" faces have no sound: they serve stage 1 alone,
    whatever `stages` says."""
    parallel: bool = False
    """Takes that have one name but for the emotion are frame-aligned, as stage 1 needs them. Takes of one and the same
    sound are taken for that in any case."""
    warp: bool = False
    """Takes of one sentence in several emotions are aligned by their sound, by dynamic time warping, for the overlap
    exchange of stage 1 where no data are frame-aligned. They need transcripts, or Whisper."""
    calibrate: bool = False
    """Takes the neutral pose of each speaker out of the rigs; see `medtalk_train.captured.takes.neutral`."""
    stages: tuple[int, ...] = (1, 2, 3, 4)
    """Which stages learn from it; the paper has EmoFace in the first three and RAVDESS in the last."""
