"""The frame of a video in which the face shows most (Sec. 3.4), as a picture: what P_image learns from.

How much a frame shows is Int(R) of its rig (Eq. 8): of a rig that is there already, or of one made from the blendshapes
that MediaPipe sees in the video.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medtalk.backbones.pretrained import clause
from medtalk.errors import MissingExtraError, TrainingError
from medtalk.files import write_atomic
from medtalk.model.intensity import intensity
from medtalk.rig import ARKIT_NAMES, from_arkit
from medtalk_train.captured.takes.ravdess import same_take
from medtalk_train.captured.takes.take import open_rig, rig_stem

if TYPE_CHECKING:
    from numpy.typing import NDArray

VIDEOS = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".flv")
_MEDIAPIPE = "https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker"


def videos_of(path: str | Path) -> list[Path]:
    """A video, or all in a folder; `TrainingError` if there are none, or two of one name."""
    place = Path(path)
    found = [place] if place.is_file() else sorted(f for f in place.rglob("*") if f.suffix.lower() in VIDEOS)
    if not found:
        raise TrainingError(f"There is no video {place}, and no folder with any.", f"Valid are {' '.join(VIDEOS)}.")
    name, count = Counter(video.stem for video in found).most_common(1)[0]
    if count > 1:
        raise TrainingError(
            f"{place} holds {count} videos called {name}; their pictures would be one.",
            "Take each folder by itself, with -o DATA/peaks/FOLDER.",
        )
    return found


def rig_of(video: Path, rigs: Path) -> Path:
    """The rig of a video: the file itself, or that of the video's name in a folder (RAVDESS: of any modality)."""
    if rigs.is_file():
        return rigs
    found = [file for file in sorted(rigs.rglob("*")) if same_take(rig_stem(file) or "", video.stem)]
    if len(found) != 1:
        raise TrainingError(f"{rigs} holds {len(found)} rigs called {video.stem}; there must be one.", "Check --rig.")
    return found[0]


def peak(video: Path, picture: Path, rig: Path | None = None, model: Path | None = None) -> float:
    """Write the frame of `video` that shows most as a PNG; returns its second.

    Args:
        video: a file that FFmpeg reads.
        picture: where to.
        rig: the face of the video, from its first frame on; MediaPipe is not needed then.
        model: MediaPipe's face_landmarker.task.

    Raises:
        TrainingError: no video, no face in it, or neither a rig nor a model.
        MissingExtraError: PyAV, or without a rig MediaPipe, is not installed.
        RigError: the rig cannot be read.
    """
    if rig is not None:
        face = open_rig(rig)
        second = int(np.argmax(intensity(face.values))) / face.fps
    elif model is not None:
        times, shown = _seen(video, model)
        second = times[int(np.argmax(shown))]
    else:
        raise TrainingError(
            "There is nothing to find the strongest expression by.",
            f"Give --rig, the video's rig, or --model, MediaPipe's face_landmarker.task ({_MEDIAPIPE}).",
        )
    image = _frame_at(video, second)
    write_atomic(picture, lambda to: image.save(to, format="PNG"))
    return second


def _frame_at(video: Path, second: float) -> Any:
    """The last frame (a PIL picture) that is shown at a time, or the last of all."""
    last = None
    with _frames(video) as frames:
        for time, frame in frames:
            if last is not None and time > second:
                break
            last = frame
        if last is None:
            raise TrainingError(f"{video} has no frames.", "Give a video.")
        return last.to_image()


def _seen(video: Path, model: Path) -> tuple[list[float], NDArray]:
    """Seconds of the frames with a face, and Int(R) of each (N,)."""
    try:
        # not part of the extra: it is large, and needed here alone
        import mediapipe  # pyright: ignore[reportMissingImports]
        from mediapipe.tasks.python import BaseOptions, vision  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"Seeing the expression in a video needs {error.name}, which is not installed.",
            "Run pip install mediapipe, or give the video's rig with --rig.",
        ) from error
    if not model.is_file():
        raise TrainingError(f"There is no file {model}.", f"Get face_landmarker.task from {_MEDIAPIPE}.")
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(model)),
        running_mode=vision.RunningMode.VIDEO,
        output_face_blendshapes=True,
    )
    places = {name.lower(): k for k, name in enumerate(ARKIT_NAMES)}
    times, rows = [], []
    try:
        with vision.FaceLandmarker.create_from_options(options) as landmarker, _frames(video) as frames:
            for time, frame in frames:
                image = mediapipe.Image(
                    mediapipe.ImageFormat.SRGB, np.ascontiguousarray(frame.to_ndarray(format="rgb24"))
                )
                found = landmarker.detect_for_video(image, round(time * 1000)).face_blendshapes
                if found:
                    row = np.zeros(len(ARKIT_NAMES))
                    for shape in found[0]:
                        if (place := places.get(shape.category_name.lower())) is not None:  # "_neutral" is none
                            row[place] = shape.score
                    times.append(time)
                    rows.append(row)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"MediaPipe cannot use {model} on {video}: {clause(error)}.", "Get the model again."
        ) from error
    if not rows:
        raise TrainingError(f"No face is seen in {video}.", "Give the video's rig with --rig.")
    return times, intensity(from_arkit(np.array(rows)).values)


@contextmanager
def _frames(video: Path) -> Iterator[Iterator[tuple[float, Any]]]:
    """The frames of a video with their seconds from the first."""
    try:
        import av
        from av.error import FFmpegError
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"Reading videos needs {error.name}, which is not installed.", "Run pip install 'medtalk[train]'."
        ) from error

    def decoded(container: Any) -> Iterator[tuple[float, Any]]:
        first = None
        for frame in container.decode(container.streams.video[0]):
            time = float(frame.time or 0.0)
            first = time if first is None else first
            yield time - first, frame

    try:
        with av.open(str(video)) as container:
            if not container.streams.video:
                raise TrainingError(f"{video} has no picture in it, only sound.", "Give a video.")
            yield decoded(container)
    except (FFmpegError, OSError) as error:
        raise TrainingError(f"{video} cannot be read as a video: {error.strerror}.", "Give another file.") from error
