"""How good a bundle is: the paper's metrics against the teacher on held-out voices, its finished mouth on real speech.

Beside every figure of the mouth stands what keeps it honest: precision beside recall, a mouth held still beside MLE,
captured faces beside amplitude, and sounds in which nobody speaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtalk.audio import Speech
from medtalk.engine import open_engine
from medtalk.errors import TrainingError
from medtalk.features.phones import PHONES
from medtalk.features.prosody import effort, prosody
from medtalk.finishing import Finishing
from medtalk.guidance import LABELS
from medtalk.perform import Model
from medtalk.quality.articulation import Articulation, articulation
from medtalk.quality.baselines import mouth_error, paper_metrics, ratio, still
from medtalk.rates import RATE
from medtalk.rig.channels import S_LIP, S_UP
from medtalk_train.measure import nonspeech
from medtalk_train.measure.captures import beside_captures, read_captures
from medtalk_train.measure.recordings import Recording, read_recordings
from medtalk_train.stages.ground import CLIPS, Held, HeldTake
from medtalk_train.synthetic.corpus.read import Corpus
from medtalk_train.synthetic.corpus.spoken import spoken
from medtalk_train.synthetic.teacher.emotion import compose, strength
from medtalk_train.synthetic.teacher.lips import lip_curves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.bundle import Bundle
    from medtalk.guidance import Guidance
    from medtalk.perform import Performance
    from medtalk_train.synthetic.corpus.read import Utterance

RAW = Finishing(smooth=False, blink=False, gaze=False, limits=False, life=False)
"""The decoder's own rig: blinks are not part of the paper's truth."""
WITH = ", with transcript"
SNR_DB = 10.0
PER_LANGUAGE = 12
"""Clips of each language, spread over its voices."""


@dataclass(frozen=True)
class HeldSentence:
    """A held-out sentence as the bundle heard it, and the teacher's view of it."""

    performance: Performance  # with its transcript
    wordless: Performance
    lips: NDArray  # (T, 174)
    strength: NDArray  # (T,)

    def shown(self, label: str) -> NDArray:
        """(T, 174) the raw rig."""
        return self.performance.decode(label, finishing=RAW).values


def evaluate(
    bundle: Bundle,
    held: Held | None = None,
    speech: str | Path | None = None,
    clips: int = CLIPS,
    transcripts: str | Path | Mapping[str, str] | None = None,
    captures: str | Path | Sequence[str | Path] = (),
) -> dict[str, float]:
    """All figures by name, and those of a mouth where nobody speaks.

    Args:
        bundle: what to judge.
        held: what training never saw. A corpus gives MLE, MEE, EIE, FRD beside a still mouth, the emotion swap, the use
            of words, and the AUCs of each language, on held-out voices. Takes give MLE, MEE, EIE and FRD by data set
            and by what guides them, see `against_captures`.
        speech: a folder of recordings with phone times, see `read_recordings`; gives the events, AUCs and amplitude of
            the finished output, in every emotion, in noise, and with transcripts where there are any.
        clips: how many held-out sentences of a corpus.
        transcripts: of the recordings, see `read_recordings`.
        captures: folders of captured faces, see `read_captures`.

    Raises:
        TrainingError: there is nothing to judge on, or the corpus holds no voices back.
    """
    held, folders = held or Held(), _folders(captures)
    if held.corpus is None and held.takes is None and speech is None and not folders:
        raise TrainingError("There is nothing to evaluate on.", "Give a corpus or a folder of speech with phone times.")
    model = Model(bundle, open_engine(bundle, backbones=held.backbones, offline=held.offline))
    out: dict[str, float] = {}
    if held.takes is not None:
        out |= against_captures(model, held.takes)
    if held.corpus is not None:
        out |= _on_corpus(model, held.corpus, clips)
    if speech is not None:
        out |= on_recordings(model, read_recordings(speech, transcripts))
    for folder in folders:
        out |= beside_captures(lambda speech: show(model, speech), read_captures(folder), folder.resolve().name)
    return out | nonspeech.rest(lambda sound: show(model, Speech.from_array(sound, RATE)))


def _on_corpus(model: Model, folder: Path, clips: int) -> dict[str, float]:
    corpus = Corpus(folder)
    held = corpus.split("held")
    if not held:
        raise TrainingError(f"The corpus {folder} holds no voices back.", "Make a larger one.")
    sentences = [_hear(model, corpus, utterance) for utterance in held[:clips]]
    return (
        against_teacher(sentences)
        | emotion_swap(sentences)
        | use_of_words(sentences)
        | by_language(model, corpus, held)
    )


def against_captures(model: Model, takes: Iterable[HeldTake]) -> dict[str, float]:
    """`paper_metrics` on recorded takes, with the still mouths beside each MLE, and "takes", on how many that stands.

    The plain names are of takes guided by their label, of the data sets that taught the labels, or of all if none did.
    "..., by text" and "..., by picture" are of takes that have a description or picture of their own, where the bundle
    follows it. Where there are several data sets, each has all of these again, "..., SET" and "..., SET, by text".
    """
    found: dict[tuple[str, str], list[tuple[NDArray, NDArray]]] = {}
    taught: dict[str, bool] = {}
    for take in takes:
        performance = model.perform(Speech.from_array(take.sound, RATE), take.transcript)
        taught[take.set] = take.labelled
        for by, guide in _guides(model, take).items():
            rig = performance.decode(guide, finishing=RAW).values
            frames = min(len(rig), len(take.rig))
            found.setdefault((take.set, by), []).append((rig[:frames], take.rig[:frames]))
    labelled = {name for name, yes in taught.items() if yes} or set(taught)
    out: dict[str, float] = {}
    for by in dict.fromkeys(by for _, by in found):
        chosen = taught if by else labelled
        out |= _figures([pair for name in chosen for pair in found.get((name, by), [])], by)
    if len(taught) > 1:
        for (name, by), pairs in sorted(found.items()):
            out |= _figures(pairs, f", {name}{by}")
    return out


def _guides(model: Model, take: HeldTake) -> dict[str, Guidance | str]:
    """What may guide a take's face, by the end of the names of its figures."""
    follows = model.bundle.guidance
    out: dict[str, Guidance | str] = {"": LABELS[take.label]}
    if take.description and "text" in follows:
        out[", by text"] = model.guide(text=take.description)
    if take.picture is not None and "image" in follows:
        out[", by picture"] = model.guide(image=take.picture)
    return out


def _figures(pairs: Sequence[tuple[NDArray, NDArray]], suffix: str) -> dict[str, float]:
    return {f"{name}{suffix}": value for name, value in (paper_metrics(pairs) | {"takes": float(len(pairs))}).items()}


def show(model: Model, speech: Speech, transcript: str | None = None, label: str = "neutral") -> NDArray:
    """(T, 174) the finished rig of a sound."""
    return model.perform(speech, transcript).decode(label).values


def on_recordings(model: Model, recordings: Sequence[Recording]) -> dict[str, float]:
    """The finished output on recordings: `mouth`, with transcript, in each emotion, and in noise."""
    performances = [model.perform(recording.speech) for recording in recordings]
    rigs = {label: [each.decode(label).values for each in performances] for label in LABELS}
    out = mouth(rigs["neutral"], recordings)
    worded = [recording for recording in recordings if recording.text]
    if worded:
        shown = [show(model, recording.speech, recording.text) for recording in worded]
        out |= {f"{name}{WITH}": value for name, value in mouth(shown, worded).items()}
    out |= _by_emotion(rigs, recordings)
    noisy = [
        show(model, Speech.from_array(nonspeech.in_noise(each.speech.samples, SNR_DB), RATE)) for each in recordings
    ]
    return out | _in_noise(table(noisy, recordings), table(rigs["neutral"], recordings))


def table(rigs: Sequence[NDArray], recordings: Sequence[Recording]) -> Articulation:
    """The articulation of rigs (T, 174), one for each recording."""
    return articulation((rig, recording.phones) for rig, recording in zip(rigs, recordings, strict=True))


def mouth(rigs: Sequence[NDArray], recordings: Sequence[Recording]) -> dict[str, float]:
    """Figures for any mouth: its `Articulation`, and "MLE, phones known" beside a still mouth.

    The truth of this MLE (Eq. 15) is the teacher's lips at the true phone times; "MLE / still mouth, phones known" and
    "lips / phones known", the amplitude beside the teacher's, distinguish a wrong mouth from one that moves too little.

    Args:
        rigs: (T, 174) at 60 fps, one for each recording, made by whatever.
        recordings: not empty.
    """
    truths = [recording.taught(len(rig)) for rig, recording in zip(rigs, recordings, strict=True)]
    found = table(rigs, recordings)
    error = float(np.mean([mouth_error(rig, truth) for rig, truth in zip(rigs, truths, strict=True)]))
    held = float(np.mean([mouth_error(still(truth)["median"], truth) for truth in truths]))
    spread = float(np.mean([truth[:, S_LIP].std(axis=0).mean() for truth in truths]))
    out = found.to_dict() | {"MLE, phones known": error, "MLE still mouth, phones known": held}
    out |= {f"{name}, phones known": value for name, value in ratio(error, held).items()}
    return out | ({"lips / phones known": found.lips / spread} if spread > 1e-9 else {})


def _by_emotion(rigs: Mapping[str, Sequence[NDArray]], recordings: Sequence[Recording]) -> dict[str, float]:
    """Event F1 in each emotion, and how much a closure loses in the worst."""
    out: dict[str, float] = {}
    scores = {}
    for label, shown in rigs.items():
        found = table(shown, recordings)
        scores[label] = found.seen["closure"].f1
        out |= {f"{kind} F1, {label}": events.f1 for kind, events in found.seen.items() if label != "neutral"}
    lost = max(scores["neutral"] - score for label, score in scores.items() if label != "neutral")
    return out | {"closure F1 lost to emotion": max(lost, 0.0)}


def _in_noise(noisy: Articulation, clean: Articulation) -> dict[str, float]:
    name = f"noise {SNR_DB:.0f} dB"
    out = {f"{kind} F1, {name}": events.f1 for kind, events in noisy.seen.items()}
    return out | {f"jaw sd, {name} / clean": noisy.jaw[1] / max(clean.jaw[1], 1e-9)}


def _hear(model: Model, corpus: Corpus, utterance: Utterance) -> HeldSentence:
    samples = corpus.audio(utterance)
    performance = model.perform(Speech.from_array(samples, RATE), utterance.text)
    voice = prosody(samples)
    lips = lip_curves(utterance.phones, len(performance), effort=effort(voice))
    found = spoken(utterance)
    words = None if found is None else found.words
    return HeldSentence(
        performance, performance.with_transcript(""), lips, strength(voice, utterance.text, words=words)
    )


def against_teacher(sentences: Sequence[HeldSentence]) -> dict[str, float]:
    """`paper_metrics` against the teacher's faces, the labels taking turns."""
    pairs = []
    for number, heard in enumerate(sentences):
        label = number % len(LABELS)
        pairs.append((heard.shown(LABELS[label]), compose(heard.lips, label, heard.strength)))
    return paper_metrics(pairs)


def emotion_swap(sentences: Sequence[HeldSentence]) -> dict[str, float]:
    """Figures for the change from neutral to another emotion: lips over what speech moves them, and the upper face."""
    lips, upper = [], []
    for number, heard in enumerate(sentences):
        neutral = heard.shown("neutral")
        other = [label for label in LABELS if label != "neutral"][number % (len(LABELS) - 1)]
        change = np.abs(heard.shown(other) - neutral)
        lips.append(change[:, S_LIP].mean() / max(float(neutral[:, S_LIP].std(axis=0).mean()), 1e-9))
        upper.append(change[:, S_UP].mean())
    return {"swap lips / speech": float(np.mean(lips)), "swap upper face": float(np.mean(upper))}


def use_of_words(sentences: Sequence[HeldSentence]) -> dict[str, float]:
    """How well the intensity follows the teacher's strength with and without the transcript (correlation, error)."""
    teacher = np.concatenate([heard.strength for heard in sentences])
    out = {}
    for name, found in (
        ("words", np.concatenate([heard.performance.intensity for heard in sentences])),
        ("no words", np.concatenate([heard.wordless.intensity for heard in sentences])),
    ):
        moving = found.std() > 1e-9 and teacher.std() > 1e-9
        out[f"intensity r, {name}"] = float(np.corrcoef(found, teacher)[0, 1]) if moving else 0.0
        out[f"intensity error, {name}"] = float(np.abs(found - teacher).mean())
    return out


def by_language(model: Model, corpus: Corpus, held: Sequence[Utterance]) -> dict[str, float]:
    """ "AUC mean, LANGUAGE" of the finished output on held-out voices, and its ratio to English over the same AUCs.

    "speech seconds, LANGUAGE" tells how much that stands on: a language of a few seconds says little.
    """
    groups: dict[str, list[Utterance]] = {}
    for utterance in held:
        groups.setdefault(utterance.language.split("-")[0], []).append(utterance)
    aucs, seconds = {}, {}
    for language, utterances in sorted(groups.items()):
        chosen = utterances[:: -(-len(utterances) // PER_LANGUAGE)]
        rigs = [show(model, Speech.from_array(corpus.audio(utterance), RATE)) for utterance in chosen]
        phones = [[(start, end, PHONES[kind]) for start, end, kind in utterance.phones] for utterance in chosen]
        found = articulation(zip(rigs, phones, strict=True))
        aucs[language], seconds[language] = found.auc, 60.0 * found.minutes
    out: dict[str, float] = {}
    for language, found in aucs.items():
        if found:
            out[f"AUC mean, {language}"] = float(np.mean(list(found.values())))
        both = [name for name in found if name in aucs.get("en", {})]
        if language != "en" and both:
            english = np.mean([aucs["en"][name] for name in both])
            out[f"AUC, {language} / en"] = float(np.mean([found[name] for name in both]) / english)
        out[f"speech seconds, {language}"] = seconds[language]
    return out


def _folders(captures: str | Path | Sequence[str | Path]) -> list[Path]:
    return [Path(captures)] if isinstance(captures, str | Path) else [Path(folder) for folder in captures]
