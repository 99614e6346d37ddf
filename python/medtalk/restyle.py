"""A take in another emotion: E_c keeps what it says, and D shows it with other guidance (Sec. 3.2, Fig. 6).

This needs no sound, so that captured, edited and imported faces can be restyled. Blinks, looks and turns of the head
are neither emotion nor content to a bundle: they are taken off before the encoders see a face, and stay as they are. So
do closures of the lips. How well the bundle can show such a face at all is measured by rebuilding it, and reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from medtalk.dynamics import PAUSING, PLAIN
from medtalk.engine import Guided, Heard
from medtalk.errors import GuidanceError, MedtalkError, SettingError, require
from medtalk.features.prosody import N_PROSODY
from medtalk.finishing import Finishing, finish, turn_of_head
from medtalk.finishing.closures import Closures
from medtalk.limits import MAX_INTENSITY, check_range
from medtalk.moods import in_labels
from medtalk.perform import Performance, runs
from medtalk.rates import FPS
from medtalk.rig import RigSequence
from medtalk.rig.channels import AREAS, MAXIMUM, MINIMUM, S_LIP, S_UP, indices
from medtalk.rig.sequence import frozen
from medtalk.saved import KeptSpeech
from medtalk.version import __version__
from medtalk_board.channels import REGIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.engine.spaces import Spaces
    from medtalk.guidance import Guidance
    from medtalk.perform import Model

REBUILT = {"mouth": np.concatenate([AREAS[area] for area in REGIONS["mouth"]]), "upper": S_UP}
"""The parts of a face whose rebuilding is measured, and their channels."""
POOR_R2, POOR_ERROR = 0.5, 0.03
"""A bundle cannot show a face of which less than this share of the movement comes back, and that it misses by more than
this. The bundle that ships misses finished takes of its own by .002 to .02 (what it lacks there is the life of the
upper face), and a captured one of another kind by .05 and .10 with an R2 below 0."""
STILL = 0.02
"""Deviation of the channels, root mean square, below which a part does not move, and has no share of movement."""
APART_S = 0.05
"""By how much a take and its sound may differ in length."""

_LIDS = indices("[LR]_eye_blink")
_UPPER_LIDS = indices("[LR]_eye_eyelidU")
_LOOK_Y = indices("[LR]_eye.Y")
_LOOKS = np.setdiff1d(AREAS["eye"], S_UP)  # gaze, pupils, lashes
_LID_FOLLOWS = 0.5  # of the eye's turn up or down, as `medtalk.finishing.gaze` has it
_BLINK_S, _BLINK, _OPEN = 0.5, 0.25, 0.02  # a lid that falls so far and is back in this time blinks
_SEAL, _PRESS = indices("?_mouth_lipsTogether[DU]"), indices("?_mouth_lipsPressU")
_BITE = indices("?_mouth_lipBiteD")
_SPEAKS, _NEAR_S = 0.15, 0.25  # of the mouth's usual speed, and how far around it


@dataclass(frozen=True)
class Rebuilt:
    """How much of a part of a face comes back through E_e, E_c and D.

    Attributes:
        r2: share of the movement (1 is all of it, 0 is no more than the mean face); None where nothing moves.
        error: mean absolute error of its channels.
    """

    r2: float | None
    error: float

    @property
    def poor(self) -> bool:
        """Whether the bundle cannot show it."""
        return self.error > POOR_ERROR and (self.r2 is None or self.r2 < POOR_R2)


@dataclass(frozen=True, eq=False)
class Eyes:
    """What the eyes of a take do apart from its mood.

    Attributes:
        shut: how far each eye is shut by blinks, (T, 2), 0..1.
        looks: gaze, pupils and lashes, (T, n).
    """

    shut: NDArray[np.float32]
    looks: NDArray[np.float32]

    def over(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """A rig (T, 174) with these movements; a lid shuts from where it is in the rig."""
        out = np.array(values, np.float32)
        out[:, _LIDS] += self.shut * np.maximum(1.0 - out[:, _LIDS], 0.0)
        out[:, _LOOKS] = self.looks
        out[:, _UPPER_LIDS] -= _LID_FOLLOWS * out[:, _LOOK_Y]
        return np.clip(out, np.minimum(MINIMUM, values), np.maximum(MAXIMUM, values))


@dataclass(frozen=True, eq=False)
class Like:
    """The emotion of another take.

    Attributes:
        name: of the take.
        embedding: by E_e, (256,) its mean, or (T, 256) frame by frame.
        mood: weights of its labels, as far as they are known; they choose how the eyes and the head move.
    """

    name: str
    embedding: NDArray[np.float32]
    mood: Mapping[str, float]


def bare(values: NDArray[np.float32], fps: float = FPS) -> tuple[NDArray[np.float32], Eyes]:
    """A rig (T, 174) without blinks and looks, as a decoder makes it, and what was taken off."""
    from scipy.ndimage import grey_opening

    face = np.array(values, np.float32)
    # An opening takes away whatever is shorter than it, and leaves the level and slow closings.
    level = grey_opening(face[:, _LIDS], (max(1, round(_BLINK_S * fps)), 1), mode="nearest")
    over = np.clip((face[:, _LIDS] - level) / np.maximum(1.0 - level, 1e-3), 0.0, 1.0)
    shut = np.zeros(over.shape, np.float32)
    for eye in (0, 1):
        for run in runs(over[:, eye] > _OPEN):
            if over[run, eye].max() >= _BLINK:
                shut[run, eye] = over[run, eye]
                face[run, _LIDS[eye]] = level[run, eye]
    looks = face[:, _LOOKS].copy()
    face[:, _UPPER_LIDS] += _LID_FOLLOWS * face[:, _LOOK_Y]
    face[:, _LOOKS] = 0.0
    return face, Eyes(shut, looks)


def rebuilt(face: NDArray, shown: NDArray) -> dict[str, Rebuilt]:
    """How well `shown` (T, 174) is the face (T, 174), for each part of `REBUILT`."""
    found = {}
    for part, channels in REBUILT.items():
        truth, error = face[:, channels].astype(np.float64), (shown - face)[:, channels].astype(np.float64)
        spread = (truth - truth.mean(axis=0)) ** 2
        r2 = 1.0 - float((error**2).sum() / spread.sum()) if spread.mean() > STILL**2 else None
        found[part] = Rebuilt(r2, float(np.abs(error).mean()))
    return found


def like(other: RigSequence, name: str, spaces: Spaces, frames: int) -> Like:
    """The emotion of another take: frame by frame where it has so many frames at 60 fps, else its mean."""
    embedding = spaces.emotion(bare(other.resample(FPS).values)[0])
    emotion = other.meta.get("emotion")
    try:
        mood = in_labels(emotion) if isinstance(emotion, dict) and emotion else {}
    except (KeyError, TypeError):  # a file may say anything
        mood = {}
    return Like(name, embedding if len(embedding) == frames else embedding.mean(axis=0), mood)


def restyle(
    rig: RigSequence,
    model: Model,
    guidance: Guidance | Like,
    *,
    spaces: Spaces | None = None,
    intensity: float = 1.0,
    sound: Performance | None = None,
    finishing: Finishing | None = None,
    remake: bool = False,
) -> RigSequence:
    """A take in another emotion.

    Args:
        rig: any take, at any rate of frames.
        model: whose spaces and decoder are used.
        guidance: as `Model.guide` gives it, or the emotion of another take, as `like` gives it.
        spaces: of the model's bundle; loaded if left out.
        intensity: multiplies the strength of the emotion, 0 to 4.
        sound: the take's own, as the model heard it: the strength then follows the voice. Without it, it is that of
            plain speech, wherever the mouth moves.
        finishing: None takes that of the take's meta, else the usual one.
        remake: make blinks, looks and turns of the head anew, in place of the take's own.

    Returns:
        (T, 174) at the take's rate, in the region of the face that the take animates. `meta["restyled"]` has how well
        the take was rebuilt: mouth and upper, R2 and mean absolute error.

    Raises:
        SettingError: an intensity out of range, or a sound of another length.
        GuidanceError: "auto" without a sound, or a guidance from another model.
        MissingExtraError, BundleError: of `Spaces`.
    """
    require(intensity, int | float, "The intensity", "a number from 0 to 4")
    scale = float(check_range(intensity, "The intensity", MAX_INTENSITY))
    if spaces is None:
        spaces = _spaces_of(model)
    asked = finishing_of(rig) if finishing is None else finishing
    take = rig.resample(FPS)
    face, eyes = bare(take.values)
    back = rebuilt(face, spaces.rebuild(face))
    steps = asked if remake else replace(asked, blink=False, gaze=False, head=False)
    heard = _of_sound(sound, take) if sound is not None and sound.activity.any() else _unheard(model, take, face)
    shown = _with_content(heard, face, spaces)
    if isinstance(guidance, Like):
        made = _decoded_like(shown, guidance, spaces, scale, steps)
    else:
        made = shown.decode(guidance, scale, steps)
    region = rig.meta.get("region")
    region = region if isinstance(region, str) and region in REGIONS else "full"
    values = _within(made.values if remake else eyes.over(made.values), region)
    meta = {**rig.meta, **{name: part for name, part in made.meta.items() if name != "source"}}
    if sound is not None:
        meta["source"] = sound.speech.facts()
    # What was kept came from the take's own finishing: restyled again, the take must find that.
    meta |= {"intensity": scale, "region": region, "finishing": asdict(asked)}
    head = made.head if remake and region == "full" else take.head
    for name in ("note", "guidance", "strength", "kinds", "timeline", "base", "voice", "persona"):
        if name not in made.meta:
            meta.pop(name, None)
    meta["restyled"] = {"rebuilt": {part: asdict(each) for part, each in back.items()}}
    done = replace(take, values=frozen(values), meta=meta, head=head)
    return done if rig.fps == FPS else _at_rate(done, rig)


def _within(values: NDArray[np.float32], region: str) -> NDArray[np.float32]:
    """A rig (T, 174) with the channels outside a region at 0."""
    if region == "full":
        return np.array(values, np.float32)
    kept = np.zeros_like(values)
    for area in REGIONS[region]:
        kept[:, AREAS[area]] = values[:, AREAS[area]]
    return kept


def poor(restyled: RigSequence) -> list[str]:
    """The parts of a restyled take that the bundle could not rebuild."""
    return [part for part, each in restyled.meta["restyled"]["rebuilt"].items() if Rebuilt(**each).poor]


def _spaces_of(model: Model) -> Spaces:
    from medtalk.engine.spaces import Spaces

    return Spaces(model.bundle)


def finishing_of(rig: RigSequence) -> Finishing:
    """The finishing that a take was made with, as far as its meta says."""
    kept = rig.meta.get("finishing")
    known = {each.name for each in fields(Finishing)}
    try:
        return Finishing(**{name: value for name, value in kept.items() if name in known}) if kept else Finishing()
    except (MedtalkError, TypeError, AttributeError):  # a file may say anything
        return Finishing()


def _with_content(heard: Performance, face: NDArray[np.float32], spaces: Spaces) -> Performance:
    """The performance with the content and the closures of a face (T, 174), and without a view of its phones."""
    guided = heard.heard.guided
    if spaces.has_guided:
        from medtalk.engine.spaces import Spaces

        apart = Spaces(heard.model.bundle, guided=True).content(face)
        guided = Guided(apart, heard.intensity if guided is None else guided.intensity)
    shown = replace(
        heard,
        content=spaces.content(face),
        heard=replace(heard.heard, guided=guided),
        # What the take does in pauses is its own: it is no noise that the networks hear.
        posteriors=None,
        closures=Closures(*(face[:, channels].mean(axis=1) for channels in (_SEAL, _PRESS, _BITE))),
    )
    vars(shown)["prosody"] = heard.prosody
    return shown


def _of_sound(sound: Performance, take: RigSequence) -> Performance:
    """The performance of a take's sound, with as many frames as the take."""
    if abs(sound.seconds - take.seconds) > APART_S + 1.0 / FPS:
        raise SettingError(
            f"The take lasts {take.seconds:.2f} s and the sound {sound.seconds:.2f} s.",
            "Give the sound that belongs to it, or none.",
        )
    frames, prosody = len(take), sound.prosody

    def fitted(values: NDArray) -> NDArray[np.float32]:
        return np.concatenate([values, np.repeat(values[-1:], max(frames - len(values), 0), axis=0)])[:frames]

    guided = sound.heard.guided
    kept = replace(
        sound,
        intensity=fitted(sound.intensity),
        activity=fitted(sound.activity),
        content=np.zeros((frames, 0), np.float32),
        posteriors=None,
        heard=replace(
            sound.heard, posteriors=None, guided=guided and replace(guided, intensity=fitted(guided.intensity))
        ),
    )
    vars(kept)["prosody"] = fitted(prosody)
    return kept


def _unheard(model: Model, take: RigSequence, face: NDArray[np.float32]) -> Performance:
    """A performance without a sound: its strength is that of plain speech, and it speaks where the take does."""
    frames = len(take)
    source = take.meta.get("source")
    name = str(source.get("name", "the take")) if isinstance(source, dict) else "the take"
    facts = {"name": name, "source_rate": 0, "source_channels": 0, "note": "", "sha256": "", "seconds": take.seconds}
    activity = _speaking(take, face)
    transcript = take.meta.get("transcript")
    performance = Performance(
        model=model,
        speech=KeptSpeech(facts),
        transcript=transcript if isinstance(transcript, str) else "",
        heard=Heard(np.zeros((frames, 0), np.float32), np.zeros((frames, 0), np.float32)),
        content=np.zeros((frames, 0), np.float32),
        posteriors=None,
        intensity=(PLAIN * (PAUSING + (1.0 - PAUSING) * activity)).astype(np.float32),
        activity=activity,
        voice=_no_voice,
    )
    vars(performance)["prosody"] = np.zeros((frames, N_PROSODY), np.float32)  # a plain voice without accents
    return performance


def _no_voice() -> NoReturn:
    raise GuidanceError("The emotion auto is heard in the voice, and the take has no sound.", "Give it with --sound.")


def _speaking(take: RigSequence, face: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where a take speaks, (T,) 0..1: at its phones, else where its mouth moves, else everywhere."""
    from scipy.ndimage import gaussian_filter1d, maximum_filter1d

    speaks = np.zeros(len(face))
    for phone in take.phones:
        speaks[round(phone.start * FPS) : round(phone.end * FPS)] = 1.0
    if not take.phones and len(face) > 1:
        speed = gaussian_filter1d(np.abs(np.gradient(face[:, S_LIP], axis=0)).sum(axis=1), 3.0, mode="nearest")
        usual = float(np.percentile(speed, 90.0))
        speaks = (speed > _SPEAKS * usual).astype(np.float64) if usual > 1e-4 else speaks
    if not speaks.any():
        return np.ones(len(face), np.float32)
    reach = round(_NEAR_S * FPS)
    return np.clip(gaussian_filter1d(maximum_filter1d(speaks, reach), 2.0), 0.0, 1.0).astype(np.float32)


def _decoded_like(shown: Performance, of: Like, spaces: Spaces, scale: float, steps: Finishing) -> RigSequence:
    """A performance in the emotion of another take, finished."""
    content, frames = shown.content, len(shown)
    if of.embedding.ndim == 2 and len(of.embedding) != frames:
        raise SettingError(f"{of.name} has {len(of.embedding)} frames, the take {frames}.", "Give its mean.")
    nothing = np.zeros(frames, np.float32)
    width = content.shape[1]
    resting = spaces.guided(np.zeros(width, np.float32), nothing)
    # As the product's own decoder has it: a face at rest, and over it what the emotion changes. A strength mixes rigs.
    calm = shown.model.engine.decode(content, np.zeros((frames, width), np.float32), nothing)
    raw = calm + np.float32(scale) * (spaces.decode(of.embedding, content) - spaces.decode(resting, content))
    mood = dict(of.mood) or None
    named = max(of.mood, key=of.mood.__getitem__) if of.mood else ""
    strong = np.full(frames, scale, np.float32)
    turn = turn_of_head(shown.cues, mood or {}, strong, steps, FPS, None, named)
    values = finish(raw, shown.activity, steps, FPS, shown.closures, shown.cues, turn, mood, None, named)
    bundle = shown.model.bundle
    meta = {
        "medtalk": __version__,
        "bundle": {"name": bundle.name, "sha256": bundle.sha256},
        "transcript": shown.transcript,
        "emotion": dict(of.mood),
        "guidance": {"like": of.name, "frames": "each" if of.embedding.ndim == 2 else "mean"},
        "finishing": asdict(steps),
        "region": "full",
    }
    return RigSequence(frozen(values), FPS, meta, head=turn)


def _at_rate(done: RigSequence, rig: RigSequence) -> RigSequence:
    """At the rate and with the number of frames of a rig."""
    again = done.resample(rig.fps)
    values = np.concatenate([again.values, np.repeat(again.values[-1:], max(len(rig) - len(again), 0), axis=0)])
    head = rig.head if again.head is None or len(again) != len(rig) else again.head
    return replace(again, values=values[: len(rig)], head=head)
