"""Faces out of videos: a rig, and the sound beside it, of what MediaPipe sees in each frame.

The 52 blendshapes of ARKit are followed through the video, freed of the actor's neutral pose and of what a blink does
to the gaze, put on an even grid of 60 frames a second by the times at which the frames were shown, smoothed, and made
174 channels by `medtalk.rig.from_arkit`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.signal import savgol_filter

from medtalk.errors import MedtalkError, TrainingError
from medtalk.files import make_folder, write_atomic
from medtalk.guidance import LABELS
from medtalk.rates import FPS
from medtalk.rig import ARKIT_NAMES, RigSequence, from_arkit, read_rig, write_rig
from medtalk.rig.sequence import MAX_FRAMES
from medtalk_train.captured.takes import ravdess
from medtalk_train.captured.takes.neutral import MOST
from medtalk_train.captured.takes.take import label_of, named
from medtalk_train.captured.video import Sound, frames_of, pixels_of, sound_of, twice, videos_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtalk.backbones.face_landmarker import FaceLandmarker, WatchedFace

FACES = ("largest", "left", "right")
"""Which face is captured where there are several; left and right are those of the picture."""
AUTO, NONE = "auto", "none"
"""For the neutral pose, beside a number of seconds and a video."""
LONGEST_GAP = 0.5
"""Seconds that a face may be lost: a hand before it, a quick turn. Straight lines fill them."""
SHORTEST = 0.5
"""Seconds of a video below which there is nothing to learn."""
SECOND_FACE = 0.1
"""Share of the frames in which a second face may be seen: somebody who passes, a picture that looks like one."""
RESTING = 0.1
"""Of a shape's values, from below: what it has at rest, where the video is one of speech, which comes back there."""
_SMOOTHED = 3.5  # frames of the video: shorter than a blink or a closure of the lips, longer than the tracker's jitter
_JUMP = 1.0  # widths of a face: where a face is farther off in the next frame, it is another one's
_PLACE = {name: place for place, name in enumerate(ARKIT_NAMES)}
_EYES = ("Left", "Right")
_NEUTRAL = LABELS.index("neutral")


class Track(NamedTuple):
    """A face that was seen: times (N,) in seconds from the first frame, shapes (N, 52), and how long the video is."""

    times: NDArray[np.float64]
    shapes: NDArray[np.float64]
    seconds: float


@dataclass(frozen=True)
class Capturing:
    """How videos are captured.

    Attributes:
        landmarker: what sees.
        face: one of `FACES`; "" refuses a video with two faces.
        neutral: `AUTO`: the actor's neutral videos, else what a shape has at rest in the video itself; `NONE`; a number
            of seconds at the start of each video; or the path of a video of a face at rest.
        emotion, speaker: of all videos, whatever their names say; "" leaves that to their names.
        seen: called after each frame.
    """

    landmarker: FaceLandmarker
    face: str = ""
    neutral: str = AUTO
    emotion: str = ""
    speaker: str = ""
    seen: Callable[[], object] = field(default=lambda: None)

    def __post_init__(self) -> None:
        if self.face not in ("", *FACES):
            raise TrainingError(f"Unknown face {self.face!r}; valid are {', '.join(FACES)}.")
        if self.emotion and label_of(self.emotion) is None:
            raise TrainingError(f"Unknown emotion {self.emotion!r}; valid are {', '.join(LABELS)}.")
        seconds = _number(self.neutral)
        if seconds is None and self.neutral not in (AUTO, NONE) and not Path(self.neutral).is_file():
            raise TrainingError(
                f"There is no video {self.neutral} of a neutral face.",
                f"--neutral is {AUTO}, {NONE}, the seconds at the start in which the face rests, or a video of it.",
            )
        if seconds is not None and not 0.0 < seconds < np.inf:
            raise TrainingError(f"--neutral is {self.neutral}; the seconds must be more than 0.", "Try 1.")


class Job(NamedTuple):
    """A video, and where its rig goes (NAME.npz, with the sound NAME.wav beside it)."""

    video: Path
    rig: Path

    @property
    def sound(self) -> Path:
        return self.rig.with_suffix(".wav")

    @property
    def done(self) -> bool:
        return self.rig.is_file() and self.sound.is_file()


def jobs_of(place: Path, out: Path) -> tuple[list[Job], int]:
    """The videos of a place in the order of their work, and how many are left out: those of RAVDESS without sound of
    which there is one with sound. `TrainingError` if there are none, or two would be written to one rig."""
    videos = videos_in(place)
    names = {video.stem for video in videos}
    kept = [video for video in videos if not (video.stem.startswith("02-") and f"01-{video.stem[3:]}" in names)]
    root = place if place.is_dir() else place.parent
    jobs = [Job(video, out / video.relative_to(root).with_suffix(".npz")) for video in kept]
    if name := twice([str(job.rig) for job in jobs]):
        raise TrainingError(f"{name[1]} videos in {place} would all be written to {name[0]}.", "Rename one of them.")
    return jobs, len(videos) - len(kept)


def capture_all(
    jobs: list[Job], how: Capturing, again: bool = False
) -> Iterator[tuple[Path, Path, float | MedtalkError | None]]:
    """Capture videos one after another: each with its rig and how many seconds that has, its error, or None where it
    was there already.

    Neutral videos come first, as the others of their actors need the pose of those. An error of one video stops no
    other; what it had written is what was there before.
    """
    if how.neutral not in (AUTO, NONE) and _number(how.neutral) is None:
        given = np.median(track(Path(how.neutral), how).shapes, axis=0)
    else:
        given = None
    poses: dict[str, list[NDArray]] = {}
    for job in sorted(jobs, key=lambda job: about(job.video, how).get("label") != _NEUTRAL):
        try:
            known = about(job.video, how)
            speaker = known["speaker"]
            if job.done and not again:
                if known["label"] == _NEUTRAL and (pose := _pose_in(job.rig)) is not None:
                    poses.setdefault(speaker, []).append(pose)
                yield job.video, job.rig, None
                continue
            if known["label"] is None:
                raise TrainingError(
                    f"The name of {job.video} gives no emotion.", f"Give --emotion: {', '.join(LABELS)}."
                )
            sound = sound_of(job.video)  # first: it is quick, and without one nothing else is worth its time
            followed = track(job.video, how)
            pose = given
            if pose is None and how.neutral != NONE:
                pose = own_pose(job.video, followed, how)
                if how.neutral == AUTO and known["label"] == _NEUTRAL:
                    poses.setdefault(speaker, []).append(pose)
                elif how.neutral == AUTO and speaker and speaker in poses:
                    pose = np.median(poses[speaker], axis=0)
            yield job.video, job.rig, _written(job, followed, sound, pose, known).seconds
        except MedtalkError as error:
            yield job.video, job.rig, error


def about(video: Path, how: Capturing) -> dict[str, Any]:
    """What is known of a video, by its name (RAVDESS's, or as `named` reads it) or as it was asked for: `label`, None
    if it is unknown, `speaker`, "" if unknown, and of RAVDESS `transcript` and `strength`."""
    known: dict[str, Any] = {"label": None, "speaker": ""}
    if numbers := ravdess.numbers(video.stem):
        _, _, emotion, strength, statement, _, actor = numbers
        if 1 <= int(emotion) <= len(ravdess.EMOTIONS):
            known["label"] = LABELS.index(ravdess.EMOTIONS[int(emotion) - 1])
        if 1 <= int(statement) <= len(ravdess.STATEMENTS):
            known["transcript"] = ravdess.STATEMENTS[int(statement) - 1]
        known |= {"speaker": actor, "strength": ravdess.STRENGTHS.get(strength, "")}
    else:
        known["label"], known["speaker"], _ = named(video.stem)
    if how.emotion:
        known["label"] = label_of(how.emotion)
    known["speaker"] = how.speaker or known["speaker"]
    return known


def track(video: Path, how: Capturing) -> Track:
    """Follow one face through a video.

    Raises TrainingError for a file that is no video, no face, two faces where none is chosen, a face that is lost for
    longer than `LONGEST_GAP`, and a video that is shorter than `SHORTEST` or longer than a rig may be.
    """
    times, rows, several, all_times = [], [], [], []
    last: WatchedFace | None = None
    with frames_of(video) as shown:
        pictures = ((time, pixels_of(frame)) for time, frame in shown)
        with closing(how.landmarker.watch(pictures, str(video))) as watched:
            for time, faces in watched:
                if time * FPS > MAX_FRAMES:
                    raise TrainingError(f"{video} is longer than {MAX_FRAMES / FPS:.0f} s.", "Cut it into parts.")
                all_times.append(time)
                if len(faces) > 1:
                    several.append((time, faces))
                lost = bool(times) and time - times[-1] > LONGEST_GAP
                if found := _chosen(faces, how.face, None if lost else last):
                    times.append(time)
                    rows.append(found.shapes)
                    last = found
                how.seen()
    if not rows:
        raise TrainingError(f"No face is seen in {video}.", "It must be upright, from the front, and not too dark.")
    frames = len(all_times)
    if not how.face and len(several) > SECOND_FACE * frames:
        first, faces = several[0]
        smaller = sorted(faces, key=lambda face: face.area)[-2]
        side = "left" if smaller.centre[0] < max(faces, key=lambda face: face.area).centre[0] else "right"
        raise TrainingError(
            f"Two faces are seen in {video}, the second to the {side} from {first:.1f} s on, in "
            f"{100 * len(several) / frames:.0f} % of the frames.",
            f"Name the one that speaks by --face {', '.join(FACES[:-1])} or {FACES[-1]}.",
        )
    step = float(np.median(np.diff(all_times))) if frames > 1 else 0.0
    seconds = all_times[-1] + step
    if seconds < SHORTEST:
        raise TrainingError(f"{video} lasts {seconds:.2f} s; at least {SHORTEST:g} s are needed.", "Give a longer one.")
    edges = [0.0, *times, all_times[-1]]
    gap = int(np.diff(edges).argmax())
    if edges[gap + 1] - edges[gap] > LONGEST_GAP:
        raise TrainingError(
            f"The face is lost in {video} from {edges[gap]:.1f} s to {edges[gap + 1]:.1f} s.",
            f"At most {LONGEST_GAP:g} s may be missing: cut the video there.",
        )
    return Track(np.array(times), np.array(rows), seconds)


def own_pose(video: Path, followed: Track, how: Capturing) -> NDArray[np.float64]:
    """(52,) what a face has at rest in its own video: in its first seconds, if they are asked for.

    Raises TrainingError if it is not seen in these.
    """
    seconds = _number(how.neutral)
    if seconds is None:
        return np.quantile(followed.shapes, RESTING, axis=0)
    resting = followed.shapes[followed.times <= seconds]
    if not len(resting):
        raise TrainingError(
            f"No face is seen in the first {seconds:g} s of {video}; the first is seen at {followed.times[0]:.2f} s.",
            f"Give --neutral more seconds, or {AUTO}.",
        )
    return np.median(resting, axis=0)


def rig_of(followed: Track, pose: NDArray | None = None, meta: Mapping[str, Any] | None = None) -> RigSequence:
    """The rig (T, 174) at 60 fps of a face that was followed, without a neutral pose (52,)."""
    shapes = followed.shapes.copy()
    for eye in _EYES:
        # The lid takes the iris with it in the picture: a blink is seen as a look down, which it is not.
        shapes[:, _PLACE[f"EyeLookDown{eye}"]] *= 1.0 - np.clip(shapes[:, _PLACE[f"EyeBlink{eye}"]], 0.0, 1.0)
    if pose is not None:
        at_rest = np.clip(pose, 0.0, MOST)
        shapes = np.clip((shapes - at_rest) / (1.0 - at_rest), 0.0, 1.0)
    grid = np.arange(max(1, round(followed.seconds * FPS))) / FPS
    even = np.stack([np.interp(grid, followed.times, column) for column in shapes.T], axis=1)
    step = float(np.median(np.diff(followed.times))) if len(followed.times) > 1 else 1.0 / FPS
    window = min(max(5, round(_SMOOTHED * step * FPS) | 1), (len(even) - 1) | 1)
    if window >= 5:
        even = np.clip(np.asarray(savgol_filter(even, window, 2, axis=0)), 0.0, 1.0)
    return from_arkit(even, FPS, meta)


def _written(job: Job, followed: Track, sound: Sound, pose: NDArray | None, known: Mapping[str, Any]) -> RigSequence:
    """The rig of a video, written with its sound; the rig last, as it says that both are whole."""
    samples, rate, start = sound
    wanted = round(followed.seconds * rate)
    at = round(start * rate)
    samples = np.pad(samples, (at, 0)) if at > 0 else samples[-at:]
    if len(samples) < wanted - LONGEST_GAP * rate:
        raise TrainingError(
            f"The sound of {job.video} ends at {len(samples) / rate:.1f} s, its pictures at {followed.seconds:.1f} s.",
            "Cut the video there.",
        )
    samples = np.pad(samples[:wanted], (0, max(0, wanted - len(samples))))
    meta: dict[str, Any] = {
        "emotion": {LABELS[known["label"]]: 1.0},
        "source": job.video.name,
        "capture": {
            "tool": "MediaPipe Face Landmarker",
            "neutral": None
            if pose is None
            else {n: round(float(v), 4) for n, v in zip(ARKIT_NAMES, pose, strict=True)},
        },
        **{name: known[name] for name in ("speaker", "transcript", "strength") if known.get(name)},
    }
    rig = rig_of(followed, pose, meta)
    make_folder(job.rig.parent)
    write_atomic(job.sound, lambda to: _write_sound(to, samples, rate), force=True)
    write_rig(job.rig, rig, force=True)
    return rig


def _write_sound(to: Path, samples: NDArray, rate: int) -> None:
    import soundfile

    soundfile.write(to, np.clip(samples, -1.0, 1.0), rate, format="WAV", subtype="PCM_16")


def _chosen(faces: list[WatchedFace], face: str, last: WatchedFace | None) -> WatchedFace | None:
    """The face of a frame that is captured; None if it is not there. `last` is where it was just now."""
    if not faces:
        return None
    if last is not None:
        (x, y), width = last.centre, last.box[2] - last.box[0]
        near = min(faces, key=lambda each: np.hypot(each.centre[0] - x, each.centre[1] - y))
        return near if np.hypot(near.centre[0] - x, near.centre[1] - y) <= _JUMP * width else None
    if face in ("left", "right"):
        return sorted(faces, key=lambda each: each.centre[0])[0 if face == "left" else -1]
    return max(faces, key=lambda each: each.area)


def _pose_in(rig: Path) -> NDArray[np.float64] | None:
    """The neutral pose that was taken out of a rig, if it says so."""
    try:
        made = read_rig(rig).meta.get("capture")
        pose = made.get("neutral") if isinstance(made, Mapping) else None
        return np.array([float(pose[name]) for name in ARKIT_NAMES]) if isinstance(pose, Mapping) else None
    except (MedtalkError, KeyError, TypeError, ValueError):
        return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
